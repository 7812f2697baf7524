-- Utilization: how many addresses there are and how many of them are in use, now (MS-IPAMM2 2.2.4.315,
-- 3.3.4.66, 3.3.4.97, 3.3.4.108). Counted when asked for, never stored beside the plan: what is stored there makes
-- writers queue and goes stale.

CREATE TYPE ipam.utilization_status AS ENUM ('Under', 'Optimal', 'Over');
COMMENT ON TYPE ipam.utilization_status IS
    'Under: below MinimumUtilizationThreshold percent; Over: above MaximumUtilizationThreshold percent; Optimal: between';

-- Counting

CREATE FUNCTION ipam.count_used_ip_addresses(range_id bigint) RETURNS bigint
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1000
RETURN (SELECT count(*) FROM ipam.ip_address AS a WHERE a.range_id = count_used_ip_addresses.range_id);
COMMENT ON FUNCTION ipam.count_used_ip_addresses(bigint) IS 'how many addresses are recorded and mapped to the range; 0 for an unknown range';

CREATE FUNCTION ipam.count_ip_addresses_assigned(range_id bigint, assignment ipam.address_assignment) RETURNS bigint
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1000
RETURN (SELECT count(*) FROM ipam.ip_address AS a
        WHERE a.range_id = count_ip_addresses_assigned.range_id AND a.address_assignment = assignment);
COMMENT ON FUNCTION ipam.count_ip_addresses_assigned(bigint, ipam.address_assignment) IS
    'how many recorded addresses of the range were assigned in this way';

CREATE FUNCTION ipam.count_utilized_addresses(range ipam.ip_range) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE COST 1000
RETURN CASE range.utilization_calculation WHEN 'Manual' THEN range.utilized_addresses
            ELSE ipam.count_used_ip_addresses(range.id)::numeric END;
COMMENT ON FUNCTION ipam.count_utilized_addresses(ipam.ip_range) IS
    'utilized addresses of the range: the recorded ones, or the given number where utilization is calculated by hand';

-- Rating

CREATE FUNCTION ipam.percent_utilized(utilized_addresses numeric, total_addresses numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN total_addresses = 0 THEN NULL
            WHEN utilized_addresses IN (0, total_addresses) THEN round(100 * utilized_addresses / total_addresses, 2)
            ELSE least(greatest(round(100 * utilized_addresses / total_addresses, 2), 0.01), 99.99) END;
COMMENT ON FUNCTION ipam.percent_utilized(numeric, numeric) IS
    'percentage with two decimals, 0 only where nothing and 100 only where everything is utilized; NULL where there are no addresses';

CREATE FUNCTION ipam.utilization_threshold(property text) RETURNS numeric
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN (SELECT p.value::numeric FROM ipam.common_property AS p WHERE p.name = property);
COMMENT ON FUNCTION ipam.utilization_threshold(text) IS 'percentage that MinimumUtilizationThreshold or MaximumUtilizationThreshold is set to';

CREATE FUNCTION ipam.rate_utilization(utilized_addresses numeric, total_addresses numeric, minimum numeric, maximum numeric)
RETURNS ipam.utilization_status
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN total_addresses = 0 THEN NULL
            WHEN 100 * utilized_addresses > maximum * total_addresses THEN 'Over'::ipam.utilization_status
            WHEN 100 * utilized_addresses < minimum * total_addresses THEN 'Under'
            ELSE 'Optimal' END;
COMMENT ON FUNCTION ipam.rate_utilization(numeric, numeric, numeric, numeric) IS
    'status of a utilization between two thresholds in percent, by the exact numbers; NULL where there are no addresses';

-- OFFSET 0 in the views below: counted once for each row, and not at all where nobody asks for it. The thresholds
-- are read once for each statement.

CREATE VIEW ipam.range_utilization WITH (security_invoker = true) AS
SELECT r.id AS range_id, r.address_space_id, family(r.start_address) AS address_family,
       u.total_addresses, u.total_addresses AS assigned_addresses, u.utilized_addresses, u.stateful_addresses, u.stateless_addresses,
       ipam.percent_utilized(u.utilized_addresses, u.total_addresses) AS percent_utilized,
       ipam.rate_utilization(u.utilized_addresses, u.total_addresses, (SELECT ipam.utilization_threshold('MinimumUtilizationThreshold')),
           (SELECT ipam.utilization_threshold('MaximumUtilizationThreshold'))) AS status
FROM ipam.ip_range AS r
CROSS JOIN LATERAL (
    SELECT ipam.address_count(r.extent) AS total_addresses, ipam.count_utilized_addresses(r) AS utilized_addresses,
           CASE family(r.start_address) WHEN 6 THEN ipam.count_ip_addresses_assigned(r.id, 'Dynamic')::numeric END AS stateful_addresses,
           CASE family(r.start_address) WHEN 6 THEN ipam.count_ip_addresses_assigned(r.id, 'Auto')::numeric END AS stateless_addresses
    OFFSET 0) AS u;
COMMENT ON VIEW ipam.range_utilization IS 'current utilization of each range';
COMMENT ON COLUMN ipam.range_utilization.range_id IS 'the range';
COMMENT ON COLUMN ipam.range_utilization.address_space_id IS 'its address space';
COMMENT ON COLUMN ipam.range_utilization.address_family IS '4 or 6';
COMMENT ON COLUMN ipam.range_utilization.total_addresses IS 'addresses from start to end, exactly';
COMMENT ON COLUMN ipam.range_utilization.assigned_addresses IS 'the same: a range is assigned as a whole';
COMMENT ON COLUMN ipam.range_utilization.utilized_addresses IS 'recorded addresses, or the given number where utilization is calculated by hand';
COMMENT ON COLUMN ipam.range_utilization.stateful_addresses IS 'recorded addresses with assignment Dynamic; IPv6 only';
COMMENT ON COLUMN ipam.range_utilization.stateless_addresses IS 'recorded addresses with assignment Auto; IPv6 only';
COMMENT ON COLUMN ipam.range_utilization.percent_utilized IS 'utilized of total addresses, two decimals';
COMMENT ON COLUMN ipam.range_utilization.status IS 'Under, Optimal or Over';
