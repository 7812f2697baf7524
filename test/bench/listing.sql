-- A plan with 50,000 subnets, a range and five addresses in each, and values of custom fields on some.

SET client_min_messages = warning;
INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT 18, 'region' || n FROM generate_series(0, 9) AS n;
INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT 14, 'site' || n FROM generate_series(0, 99) AS n;
INSERT INTO ipam.logical_group (name) VALUES ('Locations');
INSERT INTO ipam.logical_group_field (logical_group_id, position, custom_field_id)
SELECT g.id, f.position, f.id FROM ipam.logical_group AS g, (VALUES (1, 18), (2, 14)) AS f(position, id) WHERE g.name = 'Locations';
INSERT INTO ipam.ip_block (network) SELECT '10.0.0.0/8' UNION ALL SELECT set_masklen('10.0.0.0'::inet + n * 65536, 16)::cidr FROM generate_series(0, 199) AS n;
INSERT INTO ipam.ip_subnet (network, name) SELECT set_masklen('10.0.0.0'::inet + n * 256, 24)::cidr, 'subnet ' || n FROM generate_series(0, 49999) AS n;

-- Without triggers, which work out what is given here.
SET session_replication_role = replica;
INSERT INTO ipam.ip_range (subnet_id, network, start_address, end_address, virtualization_type, use_for_utilization, custom_fields)
SELECT s.id, s.network, host(s.network)::inet + 10, host(s.network)::inet + 200, 'NonVirtualized', true,
       jsonb_build_object('Region', 'region' || s.id % 10, 'Network Site', 'site' || s.id % 100)
FROM ipam.ip_subnet AS s;
INSERT INTO ipam.ip_address (address, range_id, virtualization_type, expires_at, custom_fields)
SELECT r.start_address + n, r.id, 'NonVirtualized', CASE n WHEN 4 THEN now() + (r.id % 40 - 20) * interval '1 day' END,
       CASE WHEN n = 0 AND r.id % 10 = 0 THEN jsonb_build_object('Region', 'region' || r.id / 10 % 10) ELSE '{}' END
FROM ipam.ip_range AS r, generate_series(0, 4) AS n;
RESET session_replication_role;
VACUUM (ANALYZE) ipam.ip_block, ipam.ip_subnet, ipam.ip_range, ipam.ip_address;
