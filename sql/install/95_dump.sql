-- What pg_dump saves: the rows of every table and the state of every sequence. Not plan_lock, which is
-- derived; not what the scripts of a version fill, which belongs to the version.

DO $$
DECLARE
    relation oid;
BEGIN
    FOR relation IN
        SELECT c.oid FROM pg_class AS c
        WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind IN ('r', 'S') AND c.relname NOT IN ('plan_lock', 'occupancy', 'occupancy_hole', 'schema_conversion', 'schema_conversion_step', 'special_purpose_network')
        ORDER BY c.oid
    LOOP
        PERFORM pg_extension_config_dump(relation, '');
    END LOOP;
END
$$;

-- Customers lie on providers, and a restore checks each row: these come first, wherever they lie in the table.
SELECT pg_extension_config_dump('ipam.address_space', 'ORDER BY provider_id NULLS FIRST');
