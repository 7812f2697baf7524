-- Logical groups: ordered lists of multivalued custom fields.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store

-- A group of one's own: by region, then by building.
INSERT INTO ipam.custom_field (name, type) VALUES ('Building', 'Multivalued'), ('Remark', 'Freeform');
INSERT INTO ipam.logical_group (name) VALUES ('Locations');
INSERT INTO ipam.logical_group_field (logical_group_id, position, custom_field_id)
SELECT g.id, p.position, f.id
FROM (VALUES (1, 'Region'), (2, 'Building')) AS p(position, field)
    JOIN ipam.custom_field AS f ON f.name = p.field
    JOIN ipam.logical_group AS g ON g.name = 'Locations';
SELECT g.name, g.users, g.origin, l.position, f.name AS field
FROM ipam.logical_group AS g
    JOIN ipam.logical_group_field AS l ON l.logical_group_id = g.id
    JOIN ipam.custom_field AS f ON f.id = l.custom_field_id
WHERE g.origin = 'External' ORDER BY l.position;

-- A level is a multivalued field.
INSERT INTO ipam.logical_group_field (logical_group_id, position, custom_field_id)
SELECT g.id, 3, f.id FROM ipam.logical_group AS g, ipam.custom_field AS f WHERE g.name = 'Locations' AND f.name = 'Remark';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.logical_group_field SET position = 0 WHERE position = 1 AND logical_group_id > 100;
\echo :LAST_ERROR_SQLSTATE

-- A field is in a group once, and a level has one field.
\set VERBOSITY sqlstate
INSERT INTO ipam.logical_group_field SELECT id, 3, 18 FROM ipam.logical_group WHERE name = 'Locations';
INSERT INTO ipam.logical_group_field SELECT id, 2, 5 FROM ipam.logical_group WHERE name = 'Locations';
\set VERBOSITY default

-- Names have 2 to 50 characters.
INSERT INTO ipam.logical_group (name) VALUES ('L');
\echo :LAST_ERROR_SQLSTATE
INSERT INTO ipam.logical_group (name) VALUES (repeat('é', 51));
INSERT INTO ipam.logical_group (name) VALUES (repeat('é', 50)) RETURNING length(name);

-- The origin is for life, and built-in groups come from provisioning.
UPDATE ipam.logical_group SET origin = 'BuiltIn' WHERE name = 'Locations';
\echo :LAST_ERROR_SQLSTATE
INSERT INTO ipam.logical_group (name, origin, built_in_number) VALUES ('Mine', 'BuiltIn', 2);
\echo :LAST_ERROR_SQLSTATE

-- A built-in group keeps its name and stays; its levels can be changed.
UPDATE ipam.logical_group SET name = 'Gear' WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
DELETE FROM ipam.logical_group WHERE id = 1;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO ipam.logical_group_field (logical_group_id, position, custom_field_id) VALUES (1, 2, 10);
SELECT l.position, f.name FROM ipam.logical_group_field AS l JOIN ipam.custom_field AS f ON f.id = l.custom_field_id
WHERE l.logical_group_id = 1 ORDER BY l.position;

-- A field stays while it is a level of a group; a renamed one is simply shown with its new name.
DELETE FROM ipam.custom_field WHERE name = 'Building';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.custom_field SET name = 'House' WHERE name = 'Building';

-- Levels go with their group, and then the field may go.
DELETE FROM ipam.logical_group WHERE name = 'Locations';
DELETE FROM ipam.custom_field WHERE name = 'House';
SELECT count(*) FROM ipam.logical_group_field WHERE logical_group_id > 100;
ROLLBACK;
