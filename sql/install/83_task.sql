-- Tasks: work on the store that a scheduler calls now and then (MS-IPAMM2 3.1.1.1.29, 3.3.4.80). Each is a procedure
-- that works in batches: src/worker/task.cpp is the loop around advance_task().

CREATE TYPE ipam.task_type AS ENUM ('Utilization', 'Expiry', 'UtilizationPurge');
COMMENT ON TYPE ipam.task_type IS
    'Utilization: collect_utilization(); Expiry: check_expiry(); UtilizationPurge: purge_utilization_data()';

CREATE TYPE ipam.task_state AS ENUM ('Ready', 'Running');
COMMENT ON TYPE ipam.task_state IS 'whether a task is at work';

CREATE TABLE ipam.task_run (
    type        ipam.task_type PRIMARY KEY,
    started_by  name NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    until       timestamptz,
    phase       integer NOT NULL DEFAULT 0,
    last_id     bigint NOT NULL DEFAULT 0,
    rows_done   bigint NOT NULL DEFAULT 0,
    sqlstate    text,
    fault       text,
    message     text,
    detail      text,
    hint        text
);
COMMENT ON TABLE ipam.task_run IS 'the last run of each task, and while it runs how far it is';
COMMENT ON COLUMN ipam.task_run.type IS 'the task';
COMMENT ON COLUMN ipam.task_run.started_by IS 'role that called it';
COMMENT ON COLUMN ipam.task_run.started_at IS 'time of the call';
COMMENT ON COLUMN ipam.task_run.finished_at IS 'time it ended; NULL: it runs, or was interrupted';
COMMENT ON COLUMN ipam.task_run.until IS 'end of the time that a purge is about';
COMMENT ON COLUMN ipam.task_run.phase IS 'what it works on: 0, 1, ...';
COMMENT ON COLUMN ipam.task_run.last_id IS 'id up to which the phase is done';
COMMENT ON COLUMN ipam.task_run.rows_done IS 'rows written or deleted so far';
COMMENT ON COLUMN ipam.task_run.sqlstate IS 'SQLSTATE of the error that ended it; NULL: none';
COMMENT ON COLUMN ipam.task_run.fault IS 'protocol name of the fault that ended it; NULL where the error is PostgreSQL''s own';
COMMENT ON COLUMN ipam.task_run.message IS 'message of the error that ended it';
COMMENT ON COLUMN ipam.task_run.detail IS 'its detail';
COMMENT ON COLUMN ipam.task_run.hint IS 'its hint';

CREATE FUNCTION ipam.task_lock(task ipam.task_type) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE task WHEN 'Utilization' THEN 3 WHEN 'Expiry' THEN 4 WHEN 'UtilizationPurge' THEN 5 END;
COMMENT ON FUNCTION ipam.task_lock(ipam.task_type) IS 'second key of the advisory lock (1768972653, key) that a running task holds';

CREATE FUNCTION ipam.is_task_running(task ipam.task_type) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.lock_holder(ipam.task_lock(task)) IS NOT NULL;
COMMENT ON FUNCTION ipam.is_task_running(ipam.task_type) IS 'whether a process is at work on the task (MS-IPAMM2 3.3.4.118)';

CREATE FUNCTION ipam.is_utilization_purge_running() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.is_task_running('UtilizationPurge');
COMMENT ON FUNCTION ipam.is_utilization_purge_running() IS 'whether utilization data are being purged (MS-IPAMM2 3.3.4.157)';

CREATE VIEW ipam.task AS
SELECT t.type, CASE WHEN l.pid IS NULL THEN 'Ready' ELSE 'Running' END::ipam.task_state AS state, l.pid,
       r.started_at AS last_run_time, r.finished_at - r.started_at AS last_run_duration,
       CASE WHEN r.sqlstate IS NOT NULL THEN 1 WHEN r.finished_at IS NOT NULL THEN 0 END AS last_run_result,
       CASE WHEN l.pid IS NOT NULL THEN 'running' WHEN r.type IS NULL THEN 'never run' WHEN r.sqlstate IS NOT NULL THEN r.message
            WHEN r.finished_at IS NULL THEN 'interrupted' ELSE 'done' END AS status,
       r.rows_done, r.started_by, r.sqlstate, r.fault
FROM unnest(enum_range(NULL::ipam.task_type)) AS t (type)
LEFT JOIN ipam.task_run AS r ON r.type = t.type
CROSS JOIN LATERAL (SELECT ipam.lock_holder(ipam.task_lock(t.type)) AS pid) AS l
ORDER BY t.type;
COMMENT ON VIEW ipam.task IS 'the tasks: whether they are at work, and how their last run went (MS-IPAMM2 2.2.4.442)';
COMMENT ON COLUMN ipam.task.type IS 'the task';
COMMENT ON COLUMN ipam.task.state IS 'Ready or Running';
COMMENT ON COLUMN ipam.task.pid IS 'process that works on it, as in pg_stat_activity';
COMMENT ON COLUMN ipam.task.last_run_time IS 'when its last run began; NULL: never';
COMMENT ON COLUMN ipam.task.last_run_duration IS 'how long its last run took; NULL: it runs, or was interrupted';
COMMENT ON COLUMN ipam.task.last_run_result IS '0: done; 1: failed; NULL: never run, running or interrupted';
COMMENT ON COLUMN ipam.task.status IS 'the same in words; after a failure the message of the error';
COMMENT ON COLUMN ipam.task.rows_done IS 'rows that its last run wrote or deleted';
COMMENT ON COLUMN ipam.task.started_by IS 'role that called it';
COMMENT ON COLUMN ipam.task.sqlstate IS 'SQLSTATE of the error that ended its last run';
COMMENT ON COLUMN ipam.task.fault IS 'protocol name of the fault that ended its last run; NULL where the error is PostgreSQL''s own';

CREATE FUNCTION ipam.refuse_second_task(task ipam.task_type) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    fault CONSTANT text := CASE task WHEN 'UtilizationPurge' THEN 'IpamApiIPUtilizationPurgeInProgress' ELSE 'IpamApiTaskError' END;
BEGIN
    refused := ipam.raise_fault(fault, format('task %s is already running', task),
        format('Process %s is at work on it.', ipam.lock_holder(ipam.task_lock(task))), 'SELECT * FROM ipam.task shows it. Try again when it has ended.');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.refuse_second_task(ipam.task_type) IS 'the fault of a task that another process is at work on';

CREATE FUNCTION ipam.begin_task(task ipam.task_type, until timestamptz DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    PERFORM ipam.require_ready_store();
    IF task = 'UtilizationPurge' THEN
        IF until IS NULL OR until > clock_timestamp() THEN
            refused := ipam.raise_fault('IpamApiInvalidIPUtilizationPurgeDate', format('utilization data cannot be purged up to %s', coalesce(until::text, 'NULL')),
                'What is purged was collected at that time or before; the time does not lie in the future.',
                'CALL ipam.purge_utilization_data(now() - interval ''2 years'') keeps two years.');
        END IF;
        UPDATE ipam.common_property SET value = '' WHERE name = 'LastUtilizationPurgeResult';
    END IF;
    INSERT INTO ipam.task_run AS r (type, started_by, started_at, until) VALUES (task, current_user, clock_timestamp(), begin_task.until)
    ON CONFLICT (type) DO UPDATE SET started_by = EXCLUDED.started_by, started_at = EXCLUDED.started_at, until = EXCLUDED.until,
        finished_at = NULL, phase = 0, last_id = 0, rows_done = 0, sqlstate = NULL, fault = NULL, message = NULL, detail = NULL, hint = NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.begin_task(ipam.task_type, timestamptz) IS 'a new run of a task, or the fault that says why not';

CREATE FUNCTION ipam.finish_task(task ipam.task_type, sqlstate text DEFAULT NULL, fault text DEFAULT NULL, message text DEFAULT NULL,
    detail text DEFAULT NULL, hint text DEFAULT NULL) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    UPDATE ipam.task_run AS r
    SET finished_at = clock_timestamp(), sqlstate = finish_task.sqlstate, fault = CASE WHEN finish_task.sqlstate LIKE 'IP%' THEN finish_task.fault END,
        message = finish_task.message, detail = nullif(finish_task.detail, ''), hint = nullif(finish_task.hint, '')
    WHERE r.type = task;
    UPDATE ipam.common_property AS p SET value = finish_task.message
    WHERE task = 'UtilizationPurge' AND p.name = 'LastUtilizationPurgeResult' AND finish_task.sqlstate IS NOT NULL;
END;
COMMENT ON FUNCTION ipam.finish_task(ipam.task_type, text, text, text, text, text) IS 'ends a run of a task, with an error where sqlstate is given';

-- One batch, to be committed by the caller together with how far the task is. What goes wrong ends the run.
CREATE FUNCTION ipam.advance_task(task ipam.task_type) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    run ipam.task_run;
    finished boolean;
    began CONSTANT timestamptz := clock_timestamp();
    code text;
    fault text;
    message text;
    detail text;
    hint text;
BEGIN
    SELECT * INTO STRICT run FROM ipam.task_run AS r WHERE r.type = task;
    BEGIN
        finished := CASE task WHEN 'Utilization' THEN ipam.collect_utilization_batch(run) WHEN 'Expiry' THEN ipam.check_expiry_batch(run)
                              ELSE ipam.purge_utilization_batch(run) END;
    EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, fault = CONSTRAINT_NAME, message = MESSAGE_TEXT,
            detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
        PERFORM ipam.finish_task(task, code, fault, message, detail, hint);
        RETURN NULL;
    END;
    IF finished THEN
        PERFORM ipam.finish_task(task);
        RETURN NULL;
    END IF;
    RETURN ipam.work_pause(extract(epoch FROM clock_timestamp() - began));
END
$$;
COMMENT ON FUNCTION ipam.advance_task(ipam.task_type) IS
    'does the next batch of a task; returns the milliseconds to wait before the next one, or NULL at the end';
