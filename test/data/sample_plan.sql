-- Sample plan: the made-up logistics company Nordwind, with five sites, twelve branches and two
-- customers in its cloud. About 100 subnets, 40 ranges and 5,000 addresses of both families.
--
-- Needs a provisioned store:   CALL ipam.provision();   \i test/data/sample_plan.sql
-- The same every time: no random numbers, no current time. Ids are looked up, and there is no
-- transaction control, so that it can be part of a transaction.

-- The company, as a few lists ----------------------------------------------------------------

-- octet: 10.OCTET.0.0/16; global: GLOBAL::/48; local: LOCAL000::/52, unique local; parts: what
-- there is; spare: how much emptier than at the main site the ranges are, in percent.
CREATE TEMP TABLE plan_site (code text, name text, octet integer, global text, local text, parts text[], spare integer);
INSERT INTO plan_site VALUES
    ('ham', 'Hamburg',   1,  '2001:db8:1001', 'fd6e:6f72:6477:1', '{data centre,offices,warehouse}', 0),
    ('rtm', 'Rotterdam', 2,  '2001:db8:1002', 'fd6e:6f72:6477:2', '{data centre,offices,warehouse}', 9),
    ('gdn', 'Gdansk',    3,  '2001:db8:1003', 'fd6e:6f72:6477:3', '{offices,warehouse}',             16),
    ('opo', 'Porto',     4,  '2001:db8:1004', 'fd6e:6f72:6477:4', '{offices,warehouse}',             22),
    ('hfx', 'Halifax',   65, '2001:db8:4041', 'fd6e:6f72:6477:5', '{offices,warehouse}',             25);

-- The parts of a site: 10.OCTET.THIRD.0/18 and GLOBAL:HEXTET::/56.
CREATE TEMP TABLE plan_part (part text, third integer, hextet text, cost_center text);
INSERT INTO plan_part VALUES
    ('data centre', 0,   '0',   '7100'),
    ('offices',     64,  '100', '7200'),
    ('warehouse',   128, '200', '7300');

-- The networks of a part: 10.OCTET.THIRD.0/PREFIX in a VLAN and, where dual_stack, GLOBAL:VLAN::/64.
-- pool_size: the range that starts at host 10, none where NULL; fill: percent of it in use.
CREATE TEMP TABLE plan_network (
    part text, third integer, prefix integer, vlan integer, name text, code text, dual_stack boolean,
    pool_size integer, fill integer, managed_by text, entity text, assignment ipam.address_assignment, device_type text);
INSERT INTO plan_network VALUES
    ('data centre', 0,   23, 10,  'servers',           'srv', true,  480,  70,   'IPAM',        'Localhost',              'Static',  'Non-Microsoft servers'),
    ('data centre', 4,   22, 14,  'virtual machines',  'vm',  false, 1000, 30,   'VM Manager',  'vmm1.nordwind.example',  'Static',  'VM'),
    ('data centre', 8,   24, 18,  'storage',           'sto', false, 100,  55,   'IPAM',        'Localhost',              'Static',  'Host'),
    ('data centre', 10,  24, 20,  'load balancers',    'lb',  false, 60,   80,   'IPAM',        'Localhost',              'VIP',     'Load balancer'),
    ('data centre', 12,  24, 22,  'management',        'mgt', false, 200,  45,   'IPAM',        'Localhost',              'Static',  'Switch'),
    ('offices',     64,  22, 164, 'clients',           'pc',  true,  990,  33,   'MS DHCP',     'dhcp1.nordwind.example', 'Dynamic', 'Host'),
    ('offices',     68,  23, 168, 'voice',             'tel', false, 480,  36,   'Non-MS DHCP', 'kea1.nordwind.example',  'Dynamic', 'VOIP Gateway'),
    ('offices',     72,  22, 172, 'wireless',          'wl',  true,  NULL, NULL, NULL,          NULL,                     NULL,      NULL),
    ('offices',     76,  24, 176, 'printers',          'prn', false, 200,  48,   'IPAM',        'Localhost',              'Static',  'Printer'),
    ('offices',     80,  22, 180, 'guests',            'gst', false, NULL, NULL, NULL,          NULL,                     NULL,      NULL),
    ('warehouse',   128, 23, 228, 'scanners',          'scn', false, 200,  97,   'IPAM',        'Localhost',              'Static',  'Host'),
    ('warehouse',   130, 24, 230, 'conveyor controls', 'plc', false, NULL, NULL, NULL,          NULL,                     NULL,      NULL),
    ('warehouse',   131, 24, 231, 'cameras',           'cam', false, NULL, NULL, NULL,          NULL,                     NULL,      NULL);

-- Custom fields and values -------------------------------------------------------------------

INSERT INTO ipam.custom_field (name, type) VALUES
    ('Environment', 'Multivalued'), ('Cost center', 'Freeform'), ('Contact', 'Freeform');

INSERT INTO ipam.custom_field_value (custom_field_id, value)
SELECT f.id, v.value
FROM (VALUES ('Environment', 'Production'), ('Environment', 'Staging'), ('Environment', 'Test')) AS v (name, value)
JOIN ipam.custom_field AS f USING (name);

-- Built-in fields by number: 9 managed by entity, 10 state, 12 logical network, 14 site, 15 VM network, 16 tenant.
INSERT INTO ipam.custom_field_value (custom_field_id, value)
SELECT f.id, v.value
FROM (VALUES (9, 'dhcp1.nordwind.example'), (9, 'dhcp2.nordwind.example'), (9, 'kea1.nordwind.example'),
             (9, 'vmm1.nordwind.example'), (9, 'vmm2.nordwind.example'), (10, 'Quarantined'),
             (12, 'Campus'), (12, 'Cloud'), (15, 'albatros-net'), (15, 'bergmann-net'),
             (16, 'Albatros Shipping'), (16, 'Bergmann Foods')) AS v (number, value)
JOIN ipam.custom_field AS f ON f.built_in_number = v.number
UNION ALL
SELECT f.id, s.name FROM plan_site AS s JOIN ipam.custom_field AS f ON f.built_in_number = 14;

-- Address spaces -----------------------------------------------------------------------------

INSERT INTO ipam.address_space (name, type, description) VALUES ('Nordwind Cloud', 'Provider', 'Fabric under the networks of customers');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method, owner, custom_fields)
SELECT c.name, 'Customer', p.id, c.isolation_method, c.owner, jsonb_build_object('Tenant', c.name, 'VM Network', c.vm_network)
FROM (VALUES ('Albatros Shipping', 'VXLAN', 'Ines Albatros', 'albatros-net'),
             ('Bergmann Foods',    'NVGRE', 'Jan Bergmann',  'bergmann-net')) AS c (name, isolation_method, owner, vm_network)
JOIN ipam.address_space AS p ON p.name = 'Nordwind Cloud';

-- Blocks: continent > site > part --------------------------------------------------------------

INSERT INTO ipam.ip_block (network, description, owner) VALUES
    ('10.0.0.0/8',           'Nordwind private IPv4', 'Network Office'),
    ('10.0.0.0/10',          'Europe',                'Network Office'),
    ('10.64.0.0/10',         'Americas',              'Network Office'),
    ('10.128.0.0/9',         'Sensors and labs',      'Research'),
    ('10.32.0.0/16',         'European branches',     'Network Office'),
    ('172.16.0.0/12',        'Transit links',         'Network Office'),
    ('fd6e:6f72:6477::/48',  'Nordwind management',   'Network Office'),
    ('2001:db8:1000::/36',   'Europe, IPv6',          'Network Office'),
    ('2001:db8:4000::/36',   'Americas, IPv6',        'Network Office');
INSERT INTO ipam.ip_block (network, description, owner, rir, rir_received_on) VALUES
    ('203.0.113.0/24', 'Nordwind public IPv4', 'Network Office', 'RIPE', '2012-04-17'),
    ('2001:db8::/32',  'Nordwind public IPv6', 'Network Office', 'RIPE', '2014-09-02');

INSERT INTO ipam.ip_block (network, description, owner)
SELECT b.network::cidr, b.description, s.name || ' IT'
FROM plan_site AS s CROSS JOIN LATERAL (VALUES
    (format('10.%s.0.0/16', s.octet), s.name),
    (s.global || '::/48', s.name || ', IPv6'),
    (s.local || '000::/52', s.name || ' management')) AS b (network, description);
INSERT INTO ipam.ip_block (network, description, owner)
SELECT b.network::cidr, b.description, s.name || ' IT'
FROM plan_site AS s JOIN plan_part AS p ON p.part = ANY (s.parts) CROSS JOIN LATERAL (VALUES
    (format('10.%s.%s.0/18', s.octet, p.third), s.name || ' ' || p.part),
    (format('%s:%s::/56', s.global, p.hextet), s.name || ' ' || p.part || ', IPv6')) AS b (network, description);

-- Subnets ------------------------------------------------------------------------------------

-- The networks of the sites, IPv4 and IPv6.
INSERT INTO ipam.ip_subnet (network, name, vlan_ids, owner, custom_fields)
SELECT v.network::cidr, s.name || ' ' || n.name || v.suffix, ARRAY[n.vlan], s.name || ' IT',
       jsonb_build_object('Network Site', s.name, 'Cost center', p.cost_center, 'Logical Network', 'Campus',
                          'Environment', CASE n.name WHEN 'guests' THEN 'Test' ELSE 'Production' END)
FROM plan_site AS s
JOIN plan_network AS n ON n.part = ANY (s.parts)
JOIN plan_part AS p ON p.part = n.part
CROSS JOIN LATERAL (VALUES
    (format('10.%s.%s.0/%s', s.octet, n.third, n.prefix), '', true),
    (format('%s:%s::/64', s.global, n.vlan), ', IPv6', n.dual_stack)) AS v (network, suffix, exists)
WHERE v.exists;

-- Management of the data centres, branches, and transit links from Hamburg to the other sites.
INSERT INTO ipam.ip_subnet (network, name, owner)
SELECT (s.local || '022::/64')::cidr, s.name || ' out-of-band', s.name || ' IT' FROM plan_site AS s WHERE 'data centre' = ANY (s.parts)
UNION ALL
SELECT format('10.32.%s.0/24', b.number)::cidr, 'Branch ' || b.name, 'Network Office'
FROM unnest('{Aachen,Aarhus,Antwerp,Bilbao,Brno,Cork,Gent,Graz,Lille,Malmo,Tartu,Turin}'::text[]) WITH ORDINALITY AS b (name, number)
UNION ALL
SELECT v.network::cidr, 'Link Hamburg-' || s.name || v.suffix, 'Network Office'
FROM plan_site AS s CROSS JOIN LATERAL (VALUES
    (format('172.16.0.%s/30', 4 * (s.octet - 1) % 64), ''),
    (format('2001:db8:1001:ff00::%s/127', to_hex(2 * s.octet)), ', IPv6')) AS v (network, suffix)
WHERE s.code <> 'ham';

INSERT INTO ipam.ip_subnet (network, name, vlan_ids, description, owner) VALUES
    ('172.16.0.0/24',    'Transit links',       '{}',   'One /30 for each site', 'Network Office'),
    ('203.0.113.0/25',   'Public services',     '{50}', 'Behind the Hamburg firewalls', 'Network Office'),
    ('203.0.113.128/26', 'Provider handover',   '{51}', NULL, 'Network Office'),
    ('10.240.0.0/12',    'Container trackers',  '{}',   'One address for each shipping container', 'Research');
UPDATE ipam.ip_subnet SET custom_fields = '{"Contact": "noc@nordwind.example", "Cost center": "7000"}'
WHERE owner = 'Network Office' AND vlan_ids <> '{}';

-- The cloud, and the same plan in 10.0.0.0/8 for each of its customers.
INSERT INTO ipam.ip_subnet (address_space_id, network, name, vlan_ids, virtual_subnet_id, owner, custom_fields)
SELECT a.id, '100.64.0.0/20', 'Cloud hosts', '{900}'::integer[], NULL, 'Cloud Team', '{"Logical Network": "Cloud"}'::jsonb
FROM ipam.address_space AS a WHERE a.name = 'Nordwind Cloud'
UNION ALL
SELECT a.id, n.network::cidr, n.name, '{}', 4999 + row_number() OVER (ORDER BY a.name, n.network::cidr)::integer, a.owner,
       jsonb_build_object('Environment', n.environment)
FROM ipam.address_space AS a
CROSS JOIN (VALUES
    ('10.0.0.0/8',        'Everything',  'Production'),
    ('10.1.0.0/24',       'Web',         'Production'),
    ('10.1.1.0/24',       'Application', 'Production'),
    ('10.1.2.0/24',       'Database',    'Production'),
    ('10.9.0.0/24',       'Try-outs',    'Test'),
    ('fd00:c10d:1::/64',  'Web, IPv6',   'Production')) AS n (network, name, environment)
WHERE a.type = 'Customer';

-- Ranges -------------------------------------------------------------------------------------

-- The range reaches from first to last; of its first `hosts` places, `stride` apart, `fill` percent get an address.
CREATE TEMP TABLE plan_pool AS
SELECT NULL::text AS space, format('10.%s.%s.0/%s', s.octet, n.third, n.prefix)::cidr AS network,
       format('10.%s.%s.10', s.octet, n.third)::inet AS first, format('10.%s.%s.10', s.octet, n.third)::inet + n.pool_size - 1 AS last,
       n.pool_size AS hosts, 1 AS stride, n.fill - s.spare AS fill, n.managed_by, n.entity, n.assignment, n.device_type,
       s.code || '-' || n.code AS code
FROM plan_site AS s JOIN plan_network AS n ON n.part = ANY (s.parts)
WHERE n.pool_size IS NOT NULL;

INSERT INTO plan_pool
-- IPv6 in the data centres: servers in a whole /64, and a small range for management.
SELECT NULL, (s.global || ':10::/64')::cidr, (s.global || ':10::1:0')::inet, (s.global || ':10:ffff:ffff:ffff:ffff')::inet,
       64, 1, 90 - s.spare, 'IPAM', 'Localhost', 'Static'::ipam.address_assignment, 'Non-Microsoft servers', s.code || '-srv6'
FROM plan_site AS s WHERE 'data centre' = ANY (s.parts)
UNION ALL
SELECT NULL, (s.local || '022::/64')::cidr, (s.local || '022::10')::inet, (s.local || '022::4f')::inet,
       64, 1, 80 - s.spare, 'IPAM', 'Localhost', 'Static', 'Switch', s.code || '-oob'
FROM plan_site AS s WHERE 'data centre' = ANY (s.parts)
UNION ALL
-- DHCPv6 in the offices of the data centre sites.
SELECT NULL, (s.global || ':164::/64')::cidr, (s.global || ':164::1000')::inet, (s.global || ':164::1fff')::inet,
       200, 3, 50 - s.spare, 'Non-MS DHCP', 'kea1.nordwind.example', 'Dynamic', 'Host', s.code || '-pc6'
FROM plan_site AS s WHERE 'data centre' = ANY (s.parts)
UNION ALL
VALUES
-- A large, nearly empty range, a public one, and the cloud.
    (NULL, '10.240.0.0/12'::cidr, '10.240.0.1'::inet, '10.255.255.254'::inet,
     96, 4099, 100, 'IPAM', 'Localhost', 'Static'::ipam.address_assignment, 'Wireless AP', 'trk'),
    (NULL, '203.0.113.0/25', '203.0.113.10', '203.0.113.109', 100, 1, 91, 'IPAM', 'Localhost', 'Static', 'Firewall', 'pub'),
    ('Nordwind Cloud', '100.64.0.0/23', '100.64.0.10', '100.64.1.199', 80, 1, 75, 'VM Manager', 'vmm2.nordwind.example', 'Static', 'VM Manager', 'cloud')
UNION ALL
-- A second server for the clients in Hamburg: DHCP failover, the same addresses.
SELECT space, network, first, last, 90, 11, 20, managed_by, 'dhcp2.nordwind.example', assignment, device_type, code
FROM plan_pool WHERE code = 'ham-pc'
UNION ALL
-- The second one has the network of the whole 10.0.0.0/8 and therefore belongs to that subnet.
SELECT a.name, n.network::cidr, n.first::inet, n.last::inet, 90, 1, n.fill, 'VM Manager', 'vmm2.nordwind.example', 'Static', 'VM', n.code
FROM ipam.address_space AS a
CROSS JOIN (VALUES
    ('10.1.0.0/24', '10.1.0.10', '10.1.0.99', 62, 'web'),
    ('10.0.0.0/8',  '10.9.0.10', '10.9.0.99', 30, 'try')) AS n (network, first, last, fill, code)
WHERE a.type = 'Customer';

-- Gateway: the network's first address, in data centres a second one behind it. The first five
-- addresses of server ranges are kept back; the last sixteen of load balancers are virtual.
INSERT INTO ipam.ip_range (
    address_space_id, network, start_address, end_address, managed_by, managed_by_entity, address_assignment, gateways, dns_servers,
    dns_suffixes, reserved_addresses, virtual_addresses, excluded_addresses, dhcp_scope_name, description, custom_fields)
SELECT a.id, p.network, p.first, p.last, p.managed_by, p.entity, p.assignment,
       CASE WHEN p.code ~ '-(srv|vm)$' THEN ARRAY[ipam.gateway(host(p.network)::inet + 1, 10), ipam.gateway(host(p.network)::inet + 2, 20)]
            ELSE ARRAY[ipam.gateway(host(p.network)::inet + 1)] END,
       CASE WHEN family(p.network) = 6 THEN '{2001:db8:1001:10::1:0}' WHEN p.code ~ '-' THEN '{10.1.0.10,10.2.0.10}' ELSE '{}' END::inet[],
       CASE WHEN p.code ~ '-' THEN ARRAY[split_part(p.code, '-', 1) || '.nordwind.example', 'nordwind.example'] ELSE '{}' END,
       CASE WHEN p.code ~ '-srv6?$' THEN ipam.inetmultirange(ipam.inetrange(p.first, p.first + 4, '[]')) ELSE '{}' END,
       CASE WHEN p.code ~ '-lb$' THEN ipam.inetmultirange(ipam.inetrange(p.last - 15, p.last, '[]')) ELSE '{}' END,
       CASE p.managed_by WHEN 'MS DHCP' THEN ipam.inetmultirange(ipam.inetrange(p.first, p.first + 19, '[]')) ELSE '{}' END,
       CASE p.managed_by WHEN 'MS DHCP' THEN p.code || ' scope' END,
       p.code || ' pool',
       CASE WHEN a.type = 'Customer' THEN '{}' ELSE '{"Environment": "Production"}' END::jsonb
FROM plan_pool AS p
JOIN ipam.address_space AS a ON CASE WHEN p.space IS NULL THEN a.is_default ELSE a.name = p.space END;

-- Addresses ----------------------------------------------------------------------------------

-- (61 * i) % 100 takes every value once in a hundred: `fill` percent of the places, scattered.
INSERT INTO ipam.ip_address (
    address_space_id, address, managed_by, managed_by_entity, state, device_type, address_assignment, mac_address, device_name,
    os_name, os_version, owner, assigned_at, expires_at, duid, iaid, custom_fields)
SELECT a.id, p.first + h.i * p.stride, p.managed_by, p.entity,
       CASE WHEN h.i % 25 = 7 THEN 'Reserved' WHEN h.i % 40 = 11 THEN 'Inactive' WHEN h.i % 333 = 5 THEN 'Quarantined' ELSE 'In-Use' END,
       p.device_type, p.assignment,
       CASE WHEN family(p.first) = 4 THEN lpad(to_hex(2::bigint << 40 | (p.first + h.i * p.stride - '0.0.0.0')), 12, '0')::macaddr END,
       format('%s-%s', p.code, lpad(h.i::text, 4, '0')),
       CASE WHEN p.device_type ~ 'servers|^VM$' THEN 'Debian' END,
       CASE WHEN p.device_type ~ 'servers|^VM$' THEN (11 + h.i % 3)::text END,
       CASE h.i % 3 WHEN 0 THEN 'Operations' WHEN 1 THEN 'Dispatch' ELSE 'Finance' END,
       '2025-01-06 08:00+00'::timestamptz + h.i * interval '7 hours',
       CASE WHEN p.assignment = 'Dynamic' THEN '2025-01-14 08:00+00'::timestamptz + h.i * interval '7 hours'
            WHEN h.i % 50 = 3 THEN '2031-12-31 00:00+00' END,
       CASE WHEN p.code ~ '-pc6$' THEN decode('00030001' || lpad(to_hex(h.i), 12, '0'), 'hex') END,
       CASE WHEN p.code ~ '-pc6$' THEN 1000 + h.i END,
       CASE WHEN p.device_type = 'VM' AND h.i % 10 = 0 THEN '{"Environment": "Staging"}' ELSE '{}' END::jsonb
FROM plan_pool AS p
JOIN ipam.address_space AS a ON CASE WHEN p.space IS NULL THEN a.is_default ELSE a.name = p.space END
CROSS JOIN LATERAL generate_series(0, p.hosts - 1) AS h (i)
WHERE (61 * h.i) % 100 < p.fill;

-- Not in a range of their service: routers and switches of subnets without ranges, both ends of
-- the links, and virtual machines that a second manager has put into the servers' range.
INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity, device_type, device_name, notes)
SELECT host(n.network)::inet + h.i, 'IPAM', 'Localhost', CASE h.i WHEN 1 THEN 'Routers' ELSE 'Switch' END,
       CASE h.i WHEN 1 THEN 'gw ' ELSE 'sw ' END || n.name, NULL
FROM ipam.ip_subnet AS n CROSS JOIN generate_series(1, 2) AS h (i)
WHERE n.name ~ '^Branch' OR (n.name ~ 'guests|wireless|cameras' AND family(n.network) = 4)
UNION ALL
SELECT host(n.network)::inet + h.i + CASE family(n.network) WHEN 4 THEN 1 ELSE 0 END, 'IPAM', 'Localhost', 'Routers',
       replace(n.name, 'Link', 'link'), CASE h.i WHEN 0 THEN 'Hamburg side' END
FROM ipam.ip_subnet AS n CROSS JOIN generate_series(0, 1) AS h (i)
WHERE n.name ~ '^Link'
UNION ALL
SELECT '10.1.0.200'::inet + h.i, 'VM Manager', 'vmm2.nordwind.example', 'VM', 'guest-' || h.i, 'Also recorded as a server'
FROM generate_series(1, 12) AS h (i);

DROP TABLE plan_site, plan_part, plan_network, plan_pool;
