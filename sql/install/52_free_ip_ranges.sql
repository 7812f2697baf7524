-- Room for ranges: runs of addresses of a subnet that nothing takes. (Not an operation of MS-IPAMM2, whose
-- faults in 2.2.5.67 only name it.)

CREATE FUNCTION ipam.get_free_ip_ranges(
    subnet_id bigint,
    size      numeric,
    count     integer        DEFAULT 1,
    placement ipam.placement DEFAULT 'Lowest',
    exclude   inet[]         DEFAULT '{}')
RETURNS SETOF ipam.inetrange
LANGUAGE C STABLE PARALLEL RESTRICTED SUPPORT ipam.find_room_support
AS 'MODULE_PATHNAME', 'ipam_get_free_ip_ranges';
COMMENT ON FUNCTION ipam.get_free_ip_ranges(bigint, numeric, integer, ipam.placement, inet[]) IS
    'at most count runs of size addresses in a subnet that no range of any service, smaller subnet, recorded or excluded address touches';
