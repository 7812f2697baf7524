-- A store as provisioning makes it, in a transaction that the test rolls back; ids start where they
-- start in a new database, whatever tests ran before.
BEGIN;
DO $$
DECLARE
    identity record;
BEGIN
    FOR identity IN
        SELECT a.attrelid::regclass AS relation, a.attname AS name FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'ipam'::regnamespace AND a.attidentity <> ''
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I RESTART', identity.relation, identity.name);
    END LOOP;
END
$$;
CALL ipam.provision();
