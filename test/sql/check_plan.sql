-- check_plan() finds nothing in a right plan, and what is wrong where somebody wrote behind the back of the triggers.
\set SHOW_CONTEXT never
\set ECHO none
\getenv test_dir PG_ABS_SRCDIR
\set fresh_store :test_dir '/data/fresh_store.sql'
\i :fresh_store
\set ECHO all
INSERT INTO ipam.address_space (name) VALUES ('fabric');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('tenant', 'Customer', 2, 'VXLAN');
INSERT INTO ipam.custom_field (name, type) VALUES ('Building', 'Multivalued'), ('Remark', 'Freeform');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (9, 'dhcp2'), (101, 'HQ');
INSERT INTO ipam.logical_group (name) VALUES ('By building');
INSERT INTO ipam.logical_group_field VALUES (101, 1, 101);
INSERT INTO ipam.custom_field_value_association SELECT 1, max(id) FROM ipam.custom_field_value;
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.1.0.0/16'), ('2001:db8::/32');
INSERT INTO ipam.ip_subnet (address_space_id, network, name, custom_fields) VALUES
    (1, '10.1.0.0/20', 'site', '{"Building": "HQ"}'), (1, '10.1.2.0/24', 'office', '{"Remark": "first floor"}'), (1, '2001:db8::/64', 'lan6', '{}'),
    (2, '10.1.2.0/24', 'fabric', '{}'), (3, '10.1.2.0/24', 'tenant', '{}');
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address, managed_by, managed_by_entity, reserved_addresses) VALUES
    (1, '10.1.2.10', '10.1.2.99', 'IPAM', 'Localhost', '{[10.1.2.10,10.1.2.19]}'), (1, '10.1.2.100', '10.1.2.199', 'IPAM', 'Localhost', '{}'),
    (1, '2001:db8::10', '2001:db8::ff', 'IPAM', 'Localhost', '{}'), (3, '10.1.2.10', '10.1.2.99', 'IPAM', 'Localhost', '{}'),
    (1, '10.1.2.10', '10.1.2.250', 'MS DHCP', 'dhcp1', '{}'), (1, '10.1.2.100', '10.1.2.199', 'MS DHCP', 'dhcp1', '{}');
INSERT INTO ipam.ip_address (address_space_id, address, managed_by, managed_by_entity, custom_fields) VALUES
    (1, '10.1.2.20', 'IPAM', 'Localhost', '{"Building": "HQ"}'), (1, '10.1.2.250', 'IPAM', 'Localhost', '{}'),
    (1, '10.1.2.120', 'MS DHCP', 'dhcp1', '{}'), (3, '10.1.2.21', 'IPAM', 'Localhost', '{}');
SELECT * FROM ipam.check_plan();

-- Each statement alone, with triggers and foreign keys switched off, and without the constraints that are named.
CREATE FUNCTION pg_temp.wrong_after(statement text, VARIADIC without name[] DEFAULT '{}')
RETURNS TABLE (object_type text, object_id bigint, rule text, detail text)
LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE (SELECT coalesce(string_agg(format('ALTER TABLE %s DROP CONSTRAINT %I;', c.conrelid::regclass, c.conname), ''), '')
                 FROM pg_constraint AS c WHERE c.conname = ANY (without));
        SET LOCAL session_replication_role = replica;
        EXECUTE statement;
        RETURN QUERY SELECT * FROM ipam.check_plan() AS c ORDER BY c.object_type COLLATE "C", c.object_id, c.rule COLLATE "C";
        RAISE EXCEPTION USING ERRCODE = 'XX999'; -- takes it back
    EXCEPTION WHEN SQLSTATE 'XX999' THEN
        NULL;
    END;
END
$$;
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' | '

-- Address spaces
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.address_space SET provider_id = 3 WHERE id = 3');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.address_space SET provider_id = 99 WHERE id = 3');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.address_space SET provider_id = NULL WHERE id = 3', 'address_space_provider');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.address_space SET provider_id = 1 WHERE id = 2', 'address_space_provider');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.address_space SET isolation_method = 'GRE' WHERE id = 3$$);
SELECT * FROM pg_temp.wrong_after('DELETE FROM ipam.ip_range WHERE address_space_id = 3; DELETE FROM ipam.ip_address WHERE address_space_id = 3; DELETE FROM ipam.address_space WHERE id = 3');
SELECT rule, count(*) FROM pg_temp.wrong_after('DELETE FROM ipam.address_space WHERE id = 1') GROUP BY 1 ORDER BY 1;

-- Blocks
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_block SET address_space_id = 2 WHERE network = '2001:db8::/32'$$, 'ip_block_address_space');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_block SET network = '2001:db9::/32' WHERE id = 3$$, 'ip_block_check_2_start', 'ip_block_check_3_end');
SELECT * FROM pg_temp.wrong_after($$INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('2001:db9::/32', '2001:db9::1', '2001:db9::')$$, 'ip_block_check_4_order', 'ip_block_check_5_category');
SELECT * FROM pg_temp.wrong_after($$INSERT INTO ipam.ip_block (network, start_address, end_address, parent_id) VALUES ('10.0.0.0/8', '10.1.128.0', '10.2.0.0', 1)$$);
SELECT * FROM pg_temp.wrong_after($$INSERT INTO ipam.ip_block (network, start_address, end_address, parent_id) VALUES ('10.1.0.0/16', '10.1.0.0', '10.1.255.255', 1)$$);
SELECT * FROM pg_temp.wrong_after($$INSERT INTO ipam.ip_block (network, start_address, end_address, parent_id) VALUES ('10.0.0.0/12', '10.1.0.0', '10.1.0.255', 1)$$);
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_block SET parent_id = NULL WHERE id = 2');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_block SET parent_id = 1 WHERE id = 1');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_block SET parent_id = 99 WHERE id = 2');
SELECT * FROM pg_temp.wrong_after('DELETE FROM ipam.ip_block WHERE id = 1');
SELECT * FROM pg_temp.wrong_after($$INSERT INTO ipam.ip_block (id, network, start_address, end_address, parent_id) OVERRIDING SYSTEM VALUE
    SELECT length, set_masklen('10.1.64.0'::cidr, length), '10.1.64.0', host(broadcast(set_masklen('10.1.64.0'::cidr, length)))::inet, CASE length WHEN 20 THEN 2 ELSE length - 1 END
    FROM generate_series(20, 27) AS length$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_block SET rir = 'InterNIC' WHERE id = 3$$);

-- Subnets
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_subnet SET block_id = 1 WHERE id = 2');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_subnet SET block_id = NULL WHERE id = 3');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_subnet SET block_id = 2 WHERE id = 4');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_subnet SET virtualization_type = 'NonVirtualized' WHERE id = 4$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_subnet SET virtualization_type = 'Virtual' WHERE id = 3$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_subnet SET virtualization_type = 'Fabric' WHERE id = 5$$);
SELECT * FROM pg_temp.wrong_after($$INSERT INTO ipam.ip_subnet (network, name, virtualization_type, use_for_utilization) VALUES ('8.0.0.0/5', 'mixed', 'NonVirtualized', false)$$, 'ip_subnet_check_2_category');

-- Ranges
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET network = '10.1.3.0/24' WHERE id = 2$$, 'ip_range_check_04_start', 'ip_range_check_05_end');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_range SET subnet_id = 1 WHERE id = 2');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_range SET subnet_id = 2 WHERE id = 4');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET network = '10.1.0.0/20' WHERE id = 2$$);
SELECT * FROM pg_temp.wrong_after('DELETE FROM ipam.ip_subnet WHERE id = 3');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET start_address = '10.1.2.90' WHERE id = 2$$, 'ip_range_no_overlap');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET reserved_addresses = '{[10.1.2.9,10.1.2.19]}' WHERE id = 1$$, 'ip_range_check_09_reserved');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET virtual_addresses = '{[10.1.2.99,10.1.2.100]}' WHERE id = 1$$, 'ip_range_check_10_virtual');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET excluded_addresses = '{[10.1.2.200,10.1.2.200]}' WHERE id = 6$$, 'ip_range_check_11_excluded');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET virtualization_type = 'Fabric' WHERE id = 4$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET managed_by = 'Infoblox' WHERE id = 2$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET managed_by_entity = 'gm1' WHERE id = 2$$);

-- Addresses
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_address SET range_id = NULL WHERE id = 1');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_address SET range_id = 2 WHERE id = 1');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_address SET range_id = 5 WHERE id = 1');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_address SET range_id = 1 WHERE id = 4');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_address SET range_id = 99 WHERE id = 1');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_address SET range_id = 5 WHERE id = 3');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_address SET range_id = NULL WHERE id = 3');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_address SET address = '10.1.2.9' WHERE id = 1$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_address SET managed_by_entity = 'dhcp2' WHERE id = 3$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET start_address = '10.1.2.100', end_address = '10.1.2.150' WHERE id = 5$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_address SET virtualization_type = 'NonVirtualized' WHERE id = 4$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_address SET device_type = 'Camera' WHERE id = 2$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_address SET state = 'Lost' WHERE id = 2$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_address SET managed_by = 'Infoblox' WHERE id = 2$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_address SET managed_by_entity = 'gm1' WHERE id = 2$$);

-- Utilization: subnet 1 lies around subnet 2; ranges 1 and 2 lie in range 5, range 6 as well; range 3 overlaps none.
SELECT id, use_for_utilization FROM ipam.ip_subnet ORDER BY id;
SELECT id, extent, use_for_utilization FROM ipam.ip_range ORDER BY id;
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_subnet SET use_for_utilization = true WHERE id = 2');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_subnet SET use_for_utilization = false WHERE id = 1');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_subnet SET use_for_utilization = id = 2 WHERE id <= 2');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_subnet SET use_for_utilization = false WHERE id = 4');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_range SET use_for_utilization = true WHERE id = 5');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_range SET use_for_utilization = false WHERE id = 3');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_range SET use_for_utilization = id IN (3, 4, 5)');
SELECT * FROM pg_temp.wrong_after('UPDATE ipam.ip_range SET use_for_utilization = false WHERE id IN (1, 2)');
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET excluded_addresses = '{[10.1.2.100,10.1.2.199]}' WHERE id = 6$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET excluded_addresses = '{[10.1.2.10,10.1.2.199]}' WHERE id = 5$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET excluded_addresses = '{[10.1.2.10,10.1.2.199]}', use_for_utilization = true WHERE id = 5$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET excluded_addresses = '{[10.1.2.100,10.1.2.198]}', use_for_utilization = true WHERE id = 6$$);

-- Custom fields
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_address SET custom_fields = '{"Colour": "red"}' WHERE id = 1$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_range SET custom_fields = '{"Building": "Annex"}' WHERE id = 1$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_subnet SET custom_fields = '{"Building": 1}' WHERE id = 1$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.ip_subnet SET custom_fields = '{"Device type": "Host"}' WHERE id = 1$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.address_space SET custom_fields = '["Building"]' WHERE id = 2$$);
SELECT object_type, object_id, rule FROM pg_temp.wrong_after($$UPDATE ipam.ip_subnet SET custom_fields = jsonb_build_object('Remark', repeat('x', 257)) WHERE id = 1$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.custom_field SET name = 'House' WHERE name = 'Building'$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.custom_field_value SET value = 'Centre' WHERE value = 'HQ'$$);
SELECT * FROM pg_temp.wrong_after($$UPDATE ipam.custom_field_value SET value = 'dhcp3' WHERE value = 'dhcp1'$$);
SELECT * FROM pg_temp.wrong_after($$INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (102, 'x'), (99, 'y')$$);
SELECT * FROM pg_temp.wrong_after($$INSERT INTO ipam.custom_field (name) SELECT 'Field ' || n FROM generate_series(1, 127) AS n$$);
SELECT * FROM pg_temp.wrong_after($$INSERT INTO ipam.custom_field_value_association SELECT min(id), max(id) FROM ipam.custom_field_value WHERE custom_field_id = 9$$);
SELECT * FROM pg_temp.wrong_after('INSERT INTO ipam.custom_field_value_association VALUES (1, 9999)');

-- Logical groups
SELECT * FROM pg_temp.wrong_after('INSERT INTO ipam.logical_group_field VALUES (101, 2, 102), (101, 3, 99), (99, 1, 7)');

-- Wrong parents are mended by the triggers.
SAVEPOINT broken;
SET LOCAL session_replication_role = replica;
UPDATE ipam.ip_block SET parent_id = NULL;
UPDATE ipam.ip_subnet SET block_id = 1;
UPDATE ipam.ip_range SET subnet_id = (SELECT max(id) FROM ipam.ip_subnet);
UPDATE ipam.ip_address SET range_id = NULL;
SET LOCAL session_replication_role = origin;
SELECT object_type, count(*) FROM ipam.check_plan() GROUP BY 1 ORDER BY 1;
UPDATE ipam.ip_block SET parent_id = NULL WHERE id IN (SELECT object_id FROM ipam.check_plan() WHERE object_type = 'ip_block');
UPDATE ipam.ip_subnet SET block_id = NULL WHERE id IN (SELECT object_id FROM ipam.check_plan() WHERE object_type = 'ip_subnet');
UPDATE ipam.ip_range SET subnet_id = NULL WHERE id IN (SELECT object_id FROM ipam.check_plan() WHERE object_type = 'ip_range');
UPDATE ipam.ip_address SET range_id = NULL WHERE id IN (SELECT object_id FROM ipam.check_plan() WHERE object_type = 'ip_address');
SELECT * FROM ipam.check_plan();
ROLLBACK TO broken;

-- Nothing of that has stayed.
SELECT * FROM ipam.check_plan();
ROLLBACK;

-- A store that is not provisioned has no fields yet.
BEGIN;
INSERT INTO ipam.address_space (name) VALUES ('early');
SELECT * FROM ipam.check_plan();
ROLLBACK;
