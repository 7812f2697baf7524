-- What holds in every store, told by queries over the tables and not by the triggers that keep it.
--
-- Nothing is compared with everything: what encloses a row is found by an index or by one hash lookup for each
-- prefix length in use, and what overlaps by sorting: whoever starts before the greatest end so far overlaps.

CREATE FUNCTION ipam.check_plan(OUT object_type text, OUT object_id bigint, OUT rule text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10 COST 1000000
SET jit = off
BEGIN ATOMIC
    WITH block_around_block AS ( -- the smallest first
        SELECT b.id, b.network, b.extent, b.parent_id,
               (SELECT array_agg(p.id ORDER BY p.start_address DESC, p.end_address, masklen(p.network) DESC)
                FROM ipam.ip_block AS p
                WHERE p.extent @> b.extent AND masklen(p.network) <= masklen(b.network)
                  AND (p.extent, p.network) <> (b.extent, b.network)) AS around
        FROM ipam.ip_block AS b
    ), block_around_subnet AS (
        SELECT s.id, s.network, s.block_id,
               (SELECT b.id FROM ipam.ip_block AS b
                WHERE s.address_space_id = 1 AND b.extent @> s.extent AND masklen(b.network) <= masklen(s.network)
                ORDER BY b.start_address DESC, b.end_address, masklen(b.network) DESC LIMIT 1) AS smallest
        FROM ipam.ip_subnet AS s
    ), prefix_length AS MATERIALIZED (
        SELECT DISTINCT s.address_space_id, family(s.network) AS family, masklen(s.network) AS length FROM ipam.ip_subnet AS s
    ), subnet_around_range AS (
        SELECT DISTINCT ON (r.id) r.id, s.id AS smallest
        FROM ipam.ip_range AS r
            JOIN prefix_length AS p
                ON p.address_space_id = r.address_space_id AND p.family = family(r.start_address) AND p.length <= masklen(r.network)
            JOIN ipam.ip_subnet AS s
                ON s.address_space_id = r.address_space_id AND s.network = network(set_masklen(r.start_address, p.length))
        WHERE r.end_address <<= s.network
        ORDER BY r.id, p.length DESC
    ), range_reach AS (
        SELECT r.id, r.extent, r.managed_by, r.managed_by_entity, r.address_space_id, r.start_address,
               max(r.end_address) OVER (PARTITION BY r.address_space_id, r.managed_by, r.managed_by_entity
                                        ORDER BY r.start_address ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
        FROM ipam.ip_range AS r
        WHERE r.managed_by <> 'MS DHCP'
    ), unmapped AS ( -- with how far the ranges of the service reach that start at or before the address
        SELECT u.id, u.address, u.address_space_id, u.managed_by, u.managed_by_entity,
               max(u.end_address) OVER (PARTITION BY u.address_space_id, u.managed_by, u.managed_by_entity
                                        ORDER BY u.address, u.id NULLS FIRST ROWS UNBOUNDED PRECEDING) AS reach
        FROM (SELECT NULL::bigint AS id, r.start_address AS address, r.end_address, r.address_space_id, r.managed_by, r.managed_by_entity
              FROM ipam.ip_range AS r
              UNION ALL
              SELECT a.id, a.address, NULL, a.address_space_id, a.managed_by, a.managed_by_entity
              FROM ipam.ip_address AS a WHERE a.range_id IS NULL) AS u
    ), span AS ( -- what counts in utilization: a range without its excluded addresses, in pieces
        SELECT 'ip_subnet' AS object_type, s.id, s.address_space_id, s.use_for_utilization, lower(s.extent) AS first, upper(s.extent) AS last
        FROM ipam.ip_subnet AS s
        UNION ALL
        SELECT 'ip_range', r.id, r.address_space_id, r.use_for_utilization, lower(piece), upper(piece)
        FROM ipam.ip_range AS r LEFT JOIN LATERAL unnest(r.extent::ipam.inetmultirange - r.excluded_addresses) AS piece ON true
    ), chosen_around AS ( -- how far the chosen ones reach that start before, and where the next one starts
        SELECT s.*,
               max(s.last) FILTER (WHERE s.use_for_utilization)
                   OVER (PARTITION BY s.object_type, s.address_space_id ORDER BY s.first, s.last, s.id
                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach,
               min(s.first) FILTER (WHERE s.use_for_utilization)
                   OVER (PARTITION BY s.object_type, s.address_space_id ORDER BY s.first DESC, s.last DESC, s.id DESC
                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS next
        FROM span AS s
    ), member AS (
        SELECT 'ip_block' AS object_type, b.id, b.address_space_id, NULL::ipam.virtualization_type AS virtualization_type,
               b.start_address AS first_address, b.end_address AS last_address, b.address_category
        FROM ipam.ip_block AS b
        UNION ALL
        SELECT 'ip_subnet', s.id, s.address_space_id, s.virtualization_type, s.network, broadcast(s.network), s.address_category
        FROM ipam.ip_subnet AS s
        UNION ALL
        SELECT 'ip_range', r.id, r.address_space_id, r.virtualization_type, r.start_address, r.end_address, r.address_category
        FROM ipam.ip_range AS r
        UNION ALL
        SELECT 'ip_address', a.id, a.address_space_id, a.virtualization_type, a.address, a.address, a.address_category
        FROM ipam.ip_address AS a
    ), described AS (
        SELECT 'address_space' AS object_type, s.id, s.custom_fields FROM ipam.address_space AS s WHERE s.custom_fields <> '{}'
        UNION ALL
        SELECT 'ip_subnet', s.id, s.custom_fields FROM ipam.ip_subnet AS s WHERE s.custom_fields <> '{}'
        UNION ALL
        SELECT 'ip_range', r.id, r.custom_fields FROM ipam.ip_range AS r WHERE r.custom_fields <> '{}'
        UNION ALL
        SELECT 'ip_address', a.id, a.custom_fields FROM ipam.ip_address AS a WHERE a.custom_fields <> '{}'
    )

    -- Address spaces
    SELECT 'address_space', s.id, 'a customer address space lies on a provider address space, a provider address space on none',
           format('a %s space on %s', s.type, coalesce('address space ' || s.provider_id || ', a ' || coalesce(p.type::text, 'missing') || ' space', 'none'))
    FROM ipam.address_space AS s LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id
    WHERE (CASE s.type WHEN 'Customer' THEN p.type = 'Provider' ELSE s.provider_id IS NULL END) IS NOT TRUE
    UNION ALL
    SELECT 'address_space', 1, 'the default address space is there and of type Provider', NULL
    WHERE EXISTS (SELECT FROM ipam.common_property WHERE name = 'IpamConfiguredDate' AND value IS NOT NULL)
      AND NOT EXISTS (SELECT FROM ipam.address_space WHERE id = 1 AND type = 'Provider')
    UNION ALL
    SELECT m.object_type, m.id, 'the address space is there', format('address_space_id %s', m.address_space_id)
    FROM member AS m WHERE NOT EXISTS (SELECT FROM ipam.address_space AS s WHERE s.id = m.address_space_id)
    UNION ALL
    SELECT m.object_type, m.id, 'the virtualization type fits the address space', format('%s in a %s space', m.virtualization_type, s.type)
    FROM member AS m JOIN ipam.address_space AS s ON s.id = m.address_space_id
    WHERE NOT CASE m.virtualization_type WHEN 'NonVirtualized' THEN s.id = 1 WHEN 'Fabric' THEN s.type = 'Provider' ELSE s.type = 'Customer' END
      AND m.virtualization_type IS NOT NULL
    UNION ALL
    SELECT m.object_type, m.id, 'the category is that of the addresses',
           format('%s to %s: recorded is %s, it is %s', m.first_address, m.last_address, coalesce(m.address_category::text, 'none'),
                  coalesce(ipam.address_category(m.first_address, m.last_address)::text, 'none'))
    FROM member AS m
    WHERE m.address_category IS DISTINCT FROM ipam.address_category(m.first_address, m.last_address)
       OR (m.address_category IS NULL AND m.object_type <> 'ip_address')

    -- Blocks
    UNION ALL
    SELECT 'ip_block', b.id, 'a block lies in the default address space', format('address_space_id %s', b.address_space_id)
    FROM ipam.ip_block AS b WHERE b.address_space_id <> 1
    UNION ALL
    SELECT 'ip_block', b.id, 'a block lies in its network', format('%s to %s in %s', b.start_address, b.end_address, b.network)
    FROM ipam.ip_block AS b
    WHERE (b.start_address <= b.end_address AND b.start_address <<= b.network AND b.end_address <<= b.network) IS NOT TRUE
    UNION ALL
    SELECT 'ip_block', b.id, 'blocks are disjoint, or one lies inside the other and its prefix is not shorter; no two are equal',
           format('%s %s and block %s, %s %s', b.network, b.extent, c.id, c.network, c.extent)
    FROM ipam.ip_block AS b JOIN ipam.ip_block AS c ON c.extent && b.extent
    WHERE b.id < c.id
      AND ((b.extent, b.network) = (c.extent, c.network)
        OR NOT ((b.extent @> c.extent AND masklen(b.network) <= masklen(c.network)) OR (c.extent @> b.extent AND masklen(c.network) <= masklen(b.network))))
    UNION ALL
    SELECT 'ip_block', b.id, 'the parent of a block is the smallest block around it',
           format('%s: recorded is %s, it is %s', b.network, coalesce('block ' || b.parent_id, 'none'), coalesce('block ' || b.around[1], 'none'))
    FROM block_around_block AS b WHERE b.parent_id IS DISTINCT FROM b.around[1]
    UNION ALL
    SELECT 'ip_block', b.id, 'blocks nest at most 9 deep', format('%s lies in %s blocks', b.network, cardinality(b.around))
    FROM block_around_block AS b WHERE cardinality(b.around) >= 9

    -- Subnets
    UNION ALL
    SELECT 'ip_subnet', s.id, 'the block of a subnet is the smallest block around it, in the default address space only',
           format('%s: recorded is %s, it is %s', s.network, coalesce('block ' || s.block_id, 'none'), coalesce('block ' || s.smallest, 'none'))
    FROM block_around_subnet AS s WHERE s.block_id IS DISTINCT FROM s.smallest

    -- Ranges
    UNION ALL
    SELECT 'ip_range', r.id, 'a range lies in its network', format('%s to %s in %s', r.start_address, r.end_address, r.network)
    FROM ipam.ip_range AS r
    WHERE (r.start_address <= r.end_address AND r.start_address <<= r.network AND r.end_address <<= r.network) IS NOT TRUE
    UNION ALL
    SELECT 'ip_range', r.id, 'the subnet of a range is the smallest subnet of its space around it whose prefix is not longer',
           format('%s: recorded is subnet %s, it is %s', r.extent, r.subnet_id, coalesce('subnet ' || s.smallest, 'none'))
    FROM ipam.ip_range AS r LEFT JOIN subnet_around_range AS s USING (id)
    WHERE r.subnet_id IS DISTINCT FROM s.smallest
    UNION ALL
    SELECT 'ip_range', r.id, 'ranges of one service instance are disjoint',
           format('%s of %s / %s and %s', r.extent, r.managed_by, r.managed_by_entity,
                  (SELECT string_agg(format('range %s, %s', o.id, o.extent), ', ' ORDER BY o.start_address)
                   FROM ipam.ip_range AS o
                   WHERE o.address_space_id = r.address_space_id AND o.extent && r.extent AND o.id <> r.id
                     AND (o.managed_by, o.managed_by_entity) = (r.managed_by, r.managed_by_entity)))
    FROM range_reach AS r WHERE r.reach >= r.start_address
    UNION ALL
    SELECT 'ip_range', r.id, 'the addresses of the lists of a range lie in it', format('%s: %s %s', r.extent, l.name, l.addresses)
    FROM ipam.ip_range AS r,
         LATERAL (VALUES ('reserved_addresses', r.reserved_addresses), ('virtual_addresses', r.virtual_addresses),
                         ('excluded_addresses', r.excluded_addresses)) AS l (name, addresses)
    WHERE NOT l.addresses <@ r.extent

    -- Addresses. Of several ranges, of MS DHCP only, an address belongs to the one that starts last and then ends first.
    UNION ALL
    SELECT 'ip_address', a.id, 'the range of an address is the one of its service instance that holds it',
           format('%s of %s / %s: recorded is range %s, ', a.address, a.managed_by, a.managed_by_entity, a.range_id)
           || CASE WHEN r.id IS NULL THEN 'which is not there' ELSE format('%s of %s / %s', r.extent, r.managed_by, r.managed_by_entity) END
    FROM ipam.ip_address AS a LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id
    WHERE a.range_id IS NOT NULL
      AND ((r.address_space_id, r.managed_by, r.managed_by_entity) = (a.address_space_id, a.managed_by, a.managed_by_entity)
           AND a.address >= r.start_address AND a.address <= r.end_address) IS NOT TRUE
    UNION ALL
    SELECT 'ip_address', u.id, 'the range of an address is the one of its service instance that holds it',
           format('%s of %s / %s: recorded is none, it is range %s', u.address, u.managed_by, u.managed_by_entity,
                  (SELECT r.id FROM ipam.ip_range AS r
                   WHERE r.address_space_id = u.address_space_id AND r.extent @> u.address
                     AND (r.managed_by, r.managed_by_entity) = (u.managed_by, u.managed_by_entity)
                   ORDER BY r.start_address DESC, r.end_address LIMIT 1))
    FROM unmapped AS u WHERE u.id IS NOT NULL AND u.reach >= u.address
    UNION ALL
    SELECT 'ip_address', a.id, 'of several ranges an address belongs to the one that starts last, and then ends first',
           format('%s: recorded is range %s, it is range %s', a.address, a.range_id, best.id)
    FROM ipam.ip_range AS r
         JOIN ipam.ip_address AS a
            ON a.range_id = r.id AND a.address_space_id = r.address_space_id AND a.managed_by = r.managed_by
            AND a.managed_by_entity = r.managed_by_entity AND a.address BETWEEN r.start_address AND r.end_address,
         LATERAL (SELECT o.id, o.start_address, o.end_address FROM ipam.ip_range AS o
                  WHERE o.address_space_id = a.address_space_id AND o.extent @> a.address
                    AND (o.managed_by, o.managed_by_entity) = (a.managed_by, a.managed_by_entity)
                  ORDER BY o.start_address DESC, o.end_address LIMIT 1) AS best
    WHERE r.managed_by = 'MS DHCP'
      AND EXISTS (SELECT FROM ipam.ip_range AS o
                  WHERE o.address_space_id = r.address_space_id AND o.extent && r.extent AND o.id <> r.id
                    AND (o.managed_by, o.managed_by_entity) = (r.managed_by, r.managed_by_entity))
      AND (best.start_address, best.end_address) <> (r.start_address, r.end_address)

    -- Utilization
    UNION ALL
    SELECT s.object_type, s.id, 'of two that overlap at most one is used for utilization',
           format('%s to %s: another one reaches to %s', s.first, s.last, s.reach)
    FROM chosen_around AS s WHERE s.use_for_utilization AND s.reach >= s.first
    UNION ALL
    SELECT s.object_type, s.id, 'what is not used for utilization overlaps one that is',
           coalesce(host(min(s.first)) || ' to ' || host(max(s.last)), 'all its addresses are excluded')
    FROM chosen_around AS s WHERE NOT s.use_for_utilization
    GROUP BY s.object_type, s.id HAVING NOT bool_or(coalesce(s.reach >= s.first, false) OR coalesce(s.next <= s.last, false))

    -- Custom fields and what uses them
    UNION ALL
    SELECT 'custom_field', min(f.id), 'at most 128 custom fields are user-defined', format('there are %s', count(*))
    FROM ipam.custom_field AS f WHERE f.origin = 'External' HAVING count(*) > 128
    UNION ALL
    SELECT 'custom_field_value', v.id, 'a value belongs to a multivalued custom field',
           format('"%s" of custom field %s, which is %s', v.value, v.custom_field_id, coalesce(f.type::text, 'not there'))
    FROM ipam.custom_field_value AS v LEFT JOIN ipam.custom_field AS f ON f.id = v.custom_field_id
    WHERE f.type IS DISTINCT FROM 'Multivalued'
    UNION ALL
    SELECT u.object_type, u.id, 'a column has a value of its custom field', format('custom field %s has no value "%s"', u.field, u.value)
    FROM (SELECT 'address_space' AS object_type, s.id, 17 AS field, s.isolation_method AS value FROM ipam.address_space AS s
          WHERE s.isolation_method IS NOT NULL AND s.isolation_method NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 17)
          UNION ALL
          SELECT 'ip_block', b.id, 1, b.rir FROM ipam.ip_block AS b
          WHERE b.rir IS NOT NULL AND b.rir NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 1)
          UNION ALL
          SELECT 'ip_range', r.id, 8, r.managed_by FROM ipam.ip_range AS r
          WHERE r.managed_by NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 8)
          UNION ALL
          SELECT 'ip_range', r.id, 9, r.managed_by_entity FROM ipam.ip_range AS r
          WHERE r.managed_by_entity NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 9)
          UNION ALL
          SELECT 'ip_address', a.id, 7, a.device_type FROM ipam.ip_address AS a
          WHERE a.device_type NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 7)
          UNION ALL
          SELECT 'ip_address', a.id, 8, a.managed_by FROM ipam.ip_address AS a
          WHERE a.managed_by NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 8)
          UNION ALL
          SELECT 'ip_address', a.id, 9, a.managed_by_entity FROM ipam.ip_address AS a
          WHERE a.managed_by_entity NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 9)
          UNION ALL
          SELECT 'ip_address', a.id, 10, a.state FROM ipam.ip_address AS a
          WHERE a.state NOT IN (SELECT v.value FROM ipam.custom_field_value AS v WHERE v.custom_field_id = 10)) AS u
    UNION ALL
    SELECT d.object_type, d.id, 'custom_fields has texts of fields that are there and not columns, and values of their lists', format('"%s": %s', e.key, e.value)
    FROM described AS d,
         LATERAL jsonb_each(CASE jsonb_typeof(d.custom_fields) WHEN 'object' THEN d.custom_fields ELSE jsonb_build_object('', d.custom_fields) END) AS e
         LEFT JOIN ipam.custom_field AS f ON f.name = e.key
    WHERE f.id IS NULL OR f.id IN (1, 7, 8, 9, 10, 17) OR jsonb_typeof(e.value) <> 'string' OR length(e.value #>> '{}') > 256
       OR (f.type = 'Multivalued' AND (f.id, e.value #>> '{}') NOT IN (SELECT v.custom_field_id, v.value FROM ipam.custom_field_value AS v))
    UNION ALL
    SELECT 'custom_field_value', a.value_id_1, 'associated values are there and belong to two fields', format('with value %s', a.value_id_2)
    FROM ipam.custom_field_value_association AS a
        LEFT JOIN ipam.custom_field_value AS v1 ON v1.id = a.value_id_1
        LEFT JOIN ipam.custom_field_value AS v2 ON v2.id = a.value_id_2
    WHERE (v1.custom_field_id <> v2.custom_field_id) IS NOT TRUE

    -- Logical groups
    UNION ALL
    SELECT 'logical_group', l.logical_group_id, 'the levels of a logical group are multivalued custom fields',
           format('position %s: custom field %s is %s', l.position, l.custom_field_id, coalesce(f.type::text, 'not there'))
    FROM ipam.logical_group_field AS l LEFT JOIN ipam.custom_field AS f ON f.id = l.custom_field_id
    WHERE f.type IS DISTINCT FROM 'Multivalued'
    UNION ALL
    SELECT 'logical_group', l.logical_group_id, 'the group of a level is there', format('position %s', l.position)
    FROM ipam.logical_group_field AS l
    WHERE NOT EXISTS (SELECT FROM ipam.logical_group AS g WHERE g.id = l.logical_group_id);
END;
COMMENT ON FUNCTION ipam.check_plan() IS
    'every violation of a rule of the store: table and id of the object, the rule, and what is wrong; no rows in a right store';
