-- A new store is empty and says so; ipam.provision() fills it once with what every store begins with.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
BEGIN;

-- Before: what needs the rows of provisioning names the call that makes them.
SELECT ipam.is_ipam_configured();
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'too early');
\echo :LAST_ERROR_SQLSTATE
SELECT ipam.check_custom_field_value(7, 'Printer');
\echo :LAST_ERROR_SQLSTATE

CALL ipam.provision();
SELECT ipam.is_ipam_configured();

-- The common properties. The date of provisioning is the time of the transaction, in UTC.
SELECT name, CASE name WHEN 'IpamConfiguredDate' THEN (value::timestamptz = date_trunc('second', now()))::text ELSE value END AS value
FROM ipam.common_property ORDER BY name COLLATE "C";
SELECT value ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$' AS iso_8601 FROM ipam.common_property WHERE name = 'IpamConfiguredDate';

-- The built-in custom fields, each with its number as id, and how many values they have.
SELECT f.id, f.name, f.type, f.origin, f.built_in_number, count(v.id) AS values
FROM ipam.custom_field AS f LEFT JOIN ipam.custom_field_value AS v ON v.custom_field_id = f.id
GROUP BY f.id ORDER BY f.id;

-- The values in the order of their numbers; the countries of ISO 3166 only in part.
\pset format unaligned
SELECT custom_field_id AS field, string_agg(format('%s %s', built_in_value_number, value), ', ' ORDER BY built_in_value_number) AS values
FROM ipam.custom_field_value WHERE custom_field_id <> 3 GROUP BY custom_field_id ORDER BY custom_field_id;
\pset format aligned
SELECT built_in_value_number AS number, value FROM ipam.custom_field_value
WHERE custom_field_id = 3 AND (built_in_value_number <= 4 OR value ~ '[^ -~]' OR value ~ '''|Germany|Zimbabwe')
ORDER BY built_in_value_number;
SELECT max(built_in_value_number), count(DISTINCT built_in_value_number) FROM ipam.custom_field_value WHERE custom_field_id = 3;

-- The logical groups and the default address space.
SELECT g.id, g.name, g.users, g.origin, g.built_in_number, l.position, f.name AS field
FROM ipam.logical_group AS g
    JOIN ipam.logical_group_field AS l ON l.logical_group_id = g.id
    JOIN ipam.custom_field AS f ON f.id = l.custom_field_id
ORDER BY g.id, l.position;
SELECT id, name, type, is_default, provider_id, isolation_method, custom_fields FROM ipam.address_space;

-- What users add gets ids of its own.
INSERT INTO ipam.custom_field (name) VALUES ('Building') RETURNING id > 100 AS id_of_its_own;
INSERT INTO ipam.address_space (name) VALUES ('Lab') RETURNING id > 1 AS id_of_its_own;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'now possible') RETURNING address_space_id, network;

-- Once is enough.
UPDATE ipam.common_property SET value = '2026-01-02T03:04:05Z' WHERE name = 'IpamConfiguredDate';
CALL ipam.provision();
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM ipam.custom_field WHERE origin = 'BuiltIn';

-- The groups get rights on the objects of the extension. What a DBA has put into the schema is his to grant.
SAVEPOINT own_objects;
CREATE TABLE ipam.own_table (id bigint GENERATED ALWAYS AS IDENTITY);
CREATE VIEW ipam.own_view AS SELECT 1 AS id;
CREATE FUNCTION ipam.own_function() RETURNS integer LANGUAGE sql RETURN 1;
CREATE PROCEDURE ipam.own_procedure() LANGUAGE sql BEGIN ATOMIC END;
REVOKE ALL ON ALL ROUTINES IN SCHEMA ipam FROM PUBLIC, ipam_users, ipam_administrators;
REVOKE SELECT ON ALL TABLES IN SCHEMA ipam FROM ipam_users;
SELECT ipam.grant_rights();
SELECT c.relname, has_table_privilege('ipam_administrators', c.oid, 'SELECT') AS reads FROM pg_class AS c
WHERE c.relnamespace = 'ipam'::regnamespace AND c.relname IN ('own_table', 'own_view', 'ip_address', 'ip_address_details') ORDER BY 1;
SELECT p.oid::regprocedure AS routine, has_function_privilege('ipam_users', p.oid, 'EXECUTE') AS users, has_function_privilege('ipam_administrators', p.oid, 'EXECUTE') AS administrators
FROM pg_proc AS p WHERE p.pronamespace = 'ipam'::regnamespace AND p.proname IN ('own_function', 'own_procedure', 'provision', 'get_ipam_version', 'launch_async_worker') ORDER BY p.proname;
SELECT count(*) AS without_rights FROM pg_class AS c WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname !~ '^own_' AND NOT has_table_privilege('ipam_users', c.oid, 'SELECT');
ROLLBACK TO own_objects;

-- What a group may do its members may do: names that stand for everybody or belong to the server, superusers and who
-- belongs to them cannot be groups.
SAVEPOINT unfit;
CREATE ROLE regress_ipam_superuser SUPERUSER;
CREATE ROLE regress_ipam_other IN ROLE regress_ipam_superuser;
CREATE ROLE regress_ipam_indirect IN ROLE regress_ipam_other;
UPDATE ipam.common_property SET value = 'regress_ipam_superuser' WHERE name = 'IpamSecurityGroupIpamMsmAdministrators';
SELECT ipam.missing_security_groups();
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
SELECT ipam.create_security_groups();
SELECT ipam.grant_rights();
UPDATE ipam.common_property SET value = NULL WHERE name = 'IpamConfiguredDate';
CALL ipam.provision();
\set VERBOSITY default
UPDATE ipam.common_property SET value = 'regress_ipam_indirect' WHERE name = 'IpamSecurityGroupIpamMsmAdministrators';
SELECT ipam.create_security_groups();
-- A superuser goes before those who belong to him; what the hint says helps.
SAVEPOINT several;
GRANT regress_ipam_superuser TO ipam_asm_administrators;
UPDATE ipam.common_property SET value = 'regress_ipam_superuser' WHERE name = 'IpamSecurityGroupIpamUsers';
SELECT ipam.create_security_groups();
ROLLBACK TO several;
SELECT ipam.create_security_groups();
REVOKE regress_ipam_superuser FROM regress_ipam_other;
SELECT ipam.create_security_groups();
GRANT regress_ipam_superuser TO regress_ipam_other;
UPDATE ipam.common_property SET value = 'ipam_msm_administrators' WHERE name = 'IpamSecurityGroupIpamMsmAdministrators';
UPDATE ipam.common_property SET value = 'public' WHERE name = 'IpamSecurityGroupIpamUsers';
SELECT ipam.grant_rights();
SELECT count(*) AS of_everybody FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE c.relnamespace = 'ipam'::regnamespace AND a.grantee = 0;
UPDATE ipam.common_property SET value = 'pg_monitor' WHERE name = 'IpamSecurityGroupIpamUsers';
SELECT ipam.missing_security_groups();
-- Names that only look like them, and administrators who are superusers besides, are possible.
UPDATE ipam.common_property SET value = 'PUBLIC' WHERE name = 'IpamSecurityGroupIpamUsers';
UPDATE ipam.common_property SET value = 'pgipam' WHERE name = 'IpamSecurityGroupIpamAsmAdministrators';
UPDATE ipam.common_property SET value = 'regress_ipam_other' WHERE name = 'IpamSecurityGroupIpamAdministrators';
SELECT ipam.create_security_groups(), ipam.grant_rights();
SELECT has_table_privilege('PUBLIC', 'ipam.ip_address', 'SELECT') AS reads;
ROLLBACK TO unfit;

-- A transaction that rolls back leaves the store as it was.
ROLLBACK;
SELECT ipam.is_ipam_configured(), (SELECT count(*) FROM ipam.custom_field) AS fields;
