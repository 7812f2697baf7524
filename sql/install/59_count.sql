-- How many addresses of a range are used: the walk of the free search, with its jumps.

CREATE FUNCTION ipam.count_used_ip_addresses(range_id bigint) RETURNS bigint
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'ipam_count_used_ip_addresses';
COMMENT ON FUNCTION ipam.count_used_ip_addresses(bigint) IS 'how many addresses are recorded and mapped to the range; 0 for a range that the caller does not see';
