-- Occupancy: what is known to be full, so that the free search need not look at it.
--
-- A confirmed stretch says: all its addresses are used (recorded and mapped to the range), but for those in
-- chunks of 1,024 addresses that have a hole. What is not there says nothing. Nobody who records an
-- address does anything for it; whoever releases one makes a hole in the same transaction, and waits for
-- nobody: holes are only inserted.
--
-- Why no stretch is ever wrong. It is made in two transactions:
--   1. propose: the stretch is inserted, unconfirmed, and committed;
--   2. confirm: reads the proposals, waits until every transaction has ended that held a lock to write
--      ip_address, takes a new snapshot, looks at the addresses again, and confirms what this snapshot shows
--      to be full. In the same transaction go the holes that this snapshot shows: their addresses have been
--      looked at. (A proposal that another session commits during the wait is left to that session, and one of
--      the same transaction stays a proposal.)
-- Take a transaction D that releases an address of the stretch. D locks ip_address, deletes, and then reads
-- the stretches of the range, proposed ones too, as they are at that moment.
--   - D had the lock when confirm began to wait: D has ended before the snapshot, which shows the release.
--   - D got the lock later: that was after the proposal had been committed, so D sees it and makes a hole.
--     Where the snapshot shows the release, the address is not confirmed; where it does not, it does not show the
--     hole either, and the hole stays.
-- D reads the stretches of a range once: a stretch that is proposed after that waits for D's lock. A rollback
-- to a savepoint may give the lock back, so D reads again after one.
-- A reader whose snapshot shows a stretch and no hole sees each of its addresses: confirm has seen them
-- committed, and a release that the reader sees comes with its hole. That holds for old snapshots, a
-- transaction's own changes, prepared transactions and standbys alike. Serializable transactions do not use
-- occupancy: they must have read what they rely on.
-- (Within the one statement that releases an address, a function called by a trigger may miss it.)

CREATE TABLE ipam.occupancy (
    range_id      bigint NOT NULL,
    first_address inet NOT NULL,
    last_address  inet NOT NULL,
    is_confirmed  boolean NOT NULL
);
COMMENT ON TABLE ipam.occupancy IS 'stretches of addresses of which all are used, but for holes; derived, not dumped';
COMMENT ON COLUMN ipam.occupancy.range_id IS 'the range';
COMMENT ON COLUMN ipam.occupancy.first_address IS 'first address of the stretch';
COMMENT ON COLUMN ipam.occupancy.last_address IS 'last address of the stretch';
COMMENT ON COLUMN ipam.occupancy.is_confirmed IS 'false: proposed only, says nothing yet';
CREATE INDEX occupancy_range_id_first_address_idx ON ipam.occupancy (range_id, first_address);
COMMENT ON INDEX ipam.occupancy_range_id_first_address_idx IS 'the stretch at an address, and the next one';

CREATE TABLE ipam.occupancy_hole (
    range_id bigint NOT NULL,
    address  inet NOT NULL
);
COMMENT ON TABLE ipam.occupancy_hole IS 'chunks of 1,024 addresses in which an address has been released; derived, not dumped';
COMMENT ON COLUMN ipam.occupancy_hole.range_id IS 'the range';
COMMENT ON COLUMN ipam.occupancy_hole.address IS 'first address of the chunk';
-- Not unique: two transactions that release addresses of one chunk do not wait for each other.
CREATE INDEX occupancy_hole_range_id_address_idx ON ipam.occupancy_hole (range_id, address);
COMMENT ON INDEX ipam.occupancy_hole_range_id_address_idx IS 'the next hole from an address on';

-- Holes

CREATE FUNCTION ipam.open_occupancy_holes() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_open_occupancy_holes';
COMMENT ON FUNCTION ipam.open_occupancy_holes() IS 'trigger: makes holes where addresses have been deleted, once for a statement';

CREATE FUNCTION ipam.open_occupancy_hole() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_open_occupancy_hole';
COMMENT ON FUNCTION ipam.open_occupancy_hole() IS 'trigger: makes a hole where an address has been';

CREATE FUNCTION ipam.forget_occupancy() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    TRUNCATE ipam.occupancy, ipam.occupancy_hole;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.forget_occupancy() IS 'trigger: without addresses nothing is full';

CREATE TRIGGER open_occupancy_holes AFTER DELETE ON ipam.ip_address
    REFERENCING OLD TABLE AS released FOR EACH STATEMENT EXECUTE FUNCTION ipam.open_occupancy_holes();
CREATE TRIGGER open_occupancy_hole AFTER UPDATE ON ipam.ip_address FOR EACH ROW
    WHEN (OLD.range_id IS NOT NULL AND (OLD.range_id IS DISTINCT FROM NEW.range_id OR OLD.address IS DISTINCT FROM NEW.address))
    EXECUTE FUNCTION ipam.open_occupancy_hole();
CREATE TRIGGER open_replicated_occupancy_hole AFTER DELETE ON ipam.ip_address
    FOR EACH ROW EXECUTE FUNCTION ipam.open_occupancy_hole();
CREATE TRIGGER forget_occupancy AFTER TRUNCATE ON ipam.ip_address
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.forget_occupancy();
-- Also for what logical replication writes, which has no statements: it gets its rows one by one.
ALTER TABLE ipam.ip_address
    ENABLE ALWAYS TRIGGER open_occupancy_holes,
    ENABLE ALWAYS TRIGGER open_occupancy_hole,
    ENABLE REPLICA TRIGGER open_replicated_occupancy_hole,
    ENABLE ALWAYS TRIGGER forget_occupancy;

-- Stretches

CREATE FUNCTION ipam.propose_occupancy(range_id bigint, first_address inet, last_address inet, count bigint DEFAULT 1000000,
    OUT looked_at inet, OUT used bigint)
LANGUAGE C VOLATILE STRICT
AS 'MODULE_PATHNAME', 'ipam_propose_occupancy';
COMMENT ON FUNCTION ipam.propose_occupancy(bigint, inet, inet, bigint) IS
    'proposes full stretches among the first count used addresses from first to last; how far it has looked, and how many were used';

CREATE FUNCTION ipam.confirm_occupancy(range_id bigint, first_address inet, last_address inet) RETURNS bigint
LANGUAGE C VOLATILE STRICT
AS 'MODULE_PATHNAME', 'ipam_confirm_occupancy';
COMMENT ON FUNCTION ipam.confirm_occupancy(bigint, inet, inet) IS
    'makes what has been proposed from first to last, and is still full, the occupancy there; the number of stretches. The proposals have been committed before';

CREATE PROCEDURE ipam.rebuild_occupancy(range_id bigint DEFAULT NULL)
LANGUAGE plpgsql -- commits, therefore it cannot set search_path and names everything in full, types and = too
AS $$
DECLARE
    refused pg_catalog.bool;
    ids pg_catalog.int8[];
    place ipam.ip_range;
    bottom pg_catalog.inet;
    top pg_catalog.inet;
    cursor_address pg_catalog.inet;
    looked_at pg_catalog.inet;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT pg_catalog.array_agg(r.id ORDER BY r.id) INTO ids
    FROM ipam.ip_range AS r
    WHERE CASE WHEN rebuild_occupancy.range_id IS NULL THEN ipam.address_count(r.extent) OPERATOR(pg_catalog.>=) 4096
               ELSE r.id OPERATOR(pg_catalog.=) rebuild_occupancy.range_id END;
    IF ids IS NULL AND rebuild_occupancy.range_id IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiObjectNotFoundInDatabase', pg_catalog.format('there is no range %s', rebuild_occupancy.range_id));
    END IF;
    FOR i IN 1 .. coalesce(pg_catalog.cardinality(ids), 0) LOOP
        SELECT r.* INTO place FROM ipam.ip_range AS r WHERE r.id OPERATOR(pg_catalog.=) ids[i];
        bottom := CASE WHEN pg_catalog.family(place.start_address) OPERATOR(pg_catalog.=) 4 THEN '0.0.0.0'::pg_catalog.inet ELSE '::' END;
        top := CASE WHEN pg_catalog.family(place.start_address) OPERATOR(pg_catalog.=) 4 THEN '255.255.255.255'::pg_catalog.inet ELSE 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' END;
        PERFORM FROM ipam.ip_address LIMIT 0; -- TRUNCATE locks it before occupancy: in each transaction so does this one
        IF EXISTS (SELECT FROM ipam.occupancy AS o WHERE o.range_id OPERATOR(pg_catalog.=) place.id
                     AND pg_catalog.family(o.first_address) OPERATOR(pg_catalog.<>) pg_catalog.family(place.start_address))
           OR EXISTS (SELECT FROM ipam.occupancy_hole AS o WHERE o.range_id OPERATOR(pg_catalog.=) place.id
                        AND pg_catalog.family(o.address) OPERATOR(pg_catalog.<>) pg_catalog.family(place.start_address))
        THEN -- what is left of a time when the range was of the other family
            PERFORM ipam.confirm_occupancy(place.id, CASE WHEN bottom OPERATOR(pg_catalog.=) '::' THEN '0.0.0.0'::pg_catalog.inet ELSE '::' END,
                CASE WHEN bottom OPERATOR(pg_catalog.=) '::' THEN '255.255.255.255'::pg_catalog.inet ELSE 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' END);
            COMMIT;
        END IF;
        cursor_address := place.start_address;
        WHILE cursor_address OPERATOR(pg_catalog.<=) place.end_address LOOP
            looked_at := (ipam.propose_occupancy(place.id, cursor_address, place.end_address)).looked_at;
            COMMIT;
            PERFORM FROM ipam.ip_address LIMIT 0;
            IF EXISTS (SELECT FROM ipam.occupancy AS o WHERE o.range_id OPERATOR(pg_catalog.=) place.id)
               OR EXISTS (SELECT FROM ipam.occupancy_hole AS o WHERE o.range_id OPERATOR(pg_catalog.=) place.id)
            THEN
                -- What is left of a time when the range was larger goes as well.
                PERFORM ipam.confirm_occupancy(place.id,
                    CASE WHEN cursor_address OPERATOR(pg_catalog.=) place.start_address THEN bottom ELSE cursor_address END,
                    CASE WHEN looked_at OPERATOR(pg_catalog.=) place.end_address THEN top ELSE looked_at END);
                COMMIT;
            END IF;
            EXIT WHEN looked_at OPERATOR(pg_catalog.=) place.end_address;
            cursor_address := looked_at OPERATOR(pg_catalog.+) 1;
        END LOOP;
    END LOOP;
    IF rebuild_occupancy.range_id IS NULL THEN -- and what is left of ranges that are gone
        PERFORM FROM ipam.ip_address LIMIT 0;
        PERFORM ipam.confirm_occupancy(o.range_id, '0.0.0.0', '255.255.255.255'),
                ipam.confirm_occupancy(o.range_id, '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')
        FROM (SELECT s.range_id FROM ipam.occupancy AS s UNION SELECT h.range_id FROM ipam.occupancy_hole AS h) AS o
        WHERE NOT EXISTS (SELECT FROM ipam.ip_range AS r WHERE r.id OPERATOR(pg_catalog.=) o.range_id);
    END IF;
END
$$;
COMMENT ON PROCEDURE ipam.rebuild_occupancy(bigint) IS
    'makes the occupancy of a range anew, or of all ranges; commits after each step, waits for transactions that write addresses, and nobody waits for it';

CREATE FUNCTION ipam.check_occupancy() RETURNS TABLE (range_id bigint, first_address inet, last_address inet, free_addresses numeric)
LANGUAGE sql STABLE ROWS 10
BEGIN ATOMIC
    SELECT FROM ipam.ip_address LIMIT 0; -- is locked first, as by TRUNCATE
    WITH hole AS (
        SELECT h.range_id, family(h.address) AS family, range_agg(ipam.inetrange(h.address, h.address + 1023, '[]')) AS addresses
        FROM ipam.occupancy_hole AS h GROUP BY h.range_id, family(h.address)
    ), claim AS (
        SELECT o.range_id, c.addresses
        FROM ipam.occupancy AS o LEFT JOIN hole AS h ON h.range_id = o.range_id AND h.family = family(o.first_address),
            LATERAL unnest(ipam.inetmultirange(ipam.inetrange(o.first_address, o.last_address, '[]')) - coalesce(h.addresses, '{}')) AS c (addresses)
        WHERE o.is_confirmed
    )
    SELECT c.range_id, lower(c.addresses), upper(c.addresses), ipam.address_count(c.addresses) - u.used
    FROM claim AS c, LATERAL (
        SELECT count(*) AS used FROM ipam.ip_address AS a
        WHERE a.range_id = c.range_id AND a.address BETWEEN lower(c.addresses) AND upper(c.addresses)) AS u
    WHERE ipam.address_count(c.addresses) <> u.used
    ORDER BY 1, 2;
END;
COMMENT ON FUNCTION ipam.check_occupancy() IS
    'stretches that are said to be full and are not, with the number of addresses that the search would not offer: none in a sound store';
