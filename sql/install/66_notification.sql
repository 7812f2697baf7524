-- Notifications of sessions: docs/notifications.md is the contract.

CREATE FUNCTION ipam.cut_text(given text, bytes integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN octet_length(to_json(given)::text) <= bytes THEN given
            ELSE (SELECT left(given, max(n)) || '...' FROM generate_series(0, bytes) AS n WHERE octet_length(to_json(left(given, n))::text) <= bytes - 3) END;
COMMENT ON FUNCTION ipam.cut_text(text, integer) IS
    'the text, or as much of it as fits into so many bytes of JSON together with the mark "..."; a control character takes six';

CREATE FUNCTION ipam.notify_async_session(session_id bigint, event text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s ipam.async_session_status;
    payload jsonb;
BEGIN
    SELECT * INTO s FROM ipam.async_session_status WHERE id = session_id;
    payload := jsonb_build_object('session_id', s.id,
        'event', CASE s.kind WHEN 'Provisioning' THEN 'NotifyAsyncProvision' ELSE 'NotifyAsyncSchemaConversion' END || event,
        'state', s.state, 'at', clock_timestamp());
    IF event <> 'Start' THEN
        payload := payload || jsonb_build_object('step', s.step, 'steps', s.steps, 'step_name', ipam.cut_text(s.step_name, 500),
            'rows_done', s.rows_done, 'rows_total', s.rows_total, 'percent', s.percent);
    END IF;
    IF event = 'Complete' THEN
        payload := payload || jsonb_build_object('result', CASE WHEN s.sqlstate IS NULL THEN 'Success' ELSE 'Failure' END,
            'exception', CASE WHEN s.sqlstate IS NOT NULL THEN jsonb_build_object('fault', ipam.cut_text(s.fault, 200), 'sqlstate', s.sqlstate,
                'message', ipam.cut_text(s.message, 1000), 'detail', ipam.cut_text(s.detail, 1000), 'hint', ipam.cut_text(s.hint, 1000)) END);
    END IF;
    PERFORM pg_notify(CASE s.kind WHEN 'Provisioning' THEN 'ipam_provisioning' ELSE 'ipam_schema_conversion' END, payload::text);
END
$$;
COMMENT ON FUNCTION ipam.notify_async_session(bigint, text) IS 'sends the event Start, Checkpoint or Complete of the session to its channel';
