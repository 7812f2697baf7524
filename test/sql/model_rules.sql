-- The rules of the model that are most easily got wrong, one after the other, and the examples of the protocol.
\set SHOW_CONTEXT never
\set ECHO none
\getenv test_dir PG_ABS_SRCDIR
\set fresh_store :test_dir '/data/fresh_store.sql'
\i :fresh_store
\set ECHO all
\set ON_ERROR_ROLLBACK on
CREATE TEMP VIEW parents AS
SELECT 'block' AS kind, b.extent::text AS place, b.address_space_id AS space, p.network AS parent FROM ipam.ip_block AS b LEFT JOIN ipam.ip_block AS p ON p.id = b.parent_id
UNION ALL
SELECT 'subnet', s.network::text, s.address_space_id, b.network FROM ipam.ip_subnet AS s LEFT JOIN ipam.ip_block AS b ON b.id = s.block_id
UNION ALL
SELECT 'range', r.extent::text, r.address_space_id, s.network FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id
ORDER BY 1, 2, 3;
INSERT INTO ipam.address_space (name) VALUES ('fabric');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('tenant', 'Customer', 2, 'VXLAN');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1.example'), (9, 'kea1.example');

-- 1. The parent is the smallest that encloses: of blocks with the same start the one that ends first, whatever the order in which
-- they come; a block for blocks and subnets, a subnet for ranges; in the same address space; and its prefix is not longer.
SAVEPOINT rule;
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/16'), ('10.0.0.0/8'), ('10.0.0.0/12');
INSERT INTO ipam.ip_subnet (address_space_id, network, name) VALUES (1, '10.0.0.0/20', 'site'), (1, '10.0.0.0/24', 'lan'), (2, '10.0.0.0/28', 'smaller, elsewhere'), (1, '10.16.0.0/24', 'far');
INSERT INTO ipam.ip_range (network, start_address, end_address, managed_by_entity) VALUES
    (NULL, '10.0.0.1', '10.0.0.9', 'Localhost'), ('10.0.0.0/20', '10.0.0.1', '10.0.0.9', 'kea1.example'), (NULL, '10.0.0.200', '10.0.1.20', 'Localhost');
SELECT * FROM parents;
ROLLBACK TO rule;

-- 2. Ranges overlap where they have an address in common, also where one lies around the other. Excluded addresses do not count.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.10', '10.0.0.19');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.1', '10.0.0.99');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.12', '10.0.0.13');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.19', '10.0.0.20');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.20', '10.0.0.29');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, excluded_addresses) VALUES
    ('10.0.0.1', '10.0.0.254', 'MS DHCP', 'dhcp1.example', '{[10.0.0.10,10.0.0.29]}'), ('10.0.0.29', '10.0.0.40', 'MS DHCP', 'dhcp1.example', '{}');
SELECT r.extent, (SELECT array_agg(o.extent ORDER BY o.start_address) FROM ipam.overlapping_ranges(r.id) AS i JOIN ipam.ip_range AS o ON o.id = i) AS overlaps
FROM ipam.ip_range AS r ORDER BY r.id;
ROLLBACK TO rule;

-- 3. Subnets overlap where one lies in the other, which is allowed; of blocks only a partial overlap is one, which is refused.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'site'), ('10.0.3.0/24', 'lan'), ('10.1.0.0/16', 'other site');
SELECT s.name, (SELECT array_agg(o.name) FROM ipam.overlapping_subnets(s.id) AS i JOIN ipam.ip_subnet AS o ON o.id = i) AS overlaps FROM ipam.ip_subnet AS s ORDER BY s.id;
INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('10.0.0.0/8', '10.0.0.0', '10.0.9.255'), ('10.0.3.0/24', '10.0.3.0', '10.0.3.255');
INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('10.0.0.0/8', '10.0.9.0', '10.0.20.255');
INSERT INTO ipam.ip_block (network) VALUES ('10.0.3.0/24');
SELECT * FROM parents WHERE kind = 'block';
ROLLBACK TO rule;

-- 4. One of those that overlap is used for utilization, when they come, move, go or are remapped.
CREATE TEMP VIEW used AS SELECT string_agg(name, ', ' ORDER BY network) AS used FROM ipam.ip_subnet WHERE use_for_utilization;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.1.0/24', 'lan'), ('10.0.2.0/24', 'lab'), ('10.0.0.0/16', 'site');
TABLE used;
SELECT ipam.remap_subnet(id) FROM ipam.ip_subnet WHERE name = 'site';
TABLE used;
UPDATE ipam.ip_subnet SET network = '10.9.0.0/24' WHERE name = 'lab';
TABLE used;
DELETE FROM ipam.ip_subnet WHERE name = 'site';
TABLE used;
ROLLBACK TO rule;

-- 5. The last address of a network is the network with all host bits set.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.64/26', 'lan'), ('2001:db8::/126', 'lan6');
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.64/26'), ('2001:db8::/126');
SELECT extent FROM ipam.ip_subnet UNION ALL SELECT extent FROM ipam.ip_block;
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.65', '10.0.0.126'), ('2001:db8::', '2001:db8::3');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.0.0.65', '10.0.0.127', 'Others');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, network) VALUES ('10.0.0.65', '10.0.0.128', 'Others', '10.0.0.64/26');
ROLLBACK TO rule;

-- 6. Fabric belongs to provider spaces, Virtual to customer spaces, NonVirtualized to the default space.
INSERT INTO ipam.ip_subnet (address_space_id, network, name) VALUES (1, '10.0.9.0/24', 'x'), (2, '10.0.9.0/24', 'x'), (3, '10.0.9.0/24', 'x')
RETURNING address_space_id, virtualization_type;
INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type) VALUES (1, '10.0.0.0/24', 'x', 'Fabric'), (2, '10.0.0.0/24', 'x', 'Fabric'), (3, '10.0.0.0/24', 'x', 'Virtual');
INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type) VALUES (1, '10.0.1.0/24', 'x', 'Virtual');
INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type) VALUES (2, '10.0.1.0/24', 'x', 'NonVirtualized');
INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type) VALUES (2, '10.0.1.0/24', 'x', 'Virtual');
INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type) VALUES (3, '10.0.1.0/24', 'x', 'NonVirtualized');
INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type) VALUES (3, '10.0.1.0/24', 'x', 'Fabric');
ROLLBACK TO rule;

-- 7. An address is one thing for each service instance in each address space.
INSERT INTO ipam.ip_address (address_space_id, address, managed_by, managed_by_entity) VALUES
    (1, '10.0.0.1', 'IPAM', 'Localhost'), (1, '10.0.0.1', 'Others', 'Localhost'), (1, '10.0.0.1', 'IPAM', 'kea1.example'), (2, '10.0.0.1', 'IPAM', 'Localhost');
INSERT INTO ipam.ip_address (address_space_id, address, managed_by, managed_by_entity) VALUES (2, '10.0.0.1', 'IPAM', 'Localhost');
SELECT count(*) FROM ipam.ip_address;
-- A range that changes its service instance, and nothing else, has other addresses.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.1', '10.0.0.9');
UPDATE ipam.ip_range SET managed_by_entity = 'kea1.example';
SELECT a.managed_by, a.managed_by_entity, a.range_id IS NOT NULL AS in_range FROM ipam.ip_address AS a ORDER BY a.id;
UPDATE ipam.ip_range SET managed_by = 'Others';
UPDATE ipam.ip_range SET managed_by_entity = 'Localhost';
SELECT a.managed_by, a.managed_by_entity, a.range_id IS NOT NULL AS in_range FROM ipam.ip_address AS a ORDER BY a.id;
SELECT * FROM ipam.check_plan();
ROLLBACK TO rule;

-- 8. Addresses stay when their range goes, unless asked; subnets stay when the blocks around them go.
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.0.0.0/16'), ('10.0.0.0/20');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.10', '10.0.0.19'), ('10.0.0.20', '10.0.0.29');
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.10'), ('10.0.0.20');
SELECT ipam.delete_block(id, delete_child_blocks => true) FROM ipam.ip_block WHERE network = '10.0.0.0/16';
SELECT * FROM parents;
SELECT ipam.delete_range(id) FROM ipam.ip_range WHERE start_address = '10.0.0.10';
SELECT ipam.delete_range(id, delete_addresses => true) FROM ipam.ip_range WHERE start_address = '10.0.0.20';
SELECT address, range_id FROM ipam.ip_address;
ROLLBACK TO rule;

-- 9. Free is what no address that is mapped to the range takes, between the given ends; of MS DHCP ranges nothing.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity) VALUES
    ('10.0.0.10', '10.0.0.14', 'IPAM', 'Localhost'), ('10.0.0.10', '10.0.0.14', 'Others', 'Localhost'), ('10.0.0.10', '10.0.0.14', 'MS DHCP', 'dhcp1.example');
INSERT INTO ipam.ip_address (address, managed_by) VALUES ('10.0.0.10', 'IPAM'), ('10.0.0.12', 'Others');
SELECT r.managed_by, array_agg(f ORDER BY f) AS free FROM ipam.ip_range AS r LEFT JOIN LATERAL ipam.get_free_ip_addresses(r.id, count => NULL) AS f ON true GROUP BY 1 ORDER BY 1;
SELECT f FROM ipam.ip_range AS r, ipam.get_free_ip_addresses(r.id, '10.0.0.10', '10.0.0.12', count => NULL) AS f WHERE r.managed_by = 'IPAM';
ROLLBACK TO rule;

-- 10. A session that has failed is not in progress, and the next one can begin. (That a killed one is not either: test/t/061_worker_crash.pl.)
UPDATE ipam.common_property SET value = NULL WHERE name = 'IpamConfiguredDate';
UPDATE ipam.common_property SET value = 'pg_wrong' WHERE name = 'IpamSecurityGroupIpamUsers';
CALL ipam.provision();
SELECT ipam.is_ipam_provisioning_in_progress();
UPDATE ipam.common_property SET value = 'ipam_users' WHERE name = 'IpamSecurityGroupIpamUsers';
CALL ipam.provision();
SELECT ipam.is_ipam_provisioning_in_progress(), ipam.is_ipam_configured();
ROLLBACK TO rule;
-- Data of the future are not purged.
\set VERBOSITY sqlstate
CALL ipam.purge_utilization_data(now() + interval '1 day');
CALL ipam.purge_utilization_data(now());
\set VERBOSITY default
ROLLBACK TO rule;

-- The examples of the protocol.
-- 4.1: a common property.
SELECT ipam.get_common_property('MinimumUtilizationThreshold');
-- 4.2: a range with its subnet.
SELECT start_address, end_address, address_assignment, address_category, address_space_id, virtualization_type, utilization_calculation, managed_by, managed_by_entity
FROM ipam.create_range('10.0.0.1', '10.0.0.254', network => '10.0.0.0/24', create_subnet_if_missing => true) \gx
SELECT host(network) AS subnet_id, masklen(network) AS prefix_length, netmask(network) AS subnet_mask, name FROM ipam.ip_subnet;
ROLLBACK TO rule;
-- 4.3: a range of a DHCP server in the listing of the ranges of the default space.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'net');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, address_assignment) VALUES ('10.10.0.1', '10.10.0.100', 'MS DHCP', 'dhcp1.example', 'Dynamic');
SELECT r.start_address, r.end_address, r.network, r.address_assignment, r.managed_by, r.managed_by_entity, r.use_for_utilization, ARRAY(SELECT ipam.overlapping_ranges(r.id)) AS overlapping,
       a.name, r.utilization_calculation, u.total_addresses, u.assigned_addresses, u.utilized_addresses, u.status
FROM ipam.ip_range AS r JOIN ipam.address_space AS a ON a.id = r.address_space_id JOIN ipam.range_utilization AS u ON u.range_id = r.id WHERE r.address_space_id = 1 \gx
SELECT * FROM ipam.check_plan();
ROLLBACK;
