-- Free addresses: every line of what get_free_ip_addresses() promises, in both families.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'ten'), ('10.0.0.0/24', 'lan'), ('2001:db8::/64', 'lan6'), ('2001:db8:1::/112', 'tail');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.10', '10.0.0.20'), ('10.0.0.30', '10.0.0.39'), ('2001:db8::10', '2001:db8::ffff'), ('10.64.0.1', '10.127.255.254');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity) VALUES ('10.0.0.50', '10.0.0.59', 'MS DHCP', 'dhcp1'), ('10.0.0.10', '10.0.0.20', 'Others', 'dhcp1');
SELECT id AS v4 FROM ipam.ip_range WHERE start_address = '10.0.0.10' AND managed_by = 'IPAM' \gset
SELECT id AS full FROM ipam.ip_range WHERE start_address = '10.0.0.30' \gset
SELECT id AS v6 FROM ipam.ip_range WHERE start_address = '2001:db8::10' \gset
SELECT id AS big FROM ipam.ip_range WHERE start_address = '10.64.0.1' \gset
SELECT id AS dhcp FROM ipam.ip_range WHERE managed_by = 'MS DHCP' \gset

-- No address mapped: simply the first ones.
SELECT * FROM ipam.get_free_ip_addresses(:v4);
SELECT * FROM ipam.get_free_ip_addresses(range_id => :v4, count => 3);
SELECT * FROM ipam.get_free_ip_addresses(range_id => :v6, count => 3);

-- Normal: ascending, without the recorded ones, in whatever state these are.
INSERT INTO ipam.ip_address (address, state) VALUES ('10.0.0.10', 'In-Use'), ('10.0.0.12', 'Reserved'), ('10.0.0.13', 'Inactive'), ('10.0.0.20', 'In-Use'), ('2001:db8::11', 'In-Use'), ('2001:db8::12', 'In-Use');
SELECT * FROM ipam.get_free_ip_addresses(:v4, count => 5);
SELECT ipam.get_free_ip_addresses(:v4, count => 5);
SELECT * FROM ipam.get_free_ip_addresses(:v6, count => 3);
-- The same address recorded by another service is free for this one.
INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity) VALUES ('10.0.0.11', 'Others', 'dhcp1'), ('10.0.0.11', 'VM Manager', 'Localhost');
SELECT * FROM ipam.get_free_ip_addresses(:v4);

-- Between two addresses, both included.
SELECT * FROM ipam.get_free_ip_addresses(:v4, '10.0.0.13', '10.0.0.15', 100);
SELECT * FROM ipam.get_free_ip_addresses(:v4, start_address => '10.0.0.19', count => 100);
SELECT * FROM ipam.get_free_ip_addresses(:v4, end_address => '10.0.0.11', count => 100);
SELECT * FROM ipam.get_free_ip_addresses(:v4, '10.0.0.14', '10.0.0.14', 100);
SELECT * FROM ipam.get_free_ip_addresses(:v4, '10.0.0.12', '10.0.0.13', 100);

-- Fewer than asked for, or none: what there is.
SELECT count(*) FROM ipam.get_free_ip_addresses(:v4, count => 1000);
INSERT INTO ipam.ip_address (address) SELECT '10.0.0.30'::inet + n FROM generate_series(0, 9) AS n;
SELECT * FROM ipam.get_free_ip_addresses(:full, count => 10);
SELECT ipam.get_free_ip_addresses(:full, count => 10);
SELECT * FROM ipam.free_ranges(:full);
-- No rows for 0; all for NULL.
SELECT * FROM ipam.get_free_ip_addresses(:v4, count => 0);
SELECT ipam.get_free_ip_addresses(:v4, count => 0);
SELECT array_agg(a ORDER BY a) FROM ipam.get_free_ip_addresses(:v4, count => NULL) AS a;
SELECT count(*) FROM ipam.get_free_ip_addresses(:v6, count => NULL);

-- Managed by MS DHCP: no rows, and why.
SELECT * FROM ipam.get_free_ip_addresses(:dhcp, count => 5);
SELECT ipam.get_free_ip_addresses(:dhcp, count => 5);
SELECT * FROM ipam.free_ranges(:dhcp);

-- Unknown range and wrong arguments: a fault, and nothing else. (The others are in fault.sql.)
SELECT * FROM ipam.get_free_ip_addresses(0);
SELECT ipam.get_free_ip_addresses(0);
SELECT * FROM ipam.get_free_ip_addresses(:v4, '10.0.0.15', '10.0.0.14');
SELECT * FROM ipam.get_free_ip_addresses(:v4, '10.0.0.9', '10.0.0.14');
SELECT * FROM ipam.get_free_ip_addresses(:v4, end_address => '10.0.0.21');
SELECT * FROM ipam.get_free_ip_addresses(:v6, '10.0.0.10');
SELECT * FROM ipam.get_free_ip_addresses(:v4, address_family => 6);
SELECT * FROM ipam.get_free_ip_addresses(:v4, address_family => 4);
SELECT * FROM ipam.get_free_ip_addresses(:v6, address_family => 6);
SELECT * FROM ipam.get_free_ip_addresses(:v4, count => -1);

-- Reserved and virtual addresses are kept back unless asked for.
UPDATE ipam.ip_range SET reserved_addresses = '{[10.0.0.11,10.0.0.11],[10.0.0.15,10.0.0.17]}', virtual_addresses = '{[10.0.0.17,10.0.0.18]}' WHERE id = :v4;
SELECT array_agg(a) FROM ipam.get_free_ip_addresses(:v4, count => 100) AS a;
SELECT array_agg(a) FROM ipam.get_free_ip_addresses(:v4, count => 100, include_reserved => true) AS a;
SELECT array_agg(a) FROM ipam.get_free_ip_addresses(:v4, '10.0.0.16', count => 100) AS a;
SELECT * FROM ipam.free_ranges(:v4);
SELECT * FROM ipam.free_ranges(:v4, include_reserved => true);

-- In the select list the work stops at LIMIT: four million addresses would take long.
SELECT ipam.get_free_ip_addresses(:big, count => NULL) LIMIT 3;
SELECT ipam.get_free_ip_addresses(:v6, count => NULL) OFFSET 65515;

-- Own changes are seen, and a cursor keeps what it saw.
DECLARE c CURSOR FOR SELECT ipam.get_free_ip_addresses(:v4, count => NULL, include_reserved => true);
FETCH 2 FROM c;
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.15'), ('10.0.0.16');
FETCH 3 FROM c;
SELECT array_agg(a) FROM ipam.get_free_ip_addresses(:v4, count => 100, include_reserved => true) AS a;
SAVEPOINT s;
DELETE FROM ipam.ip_address WHERE address = '10.0.0.10';
SELECT * FROM ipam.get_free_ip_addresses(:v4);
ROLLBACK TO s;
SELECT * FROM ipam.get_free_ip_addresses(:v4);

-- Compared with the slow way, in both modes and for starts and ends all over the range.
UPDATE ipam.ip_range SET reserved_addresses = '{[2001:db8::100,2001:db8::1ff],[2001:db8::1000,2001:db8::1000]}' WHERE id = :v6;
INSERT INTO ipam.ip_address (address) SELECT '2001:db8::10'::inet + n FROM generate_series(10, 60000) AS n WHERE n % 7 < 3 OR n BETWEEN 3000 AND 5000;
CREATE TEMP TABLE expected AS
SELECT '2001:db8::10'::inet + n AS address FROM generate_series(0, 65535 - 16) AS n
WHERE NOT '{[2001:db8::100,2001:db8::1ff],[2001:db8::1000,2001:db8::1000]}'::ipam.inetmultirange @> ('2001:db8::10'::inet + n)
EXCEPT SELECT address FROM ipam.ip_address WHERE range_id = :v6;
SELECT count(*) FROM expected;
-- Differences: none.
(SELECT address FROM expected EXCEPT SELECT ipam.get_free_ip_addresses(:v6, count => NULL))
UNION ALL (SELECT ipam.get_free_ip_addresses(:v6, count => NULL) EXCEPT SELECT address FROM expected)
UNION ALL (SELECT address FROM expected EXCEPT SELECT * FROM ipam.get_free_ip_addresses(:v6, count => NULL));
SELECT first, last, wanted
FROM generate_series(0, 60000, 7919) AS f(first), generate_series(0, 60000, 9311) AS l(last), (VALUES (1), (5), (1000)) AS w(wanted)
WHERE first <= last
  AND (SELECT array_agg(a) FROM ipam.get_free_ip_addresses(:v6, '2001:db8::10'::inet + first, '2001:db8::10'::inet + last, wanted) AS a)
      IS DISTINCT FROM (SELECT array_agg(address ORDER BY address) FROM (
          SELECT address FROM expected WHERE address BETWEEN '2001:db8::10'::inet + first AND '2001:db8::10'::inet + last ORDER BY address LIMIT wanted) AS e);
SELECT sum(ipam.address_count(free)) = (SELECT count(*) FROM expected) AS gaps_are_complete FROM ipam.free_ranges(:v6) AS free;

-- All free addresses of a /64 would never end; the search can be cancelled in both modes.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('2001:db8:2::/64', 'endless');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('2001:db8:2::', '2001:db8:2:0:ffff:ffff:ffff:ffff');
SELECT id AS endless FROM ipam.ip_range WHERE start_address = '2001:db8:2::' \gset
SELECT * FROM ipam.get_free_ip_addresses(:endless, end_address => '2001:db8:2::1', count => NULL);
SELECT ipam.free_ranges(:endless);
SET LOCAL statement_timeout = '100ms';
SELECT count(*) FROM ipam.get_free_ip_addresses(:endless, count => NULL);
SELECT ipam.get_free_ip_addresses(:endless, count => NULL) OFFSET 1000000000;
RESET statement_timeout;

-- The planner knows how many rows come.
EXPLAIN SELECT * FROM ipam.get_free_ip_addresses(1, count => 7);
EXPLAIN SELECT ipam.get_free_ip_addresses(1);

-- Whether an address is mapped to a range.
SELECT ipam.is_ip_address_mapped(:v4, '10.0.0.12') AS yes, ipam.is_ip_address_mapped(:v4, '10.0.0.14') AS no, ipam.is_ip_address_mapped(0, '10.0.0.12') AS unknown_range;
ROLLBACK;

-- In a read-only transaction; and row level security: the right to the range counts, hidden addresses are still not free.
\i :fresh_store
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.10', '10.0.0.12'), ('10.0.0.20', '10.0.0.22');
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.10'), ('10.0.0.20');
SELECT id AS v4 FROM ipam.ip_range WHERE start_address = '10.0.0.10' \gset
SELECT id AS other FROM ipam.ip_range WHERE start_address = '10.0.0.20' \gset
CREATE ROLE regress_ipam_reader;
GRANT USAGE ON SCHEMA ipam TO regress_ipam_reader;
GRANT EXECUTE ON FUNCTION ipam.get_free_ip_addresses, ipam.free_ranges TO regress_ipam_reader;
ALTER TABLE ipam.ip_range ENABLE ROW LEVEL SECURITY;
ALTER TABLE ipam.ip_address ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON ipam.ip_range USING (start_address = '10.0.0.10');
SET LOCAL ROLE regress_ipam_reader;
SELECT * FROM ipam.get_free_ip_addresses(:v4, count => 9);
RESET ROLE;
GRANT SELECT ON ipam.ip_range TO regress_ipam_reader;
SET LOCAL ROLE regress_ipam_reader;
SET LOCAL transaction_read_only = on;
SELECT * FROM ipam.get_free_ip_addresses(:v4, count => 9);
SELECT * FROM ipam.get_free_ip_addresses(:other, count => 9);
SELECT * FROM ipam.free_ranges(:v4);
ROLLBACK;
