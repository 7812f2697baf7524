-- Which of the subnets, and which of the ranges, that overlap each other counts in utilization
-- (MS-IPAMM2 3.1.1.1.34.2): use_for_utilization.
--
-- Two things hold at the end of every statement: of two that overlap at most one is chosen, and one
-- that is not chosen overlaps a chosen one. place_subnet() and place_range() choose for a row that
-- comes; the triggers here, after the statement, repair what the row has done to its neighbours, one
-- row after another. A repair is an UPDATE of use_for_utilization, after which these triggers look again.
-- All of it happens under ipam.lock_plan().

-- The largest come first: of those that lack a chosen one, each that lies in no other.
CREATE FUNCTION ipam.choose_subnets(place ipam.ip_subnet, except_id bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
    WITH lacking AS MATERIALIZED (
        SELECT q.id, q.network,
               max(upper(q.extent)) OVER (ORDER BY q.network ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_to
        FROM ipam.find_overlapping_subnets(place.address_space_id, place.network) AS q
        WHERE NOT q.use_for_utilization AND q.id IS DISTINCT FROM except_id
          AND NOT ipam.has_chosen_subnet(q.address_space_id, q.network, q.id)
    )
    UPDATE ipam.ip_subnet AS s SET use_for_utilization = true
    FROM lacking AS l
    WHERE s.id = l.id AND coalesce(l.covered_to < lower(s.extent), true);
$$;
COMMENT ON FUNCTION ipam.choose_subnets(ipam.ip_subnet, bigint) IS
    'chooses among the subnets around and inside the place that overlap no chosen one';

-- A subnet that somebody has put down may be told so; what else lacks a chosen one becomes it.
CREATE FUNCTION ipam.settle_subnet_choice(subnet_id bigint, is_put_down boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    subnet ipam.ip_subnet;
    chosen bigint[];
BEGIN
    SELECT s.* INTO subnet FROM ipam.ip_subnet AS s WHERE s.id = subnet_id; -- as the triggers of other rows have left it
    SELECT array_agg(s.id) INTO chosen
    FROM ipam.find_overlapping_subnets(subnet.address_space_id, subnet.network) AS s
    WHERE s.use_for_utilization AND s.id <> subnet.id;
    IF subnet.use_for_utilization AND chosen IS NOT NULL THEN
        UPDATE ipam.ip_subnet AS s SET use_for_utilization = false WHERE s.id = ANY (chosen);
    ELSIF NOT subnet.use_for_utilization AND chosen IS NULL THEN
        IF is_put_down THEN
            refused := ipam.raise_fault('IpamApiInvalidUpdate', format('subnet %s stays the one used for utilization', subnet.network),
                'No subnet around or inside it could take its place.');
        END IF;
        UPDATE ipam.ip_subnet AS s SET use_for_utilization = true WHERE s.id = subnet.id;
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.settle_subnet_choice(bigint, boolean) IS
    'a chosen subnet takes the choice from those around and inside it; one that lacks a chosen one becomes it, or a fault if it was put down';

CREATE FUNCTION ipam.keep_subnet_choice() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    leaves CONSTANT boolean := CASE TG_OP WHEN 'DELETE' THEN true
        ELSE (NEW.address_space_id, NEW.network) IS DISTINCT FROM (OLD.address_space_id, OLD.network) END;
BEGIN
    IF OLD.use_for_utilization AND (leaves OR NOT NEW.use_for_utilization) THEN
        PERFORM ipam.choose_subnets(OLD, OLD.id);
    END IF;
    IF TG_OP = 'UPDATE' THEN
        PERFORM ipam.settle_subnet_choice(NEW.id, NOT leaves AND OLD.use_for_utilization AND NOT NEW.use_for_utilization);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.keep_subnet_choice() IS
    'trigger: after a subnet went, moved or was chosen, at most one of two that overlap is chosen, and none lacks a chosen one';

CREATE TRIGGER keep_choice AFTER DELETE OR UPDATE OF address_space_id, network, use_for_utilization ON ipam.ip_subnet
    FOR EACH ROW EXECUTE FUNCTION ipam.keep_subnet_choice();

-- In the order of their addresses, of those that start together the largest first.
CREATE FUNCTION ipam.choose_ranges(place ipam.ip_range, except_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    candidate ipam.ip_range;
BEGIN
    FOR candidate IN
        SELECT q.* FROM ipam.find_overlapping_ranges(place.address_space_id, place.extent, place.excluded_addresses) AS q
        WHERE NOT q.use_for_utilization AND q.id IS DISTINCT FROM except_id
        ORDER BY q.start_address, q.end_address DESC, q.id
    LOOP
        IF NOT ipam.has_chosen_range(candidate.address_space_id, candidate.extent, candidate.excluded_addresses, candidate.id) THEN
            UPDATE ipam.ip_range AS r SET use_for_utilization = true WHERE r.id = candidate.id;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.choose_ranges(ipam.ip_range, bigint) IS
    'chooses among the ranges that overlap the place and no chosen one, one after another';

CREATE FUNCTION ipam.keep_range_choice() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    leaves CONSTANT boolean := CASE TG_OP WHEN 'DELETE' THEN true WHEN 'UPDATE' THEN
        (NEW.address_space_id, NEW.extent, NEW.excluded_addresses) IS DISTINCT FROM (OLD.address_space_id, OLD.extent, OLD.excluded_addresses)
        ELSE false END;
    present ipam.ip_range;
    chosen bigint[];
    loser bigint;
BEGIN
    IF TG_OP <> 'INSERT' AND (leaves OR NOT NEW.use_for_utilization) AND OLD.use_for_utilization THEN
        PERFORM ipam.choose_ranges(OLD, OLD.id);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;
    SELECT r.* INTO present FROM ipam.ip_range AS r WHERE r.id = NEW.id; -- as the triggers of other rows have left it
    SELECT array_agg(r.id ORDER BY r.start_address, r.end_address DESC, r.id) INTO chosen
    FROM ipam.find_overlapping_ranges(present.address_space_id, present.extent, present.excluded_addresses) AS r
    WHERE r.use_for_utilization AND r.id <> present.id;
    IF present.use_for_utilization AND chosen IS NOT NULL THEN
        FOREACH loser IN ARRAY chosen LOOP
            UPDATE ipam.ip_range AS r SET use_for_utilization = false WHERE r.id = loser;
        END LOOP;
    ELSIF NOT present.use_for_utilization AND chosen IS NULL THEN
        IF TG_OP = 'UPDATE' AND NOT leaves AND OLD.use_for_utilization AND NOT NEW.use_for_utilization THEN
            refused := ipam.raise_fault('IpamApiInvalidUpdate',
                format('range [%s, %s] stays the one used for utilization', present.start_address, present.end_address),
                'No range that overlaps it could take its place.');
        END IF;
        UPDATE ipam.ip_range AS r SET use_for_utilization = true WHERE r.id = present.id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.keep_range_choice() IS
    'trigger: after a range came, went, changed its addresses or was chosen, at most one of two that overlap is chosen, and none lacks a chosen one';

CREATE TRIGGER keep_choice AFTER INSERT OR DELETE OR UPDATE OF address_space_id, start_address, end_address, excluded_addresses, use_for_utilization
    ON ipam.ip_range FOR EACH ROW EXECUTE FUNCTION ipam.keep_range_choice();

-- Operations

CREATE FUNCTION ipam.overlapping_subnets(subnet_id bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    subnet CONSTANT ipam.ip_subnet := ipam.get_subnet_or_fault(subnet_id);
BEGIN
    RETURN QUERY SELECT s.id FROM ipam.find_overlapping_subnets(subnet.address_space_id, subnet.network) AS s
        WHERE s.id <> subnet.id ORDER BY s.network;
END
$$;
COMMENT ON FUNCTION ipam.overlapping_subnets(bigint) IS
    'ids of the subnets of the same address space around and inside the subnet, in the order of their networks; a fault where the id is unknown (MS-IPAMM2 3.1.1.1.4.2)';

CREATE FUNCTION ipam.overlapping_ranges(range_id bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    range CONSTANT ipam.ip_range := ipam.get_range_or_fault(range_id);
BEGIN
    RETURN QUERY SELECT r.id FROM ipam.find_overlapping_ranges(range.address_space_id, range.extent, range.excluded_addresses) AS r
        WHERE r.id <> range.id ORDER BY r.start_address, r.end_address DESC, r.id;
END
$$;
COMMENT ON FUNCTION ipam.overlapping_ranges(bigint) IS
    'ids of the ranges of the same address space, of whatever service, that have an address in common with the range, excluded ones left out, in the order of their addresses; a fault where the id is unknown (MS-IPAMM2 3.1.1.1.1.2)';

CREATE FUNCTION ipam.remap_subnet(subnet_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    subnet CONSTANT ipam.ip_subnet := ipam.get_subnet_or_fault(subnet_id);
BEGIN
    PERFORM ipam.lock_plan(subnet.address_space_id); -- before the row is locked: whoever has the plan may want the row
    UPDATE ipam.ip_subnet AS s SET use_for_utilization = true WHERE s.id = subnet.id;
    IF NOT FOUND THEN
        PERFORM ipam.get_subnet_or_fault(subnet_id); -- deleted in the meantime
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.remap_subnet(bigint) IS
    'makes the subnet the one used for utilization among the subnets around and inside it; a fault where the id is unknown (MS-IPAMM2 3.3.4.124)';

CREATE FUNCTION ipam.remap_range(range_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    range CONSTANT ipam.ip_range := ipam.get_range_or_fault(range_id);
BEGIN
    PERFORM ipam.lock_plan(range.address_space_id); -- before the row is locked: whoever has the plan may want the row
    UPDATE ipam.ip_range AS r SET use_for_utilization = true WHERE r.id = range.id;
    IF NOT FOUND THEN
        PERFORM ipam.get_range_or_fault(range_id); -- deleted in the meantime
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.remap_range(bigint) IS
    'makes the range the one used for utilization among the ranges that overlap it; a fault where the id is unknown (MS-IPAMM2 3.3.4.123)';
