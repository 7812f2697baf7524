-- Free addresses: what the rows of ip_address leave of a range (MS-IPAMM2 3.3.4.76).

CREATE FUNCTION ipam.get_free_ip_addresses_support(internal) RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_get_free_ip_addresses_support';
COMMENT ON FUNCTION ipam.get_free_ip_addresses_support(internal) IS 'planner support: rows and cost of get_free_ip_addresses';

CREATE FUNCTION ipam.get_free_ip_addresses(
    range_id         bigint,
    start_address    inet    DEFAULT NULL,
    end_address      inet    DEFAULT NULL,
    count            integer DEFAULT 1,
    include_reserved boolean DEFAULT false,
    address_family   integer DEFAULT NULL)
RETURNS SETOF inet
LANGUAGE C STABLE PARALLEL RESTRICTED SUPPORT ipam.get_free_ip_addresses_support
AS 'MODULE_PATHNAME', 'ipam_get_free_ip_addresses';
COMMENT ON FUNCTION ipam.get_free_ip_addresses(bigint, inet, inet, integer, boolean, integer) IS
    'at most count free addresses of a range, ascending, between start_address and end_address (MS-IPAMM2 3.3.4.76)';

CREATE FUNCTION ipam.free_ranges(range_id bigint, include_reserved boolean DEFAULT false)
RETURNS SETOF ipam.inetrange
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 100
AS 'MODULE_PATHNAME', 'ipam_free_ranges';
COMMENT ON FUNCTION ipam.free_ranges(bigint, boolean) IS 'all gaps of a range as runs of free addresses, ascending';

CREATE FUNCTION ipam.is_ip_address_mapped(range_id bigint, address inet) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.require_ready_store();
    RETURN EXISTS (
        SELECT FROM ipam.ip_address AS a
        WHERE a.range_id = is_ip_address_mapped.range_id AND a.address = is_ip_address_mapped.address);
END
$$;
COMMENT ON FUNCTION ipam.is_ip_address_mapped(bigint, inet) IS
    'whether the address is recorded and mapped to the range; false for an unknown range (MS-IPAMM2 3.3.4.113)';
