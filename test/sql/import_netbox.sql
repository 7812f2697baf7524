-- A plan from NetBox: its rows are taken, or a remark says why not; a second time nothing comes twice.
-- test/t/040_netbox.pl does it with real data, and from another database.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
\pset null -
\pset format unaligned
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\i :fresh_store

SELECT * FROM ipam.import_netbox('netbox');
SELECT * FROM ipam.import_netbox(NULL);

-- Tables as NetBox 4 has them, of which the columns that matter; a name that needs quotes.
CREATE SCHEMA "Net ""Box""";
SET LOCAL search_path TO "Net ""Box""";
CREATE TABLE django_content_type (id integer, app_label varchar(100), model varchar(100));
CREATE TABLE extras_tag (id bigint, name varchar(100));
CREATE TABLE extras_taggeditem (id bigint, object_id bigint, content_type_id integer, tag_id bigint);
CREATE TABLE tenancy_tenant (id bigint, name varchar(100));
CREATE TABLE dcim_region (id bigint, name varchar(100));
CREATE TABLE dcim_site (id bigint, name varchar(100), region_id bigint);
CREATE TABLE ipam_role (id bigint, name varchar(100));
CREATE TABLE ipam_rir (id bigint, name varchar(100), is_private boolean);
CREATE TABLE ipam_vlan (id bigint, vid smallint, name varchar(64));
CREATE TABLE ipam_vrf (id bigint, name varchar(100), rd varchar(21), description varchar(200), comments text, tenant_id bigint, custom_field_data jsonb);
CREATE TABLE ipam_aggregate (id bigint, prefix cidr, date_added date, description varchar(200), comments text, rir_id bigint, tenant_id bigint, custom_field_data jsonb);
CREATE TABLE ipam_prefix (id bigint, prefix cidr, status varchar(50), description varchar(200), comments text, is_pool boolean, mark_utilized boolean,
    role_id bigint, tenant_id bigint, vlan_id bigint, vrf_id bigint, _site_id bigint, _region_id bigint, custom_field_data jsonb);
CREATE TABLE ipam_iprange (id bigint, start_address inet, end_address inet, size integer, status varchar(50), description varchar(200), comments text,
    mark_utilized boolean, role_id bigint, tenant_id bigint, vrf_id bigint, custom_field_data jsonb);
CREATE TABLE ipam_ipaddress (id bigint, address inet, status varchar(50), role varchar(50), dns_name varchar(255), description varchar(200), comments text,
    nat_inside_id bigint, tenant_id bigint, vrf_id bigint, custom_field_data jsonb);

INSERT INTO django_content_type VALUES (1, 'ipam', 'prefix'), (2, 'ipam', 'ipaddress'), (3, 'dcim', 'prefix'), (4, 'ipam', 'vrf'), (5, 'ipam', 'aggregate'), (6, 'ipam', 'iprange');
INSERT INTO extras_tag VALUES (1, 'core'), (2, 'Branch'), (3, repeat('long', 20)), (4, repeat('tag', 30)), (5, repeat('names', 20));
INSERT INTO extras_taggeditem VALUES (1, 3, 1, 1), (2, 3, 1, 2), (3, 1, 2, 1), (4, 4, 3, 1), (5, 1, 4, 1), (6, 1, 5, 1), (7, 2, 1, 2), (8, 5, 1, 3), (9, 5, 1, 4), (10, 5, 1, 5), (11, 1, 6, 2);
INSERT INTO tenancy_tenant VALUES (1, 'Acme'), (2, 'Initech; DROP');
INSERT INTO dcim_region VALUES (1, 'North');
INSERT INTO dcim_site VALUES (1, 'Oslo', 1);
INSERT INTO ipam_role VALUES (1, 'Access');
INSERT INTO ipam_rir VALUES (1, 'RIPE NCC', false), (2, 'RFC 1918', true), (3, 'Uplink', false);
INSERT INTO ipam_vlan VALUES (1, 30, 'office');
INSERT INTO ipam_vrf VALUES
    (1, 'blue', '65000:1', 'lab', '', 1, '{"owner": "ann", "Region": "x"}'), (2, 'blue', '65000:2', '', '', NULL, '{}'),
    (3, 'blue', NULL, '', '', NULL, '{}'), (4, 'Default IP Address Space', '65000:4', '', '', NULL, NULL);
INSERT INTO ipam_aggregate VALUES
    (1, '10.0.0.0/8', NULL, 'ours', '', 2, 1, '{"contract": "a1"}'), (2, '203.0.113.0/24', '2020-02-02', '', 'from the LIR', 1, NULL, '{}'),
    (3, '198.51.100.0/24', NULL, '', '', 2, NULL, '{}'), (4, '10.0.0.0/8', NULL, 'again', '', 2, 1, '{}'), (5, '192.0.2.0/24', NULL, '', '', 3, NULL, '{}');
INSERT INTO ipam_prefix VALUES
    (1, '10.0.0.0/8', 'container', '', '', false, false, NULL, NULL, NULL, NULL, NULL, NULL, '{}'),
    (2, '10.1.0.0/16', 'container', 'north', '', false, true, 1, 1, 1, NULL, 1, 1, '{"cost_center": 4711, "empty": null}'),
    (3, '10.1.1.0/24', 'active', '', 'first line', true, true, 1, 2, 1, NULL, 1, NULL, '{"cost_center": 4711, "x": true, "owner": "bob", "list": ["a", "b"], "empty": "", "Tags": "mine"}'),
    (4, '10.1.1.0/24', 'reserved', 'the same in blue', '', false, false, NULL, NULL, NULL, 2, NULL, NULL, '{}'),
    (5, '10.1.2.0/24', 'deprecated', '', '', false, false, NULL, NULL, NULL, NULL, NULL, 1, jsonb_build_object('essay', repeat('x', 300))),
    (6, '10.1.2.0/24', 'active', 'twice', '', false, false, NULL, NULL, NULL, NULL, NULL, NULL, '{}'),
    (7, '10.1.1.4/31', 'active', 'link', '', false, false, NULL, NULL, NULL, NULL, NULL, NULL, '{}'),
    (8, '10.9.0.0/24', 'active', 'nowhere', '', false, false, NULL, NULL, NULL, 99, NULL, NULL, '{}'),
    (9, '203.0.113.0/25', 'container', '', '', false, false, NULL, NULL, NULL, NULL, NULL, NULL, '{}'),
    (10, '10.3.0.0/16', 'container', 'in blue', '', false, false, NULL, NULL, NULL, 3, NULL, NULL, '{}'),
    (11, '10.4.0.0/16', 'active', 'no default', '', false, false, NULL, NULL, NULL, 4, NULL, NULL, '{}');
INSERT INTO ipam_iprange VALUES
    (1, '10.1.1.10/24', '10.1.1.19/24', 10, 'active', 'pool', '', true, 1, 1, NULL, '{}'),
    (2, '10.1.1.15/24', '10.1.1.29/24', 15, 'reserved', '', '', false, NULL, NULL, NULL, '{}'),
    (3, '10.1.1.10/24', '10.1.1.19/24', 10, 'reserved', '', '', false, NULL, NULL, 2, '{}');
INSERT INTO ipam_ipaddress VALUES
    (1, '10.1.1.10/24', 'active', '', 'www.example.com', 'web', 'two', NULL, 1, NULL, '{"cost_center": 4712}'),
    (2, '203.0.113.10/32', 'dhcp', 'anycast', '', '', '', 1, NULL, NULL, '{}'),
    (3, '10.1.1.11/24', 'slaac', 'loopback', '', '', '', NULL, NULL, NULL, '{}'),
    (4, '10.1.1.12/24', 'deprecated', '', '', '', '', NULL, NULL, 2, '{}'),
    (5, '10.1.1.10/32', 'active', 'anycast', '', '', '', NULL, NULL, NULL, '{}'),
    (6, '127.0.0.1/8', 'active', '', '', '', '', NULL, NULL, NULL, '{}'),
    (7, '10.1.1.13/24', 'reserved', '', '', '', '', NULL, NULL, NULL, '{}');
RESET search_path;

SELECT * FROM ipam.import_netbox('Net "Box"');

SELECT id > 1 AS new, name, description, owner, custom_fields FROM ipam.address_space ORDER BY id;
SELECT b.network, b.rir, b.rir_received_on, b.description, b.owner, p.network AS parent FROM ipam.ip_block AS b LEFT JOIN ipam.ip_block AS p ON p.id = b.parent_id ORDER BY 1;
SELECT a.name AS space, s.network, s.name, s.vlan_ids, s.description, s.owner, s.custom_fields
FROM ipam.ip_subnet AS s JOIN ipam.address_space AS a ON a.id = s.address_space_id ORDER BY a.id, s.network;
SELECT a.name AS space, r.network, r.extent, r.address_assignment, r.utilization_calculation, r.utilized_addresses, r.description, r.custom_fields
FROM ipam.ip_range AS r JOIN ipam.address_space AS a ON a.id = r.address_space_id ORDER BY a.id, r.start_address;
SELECT s.name AS space, a.address, a.range_id IS NOT NULL AS mapped, a.state, a.address_assignment, a.device_name, a.notes, a.custom_fields
FROM ipam.ip_address AS a JOIN ipam.address_space AS s ON s.id = a.address_space_id ORDER BY s.id, a.address;
SELECT f.name, string_agg(v.value, ', ' ORDER BY v.value) FROM ipam.custom_field AS f LEFT JOIN ipam.custom_field_value AS v ON v.custom_field_id = f.id
WHERE f.id > 100 OR v.built_in_value_number IS NULL GROUP BY f.id ORDER BY f.id;

-- Once more: what was not taken has the same remark, and nothing is new but what has come since.
CREATE TEMP TABLE plan AS
SELECT k, e FROM unnest('{custom_field,custom_field_value,address_space,ip_block,ip_subnet,ip_range,ip_address}'::text[]) AS k, ipam.export_csv(k) AS e;
SELECT kind, source_id, value, is_taken, sqlstate FROM ipam.import_netbox('Net "Box"');
SELECT k, e FROM unnest('{custom_field,custom_field_value,address_space,ip_block,ip_subnet,ip_range,ip_address}'::text[]) AS k, ipam.export_csv(k) AS e EXCEPT TABLE plan;
INSERT INTO "Net ""Box""".ipam_ipaddress (id, address, status) VALUES (8, '10.1.1.14/24', 'active');
SELECT kind, source_id FROM ipam.import_netbox('Net "Box"');
SELECT count(*) FROM ipam.ip_address WHERE address = '10.1.1.14';

-- An older NetBox, or a part of one: what is not there counts as empty.
CREATE SCHEMA old_netbox;
CREATE TABLE old_netbox.ipam_prefix (id integer, prefix cidr, site_id integer);
CREATE TABLE old_netbox.dcim_site (id integer, name text);
INSERT INTO old_netbox.dcim_site VALUES (1, 'Bergen');
INSERT INTO old_netbox.ipam_prefix VALUES (1, '10.77.0.0/24', 1), (2, '10.77.1.0/24', NULL);
SELECT * FROM ipam.import_netbox('old_netbox');
SELECT network, name, custom_fields FROM ipam.ip_subnet WHERE network <<= '10.77.0.0/16' ORDER BY network;

-- Where no field can be made any more, the rows come without it.
INSERT INTO ipam.custom_field (name) SELECT 'Filler ' || n FROM generate_series(1, 128 - (SELECT count(*)::integer FROM ipam.custom_field WHERE id > 100)) AS n;
ALTER TABLE old_netbox.ipam_prefix ADD COLUMN custom_field_data jsonb;
INSERT INTO old_netbox.ipam_prefix VALUES (3, '10.77.2.0/24', 1, '{"late": "x", "cost_center": "1"}');
SELECT * FROM ipam.import_netbox('old_netbox');
SELECT network, name, custom_fields FROM ipam.ip_subnet WHERE network = '10.77.2.0/24';

-- Who may not write cannot import.
CREATE ROLE regress_ipam_clerk IN ROLE ipam_users;
GRANT USAGE ON SCHEMA old_netbox TO regress_ipam_clerk;
GRANT SELECT ON ALL TABLES IN SCHEMA old_netbox TO regress_ipam_clerk;
SET LOCAL ROLE regress_ipam_clerk;
SELECT * FROM ipam.import_netbox('old_netbox');
ROLLBACK;
