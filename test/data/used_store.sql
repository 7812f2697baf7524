-- What a store in use has besides the sample plan, one of each kind: whatever is missing here, no test of
-- backup, upgrade or replication would miss. Needs the sample plan. Commits, as its tasks do.

-- Values of the users' own, in each column that takes them, and values that belong together.
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (8, 'Kea'), (9, 'kea1'), (10, 'Parked'), (7, 'Toaster');
SELECT ipam.set_custom_field_association(9, 8, '{{kea1,Kea},{Localhost,IPAM}}');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (17, 'Tunnel');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Tunnelled', 'Customer', 1, 'Tunnel');

-- A logical group of the users' own.
WITH made AS (INSERT INTO ipam.logical_group (name) VALUES ('By environment') RETURNING id)
INSERT INTO ipam.logical_group_field (logical_group_id, position, custom_field_id)
SELECT made.id, 1, f.id FROM made, ipam.custom_field AS f WHERE f.name = 'Environment';

-- Blocks whose children have smaller ids than themselves.
INSERT INTO ipam.ip_block (network) VALUES ('192.168.1.0/24'), ('192.168.0.0/17'), ('192.168.0.0/16');

-- An address of every sort, with dates of long ago.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('192.168.1.0/24', 'restored');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity) VALUES ('192.168.1.10', '192.168.1.99', 'Kea', 'kea1');
INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity, state, device_type)
SELECT '192.168.1.1'::inet + n, 'Kea', 'kea1', 'Parked', 'Toaster' FROM generate_series(0, 100) AS n;
UPDATE ipam.ip_address SET modified_at = '2020-02-02', created_at = '2020-01-01' WHERE device_type = 'Toaster';
DELETE FROM ipam.ip_address WHERE address = '192.168.1.1';

-- Subnets and ranges that overlap: of those one is used for utilization, not always the one that came first.
INSERT INTO ipam.ip_subnet (network, name)
SELECT set_masklen('172.20.0.0'::inet + n * 256, 20 + n % 7)::cidr, 'nested ' || n FROM generate_series(0, 200) AS n ON CONFLICT DO NOTHING;
INSERT INTO ipam.ip_range (start_address, end_address, managed_by)
SELECT '172.20.0.0'::inet + n * 64 + 1, '172.20.0.0'::inet + n * 64 + 20 + n % 40, (ARRAY['IPAM', 'Others', 'VM Manager', 'MS DHCP'])[1 + n % 4]
FROM generate_series(0, 60) AS n;
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, excluded_addresses)
SELECT '172.20.0.0'::inet + n * 64 + 10, '172.20.0.0'::inet + n * 64 + 50, 'MS DHCP', ipam.inetmultirange(ipam.inetrange('172.20.0.0'::inet + n * 64 + 10, '172.20.0.0'::inet + n * 64 + 10 + n % 20, '[]'))
FROM generate_series(0, 60, 3) AS n;
SELECT ipam.remap_subnet(id) FROM ipam.ip_subnet WHERE name LIKE 'nested %' AND id % 3 = 0 ORDER BY id;
SELECT ipam.remap_range(id) FROM ipam.ip_range WHERE start_address <<= '172.20.0.0/16' AND id % 5 = 0 ORDER BY id;

-- Allocations with and without a token, releases in quarantine.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('198.18.0.0/16', 'busy');
INSERT INTO ipam.ip_range (start_address, end_address, quarantine, description) VALUES ('198.18.0.1', '198.18.0.254', '7 days', 'quarantine');
SELECT count(a) FROM ipam.ip_range AS r, ipam.allocate_ip_addresses(r.id, 20, token => 'order 4711') AS a WHERE r.description = 'quarantine';
SELECT count(a) FROM ipam.ip_range AS r, ipam.allocate_ip_addresses(r.id, 10, device_name => 'leaves soon') AS a WHERE r.description = 'quarantine';
DELETE FROM ipam.ip_address WHERE device_name = 'leaves soon';

-- A range that is full but for a few, and its occupancy.
INSERT INTO ipam.ip_range (start_address, end_address, description) VALUES ('198.18.16.0', '198.18.63.255', 'full');
INSERT INTO ipam.ip_address (address) SELECT '198.18.16.0'::inet + n FROM generate_series(0, 12287) AS n;
VACUUM ipam.ip_address;
CALL ipam.rebuild_occupancy();
DELETE FROM ipam.ip_address WHERE address IN ('198.18.20.20', '198.18.41.41');

-- Tasks, their history and their events; a session that failed.
UPDATE ipam.ip_address SET expires_at = '2021-01-01' WHERE address BETWEEN '192.168.1.50' AND '192.168.1.59';
CALL ipam.collect_utilization();
CALL ipam.collect_utilization();
CALL ipam.check_expiry();
CALL ipam.purge_utilization_data('2020-01-01');
INSERT INTO ipam.async_session (kind, state, started_by, started_at, finished_at, sqlstate, message)
VALUES ('SchemaConversion', 'Completed', current_user, now(), now(), '57014', 'cancelled');
UPDATE ipam.common_property SET value = '77' WHERE name = 'MaximumUtilizationThreshold';
