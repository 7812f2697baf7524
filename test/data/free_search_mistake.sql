-- The free search compared with looking at every address of a range, one by one.
--
-- Makes the view free_search_mistake: one row for each difference, hence none.

CREATE TEMP VIEW free_search_mistake AS
WITH searchable AS ( -- the first 65,536 addresses of each range: its window
    SELECT r.id, r.extent, r.start_address, least(r.end_address, r.start_address + 65535) AS window_end,
           r.end_address <= r.start_address + 65535 AS is_whole, r.reserved_addresses + r.virtual_addresses AS withheld
    FROM ipam.ip_range AS r
    WHERE r.managed_by <> 'MS DHCP'
), offered AS (
    SELECT r.id, f.address, f.position
    FROM searchable AS r, ipam.get_free_ip_addresses(r.id, end_address => r.window_end, count => NULL) WITH ORDINALITY AS f (address, position)
), every_address AS (
    SELECT r.id, r.start_address + i AS address, r.withheld @> r.start_address + i AS is_withheld,
           EXISTS (SELECT FROM ipam.ip_address AS a WHERE a.range_id = r.id AND a.address = r.start_address + i) AS is_recorded
    FROM searchable AS r, generate_series(0, r.window_end - r.start_address) AS i
), free AS (
    SELECT id, address, row_number() OVER (PARTITION BY id ORDER BY address) AS position
    FROM every_address WHERE NOT is_withheld AND NOT is_recorded
)
SELECT 'the free search offers what is neither recorded nor withheld, in order' AS rule, format('range %s', r.extent) AS range,
       format('%s: %s', o.position, o.address) AS offered, format('%s: %s', f.position, f.address) AS free
FROM offered AS o FULL JOIN free AS f USING (id, address, position) JOIN searchable AS r USING (id)
WHERE o.address IS NULL OR f.address IS NULL
UNION ALL
SELECT 'free, recorded and withheld addresses make up a range', format('range %s', r.extent),
       format('%s free, %s recorded, %s withheld', f.count, a.count, w.count), (r.window_end - r.start_address + 1)::text
FROM searchable AS r,
     LATERAL (SELECT count(*) FROM ipam.get_free_ip_addresses(r.id, count => NULL)) AS f,
     LATERAL (SELECT count(*) FROM ipam.ip_address AS a WHERE a.range_id = r.id) AS a,
     LATERAL (SELECT coalesce(sum(upper(m) - lower(m) + 1), 0) - (
                         SELECT count(*) FROM ipam.ip_address AS a WHERE a.range_id = r.id AND r.withheld @> a.address::inet) AS count
              FROM unnest(r.withheld) AS m) AS w
WHERE r.is_whole AND f.count + a.count + w.count <> r.window_end - r.start_address + 1;
