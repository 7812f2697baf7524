-- The plan for people: a tree with how full everything is.

CREATE FUNCTION ipam.readable_count(count numeric) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN count < 1000000000 THEN trim_scale(count)::text
            WHEN count = 2::numeric ^ round(log(2, count)) THEN '2^' || round(log(2, count))
            ELSE ltrim(to_char(count, '9.9EEEE')) END;
COMMENT ON FUNCTION ipam.readable_count(numeric) IS 'the number in a form that people can read: 254, 2^64, 3.7e+19';

-- Blocks where client and server can show them.
CREATE FUNCTION ipam.utilization_bar(utilized_addresses numeric, total_addresses numeric) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN CASE WHEN total_addresses > 0 THEN (
    SELECT CASE WHEN 'UTF8' = ALL (ARRAY[getdatabaseencoding(), pg_client_encoding()])
                THEN repeat(chr(9608), f.n) || repeat(chr(9617), 10 - f.n)
                ELSE repeat('#', f.n) || repeat('.', 10 - f.n) END
    FROM (SELECT greatest(sign(utilized_addresses), floor(10 * utilized_addresses / total_addresses))::integer) AS f (n)) END;
COMMENT ON FUNCTION ipam.utilization_bar(numeric, numeric) IS
    'a bar of ten characters, empty only where nothing and full only where everything is utilized; NULL where there are no addresses';

CREATE FUNCTION ipam.plan_level(address_space_id bigint, network cidr, extent ipam.inetrange, is_block boolean) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ((SELECT count(*) FROM ipam.ip_subnet AS s
         WHERE s.address_space_id = plan_level.address_space_id AND s.network = ANY (ipam.covering_networks(plan_level.network))
           AND s.extent @> plan_level.extent AND NOT (is_block AND s.network = plan_level.network))
      + (SELECT count(*) FROM ipam.ip_block AS b
         WHERE b.address_space_id = plan_level.address_space_id AND b.extent @> plan_level.extent AND masklen(b.network) <= masklen(plan_level.network)))::integer;
COMMENT ON FUNCTION ipam.plan_level(bigint, cidr, ipam.inetrange, boolean) IS
    'how many blocks and subnets there are around a block or subnet, itself counted';

-- LATERAL, OFFSET 0 and the address space in each part: what a WHERE leaves out is not counted.
CREATE VIEW ipam.plan WITH (security_invoker = true) AS
SELECT repeat('  ', i.level) || i.label AS plan, i.name,
       CASE WHEN i.total > 0 THEN ipam.readable_count(i.utilized) || ' of ' || ipam.readable_count(i.total) END AS used,
       ipam.percent_utilized(i.utilized, i.total) AS percent, ipam.utilization_bar(i.utilized, i.total) AS bar,
       i.space, i.kind, i.id, i.level, i.family AS address_family, i.network, i.extent, i.address_space_id
FROM (
    SELECT 'space' AS kind, s.id, s.id AS address_space_id, f.family, 0 AS level, NULL::cidr AS network, NULL::ipam.inetrange AS extent,
           format('%s, IPv%s', s.name, f.family) AS label, split_part(s.description, E'\n', 1) AS name, u.utilized, u.total,
           NULL::inet AS first, NULL::inet AS last, s.name AS space, s.is_default
    FROM ipam.address_space AS s
    CROSS JOIN (VALUES (4, '0.0.0.0/0'::cidr, '255.255.255.255/32'::cidr), (6, '::/0', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128')) AS f (family, low, high)
    CROSS JOIN LATERAL (SELECT v.utilized_addresses, v.total_addresses FROM ipam.address_space_utilization AS v
                        WHERE v.address_space_id = s.id AND v.address_family = f.family OFFSET 0) AS u (utilized, total)
    -- An empty space is shown, too.
    WHERE EXISTS (SELECT FROM ipam.ip_subnet AS n WHERE n.address_space_id = s.id AND n.network BETWEEN f.low AND f.high)
       OR EXISTS (SELECT FROM ipam.ip_block AS b WHERE b.address_space_id = s.id AND b.network BETWEEN f.low AND f.high)
       OR f.family = 4 AND NOT EXISTS (SELECT FROM ipam.ip_subnet AS n WHERE n.address_space_id = s.id)
                       AND NOT EXISTS (SELECT FROM ipam.ip_block AS b WHERE b.address_space_id = s.id)
    UNION ALL
    SELECT 'block', b.id, b.address_space_id, family(b.network), ipam.plan_level(b.address_space_id, b.network, b.extent, true), b.network, b.extent,
           b.network::text || CASE WHEN b.extent <> b.network::ipam.inetrange THEN format(' (%s - %s)', host(b.start_address), host(b.end_address)) ELSE '' END,
           split_part(b.description, E'\n', 1), u.utilized, u.total, b.start_address, b.end_address, a.name, a.is_default
    FROM ipam.ip_block AS b JOIN ipam.address_space AS a ON a.id = b.address_space_id
    CROSS JOIN LATERAL (SELECT v.utilized_addresses, v.total_addresses FROM ipam.block_utilization AS v
                        WHERE v.block_id = b.id AND v.address_space_id = a.id OFFSET 0) AS u (utilized, total)
    UNION ALL
    SELECT 'subnet', s.id, s.address_space_id, family(s.network), ipam.plan_level(s.address_space_id, s.network, s.extent, false), s.network, s.extent,
           s.network::text, s.name || coalesce(', VLAN ' || array_to_string(nullif(s.vlan_ids, '{}'), ', '), '')
               || CASE WHEN s.use_for_utilization THEN '' ELSE ' (not counted)' END,
           u.utilized, u.total, host(s.network)::inet, host(broadcast(s.network))::inet, a.name, a.is_default
    FROM ipam.ip_subnet AS s JOIN ipam.address_space AS a ON a.id = s.address_space_id
    CROSS JOIN LATERAL (SELECT v.utilized_addresses, v.total_addresses FROM ipam.subnet_utilization AS v
                        WHERE v.subnet_id = s.id AND v.address_space_id = a.id OFFSET 0) AS u (utilized, total)
    UNION ALL
    SELECT 'range', r.id, r.address_space_id, family(r.network), 1 + ipam.plan_level(s.address_space_id, s.network, s.extent, false), r.network, r.extent,
           host(r.start_address) || ' - ' || host(r.end_address),
           concat_ws(', ', nullif(split_part(r.description, E'\n', 1), ''), r.managed_by, nullif(r.managed_by_entity, 'Localhost'))
               || CASE WHEN r.use_for_utilization THEN '' ELSE ' (not counted)' END,
           u.utilized, u.total, r.start_address, r.end_address, a.name, a.is_default
    FROM ipam.ip_range AS r JOIN ipam.address_space AS a ON a.id = r.address_space_id
    JOIN ipam.ip_subnet AS s ON s.id = r.subnet_id
    CROSS JOIN LATERAL (SELECT v.utilized_addresses, v.total_addresses FROM ipam.range_utilization AS v
                        WHERE v.range_id = r.id AND v.address_space_id = a.id OFFSET 0) AS u (utilized, total)
) AS i
ORDER BY i.is_default DESC, i.space, i.family, i.first NULLS FIRST, i.last DESC, i.level, masklen(i.network), i.kind, i.id;
COMMENT ON VIEW ipam.plan IS 'the plan as a tree for psql: address spaces, blocks, subnets and ranges with their utilization; filter by space, network or extent';
COMMENT ON COLUMN ipam.plan.plan IS 'the object, indented by its level';
COMMENT ON COLUMN ipam.plan.name IS 'name or description; of a range also who manages it. "(not counted)": an overlapping one counts instead';
COMMENT ON COLUMN ipam.plan.used IS 'utilized of total addresses; NULL where there are none';
COMMENT ON COLUMN ipam.plan.percent IS 'utilized of total addresses, two decimals';
COMMENT ON COLUMN ipam.plan.bar IS 'the same as a picture of ten characters';
COMMENT ON COLUMN ipam.plan.space IS 'name of the address space';
COMMENT ON COLUMN ipam.plan.kind IS 'space, block, subnet or range';
COMMENT ON COLUMN ipam.plan.id IS 'id of the object in its table';
COMMENT ON COLUMN ipam.plan.level IS '0 for an address space, 1 and more for what lies in it';
COMMENT ON COLUMN ipam.plan.address_family IS '4 or 6';
COMMENT ON COLUMN ipam.plan.network IS 'network of the object; NULL for an address space';
COMMENT ON COLUMN ipam.plan.extent IS 'all addresses of the object; NULL for an address space';
COMMENT ON COLUMN ipam.plan.address_space_id IS 'the address space';
