-- The tree of a logical group: nodes, members and utilization at each level (MS-IPAMM2 3.1.1.1.16.2, 2.2.4.336).
--
-- A node is named by the values of the fields from the top level down: {MS DHCP,dhcp1}. The values of a field stand
-- in a column or in custom_fields; the statements are made for the fields of the group, so that indexes serve them.
-- All names and values in them are quoted by custom_field_terms(), which plpgsql_check does not see; the test has some
-- that would do harm.

CREATE TYPE ipam.logical_group_type AS ENUM ('Range', 'IPAddress', 'Subnet');
COMMENT ON TYPE ipam.logical_group_type IS 'kind of the objects that a logical group arranges; managed servers are not part of the store';

CREATE FUNCTION ipam.logical_group_table(object_type ipam.logical_group_type, OUT relation text, OUT family text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT t.relation, t.family
    FROM (VALUES ('Range'::ipam.logical_group_type, 'ipam.ip_range', 'family(o.start_address)'),
                 ('IPAddress', 'ipam.ip_address', 'family(o.address)'),
                 ('Subnet', 'ipam.ip_subnet', 'family(o.network)')) AS t(type, relation, family)
    WHERE t.type = object_type;
END;
COMMENT ON FUNCTION ipam.logical_group_table(ipam.logical_group_type) IS
    'the table of a kind of objects, and the expression of the address family of its row o';

-- The one place that knows where a field stands.
CREATE FUNCTION ipam.custom_field_terms(object_type ipam.logical_group_type, custom_field_id bigint, value text DEFAULT NULL,
    OUT name text, OUT given text, OUT is_given text, OUT is_value text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT f.name,
           CASE WHEN c.name IS NOT NULL THEN format('o.%I', c.name)
                WHEN f.id IN (1, 7, 8, 9, 10, 17) THEN 'NULL::text'
                ELSE format('(o.custom_fields ->> %L)', f.name) END,
           CASE WHEN c.name IS NOT NULL THEN 'true'
                WHEN f.id IN (1, 7, 8, 9, 10, 17) THEN 'false'
                ELSE format('(o.custom_fields <> ''{}'' AND o.custom_fields ? %L)', f.name) END,
           CASE WHEN c.name IS NOT NULL THEN format('o.%I = %L', c.name, custom_field_terms.value)
                WHEN f.id IN (1, 7, 8, 9, 10, 17) THEN 'false'
                ELSE format('(o.custom_fields <> ''{}'' AND o.custom_fields @> %L)', jsonb_build_object(f.name, custom_field_terms.value)) END
    FROM ipam.custom_field AS f
        LEFT JOIN (VALUES ('Range'::ipam.logical_group_type, 8, 'managed_by'), ('Range', 9, 'managed_by_entity'),
                          ('IPAddress', 7, 'device_type'), ('IPAddress', 8, 'managed_by'),
                          ('IPAddress', 9, 'managed_by_entity'), ('IPAddress', 10, 'state')) AS c(type, field, name)
          ON c.type = object_type AND c.field = f.id
    WHERE f.id = custom_field_terms.custom_field_id;
END;
COMMENT ON FUNCTION ipam.custom_field_terms(ipam.logical_group_type, bigint, text) IS
    'the name of a field, and SQL of a row o of the object: the value of the field, whether it has one, whether it is the given value';

CREATE FUNCTION ipam.logical_group_source(logical_group_id bigint, object_type ipam.logical_group_type, ancestors text[],
    address_family integer, address_space_id bigint, OUT relation text, OUT condition text, OUT next_field bigint, OUT levels integer)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    fields bigint[];
    place record;
BEGIN
    PERFORM ipam.require_ready_store();
    IF logical_group_id IS NULL THEN
        refused := ipam.raise_fault('IpamApiFieldIdNotSpecified', 'the id of the logical group is missing', 'logical_group_id is NULL.',
            'SELECT id, name FROM ipam.logical_group lists the groups.');
    ELSIF NOT EXISTS (SELECT FROM ipam.logical_group AS g WHERE g.id = logical_group_id) THEN
        refused := ipam.raise_fault('IpamApiObjectNotFoundInDatabase', format('there is no logical group %s', logical_group_id), NULL,
            'SELECT id, name FROM ipam.logical_group lists the groups.');
    ELSIF object_type IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'the kind of objects is missing', 'object_type is NULL.',
            'Use Range, IPAddress or Subnet.');
    ELSIF address_family NOT IN (4, 6) THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressFamily', format('there is no address family %s', address_family), NULL,
            'Use 4 or 6, or NULL for both.');
    END IF;
    PERFORM ipam.address_space_type(address_space_id);
    fields := ARRAY (SELECT l.custom_field_id FROM ipam.logical_group_field AS l
                     WHERE l.logical_group_id = logical_group_source.logical_group_id ORDER BY l.position);
    levels := cardinality(fields);
    IF ancestors IS NULL OR cardinality(ancestors) > levels OR array_ndims(ancestors) > 1
       OR EXISTS (SELECT FROM unnest(ancestors) AS a(value) WHERE a.value IS NULL) THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter',
            format('%s is not a node of logical group %s', coalesce(ancestors::text, 'NULL'), logical_group_id),
            format('Levels of the group: %s; a node is named by one value for each level from the top down.', levels),
            'Use ''{}'' for the group itself, and path of ipam.logical_group_nodes() for its nodes.');
    END IF;
    next_field := fields[cardinality(ancestors) + 1];

    place := ipam.logical_group_table(object_type);
    relation := place.relation;
    condition := concat_ws(' AND ',
        place.family || ' = ' || address_family,
        'o.address_space_id = ' || address_space_id,
        (SELECT string_agg((ipam.custom_field_terms(object_type, fields[a.n], a.value)).is_value, ' AND ')
         FROM unnest(ancestors) WITH ORDINALITY AS a(value, n)),
        'true');
END
$$;
COMMENT ON FUNCTION ipam.logical_group_source(bigint, ipam.logical_group_type, text[], integer, bigint) IS
    'the table of the objects of a node, the condition on its rows o, the field of the next level, and the number of levels; a fault where there is no such node';

CREATE FUNCTION ipam.logical_group_nodes(logical_group_id bigint, object_type ipam.logical_group_type, ancestors text[] DEFAULT '{}',
    address_family integer DEFAULT NULL, address_space_id bigint DEFAULT NULL)
RETURNS TABLE (level integer, custom_field_id bigint, custom_field text, value_id bigint, value text, path text[], is_leaf boolean,
    members bigint, total_addresses numeric, assigned_addresses numeric, utilized_addresses numeric, percent_utilized numeric,
    status ipam.utilization_status)
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off, extra_warnings = off
#variable_conflict use_column
DECLARE
    place CONSTANT record := ipam.logical_group_source(logical_group_id, object_type, ancestors, address_family, address_space_id);
    field CONSTANT record := ipam.custom_field_terms(object_type, place.next_field);
    this_level CONSTANT integer := cardinality(ancestors) + 1;
BEGIN
    IF place.next_field IS NULL THEN
        RETURN;
    END IF;
    -- Numbers of both families together would say nothing.
    RETURN QUERY EXECUTE format(
        'SELECT $1, $2, $3, v.id, g.value, $4 || g.value, $5, g.members, g.total, g.assigned, g.utilized,
                CASE WHEN g.total IS NOT NULL THEN ipam.percent_utilized(g.utilized, g.total) END,
                CASE WHEN g.total IS NOT NULL THEN ipam.rate_utilization(g.utilized, g.total, ipam.utilization_threshold(''MinimumUtilizationThreshold''),
                                      ipam.utilization_threshold(''MaximumUtilizationThreshold'')) END
         FROM (SELECT m.value, count(*) AS members,
                      CASE WHEN min(m.family) = max(m.family) THEN sum(m.total) END AS total,
                      CASE WHEN min(m.family) = max(m.family) THEN sum(m.assigned) END AS assigned,
                      CASE WHEN min(m.family) = max(m.family) THEN sum(m.utilized) END AS utilized
               FROM (SELECT %s COLLATE "C" AS value, %s FROM %s AS o %s WHERE %s AND %s) AS m
               GROUP BY m.value) AS g
         LEFT JOIN ipam.custom_field_value AS v ON v.custom_field_id = $2 AND v.value = g.value
         ORDER BY g.value',
        field.given,
        CASE object_type WHEN 'Range' THEN 'u.address_family AS family, u.total_addresses AS total, u.assigned_addresses AS assigned, u.utilized_addresses AS utilized'
                         ELSE 'NULL::integer AS family, NULL::numeric AS total, NULL::numeric AS assigned, NULL::numeric AS utilized' END,
        place.relation,
        CASE object_type WHEN 'Range' THEN 'JOIN ipam.range_utilization AS u ON u.range_id = o.id' END,
        place.condition,
        field.is_given)
    USING this_level, place.next_field, field.name, ancestors, this_level = place.levels;
END
$$;
COMMENT ON FUNCTION ipam.logical_group_nodes(bigint, ipam.logical_group_type, text[], integer, bigint) IS
    'the nodes of the next level under a node of a logical group, with the number of members and the utilization of ranges; a fault where there is no such group (MS-IPAMM2 3.5.4.8.1.75, 3.5.4.8.1.76)';

CREATE FUNCTION ipam.logical_group_members(logical_group_id bigint, object_type ipam.logical_group_type, ancestors text[] DEFAULT '{}',
    address_family integer DEFAULT NULL, address_space_id bigint DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    place CONSTANT record := ipam.logical_group_source(logical_group_id, object_type, ancestors, address_family, address_space_id);
BEGIN
    RETURN QUERY EXECUTE format('SELECT o.id FROM %s AS o WHERE %s AND %s', place.relation, place.condition,
        CASE WHEN ancestors <> '{}' THEN 'true'
             ELSE coalesce((ipam.custom_field_terms(object_type, place.next_field)).is_given, 'false') END);
END
$$;
COMMENT ON FUNCTION ipam.logical_group_members(bigint, ipam.logical_group_type, text[], integer, bigint) IS
    'ids of the objects of a node of a logical group; of the group itself those with any value for its first field (MS-IPAMM2 3.5.4.8.1.72, 3.5.4.8.1.73)';

CREATE FUNCTION ipam.logical_group_unmapped(logical_group_id bigint, object_type ipam.logical_group_type, ancestors text[] DEFAULT '{}',
    address_family integer DEFAULT NULL, address_space_id bigint DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    place CONSTANT record := ipam.logical_group_source(logical_group_id, object_type, ancestors, address_family, address_space_id);
BEGIN
    RETURN QUERY EXECUTE format('SELECT o.id FROM %s AS o WHERE %s AND %s', place.relation, place.condition,
        CASE WHEN place.next_field IS NOT NULL THEN 'NOT ' || (ipam.custom_field_terms(object_type, place.next_field)).is_given
             WHEN ancestors = '{}' THEN 'true' ELSE 'false' END);
END
$$;
COMMENT ON FUNCTION ipam.logical_group_unmapped(bigint, ipam.logical_group_type, text[], integer, bigint) IS
    'ids of the objects without a value for the first field of a logical group, or of those of a node without one for the next level (MS-IPAMM2 3.5.4.8.1.74)';

CREATE FUNCTION ipam.logical_group_utilization(logical_group_id bigint, ancestors text[] DEFAULT '{}',
    address_family integer DEFAULT NULL, address_space_id bigint DEFAULT NULL)
RETURNS TABLE (family integer, members bigint, total_addresses numeric, assigned_addresses numeric, utilized_addresses numeric,
    stateful_addresses numeric, stateless_addresses numeric, percent_utilized numeric, status ipam.utilization_status)
LANGUAGE plpgsql STABLE ROWS 2 SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT s.family, s.members, s.total, s.assigned, s.utilized, s.stateful, s.stateless, ipam.percent_utilized(s.utilized, s.total),
               ipam.rate_utilization(s.utilized, s.total, ipam.utilization_threshold('MinimumUtilizationThreshold'),
                                     ipam.utilization_threshold('MaximumUtilizationThreshold'))
        FROM (SELECT u.address_family AS family, count(*) AS members, sum(u.total_addresses) AS total, sum(u.assigned_addresses) AS assigned,
                     sum(u.utilized_addresses) AS utilized, sum(u.stateful_addresses) AS stateful, sum(u.stateless_addresses) AS stateless
              FROM ipam.logical_group_members(logical_group_id, 'Range', ancestors, address_family, address_space_id) AS m(id)
                  JOIN ipam.range_utilization AS u ON u.range_id = m.id
              GROUP BY u.address_family) AS s
        ORDER BY s.family;
END
$$;
COMMENT ON FUNCTION ipam.logical_group_utilization(bigint, text[], integer, bigint) IS
    'current utilization of all ranges of a node of a logical group, or of the group itself, for each address family (MS-IPAMM2 3.3.4.87)';

-- As range_utilization_trend() for each range, and these added up, with all ranges at once.
CREATE FUNCTION ipam.logical_group_utilization_trend(logical_group_id bigint, ancestors text[] DEFAULT '{}',
    period ipam.utilization_period DEFAULT 'OneMonth', start_time timestamptz DEFAULT NULL, end_time timestamptz DEFAULT NULL,
    address_family integer DEFAULT 4, address_space_id bigint DEFAULT NULL)
RETURNS TABLE (period_start timestamptz, period_end timestamptz, is_valid boolean, total_addresses numeric, assigned_addresses numeric,
    utilized_addresses numeric, stateful_addresses numeric, stateless_addresses numeric, percent_utilized numeric)
LANGUAGE plpgsql STABLE ROWS 12 SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    refused boolean;
    members bigint[];
BEGIN
    IF address_family IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressFamily', 'a trend is about one address family', 'address_family is NULL.', 'Use 4 or 6.');
    END IF;
    members := ARRAY (SELECT m.id FROM ipam.logical_group_members(logical_group_id, 'Range', ancestors, address_family, address_space_id) AS m(id));
    RETURN QUERY
        WITH part AS MATERIALIZED (
            SELECT p.period_start, p.period_end, p.sampled_before FROM ipam.split_period(period, start_time, end_time) AS p
        ), sample AS ( -- the sum of one moment: servers that share a scope have a row each
            SELECT r.id, p.period_start, sum(h.total_addresses) AS total, sum(h.assigned_addresses) AS assigned, sum(h.utilized_addresses) AS utilized,
                   sum(h.stateful_addresses) AS stateful, sum(h.stateless_addresses) AS stateless
            FROM ipam.ip_range AS r
                JOIN ipam.range_utilization_history AS h ON h.address_space_id = r.address_space_id
                    AND h.start_address = r.start_address AND h.end_address = r.end_address AND h.prefix_length = masklen(r.network)
                    AND h.managed_by = r.managed_by AND h.managed_by_entity = r.managed_by_entity
                JOIN part AS p ON h.collected_at >= p.period_start AND h.collected_at < p.sampled_before
            WHERE r.id = ANY (members)
              AND h.collected_at >= (SELECT min(p.period_start) FROM part AS p) AND h.collected_at < (SELECT max(p.sampled_before) FROM part AS p)
            GROUP BY r.id, p.period_start, h.collected_at
        ), mean AS (
            SELECT s.id, s.period_start, avg(s.total) AS total, avg(s.assigned) AS assigned, avg(s.utilized) AS utilized,
                   avg(s.stateful) AS stateful, avg(s.stateless) AS stateless
            FROM sample AS s GROUP BY s.id, s.period_start
        )
        SELECT p.period_start, p.period_end, count(m.id) > 0, trim_scale(round(sum(m.total), 2)), trim_scale(round(sum(m.assigned), 2)),
               trim_scale(round(sum(m.utilized), 2)), trim_scale(round(sum(m.stateful), 2)), trim_scale(round(sum(m.stateless), 2)),
               ipam.percent_utilized(sum(m.utilized), sum(m.total))
        FROM part AS p LEFT JOIN mean AS m ON m.period_start = p.period_start
        GROUP BY p.period_start, p.period_end
        ORDER BY p.period_start;
END
$$;
COMMENT ON FUNCTION ipam.logical_group_utilization_trend(bigint, text[], ipam.utilization_period, timestamptz, timestamptz, integer, bigint) IS
    'the utilization of all ranges of a node of a logical group, or of the group itself, over a period in 12 averages; is_valid: whether there are samples of that part (MS-IPAMM2 3.3.4.85, 3.3.4.87)';
