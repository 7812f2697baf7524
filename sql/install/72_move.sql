-- Moving recorded addresses to another range: the row stays, the address is another one.

CREATE FUNCTION ipam.lock_range_for_move(range_id bigint) RETURNS ipam.ip_range
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    found_range ipam.ip_range;
BEGIN
    -- Moves into one range queue, they would want the same addresses; who records addresses there need not wait.
    SELECT r.* INTO found_range FROM ipam.ip_range AS r WHERE r.id = lock_range_for_move.range_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('range', range_id);
    END IF;
    RETURN found_range;
END
$$;
COMMENT ON FUNCTION ipam.lock_range_for_move(bigint) IS 'the range, which nobody else changes or moves addresses into until the end of the transaction';

CREATE FUNCTION ipam.move_ip_addresses(
    address_ids     bigint[],
    to_range_id     bigint,
    OUT address_id  bigint,
    OUT old_address inet,
    OUT new_address inet)
RETURNS SETOF record
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    target ipam.ip_range;
    unknown bigint;
    moving bigint[];    -- without those that are in the range already
    old_addresses inet[];
    free inet[];
    taken inet[];
    violated text;
BEGIN
    PERFORM ipam.require_ready_store();
    IF address_ids IS NULL OR EXISTS (SELECT FROM unnest(address_ids) AS u(id) WHERE u.id IS NULL) THEN
        refused := ipam.refuse_unknown('address', NULL);
    END IF;
    target := ipam.lock_range_for_move(to_range_id);
    PERFORM FROM ipam.ip_address AS a WHERE a.id = ANY (address_ids) ORDER BY a.address, a.id FOR UPDATE;
    SELECT u.id INTO unknown FROM unnest(address_ids) WITH ORDINALITY AS u(id, position)
    WHERE NOT EXISTS (SELECT FROM ipam.ip_address AS a WHERE a.id = u.id)
    ORDER BY u.position LIMIT 1;
    IF FOUND THEN
        refused := ipam.refuse_unknown('address', unknown);
    END IF;
    SELECT coalesce(array_agg(a.id ORDER BY u.position), '{}'), array_agg(a.address ORDER BY u.position) INTO moving, old_addresses
    FROM (SELECT u.id, min(u.position) AS position FROM unnest(address_ids) WITH ORDINALITY AS u(id, position) GROUP BY u.id) AS u
        JOIN ipam.ip_address AS a ON a.id = u.id
    WHERE a.range_id IS DISTINCT FROM to_range_id;

    LOOP
        EXIT WHEN moving = '{}';
        IF target.managed_by = 'MS DHCP' THEN
            refused := ipam.raise_fault('IpamApiRangeIsManagedByMsDhcp', format('range %s is managed by MS DHCP', to_range_id),
                'The DHCP server gives out its addresses.',
                'Give the new address: ipam.move_ip_address(address_id, to_range_id, new_address).');
        END IF;
        free := ARRAY (SELECT f.address FROM ipam.get_free_ip_addresses(to_range_id, count => cardinality(moving)) AS f(address));
        IF cardinality(free) < cardinality(moving) THEN
            refused := ipam.raise_fault('IpamApiFindFreeIPAddressesFailed',
                format('range [%s, %s] has no room for the addresses', target.start_address, target.end_address),
                format('To move: %s, free: %s.', cardinality(moving), cardinality(free)),
                'Move fewer addresses, choose another range or make this one larger.');
        END IF;
        BEGIN
            UPDATE ipam.ip_address AS a
            SET address = m.new_address, range_id = target.id, address_space_id = target.address_space_id, managed_by = target.managed_by,
                managed_by_entity = target.managed_by_entity, virtualization_type = target.virtualization_type
            FROM unnest(moving, free) AS m(id, new_address)
            WHERE a.id = m.id;
            EXIT;
        EXCEPTION WHEN unique_violation THEN -- another session was faster with one of them
            GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
            IF violated NOT IN ('ip_address_identity_key', 'ip_address_range_id_address_idx') THEN
                RAISE;
            ELSIF free = taken THEN -- a snapshot of the transaction's beginning, where they stay free
                RAISE serialization_failure USING
                    MESSAGE = format('could not serialize access to the free addresses of range %s', to_range_id),
                    DETAIL = 'Another transaction has recorded one of them since this one began.',
                    HINT = 'Run the transaction again.';
            END IF;
            taken := free;
        END;
    END LOOP;

    RETURN QUERY
    SELECT a.id, coalesce(m.old_address, a.address), a.address
    FROM unnest(address_ids) WITH ORDINALITY AS u(id, position)
        JOIN ipam.ip_address AS a ON a.id = u.id
        LEFT JOIN unnest(moving, old_addresses) AS m(id, old_address) ON m.id = a.id
    ORDER BY u.position;
END
$$;
COMMENT ON FUNCTION ipam.move_ip_addresses(bigint[], bigint) IS
    'moves recorded addresses to the first free addresses of a range, in the order of the ids, all or none; service, address space and virtualization type become the range''s, and those already there stay. Returns a row with the old and the new address for each id';

CREATE FUNCTION ipam.move_ip_address(address_id bigint, to_range_id bigint, new_address inet DEFAULT NULL) RETURNS inet
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    target ipam.ip_range;
BEGIN
    IF new_address IS NULL THEN
        RETURN (SELECT m.new_address FROM ipam.move_ip_addresses(ARRAY[address_id], to_range_id) AS m);
    END IF;
    PERFORM ipam.require_ready_store();
    refused := NOT ipam.check_host_address(new_address);
    target := ipam.lock_range_for_move(to_range_id);
    IF NOT target.extent @> new_address THEN
        refused := ipam.raise_fault('IpamApiIpAddressOutOfRange', format('address %s does not belong to range %s', new_address, to_range_id),
            format('The range reaches from %s to %s.', target.start_address, target.end_address),
            'Leave new_address out to take the first free address.');
    END IF;
    UPDATE ipam.ip_address AS a
    SET address = move_ip_address.new_address, range_id = target.id, address_space_id = target.address_space_id,
        managed_by = target.managed_by, managed_by_entity = target.managed_by_entity, virtualization_type = target.virtualization_type
    WHERE a.id = move_ip_address.address_id;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('address', address_id);
    END IF;
    RETURN new_address;
END
$$;
COMMENT ON FUNCTION ipam.move_ip_address(bigint, bigint, inet) IS
    'moves a recorded address to a range: to new_address, or to the first free address; service, address space and virtualization type become the range''s. Without new_address an address that is in the range already stays. Returns the address it has then';
