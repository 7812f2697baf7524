-- Trends: twelve averages of the samples of a range, subnet or block (MS-IPAMM2 3.1.1.1.23.2, 3.1.1.1.24.2).

CREATE TYPE ipam.utilization_period AS ENUM ('OneDay', 'Week', 'OneMonth', 'ThreeMonth', 'SixMonth', 'OneYear', 'TwoYear', 'FiveYear');
COMMENT ON TYPE ipam.utilization_period IS 'how far a trend looks back; the current figures are in the views';

CREATE FUNCTION ipam.period_length(period ipam.utilization_period) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE period WHEN 'OneDay' THEN interval '24 hours' WHEN 'Week' THEN interval '7 days' WHEN 'OneMonth' THEN interval '1 month'
                   WHEN 'ThreeMonth' THEN interval '3 months' WHEN 'SixMonth' THEN interval '6 months' WHEN 'OneYear' THEN interval '1 year'
                   WHEN 'TwoYear' THEN interval '2 years' WHEN 'FiveYear' THEN interval '5 years' END;
COMMENT ON FUNCTION ipam.period_length(ipam.utilization_period) IS 'length of the period';

CREATE FUNCTION ipam.split_period(period ipam.utilization_period, start_time timestamptz DEFAULT NULL, end_time timestamptz DEFAULT NULL)
RETURNS TABLE (period_start timestamptz, period_end timestamptz, sampled_before timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 12 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    length CONSTANT interval := ipam.period_length(period);
    last CONSTANT timestamptz := coalesce(end_time, start_time + length, now());
    first CONSTANT timestamptz := coalesce(start_time, last - length);
    seconds CONSTANT numeric := extract(epoch FROM last) - extract(epoch FROM first);
BEGIN
    IF first IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'a trend needs a period, or a start and an end',
            format('The period is %s, the start %s, the end %s.', coalesce(period::text, 'NULL'), coalesce(start_time::text, 'NULL'), coalesce(end_time::text, 'NULL')));
    ELSIF NOT isfinite(first) OR NOT isfinite(last) THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', format('a trend cannot reach from %s to %s', first, last),
            'Start and end are points in time.');
    ELSIF seconds <= 0 THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', format('a trend cannot reach from %s to %s', first, last),
            'The end does not come after the start.');
    ELSIF period IS NOT NULL AND last <> first + length AND first <> last - length THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', format('%s to %s is not %s', first, last, period),
            format('The length of the period is %s.', length), 'Leave out the start or the end, or write period => NULL for any length.');
    END IF;
    RETURN QUERY
    SELECT p.opens, p.closes, CASE n WHEN 12 THEN p.closes + interval '1 microsecond' ELSE p.closes END
    FROM generate_series(1, 12) AS n,
         LATERAL (SELECT first + make_interval(secs => (seconds * (n - 1) / 12)::double precision),
                         first + make_interval(secs => (seconds * n / 12)::double precision)) AS p (opens, closes);
END
$$;
COMMENT ON FUNCTION ipam.split_period(ipam.utilization_period, timestamptz, timestamptz) IS
    'the 12 equal parts of a period that ends at end_time, or begins at start_time, or ends now; a sample belongs to the part that begins at its time, the last part has its end, too';

CREATE FUNCTION ipam.range_utilization_trend(range_id bigint, period ipam.utilization_period DEFAULT 'OneMonth',
    start_time timestamptz DEFAULT NULL, end_time timestamptz DEFAULT NULL)
RETURNS TABLE (period_start timestamptz, period_end timestamptz, is_valid boolean, total_addresses numeric, assigned_addresses numeric,
    utilized_addresses numeric, stateful_addresses numeric, stateless_addresses numeric, percent_utilized numeric)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 12 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    range CONSTANT ipam.ip_range := ipam.get_range_or_fault(range_id);
BEGIN
    RETURN QUERY
    SELECT p.period_start, p.period_end, s.total IS NOT NULL, trim_scale(round(s.total, 2)), trim_scale(round(s.assigned, 2)), trim_scale(round(s.utilized, 2)), trim_scale(round(s.stateful, 2)),
           trim_scale(round(s.stateless, 2)), ipam.percent_utilized(s.utilized, s.total)
    FROM ipam.split_period(period, start_time, end_time) AS p
    CROSS JOIN LATERAL (
        SELECT avg(t.total) AS total, avg(t.assigned) AS assigned, avg(t.utilized) AS utilized, avg(t.stateful) AS stateful, avg(t.stateless) AS stateless
        FROM (SELECT sum(h.total_addresses), sum(h.assigned_addresses), sum(h.utilized_addresses), sum(h.stateful_addresses), sum(h.stateless_addresses)
              FROM ipam.range_utilization_history AS h
              WHERE h.address_space_id = range.address_space_id AND h.start_address = range.start_address AND h.end_address = range.end_address
                AND h.collected_at >= p.period_start AND h.collected_at < p.sampled_before
                AND h.prefix_length = masklen(range.network) AND h.managed_by = range.managed_by AND h.managed_by_entity = range.managed_by_entity
              GROUP BY h.collected_at) AS t (total, assigned, utilized, stateful, stateless)) AS s
    ORDER BY p.period_start;
END
$$;
COMMENT ON FUNCTION ipam.range_utilization_trend(bigint, ipam.utilization_period, timestamptz, timestamptz) IS
    'the utilization of a range over a period in 12 averages; is_valid: whether there are samples of that part (MS-IPAMM2 3.3.4.97)';

CREATE FUNCTION ipam.block_history_trend(address_space_id bigint, network cidr, start_address inet, end_address inet, is_subnet boolean,
    period ipam.utilization_period, start_time timestamptz, end_time timestamptz)
RETURNS TABLE (period_start timestamptz, period_end timestamptz, is_valid boolean, total_addresses numeric, assigned_addresses numeric,
    utilized_addresses numeric, stateful_addresses numeric, stateless_addresses numeric, percent_utilized numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 12
BEGIN ATOMIC
    SELECT p.period_start, p.period_end, s.total IS NOT NULL, trim_scale(round(s.total, 2)), trim_scale(round(s.assigned, 2)), trim_scale(round(s.utilized, 2)), trim_scale(round(s.stateful, 2)),
           trim_scale(round(s.stateless, 2)), ipam.percent_utilized(s.utilized, s.total)
    FROM ipam.split_period(period, start_time, end_time) AS p
    CROSS JOIN LATERAL (
        SELECT avg(h.total_addresses) AS total, avg(h.assigned_addresses) AS assigned, avg(h.utilized_addresses) AS utilized,
               avg(h.stateful_addresses) AS stateful, avg(h.stateless_addresses) AS stateless
        FROM ipam.block_utilization_history AS h
        WHERE h.address_space_id = block_history_trend.address_space_id AND h.start_address = block_history_trend.start_address
          AND h.end_address = block_history_trend.end_address AND h.prefix_length = masklen(network) AND h.is_subnet = block_history_trend.is_subnet
          AND h.collected_at >= p.period_start AND h.collected_at < p.sampled_before) AS s
    ORDER BY p.period_start;
END;
COMMENT ON FUNCTION ipam.block_history_trend(bigint, cidr, inet, inet, boolean, ipam.utilization_period, timestamptz, timestamptz) IS
    'the utilization of a block or subnet over a period in 12 averages';

CREATE FUNCTION ipam.subnet_utilization_trend(subnet_id bigint, period ipam.utilization_period DEFAULT 'OneMonth',
    start_time timestamptz DEFAULT NULL, end_time timestamptz DEFAULT NULL)
RETURNS TABLE (period_start timestamptz, period_end timestamptz, is_valid boolean, total_addresses numeric, assigned_addresses numeric,
    utilized_addresses numeric, stateful_addresses numeric, stateless_addresses numeric, percent_utilized numeric)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 12 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    subnet CONSTANT ipam.ip_subnet := ipam.get_subnet_or_fault(subnet_id);
BEGIN
    RETURN QUERY SELECT * FROM ipam.block_history_trend(subnet.address_space_id, subnet.network, host(subnet.network)::inet,
        host(broadcast(subnet.network))::inet, true, period, start_time, end_time);
END
$$;
COMMENT ON FUNCTION ipam.subnet_utilization_trend(bigint, ipam.utilization_period, timestamptz, timestamptz) IS
    'the utilization of a subnet over a period in 12 averages; is_valid: whether there are samples of that part (MS-IPAMM2 3.3.4.108)';

CREATE FUNCTION ipam.block_utilization_trend(block_id bigint, period ipam.utilization_period DEFAULT 'OneMonth',
    start_time timestamptz DEFAULT NULL, end_time timestamptz DEFAULT NULL)
RETURNS TABLE (period_start timestamptz, period_end timestamptz, is_valid boolean, total_addresses numeric, assigned_addresses numeric,
    utilized_addresses numeric, stateful_addresses numeric, stateless_addresses numeric, percent_utilized numeric)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 12 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    block CONSTANT ipam.ip_block := ipam.get_block_or_fault(block_id);
BEGIN
    RETURN QUERY SELECT * FROM ipam.block_history_trend(block.address_space_id, block.network, block.start_address, block.end_address, false,
        period, start_time, end_time);
END
$$;
COMMENT ON FUNCTION ipam.block_utilization_trend(bigint, ipam.utilization_period, timestamptz, timestamptz) IS
    'the utilization of a block over a period in 12 averages; is_valid: whether there are samples of that part (MS-IPAMM2 3.3.4.66)';
