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
-- Nobody makes a second one.
INSERT INTO ipam.address_space (name, is_default) VALUES ('Mine', true);

-- A provider takes its customers with it, unless something lies in one of them.
INSERT INTO ipam.ip_subnet (address_space_id, network, name) SELECT id, '10.0.0.0/24', 'lan' FROM ipam.address_space WHERE name = 'Blue';
SELECT s.name, s.virtualization_type, s.block_id FROM ipam.ip_subnet AS s;
DELETE FROM ipam.address_space WHERE name = 'Campus fabric';
DELETE FROM ipam.ip_subnet;
DELETE FROM ipam.address_space WHERE name = 'Campus fabric';
SELECT name FROM ipam.address_space ORDER BY id;
ROLLBACK;
