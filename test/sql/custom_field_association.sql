-- Associations of custom field values: which values of two fields belong together.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store

-- The network sites of two logical networks.
INSERT INTO ipam.custom_field_value (custom_field_id, value)
VALUES (12, 'Blue'), (12, 'Green'), (14, 'Berlin'), (14, 'Hamburg'), (14, 'Munich');
SELECT ipam.set_custom_field_association(12, 14, '{{Blue,Berlin},{Blue,Hamburg},{Green,Munich}}');
SELECT associated_value AS site FROM ipam.custom_field_association
WHERE custom_field = 'Logical Network' AND value = 'Blue' AND associated_field = 'Network Site' ORDER BY 1;

-- Each pair is there once from either side.
SELECT custom_field, value, associated_field, associated_value FROM ipam.custom_field_association
WHERE custom_field_id < associated_field_id ORDER BY value, associated_value;
SELECT custom_field, value, associated_field, associated_value FROM ipam.custom_field_association WHERE value = 'Munich';

-- The new list replaces the old one, whichever field is named first, and pairs of other fields stay.
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (18, 'EMEA');
SELECT ipam.set_custom_field_association(18, 14, '{{EMEA,Berlin},{EMEA,Munich}}');
SELECT ipam.set_custom_field_association(14, 12, ARRAY[['Munich', 'Blue'], ['Berlin', 'Blue']]);
CREATE TEMP VIEW pairs AS
SELECT value, associated_value FROM ipam.custom_field_association WHERE custom_field_id < associated_field_id
ORDER BY custom_field_id, 1, 2;
SELECT * FROM pairs;
SELECT ipam.set_custom_field_association(14, 18, '{}');
SELECT * FROM pairs;

-- Single pairs are rows. Their order makes no difference.
INSERT INTO ipam.custom_field_value_association
SELECT s.id, n.id FROM ipam.custom_field_value AS s, ipam.custom_field_value AS n WHERE s.value = 'Hamburg' AND n.value = 'Green';
\set VERBOSITY sqlstate
INSERT INTO ipam.custom_field_value_association
SELECT n.id, s.id FROM ipam.custom_field_value AS s, ipam.custom_field_value AS n WHERE s.value = 'Hamburg' AND n.value = 'Green';
\set VERBOSITY default
INSERT INTO ipam.custom_field_value_association
SELECT n.id, s.id FROM ipam.custom_field_value AS s, ipam.custom_field_value AS n WHERE s.value = 'Hamburg' AND n.value = 'Green'
ON CONFLICT DO NOTHING;
UPDATE ipam.custom_field_value_association SET value_id_2 = (SELECT id FROM ipam.custom_field_value WHERE value = 'Munich')
WHERE value_id_2 = (SELECT id FROM ipam.custom_field_value WHERE value = 'Hamburg');
SELECT * FROM pairs;
SELECT bool_and(value_id_1 < value_id_2) AS in_order FROM ipam.custom_field_value_association;

-- They follow renames and go with their values and fields.
UPDATE ipam.custom_field_value SET value = 'Navy' WHERE value = 'Blue';
UPDATE ipam.custom_field_value SET value = 'Köln' WHERE value = 'Munich';
SELECT * FROM pairs;
DELETE FROM ipam.custom_field_value WHERE value = 'Köln';
SELECT * FROM pairs;
INSERT INTO ipam.custom_field (name, type) VALUES ('Building', 'Multivalued'), ('Remark', 'Freeform');
INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT id, 'HQ' FROM ipam.custom_field WHERE name = 'Building';
SELECT ipam.set_custom_field_association(id, 14, '{{HQ,Berlin}}') FROM ipam.custom_field WHERE name = 'Building';
SELECT * FROM pairs;
DELETE FROM ipam.custom_field WHERE name = 'Building';
SELECT * FROM pairs;

-- What is refused, and changes nothing.
INSERT INTO ipam.custom_field_value_association SELECT min(id), max(id) FROM ipam.custom_field_value WHERE custom_field_id = 14;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO ipam.custom_field_value_association SELECT min(id), min(id) FROM ipam.custom_field_value WHERE custom_field_id = 14;
INSERT INTO ipam.custom_field_value_association VALUES (0, 1);
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY sqlstate
INSERT INTO ipam.custom_field_value_association VALUES (1, NULL);
\set VERBOSITY default
SELECT ipam.set_custom_field_association(14, 14, '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT ipam.set_custom_field_association(14, id, '{}') FROM ipam.custom_field WHERE name = 'Remark';
\echo :LAST_ERROR_SQLSTATE
SELECT ipam.set_custom_field_association(14, 12, '{{Berlin,Navy},{Hamburg,Navy},{Berlin,Navy}}');
\echo :LAST_ERROR_SQLSTATE
SELECT ipam.set_custom_field_association(14, 12, '{{Berlin,Navy},{Hamburg,navy}}');
\echo :LAST_ERROR_SQLSTATE
SELECT ipam.set_custom_field_association(14, 12, '{{Navy,Berlin}}');
SELECT ipam.set_custom_field_association(14, 12, ARRAY[['Berlin', NULL]]);
SELECT ipam.set_custom_field_association(14, 12, '{Berlin,Navy}');
\echo :LAST_ERROR_SQLSTATE
SELECT ipam.set_custom_field_association(14, 12, '{{Berlin,Navy,Green}}');
SELECT ipam.set_custom_field_association(14, 12, NULL);
SELECT ipam.set_custom_field_association(14, NULL, '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT ipam.set_custom_field_association(14, 0, '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM pairs;

-- 2,000 pairs at once.
INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT f, 'n' || n FROM generate_series(1, 2000) AS n, (VALUES (15), (16)) AS v(f);
SELECT ipam.set_custom_field_association(15, 16, (SELECT array_agg(ARRAY['n' || n, 'n' || 2001 - n]) FROM generate_series(1, 2000) AS n));
SELECT ipam.set_custom_field_association(15, 16, (SELECT array_agg(ARRAY['n' || n, 'n' || 2001 - n]) FROM generate_series(2, 2000) AS n));
SELECT count(*) FROM ipam.custom_field_association WHERE custom_field_id = 15;
ROLLBACK;
