-- Listings: what WHERE on a view does not answer (MS-IPAMM2 3.3.4.62 to 64, 3.3.4.110, 3.5.4.8.1). docs/listing.md
-- has all of them.
--
-- SQL functions that the server puts into the query that calls them: conditions on their rows use indexes.

CREATE INDEX ip_subnet_custom_fields_idx ON ipam.ip_subnet USING gin (custom_fields) WHERE custom_fields <> '{}';
COMMENT ON INDEX ipam.ip_subnet_custom_fields_idx IS 'subnets that have a custom field value';
CREATE INDEX ip_range_custom_fields_idx ON ipam.ip_range USING gin (custom_fields) WHERE custom_fields <> '{}';
COMMENT ON INDEX ipam.ip_range_custom_fields_idx IS 'ranges that have a custom field value';

-- From the root to the leaf

CREATE FUNCTION ipam.block_hierarchy(block_id bigint) RETURNS SETOF ipam.ip_block
LANGUAGE sql STABLE ROWS 9
BEGIN ATOMIC
    SELECT b.* FROM ipam.get_block_or_fault(block_id) AS leaf
        JOIN ipam.ip_block AS b ON b.extent @> leaf.extent AND masklen(b.network) <= masklen(leaf.network)
    ORDER BY masklen(b.network), b.start_address, b.end_address DESC;
END;
COMMENT ON FUNCTION ipam.block_hierarchy(bigint) IS
    'the blocks around a block and the block itself, the root first; a fault where the id is unknown (MS-IPAMM2 3.3.4.62)';

CREATE FUNCTION ipam.block_hierarchy_for_subnet(subnet_id bigint) RETURNS SETOF ipam.ip_block
LANGUAGE sql STABLE ROWS 9
BEGIN ATOMIC
    SELECT b.* FROM ipam.get_subnet_or_fault(subnet_id) AS s, ipam.ip_block AS leaf
        JOIN ipam.ip_block AS b ON b.extent @> leaf.extent AND masklen(b.network) <= masklen(leaf.network)
    WHERE leaf.id = s.block_id
    ORDER BY masklen(b.network), b.start_address, b.end_address DESC;
END;
COMMENT ON FUNCTION ipam.block_hierarchy_for_subnet(bigint) IS
    'the blocks around a subnet, the root first; none where the subnet has no block, a fault where the id is unknown (MS-IPAMM2 3.3.4.64)';

CREATE FUNCTION ipam.block_hierarchy_for_range(range_id bigint) RETURNS SETOF ipam.ip_block
LANGUAGE sql STABLE ROWS 9
BEGIN ATOMIC
    SELECT b.* FROM ipam.get_range_or_fault(range_id) AS r, ipam.ip_subnet AS s, ipam.ip_block AS leaf
        JOIN ipam.ip_block AS b ON b.extent @> leaf.extent AND masklen(b.network) <= masklen(leaf.network)
    WHERE s.id = r.subnet_id AND leaf.id = s.block_id
    ORDER BY masklen(b.network), b.start_address, b.end_address DESC;
END;
COMMENT ON FUNCTION ipam.block_hierarchy_for_range(bigint) IS
    'the blocks around the subnet of a range, the root first; none where it has no block, a fault where the id is unknown (MS-IPAMM2 3.3.4.63)';

-- Everything below. A subnet lies below a block if the block is in its hierarchy: it lies in the block's addresses
-- and its prefix is not shorter. The bounds are for the index, which is in the order of networks.

CREATE FUNCTION ipam.subnets_of_block(block_id bigint) RETURNS SETOF ipam.ip_subnet
LANGUAGE sql STABLE ROWS 100
BEGIN ATOMIC
    SELECT s.* FROM ipam.get_block_or_fault(block_id) AS b
        JOIN ipam.ip_subnet AS s ON s.address_space_id = 1 AND s.network >= b.network AND s.network <= b.end_address
            AND s.extent <@ b.extent AND masklen(s.network) >= masklen(b.network);
END;
COMMENT ON FUNCTION ipam.subnets_of_block(bigint) IS
    'the subnets below a block, also those of blocks inside it; a fault where the id is unknown (MS-IPAMM2 3.5.4.8.1.53)';

CREATE FUNCTION ipam.ranges_of_block(block_id bigint) RETURNS SETOF ipam.ip_range
LANGUAGE sql STABLE ROWS 100
BEGIN ATOMIC
    SELECT r.* FROM ipam.subnets_of_block(block_id) AS s JOIN ipam.ip_range AS r ON r.subnet_id = s.id;
END;
COMMENT ON FUNCTION ipam.ranges_of_block(bigint) IS
    'the ranges of the subnets below a block; a fault where the id is unknown (MS-IPAMM2 3.5.4.8.1.61)';

CREATE FUNCTION ipam.ip_addresses_of_block(block_id bigint) RETURNS SETOF ipam.ip_address
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT a.* FROM ipam.ranges_of_block(block_id) AS r JOIN ipam.ip_address AS a ON a.range_id = r.id;
END;
COMMENT ON FUNCTION ipam.ip_addresses_of_block(bigint) IS
    'the addresses of the ranges below a block; a fault where the id is unknown (MS-IPAMM2 3.5.4.8.1.41)';

CREATE FUNCTION ipam.ip_addresses_of_subnet(subnet_id bigint) RETURNS SETOF ipam.ip_address
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT a.* FROM ipam.get_subnet_or_fault(subnet_id) AS s
        JOIN ipam.ip_range AS r ON r.subnet_id = s.id
        JOIN ipam.ip_address AS a ON a.range_id = r.id;
END;
COMMENT ON FUNCTION ipam.ip_addresses_of_subnet(bigint) IS
    'the addresses of the ranges of a subnet, without those of subnets inside it; a fault where the id is unknown (MS-IPAMM2 3.5.4.8.1.45)';

-- Without a block

CREATE FUNCTION ipam.count_unmapped_ranges(address_family integer DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    PERFORM ipam.require_ready_store();
    IF address_family NOT IN (4, 6) THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressFamily', format('there is no address family %s', address_family), NULL,
            'Use 4 or 6, or NULL for both.');
    END IF;
    RETURN (
        SELECT count(*) FROM ipam.ip_subnet AS s JOIN ipam.ip_range AS r ON r.subnet_id = s.id
        WHERE s.address_space_id = 1 AND s.block_id IS NULL
          AND (address_family IS NULL OR family(r.start_address) = address_family));
END
$$;
COMMENT ON FUNCTION ipam.count_unmapped_ranges(integer) IS
    'how many ranges of the default address space lie in a subnet without a block, of one address family or of both (MS-IPAMM2 3.3.4.110)';
