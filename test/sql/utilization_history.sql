-- Utilization over time: samples, trends, purge.
\set SHOW_CONTEXT never
\set VERBOSITY default
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
SET LOCAL TimeZone = 'UTC';
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (9, 'dhcp2');
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.1.0.0/16'), ('10.9.0.0/16'), ('2001:db8::/32');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.1.0/24', 'lan'), ('10.1.2.0/24', 'empty'), ('2001:db8::/64', 'lan6');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity) VALUES
    ('10.1.1.1', '10.1.1.100', 'IPAM', 'Localhost'), ('10.1.1.101', '10.1.1.200', 'MS DHCP', 'dhcp1'),
    ('10.1.1.101', '10.1.1.200', 'MS DHCP', 'dhcp2'), ('2001:db8::', '2001:db8::ffff:ffff:ffff:ffff', 'IPAM', 'Localhost');
INSERT INTO ipam.ip_address (address) SELECT '10.1.1.0'::inet + n FROM generate_series(1, 50) AS n;
INSERT INTO ipam.ip_address (address, address_assignment) VALUES ('2001:db8::1', 'Auto'), ('2001:db8::2', 'Dynamic'), ('2001:db8::3', 'Static');
SELECT id AS r FROM ipam.ip_range WHERE start_address = '10.1.1.1' \gset
SELECT id AS r6 FROM ipam.ip_range WHERE start_address = '2001:db8::' \gset
SELECT id AS s FROM ipam.ip_subnet WHERE name = 'lan' \gset
SELECT id AS b FROM ipam.ip_block WHERE network = '10.0.0.0/8' \gset

-- Never run
SELECT * FROM ipam.task;
CALL ipam.collect_utilization();
SELECT start_address, end_address, prefix_length, managed_by_entity, total_addresses, assigned_addresses, utilized_addresses, stateful_addresses, stateless_addresses
FROM ipam.range_utilization_history ORDER BY range_id;
SELECT is_subnet, start_address, end_address, prefix_length, total_addresses, assigned_addresses, utilized_addresses, stateful_addresses, stateless_addresses
FROM ipam.block_utilization_history ORDER BY is_subnet, object_id;
SELECT count(DISTINCT collected_at) AS one_time FROM (SELECT collected_at FROM ipam.range_utilization_history UNION ALL SELECT collected_at FROM ipam.block_utilization_history) AS h;
SELECT type, state, pid, last_run_duration > '0' AS took_time, last_run_result, status, rows_done, started_by = current_user AS by_me FROM ipam.task WHERE type = 'Utilization';
SELECT ipam.get_common_property('LastAddressUtilizationCollectionTaskRuntime') = to_char(last_run_time, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS same_time
FROM ipam.task WHERE type = 'Utilization';

-- What is summed up from the samples is what the views count.
SELECT 'block' AS kind, u.block_id AS id FROM ipam.block_utilization AS u LEFT JOIN ipam.block_utilization_history AS h ON h.object_id = u.block_id AND NOT h.is_subnet
WHERE (u.total_addresses, u.assigned_addresses, u.utilized_addresses, u.stateful_addresses, u.stateless_addresses)
      IS DISTINCT FROM (h.total_addresses, h.assigned_addresses, h.utilized_addresses, h.stateful_addresses, h.stateless_addresses)
UNION ALL
SELECT 'subnet', u.subnet_id FROM ipam.subnet_utilization AS u LEFT JOIN ipam.block_utilization_history AS h ON h.object_id = u.subnet_id AND h.is_subnet
WHERE u.total_addresses > 0 AND (u.total_addresses, u.assigned_addresses, u.utilized_addresses, u.stateful_addresses, u.stateless_addresses)
      IS DISTINCT FROM (h.total_addresses, h.assigned_addresses, h.utilized_addresses, h.stateful_addresses, h.stateless_addresses);

-- The status that a collection has seen; of a range that is gone it goes.
SELECT r.start_address, r.managed_by_entity, p.status FROM ipam.range_utilization_status AS p JOIN ipam.ip_range AS r ON r.id = p.range_id ORDER BY r.id;
INSERT INTO ipam.ip_address (address) SELECT '10.1.1.0'::inet + n FROM generate_series(51, 90) AS n;
DELETE FROM ipam.ip_range WHERE managed_by_entity = 'dhcp2';
CALL ipam.collect_utilization();
SELECT r.start_address, r.managed_by_entity, p.status FROM ipam.range_utilization_status AS p LEFT JOIN ipam.ip_range AS r ON r.id = p.range_id ORDER BY p.range_id;

-- A trend has 12 parts. What was sampled at one time is added up, then averaged; what was not sampled is not valid.
TRUNCATE ipam.range_utilization_history, ipam.block_utilization_history;
CREATE FUNCTION pg_temp.sample(at timestamptz, utilized numeric) RETURNS void LANGUAGE sql AS $$
    INSERT INTO ipam.range_utilization_history
    SELECT id, 1, start_address, end_address, masklen(network), managed_by, managed_by_entity, at, 100, 100, utilized FROM ipam.ip_range WHERE start_address = '10.1.1.1';
$$;
SELECT pg_temp.sample('2026-01-01 00:00', 10), pg_temp.sample('2026-01-01 01:59:59.999999', 20), pg_temp.sample('2026-01-01 02:00', 40), -- 2:00 is the second part's
       pg_temp.sample('2026-01-01 12:00', 30), pg_temp.sample('2026-01-01 12:00', 5), pg_temp.sample('2026-01-01 13:00', 36),           -- a split scope, then one
       pg_temp.sample('2026-01-01 22:30', 80), pg_temp.sample('2026-01-02 00:00', 90),                                                  -- the end belongs to the last part
       pg_temp.sample('2025-12-31 23:59:59', 99), pg_temp.sample('2026-01-02 00:00:00.000001', 99);
SELECT * FROM ipam.range_utilization_trend(:r, 'OneDay', '2026-01-01', '2026-01-02');
-- Any length, one end only, and the ways to write a month.
SELECT count(*), count(*) FILTER (WHERE is_valid) AS valid, min(period_start), max(period_end)
FROM ipam.range_utilization_trend(:r, period => NULL, start_time => '2026-01-01 06:00', end_time => '2026-01-01 18:00');
SELECT count(*), min(period_start), max(period_end) FROM ipam.range_utilization_trend(:r, 'OneMonth', end_time => '2026-02-15');
SELECT count(*), min(period_start), max(period_end) FROM ipam.range_utilization_trend(:r, 'ThreeMonth', start_time => '2026-01-31');
SELECT count(*), min(period_start), max(period_end) FROM ipam.range_utilization_trend(:r, 'OneMonth', '2026-01-31', '2026-02-28');
SELECT period, count(*), count(DISTINCT t.period_end - t.period_start) AS lengths, max(t.period_end) = now() AS to_now, max(t.period_end) - min(t.period_start) AS span
FROM unnest(enum_range(NULL::ipam.utilization_period)) AS period, ipam.range_utilization_trend(:r, period) AS t
WHERE period IN ('OneDay', 'Week') GROUP BY period ORDER BY period;
SELECT period, max(t.period_end) = now() AS to_now, min(t.period_start) = now() - ipam.period_length(period) AS from_then
FROM unnest(enum_range(NULL::ipam.utilization_period)) AS period, ipam.range_utilization_trend(:r, period) AS t GROUP BY period ORDER BY period;
-- A day with a change of the clocks has 23 hours, and 12 equal parts.
SET LOCAL TimeZone = 'Europe/Berlin';
SELECT count(DISTINCT period_end - period_start) AS lengths, max(period_end - period_start) AS length, max(period_end) AS last
FROM ipam.range_utilization_trend(:r, NULL, '2026-03-29', '2026-03-30');
SET LOCAL TimeZone = 'UTC';

-- History belongs to the addresses: it is still there when the range has been made anew, and not when it has other addresses.
DELETE FROM ipam.ip_range WHERE id = :r;
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.1.1.1', '10.1.1.100') RETURNING id AS r \gset
SELECT count(*) FILTER (WHERE is_valid) AS valid FROM ipam.range_utilization_trend(:r, 'OneDay', '2026-01-01', '2026-01-02');
UPDATE ipam.ip_range SET end_address = '10.1.1.99' WHERE id = :r;
SELECT count(*) FILTER (WHERE is_valid) AS valid FROM ipam.range_utilization_trend(:r, 'OneDay', '2026-01-01', '2026-01-02');
UPDATE ipam.ip_range SET end_address = '10.1.1.100', managed_by = 'Others' WHERE id = :r;
SELECT count(*) FILTER (WHERE is_valid) AS valid FROM ipam.range_utilization_trend(:r, 'OneDay', '2026-01-01', '2026-01-02');
UPDATE ipam.ip_range SET managed_by = 'IPAM' WHERE id = :r;

-- Subnets and blocks; IPv6 exact.
INSERT INTO ipam.block_utilization_history VALUES
    (:s, 1, true, '10.1.1.0', '10.1.1.255', 24, '2026-01-01 01:00', 200, 200, 50), (:s, 1, true, '10.1.1.0', '10.1.1.255', 24, '2026-01-01 01:30', 200, 200, 51),
    (:b, 1, false, '10.0.0.0', '10.255.255.255', 8, '2026-01-01 23:00', 16777216, 200, 50), (:b, 1, true, '10.0.0.0', '10.255.255.255', 8, '2026-01-01 23:00', 1, 1, 1);
SELECT * FROM ipam.subnet_utilization_trend(:s, 'OneDay', '2026-01-01', '2026-01-02') WHERE is_valid;
SELECT * FROM ipam.block_utilization_trend(:b, 'OneDay', '2026-01-01', '2026-01-02') WHERE is_valid;
INSERT INTO ipam.range_utilization_history
SELECT id, 1, start_address, end_address, masklen(network), managed_by, managed_by_entity, '2026-01-01', ipam.address_count(extent), ipam.address_count(extent), 3, 1, 1
FROM ipam.ip_range WHERE id = :r6;
SELECT * FROM ipam.range_utilization_trend(:r6, 'OneDay', '2026-01-01', '2026-01-02') WHERE is_valid;

-- What a trend refuses.
SELECT count(*) FROM ipam.range_utilization_trend(NULL);
SELECT count(*) FROM ipam.range_utilization_trend(0);
SELECT count(*) FROM ipam.subnet_utilization_trend(0);
SELECT count(*) FROM ipam.block_utilization_trend(0);
SELECT count(*) FROM ipam.range_utilization_trend(:r, 'OneMonth', '2026-01-01', '2026-01-15');
SELECT count(*) FROM ipam.range_utilization_trend(:r, NULL, '2026-01-02', '2026-01-01');
SELECT count(*) FROM ipam.range_utilization_trend(:r, NULL);
SELECT count(*) FROM ipam.range_utilization_trend(:r, NULL, '-infinity', '2026-01-01');
SELECT count(*) FROM ipam.range_utilization_trend(:r, 'OneDay', end_time => 'infinity');
SELECT count(*) FROM ipam.range_utilization_trend(:r, 'Fortnight');

-- Purge: what was collected at that time or before; not the future.
SELECT count(*) FROM ipam.range_utilization_history;
CALL ipam.purge_utilization_data('2026-01-01 12:00');
SELECT collected_at FROM ipam.range_utilization_history ORDER BY 1;
SELECT collected_at FROM ipam.block_utilization_history ORDER BY 1;
SELECT ipam.get_common_property('LastUtilizationPurgeResult') = '' AS nothing_went_wrong, ipam.is_utilization_purge_running() AS running;
SELECT last_run_result, status, rows_done FROM ipam.task WHERE type = 'UtilizationPurge';
CALL ipam.purge_utilization_data('9999-01-01 00:00');
\echo :LAST_ERROR_SQLSTATE
CALL ipam.purge_utilization_data(NULL);
CALL ipam.purge_utilization_data(now());
SELECT count(*) FROM ipam.range_utilization_history;
ROLLBACK;
