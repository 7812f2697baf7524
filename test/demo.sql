-- A walk through ipam on the sample plan:   psql -X -q -f test/demo.sql
-- For a throw-away database: it records addresses that it does not take back.

\set QUIET on
\encoding UTF8
\pset footer off
\pset null ''
\pset border 1
SET client_min_messages = warning;

-- The statement as a user types it, and what the server says to it.
CREATE FUNCTION pg_temp.try(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN NEXT 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN QUERY SELECT t.line FROM (VALUES ('ERROR:  ' || message), ('DETAIL:  ' || nullif(detail, '')), ('HINT:  ' || nullif(hint, ''))) AS t (line)
                 WHERE t.line IS NOT NULL;
END
$$;

-- Milliseconds that a query takes: the best of seven runs.
CREATE FUNCTION pg_temp.milliseconds(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz;
    best numeric;
BEGIN
    FOR run IN 1 .. 7 LOOP
        started := clock_timestamp();
        EXECUTE query;
        best := least(best, 1000 * extract(epoch FROM clock_timestamp() - started));
    END LOOP;
    RETURN best;
END
$$;

\echo
\echo '── The plan of one site ────────────────────────────────────────────────────────────────'
\echo '   Blocks hold subnets, subnets hold ranges, ranges hold addresses. Parents are found by'
\echo '   the database, whatever the order of the INSERTs.'
\echo

SELECT plan, name, used, bar AS " " FROM ipam.plan
WHERE space = 'Default IP Address Space' AND (network <<= '10.1.0.0/16' OR network <<= '2001:db8:1001::/48');

\echo '── Free addresses ──────────────────────────────────────────────────────────────────────'
\echo '   The scanners'' range is nearly full. Which addresses are left?'
\echo
SELECT id AS r FROM ipam.ip_range WHERE start_address = '10.1.128.10' \gset
\set ECHO queries

SELECT * FROM ipam.get_free_ip_addresses(range_id => :r, count => 5);

\set ECHO none
\echo '   Take the first two. No range_id is given: the database finds it.'
\echo
\set ECHO queries

INSERT INTO ipam.ip_address (address, device_name)
SELECT address, 'ham-scn-new' FROM ipam.get_free_ip_addresses(range_id => :r, count => 2) AS f (address)
RETURNING address, range_id;

SELECT * FROM ipam.get_free_ip_addresses(range_id => :r, count => 5);

\set ECHO none
\echo '   All that is left, as runs of addresses:'
\echo
\set ECHO queries

SELECT * FROM ipam.free_ranges(range_id => :r);

\set ECHO none
\echo '── The same for IPv6 ───────────────────────────────────────────────────────────────────'
SELECT id AS r, ipam.address_count(extent) AS size FROM ipam.ip_range WHERE start_address = '2001:db8:1001:10::1:0' \gset
\echo '   A range of' :size 'addresses. The first five are kept back; some others are in use.'
\echo
\set ECHO queries

SELECT * FROM ipam.get_free_ip_addresses(range_id => :r, count => 3);

SELECT run, ipam.address_count(run) FROM ipam.free_ranges(range_id => :r) AS f (run) ORDER BY 2 DESC, 1 LIMIT 3;

\set ECHO none
\echo '── What the plan refuses ───────────────────────────────────────────────────────────────'
\echo
\pset tuples_only on
\pset format unaligned
\set statement 'INSERT INTO ipam.ip_range (start_address, end_address) VALUES (\'10.1.128.200\', \'10.1.129.20\')'
\echo :statement
SELECT * FROM pg_temp.try(:'statement');
\echo
\set statement 'INSERT INTO ipam.ip_address (address, device_name) VALUES (\'10.1.128.0/23\', \'ham-scn-0200\')'
\echo :statement
SELECT * FROM pg_temp.try(:'statement');
\echo
\set statement 'INSERT INTO ipam.ip_address (address, device_name) VALUES (\'127.0.0.1\', \'ham-scn-0201\')'
\echo :statement
SELECT * FROM pg_temp.try(:'statement');
\echo
\pset format aligned
\pset tuples_only off

\echo '── How fast ────────────────────────────────────────────────────────────────────────────'
\echo '   200,010 addresses in a /14, of which only the last ten are free:'
\echo
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.200.0.0/14', 'Speed test');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.200.0.1', '10.200.0.1'::inet + 200009)
RETURNING id AS r \gset
INSERT INTO ipam.ip_address (address) SELECT '10.200.0.1'::inet + i FROM generate_series(0, 199999) AS i;
VACUUM (ANALYZE) ipam.ip_address;
SET jit = off;
SET max_parallel_workers_per_gather = 0;

-- The best plain SQL: each address and the one after it.
SELECT format('SELECT * FROM ipam.get_free_ip_addresses(range_id => %s, count => 1)', :r) AS ours,
       format('SELECT address + 1
               FROM (SELECT address, lead(address) OVER (ORDER BY address ROWS CURRENT ROW) AS next
                     FROM ipam.ip_address WHERE range_id = %s) AS pair
               WHERE next IS DISTINCT FROM address + 1 ORDER BY address LIMIT 1', :r) AS plain \gset
WITH measured AS MATERIALIZED (
    SELECT pg_temp.milliseconds(:'ours') AS ours, pg_temp.milliseconds(:'plain') AS plain
)
SELECT w.way AS "first free address", round(w.ms, 3) AS milliseconds, round(w.ms / m.ours, 1) || ' x' AS ratio
FROM measured AS m, LATERAL (VALUES ('ipam.get_free_ip_addresses()', m.ours), ('plain SQL with lead()', m.plain)) AS w (way, ms);

\echo '   To look around in the same plan: ./run psql'
\echo
