-- Conventions: what the catalogs say of every object of the extension. Each query returns no rows.
CREATE TEMP VIEW member AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS object
FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'ipam';
SELECT count(*) > 80 AS there_is_something_to_check FROM member;

-- Objects without a comment.
SELECT object FROM member AS m
WHERE obj_description(objid, classid::regclass::name) IS NULL
  AND NOT (classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type AS t WHERE t.oid = m.objid AND (t.typrelid <> 0 AND t.typname <> 'gateway' OR t.typelem <> 0 AND t.typlen = -1)))
  AND classid NOT IN ('pg_amop'::regclass, 'pg_amproc'::regclass)
  AND NOT (classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = m.objid AND c.relkind = 'S'))
ORDER BY 1;
-- Columns without a comment.
SELECT m.object, a.attname FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid AND c.relkind IN ('r', 'v')
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE col_description(c.oid, a.attnum) IS NULL ORDER BY 1, 2;
-- Indexes that no constraint explains and no comment either.
SELECT c.relname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN member AS m ON m.objid = i.indrelid AND m.classid = 'pg_class'::regclass
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid) AND obj_description(c.oid, 'pg_class') IS NULL;

-- SQL and plpgsql functions whose meaning follows the caller's search_path.
SELECT object FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid JOIN pg_language AS l ON l.oid = p.prolang
WHERE l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL
  AND NOT coalesce(p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false) ORDER BY 1;
-- Functions that promise more to parallel queries than the question whether the store is ready, which they ask.
SELECT object FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
WHERE p.proparallel = 's' AND concat(p.prosrc, pg_get_function_sqlbody(p.oid)) ~ 'ipam\.(require_ready_store|get_(block|subnet|range)_or_fault)\(' ORDER BY 1;
-- Functions that run with the rights of their owner.
SELECT object FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid WHERE p.prosecdef ORDER BY 1;
-- What PUBLIC may do.
SELECT object FROM member AS m LEFT JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
LEFT JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
LEFT JOIN pg_namespace AS n ON m.classid = 'pg_namespace'::regclass AND n.oid = m.objid
WHERE (p.oid IS NOT NULL AND p.proname NOT IN ('inetrange', 'inetmultirange') OR c.oid IS NOT NULL OR n.oid IS NOT NULL)
  AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, c.relacl, n.nspacl, acldefault(CASE WHEN p.oid IS NOT NULL THEN 'f' WHEN n.oid IS NOT NULL THEN 'n' ELSE 'r' END::"char", 10))) WHERE grantee = 0)
ORDER BY 1;
SELECT n.nspacl IS NULL AS schema_has_default_rights FROM pg_namespace AS n WHERE nspname = 'ipam' AND n.nspacl IS NULL;

-- Tables and sequences that pg_dump would not save, but for derived ones and those that the scripts of a version fill.
SELECT object FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid AND c.relkind IN ('r', 'S')
WHERE c.relname NOT IN ('plan_lock', 'occupancy', 'occupancy_hole', 'schema_conversion', 'schema_conversion_step', 'special_purpose_network') AND c.oid <> ALL ((SELECT extconfig FROM pg_extension WHERE extname = 'ipam')::oid[]) ORDER BY 1;
-- Foreign keys without an index that starts with their columns (deleting the other row would read the whole table).
SELECT con.conrelid::regclass AS "table", con.conname FROM pg_constraint AS con JOIN pg_namespace AS n ON n.oid = con.connamespace AND n.nspname = 'ipam'
WHERE con.contype = 'f' AND con.confrelid::regclass::text NOT IN ('ipam.address_space', 'ipam.custom_field_value')
  AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = con.conrelid AND i.indkey[0] = con.conkey[1]) ORDER BY 1, 2;
-- Constraints, triggers and indexes that an upgrade might have left out of their names' pattern.
SELECT con.conrelid::regclass, conname FROM pg_constraint AS con JOIN pg_class AS c ON c.oid = con.conrelid JOIN pg_namespace AS n ON n.oid = con.connamespace
WHERE n.nspname = 'ipam' AND conname NOT LIKE c.relname || '\_%' ORDER BY 1, 2;
-- Columns of pg_dump's trap: serial or identity columns with a default that anybody may override.
SELECT c.oid::regclass, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'ipam' AND a.attidentity = 'd';

-- Tables that could not get a column with a default in a version to come: an expression that is stored in the
-- catalogs uses their row type. (Functions that take a row have their body as text for that reason.)
DO $$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind = 'r' ORDER BY c.oid::regclass::text LOOP
        BEGIN
            EXECUTE format('ALTER TABLE %s ADD COLUMN probe integer NOT NULL DEFAULT 0', relation);
            RAISE EXCEPTION USING ERRCODE = 'XX999'; -- takes it back
        EXCEPTION
            WHEN SQLSTATE 'XX999' THEN NULL;
            WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM;
        END;
    END LOOP;
END
$$;
