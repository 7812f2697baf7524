-- Bulk updates: many changes in a call, and a row for each one that failed.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (18, 'EMEA'), (18, 'APAC');
INSERT INTO ipam.custom_field (name) VALUES ('Floor');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Blue', 'Customer', 1, 'VXLAN'), ('Red', 'Customer', 1, 'VXLAN');
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.0.0.0/16');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan'), ('10.0.1.0/24', 'lab');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.10', '10.0.0.99'), ('10.0.1.10', '10.0.1.99');
INSERT INTO ipam.ip_address (address, custom_fields) SELECT '10.0.0.10'::inet + i, '{"Floor": "1", "Region": "EMEA"}' FROM generate_series(0, 5) AS i;

-- The example of docs/bulk_update.md.
SELECT position, id, sqlstate, fault, message FROM ipam.bulk_update_ip_addresses('[
    {"id": 1, "device_name": "printer", "expires_at": "2030-01-01T00:00:00Z"},
    {"id": 2, "device_type": "toaster"},
    {"id": 3, "custom_fields": {"Region": "EMEA"}}]');
UPDATE ipam.ip_address SET custom_fields = custom_fields || '{"Floor": "1"}' WHERE id = 3;

-- Only what is given changes; custom_fields is one value and is replaced as a whole.
SELECT * FROM ipam.bulk_update_ip_addresses('[{"id": 1, "device_name": "printer", "expires_at": "2030-01-01T00:00:00Z"}, {"id": "2", "custom_fields": {"Region": "APAC"}}, {"id": 3, "mac_address": "08:00:2b:01:02:03", "notes": null}]');
SELECT id, address, device_name, mac_address, custom_fields FROM ipam.ip_address ORDER BY id LIMIT 3;
-- What cannot be done is told, the rest is done.
\x
SELECT position, id, sqlstate, fault, message, CASE WHEN fault IS NOT NULL THEN detail END AS detail, hint FROM ipam.bulk_update_ip_addresses('[
    {"id": 1, "device_name": "scanner"},
    {"id": 2, "device_type": "toaster"},
    {"id": 99, "notes": "nobody"},
    {"id": 3, "address": "10.0.1.10"},
    {"id": 4, "address": "10.0.1.10"},
    {"id": 5, "addres": "10.0.1.11", "colour": "red"},
    {"id": 5, "address": "10.0.1.11"},
    {"id": 5},
    {"id": 99},
    {"notes": "x"},
    {"id": null, "notes": "x"},
    {"id": "5; DROP TABLE x", "notes": "x"},
    {"id": 7.5, "notes": "x"},
    {"id": -1, "notes": "x"},
    {"id": 12345678901234567890, "notes": "x"},
    7,
    null,
    [1],
    {"id": 6, "state": null},
    {"id": 6, "mac_address": "zz"},
    {"id": 6, "address_category": "Public"},
    {"id": 6, "notes = (SELECT rolpassword FROM pg_authid LIMIT 1), owner": "x"},
    {"id": 6, "ctid": "(0,1)"},
    {"id": 6, "range_id": 2},
    {"id": 6, "notes": "last"}]');
\x
SELECT id, address, range_id, device_name, notes FROM ipam.ip_address ORDER BY id;

-- The order of the array counts: an address is free for the next one as soon as it has been given up.
SELECT position, id, sqlstate FROM ipam.bulk_update_ip_addresses('[{"id": 1, "address": "10.0.0.50"}, {"id": 2, "address": "10.0.0.10"}, {"id": 3, "address": "10.0.0.10"}]');
-- The same object twice: the last one counts.
SELECT * FROM ipam.bulk_update_ip_addresses('[{"id": 1, "notes": "first"}, {"id": 1, "notes": "second"}]');
SELECT id, address, notes FROM ipam.ip_address WHERE id <= 3 ORDER BY id;

-- Nothing to do, and what is no list.
SELECT * FROM ipam.bulk_update_ip_addresses('[]');
SELECT * FROM ipam.bulk_update_ip_addresses(NULL);
SELECT * FROM ipam.bulk_update_ip_addresses('null');
SELECT * FROM ipam.bulk_update_ip_addresses('{"id": 1, "notes": "x"}');

-- Blocks, subnets, ranges and address spaces.
SELECT position, id, fault, message FROM ipam.bulk_update_ip_blocks('[{"id": 1, "description": "everything"}, {"id": 2, "network": "10.0.0.0/12", "start_address": "10.0.0.0", "end_address": "10.15.255.255"}, {"id": 2, "parent_id": 2}]');
SELECT id, network, end_address, parent_id, description FROM ipam.ip_block ORDER BY id;
SELECT position, id, fault, message FROM ipam.bulk_update_ip_subnets('[{"id": 1, "name": "LAN", "vlan_ids": [10, 20]}, {"id": 2, "network": "10.9.0.0/24"}, {"id": 2, "name": " "}, {"id": 2, "name": "Lab"}, {"id": 7}]');
SELECT id, network, name, vlan_ids FROM ipam.ip_subnet ORDER BY id;
SELECT position, id, fault, message FROM ipam.bulk_update_ip_ranges('[{"id": 1, "gateways": [{"address": "10.0.0.1", "metric": 10}], "dns_servers": ["10.0.0.2"], "reserved_addresses": "{[10.0.0.90,10.0.0.99]}"},
    {"id": 2, "start_address": "10.0.1.5", "managed_by_entity": "dhcp1"}, {"id": 2, "network": "10.7.0.0/24", "start_address": "10.7.0.1", "end_address": "10.7.0.9"}]');
SELECT id, extent, managed_by_entity, gateways, dns_servers, reserved_addresses FROM ipam.ip_range ORDER BY id;
SELECT position, id, fault, message FROM ipam.bulk_update_address_spaces('[{"id": 2, "name": "Red"}, {"id": 3, "name": "Pink", "custom_fields": {"Region": "EMEA"}}, {"id": 1, "owner": "me"}, {"id": 3, "type": "Provider"}, {"id": 2, "name": "Red"}]');
SELECT id, name, custom_fields FROM ipam.address_space ORDER BY id;

-- A range moves to where no subnet is: with create_subnet_if_missing it gets one of its network, once.
SELECT position, id, fault, message, hint FROM ipam.bulk_update_ip_ranges('[{"id": 2, "network": "10.7.0.0/24", "start_address": "10.7.0.1", "end_address": "10.7.0.9"},
    {"id": 1, "network": "10.7.0.0/24", "start_address": "10.7.0.10", "end_address": "10.7.0.19", "gateways": [], "reserved_addresses": "{}"},
    {"id": 1, "start_address": "10.8.0.10", "end_address": "10.8.0.19"}, {"id": 9, "network": "10.9.0.0/24"}, {"id": 1, "description": "moved"},
    {"id": 1, "network": "10.8.0.0/24", "start_address": "10.8.0.0", "end_address": "10.8.0.19"}]', create_subnet_if_missing => true);
SELECT r.id, r.extent, s.name AS subnet, r.description FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id ORDER BY r.id;
SELECT name FROM ipam.ip_subnet ORDER BY id;

-- More than fit into one subtransaction, with failures at its edges; progress as often as wanted.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.20.0.0/16', 'large');
INSERT INTO ipam.ip_address (address) SELECT '10.20.0.1'::inet + i FROM generate_series(0, 449) AS i;
SELECT min(id) AS first FROM ipam.ip_address WHERE address <<= '10.20.0.0/16' \gset
CREATE TEMP TABLE changes AS
SELECT jsonb_agg(jsonb_build_object('id', :first + i, 'notes', 'n' || i, 'device_name', CASE WHEN i + 1 IN (1, 99, 100, 101, 102, 250, 301, 450) THEN repeat('x', 256) ELSE 'd' || i END) ORDER BY i) AS changes
FROM generate_series(0, 449) AS i;
SELECT position, id - :first AS number, fault FROM changes, ipam.bulk_update('ip_address', changes, report_every => '1 hour');
SELECT count(*) FILTER (WHERE device_name = 'd' || (id - :first) AND notes = 'n' || (id - :first)) AS changed, count(*) FILTER (WHERE device_name IS NULL AND notes IS NULL) AS unchanged
FROM ipam.ip_address WHERE address <<= '10.20.0.0/16';
UPDATE changes SET changes = (SELECT jsonb_agg(c - 'device_name') FROM jsonb_array_elements(changes) AS c);
SELECT f.* FROM changes, ipam.bulk_update('ip_address', changes, report_every => '0 seconds') AS f;

SELECT * FROM ipam.check_plan();

-- Not the fault of a change: the whole statement ends.
\set VERBOSITY sqlstate
CREATE FUNCTION pg_temp.fail() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF NEW.notes = ''cancel'' THEN PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(10); END IF; RAISE EXCEPTION USING ERRCODE = NEW.notes, MESSAGE = ''no luck''; END';
CREATE TRIGGER fail BEFORE UPDATE ON ipam.ip_address FOR EACH ROW WHEN (NEW.notes ~ '^([0-9A-Z]{5}|cancel)$') EXECUTE FUNCTION pg_temp.fail();
SELECT * FROM ipam.bulk_update_ip_addresses('[{"id": 1, "notes": "before"}, {"id": 2, "notes": "40001"}]');
SELECT * FROM ipam.bulk_update_ip_addresses('[{"id": 1, "notes": "before"}, {"id": 2, "notes": "40P01"}]');
SELECT * FROM ipam.bulk_update_ip_addresses('[{"id": 1, "notes": "before"}, {"id": 2, "notes": "53100"}]');
SELECT * FROM ipam.bulk_update_ip_addresses('[{"id": 1, "notes": "before"}, {"id": 2, "notes": "XX001"}]');
SELECT * FROM ipam.bulk_update_ip_addresses('[{"id": 1, "notes": "before"}, {"id": 2, "notes": "cancel"}]');
\set VERBOSITY default
SELECT notes FROM ipam.ip_address WHERE id = 1;
SELECT position, id, sqlstate, fault, message FROM ipam.bulk_update_ip_addresses('[{"id": 1, "notes": "before"}, {"id": 2, "notes": "P0001"}]');
SELECT notes FROM ipam.ip_address WHERE id = 1;
ROLLBACK;
