\echo Use "ALTER EXTENSION ipam UPDATE" to load this file. \quit

-- From 1.0 to 1.1: occupancy.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- Occupancy: what is known to be full, so that the free search need not look at it.
--
-- A confirmed stretch says: all its addresses are used (recorded and mapped to the range), but for those in
-- chunks of 1,024 addresses that have a hole. What is not there says nothing. Nobody who records an
-- address does anything for it; whoever releases one makes a hole in the same transaction, and waits for
-- nobody: holes are only inserted.
--
-- Why no stretch is ever wrong. It is made in two transactions:
--   1. propose: the stretch is inserted, unconfirmed, and committed;
--   2. confirm: reads the proposals, waits until every transaction has ended that held a lock to write
--      ip_address, takes a new snapshot, looks at the addresses again, and confirms what this snapshot shows
--      to be full. In the same transaction go the holes that this snapshot shows: their addresses have been
--      looked at. (A proposal that another session commits during the wait is left to that session, and one of
--      the same transaction stays a proposal.)
-- Take a transaction D that releases an address of the stretch. D locks ip_address, deletes, and then reads
-- the stretches of the range, proposed ones too, as they are at that moment.
--   - D had the lock when confirm began to wait: D has ended before the snapshot, which shows the release.
--   - D got the lock later: that was after the proposal had been committed, so D sees it and makes a hole.
--     Where the snapshot shows the release, the address is not confirmed; where it does not, it does not show the
--     hole either, and the hole stays.
-- D reads the stretches of a range once: a stretch that is proposed after that waits for D's lock. A rollback
-- to a savepoint may give the lock back, so D reads again after one.
-- A reader whose snapshot shows a stretch and no hole sees each of its addresses: confirm has seen them
-- committed, and a release that the reader sees comes with its hole. That holds for old snapshots, a
-- transaction's own changes, prepared transactions and standbys alike. Serializable transactions do not use
-- occupancy: they must have read what they rely on.
-- (Within the one statement that releases an address, a function called by a trigger may miss it.)

CREATE TABLE ipam.occupancy (
    range_id      bigint NOT NULL,
    first_address inet NOT NULL,
    last_address  inet NOT NULL,
    is_confirmed  boolean NOT NULL
);
COMMENT ON TABLE ipam.occupancy IS 'stretches of addresses of which all are used, but for holes; derived, not dumped';
COMMENT ON COLUMN ipam.occupancy.range_id IS 'the range';
COMMENT ON COLUMN ipam.occupancy.first_address IS 'first address of the stretch';
COMMENT ON COLUMN ipam.occupancy.last_address IS 'last address of the stretch';
COMMENT ON COLUMN ipam.occupancy.is_confirmed IS 'false: proposed only, says nothing yet';
CREATE INDEX occupancy_range_id_first_address_idx ON ipam.occupancy (range_id, first_address);
COMMENT ON INDEX ipam.occupancy_range_id_first_address_idx IS 'the stretch at an address, and the next one';

CREATE TABLE ipam.occupancy_hole (
    range_id bigint NOT NULL,
    address  inet NOT NULL
);
COMMENT ON TABLE ipam.occupancy_hole IS 'chunks of 1,024 addresses in which an address has been released; derived, not dumped';
COMMENT ON COLUMN ipam.occupancy_hole.range_id IS 'the range';
COMMENT ON COLUMN ipam.occupancy_hole.address IS 'first address of the chunk';
-- Not unique: two transactions that release addresses of one chunk do not wait for each other.
CREATE INDEX occupancy_hole_range_id_address_idx ON ipam.occupancy_hole (range_id, address);
COMMENT ON INDEX ipam.occupancy_hole_range_id_address_idx IS 'the next hole from an address on';

-- Holes

CREATE FUNCTION ipam.open_occupancy_holes() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_open_occupancy_holes';
COMMENT ON FUNCTION ipam.open_occupancy_holes() IS 'trigger: makes holes where addresses have been deleted, once for a statement';

CREATE FUNCTION ipam.open_occupancy_hole() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_open_occupancy_hole';
COMMENT ON FUNCTION ipam.open_occupancy_hole() IS 'trigger: makes a hole where an address has been';

CREATE FUNCTION ipam.forget_occupancy() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    TRUNCATE ipam.occupancy, ipam.occupancy_hole;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.forget_occupancy() IS 'trigger: without addresses nothing is full';

CREATE TRIGGER open_occupancy_holes AFTER DELETE ON ipam.ip_address
    REFERENCING OLD TABLE AS released FOR EACH STATEMENT EXECUTE FUNCTION ipam.open_occupancy_holes();
CREATE TRIGGER open_occupancy_hole AFTER UPDATE ON ipam.ip_address FOR EACH ROW
    WHEN (OLD.range_id IS NOT NULL AND (OLD.range_id IS DISTINCT FROM NEW.range_id OR OLD.address IS DISTINCT FROM NEW.address))
    EXECUTE FUNCTION ipam.open_occupancy_hole();
CREATE TRIGGER open_replicated_occupancy_hole AFTER DELETE ON ipam.ip_address
    FOR EACH ROW EXECUTE FUNCTION ipam.open_occupancy_hole();
CREATE TRIGGER forget_occupancy AFTER TRUNCATE ON ipam.ip_address
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.forget_occupancy();
-- Also for what logical replication writes, which has no statements: it gets its rows one by one.
ALTER TABLE ipam.ip_address
    ENABLE ALWAYS TRIGGER open_occupancy_holes,
    ENABLE ALWAYS TRIGGER open_occupancy_hole,
    ENABLE REPLICA TRIGGER open_replicated_occupancy_hole,
    ENABLE ALWAYS TRIGGER forget_occupancy;

-- Stretches

CREATE FUNCTION ipam.propose_occupancy(range_id bigint, first_address inet, last_address inet, count bigint DEFAULT 1000000,
    OUT looked_at inet, OUT used bigint)
LANGUAGE C VOLATILE STRICT
AS 'MODULE_PATHNAME', 'ipam_propose_occupancy';
COMMENT ON FUNCTION ipam.propose_occupancy(bigint, inet, inet, bigint) IS
    'proposes full stretches among the first count used addresses from first to last; how far it has looked, and how many were used';

CREATE FUNCTION ipam.confirm_occupancy(range_id bigint, first_address inet, last_address inet) RETURNS bigint
LANGUAGE C VOLATILE STRICT
AS 'MODULE_PATHNAME', 'ipam_confirm_occupancy';
COMMENT ON FUNCTION ipam.confirm_occupancy(bigint, inet, inet) IS
    'makes what has been proposed from first to last, and is still full, the occupancy there; the number of stretches. The proposals have been committed before';

CREATE PROCEDURE ipam.rebuild_occupancy(range_id bigint DEFAULT NULL)
LANGUAGE plpgsql -- commits, therefore it cannot set search_path and names everything in full, types and = too
AS $$
DECLARE
    refused pg_catalog.bool;
    ids pg_catalog.int8[];
    place ipam.ip_range;
    bottom pg_catalog.inet;
    top pg_catalog.inet;
    cursor_address pg_catalog.inet;
    looked_at pg_catalog.inet;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT pg_catalog.array_agg(r.id ORDER BY r.id) INTO ids
    FROM ipam.ip_range AS r
    WHERE CASE WHEN rebuild_occupancy.range_id IS NULL THEN ipam.address_count(r.extent) OPERATOR(pg_catalog.>=) 4096
               ELSE r.id OPERATOR(pg_catalog.=) rebuild_occupancy.range_id END;
    IF ids IS NULL AND rebuild_occupancy.range_id IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiObjectNotFoundInDatabase', pg_catalog.format('there is no range %s', rebuild_occupancy.range_id));
    END IF;
    FOR i IN 1 .. coalesce(pg_catalog.cardinality(ids), 0) LOOP
        SELECT r.* INTO place FROM ipam.ip_range AS r WHERE r.id OPERATOR(pg_catalog.=) ids[i];
        bottom := CASE WHEN pg_catalog.family(place.start_address) OPERATOR(pg_catalog.=) 4 THEN '0.0.0.0'::pg_catalog.inet ELSE '::' END;
        top := CASE WHEN pg_catalog.family(place.start_address) OPERATOR(pg_catalog.=) 4 THEN '255.255.255.255'::pg_catalog.inet ELSE 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' END;
        cursor_address := place.start_address;
        WHILE cursor_address OPERATOR(pg_catalog.<=) place.end_address LOOP
            looked_at := (ipam.propose_occupancy(place.id, cursor_address, place.end_address)).looked_at;
            COMMIT;
            IF EXISTS (SELECT FROM ipam.occupancy AS o WHERE o.range_id OPERATOR(pg_catalog.=) place.id)
               OR EXISTS (SELECT FROM ipam.occupancy_hole AS o WHERE o.range_id OPERATOR(pg_catalog.=) place.id)
            THEN
                -- What is left of a time when the range was larger goes as well.
                PERFORM ipam.confirm_occupancy(place.id,
                    CASE WHEN cursor_address OPERATOR(pg_catalog.=) place.start_address THEN bottom ELSE cursor_address END,
                    CASE WHEN looked_at OPERATOR(pg_catalog.=) place.end_address THEN top ELSE looked_at END);
                COMMIT;
            END IF;
            EXIT WHEN looked_at OPERATOR(pg_catalog.=) place.end_address;
            cursor_address := looked_at OPERATOR(pg_catalog.+) 1;
        END LOOP;
    END LOOP;
    IF rebuild_occupancy.range_id IS NULL THEN -- and what is left of ranges that are gone
        PERFORM ipam.confirm_occupancy(o.range_id, '0.0.0.0', '255.255.255.255'),
                ipam.confirm_occupancy(o.range_id, '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
        FROM (SELECT s.range_id FROM ipam.occupancy AS s UNION SELECT h.range_id FROM ipam.occupancy_hole AS h) AS o
        WHERE NOT EXISTS (SELECT FROM ipam.ip_range AS r WHERE r.id OPERATOR(pg_catalog.=) o.range_id);
    END IF;
END
$$;
COMMENT ON PROCEDURE ipam.rebuild_occupancy(bigint) IS
    'makes the occupancy of a range anew, or of all ranges; commits after each step, waits for transactions that write addresses, and nobody waits for it';

CREATE FUNCTION ipam.check_occupancy() RETURNS TABLE (range_id bigint, first_address inet, last_address inet, free_addresses numeric)
LANGUAGE sql STABLE ROWS 10
BEGIN ATOMIC
    WITH hole AS (
        SELECT h.range_id, range_agg(ipam.inetrange(h.address, h.address + 1023, '[]')) AS addresses
        FROM ipam.occupancy_hole AS h GROUP BY h.range_id
    ), claim AS (
        SELECT o.range_id, c.addresses
        FROM ipam.occupancy AS o LEFT JOIN hole AS h ON h.range_id = o.range_id,
            LATERAL unnest(ipam.inetmultirange(ipam.inetrange(o.first_address, o.last_address, '[]')) - coalesce(h.addresses, '{}')) AS c (addresses)
        WHERE o.is_confirmed
    )
    SELECT c.range_id, lower(c.addresses), upper(c.addresses), ipam.address_count(c.addresses) - u.used
    FROM claim AS c, LATERAL (
        SELECT count(*) AS used FROM ipam.ip_address AS a
        WHERE a.range_id = c.range_id AND a.address BETWEEN lower(c.addresses) AND upper(c.addresses)) AS u
    WHERE ipam.address_count(c.addresses) <> u.used
    ORDER BY 1, 2;
END;
COMMENT ON FUNCTION ipam.check_occupancy() IS
    'stretches that are said to be full and are not, with the number of addresses that the search would not offer: none in a sound store';

-- How many addresses of a range are used: the walk of the free search, with its jumps.

CREATE OR REPLACE FUNCTION ipam.count_used_ip_addresses(range_id bigint) RETURNS bigint
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'ipam_count_used_ip_addresses';
COMMENT ON FUNCTION ipam.count_used_ip_addresses(bigint) IS 'how many addresses are recorded and mapped to the range; 0 for an unknown range';

-- The gate of the operations: a store that is newer than the extension is told so, and not to convert.

CREATE OR REPLACE FUNCTION ipam.refuse_unready_store() RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF NOT ipam.is_ipam_configured() THEN
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilProvisioningIsDone', 'the store has not been provisioned', NULL,
            'CALL ipam.provision(), or start it in the background with ipam.start_async_provisioning().');
    ELSIF ipam.is_schema_conversion_required() THEN
        IF (CASE WHEN ipam.store_version() ~ '^[0-9]{1,9}(\.[0-9]{1,9}){0,3}$'
                THEN string_to_array(ipam.store_version(), '.')::integer[] > string_to_array(ipam.get_ipam_version(), '.')::integer[] END) THEN
            PERFORM ipam.conversion_path(); -- has a fault of its own for a newer store, which no conversion helps
        END IF;
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilSchemaConversionIsDone', 'the store has to be converted first',
            format('Its data have the layout of version %s, the extension has version %s.', ipam.store_version(), ipam.get_ipam_version()),
            'CALL ipam.convert_schema(), or start it in the background with ipam.start_async_schema_conversion().');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.refuse_unready_store() IS 'a fault that says whether the store is not provisioned or not converted';

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
    IF place.id IS NULL THEN
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

-- Users read; administrators of address space management write the plan; administrators set it up.
CREATE OR REPLACE FUNCTION ipam.grant_rights() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    users name;
    writers name;
    administrators name;
    own record;
BEGIN
    SELECT p.value INTO users FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamUsers';
    SELECT p.value INTO writers FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamAsmAdministrators';
    SELECT p.value INTO administrators FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamAdministrators';
    EXECUTE format('GRANT USAGE ON SCHEMA ipam TO %I', users);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA ipam TO %I', users);
    -- Not ALL FUNCTIONS: the constructors of the range types belong to the server's first superuser.
    FOR own IN
        SELECT p.oid::regprocedure AS routine,
               -- In C, past the rights on tables: parts of procedures, which are the administrators'.
               CASE WHEN p.proname IN ('launch_async_worker', 'propose_occupancy', 'confirm_occupancy') THEN administrators ELSE users END AS role_name
        FROM pg_proc AS p
        WHERE p.pronamespace = 'ipam'::regnamespace AND p.prokind = 'f' AND pg_has_role(current_user, p.proowner, 'USAGE')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', own.routine, own.role_name);
    END LOOP;
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.address_space, ipam.ip_block, ipam.ip_subnet, ipam.ip_range, ipam.ip_address, '
                   'ipam.custom_field, ipam.custom_field_value, ipam.custom_field_value_association TO %I', writers);
    EXECUTE format('GRANT INSERT, UPDATE ON ipam.plan_lock TO %I', writers);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.released_address TO %I', writers);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.logical_group, ipam.logical_group_field TO %I', administrators);
    EXECUTE format('GRANT INSERT, UPDATE ON ipam.common_property, ipam.async_session, ipam.schema_conversion_progress TO %I', administrators);
    EXECUTE format('GRANT DELETE ON ipam.schema_conversion_progress TO %I', administrators);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.task_run, ipam.range_utilization_history, ipam.block_utilization_history, '
                   'ipam.range_utilization_status, ipam.expiry_event TO %I', administrators);
    EXECUTE format('GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA ipam TO %I', administrators);
END
$$;

-- Rights: PUBLIC gets nothing. The conversion gives the security groups theirs.
REVOKE ALL ON ipam.occupancy, ipam.occupancy_hole FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA ipam FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ipam.inetrange(inet, inet), ipam.inetrange(inet, inet, text), ipam.inetmultirange(),
    ipam.inetmultirange(ipam.inetrange), ipam.inetmultirange(ipam.inetrange[]) TO PUBLIC;
