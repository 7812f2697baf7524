-- Every fault of the registry is raised by a statement of a user, with its own SQLSTATE and with its
-- protocol name in the constraint field, and changes nothing.
BEGIN;
SELECT count(*) > 0 AS filled, count(DISTINCT sqlstate) = count(*) AND count(DISTINCT fault) = count(*) AS unique,
       bool_and(sqlstate ~ '^IP[0-9]{3}$') AS own_class
FROM ipam.faults();

CREATE FUNCTION pg_temp.attempt(statement text, OUT code text, OUT fault text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    message := 'NO ERROR';
    RAISE EXCEPTION USING ERRCODE = 'XX999'; -- takes back what the statement did
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, fault = CONSTRAINT_NAME, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;

-- Without ids and times, which are others every time.
CREATE FUNCTION pg_temp.masked(given text) RETURNS text LANGUAGE sql
RETURN regexp_replace(regexp_replace(regexp_replace(left(given, 250), '(range|block|address space|address|subnet|session) \d+(?![.:\d/])', '\1 N', 'g'),
    '(provisioned|started it) at .*', '\1 then.'), '(session\()\d+', '\1N');

-- Before provisioning
SELECT code, fault, message, hint FROM pg_temp.attempt($$INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan')$$);
SELECT code, fault, message, hint FROM pg_temp.attempt($$INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.1')$$);

CALL ipam.provision();
INSERT INTO ipam.address_space (name) VALUES ('fabric');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) SELECT 'tenant', 'Customer', id, 'VXLAN' FROM ipam.address_space WHERE name = 'fabric';
INSERT INTO ipam.custom_field (name) VALUES ('Cost Center');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (18, 'EMEA');
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.0.0.0/16');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan'), ('10.0.1.0/24', 'dhcp'), ('2001:db8::/64', 'lan6');
INSERT INTO ipam.ip_subnet (address_space_id, network, name) SELECT id, '10.0.0.0/24', 'tenant lan' FROM ipam.address_space WHERE name = 'tenant';
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.10', '10.0.0.20'), ('2001:db8::10', '2001:db8::ff');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity) VALUES ('10.0.1.10', '10.0.1.20', 'MS DHCP', 'dhcp1');
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address) SELECT id, '10.0.0.10', '10.0.0.20' FROM ipam.address_space WHERE name = 'tenant';
INSERT INTO ipam.ip_address (address, managed_by_entity) VALUES ('10.0.0.10', 'Localhost'), ('10.0.0.30', 'dhcp1');
SELECT id AS r FROM ipam.ip_range WHERE start_address = '10.0.0.10' AND address_space_id = 1 \gset
SELECT id AS r6 FROM ipam.ip_range WHERE family(start_address) = 6 \gset

CREATE TEMP TABLE wrong (number integer GENERATED ALWAYS AS IDENTITY, statement text);
INSERT INTO wrong (statement) VALUES
    -- Free addresses
    (format('SELECT ipam.get_free_ip_addresses(%s, count => -1)', :r)),
    ('SELECT ipam.get_free_ip_addresses(NULL)'),
    ('SELECT ipam.get_free_ip_addresses(0)'),
    ('SELECT ipam.free_ranges(0)'),
    (format('SELECT ipam.get_free_ip_addresses(%s, address_family => 5)', :r)),
    (format('SELECT ipam.get_free_ip_addresses(%s, address_family => 6)', :r)),
    (format('SELECT ipam.get_free_ip_addresses(%s, ''10.0.0.0/24'')', :r)),
    (format('SELECT ipam.get_free_ip_addresses(%s, ''10.0.0.9'')', :r)),
    (format('SELECT ipam.get_free_ip_addresses(%s, end_address => ''10.0.0.21'')', :r)),
    (format('SELECT ipam.get_free_ip_addresses(%s, ''2001:db8::11'')', :r)),
    (format('SELECT ipam.get_free_ip_addresses(%s, ''2001:db8::12'', ''2001:db8::11'')', :r6)),
    -- Operations
    ('SELECT ipam.create_range(''172.16.0.1'', ''172.16.0.9'', create_subnet_if_missing => true)'),
    ('SELECT ipam.delete_subnet(id, delete_ranges => true) FROM ipam.ip_subnet WHERE name = ''dhcp'''),
    ('SELECT ipam.delete_address_space(id) FROM ipam.address_space WHERE name = ''fabric'''),
    ('SELECT ipam.move_ip_address(a.id, r.id) FROM ipam.ip_address AS a, ipam.ip_range AS r WHERE a.address = ''10.0.0.30'' AND r.managed_by = ''MS DHCP'''),
    ('SELECT ipam.bulk_update_ip_addresses(NULL)'),
    -- Room
    ('SELECT ipam.get_free_ip_subnets(NULL, 24)'),
    ('SELECT ipam.get_free_ip_subnets(0, 24)'),
    ($$SELECT ipam.get_free_ip_subnets(id, 7) FROM ipam.ip_block WHERE network = '10.0.0.0/8'$$),
    ($$SELECT ipam.get_free_ip_subnets(id, 31) FROM ipam.ip_block WHERE network = '10.0.0.0/8'$$),
    ($$SELECT ipam.get_free_ip_subnets_in_subnet(id, 26, -1) FROM ipam.ip_subnet WHERE name = 'lan'$$),
    ($$SELECT ipam.get_free_ip_ranges(id, 0) FROM ipam.ip_subnet WHERE name = 'lan'$$),
    ($$SELECT ipam.get_free_ip_ranges(id, 255) FROM ipam.ip_subnet WHERE name = 'lan'$$),
    -- Address spaces
    ($$INSERT INTO ipam.address_space (name) VALUES (' ')$$),
    ($$INSERT INTO ipam.address_space (name) VALUES (repeat('x', 1001))$$),
    ($$INSERT INTO ipam.address_space (name, description) VALUES ('x', repeat('x', 4001))$$),
    ($$INSERT INTO ipam.address_space (name, owner) VALUES ('x', repeat('x', 1001))$$),
    ($$UPDATE ipam.address_space SET type = 'Provider' WHERE name = 'tenant'$$),
    ($$INSERT INTO ipam.address_space (name, type, isolation_method) VALUES ('x', 'Customer', 'VXLAN')$$),
    ($$INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) SELECT 'x', 'Customer', id, 'VXLAN' FROM ipam.address_space WHERE name = 'tenant'$$),
    ($$INSERT INTO ipam.address_space (name, type, provider_id) VALUES ('x', 'Customer', 1)$$),
    ('DELETE FROM ipam.address_space WHERE is_default'),
    ($$UPDATE ipam.address_space SET name = 'mine' WHERE is_default$$),
    ($$INSERT INTO ipam.ip_subnet (address_space_id, network, name) VALUES (99, '10.0.0.0/24', 'lan')$$),
    -- Blocks
    ($$INSERT INTO ipam.ip_block (address_space_id, network) SELECT id, '10.0.0.0/24' FROM ipam.address_space WHERE name = 'fabric'$$),
    ($$INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/31')$$),
    ($$INSERT INTO ipam.ip_block (network, start_address) VALUES ('10.0.0.0/24', '10.0.1.0')$$),
    ($$INSERT INTO ipam.ip_block (network, end_address) VALUES ('10.0.0.0/24', '10.0.1.0')$$),
    ($$INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('10.0.0.0/24', '10.0.0.9', '10.0.0.8')$$),
    ($$INSERT INTO ipam.ip_block (network) VALUES ('8.0.0.0/5')$$),
    ($$INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('10.0.0.0/8', '10.0.9.0', '10.1.0.0')$$),
    ($$INSERT INTO ipam.ip_block (network) SELECT set_masklen('10.0.0.0'::cidr, length) FROM generate_series(17, 30) AS length$$),
    ($$INSERT INTO ipam.ip_block (network) VALUES ('198.51.100.0/24')$$),
    ($$INSERT INTO ipam.ip_block (network, rir) VALUES ('10.1.0.0/16', 'RIPE')$$),
    ($$INSERT INTO ipam.ip_block (network, rir) VALUES ('198.51.100.0/24', 'InterNIC')$$),
    ($$INSERT INTO ipam.ip_block (network, rir_received_on) VALUES ('10.1.0.0/16', '2001-01-01')$$),
    ($$INSERT INTO ipam.ip_block (network, description) VALUES ('10.1.0.0/16', repeat('x', 4001))$$),
    ($$INSERT INTO ipam.ip_block (network, owner) VALUES ('10.1.0.0/16', repeat('x', 256))$$),
    ($$UPDATE ipam.ip_block SET parent_id = id WHERE network = '10.0.0.0/16'$$),
    -- Subnets
    ($$INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.1/32', 'host')$$),
    ($$INSERT INTO ipam.ip_subnet (network, name) VALUES ('169.254.1.0/24', 'link local')$$),
    ($$INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.2.0/24', '')$$),
    ($$INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.2.0/24', repeat('x', 513))$$),
    ($$INSERT INTO ipam.ip_subnet (network, name, vlan_ids) VALUES ('10.0.2.0/24', 'lan', '{10,20,10}')$$),
    ($$INSERT INTO ipam.ip_subnet (network, name, vlan_ids) VALUES ('10.0.2.0/24', 'lan', '{4096}')$$),
    ($$INSERT INTO ipam.ip_subnet (network, name, virtual_subnet_id) VALUES ('10.0.2.0/24', 'lan', 16777215)$$),
    ($$INSERT INTO ipam.ip_subnet (network, name, virtualization_type) VALUES ('10.0.2.0/24', 'lan', 'Virtual')$$),
    ($$INSERT INTO ipam.ip_subnet (network, name, block_id) SELECT '192.168.0.0/24', 'lan', min(id) FROM ipam.ip_block$$),
    ($$INSERT INTO ipam.ip_subnet (network, name, custom_fields) VALUES ('10.0.2.0/24', 'lan', '{"Colour": "red"}')$$),
    ($$INSERT INTO ipam.ip_subnet (network, name, custom_fields) VALUES ('10.0.2.0/24', 'lan', '{"Region": "Moon"}')$$),
    ($$INSERT INTO ipam.ip_subnet (network, name, custom_fields) VALUES ('10.0.2.0/24', 'lan', '{"Region": null}')$$),
    ($$INSERT INTO ipam.ip_subnet (network, name, custom_fields) VALUES ('10.0.2.0/24', 'lan', '["Region"]')$$),
    ($$INSERT INTO ipam.ip_subnet (network, name, custom_fields) VALUES ('10.0.2.0/24', 'lan', '{"Managed by": "IPAM"}')$$),
    ($$UPDATE ipam.ip_subnet SET virtualization_type = 'Fabric' WHERE name = 'tenant lan'$$),
    ($$UPDATE ipam.ip_subnet SET network = '10.0.0.0/25' WHERE name = 'lan'$$),
    ($$DELETE FROM ipam.ip_subnet WHERE name = 'lan'$$),
    -- Ranges
    ($$INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('192.168.0.1', '192.168.0.9')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.20', '10.0.0.29')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.0', '10.0.0.9')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.200', '10.0.0.255')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.200', '10.0.0.199')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.200', '2001:db8::1')$$),
    ($$INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.0.0.128/25', '10.0.0.100', '10.0.0.200')$$),
    ($$INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.0.0.128/25', '10.0.0.130', '10.0.1.1')$$),
    ($$INSERT INTO ipam.ip_range (network, start_address, end_address) VALUES ('10.0.0.200/31', '10.0.0.200', '10.0.0.201')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, utilization_calculation) VALUES ('10.0.0.200', '10.0.0.209', 'Manual')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, utilization_calculation, utilized_addresses) VALUES ('10.0.0.200', '10.0.0.209', 'Manual', 11)$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, managed_by, utilization_calculation, utilized_addresses) VALUES ('10.0.0.200', '10.0.0.209', 'MS DHCP', 'Manual', 1)$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, dhcp_scope_name) VALUES ('10.0.0.200', '10.0.0.209', 'scope')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, managed_by, excluded_addresses) VALUES ('10.0.0.200', '10.0.0.209', 'MS DHCP', '{[10.0.0.199,10.0.0.200]}')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, reserved_addresses) VALUES ('10.0.0.200', '10.0.0.209', '{[10.0.0.1,10.0.0.1]}')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, virtual_addresses) VALUES ('10.0.0.200', '10.0.0.209', '{[10.0.0.1,10.0.0.1]}')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, gateways) VALUES ('10.0.0.200', '10.0.0.209', ARRAY[ipam.gateway('10.0.9.1')])$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, gateways) VALUES ('10.0.0.200', '10.0.0.209', ARRAY[ipam.gateway('10.0.0.1', 10000)])$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, dns_servers) VALUES ('10.0.0.200', '10.0.0.209', '{2001:db8::53}')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, wins_servers) VALUES ('2001:db8::200', '2001:db8::209', '{10.0.0.53}')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, dns_suffixes) VALUES ('10.0.0.200', '10.0.0.209', '{example.org,-x}')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, connection_specific_dns_suffix) VALUES ('10.0.0.200', '10.0.0.209', 'a..b')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.0.0.200', '10.0.0.209', 'Kea')$$),
    ($$UPDATE ipam.ip_range SET managed_by = 'IPAM' WHERE managed_by = 'MS DHCP'$$),
    ($$UPDATE ipam.ip_range SET managed_by_entity = 'Localhost' WHERE managed_by = 'MS DHCP'$$),
    ($$UPDATE ipam.ip_range SET virtualization_type = 'NonVirtualized' WHERE virtualization_type = 'Virtual'$$),
    ($$DO 'BEGIN
        INSERT INTO ipam.ip_address (address_space_id, address) SELECT id, ''10.0.0.10'' FROM ipam.address_space WHERE name = ''fabric'';
        UPDATE ipam.ip_subnet AS s SET address_space_id = a.id, virtualization_type = ''Fabric'' FROM ipam.address_space AS a WHERE a.name = ''fabric'' AND s.name = ''lan'';
    END'$$),
    ($$UPDATE ipam.ip_range SET subnet_id = (SELECT id FROM ipam.ip_subnet WHERE name = 'dhcp') WHERE start_address = '10.0.0.10'$$),
    -- Addresses
    ($$INSERT INTO ipam.ip_address (address) VALUES ('0.0.0.1')$$),
    ($$INSERT INTO ipam.ip_address (address) VALUES ('fe80::1')$$),
    ($$INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.0/24')$$),
    ($$INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.200/24', '10.0.0.209/24')$$),
    ($$INSERT INTO ipam.ip_block (network, start_address) VALUES ('10.2.0.0/16', '10.2.0.0/16')$$),
    (format($$INSERT INTO ipam.ip_address (address, range_id) VALUES ('10.0.0.40', %s)$$, :r)),
    ($$INSERT INTO ipam.ip_address (address, assigned_at, expires_at) VALUES ('10.0.0.40', '2026-01-02', '2026-01-01')$$),
    ($$INSERT INTO ipam.ip_address (address, device_name) VALUES ('10.0.0.40', repeat('x', 256))$$),
    ($$INSERT INTO ipam.ip_address (address, serial_number) VALUES ('10.0.0.40', repeat('x', 256))$$),
    ($$INSERT INTO ipam.ip_address (address, asset_tag) VALUES ('10.0.0.40', repeat('x', 256))$$),
    ($$INSERT INTO ipam.ip_address (address, reservation_type) VALUES ('2001:db8::40', 'Both')$$),
    ($$INSERT INTO ipam.ip_address (address, client_id) VALUES ('2001:db8::40', '01-02')$$),
    ($$INSERT INTO ipam.ip_address (address, duid) VALUES ('10.0.0.40', '\x00')$$),
    ($$INSERT INTO ipam.ip_address (address, iaid) VALUES ('2001:db8::40', 4294967296)$$),
    (format('SELECT ipam.allocate_ip_addresses(%s, 12)', :r)),
    (format('SELECT ipam.allocate_ip_addresses(%s, 2, token => ''t''), ipam.allocate_ip_addresses(%1$s, 1, token => ''t'')', :r6)),
    ('SELECT ipam.allocate_ip_addresses(id) FROM ipam.ip_range WHERE managed_by = ''MS DHCP'''),
    ($$INSERT INTO ipam.ip_address (address, device_type) VALUES ('10.0.0.40', 'Toaster')$$),
    -- Custom fields and logical groups
    ($$INSERT INTO ipam.custom_field (name) VALUES ('x')$$),
    ($$INSERT INTO ipam.custom_field (name) SELECT 'field ' || n FROM generate_series(1, 128) AS n$$),
    ($$INSERT INTO ipam.custom_field (name, origin, built_in_number) VALUES ('Floor', 'BuiltIn', 19)$$),
    ($$DELETE FROM ipam.custom_field WHERE name = 'Region'$$),
    ($$UPDATE ipam.custom_field SET name = 'Area' WHERE name = 'Region'$$),
    ($$UPDATE ipam.custom_field_value SET value = 'ours' WHERE value = 'IPAM'$$),
    ($$UPDATE ipam.custom_field SET origin = 'BuiltIn' WHERE name = 'Cost Center'$$),
    ($$UPDATE ipam.custom_field SET type = 'Multivalued' WHERE name = 'Cost Center'$$),
    ($$INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT id, '4711' FROM ipam.custom_field WHERE name = 'Cost Center'$$),
    ($$INSERT INTO ipam.custom_field (name) VALUES ('Network')$$),
    ($$DELETE FROM ipam.custom_field_value WHERE value = 'dhcp1'$$),
    ($$INSERT INTO ipam.logical_group_field (logical_group_id, position, custom_field_id) SELECT 1, 2, id FROM ipam.custom_field WHERE name = 'Cost Center'$$),
    ('UPDATE ipam.logical_group SET name = ''Devices'' WHERE id = 1'),
    ($$INSERT INTO ipam.custom_field_value_association SELECT min(id), max(id) FROM ipam.custom_field_value WHERE custom_field_id = 8$$),
    ('INSERT INTO ipam.custom_field_value_association VALUES (0, 1)'),
    ($$SELECT ipam.set_custom_field_association(8, id, '{}') FROM ipam.custom_field WHERE name = 'Cost Center'$$),
    ($$SELECT ipam.set_custom_field_association(8, 9, '{{IPAM,Localhost},{IPAM,Localhost}}')$$),
    -- Common properties
    ($$UPDATE ipam.common_property SET value = '101' WHERE name = 'MaximumUtilizationThreshold'$$),
    ($$INSERT INTO ipam.common_property (name) VALUES ('Colour')$$),
    ($$UPDATE ipam.common_property SET value = '3501' WHERE name = 'ExpiryAlertThreshold'$$),
    ($$UPDATE ipam.common_property SET value = 'Daily' WHERE name = 'IpamExpiryLoggingPeriodicity'$$),
    ($$UPDATE ipam.common_property SET value = '' WHERE name = 'GpoPrefix'$$),
    ($$UPDATE ipam.common_property SET value = 'on' WHERE name = 'IPAuditTrackingFeature'$$),
    ($$SELECT ipam.get_common_property('Colour')$$),
    ($$SELECT ipam.set_common_property('LastPurgeAuditResult', '')$$),
    -- Utilization
    ($$CALL ipam.purge_utilization_data('9999-01-01 UTC')$$),
    ($$SELECT ipam.refuse_second_task('UtilizationPurge')$$),
    ($$SELECT ipam.refuse_second_task('Utilization')$$),
    ('SELECT * FROM ipam.range_utilization_trend(NULL)'),
    ('SELECT * FROM ipam.subnet_utilization_trend(0)'),
    (format($$SELECT * FROM ipam.range_utilization_trend(%s, 'Week', '2026-01-01', '2026-01-03')$$, :r)),
    -- Provisioning and sessions
    ('CALL ipam.provision()'),
    ('CALL ipam.run_async_session(0)'),
    ('CALL ipam.start_async_provisioning(NULL)'),
    ('CALL ipam.convert_schema()'),
    ($$UPDATE ipam.common_property SET value = '0.9' WHERE name = 'DatabaseSchemaVersion'; CALL ipam.convert_schema()$$),
    ($$UPDATE ipam.common_property SET value = '99.0' WHERE name = 'DatabaseSchemaVersion'; CALL ipam.convert_schema()$$),
    ($$UPDATE ipam.common_property SET value = 'new' WHERE name = 'DatabaseSchemaVersion'; CALL ipam.convert_schema()$$),
    (format($$UPDATE ipam.common_property SET value = '0.9' WHERE name = 'DatabaseSchemaVersion'; SELECT ipam.get_free_ip_addresses(%s)$$, :r)),
    (format($$UPDATE ipam.common_property SET value = NULL WHERE name = 'IpamConfiguredDate'; SELECT ipam.get_free_ip_addresses(%s)$$, :r)),
    ($$UPDATE ipam.async_session SET state = 'Started' WHERE state = 'Completed'$$),
    ($$GRANT USAGE ON SCHEMA ipam TO pg_monitor; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ipam TO pg_monitor; GRANT SELECT ON ALL TABLES IN SCHEMA ipam TO pg_monitor;
       SET LOCAL ROLE pg_monitor; SELECT ipam.initialize_async_session('Provisioning')$$),
    ($$UPDATE ipam.common_property SET value = NULL WHERE name = 'IpamConfiguredDate'; INSERT INTO ipam.async_session (kind, state, started_at) VALUES ('Provisioning', 'Started', clock_timestamp()); CALL ipam.provision()$$),
    ($$UPDATE ipam.common_property SET value = '0.9' WHERE name = 'DatabaseSchemaVersion'; INSERT INTO ipam.schema_conversion VALUES ('0.9', ipam.get_ipam_version()); INSERT INTO ipam.async_session (kind, state, started_at) VALUES ('SchemaConversion', 'Started', clock_timestamp()); CALL ipam.convert_schema()$$);

-- An import reports the faults of rows instead of raising them.
INSERT INTO wrong (statement)
SELECT format('SELECT ipam.raise_fault(i.fault, i.message, i.detail, i.hint) FROM ipam.import_csv(%L, %L) AS i', kind, content)
FROM (VALUES ('ip_subnet', E'network,name\n10.2.0.0/24'), ('ip_subnet', E'network,colour\n10.2.0.0/24,red'), ('ip_subnet', E'network,name\n10.2/x,lab'),
             ('ip_address', E'address,managed_by\n10.2.0.1,Kea'), ('ip_address', E'address,managed_by_entity\n10.2.0.1,kea1'),
             ('ip_range', E'start_address,end_address,managed_by\n10.2.0.1,10.2.0.9,MS DHCP')) AS v(kind, content);

CREATE TEMP TABLE raised AS
SELECT w.number, a.* FROM wrong AS w CROSS JOIN LATERAL pg_temp.attempt(w.statement) AS a;
\pset format unaligned
\pset tuples_only on
SELECT format(E'%s %s: %s\n    %s\n    %s', code, fault, pg_temp.masked(message), pg_temp.masked(detail), pg_temp.masked(hint))
FROM raised
ORDER BY number;
\pset tuples_only off
\pset format aligned

-- Faults that no statement above has raised: none.
SELECT sqlstate, fault FROM ipam.faults() EXCEPT SELECT code, fault FROM raised
-- The first was raised before provisioning, the second is for test/t/060_worker.pl.
EXCEPT VALUES ('IP013', 'IpamApiCallsAreNotAllowedUntilProvisioningIsDone'), ('IP803', 'IpamApiErrorSecurityGroupCreationFailed') ORDER BY 1;
-- Errors that are not faults: none.
SELECT w.statement, r.code, r.message FROM raised AS r JOIN wrong AS w USING (number) WHERE r.code !~ '^IP' ORDER BY number;

-- The registry is closed.
SELECT ipam.raise_fault('IpamApiNoSuchFault', 'message');
ROLLBACK;

-- docs/faults.md lists the registry. Differences: none.
\set page `cat "$PG_ABS_SRCDIR/../docs/faults.md"`
WITH page AS (SELECT row[1] AS sqlstate, row[2] AS fault, row[3] AS meaning FROM regexp_matches(:'page', '^\| (IP\d{3}) \| (\w+) \| (.*) \|$', 'gn') AS row)
(SELECT 'only in the registry' AS place, * FROM (SELECT * FROM ipam.faults() EXCEPT SELECT * FROM page) AS f)
UNION ALL
(SELECT 'only in the page', * FROM (SELECT * FROM page EXCEPT SELECT * FROM ipam.faults()) AS p);
