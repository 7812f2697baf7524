-- docs/faults.md answers for every name of the protocol: it is raised by ipam, by PostgreSQL, or the page tells why not.
\set page `cat "$PG_ABS_SRCDIR/../docs/faults.md"`
\set names `cat "$PG_ABS_SRCDIR/data/fault_names.txt"`
CREATE TEMP VIEW protocol AS SELECT name FROM string_to_table(:'names', E'\n') AS name WHERE name <> '';
CREATE TEMP VIEW in_section AS
SELECT s.title, name
FROM (SELECT split_part(section, E'\n', 1) AS title, section FROM string_to_table(:'page', E'\n## ') AS section) AS s,
     regexp_matches(s.section, '^\|.*\| ([^|]*) \|$', 'gn') AS last_cell,
     string_to_table(last_cell[1], ', ') AS name
WHERE s.title IN ('Raised by PostgreSQL itself', 'Not applicable') AND name LIKE 'Ipam%';
SELECT title, count(*) > 20 AS is_read FROM in_section GROUP BY 1 ORDER BY 1;

-- Names of the protocol that are in no list. A new fault belongs into src/core/fault.hpp; one that cannot
-- happen belongs to "Not applicable" in docs/faults.md, with the reason: none.
SELECT name AS in_no_list FROM protocol
EXCEPT (SELECT fault FROM ipam.faults() UNION ALL SELECT name FROM in_section) ORDER BY 1;
-- Names that ipam raises by now. Take them out of "Not applicable" in docs/faults.md: none.
SELECT name AS raised_and_not_applicable FROM in_section WHERE title = 'Not applicable' AND name IN (SELECT fault FROM ipam.faults()) ORDER BY 1;
-- Names that stand in "Not applicable" and in "Raised by PostgreSQL itself", or twice in "Not applicable": none.
SELECT name AS more_than_once FROM in_section GROUP BY 1
HAVING count(*) FILTER (WHERE title = 'Not applicable') > 1 OR count(DISTINCT title) > 1 ORDER BY 1;
-- Names that no list of the protocol has, a slip of the pen perhaps: none.
SELECT name AS unknown FROM in_section EXCEPT SELECT name FROM protocol ORDER BY 1;

-- What PostgreSQL raises by itself.
BEGIN;
\set VERBOSITY sqlstate
\set ON_ERROR_ROLLBACK on
\set ECHO none
\o /dev/null
CALL ipam.provision();
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'lan');
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.0.0.10', '10.0.0.20');
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.10');
\o
\set ECHO all
-- 23505
INSERT INTO ipam.address_space (name) VALUES ('Default IP Address Space');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/24', 'again');
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.10');
INSERT INTO ipam.custom_field (name) VALUES ('Region');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (18, 'EMEA'), (18, 'EMEA');
-- 23502
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.1.0/24', NULL);
-- 22P02
INSERT INTO ipam.ip_range (start_address, end_address, address_assignment) VALUES ('10.0.0.30', '10.0.0.40', 'None');
INSERT INTO ipam.logical_group (name, users) VALUES ('Mine', 'Everybody');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.1/24', 'host bits');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.0.0.0/33', 'mask');
INSERT INTO ipam.ip_address (address, mac_address) VALUES ('10.0.0.11', '08-00-2b-01-02');
UPDATE ipam.ip_range SET reserved_addresses = '{[10.0.0.x,10.0.0.20]}';
UPDATE ipam.ip_range SET virtual_addresses = '{10.0.0.20}';
-- 22P05
UPDATE ipam.ip_range SET custom_fields = '{"Region": "\u0000"}';
-- 428C9
INSERT INTO ipam.ip_subnet (network, name, address_category) VALUES ('10.0.1.0/24', 'public', 'Public');
-- 42501
SET LOCAL ROLE pg_monitor;
INSERT INTO ipam.ip_address (address) VALUES ('10.0.0.12');
DELETE FROM ipam.ip_block;
ROLLBACK;
