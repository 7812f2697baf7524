-- Of subnets that lie in each other, and of ranges that overlap, one is used for utilization, whatever happens.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (9, 'dhcp2');
INSERT INTO ipam.address_space (name) VALUES ('Fabric A');
SELECT id AS fabric FROM ipam.address_space WHERE name = 'Fabric A' \gset
CREATE VIEW pg_temp.subnets AS
SELECT address_space_id AS space, repeat('  ', (SELECT count(*) FROM ipam.ip_subnet AS e WHERE e.address_space_id = s.address_space_id AND e.network >> s.network)::integer) || network AS network,
       name, use_for_utilization AS used, modified_at = now() AS dated
FROM ipam.ip_subnet AS s ORDER BY s.address_space_id, s.network;
CREATE VIEW pg_temp.ranges AS
SELECT address_space_id AS space, extent, excluded_addresses AS excluded, managed_by_entity AS entity, use_for_utilization AS used, modified_at = now() AS dated
FROM ipam.ip_range AS r ORDER BY address_space_id, start_address, end_address DESC, id;
-- The rule, in plain SQL: no two that overlap are used, and none that is not used lacks one that is.
CREATE VIEW pg_temp.wrong AS
WITH subnet_pair AS (
    SELECT s.id, s.network, s.use_for_utilization, o.id AS other, o.use_for_utilization AS other_used
    FROM ipam.ip_subnet AS s LEFT JOIN ipam.ip_subnet AS o ON o.address_space_id = s.address_space_id AND o.id <> s.id AND o.network && s.network
), range_pair AS (
    SELECT r.id, r.extent, r.use_for_utilization, o.id AS other, o.use_for_utilization AS other_used
    FROM ipam.ip_range AS r LEFT JOIN ipam.ip_range AS o ON o.address_space_id = r.address_space_id AND o.id <> r.id
        AND o.extent && r.extent
        AND r.extent::ipam.inetmultirange - r.excluded_addresses && o.extent::ipam.inetmultirange - o.excluded_addresses
)
SELECT 'subnet' AS kind, network::text AS place, use_for_utilization AS used FROM subnet_pair
GROUP BY id, network, use_for_utilization HAVING use_for_utilization = coalesce(bool_or(other_used), false)
UNION ALL
SELECT 'range', extent::text, use_for_utilization FROM range_pair
GROUP BY id, extent, use_for_utilization HAVING use_for_utilization = coalesce(bool_or(other_used), false);

-- Subnets: the first one is used. The same network in another space is no neighbour.
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.2.0/24', 'lan');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.0.0/16', 'site'), ('10.1.2.0/26', 'desks'), ('10.1.3.0/24', 'lab'), ('10.2.0.0/16', 'other site'), ('2001:db8::/32', 'six');
INSERT INTO ipam.ip_subnet (address_space_id, network, name) VALUES (:fabric, '10.1.2.0/24', 'fabric lan');
UPDATE ipam.ip_subnet SET modified_at = '2020-01-01';
SELECT * FROM pg_temp.subnets;
SELECT s.network, array_agg(o.network ORDER BY position) AS overlapping
FROM ipam.ip_subnet AS s, ipam.overlapping_subnets(s.id) WITH ORDINALITY AS f (id, position) JOIN ipam.ip_subnet AS o USING (id)
GROUP BY s.id ORDER BY s.address_space_id, s.network;

-- Remap moves the choice: the neighbours lose it, and who lost the only chosen one gets it.
SELECT ipam.remap_subnet(id) FROM ipam.ip_subnet WHERE name = 'site';
SELECT * FROM pg_temp.subnets WHERE space = 1;
SELECT ipam.remap_subnet(id) FROM ipam.ip_subnet WHERE name = 'desks';
SELECT * FROM pg_temp.subnets WHERE space = 1;
-- The same by UPDATE; nothing happens where it is there already.
UPDATE ipam.ip_subnet SET modified_at = '2020-01-01';
UPDATE ipam.ip_subnet SET use_for_utilization = true WHERE name IN ('lan', 'six');
SELECT * FROM pg_temp.subnets WHERE space = 1;
SELECT * FROM pg_temp.wrong;

-- To put it down is possible where another one takes it up.
UPDATE ipam.ip_subnet SET use_for_utilization = false WHERE name = 'other site';
UPDATE ipam.ip_subnet SET use_for_utilization = false WHERE name = 'lan';
SELECT * FROM pg_temp.subnets WHERE space = 1;
SELECT * FROM pg_temp.wrong;

-- Deleting, moving and resizing leaves the neighbours with a choice of their own.
DELETE FROM ipam.ip_subnet WHERE name = 'site';
SELECT * FROM pg_temp.subnets WHERE space = 1;
SELECT * FROM pg_temp.wrong;
UPDATE ipam.ip_subnet SET network = '10.2.2.0/24' WHERE name = 'lan';
SELECT * FROM pg_temp.subnets WHERE space = 1;
UPDATE ipam.ip_subnet SET network = '10.1.0.0/16' WHERE name = 'desks';
UPDATE ipam.ip_subnet SET address_space_id = :fabric, network = '10.1.0.0/16', virtualization_type = 'Fabric' WHERE name = 'other site';
SELECT * FROM pg_temp.subnets;
SELECT * FROM pg_temp.wrong;
-- Moved and chosen in one statement.
UPDATE ipam.ip_subnet SET network = '10.1.4.0/24', use_for_utilization = true WHERE name = 'lan';
SELECT * FROM pg_temp.subnets WHERE space = 1;

-- What is given with a new subnet counts: true moves the choice, false stands where another one is used.
INSERT INTO ipam.ip_subnet (network, name, use_for_utilization) VALUES ('10.1.4.0/26', 'printers', true), ('10.1.4.64/26', 'phones', false);
INSERT INTO ipam.ip_subnet (network, name, use_for_utilization) VALUES ('10.1.4.128/26', 'alone', false), ('10.1.4.192/27', 'not', false), ('10.1.4.192/26', 'alone', true);
INSERT INTO ipam.ip_subnet (network, name, use_for_utilization) VALUES ('10.5.0.0/24', 'first of two', true), ('10.5.0.0/16', 'second of two', true);
SELECT * FROM pg_temp.subnets WHERE space = 1;
SELECT * FROM pg_temp.wrong;

-- Ranges: those of another service instance may overlap. Excluded addresses do not.
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.1.0.10', '10.1.0.99');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.1.0.50', '10.1.0.149', 'Others'), ('10.1.0.150', '10.1.0.199', 'Others');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, address_assignment, excluded_addresses) VALUES
    ('10.1.0.100', '10.1.0.199', 'MS DHCP', 'dhcp1', 'Dynamic', '{[10.1.0.100,10.1.0.149]}'),
    ('10.1.0.140', '10.1.0.159', 'MS DHCP', 'dhcp2', 'Dynamic', '{[10.1.0.150,10.1.0.159]}');
UPDATE ipam.ip_range SET modified_at = '2020-01-01';
SELECT * FROM pg_temp.ranges;
SELECT r.extent, r.managed_by, array_agg(format('%s %s', o.extent, o.managed_by) ORDER BY position) AS overlapping
FROM ipam.ip_range AS r, ipam.overlapping_ranges(r.id) WITH ORDINALITY AS f (id, position) JOIN ipam.ip_range AS o USING (id)
GROUP BY r.id ORDER BY r.start_address, r.id;
SELECT ipam.remap_range(id) FROM ipam.ip_range WHERE start_address = '10.1.0.50';
SELECT * FROM pg_temp.ranges;
-- Addresses that are no longer excluded, and a smaller range.
UPDATE ipam.ip_range SET excluded_addresses = '{}' WHERE managed_by_entity = 'dhcp1';
SELECT ipam.remap_range(id) FROM ipam.ip_range WHERE managed_by_entity = 'dhcp1';
SELECT * FROM pg_temp.ranges;
SELECT * FROM pg_temp.wrong;
UPDATE ipam.ip_range SET start_address = '10.1.0.160' WHERE managed_by_entity = 'dhcp1';
SELECT * FROM pg_temp.ranges;
UPDATE ipam.ip_range SET excluded_addresses = '{[10.1.0.160,10.1.0.199]}' WHERE managed_by_entity = 'dhcp1';
SELECT * FROM pg_temp.ranges;
SELECT * FROM pg_temp.wrong;
-- Put down with nobody to take it up, with one to take it up; deleted.
UPDATE ipam.ip_range SET use_for_utilization = false WHERE start_address = '10.1.0.10';
UPDATE ipam.ip_range SET use_for_utilization = false WHERE start_address IN ('10.1.0.10', '10.1.0.140');
SELECT * FROM pg_temp.ranges;
DELETE FROM ipam.ip_range WHERE start_address = '10.1.0.50';
SELECT * FROM pg_temp.ranges;
-- In another space: chosen anew among the neighbours there, or chosen with the move.
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address) VALUES (:fabric, '10.1.2.1', '10.1.2.9');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.1.0.10', '10.1.0.19', 'VM Manager');
UPDATE ipam.ip_range SET address_space_id = :fabric, start_address = '10.1.2.9', end_address = '10.1.2.20', network = '10.1.2.0/24', virtualization_type = 'Fabric'
WHERE start_address = '10.1.0.150';
SELECT * FROM pg_temp.ranges WHERE space = :fabric;
UPDATE ipam.ip_range SET address_space_id = :fabric, start_address = '10.1.2.5', end_address = '10.1.2.8', network = '10.1.2.0/24', virtualization_type = 'Fabric',
    use_for_utilization = true WHERE managed_by = 'VM Manager';
SELECT * FROM pg_temp.ranges;
SELECT * FROM pg_temp.wrong;

-- The example of the documentation.
SAVEPOINT example;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.3.0.0/24', 'lan'), ('10.3.0.0/16', 'site'), ('10.3.1.0/24', 'lab');
SELECT ipam.remap_subnet(id) FROM ipam.ip_subnet WHERE network = '10.3.0.0/16';
SELECT * FROM pg_temp.subnets WHERE trim(network)::inet <<= '10.3.0.0/16';
SELECT ipam.remap_subnet(id) FROM ipam.ip_subnet WHERE network = '10.3.0.0/24';
SELECT * FROM pg_temp.subnets WHERE trim(network)::inet <<= '10.3.0.0/16';
INSERT INTO ipam.ip_range (start_address, end_address, managed_by) VALUES ('10.3.0.10', '10.3.0.99', 'IPAM'), ('10.3.0.50', '10.3.0.149', 'Others');
SELECT ipam.remap_range(id) FROM ipam.ip_range WHERE start_address = '10.3.0.50';
SELECT * FROM pg_temp.ranges WHERE extent && ipam.network_range('10.3.0.0/16');
ROLLBACK TO example;

-- Faults.
SELECT ipam.remap_subnet(4711);
SELECT ipam.remap_subnet(NULL);
SELECT ipam.remap_range(4711);
SELECT ipam.remap_range(NULL);
SELECT ipam.overlapping_subnets(4711);
SELECT ipam.overlapping_ranges(4711);

-- One statement that does it all at once.
DELETE FROM ipam.ip_range;
DELETE FROM ipam.ip_subnet;
INSERT INTO ipam.ip_subnet (network, name)
SELECT set_masklen('10.0.0.0'::inet + (n * 7919 % 4096) * 4096, 12 + n % 9)::cidr, n::text FROM generate_series(1, 400) AS n ON CONFLICT DO NOTHING;
SELECT * FROM pg_temp.wrong;
UPDATE ipam.ip_subnet SET use_for_utilization = true WHERE masklen(network) = 15;
SELECT * FROM pg_temp.wrong;
UPDATE ipam.ip_subnet SET address_space_id = :fabric, virtualization_type = 'Fabric' WHERE masklen(network) IN (12, 13, 17);
SELECT * FROM pg_temp.wrong;
DELETE FROM ipam.ip_subnet WHERE use_for_utilization;
SELECT count(*) > 50 AS there_is_something_left FROM ipam.ip_subnet;
SELECT * FROM pg_temp.wrong;
UPDATE ipam.ip_subnet SET use_for_utilization = true WHERE masklen(network) IN (18, 19);
SELECT * FROM pg_temp.wrong;
-- Rows of a dump come in any order, in one statement or one by one, and are what they were.
CREATE TABLE pg_temp.saved AS SELECT id, address_space_id, network, name, use_for_utilization FROM ipam.ip_subnet;
DELETE FROM ipam.ip_subnet;
INSERT INTO ipam.ip_subnet (id, address_space_id, network, name, use_for_utilization) OVERRIDING SYSTEM VALUE SELECT * FROM pg_temp.saved ORDER BY md5(name);
SELECT id, address_space_id, network, name, use_for_utilization FROM ipam.ip_subnet EXCEPT SELECT * FROM pg_temp.saved;
DO $$
DECLARE
    saved record;
BEGIN
    FOR i IN 1 .. 3 LOOP
        DELETE FROM ipam.ip_subnet;
        FOR saved IN SELECT * FROM pg_temp.saved ORDER BY CASE i WHEN 1 THEN id WHEN 2 THEN -id END, md5(name) LOOP
            INSERT INTO ipam.ip_subnet (id, address_space_id, network, name, use_for_utilization) OVERRIDING SYSTEM VALUE
            VALUES (saved.id, saved.address_space_id, saved.network, saved.name, saved.use_for_utilization);
        END LOOP;
        ASSERT NOT EXISTS (SELECT id, address_space_id, network, name, use_for_utilization FROM ipam.ip_subnet EXCEPT SELECT * FROM pg_temp.saved), i;
    END LOOP;
END
$$;
SELECT count(*) = (SELECT count(*) FROM pg_temp.saved) AS all_there FROM ipam.ip_subnet;

-- Many rows of one statement in turn to two spaces, some of them chosen by the caller.
DELETE FROM ipam.ip_subnet;
INSERT INTO ipam.ip_subnet (address_space_id, network, name, use_for_utilization)
SELECT 1 + n % 2, set_masklen('2001:db8::'::inet + (n * 7919 % 4096) * 1099511627776, 80 + n % 9)::cidr, n::text, CASE WHEN n % 50 = 7 THEN n % 100 = 7 END
FROM generate_series(1, 300) AS n ON CONFLICT DO NOTHING;
SELECT * FROM pg_temp.wrong;
-- Rows of a large statement that do not get into the table leave the choice of others alone, whatever keeps them out.
SAVEPOINT before;
DELETE FROM ipam.ip_subnet;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.1.0.0/16', 'site'), ('10.0.0.0/8', 'all');
SELECT ipam.remap_subnet(id) FROM ipam.ip_subnet WHERE name = 'all';
CREATE TABLE pg_temp.many AS
SELECT n, set_masklen('172.16.0.0'::inet + n * 256, 24)::cidr AS network FROM generate_series(1, 40) AS n
UNION ALL VALUES (41, '10.0.0.0/8'::cidr), (42, '10.2.0.0/24'), (43, '10.2.0.0/16');
CREATE VIEW pg_temp.changed AS SELECT * FROM pg_temp.subnets WHERE name !~ '^[0-9]+$' OR name::integer > 40;
SAVEPOINT many;
INSERT INTO ipam.ip_subnet (network, name) SELECT network, n::text FROM pg_temp.many ORDER BY n ON CONFLICT DO NOTHING;
SELECT * FROM pg_temp.changed;
ROLLBACK TO many;
INSERT INTO ipam.ip_subnet (network, name) SELECT network, n::text FROM pg_temp.many ORDER BY n ON CONFLICT (address_space_id, network) DO UPDATE SET name = 'all of it';
SELECT * FROM pg_temp.changed;
ROLLBACK TO many;
INSERT INTO ipam.ip_subnet (network, name, use_for_utilization) SELECT network, n::text, CASE n WHEN 41 THEN false END FROM pg_temp.many ORDER BY n ON CONFLICT DO NOTHING;
SELECT * FROM pg_temp.changed;
ROLLBACK TO many;
CREATE FUNCTION pg_temp.skip_known() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN NOT EXISTS (SELECT FROM ipam.ip_subnet AS s WHERE s.network = NEW.network) THEN NEW END;
END
$$;
CREATE TRIGGER skip_known BEFORE INSERT ON ipam.ip_subnet FOR EACH ROW EXECUTE FUNCTION pg_temp.skip_known();
INSERT INTO ipam.ip_subnet (network, name) SELECT network, n::text FROM pg_temp.many ORDER BY n;
SELECT * FROM pg_temp.changed;
ROLLBACK TO many;
-- A row that moves away in such a statement is no longer where it was.
INSERT INTO ipam.ip_subnet (network, name) SELECT network, n::text FROM pg_temp.many ORDER BY n ON CONFLICT (address_space_id, network) DO UPDATE SET network = '11.0.0.0/8';
SELECT * FROM pg_temp.changed;
SELECT * FROM pg_temp.wrong;
ROLLBACK TO before;
-- Somebody's own trigger makes subnets while a statement makes others.
CREATE FUNCTION pg_temp.make_site() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF masklen(NEW.network) = 24 AND ascii(md5(NEW.name)) % 4 = 0 THEN
        INSERT INTO ipam.ip_subnet (network, name) VALUES (network(set_masklen(NEW.network, 20))::cidr, 'site') ON CONFLICT DO NOTHING;
        DELETE FROM ipam.ip_subnet WHERE name = 'site' AND network << '10.64.0.0/17';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER make_site BEFORE INSERT ON ipam.ip_subnet FOR EACH ROW EXECUTE FUNCTION pg_temp.make_site();
INSERT INTO ipam.ip_subnet (network, name) SELECT set_masklen('10.64.0.0'::inet + n * 512, 24)::cidr, n::text FROM generate_series(1, 500) AS n;
DROP TRIGGER make_site ON ipam.ip_subnet;
SELECT count(*) FILTER (WHERE name = 'site') > 10 AS sites, count(*) FILTER (WHERE name <> 'site') AS others FROM ipam.ip_subnet WHERE network <<= '10.0.0.0/8';
SELECT * FROM pg_temp.wrong;
-- Many subnets take over ranges.
DELETE FROM ipam.ip_subnet;
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/8', 'all');
INSERT INTO ipam.ip_range (network, start_address, end_address) SELECT set_masklen('10.0.0.0'::inet + n * 256, 24)::cidr, '10.0.0.1'::inet + n * 256, '10.0.0.9'::inet + n * 256 FROM generate_series(0, 99) AS n;
INSERT INTO ipam.ip_subnet (network, name) SELECT set_masklen('10.0.0.0'::inet + n * 256, 24)::cidr, n::text FROM generate_series(0, 79) AS n;
SELECT s.name = 'all' AS in_all, count(*) FROM ipam.ip_range AS r JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id GROUP BY 1 ORDER BY 1;
SELECT * FROM ipam.check_plan();
ROLLBACK;
