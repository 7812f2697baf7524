-- A plan of realistic size: every parent and every free address is what plain SQL says it is.
\set SHOW_CONTEXT never
\getenv test_dir PG_ABS_SRCDIR
\set sample_plan :test_dir '/data/sample_plan.sql'
\set free_search_mistake :test_dir '/data/free_search_mistake.sql'
BEGIN;
SET LOCAL jit = off;
CALL ipam.provision();
\set ECHO none
\i :sample_plan
\i :free_search_mistake
\set ECHO all
-- What the plan holds.
SELECT (SELECT count(*) FROM ipam.address_space) AS spaces, (SELECT count(*) FROM ipam.ip_block) AS blocks,
       (SELECT count(*) FROM ipam.ip_subnet) AS subnets, (SELECT count(*) FROM ipam.ip_range) AS ranges,
       (SELECT count(*) FROM ipam.ip_address) AS addresses, (SELECT count(*) FROM ipam.custom_field WHERE origin = 'External') AS fields;
SELECT a.name COLLATE "C" AS space, f.family,
       (SELECT count(*) FROM ipam.ip_subnet WHERE address_space_id = a.id AND family(network) = f.family) AS subnets,
       (SELECT count(*) FROM ipam.ip_range WHERE address_space_id = a.id AND family(start_address) = f.family) AS ranges,
       (SELECT count(*) FROM ipam.ip_address WHERE address_space_id = a.id AND family(address) = f.family) AS addresses,
       (SELECT count(*) FROM ipam.ip_address WHERE address_space_id = a.id AND family(address) = f.family AND range_id IS NULL) AS unmapped
FROM ipam.address_space AS a, (VALUES (4), (6)) AS f (family)
ORDER BY 1, 2;
WITH RECURSIVE tree AS (
    SELECT id, 1 AS level FROM ipam.ip_block WHERE parent_id IS NULL
    UNION ALL
    SELECT b.id, t.level + 1 FROM tree AS t JOIN ipam.ip_block AS b ON b.parent_id = t.id
)
SELECT t.level, family(b.network), count(*), min(b.network::inet) AS first FROM tree AS t JOIN ipam.ip_block AS b USING (id)
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT managed_by, managed_by_entity, count(*), count(range_id) AS mapped, min(address) AS first, max(address) AS last
FROM ipam.ip_address GROUP BY 1, 2 ORDER BY 1, 2;
SELECT state, count(*) FROM ipam.ip_address GROUP BY 1 ORDER BY 1;

-- Nothing is wrong with it.
SELECT * FROM ipam.check_plan();
TABLE free_search_mistake;

-- The view would tell: an address behind the back of the triggers that is not mapped to its range.
SAVEPOINT intact;
SET LOCAL session_replication_role = replica;
UPDATE ipam.ip_address SET address = 'fd6e:6f72:6477:1022::99' WHERE address = 'fd6e:6f72:6477:1022::10';
SELECT rule, range FROM free_search_mistake ORDER BY rule COLLATE "C", range COLLATE "C";
ROLLBACK TO intact;

-- Changes that move half of the plan leave nothing wrong either.
UPDATE ipam.ip_block SET network = '10.0.0.0/9', end_address = '10.127.255.255' WHERE network = '10.0.0.0/8';
DELETE FROM ipam.ip_block WHERE description = 'Hamburg';
INSERT INTO ipam.ip_block (network) VALUES ('10.1.64.0/20'), ('10.1.0.0/17'), ('2001:db8:1001::/52'), ('172.16.0.0/24');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.128.0/24', 'half of the scanners'), ('10.1.76.0/25', 'some printers'),
    ('2001:db8:1001:10::/80', 'low servers');
INSERT INTO ipam.ip_subnet (address_space_id, network, name)
SELECT id, '100.64.0.0/22', 'Cloud hosts, rack 1' FROM ipam.address_space WHERE name = 'Nordwind Cloud';
UPDATE ipam.ip_range SET end_address = start_address + 99 WHERE network = '10.1.4.0/22';
UPDATE ipam.ip_range SET managed_by_entity = 'vmm2.nordwind.example', start_address = '10.2.5.0' WHERE network = '10.2.4.0/22';
DELETE FROM ipam.ip_range WHERE network = '10.3.68.0/23';
DELETE FROM ipam.ip_address WHERE device_name ~ '[02468]$';
UPDATE ipam.ip_address SET managed_by_entity = 'kea1.nordwind.example' WHERE address <<= '10.2.64.0/18' AND managed_by = 'IPAM';
SELECT count(*), count(range_id) AS mapped FROM ipam.ip_address;
SELECT b.network AS block, count(s.id) AS subnets FROM ipam.ip_block AS b JOIN ipam.ip_subnet AS s ON s.block_id = b.id
WHERE b.network::inet <<= '10.1.0.0/16' GROUP BY 1 ORDER BY b.network::inet;
SELECT s.network AS subnet, r.extent AS range FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id
WHERE s.network::inet <<= '10.1.76.0/24' OR s.network::inet <<= '10.1.128.0/18' OR s.network::inet <<= '100.64.0.0/20' ORDER BY r.start_address;
SELECT * FROM ipam.check_plan();
TABLE free_search_mistake;
ROLLBACK;
