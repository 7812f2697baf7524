\echo Use "CREATE EXTENSION ipam CASCADE" to load this file. \quit

-- Everything below names its schema; nothing planted in another one is picked up.
SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON SCHEMA ipam IS 'IP address management: the address plan and the operations on it';
-- Faults: one SQLSTATE of class IP for each; the registry itself is in the library.

CREATE FUNCTION ipam.faults(OUT sqlstate text, OUT fault text, OUT meaning text)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 100
AS 'MODULE_PATHNAME', 'ipam_faults';
COMMENT ON FUNCTION ipam.faults() IS
    'every fault that the extension raises: SQLSTATE, protocol name (also in the error''s constraint field) and meaning';

-- Rules of a row are CHECK constraints of the form "holds OR ipam.raise_fault(...)": the rule, its
-- fault and its words stand in one place, and nobody gets around it.
CREATE FUNCTION ipam.raise_fault(fault text, message text, detail text DEFAULT NULL, hint text DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_raise_fault';
COMMENT ON FUNCTION ipam.raise_fault(text, text, text, text) IS
    'raises the named fault of ipam.faults() with message, detail and hint; never returns';

-- Operations take the id of an object; this is what they say where there is none.
CREATE FUNCTION ipam.refuse_unknown(object_type text, id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ipam.raise_fault(
        CASE WHEN id IS NULL THEN 'IpamApiFieldIdNotSpecified' ELSE 'IpamApiObjectNotFoundInDatabase' END,
        CASE WHEN id IS NULL THEN format('the id of the %s is missing', object_type) ELSE format('there is no %s %s', object_type, id) END,
        NULL,
        format('SELECT * FROM ipam.%s lists what you may see.',
               CASE object_type WHEN 'address space' THEN 'address_space' ELSE 'ip_' || object_type END));
END
$$;
COMMENT ON FUNCTION ipam.refuse_unknown(text, bigint) IS
    'raises the fault for an id that is missing (NULL) or unknown; object_type is address space, block, subnet, range or address';
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
    AND name ~ '^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$';
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
-- Special-purpose networks: what the IANA registries say about addresses, and what it means for a plan.
--
-- The rows explain; the rules are in src/core/category.hpp. test/sql/special_purpose.sql compares the two
-- for every address.

CREATE TABLE ipam.special_purpose_network (
    network                 cidr PRIMARY KEY,
    name                    text NOT NULL,
    rfc                     text NOT NULL,
    registry                text,
    allocated_on            date,
    terminated_on           date,
    is_source               boolean,
    is_destination          boolean,
    is_forwardable          boolean,
    is_globally_reachable   boolean,
    is_reserved_by_protocol boolean,
    address_category        ipam.address_category,
    is_host_address         boolean NOT NULL,
    consequence             text NOT NULL
);
COMMENT ON TABLE ipam.special_purpose_network IS
    'networks with a meaning of their own, after the IANA registries, and what follows for a plan; the most specific row around an address counts';
COMMENT ON COLUMN ipam.special_purpose_network.network IS 'the network; 0.0.0.0/0 and ::/0 stand for all that is not special';
COMMENT ON COLUMN ipam.special_purpose_network.name IS 'name in the registry';
COMMENT ON COLUMN ipam.special_purpose_network.rfc IS 'the documents that define it';
COMMENT ON COLUMN ipam.special_purpose_network.registry IS
    'IANA registry that lists it: special-purpose or address space; NULL: neither, it stands for all that is not special';
COMMENT ON COLUMN ipam.special_purpose_network.allocated_on IS 'first day of the month of its allocation; NULL: the special-purpose registries do not list it';
COMMENT ON COLUMN ipam.special_purpose_network.terminated_on IS 'first day of the month in which the allocation ended; NULL: it stands';
COMMENT ON COLUMN ipam.special_purpose_network.is_source IS 'whether it may be the source of a packet; NULL: the special-purpose registries do not say';
COMMENT ON COLUMN ipam.special_purpose_network.is_destination IS 'whether it may be the destination of a packet; NULL: the special-purpose registries do not say';
COMMENT ON COLUMN ipam.special_purpose_network.is_forwardable IS 'whether a router may forward such a packet; NULL: the special-purpose registries do not say';
COMMENT ON COLUMN ipam.special_purpose_network.is_globally_reachable IS
    'whether such a packet may leave an administrative domain; NULL: the special-purpose registries do not say';
COMMENT ON COLUMN ipam.special_purpose_network.is_reserved_by_protocol IS
    'whether every implementation of IP has to treat it specially; NULL: the special-purpose registries do not say';
COMMENT ON COLUMN ipam.special_purpose_network.address_category IS
    'category of its addresses in the plan; NULL: no block, subnet or range can have them';
COMMENT ON COLUMN ipam.special_purpose_network.is_host_address IS 'whether one of its addresses can be recorded in ip_address';
COMMENT ON COLUMN ipam.special_purpose_network.consequence IS 'what follows for a plan, in a sentence';

INSERT INTO ipam.special_purpose_network
    (network, name, rfc, registry, allocated_on, terminated_on, is_source, is_destination, is_forwardable, is_globally_reachable,
     is_reserved_by_protocol, address_category, is_host_address, consequence)
VALUES
    ('0.0.0.0/0', 'IPv4 unicast', 'RFC 7020', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'Public', true,
     'Public: regional registries give it out.'),
    ('0.0.0.0/8', 'This network', 'RFC 791, section 3.2', 'special-purpose', '1981-09-01', NULL, true, false, false, false, true, NULL, false,
     'Not for a plan: only a host that does not know its address yet sends from it.'),
    ('0.0.0.0/32', 'This host on this network', 'RFC 1122, section 3.2.1.3', 'special-purpose', '1981-09-01', NULL, true, false, false, false, true, NULL, false,
     'Not for a plan: it means the host itself.'),
    ('10.0.0.0/8', 'Private-Use', 'RFC 1918', 'special-purpose', '1996-02-01', NULL, true, true, true, false, false, 'Private', true,
     'Private: everybody may use it, and nobody outside can be reached with it.'),
    ('100.64.0.0/10', 'Shared Address Space', 'RFC 6598', 'special-purpose', '2012-04-01', NULL, true, true, true, false, false, 'Private', true,
     'Private: meant for providers, between their network and the address translation of their customers.'),
    ('127.0.0.0/8', 'Loopback', 'RFC 1122, section 3.2.1.3', 'special-purpose', '1981-09-01', NULL, false, false, false, false, true, NULL, false,
     'Not for a plan: a host talks to itself with it.'),
    ('169.254.0.0/16', 'Link Local', 'RFC 3927', 'special-purpose', '2005-05-01', NULL, true, true, false, false, true, NULL, false,
     'Not for a plan: hosts choose it themselves, and it is valid on one link only.'),
    ('172.16.0.0/12', 'Private-Use', 'RFC 1918', 'special-purpose', '1996-02-01', NULL, true, true, true, false, false, 'Private', true,
     'Private: everybody may use it, and nobody outside can be reached with it.'),
    ('192.0.0.0/24', 'IETF Protocol Assignments', 'RFC 6890, section 2.1', 'special-purpose', '2010-01-01', NULL, false, false, false, false, false, 'Public', true,
     'Counted as Public, though protocols use it: better left out of a plan.'),
    ('192.0.0.0/29', 'IPv4 Service Continuity Prefix', 'RFC 7335', 'special-purpose', '2011-06-01', NULL, true, true, true, false, false, 'Public', true,
     'Counted as Public, though IPv6-only networks use it for hosts that need IPv4: better left out of a plan.'),
    ('192.0.0.8/32', 'IPv4 dummy address', 'RFC 7600', 'special-purpose', '2015-03-01', NULL, true, false, false, false, false, 'Public', true,
     'Counted as Public, though translators send errors from it: better left out of a plan.'),
    ('192.0.0.9/32', 'Port Control Protocol Anycast', 'RFC 7723', 'special-purpose', '2015-10-01', NULL, true, true, true, true, false, 'Public', true,
     'Counted as Public: the anycast address of a protocol.'),
    ('192.0.0.10/32', 'Traversal Using Relays around NAT Anycast', 'RFC 8155', 'special-purpose', '2017-02-01', NULL, true, true, true, true, false, 'Public', true,
     'Counted as Public: the anycast address of a protocol.'),
    ('192.0.0.170/32', 'NAT64/DNS64 Discovery', 'RFC 8880; RFC 7050, section 2.2', 'special-purpose', '2013-02-01', NULL, false, false, false, false, true, 'Public', true,
     'Counted as Public, though it only stands in answers of the DNS: better left out of a plan.'),
    ('192.0.0.171/32', 'NAT64/DNS64 Discovery', 'RFC 8880; RFC 7050, section 2.2', 'special-purpose', '2013-02-01', NULL, false, false, false, false, true, 'Public', true,
     'Counted as Public, though it only stands in answers of the DNS: better left out of a plan.'),
    ('192.0.2.0/24', 'Documentation (TEST-NET-1)', 'RFC 5737', 'special-purpose', '2010-01-01', NULL, false, false, false, false, false, 'Public', true,
     'Counted as Public, so that examples can be planned with it; no network routes it.'),
    ('192.31.196.0/24', 'AS112-v4', 'RFC 7535', 'special-purpose', '2014-12-01', NULL, true, true, true, true, false, 'Public', true,
     'Counted as Public: answers for reverse lookups of private addresses come from it.'),
    ('192.52.193.0/24', 'AMT', 'RFC 7450', 'special-purpose', '2014-12-01', NULL, true, true, true, true, false, 'Public', true,
     'Counted as Public: the anycast network of multicast tunnels.'),
    ('192.88.99.0/24', 'Deprecated (6to4 Relay Anycast)', 'RFC 7526', 'special-purpose', '2001-06-01', '2015-03-01', NULL, NULL, NULL, NULL, NULL, 'Public', true,
     'Counted as Public, though it is out of use: better left out of a plan.'),
    ('192.88.99.2/32', '6a44-relay anycast address', 'RFC 6751', 'special-purpose', '2012-10-01', NULL, true, true, true, false, false, 'Public', true,
     'Counted as Public: the anycast address of a protocol.'),
    ('192.168.0.0/16', 'Private-Use', 'RFC 1918', 'special-purpose', '1996-02-01', NULL, true, true, true, false, false, 'Private', true,
     'Private: everybody may use it, and nobody outside can be reached with it.'),
    ('192.175.48.0/24', 'Direct Delegation AS112 Service', 'RFC 7534', 'special-purpose', '1996-01-01', NULL, true, true, true, true, false, 'Public', true,
     'Counted as Public: answers for reverse lookups of private addresses come from it.'),
    ('198.18.0.0/15', 'Benchmarking', 'RFC 2544', 'special-purpose', '1999-03-01', NULL, true, true, true, false, false, 'Public', true,
     'Counted as Public, so that test networks can be planned with it; it must not leave them.'),
    ('198.51.100.0/24', 'Documentation (TEST-NET-2)', 'RFC 5737', 'special-purpose', '2010-01-01', NULL, false, false, false, false, false, 'Public', true,
     'Counted as Public, so that examples can be planned with it; no network routes it.'),
    ('203.0.113.0/24', 'Documentation (TEST-NET-3)', 'RFC 5737', 'special-purpose', '2010-01-01', NULL, false, false, false, false, false, 'Public', true,
     'Counted as Public, so that examples can be planned with it; no network routes it.'),
    ('224.0.0.0/4', 'Multicast', 'RFC 5771', 'address space', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, true,
     'Not for blocks, subnets and ranges; single addresses can be recorded, for groups that hosts join.'),
    ('240.0.0.0/4', 'Reserved', 'RFC 1112, section 4', 'special-purpose', '1989-08-01', NULL, false, false, false, false, true, NULL, true,
     'Not for blocks, subnets and ranges; single addresses can be recorded, for devices that have one all the same.'),
    ('255.255.255.255/32', 'Limited Broadcast', 'RFC 8190; RFC 919, section 7', 'special-purpose', '1984-10-01', NULL, false, true, false, false, true, NULL, false,
     'Not for a plan: it reaches every host of the link.'),

    ('::/0', 'IPv6 unicast', 'RFC 4291, section 2.4', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'GlobalIPv6Unicast', true,
     'GlobalIPv6Unicast: regional registries give it out, at present from 2000::/3.'),
    ('::/128', 'Unspecified Address', 'RFC 4291', 'special-purpose', '2006-02-01', NULL, true, false, false, false, true, NULL, false,
     'Not for a plan: it says that there is no address.'),
    ('::1/128', 'Loopback Address', 'RFC 4291', 'special-purpose', '2006-02-01', NULL, false, false, false, false, true, NULL, false,
     'Not for a plan: a host talks to itself with it.'),
    ('::ffff:0:0/96', 'IPv4-mapped Address', 'RFC 4291', 'special-purpose', '2006-02-01', NULL, false, false, false, false, true, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, though programs use it to write IPv4 addresses: better left out of a plan.'),
    ('64:ff9b::/96', 'IPv4-IPv6 Translat.', 'RFC 6052', 'special-purpose', '2010-10-01', NULL, true, true, true, true, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast: translators put IPv4 addresses into it.'),
    ('64:ff9b:1::/48', 'IPv4-IPv6 Translat.', 'RFC 8215', 'special-purpose', '2017-06-01', NULL, true, true, true, false, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast: translators of one organization put IPv4 addresses into it.'),
    ('100::/64', 'Discard-Only Address Block', 'RFC 6666', 'special-purpose', '2012-06-01', NULL, true, true, true, false, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, though routers send unwanted packets to it: better left out of a plan.'),
    ('100:0:0:1::/64', 'Dummy IPv6 Prefix', 'RFC 9780', 'special-purpose', '2025-04-01', NULL, true, false, false, false, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, though it only stands for a source that has no address: better left out of a plan.'),
    ('2001::/23', 'IETF Protocol Assignments', 'RFC 2928', 'special-purpose', '2000-09-01', NULL, false, false, false, false, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, though protocols use it: better left out of a plan.'),
    ('2001::/32', 'TEREDO', 'RFC 4380; RFC 8190', 'special-purpose', '2006-01-01', NULL, true, true, true, NULL, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, though tunnels make their addresses from it: better left out of a plan.'),
    ('2001:1::1/128', 'Port Control Protocol Anycast', 'RFC 7723', 'special-purpose', '2015-10-01', NULL, true, true, true, true, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast: the anycast address of a protocol.'),
    ('2001:1::2/128', 'Traversal Using Relays around NAT Anycast', 'RFC 8155', 'special-purpose', '2017-02-01', NULL, true, true, true, true, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast: the anycast address of a protocol.'),
    ('2001:1::3/128', 'DNS-SD Service Registration Protocol Anycast', 'RFC 9665', 'special-purpose', '2024-04-01', NULL, true, true, true, true, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast: the anycast address of a protocol.'),
    ('2001:2::/48', 'Benchmarking', 'RFC 5180; RFC Errata 1752', 'special-purpose', '2008-04-01', NULL, true, true, true, false, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, so that test networks can be planned with it; it must not leave them.'),
    ('2001:3::/32', 'AMT', 'RFC 7450', 'special-purpose', '2014-12-01', NULL, true, true, true, true, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast: the anycast network of multicast tunnels.'),
    ('2001:4:112::/48', 'AS112-v6', 'RFC 7535', 'special-purpose', '2014-12-01', NULL, true, true, true, true, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast: answers for reverse lookups of private addresses come from it.'),
    ('2001:10::/28', 'Deprecated (previously ORCHID)', 'RFC 4843', 'special-purpose', '2007-03-01', '2014-03-01', NULL, NULL, NULL, NULL, NULL, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, though it is out of use: better left out of a plan.'),
    ('2001:20::/28', 'ORCHIDv2', 'RFC 7343', 'special-purpose', '2014-07-01', NULL, true, true, true, true, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, though programs use it for names of hosts: better left out of a plan.'),
    ('2001:30::/28', 'Drone Remote ID Protocol Entity Tags (DETs) Prefix', 'RFC 9374', 'special-purpose', '2022-12-01', NULL, true, true, true, true, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, though drones are named with it: better left out of a plan.'),
    ('2001:db8::/32', 'Documentation', 'RFC 3849', 'special-purpose', '2004-07-01', NULL, false, false, false, false, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, so that examples can be planned with it; no network routes it.'),
    ('2002::/16', '6to4', 'RFC 3056', 'special-purpose', '2001-02-01', NULL, true, true, true, NULL, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast: each public IPv4 address makes a /48 of it.'),
    ('2620:4f:8000::/48', 'Direct Delegation AS112 Service', 'RFC 7534', 'special-purpose', '2011-05-01', NULL, true, true, true, true, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast: answers for reverse lookups of private addresses come from it.'),
    ('3fff::/20', 'Documentation', 'RFC 9637', 'special-purpose', '2024-07-01', NULL, false, false, false, false, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast, so that examples can be planned with it; no network routes it.'),
    ('5f00::/16', 'Segment Routing (SRv6) SIDs', 'RFC 9602', 'special-purpose', '2024-04-01', NULL, true, true, true, false, false, 'GlobalIPv6Unicast', true,
     'Counted as GlobalIPv6Unicast: segments of a source-routed network have their identifiers from it.'),
    ('fc00::/7', 'Unique-Local', 'RFC 4193; RFC 8190', 'special-purpose', '2005-10-01', NULL, true, true, true, false, false, 'Private', true,
     'Private: everybody may use it, and nobody outside can be reached with it.'),
    ('fe80::/10', 'Link-Local Unicast', 'RFC 4291', 'special-purpose', '2006-02-01', NULL, true, true, false, false, true, NULL, false,
     'Not for a plan: hosts choose it themselves, and it is valid on one link only.'),
    ('fec0::/10', 'Site-Local Unicast', 'RFC 3879', 'address space', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false,
     'Not for a plan: it is out of use, fc00::/7 took its place.'),
    ('ff00::/8', 'Multicast', 'RFC 4291, section 2.7', 'address space', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false,
     'Not for a plan: it stands for groups, not for hosts.');

CREATE FUNCTION ipam.explain_address(address inet) RETURNS SETOF ipam.special_purpose_network
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 3
BEGIN ATOMIC
    SELECT n.* FROM ipam.special_purpose_network AS n
    WHERE n.network && explain_address.address
    ORDER BY masklen(n.network), n.network;
END;
COMMENT ON FUNCTION ipam.explain_address(inet) IS
    'the special-purpose networks that hold the address, or hold or lie in the network, the largest first: the last one around an address tells its category, whether a host can have it, and why';
-- Common properties: settings and state of the store (MS-IPAMM2 3.1.1.1.28, 2.2.5.8).

CREATE TABLE ipam.common_property (
    name        text PRIMARY KEY,
    value       text,
    modified_at timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT common_property_name_known CHECK (name IN (
            'MaximumUtilizationThreshold', 'MinimumUtilizationThreshold', 'ExpiryAlertThreshold',
            'IpamExpiryLoggingPeriodicity', 'ProvisioningMode', 'GpoPrefix',
            'LastAddressUtilizationCollectionTaskRuntime', 'LastDiscoveryTaskRuntime', 'IpamConfiguredDate',
            'LastPurgeAuditResult', 'LastUtilizationPurgeResult', 'IPAuditTrackingFeature',
            'IpamSecurityGroupIpamUsers', 'IpamSecurityGroupIpamAdministrators',
            'IpamSecurityGroupIpamAsmAdministrators', 'IpamSecurityGroupIpamMsmAdministrators',
            'IpamSecurityGroupIpamIPAuditAdministrators', 'RowCountOnFirstFetch', 'DatabaseSchemaVersion')
        OR ipam.raise_fault('IpamApiFailedToSaveProperty', format('there is no common property "%s"', name),
               'Common properties are a fixed list.', 'SELECT name FROM ipam.common_property shows it.')),
    CONSTRAINT common_property_threshold CHECK (
        name NOT IN ('MaximumUtilizationThreshold', 'MinimumUtilizationThreshold')
        OR coalesce(value ~ '^(100|[0-9]{1,2})$', false)
        OR ipam.raise_fault('IpamApiFailedToSaveProperty', format('%s cannot be "%s"', name, value),
               'A utilization threshold is a percentage, 0 to 100.')),
    CONSTRAINT common_property_alert_threshold CHECK (
        name <> 'ExpiryAlertThreshold'
        OR CASE WHEN value ~ '^[0-9]{1,4}$' THEN value::integer <= 3500 ELSE false END
        OR ipam.raise_fault('IpamApiInvalidAlertThreshold', format('%s cannot be "%s"', name, value),
               'The threshold is a number of days, 0 to 3500; 0 switches warnings off.')),
    CONSTRAINT common_property_logging_periodicity CHECK (
        name <> 'IpamExpiryLoggingPeriodicity' OR coalesce(value = 'Once', false)
        OR ipam.raise_fault('IpamApiInvalidExpiryEventsLoggingPeriodicity', format('%s cannot be "%s"', name, value),
               'The only value is "Once".')),
    CONSTRAINT common_property_provisioning_mode CHECK (
        name <> 'ProvisioningMode' OR coalesce(value IN ('Automatic', 'Manual', 'None'), false)
        OR ipam.raise_fault('IpamApiFailedToSaveProperty', format('%s cannot be "%s"', name, value),
               'The mode is "Automatic", "Manual" or "None".')),
    CONSTRAINT common_property_gpo_prefix CHECK (
        name <> 'GpoPrefix' OR value IS NULL OR length(value) BETWEEN 1 AND 240
        OR ipam.raise_fault('IpamApiInvalidGpoPrefix', format('a GPO prefix of %s characters is not possible', length(value)),
               'A GPO prefix has 1 to 240 characters.')),
    CONSTRAINT common_property_security_group CHECK (
        name NOT LIKE 'IpamSecurityGroup%' OR coalesce(value ~ '\S' AND octet_length(value) <= 63, false)
        OR ipam.raise_fault('IpamApiFailedToSaveProperty', format('%s cannot be "%s"', name, left(value, 200)),
               'A security group is a role of the server: its name has 1 to 63 bytes.')),
    CONSTRAINT common_property_audit_tracking CHECK (
        name <> 'IPAuditTrackingFeature' OR coalesce(value IN ('0', '1'), false)
        OR ipam.raise_fault('IpamApiInvalidIPAuditTrackingSetting', format('%s cannot be "%s"', name, value),
               'IP audit tracking is "1" for on or "0" for off.'))
);
COMMENT ON TABLE ipam.common_property IS 'settings and state of the store, one row for each property';
COMMENT ON COLUMN ipam.common_property.name IS 'name of the property in the protocol';
COMMENT ON COLUMN ipam.common_property.value IS 'value as text; NULL: not set';
COMMENT ON COLUMN ipam.common_property.modified_at IS 'time of the last change';

CREATE TRIGGER touch_modified_at BEFORE UPDATE ON ipam.common_property
    FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();

CREATE FUNCTION ipam.is_ipam_configured() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (SELECT FROM ipam.common_property WHERE name = 'IpamConfiguredDate' AND value IS NOT NULL);
COMMENT ON FUNCTION ipam.is_ipam_configured() IS 'whether the store has been provisioned (MS-IPAMM2 3.3.4.114)';
-- Custom fields: 18 built-in ones and up to 128 of the users' (MS-IPAMM2 3.1.1.1.14, 3.1.1.1.15).
-- Objects carry their values in a column custom_fields, an object of field name and value.

CREATE TABLE ipam.custom_field (
    id              bigint GENERATED ALWAYS AS IDENTITY (START WITH 101) PRIMARY KEY,
    name            text NOT NULL CONSTRAINT custom_field_name_key UNIQUE,
    type            ipam.custom_field_type NOT NULL DEFAULT 'Freeform',
    origin          ipam.custom_field_origin NOT NULL DEFAULT 'External',
    built_in_number integer CONSTRAINT custom_field_built_in_number_key UNIQUE,

    CONSTRAINT custom_field_name_length CHECK (length(name) BETWEEN 2 AND 255
        OR ipam.raise_fault('IpamApiStringLengthNotAcceptable', format('a custom field cannot be called "%s"', left(name, 300)),
               format('The name has %s characters; 2 to 255 are possible.', length(name)))),
    CONSTRAINT custom_field_name_free CHECK (
        built_in_number IS NOT NULL -- six of them are columns
        OR lower(replace(name, ' ', '_')) NOT IN ('id', 'custom_fields', 'address_space', 'provider', 'name', 'type', 'isolation_method',
            'network', 'start_address', 'end_address', 'address', 'rir', 'rir_received_on', 'use_for_utilization', 'virtualization_type',
            'vlan_ids', 'virtual_subnet_id', 'managed_by', 'managed_by_entity', 'address_assignment', 'reserved_addresses',
            'virtual_addresses', 'excluded_addresses', 'dhcp_scope_name', 'gateways', 'dns_servers', 'wins_servers', 'dns_suffixes',
            'connection_specific_dns_suffix', 'utilization_calculation', 'utilized_addresses', 'state', 'device_type', 'mac_address',
            'device_name', 'serial_number', 'asset_tag', 'os_name', 'os_version', 'notes', 'assigned_at', 'expires_at',
            'reservation_type', 'client_id', 'duid', 'iaid', 'created_from_dns', 'allocation_token', 'quarantine', 'description', 'owner')
        OR ipam.raise_fault('IpamApiNameCollidesWithBuiltInImportableColumnName',
               format('a custom field cannot be called "%s"', name), 'A column of the address plan has this name: a file could not have both.',
               'Choose another name.')),
    -- Built-in fields have their number as id, so that a rule can name a field.
    CONSTRAINT custom_field_built_in CHECK (
        CASE origin WHEN 'BuiltIn' THEN coalesce(built_in_number BETWEEN 1 AND 18 AND id = built_in_number AND type = 'Multivalued', false)
                    ELSE built_in_number IS NULL AND id > 100 END
        OR ipam.raise_fault('IpamApiCannotAddBuiltInField', format('custom field "%s" cannot be built in', name),
               'The built-in fields are made by provisioning.', 'Leave origin and built_in_number out.'))
);
COMMENT ON TABLE ipam.custom_field IS 'fields that describe objects of the plan: the built-in ones and those of the users';
COMMENT ON COLUMN ipam.custom_field.id IS 'id; of a built-in field its number';
COMMENT ON COLUMN ipam.custom_field.name IS 'name, 2 to 255 characters; the key in custom_fields of the objects';
COMMENT ON COLUMN ipam.custom_field.type IS 'Freeform: any text; Multivalued: one value of custom_field_value';
COMMENT ON COLUMN ipam.custom_field.origin IS 'BuiltIn or External (user-defined)';
COMMENT ON COLUMN ipam.custom_field.built_in_number IS 'number of a built-in field, 1 to 18';

CREATE TABLE ipam.custom_field_value (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    custom_field_id       bigint NOT NULL REFERENCES ipam.custom_field ON DELETE CASCADE,
    value                 text NOT NULL COLLATE "C",
    built_in_value_number integer,

    CONSTRAINT custom_field_value_key UNIQUE (custom_field_id, value),
    CONSTRAINT custom_field_value_number_key UNIQUE (custom_field_id, built_in_value_number),
    CONSTRAINT custom_field_value_length CHECK (length(value) BETWEEN 1 AND 256
        OR ipam.raise_fault('IpamApiStringLengthNotAcceptable', format('value "%s" is not possible', left(value, 300)),
               format('The value has %s characters; 1 to 256 are possible.', length(value))))
);
COMMENT ON TABLE ipam.custom_field_value IS 'values that a multivalued field can have';
COMMENT ON COLUMN ipam.custom_field_value.id IS 'id';
COMMENT ON COLUMN ipam.custom_field_value.custom_field_id IS 'the field';
COMMENT ON COLUMN ipam.custom_field_value.value IS 'the value, at most 256 characters, compared as written';
COMMENT ON COLUMN ipam.custom_field_value.built_in_value_number IS 'number of a built-in value; NULL: added by a user';

CREATE FUNCTION ipam.is_custom_field_value(custom_field_id bigint, value text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM ipam.custom_field_value AS v
    WHERE v.custom_field_id = is_custom_field_value.custom_field_id
      AND v.value = is_custom_field_value.value COLLATE "C");
COMMENT ON FUNCTION ipam.is_custom_field_value(bigint, text) IS 'whether the value is in the list of the multivalued field';

-- An object holds what it uses of the users' own fields and values until its transaction ends, as a
-- foreign key would: 55_custom_field_use.sql has the other side. Built-in ones do not change and need
-- no lock. The lock asks for the UPDATE privilege on a column.
CREATE FUNCTION ipam.hold_custom_field_value(custom_field_id bigint, value text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ipam.custom_field_value AS v
        WHERE v.custom_field_id = hold_custom_field_value.custom_field_id
          AND v.value = hold_custom_field_value.value COLLATE "C"
          AND v.built_in_value_number IS NOT NULL)
    THEN
        RETURN true;
    END IF;
    RETURN EXISTS (
        SELECT FROM ipam.custom_field_value AS v
        WHERE v.custom_field_id = hold_custom_field_value.custom_field_id
          AND v.value = hold_custom_field_value.value COLLATE "C"
        FOR KEY SHARE);
END
$$;
COMMENT ON FUNCTION ipam.hold_custom_field_value(bigint, text) IS
    'whether the value is in the list of the multivalued field, where it then stays as it is until the end of the transaction';

CREATE FUNCTION ipam.hold_custom_field(custom_field_id bigint, name text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM ipam.custom_field AS f
        WHERE f.id = custom_field_id AND f.name = hold_custom_field.name
        FOR KEY SHARE);
END
$$;
COMMENT ON FUNCTION ipam.hold_custom_field(bigint, text) IS
    'whether the field has this name, which it then keeps until the end of the transaction';

-- A row that a restore by several jobs or logical replication brings was checked where it comes from,
-- and may come before the field's values.
CREATE FUNCTION ipam.is_checked_elsewhere() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN current_setting('session_replication_role') = 'replica';
COMMENT ON FUNCTION ipam.is_checked_elsewhere() IS 'whether rows are being written that another server or an earlier session has checked';

-- 3.1.4.6: the values that an object carries.
CREATE FUNCTION ipam.check_custom_fields(custom_fields jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    given record;
BEGIN
    IF ipam.is_checked_elsewhere() THEN
        RETURN true;
    ELSIF jsonb_typeof(custom_fields) <> 'object' THEN
        refused := ipam.raise_fault('IpamApiValidationFailure', 'custom fields are a JSON object of field name and value',
            format('Given is %s: %s.', jsonb_typeof(custom_fields), left(custom_fields::text, 200)),
            'Write for example {"Region": "EMEA"}.');
    END IF;
    FOR given IN
        SELECT e.key, e.value, e.value #>> '{}' AS text, f.id, f.type, f.origin
        FROM jsonb_each(custom_fields) AS e LEFT JOIN ipam.custom_field AS f ON f.name = e.key
        ORDER BY e.key
    LOOP
        IF given.id IS NULL OR (given.origin = 'External' AND NOT ipam.hold_custom_field(given.id, given.key)) THEN
            refused := ipam.raise_fault('IpamApiValidationFailure', format('there is no custom field "%s"', given.key), NULL,
                'Field names are compared as written; SELECT name FROM ipam.custom_field lists them.');
        ELSIF given.id IN (1, 7, 8, 9, 10, 17) THEN
            refused := ipam.raise_fault('IpamApiValidationFailure', format('custom field "%s" is a column of its own', given.key),
                'RIR, device type, managed by, managed by entity, IP address state and isolation method are columns of the tables that have them.',
                'Set the column instead.');
        ELSIF jsonb_typeof(given.value) <> 'string' THEN
            refused := ipam.raise_fault('IpamApiCustomFieldValueCannotBeNull',
                format('the value of custom field "%s" is not a text', given.key),
                format('Given is %s.', jsonb_typeof(given.value)), 'Leave the field out to have no value.');
        ELSIF length(given.text) > 256 THEN
            refused := ipam.raise_fault('IpamApiStringLengthNotAcceptable', format('the value of custom field "%s" is too long', given.key),
                format('It has %s characters; 256 are possible.', length(given.text)));
        ELSIF given.type = 'Multivalued' AND NOT ipam.hold_custom_field_value(given.id, given.text) THEN
            refused := ipam.raise_fault('IpamApiCustomFieldValueForMultiValueCustomFieldDoesntExist',
                format('custom field "%s" has no value "%s"', given.key, given.text), NULL,
                format('Add it: INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (%s, %L).', given.id, given.text));
        END IF;
    END LOOP;
    RETURN true;
END
$$;
COMMENT ON FUNCTION ipam.check_custom_fields(jsonb) IS 'true, or a fault that names the first wrong field or value (MS-IPAMM2 3.1.4.6)';

-- Values that stand in columns of their own (managed by, device type, ...) are checked the same way.
CREATE FUNCTION ipam.check_custom_field_value(custom_field_id bigint, value text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    field text;
BEGIN
    IF ipam.is_checked_elsewhere() OR ipam.hold_custom_field_value(custom_field_id, value) THEN
        RETURN true;
    END IF;
    SELECT f.name INTO field FROM ipam.custom_field AS f WHERE f.id = custom_field_id;
    IF field IS NULL THEN
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilProvisioningIsDone', 'the store has not been provisioned',
            format('There is no custom field %s yet.', custom_field_id), 'CALL ipam.provision() makes it.');
    END IF;
    RETURN ipam.raise_fault('IpamApiCustomFieldValueForMultiValueCustomFieldDoesntExist',
        format('custom field "%s" has no value "%s"', field, value), NULL,
        format('Add it: INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (%s, %L).', custom_field_id, value));
END
$$;
COMMENT ON FUNCTION ipam.check_custom_field_value(bigint, text) IS 'true, or a fault where the field''s list does not have the value';
-- Address spaces: routing domains in which an address means one thing (MS-IPAMM2 3.1.1.1.33).

CREATE TABLE ipam.address_space (
    id                     bigint GENERATED ALWAYS AS IDENTITY (START WITH 2) PRIMARY KEY,
    name                   text NOT NULL CONSTRAINT address_space_name_key UNIQUE,
    type                   ipam.address_space_type NOT NULL DEFAULT 'Provider',
    is_default             boolean NOT NULL GENERATED ALWAYS AS (id = 1) STORED,
    provider_id            bigint REFERENCES ipam.address_space ON DELETE CASCADE,
    isolation_method       text COLLATE "C",
    isolation_method_field bigint GENERATED ALWAYS AS (17) STORED,
    description            text,
    owner                  text,
    custom_fields          jsonb NOT NULL DEFAULT '{}',
    created_at             timestamptz NOT NULL DEFAULT now(),
    modified_at            timestamptz NOT NULL DEFAULT now(),

    -- Also lets pg_dump save the custom fields, which the other columns need, before the address spaces.
    CONSTRAINT address_space_isolation_method_fkey FOREIGN KEY (isolation_method_field, isolation_method)
        REFERENCES ipam.custom_field_value (custom_field_id, value) DEFERRABLE, -- while a value is renamed
    CONSTRAINT address_space_name_given CHECK (name ~ '\S'
        OR ipam.raise_fault('IpamApiAddressSpaceNameNotSpecified', 'an address space needs a name', 'The name is blank.')),
    CONSTRAINT address_space_name_length CHECK (length(name) <= 1000
        OR ipam.raise_fault('IpamApiAddressSpaceNameStringLengthNotAcceptable', 'the name of the address space is too long',
               format('It has %s characters; 1000 are possible.', length(name)))),
    CONSTRAINT address_space_description_length CHECK (description IS NULL OR length(description) <= 4000
        OR ipam.raise_fault('IpamApiInvalidDescription', format('the description of address space "%s" is too long', name),
               format('It has %s characters; 4000 are possible.', length(description)))),
    CONSTRAINT address_space_owner_length CHECK (owner IS NULL OR length(owner) <= 1000
        OR ipam.raise_fault('IpamApiAddressSpaceOwnerStringLengthNotAcceptable', format('the owner of address space "%s" is too long', name),
               format('It has %s characters; 1000 are possible.', length(owner)))),
    CONSTRAINT address_space_provider CHECK ((type = 'Customer') = (provider_id IS NOT NULL)
        OR ipam.raise_fault('IpamApiInvalidProviderAddressSpace',
               CASE type WHEN 'Customer' THEN format('customer address space "%s" needs a provider address space', name)
                         ELSE format('provider address space "%s" cannot lie on another one', name) END,
               'A customer address space lies on exactly one provider address space.',
               CASE type WHEN 'Customer' THEN 'Set provider_id; 1 is the default address space.'
                         ELSE 'Leave provider_id out, or make it a Customer space.' END)),
    CONSTRAINT address_space_isolation_method CHECK ((type = 'Customer') = (isolation_method IS NOT NULL)
        OR ipam.raise_fault('IpamApiIsolationMethodNotSpecified',
               CASE type WHEN 'Customer' THEN format('customer address space "%s" needs an isolation method', name)
                         ELSE format('provider address space "%s" has no isolation method', name) END,
               'The isolation method tells how customers on one provider network are kept apart.',
               CASE type WHEN 'Customer' THEN 'Set isolation_method to NVGRE, VLAN, VXLAN, IPRewrite or a value of your own.'
                         ELSE 'Leave isolation_method out.' END)),
    CONSTRAINT address_space_isolation_method_known CHECK (isolation_method IS NULL
        OR isolation_method IN ('NVGRE', 'VLAN', 'VXLAN', 'IPRewrite') OR ipam.check_custom_field_value(17, isolation_method)),
    CONSTRAINT address_space_custom_fields CHECK (custom_fields = '{}' OR ipam.check_custom_fields(custom_fields))
);
COMMENT ON TABLE ipam.address_space IS 'routing domains: the default one, further provider networks and customer networks on top of them';
COMMENT ON COLUMN ipam.address_space.id IS 'id; 1 is the default address space';
COMMENT ON COLUMN ipam.address_space.name IS 'unique name, at most 1000 characters';
COMMENT ON COLUMN ipam.address_space.type IS 'Provider or Customer; cannot be changed';
COMMENT ON COLUMN ipam.address_space.is_default IS 'whether it is the built-in space where everything not virtualized lives';
COMMENT ON COLUMN ipam.address_space.provider_id IS 'the provider space under a customer space; the customer space goes when it goes';
COMMENT ON COLUMN ipam.address_space.isolation_method IS 'how customers are kept apart: a value of custom field 17; customer spaces only';
COMMENT ON COLUMN ipam.address_space.isolation_method_field IS 'always 17: lets a foreign key check isolation_method';
COMMENT ON COLUMN ipam.address_space.description IS 'at most 4000 characters';
COMMENT ON COLUMN ipam.address_space.owner IS 'at most 1000 characters';
COMMENT ON COLUMN ipam.address_space.custom_fields IS 'values of custom fields by name';
COMMENT ON COLUMN ipam.address_space.created_at IS 'time of creation';
COMMENT ON COLUMN ipam.address_space.modified_at IS 'time of the last change by a user';

CREATE INDEX address_space_provider_id_idx ON ipam.address_space (provider_id);
COMMENT ON INDEX ipam.address_space_provider_id_idx IS 'customer spaces of a provider space';

CREATE FUNCTION ipam.check_address_space() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        refused := ipam.raise_fault('IpamApiDefaultProviderAddressSpaceCannotBeDeleted',
            format('address space "%s" cannot be deleted', OLD.name), 'It is the default address space.');
    ELSIF TG_OP = 'UPDATE' AND OLD.id = 1 THEN
        refused := ipam.raise_fault('IpamApiDefaultProviderAddressSpaceCannotBeModified',
            format('address space "%s" cannot be changed', OLD.name), 'It is the default address space.',
            'Make an address space of your own: INSERT INTO ipam.address_space (name) VALUES (...).');
    ELSIF TG_OP = 'UPDATE' AND NEW.type <> OLD.type THEN
        refused := ipam.raise_fault('IpamApiAddressSpaceTypeCanNotBeChanged',
            format('address space "%s" stays a %s space', OLD.name, OLD.type),
            'The type of an address space cannot be changed.', 'Make a new address space and move the subnets there.');
    END IF;
    IF NEW.provider_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM ipam.address_space WHERE id = NEW.provider_id AND type = 'Provider') THEN
        refused := ipam.raise_fault('IpamApiInvalidProviderAddressSpace',
            format('address space "%s" cannot lie on address space %s', NEW.name, NEW.provider_id),
            'It does not exist or is not of type Provider.', 'Set provider_id to a provider space; 1 is the default one.');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.check_address_space() IS 'trigger: protects the default address space, the type, and that customers lie on providers';

CREATE TRIGGER check_address_space BEFORE INSERT OR UPDATE ON ipam.address_space
    FOR EACH ROW EXECUTE FUNCTION ipam.check_address_space();
CREATE TRIGGER protect_default_address_space BEFORE DELETE ON ipam.address_space
    FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION ipam.check_address_space();
CREATE TRIGGER touch_modified_at BEFORE UPDATE ON ipam.address_space
    FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();

CREATE FUNCTION ipam.address_space_type(address_space_id bigint) RETURNS ipam.address_space_type
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    found ipam.address_space_type;
BEGIN
    SELECT s.type INTO found FROM ipam.address_space AS s WHERE s.id = address_space_type.address_space_id;
    IF found IS NULL AND address_space_id IS NULL THEN
        RETURN NULL;
    ELSIF found IS NULL AND NOT EXISTS (SELECT FROM ipam.address_space WHERE id = 1) THEN
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilProvisioningIsDone', 'the store has not been provisioned',
            'There is no default address space yet.', 'CALL ipam.provision() makes it.');
    ELSIF found IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressSpace', format('there is no address space %s', address_space_id), NULL,
            'SELECT id, name FROM ipam.address_space lists them.');
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION ipam.address_space_type(bigint) IS 'type of the address space, or a fault where there is none; NULL for NULL';

-- Fabric belongs to provider, Virtual to customer, NonVirtualized to the default address space (C54).
CREATE FUNCTION ipam.fitting_virtualization_type(address_space_id bigint, given ipam.virtualization_type)
RETURNS ipam.virtualization_type
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    space_type CONSTANT ipam.address_space_type := ipam.address_space_type(address_space_id);
    natural_type CONSTANT ipam.virtualization_type :=
        CASE WHEN address_space_id = 1 THEN 'NonVirtualized'::ipam.virtualization_type
             WHEN space_type = 'Customer' THEN 'Virtual' ELSE 'Fabric' END;
BEGIN
    IF space_type IS NULL THEN
        RETURN NULL; -- the column that must not be null has the words for it
    ELSIF given IS NULL OR given = natural_type OR (given = 'Fabric' AND space_type = 'Provider') THEN
        RETURN coalesce(given, natural_type);
    END IF;
    refused := ipam.raise_fault('IpamApiInvalidVirtualizationType',
        format('virtualization type %s does not fit address space %s', given, address_space_id),
        'Virtual belongs to customer spaces, Fabric to provider spaces, NonVirtualized to the default address space.',
        format('Use %s, or leave it out.', natural_type));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.fitting_virtualization_type(bigint, ipam.virtualization_type) IS
    'the given virtualization type, or the natural one of the address space where none is given; a fault where it does not fit';

-- Whoever changes blocks, subnets or ranges of an address space does so alone: the parents that the
-- triggers work out depend on all of them. The lock is a row that each such transaction changes, so
-- that READ COMMITTED waits and the higher isolation levels end in a serialization failure.
CREATE TABLE ipam.plan_lock (
    address_space_id bigint PRIMARY KEY REFERENCES ipam.address_space ON DELETE CASCADE,
    locked_by        xid8 NOT NULL
);
COMMENT ON TABLE ipam.plan_lock IS 'one row for each address space whose blocks, subnets or ranges have been changed; derived, not dumped';
COMMENT ON COLUMN ipam.plan_lock.address_space_id IS 'the address space';
COMMENT ON COLUMN ipam.plan_lock.locked_by IS 'the last transaction that changed it';

CREATE FUNCTION ipam.lock_plan(address_space_id bigint) RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'ipam_lock_plan';
COMMENT ON FUNCTION ipam.lock_plan(bigint) IS
    'waits until no other transaction is changing blocks, subnets or ranges of the address space, and keeps others out until the end of this one';
-- Blocks: the tree of planning containers of the default address space (MS-IPAMM2 3.1.1.1.4).

CREATE TABLE ipam.ip_block (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address_space_id bigint NOT NULL DEFAULT 1 REFERENCES ipam.address_space,
    network          cidr NOT NULL,
    start_address    inet NOT NULL,
    end_address      inet NOT NULL,
    extent           ipam.inetrange GENERATED ALWAYS AS (
                         CASE WHEN start_address <= end_address AND family(start_address) = family(end_address)
                              THEN ipam.inetrange(start_address, end_address, '[]') END) STORED,
    address_category ipam.address_category GENERATED ALWAYS AS (ipam.address_category(start_address, end_address)) STORED,
    parent_id        bigint REFERENCES ipam.ip_block ON DELETE SET NULL,
    rir              text COLLATE "C",
    rir_received_on  date,
    description      text,
    owner            text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    modified_at      timestamptz NOT NULL DEFAULT now(),

    -- Triggers take 0 for none.
    CONSTRAINT ip_block_id CHECK (id > 0
        OR ipam.raise_fault('IpamApiInvalidParameter', format('a block cannot have id %s', id), 'Ids are 1 or more.', 'Leave id out.')),
    CONSTRAINT ip_block_address_space CHECK (address_space_id = 1
        OR ipam.raise_fault('IpamApiInvalidAddressSpace', format('block %s cannot lie in address space %s', network, address_space_id),
               'Blocks exist in the default address space only.', 'Leave address_space_id out, or make a subnet.')),
    CONSTRAINT ip_block_check_1_prefix_length CHECK (
        masklen(network) BETWEEN 1 AND CASE family(network) WHEN 4 THEN 30 ELSE 127 END
        OR ipam.raise_fault('IpamApiInvalidPrefixLength', format('%s cannot be a block', network),
               'The prefix length of a block is 1 to 30 in IPv4 and 1 to 127 in IPv6.')),
    CONSTRAINT ip_block_check_2_start CHECK (start_address <<= network
        OR ipam.raise_fault('IpamApiInvalidStartIPAddress', format('block %s cannot start at %s', network, start_address),
               format('The network reaches from %s to %s.', host(network), host(broadcast(network))))),
    CONSTRAINT ip_block_check_3_end CHECK (end_address <<= network
        OR ipam.raise_fault('IpamApiEndIpAddressOutOfRange', format('block %s cannot end at %s', network, end_address),
               format('The network reaches from %s to %s.', host(network), host(broadcast(network))))),
    CONSTRAINT ip_block_check_4_order CHECK (start_address <= end_address
        OR ipam.raise_fault('IpamApiStartIPGreaterThanEndIP', format('block %s cannot start at %s and end at %s', network, start_address, end_address),
               'The start address comes after the end address.')),
    CONSTRAINT ip_block_check_5_category CHECK (address_category IS NOT NULL
        OR ipam.raise_fault('IpamApiInvalidAddressRange', format('%s to %s cannot be a block', start_address, end_address),
               'The addresses are of no use for a plan, or public and private ones are mixed.',
               'SELECT ipam.address_category(first, last) tells the category of a range of addresses.')),
    CONSTRAINT ip_block_check_6_rir CHECK (CASE address_category WHEN 'Public' THEN rir IS NOT NULL ELSE true END
        OR ipam.raise_fault('IpamApiRIRNotSpecifiedForAPublicIPv4Block', format('public block %s needs a regional registry', network),
               'Public addresses come from a regional internet registry.', 'Set rir to AFRINIC, APNIC, ARIN, LACNIC or RIPE.')),
    CONSTRAINT ip_block_check_7_no_rir CHECK (rir IS NULL OR address_category <> 'Private'
        OR ipam.raise_fault('IpamApiRIRSpecifiedForAPrivateIPv4Block', format('private block %s has no regional registry', network),
               'Private addresses do not come from a registry.', 'Leave rir out.')),
    CONSTRAINT ip_block_check_8_rir_known CHECK (rir IS NULL OR rir IN ('AFRINIC', 'APNIC', 'ARIN', 'LACNIC', 'RIPE')
        OR ipam.check_custom_field_value(1, rir)),
    CONSTRAINT ip_block_check_9_rir_received_on CHECK (rir_received_on IS NULL OR address_category <> 'Private'
        OR ipam.raise_fault('IpamApiRIRReceivedDateSpecifiedForAPrivateIPv4Block',
               format('private block %s was not received from a regional registry', network), NULL, 'Leave rir_received_on out.')),
    CONSTRAINT ip_block_description_length CHECK (description IS NULL OR length(description) <= 4000
        OR ipam.raise_fault('IpamApiInvalidDescription', format('the description of block %s is too long', network),
               format('It has %s characters; 4000 are possible.', length(description)))),
    CONSTRAINT ip_block_owner_length CHECK (owner IS NULL OR length(owner) <= 255
        OR ipam.raise_fault('IpamApiOwnerStringLengthNotAcceptable', format('the owner of block %s is too long', network),
               format('It has %s characters; 255 are possible.', length(owner))))
);
COMMENT ON TABLE ipam.ip_block IS 'planning containers of the default address space; they nest and never overlap otherwise';
COMMENT ON COLUMN ipam.ip_block.id IS 'id';
COMMENT ON COLUMN ipam.ip_block.address_space_id IS 'always 1, the default address space';
COMMENT ON COLUMN ipam.ip_block.network IS 'the network, /1 to /30 in IPv4 and /1 to /127 in IPv6';
COMMENT ON COLUMN ipam.ip_block.start_address IS 'first address of the block; the network''s first unless given';
COMMENT ON COLUMN ipam.ip_block.end_address IS 'last address of the block; the network''s last unless given';
COMMENT ON COLUMN ipam.ip_block.extent IS 'all addresses from start to end';
COMMENT ON COLUMN ipam.ip_block.address_category IS 'Public, Private or GlobalIPv6Unicast, worked out from the addresses';
COMMENT ON COLUMN ipam.ip_block.parent_id IS 'the smallest block around it, kept by the database; NULL: a root';
COMMENT ON COLUMN ipam.ip_block.rir IS 'regional internet registry: a value of custom field 1; needed for public IPv4, not for private';
COMMENT ON COLUMN ipam.ip_block.rir_received_on IS 'day the registry gave it';
COMMENT ON COLUMN ipam.ip_block.description IS 'at most 4000 characters';
COMMENT ON COLUMN ipam.ip_block.owner IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_block.created_at IS 'time of creation';
COMMENT ON COLUMN ipam.ip_block.modified_at IS 'time of the last change by a user';

CREATE INDEX ip_block_extent_idx ON ipam.ip_block USING gist (extent);
COMMENT ON INDEX ipam.ip_block_extent_idx IS 'blocks that contain, lie in or overlap a range of addresses';
-- The search for room walks this index, see src/pg/taken.hpp.
CREATE INDEX ip_block_parent_id_idx ON ipam.ip_block (parent_id, start_address, end_address);
COMMENT ON INDEX ipam.ip_block_parent_id_idx IS 'children of a block, in order';

-- 3.3: the most specific block around an extent.
CREATE FUNCTION ipam.find_parent_block(extent ipam.inetrange, prefix_length integer, except_id bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT b.id FROM ipam.ip_block AS b
    WHERE b.extent @> find_parent_block.extent
      AND masklen(b.network) <= prefix_length
      AND b.id IS DISTINCT FROM except_id
    ORDER BY b.start_address DESC, b.end_address, masklen(b.network) DESC
    LIMIT 1);
COMMENT ON FUNCTION ipam.find_parent_block(ipam.inetrange, integer, bigint) IS
    'id of the most specific block around the extent whose prefix is not longer, or NULL (MS-IPAMM2 3.1.1.1.4.2)';

-- 3.5: levels of the longest chain of blocks through an extent.
CREATE FUNCTION ipam.block_depth(extent ipam.inetrange, prefix_length integer, except_id bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE inside AS (
        SELECT b.id, b.parent_id FROM ipam.ip_block AS b
        WHERE b.extent <@ block_depth.extent AND masklen(b.network) >= prefix_length AND b.id IS DISTINCT FROM except_id
    ), chain AS (
        SELECT i.id, 1 AS level FROM inside AS i
        WHERE NOT EXISTS (SELECT FROM inside AS p WHERE p.id = i.parent_id)
        UNION ALL
        SELECT i.id, c.level + 1 FROM chain AS c JOIN inside AS i ON i.parent_id = c.id
    )
    SELECT (SELECT count(*) FROM ipam.ip_block AS b
            WHERE b.extent @> block_depth.extent AND masklen(b.network) <= prefix_length
              AND b.id IS DISTINCT FROM except_id AND NOT EXISTS (SELECT FROM inside AS i WHERE i.id = b.id))
         + (SELECT coalesce(max(level), 0) FROM chain);
END;
COMMENT ON FUNCTION ipam.block_depth(ipam.inetrange, integer, bigint) IS
    'number of blocks in the longest chain around and inside the extent (MS-IPAMM2 3.1.1.1.4.2)';

CREATE FUNCTION ipam.place_block() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    place ipam.inetrange;
    parent bigint;
    others text;
BEGIN
    PERFORM ipam.address_space_type(NEW.address_space_id);
    PERFORM ipam.lock_plan(1);
    NEW.start_address := coalesce(NEW.start_address, host(NEW.network)::inet);
    NEW.end_address := coalesce(NEW.end_address, host(broadcast(NEW.network))::inet);
    refused := NOT (ipam.check_host_address(NEW.start_address) AND ipam.check_host_address(NEW.end_address));
    IF (NEW.start_address <<= NEW.network AND NEW.end_address <<= NEW.network AND NEW.start_address <= NEW.end_address) IS NOT TRUE THEN
        RETURN NEW; -- the constraints have the words for it
    END IF;
    place := ipam.inetrange(NEW.start_address, NEW.end_address, '[]');

    IF TG_OP = 'INSERT' OR (NEW.network, NEW.start_address, NEW.end_address) <> (OLD.network, OLD.start_address, OLD.end_address) THEN
        SELECT string_agg(format('[%s, %s] (block %s)', b.start_address, b.end_address, b.id), ', ' ORDER BY b.start_address) INTO others
        FROM ipam.ip_block AS b
        WHERE b.extent && place AND b.id <> NEW.id
          AND ((b.extent = place AND masklen(b.network) = masklen(NEW.network))
            OR NOT ((b.extent @> place AND masklen(b.network) <= masklen(NEW.network))
                 OR (b.extent <@ place AND masklen(b.network) >= masklen(NEW.network))));
        IF others IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiConflictingIPBlocksExist',
                format('block %s [%s, %s] conflicts with existing blocks', NEW.network, NEW.start_address, NEW.end_address),
                format('Conflicting blocks: %s.', others),
                'Blocks must be disjoint, or one must lie inside the other; no two are equal.');
        END IF;
        IF ipam.block_depth(place, masklen(NEW.network), NEW.id) >= 9 THEN
            refused := ipam.raise_fault('IpamApiMaxChildrenReached', format('block %s would nest too deep', NEW.network),
                'The chain of blocks around and inside it has 9 levels already.', 'Delete a block of the chain first.');
        END IF;
    END IF;

    -- A dump loads children before their parents; those are adopted when the parent arrives.
    parent := ipam.find_parent_block(place, masklen(NEW.network), NEW.id);
    IF TG_OP = 'UPDATE' AND NEW.parent_id IS DISTINCT FROM OLD.parent_id AND NEW.parent_id <> coalesce(parent, 0) THEN
        refused := ipam.raise_fault('IpamApiInvalidUpdate', format('block %s cannot be put under block %s', NEW.network, NEW.parent_id),
            'The parent of a block is the smallest block around it.', 'Change the network or the addresses instead.');
    END IF;
    NEW.parent_id := parent;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.place_block() IS 'trigger: fills in addresses and parent, refuses partial overlaps and chains of more than 9';

CREATE TRIGGER place_block BEFORE INSERT OR UPDATE OF address_space_id, network, start_address, end_address, parent_id ON ipam.ip_block
    FOR EACH ROW EXECUTE FUNCTION ipam.place_block();
CREATE TRIGGER touch_modified_at
    BEFORE UPDATE OF network, start_address, end_address, rir, rir_received_on, description, owner ON ipam.ip_block
    FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();
-- Subnets: networks of an address space (MS-IPAMM2 3.1.1.1.34).

CREATE TABLE ipam.ip_subnet (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address_space_id    bigint NOT NULL DEFAULT 1 REFERENCES ipam.address_space,
    network             cidr NOT NULL,
    name                text NOT NULL,
    extent              ipam.inetrange NOT NULL GENERATED ALWAYS AS (ipam.network_range(network)) STORED,
    address_category    ipam.address_category GENERATED ALWAYS AS (ipam.address_category(network, broadcast(network))) STORED,
    block_id            bigint REFERENCES ipam.ip_block ON DELETE SET NULL,
    use_for_utilization boolean NOT NULL,
    virtualization_type ipam.virtualization_type NOT NULL,
    vlan_ids            integer[] NOT NULL DEFAULT '{}',
    virtual_subnet_id   integer,
    description         text,
    owner               text,
    custom_fields       jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    modified_at         timestamptz NOT NULL DEFAULT now(),

    -- Triggers take 0 for none.
    CONSTRAINT ip_subnet_id CHECK (id > 0
        OR ipam.raise_fault('IpamApiInvalidParameter', format('a subnet cannot have id %s', id), 'Ids are 1 or more.', 'Leave id out.')),
    CONSTRAINT ip_subnet_network_key UNIQUE (address_space_id, network),
    CONSTRAINT ip_subnet_check_1_prefix_length CHECK (
        masklen(network) BETWEEN 1 AND CASE family(network) WHEN 4 THEN 30 ELSE 127 END
        OR ipam.raise_fault('IpamApiInvalidPrefixLength', format('%s cannot be a subnet', network),
               'The prefix length of a subnet is 1 to 30 in IPv4 and 1 to 127 in IPv6.',
               'Put point-to-point links and single hosts as addresses into a subnet around them.')),
    CONSTRAINT ip_subnet_check_2_category CHECK (address_category IS NOT NULL
        OR ipam.raise_fault('IpamApiInvalidAddressRange', format('%s cannot be a subnet', network),
               'The addresses are of no use for a plan, or public and private ones are mixed.',
               'SELECT ipam.address_category(first, last) tells the category of a range of addresses.')),
    CONSTRAINT ip_subnet_name_given CHECK (ascii(name) BETWEEN 33 AND 126 OR name ~ '\S'
        OR ipam.raise_fault('IpamApiSubnetNameNotSpecified', format('subnet %s needs a name', network), 'The name is blank.')),
    CONSTRAINT ip_subnet_name_length CHECK (length(name) <= 512
        OR ipam.raise_fault('IpamApiSubnetNameStringLengthNotAcceptable', format('the name of subnet %s is too long', network),
               format('It has %s characters; 512 are possible.', length(name)))),
    CONSTRAINT ip_subnet_vlan_ids CHECK (vlan_ids = '{}' OR ipam.are_vlan_ids(vlan_ids)
        OR ipam.raise_fault('IpamApiInvalidVLANIdCollection', format('subnet %s cannot have VLAN ids %s', network, vlan_ids),
               'VLAN ids are 1 to 4095, each once.')),
    CONSTRAINT ip_subnet_virtual_subnet_id CHECK (virtual_subnet_id IS NULL OR virtual_subnet_id BETWEEN 0 AND 16777214
        OR ipam.raise_fault('IpamApiInvalidVSId', format('subnet %s cannot have virtual subnet id %s', network, virtual_subnet_id),
               'A virtual subnet id is 0 to 16777214.')),
    CONSTRAINT ip_subnet_description_length CHECK (description IS NULL OR length(description) <= 4000
        OR ipam.raise_fault('IpamApiInvalidDescription', format('the description of subnet %s is too long', network),
               format('It has %s characters; 4000 are possible.', length(description)))),
    CONSTRAINT ip_subnet_owner_length CHECK (owner IS NULL OR length(owner) <= 255
        OR ipam.raise_fault('IpamApiOwnerStringLengthNotAcceptable', format('the owner of subnet %s is too long', network),
               format('It has %s characters; 255 are possible.', length(owner)))),
    CONSTRAINT ip_subnet_custom_fields CHECK (custom_fields = '{}' OR ipam.check_custom_fields(custom_fields))
);
COMMENT ON TABLE ipam.ip_subnet IS 'networks of an address space; they may nest, and each network is there once';
COMMENT ON COLUMN ipam.ip_subnet.id IS 'id';
COMMENT ON COLUMN ipam.ip_subnet.address_space_id IS 'the address space; the default one unless given';
COMMENT ON COLUMN ipam.ip_subnet.network IS 'the network, /1 to /30 in IPv4 and /1 to /127 in IPv6';
COMMENT ON COLUMN ipam.ip_subnet.name IS 'name, at most 512 characters';
COMMENT ON COLUMN ipam.ip_subnet.extent IS 'all addresses of the network';
COMMENT ON COLUMN ipam.ip_subnet.address_category IS 'Public, Private or GlobalIPv6Unicast, worked out from the network';
COMMENT ON COLUMN ipam.ip_subnet.block_id IS 'the smallest block around it, kept by the database; NULL: none, and always in other spaces than the default one';
COMMENT ON COLUMN ipam.ip_subnet.use_for_utilization IS 'whether it is the one that counts among the subnets around and inside it; kept by the database, and true moves the choice here';
COMMENT ON COLUMN ipam.ip_subnet.virtualization_type IS 'NonVirtualized, Fabric or Virtual; the natural one of the space unless given';
COMMENT ON COLUMN ipam.ip_subnet.vlan_ids IS 'VLANs that carry the subnet, 1 to 4095';
COMMENT ON COLUMN ipam.ip_subnet.virtual_subnet_id IS 'virtual subnet id of a virtual network, 0 to 16777214';
COMMENT ON COLUMN ipam.ip_subnet.description IS 'at most 4000 characters';
COMMENT ON COLUMN ipam.ip_subnet.owner IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_subnet.custom_fields IS 'values of custom fields by name';
COMMENT ON COLUMN ipam.ip_subnet.created_at IS 'time of creation';
COMMENT ON COLUMN ipam.ip_subnet.modified_at IS 'time of the last change by a user';

CREATE INDEX ip_subnet_block_id_idx ON ipam.ip_subnet (block_id) WHERE block_id IS NOT NULL;
COMMENT ON INDEX ipam.ip_subnet_block_id_idx IS 'subnets of a block';

-- 3.2: the most specific subnet around an extent.
CREATE FUNCTION ipam.find_parent_subnet(address_space_id bigint, first_address inet, last_address inet, prefix_length integer DEFAULT 128)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT s.id FROM ipam.ip_subnet AS s
    WHERE s.address_space_id = find_parent_subnet.address_space_id
      AND s.network = ANY (ipam.covering_networks(first_address))
      AND last_address <<= s.network
      AND masklen(s.network) <= prefix_length
    ORDER BY masklen(s.network) DESC
    LIMIT 1);
COMMENT ON FUNCTION ipam.find_parent_subnet(bigint, inet, inet, integer) IS
    'id of the most specific subnet of the space that holds all addresses from first to last and whose prefix is not longer, or NULL (MS-IPAMM2 3.1.1.1.4.2)';

-- 3.6: the index is in the order of networks, where nested ones follow the one around them.
CREATE FUNCTION ipam.find_overlapping_subnets(address_space_id bigint, network cidr) RETURNS SETOF ipam.ip_subnet
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT s.* FROM ipam.ip_subnet AS s
    WHERE s.address_space_id = find_overlapping_subnets.address_space_id
      AND s.network = ANY (ipam.covering_networks(find_overlapping_subnets.network))
    UNION ALL
    SELECT s.* FROM ipam.ip_subnet AS s
    WHERE s.address_space_id = find_overlapping_subnets.address_space_id
      AND s.network > find_overlapping_subnets.network
      AND s.network <= upper(ipam.network_range(find_overlapping_subnets.network));
END;
COMMENT ON FUNCTION ipam.find_overlapping_subnets(bigint, cidr) IS
    'the subnets of the space around and inside the network, and the one with this very network';

CREATE FUNCTION ipam.has_chosen_subnet(address_space_id bigint, network cidr, except_id bigint) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM ipam.find_overlapping_subnets(address_space_id, network) AS s
    WHERE s.use_for_utilization AND s.id IS DISTINCT FROM except_id);
COMMENT ON FUNCTION ipam.has_chosen_subnet(bigint, cidr, bigint) IS 'whether another subnet around or inside the network is used for utilization';

CREATE FUNCTION ipam.place_subnet() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_place_subnet';
COMMENT ON FUNCTION ipam.place_subnet() IS
    'trigger: fills in virtualization type, parent block and whether the subnet is chosen, and keeps a subnet with ranges where it is';

CREATE FUNCTION ipam.receive_subnet() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_receive_subnet';
COMMENT ON FUNCTION ipam.receive_subnet() IS
    'trigger: ranges that lie in a new, more specific subnet move into it, and the choice among overlapping subnets stays right';

CREATE FUNCTION ipam.refuse_while_ranges_depend(subnet_id bigint, network cidr, verb text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    ranges text;
BEGIN
    SELECT string_agg(format('[%s, %s] (range %s)', r.start_address, r.end_address, r.id), ', ' ORDER BY r.start_address) INTO ranges
    FROM (SELECT * FROM ipam.ip_range AS q WHERE q.subnet_id = refuse_while_ranges_depend.subnet_id ORDER BY q.start_address LIMIT 10) AS r;
    IF ranges IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiRangesDependentOnSubnet', format('subnet %s cannot be %s', network, verb),
            format('It has ranges: %s.', ranges),
            CASE verb WHEN 'deleted' THEN 'Move the ranges to another subnet first, or delete them too: ipam.delete_subnet(subnet_id, delete_ranges => true).'
                      ELSE 'Delete the ranges or move them to another subnet first.' END);
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.refuse_while_ranges_depend(bigint, cidr, text) IS 'a fault where the subnet has ranges';

CREATE FUNCTION ipam.check_subnet_delete() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.lock_plan(OLD.address_space_id);
    PERFORM ipam.refuse_while_ranges_depend(OLD.id, OLD.network, 'deleted');
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ipam.check_subnet_delete() IS 'trigger: a subnet with ranges stays';

CREATE TRIGGER place_subnet BEFORE INSERT OR UPDATE OF address_space_id, network, block_id, use_for_utilization, virtualization_type ON ipam.ip_subnet
    FOR EACH ROW EXECUTE FUNCTION ipam.place_subnet();
CREATE TRIGGER check_subnet_delete BEFORE DELETE ON ipam.ip_subnet
    FOR EACH ROW EXECUTE FUNCTION ipam.check_subnet_delete();
CREATE TRIGGER receive_subnet AFTER INSERT ON ipam.ip_subnet
    FOR EACH ROW EXECUTE FUNCTION ipam.receive_subnet();
CREATE TRIGGER touch_modified_at
    BEFORE UPDATE OF address_space_id, network, name, virtualization_type, vlan_ids, virtual_subnet_id, description, owner, custom_fields
    ON ipam.ip_subnet FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();
-- The parent blocks of blocks and subnets when a block comes, goes or moves (MS-IPAMM2 3.1.1.1.4.2).

-- Everything in the addresses of a block that came, went or moved gets its right parent: setting
-- the parent to NULL makes place_block() and place_subnet() find it.
CREATE FUNCTION ipam.readopt_in_block(place ipam.ip_block) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE ipam.ip_block AS b SET parent_id = NULL
    WHERE b.extent <@ place.extent
      AND b.parent_id IS DISTINCT FROM ipam.find_parent_block(b.extent, masklen(b.network), b.id);
    UPDATE ipam.ip_subnet AS s SET block_id = NULL
    WHERE s.address_space_id = 1 AND s.network <<= place.network AND s.extent <@ place.extent
      AND s.block_id IS DISTINCT FROM ipam.find_parent_block(s.extent, masklen(s.network));
$$;
COMMENT ON FUNCTION ipam.readopt_in_block(ipam.ip_block) IS 'gives all blocks and subnets in the addresses of the block their right parent';

CREATE FUNCTION ipam.adopt_into_block() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM ipam.readopt_in_block(OLD);
    END IF;
    PERFORM ipam.readopt_in_block(NEW);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.adopt_into_block() IS 'trigger: blocks and subnets around which a block came or moved get their right parent';

CREATE TRIGGER adopt_on_insert AFTER INSERT ON ipam.ip_block
    FOR EACH ROW EXECUTE FUNCTION ipam.adopt_into_block();
CREATE TRIGGER adopt_on_update AFTER UPDATE OF network, start_address, end_address ON ipam.ip_block
    FOR EACH ROW EXECUTE FUNCTION ipam.adopt_into_block();
-- Ranges: contiguous pools of addresses inside a subnet, each managed by one service instance
-- (MS-IPAMM2 3.1.1.1.1).

CREATE TABLE ipam.ip_range (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address_space_id     bigint NOT NULL DEFAULT 1 REFERENCES ipam.address_space,
    subnet_id            bigint NOT NULL REFERENCES ipam.ip_subnet,
    network              cidr NOT NULL,
    start_address        inet NOT NULL,
    end_address          inet NOT NULL,
    extent               ipam.inetrange GENERATED ALWAYS AS (
                             CASE WHEN start_address <= end_address AND family(start_address) = family(end_address)
                                  THEN ipam.inetrange(start_address, end_address, '[]') END) STORED,
    address_category     ipam.address_category GENERATED ALWAYS AS (ipam.address_category(start_address, end_address)) STORED,
    managed_by           text COLLATE "C" NOT NULL DEFAULT 'IPAM',
    managed_by_entity    text COLLATE "C" NOT NULL DEFAULT 'Localhost',
    use_for_utilization  boolean NOT NULL,
    address_assignment   ipam.address_assignment NOT NULL DEFAULT 'Static',
    virtualization_type  ipam.virtualization_type NOT NULL,
    reserved_addresses   ipam.inetmultirange NOT NULL DEFAULT '{}',
    virtual_addresses    ipam.inetmultirange NOT NULL DEFAULT '{}',
    excluded_addresses   ipam.inetmultirange NOT NULL DEFAULT '{}',
    dhcp_scope_name      text,
    gateways             ipam.gateway[] NOT NULL DEFAULT '{}',
    dns_servers          inet[] NOT NULL DEFAULT '{}',
    wins_servers         inet[] NOT NULL DEFAULT '{}',
    dns_suffixes         text[] NOT NULL DEFAULT '{}',
    connection_specific_dns_suffix text,
    utilization_calculation ipam.utilization_calculation NOT NULL DEFAULT 'Auto',
    utilized_addresses   numeric,
    description          text,
    owner                text,
    quarantine           interval,
    custom_fields        jsonb NOT NULL DEFAULT '{}',
    created_at           timestamptz NOT NULL DEFAULT now(),
    modified_at          timestamptz NOT NULL DEFAULT now(),

    -- Triggers take 0 for none.
    CONSTRAINT ip_range_id CHECK (id > 0
        OR ipam.raise_fault('IpamApiInvalidParameter', format('a range cannot have id %s', id), 'Ids are 1 or more.', 'Leave id out.')),
    -- The last word on overlaps; place_range() has better words for the same rule.
    CONSTRAINT ip_range_no_overlap EXCLUDE USING gist (
        address_space_id WITH =, managed_by WITH =, managed_by_entity WITH =, extent WITH &&)
        WHERE (managed_by <> 'MS DHCP'),
    CONSTRAINT ip_range_check_01_prefix_length CHECK (
        masklen(network) BETWEEN 1 AND CASE family(network) WHEN 4 THEN 30 ELSE 127 END
        OR ipam.raise_fault('IpamApiInvalidPrefixLength', format('%s cannot be the network of a range', network),
               'The prefix length is 1 to 30 in IPv4 and 1 to 127 in IPv6.')),
    CONSTRAINT ip_range_check_02_family CHECK (
        (family(start_address) = family(end_address) AND family(start_address) = family(network))
        OR ipam.raise_fault('IpamApiInvalidIPAddressFamily', format('a range cannot reach from %s to %s', start_address, end_address),
               format('Start, end and network %s must all be IPv4 or all be IPv6.', network))),
    CONSTRAINT ip_range_check_03_order CHECK (start_address <= end_address
        OR ipam.raise_fault('IpamApiStartIPGreaterThanEndIP', format('a range cannot reach from %s to %s', start_address, end_address),
               'The start address comes after the end address.', 'Swap the addresses.')),
    CONSTRAINT ip_range_check_04_start CHECK (start_address <<= network
        OR ipam.raise_fault('IpamApiInvalidStartIPAddress', format('range in %s cannot start at %s', network, start_address),
               format('The network reaches from %s to %s.', host(network), host(broadcast(network))))),
    CONSTRAINT ip_range_check_05_end CHECK (end_address <<= network
        OR ipam.raise_fault('IpamApiEndIpAddressOutOfRange', format('range in %s cannot end at %s', network, end_address),
               format('The network reaches from %s to %s.', host(network), host(broadcast(network))))),
    CONSTRAINT ip_range_check_06_category CHECK (address_category IS NOT NULL
        OR ipam.raise_fault('IpamApiInvalidAddressRange', format('%s to %s cannot be a range', start_address, end_address),
               'The addresses are of no use for a plan, or public and private ones are mixed.')),
    CONSTRAINT ip_range_check_07_start_host CHECK (family(start_address) = 6 OR host(start_address) <> host(network)
        OR ipam.raise_fault('IpamApiInvalidStartIPWithAllZeroes', format('range in %s cannot start at %s', network, start_address),
               'It is the network address, which no host can have.', format('Start at %s.', start_address + 1))),
    CONSTRAINT ip_range_check_08_end_host CHECK (family(end_address) = 6 OR host(end_address) <> host(broadcast(network))
        OR ipam.raise_fault('IpamApiInvalidEndIPHostIdAllOnes', format('range in %s cannot end at %s', network, end_address),
               'It is the broadcast address, which no host can have.', format('End at %s.', end_address - 1))),
    CONSTRAINT ip_range_check_09_reserved CHECK (reserved_addresses <@ extent
        OR ipam.raise_fault('IpamApiReservedIPNotInRange', format('range [%s, %s] cannot reserve %s', start_address, end_address, reserved_addresses),
               'Reserved addresses lie in the range.')),
    CONSTRAINT ip_range_check_10_virtual CHECK (virtual_addresses <@ extent
        OR ipam.raise_fault('IpamApiVIPNotInRange', format('range [%s, %s] cannot have the virtual IP addresses %s', start_address, end_address, virtual_addresses),
               'Virtual IP addresses lie in the range.')),
    CONSTRAINT ip_range_check_11_excluded CHECK (excluded_addresses <@ extent
        OR ipam.raise_fault('IpamApiInvalidExclusionRanges', format('range [%s, %s] cannot exclude %s', start_address, end_address, excluded_addresses),
               'Excluded addresses lie in the range.')),
    CONSTRAINT ip_range_check_12_dhcp CHECK (managed_by = 'MS DHCP' OR (dhcp_scope_name IS NULL AND excluded_addresses = '{}')
        OR ipam.raise_fault('IpamApiDhcpDataSpecifiedForStaticRange', format('range [%s, %s] cannot have DHCP properties', start_address, end_address),
               format('It is managed by %s; a DHCP scope and excluded addresses belong to ranges managed by MS DHCP.', managed_by))),
    CONSTRAINT ip_range_check_13_gateways CHECK (ipam.are_gateways(gateways, network)
        OR ipam.raise_fault('IpamApiInvalidAddressesInGatewaysCollection', format('range in %s cannot have gateways %s', network, gateways),
               'A gateway is a host address in the network of the range.')),
    CONSTRAINT ip_range_check_14_gateway_metrics CHECK (ipam.are_gateway_metrics(gateways)
        OR ipam.raise_fault('IpamApiInvalidMetricValueInGatewaysCollection', format('range in %s cannot have gateways %s', network, gateways),
               'The metric of a gateway is 1 to 9999, or NULL for automatic.')),
    CONSTRAINT ip_range_check_15_dns_servers CHECK (ipam.are_hosts(dns_servers, family(network))
        OR ipam.raise_fault('IpamApiInvalidAddressesInDnsServersCollection', format('range in %s cannot have DNS servers %s', network, dns_servers),
               'A DNS server is a host address of the range''s family.')),
    CONSTRAINT ip_range_check_16_wins_servers CHECK ((wins_servers = '{}' OR (family(network) = 4 AND ipam.are_hosts(wins_servers, 4)))
        OR ipam.raise_fault('IpamApiInvalidAddressesInWinsServersCollection', format('range in %s cannot have WINS servers %s', network, wins_servers),
               'A WINS server is an IPv4 host address and serves IPv4 ranges.')),
    CONSTRAINT ip_range_check_17_dns_suffixes CHECK (ipam.are_domain_names(dns_suffixes)
        OR ipam.raise_fault('IpamApiInvalidDNSSuffixCollection', format('range in %s cannot have DNS suffixes %s', network, dns_suffixes),
               'A DNS suffix is a domain name.')),
    CONSTRAINT ip_range_check_18_dns_suffix CHECK (connection_specific_dns_suffix IS NULL OR ipam.is_domain_name(connection_specific_dns_suffix)
        OR ipam.raise_fault('IpamApiInvalidConnectionsSpecificDNSSuffix',
               format('range in %s cannot have DNS suffix "%s"', network, connection_specific_dns_suffix), 'A DNS suffix is a domain name.')),
    CONSTRAINT ip_range_check_19_calculation CHECK (managed_by <> 'MS DHCP' OR utilization_calculation = 'Auto'
        OR ipam.raise_fault('IpamApiInvalidUtilizationCalculationType',
               format('utilization of range [%s, %s] cannot be given by hand', start_address, end_address),
               'The range is managed by MS DHCP.', 'Leave utilization_calculation out.')),
    CONSTRAINT ip_range_check_20_utilized CHECK ((utilization_calculation = 'Manual') = (utilized_addresses IS NOT NULL)
        OR ipam.raise_fault('IpamApiUtilizationDataNotSpecifiedForStaticRange',
               format('range [%s, %s] has utilization %s and %s utilized addresses', start_address, end_address,
                      utilization_calculation, coalesce(utilized_addresses::text, 'no number of')),
               'Manual utilization needs the number of utilized addresses, automatic utilization has none.')),
    CONSTRAINT ip_range_check_21_utilized_count CHECK (utilized_addresses IS NULL
        OR (utilized_addresses >= 0 AND utilized_addresses = trunc(utilized_addresses) AND utilized_addresses <= ipam.address_count(extent))
        OR ipam.raise_fault('IpamApiInvalidUtilizationStatistics',
               format('range [%s, %s] cannot have %s utilized addresses', start_address, end_address, utilized_addresses),
               format('It has %s addresses.', ipam.address_count(extent)))),
    CONSTRAINT ip_range_check_22_managed_by CHECK (managed_by IN ('IPAM', 'MS DHCP', 'Non-MS DHCP', 'VM Manager', 'Others')
        OR ipam.check_custom_field_value(8, managed_by)),
    CONSTRAINT ip_range_check_23_managed_by_entity CHECK (managed_by_entity = 'Localhost' OR ipam.check_custom_field_value(9, managed_by_entity)),
    CONSTRAINT ip_range_description_length CHECK (description IS NULL OR length(description) <= 4000
        OR ipam.raise_fault('IpamApiInvalidDescription', format('the description of range [%s, %s] is too long', start_address, end_address),
               format('It has %s characters; 4000 are possible.', length(description)))),
    CONSTRAINT ip_range_owner_length CHECK (owner IS NULL OR length(owner) <= 255
        OR ipam.raise_fault('IpamApiOwnerStringLengthNotAcceptable', format('the owner of range [%s, %s] is too long', start_address, end_address),
               format('It has %s characters; 255 are possible.', length(owner)))),
    CONSTRAINT ip_range_quarantine CHECK (quarantine IS NULL OR quarantine >= interval '0'
        OR ipam.raise_fault('IpamApiInvalidParameter', format('range [%s, %s] cannot have a quarantine of %s', start_address, end_address, quarantine),
               'A quarantine is a length of time, or NULL for none.', 'Example: interval ''7 days''.')),
    CONSTRAINT ip_range_custom_fields CHECK (custom_fields = '{}' OR ipam.check_custom_fields(custom_fields))
);
COMMENT ON TABLE ipam.ip_range IS 'contiguous pools of addresses inside a subnet, each managed by one service instance';
COMMENT ON COLUMN ipam.ip_range.id IS 'id';
COMMENT ON COLUMN ipam.ip_range.address_space_id IS 'the address space, the same as the subnet''s; the default one unless given';
COMMENT ON COLUMN ipam.ip_range.subnet_id IS 'the smallest subnet around it, kept by the database';
COMMENT ON COLUMN ipam.ip_range.network IS 'network that the hosts of the range are configured with; the subnet''s unless given';
COMMENT ON COLUMN ipam.ip_range.start_address IS 'first address';
COMMENT ON COLUMN ipam.ip_range.end_address IS 'last address';
COMMENT ON COLUMN ipam.ip_range.extent IS 'all addresses from start to end';
COMMENT ON COLUMN ipam.ip_range.address_category IS 'Public, Private or GlobalIPv6Unicast, worked out from the addresses';
COMMENT ON COLUMN ipam.ip_range.managed_by IS 'kind of service that gives out the addresses: a value of custom field 8';
COMMENT ON COLUMN ipam.ip_range.managed_by_entity IS 'the service instance: a value of custom field 9';
COMMENT ON COLUMN ipam.ip_range.use_for_utilization IS 'whether it is the one that counts among the ranges that overlap it; kept by the database, and true moves the choice here';
COMMENT ON COLUMN ipam.ip_range.address_assignment IS 'how hosts get the addresses';
COMMENT ON COLUMN ipam.ip_range.virtualization_type IS 'NonVirtualized, Fabric or Virtual; the subnet''s unless given';
COMMENT ON COLUMN ipam.ip_range.reserved_addresses IS 'addresses kept back: not offered as free unless asked for';
COMMENT ON COLUMN ipam.ip_range.virtual_addresses IS 'virtual IP addresses of load balancers: not offered as free unless asked for';
COMMENT ON COLUMN ipam.ip_range.excluded_addresses IS 'addresses the DHCP scope leaves out; MS DHCP only';
COMMENT ON COLUMN ipam.ip_range.dhcp_scope_name IS 'name of the DHCP scope; MS DHCP only';
COMMENT ON COLUMN ipam.ip_range.gateways IS 'default gateways, in the network of the range';
COMMENT ON COLUMN ipam.ip_range.dns_servers IS 'DNS servers, in order of preference';
COMMENT ON COLUMN ipam.ip_range.wins_servers IS 'WINS servers; IPv4 only';
COMMENT ON COLUMN ipam.ip_range.dns_suffixes IS 'DNS search suffixes';
COMMENT ON COLUMN ipam.ip_range.connection_specific_dns_suffix IS 'DNS suffix of the connection';
COMMENT ON COLUMN ipam.ip_range.utilization_calculation IS 'Auto: from recorded addresses; Manual: utilized_addresses counts';
COMMENT ON COLUMN ipam.ip_range.utilized_addresses IS 'number of utilized addresses; Manual only';
COMMENT ON COLUMN ipam.ip_range.description IS 'at most 4000 characters';
COMMENT ON COLUMN ipam.ip_range.owner IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_range.quarantine IS 'how long a released address is not offered again; NULL: not at all';
COMMENT ON COLUMN ipam.ip_range.custom_fields IS 'values of custom fields by name';
COMMENT ON COLUMN ipam.ip_range.created_at IS 'time of creation';
COMMENT ON COLUMN ipam.ip_range.modified_at IS 'time of the last change by a user';

CREATE INDEX ip_range_subnet_id_idx ON ipam.ip_range (subnet_id);
COMMENT ON INDEX ipam.ip_range_subnet_id_idx IS 'ranges of a subnet';
-- The search for room walks this index, see src/pg/taken.hpp.
CREATE INDEX ip_range_start_address_idx ON ipam.ip_range (address_space_id, start_address, end_address);
COMMENT ON INDEX ipam.ip_range_start_address_idx IS 'ranges of a space in order, whatever service manages them';
CREATE INDEX ip_range_extent_idx ON ipam.ip_range USING gist (address_space_id, extent);
COMMENT ON INDEX ipam.ip_range_extent_idx IS 'ranges of a space that contain, lie in or overlap a range of addresses';
-- The range of an address is the first row at or before the address: see src/sql/address_mapping.cpp.
CREATE INDEX ip_range_service_idx ON ipam.ip_range (address_space_id, managed_by, managed_by_entity, start_address DESC, end_address);
COMMENT ON INDEX ipam.ip_range_service_idx IS 'ranges of a service instance by start address; maps addresses to their range';

-- 3.8: excluded addresses overlap with nothing.
CREATE FUNCTION ipam.find_overlapping_ranges(address_space_id bigint, extent ipam.inetrange, excluded_addresses ipam.inetmultirange DEFAULT '{}')
RETURNS SETOF ipam.ip_range
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT r.* FROM ipam.ip_range AS r
    WHERE r.address_space_id = find_overlapping_ranges.address_space_id
      AND r.extent && find_overlapping_ranges.extent
      AND (r.excluded_addresses = '{}' AND find_overlapping_ranges.excluded_addresses = '{}'
        OR r.extent::ipam.inetmultirange - r.excluded_addresses
           && find_overlapping_ranges.extent::ipam.inetmultirange - find_overlapping_ranges.excluded_addresses);
END;
COMMENT ON FUNCTION ipam.find_overlapping_ranges(bigint, ipam.inetrange, ipam.inetmultirange) IS
    'the ranges of the space, of whatever service, that have an address in common with the extent; excluded addresses do not count';

CREATE FUNCTION ipam.has_chosen_range(address_space_id bigint, extent ipam.inetrange, excluded_addresses ipam.inetmultirange, except_id bigint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM ipam.find_overlapping_ranges(address_space_id, extent, excluded_addresses) AS r
    WHERE r.use_for_utilization AND r.id IS DISTINCT FROM except_id);
COMMENT ON FUNCTION ipam.has_chosen_range(bigint, ipam.inetrange, ipam.inetmultirange, bigint) IS
    'whether another range that overlaps the extent is used for utilization';

CREATE FUNCTION ipam.place_range() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    subnet ipam.ip_subnet;
    place ipam.inetrange;
    conflicts text;
    comes boolean; -- to addresses that it did not have before, or leaves some
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.managed_by <> OLD.managed_by AND 'MS DHCP' IN (NEW.managed_by, OLD.managed_by) THEN
            refused := ipam.raise_fault('IpamApiCannotUpdateManagedByValueForMsDhcpRange',
                format('range [%s, %s] stays managed by %s', OLD.start_address, OLD.end_address, OLD.managed_by),
                'A range does not become or cease to be managed by MS DHCP.', 'Delete the range and make a new one; its addresses stay.');
        ELSIF NEW.managed_by_entity <> OLD.managed_by_entity AND OLD.managed_by = 'MS DHCP'
              AND ipam.is_custom_field_value(9, OLD.managed_by_entity) THEN -- gone where the server has been renamed
            refused := ipam.raise_fault('IpamApiCannotUpdateDifferentServerManagedByEntityValueForMsDhcpRange',
                format('range [%s, %s] stays with server %s', OLD.start_address, OLD.end_address, OLD.managed_by_entity),
                'A range managed by MS DHCP does not change its server.', 'Delete the range and make a new one; its addresses stay.');
        ELSIF (NEW.virtualization_type = 'Virtual') <> (OLD.virtualization_type = 'Virtual') THEN
            refused := ipam.raise_fault('IpamApiInvalidVirtualizationTypeUpdation',
                format('range [%s, %s] stays %s', OLD.start_address, OLD.end_address, OLD.virtualization_type),
                'A range does not change between Virtual and the other types.', 'Make a new range.');
        END IF;
        IF NEW.address_space_id <> OLD.address_space_id THEN -- locked in the order of their ids, so that nobody waits in a circle
            PERFORM ipam.address_space_type(NEW.address_space_id);
            PERFORM ipam.lock_plan(least(NEW.address_space_id, OLD.address_space_id));
            PERFORM ipam.lock_plan(greatest(NEW.address_space_id, OLD.address_space_id));
        END IF;
    END IF;
    IF NEW.start_address IS NULL OR NEW.end_address IS NULL THEN
        RAISE not_null_violation USING TABLE = 'ip_range', COLUMN = CASE WHEN NEW.start_address IS NULL THEN 'start_address' ELSE 'end_address' END,
            MESSAGE = 'a range needs a start_address and an end_address';
    END IF;
    IF NEW.address_space_id IS NULL THEN
        RAISE not_null_violation USING TABLE = 'ip_range', COLUMN = 'address_space_id', MESSAGE = 'a range needs an address_space_id',
            HINT = 'Leave it out for the default address space, 1.';
    END IF;
    refused := NOT (ipam.check_host_address(NEW.start_address) AND ipam.check_host_address(NEW.end_address));
    PERFORM ipam.address_space_type(NEW.address_space_id);
    PERFORM ipam.lock_plan(NEW.address_space_id);

    SELECT s.* INTO subnet FROM ipam.ip_subnet AS s
    WHERE s.id = ipam.find_parent_subnet(NEW.address_space_id, NEW.start_address, NEW.end_address, coalesce(masklen(NEW.network), 128));
    IF NEW.subnet_id <> coalesce(subnet.id, 0) AND (TG_OP = 'INSERT' OR NEW.subnet_id <> coalesce(OLD.subnet_id, 0)) THEN
        refused := ipam.raise_fault('IpamApiInvalidUpdate',
            format('range [%s, %s] cannot be put into subnet %s', NEW.start_address, NEW.end_address, NEW.subnet_id),
            'The subnet of a range is the smallest one around it.', 'Leave subnet_id out.');
    END IF;
    IF subnet.id IS NULL AND ipam.address_category(NEW.start_address, NEW.end_address) IS NOT NULL
       AND coalesce(family(NEW.network) = family(NEW.start_address), true) THEN
        refused := ipam.raise_fault('IpamApiSubnetDoesNotExistForRange',
            format('range [%s, %s] lies in no subnet', NEW.start_address, NEW.end_address),
            format('No subnet of address space %s%s holds all of it.', NEW.address_space_id,
                   ' with a prefix of at most /' || masklen(NEW.network)),
            'Make the subnet first: INSERT INTO ipam.ip_subnet (network, name) VALUES (...).');
    END IF;
    NEW.subnet_id := coalesce(subnet.id, 0); -- 0: the constraints have the words for what is wrong
    NEW.network := coalesce(NEW.network, subnet.network, network(set_masklen(NEW.start_address, 8)));
    NEW.virtualization_type := ipam.fitting_virtualization_type(NEW.address_space_id, coalesce(NEW.virtualization_type, subnet.virtualization_type));

    IF family(NEW.start_address) <> family(NEW.end_address) OR NEW.start_address > NEW.end_address THEN
        NEW.use_for_utilization := true; -- the constraints have the words for it
        RETURN NEW;
    END IF;
    place := ipam.inetrange(NEW.start_address, NEW.end_address, '[]');
    IF NEW.managed_by <> 'MS DHCP' THEN
        SELECT string_agg(format('[%s, %s] (range %s)', r.start_address, r.end_address, r.id), ', ' ORDER BY r.start_address) INTO conflicts
        FROM ipam.ip_range AS r
        WHERE r.address_space_id = NEW.address_space_id AND r.extent && place
          AND r.managed_by = NEW.managed_by AND r.managed_by_entity = NEW.managed_by_entity AND r.id <> NEW.id;
        IF conflicts IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiNonadjustableConflictingRangesFound',
                format('range [%s, %s] overlaps other ranges of %s / %s', NEW.start_address, NEW.end_address, NEW.managed_by, NEW.managed_by_entity),
                format('Conflicting ranges: %s.', conflicts),
                'Ranges of one service instance do not overlap: choose other addresses, another managed_by or another managed_by_entity.');
        END IF;
    END IF;

    comes := TG_OP = 'INSERT' OR (NEW.address_space_id, NEW.start_address, NEW.end_address, NEW.excluded_addresses)
        IS DISTINCT FROM (OLD.address_space_id, OLD.start_address, OLD.end_address, OLD.excluded_addresses);
    IF NEW.use_for_utilization IS NULL OR TG_OP = 'UPDATE' AND NEW.use_for_utilization = OLD.use_for_utilization THEN
        IF comes THEN
            NEW.use_for_utilization := NOT ipam.has_chosen_range(NEW.address_space_id, place, NEW.excluded_addresses, NEW.id);
        ELSE
            NEW.use_for_utilization := OLD.use_for_utilization;
        END IF;
    ELSIF NOT comes AND NEW.use_for_utilization = ipam.has_chosen_range(NEW.address_space_id, place, NEW.excluded_addresses, NEW.id) THEN
        NEW.modified_at := now(); -- by a user: the database never chooses two, and never none
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.place_range() IS
    'trigger: fills in subnet, network, virtualization type and whether the range is chosen, and refuses overlaps';

CREATE FUNCTION ipam.lock_plan_of_range() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.lock_plan(OLD.address_space_id);
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ipam.lock_plan_of_range() IS 'trigger: ranges of an address space are deleted by one transaction at a time';

CREATE TRIGGER place_range
    BEFORE INSERT OR UPDATE OF address_space_id, subnet_id, network, start_address, end_address, managed_by, managed_by_entity,
        use_for_utilization, virtualization_type, excluded_addresses
    ON ipam.ip_range FOR EACH ROW EXECUTE FUNCTION ipam.place_range();
CREATE TRIGGER lock_plan BEFORE DELETE ON ipam.ip_range
    FOR EACH ROW EXECUTE FUNCTION ipam.lock_plan_of_range();
CREATE TRIGGER touch_modified_at
    BEFORE UPDATE OF address_space_id, network, start_address, end_address, managed_by, managed_by_entity, address_assignment,
        virtualization_type, reserved_addresses, virtual_addresses, excluded_addresses, dhcp_scope_name, gateways, dns_servers,
        wins_servers, dns_suffixes, connection_specific_dns_suffix, utilization_calculation, utilized_addresses, description, owner, quarantine,
        custom_fields
    ON ipam.ip_range FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();

-- Ranges that lie in a new, more specific subnet move into it.
CREATE FUNCTION ipam.adopt_into_subnet(subnet_id bigint, address_space_id bigint, network cidr) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    UPDATE ipam.ip_range AS r SET subnet_id = NULL -- place_range() finds the right one
    WHERE r.address_space_id = adopt_into_subnet.address_space_id
      AND r.extent <@ ipam.network_range(adopt_into_subnet.network)
      AND r.subnet_id <> adopt_into_subnet.subnet_id
      AND adopt_into_subnet.subnet_id = ipam.find_parent_subnet(r.address_space_id, r.start_address, r.end_address, masklen(r.network));
END;
COMMENT ON FUNCTION ipam.adopt_into_subnet(bigint, bigint, cidr) IS 'moves the ranges for which the subnet is the smallest one around into it';

-- 3.3.4.153: only the ranges of the subnet itself; those of smaller subnets inside it belong to these.
CREATE FUNCTION ipam.carry_ranges() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.address_space_id <> OLD.address_space_id THEN
        UPDATE ipam.ip_range AS r SET address_space_id = NEW.address_space_id, virtualization_type = NEW.virtualization_type
        WHERE r.subnet_id = NEW.id AND r.address_space_id = OLD.address_space_id;
    END IF;
    IF (NEW.address_space_id, NEW.network) IS DISTINCT FROM (OLD.address_space_id, OLD.network) THEN
        PERFORM ipam.adopt_into_subnet(NEW.id, NEW.address_space_id, NEW.network);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.carry_ranges() IS
    'trigger: a subnet that moves to another address space takes its ranges along, and takes over those for which it is the smallest one around';

CREATE TRIGGER carry_ranges AFTER UPDATE OF address_space_id, network ON ipam.ip_subnet
    FOR EACH ROW EXECUTE FUNCTION ipam.carry_ranges();
-- Addresses (MS-IPAMM2 3.1.1.1.3).

CREATE TABLE ipam.ip_address (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address_space_id    bigint NOT NULL DEFAULT 1 REFERENCES ipam.address_space,
    address             inet NOT NULL,
    range_id            bigint REFERENCES ipam.ip_range ON DELETE SET NULL,
    managed_by          text COLLATE "C" NOT NULL DEFAULT 'IPAM',
    managed_by_entity   text COLLATE "C" NOT NULL DEFAULT 'Localhost',
    state               text COLLATE "C" NOT NULL DEFAULT 'In-Use',
    device_type         text COLLATE "C" NOT NULL DEFAULT 'Host',
    address_category    ipam.address_category GENERATED ALWAYS AS (ipam.address_category(address, address)) STORED,
    address_assignment  ipam.address_assignment NOT NULL DEFAULT 'Static',
    virtualization_type ipam.virtualization_type NOT NULL,
    mac_address         macaddr,
    device_name         text,
    serial_number       text,
    asset_tag           text,
    os_name             text,
    os_version          text,
    owner               text,
    notes               text,
    assigned_at         timestamptz,
    expires_at          timestamptz,
    reservation_type    ipam.reservation_type,
    client_id           text,
    duid                bytea,
    iaid                bigint,
    created_from_dns    boolean NOT NULL DEFAULT false,
    allocation_token    text,
    custom_fields       jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    modified_at         timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT ip_address_identity_key UNIQUE (address_space_id, address, managed_by, managed_by_entity)
);
COMMENT ON TABLE ipam.ip_address IS 'recorded addresses; one address may be recorded several times by different services';
COMMENT ON COLUMN ipam.ip_address.id IS 'id';
COMMENT ON COLUMN ipam.ip_address.address_space_id IS 'the address space; the default one unless given';
COMMENT ON COLUMN ipam.ip_address.address IS 'the address';
COMMENT ON COLUMN ipam.ip_address.range_id IS 'the range that holds the address and has the same managed_by and managed_by_entity, kept by the database; NULL: none';
COMMENT ON COLUMN ipam.ip_address.managed_by IS 'kind of service that gives out the address: a value of custom field 8';
COMMENT ON COLUMN ipam.ip_address.managed_by_entity IS 'the service instance: a value of custom field 9';
COMMENT ON COLUMN ipam.ip_address.state IS 'In-Use, Reserved, Inactive or another value of custom field 10; recorded is never free';
COMMENT ON COLUMN ipam.ip_address.device_type IS 'a value of custom field 7';
COMMENT ON COLUMN ipam.ip_address.address_category IS 'Public, Private or GlobalIPv6Unicast, worked out from the address; NULL: neither';
COMMENT ON COLUMN ipam.ip_address.address_assignment IS 'how the host got the address';
COMMENT ON COLUMN ipam.ip_address.virtualization_type IS 'NonVirtualized, Fabric or Virtual; the range''s, or else the natural one of the space, unless given';
COMMENT ON COLUMN ipam.ip_address.mac_address IS 'MAC address';
COMMENT ON COLUMN ipam.ip_address.device_name IS 'name of the device, at most 255 characters';
COMMENT ON COLUMN ipam.ip_address.serial_number IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_address.asset_tag IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_address.os_name IS 'operating system';
COMMENT ON COLUMN ipam.ip_address.os_version IS 'version of the operating system';
COMMENT ON COLUMN ipam.ip_address.owner IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_address.notes IS 'notes';
COMMENT ON COLUMN ipam.ip_address.assigned_at IS 'time of assignment';
COMMENT ON COLUMN ipam.ip_address.expires_at IS 'end of the assignment, not before assigned_at';
COMMENT ON COLUMN ipam.ip_address.reservation_type IS 'clients that a DHCP reservation serves; IPv4 only';
COMMENT ON COLUMN ipam.ip_address.client_id IS 'DHCP client id; IPv4 only';
COMMENT ON COLUMN ipam.ip_address.duid IS 'DHCP unique identifier, 1 to 65 bytes; IPv6 only';
COMMENT ON COLUMN ipam.ip_address.iaid IS 'identity association, 32 bits; IPv6 only';
COMMENT ON COLUMN ipam.ip_address.created_from_dns IS 'whether a DNS record was the source';
COMMENT ON COLUMN ipam.ip_address.allocation_token IS 'token of the call of allocate_ip_addresses() that recorded it, 1 to 255 characters';
COMMENT ON COLUMN ipam.ip_address.custom_fields IS 'values of custom fields by name';
COMMENT ON COLUMN ipam.ip_address.created_at IS 'time of creation';
COMMENT ON COLUMN ipam.ip_address.modified_at IS 'time of the last change by a user';

-- The rules of an address. The server reads the expression of a CHECK anew for every statement, which
-- rules with their words would make slow; the table that is written most has them in a function.
CREATE FUNCTION ipam.check_address(a ipam.ip_address) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean := NOT ipam.check_host_address(a.address);
    too_long record;
BEGIN
    IF NOT ipam.is_host_address(a.address) THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddress', format('%s is not an address that a host can have', a.address),
            'This-network, loopback, link-local, broadcast, unspecified, site-local and IPv6 multicast addresses cannot be recorded.');
    ELSIF a.managed_by NOT IN ('IPAM', 'MS DHCP', 'Non-MS DHCP', 'VM Manager', 'Others') THEN
        refused := NOT ipam.check_custom_field_value(8, a.managed_by);
    END IF;
    IF a.managed_by_entity <> 'Localhost' THEN
        refused := NOT ipam.check_custom_field_value(9, a.managed_by_entity);
    END IF;
    IF a.state NOT IN ('In-Use', 'Reserved', 'Inactive') THEN
        refused := NOT ipam.check_custom_field_value(10, a.state);
    END IF;
    IF a.device_type <> 'Host' THEN
        refused := NOT ipam.check_custom_field_value(7, a.device_type);
    END IF;
    IF a.assigned_at > a.expires_at THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressExpiryDate', format('address %s cannot expire at %s', a.address, a.expires_at),
            format('It was assigned at %s, which is later.', a.assigned_at));
    ELSIF a.reservation_type IS NOT NULL AND family(a.address) <> 4 THEN
        refused := ipam.raise_fault('IpamApiInvalidIPv4ReservationType',
            format('address %s cannot have reservation type %s', a.address, a.reservation_type), 'Reservation types belong to IPv4.');
    ELSIF a.client_id IS NOT NULL AND NOT (family(a.address) = 4 AND length(a.client_id) BETWEEN 1 AND 255) THEN
        refused := ipam.raise_fault('IpamApiInvalidClientId', format('address %s cannot have client id "%s"', a.address, left(a.client_id, 300)),
            'A client id has 1 to 255 characters and belongs to IPv4.');
    ELSIF a.duid IS NOT NULL AND NOT (family(a.address) = 6 AND length(a.duid) BETWEEN 1 AND 65) THEN
        refused := ipam.raise_fault('IpamApiInvalidDuidFormat', format('address %s cannot have a DUID of %s bytes', a.address, length(a.duid)),
            'A DUID has 1 to 65 bytes and belongs to IPv6.');
    ELSIF a.iaid IS NOT NULL AND NOT (family(a.address) = 6 AND a.iaid BETWEEN 0 AND 4294967295) THEN
        refused := ipam.raise_fault('IpamApiInvalidIaid', format('address %s cannot have IAID %s', a.address, a.iaid),
            'An IAID is 0 to 4294967295 and belongs to IPv6.');
    ELSIF length(a.allocation_token) NOT BETWEEN 1 AND 255 THEN
        refused := ipam.raise_fault('IpamApiStringLengthNotAcceptable', format('the allocation token of address %s is too %s', a.address,
                CASE a.allocation_token WHEN '' THEN 'short' ELSE 'long' END),
            format('It has %s characters; 1 to 255 are possible.', length(a.allocation_token)));
    ELSIF greatest(length(a.device_name), length(a.serial_number), length(a.asset_tag), length(a.owner)) > 255 THEN
        SELECT * INTO too_long
        FROM (VALUES ('IpamApiInvalidDeviceName', 'device name', a.device_name), ('IpamApiInvalidSerialNumber', 'serial number', a.serial_number),
                     ('IpamApiInvalidAssetTag', 'asset tag', a.asset_tag), ('IpamApiOwnerStringLengthNotAcceptable', 'owner', a.owner)) AS v(fault, what, given)
        WHERE length(given) > 255 LIMIT 1;
        refused := ipam.raise_fault(too_long.fault, format('the %s of address %s is too long', too_long.what, a.address),
            format('It has %s characters; 255 are possible.', length(too_long.given)));
    END IF;
    RETURN a.custom_fields = '{}' OR ipam.check_custom_fields(a.custom_fields);
END
$$;
COMMENT ON FUNCTION ipam.check_address(ipam.ip_address) IS 'true, or the fault of the first rule that the address breaks (MS-IPAMM2 3.1.4.8)';

-- Most addresses are plain ones, for which the first condition is enough.
ALTER TABLE ipam.ip_address ADD CONSTRAINT ip_address_rules CHECK (
    (ipam.is_host_address(address) AND managed_by = 'IPAM' AND managed_by_entity = 'Localhost' AND state = 'In-Use' AND device_type = 'Host'
        AND num_nonnulls(expires_at, reservation_type, client_id, duid, iaid, serial_number, asset_tag, owner, allocation_token) = 0
        AND coalesce(length(device_name), 0) <= 255 AND custom_fields = '{}')
    OR ipam.check_address(ip_address));

-- The free search walks this index, see src/pg/used_addresses.hpp.
CREATE UNIQUE INDEX ip_address_range_id_address_idx ON ipam.ip_address (range_id, address);
COMMENT ON INDEX ipam.ip_address_range_id_address_idx IS 'addresses of a range in order; free addresses are its gaps';
CREATE INDEX ip_address_custom_fields_idx ON ipam.ip_address USING gin (custom_fields) WHERE custom_fields <> '{}';
COMMENT ON INDEX ipam.ip_address_custom_fields_idx IS 'addresses that have a custom field value';

CREATE FUNCTION ipam.map_address() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_map_address';
COMMENT ON FUNCTION ipam.map_address() IS 'trigger: fills in the range of an address and its virtualization type';

CREATE FUNCTION ipam.confirm_address_mapping() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_confirm_address_mapping';
COMMENT ON FUNCTION ipam.confirm_address_mapping() IS 'trigger: maps an address again where its range has changed since it was mapped';

CREATE FUNCTION ipam.remap_addresses() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_remap_addresses';
COMMENT ON FUNCTION ipam.remap_addresses() IS 'trigger: maps the addresses again that a new, moved or resized range gains or loses';

-- 3.3.4.152: what no longer lies in the range, or has another service, stays in the old address space.
CREATE FUNCTION ipam.carry_addresses(range ipam.ip_range) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    carried bigint[];
    conflicts text;
BEGIN
    carried := ARRAY (
        SELECT a.id FROM ipam.ip_address AS a
        WHERE a.range_id = range.id AND a.address_space_id <> range.address_space_id
          AND a.address BETWEEN range.start_address AND range.end_address
          AND a.managed_by = range.managed_by AND a.managed_by_entity = range.managed_by_entity);
    SELECT string_agg(format('%s (address %s)', o.address, o.id), ', ' ORDER BY o.address) INTO conflicts
    FROM (SELECT o.address, o.id FROM ipam.ip_address AS a JOIN ipam.ip_address AS o USING (address, managed_by, managed_by_entity)
          WHERE a.id = ANY (carried) AND o.address_space_id = range.address_space_id
          ORDER BY o.address LIMIT 10) AS o;
    IF conflicts IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddressConflict',
            format('addresses of range [%s, %s] are recorded in address space %s already', range.start_address, range.end_address, range.address_space_id),
            format('Recorded there by %s / %s: %s.', range.managed_by, range.managed_by_entity, conflicts),
            'Delete them on one side first: an address is recorded once in an address space by a service instance.');
    END IF;
    UPDATE ipam.ip_address AS a SET address_space_id = range.address_space_id, virtualization_type = range.virtualization_type
    WHERE a.id = ANY (carried);
END
$$;
COMMENT ON FUNCTION ipam.carry_addresses(ipam.ip_range) IS
    'moves the addresses that are mapped to the range into its address space; a fault where they are recorded there already';

CREATE TRIGGER map_address
    BEFORE INSERT OR UPDATE OF address_space_id, address, range_id, managed_by, managed_by_entity, virtualization_type ON ipam.ip_address
    FOR EACH ROW EXECUTE FUNCTION ipam.map_address();
CREATE TRIGGER confirm_address_mapping
    AFTER INSERT OR UPDATE OF address_space_id, address, range_id, managed_by, managed_by_entity ON ipam.ip_address
    FOR EACH ROW EXECUTE FUNCTION ipam.confirm_address_mapping();
CREATE TRIGGER touch_modified_at
    BEFORE UPDATE OF address_space_id, address, managed_by, managed_by_entity, state, device_type, address_assignment,
        virtualization_type, mac_address, device_name, serial_number, asset_tag, os_name, os_version, owner, notes, assigned_at,
        expires_at, reservation_type, client_id, duid, iaid, created_from_dns, allocation_token, custom_fields
    ON ipam.ip_address FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();

CREATE TRIGGER remap_addresses
    AFTER INSERT OR UPDATE OF address_space_id, start_address, end_address, managed_by, managed_by_entity ON ipam.ip_range
    FOR EACH ROW EXECUTE FUNCTION ipam.remap_addresses();
-- Expiry of addresses, worked out when asked for: nothing has to run for it (MS-IPAMM2 3.1.1.1.3, 2.2.5.53).

CREATE TYPE ipam.expiry_status AS ENUM ('Active', 'Alert', 'Expired');
COMMENT ON TYPE ipam.expiry_status IS 'Active: not near its expiry; Alert: in the warning period before it; Expired: past it';

CREATE FUNCTION ipam.expiry_alert_threshold() RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT make_interval(days => p.value::integer) FROM ipam.common_property AS p WHERE p.name = 'ExpiryAlertThreshold');
COMMENT ON FUNCTION ipam.expiry_alert_threshold() IS
    'length of the warning period before an expiry: the days of ExpiryAlertThreshold; 0: no warnings';

CREATE FUNCTION ipam.expiry_status(expires_at timestamptz, alert_threshold interval, at timestamptz DEFAULT now()) RETURNS ipam.expiry_status
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN expires_at IS NULL THEN NULL::ipam.expiry_status
            WHEN at > expires_at THEN 'Expired'
            WHEN at + alert_threshold > expires_at THEN 'Alert'
            ELSE 'Active' END;
COMMENT ON FUNCTION ipam.expiry_status(timestamptz, interval, timestamptz) IS
    'how an address that expires at the time stands, now or at another time; NULL: it does not expire';
-- Finding the object that an id given by a caller stands for. Where a row is locked at once, the caller does it
-- and says ipam.refuse_unknown() itself.

CREATE FUNCTION ipam.get_block_or_fault(block_id bigint) RETURNS ipam.ip_block
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    block ipam.ip_block;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT b.* INTO block FROM ipam.ip_block AS b WHERE b.id = block_id;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('block', block_id);
    END IF;
    RETURN block;
END
$$;
COMMENT ON FUNCTION ipam.get_block_or_fault(bigint) IS 'the block; a fault where the store is not ready, the id is missing or unknown';

CREATE FUNCTION ipam.get_subnet_or_fault(subnet_id bigint) RETURNS ipam.ip_subnet
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    subnet ipam.ip_subnet;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT s.* INTO subnet FROM ipam.ip_subnet AS s WHERE s.id = subnet_id;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('subnet', subnet_id);
    END IF;
    RETURN subnet;
END
$$;
COMMENT ON FUNCTION ipam.get_subnet_or_fault(bigint) IS 'the subnet; a fault where the store is not ready, the id is missing or unknown';

CREATE FUNCTION ipam.get_range_or_fault(range_id bigint) RETURNS ipam.ip_range
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    range ipam.ip_range;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT r.* INTO range FROM ipam.ip_range AS r WHERE r.id = range_id;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('range', range_id);
    END IF;
    RETURN range;
END
$$;
COMMENT ON FUNCTION ipam.get_range_or_fault(bigint) IS 'the range; a fault where the store is not ready, the id is missing or unknown';
-- Which of the subnets, and which of the ranges, that overlap each other counts in utilization
-- (MS-IPAMM2 3.1.1.1.34.2): use_for_utilization.
--
-- Two things hold at the end of every statement: of two that overlap at most one is chosen, and one
-- that is not chosen overlaps a chosen one. place_subnet() and place_range() choose for a row that
-- comes; the triggers here, after the statement, repair what the row has done to its neighbours, one
-- row after another. A repair is an UPDATE of use_for_utilization, after which these triggers look again.
-- All of it happens under ipam.lock_plan().

-- The largest come first: of those that lack a chosen one, each that lies in no other.
CREATE FUNCTION ipam.choose_subnets(place ipam.ip_subnet, except_id bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    WITH lacking AS MATERIALIZED (
        SELECT q.id, q.network,
               max(upper(q.extent)) OVER (ORDER BY q.network ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_to
        FROM ipam.find_overlapping_subnets(place.address_space_id, place.network) AS q
        WHERE NOT q.use_for_utilization AND q.id IS DISTINCT FROM except_id
          AND NOT ipam.has_chosen_subnet(q.address_space_id, q.network, q.id)
    )
    UPDATE ipam.ip_subnet AS s SET use_for_utilization = true
    FROM lacking AS l
    WHERE s.id = l.id AND coalesce(l.covered_to < lower(s.extent), true);
$$;
COMMENT ON FUNCTION ipam.choose_subnets(ipam.ip_subnet, bigint) IS
    'chooses among the subnets around and inside the place that overlap no chosen one';

-- A subnet that somebody has put down may be told so; what else lacks a chosen one becomes it.
CREATE FUNCTION ipam.settle_subnet_choice(subnet_id bigint, is_put_down boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    subnet ipam.ip_subnet;
    chosen bigint[];
BEGIN
    SELECT s.* INTO subnet FROM ipam.ip_subnet AS s WHERE s.id = subnet_id; -- as the triggers of other rows have left it
    SELECT array_agg(s.id) INTO chosen
    FROM ipam.find_overlapping_subnets(subnet.address_space_id, subnet.network) AS s
    WHERE s.use_for_utilization AND s.id <> subnet.id;
    IF subnet.use_for_utilization AND chosen IS NOT NULL THEN
        UPDATE ipam.ip_subnet AS s SET use_for_utilization = false WHERE s.id = ANY (chosen);
    ELSIF NOT subnet.use_for_utilization AND chosen IS NULL THEN
        IF is_put_down THEN
            refused := ipam.raise_fault('IpamApiInvalidUpdate', format('subnet %s stays the one used for utilization', subnet.network),
                'No subnet around or inside it could take its place.',
                'Choose another one instead: SELECT ipam.remap_subnet(subnet_id).');
        END IF;
        UPDATE ipam.ip_subnet AS s SET use_for_utilization = true WHERE s.id = subnet.id;
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.settle_subnet_choice(bigint, boolean) IS
    'a chosen subnet takes the choice from those around and inside it; one that lacks a chosen one becomes it, or a fault if it was put down';

CREATE FUNCTION ipam.keep_subnet_choice() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    leaves CONSTANT boolean := CASE TG_OP WHEN 'DELETE' THEN true
        ELSE (NEW.address_space_id, NEW.network) IS DISTINCT FROM (OLD.address_space_id, OLD.network) END;
BEGIN
    IF OLD.use_for_utilization AND (leaves OR NOT NEW.use_for_utilization) THEN
        PERFORM ipam.choose_subnets(OLD, OLD.id);
    END IF;
    IF TG_OP = 'UPDATE' THEN
        PERFORM ipam.settle_subnet_choice(NEW.id, NOT leaves AND OLD.use_for_utilization AND NOT NEW.use_for_utilization);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.keep_subnet_choice() IS
    'trigger: after a subnet went, moved or was chosen, at most one of two that overlap is chosen, and none lacks a chosen one';

CREATE TRIGGER keep_choice AFTER DELETE OR UPDATE OF address_space_id, network, use_for_utilization ON ipam.ip_subnet
    FOR EACH ROW EXECUTE FUNCTION ipam.keep_subnet_choice();

-- In the order of their addresses, of those that start together the largest first.
CREATE FUNCTION ipam.choose_ranges(place ipam.ip_range, except_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    candidate ipam.ip_range;
BEGIN
    FOR candidate IN
        SELECT q.* FROM ipam.find_overlapping_ranges(place.address_space_id, place.extent, place.excluded_addresses) AS q
        WHERE NOT q.use_for_utilization AND q.id IS DISTINCT FROM except_id
        ORDER BY q.start_address, q.end_address DESC, q.id
    LOOP
        IF NOT ipam.has_chosen_range(candidate.address_space_id, candidate.extent, candidate.excluded_addresses, candidate.id) THEN
            UPDATE ipam.ip_range AS r SET use_for_utilization = true WHERE r.id = candidate.id;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.choose_ranges(ipam.ip_range, bigint) IS
    'chooses among the ranges that overlap the place and no chosen one, one after another';

CREATE FUNCTION ipam.keep_range_choice() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    leaves CONSTANT boolean := CASE TG_OP WHEN 'DELETE' THEN true WHEN 'UPDATE' THEN
        (NEW.address_space_id, NEW.extent, NEW.excluded_addresses) IS DISTINCT FROM (OLD.address_space_id, OLD.extent, OLD.excluded_addresses)
        ELSE false END;
    present ipam.ip_range;
    chosen bigint[];
    loser bigint;
BEGIN
    IF TG_OP <> 'INSERT' AND (leaves OR NOT NEW.use_for_utilization) AND OLD.use_for_utilization THEN
        PERFORM ipam.choose_ranges(OLD, OLD.id);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;
    SELECT r.* INTO present FROM ipam.ip_range AS r WHERE r.id = NEW.id; -- as the triggers of other rows have left it
    SELECT array_agg(r.id ORDER BY r.start_address, r.end_address DESC, r.id) INTO chosen
    FROM ipam.find_overlapping_ranges(present.address_space_id, present.extent, present.excluded_addresses) AS r
    WHERE r.use_for_utilization AND r.id <> present.id;
    IF present.use_for_utilization AND chosen IS NOT NULL THEN
        FOREACH loser IN ARRAY chosen LOOP
            UPDATE ipam.ip_range AS r SET use_for_utilization = false WHERE r.id = loser;
        END LOOP;
    ELSIF NOT present.use_for_utilization AND chosen IS NULL THEN
        IF TG_OP = 'UPDATE' AND NOT leaves AND OLD.use_for_utilization AND NOT NEW.use_for_utilization THEN
            refused := ipam.raise_fault('IpamApiInvalidUpdate',
                format('range [%s, %s] stays the one used for utilization', present.start_address, present.end_address),
                'No range that overlaps it could take its place.',
                'Choose another one instead: SELECT ipam.remap_range(range_id).');
        END IF;
        UPDATE ipam.ip_range AS r SET use_for_utilization = true WHERE r.id = present.id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.keep_range_choice() IS
    'trigger: after a range came, went, changed its addresses or was chosen, at most one of two that overlap is chosen, and none lacks a chosen one';

CREATE TRIGGER keep_choice AFTER INSERT OR DELETE OR UPDATE OF address_space_id, start_address, end_address, excluded_addresses, use_for_utilization
    ON ipam.ip_range FOR EACH ROW EXECUTE FUNCTION ipam.keep_range_choice();

-- Operations

CREATE FUNCTION ipam.overlapping_subnets(subnet_id bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    subnet CONSTANT ipam.ip_subnet := ipam.get_subnet_or_fault(subnet_id);
BEGIN
    RETURN QUERY SELECT s.id FROM ipam.find_overlapping_subnets(subnet.address_space_id, subnet.network) AS s
        WHERE s.id <> subnet.id ORDER BY s.network;
END
$$;
COMMENT ON FUNCTION ipam.overlapping_subnets(bigint) IS
    'ids of the subnets of the same address space around and inside the subnet, in the order of their networks; a fault where the id is unknown (MS-IPAMM2 3.1.1.1.4.2)';

CREATE FUNCTION ipam.overlapping_ranges(range_id bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    range CONSTANT ipam.ip_range := ipam.get_range_or_fault(range_id);
BEGIN
    RETURN QUERY SELECT r.id FROM ipam.find_overlapping_ranges(range.address_space_id, range.extent, range.excluded_addresses) AS r
        WHERE r.id <> range.id ORDER BY r.start_address, r.end_address DESC, r.id;
END
$$;
COMMENT ON FUNCTION ipam.overlapping_ranges(bigint) IS
    'ids of the ranges of the same address space, of whatever service, that have an address in common with the range, excluded ones left out, in the order of their addresses; a fault where the id is unknown (MS-IPAMM2 3.1.1.1.1.2)';

CREATE FUNCTION ipam.remap_subnet(subnet_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    subnet CONSTANT ipam.ip_subnet := ipam.get_subnet_or_fault(subnet_id);
BEGIN
    PERFORM ipam.lock_plan(subnet.address_space_id); -- before the row is locked: whoever has the plan may want the row
    UPDATE ipam.ip_subnet AS s SET use_for_utilization = true WHERE s.id = subnet.id;
    IF NOT FOUND THEN
        PERFORM ipam.get_subnet_or_fault(subnet_id); -- deleted in the meantime
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.remap_subnet(bigint) IS
    'makes the subnet the one used for utilization among the subnets around and inside it; a fault where the id is unknown (MS-IPAMM2 3.3.4.124)';

CREATE FUNCTION ipam.remap_range(range_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    range CONSTANT ipam.ip_range := ipam.get_range_or_fault(range_id);
BEGIN
    PERFORM ipam.lock_plan(range.address_space_id); -- before the row is locked: whoever has the plan may want the row
    UPDATE ipam.ip_range AS r SET use_for_utilization = true WHERE r.id = range.id;
    IF NOT FOUND THEN
        PERFORM ipam.get_range_or_fault(range_id); -- deleted in the meantime
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.remap_range(bigint) IS
    'makes the range the one used for utilization among the ranges that overlap it; a fault where the id is unknown (MS-IPAMM2 3.3.4.123)';
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
-- Why an address is not free: the rows that stand in the way.

CREATE TYPE ipam.obstacle AS ENUM ('OutsideRange', 'ManagedByDhcp', 'Excluded', 'Reserved', 'VirtualAddress', 'Recorded', 'InQuarantine');
COMMENT ON TYPE ipam.obstacle IS
    'why an address of a range is not free: the range does not hold it, leaves it to a DHCP server or keeps it back, it is recorded, or it was released a short time ago';

CREATE FUNCTION ipam.why_not_free(range_id bigint, address inet)
RETURNS TABLE (reason ipam.obstacle, object_type text, object_id bigint, detail text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    r CONSTANT ipam.ip_range := ipam.get_range_or_fault(range_id);
    others text;
BEGIN
    IF why_not_free.address IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddress', 'the address is missing', 'address is NULL.', 'Give a host address.');
    END IF;
    refused := NOT ipam.check_host_address(why_not_free.address);

    IF NOT r.extent @> why_not_free.address THEN
        SELECT string_agg(format(' Range %s of %s / %s holds it.', o.id, o.managed_by, o.managed_by_entity), '' ORDER BY o.id) INTO others
        FROM ipam.ip_range AS o
        WHERE o.address_space_id = r.address_space_id AND o.extent @> why_not_free.address;
        RETURN QUERY SELECT 'OutsideRange'::ipam.obstacle, 'range', r.id,
            format('The range reaches from %s to %s.%s', r.start_address, r.end_address, others);
        RETURN;
    END IF;
    RETURN QUERY
    SELECT o.reason, 'range', r.id, o.detail
    FROM (VALUES
        ('ManagedByDhcp'::ipam.obstacle, r.managed_by = 'MS DHCP',
         format('The range is managed by MS DHCP server %s, which gives out its addresses.', r.managed_by_entity)),
        ('Excluded', r.excluded_addresses @> why_not_free.address, format('The DHCP scope leaves it out: it is one of the excluded addresses %s.', r.excluded_addresses)),
        ('Reserved', r.reserved_addresses @> why_not_free.address,
         format('The range keeps it back: it is one of the reserved addresses %s. include_reserved => true offers it.', r.reserved_addresses)),
        ('VirtualAddress', r.virtual_addresses @> why_not_free.address,
         format('It is one of the virtual addresses %s. include_reserved => true offers it.', r.virtual_addresses))
    ) AS o(reason, stands_in_the_way, detail)
    WHERE o.stands_in_the_way;
    RETURN QUERY
    SELECT 'Recorded'::ipam.obstacle, 'address', a.id,
        'It is recorded' || coalesce(' for device "' || a.device_name || '"', '') || ' in state ' || a.state
            || coalesce(', assigned at ' || a.assigned_at, '') || coalesce(', expires at ' || a.expires_at, '') || '.'
    FROM ipam.ip_address AS a
    WHERE a.range_id = r.id AND a.address = why_not_free.address;
    IF NOT FOUND THEN
        RETURN QUERY
        SELECT 'InQuarantine'::ipam.obstacle, 'range', r.id, format('It was released at %s and is offered again from %s on.', q.released_at, q.free_at)
        FROM ipam.quarantined_address AS q
        WHERE q.range_id = r.id AND q.address = why_not_free.address;
    END IF;
    IF NOT FOUND AND r.managed_by <> 'MS DHCP' THEN
        RETURN QUERY -- the search knows rows that row level security hides
        SELECT 'Recorded'::ipam.obstacle, 'address', NULL::bigint, 'It is recorded in a row that you may not see.'
        WHERE NOT EXISTS (
            SELECT FROM ipam.get_free_ip_addresses(r.id, why_not_free.address, why_not_free.address, include_reserved => true));
    END IF;

    -- Another service may have the same address, in its own range or in none.
    SELECT string_agg(format('%s / %s (address %s)', a.managed_by, a.managed_by_entity, a.id), ', ' ORDER BY a.id) INTO others
    FROM ipam.ip_address AS a
    WHERE a.address_space_id = r.address_space_id AND a.address = why_not_free.address AND a.range_id IS DISTINCT FROM r.id;
    IF others IS NOT NULL THEN
        RAISE NOTICE 'address % is also recorded by %', why_not_free.address, others
            USING DETAIL = 'That does not keep it from being free in this range.';
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.why_not_free(bigint, inet) IS
    'the rows that keep get_free_ip_addresses from offering an address of a range, and why; no row: it is free';
-- Allocation: free addresses found and recorded in one call, and given back.

CREATE TYPE ipam.allocation_direction AS ENUM ('Lowest', 'Highest');
COMMENT ON TYPE ipam.allocation_direction IS 'which free addresses of a range are given out first';

CREATE INDEX ip_address_allocation_token_idx ON ipam.ip_address (range_id, allocation_token) WHERE allocation_token IS NOT NULL;
COMMENT ON INDEX ipam.ip_address_allocation_token_idx IS 'addresses that an allocation with a token has recorded';

CREATE FUNCTION ipam.allocate_ip_addresses(
    range_id         bigint,
    count            integer     DEFAULT 1,
    start_address    inet        DEFAULT NULL,
    end_address      inet        DEFAULT NULL,
    exclude          inet[]      DEFAULT NULL,
    direction        ipam.allocation_direction DEFAULT 'Lowest',
    include_reserved boolean     DEFAULT false,
    consecutive      boolean     DEFAULT false,
    token            text        DEFAULT NULL,
    device_name      text        DEFAULT NULL,
    device_type      text        DEFAULT NULL,
    state            text        DEFAULT NULL,
    mac_address      macaddr     DEFAULT NULL,
    owner            text        DEFAULT NULL,
    notes            text        DEFAULT NULL,
    assigned_at      timestamptz DEFAULT NULL,
    expires_at       timestamptz DEFAULT NULL,
    custom_fields    jsonb       DEFAULT NULL,
    properties       jsonb       DEFAULT NULL)
RETURNS SETOF ipam.ip_address
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'ipam_allocate_ip_addresses';
COMMENT ON FUNCTION ipam.allocate_ip_addresses(bigint, integer, inet, inet, inet[], ipam.allocation_direction, boolean, boolean, text,
    text, text, text, macaddr, text, text, timestamptz, timestamptz, jsonb, jsonb) IS
    'records count free addresses of a range and returns their rows, all or none';

CREATE FUNCTION ipam.allocate_ip_address_pair(
    ipv4_range_id    bigint,
    ipv6_range_id    bigint,
    exclude          inet[]      DEFAULT NULL,
    direction        ipam.allocation_direction DEFAULT 'Lowest',
    include_reserved boolean     DEFAULT false,
    token            text        DEFAULT NULL,
    device_name      text        DEFAULT NULL,
    device_type      text        DEFAULT NULL,
    state            text        DEFAULT NULL,
    mac_address      macaddr     DEFAULT NULL,
    owner            text        DEFAULT NULL,
    notes            text        DEFAULT NULL,
    assigned_at      timestamptz DEFAULT NULL,
    expires_at       timestamptz DEFAULT NULL,
    custom_fields    jsonb       DEFAULT NULL,
    properties       jsonb       DEFAULT NULL)
RETURNS SETOF ipam.ip_address
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 2 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    wrong record;
BEGIN
    SELECT g.* INTO wrong
    FROM (VALUES (ipv4_range_id, 4), (ipv6_range_id, 6)) AS g(id, family) JOIN ipam.ip_range AS r ON r.id = g.id
    WHERE family(r.start_address) <> g.family
    ORDER BY g.family LIMIT 1;
    IF FOUND THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddressFamily', format('range %s is not IPv%s', wrong.id, wrong.family),
            'A pair is an address of an IPv4 range and one of an IPv6 range, in this order.');
    END IF;
    -- Always IPv4 first: two pairs never wait for each other.
    RETURN QUERY SELECT * FROM ipam.allocate_ip_addresses(ipv4_range_id, 1, NULL, NULL, exclude, direction, include_reserved, false, token,
        device_name, device_type, state, mac_address, owner, notes, assigned_at, expires_at, custom_fields, properties);
    RETURN QUERY SELECT * FROM ipam.allocate_ip_addresses(ipv6_range_id, 1, NULL, NULL, exclude, direction, include_reserved, false, token,
        device_name, device_type, state, mac_address, owner, notes, assigned_at, expires_at, custom_fields, properties);
END
$$;
COMMENT ON FUNCTION ipam.allocate_ip_address_pair(bigint, bigint, inet[], ipam.allocation_direction, boolean, text,
    text, text, text, macaddr, text, text, timestamptz, timestamptz, jsonb, jsonb) IS
    'records a free address of an IPv4 range and one of an IPv6 range with the same properties and returns their rows, both or none';

CREATE FUNCTION ipam.release_ip_addresses(
    address_ids bigint[] DEFAULT NULL,
    range_id    bigint   DEFAULT NULL,
    addresses   inet[]   DEFAULT NULL,
    token       text     DEFAULT NULL)
RETURNS SETOF ipam.ip_address
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    ids bigint[];
    missing text;
BEGIN
    PERFORM ipam.require_ready_store();
    IF num_nonnulls(address_ids, addresses, token) <> 1 OR (range_id IS NULL) <> (address_ids IS NOT NULL) THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'it is not clear which addresses are to be released', NULL,
            'Give address_ids, or range_id and addresses, or range_id and token.');
    ELSIF EXISTS (SELECT FROM unnest(address_ids) AS g(id) WHERE g.id IS NULL) THEN
        refused := ipam.refuse_unknown('address', NULL);
    ELSIF EXISTS (SELECT FROM unnest(addresses) AS g(address) WHERE g.address IS NULL) THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddress', 'an address to release is missing', 'It is NULL.', 'Give host addresses.');
    ELSIF range_id IS NOT NULL AND NOT EXISTS (SELECT FROM ipam.ip_range AS r WHERE r.id = range_id) THEN
        refused := ipam.refuse_unknown('range', range_id);
    END IF;
    PERFORM ipam.check_host_address(g.address) FROM unnest(addresses) AS g(address);
    -- In the order of their ids: two calls never wait for each other.
    ids := ARRAY(
        SELECT a.id FROM ipam.ip_address AS a
        WHERE a.id = ANY (address_ids)
           OR a.range_id = release_ip_addresses.range_id AND a.address = ANY (addresses)
           OR a.range_id = release_ip_addresses.range_id AND a.allocation_token = token
        ORDER BY a.id FOR UPDATE);
    IF token IS NULL THEN
        SELECT string_agg(DISTINCT coalesce(g.id::text, host(g.address)), ', ') INTO missing
        FROM unnest(address_ids, addresses) AS g(id, address)
        WHERE NOT EXISTS (
            SELECT FROM ipam.ip_address AS a
            WHERE a.id = ANY (ids) AND (a.id = g.id OR a.address = g.address));
        IF missing IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiObjectNotFoundInDatabase',
                format(CASE WHEN range_id IS NULL THEN 'there is no address with id %s' ELSE 'no such address is recorded in range %2$s: %1$s' END, missing, range_id),
                'Nothing has been released.', 'Release each address once.');
        END IF;
    END IF;
    RETURN QUERY
        WITH released AS (DELETE FROM ipam.ip_address AS a WHERE a.id = ANY (ids) RETURNING a.*)
        SELECT * FROM released AS r ORDER BY r.id;
END
$$;
COMMENT ON FUNCTION ipam.release_ip_addresses(bigint[], bigint, inet[], text) IS
    'deletes addresses by id, by range and address, or by range and token of their allocation, and returns their last rows; all or none, but a token without addresses is nothing to release';
-- Quarantine: a released address is not offered again before the interval of its range is over. The search
-- compares the time of the release with the clock; nothing has to be done when the time is over.

CREATE TABLE ipam.released_address (
    range_id    bigint NOT NULL REFERENCES ipam.ip_range ON DELETE CASCADE,
    address     inet NOT NULL,
    released_at timestamptz NOT NULL,

    CONSTRAINT released_address_pkey PRIMARY KEY (range_id, address)
);
COMMENT ON TABLE ipam.released_address IS 'addresses that were released in ranges with a quarantine; rows whose time is over mean nothing any more';
COMMENT ON COLUMN ipam.released_address.range_id IS 'the range that the address was mapped to';
COMMENT ON COLUMN ipam.released_address.address IS 'the address';
COMMENT ON COLUMN ipam.released_address.released_at IS 'when its row of ip_address was deleted or got another address';

CREATE INDEX ip_range_quarantine_idx ON ipam.ip_range (id) WHERE quarantine IS NOT NULL;
COMMENT ON INDEX ipam.ip_range_quarantine_idx IS 'ranges with a quarantine: where there are none, a release costs nothing more';

-- Called by the trigger on ip_address for the addresses that a statement has released.
CREATE FUNCTION ipam.quarantine_addresses(range_ids bigint[], addresses inet[]) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO ipam.released_address (range_id, address, released_at)
    SELECT r.id, g.address, clock_timestamp()
    FROM unnest(range_ids, addresses) AS g(range_id, address) JOIN ipam.ip_range AS r ON r.id = g.range_id
    WHERE r.quarantine > interval '0'
    ORDER BY r.id, g.address
    ON CONFLICT (range_id, address) DO UPDATE SET released_at = EXCLUDED.released_at;
END;
COMMENT ON FUNCTION ipam.quarantine_addresses(bigint[], inet[]) IS 'puts released addresses into quarantine where their range has one';

CREATE VIEW ipam.quarantined_address AS
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
-- Custom fields in use: what protects their definitions (MS-IPAMM2 3.3.4.23, 3.3.4.128, 3.3.4.147).
--
-- An object locks the users' fields and values that it takes (20_custom_field.sql). A rename or deletion
-- changes the same row: it waits for those objects, then sees and changes them all; objects that come
-- later wait for it and find the old name gone. How the objects follow: 56_custom_field_follow.sql.

CREATE FUNCTION ipam.require_read_committed() RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = format('custom fields cannot be renamed or deleted in a %s transaction', current_setting('transaction_isolation')),
            DETAIL = 'Objects that others have given a value since the transaction began would be overlooked.',
            HINT = 'Use a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED.';
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.require_read_committed() IS 'an error in a transaction that cannot see what others have committed since it began';

CREATE FUNCTION ipam.limit_custom_fields() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    fields bigint;
BEGIN
    -- One after the other: whoever waited here counts what the one before has committed, or fails to
    -- serialize. A store without this row has not been provisioned, or is just being restored.
    UPDATE ipam.custom_field SET type = type WHERE id = 1;
    SELECT count(*) INTO fields FROM ipam.custom_field WHERE origin = 'External';
    IF fields > 128 THEN
        refused := ipam.raise_fault('IpamApiMaxCustomFieldsReached', 'there are too many custom fields',
            format('With the new ones there would be %s; 128 are possible besides the built-in fields.', fields),
            'Delete fields that are no longer in use.');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.limit_custom_fields() IS 'trigger: at most 128 custom fields are user-defined';

CREATE FUNCTION ipam.protect_custom_field() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    logical_groups text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.origin <> OLD.origin THEN
            refused := ipam.raise_fault('IpamApInvalidUpdateOriginModified',
                format('custom field "%s" stays %s', OLD.name, OLD.origin),
                'The origin of a custom field cannot be changed.');
        ELSIF NEW.type <> OLD.type THEN
            refused := ipam.raise_fault('IpamApInvalidUpdateTypeModified', format('custom field "%s" stays %s', OLD.name, OLD.type),
                'The type of a custom field cannot be changed.', 'Make a new field.');
        ELSIF OLD.origin = 'BuiltIn'
              AND (NEW.id, NEW.name, NEW.built_in_number) IS DISTINCT FROM (OLD.id, OLD.name, OLD.built_in_number) THEN
            refused := ipam.raise_fault('IpamApiCustomFieldInvalidBuiltInUpdate',
                format('custom field "%s" keeps its name and number', OLD.name),
                'It is built in; values can be added to it.');
        ELSIF NEW.id <> OLD.id THEN
            refused := ipam.raise_fault('IpamApiInvalidUpdate', format('custom field "%s" keeps its id', OLD.name));
        ELSIF NEW.name <> OLD.name THEN
            PERFORM ipam.require_read_committed();
        END IF;
        RETURN NEW;
    END IF;

    IF OLD.origin = 'BuiltIn' THEN
        refused := ipam.raise_fault('IpamApiCannotDeleteBuiltInField', format('custom field "%s" cannot be deleted', OLD.name),
            'It is built in.');
    END IF;
    PERFORM ipam.require_read_committed();
    SELECT string_agg(format('"%s"', g.name), ', ' ORDER BY g.id) INTO logical_groups
    FROM ipam.logical_group_field AS l JOIN ipam.logical_group AS g ON g.id = l.logical_group_id
    WHERE l.custom_field_id = OLD.id;
    IF logical_groups IS NOT NULL THEN
        refused := ipam.raise_fault('IpamDeleteFailedDueToReferences', format('custom field "%s" cannot be deleted', OLD.name),
            format('It is a level of logical groups: %s.', logical_groups), 'Delete its rows of ipam.logical_group_field first.');
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ipam.protect_custom_field() IS 'trigger: built-in fields and fields of logical groups stay, origins and types do not change';

CREATE FUNCTION ipam.protect_custom_field_value() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    field ipam.custom_field;
    users text;
BEGIN
    -- The field keeps its name until the objects have followed.
    SELECT f.* INTO field FROM ipam.custom_field AS f
    WHERE f.id = coalesce(OLD.custom_field_id, NEW.custom_field_id)
    FOR KEY SHARE;
    IF TG_OP = 'INSERT' THEN
        IF field.type = 'Freeform' THEN
            refused := ipam.raise_fault('IpamApiValueSpecifiedForFreeformCustomField',
                format('custom field "%s" has no list of values', field.name),
                'It is Freeform: objects can have any text in it.', 'Leave the value out, or make a Multivalued field.');
        ELSIF NEW.built_in_value_number IS NOT NULL AND NOT EXISTS (
            -- Provisioning has taken every number of the list. A dump of an older version has other names, but no other numbers.
            SELECT FROM ipam.built_in_custom_fields() AS b
            WHERE b.number = NEW.custom_field_id AND NEW.built_in_value_number BETWEEN 1 AND cardinality(b.built_in_values)) THEN
            refused := ipam.raise_fault('IpamApiCannotAddBuiltInField', format('value "%s" cannot be built in', NEW.value),
                'The built-in values are made by provisioning and belong to built-in fields.', 'Leave built_in_value_number out.');
        END IF;
        RETURN NEW;
    END IF;

    IF OLD.built_in_value_number IS NOT NULL AND NEW IS DISTINCT FROM OLD THEN
        refused := ipam.raise_fault('IpamApiCannotUpdateOrDeleteBuiltInValues',
            format('value "%s" of custom field "%s" cannot be changed or deleted', OLD.value, field.name), 'It is built in.');
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.custom_field_id) <> (OLD.id, OLD.custom_field_id) OR NEW.built_in_value_number IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiInvalidUpdate',
                format('value "%s" stays a value of custom field "%s"', OLD.value, field.name),
                'Only its text can be changed.');
        ELSIF NEW.value <> OLD.value THEN
            PERFORM ipam.require_read_committed();
            IF OLD.custom_field_id = 17 THEN
                SET CONSTRAINTS ipam.address_space_isolation_method_fkey DEFERRED; -- until follow_custom_field_value()
            END IF;
        END IF;
        RETURN NEW;
    END IF;

    PERFORM ipam.require_read_committed();
    SELECT string_agg(format('%s of ipam.%s', u.used, u.used_by), ', ') INTO users
    FROM (SELECT 'address_space' AS used_by, count(*) AS used FROM ipam.address_space
          WHERE OLD.custom_field_id = 17 AND isolation_method = OLD.value
          UNION ALL
          SELECT 'ip_block', count(*) FROM ipam.ip_block
          WHERE OLD.custom_field_id = 1 AND rir = OLD.value
          UNION ALL
          SELECT 'ip_range', count(*) FROM ipam.ip_range
          WHERE OLD.custom_field_id IN (8, 9)
            AND OLD.value = CASE OLD.custom_field_id WHEN 8 THEN managed_by ELSE managed_by_entity END
          UNION ALL
          SELECT 'ip_address', count(*) FROM ipam.ip_address
          WHERE OLD.custom_field_id IN (7, 8, 9, 10)
            AND OLD.value = CASE OLD.custom_field_id WHEN 7 THEN device_type WHEN 8 THEN managed_by
                                                     WHEN 9 THEN managed_by_entity ELSE state END
         ) AS u
    WHERE u.used > 0;
    IF users IS NOT NULL THEN
        refused := ipam.raise_fault('IpamDeleteFailedDueToReferences',
            format('value "%s" of custom field "%s" cannot be deleted', OLD.value, field.name),
            format('Rows that have it: %s.', users), 'Give them another value first.');
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ipam.protect_custom_field_value() IS
    'trigger: freeform fields have no values, nobody adds built-in values, and these and values that a column of an object has stay';

CREATE TRIGGER limit_custom_fields AFTER INSERT ON ipam.custom_field
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.limit_custom_fields();
CREATE TRIGGER protect_custom_field BEFORE UPDATE OR DELETE ON ipam.custom_field
    FOR EACH ROW EXECUTE FUNCTION ipam.protect_custom_field();
CREATE TRIGGER protect_custom_field_value BEFORE INSERT OR UPDATE OR DELETE ON ipam.custom_field_value
    FOR EACH ROW EXECUTE FUNCTION ipam.protect_custom_field_value();
-- Objects follow when the custom fields and values that they use are renamed or deleted.
--
-- Statements may rename or delete many rows at once and an object may use several of them, therefore the
-- objects are changed once, at the end of the statement.

CREATE FUNCTION ipam.with_fields_renamed(custom_fields jsonb, renamed jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(jsonb_object_agg(coalesce(renamed ->> e.key, e.key), e.value)
                        FILTER (WHERE renamed -> e.key IS DISTINCT FROM 'null'), '{}')
    FROM jsonb_each(custom_fields) AS e);
COMMENT ON FUNCTION ipam.with_fields_renamed(jsonb, jsonb) IS
    'the custom fields after a rename, given as {"old name": "new name"}; null instead of a new name removes the field';

CREATE FUNCTION ipam.with_values_renamed(custom_fields jsonb, renamed jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(jsonb_object_agg(e.key, coalesce(renamed -> e.key -> (e.value #>> '{}'), e.value))
                        FILTER (WHERE renamed -> e.key -> (e.value #>> '{}') IS DISTINCT FROM 'null'), '{}')
    FROM jsonb_each(custom_fields) AS e);
COMMENT ON FUNCTION ipam.with_values_renamed(jsonb, jsonb) IS
    'the custom fields after a rename, given as {"field": {"old value": "new value"}}; null instead of a new value removes the field';

CREATE FUNCTION ipam.follow_custom_field() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    renamed jsonb;
    names text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(o.name, n.name), array_agg(o.name) INTO renamed, names
        FROM old_rows AS o JOIN new_rows AS n ON n.id = o.id
        WHERE n.name <> o.name;
    ELSE
        SELECT jsonb_object_agg(o.name, NULL::text), array_agg(o.name) INTO renamed, names FROM old_rows AS o;
    END IF;
    IF renamed IS NOT NULL THEN
        UPDATE ipam.address_space AS s SET custom_fields = ipam.with_fields_renamed(s.custom_fields, renamed)
        WHERE s.custom_fields <> '{}' AND s.custom_fields ?| names;
        UPDATE ipam.ip_subnet AS s SET custom_fields = ipam.with_fields_renamed(s.custom_fields, renamed)
        WHERE s.custom_fields <> '{}' AND s.custom_fields ?| names;
        UPDATE ipam.ip_range AS r SET custom_fields = ipam.with_fields_renamed(r.custom_fields, renamed)
        WHERE r.custom_fields <> '{}' AND r.custom_fields ?| names;
        UPDATE ipam.ip_address AS a SET custom_fields = ipam.with_fields_renamed(a.custom_fields, renamed)
        WHERE a.custom_fields <> '{}' AND a.custom_fields ?| names;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.follow_custom_field() IS 'trigger: objects follow when custom fields are renamed or deleted';

CREATE FUNCTION ipam.follow_custom_field_value() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    by_id jsonb;   -- {"10": {"old value": "new value"}}, for columns
    by_name jsonb; -- the same with the field's name, for custom_fields; null: deleted
    uses jsonb[];  -- what the custom_fields of an object contain that is to be changed
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(f.id, c.renamed), jsonb_object_agg(f.name, c.renamed) INTO by_id, by_name
        FROM (SELECT o.custom_field_id AS field, jsonb_object_agg(o.value, n.value) AS renamed
              FROM old_rows AS o JOIN new_rows AS n ON n.id = o.id
              WHERE n.value <> o.value
              GROUP BY o.custom_field_id) AS c
            JOIN ipam.custom_field AS f ON f.id = c.field;
    ELSE -- where the field itself has been deleted, follow_custom_field() does all
        SELECT jsonb_object_agg(f.name, c.removed) INTO by_name
        FROM (SELECT o.custom_field_id AS field, jsonb_object_agg(o.value, NULL::text) AS removed
              FROM old_rows AS o
              GROUP BY o.custom_field_id) AS c
            JOIN ipam.custom_field AS f ON f.id = c.field;
    END IF;
    IF by_name IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(jsonb_build_object(f.key, v.key)) INTO uses
    FROM jsonb_each(by_name) AS f, jsonb_each(f.value) AS v;

    -- A row that has one of them in a column gets all its changes at once.
    IF by_id ? '1' THEN
        UPDATE ipam.ip_block AS b SET rir = by_id -> '1' ->> b.rir WHERE by_id -> '1' ? b.rir;
    END IF;
    IF by_id ? '17' THEN
        UPDATE ipam.address_space AS s
        SET isolation_method = by_id -> '17' ->> s.isolation_method,
            custom_fields = ipam.with_values_renamed(s.custom_fields, by_name)
        WHERE by_id -> '17' ? s.isolation_method;
        SET CONSTRAINTS ipam.address_space_isolation_method_fkey IMMEDIATE;
    END IF;
    IF by_id ?| '{7,8,9,10}' THEN
        PERFORM ipam.lock_plan(s.id)
        FROM (SELECT DISTINCT r.address_space_id AS id FROM ipam.ip_range AS r
              WHERE by_id -> '8' ? r.managed_by OR by_id -> '9' ? r.managed_by_entity
              ORDER BY 1) AS s;
        -- Addresses first: they come back into their ranges when those follow.
        UPDATE ipam.ip_address AS a
        SET device_type = coalesce(by_id -> '7' ->> a.device_type, a.device_type),
            managed_by = coalesce(by_id -> '8' ->> a.managed_by, a.managed_by),
            managed_by_entity = coalesce(by_id -> '9' ->> a.managed_by_entity, a.managed_by_entity),
            state = coalesce(by_id -> '10' ->> a.state, a.state),
            custom_fields = ipam.with_values_renamed(a.custom_fields, by_name)
        WHERE by_id -> '7' ? a.device_type OR by_id -> '8' ? a.managed_by
           OR by_id -> '9' ? a.managed_by_entity OR by_id -> '10' ? a.state;
        UPDATE ipam.ip_range AS r
        SET managed_by = coalesce(by_id -> '8' ->> r.managed_by, r.managed_by),
            managed_by_entity = coalesce(by_id -> '9' ->> r.managed_by_entity, r.managed_by_entity),
            custom_fields = ipam.with_values_renamed(r.custom_fields, by_name)
        WHERE by_id -> '8' ? r.managed_by OR by_id -> '9' ? r.managed_by_entity;
    END IF;

    UPDATE ipam.address_space AS s SET custom_fields = ipam.with_values_renamed(s.custom_fields, by_name)
    WHERE s.custom_fields <> '{}' AND s.custom_fields @> ANY (uses);
    UPDATE ipam.ip_subnet AS s SET custom_fields = ipam.with_values_renamed(s.custom_fields, by_name)
    WHERE s.custom_fields <> '{}' AND s.custom_fields @> ANY (uses);
    UPDATE ipam.ip_range AS r SET custom_fields = ipam.with_values_renamed(r.custom_fields, by_name)
    WHERE r.custom_fields <> '{}' AND r.custom_fields @> ANY (uses);
    UPDATE ipam.ip_address AS a SET custom_fields = ipam.with_values_renamed(a.custom_fields, by_name)
    WHERE a.custom_fields <> '{}' AND a.custom_fields @> ANY (uses);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.follow_custom_field_value() IS 'trigger: objects follow when values of custom fields are renamed or deleted';

CREATE TRIGGER follow_rename AFTER UPDATE ON ipam.custom_field
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.follow_custom_field();
CREATE TRIGGER follow_delete AFTER DELETE ON ipam.custom_field
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.follow_custom_field();
CREATE TRIGGER follow_rename AFTER UPDATE ON ipam.custom_field_value
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.follow_custom_field_value();
CREATE TRIGGER follow_delete AFTER DELETE ON ipam.custom_field_value
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.follow_custom_field_value();
-- Associations of custom field values: which values of two multivalued fields belong together, for example
-- the network sites of a logical network (MS-IPAMM2 3.1.1.1.51).

CREATE TABLE ipam.custom_field_value_association (
    value_id_1 bigint NOT NULL REFERENCES ipam.custom_field_value ON DELETE CASCADE,
    value_id_2 bigint NOT NULL REFERENCES ipam.custom_field_value ON DELETE CASCADE,

    PRIMARY KEY (value_id_1, value_id_2),
    CONSTRAINT custom_field_value_association_order CHECK (value_id_1 < value_id_2)
);
COMMENT ON TABLE ipam.custom_field_value_association IS 'unordered pairs of values of two different fields that belong together';
COMMENT ON COLUMN ipam.custom_field_value_association.value_id_1 IS 'one of the values; the database puts the lower id here';
COMMENT ON COLUMN ipam.custom_field_value_association.value_id_2 IS 'the other value, of another field';

CREATE INDEX custom_field_value_association_value_id_2_idx ON ipam.custom_field_value_association (value_id_2);
COMMENT ON INDEX ipam.custom_field_value_association_value_id_2_idx IS 'pairs of a value that stands second';

CREATE FUNCTION ipam.check_custom_field_value_association() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    found record;
BEGIN
    IF NEW.value_id_1 IS NULL OR NEW.value_id_2 IS NULL THEN
        RETURN NEW; -- the columns that must not be null have the words for it
    END IF;
    -- Waits for whoever is deleting one of the values; the foreign key would say less.
    PERFORM FROM ipam.custom_field_value AS v WHERE v.id IN (NEW.value_id_1, NEW.value_id_2) ORDER BY v.id FOR KEY SHARE;
    SELECT v1.id AS id_1, v2.id AS id_2, v1.custom_field_id AS field_1, v2.custom_field_id AS field_2,
           v1.value AS value_1, v2.value AS value_2, f.name
    INTO found
    FROM (VALUES (1)) AS one
        LEFT JOIN ipam.custom_field_value AS v1 ON v1.id = NEW.value_id_1
        LEFT JOIN ipam.custom_field_value AS v2 ON v2.id = NEW.value_id_2
        LEFT JOIN ipam.custom_field AS f ON f.id = v1.custom_field_id;
    IF found.id_1 IS NULL OR found.id_2 IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidCustomFieldAssociationValues',
            format('values %s and %s cannot be associated', NEW.value_id_1, NEW.value_id_2),
            format('There is no custom field value %s.', CASE WHEN found.id_1 IS NULL THEN NEW.value_id_1 ELSE NEW.value_id_2 END),
            'SELECT id, value FROM ipam.custom_field_value lists them.');
    ELSIF found.field_1 = found.field_2 THEN
        refused := ipam.raise_fault('IpamApiSameCustomFieldsInAssociation',
            format('values "%s" and "%s" cannot be associated', found.value_1, found.value_2),
            format('Both are values of custom field "%s".', found.name), 'Associate values of two different fields.');
    END IF;
    NEW.value_id_1 := least(found.id_1, found.id_2);
    NEW.value_id_2 := greatest(found.id_1, found.id_2);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.check_custom_field_value_association() IS
    'trigger: both values exist, belong to different fields, and stand in one order';

CREATE TRIGGER check_custom_field_value_association BEFORE INSERT OR UPDATE ON ipam.custom_field_value_association
    FOR EACH ROW EXECUTE FUNCTION ipam.check_custom_field_value_association();

CREATE VIEW ipam.custom_field_association WITH (security_invoker) AS
SELECT f.id AS custom_field_id, f.name AS custom_field, v.id AS value_id, v.value,
       af.id AS associated_field_id, af.name AS associated_field, av.id AS associated_value_id, av.value AS associated_value
FROM (SELECT a.value_id_1 AS value_id, a.value_id_2 AS associated_value_id FROM ipam.custom_field_value_association AS a
      UNION ALL
      SELECT a.value_id_2, a.value_id_1 FROM ipam.custom_field_value_association AS a) AS pair
    JOIN ipam.custom_field_value AS v ON v.id = pair.value_id
    JOIN ipam.custom_field AS f ON f.id = v.custom_field_id
    JOIN ipam.custom_field_value AS av ON av.id = pair.associated_value_id
    JOIN ipam.custom_field AS af ON af.id = av.custom_field_id;
COMMENT ON VIEW ipam.custom_field_association IS
    'associations with their names, each pair once from either side (MS-IPAMM2 3.3.4.38)';
COMMENT ON COLUMN ipam.custom_field_association.custom_field_id IS 'id of a field';
COMMENT ON COLUMN ipam.custom_field_association.custom_field IS 'its name';
COMMENT ON COLUMN ipam.custom_field_association.value_id IS 'id of a value of the field';
COMMENT ON COLUMN ipam.custom_field_association.value IS 'the value';
COMMENT ON COLUMN ipam.custom_field_association.associated_field_id IS 'id of another field';
COMMENT ON COLUMN ipam.custom_field_association.associated_field IS 'its name';
COMMENT ON COLUMN ipam.custom_field_association.associated_value_id IS 'id of the value of the other field that belongs to the value';
COMMENT ON COLUMN ipam.custom_field_association.associated_value IS 'the other value';

-- A whole list at once (MS-IPAMM2 3.3.4.148).
CREATE FUNCTION ipam.set_custom_field_association(custom_field_id_1 bigint, custom_field_id_2 bigint, pairs text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    field_1 ipam.custom_field;
    field_2 ipam.custom_field;
    values_1 text[];
    values_2 text[];
    ids_1 bigint[];
    ids_2 bigint[];
    wrong record;
BEGIN
    PERFORM ipam.require_ready_store();
    IF custom_field_id_1 IS NULL OR custom_field_id_2 IS NULL THEN
        refused := ipam.raise_fault('IpamApiFieldIdNotSpecified', 'which custom fields are to be associated is missing',
            'One of the ids is NULL.');
    END IF;
    -- One list after the other: who waited here sees what the one before has committed, or fails to serialize.
    PERFORM FROM ipam.custom_field AS f WHERE f.id IN (custom_field_id_1, custom_field_id_2) ORDER BY f.id FOR NO KEY UPDATE;
    UPDATE ipam.custom_field AS f SET type = f.type WHERE f.id IN (custom_field_id_1, custom_field_id_2);
    SELECT f.* INTO field_1 FROM ipam.custom_field AS f WHERE f.id = custom_field_id_1;
    SELECT f.* INTO field_2 FROM ipam.custom_field AS f WHERE f.id = custom_field_id_2;
    IF field_1.id IS NULL OR field_2.id IS NULL THEN
        refused := ipam.raise_fault('IpamApiObjectNotFoundInDatabase',
            format('there is no custom field %s', CASE WHEN field_1.id IS NULL THEN custom_field_id_1 ELSE custom_field_id_2 END), NULL,
            'SELECT id, name FROM ipam.custom_field lists them.');
    ELSIF field_1.id = field_2.id THEN
        refused := ipam.raise_fault('IpamApiSameCustomFieldsInAssociation',
            format('custom field "%s" cannot be associated with itself', field_1.name), NULL, 'Name two different fields.');
    ELSIF 'Freeform' IN (field_1.type, field_2.type) THEN
        refused := ipam.raise_fault('IpamApiInvalidCustomFieldTypeInAssociation',
            format('custom fields "%s" and "%s" cannot be associated', field_1.name, field_2.name),
            format('"%s" is Freeform; only values of a list can be associated.',
                   CASE field_1.type WHEN 'Freeform' THEN field_1.name ELSE field_2.name END), 'Use two Multivalued fields.');
    ELSIF pairs IS NULL OR NOT (pairs = '{}' OR (array_ndims(pairs) = 2 AND array_length(pairs, 2) = 2)) THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'the pairs are not a list of pairs',
            format('Given is %s.', coalesce(left(pairs::text, 200), 'NULL')),
            format('Write ARRAY[[value of "%s", value of "%s"], ...], or ''{}'' for no pairs.', field_1.name, field_2.name));
    END IF;

    -- Looked up once: what goes meanwhile, the trigger misses.
    SELECT array_agg(p.value_1), array_agg(p.value_2), array_agg(v1.id), array_agg(v2.id) INTO values_1, values_2, ids_1, ids_2
    FROM (SELECT max(u.value) FILTER (WHERE u.n % 2 = 1) AS value_1, max(u.value) FILTER (WHERE u.n % 2 = 0) AS value_2
          FROM unnest(pairs) WITH ORDINALITY AS u(value, n)
          GROUP BY (u.n + 1) / 2) AS p
        LEFT JOIN ipam.custom_field_value AS v1 ON v1.custom_field_id = field_1.id AND v1.value = p.value_1 COLLATE "C"
        LEFT JOIN ipam.custom_field_value AS v2 ON v2.custom_field_id = field_2.id AND v2.value = p.value_2 COLLATE "C";
    SELECT u.value_1, u.value_2, u.id_1, u.id_2, count(*) AS times INTO wrong
    FROM unnest(values_1, values_2, ids_1, ids_2) AS u(value_1, value_2, id_1, id_2)
    GROUP BY u.value_1, u.value_2, u.id_1, u.id_2
    HAVING count(*) > 1 OR u.id_1 IS NULL OR u.id_2 IS NULL
    ORDER BY u.value_1, u.value_2 LIMIT 1;
    IF wrong.times > 1 THEN
        refused := ipam.raise_fault('IpamApiDuplicateCustomFieldAssociationValues',
            format('values "%s" and "%s" are associated more than once', wrong.value_1, wrong.value_2),
            format('The pair is %s times in the list.', wrong.times), 'Name each pair once.');
    ELSIF wrong.times = 1 THEN
        refused := ipam.raise_fault('IpamApiInvalidCustomFieldAssociationValues',
            format('values "%s" and "%s" cannot be associated', wrong.value_1, wrong.value_2),
            CASE WHEN wrong.id_1 IS NULL THEN format('Custom field "%s" has no value "%s".', field_1.name, wrong.value_1)
                 ELSE format('Custom field "%s" has no value "%s".', field_2.name, wrong.value_2) END,
            'Add it to ipam.custom_field_value first.');
    END IF;

    DELETE FROM ipam.custom_field_value_association AS a
    USING ipam.custom_field_value AS v1, ipam.custom_field_value AS v2
    WHERE v1.id = a.value_id_1 AND v2.id = a.value_id_2
      AND least(v1.custom_field_id, v2.custom_field_id) = least(field_1.id, field_2.id)
      AND greatest(v1.custom_field_id, v2.custom_field_id) = greatest(field_1.id, field_2.id)
      AND NOT EXISTS (
          SELECT FROM unnest(ids_1, ids_2) AS kept(id_1, id_2)
          WHERE least(kept.id_1, kept.id_2) = a.value_id_1 AND greatest(kept.id_1, kept.id_2) = a.value_id_2);
    INSERT INTO ipam.custom_field_value_association (value_id_1, value_id_2)
    SELECT u.id_1, u.id_2 FROM unnest(ids_1, ids_2) AS u(id_1, id_2)
    ON CONFLICT DO NOTHING;
    RETURN coalesce(cardinality(ids_1), 0);
END
$$;
COMMENT ON FUNCTION ipam.set_custom_field_association(bigint, bigint, text[]) IS
    'makes the pairs, {{value of the first field, value of the second field}, ...}, all that is associated between two fields; returns their number (MS-IPAMM2 3.3.4.129, 3.3.4.148)';
-- Logical groups: an ordered list of multivalued fields arranges objects into a tree, a level for
-- each field (MS-IPAMM2 3.1.1.1.16).

CREATE TABLE ipam.logical_group (
    id              bigint GENERATED ALWAYS AS IDENTITY (START WITH 101) PRIMARY KEY,
    name            text NOT NULL,
    users           ipam.logical_group_users NOT NULL DEFAULT 'IPAddressSpaceManagement',
    origin          ipam.custom_field_origin NOT NULL DEFAULT 'External',
    built_in_number integer CONSTRAINT logical_group_built_in_number_key UNIQUE,

    CONSTRAINT logical_group_name_length CHECK (length(name) BETWEEN 2 AND 50
        OR ipam.raise_fault('IpamApiStringLengthNotAcceptable', format('a logical group cannot be called "%s"', left(name, 100)),
               format('The name has %s characters; 2 to 50 are possible.', length(name)))),
    -- Built-in groups have their number as id, as built-in fields do.
    CONSTRAINT logical_group_built_in CHECK (
        CASE origin WHEN 'BuiltIn' THEN coalesce(built_in_number BETWEEN 1 AND 3 AND id = built_in_number, false)
                    ELSE built_in_number IS NULL AND id > 100 END
        OR ipam.raise_fault('IpamApiCannotAddBuiltInField', format('logical group "%s" cannot be built in', name),
               'The built-in groups are made by provisioning.', 'Leave origin and built_in_number out.'))
);
COMMENT ON TABLE ipam.logical_group IS 'arrangements of objects by the values of custom fields: the built-in ones and those of the users';
COMMENT ON COLUMN ipam.logical_group.id IS 'id; of a built-in group its number';
COMMENT ON COLUMN ipam.logical_group.name IS 'name, 2 to 50 characters';
COMMENT ON COLUMN ipam.logical_group.users IS 'functional area that the group belongs to';
COMMENT ON COLUMN ipam.logical_group.origin IS 'BuiltIn or External (user-defined)';
COMMENT ON COLUMN ipam.logical_group.built_in_number IS 'number of a built-in group, 1 to 3';

CREATE TABLE ipam.logical_group_field (
    logical_group_id bigint NOT NULL REFERENCES ipam.logical_group ON DELETE CASCADE,
    position         integer NOT NULL,
    custom_field_id  bigint NOT NULL REFERENCES ipam.custom_field,

    PRIMARY KEY (logical_group_id, position),
    CONSTRAINT logical_group_field_key UNIQUE (logical_group_id, custom_field_id),
    CONSTRAINT logical_group_field_position CHECK (position >= 1
        OR ipam.raise_fault('IpamApiInvalidParameter', format('a field of a logical group cannot have position %s', position),
               'Positions are 1 or more; the lowest one is the top level.'))
);
COMMENT ON TABLE ipam.logical_group_field IS 'the fields of a logical group, from the top level down';
COMMENT ON COLUMN ipam.logical_group_field.logical_group_id IS 'the group';
COMMENT ON COLUMN ipam.logical_group_field.position IS 'level in the group; gaps are possible';
COMMENT ON COLUMN ipam.logical_group_field.custom_field_id IS 'the field, which is Multivalued; once in a group';

CREATE INDEX logical_group_field_custom_field_id_idx ON ipam.logical_group_field (custom_field_id);
COMMENT ON INDEX ipam.logical_group_field_custom_field_id_idx IS 'groups that use a field';

CREATE FUNCTION ipam.protect_logical_group() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.origin = 'BuiltIn' THEN
            refused := ipam.raise_fault('IpamApiCannotDeleteBuiltInField', format('logical group "%s" cannot be deleted', OLD.name),
                'It is built in.');
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.origin <> OLD.origin THEN
        refused := ipam.raise_fault('IpamApInvalidUpdateOriginModified', format('logical group "%s" stays %s', OLD.name, OLD.origin),
            'The origin of a logical group cannot be changed.');
    ELSIF OLD.origin = 'BuiltIn' AND (NEW.name, NEW.built_in_number) IS DISTINCT FROM (OLD.name, OLD.built_in_number) THEN
        refused := ipam.raise_fault('IpamApiLogicalFieldInvalidBuiltInUpdate',
            format('logical group "%s" keeps its name and number', OLD.name), 'It is built in; its fields can be changed.',
            'Make a group of your own: INSERT INTO ipam.logical_group (name) VALUES (...).');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.protect_logical_group() IS 'trigger: built-in groups stay, and origins do not change';

CREATE TRIGGER protect_logical_group BEFORE UPDATE OR DELETE ON ipam.logical_group
    FOR EACH ROW EXECUTE FUNCTION ipam.protect_logical_group();

CREATE FUNCTION ipam.check_logical_group_field() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    freeform text;
BEGIN
    SELECT f.name INTO freeform FROM ipam.custom_field AS f WHERE f.id = NEW.custom_field_id AND f.type = 'Freeform';
    IF FOUND THEN
        refused := ipam.raise_fault('IpamApiLogicalGroupCannotContainFreeformCustomFields',
            format('custom field "%s" cannot be part of a logical group', freeform),
            'It is Freeform; the levels of a group are lists of values.', 'Use a Multivalued field.');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.check_logical_group_field() IS 'trigger: logical groups are made of multivalued fields';

CREATE TRIGGER check_logical_group_field BEFORE INSERT OR UPDATE OF custom_field_id ON ipam.logical_group_field
    FOR EACH ROW EXECUTE FUNCTION ipam.check_logical_group_field();
-- Sessions: provisioning and schema conversion as jobs with states, progress and notifications
-- (MS-IPAMM2 3.11, 3.15).
--
-- Whether a session is being worked on is never a stored flag: whoever works on it holds an advisory
-- lock of its kind, which goes with him, however he goes.

CREATE TYPE ipam.async_session_kind AS ENUM ('Provisioning', 'SchemaConversion');
COMMENT ON TYPE ipam.async_session_kind IS 'what a session does';

CREATE TYPE ipam.async_session_state AS ENUM ('Initialized', 'Started', 'InProgress', 'Completed');
COMMENT ON TYPE ipam.async_session_state IS
    'Initialized: made; Started: to be worked on; InProgress: a checkpoint has been reached; Completed: ended, with or without a fault';

CREATE TABLE ipam.async_session (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind             ipam.async_session_kind NOT NULL,
    state            ipam.async_session_state NOT NULL DEFAULT 'Initialized',
    properties       jsonb NOT NULL DEFAULT '{}',
    started_by       name,
    initialized_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at       timestamptz,
    progressed_at    timestamptz,
    finished_at      timestamptz,
    step             integer NOT NULL DEFAULT 0,
    steps            integer,
    step_name        text,
    rows_done        bigint,
    rows_total       bigint,
    cancel_requested boolean NOT NULL DEFAULT false,
    sqlstate         text,
    fault            text,
    message          text,
    detail           text,
    hint             text,

    CONSTRAINT async_session_times CHECK ((state = 'Completed') = (finished_at IS NOT NULL)
        AND (state IN ('Initialized', 'Completed') OR started_at IS NOT NULL))
);
COMMENT ON TABLE ipam.async_session IS 'one row for each provisioning or schema conversion: state, progress and outcome';
COMMENT ON COLUMN ipam.async_session.id IS 'id, in every notification of the session';
COMMENT ON COLUMN ipam.async_session.kind IS 'Provisioning or SchemaConversion';
COMMENT ON COLUMN ipam.async_session.state IS 'Initialized, Started, InProgress, Completed; whether somebody works on it: async_session_status';
COMMENT ON COLUMN ipam.async_session.properties IS 'common properties that provisioning sets, by name';
COMMENT ON COLUMN ipam.async_session.started_by IS 'role that started it, and as which the worker runs';
COMMENT ON COLUMN ipam.async_session.initialized_at IS 'time it was made';
COMMENT ON COLUMN ipam.async_session.started_at IS 'time it was started';
COMMENT ON COLUMN ipam.async_session.progressed_at IS 'time of the last checkpoint';
COMMENT ON COLUMN ipam.async_session.finished_at IS 'time it ended';
COMMENT ON COLUMN ipam.async_session.step IS 'steps done';
COMMENT ON COLUMN ipam.async_session.steps IS 'steps in all';
COMMENT ON COLUMN ipam.async_session.step_name IS 'what the last checkpoint was about';
COMMENT ON COLUMN ipam.async_session.rows_done IS 'rows converted in the present step';
COMMENT ON COLUMN ipam.async_session.rows_total IS 'rows to convert in the present step, as counted when it began';
COMMENT ON COLUMN ipam.async_session.cancel_requested IS 'whether it is to end at the next checkpoint';
COMMENT ON COLUMN ipam.async_session.sqlstate IS 'SQLSTATE of the error that ended it; NULL: none';
COMMENT ON COLUMN ipam.async_session.fault IS 'protocol name of the fault that ended it';
COMMENT ON COLUMN ipam.async_session.message IS 'message of the error that ended it';
COMMENT ON COLUMN ipam.async_session.detail IS 'its detail';
COMMENT ON COLUMN ipam.async_session.hint IS 'its hint';

CREATE UNIQUE INDEX async_session_running_key ON ipam.async_session (kind) WHERE state IN ('Started', 'InProgress');
COMMENT ON INDEX ipam.async_session_running_key IS 'one running session of each kind, also when two are started at the same moment';

-- States: 6.5 and 6.6 of the model.
CREATE FUNCTION ipam.check_async_session_state() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF (OLD.state, NEW.state) NOT IN (('Initialized', 'Started'), ('Initialized', 'Completed'), ('Started', 'InProgress'),
                                      ('Started', 'Completed'), ('InProgress', 'InProgress'), ('InProgress', 'Completed')) THEN
        refused := ipam.raise_fault('IpamApiObjectStateIsInvalid',
            format('session %s cannot go from %s to %s', OLD.id, OLD.state, NEW.state),
            'A session goes from Initialized over Started and InProgress to Completed.', 'Initialize a new session.');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.check_async_session_state() IS 'trigger: a session goes through its states in order';

CREATE TRIGGER check_async_session_state BEFORE UPDATE OF state ON ipam.async_session
    FOR EACH ROW EXECUTE FUNCTION ipam.check_async_session_state();

-- The lock

CREATE FUNCTION ipam.async_session_lock(kind ipam.async_session_kind) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE kind WHEN 'Provisioning' THEN 1 WHEN 'SchemaConversion' THEN 2 END;
COMMENT ON FUNCTION ipam.async_session_lock(ipam.async_session_kind) IS
    'second key of the advisory lock (1768972653, key) that whoever works on a session of this kind holds';

CREATE FUNCTION ipam.lock_holder(key integer) RETURNS integer
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN (
    SELECT l.pid FROM pg_locks AS l
    WHERE l.locktype = 'advisory' AND l.granted AND l.mode = 'ExclusiveLock'
      AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
      AND l.classid = 1768972653 AND l.objid = key::oid AND l.objsubid = 2
    LIMIT 1);
COMMENT ON FUNCTION ipam.lock_holder(integer) IS 'process that holds the advisory lock (1768972653, key), or NULL';

CREATE FUNCTION ipam.async_session_worker(kind ipam.async_session_kind) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.lock_holder(ipam.async_session_lock(kind));
COMMENT ON FUNCTION ipam.async_session_worker(ipam.async_session_kind) IS
    'process that works on the session of this kind, or NULL: the holder of the advisory lock';

CREATE FUNCTION ipam.is_ipam_provisioning_in_progress() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.async_session_worker('Provisioning') IS NOT NULL;
COMMENT ON FUNCTION ipam.is_ipam_provisioning_in_progress() IS 'whether somebody is provisioning the store';

CREATE FUNCTION ipam.is_schema_conversion_in_progress() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.async_session_worker('SchemaConversion') IS NOT NULL;
COMMENT ON FUNCTION ipam.is_schema_conversion_in_progress() IS 'whether somebody is converting the store (MS-IPAMM2 3.3.4.116)';

CREATE VIEW ipam.async_session_status AS
SELECT s.id, s.kind, s.state,
       CASE WHEN s.state = 'Initialized' THEN 'initialized'
            WHEN s.state = 'Completed' AND s.sqlstate IS NULL THEN 'completed'
            WHEN s.state = 'Completed' THEN 'failed'
            WHEN w.pid IS NOT NULL THEN 'running'
            WHEN s.state = 'Started' AND s.started_at > clock_timestamp() - interval '10 seconds' THEN 'starting'
            ELSE 'interrupted' END AS status,
       CASE WHEN s.state IN ('Started', 'InProgress') THEN w.pid END AS pid,
       s.started_by, s.started_at, s.progressed_at, s.finished_at, s.step, s.steps, s.step_name, s.rows_done, s.rows_total, p.percent,
       CASE WHEN s.state IN ('Started', 'InProgress') AND w.pid IS NOT NULL AND p.percent BETWEEN 1 AND 100
            THEN (s.progressed_at - s.started_at) * ((100 - p.percent) / p.percent)::double precision END AS remaining,
       s.cancel_requested, s.sqlstate, s.fault, s.message, s.detail, s.hint
FROM ipam.async_session AS s
CROSS JOIN LATERAL (SELECT ipam.async_session_worker(s.kind) AS pid) AS w
CROSS JOIN LATERAL (
    SELECT CASE WHEN s.state = 'Completed' AND s.sqlstate IS NULL THEN 100
                WHEN s.steps > 0 THEN round(100.0 * (s.step + CASE WHEN s.rows_done < s.rows_total AND s.step < s.steps
                                                                   THEN 1.0 * s.rows_done / s.rows_total ELSE 0 END) / s.steps, 1)
           END AS percent) AS p;
COMMENT ON VIEW ipam.async_session_status IS 'sessions with what is known by asking: whether somebody works on them, how far they are, how long they may take';
COMMENT ON COLUMN ipam.async_session_status.id IS 'id of the session';
COMMENT ON COLUMN ipam.async_session_status.kind IS 'Provisioning or SchemaConversion';
COMMENT ON COLUMN ipam.async_session_status.state IS 'Initialized, Started, InProgress, Completed';
COMMENT ON COLUMN ipam.async_session_status.status IS
    'initialized, starting, running, interrupted (nobody works on it any more: resume or cancel it), completed, failed';
COMMENT ON COLUMN ipam.async_session_status.pid IS 'process that works on it, as in pg_stat_activity';
COMMENT ON COLUMN ipam.async_session_status.started_by IS 'role that started it';
COMMENT ON COLUMN ipam.async_session_status.started_at IS 'time it was started';
COMMENT ON COLUMN ipam.async_session_status.progressed_at IS 'time of the last checkpoint';
COMMENT ON COLUMN ipam.async_session_status.finished_at IS 'time it ended';
COMMENT ON COLUMN ipam.async_session_status.step IS 'steps done';
COMMENT ON COLUMN ipam.async_session_status.steps IS 'steps in all';
COMMENT ON COLUMN ipam.async_session_status.step_name IS 'what the last checkpoint was about';
COMMENT ON COLUMN ipam.async_session_status.rows_done IS 'rows converted in the present step';
COMMENT ON COLUMN ipam.async_session_status.rows_total IS 'rows to convert in the present step';
COMMENT ON COLUMN ipam.async_session_status.percent IS 'how much is done';
COMMENT ON COLUMN ipam.async_session_status.remaining IS 'estimated time to the end, from the pace so far';
COMMENT ON COLUMN ipam.async_session_status.cancel_requested IS 'whether it is to end at the next checkpoint';
COMMENT ON COLUMN ipam.async_session_status.sqlstate IS 'SQLSTATE of the error that ended it';
COMMENT ON COLUMN ipam.async_session_status.fault IS 'protocol name of the fault that ended it';
COMMENT ON COLUMN ipam.async_session_status.message IS 'message of the error that ended it';
COMMENT ON COLUMN ipam.async_session_status.detail IS 'its detail';
COMMENT ON COLUMN ipam.async_session_status.hint IS 'its hint';
-- Notifications of sessions: docs/notifications.md is the contract.

CREATE FUNCTION ipam.cut_text(given text, bytes integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN octet_length(to_json(given)::text) <= bytes THEN given
            ELSE (SELECT left(given, max(n)) || '...' FROM generate_series(0, bytes) AS n WHERE octet_length(to_json(left(given, n))::text) <= bytes - 3) END;
COMMENT ON FUNCTION ipam.cut_text(text, integer) IS
    'the text, or as much of it as fits into so many bytes of JSON together with the mark "..."; a control character takes six';

CREATE FUNCTION ipam.notify_async_session(session_id bigint, event text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s ipam.async_session_status;
    payload jsonb;
BEGIN
    SELECT * INTO s FROM ipam.async_session_status WHERE id = session_id;
    payload := jsonb_build_object('session_id', s.id,
        'event', CASE s.kind WHEN 'Provisioning' THEN 'NotifyAsyncProvision' ELSE 'NotifyAsyncSchemaConversion' END || event,
        'state', s.state, 'at', clock_timestamp());
    IF event <> 'Start' THEN
        payload := payload || jsonb_build_object('step', s.step, 'steps', s.steps, 'step_name', ipam.cut_text(s.step_name, 500),
            'rows_done', s.rows_done, 'rows_total', s.rows_total, 'percent', s.percent);
    END IF;
    IF event = 'Complete' THEN
        payload := payload || jsonb_build_object('result', CASE WHEN s.sqlstate IS NULL THEN 'Success' ELSE 'Failure' END,
            'exception', CASE WHEN s.sqlstate IS NOT NULL THEN jsonb_build_object('fault', ipam.cut_text(s.fault, 200), 'sqlstate', s.sqlstate,
                'message', ipam.cut_text(s.message, 1000), 'detail', ipam.cut_text(s.detail, 1000), 'hint', ipam.cut_text(s.hint, 1000)) END);
    END IF;
    PERFORM pg_notify(CASE s.kind WHEN 'Provisioning' THEN 'ipam_provisioning' ELSE 'ipam_schema_conversion' END, payload::text);
END
$$;
COMMENT ON FUNCTION ipam.notify_async_session(bigint, text) IS 'sends the event Start, Checkpoint or Complete of the session to its channel';
-- The life of a session: who may start it, how it begins, goes on step by step, and ends.

-- Who may do it

CREATE FUNCTION ipam.is_administrator() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM pg_roles AS r
    WHERE pg_has_role(current_user, r.oid, 'USAGE')
      AND (r.oid = (SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'ipam')
           OR r.rolname = (SELECT p.value FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamAdministrators')));
COMMENT ON FUNCTION ipam.is_administrator() IS
    'whether the role is a superuser, owns the extension or belongs to the administrators'' group';

CREATE FUNCTION ipam.require_administrator() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF NOT ipam.is_administrator() THEN
        refused := ipam.raise_fault('IpamApiAccessDenied', format('role "%s" is not an administrator of the store', current_user),
            'Provisioning and schema conversion are started, cancelled and resumed by the owner of the extension or an administrator.',
            'SELECT value FROM ipam.common_property WHERE name = ''IpamSecurityGroupIpamAdministrators'' names the group of administrators.');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.require_administrator() IS 'a fault where the role is not an administrator of the store';

-- The life of a session

CREATE FUNCTION ipam.initialize_async_session(kind ipam.async_session_kind, properties jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    unknown text;
    session_id bigint;
BEGIN
    PERFORM ipam.require_administrator();
    IF jsonb_typeof(properties) IS DISTINCT FROM 'object' THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'the properties are no JSON object', NULL, 'Leave them out to take the defaults.');
    END IF;
    SELECT string_agg(format('"%s"', key), ', ') INTO unknown FROM jsonb_object_keys(properties) AS key
    WHERE key NOT IN (SELECT name FROM ipam.default_properties()) OR key IN ('DatabaseSchemaVersion', 'IpamConfiguredDate');
    IF unknown IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiFailedToSaveProperty', format('provisioning cannot set %s', unknown), NULL,
            'SELECT name FROM ipam.default_properties() lists the properties.');
    END IF;
    INSERT INTO ipam.async_session (kind, properties) VALUES (initialize_async_session.kind, initialize_async_session.properties)
    RETURNING id INTO session_id;
    RETURN session_id;
END
$$;
COMMENT ON FUNCTION ipam.initialize_async_session(ipam.async_session_kind, jsonb) IS 'makes a session and returns its id';

CREATE FUNCTION ipam.locked_async_session(session_id bigint, kind ipam.async_session_kind DEFAULT NULL) RETURNS ipam.async_session
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    s ipam.async_session;
BEGIN
    PERFORM ipam.require_administrator();
    IF session_id IS NULL THEN
        refused := ipam.raise_fault('IpamApiFieldIdNotSpecified', 'the id of the session is missing', 'session_id is NULL.',
            'SELECT id, kind, status FROM ipam.async_session_status lists the sessions.');
    END IF;
    SELECT * INTO s FROM ipam.async_session WHERE id = session_id FOR UPDATE;
    IF s.id IS NULL THEN
        refused := ipam.raise_fault('IpamApiObjectNotFoundInDatabase', format('there is no session %s', session_id), NULL,
            'SELECT id, kind, status FROM ipam.async_session_status lists the sessions.');
    ELSIF s.kind <> locked_async_session.kind THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', format('session %s is not of kind %s', session_id, locked_async_session.kind),
            format('It is of kind %s.', s.kind));
    END IF;
    RETURN s;
END
$$;
COMMENT ON FUNCTION ipam.locked_async_session(bigint, ipam.async_session_kind) IS 'the session, locked, or a fault where there is none of the kind or the role is not an administrator';

CREATE FUNCTION ipam.finish_async_session(session_id bigint, sqlstate text DEFAULT NULL, fault text DEFAULT NULL,
    message text DEFAULT NULL, detail text DEFAULT NULL, hint text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE ipam.async_session AS s
    SET state = 'Completed', finished_at = clock_timestamp(), sqlstate = finish_async_session.sqlstate,
        -- What is no fault of ours has the protocol's name for the failure of the whole.
        fault = CASE WHEN finish_async_session.sqlstate LIKE 'IP%' THEN finish_async_session.fault
                     WHEN finish_async_session.sqlstate IS NOT NULL AND s.kind = 'Provisioning' THEN 'IpamApiUnabletoProvisionIpam'
                     WHEN finish_async_session.sqlstate IS NOT NULL THEN 'IpamSchemaConversionFailed' END,
        message = finish_async_session.message, detail = nullif(finish_async_session.detail, ''), hint = nullif(finish_async_session.hint, '')
    WHERE s.id = session_id AND s.state <> 'Completed';
    IF FOUND THEN
        PERFORM ipam.notify_async_session(session_id, 'Complete');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.finish_async_session(bigint, text, text, text, text, text) IS 'ends a session, with an error where sqlstate is given, and says so';

-- The session may be worked on from now on: by a worker after the commit, or by this process.
CREATE FUNCTION ipam.begin_async_session(session_id bigint, kind ipam.async_session_kind DEFAULT NULL) RETURNS ipam.async_session_kind
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    s ipam.async_session;
    other ipam.async_session_status;
    in_progress text;
BEGIN
    s := ipam.locked_async_session(session_id, kind);
    in_progress := CASE s.kind WHEN 'Provisioning' THEN 'IpamApiProvisioningAlreadyInProgress' ELSE 'IpamSchemaConversionAnotherOperationInProgress' END;
    IF s.state <> 'Initialized' THEN
        refused := ipam.raise_fault('IpamApiObjectStateIsInvalid', format('session %s cannot be started', session_id),
            format('It is in state %s.', s.state), 'Initialize a new session, or resume one that has been interrupted.');
    END IF;
    SELECT * INTO other FROM ipam.async_session_status AS o WHERE o.kind = s.kind AND o.state IN ('Started', 'InProgress');
    IF other.status IN ('starting', 'running') THEN
        refused := ipam.raise_fault(in_progress, format('session %s is already at work', other.id),
            format('%s started it at %s.', other.started_by, other.started_at), format('Wait for it, or CALL ipam.cancel_async_session(%s).', other.id));
    ELSIF other.status = 'interrupted' THEN
        PERFORM ipam.finish_async_session(other.id, '57P02', NULL, format('session %s was interrupted, and session %s went on', other.id, session_id));
    END IF;
    IF s.kind = 'Provisioning' THEN
        PERFORM ipam.refuse_if_configured();
    ELSE
        PERFORM ipam.conversion_path();
    END IF;
    BEGIN
        UPDATE ipam.async_session AS n SET state = 'Started', started_by = current_user, started_at = clock_timestamp(),
            steps = CASE n.kind WHEN 'Provisioning' THEN cardinality(ipam.provisioning_steps()) ELSE ipam.count_conversion_steps() END
        WHERE n.id = session_id;
    EXCEPTION WHEN unique_violation THEN
        refused := ipam.raise_fault(in_progress, 'another session was started at the same moment', NULL,
            'SELECT * FROM ipam.async_session_status shows it.');
    END;
    PERFORM ipam.notify_async_session(session_id, 'Start');
    RETURN s.kind;
END
$$;
COMMENT ON FUNCTION ipam.begin_async_session(bigint, ipam.async_session_kind) IS 'takes an initialized session to Started, or a fault that says why not';

CREATE FUNCTION ipam.is_worker_terminated() RETURNS boolean
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'ipam_is_worker_terminated';
COMMENT ON FUNCTION ipam.is_worker_terminated() IS 'whether this process is a worker that has been told to end';

-- One step or batch, to be committed by the caller. What goes wrong ends the session; what is only in
-- the way is tried again, which takes a new transaction.
CREATE FUNCTION ipam.advance_async_session(session_id bigint, again boolean DEFAULT true) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s ipam.async_session;
    finished boolean;
    began CONSTANT timestamptz := clock_timestamp();
    code text;
    fault text;
    message text;
    detail text;
    hint text;
BEGIN
    s := ipam.locked_async_session(session_id);
    IF s.state = 'Completed' THEN
        RETURN NULL;
    ELSIF s.cancel_requested THEN
        PERFORM ipam.finish_async_session(session_id, '57014', NULL,
            format('session %s was cancelled', session_id), NULL, 'A new session goes on where this one stopped.');
        RETURN NULL;
    END IF;
    BEGIN
        finished := CASE s.kind WHEN 'Provisioning' THEN ipam.provisioning_step(s) ELSE ipam.conversion_step(s) END;
    EXCEPTION
        WHEN serialization_failure OR deadlock_detected OR lock_not_available THEN
            IF NOT again THEN
                RAISE;
            END IF;
            -- Milliseconds until the next try: the longer it lasts, the less often others are held up by it.
            RETURN least(5000, greatest(200, 100 * extract(epoch FROM clock_timestamp() - coalesce(s.progressed_at, s.started_at))));
        WHEN query_canceled OR assert_failure OR OTHERS THEN
            GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, fault = CONSTRAINT_NAME, message = MESSAGE_TEXT,
                detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
            IF code = '57014' AND ipam.is_worker_terminated() THEN
                code := '57P01';
                message := 'the worker was terminated by an administrator or a shutdown of the server';
                hint := 'A new session goes on where this one stopped.';
            END IF;
            PERFORM ipam.finish_async_session(session_id, code, fault, message, detail, hint);
            RETURN NULL;
    END;
    UPDATE ipam.async_session SET state = 'InProgress', progressed_at = clock_timestamp() WHERE id = session_id;
    PERFORM ipam.notify_async_session(session_id, 'Checkpoint');
    IF finished THEN
        PERFORM ipam.finish_async_session(session_id);
        RETURN NULL;
    END IF;
    RETURN ipam.work_pause(extract(epoch FROM clock_timestamp() - began));
END
$$;
COMMENT ON FUNCTION ipam.advance_async_session(bigint, boolean) IS
    'does the next step or batch of a session; returns the milliseconds to wait before the next one, or NULL at the end; again: what is in the way is tried again';

CREATE FUNCTION ipam.work_pause(worked_seconds numeric) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT (1000 * worked_seconds * (100 - share) / share)::integer
        FROM (SELECT coalesce(nullif(current_setting('ipam.work_share', true), ''), '100')::numeric AS share) AS s);
COMMENT ON FUNCTION ipam.work_pause(numeric) IS
    'milliseconds to rest after so much work, so that work takes ipam.work_share percent of the time';
-- The calls of the protocol for sessions (MS-IPAMM2 3.11.4, 3.15.4).

CREATE FUNCTION ipam.launch_async_worker(session_id bigint) RETURNS void
LANGUAGE C VOLATILE STRICT
AS 'MODULE_PATHNAME', 'ipam_launch_async_worker';
COMMENT ON FUNCTION ipam.launch_async_worker(bigint) IS
    'starts a background worker that works on the session as the current role, once this transaction has committed';

CREATE PROCEDURE ipam.initialize_async_provisioning(INOUT session_id bigint DEFAULT NULL, properties jsonb DEFAULT '{}')
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    session_id := ipam.initialize_async_session('Provisioning', properties);
END
$$;
COMMENT ON PROCEDURE ipam.initialize_async_provisioning(bigint, jsonb) IS
    'makes a provisioning session and returns its id; properties are common properties to set (MS-IPAMM2 3.11.4.1)';

CREATE PROCEDURE ipam.start_async_provisioning(session_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.begin_async_session(session_id, 'Provisioning');
    PERFORM ipam.launch_async_worker(session_id);
END
$$;
COMMENT ON PROCEDURE ipam.start_async_provisioning(bigint) IS
    'starts provisioning in the background; it begins when the transaction commits and reports on the channel ipam_provisioning (MS-IPAMM2 3.11.4.2)';

CREATE PROCEDURE ipam.initialize_async_schema_conversion(INOUT session_id bigint DEFAULT NULL)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    session_id := ipam.initialize_async_session('SchemaConversion');
END
$$;
COMMENT ON PROCEDURE ipam.initialize_async_schema_conversion(bigint) IS
    'makes a schema conversion session and returns its id (MS-IPAMM2 3.15.4.1)';

CREATE PROCEDURE ipam.start_async_schema_conversion(session_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.begin_async_session(session_id, 'SchemaConversion');
    PERFORM ipam.launch_async_worker(session_id);
END
$$;
COMMENT ON PROCEDURE ipam.start_async_schema_conversion(bigint) IS
    'starts the conversion in the background; it begins when the transaction commits and reports on the channel ipam_schema_conversion (MS-IPAMM2 3.15.4.2)';

CREATE FUNCTION ipam.require_interrupted(session_id bigint) RETURNS ipam.async_session_kind
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    s ipam.async_session_status;
BEGIN
    PERFORM ipam.locked_async_session(session_id);
    SELECT * INTO s FROM ipam.async_session_status WHERE id = session_id;
    IF s.status <> 'interrupted' THEN
        refused := ipam.raise_fault('IpamApiObjectStateIsInvalid', format('session %s cannot be resumed', session_id),
            format('It is %s.', s.status), 'Only an interrupted session can be resumed.');
    END IF;
    RETURN s.kind;
END
$$;
COMMENT ON FUNCTION ipam.require_interrupted(bigint) IS 'kind of the session, or a fault where it has not been interrupted';

CREATE PROCEDURE ipam.resume_async_session(session_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.require_interrupted(session_id);
    PERFORM ipam.launch_async_worker(session_id);
END
$$;
COMMENT ON PROCEDURE ipam.resume_async_session(bigint) IS 'a new worker goes on with an interrupted session from its last checkpoint';

CREATE PROCEDURE ipam.cancel_async_session(session_id bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    s ipam.async_session_status;
BEGIN
    PERFORM ipam.require_administrator();
    -- Waits for the step or batch at work, whose transaction holds the row.
    UPDATE ipam.async_session SET cancel_requested = true WHERE id = session_id AND state <> 'Completed';
    SELECT * INTO s FROM ipam.async_session_status WHERE id = session_id;
    IF s.id IS NULL OR s.state = 'Completed' THEN
        PERFORM ipam.locked_async_session(session_id);
        refused := ipam.raise_fault('IpamApiObjectStateIsInvalid', format('session %s cannot be cancelled', session_id), 'It has ended.');
    ELSIF s.status IN ('initialized', 'interrupted') THEN
        PERFORM ipam.advance_async_session(session_id); -- nobody else would do it
    END IF;
END
$$;
COMMENT ON PROCEDURE ipam.cancel_async_session(bigint) IS 'ends a session: a running one at its next checkpoint, another one at once';

CREATE PROCEDURE ipam.run_async_session(session_id bigint)
LANGUAGE C
AS 'MODULE_PATHNAME', 'ipam_run_async_session';
COMMENT ON PROCEDURE ipam.run_async_session(bigint) IS
    'works on an initialized or interrupted session in the foreground; commits each step, unless it is called in a transaction block';

CREATE PROCEDURE ipam.provision(properties jsonb DEFAULT '{}')
LANGUAGE C
AS 'MODULE_PATHNAME', 'ipam_provision';
COMMENT ON PROCEDURE ipam.provision(jsonb) IS
    'provisions the store in the foreground: initialize_async_provisioning() and run_async_session() in one (MS-IPAMM2 3.3.4.37, 3.11)';

CREATE PROCEDURE ipam.convert_schema()
LANGUAGE C
AS 'MODULE_PATHNAME', 'ipam_convert_schema';
COMMENT ON PROCEDURE ipam.convert_schema() IS
    'converts the store in the foreground: initialize_async_schema_conversion() and run_async_session() in one (MS-IPAMM2 3.15)';
-- Deleting an object together with what hangs on it (MS-IPAMM2 3.3.4.21, 3.3.4.22, 3.3.4.32, 3.3.4.34).
--
-- A DELETE keeps what it can: the children of a block go to its parent, the addresses of a range stay, and a
-- subnet with ranges is refused. These functions delete more where the caller asks for it. They lock the plan
-- of the space first, then the object: who is just putting something into it is waited for, and seen.

CREATE FUNCTION ipam.delete_block(
    block_id            bigint,
    delete_child_blocks boolean DEFAULT false,
    OUT deleted_blocks  bigint,
    OUT moved_blocks    bigint,
    OUT moved_subnets   bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    doomed bigint[] := ARRAY[block_id];
BEGIN
    PERFORM ipam.require_ready_store();
    PERFORM ipam.lock_plan(1);
    PERFORM FROM ipam.ip_block AS b WHERE b.id = delete_block.block_id FOR UPDATE;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('block', block_id);
    ELSIF delete_child_blocks THEN
        WITH RECURSIVE tree AS (
            SELECT delete_block.block_id AS id
            UNION ALL
            SELECT b.id FROM tree AS t JOIN ipam.ip_block AS b ON b.parent_id = t.id
        )
        SELECT array_agg(t.id) INTO doomed FROM tree AS t;
        moved_blocks := 0;
    ELSE
        SELECT count(*) INTO moved_blocks FROM ipam.ip_block AS b WHERE b.parent_id = delete_block.block_id;
    END IF;
    SELECT count(*) INTO moved_subnets FROM ipam.ip_subnet AS s WHERE s.block_id = ANY (doomed);
    DELETE FROM ipam.ip_block AS b WHERE b.id = ANY (doomed); -- the foreign keys give its children to the block around it
    GET DIAGNOSTICS deleted_blocks = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION ipam.delete_block(bigint, boolean) IS
    'deletes a block, or with delete_child_blocks the whole tree of blocks; subnets stay and go to the nearest block that is left. Returns how many blocks were deleted, and how many blocks and subnets got another parent (MS-IPAMM2 3.3.4.22)';

CREATE FUNCTION ipam.delete_ranges(
    range_ids             bigint[],
    delete_addresses      boolean,
    OUT deleted_ranges    bigint,
    OUT deleted_addresses bigint,
    OUT kept_addresses    bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    doomed bigint;
BEGIN
    PERFORM FROM ipam.ip_range AS r WHERE r.id = ANY (range_ids) ORDER BY r.id FOR UPDATE; -- waits for writers of their addresses
    -- Whoever needs many addresses locks them in their order: so they queue instead of blocking each other.
    PERFORM FROM ipam.ip_address AS a WHERE a.range_id = ANY (range_ids) ORDER BY a.address FOR UPDATE;
    deleted_addresses := 0;
    IF delete_addresses THEN
        DELETE FROM ipam.ip_address AS a WHERE a.range_id = ANY (range_ids);
        GET DIAGNOSTICS deleted_addresses = ROW_COUNT;
    END IF;
    SELECT count(*) INTO kept_addresses FROM ipam.ip_address AS a WHERE a.range_id = ANY (range_ids);
    -- From the last one down: the search for the new range of a kept address goes down from the address,
    -- and would pass all the deleted ranges there.
    deleted_ranges := 0;
    FOR doomed IN SELECT r.id FROM ipam.ip_range AS r WHERE r.id = ANY (range_ids) ORDER BY r.start_address DESC LOOP
        DELETE FROM ipam.ip_range AS r WHERE r.id = doomed;
        deleted_ranges := deleted_ranges + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.delete_ranges(bigint[], boolean) IS
    'deletes ranges whose plan is locked, and their addresses if asked; the part that delete_range and delete_subnet share';

CREATE FUNCTION ipam.delete_range(
    range_id              bigint,
    delete_addresses      boolean DEFAULT false,
    OUT deleted_addresses bigint,
    OUT kept_addresses    bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    deleted record;
BEGIN
    PERFORM ipam.require_ready_store();
    PERFORM ipam.lock_plan(r.address_space_id) FROM ipam.ip_range AS r WHERE r.id = delete_range.range_id;
    SELECT * INTO deleted FROM ipam.delete_ranges(ARRAY[range_id], delete_addresses);
    IF deleted.deleted_ranges = 0 THEN
        refused := ipam.refuse_unknown('range', range_id);
    END IF;
    deleted_addresses := deleted.deleted_addresses;
    kept_addresses := deleted.kept_addresses;
END
$$;
COMMENT ON FUNCTION ipam.delete_range(bigint, boolean) IS
    'deletes a range, with delete_addresses also the addresses mapped to it; otherwise they stay, and are mapped to another range only where MS DHCP ranges overlap. Returns how many addresses were deleted and kept (MS-IPAMM2 3.3.4.32)';

CREATE FUNCTION ipam.delete_subnet(
    subnet_id             bigint,
    delete_ranges         boolean DEFAULT false,
    delete_addresses      boolean DEFAULT false,
    OUT deleted_ranges    bigint,
    OUT deleted_addresses bigint,
    OUT kept_addresses    bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    subnet ipam.ip_subnet;
    ranges bigint[] := ARRAY[]::bigint[];
    dhcp_ranges text;
BEGIN
    PERFORM ipam.require_ready_store();
    PERFORM ipam.lock_plan(s.address_space_id) FROM ipam.ip_subnet AS s WHERE s.id = delete_subnet.subnet_id;
    SELECT s.* INTO subnet FROM ipam.ip_subnet AS s WHERE s.id = delete_subnet.subnet_id FOR UPDATE;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('subnet', subnet_id);
    END IF;
    IF delete_ranges THEN
        SELECT string_agg(format('[%s, %s] (range %s)', r.start_address, r.end_address, r.id), ', ' ORDER BY r.start_address) INTO dhcp_ranges
        FROM (SELECT * FROM ipam.ip_range AS r
              WHERE r.subnet_id = delete_subnet.subnet_id AND r.managed_by = 'MS DHCP'
              ORDER BY r.start_address LIMIT 10) AS r;
        IF dhcp_ranges IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiMsDhcpRangesDependentOnSubnet',
                format('subnet %s cannot be deleted with its ranges', subnet.network),
                format('Ranges managed by MS DHCP: %s.', dhcp_ranges),
                'Such a range is the scope of a DHCP server: delete it by itself first, with ipam.delete_range(id).');
        END IF;
        ranges := ARRAY (SELECT r.id FROM ipam.ip_range AS r WHERE r.subnet_id = delete_subnet.subnet_id);
    END IF;
    SELECT d.* INTO deleted_ranges, deleted_addresses, kept_addresses FROM ipam.delete_ranges(ranges, delete_addresses) AS d;
    DELETE FROM ipam.ip_subnet AS s WHERE s.id = delete_subnet.subnet_id; -- its trigger refuses it where there are ranges
END
$$;
COMMENT ON FUNCTION ipam.delete_subnet(bigint, boolean, boolean) IS
    'deletes a subnet, with delete_ranges also its ranges, with delete_addresses also the addresses mapped to those; other subnets inside it stay. Returns how many ranges and addresses were deleted, and how many addresses of them were kept (MS-IPAMM2 3.3.4.34)';

-- The foreign keys refuse it as well, without the numbers.
CREATE FUNCTION ipam.refuse_address_space_in_use() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    contents text;
BEGIN
    SELECT string_agg(format('"%s" (address space %s) has subnets: %s, ranges: %s, addresses: %s', s.name, s.id, s.subnets, s.ranges, s.addresses), '; ' ORDER BY s.id)
    INTO contents
    FROM (SELECT s.id, s.name, n.*
          FROM ipam.address_space AS s,
               LATERAL (SELECT (SELECT count(*) FROM ipam.ip_subnet WHERE address_space_id = s.id) AS subnets,
                               (SELECT count(*) FROM ipam.ip_range WHERE address_space_id = s.id) AS ranges,
                               (SELECT count(*) FROM ipam.ip_address WHERE address_space_id = s.id) AS addresses) AS n
          WHERE (s.id = OLD.id OR s.provider_id = OLD.id) AND n.subnets + n.ranges + n.addresses > 0
          ORDER BY s.id LIMIT 10) AS s;
    IF contents IS NOT NULL THEN
        refused := ipam.raise_fault('IpamDeleteFailedDueToReferences', format('address space "%s" cannot be deleted', OLD.name),
            format('%s not empty: %s.', CASE OLD.type WHEN 'Customer' THEN 'It is' ELSE 'It or a customer space on it is' END, contents),
            'Delete or move its subnets and addresses first; ipam.delete_subnet(id, delete_ranges => true, delete_addresses => true) takes a subnet with all that is in it.');
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ipam.refuse_address_space_in_use() IS 'trigger: an address space that is not empty stays, and so does the provider space under it';

CREATE TRIGGER refuse_while_in_use BEFORE DELETE ON ipam.address_space
    FOR EACH ROW EXECUTE FUNCTION ipam.refuse_address_space_in_use();

CREATE FUNCTION ipam.delete_address_space(address_space_id bigint, OUT deleted_address_spaces bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    PERFORM ipam.require_ready_store();
    -- Waits for who is putting something into one of them.
    PERFORM FROM ipam.address_space AS s
    WHERE delete_address_space.address_space_id IN (s.id, s.provider_id)
    ORDER BY s.id FOR UPDATE;
    GET DIAGNOSTICS deleted_address_spaces = ROW_COUNT;
    DELETE FROM ipam.address_space AS s WHERE s.id = delete_address_space.address_space_id;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('address space', address_space_id);
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.delete_address_space(bigint) IS
    'deletes an address space with the customer spaces on it, if nothing is in any of them. Returns how many address spaces were deleted (MS-IPAMM2 3.3.4.21)';
-- Creating a range together with the subnet that it needs (MS-IPAMM2 3.1.4.7, 3.3.4.132).

CREATE FUNCTION ipam.create_missing_subnet(
    address_space_id    bigint,
    network             cidr,
    start_address       inet,
    end_address         inet,
    virtualization_type ipam.virtualization_type)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    subnet_id bigint;
BEGIN
    refused := NOT (ipam.check_host_address(start_address) AND ipam.check_host_address(end_address));
    IF (family(start_address) = family(end_address) AND start_address <= end_address
        AND coalesce(family(network) = family(start_address), true) AND address_space_id IS NOT NULL) IS NOT TRUE THEN
        RETURN NULL; -- no range; its table has the words for it
    END IF;
    PERFORM ipam.address_space_type(address_space_id);
    PERFORM ipam.lock_plan(address_space_id);
    subnet_id := ipam.find_parent_subnet(address_space_id, start_address, end_address, coalesce(masklen(network), 128));
    IF subnet_id IS NOT NULL THEN
        RETURN subnet_id;
    ELSIF network IS NULL THEN
        refused := ipam.raise_fault('IpamApiMandatoryFieldNotSpecified', 'the network of the range is missing',
            format('No subnet of address space %s holds %s to %s, and its network cannot be guessed.', address_space_id, start_address, end_address),
            format('Set network, for example to %s.', inet_merge(start_address, end_address)));
    ELSIF NOT start_address <<= network THEN
        refused := ipam.raise_fault('IpamApiInvalidStartIPAddress', format('range in %s cannot start at %s', network, start_address),
            format('The network reaches from %s to %s.', host(network), host(broadcast(network))));
    ELSIF NOT end_address <<= network THEN
        refused := ipam.raise_fault('IpamApiEndIpAddressOutOfRange', format('range in %s cannot end at %s', network, end_address),
            format('The network reaches from %s to %s.', host(network), host(broadcast(network))));
    END IF;
    INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type)
    VALUES (create_missing_subnet.address_space_id, create_missing_subnet.network, create_missing_subnet.network::text,
            create_missing_subnet.virtualization_type)
    RETURNING id INTO subnet_id;
    RETURN subnet_id;
END
$$;
COMMENT ON FUNCTION ipam.create_missing_subnet(bigint, cidr, inet, inet, ipam.virtualization_type) IS
    'id of the subnet for a range; where none fits, one is made of the range''s network and named after it';

CREATE FUNCTION ipam.create_range(
    start_address                  inet,
    end_address                    inet,
    network                        cidr                         DEFAULT NULL,
    address_space_id               bigint                       DEFAULT 1,
    managed_by                     text                         DEFAULT 'IPAM',
    managed_by_entity              text                         DEFAULT 'Localhost',
    address_assignment             ipam.address_assignment      DEFAULT 'Static',
    virtualization_type            ipam.virtualization_type     DEFAULT NULL,
    reserved_addresses             ipam.inetmultirange          DEFAULT '{}',
    virtual_addresses              ipam.inetmultirange          DEFAULT '{}',
    excluded_addresses             ipam.inetmultirange          DEFAULT '{}',
    dhcp_scope_name                text                         DEFAULT NULL,
    gateways                       ipam.gateway[]               DEFAULT '{}',
    dns_servers                    inet[]                       DEFAULT '{}',
    wins_servers                   inet[]                       DEFAULT '{}',
    dns_suffixes                   text[]                       DEFAULT '{}',
    connection_specific_dns_suffix text                         DEFAULT NULL,
    utilization_calculation        ipam.utilization_calculation DEFAULT 'Auto',
    utilized_addresses             numeric                      DEFAULT NULL,
    description                    text                         DEFAULT NULL,
    owner                          text                         DEFAULT NULL,
    custom_fields                  jsonb                        DEFAULT '{}',
    create_subnet_if_missing       boolean                      DEFAULT false)
RETURNS ipam.ip_range
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    created ipam.ip_range;
BEGIN
    PERFORM ipam.require_ready_store();
    IF create_subnet_if_missing THEN
        PERFORM ipam.create_missing_subnet(address_space_id, network, start_address, end_address, virtualization_type);
    END IF;
    INSERT INTO ipam.ip_range (
        start_address, end_address, network, address_space_id, managed_by, managed_by_entity, address_assignment, virtualization_type,
        reserved_addresses, virtual_addresses, excluded_addresses, dhcp_scope_name, gateways, dns_servers, wins_servers, dns_suffixes,
        connection_specific_dns_suffix, utilization_calculation, utilized_addresses, description, owner, custom_fields)
    VALUES (
        start_address, end_address, network, address_space_id, managed_by, managed_by_entity, address_assignment, virtualization_type,
        reserved_addresses, virtual_addresses, excluded_addresses, dhcp_scope_name, gateways, dns_servers, wins_servers, dns_suffixes,
        connection_specific_dns_suffix, utilization_calculation, utilized_addresses, description, owner, custom_fields)
    RETURNING * INTO created;
    RETURN created;
END
$$;
COMMENT ON FUNCTION ipam.create_range(inet, inet, cidr, bigint, text, text, ipam.address_assignment, ipam.virtualization_type,
    ipam.inetmultirange, ipam.inetmultirange, ipam.inetmultirange, text, ipam.gateway[], inet[], inet[], text[], text,
    ipam.utilization_calculation, numeric, text, text, jsonb, boolean) IS
    'creates a range, with create_subnet_if_missing also a subnet of its network where no subnet fits. The arguments are the columns of ip_range; network is needed for a new subnet. Returns the row (MS-IPAMM2 3.3.4.132)';
-- Moving recorded addresses to another range: the row stays, the address is another one.

CREATE FUNCTION ipam.lock_range_for_move(range_id bigint) RETURNS ipam.ip_range
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    found_range ipam.ip_range;
BEGIN
    -- Moves into one range queue, they would want the same addresses; who records addresses there need not wait.
    SELECT r.* INTO found_range FROM ipam.ip_range AS r WHERE r.id = lock_range_for_move.range_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('range', range_id);
    END IF;
    RETURN found_range;
END
$$;
COMMENT ON FUNCTION ipam.lock_range_for_move(bigint) IS 'the range, which nobody else changes or moves addresses into until the end of the transaction';

CREATE FUNCTION ipam.move_ip_addresses(
    address_ids     bigint[],
    to_range_id     bigint,
    OUT address_id  bigint,
    OUT old_address inet,
    OUT new_address inet)
RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    target ipam.ip_range;
    unknown bigint;
    moving bigint[];    -- without those that are in the range already
    old_addresses inet[];
    free inet[];
    taken inet[];
    violated text;
BEGIN
    PERFORM ipam.require_ready_store();
    IF address_ids IS NULL OR EXISTS (SELECT FROM unnest(address_ids) AS u(id) WHERE u.id IS NULL) THEN
        refused := ipam.refuse_unknown('address', NULL);
    END IF;
    target := ipam.lock_range_for_move(to_range_id);
    PERFORM FROM ipam.ip_address AS a WHERE a.id = ANY (address_ids) ORDER BY a.address FOR UPDATE;
    SELECT u.id INTO unknown FROM unnest(address_ids) AS u(id)
    WHERE NOT EXISTS (SELECT FROM ipam.ip_address AS a WHERE a.id = u.id)
    LIMIT 1;
    IF FOUND THEN
        refused := ipam.refuse_unknown('address', unknown);
    END IF;
    SELECT coalesce(array_agg(a.id ORDER BY u.position), '{}'), array_agg(a.address ORDER BY u.position) INTO moving, old_addresses
    FROM (SELECT u.id, min(u.position) AS position FROM unnest(address_ids) WITH ORDINALITY AS u(id, position) GROUP BY u.id) AS u
        JOIN ipam.ip_address AS a ON a.id = u.id
    WHERE a.range_id IS DISTINCT FROM to_range_id;

    LOOP
        EXIT WHEN moving = '{}';
        IF target.managed_by = 'MS DHCP' THEN
            refused := ipam.raise_fault('IpamApiRangeIsManagedByMsDhcp', format('range %s is managed by MS DHCP', to_range_id),
                'The DHCP server gives out its addresses.',
                'Give the new address: ipam.move_ip_address(address_id, to_range_id, new_address).');
        END IF;
        free := ARRAY (SELECT f.address FROM ipam.get_free_ip_addresses(to_range_id, count => cardinality(moving)) AS f(address));
        IF cardinality(free) < cardinality(moving) THEN
            refused := ipam.raise_fault('IpamApiFindFreeIPAddressesFailed',
                format('range [%s, %s] has no room for the addresses', target.start_address, target.end_address),
                format('To move: %s, free: %s.', cardinality(moving), cardinality(free)),
                'Move fewer addresses, choose another range or make this one larger.');
        END IF;
        BEGIN
            UPDATE ipam.ip_address AS a
            SET address = m.new_address, range_id = target.id, address_space_id = target.address_space_id, managed_by = target.managed_by,
                managed_by_entity = target.managed_by_entity, virtualization_type = target.virtualization_type
            FROM unnest(moving, free) AS m(id, new_address)
            WHERE a.id = m.id;
            EXIT;
        EXCEPTION WHEN unique_violation THEN -- another session was faster with one of them
            GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
            IF violated NOT IN ('ip_address_identity_key', 'ip_address_range_id_address_idx') THEN
                RAISE;
            ELSIF free = taken THEN -- a snapshot of the transaction's beginning, where they stay free
                RAISE serialization_failure USING
                    MESSAGE = format('could not serialize access to the free addresses of range %s', to_range_id),
                    DETAIL = 'Another transaction has recorded one of them since this one began.',
                    HINT = 'Run the transaction again.';
            END IF;
            taken := free;
        END;
    END LOOP;

    RETURN QUERY
    SELECT a.id, coalesce(m.old_address, a.address), a.address
    FROM unnest(address_ids) WITH ORDINALITY AS u(id, position)
        JOIN ipam.ip_address AS a ON a.id = u.id
        LEFT JOIN unnest(moving, old_addresses) AS m(id, old_address) ON m.id = a.id
    ORDER BY u.position;
END
$$;
COMMENT ON FUNCTION ipam.move_ip_addresses(bigint[], bigint) IS
    'moves recorded addresses to the first free addresses of a range, in the order of the ids, all or none; service, address space and virtualization type become the range''s, and those already there stay. Returns a row with the old and the new address for each id';

CREATE FUNCTION ipam.move_ip_address(address_id bigint, to_range_id bigint, new_address inet DEFAULT NULL) RETURNS inet
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    target ipam.ip_range;
BEGIN
    IF new_address IS NULL THEN
        RETURN (SELECT m.new_address FROM ipam.move_ip_addresses(ARRAY[address_id], to_range_id) AS m);
    END IF;
    PERFORM ipam.require_ready_store();
    refused := NOT ipam.check_host_address(new_address);
    target := ipam.lock_range_for_move(to_range_id);
    IF NOT target.extent @> new_address THEN
        refused := ipam.raise_fault('IpamApiIpAddressOutOfRange', format('address %s does not belong to range %s', new_address, to_range_id),
            format('The range reaches from %s to %s.', target.start_address, target.end_address),
            'Leave new_address out to take the first free address.');
    END IF;
    UPDATE ipam.ip_address AS a
    SET address = move_ip_address.new_address, range_id = target.id, address_space_id = target.address_space_id,
        managed_by = target.managed_by, managed_by_entity = target.managed_by_entity, virtualization_type = target.virtualization_type
    WHERE a.id = move_ip_address.address_id;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('address', address_id);
    END IF;
    RETURN new_address;
END
$$;
COMMENT ON FUNCTION ipam.move_ip_address(bigint, bigint, inet) IS
    'moves a recorded address to a range: to new_address, or to the first free address; service, address space and virtualization type become the range''s. Without new_address an address that is in the range already stays. Returns the address it has then';
-- Many changes in one call, with a fault for each object that could not be changed (MS-IPAMM2 3.3.4.1 to 3.3.4.5).

CREATE TYPE ipam.bulk_failure AS (
    position integer,
    id       bigint,
    sqlstate text,
    fault    text,
    message  text,
    detail   text,
    hint     text
);
COMMENT ON TYPE ipam.bulk_failure IS 'what went wrong with one change of a bulk update';
COMMENT ON COLUMN ipam.bulk_failure.position IS 'place of the change in the array, from 1';
COMMENT ON COLUMN ipam.bulk_failure.id IS 'id of the object; NULL where the change has none';
COMMENT ON COLUMN ipam.bulk_failure.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN ipam.bulk_failure.fault IS 'protocol name of the fault; NULL where the error is PostgreSQL''s own';
COMMENT ON COLUMN ipam.bulk_failure.message IS 'what is wrong';
COMMENT ON COLUMN ipam.bulk_failure.detail IS 'the facts';
COMMENT ON COLUMN ipam.bulk_failure.hint IS 'what to do';

-- The statement for changes with the given keys: $1 is the change, $2 the id. Names come from the catalog only:
-- plpgsql_check does not see that where it is executed.
CREATE FUNCTION ipam.bulk_update_statement(table_name text, keys text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    columns text[];
    unknown text;
    assignments text;
BEGIN
    SELECT array_agg(a.attname ORDER BY a.attnum) INTO columns
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'ipam'::regnamespace AND c.relname = table_name
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = '';
    SELECT string_agg(format('"%s"', left(k, 100)), ', ') INTO unknown FROM unnest(keys) AS k WHERE k NOT IN ('id') AND k <> ALL (columns);
    IF unknown IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiValidationFailure', format('%s has no property %s that can be changed', table_name, unknown),
            format('The properties are: %s.', array_to_string(columns, ', ')));
    END IF;
    SELECT string_agg(format('%1$I = change.%1$I', c.name), ', ') INTO assignments
    FROM unnest(columns) AS c(name) WHERE c.name = ANY (keys);
    IF assignments IS NULL THEN
        RETURN format('SELECT FROM ipam.%I AS t WHERE t.id = $2', table_name);
    END IF;
    RETURN format('UPDATE ipam.%1$I AS t SET %2$s FROM jsonb_populate_record(NULL::ipam.%1$I, $1) AS change WHERE t.id = $2', table_name, assignments);
END
$$;
COMMENT ON FUNCTION ipam.bulk_update_statement(text, text[]) IS 'the UPDATE of the columns that a change names, or a fault where one of them is none';

CREATE FUNCTION ipam.create_subnet_for_change(range_id bigint, change jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed ipam.ip_range;
BEGIN
    SELECT n.* INTO changed FROM ipam.ip_range AS r, jsonb_populate_record(r, change) AS n WHERE r.id = range_id;
    IF FOUND THEN
        PERFORM ipam.create_missing_subnet(changed.address_space_id, changed.network, changed.start_address, changed.end_address, changed.virtualization_type);
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.create_subnet_for_change(bigint, jsonb) IS 'makes the subnet that a range needs after the change, if there is none';

-- A subtransaction for each object would be easier to read, but thousands of them in one transaction slow other
-- sessions down. Changes are made in the order of the array, many in a subtransaction; where one fails, those
-- before it are made again without it, and it is tried alone.
CREATE FUNCTION ipam.bulk_update(
    table_name               text,
    changes                  jsonb,
    create_subnet_if_missing boolean  DEFAULT false,
    report_every             interval DEFAULT '1 second')
RETURNS SETOF ipam.bulk_failure
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    refused boolean;
    object_type CONSTANT text := replace(regexp_replace(table_name, '^ip_', ''), '_', ' ');
    chunk CONSTANT integer := 100;
    change_list jsonb[];
    first_one integer := 1;  -- the changes before it are done or have failed
    last_one integer;        -- up to here they are tried in one subtransaction
    place integer;
    change jsonb;
    given_id text;
    keys text[];
    known_keys text[];       -- that the statement is for
    statement text;
    changed bigint;
    failed integer := 0;
    failure ipam.bulk_failure;
    report_at timestamptz := clock_timestamp() + report_every;
BEGIN
    PERFORM ipam.require_ready_store();
    IF jsonb_typeof(changes) IS DISTINCT FROM 'array' THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'changes must be a JSON array',
            format('It is %s.', coalesce('a JSON ' || jsonb_typeof(changes), 'NULL')), 'Write [{"id": 7, "description": "new"}].');
    END IF;
    change_list := ARRAY (SELECT c FROM jsonb_array_elements(changes) AS c);
    -- Always in the same order, so that two bulk updates of the same objects queue instead of blocking each other;
    -- addresses in the order in which ranges take and leave them.
    EXECUTE format('SELECT FROM ipam.%I AS t WHERE t.id = ANY ($1) ORDER BY t.%I FOR NO KEY UPDATE', table_name,
                   CASE table_name WHEN 'ip_address' THEN 'address' ELSE 'id' END)
        USING ARRAY (SELECT CASE WHEN c ->> 'id' ~ '^[0-9]{1,18}$' THEN (c ->> 'id')::bigint END FROM unnest(change_list) AS c);

    last_one := least(chunk, cardinality(change_list));
    WHILE first_one <= cardinality(change_list) LOOP
        BEGIN
            FOR i IN first_one .. last_one LOOP
                place := i;
                change := change_list[i];
                failure.id := NULL;
                IF jsonb_typeof(change) <> 'object' THEN
                    refused := ipam.raise_fault('IpamApiInvalidParameter', format('change %s is not an object', i),
                        format('It is a JSON %s.', jsonb_typeof(change)), 'Write {"id": 7, "description": "new"}.');
                END IF;
                given_id := change ->> 'id';
                IF given_id IS NULL THEN
                    refused := ipam.refuse_unknown(object_type, NULL);
                ELSIF given_id !~ '^[0-9]{1,18}$' THEN
                    refused := ipam.raise_fault('IpamApiInvalidParameter', format('"%s" is not an id', left(given_id, 100)),
                        'An id is a whole number, 1 or more.');
                END IF;
                failure.id := given_id::bigint;
                keys := ARRAY (SELECT k FROM jsonb_object_keys(change) AS k);
                IF keys IS DISTINCT FROM known_keys THEN
                    statement := ipam.bulk_update_statement(table_name, keys);
                    known_keys := keys;
                END IF;
                IF create_subnet_if_missing AND keys && '{address_space_id,network,start_address,end_address}' THEN
                    PERFORM ipam.create_subnet_for_change(failure.id, change);
                END IF;
                EXECUTE statement USING change, failure.id;
                GET DIAGNOSTICS changed = ROW_COUNT;
                IF changed = 0 THEN
                    refused := ipam.refuse_unknown(object_type, failure.id);
                END IF;
            END LOOP;
            first_one := last_one + 1;
            last_one := least(last_one + chunk, cardinality(change_list));
        EXCEPTION WHEN OTHERS THEN -- not a cancelled statement
            IF left(SQLSTATE, 2) IN ('40', '53', '57', '58', 'XX') THEN
                RAISE; -- not this change's fault: deadlock, serialization failure, no disk space ...
            ELSIF place > first_one THEN
                last_one := place - 1;
            ELSE
                GET STACKED DIAGNOSTICS failure.sqlstate = RETURNED_SQLSTATE, failure.fault = CONSTRAINT_NAME,
                    failure.message = MESSAGE_TEXT, failure.detail = PG_EXCEPTION_DETAIL, failure.hint = PG_EXCEPTION_HINT;
                failure.position := place;
                failure.fault := CASE WHEN failure.sqlstate LIKE 'IP%' THEN failure.fault END;
                failure.detail := nullif(failure.detail, '');
                failure.hint := nullif(failure.hint, '');
                RETURN NEXT failure;
                failed := failed + 1;
                first_one := place + 1;
                last_one := least(place + chunk, cardinality(change_list));
            END IF;
        END;
        IF clock_timestamp() >= report_at THEN
            RAISE NOTICE '% of % done, % of them failed', first_one - 1, cardinality(change_list), failed;
            report_at := clock_timestamp() + report_every;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.bulk_update(text, jsonb, boolean, interval) IS
    'makes the changes to the rows of a table, reports progress as NOTICE, and returns a row for each change that failed; the part that all bulk updates share';

CREATE FUNCTION ipam.bulk_update_address_spaces(changes jsonb) RETURNS SETOF ipam.bulk_failure
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM ipam.bulk_update('address_space', changes);
END;
COMMENT ON FUNCTION ipam.bulk_update_address_spaces(jsonb) IS
    'changes address spaces: an array of objects with an id and the columns to change. Returns a row for each one that failed; the others are changed (MS-IPAMM2 3.3.4.1)';

CREATE FUNCTION ipam.bulk_update_ip_blocks(changes jsonb) RETURNS SETOF ipam.bulk_failure
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM ipam.bulk_update('ip_block', changes);
END;
COMMENT ON FUNCTION ipam.bulk_update_ip_blocks(jsonb) IS
    'changes blocks: an array of objects with an id and the columns to change. Returns a row for each one that failed; the others are changed (MS-IPAMM2 3.3.4.2)';

CREATE FUNCTION ipam.bulk_update_ip_subnets(changes jsonb) RETURNS SETOF ipam.bulk_failure
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM ipam.bulk_update('ip_subnet', changes);
END;
COMMENT ON FUNCTION ipam.bulk_update_ip_subnets(jsonb) IS
    'changes subnets: an array of objects with an id and the columns to change. Returns a row for each one that failed; the others are changed (MS-IPAMM2 3.3.4.5)';

CREATE FUNCTION ipam.bulk_update_ip_ranges(changes jsonb, create_subnet_if_missing boolean DEFAULT false) RETURNS SETOF ipam.bulk_failure
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM ipam.bulk_update('ip_range', changes, create_subnet_if_missing);
END;
COMMENT ON FUNCTION ipam.bulk_update_ip_ranges(jsonb, boolean) IS
    'changes ranges: an array of objects with an id and the columns to change; with create_subnet_if_missing a range that moves to where no subnet fits gets one made of its network. Returns a row for each one that failed; the others are changed (MS-IPAMM2 3.3.4.4)';

CREATE FUNCTION ipam.bulk_update_ip_addresses(changes jsonb) RETURNS SETOF ipam.bulk_failure
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM ipam.bulk_update('ip_address', changes);
END;
COMMENT ON FUNCTION ipam.bulk_update_ip_addresses(jsonb) IS
    'changes addresses: an array of objects with an id and the columns to change. Returns a row for each one that failed; the others are changed (MS-IPAMM2 3.3.4.3)';
-- Export: the objects of one kind as CSV or JSON, in columns that an import reads back (MS-IPAMM2 5.14).
--
-- The columns are those of the table without what the database works out: ids, parents, extents, categories
-- and times. Other objects are named instead of numbered. The catalog is asked, so that a new column of a
-- table is exported and imported without a change here.

CREATE FUNCTION ipam.transfer_table(object_type text) RETURNS regclass
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF object_type IN ('address_space', 'ip_block', 'ip_subnet', 'ip_range', 'ip_address', 'custom_field', 'custom_field_value') THEN
        RETURN format('ipam.%I', object_type)::regclass;
    END IF;
    refused := ipam.raise_fault('IpamApiInvalidParameter', format('there is no object type "%s" to import or export', object_type), NULL,
        'Object types are the names of the tables: custom_field, custom_field_value, address_space, ip_block, ip_subnet, ip_range, ip_address.');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.transfer_table(text) IS 'the table of an object type that can be imported and exported, or a fault';

CREATE FUNCTION ipam.importable_columns(
    object_type         text,
    OUT number          integer,
    OUT name            text,
    OUT data_type       regtype,
    OUT is_custom_field boolean,
    OUT table_column    name,
    OUT default_value   text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 30 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source CONSTANT regclass := ipam.transfer_table(object_type);
BEGIN
    RETURN QUERY
    SELECT row_number() OVER (ORDER BY f.name COLLATE "C" NULLS FIRST, a.attnum)::integer,
           coalesce(f.name, CASE a.attname WHEN 'address_space_id' THEN 'address_space' WHEN 'provider_id' THEN 'provider'
                                           WHEN 'custom_field_id' THEN 'custom_field' ELSE a.attname END),
           CASE WHEN f.id IS NOT NULL OR a.attname IN ('address_space_id', 'provider_id', 'custom_field_id') THEN 'text'::regtype
                ELSE a.atttypid::regtype END,
           f.id IS NOT NULL, a.attname, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    -- Six of the built-in fields are columns.
    LEFT JOIN ipam.custom_field AS f ON a.attname = 'custom_fields' AND f.id NOT IN (1, 7, 8, 9, 10, 17)
    WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
      AND a.attname NOT IN ('created_at', 'modified_at', 'parent_id', 'block_id', 'subnet_id', 'range_id',
                            'origin', 'built_in_number', 'built_in_value_number')
      AND (a.attname <> 'custom_fields' OR f.id IS NOT NULL);
END
$$;
COMMENT ON FUNCTION ipam.importable_columns(text) IS
    'columns of an object type in CSV and JSON: name, type, whether it is a custom field, the column of the table and its default; the custom fields come last';

-- A gateway has two parts; other lists are their values with a semicolon between.
CREATE FUNCTION ipam.gateway_list(gateways ipam.gateway[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT string_agg(concat_ws(' metric ', g.address, g.metric), ';' ORDER BY g.number)
        FROM unnest(gateways) WITH ORDINALITY AS g(address, metric, number));
COMMENT ON FUNCTION ipam.gateway_list(ipam.gateway[]) IS 'gateways as text: 10.0.0.1 metric 10;10.0.0.2';

CREATE FUNCTION ipam.read_gateway_list(list text) RETURNS ipam.gateway[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part text;
    words text[];
    gateways ipam.gateway[] := ARRAY[]::ipam.gateway[];
BEGIN
    FOREACH part IN ARRAY string_to_array(list, ';') LOOP
        words := regexp_match(part, '^\s*(\S+)(?:\s+metric\s+(\d+))?\s*$');
        IF words IS NULL THEN
            RAISE invalid_text_representation USING MESSAGE = format('invalid gateway: "%s"', part);
        END IF;
        gateways := gateways || ipam.gateway(words[1]::inet, words[2]::integer);
    END LOOP;
    RETURN gateways;
END
$$;
COMMENT ON FUNCTION ipam.read_gateway_list(text) IS 'the gateways of a text like 10.0.0.1 metric 10;10.0.0.2';

CREATE FUNCTION ipam.csv_record(fields text[]) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_csv_record';
COMMENT ON FUNCTION ipam.csv_record(text[]) IS 'the fields as one record of CSV (RFC 4180): NULL as an empty field, an empty text as ""';

CREATE FUNCTION ipam.address_space_named(name text) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    found bigint;
BEGIN
    IF name IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT s.id INTO found FROM ipam.address_space AS s WHERE s.name = address_space_named.name;
    IF found IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressSpace', format('there is no address space "%s"', name), NULL,
            'Names are compared as written; SELECT name FROM ipam.address_space lists them.');
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION ipam.address_space_named(text) IS 'id of the address space with this name, or a fault; NULL for NULL';

-- The rows to be exported, t, in the order of their names: what an import needs first comes first.
CREATE FUNCTION ipam.export_source(object_type text, address_space text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    space CONSTANT bigint := ipam.address_space_named(address_space);
    space_name CONSTANT text := '(SELECT s.name COLLATE "C" FROM ipam.address_space AS s WHERE s.id = t.address_space_id)';
BEGIN
    IF space IS NOT NULL AND object_type IN ('custom_field', 'custom_field_value') THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'custom fields do not belong to an address space',
            format('Address space "%s" was given.', address_space), 'Leave the address space out.');
    END IF;
    RETURN format('FROM %s AS t WHERE ', ipam.transfer_table(object_type)) || CASE object_type
        WHEN 'custom_field' THEN 't.built_in_number IS NULL'
        WHEN 'custom_field_value' THEN 't.built_in_value_number IS NULL'
        WHEN 'address_space' THEN 'NOT t.is_default' || coalesce(' AND t.id = ' || space, '')
        ELSE coalesce('t.address_space_id = ' || space, 'true') END
    || ' ORDER BY ' || CASE object_type
        WHEN 'custom_field' THEN 't.name COLLATE "C"'
        WHEN 'custom_field_value' THEN '(SELECT f.name COLLATE "C" FROM ipam.custom_field AS f WHERE f.id = t.custom_field_id), t.value'
        WHEN 'address_space' THEN 't.type, t.name COLLATE "C"'
        WHEN 'ip_block' THEN 't.start_address, t.end_address DESC, t.network'
        WHEN 'ip_subnet' THEN space_name || ', t.network'
        WHEN 'ip_range' THEN space_name || ', t.start_address, t.end_address DESC, t.network, t.managed_by, t.managed_by_entity, t.id'
        ELSE space_name || ', t.address, t.managed_by, t.managed_by_entity' END;
END
$$;
COMMENT ON FUNCTION ipam.export_source(text, text) IS
    'FROM, WHERE and ORDER BY of the rows of an object type that an export has: not what provisioning makes; of one address space where that is given';

-- The value of a column as an import reads it.
CREATE FUNCTION ipam.export_expression(table_column name, data_type regtype) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN table_column IN ('address_space_id', 'provider_id') THEN format('(SELECT s.name FROM ipam.address_space AS s WHERE s.id = t.%I)', table_column)
    WHEN table_column = 'custom_field_id' THEN '(SELECT f.name FROM ipam.custom_field AS f WHERE f.id = t.custom_field_id)'
    WHEN data_type = 'ipam.gateway[]'::regtype THEN format('ipam.gateway_list(t.%I)', table_column)
    WHEN data_type = 'ipam.inetmultirange'::regtype THEN format('nullif(t.%I::text, ''{}'')', table_column)
    WHEN data_type IN ('integer[]'::regtype, 'inet[]'::regtype, 'text[]'::regtype)
        THEN format('nullif(array_to_string(t.%I, '';''), '''')', table_column)
    WHEN data_type = 'inet'::regtype THEN format('host(t.%I)', table_column)
    ELSE format('t.%I::text', table_column) END;
COMMENT ON FUNCTION ipam.export_expression(name, regtype) IS 'SQL expression of a column of a row t as text; NULL where there is no value';

-- The statements below are made of the names of columns and fields, quoted where they are put together:
-- plpgsql_check does not see that.

-- Times in UTC and bytes in hexadecimal, whatever the session says: an export is the same everywhere.
CREATE FUNCTION ipam.export_csv(object_type text, address_space text DEFAULT NULL) RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET bytea_output = 'hex'
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    source text;
    used_fields text[] := ARRAY[]::text[];
    columns text[];
    expressions text;
BEGIN
    PERFORM ipam.require_ready_store();
    source := ipam.export_source(object_type, address_space);
    IF EXISTS (SELECT FROM ipam.importable_columns(object_type) AS c WHERE c.is_custom_field) THEN
        EXECUTE format('SELECT array_agg(DISTINCT k.key) FROM (SELECT t.custom_fields %s) AS o, jsonb_object_keys(o.custom_fields) AS k(key)', source)
        INTO used_fields;
    END IF;
    SELECT array_agg(c.name ORDER BY c.number),
           string_agg(CASE WHEN c.is_custom_field THEN format('t.custom_fields ->> %L', c.name)
                           ELSE ipam.export_expression(c.table_column, c.data_type) END, ', ' ORDER BY c.number)
    INTO columns, expressions
    FROM ipam.importable_columns(object_type) AS c WHERE NOT c.is_custom_field OR c.name = ANY (used_fields);
    RETURN NEXT ipam.csv_record(columns);
    RETURN QUERY EXECUTE format('SELECT ipam.csv_record(ARRAY[%s]) %s', expressions, source);
END
$$;
COMMENT ON FUNCTION ipam.export_csv(text, text) IS
    'objects of a kind as CSV: the names of the columns, then a record for each object, of one address space or of all; import_csv() reads it';

CREATE FUNCTION ipam.export_json(object_type text, address_space text DEFAULT NULL) RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET intervalstyle = 'postgres' SET bytea_output = 'hex'
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    source text;
    members text;
BEGIN
    PERFORM ipam.require_ready_store();
    source := ipam.export_source(object_type, address_space);
    SELECT string_agg(format('%L, %s', c.name, CASE WHEN c.data_type = 'text'::regtype THEN ipam.export_expression(c.table_column, c.data_type)
                                                    ELSE format('t.%I', c.table_column) END), ', ' ORDER BY c.number)
           || CASE WHEN EXISTS (SELECT FROM ipam.importable_columns(object_type) AS f WHERE f.is_custom_field)
                   THEN ', ''custom_fields'', nullif(t.custom_fields, ''{}'')' ELSE '' END
    INTO members
    FROM ipam.importable_columns(object_type) AS c WHERE NOT c.is_custom_field;
    RETURN QUERY EXECUTE format('SELECT jsonb_strip_nulls(jsonb_build_object(%s)) %s', members, source);
END
$$;
COMMENT ON FUNCTION ipam.export_json(text, text) IS
    'objects of a kind as JSON objects, members without a value left out, of one address space or of all; import_json() reads an array of them';
-- Import: objects of one kind from CSV or JSON (MS-IPAMM2 5.14, 8.11).
--
-- The rows of a file go into the table in its order, many in one statement. A statement that fails is undone
-- and tried again with fewer rows, until the bad row is alone and known by its line; then the number of rows
-- grows again. So a good file costs little more than COPY, and a report never names a wrong line.

CREATE TYPE ipam.import_row AS (line bigint, fields text[], fault text, problem text);
COMMENT ON TYPE ipam.import_row IS 'a row of a file: its line, the fields in the order of the columns, and why it cannot be read';
COMMENT ON COLUMN ipam.import_row.line IS 'line of the file on which the row starts';
COMMENT ON COLUMN ipam.import_row.fields IS 'values as text, in the order of the columns; NULL: missing';
COMMENT ON COLUMN ipam.import_row.fault IS 'the fault, where the row cannot be read';
COMMENT ON COLUMN ipam.import_row.problem IS 'why the row cannot be read; NULL: it can';

CREATE TYPE ipam.import_fault AS (line bigint, sqlstate text, fault text, message text, detail text, hint text);
COMMENT ON TYPE ipam.import_fault IS 'a row of a file that was not imported: its line, and the error as an INSERT would have raised it';
COMMENT ON COLUMN ipam.import_fault.line IS 'line of the file on which the row starts; of JSON the position in the array';
COMMENT ON COLUMN ipam.import_fault.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN ipam.import_fault.fault IS 'protocol name of the fault; NULL where the error is PostgreSQL''s own';
COMMENT ON COLUMN ipam.import_fault.message IS 'what is wrong';
COMMENT ON COLUMN ipam.import_fault.detail IS 'the facts';
COMMENT ON COLUMN ipam.import_fault.hint IS 'what to do';

CREATE FUNCTION ipam.parse_csv(content text, max_records bigint DEFAULT NULL, OUT line bigint, OUT fields text[], OUT problem text)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 1000
AS 'MODULE_PATHNAME', 'ipam_parse_csv';
COMMENT ON FUNCTION ipam.parse_csv(text, bigint) IS
    'the records of CSV (RFC 4180): the line on which each starts, its fields, empty ones without quotes as NULL, and what is wrong with it';

-- Columns

-- The name of a column may be written as people do: Start Address.
CREATE FUNCTION ipam.resolve_import_columns(object_type text, given text[], problem text) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    known text[];
    columns text[];
BEGIN
    SELECT array_agg(c.name ORDER BY c.number) INTO known FROM ipam.importable_columns(object_type) AS c;
    IF coalesce(cardinality(given), 0) = 0 THEN
        refused := ipam.raise_fault('IpamApiImportFailed', 'there is no header row', 'The content is empty.',
            format('The first row names the columns, in any order: %s.', array_to_string(known, ', ')));
    ELSIF problem IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiImportFailed', 'the header row cannot be read: ' || problem, NULL, 'A quote in quotes is doubled.');
    END IF;
    SELECT array_agg(coalesce(
               (SELECT k FROM unnest(known) AS k WHERE k = trim(g.name)),
               (SELECT k FROM unnest(known) AS k WHERE k = lower(replace(trim(g.name), ' ', '_')))) ORDER BY g.number)
    INTO columns FROM unnest(given) WITH ORDINALITY AS g(name, number);
    FOR i IN 1 .. cardinality(given) LOOP
        IF columns[i] IS NULL THEN
            refused := ipam.raise_fault('IpamApiInvalidImportColumn', format('there is no column "%s" to import into %s', left(given[i], 100), object_type),
                'Columns that the database works out are not imported; custom fields are columns with their own names.',
                format('Columns are: %s.', array_to_string(known, ', ')));
        ELSIF array_position(columns, columns[i]) < i THEN
            refused := ipam.raise_fault('IpamApiInvalidImportColumn', format('column "%s" is there twice', columns[i]), NULL,
                'Name each column once.');
        END IF;
    END LOOP;
    RETURN columns;
END
$$;
COMMENT ON FUNCTION ipam.resolve_import_columns(text, text[], text) IS 'the importable columns that a header row names, or a fault where it is wrong or has a problem';

-- The fields of a row r as values of their columns.
CREATE FUNCTION ipam.import_expression(table_column name, data_type regtype, field integer) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN table_column IN ('address_space_id', 'provider_id') THEN format('ipam.address_space_named(r.fields[%s])', field)
    WHEN table_column = 'custom_field_id' THEN format('coalesce((SELECT f.id FROM ipam.custom_field AS f WHERE f.name = r.fields[%1$s]), CASE WHEN ipam.raise_fault(%2$L, format(%3$L, r.fields[%1$s])) THEN 0 END)',
                                                      field, 'IpamApiValidationFailure', 'there is no custom field "%s"')
    WHEN data_type = 'ipam.gateway[]'::regtype THEN format('ipam.read_gateway_list(r.fields[%s])', field)
    WHEN data_type IN ('integer[]'::regtype, 'inet[]'::regtype, 'text[]'::regtype)
        THEN format('string_to_array(regexp_replace(r.fields[%s], ''\s*;\s*'', '';'', ''g''), '';'')::%s', field, data_type)
    WHEN data_type = 'text'::regtype THEN format('r.fields[%s]', field)
    ELSE format('r.fields[%s]::%s', field, data_type) END;
COMMENT ON FUNCTION ipam.import_expression(name, regtype, integer) IS 'SQL expression of a field of a row r as a value of the column';

-- Ranges managed by MS DHCP may overlap, so that no constraint keeps a file from being imported twice.
CREATE FUNCTION ipam.is_new_dhcp_range(address_space_id bigint, start_address inet, end_address inet, managed_by_entity text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.lock_plan(address_space_id);
    RETURN NOT EXISTS (
        SELECT FROM ipam.ip_range AS r
        WHERE r.address_space_id = is_new_dhcp_range.address_space_id AND r.managed_by = 'MS DHCP'
          AND r.managed_by_entity = is_new_dhcp_range.managed_by_entity COLLATE "C"
          AND r.start_address = is_new_dhcp_range.start_address AND r.end_address = is_new_dhcp_range.end_address);
END
$$;
COMMENT ON FUNCTION ipam.is_new_dhcp_range(bigint, inet, inet, text) IS
    'whether no range of the DHCP server has these addresses; it stays so until the end of the transaction';

-- A value of a list of the users is checked before the table does, because an import has its own faults for it.
CREATE FUNCTION ipam.import_condition(columns text[], object_type text, include_ms_dhcp boolean) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    managed_by CONSTANT integer := array_position(columns, 'managed_by');
    managed_by_entity CONSTANT integer := array_position(columns, 'managed_by_entity');
    start_address CONSTANT integer := array_position(columns, 'start_address');
    end_address CONSTANT integer := array_position(columns, 'end_address');
    address_space CONSTANT integer := array_position(columns, 'address_space');
    condition text := 'CASE WHEN r.problem IS NOT NULL THEN ipam.raise_fault(r.fault, r.problem) ELSE true'; -- in this order
BEGIN
    IF managed_by IS NOT NULL THEN
        condition := condition || format($sql$
            AND (r.fields[%1$s] IN ('IPAM', 'Non-MS DHCP', 'VM Manager', 'Others') OR r.fields[%1$s] IS NULL
                 OR ipam.is_custom_field_value(8, r.fields[%1$s])
                 OR ipam.raise_fault('IpamApiImportInvalidManagedByValue', format('"%%s" is not a kind of service', r.fields[%1$s]),
                        'It is not a value of custom field 8, Managed by.',
                        format('Add it first: INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (8, %%L).', r.fields[%1$s])))
            $sql$, managed_by);
        IF object_type = 'ip_range' AND NOT include_ms_dhcp THEN
            condition := condition || format($sql$
                AND (r.fields[%1$s] IS DISTINCT FROM 'MS DHCP'
                     OR ipam.raise_fault('IpamApiErrorImportOfMsDhcpRangesNotAllowed', 'a range managed by MS DHCP is not imported',
                            'Such a range is a scope of a DHCP server, which knows it better.', 'To import it all the same say include_ms_dhcp => true.'))
                $sql$, managed_by);
        ELSIF object_type = 'ip_range' AND start_address IS NOT NULL AND end_address IS NOT NULL THEN
            condition := condition || format($sql$
                AND (r.fields[%1$s] IS DISTINCT FROM 'MS DHCP'
                     OR ipam.is_new_dhcp_range(%2$s, r.fields[%3$s]::inet, r.fields[%4$s]::inet, %5$s)
                     OR ipam.raise_fault('IpamApiNonadjustableConflictingRangesFound',
                            format('range [%%s, %%s] of this DHCP server is there already', r.fields[%3$s], r.fields[%4$s])))
                $sql$, managed_by,
                CASE WHEN address_space IS NULL THEN '1' ELSE format('coalesce(ipam.address_space_named(r.fields[%s]), 1)', address_space) END,
                start_address, end_address,
                CASE WHEN managed_by_entity IS NULL THEN '''Localhost''' ELSE format('coalesce(r.fields[%s], ''Localhost'')', managed_by_entity) END);
        END IF;
    END IF;
    IF managed_by_entity IS NOT NULL THEN
        condition := condition || format($sql$
            AND (r.fields[%1$s] = 'Localhost' OR r.fields[%1$s] IS NULL OR ipam.is_custom_field_value(9, r.fields[%1$s])
                 OR ipam.raise_fault('IpamApiImportInvalidServiceInstanceValue', format('"%%s" is not a service instance', r.fields[%1$s]),
                        'It is not a value of custom field 9, Managed by entity.',
                        format('Add it first: INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, %%L).', r.fields[%1$s])))
            $sql$, managed_by_entity);
    END IF;
    RETURN condition || ' END';
END
$$;
COMMENT ON FUNCTION ipam.import_condition(text[], text, boolean) IS 'SQL condition of a row r that holds, or raises the fault that an import has for it';

CREATE FUNCTION ipam.import_statement(object_type text, columns text[], include_ms_dhcp boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    targets text;
    expressions text;
    field_names text;
    field_values text;
BEGIN
    SELECT string_agg(quote_ident(c.table_column), ', ' ORDER BY c.number) FILTER (WHERE NOT c.is_custom_field),
           string_agg(CASE WHEN c.default_value IS NULL THEN e.expression ELSE format('coalesce(%s, %s)', e.expression, c.default_value) END,
                      ', ' ORDER BY c.number) FILTER (WHERE NOT c.is_custom_field),
           string_agg(quote_literal(c.name), ', ' ORDER BY c.number) FILTER (WHERE c.is_custom_field),
           string_agg(format('r.fields[%s]', e.field), ', ' ORDER BY c.number) FILTER (WHERE c.is_custom_field)
    INTO targets, expressions, field_names, field_values
    FROM ipam.importable_columns(object_type) AS c,
         LATERAL (SELECT array_position(columns, c.name)) AS p(field),
         LATERAL (SELECT p.field, ipam.import_expression(c.table_column, c.data_type, p.field)) AS e(field, expression)
    WHERE p.field IS NOT NULL;
    RETURN format('INSERT INTO %s (%s) SELECT %s FROM unnest($1) AS r WHERE %s', ipam.transfer_table(object_type),
                  concat_ws(', ', targets, CASE WHEN field_names IS NOT NULL THEN 'custom_fields' END),
                  concat_ws(', ', expressions, 'jsonb_strip_nulls(jsonb_object(ARRAY[' || field_names || '], ARRAY[' || field_values || ']))'),
                  ipam.import_condition(columns, object_type, include_ms_dhcp));
END
$$;
COMMENT ON FUNCTION ipam.import_statement(text, text[], boolean) IS
    'INSERT of the rows $1, ipam.import_row[], whose fields are the columns; a missing value takes the default of the column';

-- What went wrong

-- Errors that tell something about the row: data, constraints, faults, and what triggers of the users raise.
-- Others, as a deadlock or a missing privilege, end the import.
CREATE FUNCTION ipam.is_row_error(sqlstate text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN sqlstate = 'P0001' OR (left(sqlstate, 2) IN ('22', '23', '44', 'IP') AND sqlstate NOT IN ('IP013', 'IP014'));
COMMENT ON FUNCTION ipam.is_row_error(text) IS 'whether an error is about the row that was being written';

-- A value that its type does not take raises an error that does not name the column.
CREATE FUNCTION ipam.check_import_types(object_type text, columns text[], given ipam.import_row) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    present record;
    reason text;
BEGIN
    FOR present IN
        SELECT c.name, c.data_type, c.table_column, array_position(columns, c.name) AS field
        FROM ipam.importable_columns(object_type) AS c WHERE c.data_type <> 'text'::regtype AND c.name = ANY (columns)
        ORDER BY c.number
    LOOP
        reason := NULL;
        BEGIN
            EXECUTE format('SELECT %s FROM unnest($1) AS r', ipam.import_expression(present.table_column, present.data_type, present.field))
            USING ARRAY[given];
        EXCEPTION WHEN data_exception THEN
            reason := SQLERRM;
        END;
        IF reason IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiInvalidImportColumnType',
                format('"%s" is not a value of column "%s"', left(given.fields[present.field], 200), present.name),
                format('The column has type %s: %s.', present.data_type, reason));
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.check_import_types(text, text[], ipam.import_row) IS 'a fault that names the first field of the row that is not of the type of its column';

-- Both get a statement that import_statement() has made, with all names quoted: plpgsql_check does not see that.
CREATE FUNCTION ipam.load_batch(statement text, object_type text, columns text[], batch ipam.import_row[]) RETURNS ipam.import_fault[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    faults ipam.import_fault[] := ARRAY[]::ipam.import_fault[];
    present ipam.import_fault;
    place integer := 1;
    size integer := cardinality(batch); -- of the next statement
BEGIN
    WHILE place <= cardinality(batch) LOOP
        size := least(size, cardinality(batch) - place + 1);
        BEGIN
            EXECUTE statement USING batch[place : place + size - 1];
            place := place + size;
            size := size * 2;
            CONTINUE;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS present.sqlstate = RETURNED_SQLSTATE, present.fault = CONSTRAINT_NAME, present.message = MESSAGE_TEXT,
                present.detail = PG_EXCEPTION_DETAIL, present.hint = PG_EXCEPTION_HINT;
            IF NOT ipam.is_row_error(present.sqlstate) THEN
                RAISE;
            END IF;
        END;
        IF size > 1 THEN
            size := greatest(size / 4, 1);
            CONTINUE;
        END IF;
        IF left(present.sqlstate, 2) = '22' THEN
            BEGIN
                PERFORM ipam.check_import_types(object_type, columns, batch[place]);
            EXCEPTION WHEN SQLSTATE 'IP823' THEN
                GET STACKED DIAGNOSTICS present.sqlstate = RETURNED_SQLSTATE, present.fault = CONSTRAINT_NAME, present.message = MESSAGE_TEXT,
                    present.detail = PG_EXCEPTION_DETAIL, present.hint = PG_EXCEPTION_HINT;
            END;
        END IF;
        -- The detail of a missing value is the row as it would have been, with an id and times of its own.
        faults := faults || ROW(batch[place].line, present.sqlstate, CASE WHEN present.sqlstate LIKE 'IP%' THEN present.fault END, present.message,
                                nullif(CASE WHEN present.sqlstate <> '23502' THEN present.detail END, ''), nullif(present.hint, ''))::ipam.import_fault;
        place := place + 1;
    END LOOP;
    RETURN faults;
END
$$;
COMMENT ON FUNCTION ipam.load_batch(text, text, text[], ipam.import_row[]) IS 'writes rows into their table, as many as it takes; returns the others with their errors';

CREATE FUNCTION ipam.load_rows(object_type text, columns text[], batches refcursor, all_or_nothing boolean, include_ms_dhcp boolean)
RETURNS SETOF ipam.import_fault
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    statement CONSTANT text := ipam.import_statement(object_type, columns, include_ms_dhcp);
    batch ipam.import_row[];
    faults ipam.import_fault[] := ARRAY[]::ipam.import_fault[];
    row_count bigint := 0;
    is_undone boolean := false;
BEGIN
    EXECUTE statement USING '{}'::ipam.import_row[]; -- a missing privilege shows before the first row
    BEGIN
        LOOP
            FETCH batches INTO batch;
            EXIT WHEN NOT FOUND;
            row_count := row_count + cardinality(batch);
            faults := faults || ipam.load_batch(statement, object_type, columns, batch);
        END LOOP;
        IF all_or_nothing AND cardinality(faults) > 0 THEN
            is_undone := true;
            RAISE EXCEPTION 'undo'; -- all rows; what has been found out about them stays in the variable
        END IF;
    EXCEPTION WHEN raise_exception THEN
        IF NOT is_undone THEN
            RAISE;
        END IF;
    END;
    RAISE NOTICE 'loaded % of % rows', CASE WHEN is_undone THEN 0 ELSE row_count - cardinality(faults) END, row_count;
    RETURN QUERY SELECT f.* FROM unnest(faults) AS f;
END
$$;
COMMENT ON FUNCTION ipam.load_rows(text, text[], refcursor, boolean, boolean) IS
    'writes the rows of a cursor of ipam.import_row[] into their table; returns those that were refused';

-- The calls

CREATE FUNCTION ipam.import_csv(
    object_type     text,
    content         text,
    all_or_nothing  boolean DEFAULT false,
    include_ms_dhcp boolean DEFAULT false)
RETURNS SETOF ipam.import_fault
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    header record;
    columns text[];
    batches refcursor;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT p.fields, p.problem INTO header FROM ipam.parse_csv(content, 1) AS p;
    columns := ipam.resolve_import_columns(object_type, header.fields, header.problem);
    OPEN batches FOR
        SELECT array_agg(ROW(p.line, p.fields, 'IpamApiImportFailed',
                   CASE WHEN p.problem IS NULL AND cardinality(p.fields) <> cardinality(columns)
                        THEN format('fields in the row: %s, in the header: %s', cardinality(p.fields), cardinality(columns))
                        ELSE p.problem END)::ipam.import_row ORDER BY p.number)
        FROM ipam.parse_csv(content) WITH ORDINALITY AS p(line, fields, problem, number)
        WHERE p.number > 1
        GROUP BY p.number / 1000 ORDER BY p.number / 1000;
    RETURN QUERY SELECT f.* FROM ipam.load_rows(object_type, columns, batches, all_or_nothing, include_ms_dhcp) AS f;
    CLOSE batches;
END
$$;
COMMENT ON FUNCTION ipam.import_csv(text, text, boolean, boolean) IS
    'imports objects of a kind from CSV whose first row names the columns; returns a row for each row that was refused, with its line and error. all_or_nothing: one refused row undoes all. include_ms_dhcp: ranges managed by MS DHCP as well';

CREATE FUNCTION ipam.json_list(list jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(string_agg(CASE jsonb_typeof(e.value) WHEN 'object' THEN concat_ws(' metric ', e.value ->> 'address', e.value ->> 'metric')
                                                          ELSE e.value #>> '{}' END, ';' ORDER BY e.number), '')
    FROM jsonb_array_elements(list) WITH ORDINALITY AS e(value, number));
COMMENT ON FUNCTION ipam.json_list(jsonb) IS 'a JSON array as it stands in a field of CSV: its values with a semicolon between, gateways with their metric';

CREATE FUNCTION ipam.json_row(number bigint, object jsonb, columns text[]) RETURNS ipam.import_row
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flat jsonb;
    unknown text;
BEGIN
    IF jsonb_typeof(object) <> 'object' THEN
        RETURN ROW(number, '{}'::text[], 'IpamApiImportFailed', format('an element is a JSON %s, not an object', jsonb_typeof(object)))::ipam.import_row;
    ELSIF jsonb_typeof(object -> 'custom_fields') = 'object' THEN
        flat := (object - 'custom_fields') || (object -> 'custom_fields');
    ELSE
        flat := object;
    END IF;
    SELECT min(k.key) INTO unknown FROM jsonb_object_keys(flat) AS k(key) WHERE k.key <> ALL (columns);
    IF unknown IS NOT NULL THEN
        RETURN ROW(number, '{}'::text[], 'IpamApiInvalidImportColumn', format('there is no column "%s"', left(unknown, 100)))::ipam.import_row;
    END IF;
    RETURN ROW(number, ARRAY (SELECT CASE jsonb_typeof(flat -> c.name) WHEN 'array' THEN ipam.json_list(flat -> c.name) ELSE flat ->> c.name END
                              FROM unnest(columns) WITH ORDINALITY AS c(name, place) ORDER BY c.place),
               NULL, NULL)::ipam.import_row;
END
$$;
COMMENT ON FUNCTION ipam.json_row(bigint, jsonb, text[]) IS 'a JSON object as a row whose fields are the columns; custom fields may stand in a member custom_fields or by themselves';

CREATE FUNCTION ipam.import_json(
    object_type     text,
    content         jsonb,
    all_or_nothing  boolean DEFAULT false,
    include_ms_dhcp boolean DEFAULT false)
RETURNS SETOF ipam.import_fault
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    columns text[];
    batches refcursor;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT array_agg(c.name ORDER BY c.number) INTO columns FROM ipam.importable_columns(object_type) AS c;
    IF jsonb_typeof(content) IS DISTINCT FROM 'array' THEN
        refused := ipam.raise_fault('IpamApiImportFailed', 'the content is not a JSON array', format('It is %s.', coalesce(jsonb_typeof(content), 'NULL')),
            format('Give an array of objects with the members: %s.', array_to_string(columns, ', ')));
    END IF;
    OPEN batches FOR
        SELECT array_agg(ipam.json_row(e.number, e.object, columns) ORDER BY e.number)
        FROM jsonb_array_elements(content) WITH ORDINALITY AS e(object, number)
        GROUP BY e.number / 1000 ORDER BY e.number / 1000;
    RETURN QUERY SELECT f.* FROM ipam.load_rows(object_type, columns, batches, all_or_nothing, include_ms_dhcp) AS f;
    CLOSE batches;
END
$$;
COMMENT ON FUNCTION ipam.import_json(text, jsonb, boolean, boolean) IS
    'imports objects of a kind from a JSON array of objects; the same as import_csv(), where line is the position in the array';
-- Import from NetBox: its tables, in this database or as foreign tables, become a plan.
--
-- Each step reads the rows of one table of NetBox as rows of an import (75_import.sql). NetBox's versions differ:
-- a table or column that is not there counts as empty.

CREATE TYPE ipam.netbox_remark AS (
    kind text, source_id bigint, value text, is_taken boolean, sqlstate text, fault text, message text, detail text, hint text);
COMMENT ON TYPE ipam.netbox_remark IS
    'what is to be said about a row of NetBox: its table, id and name, whether it was taken all the same, and the error that it or a part of it met';

COMMENT ON COLUMN ipam.netbox_remark.kind IS 'table of NetBox';
COMMENT ON COLUMN ipam.netbox_remark.source_id IS 'id of the row there';
COMMENT ON COLUMN ipam.netbox_remark.value IS 'its prefix, address or name';
COMMENT ON COLUMN ipam.netbox_remark.is_taken IS 'true: the row was taken without a part of it; false: not at all';
COMMENT ON COLUMN ipam.netbox_remark.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN ipam.netbox_remark.fault IS 'protocol name of the fault; NULL where the error is PostgreSQL''s own';
COMMENT ON COLUMN ipam.netbox_remark.message IS 'what is wrong';
COMMENT ON COLUMN ipam.netbox_remark.detail IS 'the facts';
COMMENT ON COLUMN ipam.netbox_remark.hint IS 'what to do';

CREATE FUNCTION ipam.netbox_table(source_schema text, name text, columns text[]) RETURNS text
LANGUAGE sql STABLE
RETURN (
    SELECT format('(SELECT %s FROM %s)',
               string_agg(CASE WHEN a.attname IS NULL THEN format('NULL::%s AS %I', t.type, c.name)
                               ELSE format('%I::text::%s AS %1$I', c.name, t.type) END, ', ' ORDER BY c.number),
               CASE WHEN to_regclass(format('%I.%I', source_schema, netbox_table.name)) IS NULL THEN '(SELECT) AS nothing WHERE false'
                    ELSE format('%I.%I', source_schema, netbox_table.name) END)
    FROM unnest(columns) WITH ORDINALITY AS c(name, number)
    CROSS JOIN LATERAL (SELECT CASE WHEN c.name ~ '(^|_)id$' THEN 'bigint' ELSE 'text' END) AS t(type)
    LEFT JOIN pg_attribute AS a
        ON a.attrelid = to_regclass(format('%I.%I', source_schema, netbox_table.name)) AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped);
COMMENT ON FUNCTION ipam.netbox_table(text, text, text[]) IS
    'a table of NetBox as an item of FROM with these columns, ids as bigint and all others as text; what is not there is NULL';

-- A VRF is an address space. Its name need not be unique in NetBox; the first one has it, others add what tells them apart.
CREATE FUNCTION ipam.netbox_spaces(source_schema text) RETURNS text
LANGUAGE sql STABLE
RETURN format($sql$(
    SELECT v.id, v.name AS given_name, v.rd, v.description, v.comments, v.tenant_id, v.custom_field_data,
           CASE WHEN row_number() OVER (PARTITION BY v.name ORDER BY v.id) = 1 AND NOT EXISTS (SELECT FROM ipam.address_space AS s WHERE s.is_default AND s.name = v.name)
                THEN v.name ELSE format('%%s (%%s)', v.name, coalesce(nullif(v.rd, ''), 'VRF ' || v.id)) END AS name
    FROM %s AS v)$sql$,
    ipam.netbox_table(source_schema, 'ipam_vrf', '{id,name,rd,description,comments,tenant_id,custom_field_data}'));
COMMENT ON FUNCTION ipam.netbox_spaces(text) IS 'the VRFs of NetBox as an item of FROM, each with the name of its address space';

CREATE FUNCTION ipam.netbox_tags(source_schema text, model text) RETURNS text
LANGUAGE sql STABLE
RETURN format($sql$(
    SELECT i.object_id AS id, string_agg(t.name, ', ' ORDER BY t.name COLLATE "C") AS names
    FROM %s AS i JOIN %s AS t ON t.id = i.tag_id JOIN %s AS c ON c.id = i.content_type_id
    WHERE c.app_label = 'ipam' AND c.model = %L GROUP BY i.object_id)$sql$,
    ipam.netbox_table(source_schema, 'extras_taggeditem', '{object_id,content_type_id,tag_id}'),
    ipam.netbox_table(source_schema, 'extras_tag', '{id,name}'),
    ipam.netbox_table(source_schema, 'django_content_type', '{id,app_label,model}'), model);
COMMENT ON FUNCTION ipam.netbox_tags(text, text) IS 'the tags of each object of a model of NetBox as an item of FROM';

-- The custom fields that NetBox's own properties become, besides Tenant, Network Site, Region and Type of networks.
CREATE FUNCTION ipam.netbox_properties() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY['NetBox status', 'NetBox role', 'Tags', 'VLAN', 'Route distinguisher', 'NAT inside', 'Pool', 'Marked as utilized'];
COMMENT ON FUNCTION ipam.netbox_properties() IS 'names of the custom fields that an import from NetBox makes for properties that the plan has no column for';

-- The steps, in order. A query gives for each row its id and name in NetBox, the fields of the import, the custom fields,
-- and whether the plan has such an object already. Of rows that say the same it is the first one that the plan has.
CREATE FUNCTION ipam.netbox_steps(source_schema text, OUT number integer, OUT kind text, OUT object_type text, OUT columns text[], OUT query text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 6 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spaces CONSTANT text := ipam.netbox_spaces(source_schema);
    aggregates CONSTANT text := ipam.netbox_table(source_schema, 'ipam_aggregate', '{id,prefix,date_added,description,comments,rir_id,tenant_id,custom_field_data}');
    prefixes CONSTANT text := ipam.netbox_table(source_schema, 'ipam_prefix', '{id,prefix,status,description,comments,is_pool,mark_utilized,'
        'role_id,tenant_id,vlan_id,vrf_id,site_id,_site_id,_region_id,custom_field_data}');
    addresses CONSTANT text := ipam.netbox_table(source_schema, 'ipam_ipaddress', '{id,address,status,role,dns_name,description,comments,'
        'nat_inside_id,tenant_id,vrf_id,custom_field_data}');
    rirs CONSTANT text := ipam.netbox_table(source_schema, 'ipam_rir', '{id,name,is_private}');
    tenants CONSTANT text := ipam.netbox_table(source_schema, 'tenancy_tenant', '{id,name}');
    sites CONSTANT text := ipam.netbox_table(source_schema, 'dcim_site', '{id,name,region_id}');
    regions CONSTANT text := ipam.netbox_table(source_schema, 'dcim_region', '{id,name}');
    roles CONSTANT text := ipam.netbox_table(source_schema, 'ipam_role', '{id,name}');
    vlans CONSTANT text := ipam.netbox_table(source_schema, 'ipam_vlan', '{id,vid,name}');
BEGIN
    number := 1; kind := 'ipam_vrf'; object_type := 'address_space';
    columns := '{name,description,owner}';
    query := format($sql$
        SELECT n.id, n.given_name AS value, ARRAY[n.name, nullif(concat_ws(E'\n', nullif(n.description, ''), nullif(n.comments, '')), ''), t.name] AS fields,
               jsonb_build_object('Tenant', t.name, 'Route distinguisher', nullif(n.rd, ''), 'Tags', g.names) AS properties, n.custom_field_data AS custom,
               EXISTS (SELECT FROM ipam.address_space AS o WHERE o.name = n.name) AS is_present
        FROM %s AS n LEFT JOIN %s AS t ON t.id = n.tenant_id LEFT JOIN %s AS g ON g.id = n.id$sql$,
        spaces, tenants, ipam.netbox_tags(source_schema, 'vrf'));
    RETURN NEXT;

    -- An aggregate is a top block. The registries have shorter names here; RFC 1918 and the like are none.
    number := 2; kind := 'ipam_aggregate'; object_type := 'ip_block';
    columns := '{network,rir,rir_received_on,description,owner}';
    query := format($sql$
        SELECT n.id, n.prefix AS value,
               ARRAY[n.prefix, CASE WHEN NOT r.is_private::boolean THEN ipam.netbox_rir(r.name) END, n.date_added,
                     nullif(concat_ws(E'\n', nullif(n.description, ''), nullif(n.comments, '')), ''), t.name] AS fields,
               jsonb_build_object('Tags', g.names) AS properties, n.custom_field_data AS custom,
               row_number() OVER (PARTITION BY n.prefix ORDER BY n.id) = 1 AND EXISTS (SELECT FROM ipam.ip_block AS o WHERE o.network = n.prefix::cidr) AS is_present
        FROM %s AS n LEFT JOIN %s AS t ON t.id = n.tenant_id LEFT JOIN %s AS r ON r.id = n.rir_id LEFT JOIN %s AS g ON g.id = n.id$sql$,
        aggregates, tenants, rirs, ipam.netbox_tags(source_schema, 'aggregate'));
    RETURN NEXT;

    -- A container of the default space is a block; its registry is that of the smallest aggregate around it.
    number := 3; kind := 'ipam_prefix'; object_type := 'ip_block';
    query := format($sql$
        SELECT n.id, n.prefix AS value,
               ARRAY[n.prefix, CASE WHEN ipam.address_category(n.prefix::cidr, broadcast(n.prefix::cidr)) <> 'Private' THEN r.name END, NULL,
                     coalesce(nullif(concat_ws(E'\n', nullif(n.description, ''), nullif(n.comments, '')), ''), s.name), t.name] AS fields,
               jsonb_build_object('Network Site', CASE WHEN concat(n.description, n.comments) <> '' THEN s.name END, 'Region', e.name, 'Type of networks', o.name,
                   'VLAN', coalesce(nullif(l.name, ''), l.vid), 'Tags', g.names, 'Marked as utilized', CASE WHEN n.mark_utilized::boolean THEN 'yes' END) AS properties,
               n.custom_field_data AS custom,
               row_number() OVER (PARTITION BY n.prefix ORDER BY n.id) = 1 AND EXISTS (SELECT FROM ipam.ip_block AS o WHERE o.network = n.prefix::cidr) AS is_present
        FROM %s AS n LEFT JOIN %s AS t ON t.id = n.tenant_id LEFT JOIN %s AS s ON s.id = coalesce(n._site_id, n.site_id)
        LEFT JOIN %s AS e ON e.id = coalesce(n._region_id, s.region_id) LEFT JOIN %s AS o ON o.id = n.role_id LEFT JOIN %s AS l ON l.id = n.vlan_id
        LEFT JOIN %s AS g ON g.id = n.id
        LEFT JOIN LATERAL (
            SELECT ipam.netbox_rir(i.name) AS name FROM %s AS a JOIN %s AS i ON i.id = a.rir_id
            WHERE NOT i.is_private::boolean AND a.prefix::cidr >>= n.prefix::cidr
            ORDER BY masklen(a.prefix::cidr) DESC LIMIT 1) AS r ON true
        WHERE n.status = 'container' AND n.vrf_id IS NULL$sql$,
        prefixes, tenants, sites, regions, roles, vlans, ipam.netbox_tags(source_schema, 'prefix'), aggregates, rirs);
    RETURN NEXT;

    -- Every other prefix is a subnet. It has no name in NetBox: what describes it becomes one.
    number := 4; kind := 'ipam_prefix'; object_type := 'ip_subnet';
    columns := '{address_space,network,name,vlan_ids,description,owner}';
    query := format($sql$
        SELECT n.id, n.prefix AS value,
               ARRAY[CASE WHEN n.vrf_id IS NOT NULL THEN coalesce(v.name, 'VRF ' || n.vrf_id) END, n.prefix,
                     coalesce(nullif(n.description, ''), nullif(concat_ws(' ', s.name, r.name), ''), n.prefix), l.vid, nullif(n.comments, ''), t.name] AS fields,
               jsonb_build_object('Tenant', t.name, 'Network Site', s.name, 'Region', e.name, 'Type of networks', r.name, 'VLAN', nullif(l.name, ''),
                   'NetBox status', nullif(nullif(n.status, ''), 'active'), 'Tags', g.names, 'Pool', CASE WHEN n.is_pool::boolean THEN 'yes' END,
                   'Marked as utilized', CASE WHEN n.mark_utilized::boolean THEN 'yes' END) AS properties,
               n.custom_field_data AS custom,
               row_number() OVER (PARTITION BY n.vrf_id, n.prefix ORDER BY n.id) = 1
                   AND EXISTS (SELECT FROM ipam.ip_subnet AS o WHERE o.address_space_id = p.id AND o.network = n.prefix::cidr) AS is_present
        FROM %s AS n LEFT JOIN %s AS v ON v.id = n.vrf_id LEFT JOIN %s AS t ON t.id = n.tenant_id
        LEFT JOIN %s AS s ON s.id = coalesce(n._site_id, n.site_id) LEFT JOIN %s AS e ON e.id = coalesce(n._region_id, s.region_id)
        LEFT JOIN %s AS r ON r.id = n.role_id LEFT JOIN %s AS l ON l.id = n.vlan_id LEFT JOIN %s AS g ON g.id = n.id
        LEFT JOIN ipam.address_space AS p ON p.name = CASE WHEN n.vrf_id IS NULL THEN (SELECT d.name FROM ipam.address_space AS d WHERE d.is_default) ELSE v.name END
        WHERE NOT (coalesce(n.status, '') = 'container' AND n.vrf_id IS NULL)$sql$,
        prefixes, spaces, tenants, sites, regions, roles, vlans, ipam.netbox_tags(source_schema, 'prefix'));
    RETURN NEXT;

    -- The mask of the start address is the network that the hosts have.
    number := 5; kind := 'ipam_iprange'; object_type := 'ip_range';
    columns := '{address_space,network,start_address,end_address,address_assignment,utilization_calculation,utilized_addresses,description,owner}';
    query := format($sql$
        SELECT n.id, n.start_address || ' - ' || n.end_address AS value,
               ARRAY[CASE WHEN n.vrf_id IS NOT NULL THEN coalesce(v.name, 'VRF ' || n.vrf_id) END, network(n.start_address::inet)::text,
                     host(n.start_address::inet), host(n.end_address::inet), CASE n.status WHEN 'reserved' THEN 'Reserved' END,
                     CASE WHEN n.mark_utilized::boolean THEN 'Manual' END, CASE WHEN n.mark_utilized::boolean THEN n.size END,
                     nullif(concat_ws(E'\n', nullif(n.description, ''), nullif(n.comments, '')), ''), t.name] AS fields,
               jsonb_build_object('Tenant', t.name, 'Type of networks', r.name, 'NetBox status', nullif(nullif(n.status, ''), 'active'), 'Tags', g.names) AS properties,
               n.custom_field_data AS custom,
               row_number() OVER (PARTITION BY n.vrf_id, host(n.start_address::inet), host(n.end_address::inet) ORDER BY n.id) = 1
                   AND EXISTS (SELECT FROM ipam.ip_range AS o
                               WHERE o.address_space_id = p.id AND o.start_address = host(n.start_address::inet)::inet AND o.end_address = host(n.end_address::inet)::inet
                                 AND o.managed_by = 'IPAM' AND o.managed_by_entity = 'Localhost') AS is_present
        FROM %s AS n LEFT JOIN %s AS v ON v.id = n.vrf_id LEFT JOIN %s AS t ON t.id = n.tenant_id LEFT JOIN %s AS r ON r.id = n.role_id
        LEFT JOIN %s AS g ON g.id = n.id
        LEFT JOIN ipam.address_space AS p ON p.name = CASE WHEN n.vrf_id IS NULL THEN (SELECT d.name FROM ipam.address_space AS d WHERE d.is_default) ELSE v.name END$sql$,
        ipam.netbox_table(source_schema, 'ipam_iprange', '{id,start_address,end_address,size,status,description,comments,mark_utilized,role_id,tenant_id,vrf_id,custom_field_data}'),
        spaces, tenants, roles, ipam.netbox_tags(source_schema, 'iprange'));
    RETURN NEXT;

    -- The mask of an address says nothing that its subnet does not say.
    number := 6; kind := 'ipam_ipaddress'; object_type := 'ip_address';
    columns := '{address_space,address,state,address_assignment,device_name,notes,owner}';
    query := format($sql$
        SELECT n.id, n.address AS value,
               ARRAY[CASE WHEN n.vrf_id IS NOT NULL THEN coalesce(v.name, 'VRF ' || n.vrf_id) END, host(n.address::inet),
                     CASE n.status WHEN 'reserved' THEN 'Reserved' WHEN 'deprecated' THEN 'Inactive' END,
                     CASE WHEN n.role IN ('vip', 'vrrp', 'hsrp', 'glbp', 'carp', 'anycast') THEN 'VIP' WHEN n.status = 'dhcp' THEN 'Dynamic'
                          WHEN n.status = 'slaac' THEN 'Auto' END,
                     nullif(n.dns_name, ''), nullif(concat_ws(E'\n', nullif(n.description, ''), nullif(n.comments, '')), ''), t.name] AS fields,
               jsonb_build_object('Tenant', t.name, 'NetBox status', nullif(nullif(n.status, ''), 'active'), 'NetBox role', nullif(n.role, ''), 'Tags', g.names,
                   'NAT inside', host(i.address::inet)) AS properties,
               n.custom_field_data AS custom,
               row_number() OVER (PARTITION BY n.vrf_id, host(n.address::inet) ORDER BY n.id) = 1
                   AND EXISTS (SELECT FROM ipam.ip_address AS o
                               WHERE o.address_space_id = p.id AND o.address = host(n.address::inet)::inet
                                 AND o.managed_by = 'IPAM' AND o.managed_by_entity = 'Localhost') AS is_present
        FROM %1$s AS n LEFT JOIN %2$s AS v ON v.id = n.vrf_id LEFT JOIN %3$s AS t ON t.id = n.tenant_id LEFT JOIN %1$s AS i ON i.id = n.nat_inside_id
        LEFT JOIN %4$s AS g ON g.id = n.id
        LEFT JOIN ipam.address_space AS p ON p.name = CASE WHEN n.vrf_id IS NULL THEN (SELECT d.name FROM ipam.address_space AS d WHERE d.is_default) ELSE v.name END$sql$,
        addresses, spaces, tenants, ipam.netbox_tags(source_schema, 'ipaddress'));
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION ipam.netbox_steps(text) IS 'the steps of an import from NetBox, in order: the table, what becomes of its rows, the columns, and the query that reads them';

CREATE FUNCTION ipam.netbox_rir(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN split_part(name, ' ', 1) IN ('AFRINIC', 'APNIC', 'ARIN', 'LACNIC', 'RIPE') THEN split_part(name, ' ', 1) ELSE name END;
COMMENT ON FUNCTION ipam.netbox_rir(text) IS 'the name of a registry as the plan has it: RIPE for RIPE NCC';

-- Custom fields

-- A field of the users' own that takes any text, made if need be: by the name in NetBox, or by that with NetBox before it
-- where the name is a column's or that of another kind of field.
CREATE FUNCTION ipam.netbox_field(name text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    candidate text;
    present ipam.custom_field;
BEGIN
    FOREACH candidate IN ARRAY ARRAY[name, 'NetBox ' || name] LOOP
        SELECT f.* INTO present FROM ipam.custom_field AS f WHERE f.name = candidate;
        IF present.id IS NOT NULL AND present.type = 'Freeform' AND present.origin = 'External' THEN
            RETURN candidate;
        END IF;
        CONTINUE WHEN present.id IS NOT NULL;
        BEGIN
            INSERT INTO ipam.custom_field (name) VALUES (candidate);
            RETURN candidate;
        EXCEPTION WHEN SQLSTATE 'IP010' OR SQLSTATE 'IP601' OR SQLSTATE 'IP611' THEN
            CONTINUE; -- the length, the number of fields, the name of a column
        END;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.netbox_field(text) IS
    'name of the freeform custom field for a property or custom field of NetBox, made where there is none; NULL where there cannot be one';

CREATE FUNCTION ipam.netbox_custom_fields(data jsonb, field_names jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(jsonb_object_agg(field_names ->> e.key, v.text), '{}')
    FROM jsonb_each(CASE jsonb_typeof(data) WHEN 'object' THEN data END) AS e,
         LATERAL (SELECT CASE jsonb_typeof(e.value) WHEN 'string' THEN e.value #>> '{}' ELSE e.value::text END) AS v(text)
    WHERE e.value <> 'null' AND v.text <> '' AND field_names ->> e.key IS NOT NULL);
COMMENT ON FUNCTION ipam.netbox_custom_fields(jsonb, jsonb) IS 'the values of an object of NetBox by the names of their fields here, without the empty ones';

-- Tenants, sites, regions, roles and registries are values of built-in fields. Number 1 is RIR, 4 Type of networks,
-- 14 Network Site, 16 Tenant, 18 Region.
CREATE FUNCTION ipam.add_netbox_values(source_schema text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    present record;
BEGIN
    FOR present IN
        SELECT * FROM (VALUES (16, 'tenancy_tenant', 'n.name', '{name}'::text[]), (14, 'dcim_site', 'n.name', '{name}'), (18, 'dcim_region', 'n.name', '{name}'),
                              (4, 'ipam_role', 'n.name', '{name}'),
                              (1, 'ipam_rir', 'CASE WHEN NOT n.is_private::boolean THEN ipam.netbox_rir(n.name) END', '{name,is_private}')) AS v(field_id, source, value, columns)
    LOOP
        EXECUTE format('INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT DISTINCT %s, v.value FROM %s AS n, LATERAL (SELECT %s) AS v(value)
                        WHERE v.value <> %L ORDER BY v.value ON CONFLICT DO NOTHING',
                       present.field_id, ipam.netbox_table(source_schema, present.source, present.columns), present.value, '');
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.add_netbox_values(text) IS 'adds the tenants, sites, regions, roles and registries of NetBox to the values of their built-in fields';

-- The fields that the rows of a step need, by their names in NetBox, for those that do not have one yet.
CREATE FUNCTION ipam.add_netbox_fields(query text, part text, known jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    key text;
    found jsonb := known;
BEGIN
    FOR key IN EXECUTE format(
        'SELECT DISTINCT e.key COLLATE "C" FROM (%s) AS s, jsonb_each(s.%I::jsonb) AS e WHERE e.value NOT IN (%L, %L) AND NOT $1 ? e.key ORDER BY 1',
        query, part, 'null', '""') USING known
    LOOP
        found := found || jsonb_build_object(key, CASE
            WHEN part = 'properties' AND key IN ('Tenant', 'Network Site', 'Region', 'Type of networks') THEN key
            WHEN part = 'custom' AND key = ANY (ipam.netbox_properties()) THEN ipam.netbox_field('NetBox ' || key)
            ELSE ipam.netbox_field(key) END);
    END LOOP;
    RETURN found;
END
$$;
COMMENT ON FUNCTION ipam.add_netbox_fields(text, text, jsonb) IS
    'names of the custom fields for the properties or custom fields that rows of NetBox have; makes those that are not there';

-- The call

CREATE FUNCTION ipam.import_netbox(source_schema text DEFAULT 'public') RETURNS SETOF ipam.netbox_remark
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    refused boolean;
    property_names jsonb := '{}'::jsonb;
    custom_names jsonb := '{}'::jsonb;
    step record;
    field_names text[];
    part_rows bigint; -- of the part of the rows that is being imported
    part_present bigint;
    part_names jsonb;
    part_left_out jsonb;
    part_batch ipam.import_row[];
    batch ipam.import_row[];
    faults ipam.import_fault[];
    row_count bigint;
    present_count bigint;
    refused_count bigint;
BEGIN
    PERFORM ipam.require_ready_store();
    IF source_schema IS NULL THEN
        refused := ipam.raise_fault('IpamApiImportFailed', 'the schema with the tables of NetBox is missing', 'source_schema is NULL.',
            'Leave it out for the schema public.');
    ELSIF NOT EXISTS (SELECT FROM ipam.netbox_steps(source_schema) AS s WHERE to_regclass(format('%I.%I', source_schema, s.kind)) IS NOT NULL) THEN
        refused := ipam.raise_fault('IpamApiImportFailed', format('there are no tables of NetBox in schema "%s"', source_schema),
            'Looked for are ipam_vrf, ipam_aggregate, ipam_prefix, ipam_iprange and ipam_ipaddress.',
            'Give the schema that has them; IMPORT FOREIGN SCHEMA of postgres_fdw brings those of another database.');
    END IF;
    PERFORM ipam.add_netbox_values(source_schema);
    FOR step IN SELECT * FROM ipam.netbox_steps(source_schema) AS s ORDER BY s.number LOOP
        field_names := ARRAY[]::text[];
        IF step.object_type <> 'ip_block' THEN
            property_names := ipam.add_netbox_fields(step.query, 'properties', property_names);
            custom_names := ipam.add_netbox_fields(step.query, 'custom', custom_names);
            field_names := ARRAY (SELECT p.value FROM jsonb_each_text(property_names) AS p WHERE p.value IS NOT NULL
                                  UNION SELECT c.value FROM jsonb_each_text(custom_names) AS c WHERE c.value IS NOT NULL ORDER BY 1);
        END IF;
        row_count := 0;
        present_count := 0;
        refused_count := 0;
        FOR part_rows, part_present, part_left_out, part_names, part_batch IN EXECUTE format(
            'SELECT count(*), count(*) FILTER (WHERE s.is_present), jsonb_object_agg(s.id, c.left_out) FILTER (WHERE c.left_out IS NOT NULL AND NOT s.is_present),
                    jsonb_object_agg(s.id, s.value),
                    coalesce(array_agg(ROW(s.id, s.fields || ARRAY (SELECT c.custom_fields ->> f.name FROM unnest($3) WITH ORDINALITY AS f(name, place) ORDER BY f.place),
                                           NULL, NULL)::ipam.import_row ORDER BY s.id) FILTER (WHERE NOT s.is_present), ARRAY[]::ipam.import_row[])
             FROM (SELECT q.*, row_number() OVER (ORDER BY q.id) AS number FROM (%s) AS q) AS s,
                  LATERAL (SELECT ipam.netbox_custom_fields(s.custom::jsonb, $1) || ipam.netbox_custom_fields(s.properties, $2),
                                  CASE WHEN $4 THEN (SELECT string_agg(format(%L, k.key), %L ORDER BY k.key)
                                                     FROM jsonb_each(jsonb_strip_nulls(s.properties) || CASE WHEN s.custom IS NULL THEN %L ELSE jsonb_strip_nulls(s.custom::jsonb) END) AS k
                                                     WHERE k.value <> %L) END) AS c(custom_fields, left_out)
             GROUP BY s.number / 1000 ORDER BY s.number / 1000', step.query, '"%s"', ', ', '{}', '""')
            USING custom_names, property_names, field_names, step.object_type = 'ip_block'
        LOOP
            -- A value that is too long for a custom field is left out.
            SELECT array_agg(ROW(r.line, ARRAY (
                SELECT CASE WHEN f.place <= cardinality(step.columns) OR length(f.value) <= 256 THEN f.value END
                FROM unnest(r.fields) WITH ORDINALITY AS f(value, place) ORDER BY f.place), NULL, NULL)::ipam.import_row ORDER BY r.line)
            INTO batch FROM unnest(part_batch) AS r;
            faults := ipam.load_batch(ipam.import_statement(step.object_type, step.columns || field_names, false), step.object_type,
                                      step.columns || field_names, coalesce(batch, part_batch));
            RETURN QUERY
            SELECT step.kind, f.line, part_names ->> f.line::text, false, f.sqlstate, f.fault, f.message, f.detail, f.hint
            FROM unnest(faults) AS f;
            RETURN QUERY
            SELECT step.kind, r.line, part_names ->> r.line::text, NOT EXISTS (SELECT FROM unnest(faults) AS x WHERE x.line = r.line), t.sqlstate, t.fault,
                   format('the value of custom field "%s" is too long and was left out', field_names[f.place - cardinality(step.columns)]),
                   format('It has %s characters; 256 are possible.', length(f.value)), NULL::text
            FROM unnest(part_batch) AS r, unnest(r.fields) WITH ORDINALITY AS f(value, place), ipam.faults() AS t
            WHERE f.place > cardinality(step.columns) AND length(f.value) > 256 AND t.fault = 'IpamApiStringLengthNotAcceptable'
            ORDER BY r.line, f.place;
            RETURN QUERY
            SELECT step.kind, l.key::bigint, part_names ->> l.key, true, t.sqlstate, t.fault, 'a block has no custom fields', format('Left out: %s.', l.value), NULL::text
            FROM jsonb_each_text(part_left_out) AS l, ipam.faults() AS t
            WHERE t.fault = 'IpamApiValidationFailure' AND NOT EXISTS (SELECT FROM unnest(faults) AS x WHERE x.line = l.key::bigint)
            ORDER BY l.key::bigint;
            row_count := row_count + part_rows;
            present_count := present_count + part_present;
            refused_count := refused_count + cardinality(faults);
        END LOOP;
        RAISE NOTICE '% to %: % rows, % taken, % there already, % not taken', step.kind, step.object_type,
            row_count, row_count - present_count - refused_count, present_count, refused_count;
    END LOOP;
    RETURN QUERY
    SELECT 'extras_customfield', NULL::bigint, c.key, false, t.sqlstate, t.fault, format('"%s" of NetBox cannot be a custom field', c.key),
           'There are 128 fields already, or its name is too long, or both its name and that with "NetBox" before it are taken.',
           'Roll back, delete or rename a custom field, and import again.'
    FROM jsonb_each_text(property_names || custom_names) AS c, ipam.faults() AS t
    WHERE c.value IS NULL AND t.fault = 'IpamApiValidationFailure' ORDER BY c.key;
END
$$;
COMMENT ON FUNCTION ipam.import_netbox(text) IS
    'takes the tables of a NetBox in a schema into the plan: VRFs, aggregates, prefixes, IP ranges and IP addresses; returns a remark for each row, or part of one, that was not taken. What is there already stays as it is';
-- Provisioning: the rows that every store begins with (MS-IPAMM2 3.1.1.1.14 to 16, 28, 33).

-- The position in the list is the number of the value: a new name goes to the end.
CREATE FUNCTION ipam.country_names() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
        'Afghanistan', 'Åland Islands', 'Albania', 'Algeria', 'American Samoa', 'Andorra', 'Angola', 'Anguilla',
        'Antarctica', 'Antigua and Barbuda', 'Argentina', 'Armenia', 'Aruba', 'Australia', 'Austria', 'Azerbaijan',
        'Bahamas', 'Bahrain', 'Bangladesh', 'Barbados', 'Belarus', 'Belgium', 'Belize', 'Benin', 'Bermuda', 'Bhutan',
        'Bolivia', 'Bonaire, Sint Eustatius and Saba', 'Bosnia and Herzegovina', 'Botswana', 'Bouvet Island',
        'Brazil', 'British Indian Ocean Territory', 'Brunei Darussalam', 'Bulgaria', 'Burkina Faso', 'Burundi',
        'Cabo Verde', 'Cambodia', 'Cameroon', 'Canada', 'Cayman Islands', 'Central African Republic', 'Chad', 'Chile',
        'China', 'Christmas Island', 'Cocos (Keeling) Islands', 'Colombia', 'Comoros', 'Congo',
        'Congo, The Democratic Republic of the', 'Cook Islands', 'Costa Rica', 'Côte d''Ivoire', 'Croatia', 'Cuba',
        'Curaçao', 'Cyprus', 'Czechia', 'Denmark', 'Djibouti', 'Dominica', 'Dominican Republic', 'Ecuador', 'Egypt',
        'El Salvador', 'Equatorial Guinea', 'Eritrea', 'Estonia', 'Eswatini', 'Ethiopia',
        'Falkland Islands (Malvinas)', 'Faroe Islands', 'Fiji', 'Finland', 'France', 'French Guiana',
        'French Polynesia', 'French Southern Territories', 'Gabon', 'Gambia', 'Georgia', 'Germany', 'Ghana',
        'Gibraltar', 'Greece', 'Greenland', 'Grenada', 'Guadeloupe', 'Guam', 'Guatemala', 'Guernsey', 'Guinea',
        'Guinea-Bissau', 'Guyana', 'Haiti', 'Heard Island and McDonald Islands', 'Holy See (Vatican City State)',
        'Honduras', 'Hong Kong', 'Hungary', 'Iceland', 'India', 'Indonesia', 'Iran', 'Iraq', 'Ireland', 'Isle of Man',
        'Israel', 'Italy', 'Jamaica', 'Japan', 'Jersey', 'Jordan', 'Kazakhstan', 'Kenya', 'Kiribati', 'Kuwait',
        'Kyrgyzstan', 'Laos', 'Latvia', 'Lebanon', 'Lesotho', 'Liberia', 'Libya', 'Liechtenstein', 'Lithuania',
        'Luxembourg', 'Macao', 'Madagascar', 'Malawi', 'Malaysia', 'Maldives', 'Mali', 'Malta', 'Marshall Islands',
        'Martinique', 'Mauritania', 'Mauritius', 'Mayotte', 'Mexico', 'Micronesia, Federated States of', 'Moldova',
        'Monaco', 'Mongolia', 'Montenegro', 'Montserrat', 'Morocco', 'Mozambique', 'Myanmar', 'Namibia', 'Nauru',
        'Nepal', 'Netherlands', 'New Caledonia', 'New Zealand', 'Nicaragua', 'Niger', 'Nigeria', 'Niue',
        'Norfolk Island', 'North Korea', 'North Macedonia', 'Northern Mariana Islands', 'Norway', 'Oman', 'Pakistan',
        'Palau', 'Palestine, State of', 'Panama', 'Papua New Guinea', 'Paraguay', 'Peru', 'Philippines', 'Pitcairn',
        'Poland', 'Portugal', 'Puerto Rico', 'Qatar', 'Réunion', 'Romania', 'Russian Federation', 'Rwanda',
        'Saint Barthélemy', 'Saint Helena, Ascension and Tristan da Cunha', 'Saint Kitts and Nevis', 'Saint Lucia',
        'Saint Martin (French part)', 'Saint Pierre and Miquelon', 'Saint Vincent and the Grenadines', 'Samoa',
        'San Marino', 'Sao Tome and Principe', 'Saudi Arabia', 'Senegal', 'Serbia', 'Seychelles', 'Sierra Leone',
        'Singapore', 'Sint Maarten (Dutch part)', 'Slovakia', 'Slovenia', 'Solomon Islands', 'Somalia',
        'South Africa', 'South Georgia and the South Sandwich Islands', 'South Korea', 'South Sudan', 'Spain',
        'Sri Lanka', 'Sudan', 'Suriname', 'Svalbard and Jan Mayen', 'Sweden', 'Switzerland', 'Syria', 'Taiwan',
        'Tajikistan', 'Tanzania', 'Thailand', 'Timor-Leste', 'Togo', 'Tokelau', 'Tonga', 'Trinidad and Tobago',
        'Tunisia', 'Türkiye', 'Turkmenistan', 'Turks and Caicos Islands', 'Tuvalu', 'Uganda', 'Ukraine',
        'United Arab Emirates', 'United Kingdom', 'United States', 'United States Minor Outlying Islands', 'Uruguay',
        'Uzbekistan', 'Vanuatu', 'Venezuela', 'Vietnam', 'Virgin Islands, British', 'Virgin Islands, U.S.',
        'Wallis and Futuna', 'Western Sahara', 'Yemen', 'Zambia', 'Zimbabwe'
    ];
COMMENT ON FUNCTION ipam.country_names() IS 'names of the countries and regions of ISO 3166-1: the built-in values of custom field 3';

CREATE FUNCTION ipam.built_in_custom_fields(OUT number integer, OUT name text, OUT built_in_values text[])
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 18
BEGIN ATOMIC
    VALUES
        (1, 'RIR', ARRAY['AFRINIC', 'APNIC', 'ARIN', 'LACNIC', 'RIPE']),
        (2, 'RegionLegacy', ARRAY['Asia', 'Caribbean', 'Central America', 'Eastern Europe', 'European Union', 'Middle East',
            'North America', 'Oceania', 'South America']),
        (3, 'Country/Region', ipam.country_names()),
        (4, 'Type of networks', '{}'),
        (5, 'AD site', '{}'),
        (6, 'Microsoft server role', '{}'),
        (7, 'Device type', ARRAY['Firewall', 'Host', 'Load balancer', 'Microsoft Servers', 'Non-Microsoft servers', 'Printer',
            'Routers', 'Switch', 'Terminal server', 'VM', 'VM Manager', 'VOIP Gateway', 'WAN optimizer', 'Wireless AP',
            'Wireless controller']),
        (8, 'Managed by', ARRAY['IPAM', 'MS DHCP', 'Non-MS DHCP', 'VM Manager', 'Others']),
        (9, 'Managed by entity', ARRAY['Localhost']),
        (10, 'IP Address State', ARRAY['In-Use', 'Reserved', 'Inactive']),
        (11, 'IP Pool Name', '{}'),
        (12, 'Logical Network', '{}'),
        (13, 'DNS Suffix', '{}'),
        (14, 'Network Site', '{}'),
        (15, 'VM Network', '{}'),
        (16, 'Tenant', '{}'),
        (17, 'Isolation Method', ARRAY['NVGRE', 'VLAN', 'VXLAN', 'IPRewrite']),
        (18, 'Region', '{}');
END;
COMMENT ON FUNCTION ipam.built_in_custom_fields() IS
    'the built-in custom fields and their values, each value''s number being its position (MS-IPAMM2 3.1.1.1.14.1, 3.1.1.1.15.1)';

CREATE FUNCTION ipam.default_properties(OUT name text, OUT value text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 18
BEGIN ATOMIC
    VALUES
        ('MaximumUtilizationThreshold', '80'),
        ('MinimumUtilizationThreshold', '20'),
        ('ExpiryAlertThreshold', '10'),
        ('IpamExpiryLoggingPeriodicity', 'Once'),
        ('ProvisioningMode', 'Manual'),
        ('GpoPrefix', NULL),
        ('LastAddressUtilizationCollectionTaskRuntime', NULL),
        ('LastDiscoveryTaskRuntime', NULL),
        ('LastPurgeAuditResult', NULL),
        ('LastUtilizationPurgeResult', NULL),
        ('IPAuditTrackingFeature', '1'),
        ('IpamSecurityGroupIpamUsers', 'ipam_users'),
        ('IpamSecurityGroupIpamAdministrators', 'ipam_administrators'),
        ('IpamSecurityGroupIpamAsmAdministrators', 'ipam_asm_administrators'),
        ('IpamSecurityGroupIpamMsmAdministrators', 'ipam_msm_administrators'),
        ('IpamSecurityGroupIpamIPAuditAdministrators', 'ipam_ip_audit_administrators'),
        ('RowCountOnFirstFetch', NULL),
        ('DatabaseSchemaVersion', NULL);
END;
COMMENT ON FUNCTION ipam.default_properties() IS
    'the common properties of a new store, without the date of provisioning (MS-IPAMM2 3.1.1.1.28.1)';

CREATE FUNCTION ipam.refuse_if_configured() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    configured_at text;
BEGIN
    SELECT p.value INTO configured_at FROM ipam.common_property AS p WHERE p.name = 'IpamConfiguredDate';
    IF configured_at IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiErrorIpamAlreadyProvisioned', 'the store has been provisioned already',
            format('It was provisioned at %s.', configured_at),
            'Nothing is left to do; ipam.is_ipam_configured() tells whether a store is provisioned.');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.refuse_if_configured() IS 'a fault where the store has been provisioned';

-- Security groups are roles of the server, named by common properties.

CREATE FUNCTION ipam.security_groups(OUT property text, OUT role_name name)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
    SELECT p.name, p.value::name FROM ipam.common_property AS p
    WHERE p.name LIKE 'IpamSecurityGroup%' AND p.value IS NOT NULL ORDER BY p.name;
END;
COMMENT ON FUNCTION ipam.security_groups() IS 'the roles that stand for the security groups of the model (MS-IPAMM2 3.1.1.2)';

-- Administrators belong to all groups, every other group belongs to the users (facts of 3.1.4.3).
CREATE FUNCTION ipam.missing_security_groups() RETURNS SETOF text
LANGUAGE sql STABLE ROWS 12
BEGIN ATOMIC
    SELECT format('CREATE ROLE %I', g.role_name) FROM ipam.security_groups() AS g
    WHERE NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = g.role_name)
    UNION ALL
    SELECT format('GRANT %I TO %I', g.role_name, m.role_name)
    FROM ipam.security_groups() AS g JOIN ipam.security_groups() AS m
      ON (g.property = 'IpamSecurityGroupIpamUsers' OR m.property = 'IpamSecurityGroupIpamAdministrators') AND g.role_name <> m.role_name
    WHERE g.property <> 'IpamSecurityGroupIpamAdministrators' AND m.property <> 'IpamSecurityGroupIpamUsers'
      AND NOT EXISTS (SELECT FROM pg_auth_members AS a JOIN pg_roles AS r ON r.oid = a.roleid JOIN pg_roles AS n ON n.oid = a.member
                      WHERE r.rolname = g.role_name AND n.rolname = m.role_name);
END;
COMMENT ON FUNCTION ipam.missing_security_groups() IS 'statements that make the roles and memberships that the server does not have';

CREATE FUNCTION ipam.create_security_groups() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    statements CONSTANT text[] := ARRAY (SELECT ipam.missing_security_groups());
    statement text;
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        BEGIN
            EXECUTE statement;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database is being provisioned at the same time
            WHEN insufficient_privilege THEN
                refused := ipam.raise_fault('IpamApiErrorSecurityGroupCreationFailed',
                    format('role "%s" may not create the security groups', current_user), format('The server says: %s.', SQLERRM),
                    format('Let a superuser run: %s; then provision again.', array_to_string(statements, '; ')));
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.create_security_groups() IS 'creates the roles and memberships of the security groups that are missing';

-- Users read; administrators of address space management write the plan; administrators set it up.
CREATE FUNCTION ipam.grant_rights() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    users name;
    writers name;
    administrators name;
    own record;
BEGIN
    SELECT p.value INTO users FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamUsers';
    SELECT p.value INTO writers FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamAsmAdministrators';
    SELECT p.value INTO administrators FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamAdministrators';
    EXECUTE format('GRANT USAGE ON SCHEMA ipam TO %I', users);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA ipam TO %I', users);
    -- Not ALL FUNCTIONS: the constructors of the range types belong to the server's first superuser.
    FOR own IN
        SELECT p.oid::regprocedure AS routine, CASE p.proname WHEN 'launch_async_worker' THEN administrators ELSE users END AS role_name
        FROM pg_proc AS p
        WHERE p.pronamespace = 'ipam'::regnamespace AND p.prokind = 'f' AND pg_has_role(current_user, p.proowner, 'USAGE')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', own.routine, own.role_name);
    END LOOP;
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.address_space, ipam.ip_block, ipam.ip_subnet, ipam.ip_range, ipam.ip_address, '
                   'ipam.custom_field, ipam.custom_field_value, ipam.custom_field_value_association TO %I', writers);
    EXECUTE format('GRANT INSERT, UPDATE ON ipam.plan_lock TO %I', writers);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.released_address TO %I', writers);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.logical_group, ipam.logical_group_field TO %I', administrators);
    EXECUTE format('GRANT INSERT, UPDATE ON ipam.common_property, ipam.async_session, ipam.schema_conversion_progress TO %I', administrators);
    EXECUTE format('GRANT DELETE ON ipam.schema_conversion_progress TO %I', administrators);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.task_run, ipam.range_utilization_history, ipam.block_utilization_history, '
                   'ipam.range_utilization_status, ipam.expiry_event TO %I', administrators);
    EXECUTE format('GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA ipam TO %I', administrators);
END
$$;
COMMENT ON FUNCTION ipam.grant_rights() IS 'gives the security groups their rights on the objects of the extension';

-- The steps, in order. Each can be repeated: what is there already stays as it is.
CREATE FUNCTION ipam.provisioning_steps() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY['common properties', 'custom fields', 'custom field values', 'logical groups', 'default address space',
             'security groups', 'rights', 'configured'];
COMMENT ON FUNCTION ipam.provisioning_steps() IS 'names of the steps of provisioning, in order';

CREATE FUNCTION ipam.provisioning_step(session ipam.async_session) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    steps CONSTANT text[] := ipam.provisioning_steps();
    present CONSTANT text := steps[session.step + 1];
BEGIN
    PERFORM ipam.refuse_if_configured();
    CASE present
    WHEN 'common properties' THEN
        INSERT INTO ipam.common_property (name, value)
        SELECT p.name, CASE p.name WHEN 'DatabaseSchemaVersion' THEN ipam.get_ipam_version()
                            ELSE coalesce(session.properties ->> p.name, p.value) END
        FROM ipam.default_properties() AS p
        ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value WHERE session.properties ? EXCLUDED.name; -- of a session that failed
    WHEN 'custom fields' THEN
        INSERT INTO ipam.custom_field (id, name, type, origin, built_in_number) OVERRIDING SYSTEM VALUE
        SELECT f.number, f.name, 'Multivalued', 'BuiltIn', f.number FROM ipam.built_in_custom_fields() AS f ORDER BY f.number
        ON CONFLICT DO NOTHING;
    WHEN 'custom field values' THEN
        INSERT INTO ipam.custom_field_value (custom_field_id, value, built_in_value_number)
        SELECT f.number, v.value, v.number
        FROM ipam.built_in_custom_fields() AS f, unnest(f.built_in_values) WITH ORDINALITY AS v(value, number)
        ORDER BY f.number, v.number
        ON CONFLICT DO NOTHING;
    WHEN 'logical groups' THEN
        INSERT INTO ipam.logical_group (id, name, users, origin, built_in_number) OVERRIDING SYSTEM VALUE
        VALUES (1, 'Network devices', 'IPAddressSpaceManagement', 'BuiltIn', 1),
               (2, 'Managed by', 'IPAddressSpaceManagement', 'BuiltIn', 2),
               (3, 'VirtualizedProviderAddressSpace', 'IPAddressSpaceManagement', 'BuiltIn', 3)
        ON CONFLICT DO NOTHING;
        INSERT INTO ipam.logical_group_field (logical_group_id, position, custom_field_id)
        VALUES (1, 1, 7),             -- Device type
               (2, 1, 8), (2, 2, 9),  -- Managed by, Managed by entity
               (3, 1, 12), (3, 2, 14) -- Logical Network, Network Site
        ON CONFLICT DO NOTHING;
    WHEN 'default address space' THEN
        INSERT INTO ipam.address_space (id, name, type) OVERRIDING SYSTEM VALUE
        VALUES (1, 'Default IP Address Space', 'Provider')
        ON CONFLICT DO NOTHING;
    WHEN 'security groups' THEN
        PERFORM ipam.create_security_groups();
    WHEN 'rights' THEN
        PERFORM ipam.grant_rights();
    WHEN 'configured' THEN
        -- A second session that got as far as this waits here for the first one.
        INSERT INTO ipam.common_property AS p (name, value)
        VALUES ('IpamConfiguredDate', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
        ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value WHERE p.value IS NULL;
        IF NOT FOUND THEN
            PERFORM ipam.refuse_if_configured();
        END IF;
    END CASE;
    UPDATE ipam.async_session SET step = session.step + 1, step_name = present WHERE id = session.id;
    RETURN session.step + 1 = cardinality(steps);
END
$$;
COMMENT ON FUNCTION ipam.provisioning_step(ipam.async_session) IS 'does the next step of a provisioning session; whether it was the last one';
-- Schema conversion: brings the data of an older store to the layout of the installed version, in small
-- batches while others go on working. ALTER EXTENSION ipam UPDATE has brought the objects before.

-- What there is to convert is registered by the scripts of the versions, and therefore not dumped.
CREATE TABLE ipam.schema_conversion (
    from_version text NOT NULL,
    to_version   text NOT NULL,
    PRIMARY KEY (from_version, to_version)
);
COMMENT ON TABLE ipam.schema_conversion IS 'version steps that the installed version can take; filled by its scripts';
COMMENT ON COLUMN ipam.schema_conversion.from_version IS 'version of the store before';
COMMENT ON COLUMN ipam.schema_conversion.to_version IS 'version of the store after';

CREATE TABLE ipam.schema_conversion_step (
    from_version   text NOT NULL,
    to_version     text NOT NULL,
    position       integer NOT NULL,
    name           text NOT NULL,
    is_switch      boolean NOT NULL DEFAULT false,
    batch_function text NOT NULL,
    count_function text,
    PRIMARY KEY (from_version, to_version, position),
    CONSTRAINT schema_conversion_step_version_fkey FOREIGN KEY (from_version, to_version) REFERENCES ipam.schema_conversion ON DELETE CASCADE
);
COMMENT ON TABLE ipam.schema_conversion_step IS 'steps of a version step, in order; filled by the scripts of the versions';
COMMENT ON COLUMN ipam.schema_conversion_step.from_version IS 'version of the store before';
COMMENT ON COLUMN ipam.schema_conversion_step.to_version IS 'version of the store after';
COMMENT ON COLUMN ipam.schema_conversion_step.position IS 'order of the step';
COMMENT ON COLUMN ipam.schema_conversion_step.name IS 'name, for people';
COMMENT ON COLUMN ipam.schema_conversion_step.is_switch IS 'whether it takes a strong lock for a moment: tried again as it is, where a batch that cannot get its locks becomes smaller';
COMMENT ON COLUMN ipam.schema_conversion_step.batch_function IS
    'function (after text, batch_rows integer, OUT rows bigint, OUT high_water text, OUT finished boolean) that goes through so many rows behind a key';
COMMENT ON COLUMN ipam.schema_conversion_step.count_function IS 'function () that estimates the rows to go through; NULL: unknown';

CREATE TABLE ipam.schema_conversion_progress (
    from_version text NOT NULL,
    to_version   text NOT NULL,
    position     integer NOT NULL,
    high_water   text,
    batch_rows   integer NOT NULL DEFAULT 500,
    rows_done    bigint NOT NULL DEFAULT 0,
    rows_total   bigint,
    is_finished  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (from_version, to_version, position)
);
COMMENT ON TABLE ipam.schema_conversion_progress IS 'how far the conversion of this store is; survives sessions, so that the next one goes on';
COMMENT ON COLUMN ipam.schema_conversion_progress.from_version IS 'version of the store before';
COMMENT ON COLUMN ipam.schema_conversion_progress.to_version IS 'version of the store after';
COMMENT ON COLUMN ipam.schema_conversion_progress.position IS 'the step';
COMMENT ON COLUMN ipam.schema_conversion_progress.high_water IS 'key of the last row that is converted';
COMMENT ON COLUMN ipam.schema_conversion_progress.batch_rows IS 'rows of the next batch, adjusted to keep a batch under 100 ms';
COMMENT ON COLUMN ipam.schema_conversion_progress.rows_done IS 'rows gone through';
COMMENT ON COLUMN ipam.schema_conversion_progress.rows_total IS 'rows to go through, as estimated so far; NULL: unknown';
COMMENT ON COLUMN ipam.schema_conversion_progress.is_finished IS 'whether the step is done';

-- Versions

CREATE FUNCTION ipam.get_ipam_version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'ipam');
COMMENT ON FUNCTION ipam.get_ipam_version() IS 'installed version of the extension (MS-IPAMM2 3.3.4.81)';

CREATE FUNCTION ipam.store_version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (SELECT p.value FROM ipam.common_property AS p WHERE p.name = 'DatabaseSchemaVersion');
COMMENT ON FUNCTION ipam.store_version() IS 'version of the layout of the store''s data; NULL before provisioning';

CREATE FUNCTION ipam.is_schema_conversion_required() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.is_ipam_configured() AND ipam.store_version() IS DISTINCT FROM ipam.get_ipam_version();
COMMENT ON FUNCTION ipam.is_schema_conversion_required() IS
    'whether the data of the store are not in the layout of the installed version (MS-IPAMM2 3.3.4.117)';

-- The gate of the operations (3.1.4.2): before provisioning, and while a conversion is required, they
-- refuse. Tables can be read.
CREATE FUNCTION ipam.refuse_unready_store() RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF NOT ipam.is_ipam_configured() THEN
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilProvisioningIsDone', 'the store has not been provisioned', NULL,
            'CALL ipam.provision(), or start it in the background with ipam.start_async_provisioning().');
    ELSIF ipam.is_schema_conversion_required() THEN
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilSchemaConversionIsDone', 'the store has to be converted first',
            format('Its data have the layout of version %s, the extension has version %s.', ipam.store_version(), ipam.get_ipam_version()),
            'CALL ipam.convert_schema(), or start it in the background with ipam.start_async_schema_conversion().');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.refuse_unready_store() IS 'a fault that says whether the store is not provisioned or not converted';

CREATE FUNCTION ipam.require_ready_store() RETURNS void
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'ipam_require_ready_store';
COMMENT ON FUNCTION ipam.require_ready_store() IS 'a fault where the store is not provisioned or not converted (MS-IPAMM2 3.1.4.2)';

-- The way from the store's version to the installed one, or a fault: none is needed, none is known, ...
CREATE FUNCTION ipam.conversion_path(OUT from_version text, OUT to_version text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    store CONSTANT text := ipam.store_version();
    installed CONSTANT text := ipam.get_ipam_version();
    way text[];
BEGIN
    IF NOT ipam.is_ipam_configured() THEN
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilProvisioningIsDone', 'the store has not been provisioned',
            'There is nothing to convert yet.', 'CALL ipam.provision() makes the store.');
    ELSIF store IS NULL OR store !~ '^[0-9]{1,9}(\.[0-9]{1,9}){0,3}$' THEN
        refused := ipam.raise_fault('IpamApiErrorSchemaVersionNumberFormatError', format('"%s" is not a version', store),
            'The common property DatabaseSchemaVersion must hold the version of the store, like 1.0.');
    ELSIF store = installed THEN
        refused := ipam.raise_fault('IpamSchemaConversionNotRequired', 'no conversion is required', format('The store has version %s, as the extension.', store));
    ELSIF string_to_array(store, '.')::integer[] > string_to_array(installed, '.')::integer[] THEN
        refused := ipam.raise_fault('IpamApiErrorDatabaseIsAtHigherVersion', format('the store has version %s, the extension only %s', store, installed),
            NULL, 'Install the newer version of the extension.');
    END IF;
    WITH RECURSIVE ways AS (
        SELECT ARRAY[store] AS stops
        UNION ALL
        SELECT w.stops || c.to_version FROM ways AS w JOIN ipam.schema_conversion AS c ON c.from_version = w.stops[cardinality(w.stops)]
        WHERE c.to_version <> ALL (w.stops)
    )
    SELECT w.stops INTO way FROM ways AS w WHERE w.stops[cardinality(w.stops)] = installed ORDER BY cardinality(w.stops), w.stops LIMIT 1;
    IF way IS NULL THEN
        refused := ipam.raise_fault('IpamApiErrorUpgradePathNotAvailable', format('no way leads from version %s to version %s', store, installed),
            'No conversion is registered for it.', 'Update the extension over a version in between.');
    END IF;
    RETURN QUERY SELECT way[n], way[n + 1] FROM generate_series(1, cardinality(way) - 1) AS n ORDER BY n;
END
$$;
COMMENT ON FUNCTION ipam.conversion_path() IS 'version steps from the store to the installed version, in order, or a fault that says why there are none';

CREATE FUNCTION ipam.get_schema_conversion_info(OUT is_required boolean, OUT configured_version text, OUT next_version text, OUT installed_version text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    is_required := ipam.is_schema_conversion_required();
    configured_version := ipam.store_version();
    installed_version := ipam.get_ipam_version();
    IF is_required THEN
        next_version := (SELECT p.to_version FROM ipam.conversion_path() AS p LIMIT 1);
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.get_schema_conversion_info() IS
    'whether a conversion is required, the store''s version, the next one on the way and the installed one (MS-IPAMM2 3.3.4.100)';

-- Steps

CREATE FUNCTION ipam.count_conversion_steps() RETURNS integer
LANGUAGE sql STABLE
RETURN (SELECT (count(s.position) FILTER (WHERE g.is_finished IS NOT TRUE) + count(DISTINCT (p.from_version, p.to_version)))::integer
        FROM ipam.conversion_path() AS p
        LEFT JOIN ipam.schema_conversion_step AS s USING (from_version, to_version)
        LEFT JOIN ipam.schema_conversion_progress AS g USING (from_version, to_version, position));
COMMENT ON FUNCTION ipam.count_conversion_steps() IS
    'number of steps that are left from the store''s version to the installed one, setting the version included';

-- Nobody who writes may have to wait long for a batch: it works for about 60 ms, and gives up after 100 ms
-- what it holds when it has to wait for others itself.
CREATE FUNCTION ipam.conversion_step(session ipam.async_session) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
AS $$
DECLARE
    target_milliseconds CONSTANT numeric := 60;
    least_rows CONSTANT integer := 10;
    most_rows CONSTANT integer := 20000;
    version record;
    present ipam.schema_conversion_step;
    progress ipam.schema_conversion_progress;
    batch_done bigint;
    before text;
    smaller integer;
    finished boolean;
    steps_left integer;
    began timestamptz;
    milliseconds numeric;
BEGIN
    SELECT * INTO version FROM ipam.conversion_path() LIMIT 1;
    steps_left := ipam.count_conversion_steps();
    SELECT s.* INTO present FROM ipam.schema_conversion_step AS s
    WHERE (s.from_version, s.to_version) = (version.from_version, version.to_version)
      AND NOT EXISTS (SELECT FROM ipam.schema_conversion_progress AS p
                      WHERE (p.from_version, p.to_version, p.position) = (s.from_version, s.to_version, s.position) AND p.is_finished)
    ORDER BY s.position LIMIT 1;

    IF present.position IS NULL THEN -- all steps are done: the store has the new version
        UPDATE ipam.common_property SET value = version.to_version WHERE name = 'DatabaseSchemaVersion';
        DELETE FROM ipam.schema_conversion_progress AS p WHERE (p.from_version, p.to_version) = (version.from_version, version.to_version);
        UPDATE ipam.async_session AS s
        SET step = s.steps - steps_left + 1, step_name = format('version %s', version.to_version), rows_done = NULL, rows_total = NULL
        WHERE s.id = session.id;
        RETURN version.to_version = ipam.get_ipam_version();
    END IF;

    INSERT INTO ipam.schema_conversion_progress (from_version, to_version, position)
    VALUES (present.from_version, present.to_version, present.position) ON CONFLICT DO NOTHING;
    SELECT p.* INTO progress FROM ipam.schema_conversion_progress AS p
    WHERE (p.from_version, p.to_version, p.position) = (present.from_version, present.to_version, present.position);
    IF progress.rows_total IS NULL AND present.count_function IS NOT NULL THEN
        EXECUTE format('SELECT %s()', present.count_function::regproc) INTO progress.rows_total;
    END IF;

    before := progress.high_water;
    began := clock_timestamp();
    BEGIN
        EXECUTE format('SELECT b.rows, b.high_water, b.finished FROM %s($1, $2) AS b', present.batch_function::regproc)
            INTO batch_done, progress.high_water, finished USING progress.high_water, progress.batch_rows;
    EXCEPTION WHEN lock_not_available THEN
        -- Somebody keeps one of these rows. A smaller batch gets nearer to it, and loses less when it has to give up.
        IF present.is_switch OR progress.batch_rows <= least_rows THEN
            RAISE;
        END IF;
        smaller := greatest(progress.batch_rows / 4, least_rows);
        batch_done := 0;
        finished := false;
    END;
    milliseconds := greatest(1000 * extract(epoch FROM clock_timestamp() - began), 0.1);
    IF smaller IS NOT NULL THEN
        progress.batch_rows := smaller;
    ELSIF batch_done > 0 THEN -- only a full batch tells how many rows fit into the time
        progress.batch_rows := least(greatest(least_rows, progress.batch_rows
            * least(target_milliseconds / milliseconds, CASE WHEN batch_done >= progress.batch_rows THEN 2 ELSE 1 END)), most_rows);
    ELSIF NOT finished AND progress.high_water IS NOT DISTINCT FROM before THEN
        RAISE EXCEPTION USING ERRCODE = 'internal_error', MESSAGE = format('step "%s" does not go on', present.name),
            DETAIL = format('%s() did nothing, and did not say that it has finished.', present.batch_function);
    END IF;
    progress.rows_done := progress.rows_done + batch_done;
    IF progress.rows_total IS NOT NULL THEN -- it was an estimate, and others write
        progress.rows_total := CASE WHEN finished THEN progress.rows_done ELSE greatest(progress.rows_total, progress.rows_done + 1) END;
    END IF;

    UPDATE ipam.schema_conversion_progress AS p
    SET high_water = progress.high_water, rows_done = progress.rows_done, rows_total = progress.rows_total, is_finished = finished,
        batch_rows = progress.batch_rows
    WHERE (p.from_version, p.to_version, p.position) = (present.from_version, present.to_version, present.position);
    UPDATE ipam.async_session AS s
    SET step = s.steps - steps_left + finished::integer, step_name = present.name, rows_done = progress.rows_done, rows_total = progress.rows_total
    WHERE s.id = session.id;
    RETURN false;
END
$$;
COMMENT ON FUNCTION ipam.conversion_step(ipam.async_session) IS 'does the next batch of a schema conversion session; whether the store has the installed version now';
-- What holds in every store, told by queries over the tables and not by the triggers that keep it.
--
-- Nothing is compared with everything: what encloses a row is found by an index or by one hash lookup for each
-- prefix length in use, and what overlaps by sorting: whoever starts before the greatest end so far overlaps.

CREATE FUNCTION ipam.check_plan(OUT object_type text, OUT object_id bigint, OUT rule text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10 COST 1000000
SET jit = off
BEGIN ATOMIC
    WITH block_around_block AS ( -- the smallest first
        SELECT b.id, b.network, b.extent, b.parent_id,
               (SELECT array_agg(p.id ORDER BY p.start_address DESC, p.end_address, masklen(p.network) DESC)
                FROM ipam.ip_block AS p
                WHERE p.extent @> b.extent AND masklen(p.network) <= masklen(b.network)
                  AND (p.extent, p.network) <> (b.extent, b.network)) AS around
        FROM ipam.ip_block AS b
    ), block_around_subnet AS (
        SELECT s.id, s.network, s.block_id,
               (SELECT b.id FROM ipam.ip_block AS b
                WHERE s.address_space_id = 1 AND b.extent @> s.extent AND masklen(b.network) <= masklen(s.network)
                ORDER BY b.start_address DESC, b.end_address, masklen(b.network) DESC LIMIT 1) AS smallest
        FROM ipam.ip_subnet AS s
    ), prefix_length AS MATERIALIZED (
        SELECT DISTINCT s.address_space_id, family(s.network) AS family, masklen(s.network) AS length FROM ipam.ip_subnet AS s
    ), subnet_around_range AS (
        SELECT DISTINCT ON (r.id) r.id, s.id AS smallest
        FROM ipam.ip_range AS r
            JOIN prefix_length AS p
                ON p.address_space_id = r.address_space_id AND p.family = family(r.start_address) AND p.length <= masklen(r.network)
            JOIN ipam.ip_subnet AS s
                ON s.address_space_id = r.address_space_id AND s.network = network(set_masklen(r.start_address, p.length))
        WHERE r.end_address <<= s.network
        ORDER BY r.id, p.length DESC
    ), range_reach AS (
        SELECT r.id, r.extent, r.managed_by, r.managed_by_entity, r.address_space_id, r.start_address,
               max(r.end_address) OVER (PARTITION BY r.address_space_id, r.managed_by, r.managed_by_entity
                                        ORDER BY r.start_address ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
        FROM ipam.ip_range AS r
        WHERE r.managed_by <> 'MS DHCP'
    ), unmapped AS ( -- with how far the ranges of the service reach that start at or before the address
        SELECT u.id, u.address, u.address_space_id, u.managed_by, u.managed_by_entity,
               max(u.end_address) OVER (PARTITION BY u.address_space_id, u.managed_by, u.managed_by_entity
                                        ORDER BY u.address, u.id NULLS FIRST ROWS UNBOUNDED PRECEDING) AS reach
        FROM (SELECT NULL::bigint AS id, r.start_address AS address, r.end_address, r.address_space_id, r.managed_by, r.managed_by_entity
              FROM ipam.ip_range AS r
              UNION ALL
              SELECT a.id, a.address, NULL, a.address_space_id, a.managed_by, a.managed_by_entity
              FROM ipam.ip_address AS a WHERE a.range_id IS NULL) AS u
    ), span AS ( -- what counts in utilization: a range without its excluded addresses, in pieces
        SELECT 'ip_subnet' AS object_type, s.id, s.address_space_id, s.use_for_utilization, lower(s.extent) AS first, upper(s.extent) AS last
        FROM ipam.ip_subnet AS s
        UNION ALL
        SELECT 'ip_range', r.id, r.address_space_id, r.use_for_utilization, lower(piece), upper(piece)
        FROM ipam.ip_range AS r LEFT JOIN LATERAL unnest(r.extent::ipam.inetmultirange - r.excluded_addresses) AS piece ON true
    ), chosen_around AS ( -- how far the chosen ones reach that start before, and where the next one starts
        SELECT s.*,
               max(s.last) FILTER (WHERE s.use_for_utilization)
                   OVER (PARTITION BY s.object_type, s.address_space_id ORDER BY s.first, s.last, s.id
                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach,
               min(s.first) FILTER (WHERE s.use_for_utilization)
                   OVER (PARTITION BY s.object_type, s.address_space_id ORDER BY s.first DESC, s.last DESC, s.id DESC
                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS next
        FROM span AS s
    ), member AS (
        SELECT 'ip_block' AS object_type, b.id, b.address_space_id, NULL::ipam.virtualization_type AS virtualization_type,
               b.start_address AS first_address, b.end_address AS last_address, b.address_category
        FROM ipam.ip_block AS b
        UNION ALL
        SELECT 'ip_subnet', s.id, s.address_space_id, s.virtualization_type, s.network, broadcast(s.network), s.address_category
        FROM ipam.ip_subnet AS s
        UNION ALL
        SELECT 'ip_range', r.id, r.address_space_id, r.virtualization_type, r.start_address, r.end_address, r.address_category
        FROM ipam.ip_range AS r
        UNION ALL
        SELECT 'ip_address', a.id, a.address_space_id, a.virtualization_type, a.address, a.address, a.address_category
        FROM ipam.ip_address AS a
    ), described AS (
        SELECT 'address_space' AS object_type, s.id, s.custom_fields FROM ipam.address_space AS s WHERE s.custom_fields <> '{}'
        UNION ALL
        SELECT 'ip_subnet', s.id, s.custom_fields FROM ipam.ip_subnet AS s WHERE s.custom_fields <> '{}'
        UNION ALL
        SELECT 'ip_range', r.id, r.custom_fields FROM ipam.ip_range AS r WHERE r.custom_fields <> '{}'
        UNION ALL
        SELECT 'ip_address', a.id, a.custom_fields FROM ipam.ip_address AS a WHERE a.custom_fields <> '{}'
    )

    -- Address spaces
    SELECT 'address_space', s.id, 'a customer address space lies on a provider address space, a provider address space on none',
           format('a %s space on %s', s.type, coalesce('address space ' || s.provider_id || ', a ' || coalesce(p.type::text, 'missing') || ' space', 'none'))
    FROM ipam.address_space AS s LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id
    WHERE (CASE s.type WHEN 'Customer' THEN p.type = 'Provider' ELSE s.provider_id IS NULL END) IS NOT TRUE
    UNION ALL
    SELECT 'address_space', 1, 'the default address space is there and of type Provider', NULL
    WHERE EXISTS (SELECT FROM ipam.common_property WHERE name = 'IpamConfiguredDate' AND value IS NOT NULL)
      AND NOT EXISTS (SELECT FROM ipam.address_space WHERE id = 1 AND type = 'Provider')
    UNION ALL
    SELECT m.object_type, m.id, 'the address space is there', format('address_space_id %s', m.address_space_id)
    FROM member AS m WHERE NOT EXISTS (SELECT FROM ipam.address_space AS s WHERE s.id = m.address_space_id)
    UNION ALL
    SELECT m.object_type, m.id, 'the virtualization type fits the address space', format('%s in a %s space', m.virtualization_type, s.type)
    FROM member AS m JOIN ipam.address_space AS s ON s.id = m.address_space_id
    WHERE NOT CASE m.virtualization_type WHEN 'NonVirtualized' THEN s.id = 1 WHEN 'Fabric' THEN s.type = 'Provider' ELSE s.type = 'Customer' END
      AND m.virtualization_type IS NOT NULL
    UNION ALL
    SELECT m.object_type, m.id, 'the category is that of the addresses',
           format('%s to %s: recorded is %s, it is %s', m.first_address, m.last_address, coalesce(m.address_category::text, 'none'),
                  coalesce(ipam.address_category(m.first_address, m.last_address)::text, 'none'))
    FROM member AS m
    WHERE m.address_category IS DISTINCT FROM ipam.address_category(m.first_address, m.last_address)
       OR (m.address_category IS NULL AND m.object_type <> 'ip_address')

    -- Blocks
    UNION ALL
    SELECT 'ip_block', b.id, 'a block lies in the default address space', format('address_space_id %s', b.address_space_id)
    FROM ipam.ip_block AS b WHERE b.address_space_id <> 1
    UNION ALL
    SELECT 'ip_block', b.id, 'a block lies in its network', format('%s to %s in %s', b.start_address, b.end_address, b.network)
    FROM ipam.ip_block AS b
    WHERE (b.start_address <= b.end_address AND b.start_address <<= b.network AND b.end_address <<= b.network) IS NOT TRUE
    UNION ALL
    SELECT 'ip_block', b.id, 'blocks are disjoint, or one lies inside the other and its prefix is not shorter; no two are equal',
           format('%s %s and block %s, %s %s', b.network, b.extent, c.id, c.network, c.extent)
    FROM ipam.ip_block AS b JOIN ipam.ip_block AS c ON c.extent && b.extent
    WHERE b.id < c.id
      AND ((b.extent, b.network) = (c.extent, c.network)
        OR NOT ((b.extent @> c.extent AND masklen(b.network) <= masklen(c.network)) OR (c.extent @> b.extent AND masklen(c.network) <= masklen(b.network))))
    UNION ALL
    SELECT 'ip_block', b.id, 'the parent of a block is the smallest block around it',
           format('%s: recorded is %s, it is %s', b.network, coalesce('block ' || b.parent_id, 'none'), coalesce('block ' || b.around[1], 'none'))
    FROM block_around_block AS b WHERE b.parent_id IS DISTINCT FROM b.around[1]
    UNION ALL
    SELECT 'ip_block', b.id, 'blocks nest at most 9 deep', format('%s lies in %s blocks', b.network, cardinality(b.around))
    FROM block_around_block AS b WHERE cardinality(b.around) >= 9

    -- Subnets
    UNION ALL
    SELECT 'ip_subnet', s.id, 'the block of a subnet is the smallest block around it, in the default address space only',
           format('%s: recorded is %s, it is %s', s.network, coalesce('block ' || s.block_id, 'none'), coalesce('block ' || s.smallest, 'none'))
    FROM block_around_subnet AS s WHERE s.block_id IS DISTINCT FROM s.smallest

    -- Ranges
    UNION ALL
    SELECT 'ip_range', r.id, 'a range lies in its network', format('%s to %s in %s', r.start_address, r.end_address, r.network)
    FROM ipam.ip_range AS r
    WHERE (r.start_address <= r.end_address AND r.start_address <<= r.network AND r.end_address <<= r.network) IS NOT TRUE
    UNION ALL
    SELECT 'ip_range', r.id, 'the subnet of a range is the smallest subnet of its space around it whose prefix is not longer',
           format('%s: recorded is subnet %s, it is %s', r.extent, r.subnet_id, coalesce('subnet ' || s.smallest, 'none'))
    FROM ipam.ip_range AS r LEFT JOIN subnet_around_range AS s USING (id)
    WHERE r.subnet_id IS DISTINCT FROM s.smallest
    UNION ALL
    SELECT 'ip_range', r.id, 'ranges of one service instance are disjoint',
           format('%s of %s / %s and %s', r.extent, r.managed_by, r.managed_by_entity,
                  (SELECT string_agg(format('range %s, %s', o.id, o.extent), ', ' ORDER BY o.start_address)
                   FROM ipam.ip_range AS o
                   WHERE o.address_space_id = r.address_space_id AND o.extent && r.extent AND o.id <> r.id
                     AND (o.managed_by, o.managed_by_entity) = (r.managed_by, r.managed_by_entity)))
    FROM range_reach AS r WHERE r.reach >= r.start_address
    UNION ALL
    SELECT 'ip_range', r.id, 'the addresses of the lists of a range lie in it', format('%s: %s %s', r.extent, l.name, l.addresses)
    FROM ipam.ip_range AS r,
         LATERAL (VALUES ('reserved_addresses', r.reserved_addresses), ('virtual_addresses', r.virtual_addresses),
                         ('excluded_addresses', r.excluded_addresses)) AS l (name, addresses)
    WHERE NOT l.addresses <@ r.extent

    -- Addresses. Of several ranges, of MS DHCP only, an address belongs to the one that starts last and then ends first.
    UNION ALL
    SELECT 'ip_address', a.id, 'the range of an address is the one of its service instance that holds it',
           format('%s of %s / %s: recorded is range %s, ', a.address, a.managed_by, a.managed_by_entity, a.range_id)
           || CASE WHEN r.id IS NULL THEN 'which is not there' ELSE format('%s of %s / %s', r.extent, r.managed_by, r.managed_by_entity) END
    FROM ipam.ip_address AS a LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id
    WHERE a.range_id IS NOT NULL
      AND ((r.address_space_id, r.managed_by, r.managed_by_entity) = (a.address_space_id, a.managed_by, a.managed_by_entity)
           AND a.address >= r.start_address AND a.address <= r.end_address) IS NOT TRUE
    UNION ALL
    SELECT 'ip_address', u.id, 'the range of an address is the one of its service instance that holds it',
           format('%s of %s / %s: recorded is none, it is range %s', u.address, u.managed_by, u.managed_by_entity,
                  (SELECT r.id FROM ipam.ip_range AS r
                   WHERE r.address_space_id = u.address_space_id AND r.extent @> u.address
                     AND (r.managed_by, r.managed_by_entity) = (u.managed_by, u.managed_by_entity)
                   ORDER BY r.start_address DESC, r.end_address LIMIT 1))
    FROM unmapped AS u WHERE u.id IS NOT NULL AND u.reach >= u.address
    UNION ALL
    SELECT 'ip_address', a.id, 'of several ranges an address belongs to the one that starts last, and then ends first',
           format('%s: recorded is range %s, it is range %s', a.address, a.range_id, best.id)
    FROM ipam.ip_range AS r
         JOIN ipam.ip_address AS a
            ON a.range_id = r.id AND a.address_space_id = r.address_space_id AND a.managed_by = r.managed_by
            AND a.managed_by_entity = r.managed_by_entity AND a.address BETWEEN r.start_address AND r.end_address,
         LATERAL (SELECT o.id, o.start_address, o.end_address FROM ipam.ip_range AS o
                  WHERE o.address_space_id = a.address_space_id AND o.extent @> a.address
                    AND (o.managed_by, o.managed_by_entity) = (a.managed_by, a.managed_by_entity)
                  ORDER BY o.start_address DESC, o.end_address LIMIT 1) AS best
    WHERE r.managed_by = 'MS DHCP'
      AND EXISTS (SELECT FROM ipam.ip_range AS o
                  WHERE o.address_space_id = r.address_space_id AND o.extent && r.extent AND o.id <> r.id
                    AND (o.managed_by, o.managed_by_entity) = (r.managed_by, r.managed_by_entity))
      AND (best.start_address, best.end_address) <> (r.start_address, r.end_address)

    -- Utilization
    UNION ALL
    SELECT s.object_type, s.id, 'of two that overlap at most one is used for utilization',
           format('%s to %s: another one reaches to %s', s.first, s.last, s.reach)
    FROM chosen_around AS s WHERE s.use_for_utilization AND s.reach >= s.first
    UNION ALL
    SELECT s.object_type, s.id, 'what is not used for utilization overlaps one that is',
           coalesce(host(min(s.first)) || ' to ' || host(max(s.last)), 'all its addresses are excluded')
    FROM chosen_around AS s WHERE NOT s.use_for_utilization
    GROUP BY s.object_type, s.id HAVING NOT bool_or(coalesce(s.reach >= s.first, false) OR coalesce(s.next <= s.last, false))

    -- Custom fields and what uses them
    UNION ALL
    SELECT 'custom_field', min(f.id), 'at most 128 custom fields are user-defined', format('there are %s', count(*))
    FROM ipam.custom_field AS f WHERE f.origin = 'External' HAVING count(*) > 128
    UNION ALL
    SELECT 'custom_field_value', v.id, 'a value belongs to a multivalued custom field',
           format('"%s" of custom field %s, which is %s', v.value, v.custom_field_id, coalesce(f.type::text, 'not there'))
    FROM ipam.custom_field_value AS v LEFT JOIN ipam.custom_field AS f ON f.id = v.custom_field_id
    WHERE f.type IS DISTINCT FROM 'Multivalued'
    UNION ALL
    SELECT u.object_type, u.id, 'a column has a value of its custom field', format('custom field %s has no value "%s"', u.field, u.value)
    FROM (SELECT 'address_space' AS object_type, s.id, 17 AS field, s.isolation_method AS value FROM ipam.address_space AS s
          WHERE s.isolation_method NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 17)
          UNION ALL
          SELECT 'ip_block', b.id, 1, b.rir FROM ipam.ip_block AS b
          WHERE b.rir NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 1)
          UNION ALL
          SELECT 'ip_range', r.id, 8, r.managed_by FROM ipam.ip_range AS r
          WHERE r.managed_by NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 8)
          UNION ALL
          SELECT 'ip_range', r.id, 9, r.managed_by_entity FROM ipam.ip_range AS r
          WHERE r.managed_by_entity NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 9)
          UNION ALL
          SELECT 'ip_address', a.id, 7, a.device_type FROM ipam.ip_address AS a
          WHERE a.device_type NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 7)
          UNION ALL
          SELECT 'ip_address', a.id, 8, a.managed_by FROM ipam.ip_address AS a
          WHERE a.managed_by NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 8)
          UNION ALL
          SELECT 'ip_address', a.id, 9, a.managed_by_entity FROM ipam.ip_address AS a
          WHERE a.managed_by_entity NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 9)
          UNION ALL
          SELECT 'ip_address', a.id, 10, a.state FROM ipam.ip_address AS a
          WHERE a.state NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 10)) AS u
    UNION ALL
    SELECT d.object_type, d.id, 'custom_fields has texts of fields that are there and not columns, and values of their lists', format('"%s": %s', e.key, e.value)
    FROM described AS d,
         LATERAL jsonb_each(CASE jsonb_typeof(d.custom_fields) WHEN 'object' THEN d.custom_fields ELSE jsonb_build_object('', d.custom_fields) END) AS e
         LEFT JOIN ipam.custom_field AS f ON f.name = e.key
    WHERE f.id IS NULL OR f.id IN (1, 7, 8, 9, 10, 17) OR jsonb_typeof(e.value) <> 'string' OR length(e.value #>> '{}') > 256
       OR (f.type = 'Multivalued' AND (f.id, e.value #>> '{}') NOT IN (SELECT v.custom_field_id, v.value FROM ipam.custom_field_value AS v))
    UNION ALL
    SELECT 'custom_field_value', a.value_id_1, 'associated values are there and belong to two fields', format('with value %s', a.value_id_2)
    FROM ipam.custom_field_value_association AS a
        LEFT JOIN ipam.custom_field_value AS v1 ON v1.id = a.value_id_1
        LEFT JOIN ipam.custom_field_value AS v2 ON v2.id = a.value_id_2
    WHERE (v1.custom_field_id <> v2.custom_field_id) IS NOT TRUE

    -- Logical groups
    UNION ALL
    SELECT 'logical_group', l.logical_group_id, 'the levels of a logical group are multivalued custom fields',
           format('position %s: custom field %s is %s', l.position, l.custom_field_id, coalesce(f.type::text, 'not there'))
    FROM ipam.logical_group_field AS l LEFT JOIN ipam.custom_field AS f ON f.id = l.custom_field_id
    WHERE f.type IS DISTINCT FROM 'Multivalued'
    UNION ALL
    SELECT 'logical_group', l.logical_group_id, 'the group of a level is there', format('position %s', l.position)
    FROM ipam.logical_group_field AS l
    WHERE NOT EXISTS (SELECT FROM ipam.logical_group AS g WHERE g.id = l.logical_group_id);
END;
COMMENT ON FUNCTION ipam.check_plan() IS
    'every violation of a rule of the store: table and id of the object, the rule, and what is wrong; no rows in a right store';
-- Tasks: work on the store that a scheduler calls now and then (MS-IPAMM2 3.1.1.1.29, 3.3.4.80). Each is a procedure
-- that works in batches: src/worker/task.cpp is the loop around advance_task().

CREATE TYPE ipam.task_type AS ENUM ('Utilization', 'Expiry', 'UtilizationPurge');
COMMENT ON TYPE ipam.task_type IS
    'Utilization: collect_utilization(); Expiry: check_expiry(); UtilizationPurge: purge_utilization_data()';

CREATE TYPE ipam.task_state AS ENUM ('Ready', 'Running');
COMMENT ON TYPE ipam.task_state IS 'whether a task is at work';

CREATE TABLE ipam.task_run (
    type        ipam.task_type PRIMARY KEY,
    started_by  name NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    until       timestamptz,
    phase       integer NOT NULL DEFAULT 0,
    last_id     bigint NOT NULL DEFAULT 0,
    rows_done   bigint NOT NULL DEFAULT 0,
    sqlstate    text,
    fault       text,
    message     text,
    detail      text,
    hint        text
);
COMMENT ON TABLE ipam.task_run IS 'the last run of each task, and while it runs how far it is';
COMMENT ON COLUMN ipam.task_run.type IS 'the task';
COMMENT ON COLUMN ipam.task_run.started_by IS 'role that called it';
COMMENT ON COLUMN ipam.task_run.started_at IS 'time of the call';
COMMENT ON COLUMN ipam.task_run.finished_at IS 'time it ended; NULL: it runs, or was interrupted';
COMMENT ON COLUMN ipam.task_run.until IS 'end of the time that a purge is about';
COMMENT ON COLUMN ipam.task_run.phase IS 'what it works on: 0, 1, ...';
COMMENT ON COLUMN ipam.task_run.last_id IS 'id up to which the phase is done';
COMMENT ON COLUMN ipam.task_run.rows_done IS 'rows written or deleted so far';
COMMENT ON COLUMN ipam.task_run.sqlstate IS 'SQLSTATE of the error that ended it; NULL: none';
COMMENT ON COLUMN ipam.task_run.fault IS 'protocol name of the fault that ended it; NULL where the error is PostgreSQL''s own';
COMMENT ON COLUMN ipam.task_run.message IS 'message of the error that ended it';
COMMENT ON COLUMN ipam.task_run.detail IS 'its detail';
COMMENT ON COLUMN ipam.task_run.hint IS 'its hint';

CREATE FUNCTION ipam.task_lock(task ipam.task_type) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE task WHEN 'Utilization' THEN 3 WHEN 'Expiry' THEN 4 WHEN 'UtilizationPurge' THEN 5 END;
COMMENT ON FUNCTION ipam.task_lock(ipam.task_type) IS 'second key of the advisory lock (1768972653, key) that a running task holds';

CREATE FUNCTION ipam.is_task_running(task ipam.task_type) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.lock_holder(ipam.task_lock(task)) IS NOT NULL;
COMMENT ON FUNCTION ipam.is_task_running(ipam.task_type) IS 'whether a process is at work on the task (MS-IPAMM2 3.3.4.118)';

CREATE FUNCTION ipam.is_utilization_purge_running() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ipam.is_task_running('UtilizationPurge');
COMMENT ON FUNCTION ipam.is_utilization_purge_running() IS 'whether utilization data are being purged (MS-IPAMM2 3.3.4.157)';

CREATE VIEW ipam.task AS
SELECT t.type, CASE WHEN l.pid IS NULL THEN 'Ready' ELSE 'Running' END::ipam.task_state AS state, l.pid,
       r.started_at AS last_run_time, r.finished_at - r.started_at AS last_run_duration,
       CASE WHEN r.sqlstate IS NOT NULL THEN 1 WHEN r.finished_at IS NOT NULL THEN 0 END AS last_run_result,
       CASE WHEN l.pid IS NOT NULL THEN 'running' WHEN r.type IS NULL THEN 'never run' WHEN r.sqlstate IS NOT NULL THEN r.message
            WHEN r.finished_at IS NULL THEN 'interrupted' ELSE 'done' END AS status,
       r.rows_done, r.started_by, r.sqlstate, r.fault
FROM unnest(enum_range(NULL::ipam.task_type)) AS t (type)
LEFT JOIN ipam.task_run AS r ON r.type = t.type
CROSS JOIN LATERAL (SELECT ipam.lock_holder(ipam.task_lock(t.type)) AS pid) AS l
ORDER BY t.type;
COMMENT ON VIEW ipam.task IS 'the tasks: whether they are at work, and how their last run went (MS-IPAMM2 2.2.4.442)';
COMMENT ON COLUMN ipam.task.type IS 'the task';
COMMENT ON COLUMN ipam.task.state IS 'Ready or Running';
COMMENT ON COLUMN ipam.task.pid IS 'process that works on it, as in pg_stat_activity';
COMMENT ON COLUMN ipam.task.last_run_time IS 'when its last run began; NULL: never';
COMMENT ON COLUMN ipam.task.last_run_duration IS 'how long its last run took; NULL: it runs, or was interrupted';
COMMENT ON COLUMN ipam.task.last_run_result IS '0: done; 1: failed; NULL: never run, running or interrupted';
COMMENT ON COLUMN ipam.task.status IS 'the same in words; after a failure the message of the error';
COMMENT ON COLUMN ipam.task.rows_done IS 'rows that its last run wrote or deleted';
COMMENT ON COLUMN ipam.task.started_by IS 'role that called it';
COMMENT ON COLUMN ipam.task.sqlstate IS 'SQLSTATE of the error that ended its last run';
COMMENT ON COLUMN ipam.task.fault IS 'protocol name of the fault that ended its last run; NULL where the error is PostgreSQL''s own';

CREATE FUNCTION ipam.refuse_second_task(task ipam.task_type) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    fault CONSTANT text := CASE task WHEN 'UtilizationPurge' THEN 'IpamApiIPUtilizationPurgeInProgress' ELSE 'IpamApiTaskError' END;
BEGIN
    refused := ipam.raise_fault(fault, format('task %s is already running', task),
        format('Process %s is at work on it.', ipam.lock_holder(ipam.task_lock(task))), 'SELECT * FROM ipam.task shows it. Try again when it has ended.');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.refuse_second_task(ipam.task_type) IS 'the fault of a task that another process is at work on';

CREATE FUNCTION ipam.begin_task(task ipam.task_type, until timestamptz DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    PERFORM ipam.require_ready_store();
    IF task = 'UtilizationPurge' THEN
        IF until IS NULL OR until > clock_timestamp() THEN
            refused := ipam.raise_fault('IpamApiInvalidIPUtilizationPurgeDate', format('utilization data cannot be purged up to %s', coalesce(until::text, 'NULL')),
                'What is purged was collected at that time or before; the time does not lie in the future.',
                'CALL ipam.purge_utilization_data(now() - interval ''2 years'') keeps two years.');
        END IF;
        UPDATE ipam.common_property SET value = '' WHERE name = 'LastUtilizationPurgeResult';
    END IF;
    INSERT INTO ipam.task_run AS r (type, started_by, started_at, until) VALUES (task, current_user, clock_timestamp(), begin_task.until)
    ON CONFLICT (type) DO UPDATE SET started_by = EXCLUDED.started_by, started_at = EXCLUDED.started_at, until = EXCLUDED.until,
        finished_at = NULL, phase = 0, last_id = 0, rows_done = 0, sqlstate = NULL, fault = NULL, message = NULL, detail = NULL, hint = NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.begin_task(ipam.task_type, timestamptz) IS 'a new run of a task, or the fault that says why not';

CREATE FUNCTION ipam.finish_task(task ipam.task_type, sqlstate text DEFAULT NULL, fault text DEFAULT NULL, message text DEFAULT NULL,
    detail text DEFAULT NULL, hint text DEFAULT NULL) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    UPDATE ipam.task_run AS r
    SET finished_at = clock_timestamp(), sqlstate = finish_task.sqlstate, fault = CASE WHEN finish_task.sqlstate LIKE 'IP%' THEN finish_task.fault END,
        message = finish_task.message, detail = nullif(finish_task.detail, ''), hint = nullif(finish_task.hint, '')
    WHERE r.type = task;
    UPDATE ipam.common_property AS p SET value = finish_task.message
    WHERE task = 'UtilizationPurge' AND p.name = 'LastUtilizationPurgeResult' AND finish_task.sqlstate IS NOT NULL;
END;
COMMENT ON FUNCTION ipam.finish_task(ipam.task_type, text, text, text, text, text) IS 'ends a run of a task, with an error where sqlstate is given';

-- One batch, to be committed by the caller together with how far the task is. What goes wrong ends the run.
CREATE FUNCTION ipam.advance_task(task ipam.task_type) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    run ipam.task_run;
    finished boolean;
    began CONSTANT timestamptz := clock_timestamp();
    code text;
    fault text;
    message text;
    detail text;
    hint text;
BEGIN
    SELECT * INTO STRICT run FROM ipam.task_run AS r WHERE r.type = task;
    BEGIN
        finished := CASE task WHEN 'Utilization' THEN ipam.collect_utilization_batch(run) WHEN 'Expiry' THEN ipam.check_expiry_batch(run)
                              ELSE ipam.purge_utilization_batch(run) END;
    EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, fault = CONSTRAINT_NAME, message = MESSAGE_TEXT,
            detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
        PERFORM ipam.finish_task(task, code, fault, message, detail, hint);
        RETURN NULL;
    END;
    IF finished THEN
        PERFORM ipam.finish_task(task);
        RETURN NULL;
    END IF;
    RETURN ipam.work_pause(extract(epoch FROM clock_timestamp() - began));
END
$$;
COMMENT ON FUNCTION ipam.advance_task(ipam.task_type) IS
    'does the next batch of a task; returns the milliseconds to wait before the next one, or NULL at the end';
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
    'writes a sample of the utilization of every range, subnet and block, and tells which ranges have crossed a threshold; commits each 1,000 ranges, unless it is called in a transaction block';

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
-- The calls of the protocol for common properties (MS-IPAMM2 3.3.4.69, 3.3.4.136).

CREATE FUNCTION ipam.property_name(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE name WHEN 'DeploymentType' THEN 'ProvisioningMode' WHEN 'IPAuditTracking' THEN 'IPAuditTrackingFeature' ELSE name END;
COMMENT ON FUNCTION ipam.property_name(text) IS
    'name that a common property has in the store, where the enumeration of the protocol calls it otherwise (MS-IPAMM2 2.2.5.8)';

CREATE FUNCTION ipam.get_common_property(name text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    found ipam.common_property;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT * INTO found FROM ipam.common_property AS p WHERE p.name = ipam.property_name(get_common_property.name);
    IF found.name IS NULL THEN
        refused := ipam.raise_fault('IpamApiFailedToRetrieveProperty', format('there is no common property "%s"', name),
            'Common properties are a fixed list.', 'SELECT name FROM ipam.common_property shows it.');
    END IF;
    RETURN found.value;
END
$$;
COMMENT ON FUNCTION ipam.get_common_property(text) IS 'value of the common property, NULL where it is not set (MS-IPAMM2 3.3.4.69)';

CREATE FUNCTION ipam.set_common_property(name text, value text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    stored_name CONSTANT text := ipam.property_name(name);
BEGIN
    PERFORM ipam.require_ready_store();
    IF stored_name IN ('IpamConfiguredDate', 'DatabaseSchemaVersion', 'LastAddressUtilizationCollectionTaskRuntime', 'LastDiscoveryTaskRuntime',
                       'LastPurgeAuditResult', 'LastUtilizationPurgeResult') THEN
        refused := ipam.raise_fault('IpamApiFailedToSaveProperty', format('%s cannot be set', stored_name),
            'It tells what has happened to the store, and the store keeps it.');
    END IF;
    UPDATE ipam.common_property AS p SET value = set_common_property.value WHERE p.name = stored_name;
    IF NOT FOUND THEN
        refused := ipam.raise_fault('IpamApiFailedToSaveProperty', format('there is no common property "%s"', name),
            'Common properties are a fixed list.', 'SELECT name FROM ipam.common_property shows it.');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.set_common_property(text, text) IS
    'sets a common property that is a setting; dates, results and the version are kept by the store (MS-IPAMM2 3.3.4.136)';
-- The expiry of addresses as a task: check_expiry() records what has come to its end, or will soon, once
-- (MS-IPAMM2 2.2.5.53, 3.1.1.1.3). The rule itself is in 46_expiry.sql.

-- Most addresses never expire, and are not in it.
CREATE INDEX ip_address_expires_at_idx ON ipam.ip_address (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON INDEX ipam.ip_address_expires_at_idx IS 'addresses that expire, by time';

CREATE FUNCTION ipam.is_expired(a ipam.ip_address) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(ipam.expiry_status(a.expires_at, '0') = 'Expired', false)
$$;
COMMENT ON FUNCTION ipam.is_expired(ipam.ip_address) IS 'whether the address has expired before now';

CREATE FUNCTION ipam.is_in_warning_period(a ipam.ip_address) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(ipam.expiry_status(a.expires_at, ipam.expiry_alert_threshold()) = 'Alert', false)
$$;
COMMENT ON FUNCTION ipam.is_in_warning_period(ipam.ip_address) IS
    'whether the address expires within the next ExpiryAlertThreshold days; not when it has expired';

-- The condition is the rule in the form that the index answers.
CREATE VIEW ipam.expiring_ip_addresses WITH (security_invoker = true) AS
SELECT a.id, a.address_space_id, a.address, a.range_id, a.managed_by, a.managed_by_entity, a.device_name, a.owner, a.expires_at,
       ipam.expiry_status(a.expires_at, (SELECT ipam.expiry_alert_threshold())) AS status,
       CASE WHEN isfinite(a.expires_at) THEN a.expires_at - now() END AS remaining
FROM ipam.ip_address AS a
WHERE a.expires_at < now() + (SELECT ipam.expiry_alert_threshold());
COMMENT ON VIEW ipam.expiring_ip_addresses IS 'addresses that have expired or are in their warning period';
COMMENT ON COLUMN ipam.expiring_ip_addresses.id IS 'id of the address';
COMMENT ON COLUMN ipam.expiring_ip_addresses.address_space_id IS 'its address space';
COMMENT ON COLUMN ipam.expiring_ip_addresses.address IS 'the address';
COMMENT ON COLUMN ipam.expiring_ip_addresses.range_id IS 'its range';
COMMENT ON COLUMN ipam.expiring_ip_addresses.managed_by IS 'kind of service that manages it';
COMMENT ON COLUMN ipam.expiring_ip_addresses.managed_by_entity IS 'the service instance';
COMMENT ON COLUMN ipam.expiring_ip_addresses.device_name IS 'name of the device';
COMMENT ON COLUMN ipam.expiring_ip_addresses.owner IS 'owner of the address';
COMMENT ON COLUMN ipam.expiring_ip_addresses.expires_at IS 'time of expiry';
COMMENT ON COLUMN ipam.expiring_ip_addresses.status IS 'Alert: in the warning period; Expired';
COMMENT ON COLUMN ipam.expiring_ip_addresses.remaining IS 'time until the expiry; negative: since it';

-- What has been recorded stays when the address goes: it happened.
CREATE TABLE ipam.expiry_event (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ip_address_id     bigint NOT NULL,
    address_space_id  bigint NOT NULL,
    address           inet NOT NULL,
    managed_by        text COLLATE "C" NOT NULL,
    managed_by_entity text COLLATE "C" NOT NULL,
    status            ipam.expiry_status NOT NULL,
    expires_at        timestamptz NOT NULL,
    recorded_at       timestamptz NOT NULL,

    CONSTRAINT expiry_event_once_key UNIQUE (ip_address_id, expires_at, status)
);
COMMENT ON TABLE ipam.expiry_event IS 'addresses that check_expiry() found in their warning period or expired, each once for each time of expiry';
COMMENT ON COLUMN ipam.expiry_event.id IS 'id, ascending by run';
COMMENT ON COLUMN ipam.expiry_event.ip_address_id IS 'id of the address; it may be gone';
COMMENT ON COLUMN ipam.expiry_event.address_space_id IS 'its address space';
COMMENT ON COLUMN ipam.expiry_event.address IS 'the address';
COMMENT ON COLUMN ipam.expiry_event.managed_by IS 'kind of service that managed it';
COMMENT ON COLUMN ipam.expiry_event.managed_by_entity IS 'the service instance';
COMMENT ON COLUMN ipam.expiry_event.status IS 'Alert or Expired';
COMMENT ON COLUMN ipam.expiry_event.expires_at IS 'the time of expiry';
COMMENT ON COLUMN ipam.expiry_event.recorded_at IS 'when the run began that recorded it';

CREATE FUNCTION ipam.check_expiry_batch(run ipam.task_run) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    warnings bigint;
    expired bigint;
BEGIN
    WITH recorded AS (
        INSERT INTO ipam.expiry_event (ip_address_id, address_space_id, address, managed_by, managed_by_entity, status, expires_at, recorded_at)
        SELECT e.id, e.address_space_id, e.address, e.managed_by, e.managed_by_entity, e.status, e.expires_at, run.started_at
        FROM ipam.expiring_ip_addresses AS e
        WHERE NOT EXISTS (SELECT FROM ipam.expiry_event AS o
                          WHERE o.ip_address_id = e.id AND o.expires_at = e.expires_at AND o.status = e.status)
        ORDER BY e.expires_at, e.id
        ON CONFLICT DO NOTHING
        RETURNING status
    )
    SELECT count(*) FILTER (WHERE r.status = 'Alert'), count(*) FILTER (WHERE r.status = 'Expired') INTO warnings, expired FROM recorded AS r;
    PERFORM pg_notify('ipam_expiry', jsonb_build_object('event', 'NotifyExpiry', 'alert', warnings, 'expired', expired, 'at', run.started_at)::text);
    UPDATE ipam.task_run SET rows_done = warnings + expired WHERE type = 'Expiry';
    RETURN true;
END
$$;
COMMENT ON FUNCTION ipam.check_expiry_batch(ipam.task_run) IS 'records what has come to its warning period or its expiry and tells how many they are; always true';

CREATE PROCEDURE ipam.check_expiry()
LANGUAGE C
AS 'MODULE_PATHNAME', 'ipam_check_expiry';
COMMENT ON PROCEDURE ipam.check_expiry() IS
    'records each address that is in its warning period or has expired, once, in expiry_event, and tells the channel ipam_expiry how many are new';
-- The plan for people: a tree with how full everything is.

CREATE FUNCTION ipam.readable_count(count numeric) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN count < 1000000000 THEN trim_scale(count)::text
            WHEN count = 2::numeric ^ round(log(2, count)) THEN '2^' || round(log(2, count))
            ELSE ltrim(to_char(count, '9.9EEEE')) END;
COMMENT ON FUNCTION ipam.readable_count(numeric) IS 'the number in a form that people can read: 254, 2^64, 3.7e+19';

-- Blocks where client and server can show them.
CREATE FUNCTION ipam.utilization_bar(utilized_addresses numeric, total_addresses numeric) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN CASE WHEN total_addresses > 0 THEN (
    SELECT CASE WHEN 'UTF8' = ALL (ARRAY[getdatabaseencoding(), pg_client_encoding()])
                THEN repeat(chr(9608), f.n) || repeat(chr(9617), 10 - f.n)
                ELSE repeat('#', f.n) || repeat('.', 10 - f.n) END
    FROM (SELECT greatest(sign(utilized_addresses), floor(10 * utilized_addresses / total_addresses))::integer) AS f (n)) END;
COMMENT ON FUNCTION ipam.utilization_bar(numeric, numeric) IS
    'a bar of ten characters, empty only where nothing and full only where everything is utilized; NULL where there are no addresses';

CREATE FUNCTION ipam.plan_level(address_space_id bigint, network cidr, extent ipam.inetrange, is_block boolean) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ((SELECT count(*) FROM ipam.ip_subnet AS s
         WHERE s.address_space_id = plan_level.address_space_id AND s.network = ANY (ipam.covering_networks(plan_level.network))
           AND s.extent @> plan_level.extent AND NOT (is_block AND s.network = plan_level.network))
      + (SELECT count(*) FROM ipam.ip_block AS b
         WHERE b.address_space_id = plan_level.address_space_id AND b.extent @> plan_level.extent AND masklen(b.network) <= masklen(plan_level.network)))::integer;
COMMENT ON FUNCTION ipam.plan_level(bigint, cidr, ipam.inetrange, boolean) IS
    'how many blocks and subnets there are around a block or subnet, itself counted';

-- LATERAL, OFFSET 0 and the address space in each part: what a WHERE leaves out is not counted.
CREATE VIEW ipam.plan WITH (security_invoker = true) AS
SELECT repeat('  ', i.level) || i.label AS plan, i.name,
       CASE WHEN i.total > 0 THEN ipam.readable_count(i.utilized) || ' of ' || ipam.readable_count(i.total) END AS used,
       ipam.percent_utilized(i.utilized, i.total) AS percent, ipam.utilization_bar(i.utilized, i.total) AS bar,
       i.space, i.kind, i.id, i.level, i.family AS address_family, i.network, i.extent, i.address_space_id
FROM (
    SELECT 'space' AS kind, s.id, s.id AS address_space_id, f.family, 0 AS level, NULL::cidr AS network, NULL::ipam.inetrange AS extent,
           format('%s, IPv%s', s.name, f.family) AS label, split_part(s.description, E'\n', 1) AS name, u.utilized, u.total,
           NULL::inet AS first, NULL::inet AS last, s.name AS space, s.is_default
    FROM ipam.address_space AS s
    CROSS JOIN (VALUES (4, '0.0.0.0/0'::cidr, '255.255.255.255/32'::cidr), (6, '::/0', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128')) AS f (family, low, high)
    CROSS JOIN LATERAL (SELECT v.utilized_addresses, v.total_addresses FROM ipam.address_space_utilization AS v
                        WHERE v.address_space_id = s.id AND v.address_family = f.family OFFSET 0) AS u (utilized, total)
    -- An empty space is shown, too.
    WHERE EXISTS (SELECT FROM ipam.ip_subnet AS n WHERE n.address_space_id = s.id AND n.network BETWEEN f.low AND f.high)
       OR EXISTS (SELECT FROM ipam.ip_block AS b WHERE b.address_space_id = s.id AND b.network BETWEEN f.low AND f.high)
       OR f.family = 4 AND NOT EXISTS (SELECT FROM ipam.ip_subnet AS n WHERE n.address_space_id = s.id)
                       AND NOT EXISTS (SELECT FROM ipam.ip_block AS b WHERE b.address_space_id = s.id)
    UNION ALL
    SELECT 'block', b.id, b.address_space_id, family(b.network), ipam.plan_level(b.address_space_id, b.network, b.extent, true), b.network, b.extent,
           b.network::text || CASE WHEN b.extent <> b.network::ipam.inetrange THEN format(' (%s - %s)', host(b.start_address), host(b.end_address)) ELSE '' END,
           split_part(b.description, E'\n', 1), u.utilized, u.total, b.start_address, b.end_address, a.name, a.is_default
    FROM ipam.ip_block AS b JOIN ipam.address_space AS a ON a.id = b.address_space_id
    CROSS JOIN LATERAL (SELECT v.utilized_addresses, v.total_addresses FROM ipam.block_utilization AS v
                        WHERE v.block_id = b.id AND v.address_space_id = a.id OFFSET 0) AS u (utilized, total)
    UNION ALL
    SELECT 'subnet', s.id, s.address_space_id, family(s.network), ipam.plan_level(s.address_space_id, s.network, s.extent, false), s.network, s.extent,
           s.network::text, s.name || coalesce(', VLAN ' || array_to_string(nullif(s.vlan_ids, '{}'), ', '), '')
               || CASE WHEN s.use_for_utilization THEN '' ELSE ' (not counted)' END,
           u.utilized, u.total, host(s.network)::inet, host(broadcast(s.network))::inet, a.name, a.is_default
    FROM ipam.ip_subnet AS s JOIN ipam.address_space AS a ON a.id = s.address_space_id
    CROSS JOIN LATERAL (SELECT v.utilized_addresses, v.total_addresses FROM ipam.subnet_utilization AS v
                        WHERE v.subnet_id = s.id AND v.address_space_id = a.id OFFSET 0) AS u (utilized, total)
    UNION ALL
    SELECT 'range', r.id, r.address_space_id, family(r.network), 1 + ipam.plan_level(s.address_space_id, s.network, s.extent, false), r.network, r.extent,
           host(r.start_address) || ' - ' || host(r.end_address),
           concat_ws(', ', nullif(split_part(r.description, E'\n', 1), ''), r.managed_by, nullif(r.managed_by_entity, 'Localhost'))
               || CASE WHEN r.use_for_utilization THEN '' ELSE ' (not counted)' END,
           u.utilized, u.total, r.start_address, r.end_address, a.name, a.is_default
    FROM ipam.ip_range AS r JOIN ipam.address_space AS a ON a.id = r.address_space_id
    JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id
    CROSS JOIN LATERAL (SELECT v.utilized_addresses, v.total_addresses FROM ipam.range_utilization AS v
                        WHERE v.range_id = r.id AND v.address_space_id = a.id OFFSET 0) AS u (utilized, total)
) AS i
ORDER BY i.is_default DESC, i.space, i.family, i.first NULLS FIRST, i.last DESC, i.level, masklen(i.network), i.kind, i.id;
COMMENT ON VIEW ipam.plan IS 'the plan as a tree for psql: address spaces, blocks, subnets and ranges with their utilization; filter by space, network or extent';
COMMENT ON COLUMN ipam.plan.plan IS 'the object, indented by its level';
COMMENT ON COLUMN ipam.plan.name IS 'name or description; of a range also who manages it. "(not counted)": an overlapping one counts instead';
COMMENT ON COLUMN ipam.plan.used IS 'utilized of total addresses; NULL where there are none';
COMMENT ON COLUMN ipam.plan.percent IS 'utilized of total addresses, two decimals';
COMMENT ON COLUMN ipam.plan.bar IS 'the same as a picture of ten characters';
COMMENT ON COLUMN ipam.plan.space IS 'name of the address space';
COMMENT ON COLUMN ipam.plan.kind IS 'space, block, subnet or range';
COMMENT ON COLUMN ipam.plan.id IS 'id of the object in its table';
COMMENT ON COLUMN ipam.plan.level IS '0 for an address space, 1 and more for what lies in it';
COMMENT ON COLUMN ipam.plan.address_family IS '4 or 6';
COMMENT ON COLUMN ipam.plan.network IS 'network of the object; NULL for an address space';
COMMENT ON COLUMN ipam.plan.extent IS 'all addresses of the object; NULL for an address space';
COMMENT ON COLUMN ipam.plan.address_space_id IS 'the address space';
-- Details: each kind of object with everything that is known by asking: names, counts, overlap, expiry,
-- utilization (MS-IPAMM2 2.2.4.7, 2.2.4.257, 2.2.4.295, 2.2.4.301, 2.2.4.314).
--
-- Joins are LEFT JOINs by a primary key and the rest are subqueries of the select list: what a query does not
-- ask for is not worked out, and of one row only that row. OFFSET 0: once for all columns that tell of it.

CREATE TYPE ipam.range_overlap_state AS ENUM ('NotOverlapping', 'Overlapping');
COMMENT ON TYPE ipam.range_overlap_state IS
    'whether another range of the address space has an address in common; that of a failover pair is Overlapping, because scopes are not stored';

CREATE VIEW ipam.address_space_details WITH (security_invoker) AS
SELECT s.*,
       coalesce(p.name, s.name) AS provider_address_space_name,
       CASE s.type WHEN 'Customer' THEN s.name END AS customer_address_space_name,
       s.custom_fields ->> (SELECT f.name FROM ipam.custom_field AS f WHERE f.id = 16) AS tenant,
       s.custom_fields ->> (SELECT f.name FROM ipam.custom_field AS f WHERE f.id = 15) AS vm_network,
       (SELECT count(*) FROM ipam.address_space AS c WHERE c.provider_id = s.id) AS customer_space_count,
       (SELECT count(*) FROM ipam.ip_subnet AS n WHERE n.address_space_id = s.id) AS subnet_count,
       (SELECT count(*) FROM ipam.ip_range AS r WHERE r.address_space_id = s.id) AS range_count,
       (u.ipv4).percent_utilized AS ipv4_percent_utilized,
       (u.ipv4).status AS ipv4_utilization_status,
       (u.ipv6).percent_utilized AS ipv6_percent_utilized,
       (u.ipv6).status AS ipv6_utilization_status
FROM ipam.address_space AS s
    LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id
    CROSS JOIN LATERAL (
        SELECT (SELECT v4 FROM ipam.address_space_utilization AS v4 WHERE v4.address_space_id = s.id AND v4.address_family = 4) AS ipv4,
               (SELECT v6 FROM ipam.address_space_utilization AS v6 WHERE v6.address_space_id = s.id AND v6.address_family = 6) AS ipv6
        OFFSET 0) AS u;
COMMENT ON VIEW ipam.address_space_details IS 'address spaces with what is known by asking (MS-IPAMM2 2.2.4.7)';

CREATE VIEW ipam.ip_block_details WITH (security_invoker) AS
SELECT b.*,
       s.name AS address_space_name,
       family(b.network) AS address_family,
       masklen(b.network) AS prefix_length,
       netmask(b.network) AS subnet_mask,
       p.network AS parent_network,
       (SELECT count(*) FROM ipam.ip_block AS c WHERE c.parent_id = b.id) AS child_block_count,
       (SELECT count(*) FROM ipam.ip_subnet AS c WHERE c.block_id = b.id) AS child_subnet_count,
       (SELECT max(r.created_at)
        FROM ipam.ip_subnet AS n JOIN ipam.ip_range AS r ON r.subnet_id = n.id
        WHERE n.address_space_id = 1 AND n.network >= b.network AND n.network <= b.end_address
          AND n.extent <@ b.extent AND masklen(n.network) >= masklen(b.network)) AS last_assigned_at,
       (u.utilization).percent_utilized AS percent_utilized,
       (u.utilization).status AS utilization_status
FROM ipam.ip_block AS b
    LEFT JOIN ipam.address_space AS s ON s.id = b.address_space_id
    LEFT JOIN ipam.ip_block AS p ON p.id = b.parent_id
    CROSS JOIN LATERAL (
        SELECT (SELECT found FROM ipam.block_utilization AS found WHERE found.block_id = b.id) AS utilization OFFSET 0) AS u;
COMMENT ON VIEW ipam.ip_block_details IS 'blocks with what is known by asking (MS-IPAMM2 2.2.4.295)';

CREATE VIEW ipam.ip_subnet_details WITH (security_invoker) AS
SELECT n.*,
       s.name AS address_space_name,
       coalesce(p.name, s.name) AS provider_address_space_name,
       CASE s.type WHEN 'Customer' THEN s.name END AS customer_address_space_name,
       family(n.network) AS address_family,
       masklen(n.network) AS prefix_length,
       netmask(n.network) AS subnet_mask,
       lower(n.extent) AS start_address,
       upper(n.extent) AS end_address,
       n.address_space_id = 1 AND n.block_id IS NULL AS unmapped,
       NOT EXISTS (SELECT FROM ipam.ip_range AS r WHERE r.subnet_id = n.id) AS is_empty,
       EXISTS (SELECT FROM ipam.find_overlapping_subnets(n.address_space_id, n.network) AS o WHERE o.id <> n.id) AS is_overlapping,
       n.custom_fields ->> (SELECT f.name FROM ipam.custom_field AS f WHERE f.id = 12) AS logical_network,
       n.custom_fields ->> (SELECT f.name FROM ipam.custom_field AS f WHERE f.id = 14) AS network_site,
       (SELECT count(*) FROM ipam.ip_range AS r WHERE r.subnet_id = n.id) AS range_count,
       (SELECT max(r.created_at) FROM ipam.ip_range AS r WHERE r.subnet_id = n.id) AS last_assigned_at,
       (u.utilization).percent_utilized AS percent_utilized,
       (u.utilization).status AS utilization_status
FROM ipam.ip_subnet AS n
    LEFT JOIN ipam.address_space AS s ON s.id = n.address_space_id
    LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id
    CROSS JOIN LATERAL (
        SELECT (SELECT found FROM ipam.subnet_utilization AS found WHERE found.subnet_id = n.id) AS utilization OFFSET 0) AS u;
COMMENT ON VIEW ipam.ip_subnet_details IS 'subnets with what is known by asking (MS-IPAMM2 2.2.4.314)';

CREATE VIEW ipam.ip_range_details WITH (security_invoker) AS
SELECT r.*,
       s.name AS address_space_name,
       coalesce(p.name, s.name) AS provider_address_space_name,
       CASE s.type WHEN 'Customer' THEN s.name END AS customer_address_space_name,
       family(r.start_address) AS address_family,
       masklen(r.network) AS prefix_length,
       netmask(r.network) AS subnet_mask,
       n.network AS subnet_network,
       n.name AS subnet_name,
       n.block_id,
       r.address_space_id = 1 AND n.block_id IS NULL AS unmapped,
       o.is_overlapping,
       CASE WHEN o.is_overlapping THEN 'Overlapping'::ipam.range_overlap_state ELSE 'NotOverlapping' END AS range_overlap_state,
       (SELECT count(*) FROM ipam.ip_address AS a WHERE a.range_id = r.id) AS address_count,
       (SELECT max(coalesce(a.assigned_at, a.created_at)) FROM ipam.ip_address AS a WHERE a.range_id = r.id) AS last_assigned_at,
       (u.utilization).percent_utilized AS percent_utilized,
       (u.utilization).status AS utilization_status
FROM ipam.ip_range AS r
    LEFT JOIN ipam.ip_subnet AS n ON n.id = r.subnet_id
    LEFT JOIN ipam.address_space AS s ON s.id = r.address_space_id
    LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM ipam.find_overlapping_ranges(r.address_space_id, r.extent, r.excluded_addresses) AS other
            WHERE other.id <> r.id) AS is_overlapping
        OFFSET 0) AS o
    CROSS JOIN LATERAL (
        SELECT (SELECT found FROM ipam.range_utilization AS found WHERE found.range_id = r.id) AS utilization OFFSET 0) AS u;
COMMENT ON VIEW ipam.ip_range_details IS 'ranges with what is known by asking (MS-IPAMM2 2.2.4.301)';

CREATE VIEW ipam.ip_address_details WITH (security_invoker) AS
SELECT a.*,
       s.name AS address_space_name,
       coalesce(p.name, s.name) AS provider_address_space_name,
       CASE s.type WHEN 'Customer' THEN s.name END AS customer_address_space_name,
       family(a.address) AS address_family,
       r.start_address AS range_start_address,
       r.end_address AS range_end_address,
       netmask(r.network) AS subnet_mask,
       r.subnet_id,
       n.network AS subnet_network,
       n.name AS subnet_name,
       a.range_id IS NULL AS unmapped,
       EXISTS (SELECT FROM ipam.ip_address AS other
               WHERE other.address_space_id = a.address_space_id AND other.address = a.address AND other.id <> a.id) AS is_duplicate,
       e.expiry_status,
       coalesce(e.expiry_status = 'Expired', false) AS is_expired,
       coalesce(e.expiry_status = 'Alert', false) AS in_warning_period
FROM ipam.ip_address AS a
    LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id
    LEFT JOIN ipam.ip_subnet AS n ON n.id = r.subnet_id
    LEFT JOIN ipam.address_space AS s ON s.id = a.address_space_id
    LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id
    CROSS JOIN LATERAL (
        SELECT ipam.expiry_status(a.expires_at, (SELECT ipam.expiry_alert_threshold())) AS expiry_status) AS e;
COMMENT ON VIEW ipam.ip_address_details IS 'addresses with what is known by asking (MS-IPAMM2 2.2.4.257)';

-- Comments of the columns: stored ones have those of their table.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT v.oid::regclass AS view, a.attname, coalesce(col_description(t.attrelid, t.attnum), computed.comment) AS comment
        FROM (VALUES ('address_space'), ('ip_block'), ('ip_subnet'), ('ip_range'), ('ip_address')) AS kind(name)
            JOIN pg_class AS v ON v.oid = format('ipam.%I', kind.name || '_details')::regclass
            JOIN pg_attribute AS a ON a.attrelid = v.oid AND a.attnum > 0
            LEFT JOIN pg_attribute AS t ON t.attrelid = format('ipam.%I', kind.name)::regclass AND t.attname = a.attname
            LEFT JOIN (VALUES
                ('', 'address_space_name', 'name of the address space'),
                ('', 'provider_address_space_name', 'name of the provider space: of the space itself, or the one under a customer space'),
                ('', 'customer_address_space_name', 'name of the customer space; NULL in provider spaces'),
                ('', 'address_family', '4 or 6'),
                ('', 'prefix_length', 'prefix length of the network'),
                ('', 'subnet_mask', 'mask of the network'),
                ('address_space', 'tenant', 'value of custom field 16'),
                ('address_space', 'vm_network', 'value of custom field 15'),
                ('address_space', 'customer_space_count', 'number of customer spaces on it'),
                ('address_space', 'subnet_count', 'number of subnets'),
                ('address_space', 'range_count', 'number of ranges'),
                ('address_space', 'ipv4_percent_utilized', 'utilization of its IPv4 ranges in percent'),
                ('address_space', 'ipv4_utilization_status', 'Under, Optimal or Over'),
                ('address_space', 'ipv6_percent_utilized', 'utilization of its IPv6 ranges in percent'),
                ('address_space', 'ipv6_utilization_status', 'Under, Optimal or Over'),
                ('ip_block', 'parent_network', 'network of the smallest block around it; NULL: a root'),
                ('ip_block', 'child_block_count', 'number of blocks directly below'),
                ('ip_block', 'child_subnet_count', 'number of subnets directly below'),
                ('ip_block', 'last_assigned_at', 'when the newest range below it was made'),
                ('ip_subnet', 'start_address', 'first address'),
                ('ip_subnet', 'end_address', 'last address'),
                ('ip_subnet', 'is_empty', 'whether it has no ranges'),
                ('ip_subnet', 'unmapped', 'whether it is in the default address space and no block is around it'),
                ('ip_subnet', 'is_overlapping', 'whether another subnet of the address space is around or inside it'),
                ('ip_subnet', 'logical_network', 'value of custom field 12'),
                ('ip_subnet', 'network_site', 'value of custom field 14'),
                ('ip_subnet', 'range_count', 'number of ranges'),
                ('ip_subnet', 'last_assigned_at', 'when its newest range was made'),
                ('ip_range', 'subnet_network', 'network of its subnet'),
                ('ip_range', 'subnet_name', 'name of its subnet'),
                ('ip_range', 'block_id', 'the block of its subnet'),
                ('ip_range', 'unmapped', 'whether it is in the default address space and no block is around its subnet'),
                ('ip_range', 'is_overlapping', 'whether another range of the address space has an address in common; excluded ones do not count'),
                ('ip_range', 'range_overlap_state', 'the same as a word of the protocol'),
                ('ip_range', 'address_count', 'number of recorded addresses'),
                ('ip_range', 'last_assigned_at', 'when its newest address was assigned, or else recorded'),
                ('ip_address', 'range_start_address', 'first address of its range'),
                ('ip_address', 'range_end_address', 'last address of its range'),
                ('ip_address', 'subnet_id', 'the subnet of its range'),
                ('ip_address', 'subnet_network', 'network of that subnet'),
                ('ip_address', 'subnet_name', 'name of that subnet'),
                ('ip_address', 'unmapped', 'whether no range holds it'),
                ('ip_address', 'is_duplicate', 'whether another service has recorded the address in the same address space'),
                ('ip_address', 'expiry_status', 'Active, Alert or Expired; NULL: it does not expire'),
                ('ip_address', 'is_expired', 'whether its expiry has passed'),
                ('ip_address', 'in_warning_period', 'whether it expires within ExpiryAlertThreshold days'),
                ('', 'percent_utilized', 'utilized of total addresses in percent'),
                ('', 'utilization_status', 'Under, Optimal or Over')
            ) AS computed(kind, name, comment) ON computed.name = a.attname AND computed.kind IN ('', kind.name)
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', given.view, given.attname, given.comment);
    END LOOP;
END
$$;
-- Listings: what WHERE on a view does not answer (MS-IPAMM2 3.3.4.62 to 64, 3.3.4.110, 3.5.4.8.1). docs/listing.md
-- has all of them.
--
-- SQL functions that the server puts into the query that calls them: conditions on their rows use indexes.

CREATE INDEX ip_subnet_custom_fields_idx ON ipam.ip_subnet USING gin (custom_fields) WHERE custom_fields <> '{}';
COMMENT ON INDEX ipam.ip_subnet_custom_fields_idx IS 'subnets that have a custom field value';
CREATE INDEX ip_range_custom_fields_idx ON ipam.ip_range USING gin (custom_fields) WHERE custom_fields <> '{}';
COMMENT ON INDEX ipam.ip_range_custom_fields_idx IS 'ranges that have a custom field value';

-- From the root to the leaf

CREATE FUNCTION ipam.block_hierarchy(block_id bigint) RETURNS SETOF ipam.ip_block
LANGUAGE sql STABLE ROWS 9
BEGIN ATOMIC
    SELECT b.* FROM ipam.get_block_or_fault(block_id) AS leaf
        JOIN ipam.ip_block AS b ON b.extent @> leaf.extent AND masklen(b.network) <= masklen(leaf.network)
    ORDER BY masklen(b.network), b.start_address, b.end_address DESC;
END;
COMMENT ON FUNCTION ipam.block_hierarchy(bigint) IS
    'the blocks around a block and the block itself, the root first; a fault where the id is unknown (MS-IPAMM2 3.3.4.62)';

CREATE FUNCTION ipam.block_hierarchy_for_subnet(subnet_id bigint) RETURNS SETOF ipam.ip_block
LANGUAGE sql STABLE ROWS 9
BEGIN ATOMIC
    SELECT b.* FROM ipam.get_subnet_or_fault(subnet_id) AS s, ipam.ip_block AS leaf
        JOIN ipam.ip_block AS b ON b.extent @> leaf.extent AND masklen(b.network) <= masklen(leaf.network)
    WHERE leaf.id = s.block_id
    ORDER BY masklen(b.network), b.start_address, b.end_address DESC;
END;
COMMENT ON FUNCTION ipam.block_hierarchy_for_subnet(bigint) IS
    'the blocks around a subnet, the root first; none where the subnet has no block, a fault where the id is unknown (MS-IPAMM2 3.3.4.64)';

CREATE FUNCTION ipam.block_hierarchy_for_range(range_id bigint) RETURNS SETOF ipam.ip_block
LANGUAGE sql STABLE ROWS 9
BEGIN ATOMIC
    SELECT b.* FROM ipam.get_range_or_fault(range_id) AS r, ipam.ip_subnet AS s, ipam.ip_block AS leaf
        JOIN ipam.ip_block AS b ON b.extent @> leaf.extent AND masklen(b.network) <= masklen(leaf.network)
    WHERE s.id = r.subnet_id AND leaf.id = s.block_id
    ORDER BY masklen(b.network), b.start_address, b.end_address DESC;
END;
COMMENT ON FUNCTION ipam.block_hierarchy_for_range(bigint) IS
    'the blocks around the subnet of a range, the root first; none where it has no block, a fault where the id is unknown (MS-IPAMM2 3.3.4.63)';

-- Everything below. A subnet lies below a block if the block is in its hierarchy: it lies in the block's addresses
-- and its prefix is not shorter. The bounds are for the index, which is in the order of networks.

CREATE FUNCTION ipam.subnets_of_block(block_id bigint) RETURNS SETOF ipam.ip_subnet
LANGUAGE sql STABLE ROWS 100
BEGIN ATOMIC
    SELECT s.* FROM ipam.get_block_or_fault(block_id) AS b
        JOIN ipam.ip_subnet AS s ON s.address_space_id = 1 AND s.network >= b.network AND s.network <= b.end_address
            AND s.extent <@ b.extent AND masklen(s.network) >= masklen(b.network);
END;
COMMENT ON FUNCTION ipam.subnets_of_block(bigint) IS
    'the subnets below a block, also those of blocks inside it; a fault where the id is unknown (MS-IPAMM2 3.5.4.8.1.53)';

CREATE FUNCTION ipam.ranges_of_block(block_id bigint) RETURNS SETOF ipam.ip_range
LANGUAGE sql STABLE ROWS 100
BEGIN ATOMIC
    SELECT r.* FROM ipam.subnets_of_block(block_id) AS s JOIN ipam.ip_range AS r ON r.subnet_id = s.id;
END;
COMMENT ON FUNCTION ipam.ranges_of_block(bigint) IS
    'the ranges of the subnets below a block; a fault where the id is unknown (MS-IPAMM2 3.5.4.8.1.61)';

CREATE FUNCTION ipam.ip_addresses_of_block(block_id bigint) RETURNS SETOF ipam.ip_address
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT a.* FROM ipam.ranges_of_block(block_id) AS r JOIN ipam.ip_address AS a ON a.range_id = r.id;
END;
COMMENT ON FUNCTION ipam.ip_addresses_of_block(bigint) IS
    'the addresses of the ranges below a block; a fault where the id is unknown (MS-IPAMM2 3.5.4.8.1.41)';

CREATE FUNCTION ipam.ip_addresses_of_subnet(subnet_id bigint) RETURNS SETOF ipam.ip_address
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT a.* FROM ipam.get_subnet_or_fault(subnet_id) AS s
        JOIN ipam.ip_range AS r ON r.subnet_id = s.id
        JOIN ipam.ip_address AS a ON a.range_id = r.id;
END;
COMMENT ON FUNCTION ipam.ip_addresses_of_subnet(bigint) IS
    'the addresses of the ranges of a subnet, without those of subnets inside it; a fault where the id is unknown (MS-IPAMM2 3.5.4.8.1.45)';

-- Without a block

CREATE FUNCTION ipam.count_unmapped_ranges(address_family integer DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    PERFORM ipam.require_ready_store();
    IF address_family NOT IN (4, 6) THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressFamily', format('there is no address family %s', address_family), NULL,
            'Use 4 or 6, or NULL for both.');
    END IF;
    RETURN (
        SELECT count(*) FROM ipam.ip_subnet AS s JOIN ipam.ip_range AS r ON r.subnet_id = s.id
        WHERE s.address_space_id = 1 AND s.block_id IS NULL
          AND (address_family IS NULL OR family(r.start_address) = address_family));
END
$$;
COMMENT ON FUNCTION ipam.count_unmapped_ranges(integer) IS
    'how many ranges of the default address space lie in a subnet without a block, of one address family or of both (MS-IPAMM2 3.3.4.110)';
-- The tree of a logical group: nodes, members and utilization at each level (MS-IPAMM2 3.1.1.1.16.2, 2.2.4.336).
--
-- A node is named by the values of the fields from the top level down: {MS DHCP,dhcp1}. The values of a field stand
-- in a column or in custom_fields; the statements are made for the fields of the group, so that indexes serve them.
-- All names and values in them are quoted by custom_field_terms(), which plpgsql_check does not see; the test has some
-- that would do harm.

CREATE TYPE ipam.logical_group_type AS ENUM ('Range', 'IPAddress', 'Subnet');
COMMENT ON TYPE ipam.logical_group_type IS 'kind of the objects that a logical group arranges; managed servers are not part of the store';

CREATE FUNCTION ipam.logical_group_table(object_type ipam.logical_group_type, OUT relation text, OUT family text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT t.relation, t.family
    FROM (VALUES ('Range'::ipam.logical_group_type, 'ipam.ip_range', 'family(o.start_address)'),
                 ('IPAddress', 'ipam.ip_address', 'family(o.address)'),
                 ('Subnet', 'ipam.ip_subnet', 'family(o.network)')) AS t(type, relation, family)
    WHERE t.type = object_type;
END;
COMMENT ON FUNCTION ipam.logical_group_table(ipam.logical_group_type) IS
    'the table of a kind of objects, and the expression of the address family of its row o';

-- The one place that knows where a field stands.
CREATE FUNCTION ipam.custom_field_terms(object_type ipam.logical_group_type, custom_field_id bigint, value text DEFAULT NULL,
    OUT name text, OUT given text, OUT is_given text, OUT is_value text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT f.name,
           CASE WHEN c.name IS NOT NULL THEN format('o.%I', c.name)
                WHEN f.id IN (1, 7, 8, 9, 10, 17) THEN 'NULL::text'
                ELSE format('(o.custom_fields ->> %L)', f.name) END,
           CASE WHEN c.name IS NOT NULL THEN 'true'
                WHEN f.id IN (1, 7, 8, 9, 10, 17) THEN 'false'
                ELSE format('(o.custom_fields <> ''{}'' AND o.custom_fields ? %L)', f.name) END,
           CASE WHEN c.name IS NOT NULL THEN format('o.%I = %L', c.name, custom_field_terms.value)
                WHEN f.id IN (1, 7, 8, 9, 10, 17) THEN 'false'
                ELSE format('(o.custom_fields <> ''{}'' AND o.custom_fields @> %L)', jsonb_build_object(f.name, custom_field_terms.value)) END
    FROM ipam.custom_field AS f
        LEFT JOIN (VALUES ('Range'::ipam.logical_group_type, 8, 'managed_by'), ('Range', 9, 'managed_by_entity'),
                          ('IPAddress', 7, 'device_type'), ('IPAddress', 8, 'managed_by'),
                          ('IPAddress', 9, 'managed_by_entity'), ('IPAddress', 10, 'state')) AS c(type, field, name)
          ON c.type = object_type AND c.field = f.id
    WHERE f.id = custom_field_terms.custom_field_id;
END;
COMMENT ON FUNCTION ipam.custom_field_terms(ipam.logical_group_type, bigint, text) IS
    'the name of a field, and SQL of a row o of the object: the value of the field, whether it has one, whether it is the given value';

CREATE FUNCTION ipam.logical_group_source(logical_group_id bigint, object_type ipam.logical_group_type, ancestors text[],
    address_family integer, address_space_id bigint, OUT relation text, OUT condition text, OUT next_field bigint, OUT levels integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    fields bigint[];
    place record;
BEGIN
    PERFORM ipam.require_ready_store();
    IF logical_group_id IS NULL THEN
        refused := ipam.raise_fault('IpamApiFieldIdNotSpecified', 'the id of the logical group is missing', 'logical_group_id is NULL.',
            'SELECT id, name FROM ipam.logical_group lists the groups.');
    ELSIF NOT EXISTS (SELECT FROM ipam.logical_group AS g WHERE g.id = logical_group_id) THEN
        refused := ipam.raise_fault('IpamApiObjectNotFoundInDatabase', format('there is no logical group %s', logical_group_id), NULL,
            'SELECT id, name FROM ipam.logical_group lists the groups.');
    ELSIF object_type IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'the kind of objects is missing', 'object_type is NULL.',
            'Use Range, IPAddress or Subnet.');
    ELSIF address_family NOT IN (4, 6) THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressFamily', format('there is no address family %s', address_family), NULL,
            'Use 4 or 6, or NULL for both.');
    END IF;
    PERFORM ipam.address_space_type(address_space_id);
    fields := ARRAY (SELECT l.custom_field_id FROM ipam.logical_group_field AS l
                     WHERE l.logical_group_id = logical_group_source.logical_group_id ORDER BY l.position);
    levels := cardinality(fields);
    IF ancestors IS NULL OR cardinality(ancestors) > levels OR array_ndims(ancestors) > 1
       OR EXISTS (SELECT FROM unnest(ancestors) AS a(value) WHERE a.value IS NULL) THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter',
            format('%s is not a node of logical group %s', coalesce(ancestors::text, 'NULL'), logical_group_id),
            format('Levels of the group: %s; a node is named by one value for each level from the top down.', levels),
            'Use ''{}'' for the group itself, and path of ipam.logical_group_nodes() for its nodes.');
    END IF;
    next_field := fields[cardinality(ancestors) + 1];

    place := ipam.logical_group_table(object_type);
    relation := place.relation;
    condition := concat_ws(' AND ',
        place.family || ' = ' || address_family,
        'o.address_space_id = ' || address_space_id,
        (SELECT string_agg((ipam.custom_field_terms(object_type, fields[a.n], a.value)).is_value, ' AND ')
         FROM unnest(ancestors) WITH ORDINALITY AS a(value, n)),
        'true');
END
$$;
COMMENT ON FUNCTION ipam.logical_group_source(bigint, ipam.logical_group_type, text[], integer, bigint) IS
    'the table of the objects of a node, the condition on its rows o, the field of the next level, and the number of levels; a fault where there is no such node';

CREATE FUNCTION ipam.logical_group_nodes(logical_group_id bigint, object_type ipam.logical_group_type, ancestors text[] DEFAULT '{}',
    address_family integer DEFAULT NULL, address_space_id bigint DEFAULT NULL)
RETURNS TABLE (level integer, custom_field_id bigint, custom_field text, value_id bigint, value text, path text[], is_leaf boolean,
    members bigint, total_addresses numeric, assigned_addresses numeric, utilized_addresses numeric, percent_utilized numeric,
    status ipam.utilization_status)
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off, extra_warnings = off
#variable_conflict use_column
DECLARE
    place CONSTANT record := ipam.logical_group_source(logical_group_id, object_type, ancestors, address_family, address_space_id);
    field CONSTANT record := ipam.custom_field_terms(object_type, place.next_field);
    this_level CONSTANT integer := cardinality(ancestors) + 1;
BEGIN
    IF place.next_field IS NULL THEN
        RETURN;
    END IF;
    -- Numbers of both families together would say nothing.
    RETURN QUERY EXECUTE format(
        'SELECT $1, $2, $3, v.id, g.value, $4 || g.value, $5, g.members, g.total, g.assigned, g.utilized,
                CASE WHEN g.total IS NOT NULL THEN ipam.percent_utilized(g.utilized, g.total) END,
                CASE WHEN g.total IS NOT NULL THEN ipam.rate_utilization(g.utilized, g.total, ipam.utilization_threshold(''MinimumUtilizationThreshold''),
                                      ipam.utilization_threshold(''MaximumUtilizationThreshold'')) END
         FROM (SELECT m.value, count(*) AS members,
                      CASE WHEN min(m.family) = max(m.family) THEN sum(m.total) END AS total,
                      CASE WHEN min(m.family) = max(m.family) THEN sum(m.assigned) END AS assigned,
                      CASE WHEN min(m.family) = max(m.family) THEN sum(m.utilized) END AS utilized
               FROM (SELECT %s COLLATE "C" AS value, %s FROM %s AS o %s WHERE %s AND %s) AS m
               GROUP BY m.value) AS g
         LEFT JOIN ipam.custom_field_value AS v ON v.custom_field_id = $2 AND v.value = g.value
         ORDER BY g.value',
        field.given,
        CASE object_type WHEN 'Range' THEN 'u.address_family AS family, u.total_addresses AS total, u.assigned_addresses AS assigned, u.utilized_addresses AS utilized'
                         ELSE 'NULL::integer AS family, NULL::numeric AS total, NULL::numeric AS assigned, NULL::numeric AS utilized' END,
        place.relation,
        CASE object_type WHEN 'Range' THEN 'JOIN ipam.range_utilization AS u ON u.range_id = o.id' END,
        place.condition,
        field.is_given)
    USING this_level, place.next_field, field.name, ancestors, this_level = place.levels;
END
$$;
COMMENT ON FUNCTION ipam.logical_group_nodes(bigint, ipam.logical_group_type, text[], integer, bigint) IS
    'the nodes of the next level under a node of a logical group, with the number of members and the utilization of ranges; a fault where there is no such group (MS-IPAMM2 3.5.4.8.1.75, 3.5.4.8.1.76)';

CREATE FUNCTION ipam.logical_group_members(logical_group_id bigint, object_type ipam.logical_group_type, ancestors text[] DEFAULT '{}',
    address_family integer DEFAULT NULL, address_space_id bigint DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    place CONSTANT record := ipam.logical_group_source(logical_group_id, object_type, ancestors, address_family, address_space_id);
BEGIN
    RETURN QUERY EXECUTE format('SELECT o.id FROM %s AS o WHERE %s AND %s', place.relation, place.condition,
        CASE WHEN ancestors <> '{}' THEN 'true'
             ELSE coalesce((ipam.custom_field_terms(object_type, place.next_field)).is_given, 'false') END);
END
$$;
COMMENT ON FUNCTION ipam.logical_group_members(bigint, ipam.logical_group_type, text[], integer, bigint) IS
    'ids of the objects of a node of a logical group; of the group itself those with any value for its first field (MS-IPAMM2 3.5.4.8.1.72, 3.5.4.8.1.73)';

CREATE FUNCTION ipam.logical_group_unmapped(logical_group_id bigint, object_type ipam.logical_group_type, ancestors text[] DEFAULT '{}',
    address_family integer DEFAULT NULL, address_space_id bigint DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    place CONSTANT record := ipam.logical_group_source(logical_group_id, object_type, ancestors, address_family, address_space_id);
BEGIN
    RETURN QUERY EXECUTE format('SELECT o.id FROM %s AS o WHERE %s AND %s', place.relation, place.condition,
        CASE WHEN place.next_field IS NOT NULL THEN 'NOT ' || (ipam.custom_field_terms(object_type, place.next_field)).is_given
             WHEN ancestors = '{}' THEN 'true' ELSE 'false' END);
END
$$;
COMMENT ON FUNCTION ipam.logical_group_unmapped(bigint, ipam.logical_group_type, text[], integer, bigint) IS
    'ids of the objects without a value for the first field of a logical group, or of those of a node without one for the next level (MS-IPAMM2 3.5.4.8.1.74)';

CREATE FUNCTION ipam.logical_group_utilization(logical_group_id bigint, ancestors text[] DEFAULT '{}',
    address_family integer DEFAULT NULL, address_space_id bigint DEFAULT NULL)
RETURNS TABLE (family integer, members bigint, total_addresses numeric, assigned_addresses numeric, utilized_addresses numeric,
    stateful_addresses numeric, stateless_addresses numeric, percent_utilized numeric, status ipam.utilization_status)
LANGUAGE plpgsql STABLE ROWS 2 SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT s.family, s.members, s.total, s.assigned, s.utilized, s.stateful, s.stateless, ipam.percent_utilized(s.utilized, s.total),
               ipam.rate_utilization(s.utilized, s.total, ipam.utilization_threshold('MinimumUtilizationThreshold'),
                                     ipam.utilization_threshold('MaximumUtilizationThreshold'))
        FROM (SELECT u.address_family AS family, count(*) AS members, sum(u.total_addresses) AS total, sum(u.assigned_addresses) AS assigned,
                     sum(u.utilized_addresses) AS utilized, sum(u.stateful_addresses) AS stateful, sum(u.stateless_addresses) AS stateless
              FROM ipam.logical_group_members(logical_group_id, 'Range', ancestors, address_family, address_space_id) AS m(id)
                  JOIN ipam.range_utilization AS u ON u.range_id = m.id
              GROUP BY u.address_family) AS s
        ORDER BY s.family;
END
$$;
COMMENT ON FUNCTION ipam.logical_group_utilization(bigint, text[], integer, bigint) IS
    'current utilization of all ranges of a node of a logical group, or of the group itself, for each address family (MS-IPAMM2 3.3.4.87)';

-- As range_utilization_trend() for each range, and these added up, with all ranges at once.
CREATE FUNCTION ipam.logical_group_utilization_trend(logical_group_id bigint, ancestors text[] DEFAULT '{}',
    period ipam.utilization_period DEFAULT 'OneMonth', start_time timestamptz DEFAULT NULL, end_time timestamptz DEFAULT NULL,
    address_family integer DEFAULT 4, address_space_id bigint DEFAULT NULL)
RETURNS TABLE (period_start timestamptz, period_end timestamptz, is_valid boolean, total_addresses numeric, assigned_addresses numeric,
    utilized_addresses numeric, stateful_addresses numeric, stateless_addresses numeric, percent_utilized numeric)
LANGUAGE plpgsql STABLE ROWS 12 SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    refused boolean;
    members bigint[];
BEGIN
    IF address_family IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressFamily', 'a trend is about one address family', 'address_family is NULL.', 'Use 4 or 6.');
    END IF;
    members := ARRAY (SELECT m.id FROM ipam.logical_group_members(logical_group_id, 'Range', ancestors, address_family, address_space_id) AS m(id));
    RETURN QUERY
        WITH part AS MATERIALIZED (
            SELECT p.period_start, p.period_end, p.sampled_before FROM ipam.split_period(period, start_time, end_time) AS p
        ), sample AS ( -- the sum of one moment: servers that share a scope have a row each
            SELECT r.id, p.period_start, sum(h.total_addresses) AS total, sum(h.assigned_addresses) AS assigned, sum(h.utilized_addresses) AS utilized,
                   sum(h.stateful_addresses) AS stateful, sum(h.stateless_addresses) AS stateless
            FROM ipam.ip_range AS r
                JOIN ipam.range_utilization_history AS h ON h.address_space_id = r.address_space_id
                    AND h.start_address = r.start_address AND h.end_address = r.end_address AND h.prefix_length = masklen(r.network)
                    AND h.managed_by = r.managed_by AND h.managed_by_entity = r.managed_by_entity
                JOIN part AS p ON h.collected_at >= p.period_start AND h.collected_at < p.sampled_before
            WHERE r.id = ANY (members)
              AND h.collected_at >= (SELECT min(p.period_start) FROM part AS p) AND h.collected_at < (SELECT max(p.sampled_before) FROM part AS p)
            GROUP BY r.id, p.period_start, h.collected_at
        ), mean AS (
            SELECT s.id, s.period_start, avg(s.total) AS total, avg(s.assigned) AS assigned, avg(s.utilized) AS utilized,
                   avg(s.stateful) AS stateful, avg(s.stateless) AS stateless
            FROM sample AS s GROUP BY s.id, s.period_start
        )
        SELECT p.period_start, p.period_end, count(m.id) > 0, trim_scale(round(sum(m.total), 2)), trim_scale(round(sum(m.assigned), 2)),
               trim_scale(round(sum(m.utilized), 2)), trim_scale(round(sum(m.stateful), 2)), trim_scale(round(sum(m.stateless), 2)),
               ipam.percent_utilized(sum(m.utilized), sum(m.total))
        FROM part AS p LEFT JOIN mean AS m ON m.period_start = p.period_start
        GROUP BY p.period_start, p.period_end
        ORDER BY p.period_start;
END
$$;
COMMENT ON FUNCTION ipam.logical_group_utilization_trend(bigint, text[], ipam.utilization_period, timestamptz, timestamptz, integer, bigint) IS
    'the utilization of all ranges of a node of a logical group, or of the group itself, over a period in 12 averages; is_valid: whether there are samples of that part (MS-IPAMM2 3.3.4.85, 3.3.4.87)';
-- Rights: PUBLIC gets nothing but the constructors of the range types, which read nothing and without which
-- no range could be written. Provisioning gives the security groups their rights: ipam.grant_rights().

REVOKE ALL ON SCHEMA ipam FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ipam FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA ipam FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA ipam FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ipam.inetrange(inet, inet), ipam.inetrange(inet, inet, text), ipam.inetmultirange(),
    ipam.inetmultirange(ipam.inetrange), ipam.inetmultirange(ipam.inetrange[]) TO PUBLIC;
-- What pg_dump saves: the rows of every table and the state of every sequence. Not plan_lock, which is
-- derived; not what the scripts of a version fill, which belongs to the version.

DO $$
DECLARE
    relation oid;
BEGIN
    FOR relation IN
        SELECT c.oid FROM pg_class AS c
        WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind IN ('r', 'S') AND c.relname NOT IN ('plan_lock', 'schema_conversion', 'schema_conversion_step', 'special_purpose_network')
        ORDER BY c.oid
    LOOP
        PERFORM pg_extension_config_dump(relation, '');
    END LOOP;
END
$$;
