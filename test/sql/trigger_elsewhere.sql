-- Whoever may execute a trigger function may put it on a table of his own, where a column has another type, or
-- none, or rows come another way. That is an error, never a crash, and changes nothing of ipam's.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\i :fresh_store
CREATE ROLE regress_ipam_user;
GRANT ipam_users TO regress_ipam_user;
CREATE SCHEMA elsewhere AUTHORIZATION regress_ipam_user;
SET LOCAL ROLE regress_ipam_user;

CREATE FUNCTION elsewhere.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN '00000';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;

-- The tables: one that has nothing of ours, and for each of ours with triggers one with the same columns, and
-- one with the same names for other things.
CREATE TABLE elsewhere.nothing (x integer);
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY '{ip_address,ip_range,ip_subnet,ip_block}'::text[] LOOP
        EXECUTE format('CREATE TABLE elsewhere.%I AS SELECT * FROM ipam.%1$I WITH NO DATA', name);
        EXECUTE format('CREATE TABLE elsewhere.%I (%s)', name || '_numbers',
            (SELECT string_agg(format('%I integer DEFAULT 1', a.attname), ', ') FROM pg_attribute AS a WHERE a.attrelid = ('ipam.' || name)::regclass AND a.attnum > 0));
    END LOOP;
END
$$;

CREATE TABLE elsewhere.outcome (function regprocedure, relation regclass, trigger text, event text, sqlstate text);
DO $$
DECLARE
    function regprocedure;
    relation regclass;
    kind text;
    event text;
BEGIN
    FOR function, relation, kind, event IN
        SELECT p.oid, c.oid, k, e
        FROM pg_proc AS p, pg_class AS c,
            unnest('{BEFORE % FOR EACH ROW,AFTER % FOR EACH ROW,AFTER % FOR EACH STATEMENT,BEFORE % FOR EACH STATEMENT,AFTER % REFERENCING OLD TABLE AS o FOR EACH STATEMENT}'::text[]) AS k,
            unnest('{INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) AS e
        WHERE p.pronamespace = 'ipam'::regnamespace AND p.prorettype = 'trigger'::regtype
          AND c.relnamespace = 'elsewhere'::regnamespace AND c.relkind = 'r' AND c.relname <> 'outcome'
    LOOP
        EXECUTE format('INSERT INTO %s DEFAULT VALUES', relation);
        IF elsewhere.attempt(format('CREATE TRIGGER attack %s EXECUTE FUNCTION %s', regexp_replace(kind, '%', event || ' ON ' || relation), function)) = '00000' THEN
            INSERT INTO elsewhere.outcome VALUES (function, relation, kind, event, elsewhere.attempt(
                CASE event WHEN 'INSERT' THEN format('INSERT INTO %s DEFAULT VALUES', relation) WHEN 'UPDATE' THEN format('UPDATE %s SET %I = NULL', relation,
                    (SELECT attname FROM pg_attribute WHERE attrelid = relation AND attnum = 1)) WHEN 'DELETE' THEN format('DELETE FROM %s', relation) ELSE format('TRUNCATE %s', relation) END));
            EXECUTE format('DROP TRIGGER attack ON %s', relation);
        END IF;
    END LOOP;
END
$$;
-- Those in C refuse, and all fail in a way that says something, if they do. (The others find no column, or no row.)
SELECT o.function, o.sqlstate, count(*) FROM elsewhere.outcome AS o JOIN pg_proc AS p ON p.oid = o.function JOIN pg_language AS l ON l.oid = p.prolang
WHERE l.lanname = 'c' GROUP BY 1, 2 ORDER BY o.function::text, 2;
SELECT count(*) > 4000 AS there_were_attempts, count(*) FILTER (WHERE o.sqlstate ~ '^XX') AS internal_errors FROM elsewhere.outcome AS o;
CREATE TRIGGER attack BEFORE INSERT ON elsewhere.ip_address FOR EACH ROW EXECUTE FUNCTION ipam.map_address();
INSERT INTO elsewhere.ip_address DEFAULT VALUES;
CREATE TRIGGER attack BEFORE DELETE ON elsewhere.ip_range FOR EACH ROW EXECUTE FUNCTION ipam.require_sight();
DELETE FROM elsewhere.ip_range;
RESET ROLE;
SELECT count(*) FROM ipam.occupancy_hole;
ROLLBACK;
