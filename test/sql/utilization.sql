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

-- Subnets: their chosen ranges together. Of the two ranges of a failover pair one counts, and the other after a remap.
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp2.example.net');
SELECT * FROM pg_temp.fill(30);
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, address_assignment)
VALUES ('10.10.0.1', '10.10.0.50', 'MS DHCP', 'dhcp2.example.net', 'Dynamic') RETURNING id AS second \gset
INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity) VALUES ('10.10.0.7', 'MS DHCP', 'dhcp2.example.net');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.99.0.0/24', 'empty');
SELECT s.network, u.address_family, u.total_addresses, u.assigned_addresses, u.utilized_addresses, u.stateful_addresses, u.stateless_addresses,
       u.percent_utilized, u.status
FROM ipam.subnet_utilization AS u JOIN ipam.ip_subnet AS s ON s.id = u.subnet_id ORDER BY 1;
SELECT ipam.remap_range(:second);
SELECT total_addresses, utilized_addresses FROM ipam.subnet_utilization AS u JOIN ipam.ip_subnet AS s ON s.id = u.subnet_id WHERE s.network = '10.0.0.0/8';
SELECT ipam.remap_range(:r);

-- Blocks: what is assigned and utilized below them, through all levels, of their own size.
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.128.0.0/9'), ('10.128.0.0/16'), ('2001:db8::/32'), ('2001:db8:2::/48');
INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('10.128.128.0/24', '10.128.128.0', '10.128.128.99');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.128.0.0/24', 'a'), ('10.128.1.0/24', 'b'), ('10.200.0.0/24', 'c'), ('10.128.128.0/26', 'd');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES
    ('10.128.0.1', '10.128.0.100'), ('10.128.1.1', '10.128.1.100'), ('10.200.0.1', '10.200.0.100'), ('10.128.128.1', '10.128.128.50');
INSERT INTO ipam.ip_address (address) SELECT r.start_address + n FROM ipam.ip_range AS r, generate_series(0, 9) AS n WHERE r.start_address > '10.128.0.0' AND family(r.start_address) = 4;
CREATE TEMP VIEW blocks AS
SELECT b.network, u.address_family AS f, u.total_addresses, u.assigned_addresses, u.utilized_addresses, u.stateful_addresses AS stateful, u.stateless_addresses AS stateless,
       u.percent_utilized, u.status, u.percent_assigned
FROM ipam.block_utilization AS u JOIN ipam.ip_block AS b ON b.id = u.block_id ORDER BY 1;
SELECT * FROM blocks;
-- 10.0.0.0/8 is a subnet, too, and the ones in it are not the chosen ones: what they hold is not counted twice, and
-- not at all by the block. A remap moves the choice, and the other small ones count with it.
SELECT network, name, use_for_utilization FROM ipam.ip_subnet WHERE family(network) = 4 ORDER BY network;
SELECT ipam.remap_subnet(id) FROM ipam.ip_subnet WHERE name = 'a';
SELECT * FROM blocks WHERE f = 4;

-- Address spaces: one row for each family, whatever subnet a range is in.
INSERT INTO ipam.address_space (name) VALUES ('fabric') RETURNING id AS fabric \gset
INSERT INTO ipam.ip_subnet (address_space_id, network, name) VALUES (:fabric, '10.128.0.0/24', 'the same elsewhere');
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address) VALUES (:fabric, '10.128.0.1', '10.128.0.10');
INSERT INTO ipam.ip_address (address_space_id, address) VALUES (:fabric, '10.128.0.1');
SELECT * FROM ipam.address_space_utilization ORDER BY 1, 2;

-- Counting takes the right to read the range; a range that row level security hides has no used addresses.
SELECT r.id AS counted, ipam.count_used_ip_addresses(r.id) FROM ipam.ip_range AS r WHERE address_space_id = :fabric \gset
SELECT :count_used_ip_addresses AS used;
SAVEPOINT rights;
CREATE ROLE regress_ipam_reader;
GRANT USAGE ON SCHEMA ipam TO regress_ipam_reader;
GRANT EXECUTE ON FUNCTION ipam.count_used_ip_addresses TO regress_ipam_reader;
SET LOCAL ROLE regress_ipam_reader;
SELECT ipam.count_used_ip_addresses(:counted);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
GRANT SELECT (id, start_address) ON ipam.ip_range TO regress_ipam_reader;
SET LOCAL ROLE regress_ipam_reader;
SELECT ipam.count_used_ip_addresses(:counted);
RESET ROLE;
ALTER TABLE ipam.ip_range ENABLE ROW LEVEL SECURITY;
SET LOCAL ROLE regress_ipam_reader;
SELECT ipam.count_used_ip_addresses(:counted);
RESET ROLE;
CREATE POLICY own ON ipam.ip_range USING (start_address = '10.128.0.1');
SET LOCAL ROLE regress_ipam_reader;
SELECT ipam.count_used_ip_addresses(:counted);
ROLLBACK TO rights;

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
SELECT pg_temp.counted($$SELECT u.* FROM ipam.ip_subnet AS s JOIN ipam.subnet_utilization AS u ON u.subnet_id = s.id WHERE s.name = 'b'$$) AS one_subnet,
       pg_temp.counted($$SELECT u.* FROM ipam.ip_block AS b JOIN ipam.block_utilization AS u ON u.block_id = b.id WHERE b.network = '10.128.0.0/16'$$) AS one_block,
       pg_temp.counted('SELECT total_addresses, assigned_addresses FROM ipam.block_utilization') AS sizes,
       pg_temp.counted(format('SELECT * FROM ipam.address_space_utilization WHERE address_space_id = %s', :fabric)) AS one_space,
       pg_temp.counted('SELECT sum(utilized_addresses) FROM ipam.subnet_utilization') AS all_subnets;
ROLLBACK;
