-- Import and export: what a file says is what the plan has, a wrong row is told by its line, and what was
-- exported comes back the same.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set sample_plan :inputdir '/data/sample_plan.sql'
\i :fresh_store

-- docs/transfer.md
SELECT * FROM ipam.import_csv('ip_subnet', $$network,name,vlan_ids
10.20.30.0/24,office,30
10.20.31.0/24,"printers, first floor",31;131
10.20.31.0/24,again,
10.20.32.1/24,labs,
10.20.33.0/24,,
$$);
SELECT network, name, vlan_ids FROM ipam.ip_subnet ORDER BY network;
SELECT * FROM ipam.import_csv('ip_subnet', E'network,name\n10.20.34.0/24,yard\n10.20.35.0/33,gate\n', all_or_nothing => true);
SELECT count(*) FROM ipam.ip_subnet;
SELECT * FROM ipam.import_json('ip_range', '[{"start_address": "10.20.30.10", "end_address": "10.20.30.99", "gateways": [{"address": "10.20.30.1", "metric": 10}]}]');
\pset format unaligned
\pset tuples_only on
SELECT ipam.export_csv('ip_range');
SELECT ipam.export_json('ip_range');
SELECT ipam.export_csv('ip_subnet') \g (format=unaligned tuples_only=on)
SELECT string_agg(c.name, ', ' ORDER BY c.number) FROM ipam.importable_columns('ip_address') AS c WHERE NOT c.is_custom_field;

-- Columns in any order, written as people do, and custom fields by their names; an empty field is the default.
INSERT INTO ipam.custom_field (name) VALUES ('Cost, center'), ('Floor');
SELECT * FROM ipam.import_csv('ip_address', E'\uFEFFFloor, Device Name ,Address,State,"Cost, center",Notes\r\n2,pc1,10.20.30.10,,"4711","one\r\ntwo"\r\n\r\n,"""pc"" 2",10.20.30.11,Reserved,,""\r\n');
SELECT address, range_id IS NOT NULL AS mapped, device_name, state, custom_fields, notes FROM ipam.ip_address ORDER BY address;
SELECT ipam.export_csv('ip_address', 'Default IP Address Space');

-- Every row that is not taken has its line, which is that of the file, and its reason.
\pset tuples_only off
\pset null -
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1');
SELECT * FROM ipam.import_csv('ip_address', $$address,managed_by,managed_by_entity,mac_address,expires_at,device_name
10.20.30.20,,,,,"good,
on two lines"
10.20.30.300,,,,,bad address
10.20.30.21,Kea,,,,no such service
10.20.30.21,,dhcp2,,,no such instance
10.20.30.21,MS DHCP,dhcp1,02:00:00:00:00:01,,good
10.20.30.21,,,02:00:00:00:00:zz,,bad MAC

10.20.30.22,,,,tomorrowish,bad time
10.20.30.22,,
10.20.30.23,,,,,"stray "quote"
10.20.30.24,,,,,5" disk
127.0.0.1,,,,,loopback
10.20.30.20,,,,,twice
,,,,,nothing
10.20.30.25,,,,,good
10.20.30.26,,,,,"open
10.20.30.27,,,,,swallowed
$$);
SELECT address, managed_by, device_name FROM ipam.ip_address WHERE address >= '10.20.30.20' ORDER BY address;

-- A file whose columns are wrong is no file: nothing of it is read.
SELECT * FROM ipam.import_csv('ip_subnet', E'network,name,colour\n10.20.40.0/24,x,red');
SELECT * FROM ipam.import_csv('ip_subnet', E'network,name,block_id\n10.20.40.0/24,x,1');
SELECT * FROM ipam.import_csv('ip_subnet', E'network,name,Network\n10.20.40.0/24,x,1');
SELECT * FROM ipam.import_csv('ip_subnet', E'network,name,\n10.20.40.0/24,x,1');
SELECT * FROM ipam.import_csv('ip_subnet', E'network,"name\n10.20.40.0/24,x\n');
SELECT * FROM ipam.import_csv('ip_subnet', '');
SELECT * FROM ipam.import_csv('ip_subnet', NULL);
SELECT * FROM ipam.import_csv('ip_subnet', 'network,name');
SELECT * FROM ipam.import_csv('subnet', E'network,name\n10.20.40.0/24,x');
SELECT * FROM ipam.import_csv(NULL, 'network');
SELECT * FROM ipam.parse_csv(repeat(',', 10000000));
SELECT * FROM ipam.import_json('ip_subnet', '{"network": "10.20.40.0/24"}');
SELECT * FROM ipam.import_json('ip_subnet', NULL);
SELECT * FROM ipam.import_json('ip_subnet', '[]');
SELECT ipam.export_csv('ip_subnet', 'Nowhere');
SELECT ipam.export_json('colour');
SELECT ipam.export_csv('custom_field', 'Default IP Address Space');

-- The same of JSON, where the line is the position in the array.
SELECT * FROM ipam.import_json('ip_subnet', '[{"network": "10.20.41.0/24", "name": "a", "vlan_ids": [1, 2], "custom_fields": {"Floor": 2}},
    7, {"network": "10.20.42.0/24", "name": "b", "Floor": "3", "vlan_ids": []}, {"network": "10.20.43.0/24", "name": "c", "colour": "red"},
    {"network": "10.20.44.0/24", "name": "d", "vlan_ids": ["x"]}, {"network": "10.20.45.0/24", "name": "e", "custom_fields": {"Roof": "1"}},
    {"network": "10.20.46.0/24", "name": null}]');
SELECT network, name, vlan_ids, custom_fields FROM ipam.ip_subnet WHERE network >= '10.20.41.0/24' ORDER BY network;

-- Address spaces by name. Ranges managed by MS DHCP only when asked for. Gateways, lists, runs of addresses.
SELECT * FROM ipam.import_csv('address_space', E'name,type,provider,isolation_method\nred,,,\nblue,Customer,red,VXLAN\ngreen,Customer,black,VXLAN\npink,Guest,,\n');
SELECT * FROM ipam.import_csv('ip_subnet', E'address_space,network,name\nblue,10.20.30.0/24,x\nblack,10.20.30.0/24,x\n');
SELECT * FROM ipam.import_csv('ip_range', $$address_space,start_address,end_address,managed_by,managed_by_entity,gateways,dns_servers,reserved_addresses
blue,10.20.30.1,10.20.30.9,,,10.20.30.1 metric 5; 10.20.30.2,10.0.0.1 ; 10.0.0.2,"{[10.20.30.3,10.20.30.4],[10.20.30.9,10.20.30.9]}"
blue,10.20.30.11,10.20.30.19,MS DHCP,dhcp1,,,
blue,10.20.30.21,10.20.30.29,,,10.20.30.21 weight 5,,
blue,10.20.30.21,10.20.30.29,,,,10.0.0.1;,
$$);
SELECT * FROM ipam.import_csv('ip_range', E'address_space,start_address,end_address,managed_by,managed_by_entity\nblue,10.20.30.11,10.20.30.19,MS DHCP,dhcp1\n', include_ms_dhcp => true);
SELECT start_address, managed_by, gateways, dns_servers, reserved_addresses FROM ipam.ip_range WHERE address_space_id > 1 ORDER BY start_address;

-- Two things wrong in one row are one line; values of fields that are not there.
SELECT * FROM ipam.import_csv('ip_range', E'managed_by,address_space,start_address,end_address\nKea,black,10.0.0.300,x\nMS DHCP,black,10.0.0.300,x\n,black,10.0.0.300,x\nMS DHCP,10.0.0.300\n', include_ms_dhcp => true);
SELECT * FROM ipam.import_csv('custom_field_value', E'custom_field,value\nFloor,1\nRoof,1\n,1\nRegion,North\n');

-- A trigger of the users speaks for its row; what is not about a row ends the import.
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name = 'deadlock' THEN
        RAISE deadlock_detected;
    END IF;
    RAISE 'we do not like %', NEW.name;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON ipam.ip_subnet FOR EACH ROW WHEN (NEW.name IN ('ugly', 'deadlock')) EXECUTE FUNCTION pg_temp.refuse();
SELECT * FROM ipam.import_csv('ip_subnet', E'network,name\n10.20.50.0/24,fine\n10.20.51.0/24,ugly\n');
SELECT * FROM ipam.import_csv('ip_subnet', E'network,name\n10.20.52.0/24,fine\n10.20.53.0/24,deadlock\n');
SELECT name FROM ipam.ip_subnet WHERE network >= '10.20.50.0/24' ORDER BY network;
CREATE ROLE regress_ipam_clerk IN ROLE ipam_users;
SET LOCAL ROLE regress_ipam_clerk;
SELECT * FROM ipam.import_csv('ip_subnet', E'network,name\n10.20.54.0/24,mine\n');
RESET ROLE;

-- The line is right wherever the bad rows are, and however many rows go into one statement: of 5,000 rows
-- those are reported that are wrong, and the others are there.
WITH given AS (
    SELECT n, format('10.21.%s.%s', n / 250, n % 250 + CASE WHEN n % 7 = 0 AND n < 100 OR n IN (999, 1000, 1001, 2500, 4998, 4999) THEN 600 ELSE 1 END) AS address
    FROM generate_series(0, 4999) AS n
), reported AS (
    SELECT i.* FROM (SELECT 'address' || string_agg(E'\n' || address, '' ORDER BY n) AS content FROM given) AS f, ipam.import_csv('ip_address', f.content) AS i
)
SELECT count(*), bool_and(r.line = g.n + 2 AND r.message = format('"%s" is not a value of column "address"', g.address)) AS lines_are_right,
       count(DISTINCT g.n) FILTER (WHERE g.address !~ '\.[6-9]\d\d$') AS wrongly_reported
FROM reported AS r JOIN given AS g ON g.n = r.line - 2;
SELECT count(*) FROM ipam.ip_address WHERE address << '10.21.0.0/16';

-- No custom field can have the name of a column, so that a file can have both.
DO $$
DECLARE
    taken text;
BEGIN
    FOR taken IN
        SELECT DISTINCT v.name
        FROM unnest('{address_space,ip_block,ip_subnet,ip_range,ip_address}'::text[]) AS t, ipam.importable_columns(t) AS c,
             unnest(ARRAY[c.name, initcap(replace(c.name, '_', ' '))]) AS v(name)
        WHERE NOT c.is_custom_field
    LOOP
        BEGIN
            INSERT INTO ipam.custom_field (name) VALUES (taken);
            RAISE NOTICE 'a custom field can be called %', taken;
        EXCEPTION WHEN SQLSTATE 'IP611' THEN
            NULL;
        END;
    END LOOP;
END
$$;
ROLLBACK;

-- The round trip: the sample plan, with the edges of every type, as CSV and as JSON into an empty store.
\i :fresh_store
\set ECHO none
\o /dev/null
\i :sample_plan
\o
\set ECHO all
INSERT INTO ipam.custom_field (name) VALUES ('; DROP "x", ''y'''), ('Zeile'), ('custom fields 2');
UPDATE ipam.ip_address SET custom_fields = jsonb_build_object('Zeile', E'one\ntwo\r\n"three", four\\', '; DROP "x", ''y''', '') WHERE address = '10.1.0.10';
UPDATE ipam.ip_address SET device_name = '', notes = ' both ends ', os_name = E'\t', owner = ',', expires_at = 'infinity', assigned_at = '0044-03-15 12:00:00.000001 BC'
WHERE address = '10.1.0.11';
INSERT INTO ipam.ip_address (address, duid, iaid, created_from_dns, notes) VALUES ('2001:db8:1001:10::abcd', '\x00ff22', 4294967295, true, 'ünï😀');
INSERT INTO ipam.ip_address (address, reservation_type, client_id, serial_number, asset_tag) VALUES ('10.1.250.250', 'Both', '01:02', '""', E'\\.');
UPDATE ipam.ip_range SET quarantine = '1 mon -1 days 02:03:04.5', utilization_calculation = 'Manual', utilized_addresses = 7, wins_servers = '{10.1.0.4,10.1.0.5}', connection_specific_dns_suffix = 'a.example',
    gateways = ARRAY[ipam.gateway('10.240.0.1', 9999), ipam.gateway('10.240.0.2'), ipam.gateway('10.240.0.3', 1)] WHERE start_address = '10.240.0.1';
UPDATE ipam.ip_subnet SET description = E'two\nlines', virtual_subnet_id = 0 WHERE network = '10.1.0.0/23';
INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('192.168.0.0/24', '192.168.0.7', '192.168.0.99');

UPDATE ipam.ip_range SET dns_servers = '{10.0.0.1,NULL}' WHERE start_address = '10.240.0.1'; -- a list in a file could not say it

-- What the session says about times does not matter.
SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL datestyle = 'German';
SET LOCAL intervalstyle = 'sql_standard';

-- Rows without ids and times, with names instead of ids.
CREATE FUNCTION pg_temp.rows(kind text) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT o.data - ''{id,created_at,modified_at,address_space_id,provider_id,custom_field_id,parent_id,block_id,subnet_id,range_id}''::text[]
             || jsonb_build_object(
                    ''space'', (SELECT name FROM ipam.address_space WHERE id = (o.data ->> ''address_space_id'')::bigint),
                    ''provider'', (SELECT name FROM ipam.address_space WHERE id = (o.data ->> ''provider_id'')::bigint),
                    ''field'', (SELECT name FROM ipam.custom_field WHERE id = (o.data ->> ''custom_field_id'')::bigint),
                    ''block'', (SELECT network FROM ipam.ip_block WHERE id = coalesce(o.data ->> ''parent_id'', o.data ->> ''block_id'')::bigint),
                    ''subnet'', (SELECT network FROM ipam.ip_subnet WHERE id = (o.data ->> ''subnet_id'')::bigint),
                    ''range'', (SELECT extent FROM ipam.ip_range WHERE id = (o.data ->> ''range_id'')::bigint))
         FROM (SELECT to_jsonb(t) AS data FROM %s AS t) AS o', ipam.transfer_table(kind));
END $$;
CREATE TEMP TABLE kind AS SELECT * FROM unnest('{custom_field,custom_field_value,address_space,ip_block,ip_subnet,ip_range,ip_address}'::text[]) WITH ORDINALITY AS k(name, number);
CREATE TEMP TABLE original AS SELECT k.name, r AS data FROM kind AS k, pg_temp.rows(k.name) AS r;
CREATE TEMP TABLE file AS
SELECT k.*, (SELECT string_agg(l, E'\n' ORDER BY n) FROM ipam.export_csv(k.name) WITH ORDINALITY AS e(l, n)) AS csv,
       (SELECT coalesce(jsonb_agg(o ORDER BY n), '[]') FROM ipam.export_json(k.name) WITH ORDINALITY AS e(o, n)) AS json
FROM kind AS k;
SELECT name, (SELECT count(*) FROM original AS o WHERE o.name = f.name) AS rows, jsonb_array_length(json) AS exported FROM file AS f ORDER BY number;

CREATE FUNCTION pg_temp.empty_store() RETURNS void LANGUAGE sql AS $$
    DELETE FROM ipam.ip_address; DELETE FROM ipam.ip_range; DELETE FROM ipam.ip_subnet; DELETE FROM ipam.ip_block; DELETE FROM ipam.address_space WHERE id > 1;
    DELETE FROM ipam.custom_field_value WHERE built_in_value_number IS NULL; DELETE FROM ipam.custom_field WHERE id > 100;
$$;
CREATE FUNCTION pg_temp.differences() RETURNS TABLE (what text, name text, data jsonb) LANGUAGE sql AS $$
    (SELECT 'missing', * FROM original EXCEPT ALL SELECT 'missing', k.name, r FROM kind AS k, pg_temp.rows(k.name) AS r)
    UNION ALL
    (SELECT 'new', k.name, r FROM kind AS k, pg_temp.rows(k.name) AS r EXCEPT ALL SELECT 'new', * FROM original)
    UNION ALL
    SELECT 'csv', f.name, NULL FROM file AS f WHERE csv IS DISTINCT FROM (SELECT string_agg(l, E'\n' ORDER BY n) FROM ipam.export_csv(f.name) WITH ORDINALITY AS e(l, n))
    UNION ALL
    SELECT 'json', f.name, NULL FROM file AS f WHERE json IS DISTINCT FROM (SELECT coalesce(jsonb_agg(o ORDER BY n), '[]') FROM ipam.export_json(f.name) WITH ORDINALITY AS e(o, n))
$$;

SELECT pg_temp.empty_store();
SELECT f.name, i.* FROM (SELECT * FROM file ORDER BY number) AS f, ipam.import_csv(f.name, f.csv, include_ms_dhcp => true) AS i;
SELECT * FROM pg_temp.differences();

SELECT pg_temp.empty_store();
SELECT f.name, i.* FROM (SELECT * FROM file ORDER BY number) AS f, ipam.import_json(f.name, f.json, include_ms_dhcp => true) AS i;
SELECT * FROM pg_temp.differences();

-- Once more: everything is there already, nothing comes twice. (A block or range conflicts with itself.)
SELECT f.name, i.sqlstate, i.fault, count(*)
FROM (SELECT * FROM file WHERE name <> 'ip_address' ORDER BY number) AS f, ipam.import_csv(f.name, f.csv, include_ms_dhcp => true) AS i
GROUP BY f.number, f.name, i.sqlstate, i.fault ORDER BY f.number;
ROLLBACK;
