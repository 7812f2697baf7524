-- Where is room? Free networks of blocks and subnets, free ranges of subnets, and why an address is not free.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store

-- docs/room.md
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.64.0.0/10');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'campus'), ('10.1.0.0/24', 'lab'), ('10.1.2.0/23', 'office'), ('10.1.8.0/22', 'guests');
SELECT id AS block FROM ipam.ip_block WHERE network = '10.0.0.0/8' \gset
SELECT * FROM ipam.get_free_ip_subnets(:block, prefix_length => 24, count => 3);
SELECT * FROM ipam.get_free_ip_subnets(:block, 22);
SELECT * FROM ipam.get_free_ip_subnets(:block, 22, placement => 'BestFit', exclude => '{10.1.4.0/24}');
SELECT ipam.largest_free_network(:block);
SELECT network, masklen(network) FROM ipam.free_networks(:block) AS network LIMIT 3;
INSERT INTO ipam.ip_subnet (network, name) SELECT network, 'branch office' FROM ipam.get_free_ip_subnets(:block, 26) AS network RETURNING network;

SELECT id AS campus FROM ipam.ip_subnet WHERE name = 'campus' \gset
INSERT INTO ipam.ip_range (start_address, end_address, reserved_addresses) VALUES ('10.0.0.10', '10.0.0.99', '{[10.0.0.10,10.0.0.19]}');
INSERT INTO ipam.ip_address (address, device_name) VALUES ('10.0.0.20', 'printer'), ('10.0.0.5', 'router');
SELECT * FROM ipam.get_free_ip_ranges(:campus, size => 50, count => 2);
SELECT * FROM ipam.get_free_ip_ranges(:campus, 3, placement => 'BestFit');
SELECT * FROM ipam.get_free_ip_subnets_in_subnet(:campus, 24);
SELECT id AS range FROM ipam.ip_range WHERE start_address = '10.0.0.10' \gset
SELECT reason, object_type, detail FROM ipam.why_not_free(:range, '10.0.0.20');
SELECT reason, object_type, detail FROM ipam.why_not_free(:range, '10.0.0.15');
SELECT * FROM ipam.why_not_free(:range, '10.0.0.21');

-- What takes room in a block: subnets and whatever is in them, child blocks, recorded addresses.
SELECT count(*) FROM ipam.get_free_ip_subnets(:block, 9);
SELECT * FROM ipam.get_free_ip_subnets(:block, 10, count => NULL);
SELECT * FROM ipam.get_free_ip_subnets(:block, 10, count => NULL, within_child_blocks => true);
INSERT INTO ipam.ip_address (address) VALUES ('10.128.0.1'), ('10.191.255.255');
SELECT * FROM ipam.get_free_ip_subnets(:block, 10, count => NULL);
SELECT ipam.largest_free_network(:block, within_child_blocks => true), ipam.largest_free_network(:block, '{10.192.0.0/10}', true);
-- An excluded network may have host bits, be of the other family, be NULL, or be there twice.
SELECT * FROM ipam.get_free_ip_subnets(:block, 10, count => NULL, exclude => ARRAY['10.200.1.2/16', '2001:db8::/32', NULL, '10.200.0.0']::inet[]);
SELECT * FROM ipam.get_free_ip_subnets(:block, 10, count => NULL, exclude => NULL);
SELECT * FROM ipam.get_free_ip_subnets(:block, 10, count => NULL, exclude => ARRAY['2001:db8::/32'::cidr]);
-- Fewer than asked for, or none: what there is. count 0: no rows; placement NULL: the default.
SELECT count(*) FROM ipam.get_free_ip_subnets(:block, 11, 1000);
SELECT * FROM ipam.get_free_ip_subnets(:block, 8);
SELECT ipam.get_free_ip_subnets(:block, 24, 0);
SELECT ipam.get_free_ip_subnets(:block, 24, 1, NULL);
-- In the select list the work stops at LIMIT, in FROM all are collected.
SELECT ipam.get_free_ip_subnets(:block, 30, count => NULL) LIMIT 3;
SELECT ipam.get_free_ip_subnets(:block, 29, count => NULL, placement => 'BestFit') OFFSET 1000 LIMIT 1;
SELECT count(*) FROM ipam.get_free_ip_subnets(:block, 24, count => NULL);

-- The largest and the smallest: /2 (a /1 has no single category), /30, /127, exact fit, full, and a subnet that is equal to its block or around it.
INSERT INTO ipam.ip_block (network, rir) VALUES ('4000::/2', NULL), ('192.168.0.0/16', NULL), ('172.16.0.0/30', NULL), ('fd00::/127', NULL), ('fd00:1::/64', NULL);
SELECT network, largest, first FROM ipam.ip_block AS b, LATERAL (SELECT ipam.largest_free_network(b.id) AS largest) AS l,
    LATERAL (SELECT array_agg(f) AS first FROM ipam.get_free_ip_subnets(b.id, CASE family(network) WHEN 4 THEN 30 ELSE 127 END, 2) AS f) AS s
WHERE network <> '10.0.0.0/8' ORDER BY network;
SELECT id AS "all" FROM ipam.ip_block WHERE network = '4000::/2' \gset
SELECT * FROM ipam.get_free_ip_subnets(:all, 2);
SELECT * FROM ipam.get_free_ip_subnets(:all, 3, count => NULL);
INSERT INTO ipam.ip_subnet (network, name) VALUES ('4000::/3', 'half'), ('192.168.0.0/16', 'equal'), ('172.16.0.0/12', 'around'), ('fd00::/127', 'link'), ('fd00:1::8000:0:0:0/65', 'upper half');
SELECT * FROM ipam.get_free_ip_subnets(:all, 3, count => NULL);
SELECT * FROM ipam.get_free_ip_subnets(:all, 64, count => 2);
SELECT ipam.get_free_ip_subnets(:all, 64, count => NULL) LIMIT 2;
SELECT network, ipam.largest_free_network(id), array(SELECT ipam.get_free_ip_subnets(id, CASE family(network) WHEN 4 THEN 30 ELSE 127 END)), array(SELECT ipam.free_networks(id)) FROM ipam.ip_block WHERE network IN ('192.168.0.0/16', '172.16.0.0/30', 'fd00::/127') ORDER BY network;
SELECT network, ipam.largest_free_network(id), array(SELECT ipam.get_free_ip_subnets(id, 65, 9)), array(SELECT ipam.get_free_ip_subnets(id, 127, 2)) FROM ipam.ip_block WHERE network = 'fd00:1::/64';
-- In a subnet: itself and what is around it do not count; it is in the plan already.
SELECT network, ipam.largest_free_network_in_subnet(id), array(SELECT ipam.get_free_ip_subnets_in_subnet(id, masklen(network))) AS itself,
       array(SELECT ipam.get_free_ip_subnets_in_subnet(id, masklen(network) + 1, NULL)) AS halves
FROM ipam.ip_subnet WHERE name IN ('half', 'equal', 'around', 'lab') ORDER BY network;
SELECT array(SELECT ipam.free_networks_in_subnet(id)), array(SELECT ipam.free_networks_in_subnet(id, '{192.168.128.0/17}')) FROM ipam.ip_subnet WHERE name = 'equal';
-- The ends of a block inside its network.
INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('192.168.0.0/17', '192.168.3.0', '192.168.7.254');
DELETE FROM ipam.ip_subnet WHERE name = 'equal';
SELECT array(SELECT ipam.get_free_ip_subnets(id, 24, NULL)), array(SELECT ipam.free_networks(id)) FROM ipam.ip_block WHERE network = '192.168.0.0/17';
-- Another address space has its own addresses.
INSERT INTO ipam.address_space (name) VALUES ('fabric');
INSERT INTO ipam.ip_subnet (address_space_id, network, name) SELECT id, n, 'other' FROM ipam.address_space, unnest('{10.0.0.0/16,192.168.4.0/24}'::cidr[]) AS n WHERE address_space.name = 'fabric';
SELECT * FROM ipam.get_free_ip_subnets_in_subnet((SELECT id FROM ipam.ip_subnet WHERE name = 'other' AND network = '10.0.0.0/16'), 17, NULL);
SELECT count(*) FROM ipam.ip_block AS b, ipam.get_free_ip_subnets(b.id, 24, NULL) WHERE b.network = '192.168.0.0/17';

-- Ranges: all services, smaller subnets, recorded addresses; in IPv4 neither the network nor the broadcast address.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('192.168.200.0/28', 'small'), ('192.168.200.4/30', 'smaller'), ('2001:db8::/64', 'six'), ('192.168.201.0/30', 'tiny');
SELECT name, array(SELECT ipam.get_free_ip_ranges(id, 1, NULL)) AS each, array(SELECT ipam.get_free_ip_ranges(id, 2, NULL)) AS two, array(SELECT ipam.get_free_ip_ranges(id, 2, NULL, 'BestFit')) AS best
FROM ipam.ip_subnet WHERE name IN ('small', 'tiny') ORDER BY name DESC;
SELECT id AS six FROM ipam.ip_subnet WHERE name = 'six' \gset
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('2001:db8::10', '2001:db8::1f', 'IPAM'), ('2001:db8::18', '2001:db8::2f', 'Others');
SELECT * FROM ipam.get_free_ip_ranges(:six, 16, 3);
SELECT * FROM ipam.get_free_ip_ranges(:six, 18446744073709551568);
SELECT * FROM ipam.get_free_ip_ranges(:six, 18446744073709551569);
SELECT * FROM ipam.get_free_ip_ranges(:six, 18446744073709551617);
SELECT * FROM ipam.get_free_ip_ranges(:six, 'Infinity');
SELECT * FROM ipam.get_free_ip_ranges(:six, 1e100);
SELECT * FROM ipam.get_free_ip_ranges(:six, 16.00);
SELECT * FROM ipam.get_free_ip_ranges(:six, 1.5);
SELECT * FROM ipam.get_free_ip_ranges(:six, 'NaN');
SELECT * FROM ipam.get_free_ip_ranges(:six, 0);
SELECT * FROM ipam.get_free_ip_ranges(:six, NULL);
SELECT * FROM ipam.get_free_ip_ranges((SELECT id FROM ipam.ip_subnet WHERE name = 'tiny'), 3);
-- A range of the subnet around that reaches into this one from below.
INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.0.0.0/16', '10.0.4.250', '10.0.5.9');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.5.0/24', 'above');
SELECT f.* FROM ipam.ip_subnet AS s, ipam.get_free_ip_ranges(s.id, 10) AS f WHERE name = 'above';
SELECT f.* FROM ipam.ip_subnet AS s, ipam.get_free_ip_subnets_in_subnet(s.id, 29) AS f WHERE name = 'above';

-- Wrong arguments.
SELECT ipam.get_free_ip_subnets(:block, 7);
SELECT ipam.get_free_ip_subnets_in_subnet(:campus, 8);
SELECT ipam.get_free_ip_subnets(:block, 31);
SELECT ipam.get_free_ip_subnets(:all, 128);
SELECT ipam.get_free_ip_subnets(:block, 0);
SELECT ipam.get_free_ip_subnets(:block, NULL);
SELECT ipam.get_free_ip_subnets(:block, 24, -1);
SELECT ipam.get_free_ip_ranges(:campus, 24, -1);
SELECT ipam.get_free_ip_subnets(NULL, 24);
SELECT ipam.get_free_ip_subnets_in_subnet(NULL, 24);
SELECT ipam.get_free_ip_subnets(0, 24);
SELECT ipam.free_networks(0);
SELECT ipam.largest_free_network_in_subnet(0);
SELECT ipam.get_free_ip_ranges(0, 1);
SELECT * FROM ipam.why_not_free(0, '10.0.0.1');
SELECT * FROM ipam.why_not_free(NULL, '10.0.0.1');
SELECT * FROM ipam.why_not_free(:range, NULL);
SELECT * FROM ipam.why_not_free(:range, '10.0.0.0/24');

-- Why an address is not free: each reason; several at once; and that another service has it does not matter.
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, excluded_addresses) VALUES ('10.0.0.30', '10.0.0.39', 'MS DHCP', 'dhcp1', '{[10.0.0.33,10.0.0.34]}');
UPDATE ipam.ip_range SET virtual_addresses = '{[10.0.0.19,10.0.0.22]}' WHERE id = :range;
INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity, device_name) VALUES ('10.0.0.25', 'MS DHCP', 'dhcp1', 'a'), ('10.0.0.25', 'Others', 'Localhost', 'b'), ('10.0.0.31', 'MS DHCP', 'dhcp1', 'c');
INSERT INTO ipam.ip_address (address, state) VALUES ('10.0.0.19', 'Inactive');
SELECT id AS dhcp FROM ipam.ip_range WHERE managed_by = 'MS DHCP' \gset
SELECT reason, object_type, object_id IN (:range, a.id) AS known, regexp_replace(detail, 'Range \d+', 'Range N', 'g') AS detail
FROM ipam.why_not_free(:range, '10.0.0.19') LEFT JOIN ipam.ip_address AS a ON a.address = '10.0.0.19';
SELECT reason, detail FROM ipam.why_not_free(:range, '10.0.0.21');
\set VERBOSITY terse
SELECT * FROM ipam.why_not_free(:range, '10.0.0.25');
\set VERBOSITY default
SELECT reason, regexp_replace(detail, 'Range \d+', 'Range N', 'g') AS detail FROM ipam.why_not_free(:range, '10.0.0.5');
SELECT reason, regexp_replace(detail, 'Range \d+', 'Range N', 'g') AS detail FROM ipam.why_not_free(:dhcp, '10.0.0.40');
SELECT reason, detail FROM ipam.why_not_free(:range, '2001:db8::1');
SELECT reason, detail FROM ipam.why_not_free(:dhcp, '10.0.0.33');
SELECT reason, detail FROM ipam.why_not_free(:dhcp, '10.0.0.31');
-- No row: free. A row: not free. For every address of a range.
SELECT r.start_address + n AS address, offered, reasons
FROM ipam.ip_range AS r, generate_series(0, 89) AS n,
     LATERAL (SELECT EXISTS (SELECT FROM ipam.get_free_ip_addresses(r.id, r.start_address + n, r.start_address + n)) AS offered) AS o,
     LATERAL (SELECT count(*) AS reasons FROM ipam.why_not_free(r.id, r.start_address + n)) AS w
WHERE r.id = :range AND offered = (reasons > 0);

-- The planner knows how many rows come.
EXPLAIN SELECT * FROM ipam.get_free_ip_subnets(1, 24, 7);
EXPLAIN SELECT * FROM ipam.get_free_ip_ranges(1, 10);

DELETE FROM ipam.ip_subnet WHERE name = 'around';
-- Sparse: far from neighbours, so that a network or range can grow. Many at once are the same as one after the other.
INSERT INTO ipam.ip_block (network) VALUES ('fd00:2::/32'), ('172.31.0.0/24');
SELECT array(SELECT ipam.get_free_ip_subnets(id, masklen(network) + 6, 7, 'Sparse')) AS sparse, array(SELECT ipam.get_free_ip_subnets(id, masklen(network) + 1, NULL, 'Sparse')) AS halves
FROM ipam.ip_block WHERE network IN ('fd00:2::/32', '172.31.0.0/24') ORDER BY network;
SELECT ipam.get_free_ip_subnets(id, 64, NULL, 'Sparse') FROM ipam.ip_block WHERE network = 'fd00:2::/32' LIMIT 4;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('172.31.0.64/28', 'first'), ('172.31.0.200/30', 'second');
CREATE TEMP TABLE at_once AS SELECT f AS network FROM ipam.ip_block AS b, ipam.get_free_ip_subnets(b.id, 29, 12, 'Sparse') AS f WHERE network = '172.31.0.0/24';
DO $$
BEGIN
    FOR i IN 1..12 LOOP
        INSERT INTO ipam.ip_subnet (network, name) SELECT f, format('sparse %s', i) FROM ipam.ip_block AS b, ipam.get_free_ip_subnets(b.id, 29, 1, 'Sparse') AS f WHERE b.network = '172.31.0.0/24';
    END LOOP;
END
$$;
SELECT array(SELECT network FROM at_once) = array(SELECT network FROM ipam.ip_subnet WHERE name LIKE 'sparse%' ORDER BY id) AS same, array(SELECT network FROM at_once) AS networks;
SELECT array(SELECT ipam.get_free_ip_ranges(id, 2, NULL, 'Sparse')) FROM ipam.ip_subnet WHERE name = 'first';

-- Compared with the slow way: plans of 256 addresses made at random, both families.
CREATE TEMP TABLE plan AS
SELECT n, CASE n % 2 WHEN 0 THEN '172.20.0.0'::inet + n * 256 ELSE 'fd01::'::inet + n * 256 END AS base, CASE n % 2 WHEN 0 THEN 32 ELSE 128 END AS width
FROM generate_series(1, 60) AS n;
-- Tries to add a row and does without it where a rule says no.
CREATE FUNCTION pg_temp.try(statement text, VARIADIC arguments anyarray) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(statement, VARIADIC arguments);
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE !~ '^(IP|23)' THEN RAISE; END IF;
END
$$;
SELECT setseed(0.25);
DO $$
DECLARE
    p record;
    i integer;
    a integer;
    b integer;
    host_bits integer;
BEGIN
    FOR p IN SELECT * FROM pg_temp.plan LOOP
        PERFORM pg_temp.try('INSERT INTO ipam.ip_subnet (network, name) VALUES (%L, %L)', set_masklen(p.base, p.width - 8 - (p.n % 7) / 6)::cidr::text, 'whole or around')
        WHERE p.n % 7 > 4;
        a := CASE WHEN p.n % 3 = 0 THEN (random() * 30)::integer ELSE 0 END;
        b := CASE WHEN p.n % 3 = 0 THEN 255 - (random() * 30)::integer ELSE 255 END;
        INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES (set_masklen(p.base, p.width - 8), p.base + a, p.base + b);
        FOR i IN 1..p.n % 5 LOOP
            a := (random() * 200)::integer;
            PERFORM pg_temp.try('INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES (%L, %L, %L)',
                set_masklen(p.base, p.width - 8)::text, (p.base + a)::text, (p.base + a + (random() * 55)::integer)::text);
        END LOOP;
        FOR i IN 1..random() * 12 LOOP
            host_bits := 1 + (p.width = 32)::integer + (random() * random() * 5)::integer;
            PERFORM pg_temp.try('INSERT INTO ipam.ip_subnet (network, name) VALUES (%L, %L)',
                network(set_masklen(p.base + (random() * 255)::integer, p.width - host_bits))::text, 'random');
        END LOOP;
        FOR i IN 1..random() * 8 LOOP
            a := (random() * 255)::integer;
            PERFORM pg_temp.try('INSERT INTO ipam.ip_range (network, start_address, end_address, managed_by) VALUES (%L, %L, %L, %L)',
                set_masklen(p.base, p.width - 8)::cidr::text, (p.base + a)::text, (p.base + least(255, a + (random() * 9)::integer))::text, CASE i % 2 WHEN 0 THEN 'IPAM' ELSE 'Others' END);
            PERFORM pg_temp.try('INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES (%L, %L, %L)',
                (p.base + a)::text, (p.base + least(255, a + (random() * 9)::integer))::text, 'VM Manager');
        END LOOP;
        a := (random() * 255)::integer; -- a dense run, behind which the search enters the index anew
        FOR i IN 0..random() * 70 LOOP
            PERFORM pg_temp.try('INSERT INTO ipam.ip_address (address) VALUES (%L)', (p.base + least(255, a + i))::text) WHERE p.n % 4 = 1;
        END LOOP;
        FOR i IN 1..random() * 9 LOOP
            PERFORM pg_temp.try('INSERT INTO ipam.ip_address (address) VALUES (%L)', (p.base + (random() * 255)::integer)::text);
        END LOOP;
    END LOOP;
END
$$;
CREATE TEMP TABLE container AS
SELECT 'block' AS kind, b.id, within, p.base, p.width, b.network, b.extent, ARRAY[(p.base + (p.n * 37) % 256), set_masklen(p.base + (p.n * 91) % 256, p.width - 4)] AS exclude
FROM pg_temp.plan AS p JOIN ipam.ip_block AS b ON b.network <<= set_masklen(p.base, p.width - 8)::cidr, (VALUES (false), (true)) AS w(within)
UNION ALL
SELECT 'subnet', s.id, false, p.base, p.width, s.network, s.extent, ARRAY[(p.base + (p.n * 37) % 256), set_masklen(p.base + (p.n * 91) % 256, p.width - 4)]
FROM pg_temp.plan AS p JOIN ipam.ip_subnet AS s ON s.network <<= set_masklen(p.base, p.width - 8)::cidr;
SELECT kind, count(*) > 100 AS many FROM container GROUP BY kind;
-- Every aligned network of a container that nothing touches.
CREATE TEMP TABLE free_network AS
SELECT c.kind, c.id, c.within, n.network, masklen(n.network) AS length
FROM container AS c, generate_series(0, 8) AS host_bits, generate_series(0, (256 >> host_bits) - 1) AS k,
     LATERAL (SELECT set_masklen(c.base + (k << host_bits), c.width - host_bits)::cidr AS network) AS n
WHERE n.network::ipam.inetrange <@ c.extent
  AND NOT EXISTS (SELECT FROM unnest(c.exclude) AS x WHERE x && n.network)
  AND NOT EXISTS (SELECT FROM ipam.ip_address AS a WHERE a.address_space_id = 1 AND a.address <<= n.network)
  AND NOT EXISTS (SELECT FROM ipam.ip_subnet AS s WHERE s.address_space_id = 1 AND s.network && n.network AND (c.kind = 'block' OR masklen(s.network) > masklen(c.network)))
  AND NOT EXISTS (SELECT FROM ipam.ip_block AS b WHERE c.kind = 'block' AND NOT c.within AND b.parent_id = c.id AND b.extent && n.network::ipam.inetrange)
  AND NOT EXISTS (SELECT FROM ipam.ip_range AS r WHERE c.kind = 'subnet' AND r.address_space_id = 1 AND r.extent && n.network::ipam.inetrange);
-- The fewest that cover them: those that do not lie in a larger one.
CREATE TEMP TABLE free_cover AS
SELECT f.* FROM free_network AS f
WHERE NOT EXISTS (SELECT FROM free_network AS g WHERE g.kind = f.kind AND g.id = f.id AND g.within = f.within AND g.network >> f.network);
CREATE INDEX ON free_network (kind, id, within);
CREATE INDEX ON free_cover (kind, id, within);
SELECT kind, within, family(network), count(*) > 300 AS there_is_something_to_compare FROM free_cover GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- Differences: none.
SELECT c.kind, c.id, c.within, length
FROM container AS c, generate_series(width - 8, width - 1 - (width = 32)::integer) AS length,
     LATERAL (SELECT array(SELECT network FROM free_network AS f WHERE (f.kind, f.id, f.within, f.length) = (c.kind, c.id, c.within, g.length) ORDER BY network) AS lowest,
                     array(SELECT f.network FROM free_network AS f JOIN free_cover AS o USING (kind, id, within)
                           WHERE (f.kind, f.id, f.within, f.length) = (c.kind, c.id, c.within, g.length) AND o.network >>= f.network
                           ORDER BY o.length DESC, f.network) AS best
              FROM (SELECT length) AS g) AS expected,
     LATERAL (SELECT array(SELECT ipam.get_free_ip_subnets(c.id, length, NULL, 'Lowest', c.exclude, c.within)) AS lowest,
                     array(SELECT f FROM ipam.get_free_ip_subnets(c.id, length, NULL, 'BestFit', c.exclude, c.within) AS f) AS best,
                     array(SELECT f FROM ipam.get_free_ip_subnets(c.id, length, 3, 'Lowest', c.exclude, c.within) AS f) AS lowest_3,
                     array(SELECT ipam.get_free_ip_subnets(c.id, length, 3, 'BestFit', c.exclude, c.within)) AS best_3) AS found
WHERE c.kind = 'block' AND length >= masklen(c.network)
  AND (found.lowest <> expected.lowest OR found.best <> expected.best OR found.lowest_3 <> expected.lowest[:3] OR found.best_3 <> expected.best[:3]);
SELECT c.id, length
FROM container AS c, generate_series(masklen(network) + 1, width - 1 - (width = 32)::integer) AS length,
     LATERAL (SELECT array(SELECT network FROM free_network AS f WHERE (f.kind, f.id, f.length) = ('subnet', c.id, g.length) ORDER BY network) AS lowest,
                     array(SELECT f.network FROM free_network AS f JOIN free_cover AS o USING (kind, id)
                           WHERE (f.kind, f.id, f.length) = ('subnet', c.id, g.length) AND o.network >>= f.network
                           ORDER BY o.length DESC, f.network) AS best
              FROM (SELECT length) AS g) AS expected,
     LATERAL (SELECT array(SELECT ipam.get_free_ip_subnets_in_subnet(c.id, length, NULL, 'Lowest', c.exclude)) AS lowest,
                     array(SELECT f FROM ipam.get_free_ip_subnets_in_subnet(c.id, length, NULL, 'BestFit', c.exclude) AS f) AS best) AS found
WHERE c.kind = 'subnet' AND (found.lowest <> expected.lowest OR found.best <> expected.best);
SELECT c.kind, c.id, c.within
FROM container AS c,
     LATERAL (SELECT array(SELECT network FROM free_cover AS f WHERE (f.kind, f.id, f.within) = (c.kind, c.id, c.within) ORDER BY network) AS cover,
                     (SELECT network FROM free_cover AS f WHERE (f.kind, f.id, f.within) = (c.kind, c.id, c.within) ORDER BY length, network LIMIT 1) AS largest) AS expected,
     LATERAL (SELECT array(SELECT ipam.free_networks(c.id, c.exclude, c.within)) AS cover, ipam.largest_free_network(c.id, c.exclude, c.within) AS largest WHERE c.kind = 'block'
              UNION ALL
              SELECT array(SELECT ipam.free_networks_in_subnet(c.id, c.exclude)), ipam.largest_free_network_in_subnet(c.id, c.exclude) WHERE c.kind = 'subnet') AS found
WHERE found.cover <> expected.cover OR found.largest IS DISTINCT FROM expected.largest;
-- Runs of free addresses of each subnet, and how many ranges of a size they hold.
CREATE TEMP TABLE free_run AS
SELECT id, min(address) AS first, count(*)::integer AS size
FROM (SELECT f.id, host(f.network)::inet AS address, (host(f.network)::inet - c.base) - row_number() OVER (PARTITION BY f.id ORDER BY f.network) AS run
      FROM free_network AS f JOIN container AS c ON c.kind = f.kind AND c.id = f.id
      WHERE f.kind = 'subnet' AND f.length = c.width AND (c.width = 128 OR host(f.network) NOT IN (host(c.network), host(broadcast(c.network))))) AS a
GROUP BY id, run;
SELECT family(first), count(*) > 100 AS there_is_something_to_compare FROM free_run GROUP BY 1 ORDER BY 1;
SELECT c.id, size
FROM container AS c, generate_series(1, 40) AS size,
     LATERAL (SELECT array(SELECT ipam.inetrange(r.first + k * g.size, r.first + k * g.size + g.size - 1, '[]')
                           FROM free_run AS r, generate_series(0, r.size / g.size - 1) AS k WHERE r.id = c.id ORDER BY r.first, k) AS lowest,
                     array(SELECT ipam.inetrange(r.first + k * g.size, r.first + k * g.size + g.size - 1, '[]')
                           FROM free_run AS r, generate_series(0, r.size / g.size - 1) AS k WHERE r.id = c.id ORDER BY r.size, r.first, k) AS best
              FROM (SELECT size) AS g) AS expected,
     LATERAL (SELECT array(SELECT ipam.get_free_ip_ranges(c.id, size, NULL, 'Lowest', c.exclude)) AS lowest,
                     array(SELECT f FROM ipam.get_free_ip_ranges(c.id, size, NULL, 'BestFit', c.exclude) AS f) AS best,
                     array(SELECT f FROM ipam.get_free_ip_ranges(c.id, size, 2, 'BestFit', c.exclude) AS f) AS best_2) AS found
WHERE c.kind = 'subnet' AND size <= ipam.address_count(c.extent) - 2 * (c.width = 32)::integer
  AND (found.lowest <> expected.lowest OR found.best <> expected.best OR found.best_2 <> expected.best[:2]);

-- A place can be taken: each network and range that is offered can be recorded.
INSERT INTO ipam.ip_subnet (network, name) SELECT f, 'taken' FROM ipam.ip_block AS b, ipam.get_free_ip_subnets(b.id, CASE family(b.network) WHEN 4 THEN 30 ELSE 127 END, 2) AS f WHERE b.network <<= '172.20.0.0/16';
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) SELECT lower(f), upper(f), 'Others' FROM ipam.ip_subnet AS s, ipam.get_free_ip_ranges(s.id, 2, 2) AS f WHERE s.network <<= '172.20.0.0/17' AND s.name = 'random';
ROLLBACK;

-- In a read-only transaction; and row level security: the right to the block and the subnet counts, what is hidden is still not free.
\i :fresh_store
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.0.0.0/16'), ('192.168.0.0/16');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.0.0/16', 'hidden'), ('10.2.0.0/16', 'mine'), ('10.2.0.0/24', 'hidden');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.2.1.1', '10.2.1.9', 'IPAM'), ('10.2.1.5', '10.2.1.50', 'Others');
INSERT INTO ipam.ip_address (address) VALUES ('10.2.1.1'), ('10.3.0.1');
SELECT id AS block FROM ipam.ip_block WHERE network = '10.0.0.0/8' \gset
SELECT id AS other_block FROM ipam.ip_block WHERE network = '192.168.0.0/16' \gset
SELECT id AS mine FROM ipam.ip_subnet WHERE name = 'mine' \gset
SELECT id AS range FROM ipam.ip_range WHERE managed_by = 'IPAM' \gset
CREATE ROLE regress_ipam_reader;
GRANT USAGE ON SCHEMA ipam TO regress_ipam_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ipam TO regress_ipam_reader;
GRANT SELECT ON ipam.ip_subnet, ipam.ip_range, ipam.ip_address, ipam.quarantined_address, ipam.released_address TO regress_ipam_reader;
ALTER TABLE ipam.ip_block ENABLE ROW LEVEL SECURITY;
ALTER TABLE ipam.ip_subnet ENABLE ROW LEVEL SECURITY;
ALTER TABLE ipam.ip_range ENABLE ROW LEVEL SECURITY;
ALTER TABLE ipam.ip_address ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON ipam.ip_block USING (network = '10.0.0.0/8');
CREATE POLICY own ON ipam.ip_subnet USING (name = 'mine');
CREATE POLICY own ON ipam.ip_range USING (managed_by = 'IPAM');
SET LOCAL ROLE regress_ipam_reader;
SELECT * FROM ipam.get_free_ip_subnets(:block, 16);
RESET ROLE;
GRANT SELECT ON ipam.ip_block TO regress_ipam_reader;
SET LOCAL ROLE regress_ipam_reader;
SET LOCAL transaction_read_only = on;
SELECT * FROM ipam.get_free_ip_subnets(:block, 16);
SELECT * FROM ipam.get_free_ip_subnets(:other_block, 16);
SELECT * FROM ipam.get_free_ip_subnets_in_subnet(:mine, 24);
SELECT * FROM ipam.get_free_ip_ranges(:mine, 5);
SELECT reason, object_type, object_id, detail FROM ipam.why_not_free(:range, '10.2.1.1');
SELECT reason, object_type, object_id, detail FROM ipam.why_not_free(:range, '10.2.1.2');
ROLLBACK;
