-- Moving recorded addresses to another range.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'vmm1'), (9, 'dhcp1');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Blue', 'Customer', 1, 'VXLAN');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan'), ('10.0.1.0/24', 'new lan'), ('2001:db8::/64', 'lan6');
INSERT INTO ipam.ip_subnet (address_space_id, network, name) VALUES (2, '10.0.0.0/24', 'blue lan');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.10', '10.0.0.19');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, reserved_addresses)
VALUES ('10.0.1.10', '10.0.1.13', 'VM Manager', 'vmm1', '{[10.0.1.10,10.0.1.10]}');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity) VALUES ('10.0.1.100', '10.0.1.109', 'MS DHCP', 'dhcp1'), ('10.0.1.105', '10.0.1.106', 'MS DHCP', 'dhcp1');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('2001:db8::', '2001:db8::ffff:ffff');
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address) VALUES (2, '10.0.0.10', '10.0.0.19');
INSERT INTO ipam.ip_address (address, device_name) SELECT '10.0.0.10'::inet + i, 'host ' || i FROM generate_series(0, 5) AS i;
INSERT INTO ipam.ip_address (address, device_name, client_id) VALUES ('10.0.0.200', 'stray', 'x');
CREATE FUNCTION pg_temp.device(text) RETURNS bigint LANGUAGE sql RETURN (SELECT id FROM ipam.ip_address WHERE device_name = $1);
CREATE FUNCTION pg_temp.range(inet, bigint DEFAULT 1) RETURNS bigint LANGUAGE sql RETURN (SELECT id FROM ipam.ip_range WHERE start_address = $1 AND address_space_id = $2);
CREATE TEMP VIEW recorded AS
SELECT a.device_name, a.address, r.extent, a.managed_by, a.managed_by_entity, a.address_space_id, a.virtualization_type
FROM ipam.ip_address AS a LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id ORDER BY a.id;

-- To the first free address, which is not a reserved one; service, space and virtualization type become the range's.
SELECT ipam.move_ip_address(pg_temp.device('host 0'), pg_temp.range('10.0.1.10'));
SELECT * FROM recorded;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.0.0/16', 'site');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.1.2.10', '10.1.2.99'), ('10.1.3.10', '10.1.3.99');
INSERT INTO ipam.ip_address (address, device_name) VALUES ('10.1.2.30', 'printer');
SELECT ipam.move_ip_address(a.id, r.id) FROM ipam.ip_address AS a, ipam.ip_range AS r
WHERE a.device_name = 'printer' AND r.start_address = '10.1.3.10';
DELETE FROM ipam.ip_address WHERE device_name = 'printer';
-- Again: it is there already, and stays.
SELECT ipam.move_ip_address(pg_temp.device('host 0'), pg_temp.range('10.0.1.10'));
-- To a given address, also a reserved one, also in the same range.
SELECT ipam.move_ip_address(pg_temp.device('host 0'), pg_temp.range('10.0.1.10'), '10.0.1.10');
-- To another space.
SELECT ipam.move_ip_address(pg_temp.device('host 1'), pg_temp.range('10.0.0.10', 2));
-- To the other family.
SELECT ipam.move_ip_address(pg_temp.device('host 2'), pg_temp.range('2001:db8::'));
SELECT ipam.move_ip_address(pg_temp.device('stray'), pg_temp.range('2001:db8::'));
-- A DHCP server knows its free addresses itself.
SELECT ipam.move_ip_address(pg_temp.device('host 3'), pg_temp.range('10.0.1.100'));
SELECT ipam.move_ip_address(pg_temp.device('host 3'), pg_temp.range('10.0.1.100'), '10.0.1.105'); -- belongs to the range inside
SELECT ipam.move_ip_address(pg_temp.device('host 3'), pg_temp.range('10.0.1.100'), '10.0.1.101');
SELECT * FROM recorded;

-- Many: the whole list or nothing, in its order.
SELECT * FROM ipam.move_ip_addresses(ARRAY[pg_temp.device('stray'), pg_temp.device('host 5'), pg_temp.device('host 4'), pg_temp.device('host 3')], pg_temp.range('10.0.1.10'));
SELECT * FROM ipam.move_ip_addresses(ARRAY[pg_temp.device('stray'), pg_temp.device('host 5'), pg_temp.device('host 0'), pg_temp.device('stray')], pg_temp.range('10.0.1.10'));
SELECT * FROM recorded;
SELECT * FROM ipam.move_ip_addresses('{}', pg_temp.range('10.0.1.10'));
SELECT a.device_name, m.old_address, m.new_address
FROM ipam.move_ip_addresses(ARRAY (SELECT id FROM ipam.ip_address WHERE family(address) = 4 AND client_id IS NULL ORDER BY address), pg_temp.range('2001:db8::')) AS m
    JOIN ipam.ip_address AS a ON a.id = m.address_id;

-- Refused.
SELECT ipam.move_ip_address(pg_temp.device('host 0'), pg_temp.range('10.0.0.10'), '10.0.1.10');
SELECT ipam.move_ip_address(pg_temp.device('host 0'), pg_temp.range('10.0.0.10'), '2001:db8::1');
SELECT ipam.move_ip_address(pg_temp.device('host 0'), pg_temp.range('10.0.0.10'), '10.0.0.0/24');
SELECT ipam.move_ip_address(pg_temp.device('host 0'), pg_temp.range('10.0.1.10'), host((SELECT address FROM recorded WHERE device_name = 'stray'))::inet); -- taken
SELECT ipam.move_ip_address(0, pg_temp.range('10.0.0.10'));
SELECT ipam.move_ip_address(0, pg_temp.range('10.0.0.10'), '10.0.0.12');
SELECT ipam.move_ip_address(NULL, pg_temp.range('10.0.0.10'));
SELECT ipam.move_ip_address(NULL, pg_temp.range('10.0.0.10'), '10.0.0.12');
SELECT ipam.move_ip_address(pg_temp.device('host 0'), 0);
SELECT ipam.move_ip_address(pg_temp.device('host 0'), NULL, '10.0.0.12');
SELECT ipam.move_ip_addresses(NULL, pg_temp.range('10.0.0.10'));
SELECT ipam.move_ip_addresses(ARRAY[pg_temp.device('host 0'), NULL], pg_temp.range('10.0.0.10'));
SELECT ipam.move_ip_addresses(ARRAY[pg_temp.device('host 0'), 0], pg_temp.range('10.0.0.10'));
SELECT * FROM recorded;

-- A rule of the user's own is not taken for a race.
CREATE UNIQUE INDEX ip_address_one_per_address ON ipam.ip_address (host(address));
SELECT ipam.move_ip_address(pg_temp.device('stray'), pg_temp.range('10.0.0.10', 2));
SELECT ipam.move_ip_address(pg_temp.device('host 0'), pg_temp.range('10.0.0.10', 2));
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.12'), ('10.0.0.13');
SELECT ipam.move_ip_address(pg_temp.device('host 2'), pg_temp.range('10.0.0.10', 2));
SELECT * FROM ipam.check_plan();
-- An array of arrays is a list of addresses as well.
SELECT ipam.move_ip_addresses('{{0,NULL}}', pg_temp.range('10.0.0.10', 2));
SELECT ipam.move_ip_addresses('{{0,0}}', pg_temp.range('10.0.0.10', 2));
ROLLBACK;
