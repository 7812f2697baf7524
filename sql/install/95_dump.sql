-- What pg_dump saves: the rows of every table and the state of every sequence. Not plan_lock: it is
-- derived, and the numbers of transactions mean nothing in another database.

DO $$
DECLARE
    relation oid;
BEGIN
    FOR relation IN
        SELECT c.oid FROM pg_class AS c
        WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind IN ('r', 'S') AND c.relname <> 'plan_lock'
        ORDER BY c.oid
    LOOP
        PERFORM pg_extension_config_dump(relation, '');
    END LOOP;
END
$$;
