-- Utilization: how many addresses there are and how many of them are in use, now (MS-IPAMM2 2.2.4.315,
-- 3.3.4.66, 3.3.4.97, 3.3.4.108). Counted when asked for, never stored beside the plan: what is stored there makes
-- writers queue and goes stale.

CREATE TYPE ipam.utilization_status AS ENUM ('Under', 'Optimal', 'Over');
COMMENT ON TYPE ipam.utilization_status IS
    'Under: below MinimumUtilizationThreshold percent; Over: above MaximumUtilizationThreshold percent; Optimal: between';

-- Counting

CREATE FUNCTION ipam.count_ip_addresses_assigned(range_id bigint, assignment ipam.address_assignment) RETURNS bigint
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1000
RETURN (SELECT count(*) FROM ipam.ip_address AS a
        WHERE a.range_id = count_ip_addresses_assigned.range_id AND a.address_assignment = assignment);
COMMENT ON FUNCTION ipam.count_ip_addresses_assigned(bigint, ipam.address_assignment) IS
    'how many recorded addresses of the range were assigned in this way';

CREATE FUNCTION ipam.count_utilized_addresses(range_id bigint, calculation ipam.utilization_calculation, given numeric) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE COST 1000
RETURN CASE calculation WHEN 'Manual' THEN given ELSE ipam.count_used_ip_addresses(range_id)::numeric END;
COMMENT ON FUNCTION ipam.count_utilized_addresses(bigint, ipam.utilization_calculation, numeric) IS
    'utilized addresses of the range: the recorded ones, or the given number where utilization is calculated by hand';

CREATE FUNCTION ipam.count_stateful_addresses(range_id bigint, start_address inet) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE COST 1000
RETURN CASE family(start_address) WHEN 6 THEN ipam.count_ip_addresses_assigned(range_id, 'Dynamic')::numeric END;
COMMENT ON FUNCTION ipam.count_stateful_addresses(bigint, inet) IS
    'recorded addresses of an IPv6 range that DHCPv6 gave out; NULL in IPv4';

CREATE FUNCTION ipam.count_stateless_addresses(range_id bigint, start_address inet) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE COST 1000
RETURN CASE family(start_address) WHEN 6 THEN ipam.count_ip_addresses_assigned(range_id, 'Auto')::numeric END;
COMMENT ON FUNCTION ipam.count_stateless_addresses(bigint, inet) IS
    'recorded addresses of an IPv6 range that hosts configured by themselves; NULL in IPv4';

-- Rating

CREATE FUNCTION ipam.percent_utilized(utilized_addresses numeric, total_addresses numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN total_addresses = 0 OR utilized_addresses IS NULL THEN NULL
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
    SELECT ipam.address_count(r.extent) AS total_addresses, ipam.count_utilized_addresses(r.id, r.utilization_calculation, r.utilized_addresses) AS utilized_addresses,
           ipam.count_stateful_addresses(r.id, r.start_address) AS stateful_addresses, ipam.count_stateless_addresses(r.id, r.start_address) AS stateless_addresses
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

-- Sums. A range counts for what is around it when it is the chosen one among the ranges that overlap it, a subnet for
-- its block when it is the chosen one among the subnets that overlap it: nothing counts twice.

CREATE FUNCTION ipam.sum_subnet(subnet_id bigint)
RETURNS TABLE (assigned_addresses numeric, utilized_addresses numeric, stateful_addresses numeric, stateless_addresses numeric)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT sum(ipam.address_count(r.extent)), sum(ipam.count_utilized_addresses(r.id, r.utilization_calculation, r.utilized_addresses)), sum(ipam.count_stateful_addresses(r.id, r.start_address)),
           sum(ipam.count_stateless_addresses(r.id, r.start_address))
    FROM ipam.ip_range AS r
    WHERE r.subnet_id = sum_subnet.subnet_id AND r.use_for_utilization;
END;
COMMENT ON FUNCTION ipam.sum_subnet(bigint) IS 'sums over the chosen ranges of a subnet; NULL where there are none';

CREATE VIEW ipam.subnet_utilization WITH (security_invoker = true) AS
SELECT s.id AS subnet_id, s.address_space_id, family(s.network) AS address_family,
       u.assigned_addresses AS total_addresses, u.assigned_addresses, u.utilized_addresses, u.stateful_addresses, u.stateless_addresses,
       ipam.percent_utilized(u.utilized_addresses, u.assigned_addresses) AS percent_utilized,
       ipam.rate_utilization(u.utilized_addresses, u.assigned_addresses, (SELECT ipam.utilization_threshold('MinimumUtilizationThreshold')),
           (SELECT ipam.utilization_threshold('MaximumUtilizationThreshold'))) AS status
FROM ipam.ip_subnet AS s
CROSS JOIN LATERAL (
    SELECT coalesce(r.assigned_addresses, 0) AS assigned_addresses, coalesce(r.utilized_addresses, 0) AS utilized_addresses,
           CASE family(s.network) WHEN 6 THEN coalesce(r.stateful_addresses, 0) END AS stateful_addresses,
           CASE family(s.network) WHEN 6 THEN coalesce(r.stateless_addresses, 0) END AS stateless_addresses
    FROM ipam.sum_subnet(s.id) AS r
    OFFSET 0) AS u;
COMMENT ON VIEW ipam.subnet_utilization IS 'current utilization of each subnet: its chosen ranges together (MS-IPAMM2 3.3.4.108)';
COMMENT ON COLUMN ipam.subnet_utilization.subnet_id IS 'the subnet';
COMMENT ON COLUMN ipam.subnet_utilization.address_space_id IS 'its address space';
COMMENT ON COLUMN ipam.subnet_utilization.address_family IS '4 or 6';
COMMENT ON COLUMN ipam.subnet_utilization.total_addresses IS 'addresses of its chosen ranges, exactly; 0 where it has no ranges';
COMMENT ON COLUMN ipam.subnet_utilization.assigned_addresses IS 'the same: a range is assigned as a whole';
COMMENT ON COLUMN ipam.subnet_utilization.utilized_addresses IS 'utilized addresses of its chosen ranges';
COMMENT ON COLUMN ipam.subnet_utilization.stateful_addresses IS 'of these, recorded with assignment Dynamic; IPv6 only';
COMMENT ON COLUMN ipam.subnet_utilization.stateless_addresses IS 'of these, recorded with assignment Auto; IPv6 only';
COMMENT ON COLUMN ipam.subnet_utilization.percent_utilized IS 'utilized of total addresses, two decimals; NULL where it has no ranges';
COMMENT ON COLUMN ipam.subnet_utilization.status IS 'Under, Optimal or Over; NULL where it has no ranges';

CREATE VIEW ipam.block_utilization WITH (security_invoker = true) AS
SELECT b.id AS block_id, b.address_space_id, family(b.start_address) AS address_family,
       ipam.address_count(b.extent) AS total_addresses, u.assigned_addresses, u.utilized_addresses, u.stateful_addresses, u.stateless_addresses,
       ipam.percent_utilized(u.utilized_addresses, ipam.address_count(b.extent)) AS percent_utilized,
       ipam.rate_utilization(u.utilized_addresses, ipam.address_count(b.extent), (SELECT ipam.utilization_threshold('MinimumUtilizationThreshold')),
           (SELECT ipam.utilization_threshold('MaximumUtilizationThreshold'))) AS status,
       ipam.percent_utilized(u.assigned_addresses, ipam.address_count(b.extent)) AS percent_assigned
FROM ipam.ip_block AS b
CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.assigned_addresses), 0) AS assigned_addresses, coalesce(sum(t.utilized_addresses), 0) AS utilized_addresses,
           CASE family(b.start_address) WHEN 6 THEN coalesce(sum(t.stateful_addresses), 0) END AS stateful_addresses,
           CASE family(b.start_address) WHEN 6 THEN coalesce(sum(t.stateless_addresses), 0) END AS stateless_addresses
    FROM ipam.ip_block AS below
    CROSS JOIN LATERAL (
        SELECT sum(r.assigned_addresses) AS assigned_addresses, sum(r.utilized_addresses) AS utilized_addresses,
               sum(r.stateful_addresses) AS stateful_addresses, sum(r.stateless_addresses) AS stateless_addresses
        FROM ipam.ip_subnet AS s CROSS JOIN LATERAL ipam.sum_subnet(s.id) AS r
        WHERE s.block_id = below.id AND s.use_for_utilization) AS t
    WHERE below.extent <@ b.extent AND masklen(below.network) >= masklen(b.network)) AS u; -- itself and all its descendants
COMMENT ON VIEW ipam.block_utilization IS
    'current utilization of each block: the chosen ranges in the chosen subnets below it, through all child blocks (MS-IPAMM2 3.3.4.66)';
COMMENT ON COLUMN ipam.block_utilization.block_id IS 'the block';
COMMENT ON COLUMN ipam.block_utilization.address_space_id IS 'its address space, always 1';
COMMENT ON COLUMN ipam.block_utilization.address_family IS '4 or 6';
COMMENT ON COLUMN ipam.block_utilization.total_addresses IS 'addresses from its start to its end, exactly';
COMMENT ON COLUMN ipam.block_utilization.assigned_addresses IS 'addresses of the ranges below it';
COMMENT ON COLUMN ipam.block_utilization.utilized_addresses IS 'utilized addresses of the ranges below it';
COMMENT ON COLUMN ipam.block_utilization.stateful_addresses IS 'of these, recorded with assignment Dynamic; IPv6 only';
COMMENT ON COLUMN ipam.block_utilization.stateless_addresses IS 'of these, recorded with assignment Auto; IPv6 only';
COMMENT ON COLUMN ipam.block_utilization.percent_utilized IS 'utilized of total addresses, two decimals';
COMMENT ON COLUMN ipam.block_utilization.status IS 'Under, Optimal or Over';
COMMENT ON COLUMN ipam.block_utilization.percent_assigned IS 'assigned of total addresses, two decimals: how much of it is planned';

CREATE VIEW ipam.address_space_utilization WITH (security_invoker = true) AS
SELECT s.id AS address_space_id, f.family AS address_family,
       u.assigned_addresses AS total_addresses, u.assigned_addresses, u.utilized_addresses, u.stateful_addresses, u.stateless_addresses,
       ipam.percent_utilized(u.utilized_addresses, u.assigned_addresses) AS percent_utilized,
       ipam.rate_utilization(u.utilized_addresses, u.assigned_addresses, (SELECT ipam.utilization_threshold('MinimumUtilizationThreshold')),
           (SELECT ipam.utilization_threshold('MaximumUtilizationThreshold'))) AS status
FROM ipam.address_space AS s
CROSS JOIN (VALUES (4), (6)) AS f (family)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(ipam.address_count(r.extent)), 0) AS assigned_addresses, coalesce(sum(ipam.count_utilized_addresses(r.id, r.utilization_calculation, r.utilized_addresses)), 0) AS utilized_addresses,
           CASE f.family WHEN 6 THEN coalesce(sum(ipam.count_stateful_addresses(r.id, r.start_address)), 0) END AS stateful_addresses,
           CASE f.family WHEN 6 THEN coalesce(sum(ipam.count_stateless_addresses(r.id, r.start_address)), 0) END AS stateless_addresses
    FROM ipam.ip_range AS r
    WHERE r.address_space_id = s.id AND r.use_for_utilization AND family(r.start_address) = f.family) AS u;
COMMENT ON VIEW ipam.address_space_utilization IS
    'current utilization of each address space: its chosen ranges together, one row for each family (MS-IPAMM2 2.2.4.7)';
COMMENT ON COLUMN ipam.address_space_utilization.address_space_id IS 'the address space';
COMMENT ON COLUMN ipam.address_space_utilization.address_family IS '4 or 6';
COMMENT ON COLUMN ipam.address_space_utilization.total_addresses IS 'addresses of its chosen ranges, exactly; 0 where it has none of the family';
COMMENT ON COLUMN ipam.address_space_utilization.assigned_addresses IS 'the same: a range is assigned as a whole';
COMMENT ON COLUMN ipam.address_space_utilization.utilized_addresses IS 'utilized addresses of its chosen ranges';
COMMENT ON COLUMN ipam.address_space_utilization.stateful_addresses IS 'of these, recorded with assignment Dynamic; IPv6 only';
COMMENT ON COLUMN ipam.address_space_utilization.stateless_addresses IS 'of these, recorded with assignment Auto; IPv6 only';
COMMENT ON COLUMN ipam.address_space_utilization.percent_utilized IS 'utilized of total addresses, two decimals; NULL where it has no ranges';
COMMENT ON COLUMN ipam.address_space_utilization.status IS 'Under, Optimal or Over; NULL where it has no ranges';
