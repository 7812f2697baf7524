-- Rights: PUBLIC may do nothing; readers read; writers write, with the grants that SECURITY.md lists.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\i :fresh_store
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1');
INSERT INTO ipam.custom_field (name) VALUES ('Floor');
CREATE ROLE regress_ipam_nobody;
CREATE ROLE regress_ipam_reader;
CREATE ROLE regress_ipam_writer;
CREATE ROLE regress_ipam_admin IN ROLE ipam_administrators;
GRANT USAGE ON SCHEMA ipam TO regress_ipam_reader, regress_ipam_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA ipam TO regress_ipam_reader, regress_ipam_writer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ipam TO regress_ipam_reader, regress_ipam_writer;
REVOKE EXECUTE ON FUNCTION ipam.launch_async_worker, ipam.propose_occupancy, ipam.confirm_occupancy FROM regress_ipam_reader, regress_ipam_writer;
GRANT INSERT, UPDATE, DELETE ON ipam.ip_block, ipam.ip_subnet, ipam.ip_range, ipam.ip_address TO regress_ipam_writer;
GRANT INSERT, UPDATE ON ipam.plan_lock TO regress_ipam_writer;
GRANT UPDATE (id) ON ipam.custom_field, ipam.custom_field_value TO regress_ipam_writer;
GRANT INSERT, UPDATE, DELETE ON ipam.released_address TO regress_ipam_writer;

SET LOCAL ROLE regress_ipam_nobody;
SELECT count(*) FROM ipam.ip_address;
SELECT * FROM ipam.get_free_ip_addresses(1);
CALL ipam.provision();
SELECT ipam.raise_fault('IpamApiInvalidParameter', 'no');

SET LOCAL ROLE regress_ipam_writer;
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.0.0.0/16');
INSERT INTO ipam.ip_subnet (network, name, custom_fields) VALUES ('10.0.0.0/24', 'lan', '{"Floor": "2"}');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by_entity) VALUES ('10.0.0.10', '10.0.0.20', 'dhcp1');
INSERT INTO ipam.ip_address (address, managed_by_entity) VALUES ('10.0.0.10', 'dhcp1'), ('10.0.0.30', 'dhcp1') RETURNING address, range_id IS NOT NULL AS mapped;
UPDATE ipam.ip_range SET end_address = '10.0.0.30';
DELETE FROM ipam.ip_block WHERE network = '10.0.0.0/16';
SELECT a.address, a.range_id IS NOT NULL AS mapped, b.network AS block
FROM ipam.ip_address AS a CROSS JOIN ipam.ip_subnet AS s JOIN ipam.ip_block AS b ON b.id = s.block_id ORDER BY 1;
SELECT ipam.move_ip_address(id, range_id, '10.0.0.12') FROM ipam.ip_address WHERE address = '10.0.0.10';
SELECT count(*) FROM ipam.ip_address AS a, ipam.bulk_update_ip_addresses(jsonb_build_array(jsonb_build_object('id', a.id, 'notes', 'x')));
SELECT (ipam.create_range('10.1.0.1', '10.1.0.9', '10.1.0.0/24', create_subnet_if_missing => true)).network;
SELECT d.* FROM ipam.ip_subnet AS s, ipam.delete_subnet(s.id, delete_ranges => true) AS d WHERE s.network = '10.1.0.0/24';
INSERT INTO ipam.address_space (name) VALUES ('mine');
UPDATE ipam.custom_field SET name = 'Storey' WHERE name = 'Floor';
UPDATE ipam.common_property SET value = '90' WHERE name = 'MaximumUtilizationThreshold';
CALL ipam.provision();

SET LOCAL ROLE regress_ipam_reader;
SELECT free FROM ipam.ip_range AS r, ipam.get_free_ip_addresses(r.id, count => 2) AS free;
SELECT r.start_address, r.address_count, r.subnet_name, s.logical_network, a.device_name, a.unmapped
FROM ipam.ip_range_details AS r JOIN ipam.ip_subnet_details AS s ON s.id = r.subnet_id JOIN ipam.ip_address_details AS a ON a.range_id = r.id
ORDER BY a.address;
SELECT value, members FROM ipam.logical_group_nodes(2, 'Range');
SELECT count(*) FROM ipam.ip_addresses_of_block(1);
SELECT name FROM ipam.explain_address('10.0.0.1') ORDER BY network DESC LIMIT 1;
SELECT count(*) FROM ipam.custom_field_association;
SELECT ipam.set_custom_field_association(8, 9, '{}');
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.11');
SELECT ipam.bulk_update_ip_addresses('[{"id": 1, "notes": "y"}]');
SELECT ipam.delete_range(1);
\echo :LAST_ERROR_SQLSTATE
SELECT ipam.delete_block(1);
SELECT ipam.remap_subnet(1);
DELETE FROM ipam.ip_address;

-- Releases into quarantine, and rows of it that are over, which allocation removes for those who may.
RESET ROLE;
SAVEPOINT quarantine;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.0.0/16', 'site');
INSERT INTO ipam.ip_range (start_address, end_address, quarantine) VALUES ('10.1.0.1', '10.1.3.255', '1 hour') RETURNING id AS range_id \gset
INSERT INTO ipam.released_address (range_id, address, released_at) SELECT :range_id, '10.1.0.0'::inet + i, '2026-01-01' FROM generate_series(1, 300) AS i;
SAVEPOINT without_delete;
REVOKE DELETE ON ipam.released_address FROM regress_ipam_writer;
SET LOCAL ROLE regress_ipam_writer;
SELECT count(*) FROM ipam.allocate_ip_addresses(:range_id, 301);
SELECT count(*) FROM ipam.released_address;
DELETE FROM ipam.ip_address WHERE address = '10.1.1.45';
SELECT address FROM ipam.quarantined_address;
RESET ROLE;
ALTER TABLE ipam.ip_range ENABLE ROW LEVEL SECURITY;
SET LOCAL ROLE regress_ipam_writer;
SELECT address FROM ipam.quarantined_address;
ROLLBACK TO without_delete;
SET LOCAL ROLE regress_ipam_writer;
SELECT count(*) FROM ipam.allocate_ip_addresses(:range_id, 301);
SELECT count(*) FROM ipam.released_address;
-- A range that row level security hides keeps its quarantine.
ROLLBACK TO without_delete;
RESET ROLE;
DELETE FROM ipam.released_address;
INSERT INTO ipam.ip_range (start_address, end_address, quarantine) VALUES ('10.1.8.1', '10.1.8.99', '7 days'), ('10.1.9.1', '10.1.9.99', NULL);
INSERT INTO ipam.ip_address (address) VALUES ('10.1.0.1'), ('10.1.8.1'), ('10.1.8.2'), ('10.1.8.3'), ('10.1.9.1'), ('10.1.9.2');
ALTER TABLE ipam.ip_range ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_range ON ipam.ip_range USING (start_address = '10.1.0.1');
SET LOCAL ROLE regress_ipam_writer;
SELECT start_address FROM ipam.ip_range;
DELETE FROM ipam.ip_address WHERE address IN ('10.1.0.1', '10.1.8.1', '10.1.9.1');
UPDATE ipam.ip_address SET address = address + 50 WHERE address IN ('10.1.8.2', '10.1.9.2');
SELECT a.address FROM ipam.ip_address AS b, ipam.release_ip_addresses(ARRAY[b.id]) AS a WHERE b.address = '10.1.8.3';
RESET ROLE;
SELECT address FROM ipam.quarantined_address ORDER BY 1;
SELECT a FROM ipam.ip_range AS r, ipam.get_free_ip_addresses(r.id, count => 1) AS a WHERE r.start_address = '10.1.8.1';
ROLLBACK TO quarantine;

-- The views are read with the rights of the caller: row level security holds in them, too.
RESET ROLE;
ALTER TABLE ipam.ip_address ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_addresses ON ipam.ip_address FOR SELECT TO regress_ipam_reader USING (address <> '10.0.0.30');
SELECT count(*) FROM ipam.ip_address_details;
SET LOCAL ROLE regress_ipam_reader;
SELECT count(*) FROM ipam.ip_address_details;
SELECT address_count FROM ipam.ip_range_details;
SELECT members FROM ipam.logical_group_nodes(1, 'IPAddress');

-- Policies may hold for readers and for writers of addresses. Whoever changes the plan sees all of it: what he does not
-- see he could make again, or make a range around it that offers it as free.
\set VERBOSITY default
RESET ROLE;
CREATE POLICY own_addresses_of_writers ON ipam.ip_address TO regress_ipam_writer USING (device_name = 'mine') WITH CHECK (true);
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.9.0.0/24', 'nine');
INSERT INTO ipam.ip_address (address, device_name) VALUES ('10.9.0.1', 'hidden');
SET LOCAL ROLE regress_ipam_writer;
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.9.0.1', '10.9.0.2');
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.ip_range SET end_address = '10.0.0.31';
DELETE FROM ipam.ip_range;
DELETE FROM ipam.ip_block;
INSERT INTO ipam.ip_address (address, device_name) VALUES ('10.9.0.2', 'mine');
UPDATE ipam.ip_address SET notes = 'seen';
DELETE FROM ipam.ip_address RETURNING address;
RESET ROLE;
ALTER TABLE ipam.ip_address DISABLE ROW LEVEL SECURITY;
ALTER TABLE ipam.ip_block ENABLE ROW LEVEL SECURITY;
CREATE POLICY other_blocks ON ipam.ip_block TO regress_ipam_writer USING (network <> '10.0.0.0/8') WITH CHECK (true);
SET LOCAL ROLE regress_ipam_writer;
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.10.0.0/24', 'ten');
RESET ROLE;
-- Objects follow the custom fields that they use: he must see them, too.
GRANT UPDATE, DELETE ON ipam.custom_field, ipam.custom_field_value, ipam.address_space TO regress_ipam_writer;
SET LOCAL ROLE regress_ipam_writer;
UPDATE ipam.custom_field_value SET value = 'dhcp2' WHERE value = 'dhcp1';
DELETE FROM ipam.custom_field_value WHERE value = 'dhcp1';
UPDATE ipam.custom_field SET name = 'Storey' WHERE name = 'Floor';
DELETE FROM ipam.custom_field WHERE name = 'Floor';
RESET ROLE;
-- So does who records the utilization: ranges that he does not see would be gone from the statistics. He may purge them.
ALTER TABLE ipam.ip_block DISABLE ROW LEVEL SECURITY;
SAVEPOINT utilization;
CALL ipam.collect_utilization();
ALTER TABLE ipam.ip_range ENABLE ROW LEVEL SECURITY;
SET LOCAL ROLE regress_ipam_admin;
CALL ipam.collect_utilization();
\echo :LAST_ERROR_SQLSTATE
DELETE FROM ipam.range_utilization_status;
INSERT INTO ipam.block_utilization_history SELECT * FROM ipam.block_utilization_history;
SELECT (SELECT count(DISTINCT collected_at) FROM ipam.range_utilization_history) AS collections, (SELECT count(*) > 0 FROM ipam.range_utilization_status) AS has_status;
CALL ipam.purge_utilization_data(clock_timestamp());
SELECT count(*) FROM ipam.range_utilization_history;
ROLLBACK TO utilization;
-- And who changes the plan sees the address spaces.
ALTER TABLE ipam.address_space ENABLE ROW LEVEL SECURITY;
SET LOCAL ROLE regress_ipam_writer;
DELETE FROM ipam.ip_block WHERE network = '10.0.0.0/8';
\echo :LAST_ERROR_SQLSTATE
INSERT INTO ipam.ip_block (network) VALUES ('172.16.0.0/12');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.10.0.0/24', 'ten');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.9.0.1', '10.9.0.2');
RESET ROLE;
CREATE POLICY default_space ON ipam.address_space TO regress_ipam_writer USING (id = 1);
SET LOCAL ROLE regress_ipam_writer;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.10.0.0/24', 'ten');
INSERT INTO ipam.ip_address (address) VALUES ('10.9.0.9') RETURNING address;
ROLLBACK TO utilization;
ALTER TABLE ipam.ip_block ENABLE ROW LEVEL SECURITY;
-- Also where somebody else has begun the transaction, who may.
DO $$
BEGIN
    INSERT INTO ipam.ip_block (network) VALUES ('192.168.0.0/16');
    SET LOCAL ROLE regress_ipam_writer;
    INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8');
END
$$;
RESET ROLE;
ALTER ROLE regress_ipam_writer BYPASSRLS;
SET LOCAL ROLE regress_ipam_writer;
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.10.0.0/24', 'ten');
UPDATE ipam.custom_field_value SET value = 'dhcp2' WHERE value = 'dhcp1' RETURNING value;
ROLLBACK;
