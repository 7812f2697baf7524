-- What the operations on many objects cost: bulk updates, moves, deletions.
--   make stage && test/scratch server build/stage psql -X -q -f test/bench/operations.sql
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION ipam CASCADE;
CALL ipam.provision();
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'ten'), ('172.16.0.0/12', 'many ranges');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.1', '10.0.255.254'), ('10.1.0.1', '10.1.255.254');
INSERT INTO ipam.ip_range (start_address, end_address) SELECT '172.16.0.1'::inet + i * 20, '172.16.0.10'::inet + i * 20 FROM generate_series(0, 9999) AS i;
INSERT INTO ipam.ip_address (address) SELECT '10.0.0.1'::inet + i FROM generate_series(0, 9999) AS i;
INSERT INTO ipam.ip_address (address) SELECT '172.16.0.1'::inet + i * 20 FROM generate_series(0, 9999) AS i;
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8');
INSERT INTO ipam.ip_block (network) SELECT set_masklen(('10.' || i || '.0.0')::cidr, 16) FROM generate_series(0, 255) AS i;
INSERT INTO ipam.ip_block (network) SELECT set_masklen(('10.' || i || '.' || j * 16 || '.0')::cidr, 20) FROM generate_series(0, 63) AS i, generate_series(0, 15) AS j;
INSERT INTO ipam.ip_subnet (network, name) SELECT set_masklen(('10.' || i || '.' || j || '.0')::cidr, 24), 'lan' FROM generate_series(2, 41) AS i, generate_series(0, 255) AS j;
VACUUM ANALYZE;
CREATE TEMP TABLE change AS
SELECT jsonb_agg(jsonb_build_object('id', id, 'device_name', 'd' || id, 'notes', 'x')) AS good,
       jsonb_agg(jsonb_build_object('id', id, 'device_name', CASE WHEN id % 10 = 0 THEN repeat('x', 256) ELSE 'd' || id END)) AS mixed
FROM ipam.ip_address WHERE address <<= '10.0.0.0/8';
CREATE TEMP TABLE range_change AS
SELECT jsonb_agg(jsonb_build_object('id', id, 'description', 'x')) AS good FROM ipam.ip_range WHERE start_address <<= '172.16.0.0/12';
\timing on
\echo bulk update of 10,000 addresses
SELECT count(*) AS failed FROM change, ipam.bulk_update_ip_addresses(good);
\echo the same, every tenth change fails
SELECT count(*) AS failed FROM change, ipam.bulk_update_ip_addresses(mixed);
\echo one UPDATE of the same rows
UPDATE ipam.ip_address SET device_name = 'e' || id, notes = 'y' WHERE address <<= '10.0.0.0/8';
\echo bulk update of 10,000 ranges
SELECT count(*) AS failed FROM range_change, ipam.bulk_update_ip_ranges(good);
\echo 10,000 addresses to another range
SELECT count(*) AS moved FROM ipam.move_ip_addresses(ARRAY (SELECT id FROM ipam.ip_address WHERE address <<= '10.0.0.0/8'), 2);
\echo a tree of 1,281 blocks above 10,240 subnets
SELECT * FROM ipam.delete_block(1, delete_child_blocks => true);
\echo a subnet with 10,000 ranges, 10,000 addresses stay
SELECT * FROM ipam.delete_subnet(2, delete_ranges => true);
