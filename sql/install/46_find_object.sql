-- Finding the object that an id given by a caller stands for. Where a row is locked at once, the caller does it
-- and says ipam.refuse_unknown() itself.

CREATE FUNCTION ipam.get_block_or_fault(block_id bigint) RETURNS ipam.ip_block
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    block ipam.ip_block;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT b.* INTO block FROM ipam.ip_block AS b WHERE b.id = block_id;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('block', block_id);
    END IF;
    RETURN block;
END
$$;
COMMENT ON FUNCTION ipam.get_block_or_fault(bigint) IS 'the block; a fault where the store is not ready, the id is missing or unknown';

CREATE FUNCTION ipam.get_subnet_or_fault(subnet_id bigint) RETURNS ipam.ip_subnet
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    subnet ipam.ip_subnet;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT s.* INTO subnet FROM ipam.ip_subnet AS s WHERE s.id = subnet_id;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('subnet', subnet_id);
    END IF;
    RETURN subnet;
END
$$;
COMMENT ON FUNCTION ipam.get_subnet_or_fault(bigint) IS 'the subnet; a fault where the store is not ready, the id is missing or unknown';

CREATE FUNCTION ipam.get_range_or_fault(range_id bigint) RETURNS ipam.ip_range
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    range ipam.ip_range;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT r.* INTO range FROM ipam.ip_range AS r WHERE r.id = range_id;
    IF NOT FOUND THEN
        refused := ipam.refuse_unknown('range', range_id);
    END IF;
    RETURN range;
END
$$;
COMMENT ON FUNCTION ipam.get_range_or_fault(bigint) IS 'the range; a fault where the store is not ready, the id is missing or unknown';
