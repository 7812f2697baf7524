-- Expiry of addresses, worked out when asked for: nothing has to run for it (MS-IPAMM2 3.1.1.1.3, 2.2.5.53).

CREATE TYPE ipam.expiry_status AS ENUM ('Active', 'Alert', 'Expired');
COMMENT ON TYPE ipam.expiry_status IS 'Active: not near its expiry; Alert: in the warning period before it; Expired: past it';

CREATE FUNCTION ipam.expiry_alert_threshold() RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT make_interval(days => p.value::integer) FROM ipam.common_property AS p WHERE p.name = 'ExpiryAlertThreshold');
COMMENT ON FUNCTION ipam.expiry_alert_threshold() IS
    'length of the warning period before an expiry: the days of ExpiryAlertThreshold; 0: no warnings';

CREATE FUNCTION ipam.expiry_status(expires_at timestamptz, alert_threshold interval, at timestamptz DEFAULT now()) RETURNS ipam.expiry_status
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN expires_at IS NULL THEN NULL::ipam.expiry_status
            WHEN at > expires_at THEN 'Expired'
            WHEN at + alert_threshold > expires_at THEN 'Alert'
            ELSE 'Active' END;
COMMENT ON FUNCTION ipam.expiry_status(timestamptz, interval, timestamptz) IS
    'how an address that expires at the time stands, now or at another time; NULL: it does not expire';
