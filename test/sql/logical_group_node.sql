-- The tree of a logical group: nodes, members, the rest, and utilization.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store

INSERT INTO ipam.custom_field (name, type) VALUES ('Building', 'Multivalued');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (9, 'dhcp2'), (18, 'EMEA'), (18, 'APAC'), (12, 'Blue'), (14, 'Berlin');
INSERT INTO ipam.custom_field_value (custom_field_id, value)
SELECT f.id, v.value FROM ipam.custom_field AS f, (VALUES ('HQ'), ('Annex'), ('Tower')) AS v(value) WHERE f.name = 'Building';
INSERT INTO ipam.logical_group (name) VALUES ('Locations');
INSERT INTO ipam.logical_group_field (logical_group_id, position, custom_field_id)
SELECT g.id, p.position, f.id
FROM (VALUES (1, 'Region'), (5, 'Building'), (7, 'Managed by')) AS p(position, field)
    JOIN ipam.custom_field AS f ON f.name = p.field
    JOIN ipam.logical_group AS g ON g.name = 'Locations';
SELECT id AS locations FROM ipam.logical_group WHERE name = 'Locations' \gset

INSERT INTO ipam.address_space (name) VALUES ('Fabric');
INSERT INTO ipam.ip_subnet (network, name, custom_fields) VALUES
    ('10.0.0.0/22', 'lan', '{"Region": "EMEA", "Building": "HQ", "Logical Network": "Blue", "Network Site": "Berlin"}'),
    ('10.1.0.0/24', 'lab', '{"Region": "EMEA"}'), ('2001:db8::/64', 'lan6', '{"Region": "EMEA", "Building": "HQ", "Logical Network": "Blue"}'),
    ('10.2.0.0/24', 'none', '{}');
INSERT INTO ipam.ip_subnet (address_space_id, network, name, custom_fields) VALUES (2, '10.0.0.0/24', 'fabric', '{"Region": "APAC"}');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, custom_fields) VALUES
    ('10.0.0.1', '10.0.0.100', 'IPAM', 'Localhost', '{"Region": "EMEA", "Building": "HQ"}'),
    ('10.0.1.1', '10.0.1.50', 'MS DHCP', 'dhcp1', '{"Region": "EMEA", "Building": "HQ"}'),
    ('10.0.2.1', '10.0.2.50', 'MS DHCP', 'dhcp2', '{"Region": "EMEA", "Building": "Annex"}'),
    ('10.1.0.1', '10.1.0.10', 'IPAM', 'Localhost', '{"Region": "EMEA"}'),
    ('10.2.0.1', '10.2.0.10', 'IPAM', 'Localhost', '{}'),
    ('2001:db8::1', '2001:db8::ffff:ffff', 'IPAM', 'Localhost', '{"Region": "EMEA", "Building": "HQ"}');
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address, custom_fields) VALUES (2, '10.0.0.1', '10.0.0.10', '{"Region": "APAC", "Building": "Tower"}');
INSERT INTO ipam.ip_address (address, custom_fields, device_type) SELECT '10.0.0.0'::inet + n, '{}', 'Host' FROM generate_series(1, 90) AS n;
INSERT INTO ipam.ip_address (address, custom_fields, device_type, managed_by, managed_by_entity) VALUES
    ('10.0.1.1', '{"Region": "EMEA"}', 'Printer', 'MS DHCP', 'dhcp1'), ('10.1.0.1', '{"Region": "APAC", "Building": "Tower"}', 'Switch', 'IPAM', 'Localhost'),
    ('2001:db8::1', '{}', 'Printer', 'IPAM', 'Localhost');

-- The built-in group "Managed by": its fields are columns.
SELECT level, custom_field, value, path, is_leaf, members, total_addresses, utilized_addresses, percent_utilized, status
FROM ipam.logical_group_nodes(2, 'Range', address_family => 4);
SELECT level, value, path, is_leaf, members, percent_utilized, status
FROM ipam.logical_group_nodes(2, 'Range', address_family => 4);
WITH RECURSIVE tree AS (
    SELECT n.* FROM ipam.logical_group_nodes(2, 'Range') AS n
    UNION ALL
    SELECT n.* FROM tree AS t CROSS JOIN LATERAL ipam.logical_group_nodes(2, 'Range', t.path) AS n)
SELECT repeat('  ', level - 1) || value AS node, members FROM tree ORDER BY path;
SELECT r.start_address, r.subnet_network
FROM ipam.logical_group_members(2, 'Range', '{MS DHCP}') AS id JOIN ipam.ip_range_details AS r USING (id) ORDER BY r.start_address;
SELECT level, custom_field, value, path, is_leaf, members, total_addresses, percent_utilized
FROM ipam.logical_group_nodes(2, 'Range', '{MS DHCP}');
SELECT count(*) AS under_a_leaf FROM ipam.logical_group_nodes(2, 'Range', '{MS DHCP,dhcp1}');
-- Numbers of both families together would say nothing.
SELECT value, members, total_addresses, percent_utilized, status FROM ipam.logical_group_nodes(2, 'Range');
SELECT value, members, total_addresses, utilized_addresses, percent_utilized FROM ipam.logical_group_nodes(2, 'Range', address_family => 6);
-- "Network devices" of addresses. A range has no device type.
SELECT value, members, is_leaf, total_addresses FROM ipam.logical_group_nodes(1, 'IPAddress');
SELECT value, members FROM ipam.logical_group_nodes(1, 'IPAddress', address_family => 6);
SELECT count(*) AS nodes, (SELECT count(*) FROM ipam.logical_group_unmapped(1, 'Range')) AS unmapped FROM ipam.logical_group_nodes(1, 'Range');
-- Logical networks and sites of subnets, of one address space.
SELECT value, members FROM ipam.logical_group_nodes(3, 'Subnet', address_space_id => 1);
SELECT value, members FROM ipam.logical_group_nodes(3, 'Subnet', '{Blue}', 4, 1);
SELECT count(*) AS elsewhere FROM ipam.logical_group_nodes(3, 'Subnet', address_space_id => 2);

-- A group of one's own, of custom fields and a column. Values that no object has are no nodes.
SELECT level, custom_field, value_id IS NOT NULL AS listed, value, path, is_leaf, members, total_addresses, percent_utilized
FROM ipam.logical_group_nodes(:locations, 'Range', address_family => 4);
SELECT level, value, path, is_leaf, members FROM ipam.logical_group_nodes(:locations, 'Range', '{EMEA}');
SELECT level, value, path, is_leaf, members FROM ipam.logical_group_nodes(:locations, 'Range', '{EMEA,HQ}');
SELECT value, members FROM ipam.logical_group_nodes(:locations, 'IPAddress');
SELECT value, members FROM ipam.logical_group_nodes(:locations, 'Range', '{Atlantis}');

-- The whole tree.
WITH RECURSIVE tree AS (
    SELECT n.* FROM ipam.logical_group_nodes(:locations, 'Range') AS n
    UNION ALL
    SELECT n.* FROM tree AS t CROSS JOIN LATERAL ipam.logical_group_nodes(:locations, 'Range', t.path) AS n)
SELECT repeat('  ', level - 1) || value AS node, members FROM tree ORDER BY path;

-- Members: of the group, of a node, of a leaf; they join the views.
SELECT d.start_address, d.subnet_network FROM ipam.logical_group_members(:locations, 'Range') AS id JOIN ipam.ip_range_details AS d USING (id) ORDER BY d.id;
SELECT d.start_address FROM ipam.logical_group_members(:locations, 'Range', '{EMEA,HQ}', 4) AS id JOIN ipam.ip_range_details AS d USING (id) ORDER BY d.id;
SELECT d.start_address FROM ipam.logical_group_members(:locations, 'Range', '{EMEA,HQ,MS DHCP}') AS id JOIN ipam.ip_range_details AS d USING (id);
SELECT count(*) FROM ipam.logical_group_members(:locations, 'Range', address_space_id => 2);
-- Those without a value: for the first field, or for the next level under a node.
SELECT r.start_address FROM ipam.logical_group_unmapped(:locations, 'Range') AS id JOIN ipam.ip_range AS r USING (id);
SELECT r.start_address FROM ipam.logical_group_unmapped(:locations, 'Range', '{EMEA}') AS id JOIN ipam.ip_range AS r USING (id);
SELECT count(*) AS under_a_leaf FROM ipam.logical_group_unmapped(:locations, 'Range', '{EMEA,HQ,IPAM}');
SELECT count(*) FROM ipam.logical_group_unmapped(:locations, 'IPAddress');
-- Members and the rest are all objects, each once.
SELECT t.type, count(*) = count(DISTINCT m.id) AS once, count(*) FROM unnest(enum_range(NULL::ipam.logical_group_type)) AS t(type),
    LATERAL (SELECT ipam.logical_group_members(:locations, t.type) UNION ALL SELECT ipam.logical_group_unmapped(:locations, t.type)) AS m(id)
GROUP BY t.type ORDER BY t.type;

-- Utilization of a group, a node, a leaf.
SELECT * FROM ipam.logical_group_utilization(:locations);
SELECT family, members, total_addresses, utilized_addresses, percent_utilized, status FROM ipam.logical_group_utilization(:locations, '{EMEA,HQ}', 4);
SELECT members, utilized_addresses FROM ipam.logical_group_utilization(2, '{IPAM}', 4, 1);
SELECT count(*) AS nothing FROM ipam.logical_group_utilization(:locations, '{Atlantis}');

-- Over time: twelve averages, the sum of those of the ranges.
INSERT INTO ipam.range_utilization_history
    (range_id, address_space_id, start_address, end_address, prefix_length, managed_by, managed_by_entity, collected_at,
     total_addresses, assigned_addresses, utilized_addresses, stateful_addresses, stateless_addresses)
SELECT r.id, r.address_space_id, r.start_address, r.end_address, masklen(r.network), r.managed_by, r.managed_by_entity, at, 100, 100, r.id + n, n, 1
FROM ipam.ip_range AS r, (VALUES (1, '2026-01-01 00:00Z'::timestamptz), (3, '2026-01-01 01:00Z'), (5, '2026-01-01 12:00Z'), (6, '2026-01-01 12:00Z'),
                                 (7, '2026-01-02 00:00Z'), (9, '2026-01-02 00:00:01Z')) AS t(n, at)
WHERE NOT (r.id = 2 AND n = 7);
SET LOCAL TimeZone = 'UTC';
SELECT to_char(period_start, 'HH24:MI') AS starts, is_valid, total_addresses, utilized_addresses, stateful_addresses, percent_utilized
FROM ipam.logical_group_utilization_trend(:locations, '{EMEA,HQ}', 'OneDay', end_time => '2026-01-02 00:00Z');
SELECT f AS family, node, count(*) AS wrong
FROM (VALUES (4), (6)) AS family(f), (VALUES ('{}'::text[]), ('{EMEA}'), ('{EMEA,HQ,MS DHCP}')) AS n(node),
    LATERAL (
        SELECT period_start, period_end, is_valid, total_addresses, assigned_addresses, utilized_addresses, stateful_addresses, stateless_addresses
        FROM ipam.logical_group_utilization_trend(:locations, node, 'OneDay', end_time => '2026-01-02 00:00Z', address_family => f)
        WHERE EXISTS (SELECT FROM ipam.logical_group_members(:locations, 'Range', node, f))
        EXCEPT
        SELECT t.period_start, t.period_end, bool_or(t.is_valid), sum(t.total_addresses), sum(t.assigned_addresses), sum(t.utilized_addresses),
               sum(t.stateful_addresses), sum(t.stateless_addresses)
        FROM ipam.logical_group_members(:locations, 'Range', node, f) AS m(id),
            ipam.range_utilization_trend(m.id, 'OneDay', end_time => '2026-01-02 00:00Z') AS t
        GROUP BY t.period_start, t.period_end) AS d
GROUP BY f, node;
SELECT count(*), bool_or(is_valid) AS any_valid FROM ipam.logical_group_utilization_trend(:locations, '{Atlantis}', 'Week');

-- The tree follows renames of fields and values; names may need quotes.
UPDATE ipam.custom_field SET name = 'O''Building "x"' WHERE name = 'Building';
UPDATE ipam.custom_field_value SET value = 'H''Q "1" \' WHERE value = 'HQ';
SELECT custom_field, value, members FROM ipam.logical_group_nodes(:locations, 'Range', '{EMEA}');
SELECT count(*) FROM ipam.logical_group_members(:locations, 'Range', ARRAY['EMEA', 'H''Q "1" \']);

-- A group without fields has no nodes and no members.
INSERT INTO ipam.logical_group (name) VALUES ('Empty');
SELECT id AS empty_group FROM ipam.logical_group WHERE name = 'Empty' \gset
SELECT (SELECT count(*) FROM ipam.logical_group_nodes(:empty_group, 'Range')) AS nodes,
       (SELECT count(*) FROM ipam.logical_group_members(:empty_group, 'Range')) AS members,
       (SELECT count(*) FROM ipam.logical_group_unmapped(:empty_group, 'Range')) AS unmapped;

-- What is refused.
SELECT * FROM ipam.logical_group_nodes(NULL, 'Range');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ipam.logical_group_nodes(0, 'Range');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ipam.logical_group_members(2, NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ipam.logical_group_members(2, 'ManagedServer');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ipam.logical_group_members(2, 'Range', address_family => 5);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ipam.logical_group_members(2, 'Range', '{a,b,c}');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ipam.logical_group_unmapped(2, 'Range', '{NULL}');
SELECT * FROM ipam.logical_group_unmapped(2, 'Range', NULL);
SELECT * FROM ipam.logical_group_unmapped(2, 'Range', address_space_id => 0);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ipam.logical_group_utilization(0);
SELECT * FROM ipam.logical_group_utilization_trend(0);
SELECT * FROM ipam.logical_group_utilization_trend(2, address_family => NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM ipam.logical_group_utilization_trend(2, period => NULL);

-- The condition of a node uses the index of the values, and so does the list of the nodes.
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'Index' THEN
            RETURN NEXT trim(line);
        END IF;
    END LOOP;
END
$$;
SELECT p FROM unnest(enum_range(NULL::ipam.logical_group_type)) AS t(type),
    LATERAL ipam.logical_group_source(:locations, t.type, '{EMEA}', NULL, NULL) AS s,
    LATERAL pg_temp.plan_of(format('SELECT * FROM %s AS o WHERE %s', s.relation, s.condition)) AS p;
SELECT p FROM ipam.custom_field_terms('IPAddress', 18) AS t, LATERAL pg_temp.plan_of('SELECT * FROM ipam.ip_address AS o WHERE ' || t.is_given) AS p;
-- A path has one dimension.
SELECT count(*) FROM ipam.logical_group_nodes(:locations, 'Range', '{{EMEA,Germany}}');
SELECT count(*) FROM ipam.logical_group_members(:locations, 'Range', '{{EMEA}}');
SELECT count(*) FROM ipam.logical_group_unmapped(:locations, 'Range', '{NULL}');
ROLLBACK;
