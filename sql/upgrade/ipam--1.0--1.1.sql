\echo Use "ALTER EXTENSION ipam UPDATE" to load this file. \quit

-- From 1.0 to 1.1: occupancy.

SET LOCAL search_path TO pg_catalog, pg_temp;

\include 58_occupancy.sql

-- The walk of the free search, with its jumps.
\replace 59_count.sql count_used_ip_addresses

-- A store that is newer than the extension is told so, and not to convert.
\replace 82_conversion.sql refuse_unready_store

\include 82_occupancy_conversion.sql

-- Rights: PUBLIC gets nothing. The conversion gives the security groups theirs.
\replace 80_provisioning.sql grant_rights
REVOKE ALL ON ipam.occupancy, ipam.occupancy_hole FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA ipam FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ipam.inetrange(inet, inet), ipam.inetrange(inet, inet, text), ipam.inetmultirange(),
    ipam.inetmultirange(ipam.inetrange), ipam.inetmultirange(ipam.inetrange[]) TO PUBLIC;
