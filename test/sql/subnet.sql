-- Subnets: a network is in an address space once, and lies in the smallest block around it.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
INSERT INTO ipam.address_space (name) VALUES ('Fabric A');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Blue', 'Customer', 1, 'VXLAN');
SELECT id AS fabric FROM ipam.address_space WHERE name = 'Fabric A' \gset
SELECT id AS blue FROM ipam.address_space WHERE name = 'Blue' \gset
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.1.0.0/16');

-- The natural virtualization type of the space, and a parent block in the default space only.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.2.0/24', 'lan');
INSERT INTO ipam.ip_subnet (address_space_id, network, name) VALUES (:fabric, '10.1.2.0/24', 'fabric lan'), (:blue, '10.1.2.0/24', 'blue lan');
INSERT INTO ipam.ip_subnet (network, name, virtualization_type, vlan_ids) VALUES ('10.1.3.0/24', 'under a fabric', 'Fabric', '{10,20}');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('fd12:3456:789a::/64', 'unique local'), ('2001:db8::/127', 'link');
SELECT s.name, s.network, a.name AS space, s.virtualization_type, s.address_category, b.network AS block
FROM ipam.ip_subnet AS s JOIN ipam.address_space AS a ON a.id = s.address_space_id LEFT JOIN ipam.ip_block AS b ON b.id = s.block_id
ORDER BY a.id, s.network;
INSERT INTO ipam.ip_subnet (network, name, virtualization_type) VALUES ('10.1.4.0/24', 'x', 'Virtual');
INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type) VALUES (:fabric, '10.1.4.0/24', 'x', 'NonVirtualized');
INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type) VALUES (:blue, '10.1.4.0/24', 'x', 'Fabric');

-- Nesting is allowed, the same network again is not, and host bits are no network.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.2.0/25', 'half');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.2.0/24', 'again');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.2.1/24', 'host bits');

-- A smaller subnet takes over the ranges that fit it; a range whose own prefix is shorter stays (3.2).
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.1.3.1', '10.1.3.9');
INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.1.3.0/28', '10.1.3.10', '10.1.3.14'), ('10.1.3.64/26', '10.1.3.70', '10.1.3.79');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.3.0/26', 'quarter');
SELECT r.start_address, r.network, s.network AS subnet FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id ORDER BY r.start_address;

-- A subnet with ranges stays what and where it is.
UPDATE ipam.ip_subnet SET network = '10.1.3.0/27' WHERE name = 'quarter';
UPDATE ipam.ip_subnet SET address_space_id = :fabric, network = '10.1.4.0/24' WHERE name = 'under a fabric';
DELETE FROM ipam.ip_subnet WHERE name = 'quarter';
DELETE FROM ipam.ip_range WHERE start_address = '10.1.3.10';
UPDATE ipam.ip_subnet SET network = '10.9.3.0/27', name = 'moved' WHERE name = 'quarter';
SELECT s.name, b.network AS block FROM ipam.ip_subnet AS s JOIN ipam.ip_block AS b ON b.id = s.block_id WHERE s.name = 'moved';
DELETE FROM ipam.ip_subnet WHERE name = 'moved';

-- To another space and back: the block goes and comes.
UPDATE ipam.ip_subnet SET address_space_id = :fabric, network = '10.7.0.0/24', virtualization_type = 'Fabric' WHERE name = 'half' RETURNING name, virtualization_type, block_id;
UPDATE ipam.ip_subnet SET address_space_id = 1, network = '10.1.2.0/25' WHERE name = 'half' RETURNING name, virtualization_type, block_id IS NOT NULL AS in_block;

-- With ranges: the subnet takes its own ranges and their addresses along, but not those of a smaller subnet that stays.
SAVEPOINT carried;
INSERT INTO ipam.ip_block (network) VALUES ('10.6.0.0/16');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.6.0.0/16', 'site'), ('10.6.1.0/24', 'inside'), ('10.0.0.0/12', 'around');
INSERT INTO ipam.ip_subnet (address_space_id, network, name) VALUES (:fabric, '10.6.0.0/20', 'there already');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.6.0.10', '10.6.0.99'), ('10.6.1.10', '10.6.1.99'), ('10.6.20.10', '10.6.20.99');
INSERT INTO ipam.ip_address (address) VALUES ('10.6.0.10'), ('10.6.1.10'), ('10.6.0.9');
UPDATE ipam.ip_subnet SET address_space_id = :fabric WHERE name = 'site';
UPDATE ipam.ip_subnet SET address_space_id = :blue, virtualization_type = 'Virtual' WHERE name = 'site';
UPDATE ipam.ip_subnet SET address_space_id = :fabric, virtualization_type = 'Fabric' WHERE name = 'site' RETURNING address_space_id, block_id;
SELECT r.address_space_id, r.extent, s.name AS subnet, r.virtualization_type, r.use_for_utilization FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id WHERE r.start_address <<= '10.6.0.0/16' ORDER BY r.start_address;
SELECT a.address, a.address_space_id, a.virtualization_type, r.extent FROM ipam.ip_address AS a LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id WHERE a.address <<= '10.6.0.0/16' ORDER BY a.address;
SELECT * FROM ipam.check_plan();
-- And back, where an address has been recorded and a range been made in the meantime: nothing changes.
INSERT INTO ipam.ip_address (address) VALUES ('10.6.0.10');
UPDATE ipam.ip_subnet SET address_space_id = 1, virtualization_type = 'NonVirtualized' WHERE name = 'site';
DELETE FROM ipam.ip_address WHERE address = '10.6.0.10' AND address_space_id = 1;
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.6.20.99', '10.6.20.120');
UPDATE ipam.ip_subnet SET address_space_id = 1, virtualization_type = 'NonVirtualized' WHERE name = 'site';
DELETE FROM ipam.ip_range WHERE start_address = '10.6.20.99';
-- Both subnets in one statement; the ranges stay where they belong.
UPDATE ipam.ip_subnet SET address_space_id = 1, virtualization_type = 'NonVirtualized' WHERE name IN ('site', 'there already');
SELECT r.address_space_id, r.extent, s.name AS subnet, r.virtualization_type FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id WHERE r.start_address <<= '10.6.0.0/16' ORDER BY r.start_address;
SELECT a.address, a.address_space_id, a.virtualization_type, r.extent FROM ipam.ip_address AS a LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id WHERE a.address <<= '10.6.0.0/16' ORDER BY a.address;
SELECT * FROM ipam.check_plan();
ROLLBACK TO carried;

-- Customer networks stay virtual.
UPDATE ipam.ip_subnet SET virtualization_type = 'Fabric' WHERE name = 'blue lan';
-- The parent is the database's business.
UPDATE ipam.ip_subnet SET block_id = (SELECT id FROM ipam.ip_block WHERE network = '10.0.0.0/8') WHERE name = 'lan';
-- A user's change is dated, an adoption is not.
UPDATE ipam.ip_subnet SET modified_at = '2020-01-01';
INSERT INTO ipam.ip_block (network) VALUES ('10.1.2.0/23');
SELECT s.name, b.network AS block, s.modified_at = now() AS dated FROM ipam.ip_subnet AS s JOIN ipam.ip_block AS b ON b.id = s.block_id WHERE s.name = 'lan';
UPDATE ipam.ip_subnet SET description = 'LAN' WHERE name = 'lan' RETURNING modified_at = now() AS dated;

-- Ids are 1 or more.
INSERT INTO ipam.ip_subnet (id, network, name) OVERRIDING SYSTEM VALUE VALUES (0, '192.168.0.0/24', 'zero');
ROLLBACK;
