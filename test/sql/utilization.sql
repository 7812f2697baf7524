-- Utilization: how full ranges, subnets, blocks and address spaces are, exactly and at once.
\set SHOW_CONTEXT never
\set VERBOSITY default
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store

-- The protocol's example: 100 addresses, none recorded.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'lan');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1.example.net');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, address_assignment)
VALUES ('10.10.0.1', '10.10.0.100', 'MS DHCP', 'dhcp1.example.net', 'Dynamic') RETURNING id AS r \gset
SELECT total_addresses, assigned_addresses, utilized_addresses, stateful_addresses, percent_utilized, status
FROM ipam.range_utilization WHERE range_id = :r;

-- What is recorded and mapped to the range counts, whatever its state; what another service has recorded does not.
INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity, state)
SELECT '10.10.0.0'::inet + n, 'MS DHCP', 'dhcp1.example.net', (ARRAY['In-Use', 'Reserved', 'Inactive'])[1 + n % 3] FROM generate_series(1, 19) AS n;
INSERT INTO ipam.ip_address (address) SELECT '10.10.0.0'::inet + n FROM generate_series(1, 100) AS n;
SELECT utilized_addresses, percent_utilized, status FROM ipam.range_utilization WHERE range_id = :r;
SELECT ipam.count_used_ip_addresses(:r), ipam.count_used_ip_addresses(0) AS unknown, ipam.count_used_ip_addresses(NULL) IS NULL AS "null";

-- The thresholds belong to Optimal: from 20 to 80 percent.
CREATE FUNCTION pg_temp.fill(n integer) RETURNS TABLE (utilized numeric, percent numeric, status ipam.utilization_status) LANGUAGE sql AS $$
    DELETE FROM ipam.ip_address WHERE managed_by = 'MS DHCP';
    INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity)
    SELECT '10.10.0.0'::inet + i, 'MS DHCP', 'dhcp1.example.net' FROM generate_series(1, n) AS i;
    SELECT u.utilized_addresses, u.percent_utilized, u.status FROM ipam.range_utilization AS u JOIN ipam.ip_range AS r ON r.id = u.range_id
    WHERE r.managed_by = 'MS DHCP'
$$;
SELECT * FROM pg_temp.fill(19) UNION ALL SELECT * FROM pg_temp.fill(20) UNION ALL SELECT * FROM pg_temp.fill(80)
UNION ALL SELECT * FROM pg_temp.fill(81) UNION ALL SELECT * FROM pg_temp.fill(100) UNION ALL SELECT * FROM pg_temp.fill(0);
UPDATE ipam.common_property SET value = '0' WHERE name = 'MinimumUtilizationThreshold';
UPDATE ipam.common_property SET value = '100' WHERE name = 'MaximumUtilizationThreshold';
SELECT * FROM pg_temp.fill(0) UNION ALL SELECT * FROM pg_temp.fill(100);
UPDATE ipam.common_property SET value = '20' WHERE name = 'MinimumUtilizationThreshold';
UPDATE ipam.common_property SET value = '80' WHERE name = 'MaximumUtilizationThreshold';

-- A number given by hand.
INSERT INTO ipam.ip_range (start_address, end_address, utilization_calculation, utilized_addresses)
VALUES ('10.20.0.1', '10.20.0.100', 'Manual', 85) RETURNING id AS manual \gset
INSERT INTO ipam.ip_address (address) VALUES ('10.20.0.1');
SELECT total_addresses, utilized_addresses, percent_utilized, status FROM ipam.range_utilization WHERE range_id = :manual;
UPDATE ipam.ip_range SET utilization_calculation = 'Auto', utilized_addresses = NULL WHERE id = :manual;
SELECT total_addresses, utilized_addresses, percent_utilized, status FROM ipam.range_utilization WHERE range_id = :manual;

-- IPv6: exact, however large. 0 percent is nothing and 100 percent is everything.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('2001:db8::/64', 'lan6'), ('2001:db8:1::/48', 'site'), ('2001:db8:2::/126', 'link');
INSERT INTO ipam.ip_range (start_address, end_address, address_assignment) VALUES
    ('2001:db8::', '2001:db8::ffff:ffff:ffff:ffff', 'Auto'), ('2001:db8:1::1', '2001:db8:1:ffff:ffff:ffff:ffff:ffff', 'Static'),
    ('2001:db8:2::', '2001:db8:2::3', 'Static');
INSERT INTO ipam.ip_address (address, address_assignment) VALUES
    ('2001:db8::1', 'Static'), ('2001:db8::2', 'Dynamic'), ('2001:db8::3', 'Dynamic'), ('2001:db8::4', 'Auto'),
    ('2001:db8:2::', 'Static'), ('2001:db8:2::1', 'Static'), ('2001:db8:2::2', 'Static'), ('2001:db8:2::3', 'Static');
SELECT r.start_address, u.address_family, u.total_addresses, u.assigned_addresses, u.utilized_addresses, u.stateful_addresses, u.stateless_addresses,
       u.percent_utilized, u.status
FROM ipam.range_utilization AS u JOIN ipam.ip_range AS r ON r.id = u.range_id WHERE u.address_family = 6 ORDER BY 1;
UPDATE ipam.ip_range SET utilization_calculation = 'Manual', utilized_addresses = ipam.address_count(extent) - 1 WHERE start_address = '2001:db8:1::1';
SELECT u.utilized_addresses, u.percent_utilized, u.status
FROM ipam.range_utilization AS u JOIN ipam.ip_range AS r ON r.id = u.range_id WHERE r.start_address = '2001:db8:1::1';

-- Whoever asks for one range counts one range, and nothing where only the size is asked for.
SET LOCAL track_functions = 'all';
CREATE FUNCTION pg_temp.counted(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before CONSTANT bigint := coalesce(pg_stat_get_xact_function_calls('ipam.count_used_ip_addresses'::regproc), 0);
BEGIN
    EXECUTE query;
    RETURN pg_stat_get_xact_function_calls('ipam.count_used_ip_addresses'::regproc) - before;
END
$$;
SELECT pg_temp.counted('SELECT * FROM ipam.range_utilization') AS all_ranges,
       pg_temp.counted(format('SELECT * FROM ipam.range_utilization WHERE range_id = %s', :r)) AS one_range,
       pg_temp.counted($$SELECT u.percent_utilized, u.status FROM ipam.ip_range AS r JOIN ipam.range_utilization AS u ON u.range_id = r.id
                         WHERE r.start_address = '10.10.0.1'$$) AS one_by_join,
       pg_temp.counted('SELECT sum(total_addresses) FROM ipam.range_utilization') AS sizes;
ROLLBACK;
