-- Addresses: the range of an address stays right, whatever happens to addresses and ranges.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (9, 'dhcp2');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method) VALUES ('Blue', 'Customer', 1, 'VXLAN');
SELECT id AS blue FROM ipam.address_space WHERE name = 'Blue' \gset
INSERT INTO ipam.ip_subnet (address_space_id, network, name)
VALUES (1, '10.0.0.0/24', 'lan'), (1, '2001:db8::/64', 'lan6'), (:blue, '10.0.0.0/24', 'blue lan');
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address, managed_by, managed_by_entity)
VALUES (1, '10.0.0.10', '10.0.0.19', 'IPAM', 'Localhost'), (1, '10.0.0.30', '10.0.0.39', 'IPAM', 'Localhost'), (1, '10.0.0.10', '10.0.0.39', 'Others', 'dhcp1'),
       (1, '10.0.0.100', '10.0.0.150', 'MS DHCP', 'dhcp1'), (1, '10.0.0.140', '10.0.0.200', 'MS DHCP', 'dhcp1'),
       (1, '10.0.0.140', '10.0.0.160', 'MS DHCP', 'dhcp1'), (1, '10.0.0.100', '10.0.0.150', 'MS DHCP', 'dhcp2'),
       (1, '2001:db8::10', '2001:db8::1f', 'IPAM', 'Localhost'), (:blue, '10.0.0.10', '10.0.0.19', 'IPAM', 'Localhost');
CREATE TEMP VIEW mapping AS
SELECT a.address, s.name AS space, a.managed_by, a.managed_by_entity AS entity, r.extent AS range, a.virtualization_type AS type
FROM ipam.ip_address AS a JOIN ipam.address_space AS s ON s.id = a.address_space_id LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id
ORDER BY s.id, a.address, a.managed_by, a.managed_by_entity;
-- What the mapping should be, worked out without the extension's own search; differences: none.
CREATE TEMP VIEW wrong_mapping AS
SELECT a.address, a.managed_by, a.range_id, expected.id AS expected
FROM ipam.ip_address AS a LEFT JOIN LATERAL (
    SELECT r.id FROM ipam.ip_range AS r
    WHERE r.address_space_id = a.address_space_id AND r.managed_by = a.managed_by AND r.managed_by_entity = a.managed_by_entity
      AND a.address BETWEEN r.start_address AND r.end_address AND family(a.address) = family(r.start_address)
    ORDER BY r.start_address DESC, r.end_address LIMIT 1) AS expected ON true
WHERE a.range_id IS DISTINCT FROM expected.id;

-- First and last address of a range, before and behind; the same address by another service; another space.
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.9'), ('10.0.0.10'), ('10.0.0.19'), ('10.0.0.20'), ('10.0.0.35'), ('2001:db8::f'), ('2001:db8::10'), ('2001:db8::20');
INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity) VALUES ('10.0.0.10', 'Others', 'dhcp1'), ('10.0.0.10', 'Others', 'Localhost'), ('10.0.0.20', 'Others', 'dhcp1');
INSERT INTO ipam.ip_address (address_space_id, address) VALUES (:blue, '10.0.0.10'), (:blue, '10.0.0.35');
-- Overlapping DHCP ranges: the one that starts last, and of those the one that ends first.
INSERT INTO ipam.ip_address (address, managed_by, managed_by_entity)
VALUES ('10.0.0.120', 'MS DHCP', 'dhcp1'), ('10.0.0.145', 'MS DHCP', 'dhcp1'), ('10.0.0.161', 'MS DHCP', 'dhcp1'), ('10.0.0.120', 'MS DHCP', 'dhcp2'), ('10.0.0.99', 'MS DHCP', 'dhcp1');
SELECT * FROM mapping;
SELECT * FROM wrong_mapping;

-- The same address of the same service instance is recorded once.
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.10');
-- The range is the database's business; asking for the right one is fine.
INSERT INTO ipam.ip_address (address, range_id) SELECT '10.0.0.11', id FROM ipam.ip_range WHERE start_address = '10.0.0.10' AND managed_by = 'IPAM' AND address_space_id = 1;
UPDATE ipam.ip_address SET range_id = NULL WHERE address = '10.0.0.11';
SELECT * FROM wrong_mapping;

-- Ranges shrink, grow, move, change hands, go and come: addresses follow.
UPDATE ipam.ip_range SET end_address = '10.0.0.18' WHERE start_address = '10.0.0.10' AND managed_by = 'IPAM';
SELECT * FROM mapping WHERE address = '10.0.0.19';
SELECT * FROM wrong_mapping;
UPDATE ipam.ip_range SET start_address = '10.0.0.9', end_address = '10.0.0.29' WHERE start_address = '10.0.0.10' AND managed_by = 'IPAM' AND address_space_id = 1;
SELECT * FROM mapping WHERE address <<= '10.0.0.0/27' AND managed_by = 'IPAM' AND space <> 'Blue';
SELECT * FROM wrong_mapping;
UPDATE ipam.ip_range SET start_address = '10.0.0.201', end_address = '10.0.0.210' WHERE start_address = '10.0.0.9';
SELECT * FROM wrong_mapping;
UPDATE ipam.ip_range SET managed_by = 'IPAM', managed_by_entity = 'Localhost', end_address = '10.0.0.29' WHERE managed_by = 'Others';
SELECT * FROM mapping WHERE address <= '10.0.0.20';
SELECT * FROM wrong_mapping;
DELETE FROM ipam.ip_range WHERE start_address = '10.0.0.140' AND end_address = '10.0.0.160';
SELECT * FROM mapping WHERE managed_by = 'MS DHCP';
SELECT * FROM wrong_mapping;
UPDATE ipam.ip_range SET end_address = '10.0.0.145' WHERE end_address = '10.0.0.200';
SELECT * FROM wrong_mapping;
DELETE FROM ipam.ip_range WHERE managed_by <> 'MS DHCP';
SELECT count(*) AS addresses, count(range_id) AS mapped FROM ipam.ip_address;
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address) VALUES (1, '10.0.0.1', '10.0.0.254'), (:blue, '10.0.0.1', '10.0.0.254'), (1, '2001:db8::', '2001:db8::ff');
SELECT * FROM wrong_mapping;

-- Addresses move, change hands and spaces.
UPDATE ipam.ip_address SET address = '10.0.9.9' WHERE address = '10.0.0.9';
UPDATE ipam.ip_address SET address = '2001:db8::100' WHERE address = '2001:db8::20';
UPDATE ipam.ip_address SET managed_by = 'VM Manager' WHERE address = '10.0.0.35' AND address_space_id = 1;
SELECT * FROM mapping WHERE range IS NULL;
SELECT * FROM wrong_mapping;
UPDATE ipam.ip_address SET address_space_id = :blue, virtualization_type = NULL WHERE address = '10.0.0.19' RETURNING address, virtualization_type;
UPDATE ipam.ip_address SET address_space_id = 1 WHERE address = '10.0.0.19'; -- a virtual address stays in its space
SELECT * FROM wrong_mapping;

-- A range and its addresses in one statement, the addresses first or last.
WITH address AS (INSERT INTO ipam.ip_address (address, managed_by) VALUES ('10.0.0.77', 'Non-MS DHCP')),
     range AS (INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.0.0.70', '10.0.0.79', 'Non-MS DHCP'))
INSERT INTO ipam.ip_address (address, managed_by) VALUES ('10.0.0.78', 'Non-MS DHCP');
SELECT * FROM mapping WHERE managed_by = 'Non-MS DHCP';

-- COPY keeps the rule.
COPY ipam.ip_address (address, device_name, mac_address) FROM stdin;
10.0.0.50	alpha	08:00:2b:01:02:03
10.0.0.51	beta	08-00-2b-01-02-04
10.0.200.1	gamma	\N
\.
SELECT a.address, a.device_name, a.mac_address, a.range_id IS NOT NULL AS mapped, a.state, a.device_type, a.address_category FROM ipam.ip_address AS a WHERE device_name IS NOT NULL ORDER BY address;
SELECT * FROM wrong_mapping;
-- One statement, addresses of several spaces and services in turns: each gets the range of its own.
SAVEPOINT before;
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.0.0.60', '10.0.0.89', 'Others');
INSERT INTO ipam.ip_address (address_space_id, address, managed_by, managed_by_entity)
SELECT v.space, inet '10.0.0.0' + i, v.managed_by, v.entity
FROM generate_series(1, 253, 7) AS i, (VALUES (1, 'IPAM', 'Localhost'), (1, 'Others', 'Localhost'), (1, 'Others', 'dhcp1'), (:blue, 'IPAM', 'Localhost'),
    (1, 'MS DHCP', 'dhcp1'), (1, 'MS DHCP', 'dhcp2')) AS v (space, managed_by, entity)
ORDER BY i, v.entity, v.space
ON CONFLICT DO NOTHING;
SELECT * FROM wrong_mapping;
SELECT space, managed_by, entity, range, count(*) FROM mapping WHERE range IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
-- The same rows twice: by ON CONFLICT, by MERGE, and moved to where others have been.
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.0.0.60', '10.0.0.69', 'VM Manager');
INSERT INTO ipam.ip_address (address) SELECT inet '10.0.0.0' + i FROM generate_series(1, 20) AS i
ON CONFLICT (address_space_id, address, managed_by, managed_by_entity) DO UPDATE SET managed_by = 'VM Manager', address = ip_address.address + 60;
SELECT count(*), count(range) FROM mapping WHERE managed_by = 'VM Manager';
SELECT * FROM wrong_mapping;
MERGE INTO ipam.ip_address AS a USING (SELECT inet '10.0.0.0' + i AS address FROM generate_series(50, 120) AS i) AS n
ON a.address = n.address AND a.managed_by = 'Others' AND a.managed_by_entity = 'Localhost'
WHEN MATCHED AND a.address < '10.0.0.80' THEN UPDATE SET address = a.address + 100
WHEN MATCHED THEN DELETE
WHEN NOT MATCHED THEN INSERT (address, managed_by) VALUES (n.address, 'Others');
SELECT * FROM wrong_mapping;
ROLLBACK TO before;

-- A trigger of the user's changes ranges and records addresses in the middle of a statement.
SAVEPOINT before;
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.0.0.60', '10.0.0.89', 'Others');
CREATE FUNCTION pg_temp.interfere() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE NEW.device_name
    WHEN 'shrink' THEN UPDATE ipam.ip_range SET end_address = '10.0.0.69' WHERE managed_by = 'Others';
    WHEN 'split' THEN INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.0.0.70', '10.0.0.89', 'Others');
    WHEN 'leave' THEN UPDATE ipam.ip_range SET end_address = '10.0.0.71' WHERE managed_by = 'Others' AND start_address = '10.0.0.70';
    WHEN 'again' THEN INSERT INTO ipam.ip_address (address, managed_by) VALUES (NEW.address + 5, 'Others'), (NEW.address + 15, 'Others');
    WHEN 'take back' THEN
        BEGIN
            UPDATE ipam.ip_range SET end_address = '10.0.0.99' WHERE end_address = '10.0.0.89';
            INSERT INTO ipam.ip_address (address, managed_by) VALUES ('10.0.0.95', 'Others');
            RAISE 'no';
        EXCEPTION WHEN raise_exception THEN
        END;
    ELSE NULL;
    END CASE;
    RETURN NEW;
END
$$;
CREATE TRIGGER a_interfere BEFORE INSERT ON ipam.ip_address FOR EACH ROW WHEN (NEW.device_name IS NOT NULL) EXECUTE FUNCTION pg_temp.interfere();
INSERT INTO ipam.ip_address (address, managed_by, device_name)
VALUES ('10.0.0.61', 'Others', NULL), ('10.0.0.81', 'Others', 'shrink'), ('10.0.0.82', 'Others', NULL), ('10.0.0.62', 'Others', 'again'), ('10.0.0.83', 'Others', 'split'),
       ('10.0.0.84', 'Others', NULL), ('10.0.0.64', 'Others', 'take back'), ('10.0.0.85', 'Others', 'again'), ('10.0.0.94', 'Others', NULL);
SELECT address, range FROM mapping WHERE managed_by = 'Others';
SELECT * FROM wrong_mapping;
-- Nobody is told that he has the range that he asks for when it has just been taken from there.
INSERT INTO ipam.ip_address (address, managed_by, device_name, range_id)
SELECT v.address, 'Others', v.device_name, r.id
FROM ipam.ip_range AS r, (VALUES (inet '10.0.0.70', NULL), ('10.0.0.71', 'leave'), ('10.0.0.72', NULL)) AS v (address, device_name)
WHERE r.start_address = '10.0.0.70' AND r.managed_by = 'Others';
ROLLBACK TO before;

-- INSERT ... ON CONFLICT works as on any table.
INSERT INTO ipam.ip_address (address, device_name) VALUES ('10.0.0.50', 'delta')
ON CONFLICT (address_space_id, address, managed_by, managed_by_entity) DO UPDATE SET device_name = EXCLUDED.device_name RETURNING address, device_name, range_id IS NOT NULL AS mapped;
-- Savepoints take back a range, and with it the mapping.
SAVEPOINT before;
DELETE FROM ipam.ip_range;
SELECT count(range_id) FROM ipam.ip_address;
ROLLBACK TO before;
SELECT * FROM wrong_mapping;
-- Public multicast and class E addresses may be recorded; they have no category.
INSERT INTO ipam.ip_address (address) VALUES ('239.1.1.1'), ('240.0.0.1'), ('8.8.8.8') RETURNING address, address_category;
ROLLBACK;
