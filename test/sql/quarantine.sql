-- Quarantine: a released address is not offered again before the interval of its range is over.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan'), ('2001:db8::/64', 'lan6');
INSERT INTO ipam.ip_range (start_address, end_address, quarantine) VALUES ('10.0.0.11', '10.0.0.16', '7 days'), ('2001:db8::1', '2001:db8::ff', '1 hour');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.100', '10.0.0.109');
SELECT id AS q FROM ipam.ip_range WHERE start_address = '10.0.0.11' \gset
SELECT id AS q6 FROM ipam.ip_range WHERE start_address = '2001:db8::1' \gset
SELECT id AS plain FROM ipam.ip_range WHERE start_address = '10.0.0.100' \gset
INSERT INTO ipam.ip_range (start_address, end_address, quarantine) VALUES ('10.0.0.200', '10.0.0.201', '-1 day');

SELECT address FROM ipam.allocate_ip_addresses(:q, 4);
SELECT address FROM ipam.release_ip_addresses(range_id => :q, addresses => '{10.0.0.11}');
DELETE FROM ipam.ip_address WHERE address = '10.0.0.12';
UPDATE ipam.ip_address SET address = '10.0.0.105' WHERE address = '10.0.0.13';
UPDATE ipam.ip_address SET device_name = 'stays' WHERE address = '10.0.0.14';
SELECT address, free_at - released_at AS quarantine FROM ipam.quarantined_address WHERE range_id = :q ORDER BY 1;

-- Not free, in every answer.
SELECT * FROM ipam.get_free_ip_addresses(:q, count => 10);
SELECT ipam.get_free_ip_addresses(:q, count => 10);
SELECT * FROM ipam.free_ranges(:q);
SELECT reason FROM ipam.why_not_free(:q, '10.0.0.12');
SELECT address FROM ipam.allocate_ip_addresses(:q);
SELECT address FROM ipam.allocate_ip_addresses(:q, direction => 'Highest');
CREATE FUNCTION pg_temp.detail_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE statement;
EXCEPTION WHEN SQLSTATE 'IP511' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN regexp_replace(detail, 'until .*', 'until then.');
END
$$;
SELECT pg_temp.detail_of(format('SELECT ipam.allocate_ip_addresses(%s)', :q));
SELECT pg_temp.detail_of(format('SELECT ipam.allocate_ip_addresses(%s, consecutive => true, count => 2)', :q));

-- Known addresses can be recorded all the same.
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.12') RETURNING address, range_id = :q AS mapped;
SELECT address FROM ipam.quarantined_address WHERE range_id = :q ORDER BY 1;
SELECT reason FROM ipam.why_not_free(:q, '10.0.0.12');

-- The time is over: offered again, with or without somebody cleaning up. (The clock is turned by moving the release back.)
UPDATE ipam.released_address SET released_at = released_at - interval '8 days' WHERE address = '10.0.0.13';
SELECT * FROM ipam.get_free_ip_addresses(:q, count => 10);
SELECT address FROM ipam.quarantined_address WHERE range_id = :q;
SELECT ipam.purge_released_addresses();
SELECT address FROM ipam.released_address WHERE range_id = :q ORDER BY 1;
SELECT address FROM ipam.allocate_ip_addresses(:q);
-- Released again: the time begins again.
DELETE FROM ipam.ip_address WHERE address = '10.0.0.12';
SELECT address, released_at > now() - interval '1 hour' AS new FROM ipam.quarantined_address WHERE range_id = :q ORDER BY 1;

-- The interval can be changed at any time; it counts for what was released before too.
UPDATE ipam.ip_range SET quarantine = '0' WHERE id = :q;
SELECT * FROM ipam.get_free_ip_addresses(:q, count => 10);
UPDATE ipam.ip_range SET quarantine = '1 month' WHERE id = :q;
SELECT * FROM ipam.get_free_ip_addresses(:q, count => 10);
-- The search, the view, the purge and the error have one rule for its end, whatever the lengths of months, and of days in
-- TimeZone: releases of some days around it, each 40 minutes.
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('2001:db8::1000', '2001:db8::12ff') RETURNING id AS r \gset
CREATE FUNCTION pg_temp.differences(range_id bigint, quarantine interval, OUT searched bigint, OUT purged bigint, OUT told interval) LANGUAGE plpgsql AS $$
DECLARE
    over bigint;
    detail text;
BEGIN
    UPDATE ipam.ip_range AS r SET quarantine = differences.quarantine WHERE r.id = range_id;
    DELETE FROM ipam.released_address AS q WHERE q.range_id = differences.range_id;
    INSERT INTO ipam.released_address SELECT range_id, '2001:db8::1000'::inet + i, statement_timestamp() - quarantine + (i - 384) * interval '40 minutes' FROM generate_series(0, 767) AS i;
    WITH kept AS (SELECT q.address FROM ipam.quarantined_address AS q WHERE q.range_id = differences.range_id),
        free AS (SELECT ipam.get_free_ip_addresses(range_id, count => NULL) AS address)
    SELECT count(*), count(*) FILTER (WHERE i.address IN (SELECT k.address FROM kept AS k) = i.address IN (SELECT f.address FROM free AS f)),
        count(*) FILTER (WHERE NOT i.address IN (SELECT k.address FROM kept AS k))
    INTO purged, searched, over
    FROM ipam.released_address AS i WHERE i.range_id = differences.range_id;
    purged := over - ipam.purge_released_addresses(range_id);
    BEGIN
        PERFORM ipam.allocate_ip_addresses(range_id, 768);
    EXCEPTION WHEN SQLSTATE 'IP511' THEN
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
        told := date_trunc('second', min(q.free_at)) - date_trunc('second', substring(detail from 'until (.*)[.]$')::timestamptz)
            FROM ipam.quarantined_address AS q WHERE q.range_id = differences.range_id;
    END;
END
$$;
SELECT z.name AS "TimeZone", q.quarantine, d.*
FROM (VALUES ('Europe/Berlin'), ('America/New_York'), ('Pacific/Apia')) AS z(name),
    unnest('{7 days, 168:00:00, 1 day, 1 month, 2 months, 3 months 20 days, 1 month -28 days, 400 days -1 year, 90 days 3:00, 1000 years, 12 years -4000 days}'::interval[]) AS q(quarantine),
    LATERAL (SELECT set_config('TimeZone', z.name, true) OFFSET 0) AS s, LATERAL pg_temp.differences(:r, q.quarantine) AS d
WHERE s.set_config <> '' AND (d.searched, d.purged, d.told) IS DISTINCT FROM (0, 0, interval '0');
RESET TimeZone;
DELETE FROM ipam.ip_range WHERE id = :r;
-- The longest one stays within the calendar; a longer one is refused, also one that is long on the way only.
UPDATE ipam.ip_range SET quarantine = '1000 years' WHERE id = :q;
SELECT * FROM ipam.get_free_ip_addresses(:q, count => 10);
SELECT ipam.purge_released_addresses();
UPDATE ipam.ip_range SET quarantine = '1000 years 1 second' WHERE id = :q;
UPDATE ipam.ip_range SET quarantine = '10000 years' WHERE id = :q;
UPDATE ipam.ip_range SET quarantine = '300000 years' WHERE id = :q;
UPDATE ipam.ip_range SET quarantine = '10000 years -3599999 days' WHERE id = :q;
UPDATE ipam.ip_range SET quarantine = make_interval(days => 106751991, hours => -2147483647) + make_interval(hours => -414564000) WHERE id = :q;
UPDATE ipam.ip_range SET quarantine = make_interval(days => -366001, hours => 9000000) WHERE id = :q;
-- As long as it is short in all its parts, they may have different signs.
UPDATE ipam.ip_range SET quarantine = interval '400 days' - interval '1 year' WHERE id = :q;
SELECT ipam.purge_released_addresses();
UPDATE ipam.ip_range SET quarantine = make_interval(years => -1000, days => 366000) WHERE id = :q;
SELECT ipam.purge_released_addresses();
UPDATE ipam.ip_range SET quarantine = '1000 years' WHERE id = :q;
-- The same goes for releases that somebody writes himself. At infinity one is never over.
INSERT INTO ipam.released_address VALUES (:q, '10.0.0.15', '294276-12-31');
INSERT INTO ipam.released_address VALUES (:q, '10.0.0.15', '4713-01-01 BC');
INSERT INTO ipam.released_address VALUES (:q, '10.0.0.15', '9999-12-31'), (:plain, '10.0.0.100', '0001-01-02');
UPDATE ipam.ip_range SET quarantine = make_interval(years => 1000, days => 366000, hours => -9000000) WHERE id IN (:q, :plain);
SELECT ipam.purge_released_addresses();
UPDATE ipam.ip_range SET quarantine = make_interval(years => -1000, days => -366000, hours => 26000000) WHERE id IN (:q, :plain);
SELECT * FROM ipam.get_free_ip_addresses(:plain, count => 1);
SELECT ipam.purge_released_addresses();
UPDATE ipam.ip_range SET quarantine = '1 month' WHERE id = :plain;
INSERT INTO ipam.released_address VALUES (:plain, '10.0.0.101', 'infinity'), (:plain, '10.0.0.100', '-infinity');
SELECT address, free_at FROM ipam.quarantined_address WHERE range_id = :plain;
SELECT * FROM ipam.get_free_ip_addresses(:plain, count => 2);
DELETE FROM ipam.released_address WHERE range_id = :plain OR address = '10.0.0.15';
UPDATE ipam.ip_range SET quarantine = NULL WHERE id = :plain;
UPDATE ipam.ip_range SET quarantine = '1000 years' WHERE id = :q;
SELECT * FROM ipam.get_free_ip_addresses(:q, count => 10);
SELECT ipam.purge_released_addresses();
UPDATE ipam.ip_range SET quarantine = NULL WHERE id = :q;
SELECT address FROM ipam.allocate_ip_addresses(:q, 2);
SELECT ipam.purge_released_addresses(:q);

-- Ranges without a quarantine write nothing.
SELECT count(*) FROM ipam.allocate_ip_addresses(:plain, 3);
DELETE FROM ipam.ip_address WHERE range_id = :plain;
SELECT * FROM ipam.released_address WHERE range_id = :plain;

-- IPv6, among recorded addresses and in bulk.
SELECT count(*) FROM ipam.allocate_ip_addresses(:q6, 200);
DELETE FROM ipam.ip_address WHERE range_id = :q6 AND address < '2001:db8::80';
SELECT count(*), min(address), max(address) FROM ipam.quarantined_address WHERE range_id = :q6;
SELECT address FROM ipam.allocate_ip_addresses(:q6);
SELECT * FROM ipam.free_ranges(:q6);
-- Planners need no more than their group; readers only read.
SET ROLE ipam_asm_administrators;
SELECT address FROM ipam.allocate_ip_addresses(:q6);
SELECT address FROM ipam.release_ip_addresses(range_id => :q6, addresses => '{2001:db8::ca}');
SET ROLE ipam_users;
SELECT ipam.allocate_ip_addresses(:q6);
SELECT count(*) FROM ipam.quarantined_address WHERE range_id = :q6;
RESET ROLE;
-- Resizing or deleting a range releases nothing: its addresses are still recorded.
UPDATE ipam.ip_range SET end_address = '2001:db8::c0' WHERE id = :q6;
SELECT count(*) FROM ipam.released_address WHERE range_id = :q6;
DELETE FROM ipam.ip_range WHERE id = :q6;
SELECT count(*) FROM ipam.released_address WHERE range_id = :q6;
ROLLBACK;
