-- Blocks: a tree of planning containers, whatever the order in which they come and go.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
CREATE TEMP VIEW tree AS
WITH RECURSIVE t AS (
    SELECT id, network, start_address, end_address, 0 AS level, ARRAY[start_address::inet] AS path FROM ipam.ip_block WHERE parent_id IS NULL
    UNION ALL
    SELECT b.id, b.network, b.start_address, b.end_address, t.level + 1, path || b.start_address::inet FROM ipam.ip_block AS b JOIN t ON b.parent_id = t.id
)
SELECT repeat('  ', level) || network AS block, start_address, end_address FROM t ORDER BY path, level;

-- The smallest block first, then one around it, then one between.
INSERT INTO ipam.ip_block (network) VALUES ('10.1.2.0/24') RETURNING network, start_address, end_address, extent, address_category;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.2.0/26', 'small'), ('10.1.9.0/24', 'nine');
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.1.0.0/16'), ('10.2.0.0/16'), ('2001:db8::/32'), ('2001:db8:1::/48'), ('fd00::/8');
SELECT * FROM tree;
SELECT s.name, b.network AS parent FROM ipam.ip_subnet AS s JOIN ipam.ip_block AS b ON b.id = s.block_id ORDER BY s.network;

-- A block may hold part of its network only. The same start: the smaller one is inside.
INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('10.3.0.0/16', '10.3.0.0', '10.3.0.99'), ('10.3.0.0/24', '10.3.0.0', '10.3.0.49');
SELECT * FROM tree WHERE start_address = '10.3.0.0';

-- Partial overlaps and equal blocks cannot be.
INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('10.3.0.0/16', '10.3.0.50', '10.3.0.150');
INSERT INTO ipam.ip_block (network) VALUES ('10.1.0.0/16');
INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('10.0.0.0/8', '10.1.2.0', '10.1.2.255'); -- inside a /24, but with a shorter prefix: holds it
SELECT * FROM tree WHERE start_address >= '10.1.0.0' AND end_address < '10.2.0.0';

-- Moving a block takes nothing along: children find their parents again.
UPDATE ipam.ip_block SET network = '10.4.0.0/16', start_address = '10.4.0.0', end_address = '10.4.255.255' WHERE network = '10.1.0.0/16';
SELECT * FROM tree WHERE start_address <= '11.0.0.0';
SELECT s.name, b.network AS parent FROM ipam.ip_subnet AS s LEFT JOIN ipam.ip_block AS b ON b.id = s.block_id ORDER BY s.network;
-- Into another one.
UPDATE ipam.ip_block SET network = '10.1.0.0/16', start_address = '10.1.0.0', end_address = '10.1.255.255' WHERE network = '10.4.0.0/16';
SELECT s.name, b.network AS parent FROM ipam.ip_subnet AS s LEFT JOIN ipam.ip_block AS b ON b.id = s.block_id ORDER BY s.network;

-- Deleting a block gives its children to its parent; deleting a whole tree at once works too.
DELETE FROM ipam.ip_block WHERE network = '10.1.0.0/16';
SELECT s.name, b.network AS parent FROM ipam.ip_subnet AS s LEFT JOIN ipam.ip_block AS b ON b.id = s.block_id ORDER BY s.network;
DELETE FROM ipam.ip_block WHERE network <<= '10.0.0.0/8';
SELECT * FROM tree;
SELECT s.name, s.block_id FROM ipam.ip_subnet AS s ORDER BY s.network;

-- Nine levels and no more, wherever the new one comes.
DELETE FROM ipam.ip_block;
INSERT INTO ipam.ip_block (network) SELECT set_masklen('10.0.0.0'::cidr, n) FROM generate_series(10, 18) AS n;
SELECT count(*), max(ipam.block_depth(extent, masklen(network))) AS depth FROM ipam.ip_block;
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/19');
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8');
INSERT INTO ipam.ip_block (network) VALUES ('10.0.64.0/19'); -- another branch
SELECT * FROM tree;

-- COPY in any order gives the same tree.
CREATE TEMP TABLE saved AS SELECT * FROM tree;
CREATE TEMP TABLE blocks AS SELECT network FROM ipam.ip_block;
DELETE FROM ipam.ip_block;
INSERT INTO ipam.ip_block (network) SELECT network FROM blocks ORDER BY md5(network::text);
SELECT * FROM saved EXCEPT SELECT * FROM tree;

-- A network is needed.
\set VERBOSITY terse
INSERT INTO ipam.ip_block (start_address) VALUES ('10.0.0.0');
INSERT INTO ipam.ip_address (device_name) VALUES ('x');
\set VERBOSITY default

-- Public blocks come from a registry.
INSERT INTO ipam.ip_block (network) VALUES ('198.51.100.0/24');
INSERT INTO ipam.ip_block (network, rir, rir_received_on) VALUES ('198.51.100.0/24', 'ARIN', '1990-01-01') RETURNING network, address_category, rir;

-- Ids are 1 or more.
INSERT INTO ipam.ip_block (id, network) OVERRIDING SYSTEM VALUE VALUES (0, '192.168.0.0/16');
ROLLBACK;
