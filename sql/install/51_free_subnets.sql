-- Room for networks: where in a block, or in the network of a subnet, nothing is taken. (Not operations of
-- MS-IPAMM2, whose faults in 2.2.5.67 only name them.)

CREATE TYPE ipam.placement AS ENUM ('Lowest', 'BestFit', 'Sparse');
COMMENT ON TYPE ipam.placement IS
    'Lowest: the lowest addresses; BestFit: the smallest gap that fits, so that large ones stay whole; Sparse: the largest gap, far from neighbours';

CREATE FUNCTION ipam.find_room_support(internal) RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_find_room_support';
COMMENT ON FUNCTION ipam.find_room_support(internal) IS 'planner support: rows and cost of get_free_ip_subnets and its relatives';

CREATE FUNCTION ipam.get_free_ip_subnets(
    block_id            bigint,
    prefix_length       integer,
    count               integer        DEFAULT 1,
    placement           ipam.placement DEFAULT 'Lowest',
    exclude             inet[]         DEFAULT '{}',
    within_child_blocks boolean        DEFAULT false)
RETURNS SETOF cidr
LANGUAGE C STABLE PARALLEL RESTRICTED SUPPORT ipam.find_room_support
AS 'MODULE_PATHNAME', 'ipam_get_free_ip_subnets';
COMMENT ON FUNCTION ipam.get_free_ip_subnets(bigint, integer, integer, ipam.placement, inet[], boolean) IS
    'at most count networks of a prefix length in a block that no subnet, child block, recorded address or excluded network touches';

CREATE FUNCTION ipam.get_free_ip_subnets_in_subnet(
    subnet_id     bigint,
    prefix_length integer,
    count         integer        DEFAULT 1,
    placement     ipam.placement DEFAULT 'Lowest',
    exclude       inet[]         DEFAULT '{}')
RETURNS SETOF cidr
LANGUAGE C STABLE PARALLEL RESTRICTED SUPPORT ipam.find_room_support
AS 'MODULE_PATHNAME', 'ipam_get_free_ip_subnets_in_subnet';
COMMENT ON FUNCTION ipam.get_free_ip_subnets_in_subnet(bigint, integer, integer, ipam.placement, inet[]) IS
    'at most count networks of a prefix length in a subnet that no smaller subnet, range, recorded address or excluded network touches';

CREATE FUNCTION ipam.free_networks(block_id bigint, exclude inet[] DEFAULT '{}', within_child_blocks boolean DEFAULT false)
RETURNS SETOF cidr
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 100
AS 'MODULE_PATHNAME', 'ipam_free_networks';
COMMENT ON FUNCTION ipam.free_networks(bigint, inet[], boolean) IS
    'all that is free in a block as the fewest networks that cover it, ascending';

CREATE FUNCTION ipam.free_networks_in_subnet(subnet_id bigint, exclude inet[] DEFAULT '{}')
RETURNS SETOF cidr
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 100
AS 'MODULE_PATHNAME', 'ipam_free_networks_in_subnet';
COMMENT ON FUNCTION ipam.free_networks_in_subnet(bigint, inet[]) IS
    'all that is free in a subnet as the fewest networks that cover it, ascending';

CREATE FUNCTION ipam.largest_free_network(block_id bigint, exclude inet[] DEFAULT '{}', within_child_blocks boolean DEFAULT false)
RETURNS cidr
LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'ipam_largest_free_network';
COMMENT ON FUNCTION ipam.largest_free_network(bigint, inet[], boolean) IS
    'the largest free network of a block, of equal ones the lowest; NULL where nothing is free';

CREATE FUNCTION ipam.largest_free_network_in_subnet(subnet_id bigint, exclude inet[] DEFAULT '{}')
RETURNS cidr
LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000
AS 'MODULE_PATHNAME', 'ipam_largest_free_network_in_subnet';
COMMENT ON FUNCTION ipam.largest_free_network_in_subnet(bigint, inet[]) IS
    'the largest free network of a subnet, of equal ones the lowest; NULL where nothing is free';
