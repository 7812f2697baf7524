-- Utilization over time: samples, trends and their purge (MS-IPAMM2 3.1.1.1.23, 3.1.1.1.24, 3.3.4.158).
--
-- A sample belongs to addresses, not to a row of the plan: it is found by start, end, prefix length, service and
-- address space, and survives that the object is deleted and made again. So there are no foreign keys: collecting
-- locks nothing in the plan, and nothing stays in the plan because of its history.

CREATE TABLE ipam.range_utilization_history (
    range_id            bigint NOT NULL,
    address_space_id    bigint NOT NULL,
    start_address       inet NOT NULL,
    end_address         inet NOT NULL,
    prefix_length       integer NOT NULL,
    managed_by          text COLLATE "C" NOT NULL,
    managed_by_entity   text COLLATE "C" NOT NULL,
    collected_at        timestamptz NOT NULL,
    total_addresses     numeric NOT NULL,
    assigned_addresses  numeric NOT NULL,
    utilized_addresses  numeric NOT NULL,
    stateful_addresses  numeric,
    stateless_addresses numeric
);
COMMENT ON TABLE ipam.range_utilization_history IS 'samples of the utilization of ranges, written by collect_utilization()';
COMMENT ON COLUMN ipam.range_utilization_history.range_id IS 'the range that had the addresses then; it may be gone';
COMMENT ON COLUMN ipam.range_utilization_history.address_space_id IS 'address space of the range';
COMMENT ON COLUMN ipam.range_utilization_history.start_address IS 'first address of the range';
COMMENT ON COLUMN ipam.range_utilization_history.end_address IS 'last address of the range';
COMMENT ON COLUMN ipam.range_utilization_history.prefix_length IS 'prefix length of the range''s network';
COMMENT ON COLUMN ipam.range_utilization_history.managed_by IS 'kind of service that managed it';
COMMENT ON COLUMN ipam.range_utilization_history.managed_by_entity IS 'the service instance';
COMMENT ON COLUMN ipam.range_utilization_history.collected_at IS 'time of the sample, the same for all samples of a collection';
COMMENT ON COLUMN ipam.range_utilization_history.total_addresses IS 'as in range_utilization';
COMMENT ON COLUMN ipam.range_utilization_history.assigned_addresses IS 'as in range_utilization';
COMMENT ON COLUMN ipam.range_utilization_history.utilized_addresses IS 'as in range_utilization';
COMMENT ON COLUMN ipam.range_utilization_history.stateful_addresses IS 'as in range_utilization; IPv6 only';
COMMENT ON COLUMN ipam.range_utilization_history.stateless_addresses IS 'as in range_utilization; IPv6 only';

CREATE INDEX range_utilization_history_object_idx ON ipam.range_utilization_history (address_space_id, start_address, end_address, collected_at);
COMMENT ON INDEX ipam.range_utilization_history_object_idx IS 'samples of a range by time';
CREATE INDEX range_utilization_history_collected_at_idx ON ipam.range_utilization_history USING brin (collected_at) WITH (autosummarize = on);
COMMENT ON INDEX ipam.range_utilization_history_collected_at_idx IS 'samples of a collection, and of a time that is purged; they lie together, as they were written';

CREATE TABLE ipam.block_utilization_history (
    object_id           bigint NOT NULL,
    address_space_id    bigint NOT NULL,
    is_subnet           boolean NOT NULL,
    start_address       inet NOT NULL,
    end_address         inet NOT NULL,
    prefix_length       integer NOT NULL,
    collected_at        timestamptz NOT NULL,
    total_addresses     numeric NOT NULL,
    assigned_addresses  numeric NOT NULL,
    utilized_addresses  numeric NOT NULL,
    stateful_addresses  numeric,
    stateless_addresses numeric,

    PRIMARY KEY (address_space_id, start_address, end_address, prefix_length, is_subnet, collected_at)
);
COMMENT ON TABLE ipam.block_utilization_history IS
    'samples of the utilization of blocks, and of subnets that have ranges, written by collect_utilization()';
COMMENT ON COLUMN ipam.block_utilization_history.object_id IS 'the block or subnet that had the addresses then; it may be gone';
COMMENT ON COLUMN ipam.block_utilization_history.address_space_id IS 'address space of the block or subnet';
COMMENT ON COLUMN ipam.block_utilization_history.is_subnet IS 'true: a subnet; false: a block';
COMMENT ON COLUMN ipam.block_utilization_history.start_address IS 'its first address';
COMMENT ON COLUMN ipam.block_utilization_history.end_address IS 'its last address';
COMMENT ON COLUMN ipam.block_utilization_history.prefix_length IS 'prefix length of its network';
COMMENT ON COLUMN ipam.block_utilization_history.collected_at IS 'time of the sample, the same for all samples of a collection';
COMMENT ON COLUMN ipam.block_utilization_history.total_addresses IS 'as in block_utilization and subnet_utilization';
COMMENT ON COLUMN ipam.block_utilization_history.assigned_addresses IS 'as in block_utilization and subnet_utilization';
COMMENT ON COLUMN ipam.block_utilization_history.utilized_addresses IS 'as in block_utilization and subnet_utilization';
COMMENT ON COLUMN ipam.block_utilization_history.stateful_addresses IS 'as in block_utilization and subnet_utilization; IPv6 only';
COMMENT ON COLUMN ipam.block_utilization_history.stateless_addresses IS 'as in block_utilization and subnet_utilization; IPv6 only';

CREATE INDEX block_utilization_history_collected_at_idx ON ipam.block_utilization_history USING brin (collected_at) WITH (autosummarize = on);
COMMENT ON INDEX ipam.block_utilization_history_collected_at_idx IS 'samples of a collection, and of a time that is purged';

-- Of each range what the last collection saw. Beside the ranges, whose writers it costs nothing.
CREATE TABLE ipam.range_utilization_status (
    range_id   bigint PRIMARY KEY,
    status     ipam.utilization_status NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE ipam.range_utilization_status IS 'status of each range as the last collection saw it, to tell a change';
COMMENT ON COLUMN ipam.range_utilization_status.range_id IS 'the range';
COMMENT ON COLUMN ipam.range_utilization_status.status IS 'Under, Optimal or Over';
COMMENT ON COLUMN ipam.range_utilization_status.changed_at IS 'the collection that saw it first';

-- Who does not see all ranges would take the others for gone. Purging takes no sight: samples belong to no row.
CREATE TRIGGER require_sight BEFORE INSERT ON ipam.range_utilization_history
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.require_sight('record utilization');
CREATE TRIGGER require_sight BEFORE INSERT ON ipam.block_utilization_history
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.require_sight('record utilization');
CREATE TRIGGER require_sight BEFORE INSERT OR UPDATE OR DELETE ON ipam.range_utilization_status
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.require_sight('record utilization');

-- Collecting

CREATE FUNCTION ipam.notify_utilization_status(sample ipam.range_utilization_history, status ipam.utilization_status, previous ipam.utilization_status)
RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pg_notify('ipam_utilization', jsonb_build_object('event', 'NotifyUtilizationStatusChange', 'range_id', sample.range_id,
        'address_space_id', sample.address_space_id, 'start_address', host(sample.start_address), 'end_address', host(sample.end_address),
        'managed_by', ipam.cut_text(sample.managed_by, 1000), 'managed_by_entity', ipam.cut_text(sample.managed_by_entity, 1000),
        'status', status, 'previous_status', previous, 'total_addresses', sample.total_addresses, 'utilized_addresses', sample.utilized_addresses,
        'percent_utilized', ipam.percent_utilized(sample.utilized_addresses, sample.total_addresses), 'at', sample.collected_at)::text);
$$;
COMMENT ON FUNCTION ipam.notify_utilization_status(ipam.range_utilization_history, ipam.utilization_status, ipam.utilization_status) IS
    'tells the channel ipam_utilization that a range has crossed a threshold';

CREATE FUNCTION ipam.collect_range_utilization(run ipam.task_run) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    batch_end CONSTANT bigint := (
        SELECT max(b.id) FROM (SELECT r.id FROM ipam.ip_range AS r WHERE r.id > run.last_id ORDER BY r.id LIMIT 1000) AS b);
    minimum CONSTANT numeric := ipam.utilization_threshold('MinimumUtilizationThreshold');
    maximum CONSTANT numeric := ipam.utilization_threshold('MaximumUtilizationThreshold');
    samples bigint;
BEGIN
    WITH sample AS (
        INSERT INTO ipam.range_utilization_history
        SELECT r.id, r.address_space_id, r.start_address, r.end_address, masklen(r.network), r.managed_by, r.managed_by_entity, run.started_at,
               u.total_addresses, u.assigned_addresses, u.utilized_addresses, u.stateful_addresses, u.stateless_addresses
        FROM ipam.ip_range AS r JOIN ipam.range_utilization AS u ON u.range_id = r.id
        WHERE r.id > run.last_id AND r.id <= batch_end AND u.range_id > run.last_id AND u.range_id <= batch_end
        RETURNING *
    ), rated AS (
        SELECT ROW(s.*)::ipam.range_utilization_history AS sample, ipam.rate_utilization(s.utilized_addresses, s.total_addresses, minimum, maximum) AS status FROM sample AS s
    ), changed AS (
        SELECT r.*, p.status AS previous
        FROM rated AS r LEFT JOIN ipam.range_utilization_status AS p ON p.range_id = (r.sample).range_id
        WHERE r.status IS DISTINCT FROM p.status
    ), kept AS (
        INSERT INTO ipam.range_utilization_status AS p (range_id, status, changed_at)
        SELECT (c.sample).range_id, c.status, run.started_at FROM changed AS c
        ON CONFLICT (range_id) DO UPDATE SET status = EXCLUDED.status, changed_at = EXCLUDED.changed_at
    ), told AS (
        -- A range that has never been looked at is news only when it is full.
        SELECT ipam.notify_utilization_status(c.sample, c.status, c.previous) FROM changed AS c
        WHERE c.previous IS NOT NULL OR c.status = 'Over'
        ORDER BY (c.sample).range_id
    )
    SELECT (SELECT count(*) FROM sample) INTO samples
    WHERE (SELECT count(*) FROM told) IS NOT NULL; -- has them told
    UPDATE ipam.task_run SET last_id = coalesce(batch_end, last_id), rows_done = rows_done + samples WHERE type = 'Utilization';
    RETURN batch_end IS NULL;
END
$$;
COMMENT ON FUNCTION ipam.collect_range_utilization(ipam.task_run) IS
    'samples the next 1,000 ranges, keeps their status and tells which have changed it; whether there were none left';

CREATE FUNCTION ipam.collect_subnet_utilization(run ipam.task_run) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    WITH inserted AS (
        INSERT INTO ipam.block_utilization_history
        SELECT s.id, s.address_space_id, true, host(s.network)::inet, host(broadcast(s.network))::inet, masklen(s.network), run.started_at,
               sum(h.total_addresses), sum(h.assigned_addresses), sum(h.utilized_addresses), sum(h.stateful_addresses), sum(h.stateless_addresses)
        FROM ipam.range_utilization_history AS h
        JOIN ipam.ip_range AS r ON r.id = h.range_id AND r.use_for_utilization
        JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id
        WHERE h.collected_at = run.started_at
        GROUP BY s.id
        RETURNING 1
    )
    SELECT count(*) FROM inserted;
$$;
COMMENT ON FUNCTION ipam.collect_subnet_utilization(ipam.task_run) IS
    'writes the sample of each subnet, summed up from the samples of its ranges; how many there are';

CREATE FUNCTION ipam.collect_block_utilization(run ipam.task_run) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE part AS (
        SELECT s.block_id, sum(h.assigned_addresses) AS assigned_addresses, sum(h.utilized_addresses) AS utilized_addresses,
               sum(h.stateful_addresses) AS stateful_addresses, sum(h.stateless_addresses) AS stateless_addresses
        FROM ipam.block_utilization_history AS h JOIN ipam.ip_subnet AS s ON s.id = h.object_id AND s.use_for_utilization
        WHERE h.collected_at = run.started_at AND h.is_subnet AND s.block_id IS NOT NULL
        GROUP BY s.block_id
    ), carried AS (
        SELECT * FROM part
        UNION ALL
        SELECT b.parent_id, c.assigned_addresses, c.utilized_addresses, c.stateful_addresses, c.stateless_addresses
        FROM carried AS c JOIN ipam.ip_block AS b ON b.id = c.block_id
        WHERE b.parent_id IS NOT NULL
    ), total AS (
        SELECT c.block_id, sum(c.assigned_addresses) AS assigned_addresses, sum(c.utilized_addresses) AS utilized_addresses,
               sum(c.stateful_addresses) AS stateful_addresses, sum(c.stateless_addresses) AS stateless_addresses
        FROM carried AS c
        GROUP BY c.block_id
    ), inserted AS (
        INSERT INTO ipam.block_utilization_history
        SELECT b.id, b.address_space_id, false, b.start_address, b.end_address, masklen(b.network), run.started_at,
               ipam.address_count(b.extent), coalesce(t.assigned_addresses, 0), coalesce(t.utilized_addresses, 0),
               CASE family(b.network) WHEN 6 THEN coalesce(t.stateful_addresses, 0) END,
               CASE family(b.network) WHEN 6 THEN coalesce(t.stateless_addresses, 0) END
        FROM ipam.ip_block AS b LEFT JOIN total AS t ON t.block_id = b.id
        RETURNING 1
    )
    SELECT count(*) FROM inserted;
$$;
COMMENT ON FUNCTION ipam.collect_block_utilization(ipam.task_run) IS
    'writes the sample of each block, summed up from the samples of the subnets below it; how many there are';

CREATE FUNCTION ipam.collect_utilization_batch(run ipam.task_run) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    samples bigint;
BEGIN
    IF run.phase = 0 THEN
        IF ipam.collect_range_utilization(run) THEN
            UPDATE ipam.task_run SET phase = 1 WHERE type = 'Utilization';
        END IF;
        RETURN false;
    END IF;
    samples := ipam.collect_subnet_utilization(run);
    samples := samples + ipam.collect_block_utilization(run);
    DELETE FROM ipam.range_utilization_status AS s WHERE NOT EXISTS (SELECT FROM ipam.ip_range AS r WHERE r.id = s.range_id);
    UPDATE ipam.task_run SET rows_done = rows_done + samples WHERE type = 'Utilization';
    UPDATE ipam.common_property SET value = to_char(run.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    WHERE name = 'LastAddressUtilizationCollectionTaskRuntime';
    RETURN true;
END
$$;
COMMENT ON FUNCTION ipam.collect_utilization_batch(ipam.task_run) IS 'the next batch of a collection; whether it was the last one';

CREATE PROCEDURE ipam.collect_utilization()
LANGUAGE C
AS 'MODULE_PATHNAME', 'ipam_collect_utilization';
COMMENT ON PROCEDURE ipam.collect_utilization() IS
    'writes a sample of the utilization of every range, and of every subnet and block with ranges in it, and tells which ranges have crossed a threshold; commits each 1,000 ranges, unless it is called in a transaction block';

-- Purging

CREATE FUNCTION ipam.purge_utilization_batch(run ipam.task_run) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    deleted bigint;
BEGIN
    IF run.phase = 0 THEN
        DELETE FROM ipam.range_utilization_history WHERE collected_at <= run.until;
    ELSE
        DELETE FROM ipam.block_utilization_history WHERE collected_at <= run.until;
    END IF;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    UPDATE ipam.task_run SET phase = run.phase + 1, rows_done = rows_done + deleted WHERE type = 'UtilizationPurge';
    RETURN run.phase = 1;
END
$$;
COMMENT ON FUNCTION ipam.purge_utilization_batch(ipam.task_run) IS 'purges one of the two history tables; whether it was the last one';

CREATE PROCEDURE ipam.purge_utilization_data(end_time timestamptz)
LANGUAGE C
AS 'MODULE_PATHNAME', 'ipam_purge_utilization_data';
COMMENT ON PROCEDURE ipam.purge_utilization_data(timestamptz) IS
    'deletes the samples that were collected at end_time or before, which does not lie in the future (MS-IPAMM2 3.3.4.158)';
