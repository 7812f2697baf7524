-- Types: enumerations of the model, host addresses, ranges of addresses, gateways.

CREATE TYPE ipam.address_space_type AS ENUM ('Provider', 'Customer');
COMMENT ON TYPE ipam.address_space_type IS 'Provider: a physical network; Customer: a virtual network on top of one provider space';

CREATE TYPE ipam.virtualization_type AS ENUM ('NonVirtualized', 'Fabric', 'Virtual');
COMMENT ON TYPE ipam.virtualization_type IS
    'NonVirtualized: default address space; Fabric: physical network under virtual ones; Virtual: customer network';

CREATE TYPE ipam.address_category AS ENUM ('Public', 'Private', 'GlobalIPv6Unicast');
COMMENT ON TYPE ipam.address_category IS 'Private: RFC 1918, 100.64.0.0/10 and fc00::/7; Public: the rest of usable IPv4; GlobalIPv6Unicast: the rest of usable IPv6';

CREATE TYPE ipam.address_assignment AS ENUM ('Static', 'Dynamic', 'Auto', 'VIP', 'Reserved');
COMMENT ON TYPE ipam.address_assignment IS
    'Static: by hand; Dynamic: DHCP; Auto: IPv6 stateless autoconfiguration; VIP: load balancing; Reserved: reservation';

CREATE TYPE ipam.utilization_calculation AS ENUM ('Auto', 'Manual');
COMMENT ON TYPE ipam.utilization_calculation IS 'Auto: computed from recorded addresses; Manual: the number of utilized addresses is given';

CREATE TYPE ipam.reservation_type AS ENUM ('Dhcp', 'Bootp', 'Both');
COMMENT ON TYPE ipam.reservation_type IS 'clients that a DHCPv4 reservation serves';

CREATE TYPE ipam.custom_field_origin AS ENUM ('BuiltIn', 'External');
COMMENT ON TYPE ipam.custom_field_origin IS 'BuiltIn: made by provisioning; External: user-defined';

CREATE TYPE ipam.custom_field_type AS ENUM ('Freeform', 'Multivalued');
COMMENT ON TYPE ipam.custom_field_type IS 'Freeform: any text; Multivalued: one value of the field''s list';

CREATE TYPE ipam.logical_group_users AS ENUM ('IPAddressSpaceManagement', 'ServerManagement');
COMMENT ON TYPE ipam.logical_group_users IS 'functional area that a logical group belongs to';

-- Host addresses

CREATE FUNCTION ipam.check_host_address(address inet) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN address IS NULL OR masklen(address) = CASE family(address) WHEN 4 THEN 32 ELSE 128 END
    OR ipam.raise_fault('IpamApiInvalidIPAddress', format('%s is a network, not a host address', address),
           'A host address has no prefix length, or all of it: /32 in IPv4, /128 in IPv6.', format('Write %s.', host(address)));
COMMENT ON FUNCTION ipam.check_host_address(inet) IS 'true, or a fault where the address has a network mask';

CREATE FUNCTION ipam.is_host_address(address inet) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_is_host_address';
COMMENT ON FUNCTION ipam.is_host_address(inet) IS
    'whether a host can have the address: not this-network, loopback, link-local, broadcast, unspecified, site-local or IPv6 multicast';

CREATE FUNCTION ipam.address_category(first_address inet, last_address inet) RETURNS ipam.address_category
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_address_category';
COMMENT ON FUNCTION ipam.address_category(inet, inet) IS
    'category of all addresses from first to last; NULL where they are of no use for a plan or of mixed categories';

CREATE FUNCTION ipam.covering_networks(address inet) RETURNS cidr[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_covering_networks';
COMMENT ON FUNCTION ipam.covering_networks(inet) IS
    'the networks of every prefix length that hold the address or network, the largest first and itself last';

-- Ranges of addresses

CREATE TYPE ipam.inetrange;

CREATE FUNCTION ipam.inetrange_canonical(addresses ipam.inetrange) RETURNS ipam.inetrange
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_inetrange_canonical';
COMMENT ON FUNCTION ipam.inetrange_canonical(ipam.inetrange) IS 'the same addresses with both bounds inclusive';

CREATE FUNCTION ipam.inet_difference(minuend inet, subtrahend inet) RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_inet_difference';
COMMENT ON FUNCTION ipam.inet_difference(inet, inet) IS 'distance between two addresses, for indexes and statistics';

CREATE TYPE ipam.inetrange AS RANGE (
    subtype = inet,
    subtype_diff = ipam.inet_difference,
    canonical = ipam.inetrange_canonical,
    multirange_type_name = ipam.inetmultirange
);
COMMENT ON TYPE ipam.inetrange IS 'a run of host addresses of one family; [a,b] is the canonical form';
COMMENT ON TYPE ipam.inetmultirange IS 'runs of host addresses of one family, ascending and apart';
COMMENT ON FUNCTION ipam.inetrange(inet, inet) IS 'the addresses from the first to before the second';
COMMENT ON FUNCTION ipam.inetrange(inet, inet, text) IS 'the addresses from the first to the second; the text tells which of them belong to it: [] [) (] ()';
COMMENT ON FUNCTION ipam.inetmultirange() IS 'no addresses';
COMMENT ON FUNCTION ipam.inetmultirange(ipam.inetrange) IS 'the addresses of the range';
COMMENT ON FUNCTION ipam.inetmultirange(ipam.inetrange[]) IS 'the addresses of all ranges';
COMMENT ON CAST (ipam.inetrange AS ipam.inetmultirange) IS 'the addresses of the range';

CREATE FUNCTION ipam.network_range(network inet) RETURNS ipam.inetrange
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_network_range';
COMMENT ON FUNCTION ipam.network_range(inet) IS 'all addresses of a network; of a host address, that one';

CREATE CAST (inet AS ipam.inetrange) WITH FUNCTION ipam.network_range(inet);
COMMENT ON CAST (inet AS ipam.inetrange) IS 'all addresses of the network';
CREATE CAST (cidr AS ipam.inetrange) WITH FUNCTION ipam.network_range(inet);
COMMENT ON CAST (cidr AS ipam.inetrange) IS 'all addresses of the network';

CREATE FUNCTION ipam.inetrange_gist_union(internal, internal) RETURNS ipam.inetrange
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_inetrange_gist_union';
COMMENT ON FUNCTION ipam.inetrange_gist_union(internal, internal) IS 'GiST support: smallest range that encloses all entries, of both families if need be';

CREATE FUNCTION ipam.inetrange_gist_picksplit(internal, internal) RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_inetrange_gist_picksplit';
COMMENT ON FUNCTION ipam.inetrange_gist_picksplit(internal, internal) IS 'GiST support: cuts a full page in two by address';

-- range_ops without -|-, which asks the canonical function and therefore does not work across families.
CREATE OPERATOR CLASS ipam.inetrange_ops DEFAULT FOR TYPE ipam.inetrange USING gist AS
    OPERATOR 1 << (anyrange, anyrange),
    OPERATOR 1 << (anyrange, anymultirange),
    OPERATOR 2 &< (anyrange, anyrange),
    OPERATOR 2 &< (anyrange, anymultirange),
    OPERATOR 3 && (anyrange, anyrange),
    OPERATOR 3 && (anyrange, anymultirange),
    OPERATOR 4 &> (anyrange, anyrange),
    OPERATOR 4 &> (anyrange, anymultirange),
    OPERATOR 5 >> (anyrange, anyrange),
    OPERATOR 5 >> (anyrange, anymultirange),
    OPERATOR 7 @> (anyrange, anyrange),
    OPERATOR 7 @> (anyrange, anymultirange),
    OPERATOR 8 <@ (anyrange, anyrange),
    OPERATOR 8 <@ (anyrange, anymultirange),
    OPERATOR 16 @> (anyrange, anyelement),
    OPERATOR 18 = (anyrange, anyrange),
    FUNCTION 1 range_gist_consistent(internal, anyrange, smallint, oid, internal),
    FUNCTION 2 ipam.inetrange_gist_union(internal, internal),
    FUNCTION 5 range_gist_penalty(internal, internal, internal),
    FUNCTION 6 ipam.inetrange_gist_picksplit(internal, internal),
    FUNCTION 7 range_gist_same(anyrange, anyrange, internal);
COMMENT ON OPERATOR CLASS ipam.inetrange_ops USING gist IS 'ranges of both families in one index';
COMMENT ON OPERATOR FAMILY ipam.inetrange_ops USING gist IS 'ranges of both families in one index';

-- Gateways

CREATE TYPE ipam.gateway AS (address inet, metric integer);
COMMENT ON TYPE ipam.gateway IS 'a default gateway; without a metric the metric is automatic';

CREATE FUNCTION ipam.gateway(address inet, metric integer DEFAULT NULL) RETURNS ipam.gateway
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW(address, metric)::ipam.gateway;
COMMENT ON FUNCTION ipam.gateway(inet, integer) IS 'a gateway, to be put into ip_range.gateways';

-- Texts

CREATE FUNCTION ipam.is_domain_name(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN length(name) <= 253
    AND name ~ '^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)([.][A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*[.]?$';
COMMENT ON FUNCTION ipam.is_domain_name(text) IS 'whether the text is a domain name: labels of 1 to 63 letters, digits, hyphens and underscores';

-- Times

CREATE FUNCTION ipam.touch_modified_at() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.modified_at := now();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.touch_modified_at() IS 'trigger: a change by a user sets modified_at';

-- Lists

CREATE FUNCTION ipam.are_vlan_ids(ids integer[]) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN NOT EXISTS (
    SELECT FROM unnest(ids) AS i(id)
    HAVING count(*) <> count(DISTINCT id) FILTER (WHERE id BETWEEN 1 AND 4095));
COMMENT ON FUNCTION ipam.are_vlan_ids(integer[]) IS 'whether all ids are VLAN ids, 1 to 4095, each once';

CREATE FUNCTION ipam.are_hosts(addresses inet[], family integer) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(bool_and(coalesce(ipam.is_host_address(a) AND family(a) = are_hosts.family, false)), true)
        FROM unnest(addresses) AS u(a));
COMMENT ON FUNCTION ipam.are_hosts(inet[], integer) IS 'whether all are addresses of the family that hosts can have';

CREATE FUNCTION ipam.are_gateways(gateways ipam.gateway[], network cidr) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(bool_and(coalesce(ipam.is_host_address(g.address) AND g.address <<= network, false)), true)
        FROM unnest(gateways) AS g);
COMMENT ON FUNCTION ipam.are_gateways(ipam.gateway[], cidr) IS 'whether all gateways are host addresses in the network';

CREATE FUNCTION ipam.are_gateway_metrics(gateways ipam.gateway[]) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(bool_and(g.metric IS NULL OR g.metric BETWEEN 1 AND 9999), true) FROM unnest(gateways) AS g);
COMMENT ON FUNCTION ipam.are_gateway_metrics(ipam.gateway[]) IS 'whether all metrics are 1 to 9999 or automatic';

CREATE FUNCTION ipam.are_domain_names(names text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(bool_and(coalesce(ipam.is_domain_name(name), false)), true) FROM unnest(names) AS u(name));
COMMENT ON FUNCTION ipam.are_domain_names(text[]) IS 'whether all are domain names';

CREATE FUNCTION ipam.address_count(addresses ipam.inetrange) RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_address_count';
COMMENT ON FUNCTION ipam.address_count(ipam.inetrange) IS 'how many addresses the range has, exactly';
