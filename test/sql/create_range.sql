-- create_range: a range, and the subnet that it needs.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
CREATE TEMP VIEW ranges AS
SELECT r.extent, r.network, s.name AS subnet, s.virtualization_type, a.name AS space
FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id JOIN ipam.address_space AS a ON a.id = r.address_space_id ORDER BY r.id;

-- The example of the protocol (MS-IPAMM2 4.2).
SELECT start_address, end_address, network, address_category, address_assignment, address_space_id, virtualization_type, utilization_calculation,
       managed_by, managed_by_entity
FROM ipam.create_range('10.0.0.1', '10.0.0.254', network => '10.0.0.0/24', create_subnet_if_missing => true);
SELECT * FROM ranges;

INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.1'), ('10.0.0.2');
SELECT d.* FROM ipam.ip_range AS r, ipam.delete_range(r.id, delete_addresses => true) AS d
WHERE r.start_address = '10.0.0.1';
SELECT id, extent, network FROM ipam.create_range('10.0.0.1', '10.0.0.254', network => '10.0.0.0/24', create_subnet_if_missing => true);

-- A subnet that fits is used, also a larger one, with and without a network.
SELECT extent, network FROM ipam.create_range('10.0.0.10', '10.0.0.19', managed_by => 'Others', create_subnet_if_missing => true);
INSERT INTO ipam.ip_block (network) VALUES ('10.2.0.0/16');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.2.0.0/16', 'site');
SELECT extent, network FROM ipam.create_range('10.2.3.1', '10.2.3.99', network => '10.2.3.0/24', create_subnet_if_missing => true);
-- One whose prefix is longer than the range's does not fit: the range gets its own, which lies in the block around it.
SELECT extent, network FROM ipam.create_range('10.2.3.1', '10.2.3.9', network => '10.0.0.0/9', managed_by => 'Others', create_subnet_if_missing => true);
SELECT * FROM ranges;
-- IPv6, another space, and the range's virtualization type.
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Blue', 'Customer', 1, 'VXLAN');
SELECT extent, virtualization_type FROM ipam.create_range('2001:db8::', '2001:db8::ff', '2001:db8::/64', create_subnet_if_missing => true, virtualization_type => 'Fabric');
SELECT extent, virtualization_type FROM ipam.create_range('10.0.0.1', '10.0.0.9', '10.0.0.0/24', address_space_id => 2, create_subnet_if_missing => true);
SELECT * FROM ranges;

-- All columns.
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (18, 'EMEA');
SELECT jsonb_pretty(to_jsonb(r) - '{created_at,modified_at,use_for_utilization}'::text[])
FROM ipam.create_range('10.9.0.10', '10.9.0.99', '10.9.0.0/24', 1, 'MS DHCP', 'dhcp1', 'Dynamic', 'Fabric', '{[10.9.0.10,10.9.0.11]}',
    '{[10.9.0.12,10.9.0.12]}', '{[10.9.0.90,10.9.0.99]}', 'scope', ARRAY[ipam.gateway('10.9.0.1')], '{10.9.0.2}', '{10.9.0.3}', '{example.org}', 'lan.example.org',
    'Auto', NULL, 'guests', 'ann', '{"Region": "EMEA"}', true) AS r;
SELECT utilization_calculation, utilized_addresses FROM ipam.create_range('10.9.0.10', '10.9.0.99', utilization_calculation => 'Manual', utilized_addresses => 7);

-- Without the flag, or with the flag and without a network: refused, and nothing is left behind.
SELECT count(*) FROM ipam.ip_subnet;
SELECT extent FROM ipam.create_range('172.16.0.1', '172.16.0.99', network => '172.16.0.0/24');
SELECT extent FROM ipam.create_range('172.16.0.1', '172.16.0.99', create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range('172.16.0.1', '172.16.0.99', network => '172.16.1.0/24', create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range('172.16.0.1', '172.16.1.99', network => '172.16.0.0/24', create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range('172.16.0.0', '172.16.0.99', network => '172.16.0.0/24', create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range('172.16.0.9', '172.16.0.1', network => '172.16.0.0/24', create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range('172.16.0.1', '2001:db8::1', create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range('172.16.0.1', '172.16.0.2', network => '172.16.0.0/31', create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range('172.16.0.1', '172.16.0.9', network => '172.16.0.0/24', address_space_id => 99, create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range('172.16.0.1', '172.16.0.9', network => '172.16.0.0/24', virtualization_type => 'Virtual', create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range('172.16.0.1', '172.16.0.9', network => '172.16.0.0/24', custom_fields => '{"Shoe size": "44"}', create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range(NULL, '172.16.0.99', network => '172.16.0.0/24', create_subnet_if_missing => true);
SELECT extent FROM ipam.create_range('10.0.0.20', '10.0.0.99', network => '10.0.0.0/24', create_subnet_if_missing => true);
SELECT count(*) FROM ipam.ip_subnet;
SELECT * FROM ipam.check_plan();
-- What is missing, or of another family, is told as such.
SELECT ipam.create_range('10.0.0.20', '10.0.0.29', address_space_id => NULL);
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address) VALUES (NULL, '10.0.0.20', '10.0.0.29');
INSERT INTO ipam.ip_range (start_address, end_address, network) VALUES ('2001:db8:77::10', '2001:db8:77::11', '10.0.0.0/24');
SELECT ipam.create_range('172.16.9.20', '172.16.9.29', network => '2001:db8::/64', create_subnet_if_missing => true);
SELECT ipam.create_range('172.16.9.20', '172.16.9.29', network => '172.16.9.0/24', address_space_id => NULL, create_subnet_if_missing => true);
SELECT ipam.create_range('172.16.9.20/24', '172.16.9.29', create_subnet_if_missing => true);
ROLLBACK;
