-- Provisions the store in the background and shows the notifications as they arrive.
-- psql -X -q -f listen.sql; the exit status is 3 after a failure, as for any script of psql.
\set ON_ERROR_STOP on
LISTEN ipam_provisioning;
CALL ipam.initialize_async_provisioning() \gset
CALL ipam.start_async_provisioning(:session_id);

-- psql shows notifications after a statement. So give it statements: for a minute, or as long as the session takes.
SELECT format('DO %L', format('BEGIN PERFORM pg_sleep(0.1) FROM ipam.async_session WHERE id = %s AND state <> %L; END', :session_id, 'Completed'))
FROM generate_series(1, 600) \gexec

-- The outcome stands in the session, too.
SELECT format('DO %L', format('BEGIN RAISE EXCEPTION USING ERRCODE = %L, MESSAGE = %L; END', sqlstate, message))
FROM ipam.async_session WHERE id = :session_id AND sqlstate IS NOT NULL \gexec
