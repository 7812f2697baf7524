-- Blocks: the tree of planning containers of the default address space (MS-IPAMM2 3.1.1.1.4).

CREATE TABLE ipam.ip_block (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address_space_id bigint NOT NULL DEFAULT 1 REFERENCES ipam.address_space,
    network          cidr NOT NULL,
    start_address    inet NOT NULL,
    end_address      inet NOT NULL,
    extent           ipam.inetrange GENERATED ALWAYS AS (
                         CASE WHEN start_address <= end_address AND family(start_address) = family(end_address)
                              THEN ipam.inetrange(start_address, end_address, '[]') END) STORED,
    address_category ipam.address_category GENERATED ALWAYS AS (ipam.address_category(start_address, end_address)) STORED,
    parent_id        bigint REFERENCES ipam.ip_block ON DELETE SET NULL,
    rir              text COLLATE "C",
    rir_received_on  date,
    description      text,
    owner            text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    modified_at      timestamptz NOT NULL DEFAULT now(),

    -- Triggers take 0 for none.
    CONSTRAINT ip_block_id CHECK (id > 0
        OR ipam.raise_fault('IpamApiInvalidParameter', format('a block cannot have id %s', id), 'Ids are 1 or more.', 'Leave id out.')),
    CONSTRAINT ip_block_address_space CHECK (address_space_id = 1
        OR ipam.raise_fault('IpamApiInvalidAddressSpace', format('block %s cannot lie in address space %s', network, address_space_id),
               'Blocks exist in the default address space only.', 'Leave address_space_id out, or make a subnet.')),
    CONSTRAINT ip_block_check_1_prefix_length CHECK (
        masklen(network) BETWEEN 1 AND CASE family(network) WHEN 4 THEN 30 ELSE 127 END
        OR ipam.raise_fault('IpamApiInvalidPrefixLength', format('%s cannot be a block', network),
               'The prefix length of a block is 1 to 30 in IPv4 and 1 to 127 in IPv6.')),
    CONSTRAINT ip_block_check_2_start CHECK (start_address <<= network
        OR ipam.raise_fault('IpamApiInvalidStartIPAddress', format('block %s cannot start at %s', network, start_address),
               format('The network reaches from %s to %s.', host(network), host(broadcast(network))))),
    CONSTRAINT ip_block_check_3_end CHECK (end_address <<= network
        OR ipam.raise_fault('IpamApiEndIpAddressOutOfRange', format('block %s cannot end at %s', network, end_address),
               format('The network reaches from %s to %s.', host(network), host(broadcast(network))))),
    CONSTRAINT ip_block_check_4_order CHECK (start_address <= end_address
        OR ipam.raise_fault('IpamApiStartIPGreaterThanEndIP', format('block %s cannot start at %s and end at %s', network, start_address, end_address),
               'The start address comes after the end address.')),
    CONSTRAINT ip_block_check_5_category CHECK (address_category IS NOT NULL
        OR ipam.raise_fault('IpamApiInvalidAddressRange', format('%s to %s cannot be a block', start_address, end_address),
               'The addresses are of no use for a plan, or public and private ones are mixed.',
               'SELECT ipam.address_category(first, last) tells the category of a range of addresses.')),
    CONSTRAINT ip_block_check_6_rir CHECK (CASE address_category WHEN 'Public' THEN rir IS NOT NULL ELSE true END
        OR ipam.raise_fault('IpamApiRIRNotSpecifiedForAPublicIPv4Block', format('public block %s needs a regional registry', network),
               'Public addresses come from a regional internet registry.', 'Set rir to AFRINIC, APNIC, ARIN, LACNIC or RIPE.')),
    CONSTRAINT ip_block_check_7_no_rir CHECK (rir IS NULL OR address_category <> 'Private'
        OR ipam.raise_fault('IpamApiRIRSpecifiedForAPrivateIPv4Block', format('private block %s has no regional registry', network),
               'Private addresses do not come from a registry.', 'Leave rir out.')),
    CONSTRAINT ip_block_check_8_rir_known CHECK (rir IS NULL OR rir IN ('AFRINIC', 'APNIC', 'ARIN', 'LACNIC', 'RIPE')
        OR ipam.check_custom_field_value(1, rir)),
    CONSTRAINT ip_block_check_9_rir_received_on CHECK (rir_received_on IS NULL OR address_category <> 'Private'
        OR ipam.raise_fault('IpamApiRIRReceivedDateSpecifiedForAPrivateIPv4Block',
               format('private block %s was not received from a regional registry', network), NULL, 'Leave rir_received_on out.')),
    CONSTRAINT ip_block_description_length CHECK (description IS NULL OR length(description) <= 4000
        OR ipam.raise_fault('IpamApiInvalidDescription', format('the description of block %s is too long', network),
               format('It has %s characters; 4000 are possible.', length(description)))),
    CONSTRAINT ip_block_owner_length CHECK (owner IS NULL OR length(owner) <= 255
        OR ipam.raise_fault('IpamApiOwnerStringLengthNotAcceptable', format('the owner of block %s is too long', network),
               format('It has %s characters; 255 are possible.', length(owner))))
);
COMMENT ON TABLE ipam.ip_block IS 'planning containers of the default address space; they nest and never overlap otherwise';
COMMENT ON COLUMN ipam.ip_block.id IS 'id';
COMMENT ON COLUMN ipam.ip_block.address_space_id IS 'always 1, the default address space';
COMMENT ON COLUMN ipam.ip_block.network IS 'the network, /1 to /30 in IPv4 and /1 to /127 in IPv6';
COMMENT ON COLUMN ipam.ip_block.start_address IS 'first address of the block; the network''s first unless given';
COMMENT ON COLUMN ipam.ip_block.end_address IS 'last address of the block; the network''s last unless given';
COMMENT ON COLUMN ipam.ip_block.extent IS 'all addresses from start to end';
COMMENT ON COLUMN ipam.ip_block.address_category IS 'Public, Private or GlobalIPv6Unicast, worked out from the addresses';
COMMENT ON COLUMN ipam.ip_block.parent_id IS 'the smallest block around it, kept by the database; NULL: a root';
COMMENT ON COLUMN ipam.ip_block.rir IS 'regional internet registry: a value of custom field 1; needed for public IPv4, not for private';
COMMENT ON COLUMN ipam.ip_block.rir_received_on IS 'day the registry gave it';
COMMENT ON COLUMN ipam.ip_block.description IS 'at most 4000 characters';
COMMENT ON COLUMN ipam.ip_block.owner IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_block.created_at IS 'time of creation';
COMMENT ON COLUMN ipam.ip_block.modified_at IS 'time of the last change by a user';

CREATE INDEX ip_block_extent_idx ON ipam.ip_block USING gist (extent);
COMMENT ON INDEX ipam.ip_block_extent_idx IS 'blocks that contain, lie in or overlap a range of addresses';
-- The search for room walks this index, see src/pg/taken.hpp.
CREATE INDEX ip_block_parent_id_idx ON ipam.ip_block (parent_id, start_address, end_address);
COMMENT ON INDEX ipam.ip_block_parent_id_idx IS 'children of a block, in order';

-- 3.3: the most specific block around an extent.
CREATE FUNCTION ipam.find_parent_block(extent ipam.inetrange, prefix_length integer, except_id bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT b.id FROM ipam.ip_block AS b
    WHERE b.extent @> find_parent_block.extent
      AND masklen(b.network) <= prefix_length
      AND b.id IS DISTINCT FROM except_id
    ORDER BY b.start_address DESC, b.end_address, masklen(b.network) DESC
    LIMIT 1);
COMMENT ON FUNCTION ipam.find_parent_block(ipam.inetrange, integer, bigint) IS
    'id of the most specific block around the extent whose prefix is not longer, or NULL (MS-IPAMM2 3.1.1.1.4.2)';

-- 3.5: levels of the longest chain of blocks through an extent.
CREATE FUNCTION ipam.block_depth(extent ipam.inetrange, prefix_length integer, except_id bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE inside AS (
        SELECT b.id, b.parent_id FROM ipam.ip_block AS b
        WHERE b.extent <@ block_depth.extent AND masklen(b.network) >= prefix_length AND b.id IS DISTINCT FROM except_id
    ), chain AS (
        SELECT i.id, 1 AS level FROM inside AS i
        WHERE NOT EXISTS (SELECT FROM inside AS p WHERE p.id = i.parent_id)
        UNION ALL
        SELECT i.id, c.level + 1 FROM chain AS c JOIN inside AS i ON i.parent_id = c.id
    )
    SELECT (SELECT count(*) FROM ipam.ip_block AS b
            WHERE b.extent @> block_depth.extent AND masklen(b.network) <= prefix_length
              AND b.id IS DISTINCT FROM except_id AND NOT EXISTS (SELECT FROM inside AS i WHERE i.id = b.id))
         + (SELECT coalesce(max(level), 0) FROM chain);
END;
COMMENT ON FUNCTION ipam.block_depth(ipam.inetrange, integer, bigint) IS
    'number of blocks in the longest chain around and inside the extent (MS-IPAMM2 3.1.1.1.4.2)';

CREATE FUNCTION ipam.place_block() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    place ipam.inetrange;
    parent bigint;
    others text;
BEGIN
    PERFORM ipam.address_space_type(NEW.address_space_id);
    PERFORM ipam.lock_plan(1);
    NEW.start_address := coalesce(NEW.start_address, host(NEW.network)::inet);
    NEW.end_address := coalesce(NEW.end_address, host(broadcast(NEW.network))::inet);
    refused := NOT (ipam.check_host_address(NEW.start_address) AND ipam.check_host_address(NEW.end_address));
    IF (NEW.start_address <<= NEW.network AND NEW.end_address <<= NEW.network AND NEW.start_address <= NEW.end_address) IS NOT TRUE THEN
        RETURN NEW; -- the constraints have the words for it
    END IF;
    place := ipam.inetrange(NEW.start_address, NEW.end_address, '[]');

    IF TG_OP = 'INSERT' OR (NEW.network, NEW.start_address, NEW.end_address) <> (OLD.network, OLD.start_address, OLD.end_address) THEN
        SELECT string_agg(format('[%s, %s] (block %s)', b.start_address, b.end_address, b.id), ', ' ORDER BY b.start_address) INTO others
        FROM ipam.ip_block AS b
        WHERE b.extent && place AND b.id <> NEW.id
          AND ((b.extent = place AND masklen(b.network) = masklen(NEW.network))
            OR NOT ((b.extent @> place AND masklen(b.network) <= masklen(NEW.network))
                 OR (b.extent <@ place AND masklen(b.network) >= masklen(NEW.network))));
        IF others IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiConflictingIPBlocksExist',
                format('block %s [%s, %s] conflicts with existing blocks', NEW.network, NEW.start_address, NEW.end_address),
                format('Conflicting blocks: %s.', others),
                'Blocks must be disjoint, or one must lie inside the other; no two are equal.');
        END IF;
        IF ipam.block_depth(place, masklen(NEW.network), NEW.id) >= 9 THEN
            refused := ipam.raise_fault('IpamApiMaxChildrenReached', format('block %s would nest too deep', NEW.network),
                'The chain of blocks around and inside it has 9 levels already.', 'Delete a block of the chain first.');
        END IF;
    END IF;

    -- A dump loads children before their parents; those are adopted when the parent arrives.
    parent := ipam.find_parent_block(place, masklen(NEW.network), NEW.id);
    IF TG_OP = 'UPDATE' AND NEW.parent_id IS DISTINCT FROM OLD.parent_id AND NEW.parent_id <> coalesce(parent, 0) THEN
        refused := ipam.raise_fault('IpamApiInvalidUpdate', format('block %s cannot be put under block %s', NEW.network, NEW.parent_id),
            'The parent of a block is the smallest block around it.', 'Change the network or the addresses instead.');
    END IF;
    NEW.parent_id := parent;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.place_block() IS 'trigger: fills in addresses and parent, refuses partial overlaps and chains of more than 9';

CREATE FUNCTION ipam.lock_plan_of_blocks() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Before provisioning there is no address space, and no block. Whom it is hidden from is refused.
    PERFORM ipam.lock_plan(1)
    WHERE row_security_active('ipam.address_space') OR EXISTS (SELECT FROM ipam.address_space AS s WHERE s.id = 1);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.lock_plan_of_blocks() IS 'trigger: blocks are moved, resized and deleted by one transaction at a time';

CREATE TRIGGER place_block BEFORE INSERT OR UPDATE OF address_space_id, network, start_address, end_address, parent_id ON ipam.ip_block
    FOR EACH ROW EXECUTE FUNCTION ipam.place_block();
-- Before a row is locked: whoever has the plan may want the row.
CREATE TRIGGER lock_plan BEFORE UPDATE OF address_space_id, network, start_address, end_address, parent_id OR DELETE ON ipam.ip_block
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.lock_plan_of_blocks();
CREATE TRIGGER touch_modified_at
    BEFORE UPDATE OF network, start_address, end_address, rir, rir_received_on, description, owner ON ipam.ip_block
    FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();
