-- A small plan with a bit of everything in a new store, whose ids are known: what hostile calls are about.
INSERT INTO ipam.custom_field (name) VALUES ('Floor');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (12, 'Campus'), (14, 'North');
INSERT INTO ipam.address_space (name, type) VALUES ('fabric', 'Provider');
INSERT INTO ipam.ip_block (network) VALUES ('10.0.0.0/8'), ('10.0.0.0/16'), ('fd00::/8');
INSERT INTO ipam.ip_subnet (network, name, custom_fields) VALUES
    ('10.0.0.0/24', 'lan', '{"Floor": "2"}'), ('10.1.0.0/16', 'full', '{}'), ('fd00:1::/64', 'lan6', '{}'), ('10.128.0.0/9', 'wide', '{}');
-- Range 2 is full in front, 3 has 2^64 addresses, 4 is managed by MS DHCP, 5 is wide.
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, reserved_addresses, quarantine) VALUES
    ('10.0.0.1', '10.0.0.100', 'IPAM', 'Localhost', '{[10.0.0.90,10.0.0.95]}', '1 day'), ('10.1.0.1', '10.1.255.254', 'IPAM', 'Localhost', '{}', NULL),
    ('fd00:1::', 'fd00:1::ffff:ffff:ffff:ffff', 'IPAM', 'Localhost', '{}', NULL), ('10.0.0.150', '10.0.0.160', 'MS DHCP', 'dhcp1', '{}', NULL),
    ('10.128.0.1', '10.255.255.254', 'IPAM', 'Localhost', '{}', '1 hour');
INSERT INTO ipam.ip_address (address) SELECT '10.1.0.0'::inet + n FROM generate_series(1, 10000) AS n;
INSERT INTO ipam.ip_address (address, custom_fields, expires_at) SELECT a::inet, '{"Floor": "1"}', now() FROM unnest('{10.0.0.5,10.0.0.6,10.0.0.90,fd00:1::,fd00:1::9,10.200.0.1}'::text[]) AS a;
SELECT ipam.release_ip_addresses(range_id => 1, addresses => '{10.0.0.6}'), ipam.release_ip_addresses(range_id => 5, addresses => '{10.200.0.1}');
CALL ipam.rebuild_occupancy(2);
CALL ipam.collect_utilization();
CALL ipam.check_expiry();

-- What gets out of a quoted text calls this.
CREATE FUNCTION public.witness() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'HX001', MESSAGE = 'the witness was called'; END $$;
GRANT EXECUTE ON FUNCTION public.witness() TO PUBLIC;
-- What writes although the transaction only reads is found by this.
CREATE FUNCTION public.refuse_trace() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'HX002', MESSAGE = 'a transaction that only reads has written';
    END IF;
END
$$;
ANALYZE;
