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
ROLLBACK;
