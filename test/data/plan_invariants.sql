-- What holds in every plan, whoever wrote it, told by plain SQL over the tables: no function of
-- ipam takes part, but for the free search, which is compared with what it should find.
--
-- Makes the view plan_violation: one row for each thing that is wrong, hence none.

CREATE TEMP VIEW plan_violation AS
-- "The smallest around it" is, of all that hold it and do not have a longer prefix, the one that
-- starts last, then the one that ends first, then the one with the longest prefix.
WITH block_around_block AS (
    SELECT DISTINCT ON (b.id) b.id, b.network, b.parent_id AS recorded, p.id AS expected
    FROM ipam.ip_block AS b
    LEFT JOIN ipam.ip_block AS p
        ON p.id <> b.id AND family(p.network) = family(b.network) AND masklen(p.network) <= masklen(b.network)
        AND p.start_address <= b.start_address AND p.end_address >= b.end_address
    ORDER BY b.id, p.start_address DESC, p.end_address, masklen(p.network) DESC
), block_around_subnet AS (
    SELECT DISTINCT ON (s.id) s.id, s.network, s.block_id AS recorded, b.id AS expected
    FROM ipam.ip_subnet AS s
    LEFT JOIN ipam.ip_block AS b
        ON s.address_space_id = 1 AND family(b.network) = family(s.network) AND masklen(b.network) <= masklen(s.network)
        AND b.start_address <= host(s.network)::inet AND b.end_address >= host(broadcast(s.network))::inet
    ORDER BY s.id, b.start_address DESC, b.end_address, masklen(b.network) DESC
), subnet_around_range AS (
    SELECT DISTINCT ON (r.id) r.id, r.extent, r.subnet_id AS recorded, s.id AS expected
    FROM ipam.ip_range AS r
    LEFT JOIN ipam.ip_subnet AS s
        ON s.address_space_id = r.address_space_id AND masklen(s.network) <= masklen(r.network)
        AND r.start_address <<= s.network AND r.end_address <<= s.network
    ORDER BY r.id, masklen(s.network) DESC
), ranges_around_address AS ( -- more than one only with MS DHCP
    SELECT a.id, a.address, a.range_id AS recorded,
           (SELECT array_agg(r.id ORDER BY r.id) FROM ipam.ip_range AS r
            WHERE (r.address_space_id, r.managed_by, r.managed_by_entity) = (a.address_space_id, a.managed_by, a.managed_by_entity)
              AND family(r.start_address) = family(a.address) AND a.address BETWEEN r.start_address AND r.end_address) AS expected
    FROM ipam.ip_address AS a
), searchable AS ( -- the first 65,536 addresses of each range: its window
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
SELECT 'the parent of a block is the smallest block around it' AS invariant,
       format('block %s', network) AS violated_by, recorded::text, expected::text
FROM block_around_block WHERE recorded IS DISTINCT FROM expected
UNION ALL
SELECT 'blocks are disjoint or one holds the other', format('block %s', b.network), b.extent::text, c.extent::text
FROM ipam.ip_block AS b JOIN ipam.ip_block AS c ON b.id < c.id AND family(b.network) = family(c.network)
WHERE b.start_address <= c.end_address AND c.start_address <= b.end_address
  AND NOT (b.start_address <= c.start_address AND b.end_address >= c.end_address)
  AND NOT (c.start_address <= b.start_address AND c.end_address >= b.end_address)
UNION ALL
SELECT 'the block of a subnet is the smallest block around it', format('subnet %s', network), recorded::text, expected::text
FROM block_around_subnet WHERE recorded IS DISTINCT FROM expected
UNION ALL
SELECT 'the subnet of a range is the smallest subnet around it', format('range %s', extent), recorded::text, expected::text
FROM subnet_around_range WHERE recorded IS DISTINCT FROM expected
UNION ALL
SELECT 'ranges of one service are disjoint', format('range %s', r.extent), r.id::text, q.id::text
FROM ipam.ip_range AS r JOIN ipam.ip_range AS q
    ON r.id < q.id AND (r.address_space_id, r.managed_by, r.managed_by_entity) = (q.address_space_id, q.managed_by, q.managed_by_entity)
    AND family(r.start_address) = family(q.start_address) AND r.start_address <= q.end_address AND q.start_address <= r.end_address
WHERE r.managed_by <> 'MS DHCP'
UNION ALL
SELECT 'the range of an address is the one of its service that holds it', format('address %s', address), recorded::text, expected::text
FROM ranges_around_address WHERE NOT coalesce(recorded = ANY (expected), recorded IS NULL AND expected IS NULL)
UNION ALL
SELECT 'the free search offers what is neither recorded nor withheld, in order', format('range %s', r.extent),
       format('%s: %s', o.position, o.address), format('%s: %s', f.position, f.address)
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
