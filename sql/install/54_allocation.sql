-- Allocation: free addresses found and recorded in one call, and given back.

CREATE TYPE ipam.allocation_direction AS ENUM ('Lowest', 'Highest');
COMMENT ON TYPE ipam.allocation_direction IS 'which free addresses of a range are given out first';

CREATE INDEX ip_address_allocation_token_idx ON ipam.ip_address (range_id, allocation_token) WHERE allocation_token IS NOT NULL;
COMMENT ON INDEX ipam.ip_address_allocation_token_idx IS 'addresses that an allocation with a token has recorded';

CREATE FUNCTION ipam.allocate_ip_addresses(
    range_id         bigint,
    count            integer     DEFAULT 1,
    start_address    inet        DEFAULT NULL,
    end_address      inet        DEFAULT NULL,
    exclude          inet[]      DEFAULT NULL,
    direction        ipam.allocation_direction DEFAULT 'Lowest',
    include_reserved boolean     DEFAULT false,
    consecutive      boolean     DEFAULT false,
    token            text        DEFAULT NULL,
    device_name      text        DEFAULT NULL,
    device_type      text        DEFAULT NULL,
    state            text        DEFAULT NULL,
    mac_address      macaddr     DEFAULT NULL,
    owner            text        DEFAULT NULL,
    notes            text        DEFAULT NULL,
    assigned_at      timestamptz DEFAULT NULL,
    expires_at       timestamptz DEFAULT NULL,
    custom_fields    jsonb       DEFAULT NULL,
    properties       jsonb       DEFAULT NULL)
RETURNS SETOF ipam.ip_address
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
AS 'MODULE_PATHNAME', 'ipam_allocate_ip_addresses';
COMMENT ON FUNCTION ipam.allocate_ip_addresses(bigint, integer, inet, inet, inet[], ipam.allocation_direction, boolean, boolean, text,
    text, text, text, macaddr, text, text, timestamptz, timestamptz, jsonb, jsonb) IS
    'records count free addresses of a range and returns their rows, all or none';

CREATE FUNCTION ipam.allocate_ip_address_pair(
    ipv4_range_id    bigint,
    ipv6_range_id    bigint,
    exclude          inet[]      DEFAULT NULL,
    direction        ipam.allocation_direction DEFAULT 'Lowest',
    include_reserved boolean     DEFAULT false,
    token            text        DEFAULT NULL,
    device_name      text        DEFAULT NULL,
    device_type      text        DEFAULT NULL,
    state            text        DEFAULT NULL,
    mac_address      macaddr     DEFAULT NULL,
    owner            text        DEFAULT NULL,
    notes            text        DEFAULT NULL,
    assigned_at      timestamptz DEFAULT NULL,
    expires_at       timestamptz DEFAULT NULL,
    custom_fields    jsonb       DEFAULT NULL,
    properties       jsonb       DEFAULT NULL)
RETURNS SETOF ipam.ip_address
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 2 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    wrong record;
BEGIN
    SELECT g.* INTO wrong
    FROM (VALUES (ipv4_range_id, 4), (ipv6_range_id, 6)) AS g(id, family) JOIN ipam.ip_range AS r ON r.id = g.id
    WHERE family(r.start_address) <> g.family
    ORDER BY g.family LIMIT 1;
    IF FOUND THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddressFamily', format('range %s is not IPv%s', wrong.id, wrong.family),
            'A pair is an address of an IPv4 range and one of an IPv6 range, in this order.');
    END IF;
    -- Always IPv4 first: two pairs never wait for each other.
    RETURN QUERY SELECT * FROM ipam.allocate_ip_addresses(ipv4_range_id, 1, NULL, NULL, exclude, direction, include_reserved, false, token,
        device_name, device_type, state, mac_address, owner, notes, assigned_at, expires_at, custom_fields, properties);
    RETURN QUERY SELECT * FROM ipam.allocate_ip_addresses(ipv6_range_id, 1, NULL, NULL, exclude, direction, include_reserved, false, token,
        device_name, device_type, state, mac_address, owner, notes, assigned_at, expires_at, custom_fields, properties);
END
$$;
COMMENT ON FUNCTION ipam.allocate_ip_address_pair(bigint, bigint, inet[], ipam.allocation_direction, boolean, text,
    text, text, text, macaddr, text, text, timestamptz, timestamptz, jsonb, jsonb) IS
    'records a free address of an IPv4 range and one of an IPv6 range with the same properties and returns their rows, both or none';

CREATE FUNCTION ipam.release_ip_addresses(
    address_ids bigint[] DEFAULT NULL,
    range_id    bigint   DEFAULT NULL,
    addresses   inet[]   DEFAULT NULL,
    token       text     DEFAULT NULL)
RETURNS SETOF ipam.ip_address
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    ids bigint[];
    missing text;
BEGIN
    PERFORM ipam.require_ready_store();
    IF num_nonnulls(address_ids, addresses, token) <> 1 OR (range_id IS NULL) <> (address_ids IS NOT NULL) THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'it is not clear which addresses are to be released', NULL,
            'Give address_ids, or range_id and addresses, or range_id and token.');
    ELSIF EXISTS (SELECT FROM unnest(address_ids) AS g(id) WHERE g.id IS NULL) THEN
        refused := ipam.refuse_unknown('address', NULL);
    ELSIF EXISTS (SELECT FROM unnest(addresses) AS g(address) WHERE g.address IS NULL) THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddress', 'an address to release is missing', 'It is NULL.', 'Give host addresses.');
    ELSIF range_id IS NOT NULL AND NOT EXISTS (SELECT FROM ipam.ip_range AS r WHERE r.id = range_id) THEN
        refused := ipam.refuse_unknown('range', range_id);
    END IF;
    PERFORM ipam.check_host_address(g.address) FROM unnest(addresses) AS g(address);
    -- Whoever needs many addresses locks them in their order: so they queue instead of blocking each other.
    ids := ARRAY(
        SELECT a.id FROM ipam.ip_address AS a
        WHERE a.id = ANY (address_ids)
           OR a.range_id = release_ip_addresses.range_id AND a.address = ANY (addresses)
           OR a.range_id = release_ip_addresses.range_id AND a.allocation_token = token
        ORDER BY a.address, a.id FOR UPDATE);
    IF token IS NULL THEN
        SELECT string_agg(DISTINCT coalesce(g.id::text, host(g.address)), ', ') INTO missing
        FROM unnest(address_ids, addresses) AS g(id, address)
        WHERE NOT EXISTS (
            SELECT FROM ipam.ip_address AS a
            WHERE a.id = ANY (ids) AND (a.id = g.id OR a.address = g.address));
        IF missing IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiObjectNotFoundInDatabase',
                format(CASE WHEN range_id IS NULL THEN 'there is no address with id %s' ELSE 'no such address is recorded in range %2$s: %1$s' END, missing, range_id),
                'Nothing has been released.',
                format('SELECT id, address FROM ipam.ip_address%s lists what is recorded.', ' WHERE range_id = ' || range_id));
        END IF;
    END IF;
    RETURN QUERY
        WITH released AS (DELETE FROM ipam.ip_address AS a WHERE a.id = ANY (ids) RETURNING a.*)
        SELECT * FROM released AS r ORDER BY r.id;
END
$$;
COMMENT ON FUNCTION ipam.release_ip_addresses(bigint[], bigint, inet[], text) IS
    'deletes addresses by id, by range and address, or by range and token of their allocation, and returns their last rows; all or none, but a token without addresses is nothing to release';
