-- Sessions: provisioning and schema conversion as jobs with states, progress and notifications
-- (MS-IPAMM2 3.11, 3.15).
--
-- Whether a session is being worked on is never a stored flag: whoever works on it holds an advisory
-- lock of its kind, which goes with him, however he goes.

CREATE TYPE ipam.async_session_kind AS ENUM ('Provisioning', 'SchemaConversion');
COMMENT ON TYPE ipam.async_session_kind IS 'what a session does';

CREATE TYPE ipam.async_session_state AS ENUM ('Initialized', 'Started', 'InProgress', 'Completed');
COMMENT ON TYPE ipam.async_session_state IS
    'Initialized: made; Started: to be worked on; InProgress: a checkpoint has been reached; Completed: ended, with or without a fault';

CREATE TABLE ipam.async_session (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind             ipam.async_session_kind NOT NULL,
    state            ipam.async_session_state NOT NULL DEFAULT 'Initialized',
    properties       jsonb NOT NULL DEFAULT '{}',
    started_by       name,
    initialized_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at       timestamptz,
    progressed_at    timestamptz,
    finished_at      timestamptz,
    step             integer NOT NULL DEFAULT 0,
    steps            integer,
    step_name        text,
    rows_done        bigint,
    rows_total       bigint,
    cancel_requested boolean NOT NULL DEFAULT false,
    sqlstate         text,
    fault            text,
    message          text,
    detail           text,
    hint             text,

    CONSTRAINT async_session_times CHECK ((state = 'Completed') = (finished_at IS NOT NULL)
        AND (state IN ('Initialized', 'Completed') OR started_at IS NOT NULL))
);
COMMENT ON TABLE ipam.async_session IS 'one row for each provisioning or schema conversion: state, progress and outcome';
COMMENT ON COLUMN ipam.async_session.id IS 'id, in every notification of the session';
COMMENT ON COLUMN ipam.async_session.kind IS 'Provisioning or SchemaConversion';
COMMENT ON COLUMN ipam.async_session.state IS 'Initialized, Started, InProgress, Completed; whether somebody works on it: async_session_status';
COMMENT ON COLUMN ipam.async_session.properties IS 'common properties that provisioning sets, by name';
COMMENT ON COLUMN ipam.async_session.started_by IS 'role that started it, and as which the worker runs';
COMMENT ON COLUMN ipam.async_session.initialized_at IS 'time it was made';
COMMENT ON COLUMN ipam.async_session.started_at IS 'time it was started';
COMMENT ON COLUMN ipam.async_session.progressed_at IS 'time of the last checkpoint';
COMMENT ON COLUMN ipam.async_session.finished_at IS 'time it ended';
COMMENT ON COLUMN ipam.async_session.step IS 'steps done';
COMMENT ON COLUMN ipam.async_session.steps IS 'steps in all';
COMMENT ON COLUMN ipam.async_session.step_name IS 'what the last checkpoint was about';
COMMENT ON COLUMN ipam.async_session.rows_done IS 'rows converted in the present step';
COMMENT ON COLUMN ipam.async_session.rows_total IS 'rows to convert in the present step, as counted when it began';
COMMENT ON COLUMN ipam.async_session.cancel_requested IS 'whether it is to end at the next checkpoint';
COMMENT ON COLUMN ipam.async_session.sqlstate IS 'SQLSTATE of the error that ended it; NULL: none';
COMMENT ON COLUMN ipam.async_session.fault IS 'protocol name of the fault that ended it';
COMMENT ON COLUMN ipam.async_session.message IS 'message of the error that ended it';
COMMENT ON COLUMN ipam.async_session.detail IS 'its detail';
COMMENT ON COLUMN ipam.async_session.hint IS 'its hint';

CREATE UNIQUE INDEX async_session_running_key ON ipam.async_session (kind) WHERE state IN ('Started', 'InProgress');
COMMENT ON INDEX ipam.async_session_running_key IS 'one running session of each kind, also when two are started at the same moment';

-- States: 6.5 and 6.6 of the model.
CREATE FUNCTION ipam.check_async_session_state() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF (OLD.state, NEW.state) NOT IN (('Initialized', 'Started'), ('Initialized', 'Completed'), ('Started', 'InProgress'),
                                      ('Started', 'Completed'), ('InProgress', 'InProgress'), ('InProgress', 'Completed')) THEN
        refused := ipam.raise_fault('IpamApiObjectStateIsInvalid',
            format('session %s cannot go from %s to %s', OLD.id, OLD.state, NEW.state),
            'A session goes from Initialized over Started and InProgress to Completed.', 'Initialize a new session.');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.check_async_session_state() IS 'trigger: a session goes through its states in order';

CREATE TRIGGER check_async_session_state BEFORE UPDATE OF state ON ipam.async_session
    FOR EACH ROW EXECUTE FUNCTION ipam.check_async_session_state();

-- The lock

CREATE FUNCTION ipam.async_session_lock(kind ipam.async_session_kind) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE kind WHEN 'Provisioning' THEN 1 WHEN 'SchemaConversion' THEN 2 END;
COMMENT ON FUNCTION ipam.async_session_lock(ipam.async_session_kind) IS
    'second key of the advisory lock (1768972653, key) that whoever works on a session of this kind holds';

CREATE FUNCTION ipam.lock_holder(key integer) RETURNS integer
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN (
    SELECT l.pid FROM pg_locks AS l
    WHERE l.locktype = 'advisory' AND l.granted AND l.mode = 'ExclusiveLock'
      AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
      AND l.classid = 1768972653 AND l.objid = key::oid AND l.objsubid = 2
    LIMIT 1);
COMMENT ON FUNCTION ipam.lock_holder(integer) IS 'process that holds the advisory lock (1768972653, key), or NULL';

CREATE FUNCTION ipam.async_session_worker(kind ipam.async_session_kind) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.lock_holder(ipam.async_session_lock(kind));
COMMENT ON FUNCTION ipam.async_session_worker(ipam.async_session_kind) IS
    'process that works on the session of this kind, or NULL: the holder of the advisory lock';

CREATE FUNCTION ipam.is_ipam_provisioning_in_progress() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.async_session_worker('Provisioning') IS NOT NULL;
COMMENT ON FUNCTION ipam.is_ipam_provisioning_in_progress() IS 'whether somebody is provisioning the store';

CREATE FUNCTION ipam.is_schema_conversion_in_progress() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.async_session_worker('SchemaConversion') IS NOT NULL;
COMMENT ON FUNCTION ipam.is_schema_conversion_in_progress() IS 'whether somebody is converting the store (MS-IPAMM2 3.3.4.116)';

CREATE VIEW ipam.async_session_status AS
SELECT s.id, s.kind, s.state,
       CASE WHEN s.state = 'Initialized' THEN 'initialized'
            WHEN s.state = 'Completed' AND s.sqlstate IS NULL THEN 'completed'
            WHEN s.state = 'Completed' THEN 'failed'
            WHEN w.pid IS NOT NULL THEN 'running'
            WHEN s.state = 'Started' AND s.started_at > clock_timestamp() - interval '10 seconds' THEN 'starting'
            ELSE 'interrupted' END AS status,
       CASE WHEN s.state IN ('Started', 'InProgress') THEN w.pid END AS pid,
       s.started_by, s.started_at, s.progressed_at, s.finished_at, s.step, s.steps, s.step_name, s.rows_done, s.rows_total, p.percent,
       CASE WHEN s.state IN ('Started', 'InProgress') AND w.pid IS NOT NULL AND p.percent BETWEEN 1 AND 100
            THEN (s.progressed_at - s.started_at) * ((100 - p.percent) / p.percent)::double precision END AS remaining,
       s.cancel_requested, s.sqlstate, s.fault, s.message, s.detail, s.hint
FROM ipam.async_session AS s
CROSS JOIN LATERAL (SELECT ipam.async_session_worker(s.kind) AS pid) AS w
CROSS JOIN LATERAL (
    SELECT CASE WHEN s.state = 'Completed' AND s.sqlstate IS NULL THEN 100
                WHEN s.steps > 0 THEN round(100.0 * (s.step + CASE WHEN s.rows_done < s.rows_total AND s.step < s.steps
                                                                   THEN 1.0 * s.rows_done / s.rows_total ELSE 0 END) / s.steps, 1)
           END AS percent) AS p;
COMMENT ON VIEW ipam.async_session_status IS 'sessions with what is known by asking: whether somebody works on them, how far they are, how long they may take';
COMMENT ON COLUMN ipam.async_session_status.id IS 'id of the session';
COMMENT ON COLUMN ipam.async_session_status.kind IS 'Provisioning or SchemaConversion';
COMMENT ON COLUMN ipam.async_session_status.state IS 'Initialized, Started, InProgress, Completed';
COMMENT ON COLUMN ipam.async_session_status.status IS
    'initialized, starting, running, interrupted (nobody works on it any more: resume or cancel it), completed, failed';
COMMENT ON COLUMN ipam.async_session_status.pid IS 'process that works on it, as in pg_stat_activity';
COMMENT ON COLUMN ipam.async_session_status.started_by IS 'role that started it';
COMMENT ON COLUMN ipam.async_session_status.started_at IS 'time it was started';
COMMENT ON COLUMN ipam.async_session_status.progressed_at IS 'time of the last checkpoint';
COMMENT ON COLUMN ipam.async_session_status.finished_at IS 'time it ended';
COMMENT ON COLUMN ipam.async_session_status.step IS 'steps done';
COMMENT ON COLUMN ipam.async_session_status.steps IS 'steps in all';
COMMENT ON COLUMN ipam.async_session_status.step_name IS 'what the last checkpoint was about';
COMMENT ON COLUMN ipam.async_session_status.rows_done IS 'rows converted in the present step';
COMMENT ON COLUMN ipam.async_session_status.rows_total IS 'rows to convert in the present step';
COMMENT ON COLUMN ipam.async_session_status.percent IS 'how much is done';
COMMENT ON COLUMN ipam.async_session_status.remaining IS 'estimated time to the end, from the pace so far';
COMMENT ON COLUMN ipam.async_session_status.cancel_requested IS 'whether it is to end at the next checkpoint';
COMMENT ON COLUMN ipam.async_session_status.sqlstate IS 'SQLSTATE of the error that ended it';
COMMENT ON COLUMN ipam.async_session_status.fault IS 'protocol name of the fault that ended it';
COMMENT ON COLUMN ipam.async_session_status.message IS 'message of the error that ended it';
COMMENT ON COLUMN ipam.async_session_status.detail IS 'its detail';
COMMENT ON COLUMN ipam.async_session_status.hint IS 'its hint';
