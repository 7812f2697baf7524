-- Schema conversion: brings the data of an older store to the layout of the installed version, in small
-- batches while others go on working. ALTER EXTENSION ipam UPDATE has brought the objects before.

-- What there is to convert is registered by the scripts of the versions, and therefore not dumped.
CREATE TABLE ipam.schema_conversion (
    from_version text NOT NULL,
    to_version   text NOT NULL,
    PRIMARY KEY (from_version, to_version)
);
COMMENT ON TABLE ipam.schema_conversion IS 'version steps that the installed version can take; filled by its scripts';
COMMENT ON COLUMN ipam.schema_conversion.from_version IS 'version of the store before';
COMMENT ON COLUMN ipam.schema_conversion.to_version IS 'version of the store after';

CREATE TABLE ipam.schema_conversion_step (
    from_version   text NOT NULL,
    to_version     text NOT NULL,
    position       integer NOT NULL,
    name           text NOT NULL,
    is_switch      boolean NOT NULL DEFAULT false,
    batch_function text NOT NULL,
    count_function text,
    PRIMARY KEY (from_version, to_version, position),
    CONSTRAINT schema_conversion_step_version_fkey FOREIGN KEY (from_version, to_version) REFERENCES ipam.schema_conversion ON DELETE CASCADE
);
COMMENT ON TABLE ipam.schema_conversion_step IS 'steps of a version step, in order; filled by the scripts of the versions';
COMMENT ON COLUMN ipam.schema_conversion_step.from_version IS 'version of the store before';
COMMENT ON COLUMN ipam.schema_conversion_step.to_version IS 'version of the store after';
COMMENT ON COLUMN ipam.schema_conversion_step.position IS 'order of the step';
COMMENT ON COLUMN ipam.schema_conversion_step.name IS 'name, for people';
COMMENT ON COLUMN ipam.schema_conversion_step.is_switch IS 'whether it takes a strong lock for a moment: tried again as it is, where a batch that cannot get its locks becomes smaller';
COMMENT ON COLUMN ipam.schema_conversion_step.batch_function IS
    'function (after text, batch_rows integer, OUT rows bigint, OUT high_water text, OUT finished boolean) that goes through so many rows behind a key';
COMMENT ON COLUMN ipam.schema_conversion_step.count_function IS 'function () that estimates the rows to go through; NULL: unknown';

CREATE TABLE ipam.schema_conversion_progress (
    from_version text NOT NULL,
    to_version   text NOT NULL,
    position     integer NOT NULL,
    high_water   text,
    batch_rows   integer NOT NULL DEFAULT 500,
    rows_done    bigint NOT NULL DEFAULT 0,
    rows_total   bigint,
    is_finished  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (from_version, to_version, position)
);
COMMENT ON TABLE ipam.schema_conversion_progress IS 'how far the conversion of this store is; survives sessions, so that the next one goes on';
COMMENT ON COLUMN ipam.schema_conversion_progress.from_version IS 'version of the store before';
COMMENT ON COLUMN ipam.schema_conversion_progress.to_version IS 'version of the store after';
COMMENT ON COLUMN ipam.schema_conversion_progress.position IS 'the step';
COMMENT ON COLUMN ipam.schema_conversion_progress.high_water IS 'key of the last row that is converted';
COMMENT ON COLUMN ipam.schema_conversion_progress.batch_rows IS 'rows of the next batch, adjusted to keep a batch under 100 ms';
COMMENT ON COLUMN ipam.schema_conversion_progress.rows_done IS 'rows gone through';
COMMENT ON COLUMN ipam.schema_conversion_progress.rows_total IS 'rows to go through, as estimated so far; NULL: unknown';
COMMENT ON COLUMN ipam.schema_conversion_progress.is_finished IS 'whether the step is done';

-- Versions

CREATE FUNCTION ipam.get_ipam_version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'ipam');
COMMENT ON FUNCTION ipam.get_ipam_version() IS 'installed version of the extension (MS-IPAMM2 3.3.4.81)';

CREATE FUNCTION ipam.store_version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT p.value FROM ipam.common_property AS p WHERE p.name = 'DatabaseSchemaVersion');
COMMENT ON FUNCTION ipam.store_version() IS 'version of the layout of the store''s data; NULL before provisioning';

CREATE FUNCTION ipam.is_schema_conversion_required() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.is_ipam_configured() AND ipam.store_version() IS DISTINCT FROM ipam.get_ipam_version();
COMMENT ON FUNCTION ipam.is_schema_conversion_required() IS
    'whether the data of the store are not in the layout of the installed version (MS-IPAMM2 3.3.4.117)';

-- The gate of the operations (3.1.4.2): before provisioning, and while a conversion is required, they
-- refuse. Tables can be read.
CREATE FUNCTION ipam.refuse_unready_store() RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF NOT ipam.is_ipam_configured() THEN
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilProvisioningIsDone', 'the store has not been provisioned', NULL,
            'CALL ipam.provision(), or start it in the background: ipam.initialize_async_provisioning(), then ipam.start_async_provisioning(session_id).');
    ELSIF ipam.is_schema_conversion_required() THEN
        IF (CASE WHEN ipam.store_version() ~ '^[0-9]{1,9}([.][0-9]{1,9}){0,3}$'
                THEN string_to_array(ipam.store_version(), '.')::integer[] > string_to_array(ipam.get_ipam_version(), '.')::integer[] END) THEN
            PERFORM ipam.conversion_path(); -- has a fault of its own for a newer store, which no conversion helps
        END IF;
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilSchemaConversionIsDone', 'the store has to be converted first',
            format('Its data have the layout of version %s, the extension has version %s.', ipam.store_version(), ipam.get_ipam_version()),
            'CALL ipam.convert_schema(), or start it in the background: ipam.initialize_async_schema_conversion(), then ipam.start_async_schema_conversion(session_id).');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.refuse_unready_store() IS 'a fault that says whether the store is not provisioned or not converted';

CREATE FUNCTION ipam.require_ready_store() RETURNS void
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ipam_require_ready_store';
COMMENT ON FUNCTION ipam.require_ready_store() IS 'a fault where the store is not provisioned or not converted (MS-IPAMM2 3.1.4.2)';

-- The way from the store's version to the installed one, or a fault: none is needed, none is known, ...
CREATE FUNCTION ipam.conversion_path(OUT from_version text, OUT to_version text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    store CONSTANT text := ipam.store_version();
    installed CONSTANT text := ipam.get_ipam_version();
    way text[];
BEGIN
    IF NOT ipam.is_ipam_configured() THEN
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilProvisioningIsDone', 'the store has not been provisioned',
            'There is nothing to convert yet.', 'CALL ipam.provision() makes the store.');
    ELSIF store IS NULL OR store !~ '^[0-9]{1,9}([.][0-9]{1,9}){0,3}$' THEN
        refused := ipam.raise_fault('IpamApiErrorSchemaVersionNumberFormatError', format('"%s" is not a version', store),
            'The common property DatabaseSchemaVersion must hold the version of the store, like 1.0.');
    ELSIF store = installed THEN
        refused := ipam.raise_fault('IpamSchemaConversionNotRequired', 'no conversion is required', format('The store has version %s, as the extension.', store));
    ELSIF string_to_array(store, '.')::integer[] > string_to_array(installed, '.')::integer[] THEN
        refused := ipam.raise_fault('IpamApiErrorDatabaseIsAtHigherVersion', format('the store has version %s, the extension only %s', store, installed),
            NULL, 'Install the newer version of the extension.');
    END IF;
    WITH RECURSIVE ways AS (
        SELECT ARRAY[store] AS stops
        UNION ALL
        SELECT w.stops || c.to_version FROM ways AS w JOIN ipam.schema_conversion AS c ON c.from_version = w.stops[cardinality(w.stops)]
        WHERE c.to_version <> ALL (w.stops)
    )
    SELECT w.stops INTO way FROM ways AS w WHERE w.stops[cardinality(w.stops)] = installed ORDER BY cardinality(w.stops), w.stops LIMIT 1;
    IF way IS NULL THEN
        refused := ipam.raise_fault('IpamApiErrorUpgradePathNotAvailable', format('no way leads from version %s to version %s', store, installed),
            'No conversion is registered for it.', 'Update the extension over a version in between.');
    END IF;
    RETURN QUERY SELECT way[n], way[n + 1] FROM generate_series(1, cardinality(way) - 1) AS n ORDER BY n;
END
$$;
COMMENT ON FUNCTION ipam.conversion_path() IS 'version steps from the store to the installed version, in order, or a fault that says why there are none';

CREATE FUNCTION ipam.get_schema_conversion_info(OUT is_required boolean, OUT configured_version text, OUT next_version text, OUT installed_version text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    is_required := ipam.is_schema_conversion_required();
    configured_version := ipam.store_version();
    installed_version := ipam.get_ipam_version();
    IF is_required THEN
        next_version := (SELECT p.to_version FROM ipam.conversion_path() AS p LIMIT 1);
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.get_schema_conversion_info() IS
    'whether a conversion is required, the store''s version, the next one on the way and the installed one (MS-IPAMM2 3.3.4.100)';

-- Steps

CREATE FUNCTION ipam.count_conversion_steps() RETURNS integer
LANGUAGE sql STABLE
RETURN (SELECT (count(s.position) FILTER (WHERE g.is_finished IS NOT TRUE) + count(DISTINCT (p.from_version, p.to_version)))::integer
        FROM ipam.conversion_path() AS p
        LEFT JOIN ipam.schema_conversion_step AS s USING (from_version, to_version)
        LEFT JOIN ipam.schema_conversion_progress AS g USING (from_version, to_version, position));
COMMENT ON FUNCTION ipam.count_conversion_steps() IS
    'number of steps that are left from the store''s version to the installed one, setting the version included';

-- Nobody who writes may have to wait long for a batch: it works for about 60 ms, and gives up after 100 ms
-- what it holds when it has to wait for others itself.
CREATE FUNCTION ipam.conversion_step(session ipam.async_session) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
AS $$
DECLARE
    target_milliseconds CONSTANT numeric := 60;
    least_rows CONSTANT integer := 10;
    most_rows CONSTANT integer := 20000;
    version record;
    present ipam.schema_conversion_step;
    progress ipam.schema_conversion_progress;
    batch_done bigint;
    before text;
    smaller integer;
    finished boolean;
    steps_left integer;
    began timestamptz;
    milliseconds numeric;
BEGIN
    SELECT * INTO version FROM ipam.conversion_path() LIMIT 1;
    steps_left := ipam.count_conversion_steps();
    SELECT s.* INTO present FROM ipam.schema_conversion_step AS s
    WHERE (s.from_version, s.to_version) = (version.from_version, version.to_version)
      AND NOT EXISTS (SELECT FROM ipam.schema_conversion_progress AS p
                      WHERE (p.from_version, p.to_version, p.position) = (s.from_version, s.to_version, s.position) AND p.is_finished)
    ORDER BY s.position LIMIT 1;

    IF present.position IS NULL THEN -- all steps are done: the store has the new version
        UPDATE ipam.common_property SET value = version.to_version WHERE name = 'DatabaseSchemaVersion';
        DELETE FROM ipam.schema_conversion_progress AS p WHERE (p.from_version, p.to_version) = (version.from_version, version.to_version);
        UPDATE ipam.async_session AS s
        SET step = s.steps - steps_left + 1, step_name = format('version %s', version.to_version), rows_done = NULL, rows_total = NULL
        WHERE s.id = session.id;
        RETURN version.to_version = ipam.get_ipam_version();
    END IF;

    INSERT INTO ipam.schema_conversion_progress (from_version, to_version, position)
    VALUES (present.from_version, present.to_version, present.position) ON CONFLICT DO NOTHING;
    SELECT p.* INTO progress FROM ipam.schema_conversion_progress AS p
    WHERE (p.from_version, p.to_version, p.position) = (present.from_version, present.to_version, present.position);
    IF progress.rows_total IS NULL AND present.count_function IS NOT NULL THEN
        EXECUTE format('SELECT %s()', present.count_function::regproc) INTO progress.rows_total;
    END IF;

    before := progress.high_water;
    began := clock_timestamp();
    BEGIN
        EXECUTE format('SELECT b.rows, b.high_water, b.finished FROM %s($1, $2) AS b', present.batch_function::regproc)
            INTO batch_done, progress.high_water, finished USING progress.high_water, progress.batch_rows;
    EXCEPTION WHEN lock_not_available THEN
        -- Somebody keeps one of these rows. A smaller batch gets nearer to it, and loses less when it has to give up.
        IF present.is_switch OR progress.batch_rows <= least_rows THEN
            RAISE;
        END IF;
        smaller := greatest(progress.batch_rows / 4, least_rows);
        batch_done := 0;
        finished := false;
    END;
    milliseconds := greatest(1000 * extract(epoch FROM clock_timestamp() - began), 0.1);
    IF smaller IS NOT NULL THEN
        progress.batch_rows := smaller;
    ELSIF batch_done > 0 THEN -- only a full batch tells how many rows fit into the time
        progress.batch_rows := least(greatest(least_rows, progress.batch_rows
            * least(target_milliseconds / milliseconds, CASE WHEN batch_done >= progress.batch_rows THEN 2 ELSE 1 END)), most_rows);
    ELSIF NOT finished AND progress.high_water IS NOT DISTINCT FROM before THEN
        RAISE EXCEPTION USING ERRCODE = 'internal_error', MESSAGE = format('step "%s" does not go on', present.name),
            DETAIL = format('%s() did nothing, and did not say that it has finished.', present.batch_function);
    END IF;
    progress.rows_done := progress.rows_done + batch_done;
    IF progress.rows_total IS NOT NULL THEN -- it was an estimate, and others write
        progress.rows_total := CASE WHEN finished THEN progress.rows_done ELSE greatest(progress.rows_total, progress.rows_done + 1) END;
    END IF;

    UPDATE ipam.schema_conversion_progress AS p
    SET high_water = progress.high_water, rows_done = progress.rows_done, rows_total = progress.rows_total, is_finished = finished,
        batch_rows = progress.batch_rows
    WHERE (p.from_version, p.to_version, p.position) = (present.from_version, present.to_version, present.position);
    UPDATE ipam.async_session AS s
    SET step = s.steps - steps_left + finished::integer, step_name = present.name, rows_done = progress.rows_done, rows_total = progress.rows_total
    WHERE s.id = session.id;
    RETURN false;
END
$$;
COMMENT ON FUNCTION ipam.conversion_step(ipam.async_session) IS 'does the next batch of a schema conversion session; whether the store has the installed version now';
