\echo Use "CREATE EXTENSION ipam CASCADE" to load this file. \quit

-- Everything below names its schema; nothing planted in another one is picked up.
SET LOCAL search_path TO pg_catalog, pg_temp;

COMMENT ON SCHEMA ipam IS 'IP address management: the address plan and the operations on it';
