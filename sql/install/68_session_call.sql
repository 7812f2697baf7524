-- The calls of the protocol for sessions (MS-IPAMM2 3.11.4, 3.15.4).

CREATE FUNCTION ipam.launch_async_worker(session_id bigint) RETURNS void
LANGUAGE C VOLATILE STRICT
AS 'MODULE_PATHNAME', 'ipam_launch_async_worker';
COMMENT ON FUNCTION ipam.launch_async_worker(bigint) IS
    'starts a background worker that works on the session as the current role, once this transaction has committed';

CREATE PROCEDURE ipam.initialize_async_provisioning(INOUT session_id bigint DEFAULT NULL, properties jsonb DEFAULT '{}')
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    session_id := ipam.initialize_async_session('Provisioning', properties);
END
$$;
COMMENT ON PROCEDURE ipam.initialize_async_provisioning(bigint, jsonb) IS
    'makes a provisioning session and returns its id; properties are common properties to set (MS-IPAMM2 3.11.4.1)';

CREATE PROCEDURE ipam.start_async_provisioning(session_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.begin_async_session(session_id, 'Provisioning');
    PERFORM ipam.launch_async_worker(session_id);
END
$$;
COMMENT ON PROCEDURE ipam.start_async_provisioning(bigint) IS
    'starts provisioning in the background; it begins when the transaction commits and reports on the channel ipam_provisioning (MS-IPAMM2 3.11.4.2)';

CREATE PROCEDURE ipam.initialize_async_schema_conversion(INOUT session_id bigint DEFAULT NULL)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    session_id := ipam.initialize_async_session('SchemaConversion');
END
$$;
COMMENT ON PROCEDURE ipam.initialize_async_schema_conversion(bigint) IS
    'makes a schema conversion session and returns its id (MS-IPAMM2 3.15.4.1)';

CREATE PROCEDURE ipam.start_async_schema_conversion(session_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.begin_async_session(session_id, 'SchemaConversion');
    PERFORM ipam.launch_async_worker(session_id);
END
$$;
COMMENT ON PROCEDURE ipam.start_async_schema_conversion(bigint) IS
    'starts the conversion in the background; it begins when the transaction commits and reports on the channel ipam_schema_conversion (MS-IPAMM2 3.15.4.2)';

CREATE FUNCTION ipam.require_interrupted(session_id bigint) RETURNS ipam.async_session_kind
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    s ipam.async_session_status;
BEGIN
    PERFORM ipam.locked_async_session(session_id);
    SELECT * INTO s FROM ipam.async_session_status WHERE id = session_id;
    IF s.status <> 'interrupted' THEN
        refused := ipam.raise_fault('IpamApiObjectStateIsInvalid', format('session %s cannot be resumed', session_id),
            format('It is %s.', s.status), 'Only an interrupted session can be resumed.');
    END IF;
    RETURN s.kind;
END
$$;
COMMENT ON FUNCTION ipam.require_interrupted(bigint) IS 'kind of the session, or a fault where it has not been interrupted';

CREATE PROCEDURE ipam.resume_async_session(session_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.require_interrupted(session_id);
    PERFORM ipam.launch_async_worker(session_id);
END
$$;
COMMENT ON PROCEDURE ipam.resume_async_session(bigint) IS 'a new worker goes on with an interrupted session from its last checkpoint';

CREATE PROCEDURE ipam.cancel_async_session(session_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    s ipam.async_session_status;
BEGIN
    PERFORM ipam.require_administrator();
    -- Waits for the step or batch at work, whose transaction holds the row.
    UPDATE ipam.async_session SET cancel_requested = true WHERE id = session_id AND state <> 'Completed';
    SELECT * INTO s FROM ipam.async_session_status WHERE id = session_id;
    IF s.id IS NULL OR s.state = 'Completed' THEN
        PERFORM ipam.locked_async_session(session_id);
        refused := ipam.raise_fault('IpamApiObjectStateIsInvalid', format('session %s cannot be cancelled', session_id), 'It has ended.');
    ELSIF s.status IN ('initialized', 'interrupted') THEN
        PERFORM ipam.advance_async_session(session_id); -- nobody else would do it
    END IF;
END
$$;
COMMENT ON PROCEDURE ipam.cancel_async_session(bigint) IS 'ends a session: a running one at its next checkpoint, another one at once';

CREATE PROCEDURE ipam.run_async_session(session_id bigint)
LANGUAGE C
AS 'MODULE_PATHNAME', 'ipam_run_async_session';
COMMENT ON PROCEDURE ipam.run_async_session(bigint) IS
    'works on an initialized or interrupted session in the foreground; commits each step, unless it is called in a transaction block';

CREATE PROCEDURE ipam.provision(properties jsonb DEFAULT '{}')
LANGUAGE C
AS 'MODULE_PATHNAME', 'ipam_provision';
COMMENT ON PROCEDURE ipam.provision(jsonb) IS
    'provisions the store in the foreground: initialize_async_provisioning() and run_async_session() in one (MS-IPAMM2 3.3.4.37, 3.11)';

CREATE PROCEDURE ipam.convert_schema()
LANGUAGE C
AS 'MODULE_PATHNAME', 'ipam_convert_schema';
COMMENT ON PROCEDURE ipam.convert_schema() IS
    'converts the store in the foreground: initialize_async_schema_conversion() and run_async_session() in one (MS-IPAMM2 3.15)';
