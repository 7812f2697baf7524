-- Who may do what, object by object: a new one shows up here, so that somebody decides about it. Rights are what the
-- role can do, by whatever group it belongs to. The owner is an ordinary role: it was a superuser for CREATE EXTENSION.
--
-- Letters as in \dp: r SELECT, a INSERT, w UPDATE, d DELETE, D TRUNCATE, x REFERENCES, t TRIGGER; U USAGE; X EXECUTE.
-- In parentheses: the columns, where it is not all of them.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
BEGIN;
DROP EXTENSION ipam;
DROP SCHEMA ipam;
CREATE ROLE regress_ipam_owner SUPERUSER;
SET LOCAL ROLE regress_ipam_owner;
CREATE EXTENSION ipam;
CALL ipam.provision();
RESET ROLE;
ALTER ROLE regress_ipam_owner NOSUPERUSER;

CREATE TEMP VIEW grantee AS
SELECT * FROM (VALUES (1, 'public', 'public'), (2, 'users', 'ipam_users'), (3, 'msm', 'ipam_msm_administrators'), (4, 'audit', 'ipam_ip_audit_administrators'),
    (5, 'asm', 'ipam_asm_administrators'), (6, 'admins', 'ipam_administrators'), (7, 'owner', 'regress_ipam_owner')) AS g (position, name, role);

CREATE TEMP VIEW letters AS
SELECT * FROM (VALUES ('r', 'SELECT'), ('a', 'INSERT'), ('w', 'UPDATE'), ('d', 'DELETE'), ('D', 'TRUNCATE'), ('x', 'REFERENCES'), ('t', 'TRIGGER')) AS l (letter, privilege);

SELECT format('%s %s', CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END, c.relname) AS relation,
    max(m.rights) FILTER (WHERE g.name = 'public') AS public, max(m.rights) FILTER (WHERE g.name = 'users') AS users, max(m.rights) FILTER (WHERE g.name = 'msm') AS msm,
    max(m.rights) FILTER (WHERE g.name = 'audit') AS audit, max(m.rights) FILTER (WHERE g.name = 'asm') AS asm, max(m.rights) FILTER (WHERE g.name = 'admins') AS admins,
    max(m.rights) FILTER (WHERE g.name = 'owner') AS owner
FROM pg_class AS c CROSS JOIN grantee AS g CROSS JOIN LATERAL (
    SELECT string_agg(CASE WHEN has_table_privilege(g.role, c.oid, l.privilege) THEN l.letter WHEN l.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') THEN
            l.letter || (SELECT '(' || string_agg(a.attname, ' ' ORDER BY a.attnum) || ')' FROM pg_attribute AS a
                         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(g.role, c.oid, a.attnum, l.privilege)) END,
        '' ORDER BY l.privilege = 'TRIGGER', l.letter COLLATE "C" DESC) AS rights
    FROM letters AS l) AS m
WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') GROUP BY c.oid, c.relkind, c.relname ORDER BY c.relkind, c.relname COLLATE "C";

-- Sequences stand behind identity columns, which ask for no right on them.
SELECT c.relname AS sequence, string_agg(g.name, ' ' ORDER BY g.position) AS whoever_may_do_anything
FROM pg_class AS c LEFT JOIN grantee AS g ON has_sequence_privilege(g.role, c.oid, 'USAGE,SELECT,UPDATE') WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind = 'S' GROUP BY 1 ORDER BY c.relname COLLATE "C";
SELECT n.nspname AS schema, string_agg(g.name, ' ' ORDER BY g.position) FILTER (WHERE has_schema_privilege(g.role, n.oid, 'USAGE')) AS usage, string_agg(g.name, ' ' ORDER BY g.position) FILTER (WHERE has_schema_privilege(g.role, n.oid, 'CREATE')) AS create
FROM pg_namespace AS n CROSS JOIN grantee AS g WHERE n.nspname = 'ipam' GROUP BY 1;
-- The types are PUBLIC's, but nobody can name one without USAGE on the schema.
SELECT t.oid::regtype AS type, string_agg(g.name, ' ' ORDER BY g.position) AS not_usable_by
FROM pg_type AS t JOIN grantee AS g ON NOT has_type_privilege(g.role, t.oid, 'USAGE') WHERE t.typnamespace = 'ipam'::regnamespace GROUP BY 1 ORDER BY 1;

\pset format unaligned
SELECT coalesce(string_agg(g.name, ' ' ORDER BY g.position), 'nobody') AS may_call, p.oid::regprocedure AS routine
FROM pg_proc AS p LEFT JOIN grantee AS g ON has_function_privilege(g.role, p.oid, 'EXECUTE')
WHERE p.pronamespace = 'ipam'::regnamespace GROUP BY p.oid, p.prokind ORDER BY p.prokind DESC, p.oid::regprocedure::text COLLATE "C";
\pset format aligned

-- Memberships: administrators belong to all groups, all groups to the users.
SELECT r.rolname AS role, string_agg(m.rolname, ' ' ORDER BY m.rolname COLLATE "C") AS members, bool_or(r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls) AS has_more
FROM pg_roles AS r LEFT JOIN (pg_auth_members AS a JOIN pg_roles AS m ON m.oid = a.member) ON a.roleid = r.oid WHERE r.rolname LIKE 'ipam\_%' GROUP BY 1 ORDER BY r.rolname COLLATE "C";

-- An ordinary user cannot create the extension, nor hand on what he was granted.
CREATE ROLE regress_ipam_ordinary;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_ipam_ordinary', current_database()); END $$;
DROP EXTENSION ipam;
SET LOCAL ROLE regress_ipam_ordinary;
SAVEPOINT before;
CREATE EXTENSION ipam;
ROLLBACK TO before;
ROLLBACK;
