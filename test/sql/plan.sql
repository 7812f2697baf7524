-- The plan as a tree for people.
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\i :fresh_store
\pset null ''
SELECT plan, name, used FROM ipam.plan;

INSERT INTO ipam.ip_block (network, description) VALUES ('10.0.0.0/8', E'Company\nsince 1999'), ('10.1.0.0/16', 'Hamburg'), ('2001:db8::/32', 'IPv6');
INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('10.2.0.0/16', '10.2.0.0', '10.2.127.255');
INSERT INTO ipam.ip_subnet (network, name, vlan_ids) VALUES ('10.1.1.0/24', 'office', '{20,21}'), ('10.1.2.0/24', 'spare', '{}'), ('10.1.1.0/28', 'in the office', '{}'),
    ('192.168.0.0/24', 'lab', '{}'), ('2001:db8:0:1::/64', 'lan', '{}'), ('10.3.0.0/30', 'link', '{}');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (9, 'dhcp2');
INSERT INTO ipam.ip_range (start_address, end_address, description) VALUES ('10.1.1.100', '10.1.1.149', 'printers'), ('10.3.0.1', '10.3.0.2', NULL);
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity)
VALUES ('10.1.1.150', '10.1.1.249', 'MS DHCP', 'dhcp1'), ('10.1.1.150', '10.1.1.249', 'MS DHCP', 'dhcp2'),
       ('2001:db8:0:1::', '2001:db8:0:1:ffff:ffff:ffff:ffff', 'IPAM', 'Localhost'), ('192.168.0.1', '192.168.0.3', 'IPAM', 'Localhost');
INSERT INTO ipam.ip_address (address) SELECT '10.1.1.100'::inet + n FROM generate_series(0, 41) AS n;
INSERT INTO ipam.ip_address (address) VALUES ('10.3.0.1'), ('10.3.0.2'), ('192.168.0.1');
INSERT INTO ipam.ip_address (address) VALUES ('2001:db8:0:1::1');
INSERT INTO ipam.address_space (name, description) VALUES ('Fabric', 'under the cloud'), ('Another', NULL);
INSERT INTO ipam.ip_subnet (address_space_id, network, name) SELECT id, '10.1.1.0/24', 'hosts' FROM ipam.address_space WHERE name = 'Fabric';
SELECT plan, name, used, percent, bar FROM ipam.plan;

-- WHERE asks for a part of it, and only that part is counted.
SELECT plan, used, bar FROM ipam.plan WHERE space = 'Default IP Address Space' AND network <<= '10.1.1.0/24';
SELECT plan, used, bar FROM ipam.plan WHERE extent @> '10.3.0.1'::inet AND kind <> 'block';
SELECT plan, percent FROM ipam.plan WHERE percent > 80;
SET LOCAL track_functions = 'all';
SELECT count(bar) FROM ipam.plan WHERE space = 'Fabric';
SELECT count(bar) FROM ipam.plan WHERE kind = 'range' AND network <<= '192.168.0.0/16';
SELECT coalesce(pg_stat_get_xact_function_calls('ipam.count_used_ip_addresses'::regproc), 0) AS ranges_counted;

-- Numbers and pictures
SELECT n, ipam.readable_count(n) FROM (VALUES (0), (16777216), (999999999), (round(2::numeric ^ 30)), (round(2::numeric ^ 64)), (round(2::numeric ^ 64) - 1), (round(2::numeric ^ 127))) AS v (n);
SELECT u, t, ipam.utilization_bar(u, t) FROM (VALUES (0, 10), (1, 1000), (5, 10), (99, 100), (100, 100), (0, 0), (1, round(2::numeric ^ 127))) AS v (u, t);
SET LOCAL client_encoding = 'LATIN1';
SELECT ipam.utilization_bar(5, 10);
ROLLBACK;
