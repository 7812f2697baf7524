-- Types: host addresses, ranges of addresses with one canonical form, categories.
\set SHOW_CONTEXT never

-- Every way to write a range comes to the same value: both ends inclusive.
SELECT ipam.inetrange('10.0.0.1', '10.0.0.5') AS without_end, '[10.0.0.1,10.0.0.4]'::ipam.inetrange AS with_end,
       '(10.0.0.0,10.0.0.5)'::ipam.inetrange AS open,
       '[10.0.0.1,10.0.0.5)'::ipam.inetrange = '(10.0.0.0,10.0.0.4]'::ipam.inetrange AS same;
SELECT '(10.0.0.1,10.0.0.2)'::ipam.inetrange AS nothing_between, ipam.inetrange('10.0.0.1', '10.0.0.1') AS nothing,
       ipam.inetrange('10.0.0.1', '10.0.0.1', '[]') AS one;

-- An open end reaches to the end of the family.
SELECT '[255.255.255.254,)'::ipam.inetrange AS v4_to_the_end, '(,0.0.0.1]'::ipam.inetrange AS v4_from_the_start,
       '[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe,)'::ipam.inetrange AS v6_to_the_end, '(,::1]'::ipam.inetrange AS v6_from_the_start;
SELECT '0.0.0.0/0'::cidr::ipam.inetrange AS all_v4, '::/0'::cidr::ipam.inetrange AS all_v6,
       ipam.network_range('10.0.0.77/24') AS network, ipam.network_range('10.0.0.77') AS host;
-- Nothing lies behind the last address or before the first one.
SELECT '(255.255.255.255,)'::ipam.inetrange AS behind_v4, '(ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,)'::ipam.inetrange AS behind_v6,
       '(,0.0.0.0)'::ipam.inetrange AS before_v4, '(,::)'::ipam.inetrange AS before_v6;
SELECT ipam.address_count('0.0.0.0/0'::cidr::ipam.inetrange) AS v4, ipam.address_count('::/0'::cidr::ipam.inetrange) AS v6,
       ipam.address_count('[::1,::1]') AS one, ipam.address_count('empty') AS none;

-- A range has one family and is made of hosts.
SELECT ipam.inetrange('10.0.0.1', '2001:db8::1');
SELECT '[10.0.0.1,2001:db8::1]'::ipam.inetrange;
SELECT '(,)'::ipam.inetrange;
SELECT ipam.inetrange('10.0.0.0/24', '10.0.1.0');
SELECT ipam.inetrange('10.0.0.5', '10.0.0.1');

-- Neighbours become one run; the last address of IPv4 is no neighbour of the first of IPv6.
SELECT '{[10.0.0.1,10.0.0.4],[10.0.0.5,10.0.0.9],[10.0.0.11,10.0.0.12]}'::ipam.inetmultirange AS runs;
SELECT '{[10.0.0.0,10.0.0.255]}'::ipam.inetmultirange - '{[10.0.0.10,10.0.0.20],[10.0.0.255,10.0.0.255]}'::ipam.inetmultirange AS rest;
SELECT '[10.0.0.0,10.0.0.9]'::ipam.inetrange @> '10.0.0.9'::inet AS holds, '[10.0.0.0,10.0.0.9]'::ipam.inetrange @> '::9'::inet AS holds_v6,
       '[10.0.0.0,10.0.0.9]'::ipam.inetrange && '[10.0.0.9,10.0.0.10]'::ipam.inetrange AS overlaps,
       '[10.0.0.0,10.0.0.9]'::ipam.inetrange -|- '[10.0.0.10,10.0.0.10]'::ipam.inetrange AS adjacent;
SELECT '{[255.255.255.255,255.255.255.255],[::,::]}'::ipam.inetmultirange;

-- One GiST index holds both families.
CREATE TEMP TABLE places (id integer GENERATED ALWAYS AS IDENTITY, place ipam.inetrange);
CREATE INDEX places_place_idx ON places USING gist (place);
INSERT INTO places (place)
SELECT ipam.inetrange('10.0.0.0'::inet + 16 * n, '10.0.0.0'::inet + 16 * n + 7, '[]') FROM generate_series(0, 3999) AS n
UNION ALL
SELECT ipam.inetrange('2001:db8::'::inet + 16 * n, '2001:db8::'::inet + 16 * n + 7, '[]') FROM generate_series(0, 3999) AS n
UNION ALL VALUES (NULL), ('empty'::ipam.inetrange);
ANALYZE places;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM places WHERE place @> '10.0.1.3'::inet;
SELECT place FROM places WHERE place @> '10.0.1.3'::inet;
SELECT place FROM places WHERE place @> '2001:db8::103'::inet;
SELECT count(*) FROM places WHERE place && '[10.0.0.8,10.0.0.31]'::ipam.inetrange;
SELECT count(*) FROM places WHERE place <@ '::/0'::cidr::ipam.inetrange AND NOT isempty(place);
SELECT count(*) FROM places WHERE place << '[2001:db8::,2001:db8::1]'::ipam.inetrange;
SELECT count(*) FROM places WHERE place && '{[10.0.0.0,10.0.0.1],[10.0.0.32,10.0.0.33]}'::ipam.inetmultirange;
RESET enable_seqscan;
-- The index agrees with the table.
SELECT count(*) FROM places AS p CROSS JOIN LATERAL (SELECT count(*) AS n FROM places AS q WHERE q.place && p.place) AS overlapping
WHERE n <> 1 AND NOT isempty(p.place);

-- Addresses and networks
SELECT address, ipam.is_host_address(address)
FROM (VALUES ('10.0.0.1'::inet), ('10.0.0.1/24'), ('0.255.255.255'), ('127.0.0.1'), ('169.254.0.0'), ('255.255.255.255'), ('224.0.0.1'), ('::'), ('::1'), ('::2'),
             ('fe80::1'), ('fec0::1'), ('ff02::1'), ('fd00::1'), ('2001:db8::')) AS v(address);
SELECT ipam.check_host_address('10.0.0.1'), ipam.check_host_address('2001:db8::1/128');
SELECT ipam.check_host_address('10.0.0.1/24');
SELECT ipam.check_host_address('2001:db8::/64');

-- Categories at the borders of their networks.
SELECT first, last, ipam.address_category(first, last)
FROM (VALUES ('9.255.255.255'::inet, '9.255.255.255'::inet), ('10.0.0.0', '10.255.255.255'), ('11.0.0.0', '11.0.0.0'),
             ('9.255.255.255', '10.0.0.0'), ('172.16.0.0', '172.31.255.255'), ('172.32.0.0', '172.32.0.0'),
             ('192.168.0.0', '192.168.255.255'), ('126.255.255.255', '127.0.0.0'), ('100.64.0.0', '100.127.255.255'),
             ('223.255.255.255', '223.255.255.255'), ('224.0.0.0', '224.0.0.0'), ('0.0.0.0', '255.255.255.255'),
             ('2000::', '2000::1'), ('fc00::', 'fdff:ffff::'), ('fbff::', 'fc00::'), ('fe80::', 'fe80::1'), ('fec0::', 'fec0::1'),
             ('ff00::', 'ff00::1'), ('::', '::1'), ('::2', '::3'), ('10.0.0.1', '::1'), ('10.0.0.2', '10.0.0.1')) AS v(first, last);
SELECT (ipam.covering_networks('10.1.2.3'))[1:9] AS networks, cardinality(ipam.covering_networks('::1')) AS count,
       (ipam.covering_networks('10.1.0.0/16'))[16:] AS of_network;
SELECT ipam.gateway('10.0.0.1') AS automatic, ipam.gateway('10.0.0.1', 10) AS metric;
SELECT name, ipam.is_domain_name(name)
FROM (VALUES ('example.org'), ('example.org.'), ('localhost'), ('_sip.example.org'), ('-x.org'), ('x-.org'), ('a..b'), (''), (repeat('a', 64))) AS v(name);
