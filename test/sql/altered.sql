-- Whoever owns the tables can alter them. What reads them without SQL says what it misses.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store

INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan');
INSERT INTO ipam.ip_range (start_address, end_address, quarantine) VALUES ('10.0.0.1', '10.0.0.9', '1 day') RETURNING id AS range \gset
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.1');

-- A column that has another name now,
SAVEPOINT s;
ALTER TABLE ipam.ip_range RENAME COLUMN end_address TO last_address;
SELECT * FROM ipam.get_free_ip_addresses(:range);
ROLLBACK TO s;

-- one that has another type,
SAVEPOINT s;
ALTER TABLE ipam.occupancy RENAME COLUMN first_address TO inet_address;
ALTER TABLE ipam.occupancy ADD COLUMN first_address text;
SELECT ipam.confirm_occupancy(:range, '10.0.0.1', '10.0.0.9');
ROLLBACK TO s;

-- one that has become NULL,
SAVEPOINT s;
ALTER TABLE ipam.released_address ALTER COLUMN released_at DROP NOT NULL, DROP CONSTRAINT released_address_released_at;
INSERT INTO ipam.released_address VALUES (:range, '10.0.0.2', NULL);
SELECT * FROM ipam.get_free_ip_addresses(:range);
ROLLBACK TO s;

-- also in a subnet that comes,
SAVEPOINT s;
ALTER TABLE ipam.ip_subnet ALTER network DROP NOT NULL, ALTER extent DROP NOT NULL, ALTER address_space_id DROP NOT NULL, ALTER virtualization_type DROP NOT NULL,
    DROP CONSTRAINT ip_subnet_check_1_prefix_length, DROP CONSTRAINT ip_subnet_check_2_category;
INSERT INTO ipam.ip_subnet (network, name, use_for_utilization, virtualization_type) VALUES (NULL, 'x', true, 'NonVirtualized');
INSERT INTO ipam.ip_subnet (network, name, address_space_id, use_for_utilization, virtualization_type) VALUES ('10.0.1.0/24', 'x', NULL, true, 'NonVirtualized');
-- or is there: it can be mended.
ALTER TABLE ipam.ip_subnet DISABLE TRIGGER USER;
INSERT INTO ipam.ip_subnet (network, name, address_space_id, use_for_utilization, virtualization_type) VALUES
    (NULL, 'network', 1, true, 'NonVirtualized'), ('10.0.2.0/24', 'space', NULL, true, 'NonVirtualized'), ('10.0.3.0/24', 'type', 1, true, NULL);
ALTER TABLE ipam.ip_subnet ENABLE TRIGGER USER;
UPDATE ipam.ip_subnet SET use_for_utilization = true WHERE name IN ('network', 'space');
UPDATE ipam.ip_subnet SET virtualization_type = 'Virtual' WHERE name = 'network';
UPDATE ipam.ip_subnet SET network = '10.0.1.0/24' WHERE name = 'network';
UPDATE ipam.ip_subnet SET address_space_id = 1 WHERE name = 'space';
UPDATE ipam.ip_subnet SET virtualization_type = 'NonVirtualized' WHERE name = 'type';
SELECT network, name, address_space_id, use_for_utilization, virtualization_type FROM ipam.ip_subnet ORDER BY network;
ROLLBACK TO s;

-- and a view in the place of the table.
SAVEPOINT s;
ALTER TABLE ipam.ip_range RENAME TO ranges;
CREATE VIEW ipam.ip_range AS SELECT * FROM ipam.ranges;
SELECT * FROM ipam.get_free_ip_addresses(:range);
ROLLBACK TO s;

-- Another index in the name of one: it lacks rows,
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8') RETURNING id AS block \gset
INSERT INTO ipam.ip_block (network) VALUES ('10.1.0.0/16');
SELECT id AS subnet FROM ipam.ip_subnet \gset
SAVEPOINT s;
DROP INDEX ipam.occupancy_hole_range_id_address_idx;
CREATE INDEX occupancy_hole_range_id_address_idx ON ipam.occupancy_hole (range_id, address) WHERE range_id > 100;
SELECT ipam.confirm_occupancy(:range, '10.0.0.1', '10.0.0.9');
ROLLBACK TO s;
DROP INDEX ipam.ip_block_parent_id_idx;
CREATE INDEX ip_block_parent_id_idx ON ipam.ip_block (parent_id, start_address, end_address) WHERE id > 100;
SELECT ipam.get_free_ip_subnets(:block, 16, 2);
ROLLBACK TO s;
DROP INDEX ipam.ip_range_quarantine_idx;
CREATE INDEX ip_range_quarantine_idx ON ipam.ip_range (id) WHERE quarantine > '2 days';
DELETE FROM ipam.ip_address;
ROLLBACK TO s;

-- has them in another order
DROP INDEX ipam.ip_range_start_address_idx;
CREATE INDEX ip_range_start_address_idx ON ipam.ip_range (address_space_id, start_address DESC, end_address);
SELECT ipam.get_free_ip_ranges(:subnet, 9, 2);
ROLLBACK TO s;
DROP INDEX ipam.ip_range_service_idx;
CREATE INDEX ip_range_service_idx ON ipam.ip_range (address_space_id, managed_by, managed_by_entity, start_address, end_address);
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.2');
ROLLBACK TO s;

DROP INDEX ipam.ip_range_service_idx;
CREATE INDEX ip_range_service_idx ON ipam.ip_range (address_space_id, managed_by, managed_by_entity, start_address DESC);
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.2');
ROLLBACK TO s;
-- is in another collation,
DROP INDEX ipam.ip_range_service_idx;
CREATE INDEX ip_range_service_idx ON ipam.ip_range (address_space_id, managed_by COLLATE "POSIX", managed_by_entity, start_address DESC, end_address);
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.2');
ROLLBACK TO s;
-- is on other columns of the same types
DROP INDEX ipam.ip_range_service_idx;
CREATE INDEX ip_range_service_idx ON ipam.ip_range (address_space_id, managed_by_entity, managed_by, start_address DESC, end_address);
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.2');
ROLLBACK TO s;
DROP INDEX ipam.ip_address_range_id_address_idx;
CREATE UNIQUE INDEX ip_address_range_id_address_idx ON ipam.ip_address (id, address);
SELECT * FROM ipam.get_free_ip_addresses(:range);
ROLLBACK TO s;
DROP INDEX ipam.ip_range_start_address_idx;
CREATE INDEX ip_range_start_address_idx ON ipam.ip_range (address_space_id, start_address, start_address);
SELECT ipam.get_free_ip_ranges(:subnet, 9, 2);
ROLLBACK TO s;
-- or on an expression,
DROP INDEX ipam.ip_block_parent_id_idx;
CREATE INDEX ip_block_parent_id_idx ON ipam.ip_block ((parent_id + 1), start_address, end_address);
SELECT ipam.get_free_ip_subnets(:block, 16, 2);
ROLLBACK TO s;
-- has a column more, which may be NULL,
DROP INDEX ipam.ip_address_range_id_address_idx;
CREATE UNIQUE INDEX ip_address_range_id_address_idx ON ipam.ip_address (range_id, address) INCLUDE (device_name);
SELECT * FROM ipam.get_free_ip_addresses(:range);
SELECT * FROM ipam.count_used_ip_addresses(:range);
ROLLBACK TO s;
-- or is of another kind.
DROP INDEX ipam.ip_block_parent_id_idx;
CREATE INDEX ip_block_parent_id_idx ON ipam.ip_block USING gist (parent_id, start_address, end_address);
SELECT ipam.get_free_ip_subnets(:block, 16, 2);
ROLLBACK TO s;

-- A row by its id is found without the index.
SET LOCAL client_min_messages = warning;
ALTER TABLE ipam.ip_range DROP CONSTRAINT ip_range_pkey CASCADE;
CREATE UNIQUE INDEX ip_range_pkey ON ipam.ip_range (id) WHERE id > 100;
UPDATE ipam.ip_range SET description = 'moved';
SELECT * FROM ipam.get_free_ip_addresses(:range);
ROLLBACK TO s;
SET LOCAL client_min_messages = warning;
ALTER TABLE ipam.ip_range DROP CONSTRAINT ip_range_pkey CASCADE;
CREATE INDEX ip_range_pkey ON ipam.ip_range (subnet_id);
UPDATE ipam.ip_range SET description = 'moved';
SELECT * FROM ipam.get_free_ip_addresses(:range);
ROLLBACK TO s;

-- The tables of occupancy are written without SQL: they have nothing that would need more than a row's values.
UPDATE ipam.ip_range SET quarantine = NULL;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.0.0/16', 'site');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.1.0.1', '10.1.31.255') RETURNING id AS large \gset
INSERT INTO ipam.ip_address (address) SELECT '10.1.0.1'::inet + i FROM generate_series(0, 8190) AS i;
INSERT INTO ipam.occupancy VALUES (:large, '10.1.0.1', '10.1.31.255', true);
SAVEPOINT s;
ALTER TABLE ipam.occupancy_hole ADD a text, ADD b text, ADD c text, ADD d text;
DELETE FROM ipam.ip_address WHERE address = '10.1.4.1';
ALTER TABLE ipam.occupancy_hole DROP a, DROP b, DROP c, DROP d;
DELETE FROM ipam.ip_address WHERE address = '10.1.4.1';
SELECT range_id = :large AS is_there FROM ipam.occupancy_hole;
ROLLBACK TO s;
SAVEPOINT s;
CREATE INDEX of_ones_own ON ipam.occupancy_hole (host(address));
DELETE FROM ipam.ip_address WHERE address = '10.1.4.1';
ROLLBACK TO s;
SAVEPOINT s;
CREATE INDEX of_ones_own ON ipam.occupancy_hole (address) WHERE range_id = 2;
DELETE FROM ipam.ip_address WHERE address = '10.1.4.1';
ROLLBACK TO s;
SAVEPOINT s;
CREATE INDEX of_ones_own ON ipam.occupancy_hole (address);
DELETE FROM ipam.ip_address WHERE address = '10.1.4.1';
ROLLBACK TO s;
SAVEPOINT s;
ALTER TABLE ipam.occupancy ADD a text, ADD b text, ADD c text, ADD d text;
SELECT ipam.propose_occupancy(:large, '10.1.0.1', '10.1.31.255');
ROLLBACK TO s;

-- A column of one's own disturbs nothing.
SAVEPOINT s;
ALTER TABLE ipam.ip_range ADD COLUMN colour text;
ALTER TABLE ipam.ip_address ADD COLUMN colour text;
SELECT * FROM ipam.get_free_ip_addresses(:range);
INSERT INTO ipam.ip_address (address, colour) VALUES ('10.0.0.2', 'red') RETURNING range_id = :range AS is_mapped;
ROLLBACK TO s;

ROLLBACK;
