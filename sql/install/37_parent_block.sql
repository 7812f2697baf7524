-- The parent blocks of blocks and subnets when a block comes, goes or moves (MS-IPAMM2 3.1.1.1.4.2).

-- Everything in the addresses of a block that came, went or moved gets its right parent: setting
-- the parent to NULL makes place_block() and place_subnet() find it.
CREATE FUNCTION ipam.readopt_in_block(place ipam.ip_block) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE ipam.ip_block AS b SET parent_id = NULL
    WHERE b.extent <@ place.extent
      AND b.parent_id IS DISTINCT FROM ipam.find_parent_block(b.extent, masklen(b.network), b.id);
    UPDATE ipam.ip_subnet AS s SET block_id = NULL
    WHERE s.address_space_id = 1 AND s.network <<= place.network AND s.extent <@ place.extent
      AND s.block_id IS DISTINCT FROM ipam.find_parent_block(s.extent, masklen(s.network));
$$;
COMMENT ON FUNCTION ipam.readopt_in_block(ipam.ip_block) IS 'gives all blocks and subnets in the addresses of the block their right parent';

CREATE FUNCTION ipam.adopt_into_block() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM ipam.readopt_in_block(OLD);
    END IF;
    PERFORM ipam.readopt_in_block(NEW);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.adopt_into_block() IS 'trigger: blocks and subnets around which a block came or moved get their right parent';

CREATE TRIGGER adopt_on_insert AFTER INSERT ON ipam.ip_block
    FOR EACH ROW EXECUTE FUNCTION ipam.adopt_into_block();
CREATE TRIGGER adopt_on_update AFTER UPDATE OF network, start_address, end_address ON ipam.ip_block
    FOR EACH ROW EXECUTE FUNCTION ipam.adopt_into_block();
