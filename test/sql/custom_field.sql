-- Custom fields: what their definitions allow, and that the objects follow when they change.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store

-- Fields of one's own: any text, or one of a list. Every kind of object but blocks carries them.
INSERT INTO ipam.custom_field (name, type) VALUES ('Remark', 'Freeform'), ('Building', 'Multivalued'), ('Floor', 'Multivalued');
INSERT INTO ipam.custom_field_value (custom_field_id, value)
SELECT f.id, v.value
FROM (VALUES ('Building', 'HQ'), ('Building', 'Annex'), ('Floor', 'Ground'), ('Region', 'EMEA')) AS v(field, value)
    JOIN ipam.custom_field AS f ON f.name = v.field;
INSERT INTO ipam.address_space (name, custom_fields) VALUES ('Lab', '{"Building": "HQ"}');
INSERT INTO ipam.ip_subnet (network, name, custom_fields) VALUES ('10.0.0.0/24', 'office', '{"Building": "HQ", "Floor": "Ground"}');
INSERT INTO ipam.ip_range (start_address, end_address, custom_fields) VALUES ('10.0.0.10', '10.0.0.99', '{"Building": "HQ"}');
INSERT INTO ipam.ip_address (address, custom_fields)
VALUES ('10.0.0.10', '{"Building": "HQ", "Floor": "Ground", "Remark": "by the door"}'), ('10.0.0.11', '{"Building": "Annex"}'), ('10.0.0.12', '{}');
CREATE VIEW pg_temp.carried AS
SELECT 'space' AS object, name AS of, custom_fields FROM ipam.address_space WHERE custom_fields <> '{}'
UNION ALL SELECT 'subnet', network::text, custom_fields FROM ipam.ip_subnet
UNION ALL SELECT 'range', start_address::text, custom_fields FROM ipam.ip_range
UNION ALL SELECT 'address', host(address), custom_fields FROM ipam.ip_address
ORDER BY object, of;
SELECT * FROM carried;

-- What an object cannot carry.
UPDATE ipam.ip_address SET custom_fields = '["HQ"]' WHERE address = '10.0.0.12';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.ip_address SET custom_fields = '{"building": "HQ"}' WHERE address = '10.0.0.12';
UPDATE ipam.ip_address SET custom_fields = '{"Device type": "Host"}' WHERE address = '10.0.0.12';
UPDATE ipam.ip_address SET custom_fields = '{"Building": null}' WHERE address = '10.0.0.12';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.ip_address SET custom_fields = '{"Region": "emea"}' WHERE address = '10.0.0.12';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.ip_address SET custom_fields = jsonb_build_object('Remark', repeat('r', 257)) WHERE address = '10.0.0.12';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.ip_address SET device_type = 'Toaster' WHERE address = '10.0.0.12';
\echo :LAST_ERROR_SQLSTATE

-- Renaming a field renames it in every object, and counts as a change of the object.
UPDATE ipam.ip_address SET modified_at = '2026-01-01';
UPDATE ipam.custom_field SET name = 'House' WHERE name = 'Building';
SELECT * FROM carried;
SELECT host(address), modified_at = now() AS changed_now FROM ipam.ip_address ORDER BY address;

-- Renaming a value does, too.
UPDATE ipam.custom_field_value SET value = 'Headquarters' WHERE value = 'HQ';
SELECT * FROM carried;

-- Several at once: an object may have more than one of them.
UPDATE ipam.custom_field SET name = name || ' of site' WHERE name IN ('House', 'Floor', 'Remark');
UPDATE ipam.custom_field_value SET value = upper(value) WHERE custom_field_id > 100;
SELECT * FROM carried;

-- Deleting a value takes it from the objects.
DELETE FROM ipam.custom_field_value WHERE value IN ('ANNEX', 'GROUND');
SELECT * FROM carried;

-- Deleting a field takes it and its values from the objects.
DELETE FROM ipam.custom_field WHERE name IN ('House of site', 'Remark of site');
SELECT * FROM carried;
SELECT f.name, v.value FROM ipam.custom_field AS f LEFT JOIN ipam.custom_field_value AS v ON v.custom_field_id = f.id WHERE f.id > 100;

-- Built-in fields take further values. Those of some fields stand in columns of their own, which follow a
-- rename: ranges keep their addresses, and a DHCP range its server.
INSERT INTO ipam.custom_field_value (custom_field_id, value)
VALUES (1, 'LIR'), (7, 'Camera'), (8, 'Appliance'), (9, 'dhcp1'), (10, 'Ordered'), (17, 'MPLS');
INSERT INTO ipam.ip_block (network, rir) VALUES ('198.18.0.0/15', 'LIR');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Customer', 'Customer', 1, 'MPLS');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity)
VALUES ('10.0.0.100', '10.0.0.149', 'Appliance', 'dhcp1'), ('10.0.0.150', '10.0.0.199', 'MS DHCP', 'dhcp1');
INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity, device_type, state, custom_fields)
VALUES ('10.0.0.100', 'Appliance', 'dhcp1', 'Camera', 'Ordered', '{"Region": "EMEA"}'), ('10.0.0.150', 'MS DHCP', 'dhcp1', 'Host', 'In-Use', '{}');
UPDATE ipam.custom_field_value SET value = value || '!' WHERE built_in_value_number IS NULL;
SELECT network, rir FROM ipam.ip_block;
SELECT name, isolation_method FROM ipam.address_space WHERE type = 'Customer';
SELECT host(start_address) AS start, managed_by, managed_by_entity FROM ipam.ip_range ORDER BY start_address;
SELECT host(a.address) AS address, a.managed_by, a.managed_by_entity, a.device_type, a.state, a.custom_fields, host(r.start_address) AS range
FROM ipam.ip_address AS a LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id ORDER BY a.address;

-- A value that stands in such a column stays as long as it does.
DELETE FROM ipam.custom_field_value WHERE value = 'dhcp1!';
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
DELETE FROM ipam.custom_field_value WHERE value = 'LIR!';
DELETE FROM ipam.custom_field_value WHERE value = 'Camera!';
DELETE FROM ipam.custom_field_value WHERE value = 'Appliance!';
DELETE FROM ipam.custom_field_value WHERE value = 'Ordered!';
DELETE FROM ipam.custom_field_value WHERE value = 'MPLS!';
\set VERBOSITY default
UPDATE ipam.ip_address SET device_type = 'Host' WHERE device_type = 'Camera!';
DELETE FROM ipam.custom_field_value WHERE value = 'Camera!';

-- Definitions: names are unique, 2 to 255 characters, and not those of columns.
INSERT INTO ipam.custom_field (name) VALUES ('Region');
INSERT INTO ipam.custom_field (name) VALUES ('R');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO ipam.custom_field (name) VALUES ('MAC Address');
\echo :LAST_ERROR_SQLSTATE

-- Type and origin are for life.
UPDATE ipam.custom_field SET type = 'Freeform' WHERE name = 'Floor of site';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.custom_field SET origin = 'BuiltIn' WHERE name = 'Floor of site';
\echo :LAST_ERROR_SQLSTATE

-- Built-in fields come from provisioning and stay as it made them.
INSERT INTO ipam.custom_field (name, type, origin, built_in_number) VALUES ('Mine', 'Multivalued', 'BuiltIn', 18);
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.custom_field SET name = 'Continent' WHERE id = 18;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM ipam.custom_field WHERE id = 18;
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.custom_field SET id = DEFAULT WHERE name = 'Floor of site';
\echo :LAST_ERROR_SQLSTATE

-- So do built-in values.
UPDATE ipam.custom_field_value SET value = 'Nobody' WHERE custom_field_id = 8 AND value = 'Others';
\echo :LAST_ERROR_SQLSTATE
DELETE FROM ipam.custom_field_value WHERE custom_field_id = 7 AND value = 'Printer';
INSERT INTO ipam.custom_field_value (custom_field_id, value, built_in_value_number) SELECT id, 'First', 1 FROM ipam.custom_field WHERE id > 100;
INSERT INTO ipam.custom_field_value (custom_field_id, value, built_in_value_number) VALUES (8, 'Sixth', 6);
INSERT INTO ipam.custom_field_value (custom_field_id, value, built_in_value_number) VALUES (8, 'Another fifth', 5);
INSERT INTO ipam.custom_field_value (custom_field_id, value, built_in_value_number) VALUES (8, 'Zeroth', 0);
SELECT count(*) FROM ipam.custom_field_value WHERE custom_field_id = 8 AND built_in_value_number IS NOT NULL;
UPDATE ipam.custom_field_value SET custom_field_id = 7 WHERE value = 'EMEA!';
\echo :LAST_ERROR_SQLSTATE

-- Values are unique in their field, 1 to 256 characters, and for multivalued fields only.
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (1, 'RIPE');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (1, '');
INSERT INTO ipam.custom_field (name) VALUES ('Note');
INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT id, 'listed' FROM ipam.custom_field WHERE name = 'Note';
\echo :LAST_ERROR_SQLSTATE

-- 128 fields besides the built-in ones.
INSERT INTO ipam.custom_field (name) SELECT 'Field ' || n FROM generate_series(1, 126) AS n;
SELECT count(*) FROM ipam.custom_field WHERE origin = 'External';
INSERT INTO ipam.custom_field (name) VALUES ('One too many');
\echo :LAST_ERROR_SQLSTATE
DELETE FROM ipam.custom_field WHERE name = 'Field 1';
INSERT INTO ipam.custom_field (name) VALUES ('The last one');
ROLLBACK;

-- Renames and deletions need to see what others have committed.
BEGIN ISOLATION LEVEL SERIALIZABLE;
CALL ipam.provision();
INSERT INTO ipam.custom_field (name) VALUES ('Note');
UPDATE ipam.custom_field SET name = 'Remark' WHERE name = 'Note';
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
