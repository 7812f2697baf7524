-- Allocation: free addresses found and recorded in one call, and given back.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (5, 'Berlin');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan'), ('10.1.0.0/16', 'site'), ('2001:db8::/64', 'lan6');
INSERT INTO ipam.ip_range (start_address, end_address, reserved_addresses) VALUES ('10.0.0.10', '10.0.0.20', '{[10.0.0.11,10.0.0.12]}'), ('10.1.0.1', '10.1.255.254', '{}'), ('2001:db8::10', '2001:db8::ffff', '{}');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity) VALUES ('10.0.0.50', '10.0.0.59', 'MS DHCP', 'dhcp1');
SELECT id AS v4 FROM ipam.ip_range WHERE start_address = '10.0.0.10' \gset
SELECT id AS big FROM ipam.ip_range WHERE start_address = '10.1.0.1' \gset
SELECT id AS v6 FROM ipam.ip_range WHERE start_address = '2001:db8::10' \gset
SELECT id AS dhcp FROM ipam.ip_range WHERE managed_by = 'MS DHCP' \gset

-- One address, the lowest free one, with its properties.
SELECT address, device_name, state, assigned_at = now() AS assigned_now FROM ipam.allocate_ip_addresses(:v4, device_name => 'web1');
SELECT address FROM ipam.allocate_ip_addresses(:v4, count => 2);
SELECT (ipam.allocate_ip_addresses(:v6)).address;
-- What the application writes and what it allocates commit or roll back together.
CREATE TABLE host (name text, address_id bigint REFERENCES ipam.ip_address);
SAVEPOINT host;
INSERT INTO host SELECT 'db1', id FROM ipam.allocate_ip_addresses(:v4, device_name => 'db1');
SELECT h.name, a.address FROM host AS h JOIN ipam.ip_address AS a ON a.id = h.address_id;
ROLLBACK TO host;
SELECT * FROM ipam.get_free_ip_addresses(:v4);
-- All columns that describe an address.
SELECT address, device_name, device_type, state, mac_address, owner, notes, assigned_at, expires_at, custom_fields
FROM ipam.allocate_ip_addresses(:v6, device_name => 'lb1', device_type => 'Load balancer', state => 'Reserved', mac_address => '08:00:2b:01:02:03',
    owner => 'ann', notes => 'front', assigned_at => '2026-01-01 00:00Z', expires_at => '2026-12-31 00:00Z', custom_fields => '{"AD site": "Berlin"}');
INSERT INTO ipam.custom_field (name, type) VALUES ('Rack', 'Freeform');
SELECT address, custom_fields, address_assignment, serial_number, asset_tag, os_name, os_version, duid, iaid, created_from_dns
FROM ipam.allocate_ip_addresses(:v6, custom_fields => '{"Rack": "R7"}', properties => '{"address_assignment": "Dynamic", "serial_number": "C02X", "asset_tag": "A1",
    "os_name": "Linux", "os_version": "6.1", "duid": "\\x0001", "iaid": 7, "created_from_dns": true, "client_id": null}');
SELECT ipam.allocate_ip_addresses(:v6, properties => '{"range_id": 3}');
SELECT ipam.allocate_ip_addresses(:v6, device_name => 'a', properties => '{"device_name": "b"}');
SELECT ipam.allocate_ip_addresses(:v6, properties => '[1]');
-- The rules of an address hold; nothing is recorded.
SELECT ipam.allocate_ip_addresses(:v6, 3, assigned_at => '2021-01-01', expires_at => '2020-01-01');
SELECT ipam.allocate_ip_addresses(:v6, properties => '{"client_id": "x"}');
SELECT count(*) FROM ipam.ip_address;

-- Where to search.
SELECT address FROM ipam.allocate_ip_addresses(:v4, start_address => '10.0.0.17', end_address => '10.0.0.18');
SELECT address FROM ipam.allocate_ip_addresses(:v4, direction => 'Highest', count => 2);
SELECT address FROM ipam.allocate_ip_addresses(:v4, exclude => '{10.0.0.15,10.0.0.16/31,2001:db8::1}');
SELECT address FROM ipam.allocate_ip_addresses(:v4, include_reserved => true);
SELECT address FROM ipam.ip_address WHERE range_id = :v4 ORDER BY 1;

-- All or nothing.
SELECT ipam.allocate_ip_addresses(:v4, 5);
SELECT ipam.allocate_ip_addresses(:v4, 5, include_reserved => true);
SELECT ipam.allocate_ip_addresses(:v4, 2, start_address => '10.0.0.16', end_address => '10.0.0.17');
SELECT count(*) FROM ipam.ip_address WHERE range_id = :v4;
SELECT address FROM ipam.allocate_ip_addresses(:v4, 2);
SELECT ipam.allocate_ip_addresses(:v4);
DO $$
BEGIN
    PERFORM ipam.allocate_ip_addresses(id) FROM ipam.ip_range WHERE start_address = '10.0.0.10';
EXCEPTION WHEN SQLSTATE 'IP511' THEN
    RAISE NOTICE 'exhausted';
END
$$;
-- Wrong arguments.
SELECT ipam.allocate_ip_addresses(NULL);
SELECT ipam.allocate_ip_addresses(0);
SELECT ipam.allocate_ip_addresses(:v4, -1);
SELECT ipam.allocate_ip_addresses(:v4, NULL);
SELECT ipam.allocate_ip_addresses(:v4, 0);
SELECT ipam.allocate_ip_addresses(:v4, start_address => '10.0.0.9');
SELECT ipam.allocate_ip_addresses(:v4, start_address => '10.0.0.12', end_address => '10.0.0.11');
SELECT ipam.allocate_ip_addresses(:v4, end_address => '2001:db8::1');
SELECT ipam.allocate_ip_addresses(:dhcp);

-- Release: by id, by address, all or none.
SELECT address FROM ipam.release_ip_addresses(ARRAY(SELECT id FROM ipam.ip_address WHERE range_id = :v4 AND address < '10.0.0.13'));
SELECT address, device_name FROM ipam.release_ip_addresses(range_id => :v4, addresses => '{10.0.0.14,10.0.0.13}');
SELECT ipam.release_ip_addresses(range_id => :v4, addresses => '{10.0.0.14,10.0.0.15,10.0.0.16}');
SELECT ipam.release_ip_addresses('{-1}');
SELECT ipam.release_ip_addresses();
SELECT ipam.release_ip_addresses(range_id => :v4);
SELECT ipam.release_ip_addresses(range_id => :v4, token => 'a', addresses => '{}');
SELECT ipam.release_ip_addresses('{}');
SELECT address FROM ipam.allocate_ip_addresses(:v4, 3);

-- Lowest first is a guarantee for what this session does itself, also in a range with many addresses in front.
SELECT count(*), min(address), max(address) FROM ipam.allocate_ip_addresses(:big, 1000);
SELECT address FROM ipam.allocate_ip_addresses(:big);
DELETE FROM ipam.ip_address WHERE address IN ('10.1.0.7', '10.1.1.9', '10.1.2.11');
SELECT address FROM ipam.allocate_ip_addresses(:big);
SELECT address FROM ipam.allocate_ip_addresses(:big, 3);
UPDATE ipam.ip_address SET address = '10.1.200.1' WHERE address = '10.1.0.50';
SELECT address FROM ipam.allocate_ip_addresses(:big);
SAVEPOINT s;
SELECT address FROM ipam.allocate_ip_addresses(:big, 2);
ROLLBACK TO s;
SELECT address FROM ipam.allocate_ip_addresses(:big);
SELECT address FROM ipam.allocate_ip_addresses(:big, 2, direction => 'Highest');
-- More than the lock table could hold at once.
SELECT count(*), min(address), max(address) FROM ipam.allocate_ip_addresses(:big, 10000, start_address => '10.1.100.0');
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';

-- Consecutive addresses.
DELETE FROM ipam.ip_address WHERE address IN ('10.1.0.20', '10.1.0.21', '10.1.0.30', '10.1.0.31', '10.1.0.32');
SELECT address FROM ipam.allocate_ip_addresses(:big, 3, consecutive => true);
SELECT address FROM ipam.allocate_ip_addresses(:big, 2, consecutive => true, direction => 'Highest', end_address => '10.1.0.255');
SELECT count(*), min(address), max(address), max(address) - min(address) AS distance FROM ipam.allocate_ip_addresses(:big, 500, consecutive => true);
-- So many that they are recorded by several statements, in the order of the walk.
SELECT count(*), min(address), max(address) - min(address) AS distance, bool_and(address = expected) AS in_order
FROM (SELECT address, coalesce(lag(address) OVER () - 1, address) AS expected FROM ipam.allocate_ip_addresses(:big, 9000, consecutive => true, direction => 'Highest', properties => '{"os_name": "x"}')) AS a;
DELETE FROM ipam.ip_address WHERE range_id = :v4 AND address NOT IN ('10.0.0.13', '10.0.0.16');
SELECT ipam.allocate_ip_addresses(:v4, 5, consecutive => true);
SELECT address FROM ipam.allocate_ip_addresses(:v4, 4, consecutive => true);
SELECT ipam.allocate_ip_addresses(:v4, 3, consecutive => true);
SELECT ipam.allocate_ip_addresses(:v4, 2000000000, consecutive => true);
SELECT ipam.allocate_ip_addresses(:v4, 2000000000);

-- A token: a repeated call gives the rows of the first one.
SELECT address, device_name, allocation_token FROM ipam.allocate_ip_addresses(:v6, 2, token => 'order-4711', device_name => 'cache');
SELECT address, device_name, allocation_token FROM ipam.allocate_ip_addresses(:v6, 2, token => 'order-4711', device_name => 'another');
SELECT ipam.allocate_ip_addresses(:v6, 3, token => 'order-4711');
SELECT address FROM ipam.allocate_ip_addresses(:big, token => 'order-4711');
SELECT ipam.allocate_ip_addresses(:v6, token => '');
SELECT ipam.allocate_ip_addresses(:v6, token => repeat('x', 256));
SELECT address FROM ipam.release_ip_addresses(range_id => :v6, token => 'order-4711');
SELECT address FROM ipam.release_ip_addresses(range_id => :v6, token => 'order-4711');
SELECT count(*) FROM ipam.allocate_ip_addresses(:v6, 3, token => 'order-4711');

-- A pair.
SELECT address, device_name FROM ipam.allocate_ip_address_pair(:big, :v6, device_name => 'dual');
SELECT ipam.allocate_ip_address_pair(:v6, :big);
SELECT ipam.allocate_ip_address_pair(:big, :big);
SELECT count(*) FROM ipam.allocate_ip_addresses(:v4, 3);
SELECT ipam.allocate_ip_address_pair(:v4, :v6);
SELECT address FROM ipam.allocate_ip_address_pair(:big, :v6, token => 'dual');
SELECT address FROM ipam.allocate_ip_address_pair(:big, :v6, token => 'dual');
-- What cannot be a recorded address is not passed over in silence.
SELECT ipam.release_ip_addresses('{NULL}');
SELECT ipam.release_ip_addresses(range_id => :v4, addresses => '{NULL}');
SELECT ipam.release_ip_addresses(range_id => :v4, addresses => '{10.0.0.10/24}');
SELECT ipam.release_ip_addresses(range_id => :v4, addresses => '{::1}');
SELECT ipam.release_ip_addresses(range_id => 0, token => 'dual');
SELECT ipam.release_ip_addresses(range_id => 0, addresses => '{}');
SELECT count(*) FROM ipam.release_ip_addresses('{}');

-- What the range does not have and cannot be recorded all the same is passed over. Where nothing else is left, that is an
-- error and not a search without end.
SET LOCAL statement_timeout = '20s';
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.2.0.0/24', 'wrong'), ('10.3.0.0/16', 'veto');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.2.0.1', '10.2.0.9'), ('10.3.0.1', '10.3.255.254');
SELECT id AS wrong FROM ipam.ip_range WHERE start_address = '10.2.0.1' \gset
SELECT id AS veto FROM ipam.ip_range WHERE start_address = '10.3.0.1' \gset
-- A row without its range.
SET LOCAL session_replication_role = replica;
INSERT INTO ipam.ip_address (address, virtualization_type) VALUES ('10.2.0.9', 'NonVirtualized');
SET LOCAL session_replication_role = origin;
SELECT address FROM ipam.allocate_ip_addresses(:wrong, 2, direction => 'Highest');
SELECT address FROM ipam.allocate_ip_addresses(:wrong, 3);
SELECT count(*) FROM ipam.allocate_ip_addresses(:wrong, 4);
SELECT count(*) FROM ipam.allocate_ip_addresses(:wrong, start_address => '10.2.0.9');
SELECT count(*) FROM ipam.allocate_ip_addresses(:wrong, start_address => '10.2.0.9', consecutive => true);
SELECT count(*) FROM ipam.allocate_ip_addresses(:wrong, 3);
SELECT object_type, rule FROM ipam.check_plan();
UPDATE ipam.ip_address SET range_id = NULL WHERE address = '10.2.0.9';
SELECT ipam.allocate_ip_addresses(:wrong);
-- A row with the range of others.
SET LOCAL session_replication_role = replica;
UPDATE ipam.ip_address SET range_id = :big WHERE address = '10.2.0.9';
SET LOCAL session_replication_role = origin;
SELECT ipam.allocate_ip_addresses(:wrong);
-- A trigger of the user's that leaves out rows: some, or all.
CREATE FUNCTION pg_temp.leave_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.address <= TG_ARGV[0]::inet THEN RETURN NULL; END IF; RETURN NEW; END $$;
CREATE TRIGGER leave_out BEFORE INSERT ON ipam.ip_address FOR EACH ROW EXECUTE FUNCTION pg_temp.leave_out('10.3.0.2');
SELECT address FROM ipam.allocate_ip_addresses(:veto);
SELECT count(*), min(address), max(address) FROM ipam.allocate_ip_addresses(:veto, 100);
SELECT count(*) FROM ipam.allocate_ip_addresses(:veto, 2, consecutive => true);
CREATE OR REPLACE TRIGGER leave_out BEFORE INSERT ON ipam.ip_address FOR EACH ROW EXECUTE FUNCTION pg_temp.leave_out('10.3.255.255');
SELECT count(*) FROM ipam.allocate_ip_addresses(:veto);
SELECT count(*) FROM ipam.allocate_ip_addresses(:veto, 100);
SELECT count(*) FROM ipam.allocate_ip_addresses(:veto, 100, consecutive => true);
SELECT count(*) FROM ipam.ip_address WHERE range_id = :veto;
-- What was in the way for a moment only is nobody's fault.
CREATE SEQUENCE pg_temp.attempt;
CREATE FUNCTION pg_temp.leave_out_twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN nextval('pg_temp.attempt') > 2 THEN NEW END; END $$;
CREATE OR REPLACE TRIGGER leave_out BEFORE INSERT ON ipam.ip_address FOR EACH ROW EXECUTE FUNCTION pg_temp.leave_out_twice();
SELECT address FROM ipam.allocate_ip_addresses(:veto);
ALTER SEQUENCE pg_temp.attempt RESTART;
SELECT address FROM ipam.allocate_ip_addresses(:veto, 2, consecutive => true, start_address => '10.3.9.0');
ROLLBACK;
