-- What a session has found before it finds faster again, and never instead of what is there now.
\set SHOW_CONTEXT never
\set VERBOSITY terse
DROP EXTENSION ipam;
CREATE EXTENSION ipam;
CALL ipam.provision();
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'site');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.1', '10.0.0.9') RETURNING id AS one \gset
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.1.1', '10.0.1.9') RETURNING id AS two \gset
SELECT ipam.get_free_ip_addresses(:one) AS one, ipam.get_free_ip_addresses(:two) AS two;

-- Another range lies where the row of the first one was.
DELETE FROM ipam.ip_range WHERE id = :one;
VACUUM ipam.ip_range;
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.3.1', '10.0.3.9') RETURNING id AS three \gset
SELECT ipam.get_free_ip_addresses(:one);
SELECT ipam.get_free_ip_addresses(:three) AS three;

-- The row is changed and deleted, also by what is rolled back.
UPDATE ipam.ip_range SET reserved_addresses = '{[10.0.1.1,10.0.1.2]}' WHERE id = :two;
SELECT ipam.get_free_ip_addresses(:two);
BEGIN;
UPDATE ipam.ip_range SET virtual_addresses = '{[10.0.1.3,10.0.1.4]}' WHERE id = :two;
SELECT ipam.get_free_ip_addresses(:two);
SAVEPOINT s;
DELETE FROM ipam.ip_range WHERE id = :two;
SELECT ipam.get_free_ip_addresses(:two);
ROLLBACK TO s;
SELECT ipam.get_free_ip_addresses(:two);
ROLLBACK;
SELECT ipam.get_free_ip_addresses(:two);

-- The table is made anew: the rows lie elsewhere, and in another file.
VACUUM FULL ipam.ip_range;
VACUUM FULL ipam.common_property;
SELECT ipam.get_free_ip_addresses(:two) AS two, ipam.get_free_ip_addresses(:three) AS three;

-- The page of the row is cut off: four rows make a page, the last ones go.
INSERT INTO ipam.ip_range (start_address, end_address, description)
SELECT '10.0.10.1'::inet + 256 * i, '10.0.10.9'::inet + 256 * i, repeat('x', 1700) FROM generate_series(0, 39) AS i;
SELECT max(id) AS last FROM ipam.ip_range \gset
SELECT ipam.get_free_ip_addresses(:last);
DELETE FROM ipam.ip_range WHERE start_address >= '10.0.10.1';
VACUUM ipam.ip_range;
SELECT ipam.get_free_ip_addresses(:last);

-- What one role has found another one need not be allowed to see.
CREATE ROLE regress_ipam_reader;
GRANT USAGE ON SCHEMA ipam TO regress_ipam_reader;
GRANT EXECUTE ON FUNCTION ipam.get_free_ip_addresses TO regress_ipam_reader;
SELECT ipam.get_free_ip_addresses(:two);
SET ROLE regress_ipam_reader;
SELECT ipam.get_free_ip_addresses(:two);
RESET ROLE;
GRANT SELECT (id, start_address, end_address, managed_by, managed_by_entity, address_space_id, reserved_addresses, virtual_addresses, quarantine)
    ON ipam.ip_range TO regress_ipam_reader;
SET ROLE regress_ipam_reader;
SELECT ipam.get_free_ip_addresses(:two);
RESET ROLE;
REVOKE SELECT (quarantine) ON ipam.ip_range FROM regress_ipam_reader;
SET ROLE regress_ipam_reader;
SELECT ipam.get_free_ip_addresses(:two);
RESET ROLE;
GRANT SELECT ON ipam.ip_range TO regress_ipam_reader;
ALTER TABLE ipam.ip_range ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON ipam.ip_range USING (start_address = '10.0.3.1');
SET ROLE regress_ipam_reader;
SELECT ipam.get_free_ip_addresses(:three);
SELECT ipam.get_free_ip_addresses(:two);
RESET ROLE;
DROP POLICY own ON ipam.ip_range;
ALTER TABLE ipam.ip_range DISABLE ROW LEVEL SECURITY;
SET ROLE regress_ipam_reader;
SELECT ipam.get_free_ip_addresses(:two);
RESET ROLE;
DROP OWNED BY regress_ipam_reader;
DROP ROLE regress_ipam_reader;

-- The gate looks at the store as it is.
BEGIN;
UPDATE ipam.common_property SET value = '0.9' WHERE name = 'DatabaseSchemaVersion';
SELECT ipam.get_free_ip_addresses(:two);
ROLLBACK;
SELECT ipam.get_free_ip_addresses(:two);
BEGIN;
UPDATE ipam.common_property SET value = NULL WHERE name = 'IpamConfiguredDate';
SELECT ipam.get_free_ip_addresses(:two);
ROLLBACK;
SELECT ipam.get_free_ip_addresses(:two);
BEGIN;
UPDATE pg_extension SET extversion = '99' WHERE extname = 'ipam';
SELECT ipam.get_free_ip_addresses(:two);
ROLLBACK;
SELECT ipam.get_free_ip_addresses(:two);
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM ipam.common_property;
SELECT ipam.get_free_ip_addresses(:two);
ROLLBACK;
SELECT ipam.get_free_ip_addresses(:two);

-- And at the tables that there are now.
REINDEX INDEX CONCURRENTLY ipam.ip_address_range_id_address_idx;
INSERT INTO ipam.ip_address (address) VALUES ('10.0.3.1'), ('10.0.3.3');
SELECT ipam.get_free_ip_addresses(:three, count => 2);
DROP EXTENSION ipam;
CREATE EXTENSION ipam;
SELECT ipam.get_free_ip_addresses(:two);
CALL ipam.provision();
SELECT ipam.get_free_ip_addresses(:two);
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'site');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.7.1', '10.0.7.9') RETURNING id AS one \gset
INSERT INTO ipam.ip_address (address) VALUES ('10.0.7.1');
SELECT ipam.get_free_ip_addresses(:one);
DROP EXTENSION ipam;
CREATE EXTENSION ipam;
