-- Occupancy: whatever releases an address, the search offers it, also where it jumps.
\set SHOW_CONTEXT never
CALL ipam.provision();
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/16', 'site'), ('2001:db8::/64', 'six');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.1', '10.0.79.255') RETURNING id AS r \gset
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('2001:db8::', '2001:db8::1fff') RETURNING id AS six \gset
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.200.1', '10.0.200.9') RETURNING id AS other \gset
INSERT INTO ipam.ip_address (address) SELECT '10.0.0.1'::inet + i FROM generate_series(0, 20478) AS i;
INSERT INTO ipam.ip_address (address) SELECT '2001:db8::'::inet + i FROM generate_series(0, 8191) AS i WHERE i <> 5000;

CALL ipam.rebuild_occupancy();
SELECT o.first_address, o.last_address, o.is_confirmed FROM ipam.occupancy AS o JOIN ipam.ip_range AS r ON r.id = o.range_id ORDER BY 1;
SELECT * FROM ipam.get_free_ip_addresses(:r, count => NULL);
SELECT * FROM ipam.get_free_ip_addresses(:six, count => NULL);
SELECT ipam.count_used_ip_addresses(:r), ipam.count_used_ip_addresses(:six), ipam.count_used_ip_addresses(:other), ipam.count_used_ip_addresses(0);
-- Too short a stretch is not worth a row; it is walked.
SELECT count(*) FROM ipam.occupancy WHERE first_address >= '2001:db8::1389';

-- Allocation jumps from both ends: to the hole, and past what is believed to be full.
BEGIN;
SELECT address FROM ipam.allocate_ip_addresses(:six, direction => 'Highest');
DO $$
DECLARE
    range bigint := (SELECT r.id FROM ipam.ip_range AS r WHERE r.start_address = '10.0.0.1');
    released inet;
    way ipam.allocation_direction;
    found inet;
BEGIN
    FOREACH released IN ARRAY '{10.0.0.1,10.0.0.2,10.0.3.255,10.0.4.0,10.0.4.1,10.0.7.255,10.0.8.0,10.0.39.255,10.0.78.7,10.0.79.254,10.0.79.255}'::inet[] LOOP
        FOREACH way IN ARRAY '{Highest,Lowest}'::ipam.allocation_direction[] LOOP
            DELETE FROM ipam.ip_address AS a WHERE a.range_id = range AND a.address = released;
            SELECT a.address INTO found FROM ipam.allocate_ip_addresses(range, direction => way) AS a;
            ASSERT found = released, format('%s finds %s, not %s', way, found, released);
        END LOOP;
    END LOOP;
END
$$;
SELECT count(*) AS holes FROM ipam.occupancy_hole;
DELETE FROM ipam.ip_address WHERE address IN ('10.0.0.9', '10.0.40.9', '10.0.70.3');
SELECT address FROM ipam.allocate_ip_addresses(:r, 3, direction => 'Highest');
DELETE FROM ipam.ip_address WHERE address = '10.0.20.0';
DELETE FROM ipam.occupancy_hole;
SAVEPOINT s;
ROLLBACK TO s; -- the session forgets where it has been
\set VERBOSITY sqlstate
SELECT address FROM ipam.allocate_ip_addresses(:r, direction => 'Highest');
ROLLBACK TO s;
SELECT address FROM ipam.allocate_ip_addresses(:r, direction => 'Lowest');
ROLLBACK;
\set VERBOSITY default

-- Released by DELETE, by a move, by a change of service; recorded again.
CREATE VIEW free AS
SELECT (SELECT string_agg(f::text, ' ') FROM ipam.free_ranges(r.id) AS f) AS free, (SELECT count(*) FROM ipam.occupancy_hole WHERE range_id = r.id) AS holes,
       (SELECT count(*) FROM ipam.check_occupancy()) AS wrong
FROM ipam.ip_range AS r WHERE r.start_address = '10.0.0.1';
DELETE FROM ipam.ip_address WHERE address IN ('10.0.4.0', '10.0.4.1', '10.0.70.0');
TABLE free;
UPDATE ipam.ip_address SET address = '10.0.200.1' WHERE address = '10.0.20.0';
UPDATE ipam.ip_address SET managed_by = 'Others' WHERE address = '10.0.30.0';
UPDATE ipam.ip_address SET notes = 'a change that releases nothing' WHERE address = '10.0.40.0';
TABLE free;
INSERT INTO ipam.ip_address (address) VALUES ('10.0.4.0'), ('10.0.4.1');
MERGE INTO ipam.ip_address AS a USING (VALUES ('10.0.50.0'::inet)) AS v (address) ON a.address = v.address AND a.address_space_id = 1 WHEN MATCHED THEN DELETE;
INSERT INTO ipam.ip_address (address) VALUES ('10.0.51.0') ON CONFLICT (address_space_id, address, managed_by, managed_by_entity) DO UPDATE SET address = '10.0.200.2';
TABLE free;
-- In one transaction: what it has released it sees; what it has taken back is not there.
BEGIN;
SAVEPOINT before;
DELETE FROM ipam.ip_address WHERE address = '10.0.60.0';
TABLE free;
ROLLBACK TO before;
TABLE free;
DELETE FROM ipam.ip_address WHERE address = '10.0.60.1';
TABLE free;
COMMIT;

-- A range that shrinks gives addresses away, one that grows gets them back; stretches stay right.
UPDATE ipam.ip_range SET end_address = '10.0.40.255' WHERE id = :r;
TABLE free;
UPDATE ipam.ip_range SET end_address = '10.0.79.255' WHERE id = :r;
TABLE free;
CALL ipam.rebuild_occupancy(:r);
TABLE free;
SELECT first_address, last_address FROM ipam.occupancy WHERE range_id = :r ORDER BY 1;
-- Ranges that are gone, and parts that a range has lost, leave nothing that matters, and it is cleaned up.
DELETE FROM ipam.ip_range WHERE id = :six;
UPDATE ipam.ip_range SET start_address = '10.0.30.1' WHERE id = :r;
SELECT * FROM ipam.check_occupancy();
CALL ipam.rebuild_occupancy();
SELECT first_address, last_address FROM ipam.occupancy;
SELECT count(*) FROM ipam.occupancy_hole;
UPDATE ipam.ip_range SET start_address = '10.0.0.1' WHERE id = :r;

-- A wrong claim is found, and put right.
INSERT INTO ipam.occupancy VALUES (:other, '10.0.200.1', '10.0.200.9', true);
SELECT first_address, last_address, free_addresses FROM ipam.check_occupancy();
CALL ipam.rebuild_occupancy(:other);
SELECT * FROM ipam.check_occupancy();

-- Serializable transactions do without.
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM ipam.get_free_ip_addresses(:r, count => NULL);
COMMIT;

CALL ipam.rebuild_occupancy(4711);
-- Steps that make no sense.
SELECT ipam.propose_occupancy(:r, '10.0.0.1', '2001:db8::1');
SELECT ipam.propose_occupancy(:r, '10.0.0.1', '10.0.79.255', 0);
SELECT ipam.confirm_occupancy(:r, '10.0.79.255', '10.0.0.1');
-- What nobody else can see yet says nothing, and a transaction that only reads leaves nothing.
BEGIN;
DELETE FROM ipam.occupancy;
SELECT used FROM ipam.propose_occupancy(:r, '10.0.0.1', '10.0.79.255');
SELECT ipam.confirm_occupancy(:r, '10.0.0.1', '10.0.79.255');
SELECT bool_or(is_confirmed) FROM ipam.occupancy;
ROLLBACK;
BEGIN READ ONLY;
SELECT ipam.propose_occupancy(:r, '10.0.0.1', '10.0.79.255');
ROLLBACK;
BEGIN READ ONLY;
SELECT ipam.confirm_occupancy(:r, '10.0.0.1', '10.0.79.255');
ROLLBACK;

-- What nobody gets to confirm is proposed once.
SELECT used > 0 AS proposed FROM ipam.propose_occupancy(:r, '10.0.0.1', '10.0.79.255');
SELECT count(*) > 0 AS some, count(DISTINCT first_address) = count(*) AS once FROM ipam.occupancy WHERE NOT is_confirmed;
SELECT used > 0 AS proposed FROM ipam.propose_occupancy(:r, '10.0.0.1', '10.0.79.255');
SELECT count(*) > 0 AS some, count(DISTINCT first_address) = count(*) AS once FROM ipam.occupancy WHERE NOT is_confirmed;

-- A transaction that releases, confirms and releases again.
CALL ipam.rebuild_occupancy();
BEGIN;
DELETE FROM ipam.ip_address WHERE address = '10.0.10.1';
INSERT INTO ipam.ip_address (address) VALUES ('10.0.10.1');
SELECT ipam.confirm_occupancy(:r, '10.0.0.1', '10.0.79.255') > 0 AS confirmed;
DELETE FROM ipam.ip_address WHERE address = '10.0.10.1';
SELECT * FROM ipam.check_occupancy();
SELECT '10.0.10.1' IN (SELECT ipam.get_free_ip_addresses(:r, count => NULL)) AS is_offered;
ROLLBACK;
-- Subtransactions that are rolled back leave no memory behind.
BEGIN;
DO $$
BEGIN
    FOR i IN 1 .. 200 LOOP
        BEGIN
            DELETE FROM ipam.ip_address WHERE address = '10.0.10.1';
            RAISE EXCEPTION 'not this one';
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
END
$$;
SELECT count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'ipam %';
DELETE FROM ipam.ip_address WHERE address = '10.0.10.1';
SELECT name FROM pg_backend_memory_contexts WHERE name LIKE 'ipam %' ORDER BY 1;
ROLLBACK;

-- Where the triggers do not fire for everybody, occupancy is neither believed nor made.
BEGIN;
ALTER TABLE ipam.ip_address DISABLE TRIGGER USER;
DELETE FROM ipam.ip_address WHERE address = '10.0.12.1';
ALTER TABLE ipam.ip_address ENABLE TRIGGER USER;
SELECT '10.0.12.1' IN (SELECT ipam.get_free_ip_addresses(:r, count => NULL)) AS is_offered;
SAVEPOINT s;
SELECT ipam.propose_occupancy(:r, '10.0.0.1', '10.0.79.255');
ROLLBACK TO s;
-- As the hint says. What was released meanwhile has no hole: the stretches have to go before they are believed again.
TRUNCATE ipam.occupancy, ipam.occupancy_hole;
ALTER TABLE ipam.ip_address ENABLE ALWAYS TRIGGER open_occupancy_holes, ENABLE ALWAYS TRIGGER open_occupancy_hole,
    ENABLE REPLICA TRIGGER open_replicated_occupancy_hole, ENABLE ALWAYS TRIGGER forget_occupancy;
SELECT used > 0 AS proposed FROM ipam.propose_occupancy(:r, '10.0.0.1', '10.0.79.255');
SELECT '10.0.12.1' IN (SELECT ipam.get_free_ip_addresses(:r, count => NULL)) AS is_offered;
ROLLBACK;
BEGIN;
ALTER TABLE ipam.ip_address DISABLE TRIGGER open_replicated_occupancy_hole;
SELECT ipam.confirm_occupancy(:r, '10.0.0.1', '10.0.79.255');
ROLLBACK;

-- A crash empties an unlogged table, and not what is known of its addresses: that is not believed either.
BEGIN;
ALTER TABLE ipam.ip_address SET UNLOGGED;
ALTER TABLE ipam.ip_address DISABLE TRIGGER USER;
DELETE FROM ipam.ip_address WHERE address = '10.0.12.1'; -- as a crash does, without a hole
ALTER TABLE ipam.ip_address ENABLE ALWAYS TRIGGER open_occupancy_holes, ENABLE ALWAYS TRIGGER open_occupancy_hole,
    ENABLE REPLICA TRIGGER open_replicated_occupancy_hole, ENABLE ALWAYS TRIGGER forget_occupancy;
SELECT '10.0.12.1' IN (SELECT ipam.get_free_ip_addresses(:r, count => NULL)) AS is_offered;
SAVEPOINT s;
SELECT ipam.propose_occupancy(:r, '10.0.0.1', '10.0.79.255');
ROLLBACK TO s;
SELECT finished FROM ipam.convert_occupancy(NULL, 1000);
ROLLBACK;
BEGIN;
ALTER TABLE ipam.occupancy_hole SET UNLOGGED;
SELECT ipam.confirm_occupancy(:r, '10.0.0.1', '10.0.79.255');
ROLLBACK;

-- A range that changes its family leaves nothing that matters.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('2001:db9::/64', 'seven');
INSERT INTO ipam.ip_address (address) SELECT '2001:db9::'::inet + i FROM generate_series(0, 8191) AS i;
UPDATE ipam.ip_range SET start_address = '2001:db9::', end_address = '2001:db9::1fff', network = '2001:db9::/64' WHERE id = :r;
CALL ipam.rebuild_occupancy(:r);
SELECT first_address, last_address FROM ipam.occupancy WHERE range_id = :r ORDER BY 1;
SELECT count(*) FROM ipam.occupancy_hole WHERE range_id = :r;
INSERT INTO ipam.occupancy_hole VALUES (:r, '10.0.0.0');
DELETE FROM ipam.ip_address WHERE address = '2001:db9::1';
SELECT * FROM ipam.check_occupancy();
SELECT ipam.get_free_ip_addresses(:r);

TRUNCATE ipam.ip_address;
SELECT (SELECT count(*) FROM ipam.occupancy) AS stretches, (SELECT count(*) FROM ipam.occupancy_hole) AS holes;
SELECT count(*) FROM ipam.get_free_ip_addresses(:r, count => NULL);
DROP VIEW free;
DROP EXTENSION ipam;
CREATE EXTENSION ipam;
