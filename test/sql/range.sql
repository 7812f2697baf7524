-- Ranges: pools inside the smallest subnet around them; those of one service instance never overlap.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (9, 'dhcp2');
INSERT INTO ipam.ip_subnet (network, name, virtualization_type) VALUES ('10.0.0.0/16', 'site', 'Fabric'), ('10.0.1.0/24', 'lan', 'Fabric');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('2001:db8::/64', 'lan6');

-- Subnet, network and virtualization type come from the smallest subnet around the range.
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.1.1', '10.0.1.254'), ('10.0.0.1', '10.0.0.255'), ('2001:db8::', '2001:db8::ffff');
SELECT r.start_address, r.end_address, r.network, s.name, r.virtualization_type, r.managed_by, r.managed_by_entity, r.address_assignment
FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id ORDER BY r.start_address;
-- A network of its own that is larger than the smallest subnet: the range belongs to the larger one.
INSERT INTO ipam.ip_range (network, start_address, end_address, managed_by_entity) VALUES ('10.0.0.0/16', '10.0.1.1', '10.0.1.9', 'dhcp1');
SELECT s.name FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id WHERE r.managed_by_entity = 'dhcp1';

-- The same addresses may be managed by another service instance, and DHCP ranges may overlap.
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.1.254', '10.0.1.254');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.0.1.100', '10.0.1.254', 'Others');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, address_assignment, excluded_addresses, dhcp_scope_name)
VALUES ('10.0.1.100', '10.0.1.200', 'MS DHCP', 'dhcp2', 'Dynamic', '{[10.0.1.100,10.0.1.109]}', 'first'),
       ('10.0.1.150', '10.0.1.250', 'MS DHCP', 'dhcp2', 'Dynamic', '{}', 'second');
UPDATE ipam.ip_range SET managed_by = 'IPAM' WHERE managed_by = 'Others';
UPDATE ipam.ip_range SET end_address = '10.0.1.99' WHERE start_address = '10.0.1.1' AND managed_by_entity = 'Localhost';
UPDATE ipam.ip_range SET managed_by = 'IPAM' WHERE managed_by = 'Others';
SELECT start_address, end_address, managed_by, managed_by_entity FROM ipam.ip_range WHERE start_address <<= '10.0.1.0/24' ORDER BY start_address, end_address;
-- Both ends are needed.
INSERT INTO ipam.ip_range (end_address) VALUES ('10.0.1.1');
INSERT INTO ipam.ip_range (start_address) VALUES ('10.0.1.1');

-- Moving a range to another subnet.
UPDATE ipam.ip_range SET network = '10.0.0.0/16', start_address = '10.0.2.1', end_address = '10.0.2.9' WHERE managed_by_entity = 'dhcp1';
SELECT s.name, r.extent FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id WHERE r.managed_by_entity = 'dhcp1';
UPDATE ipam.ip_range SET network = '192.168.0.0/24', start_address = '192.168.0.1', end_address = '192.168.0.9' WHERE managed_by_entity = 'dhcp1';

-- To another address space: the addresses go along that still lie in the range and have its service.
SAVEPOINT carried;
INSERT INTO ipam.address_space (name) VALUES ('Fabric B');
INSERT INTO ipam.ip_subnet (address_space_id, network, name) SELECT id, '10.0.0.0/16', 'site there' FROM ipam.address_space WHERE name = 'Fabric B';
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.0.7.10', '10.0.7.99', 'Others');
INSERT INTO ipam.ip_address (address, managed_by) SELECT format('10.0.7.%s', i)::inet, m FROM unnest('{10,50,99}'::integer[]) AS i, unnest('{Others,IPAM}'::text[]) AS m;
UPDATE ipam.ip_range AS r SET address_space_id = s.id, start_address = '10.0.7.20', virtualization_type = 'Fabric'
FROM ipam.address_space AS s WHERE s.name = 'Fabric B' AND r.start_address = '10.0.7.10';
SELECT s.name AS space, a.address, a.managed_by, a.virtualization_type, r.extent
FROM ipam.ip_address AS a JOIN ipam.address_space AS s ON s.id = a.address_space_id LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id
WHERE a.address <<= '10.0.7.0/24' ORDER BY a.address_space_id, a.address, a.managed_by;
-- To another space and another service: none of them.
UPDATE ipam.ip_range AS r SET address_space_id = 1, managed_by = 'IPAM', virtualization_type = 'Fabric' WHERE r.start_address = '10.0.7.20';
SELECT s.name AS space, a.address, a.managed_by, a.virtualization_type, r.extent
FROM ipam.ip_address AS a JOIN ipam.address_space AS s ON s.id = a.address_space_id LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id
WHERE a.address <<= '10.0.7.0/24' ORDER BY a.address_space_id, a.address, a.managed_by;
-- An address that is recorded there already, an unknown space, and a space without a subnet around the range.
INSERT INTO ipam.ip_address (address_space_id, address) SELECT id, '10.0.7.99' FROM ipam.address_space WHERE name = 'Fabric B';
UPDATE ipam.ip_range AS r SET address_space_id = s.id FROM ipam.address_space AS s WHERE s.name = 'Fabric B' AND r.start_address = '10.0.7.20';
UPDATE ipam.ip_range SET address_space_id = 4711 WHERE start_address = '10.0.7.20';
DELETE FROM ipam.ip_subnet WHERE name = 'site there';
UPDATE ipam.ip_range AS r SET address_space_id = s.id FROM ipam.address_space AS s WHERE s.name = 'Fabric B' AND r.start_address = '10.0.7.20';
-- Overlapping DHCP ranges move together: each takes its addresses along, whichever of them goes first.
INSERT INTO ipam.ip_subnet (network, name, virtualization_type) VALUES ('10.0.8.0/24', 'dhcp', 'Fabric');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.0.8.10', '10.0.8.99', 'MS DHCP'), ('10.0.8.20', '10.0.8.29', 'MS DHCP');
INSERT INTO ipam.ip_address (address, managed_by) VALUES ('10.0.8.15', 'MS DHCP'), ('10.0.8.25', 'MS DHCP');
UPDATE ipam.ip_subnet AS s SET address_space_id = f.id FROM ipam.address_space AS f WHERE f.name = 'Fabric B' AND s.name = 'dhcp';
SELECT s.name AS space, a.address, r.extent
FROM ipam.ip_address AS a JOIN ipam.address_space AS s ON s.id = a.address_space_id LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id
WHERE a.address <<= '10.0.8.0/24' ORDER BY a.address;
SELECT * FROM ipam.check_plan();
ROLLBACK TO carried;

-- Edges of a network: no IPv4 host has its first or last address; IPv6 has no such rule.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.9.0.0/30', 'link'), ('2001:db8:0:1::/127', 'link6');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.9.0.0', '10.9.0.3');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.9.0.1', '10.9.0.3');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.9.0.1', '10.9.0.2'), ('2001:db8:0:1::', '2001:db8:0:1::1')
RETURNING extent, ipam.address_count(extent);

-- List properties.
UPDATE ipam.ip_range SET gateways = ARRAY[ipam.gateway('10.0.0.1'), ipam.gateway('10.0.1.1', 100)], dns_servers = '{10.0.0.53,192.0.2.53}',
    dns_suffixes = '{example.org,lan}', connection_specific_dns_suffix = 'lan.example.org',
    reserved_addresses = '{[10.0.0.10,10.0.0.20],[10.0.0.21,10.0.0.21]}', virtual_addresses = '{[10.0.0.100,10.0.0.100]}'
WHERE start_address = '10.0.0.1' RETURNING gateways, dns_servers, reserved_addresses, virtual_addresses;
UPDATE ipam.ip_range SET end_address = '10.0.0.99' WHERE start_address = '10.0.0.1'; -- the virtual address would lie outside

-- Manual utilization: a number, and not more than there are addresses.
UPDATE ipam.ip_range SET utilization_calculation = 'Manual', utilized_addresses = 65537 WHERE start_address = '2001:db8::';
UPDATE ipam.ip_range SET utilization_calculation = 'Manual', utilized_addresses = 65536 WHERE start_address = '2001:db8::';

-- In two customer spaces the same plan stands twice.
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Blue', 'Customer', 1, 'VXLAN'), ('Red', 'Customer', 1, 'VXLAN');
INSERT INTO ipam.ip_subnet (address_space_id, network, name) SELECT id, '10.0.1.0/24', 'lan' FROM ipam.address_space WHERE type = 'Customer';
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address) SELECT id, '10.0.1.1', '10.0.1.99' FROM ipam.address_space WHERE type = 'Customer';
SELECT a.name, r.extent, s.name, r.virtualization_type FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id
JOIN ipam.address_space AS a ON a.id = r.address_space_id WHERE a.type = 'Customer' ORDER BY a.name;
-- Every range is in the space of its subnet.
SELECT r.extent FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id WHERE r.address_space_id <> s.address_space_id;

-- A network wider than the subnet.
INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.0.0.0/9', '10.0.3.1', '10.0.3.9');

-- Ids are 1 or more.
INSERT INTO ipam.ip_range (id, start_address, end_address) OVERRIDING SYSTEM VALUE VALUES (0, '10.0.3.1', '10.0.3.9');
ROLLBACK;

-- The exclusion constraint has the last word, also where triggers are off.
\i :fresh_store
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'site');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.1', '10.0.0.9');
SET session_replication_role = replica;
INSERT INTO ipam.ip_range (subnet_id, network, virtualization_type, use_for_utilization, start_address, end_address)
SELECT id, network, virtualization_type, false, '10.0.0.9', '10.0.0.10' FROM ipam.ip_subnet;
ROLLBACK;
