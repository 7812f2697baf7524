-- Sessions: states, refused transitions, the foreground, rights, and notifications that always fit.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\pset null '(null)'

CREATE FUNCTION pg_temp.attempt(statement text, OUT code text, OUT fault text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    message := 'NO ERROR';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, fault = CONSTRAINT_NAME, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    detail := regexp_replace(detail, ' at .*', ' then.');
END
$$;

-- An empty store, with the ids that a new one has.
BEGIN;
ALTER TABLE ipam.async_session ALTER COLUMN id RESTART;
SELECT count(*) AS sessions, ipam.is_ipam_provisioning_in_progress(), ipam.is_schema_conversion_in_progress(),
       ipam.async_session_worker('Provisioning'), ipam.async_session_worker('SchemaConversion')
FROM ipam.async_session_status;

-- Initialized
CALL ipam.initialize_async_provisioning();
CALL ipam.initialize_async_provisioning(properties => '{"MaximumUtilizationThreshold": 90}');
CALL ipam.initialize_async_schema_conversion();
CALL ipam.initialize_async_provisioning();
CALL ipam.initialize_async_provisioning();
SELECT v.id, v.kind, v.state, v.status, v.pid, s.properties, v.started_by, v.step, v.steps, v.percent
FROM ipam.async_session_status AS v JOIN ipam.async_session AS s ON s.id = v.id ORDER BY v.id;

-- What cannot be initialized
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' | '
SELECT * FROM pg_temp.attempt($$CALL ipam.initialize_async_provisioning(properties => '{"Colour": "red", "GpoPrefix": "x", "Shape": 1}')$$);
SELECT * FROM pg_temp.attempt($$CALL ipam.initialize_async_provisioning(properties => '{"IpamConfiguredDate": "2020-01-01"}')$$);
SELECT * FROM pg_temp.attempt($$CALL ipam.initialize_async_provisioning(properties => '{"DatabaseSchemaVersion": "9.9"}')$$);
SELECT * FROM pg_temp.attempt($$CALL ipam.initialize_async_provisioning(properties => '["GpoPrefix"]')$$);
SELECT * FROM pg_temp.attempt($$CALL ipam.initialize_async_provisioning(properties => '3')$$);
SELECT * FROM pg_temp.attempt($$CALL ipam.initialize_async_provisioning(properties => NULL)$$);
SELECT * FROM pg_temp.attempt($$CALL ipam.provision(NULL)$$);

-- No id, no such session, the wrong kind
SELECT s.* FROM unnest(ARRAY['start_async_provisioning', 'start_async_schema_conversion', 'run_async_session', 'resume_async_session',
                             'cancel_async_session']) WITH ORDINALITY AS c(name, number),
    unnest(ARRAY['NULL', '0']) WITH ORDINALITY AS a(id, number),
    format('CALL ipam.%s(%s)', c.name, a.id) AS statement, LATERAL (SELECT statement, * FROM pg_temp.attempt(statement)) AS s
ORDER BY a.number, c.number;
SELECT * FROM pg_temp.attempt('CALL ipam.start_async_provisioning(3)');
SELECT * FROM pg_temp.attempt('CALL ipam.start_async_schema_conversion(1)');

-- An initialized session cannot be resumed; it can be cancelled, once.
SELECT * FROM pg_temp.attempt('CALL ipam.resume_async_session(1)');
CALL ipam.cancel_async_session(1);
SELECT * FROM pg_temp.attempt('CALL ipam.cancel_async_session(1)');
\pset tuples_only off
\pset format aligned
\x on
SELECT id, state, status, started_at IS NULL AS unstarted, finished_at IS NOT NULL AS finished, step, cancel_requested, sqlstate, fault, message, detail, hint
FROM ipam.async_session_status WHERE id = 1;
\x off
\pset format unaligned
\pset tuples_only on
SELECT * FROM pg_temp.attempt('CALL ipam.start_async_provisioning(1)');
SELECT * FROM pg_temp.attempt('CALL ipam.run_async_session(1)');
SELECT * FROM pg_temp.attempt('CALL ipam.resume_async_session(1)');

-- Started: the second start of the same session, the start of another one, resuming what is about to be
-- worked on. (What start does but for the worker, which would wait for the end of this transaction.)
SELECT ipam.begin_async_session(4, 'Provisioning');
SELECT id, state, status, pid, started_by = current_user, step, steps, percent, remaining FROM ipam.async_session_status WHERE id = 4;
SELECT * FROM pg_temp.attempt('CALL ipam.start_async_provisioning(4)');
SELECT * FROM pg_temp.attempt('CALL ipam.start_async_provisioning(5)');
SELECT * FROM pg_temp.attempt('CALL ipam.run_async_session(4)');
SELECT * FROM pg_temp.attempt('CALL ipam.run_async_session(5)');
SELECT * FROM pg_temp.attempt('CALL ipam.resume_async_session(4)');
SELECT * FROM pg_temp.attempt($$CALL ipam.provision()$$);

-- No transition but those of the model, whoever tries.
SELECT * FROM pg_temp.attempt($$UPDATE ipam.async_session SET state = 'Initialized' WHERE id = 4$$);
SELECT * FROM pg_temp.attempt($$UPDATE ipam.async_session SET state = 'Started', started_at = now(), finished_at = NULL WHERE id = 1$$);
SELECT * FROM pg_temp.attempt($$UPDATE ipam.async_session SET state = 'InProgress', started_at = now() WHERE id = 5$$);

-- Interrupted: nobody has taken it up for a while. It is resumed in the foreground, and the work is the
-- same. Steps that were done stay done.
UPDATE ipam.async_session SET started_at = now() - interval '11 seconds' WHERE id = 4;
SELECT id, state, status, pid FROM ipam.async_session_status WHERE id = 4;
SELECT ipam.advance_async_session(4) IS NULL AS ended;
SELECT ipam.advance_async_session(4) IS NULL AS ended;
SELECT id, state, status, pid, step, steps, step_name, percent, remaining FROM ipam.async_session_status WHERE id = 4;
SELECT (SELECT count(*) > 0 FROM ipam.common_property), (SELECT count(*) FROM ipam.custom_field), (SELECT count(*) FROM ipam.custom_field_value),
       ipam.is_ipam_configured();
SAVEPOINT interrupted;
CALL ipam.run_async_session(4);
SELECT id, state, status, pid, step, steps, step_name, percent, remaining, sqlstate FROM ipam.async_session_status WHERE id = 4;
SELECT ipam.is_ipam_configured(), ipam.is_ipam_provisioning_in_progress();
SELECT * FROM pg_temp.attempt('CALL ipam.run_async_session(4)');
SELECT * FROM pg_temp.attempt('CALL ipam.cancel_async_session(4)');
SELECT ipam.advance_async_session(4) IS NULL AS nothing_left;
SELECT code, fault, message, hint FROM pg_temp.attempt('CALL ipam.run_async_session(5)');
SELECT id, state, status FROM ipam.async_session_status WHERE id = 5;

-- Or it is cancelled, or another session takes over.
ROLLBACK TO interrupted;
CALL ipam.cancel_async_session(4);
SELECT id, state, status, step, sqlstate, fault, message FROM ipam.async_session_status WHERE id = 4;
ROLLBACK TO interrupted;
CALL ipam.run_async_session(2);
SELECT id, state, status, step, sqlstate, fault, message FROM ipam.async_session_status WHERE id IN (2, 4) ORDER BY id;
SELECT ipam.is_ipam_configured(), (SELECT value FROM ipam.common_property WHERE name = 'MaximumUtilizationThreshold');
ROLLBACK;

-- Properties: names of the security groups, thresholds; what has the wrong form fails the session.
BEGIN;
CALL ipam.provision('{"IpamSecurityGroupIpamUsers": "regress ipam users", "IpamSecurityGroupIpamAdministrators": "regress_ipam_Admins", "GpoPrefix": "corp", "ProvisioningMode": "Automatic"}');
SELECT name, value FROM ipam.common_property WHERE name ~ 'Ipam(Users|Administrators)|^GpoPrefix|^Prov|Threshold' ORDER BY name COLLATE "C";
SELECT rolname, rolcanlogin, has_schema_privilege(oid, 'ipam', 'USAGE') AS uses, has_table_privilege(oid, 'ipam.ip_address', 'SELECT') AS reads,
       has_table_privilege(oid, 'ipam.ip_address', 'INSERT') AS writes, has_table_privilege(oid, 'ipam.common_property', 'UPDATE') AS administers
FROM pg_roles WHERE rolname LIKE 'regress%ipam%' ORDER BY rolname COLLATE "C";
ROLLBACK;
SELECT count(*) FROM pg_roles WHERE rolname LIKE 'regress%ipam%';
BEGIN;
SELECT * FROM pg_temp.attempt($$CALL ipam.provision('{"MaximumUtilizationThreshold": 101}')$$);
SELECT * FROM pg_temp.attempt($$CALL ipam.provision('{"IpamSecurityGroupIpamUsers": "pg_regress_users"}')$$);
-- A failed call leaves nothing: neither the store nor the lock.
SELECT count(*) FROM ipam.async_session WHERE state <> 'Completed';
SELECT ipam.is_ipam_provisioning_in_progress(), ipam.is_ipam_configured();
SELECT * FROM pg_temp.attempt('CALL ipam.provision()');
ROLLBACK;

-- In the foreground outside of a transaction block each step commits, and a failure is recorded. The
-- next session goes on from there, and what it is asked to set is set.
CREATE FUNCTION pg_temp.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no groups today' USING ERRCODE = '55000', DETAIL = 'why', HINT = 'how'; END $$;
CREATE TRIGGER fail BEFORE INSERT ON ipam.logical_group EXECUTE FUNCTION pg_temp.fail();
\set ON_ERROR_ROLLBACK off
SELECT message AS "in a function" FROM pg_temp.attempt($$CALL ipam.provision('{"GpoPrefix": "first"}')$$);
SELECT count(*) FROM ipam.common_property;
CALL ipam.provision('{"GpoPrefix": "first"}');
SELECT state, status, step, steps, step_name, sqlstate, fault, message, detail, hint FROM ipam.async_session_status ORDER BY id DESC LIMIT 1;
SELECT count(*) FROM ipam.custom_field;
SELECT ipam.is_ipam_configured(), ipam.is_ipam_provisioning_in_progress(), count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
BEGIN;
DROP TRIGGER fail ON ipam.logical_group;
CALL ipam.provision('{"GpoPrefix": "second"}');
SELECT ipam.is_ipam_configured(), value FROM ipam.common_property WHERE name = 'GpoPrefix';
ROLLBACK;
DROP TRIGGER fail ON ipam.logical_group;
SET client_min_messages = warning;
TRUNCATE ipam.async_session, ipam.common_property, ipam.custom_field, ipam.custom_field_value CASCADE;
RESET client_min_messages;

-- What is in the way of a caller's transaction is the caller's to decide: it is not tried for ever.
CREATE FUNCTION pg_temp.busy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'busy' USING ERRCODE = 'lock_not_available'; END $$;
CREATE TRIGGER busy BEFORE INSERT ON ipam.logical_group EXECUTE FUNCTION pg_temp.busy();
BEGIN;
SET LOCAL statement_timeout = '10s';
CALL ipam.provision();
ROLLBACK;
DROP TRIGGER busy ON ipam.logical_group;
SELECT ipam.is_ipam_provisioning_in_progress();

-- Administrators
\set ON_ERROR_ROLLBACK on
\i :fresh_store
CREATE ROLE regress_ipam_nobody;
CREATE ROLE regress_ipam_user IN ROLE ipam_users;
CREATE ROLE regress_ipam_caller IN ROLE ipam_users;
CREATE ROLE regress_ipam_administrator IN ROLE ipam_administrators;
GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA ipam TO regress_ipam_caller;
CALL ipam.initialize_async_schema_conversion() \gset
SELECT NOT EXISTS (SELECT FROM pg_proc AS p, aclexplode(p.proacl) AS a
                   WHERE p.pronamespace = 'ipam'::regnamespace AND a.grantee = 0 AND p.proname NOT IN ('inetrange', 'inetmultirange'))
   AND NOT EXISTS (SELECT FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE c.relnamespace = 'ipam'::regnamespace AND a.grantee = 0)
   AS public_sees_nothing;
SET LOCAL ROLE regress_ipam_nobody;
SELECT count(*) FROM ipam.async_session_status;
CALL ipam.initialize_async_provisioning();
SET LOCAL ROLE regress_ipam_user;
SELECT count(*) FROM ipam.async_session_status;
SELECT ipam.is_administrator();
CALL ipam.initialize_async_provisioning();
SET LOCAL ROLE regress_ipam_caller;
SELECT statement, a.code, a.fault, a.message FROM (VALUES
    (1, 'CALL ipam.initialize_async_provisioning()'), (2, 'CALL ipam.initialize_async_schema_conversion()'), (3, format('CALL ipam.start_async_provisioning(%s)', :session_id)),
    (4, format('CALL ipam.start_async_schema_conversion(%s)', :session_id)), (5, format('CALL ipam.run_async_session(%s)', :session_id)),
    (6, format('CALL ipam.resume_async_session(%s)', :session_id)), (7, format('CALL ipam.cancel_async_session(%s)', :session_id)),
    (8, 'CALL ipam.provision()'), (9, 'CALL ipam.convert_schema()')) AS s(number, statement), pg_temp.attempt(statement) AS a ORDER BY number;
SET LOCAL ROLE regress_ipam_administrator;
SELECT ipam.is_administrator();
CALL ipam.initialize_async_provisioning() \gset administrators_
SELECT code, fault, message FROM pg_temp.attempt(format('CALL ipam.start_async_provisioning(%s)', :administrators_session_id));
CALL ipam.cancel_async_session(:administrators_session_id);
CALL ipam.cancel_async_session(:session_id);
RESET ROLE;
SELECT kind, state, status FROM ipam.async_session_status WHERE id IN (:session_id, :administrators_session_id) ORDER BY id;
ROLLBACK;

-- Payloads: whatever the texts are made of, a notification fits (pg_notify refuses 8000 bytes).
SELECT text, octet_length(cut) <= 1000 AS fits, octet_length(to_json(cut)::text) BETWEEN 980 AND 1000 AS full, right(cut, 3) AS mark
FROM (VALUES ('ascii', repeat('x', 100000)), ('two bytes', repeat('ä', 100000)), ('four bytes', repeat('𝄞', 100000)),
             ('mixed', repeat('aä€𝄞', 30000)), ('escaped', repeat(E'"\\\n', 30000)), ('control', repeat(chr(1), 100000))) AS t(text, given),
     ipam.cut_text(given, 1000) AS cut;
SELECT ipam.cut_text('short', 1000), ipam.cut_text('', 1000), ipam.cut_text(NULL, 1000), ipam.cut_text('äääää', 11), ipam.cut_text(repeat('ä', 5), 12);
BEGIN;
-- The payload as it is sent: pg_notify() is asked under another name.
SELECT pg_get_functiondef('ipam.notify_async_session'::regproc) AS definition \gset
CREATE TEMP TABLE sent (channel text, payload text);
SELECT replace(replace(:'definition', 'ipam.notify_async_session', 'pg_temp.send'), 'PERFORM pg_notify(', 'INSERT INTO pg_temp.sent VALUES (') AS send \gset
:send ;
DO $$
DECLARE
    given text;
    session_id bigint;
BEGIN
    FOREACH given IN ARRAY ARRAY[repeat('x', 100000), repeat('ä', 100000), repeat('𝄞', 100000), repeat(chr(1), 100000), repeat('"', 100000)] LOOP
        session_id := ipam.initialize_async_session('Provisioning');
        UPDATE ipam.async_session SET step_name = given WHERE id = session_id;
        PERFORM ipam.finish_async_session(session_id, 'XX000', given, given, given, given);
        PERFORM pg_temp.send(session_id, event) FROM unnest(ARRAY['Start', 'Checkpoint', 'Complete']) AS event;
    END LOOP;
END
$$;
SELECT payload::jsonb ->> 'event' AS event, count(*), max(octet_length(payload)) <= 7900 AS fits, bool_and(payload::jsonb ->> 'step_name' LIKE '%...') AS marked
FROM sent GROUP BY 1 ORDER BY 1;
-- The row has all of it.
SELECT min(length(message)) = 100000 AND min(length(detail)) = 100000 AND min(length(hint)) = 100000 AS all_of_it FROM ipam.async_session;
-- Members of the payloads
SELECT payload::jsonb ->> 'event' AS event, string_agg(DISTINCT key, ', ' ORDER BY key) FROM sent, jsonb_object_keys(payload::jsonb) AS key GROUP BY 1 ORDER BY 1;
SELECT DISTINCT jsonb_object_keys(payload::jsonb -> 'exception') FROM sent WHERE payload::jsonb ? 'exception' ORDER BY 1;
ROLLBACK;
-- A transaction that only reads, as all on a standby do, starts no worker.
BEGIN READ ONLY;
SELECT ipam.launch_async_worker(0);
ROLLBACK;
