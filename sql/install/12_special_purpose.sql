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
