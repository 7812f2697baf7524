-- Free addresses without the extension's search: what one would write in plain SQL and plpgsql.
--
-- Each function answers the same question about the same tables with the same indexes: the first
-- `wanted` addresses of the range that no row of ipam.ip_address maps to it, ascending. That is less
-- than ipam.get_free_ip_addresses() does: no reserved addresses, no checks, no words for faults.
-- Functions in SQL are inlined into the query that calls them, so that it is planned as if it had
-- been written in place.

-- The protocol's text taken literally (MS-IPAMM2 3.3.4.76): go from address to address, look each up.
CREATE FUNCTION bench.literal_loop(range bigint, wanted integer) RETURNS SETOF inet
LANGUAGE plpgsql STABLE ROWS 1000
AS $$
DECLARE
    candidate inet;
    last inet;
BEGIN
    SELECT r.start_address, r.end_address INTO candidate, last FROM ipam.ip_range AS r WHERE r.id = range;
    WHILE wanted > 0 AND candidate <= last LOOP
        IF NOT EXISTS (SELECT FROM ipam.ip_address AS a WHERE a.range_id = range AND a.address = candidate) THEN
            RETURN NEXT candidate;
            wanted := wanted - 1;
        END IF;
        candidate := candidate + 1;
    END LOOP;
END
$$;

-- One pass over the used addresses in order; what lies between two of them is free.
CREATE FUNCTION bench.ordered_loop(range bigint, wanted integer) RETURNS SETOF inet
LANGUAGE plpgsql STABLE ROWS 1000
AS $$
DECLARE
    candidate inet;
    last inet;
    used inet;
BEGIN
    SELECT r.start_address, r.end_address INTO candidate, last FROM ipam.ip_range AS r WHERE r.id = range;
    FOR used IN SELECT a.address FROM ipam.ip_address AS a WHERE a.range_id = range ORDER BY a.address LOOP
        WHILE wanted > 0 AND candidate < used LOOP
            RETURN NEXT candidate;
            wanted := wanted - 1;
            candidate := candidate + 1;
        END LOOP;
        EXIT WHEN wanted = 0;
        candidate := used + 1;
    END LOOP;
    WHILE wanted > 0 AND candidate <= last LOOP
        RETURN NEXT candidate;
        wanted := wanted - 1;
        candidate := candidate + 1;
    END LOOP;
END
$$;

-- All addresses minus the used ones. The first `wanted` free addresses are among the first
-- `wanted` + used ones, which keeps a /64 possible.
CREATE FUNCTION bench.anti_join(range bigint, wanted integer) RETURNS SETOF inet
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT c.address
    FROM ipam.ip_range AS r,
         generate_series(0, (SELECT count(*) FROM ipam.ip_address AS a WHERE a.range_id = range) + wanted - 1) AS s(i),
         LATERAL (SELECT r.start_address + s.i AS address) AS c
    WHERE r.id = range AND c.address <= r.end_address
      AND NOT EXISTS (SELECT FROM ipam.ip_address AS a WHERE a.range_id = range AND a.address = c.address)
    ORDER BY c.address
    LIMIT wanted;
END;

-- The distance from each used address to the next: a window over the index, which LIMIT stops.
CREATE FUNCTION bench.lead_gaps(range bigint, wanted integer) RETURNS SETOF inet
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT g.first + s.i
    FROM (
        SELECT r.start_address AS first,
               coalesce((SELECT a.address FROM ipam.ip_address AS a WHERE a.range_id = range ORDER BY a.address LIMIT 1) - 1,
                        r.end_address) AS last
        FROM ipam.ip_range AS r WHERE r.id = range
        UNION ALL
        SELECT u.address + 1,
               coalesce(u.next - 1, (SELECT r.end_address FROM ipam.ip_range AS r WHERE r.id = range))
        FROM (
            SELECT a.address, lead(a.address) OVER (ORDER BY a.address) AS next
            FROM ipam.ip_address AS a WHERE a.range_id = range
        ) AS u
        WHERE u.next IS NULL OR u.next > u.address + 1
    ) AS g,
         LATERAL generate_series(0, CASE WHEN g.last < g.first THEN -1
                                         WHEN g.last < g.first + wanted THEN g.last - g.first
                                         ELSE wanted - 1 END) AS s(i)
    LIMIT wanted;
END;

-- From gap to gap: each step asks the index for the end of a gap and for the end of the used run
-- behind it.
CREATE FUNCTION bench.loose_scan(range bigint, wanted integer) RETURNS SETOF inet
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH RECURSIVE place AS (
        SELECT r.start_address, r.end_address FROM ipam.ip_range AS r WHERE r.id = range
    ), gap(first, next_used) AS (
        SELECT p.start_address::inet,
               (SELECT a.address::inet FROM ipam.ip_address AS a
                WHERE a.range_id = range AND a.address >= p.start_address ORDER BY a.address LIMIT 1)
        FROM place AS p
        UNION ALL
        SELECT run.last + 1,
               (SELECT a.address::inet FROM ipam.ip_address AS a
                WHERE a.range_id = range AND a.address > run.last ORDER BY a.address LIMIT 1)
        FROM gap AS g, place AS p,
             LATERAL (
                SELECT a.address::inet AS last FROM ipam.ip_address AS a
                WHERE a.range_id = range AND a.address >= g.next_used
                  AND NOT EXISTS (SELECT FROM ipam.ip_address AS b WHERE b.range_id = range AND b.address = a.address + 1)
                ORDER BY a.address LIMIT 1) AS run
        WHERE g.next_used IS NOT NULL AND run.last < p.end_address
    )
    SELECT g.first + s.i
    FROM gap AS g, place AS p,
         LATERAL (SELECT coalesce(g.next_used - 1, p.end_address) AS last) AS l,
         LATERAL generate_series(0, CASE WHEN l.last < g.first THEN -1
                                         WHEN l.last < g.first + wanted THEN l.last - g.first
                                         ELSE wanted - 1 END) AS s(i)
    LIMIT wanted;
END;
