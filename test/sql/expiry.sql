-- Expiry: active, then in the warning period, then expired; never two of them.
SET TimeZone = 'UTC';
SELECT at, ipam.expiry_status('2026-03-20 12:00', '10 days', at) AS status,
       ipam.expiry_status('2026-03-20 12:00', '0 days', at) AS without_warnings
FROM (VALUES ('2026-03-10 11:59:59'::timestamptz), ('2026-03-10 12:00:00'), ('2026-03-10 12:00:01'),
             ('2026-03-20 12:00:00'), ('2026-03-20 12:00:00.000001')) AS v(at);
SELECT ipam.expiry_status(NULL, '10 days') IS NULL AS never, ipam.expiry_status('infinity', '3500 days') AS far,
       ipam.expiry_status(now() + '1 second', '10 days') AS now;
BEGIN;
CALL ipam.provision();
SELECT ipam.expiry_alert_threshold() AS threshold;
UPDATE ipam.common_property SET value = '0' WHERE name = 'ExpiryAlertThreshold';
SELECT ipam.expiry_alert_threshold() AS threshold;

-- Addresses: nobody is warned while the threshold is 0; never both.
INSERT INTO ipam.ip_address (address, expires_at, device_name) VALUES
    ('10.0.0.1', NULL, 'never'), ('10.0.0.2', now() - interval '1 day', 'yesterday'), ('10.0.0.3', now() + interval '1 day', 'tomorrow'),
    ('10.0.0.4', now() + interval '11 days', 'later'), ('10.0.0.5', 'infinity', 'in the end'), ('10.0.0.6', '-infinity', 'always');
SELECT device_name, ipam.is_expired(a) AS is_expired, ipam.is_in_warning_period(a) AS is_in_warning_period FROM ipam.ip_address AS a ORDER BY address;
SELECT device_name, status, remaining FROM ipam.expiring_ip_addresses ORDER BY address;
SELECT ipam.set_common_property('ExpiryAlertThreshold', '10');
SELECT device_name, ipam.is_expired(a) AS is_expired, ipam.is_in_warning_period(a) AS is_in_warning_period FROM ipam.ip_address AS a ORDER BY address;
SELECT device_name, status, remaining FROM ipam.expiring_ip_addresses ORDER BY address;

-- The task records each once; again after the address has got another time of expiry.
CALL ipam.check_expiry();
CALL ipam.check_expiry();
SELECT address, status, expires_at - now() AS remaining FROM ipam.expiry_event WHERE isfinite(expires_at) ORDER BY id;
SELECT count(*) FROM ipam.expiry_event;
UPDATE ipam.ip_address SET expires_at = now() + interval '2 days' WHERE device_name = 'tomorrow';
UPDATE ipam.ip_address SET expires_at = now() - interval '1 hour' WHERE device_name = 'later';
CALL ipam.check_expiry();
UPDATE ipam.ip_address SET expires_at = now() - interval '2 hours' WHERE device_name = 'tomorrow';
DELETE FROM ipam.ip_address WHERE device_name = 'yesterday';
CALL ipam.check_expiry();
SELECT address, status, expires_at - now() AS remaining FROM ipam.expiry_event WHERE isfinite(expires_at) ORDER BY id;
SELECT type, state, last_run_result, status, rows_done FROM ipam.task WHERE type = 'Expiry';

-- What never expires is not read.
INSERT INTO ipam.ip_address (address) SELECT '10.1.0.0'::inet + n FROM generate_series(1, 20000) AS n;
ANALYZE ipam.ip_address;
DO $$
DECLARE
    line text;
BEGIN
    FOR line IN EXPLAIN SELECT address FROM ipam.expiring_ip_addresses LOOP
        IF line LIKE '%ip_address_expires_at_idx%' THEN
            RAISE NOTICE 'the index finds them';
        END IF;
    END LOOP;
END
$$;
ROLLBACK;
