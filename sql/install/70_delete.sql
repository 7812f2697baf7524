-- Deleting an object together with what hangs on it (MS-IPAMM2 3.3.4.21, 3.3.4.22, 3.3.4.32, 3.3.4.34).
--
-- A DELETE keeps what it can: the children of a block go to its parent, the addresses of a range stay, and a
-- subnet with ranges is refused. These functions delete more where the caller asks for it. They lock the plan
-- of the space first, then the object: who is just putting something into it is waited for, and seen.

CREATE FUNCTION ipam.delete_block(
    block_id            bigint,
    delete_child_blocks boolean DEFAULT false,
    OUT deleted_blocks  bigint,
    OUT moved_blocks    bigint,
    OUT moved_subnets   bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    doomed bigint[] := ARRAY[block_id];
BEGIN
    PERFORM ipam.require_ready_store();
    PERFORM ipam.lock_plan(1);
    PERFORM FROM ipam.ip_block AS b WHERE b.id = delete_block.block_id FOR UPDATE;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('block', block_id);
    ELSIF delete_child_blocks THEN
        WITH RECURSIVE tree AS (
            SELECT delete_block.block_id AS id
            UNION ALL
            SELECT b.id FROM tree AS t JOIN ipam.ip_block AS b ON b.parent_id = t.id
        )
        SELECT array_agg(t.id) INTO doomed FROM tree AS t;
        moved_blocks := 0;
    ELSE
        SELECT count(*) INTO moved_blocks FROM ipam.ip_block AS b WHERE b.parent_id = delete_block.block_id;
    END IF;
    SELECT count(*) INTO moved_subnets FROM ipam.ip_subnet AS s WHERE s.block_id = ANY (doomed);
    DELETE FROM ipam.ip_block AS b WHERE b.id = ANY (doomed); -- the foreign keys give its children to the block around it
    GET DIAGNOSTICS deleted_blocks = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION ipam.delete_block(bigint, boolean) IS
    'deletes a block, or with delete_child_blocks the whole tree of blocks; subnets stay and go to the nearest block that is left. Returns how many blocks were deleted, and how many blocks and subnets got another parent (MS-IPAMM2 3.3.4.22)';

CREATE FUNCTION ipam.delete_ranges(
    range_ids             bigint[],
    delete_addresses      boolean,
    OUT deleted_ranges    bigint,
    OUT deleted_addresses bigint,
    OUT kept_addresses    bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    doomed bigint;
BEGIN
    PERFORM FROM ipam.ip_range AS r WHERE r.id = ANY (range_ids) ORDER BY r.id FOR UPDATE; -- waits for writers of their addresses
    -- Whoever needs many addresses locks them in their order: so they queue instead of blocking each other.
    PERFORM FROM ipam.ip_address AS a WHERE a.range_id = ANY (range_ids) ORDER BY a.address, a.id FOR UPDATE;
    deleted_addresses := 0;
    IF delete_addresses THEN
        DELETE FROM ipam.ip_address AS a WHERE a.range_id = ANY (range_ids);
        GET DIAGNOSTICS deleted_addresses = ROW_COUNT;
    END IF;
    SELECT count(*) INTO kept_addresses FROM ipam.ip_address AS a WHERE a.range_id = ANY (range_ids);
    -- From the last one down: the search for the new range of a kept address goes down from the address,
    -- and would pass all the deleted ranges there.
    deleted_ranges := 0;
    FOR doomed IN SELECT r.id FROM ipam.ip_range AS r WHERE r.id = ANY (range_ids) ORDER BY r.start_address DESC LOOP
        DELETE FROM ipam.ip_range AS r WHERE r.id = doomed;
        deleted_ranges := deleted_ranges + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.delete_ranges(bigint[], boolean) IS
    'deletes ranges whose plan is locked, and their addresses if asked; the part that delete_range and delete_subnet share';

CREATE FUNCTION ipam.delete_range(
    range_id              bigint,
    delete_addresses      boolean DEFAULT false,
    OUT deleted_addresses bigint,
    OUT kept_addresses    bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    deleted record;
BEGIN
    PERFORM ipam.require_ready_store();
    PERFORM ipam.lock_plan(r.address_space_id) FROM ipam.ip_range AS r WHERE r.id = delete_range.range_id;
    SELECT * INTO deleted FROM ipam.delete_ranges(ARRAY[range_id], delete_addresses);
    IF deleted.deleted_ranges = 0 THEN
        refused := ipam.refuse_unknown('range', range_id);
    END IF;
    deleted_addresses := deleted.deleted_addresses;
    kept_addresses := deleted.kept_addresses;
END
$$;
COMMENT ON FUNCTION ipam.delete_range(bigint, boolean) IS
    'deletes a range, with delete_addresses also the addresses mapped to it; otherwise they stay, and are mapped to another range only where MS DHCP ranges overlap. Returns how many addresses were deleted and kept (MS-IPAMM2 3.3.4.32)';

CREATE FUNCTION ipam.delete_subnet(
    subnet_id             bigint,
    delete_ranges         boolean DEFAULT false,
    delete_addresses      boolean DEFAULT false,
    OUT deleted_ranges    bigint,
    OUT deleted_addresses bigint,
    OUT kept_addresses    bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    subnet ipam.ip_subnet;
    ranges bigint[] := ARRAY[]::bigint[];
    dhcp_ranges text;
BEGIN
    PERFORM ipam.require_ready_store();
    PERFORM ipam.lock_plan(s.address_space_id) FROM ipam.ip_subnet AS s WHERE s.id = delete_subnet.subnet_id;
    SELECT s.* INTO subnet FROM ipam.ip_subnet AS s WHERE s.id = delete_subnet.subnet_id FOR UPDATE;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('subnet', subnet_id);
    END IF;
    IF delete_ranges THEN
        SELECT string_agg(format('[%s, %s] (range %s)', r.start_address, r.end_address, r.id), ', ' ORDER BY r.start_address) INTO dhcp_ranges
        FROM (SELECT * FROM ipam.ip_range AS r
              WHERE r.subnet_id = delete_subnet.subnet_id AND r.managed_by = 'MS DHCP'
              ORDER BY r.start_address LIMIT 10) AS r;
        IF dhcp_ranges IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiMsDhcpRangesDependentOnSubnet',
                format('subnet %s cannot be deleted with its ranges', subnet.network),
                format('Ranges managed by MS DHCP: %s.', dhcp_ranges),
                'Such a range is the scope of a DHCP server: delete it by itself first, with ipam.delete_range(id).');
        END IF;
        ranges := ARRAY (SELECT r.id FROM ipam.ip_range AS r WHERE r.subnet_id = delete_subnet.subnet_id);
    END IF;
    SELECT d.* INTO deleted_ranges, deleted_addresses, kept_addresses FROM ipam.delete_ranges(ranges, delete_addresses) AS d;
    DELETE FROM ipam.ip_subnet AS s WHERE s.id = delete_subnet.subnet_id; -- its trigger refuses it where there are ranges
END
$$;
COMMENT ON FUNCTION ipam.delete_subnet(bigint, boolean, boolean) IS
    'deletes a subnet, with delete_ranges also its ranges, with delete_addresses also the addresses mapped to those; other subnets inside it stay. Returns how many ranges and addresses were deleted, and how many addresses of them were kept (MS-IPAMM2 3.3.4.34)';

-- The foreign keys refuse it as well, without the numbers.
CREATE FUNCTION ipam.refuse_address_space_in_use() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    contents text;
BEGIN
    SELECT string_agg(format('"%s" (address space %s) has subnets: %s, ranges: %s, addresses: %s', s.name, s.id, s.subnets, s.ranges, s.addresses), '; ' ORDER BY s.id)
    INTO contents
    FROM (SELECT s.id, s.name, n.*
          FROM ipam.address_space AS s,
               LATERAL (SELECT (SELECT count(*) FROM ipam.ip_subnet WHERE address_space_id = s.id) AS subnets,
                               (SELECT count(*) FROM ipam.ip_range WHERE address_space_id = s.id) AS ranges,
                               (SELECT count(*) FROM ipam.ip_address WHERE address_space_id = s.id) AS addresses) AS n
          WHERE (s.id = OLD.id OR s.provider_id = OLD.id) AND n.subnets + n.ranges + n.addresses > 0
          ORDER BY s.id LIMIT 10) AS s;
    IF contents IS NOT NULL THEN
        refused := ipam.raise_fault('IpamDeleteFailedDueToReferences', format('address space "%s" cannot be deleted', OLD.name),
            format('%s not empty: %s.', CASE OLD.type WHEN 'Customer' THEN 'It is' ELSE 'It or a customer space on it is' END, contents),
            'Delete or move its subnets and addresses first; ipam.delete_subnet(id, delete_ranges => true, delete_addresses => true) takes a subnet with all that is in it.');
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ipam.refuse_address_space_in_use() IS 'trigger: an address space that is not empty stays, and so does the provider space under it';

CREATE TRIGGER refuse_while_in_use BEFORE DELETE ON ipam.address_space
    FOR EACH ROW EXECUTE FUNCTION ipam.refuse_address_space_in_use();

CREATE FUNCTION ipam.delete_address_space(address_space_id bigint, OUT deleted_address_spaces bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    PERFORM ipam.require_ready_store();
    -- Waits for who is putting something into one of them.
    PERFORM FROM ipam.address_space AS s
    WHERE delete_address_space.address_space_id IN (s.id, s.provider_id)
    ORDER BY s.id FOR UPDATE;
    GET DIAGNOSTICS deleted_address_spaces = ROW_COUNT;
    DELETE FROM ipam.address_space AS s WHERE s.id = delete_address_space.address_space_id;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('address space', address_space_id);
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.delete_address_space(bigint) IS
    'deletes an address space with the customer spaces on it, if nothing is in any of them. Returns how many address spaces were deleted (MS-IPAMM2 3.3.4.21)';
