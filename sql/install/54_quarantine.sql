-- Quarantine: a released address is not offered again before the interval of its range is over. The search
-- compares the time of the release with the clock; nothing has to be done when the time is over.

CREATE TABLE ipam.released_address (
    range_id    bigint NOT NULL REFERENCES ipam.ip_range ON DELETE CASCADE,
    address     inet NOT NULL,
    released_at timestamptz NOT NULL,

    CONSTRAINT released_address_pkey PRIMARY KEY (range_id, address),
    -- The end of the longest quarantine is in the calendar, too.
    CONSTRAINT released_address_released_at CHECK (NOT isfinite(released_at)
        OR (released_at >= '0001-01-01 00:00:00+00' AND released_at < '10000-01-01 00:00:00+00')
        OR ipam.raise_fault('IpamApiInvalidParameter', format('address %s cannot have been released at %s', host(address), released_at),
               'The year of a release is 1 to 9999; one at infinity is never over.', 'Example: now().'))
);
COMMENT ON TABLE ipam.released_address IS 'addresses that were released in ranges with a quarantine; rows whose time is over mean nothing any more';
COMMENT ON COLUMN ipam.released_address.range_id IS 'the range that the address was mapped to';
COMMENT ON COLUMN ipam.released_address.address IS 'the address';
COMMENT ON COLUMN ipam.released_address.released_at IS 'when its row of ip_address was deleted or got another address';

CREATE INDEX ip_range_quarantine_idx ON ipam.ip_range (id) WHERE quarantine IS NOT NULL;
COMMENT ON INDEX ipam.ip_range_quarantine_idx IS 'ranges with a quarantine: where there are none, a release costs nothing more';

-- Called by the trigger on ip_address for the addresses that a statement has released in ranges with a quarantine. It
-- does not look at the ranges: row level security may hide them from the caller.
CREATE FUNCTION ipam.quarantine_addresses(range_ids bigint[], addresses inet[]) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO ipam.released_address (range_id, address, released_at)
    SELECT g.range_id, g.address, clock_timestamp()
    FROM unnest(range_ids, addresses) AS g(range_id, address)
    ORDER BY g.range_id, g.address
    ON CONFLICT (range_id, address) DO UPDATE SET released_at = EXCLUDED.released_at;
END;
COMMENT ON FUNCTION ipam.quarantine_addresses(bigint[], inet[]) IS 'puts addresses that were released in ranges with a quarantine into it';

CREATE VIEW ipam.quarantined_address WITH (security_invoker) AS
SELECT q.range_id, q.address, q.released_at, q.released_at + r.quarantine AS free_at
FROM ipam.released_address AS q JOIN ipam.ip_range AS r ON r.id = q.range_id
WHERE q.released_at + r.quarantine > statement_timestamp()
  AND NOT EXISTS (SELECT FROM ipam.ip_address AS a WHERE a.range_id = q.range_id AND a.address = q.address);
COMMENT ON VIEW ipam.quarantined_address IS 'released addresses that are not offered again yet';
COMMENT ON COLUMN ipam.quarantined_address.range_id IS 'the range';
COMMENT ON COLUMN ipam.quarantined_address.address IS 'the address';
COMMENT ON COLUMN ipam.quarantined_address.released_at IS 'when it was released';
COMMENT ON COLUMN ipam.quarantined_address.free_at IS 'when it is offered again';

CREATE FUNCTION ipam.purge_released_addresses(only_range_id bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    purged bigint;
BEGIN
    PERFORM ipam.require_ready_store();
    DELETE FROM ipam.released_address AS q
    WHERE (q.range_id, q.address) IN (
        SELECT o.range_id, o.address
        FROM ipam.released_address AS o JOIN ipam.ip_range AS r ON r.id = o.range_id
        WHERE r.id = coalesce(only_range_id, r.id) AND o.released_at + coalesce(r.quarantine, interval '0') <= statement_timestamp()
        FOR UPDATE OF o SKIP LOCKED);
    GET DIAGNOSTICS purged = ROW_COUNT;
    RETURN purged;
END
$$;
COMMENT ON FUNCTION ipam.purge_released_addresses(bigint) IS
    'removes rows of released_address whose time is over, of one range or of all, and returns how many; waits for nobody';

-- Also moves back the place where the search of this session goes on, see docs/allocation.md.
CREATE FUNCTION ipam.note_released_addresses() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_note_released_addresses';
COMMENT ON FUNCTION ipam.note_released_addresses() IS 'trigger: released addresses go into quarantine where their range has one, and otherwise are the next that this session allocates';

CREATE TRIGGER note_released_addresses AFTER DELETE ON ipam.ip_address
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.note_released_addresses();
CREATE TRIGGER note_moved_address AFTER UPDATE OF address_space_id, address ON ipam.ip_address
    FOR EACH ROW WHEN (OLD.address <> NEW.address OR OLD.address_space_id <> NEW.address_space_id)
    EXECUTE FUNCTION ipam.note_released_addresses();
CREATE TRIGGER note_truncate AFTER TRUNCATE ON ipam.ip_address
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.note_released_addresses();
