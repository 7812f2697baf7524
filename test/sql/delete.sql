-- Deleting: what hangs on an object stays unless the caller asks for more.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
CREATE TEMP VIEW tree AS
SELECT s.name, s.network, b.network AS block FROM ipam.ip_subnet AS s LEFT JOIN ipam.ip_block AS b ON b.id = s.block_id ORDER BY s.network;
CREATE FUNCTION pg_temp.block(cidr) RETURNS bigint LANGUAGE sql RETURN (SELECT id FROM ipam.ip_block WHERE network = $1);
CREATE FUNCTION pg_temp.subnet(text) RETURNS bigint LANGUAGE sql RETURN (SELECT id FROM ipam.ip_subnet WHERE name = $1);
CREATE FUNCTION pg_temp.range(inet) RETURNS bigint LANGUAGE sql RETURN (SELECT max(id) FROM ipam.ip_range WHERE start_address = $1);

-- A block: its children go to the block around it.
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.1.0.0/16'), ('10.1.0.0/18'), ('10.1.64.0/18'), ('10.1.64.0/20'), ('10.2.0.0/16'),
    ('2001:db8::/32'), ('2001:db8:1::/48');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.2.0/24', 'office'), ('10.1.64.0/24', 'lab'), ('10.1.128.0/24', 'hall'), ('10.2.3.0/24', 'shop'),
    ('2001:db8:1::/64', 'lan6');
SELECT * FROM tree;
SELECT * FROM ipam.delete_block(pg_temp.block('10.1.64.0/18'));
SELECT * FROM tree;
SELECT b.network, p.network AS parent FROM ipam.ip_block AS b LEFT JOIN ipam.ip_block AS p ON p.id = b.parent_id ORDER BY b.network;
-- The whole tree of blocks: the subnets stay and go to the nearest block that is left.
SELECT d.* FROM ipam.ip_block AS b, ipam.delete_block(b.id, delete_child_blocks => true) AS d
WHERE b.network = '10.1.0.0/16';
SELECT * FROM tree;
SELECT * FROM ipam.delete_block(pg_temp.block('2001:db8::/32'), true);
SELECT * FROM tree WHERE family(network) = 6;
SELECT network FROM ipam.ip_block ORDER BY network;
-- A block without children; NULL is false.
SELECT * FROM ipam.delete_block(pg_temp.block('10.2.0.0/16'), NULL);
SELECT * FROM ipam.delete_block(99);
SELECT * FROM ipam.delete_block(NULL);

-- A range: its addresses stay and belong to no range, or go with it.
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.1.2.10', '10.1.2.19'), ('10.1.2.20', '10.1.2.29'), ('10.1.2.30', '10.1.2.39'), ('2001:db8:1::', '2001:db8:1::ff');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity)
VALUES ('10.1.64.10', '10.1.64.99', 'MS DHCP', 'dhcp1'), ('10.1.64.50', '10.1.64.59', 'MS DHCP', 'dhcp1');
INSERT INTO ipam.ip_address (address) SELECT address FROM generate_series(0, 9) AS i, LATERAL (VALUES ('10.1.2.10'::inet + i), ('2001:db8:1::'::inet + i)) AS a(address);
INSERT INTO ipam.ip_address (address) VALUES ('10.1.2.20'), ('10.1.2.30'), ('10.1.2.99');
INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity) VALUES ('10.1.64.55', 'MS DHCP', 'dhcp1');
SELECT * FROM ipam.delete_range(pg_temp.range('10.1.2.10'));
SELECT count(*), count(range_id) AS mapped FROM ipam.ip_address WHERE address BETWEEN '10.1.2.10' AND '10.1.2.19';
SELECT * FROM ipam.delete_range(pg_temp.range('2001:db8:1::'), delete_addresses => true);
SELECT count(*) FROM ipam.ip_address WHERE family(address) = 6;
-- Where ranges of a DHCP server overlap, its addresses fall to the other one.
SELECT * FROM ipam.delete_range(pg_temp.range('10.1.64.50'));
SELECT a.address, r.extent FROM ipam.ip_address AS a JOIN ipam.ip_range AS r ON r.id = a.range_id WHERE a.managed_by = 'MS DHCP';
SELECT * FROM ipam.delete_range(0);
SELECT * FROM ipam.delete_range(NULL);

-- A subnet: refused while it has ranges, unless they may go too.
SELECT * FROM ipam.delete_subnet(pg_temp.subnet('office'));
SELECT * FROM ipam.delete_subnet(pg_temp.subnet('office'), delete_addresses => true);
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.2.32/28', 'inside office');
SELECT * FROM ipam.delete_subnet(pg_temp.subnet('office'), delete_ranges => true);
SELECT name FROM ipam.ip_subnet WHERE network <<= '10.1.2.0/24';
SELECT address, range_id FROM ipam.ip_address WHERE address >= '10.1.2.20' AND address <<= '10.1.2.0/24' ORDER BY address;
-- Its addresses too; others in the network stay.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.2.0/24', 'office');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.1.2.10', '10.1.2.19'), ('10.1.2.20', '10.1.2.29');
SELECT d.* FROM ipam.ip_subnet AS s, ipam.delete_subnet(s.id, delete_ranges => true, delete_addresses => true) AS d
WHERE s.name = 'office';
SELECT address FROM ipam.ip_address WHERE address <<= '10.1.2.0/24' ORDER BY address;
-- Scopes of a DHCP server do not go on the side.
SELECT * FROM ipam.delete_subnet(pg_temp.subnet('lab'), delete_ranges => true);
SELECT * FROM ipam.delete_range(pg_temp.range('10.1.64.10'), delete_addresses => true);
SELECT * FROM ipam.delete_subnet(pg_temp.subnet('lab'), delete_ranges => true);
SELECT * FROM ipam.delete_subnet(pg_temp.subnet('hall'));
SELECT * FROM ipam.delete_subnet(99, true, true);
SELECT * FROM ipam.delete_subnet(NULL);

-- An address space goes with the customer spaces on it, if nothing is in any of them.
INSERT INTO ipam.address_space (name) VALUES ('Campus fabric');
SELECT id AS campus FROM ipam.address_space WHERE name = 'Campus fabric' \gset
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Blue', 'Customer', :campus, 'VXLAN'), ('Red', 'Customer', :campus, 'VXLAN');
-- The same plan in two customer spaces.
INSERT INTO ipam.ip_subnet (address_space_id, network, name) SELECT id, '10.0.0.0/24', 'lan' FROM ipam.address_space WHERE type = 'Customer';
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address) SELECT id, '10.0.0.10', '10.0.0.19' FROM ipam.address_space WHERE type = 'Customer';
INSERT INTO ipam.ip_address (address_space_id, address) SELECT id, '10.0.0.10' FROM ipam.address_space WHERE type = 'Customer';
INSERT INTO ipam.ip_address (address_space_id, address) SELECT id, '10.0.0.99' FROM ipam.address_space WHERE name = 'Red';
SELECT s.name, a.address, r.extent, a.virtualization_type
FROM ipam.ip_address AS a JOIN ipam.address_space AS s ON s.id = a.address_space_id LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id
WHERE s.type = 'Customer' ORDER BY s.name, a.address;
SELECT * FROM ipam.delete_address_space(:campus);
DELETE FROM ipam.address_space WHERE name = 'Blue'; -- the rule is the table's
SELECT s.name, d.* FROM ipam.address_space AS s, LATERAL ipam.delete_address_space(s.id) AS d WHERE s.name = 'Red';
SELECT d.* FROM ipam.ip_subnet AS s, LATERAL ipam.delete_subnet(s.id, true, true) AS d WHERE s.address_space_id <> 1;
SELECT * FROM ipam.delete_address_space(:campus);
DELETE FROM ipam.ip_address WHERE address_space_id <> 1;
SELECT * FROM ipam.delete_address_space(:campus);
SELECT * FROM ipam.delete_address_space(:campus);
SELECT * FROM ipam.delete_address_space(1);
SELECT * FROM ipam.delete_address_space(NULL);
SELECT name FROM ipam.address_space;
SELECT * FROM ipam.check_plan();
ROLLBACK;

-- Nothing of this before provisioning.
BEGIN;
\set VERBOSITY sqlstate
SELECT ipam.delete_block(1);
SELECT ipam.delete_subnet(1);
SELECT ipam.delete_range(1);
SELECT ipam.delete_address_space(1);
SELECT ipam.create_range('10.0.0.1', '10.0.0.9', '10.0.0.0/24', create_subnet_if_missing => true);
SELECT ipam.move_ip_address(1, 1);
SELECT ipam.move_ip_address(1, 1, '10.0.0.1');
SELECT ipam.bulk_update_address_spaces('[]');
SELECT ipam.bulk_update_ip_blocks('[]');
SELECT ipam.bulk_update_ip_subnets('[]');
SELECT ipam.bulk_update_ip_ranges('[]');
SELECT ipam.bulk_update_ip_addresses('[]');
ROLLBACK;
