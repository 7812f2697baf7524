-- Addresses (MS-IPAMM2 3.1.1.1.3).

CREATE TABLE ipam.ip_address (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address_space_id    bigint NOT NULL DEFAULT 1 REFERENCES ipam.address_space,
    address             inet NOT NULL,
    range_id            bigint REFERENCES ipam.ip_range ON DELETE SET NULL,
    managed_by          text COLLATE "C" NOT NULL DEFAULT 'IPAM',
    managed_by_entity   text COLLATE "C" NOT NULL DEFAULT 'Localhost',
    state               text COLLATE "C" NOT NULL DEFAULT 'In-Use',
    device_type         text COLLATE "C" NOT NULL DEFAULT 'Host',
    address_category    ipam.address_category GENERATED ALWAYS AS (ipam.address_category(address, address)) STORED,
    address_assignment  ipam.address_assignment NOT NULL DEFAULT 'Static',
    virtualization_type ipam.virtualization_type NOT NULL,
    mac_address         macaddr,
    device_name         text,
    serial_number       text,
    asset_tag           text,
    os_name             text,
    os_version          text,
    owner               text,
    notes               text,
    assigned_at         timestamptz,
    expires_at          timestamptz,
    reservation_type    ipam.reservation_type,
    client_id           text,
    duid                bytea,
    iaid                bigint,
    created_from_dns    boolean NOT NULL DEFAULT false,
    allocation_token    text,
    custom_fields       jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    modified_at         timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT ip_address_identity_key UNIQUE (address_space_id, address, managed_by, managed_by_entity)
);
COMMENT ON TABLE ipam.ip_address IS 'recorded addresses; one address may be recorded several times by different services';
COMMENT ON COLUMN ipam.ip_address.id IS 'id';
COMMENT ON COLUMN ipam.ip_address.address_space_id IS 'the address space; the default one unless given';
COMMENT ON COLUMN ipam.ip_address.address IS 'the address';
COMMENT ON COLUMN ipam.ip_address.range_id IS 'the range that holds the address and has the same managed_by and managed_by_entity, kept by the database; NULL: none';
COMMENT ON COLUMN ipam.ip_address.managed_by IS 'kind of service that gives out the address: a value of custom field 8';
COMMENT ON COLUMN ipam.ip_address.managed_by_entity IS 'the service instance: a value of custom field 9';
COMMENT ON COLUMN ipam.ip_address.state IS 'In-Use, Reserved, Inactive or another value of custom field 10; recorded is never free';
COMMENT ON COLUMN ipam.ip_address.device_type IS 'a value of custom field 7';
COMMENT ON COLUMN ipam.ip_address.address_category IS 'Public, Private or GlobalIPv6Unicast, worked out from the address; NULL: neither';
COMMENT ON COLUMN ipam.ip_address.address_assignment IS 'how the host got the address';
COMMENT ON COLUMN ipam.ip_address.virtualization_type IS 'NonVirtualized, Fabric or Virtual; the range''s, or else the natural one of the space, unless given';
COMMENT ON COLUMN ipam.ip_address.mac_address IS 'MAC address';
COMMENT ON COLUMN ipam.ip_address.device_name IS 'name of the device, at most 255 characters';
COMMENT ON COLUMN ipam.ip_address.serial_number IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_address.asset_tag IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_address.os_name IS 'operating system';
COMMENT ON COLUMN ipam.ip_address.os_version IS 'version of the operating system';
COMMENT ON COLUMN ipam.ip_address.owner IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_address.notes IS 'notes';
COMMENT ON COLUMN ipam.ip_address.assigned_at IS 'time of assignment';
COMMENT ON COLUMN ipam.ip_address.expires_at IS 'end of the assignment, not before assigned_at';
COMMENT ON COLUMN ipam.ip_address.reservation_type IS 'clients that a DHCP reservation serves; IPv4 only';
COMMENT ON COLUMN ipam.ip_address.client_id IS 'DHCP client id; IPv4 only';
COMMENT ON COLUMN ipam.ip_address.duid IS 'DHCP unique identifier, 1 to 65 bytes; IPv6 only';
COMMENT ON COLUMN ipam.ip_address.iaid IS 'identity association, 32 bits; IPv6 only';
COMMENT ON COLUMN ipam.ip_address.created_from_dns IS 'whether a DNS record was the source';
COMMENT ON COLUMN ipam.ip_address.allocation_token IS 'token of the call of allocate_ip_addresses() that recorded it, 1 to 255 characters';
COMMENT ON COLUMN ipam.ip_address.custom_fields IS 'values of custom fields by name';
COMMENT ON COLUMN ipam.ip_address.created_at IS 'time of creation';
COMMENT ON COLUMN ipam.ip_address.modified_at IS 'time of the last change by a user';

-- The rules of an address. The server reads the expression of a CHECK anew for every statement, which
-- rules with their words would make slow; the table that is written most has them in a function.
CREATE FUNCTION ipam.check_address(a ipam.ip_address) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean := NOT ipam.check_host_address(a.address);
    too_long record;
BEGIN
    IF NOT ipam.is_host_address(a.address) THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddress', format('%s is not an address that a host can have', a.address),
            'This-network, loopback, link-local, broadcast, unspecified, site-local and IPv6 multicast addresses cannot be recorded.');
    ELSIF a.managed_by NOT IN ('IPAM', 'MS DHCP', 'Non-MS DHCP', 'VM Manager', 'Others') THEN
        refused := NOT ipam.check_custom_field_value(8, a.managed_by);
    END IF;
    IF a.managed_by_entity <> 'Localhost' THEN
        refused := NOT ipam.check_custom_field_value(9, a.managed_by_entity);
    END IF;
    IF a.state NOT IN ('In-Use', 'Reserved', 'Inactive') THEN
        refused := NOT ipam.check_custom_field_value(10, a.state);
    END IF;
    IF a.device_type <> 'Host' THEN
        refused := NOT ipam.check_custom_field_value(7, a.device_type);
    END IF;
    IF a.assigned_at > a.expires_at THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressExpiryDate', format('address %s cannot expire at %s', a.address, a.expires_at),
            format('It was assigned at %s, which is later.', a.assigned_at));
    ELSIF a.reservation_type IS NOT NULL AND family(a.address) <> 4 THEN
        refused := ipam.raise_fault('IpamApiInvalidIPv4ReservationType',
            format('address %s cannot have reservation type %s', a.address, a.reservation_type), 'Reservation types belong to IPv4.');
    ELSIF a.client_id IS NOT NULL AND NOT (family(a.address) = 4 AND length(a.client_id) BETWEEN 1 AND 255) THEN
        refused := ipam.raise_fault('IpamApiInvalidClientId', format('address %s cannot have client id "%s"', a.address, left(a.client_id, 300)),
            'A client id has 1 to 255 characters and belongs to IPv4.');
    ELSIF a.duid IS NOT NULL AND NOT (family(a.address) = 6 AND length(a.duid) BETWEEN 1 AND 65) THEN
        refused := ipam.raise_fault('IpamApiInvalidDuidFormat', format('address %s cannot have a DUID of %s bytes', a.address, length(a.duid)),
            'A DUID has 1 to 65 bytes and belongs to IPv6.');
    ELSIF a.iaid IS NOT NULL AND NOT (family(a.address) = 6 AND a.iaid BETWEEN 0 AND 4294967295) THEN
        refused := ipam.raise_fault('IpamApiInvalidIaid', format('address %s cannot have IAID %s', a.address, a.iaid),
            'An IAID is 0 to 4294967295 and belongs to IPv6.');
    ELSIF length(a.allocation_token) NOT BETWEEN 1 AND 255 THEN
        refused := ipam.raise_fault('IpamApiStringLengthNotAcceptable', format('the allocation token of address %s is too %s', a.address,
                CASE a.allocation_token WHEN '' THEN 'short' ELSE 'long' END),
            format('It has %s characters; 1 to 255 are possible.', length(a.allocation_token)));
    ELSIF greatest(length(a.device_name), length(a.serial_number), length(a.asset_tag), length(a.owner)) > 255 THEN
        SELECT * INTO too_long
        FROM (VALUES ('IpamApiInvalidDeviceName', 'device name', a.device_name), ('IpamApiInvalidSerialNumber', 'serial number', a.serial_number),
                     ('IpamApiInvalidAssetTag', 'asset tag', a.asset_tag), ('IpamApiOwnerStringLengthNotAcceptable', 'owner', a.owner)) AS v(fault, what, given)
        WHERE length(given) > 255 LIMIT 1;
        refused := ipam.raise_fault(too_long.fault, format('the %s of address %s is too long', too_long.what, a.address),
            format('It has %s characters; 255 are possible.', length(too_long.given)));
    END IF;
    RETURN a.custom_fields = '{}' OR ipam.check_custom_fields(a.custom_fields);
END
$$;
COMMENT ON FUNCTION ipam.check_address(ipam.ip_address) IS 'true, or the fault of the first rule that the address breaks (MS-IPAMM2 3.1.4.8)';

-- Most addresses are plain ones, for which the first condition is enough.
ALTER TABLE ipam.ip_address ADD CONSTRAINT ip_address_rules CHECK (
    (ipam.is_host_address(address) AND managed_by = 'IPAM' AND managed_by_entity = 'Localhost' AND state = 'In-Use' AND device_type = 'Host'
        AND num_nonnulls(expires_at, reservation_type, client_id, duid, iaid, serial_number, asset_tag, owner, allocation_token) = 0
        AND coalesce(length(device_name), 0) <= 255 AND custom_fields = '{}')
    OR ipam.check_address(ip_address));

-- The free search walks this index, see src/pg/used_addresses.hpp.
CREATE UNIQUE INDEX ip_address_range_id_address_idx ON ipam.ip_address (range_id, address);
COMMENT ON INDEX ipam.ip_address_range_id_address_idx IS 'addresses of a range in order; free addresses are its gaps';
CREATE INDEX ip_address_custom_fields_idx ON ipam.ip_address USING gin (custom_fields) WHERE custom_fields <> '{}';
COMMENT ON INDEX ipam.ip_address_custom_fields_idx IS 'addresses that have a custom field value';

CREATE FUNCTION ipam.map_address() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_map_address';
COMMENT ON FUNCTION ipam.map_address() IS 'trigger: fills in the range of an address and its virtualization type';

CREATE FUNCTION ipam.confirm_address_mapping() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_confirm_address_mapping';
COMMENT ON FUNCTION ipam.confirm_address_mapping() IS 'trigger: maps an address again where its range has changed since it was mapped';

CREATE FUNCTION ipam.remap_addresses() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_remap_addresses';
COMMENT ON FUNCTION ipam.remap_addresses() IS 'trigger: maps the addresses again that a new, moved or resized range gains or loses';

-- 3.3.4.152: what no longer lies in the range, or has another service, stays in the old address space.
CREATE FUNCTION ipam.carry_addresses(range ipam.ip_range) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    carried bigint[];
    conflicts text;
BEGIN
    carried := ARRAY (
        SELECT a.id FROM ipam.ip_address AS a
        WHERE a.range_id = range.id AND a.address_space_id <> range.address_space_id
          AND a.address BETWEEN range.start_address AND range.end_address
          AND a.managed_by = range.managed_by AND a.managed_by_entity = range.managed_by_entity);
    SELECT string_agg(format('%s (address %s)', o.address, o.id), ', ' ORDER BY o.address) INTO conflicts
    FROM (SELECT o.address, o.id FROM ipam.ip_address AS a JOIN ipam.ip_address AS o USING (address, managed_by, managed_by_entity)
          WHERE a.id = ANY (carried) AND o.address_space_id = range.address_space_id
          ORDER BY o.address LIMIT 10) AS o;
    IF conflicts IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddressConflict',
            format('addresses of range [%s, %s] are recorded in address space %s already', range.start_address, range.end_address, range.address_space_id),
            format('Recorded there by %s / %s: %s.', range.managed_by, range.managed_by_entity, conflicts),
            'Delete them on one side first: an address is recorded once in an address space by a service instance.');
    END IF;
    UPDATE ipam.ip_address AS a SET address_space_id = range.address_space_id, virtualization_type = range.virtualization_type
    WHERE a.id = ANY (carried);
END
$$;
COMMENT ON FUNCTION ipam.carry_addresses(ipam.ip_range) IS
    'moves the addresses that are mapped to the range into its address space; a fault where they are recorded there already';

CREATE TRIGGER map_address
    BEFORE INSERT OR UPDATE OF address_space_id, address, range_id, managed_by, managed_by_entity, virtualization_type ON ipam.ip_address
    FOR EACH ROW EXECUTE FUNCTION ipam.map_address();
CREATE TRIGGER confirm_address_mapping
    AFTER INSERT OR UPDATE OF address_space_id, address, range_id, managed_by, managed_by_entity ON ipam.ip_address
    FOR EACH ROW EXECUTE FUNCTION ipam.confirm_address_mapping();
CREATE TRIGGER touch_modified_at
    BEFORE UPDATE OF address_space_id, address, managed_by, managed_by_entity, state, device_type, address_assignment,
        virtualization_type, mac_address, device_name, serial_number, asset_tag, os_name, os_version, owner, notes, assigned_at,
        expires_at, reservation_type, client_id, duid, iaid, created_from_dns, allocation_token, custom_fields
    ON ipam.ip_address FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();

CREATE TRIGGER remap_addresses
    AFTER INSERT OR UPDATE OF address_space_id, start_address, end_address, managed_by, managed_by_entity ON ipam.ip_range
    FOR EACH ROW EXECUTE FUNCTION ipam.remap_addresses();
