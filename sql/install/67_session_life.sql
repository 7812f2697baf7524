-- The life of a session: who may start it, how it begins, goes on step by step, and ends.

-- Who may do it

CREATE FUNCTION ipam.is_administrator() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM pg_roles AS r
    WHERE pg_has_role(current_user, r.oid, 'USAGE')
      AND (r.oid = (SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'ipam')
           OR r.rolname = (SELECT p.value FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamAdministrators')));
COMMENT ON FUNCTION ipam.is_administrator() IS
    'whether the role is a superuser, owns the extension or belongs to the administrators'' group';

CREATE FUNCTION ipam.require_administrator() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF NOT ipam.is_administrator() THEN
        refused := ipam.raise_fault('IpamApiAccessDenied', format('role "%s" is not an administrator of the store', current_user),
            'Provisioning and schema conversion are started, cancelled and resumed by the owner of the extension or an administrator.',
            'SELECT value FROM ipam.common_property WHERE name = ''IpamSecurityGroupIpamAdministrators'' names the group of administrators.');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.require_administrator() IS 'a fault where the role is not an administrator of the store';

-- The life of a session

CREATE FUNCTION ipam.initialize_async_session(kind ipam.async_session_kind, properties jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    unknown text;
    session_id bigint;
BEGIN
    PERFORM ipam.require_administrator();
    IF jsonb_typeof(properties) IS DISTINCT FROM 'object' THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'the properties are no JSON object', NULL, 'Leave them out to take the defaults.');
    END IF;
    SELECT string_agg(format('"%s"', key), ', ') INTO unknown FROM jsonb_object_keys(properties) AS key
    WHERE key NOT IN (SELECT name FROM ipam.default_properties()) OR key IN ('DatabaseSchemaVersion', 'IpamConfiguredDate');
    IF unknown IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiFailedToSaveProperty', format('provisioning cannot set %s', unknown), NULL,
            'SELECT name FROM ipam.default_properties() lists the properties; it can set all but DatabaseSchemaVersion and IpamConfiguredDate.');
    END IF;
    INSERT INTO ipam.async_session (kind, properties) VALUES (initialize_async_session.kind, initialize_async_session.properties)
    RETURNING id INTO session_id;
    RETURN session_id;
END
$$;
COMMENT ON FUNCTION ipam.initialize_async_session(ipam.async_session_kind, jsonb) IS 'makes a session and returns its id';

CREATE FUNCTION ipam.locked_async_session(session_id bigint, kind ipam.async_session_kind DEFAULT NULL) RETURNS ipam.async_session
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    s ipam.async_session;
BEGIN
    PERFORM ipam.require_administrator();
    IF session_id IS NULL THEN
        refused := ipam.raise_fault('IpamApiFieldIdNotSpecified', 'the id of the session is missing', 'session_id is NULL.',
            'SELECT id, kind, status FROM ipam.async_session_status lists the sessions.');
    END IF;
    SELECT * INTO s FROM ipam.async_session WHERE id = session_id FOR UPDATE;
    IF s.id IS NULL THEN
        refused := ipam.raise_fault('IpamApiObjectNotFoundInDatabase', format('there is no session %s', session_id), NULL,
            'SELECT id, kind, status FROM ipam.async_session_status lists the sessions.');
    ELSIF s.kind <> locked_async_session.kind THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', format('session %s is not of kind %s', session_id, locked_async_session.kind),
            format('It is of kind %s.', s.kind), 'SELECT id, kind, status FROM ipam.async_session_status lists the sessions.');
    END IF;
    RETURN s;
END
$$;
COMMENT ON FUNCTION ipam.locked_async_session(bigint, ipam.async_session_kind) IS 'the session, locked, or a fault where there is none of the kind or the role is not an administrator';

CREATE FUNCTION ipam.finish_async_session(session_id bigint, sqlstate text DEFAULT NULL, fault text DEFAULT NULL,
    message text DEFAULT NULL, detail text DEFAULT NULL, hint text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE ipam.async_session AS s
    SET state = 'Completed', finished_at = clock_timestamp(), sqlstate = finish_async_session.sqlstate,
        -- What is no fault of ours has the protocol's name for the failure of the whole.
        fault = CASE WHEN finish_async_session.sqlstate LIKE 'IP%' THEN finish_async_session.fault
                     WHEN finish_async_session.sqlstate IS NOT NULL AND s.kind = 'Provisioning' THEN 'IpamApiUnabletoProvisionIpam'
                     WHEN finish_async_session.sqlstate IS NOT NULL THEN 'IpamSchemaConversionFailed' END,
        message = finish_async_session.message, detail = nullif(finish_async_session.detail, ''), hint = nullif(finish_async_session.hint, '')
    WHERE s.id = session_id AND s.state <> 'Completed';
    IF FOUND THEN
        PERFORM ipam.notify_async_session(session_id, 'Complete');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.finish_async_session(bigint, text, text, text, text, text) IS 'ends a session, with an error where sqlstate is given, and says so';

-- The session may be worked on from now on: by a worker after the commit, or by this process.
CREATE FUNCTION ipam.begin_async_session(session_id bigint, kind ipam.async_session_kind DEFAULT NULL) RETURNS ipam.async_session_kind
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    s ipam.async_session;
    other ipam.async_session_status;
    in_progress text;
BEGIN
    s := ipam.locked_async_session(session_id, kind);
    in_progress := CASE s.kind WHEN 'Provisioning' THEN 'IpamApiProvisioningAlreadyInProgress' ELSE 'IpamSchemaConversionAnotherOperationInProgress' END;
    IF s.state <> 'Initialized' THEN
        refused := ipam.raise_fault('IpamApiObjectStateIsInvalid', format('session %s cannot be started', session_id),
            format('It is in state %s.', s.state), 'Initialize a new session, or resume one that has been interrupted.');
    END IF;
    SELECT * INTO other FROM ipam.async_session_status AS o WHERE o.kind = s.kind AND o.state IN ('Started', 'InProgress');
    IF other.status IN ('starting', 'running') THEN
        refused := ipam.raise_fault(in_progress, format('session %s is already at work', other.id),
            format('%s started it at %s.', other.started_by, other.started_at), format('Wait for it, or CALL ipam.cancel_async_session(%s).', other.id));
    ELSIF other.status = 'interrupted' THEN
        PERFORM ipam.finish_async_session(other.id, '57P02', NULL, format('session %s was interrupted, and session %s went on', other.id, session_id));
    END IF;
    IF s.kind = 'Provisioning' THEN
        PERFORM ipam.refuse_if_configured();
    ELSE
        PERFORM ipam.conversion_path();
    END IF;
    BEGIN
        UPDATE ipam.async_session AS n SET state = 'Started', started_by = current_user, started_at = clock_timestamp(),
            steps = CASE n.kind WHEN 'Provisioning' THEN cardinality(ipam.provisioning_steps()) ELSE ipam.count_conversion_steps() END
        WHERE n.id = session_id;
    EXCEPTION WHEN unique_violation THEN
        refused := ipam.raise_fault(in_progress, 'another session was started at the same moment', NULL,
            'SELECT * FROM ipam.async_session_status shows it.');
    END;
    PERFORM ipam.notify_async_session(session_id, 'Start');
    RETURN s.kind;
END
$$;
COMMENT ON FUNCTION ipam.begin_async_session(bigint, ipam.async_session_kind) IS 'takes an initialized session to Started, or a fault that says why not';

CREATE FUNCTION ipam.is_worker_terminated() RETURNS boolean
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'ipam_is_worker_terminated';
COMMENT ON FUNCTION ipam.is_worker_terminated() IS 'whether this process is a worker that has been told to end';

-- One step or batch, to be committed by the caller. What goes wrong ends the session; what is only in
-- the way is tried again, which takes a new transaction.
CREATE FUNCTION ipam.advance_async_session(session_id bigint, again boolean DEFAULT true) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s ipam.async_session;
    finished boolean;
    began CONSTANT timestamptz := clock_timestamp();
    code text;
    fault text;
    message text;
    detail text;
    hint text;
BEGIN
    s := ipam.locked_async_session(session_id);
    IF s.state = 'Completed' THEN
        RETURN NULL;
    ELSIF s.cancel_requested THEN
        PERFORM ipam.finish_async_session(session_id, '57014', NULL,
            format('session %s was cancelled', session_id), NULL, 'A new session goes on where this one stopped.');
        RETURN NULL;
    END IF;
    BEGIN
        finished := CASE s.kind WHEN 'Provisioning' THEN ipam.provisioning_step(s) ELSE ipam.conversion_step(s) END;
    EXCEPTION
        WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
            IF NOT again THEN
                RAISE;
            END IF;
            -- Milliseconds until the next try: the longer it lasts, the less often others are held up by it.
            RETURN least(5000, greatest(200, 100 * extract(epoch FROM clock_timestamp() - coalesce(s.progressed_at, s.started_at))));
        WHEN query_canceled OR assert_failure OR OTHERS THEN
            GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, fault = CONSTRAINT_NAME, message = MESSAGE_TEXT,
                detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
            IF code = '57014' AND ipam.is_worker_terminated() THEN
                code := '57P01';
                message := 'the worker was terminated by an administrator or a shutdown of the server';
                hint := 'A new session goes on where this one stopped.';
            END IF;
            PERFORM ipam.finish_async_session(session_id, code, fault, message, detail, hint);
            RETURN NULL;
    END;
    UPDATE ipam.async_session SET state = 'InProgress', progressed_at = clock_timestamp() WHERE id = session_id;
    PERFORM ipam.notify_async_session(session_id, 'Checkpoint');
    IF finished THEN
        PERFORM ipam.finish_async_session(session_id);
        RETURN NULL;
    END IF;
    RETURN ipam.work_pause(extract(epoch FROM clock_timestamp() - began));
END
$$;
COMMENT ON FUNCTION ipam.advance_async_session(bigint, boolean) IS
    'does the next step or batch of a session; returns the milliseconds to wait before the next one, or NULL at the end; again: what is in the way is tried again';

CREATE FUNCTION ipam.work_pause(worked_seconds numeric) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT (1000 * worked_seconds * (100 - share) / share)::integer
        FROM (SELECT coalesce(nullif(current_setting('ipam.work_share', true), ''), '100')::numeric AS share) AS s);
COMMENT ON FUNCTION ipam.work_pause(numeric) IS
    'milliseconds to rest after so much work, so that work takes ipam.work_share percent of the time';
