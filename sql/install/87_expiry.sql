-- The expiry of addresses as a task: check_expiry() records what has come to its end, or will soon, once
-- (MS-IPAMM2 2.2.5.53, 3.1.1.1.3). The rule itself is in 46_expiry.sql.

-- Most addresses never expire, and are not in it.
CREATE INDEX ip_address_expires_at_idx ON ipam.ip_address (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON INDEX ipam.ip_address_expires_at_idx IS 'addresses that expire, by time';

CREATE FUNCTION ipam.is_expired(a ipam.ip_address) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(ipam.expiry_status(a.expires_at, '0') = 'Expired', false)
$$;
COMMENT ON FUNCTION ipam.is_expired(ipam.ip_address) IS 'whether the address has expired before now';

CREATE FUNCTION ipam.is_in_warning_period(a ipam.ip_address) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(ipam.expiry_status(a.expires_at, ipam.expiry_alert_threshold()) = 'Alert', false)
$$;
COMMENT ON FUNCTION ipam.is_in_warning_period(ipam.ip_address) IS
    'whether the address expires within the next ExpiryAlertThreshold days; not when it has expired';

-- The condition is the rule in the form that the index answers.
CREATE VIEW ipam.expiring_ip_addresses WITH (security_invoker = true) AS
SELECT a.id, a.address_space_id, a.address, a.range_id, a.managed_by, a.managed_by_entity, a.device_name, a.owner, a.expires_at,
       ipam.expiry_status(a.expires_at, (SELECT ipam.expiry_alert_threshold())) AS status,
       CASE WHEN isfinite(a.expires_at) THEN a.expires_at - now() END AS remaining
FROM ipam.ip_address AS a
WHERE a.expires_at < now() + (SELECT ipam.expiry_alert_threshold());
COMMENT ON VIEW ipam.expiring_ip_addresses IS 'addresses that have expired or are in their warning period';
COMMENT ON COLUMN ipam.expiring_ip_addresses.id IS 'id of the address';
COMMENT ON COLUMN ipam.expiring_ip_addresses.address_space_id IS 'its address space';
COMMENT ON COLUMN ipam.expiring_ip_addresses.address IS 'the address';
COMMENT ON COLUMN ipam.expiring_ip_addresses.range_id IS 'its range';
COMMENT ON COLUMN ipam.expiring_ip_addresses.managed_by IS 'kind of service that manages it';
COMMENT ON COLUMN ipam.expiring_ip_addresses.managed_by_entity IS 'the service instance';
COMMENT ON COLUMN ipam.expiring_ip_addresses.device_name IS 'name of the device';
COMMENT ON COLUMN ipam.expiring_ip_addresses.owner IS 'owner of the address';
COMMENT ON COLUMN ipam.expiring_ip_addresses.expires_at IS 'time of expiry';
COMMENT ON COLUMN ipam.expiring_ip_addresses.status IS 'Alert: in the warning period; Expired';
COMMENT ON COLUMN ipam.expiring_ip_addresses.remaining IS 'time until the expiry; negative: since it';

-- What has been recorded stays when the address goes: it happened.
CREATE TABLE ipam.expiry_event (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ip_address_id     bigint NOT NULL,
    address_space_id  bigint NOT NULL,
    address           inet NOT NULL,
    managed_by        text COLLATE "C" NOT NULL,
    managed_by_entity text COLLATE "C" NOT NULL,
    status            ipam.expiry_status NOT NULL,
    expires_at        timestamptz NOT NULL,
    recorded_at       timestamptz NOT NULL,

    CONSTRAINT expiry_event_once_key UNIQUE (ip_address_id, expires_at, status)
);
COMMENT ON TABLE ipam.expiry_event IS 'addresses that check_expiry() found in their warning period or expired, each once for each time of expiry';
COMMENT ON COLUMN ipam.expiry_event.id IS 'id, ascending by run';
COMMENT ON COLUMN ipam.expiry_event.ip_address_id IS 'id of the address; it may be gone';
COMMENT ON COLUMN ipam.expiry_event.address_space_id IS 'its address space';
COMMENT ON COLUMN ipam.expiry_event.address IS 'the address';
COMMENT ON COLUMN ipam.expiry_event.managed_by IS 'kind of service that managed it';
COMMENT ON COLUMN ipam.expiry_event.managed_by_entity IS 'the service instance';
COMMENT ON COLUMN ipam.expiry_event.status IS 'Alert or Expired';
COMMENT ON COLUMN ipam.expiry_event.expires_at IS 'the time of expiry';
COMMENT ON COLUMN ipam.expiry_event.recorded_at IS 'when the run began that recorded it';

CREATE FUNCTION ipam.check_expiry_batch(run ipam.task_run) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    warnings bigint;
    expired bigint;
BEGIN
    WITH recorded AS (
        INSERT INTO ipam.expiry_event (ip_address_id, address_space_id, address, managed_by, managed_by_entity, status, expires_at, recorded_at)
        SELECT e.id, e.address_space_id, e.address, e.managed_by, e.managed_by_entity, e.status, e.expires_at, run.started_at
        FROM ipam.expiring_ip_addresses AS e
        WHERE NOT EXISTS (SELECT FROM ipam.expiry_event AS o
                          WHERE o.ip_address_id = e.id AND o.expires_at = e.expires_at AND o.status = e.status)
        ORDER BY e.expires_at, e.id
        ON CONFLICT DO NOTHING
        RETURNING status
    )
    SELECT count(*) FILTER (WHERE r.status = 'Alert'), count(*) FILTER (WHERE r.status = 'Expired') INTO warnings, expired FROM recorded AS r;
    PERFORM pg_notify('ipam_expiry', jsonb_build_object('event', 'NotifyExpiry', 'alert', warnings, 'expired', expired, 'at', run.started_at)::text);
    UPDATE ipam.task_run SET rows_done = warnings + expired WHERE type = 'Expiry';
    RETURN true;
END
$$;
COMMENT ON FUNCTION ipam.check_expiry_batch(ipam.task_run) IS 'records what has come to its warning period or its expiry and tells how many they are; always true';

CREATE PROCEDURE ipam.check_expiry()
LANGUAGE C
AS 'MODULE_PATHNAME', 'ipam_check_expiry';
COMMENT ON PROCEDURE ipam.check_expiry() IS
    'records each address that is in its warning period or has expired, once, in expiry_event, and tells the channel ipam_expiry how many are new';
