-- Address spaces: the default one is protected, customers lie on providers.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
SELECT id, name, type, is_default, provider_id, isolation_method FROM ipam.address_space;

INSERT INTO ipam.address_space (name) VALUES ('Campus fabric');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method, owner, custom_fields)
VALUES ('Blue', 'Customer', 1, 'VLAN', 'Blue Ltd', '{"Tenant": "Blue"}');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (16, 'Blue'), (17, 'GENEVE');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method, custom_fields)
SELECT name, 'Customer', id, 'GENEVE', '{"Tenant": "Blue"}' FROM (SELECT id, 'Blue' AS name FROM ipam.address_space WHERE name = 'Campus fabric') AS provider;
SELECT s.name, s.type, p.name AS provider, s.isolation_method, s.custom_fields
FROM ipam.address_space AS s LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id ORDER BY s.id;

-- Names are unique over all types.
INSERT INTO ipam.address_space (name) VALUES ('Blue');
-- An isolation method comes from the list of custom field 17.
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Red', 'Customer', 1, 'Hope');
-- The default address space is for ever.
DELETE FROM ipam.address_space WHERE id = 1;
UPDATE ipam.address_space SET owner = 'me' WHERE id = 1;
-- The type is for life, in both directions and together with what would go with it.
UPDATE ipam.address_space SET type = 'Customer' WHERE name = 'Campus fabric';
UPDATE ipam.address_space SET type = 'Provider', provider_id = NULL, isolation_method = NULL WHERE type = 'Customer';
-- Nobody makes a second one.
INSERT INTO ipam.address_space (name, is_default) VALUES ('Mine', true);

-- A provider takes its customers with it, unless something lies in one of them.
INSERT INTO ipam.ip_subnet (address_space_id, network, name) SELECT id, '10.0.0.0/24', 'lan' FROM ipam.address_space WHERE name = 'Blue';
SELECT s.name, s.virtualization_type, s.block_id FROM ipam.ip_subnet AS s;
DELETE FROM ipam.address_space WHERE name = 'Campus fabric';
DELETE FROM ipam.ip_subnet;
DELETE FROM ipam.address_space WHERE name = 'Campus fabric';
SELECT name FROM ipam.address_space ORDER BY id;

-- The same plan in two customer spaces and in the default one: each lives by itself.
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Red', 'Customer', 1, 'VXLAN'), ('Green', 'Customer', 1, 'VXLAN');
CREATE TEMP VIEW plan AS
SELECT s.name AS space, n.name AS subnet, n.virtualization_type, r.extent AS range, a.address, a.device_name
FROM ipam.ip_address AS a JOIN ipam.address_space AS s ON s.id = a.address_space_id
    LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id LEFT JOIN ipam.ip_subnet AS n ON n.id = r.subnet_id
ORDER BY s.id, a.address;
INSERT INTO ipam.ip_subnet (address_space_id, network, name) SELECT s.id, n.network, n.name
FROM ipam.address_space AS s, (VALUES ('10.0.0.0/16'::cidr, 'site'), ('10.0.0.0/24', 'lan')) AS n(network, name) WHERE s.name IN ('Red', 'Green') OR s.id = 1;
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address) SELECT id, '10.0.0.10', '10.0.0.19' FROM ipam.address_space WHERE name IN ('Red', 'Green') OR id = 1;
INSERT INTO ipam.ip_address (address_space_id, address, device_name) SELECT s.id, '10.0.0.10'::inet + i, s.name || ' ' || i
FROM ipam.address_space AS s, generate_series(0, 1) AS i WHERE s.name IN ('Red', 'Green') OR s.id = 1;
SELECT * FROM plan;
UPDATE ipam.ip_range AS r SET start_address = '10.0.0.11', end_address = '10.0.0.12' FROM ipam.address_space AS s WHERE s.id = r.address_space_id AND s.name = 'Red';
DELETE FROM ipam.ip_address WHERE device_name = 'Green 0';
SELECT * FROM plan;
SELECT s.name, f.address FROM ipam.address_space AS s JOIN ipam.ip_range AS r ON r.address_space_id = s.id, ipam.get_free_ip_addresses(r.id) AS f(address) ORDER BY s.id;
SELECT ipam.move_ip_address(a.id, r.id) FROM ipam.ip_address AS a, ipam.ip_range AS r JOIN ipam.address_space AS s ON s.id = r.address_space_id
WHERE a.device_name = 'Red 0' AND s.name = 'Green';
SELECT d.* FROM ipam.address_space AS s JOIN ipam.ip_subnet AS n ON n.address_space_id = s.id, ipam.delete_subnet(n.id, true, true) AS d WHERE s.name = 'Red' AND n.name = 'lan';
SELECT * FROM plan;
SELECT * FROM ipam.check_plan();
ROLLBACK;
