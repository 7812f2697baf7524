-- Where standard_conforming_strings is off, a backslash in a plain string is the beginning of an escape. Nothing depends on that.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE FUNCTION pg_temp.objects() RETURNS text LANGUAGE sql SET standard_conforming_strings = on AS $$
    SELECT concat((SELECT string_agg(pg_get_functiondef(p.oid), '' ORDER BY p.oid::regprocedure::text) FROM pg_proc AS p WHERE p.pronamespace = 'ipam'::regnamespace AND p.prokind <> 'a'),
        (SELECT string_agg(c.conname || pg_get_constraintdef(c.oid), '' ORDER BY c.conrelid::regclass::text, c.conname) FROM pg_constraint AS c WHERE c.connamespace = 'ipam'::regnamespace),
        (SELECT string_agg(pg_get_viewdef(c.oid), '' ORDER BY c.relname) FROM pg_class AS c WHERE c.relnamespace = 'ipam'::regnamespace AND c.relkind = 'v'))
$$;
SELECT md5(pg_temp.objects()) AS before \gset
DROP EXTENSION ipam;
SET LOCAL standard_conforming_strings = off;
CREATE EXTENSION ipam;
SELECT md5(pg_temp.objects()) = :'before' AS same_objects;
CALL ipam.provision();
SELECT ipam.is_ipam_configured(), ipam.is_domain_name('a.example.'), ipam.is_domain_name('a..b'), ipam.is_domain_name('a*b');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.9.0.0/24', ' ');
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.9.0.0/24', 'lab');
SELECT * FROM ipam.import_csv('ip_range', E'start_address,end_address,dns_suffixes,gateways\n10.9.0.1,10.9.0.9,labs ; south,10.9.0.1 metric 10; 10.9.0.2\n');
SELECT dns_suffixes, gateways FROM ipam.ip_range;
UPDATE ipam.common_property SET value = '0x9' WHERE name = 'DatabaseSchemaVersion';
SELECT ipam.conversion_path();
UPDATE ipam.common_property SET value = '0.9' WHERE name = 'DatabaseSchemaVersion';
SELECT ipam.conversion_path();
ROLLBACK;
