-- Conversion of a store of version 1.0: makes the occupancy that it does not have, while others write.

CREATE FUNCTION ipam.convert_occupancy(after text, batch_rows integer, OUT rows bigint, OUT high_water text, OUT finished boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Looked through in a few milliseconds; many batches would mean many commits.
    window_rows CONSTANT bigint := greatest(batch_rows, 100000);
    proposed CONSTANT text[] := string_to_array(after, ' '); -- range, first and last address of the batch before
    place ipam.ip_range;
    first_address inet;
    looked_at inet;
BEGIN
    finished := false;
    rows := 0;
    IF proposed IS NOT NULL THEN -- it has been committed by now
        PERFORM ipam.confirm_occupancy(proposed[1]::bigint, proposed[2]::inet, proposed[3]::inet);
        SELECT r.* INTO place FROM ipam.ip_range AS r WHERE r.id = proposed[1]::bigint AND r.end_address > proposed[3]::inet;
        first_address := proposed[3]::inet + 1;
    END IF;
    IF place.id IS NULL THEN
        SELECT r.* INTO place FROM ipam.ip_range AS r
        WHERE r.id > coalesce(proposed[1]::bigint, 0) AND ipam.address_count(r.extent) >= 4096
        ORDER BY r.id LIMIT 1;
        first_address := place.start_address;
    END IF;
    -- Of an unlogged table there is no occupancy.
    IF place.id IS NULL OR (SELECT c.relpersistence FROM pg_class AS c WHERE c.oid = 'ipam.ip_address'::regclass) <> 'p' THEN
        high_water := after;
        finished := true;
        RETURN;
    END IF;
    SELECT p.looked_at, p.used INTO looked_at, rows FROM ipam.propose_occupancy(place.id, first_address, place.end_address, window_rows) AS p;
    high_water := format('%s %s %s', place.id, host(first_address), host(looked_at));
END
$$;
COMMENT ON FUNCTION ipam.convert_occupancy(text, integer) IS
    'conversion from 1.0 to 1.1: confirms the full stretches that the batch before has proposed, and proposes the next ones';

CREATE FUNCTION ipam.count_occupancy_to_convert() RETURNS bigint
LANGUAGE sql STABLE
RETURN (SELECT greatest(c.reltuples, 0)::bigint FROM pg_class AS c WHERE c.oid = 'ipam.ip_address'::regclass);
COMMENT ON FUNCTION ipam.count_occupancy_to_convert() IS 'estimated number of addresses that convert_occupancy() looks at';

CREATE FUNCTION ipam.convert_rights(after text, batch_rows integer, OUT rows bigint, OUT high_water text, OUT finished boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: extra_warnings = off
BEGIN
    IF pg_has_role(current_user, (SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'ipam'), 'USAGE') THEN
        PERFORM ipam.grant_rights();
    END IF;
    rows := 0;
    finished := true;
END
$$;
COMMENT ON FUNCTION ipam.convert_rights(text, integer) IS
    'conversion from 1.0 to 1.1: gives the security groups their rights on new objects, where the owner of the extension converts';

INSERT INTO ipam.schema_conversion (from_version, to_version) VALUES ('1.0', '1.1');
INSERT INTO ipam.schema_conversion_step (from_version, to_version, position, name, is_switch, batch_function, count_function)
VALUES ('1.0', '1.1', 1, 'rights', false, 'ipam.convert_rights', NULL),
       -- Waits for those who write addresses: tried again as it is.
       ('1.0', '1.1', 2, 'occupancy', true, 'ipam.convert_occupancy', 'ipam.count_occupancy_to_convert');
