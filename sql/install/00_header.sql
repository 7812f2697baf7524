\echo Use "CREATE EXTENSION ipam CASCADE" to load this file. \quit

-- Everything below names its schema; nothing planted in another one is picked up.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- The schema may be there before, as in a restored dump. But whoever owns it can replace what is in it, and what is in
-- it already would be taken for ours.
DO $$
DECLARE
    owner name;
    stranger text;
    grantee text;
BEGIN
    SELECT r.rolname INTO owner FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner
    WHERE n.nspname = 'ipam' AND NOT r.rolsuper AND r.rolname <> current_user;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_schema', MESSAGE = format('schema "ipam" is there already and belongs to role "%s"', owner),
            DETAIL = 'The owner of the schema could replace the objects of the extension.', HINT = 'Drop the schema, or say first: ALTER SCHEMA ipam OWNER TO CURRENT_USER. A dump is restored with --no-owner.';
    END IF;
    SELECT pg_describe_object(d.classid, d.objid, 0) INTO stranger FROM pg_depend AS d
    WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = 'ipam') AND d.classid <> 'pg_extension'::regclass LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = 'schema "ipam" is not empty', DETAIL = format('There is %s.', stranger),
            HINT = 'Drop what is in it: the extension could take it for its own.';
    END IF;
    -- What has been granted on it before, for an extension that was dropped for instance: from here on it would be among
    -- the first rights, which pg_dump takes for given and does not save. A restore grants after it has made the extension.
    FOR grantee IN
        SELECT DISTINCT coalesce(quote_ident(r.rolname), 'PUBLIC')
        FROM pg_namespace AS n CROSS JOIN aclexplode(n.nspacl) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee
        WHERE n.nspname = 'ipam' AND a.grantee <> n.nspowner AND (a.grantee = 0 OR r.oid IS NOT NULL)
    LOOP
        EXECUTE format('REVOKE ALL ON SCHEMA ipam FROM %s CASCADE', grantee);
    END LOOP;
END
$$;

COMMENT ON SCHEMA ipam IS 'IP address management: the address plan and the operations on it';
