-- Why an address is not free: the rows that stand in the way.

CREATE TYPE ipam.obstacle AS ENUM ('OutsideRange', 'ManagedByDhcp', 'Excluded', 'Reserved', 'VirtualAddress', 'Recorded', 'InQuarantine');
COMMENT ON TYPE ipam.obstacle IS
    'why an address of a range is not free: the range does not hold it, leaves it to a DHCP server or keeps it back, it is recorded, or it was released a short time ago';

CREATE FUNCTION ipam.why_not_free(range_id bigint, address inet)
RETURNS TABLE (reason ipam.obstacle, object_type text, object_id bigint, detail text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 1 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    r CONSTANT ipam.ip_range := ipam.get_range_or_fault(range_id);
    others text;
BEGIN
    IF why_not_free.address IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddress', 'the address is missing', 'address is NULL.', 'Give a host address.');
    END IF;
    refused := NOT ipam.check_host_address(why_not_free.address);

    IF NOT r.extent @> why_not_free.address THEN
        SELECT string_agg(format(' Range %s of %s / %s holds it.', o.id, o.managed_by, o.managed_by_entity), '' ORDER BY o.id) INTO others
        FROM ipam.ip_range AS o
        WHERE o.address_space_id = r.address_space_id AND o.extent @> why_not_free.address;
        RETURN QUERY SELECT 'OutsideRange'::ipam.obstacle, 'range', r.id,
            format('The range reaches from %s to %s.%s', r.start_address, r.end_address, others);
        RETURN;
    END IF;
    RETURN QUERY
    SELECT o.reason, 'range', r.id, o.detail
    FROM (VALUES
        ('ManagedByDhcp'::ipam.obstacle, r.managed_by = 'MS DHCP',
         format('The range is managed by MS DHCP server %s, which gives out its addresses.', r.managed_by_entity)),
        ('Excluded', r.excluded_addresses @> why_not_free.address, format('The DHCP scope leaves it out: it is one of the excluded addresses %s.', r.excluded_addresses)),
        ('Reserved', r.reserved_addresses @> why_not_free.address,
         format('The range keeps it back: it is one of the reserved addresses %s. include_reserved => true offers it.', r.reserved_addresses)),
        ('VirtualAddress', r.virtual_addresses @> why_not_free.address,
         format('It is one of the virtual addresses %s. include_reserved => true offers it.', r.virtual_addresses))
    ) AS o(reason, stands_in_the_way, detail)
    WHERE o.stands_in_the_way;
    RETURN QUERY
    SELECT 'Recorded'::ipam.obstacle, 'address', a.id,
        'It is recorded' || coalesce(' for device "' || a.device_name || '"', '') || ' in state ' || a.state
            || coalesce(', assigned at ' || a.assigned_at, '') || coalesce(', expires at ' || a.expires_at, '') || '.'
    FROM ipam.ip_address AS a
    WHERE a.range_id = r.id AND a.address = why_not_free.address;
    IF NOT FOUND THEN
        RETURN QUERY
        SELECT 'InQuarantine'::ipam.obstacle, 'range', r.id, format('It was released at %s and is offered again from %s on.', q.released_at, q.free_at)
        FROM ipam.quarantined_address AS q
        WHERE q.range_id = r.id AND q.address = why_not_free.address;
    END IF;
    IF NOT FOUND AND r.managed_by <> 'MS DHCP' THEN
        RETURN QUERY -- the search knows rows that row level security hides
        SELECT 'Recorded'::ipam.obstacle, 'address', NULL::bigint, 'It is recorded in a row that you may not see.'
        WHERE NOT EXISTS (
            SELECT FROM ipam.get_free_ip_addresses(r.id, why_not_free.address, why_not_free.address, include_reserved => true));
    END IF;

    -- Another service may have the same address, in its own range or in none.
    SELECT string_agg(format('%s / %s (address %s)', a.managed_by, a.managed_by_entity, a.id), ', ' ORDER BY a.id) INTO others
    FROM ipam.ip_address AS a
    WHERE a.address_space_id = r.address_space_id AND a.address = why_not_free.address AND a.range_id IS DISTINCT FROM r.id;
    IF others IS NOT NULL THEN
        RAISE NOTICE 'address % is also recorded by %', why_not_free.address, others
            USING DETAIL = 'That does not keep it from being free in this range.';
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.why_not_free(bigint, inet) IS
    'the rows that keep get_free_ip_addresses from offering an address of a range, and why; no row: it is free';
