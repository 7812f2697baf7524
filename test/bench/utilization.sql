-- Utilization on a plan of 20,480 subnets with a range each, 409,600 addresses and 3,401 blocks on three levels.
--   make stage && test/scratch server build/stage psql -X -f test/bench/utilization.sql
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION ipam CASCADE;
CALL ipam.provision();
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8');
INSERT INTO ipam.ip_block (network) SELECT format('10.%s.0.0/16', i)::cidr FROM generate_series(0, 199) AS i;
INSERT INTO ipam.ip_block (network) SELECT format('10.%s.%s.0/20', i, 16 * j)::cidr FROM generate_series(0, 199) AS i, generate_series(0, 15) AS j;
INSERT INTO ipam.ip_subnet (network, name) SELECT format('10.%s.%s.0/24', i, j)::cidr, 's' FROM generate_series(0, 79) AS i, generate_series(0, 255) AS j;
INSERT INTO ipam.ip_range (start_address, end_address)
SELECT format('10.%s.%s.1', i, j)::inet, format('10.%s.%s.200', i, j)::inet FROM generate_series(0, 79) AS i, generate_series(0, 255) AS j;
INSERT INTO ipam.ip_address (address) SELECT r.start_address + k FROM ipam.ip_range AS r, generate_series(0, 19) AS k;
VACUUM ANALYZE;
\pset tuples_only on
\timing on

\echo '-- one range, subnet, block of each level, address space'
SELECT utilized_addresses, status FROM ipam.range_utilization WHERE range_id = 777;
SELECT utilized_addresses, status FROM ipam.subnet_utilization WHERE subnet_id = 777;
SELECT u.utilized_addresses FROM ipam.block_utilization AS u JOIN ipam.ip_block AS b ON b.id = u.block_id WHERE b.network = '10.7.16.0/20';
SELECT u.utilized_addresses FROM ipam.block_utilization AS u JOIN ipam.ip_block AS b ON b.id = u.block_id WHERE b.network = '10.7.0.0/16';
SELECT u.utilized_addresses FROM ipam.block_utilization AS u JOIN ipam.ip_block AS b ON b.id = u.block_id WHERE b.network = '10.0.0.0/8';
SELECT utilized_addresses FROM ipam.address_space_utilization WHERE address_space_id = 1 AND address_family = 4;
\echo '-- all ranges, subnets, blocks'
SELECT count(*), sum(utilized_addresses) FROM ipam.range_utilization;
SELECT count(*), sum(utilized_addresses) FROM ipam.subnet_utilization;
SELECT count(*), sum(utilized_addresses) FROM ipam.block_utilization;
\echo '-- the tree of a /20, the whole tree'
SELECT count(bar) FROM ipam.plan WHERE network <<= '10.7.0.0/20';
SELECT count(bar) FROM ipam.plan;
\echo '-- a collection, a trend, a purge'
CALL ipam.collect_utilization();
SELECT count(*) FROM ipam.range_utilization_trend(777);
CALL ipam.purge_utilization_data(now());
