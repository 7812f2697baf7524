-- Import from NetBox: its tables, in this database or as foreign tables, become a plan.
--
-- Each step reads the rows of one table of NetBox as rows of an import (75_import.sql). NetBox's versions differ:
-- a table or column that is not there counts as empty.

CREATE TYPE ipam.netbox_remark AS (
    kind text, source_id bigint, value text, is_taken boolean, sqlstate text, fault text, message text, detail text, hint text);
COMMENT ON TYPE ipam.netbox_remark IS
    'what is to be said about a row of NetBox: its table, id and name, whether it was taken all the same, and the error that it or a part of it met';

COMMENT ON COLUMN ipam.netbox_remark.kind IS 'table of NetBox';
COMMENT ON COLUMN ipam.netbox_remark.source_id IS 'id of the row there';
COMMENT ON COLUMN ipam.netbox_remark.value IS 'its prefix, address or name';
COMMENT ON COLUMN ipam.netbox_remark.is_taken IS 'true: the row was taken without a part of it; false: not at all';
COMMENT ON COLUMN ipam.netbox_remark.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN ipam.netbox_remark.fault IS 'protocol name of the fault; NULL where the error is PostgreSQL''s own';
COMMENT ON COLUMN ipam.netbox_remark.message IS 'what is wrong';
COMMENT ON COLUMN ipam.netbox_remark.detail IS 'the facts';
COMMENT ON COLUMN ipam.netbox_remark.hint IS 'what to do';

CREATE FUNCTION ipam.netbox_table(source_schema text, name text, columns text[]) RETURNS text
LANGUAGE sql STABLE
RETURN (
    SELECT format('(SELECT %s FROM %s)',
               string_agg(CASE WHEN a.attname IS NULL THEN format('NULL::%s AS %I', t.type, c.name)
                               ELSE format('%I::text::%s AS %1$I', c.name, t.type) END, ', ' ORDER BY c.number),
               CASE WHEN to_regclass(format('%I.%I', source_schema, netbox_table.name)) IS NULL THEN '(SELECT) AS nothing WHERE false'
                    ELSE format('%I.%I', source_schema, netbox_table.name) END)
    FROM unnest(columns) WITH ORDINALITY AS c(name, number)
    CROSS JOIN LATERAL (SELECT CASE WHEN c.name ~ '(^|_)id$' THEN 'bigint' ELSE 'text' END) AS t(type)
    LEFT JOIN pg_attribute AS a
        ON a.attrelid = to_regclass(format('%I.%I', source_schema, netbox_table.name)) AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped);
COMMENT ON FUNCTION ipam.netbox_table(text, text, text[]) IS
    'a table of NetBox as an item of FROM with these columns, ids as bigint and all others as text; what is not there is NULL';

-- A VRF is an address space. Its name need not be unique in NetBox; the first one has it, others add what tells them apart.
CREATE FUNCTION ipam.netbox_spaces(source_schema text) RETURNS text
LANGUAGE sql STABLE
RETURN format($sql$(
    SELECT v.id, v.name AS given_name, v.rd, v.description, v.comments, v.tenant_id, v.custom_field_data,
           CASE WHEN row_number() OVER (PARTITION BY v.name ORDER BY v.id) = 1 AND NOT EXISTS (SELECT FROM ipam.address_space AS s WHERE s.is_default AND s.name = v.name)
                THEN v.name ELSE format('%%s (%%s)', v.name, coalesce(nullif(v.rd, ''), 'VRF ' || v.id)) END AS name
    FROM %s AS v)$sql$,
    ipam.netbox_table(source_schema, 'ipam_vrf', '{id,name,rd,description,comments,tenant_id,custom_field_data}'));
COMMENT ON FUNCTION ipam.netbox_spaces(text) IS 'the VRFs of NetBox as an item of FROM, each with the name of its address space';

CREATE FUNCTION ipam.netbox_tags(source_schema text, model text) RETURNS text
LANGUAGE sql STABLE
RETURN format($sql$(
    SELECT i.object_id AS id, string_agg(t.name, ', ' ORDER BY t.name COLLATE "C") AS names
    FROM %s AS i JOIN %s AS t ON t.id = i.tag_id JOIN %s AS c ON c.id = i.content_type_id
    WHERE c.app_label = 'ipam' AND c.model = %L GROUP BY i.object_id)$sql$,
    ipam.netbox_table(source_schema, 'extras_taggeditem', '{object_id,content_type_id,tag_id}'),
    ipam.netbox_table(source_schema, 'extras_tag', '{id,name}'),
    ipam.netbox_table(source_schema, 'django_content_type', '{id,app_label,model}'), model);
COMMENT ON FUNCTION ipam.netbox_tags(text, text) IS 'the tags of each object of a model of NetBox as an item of FROM';

-- The custom fields that NetBox's own properties become, besides Tenant, Network Site, Region and Type of networks.
CREATE FUNCTION ipam.netbox_properties() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY['NetBox status', 'NetBox role', 'Tags', 'VLAN', 'Route distinguisher', 'NAT inside', 'Pool', 'Marked as utilized'];
COMMENT ON FUNCTION ipam.netbox_properties() IS 'names of the custom fields that an import from NetBox makes for properties that the plan has no column for';

-- The steps, in order. A query gives for each row its id and name in NetBox, the fields of the import, the custom fields,
-- and whether the plan has such an object already. Of rows that say the same it is the first one that the plan has.
CREATE FUNCTION ipam.netbox_steps(source_schema text, OUT number integer, OUT kind text, OUT object_type text, OUT columns text[], OUT query text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE ROWS 6 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spaces CONSTANT text := ipam.netbox_spaces(source_schema);
    aggregates CONSTANT text := ipam.netbox_table(source_schema, 'ipam_aggregate', '{id,prefix,date_added,description,comments,rir_id,tenant_id,custom_field_data}');
    prefixes CONSTANT text := ipam.netbox_table(source_schema, 'ipam_prefix', '{id,prefix,status,description,comments,is_pool,mark_utilized,'
        'role_id,tenant_id,vlan_id,vrf_id,site_id,_site_id,_region_id,custom_field_data}');
    addresses CONSTANT text := ipam.netbox_table(source_schema, 'ipam_ipaddress', '{id,address,status,role,dns_name,description,comments,'
        'nat_inside_id,tenant_id,vrf_id,custom_field_data}');
    rirs CONSTANT text := ipam.netbox_table(source_schema, 'ipam_rir', '{id,name,is_private}');
    tenants CONSTANT text := ipam.netbox_table(source_schema, 'tenancy_tenant', '{id,name}');
    sites CONSTANT text := ipam.netbox_table(source_schema, 'dcim_site', '{id,name,region_id}');
    regions CONSTANT text := ipam.netbox_table(source_schema, 'dcim_region', '{id,name}');
    roles CONSTANT text := ipam.netbox_table(source_schema, 'ipam_role', '{id,name}');
    vlans CONSTANT text := ipam.netbox_table(source_schema, 'ipam_vlan', '{id,vid,name}');
BEGIN
    number := 1; kind := 'ipam_vrf'; object_type := 'address_space';
    columns := '{name,description,owner}';
    query := format($sql$
        SELECT n.id, n.given_name AS value, ARRAY[n.name, nullif(concat_ws(E'\n', nullif(n.description, ''), nullif(n.comments, '')), ''), t.name] AS fields,
               jsonb_build_object('Tenant', t.name, 'Route distinguisher', nullif(n.rd, ''), 'Tags', g.names) AS properties, n.custom_field_data AS custom,
               EXISTS (SELECT FROM ipam.address_space AS o WHERE o.name = n.name) AS is_present
        FROM %s AS n LEFT JOIN %s AS t ON t.id = n.tenant_id LEFT JOIN %s AS g ON g.id = n.id$sql$,
        spaces, tenants, ipam.netbox_tags(source_schema, 'vrf'));
    RETURN NEXT;

    -- An aggregate is a top block. The registries have shorter names here; RFC 1918 and the like are none.
    number := 2; kind := 'ipam_aggregate'; object_type := 'ip_block';
    columns := '{network,rir,rir_received_on,description,owner}';
    query := format($sql$
        SELECT n.id, n.prefix AS value,
               ARRAY[n.prefix, CASE WHEN NOT r.is_private::boolean THEN ipam.netbox_rir(r.name) END, n.date_added,
                     nullif(concat_ws(E'\n', nullif(n.description, ''), nullif(n.comments, '')), ''), t.name] AS fields,
               jsonb_build_object('Tags', g.names) AS properties, n.custom_field_data AS custom,
               row_number() OVER (PARTITION BY n.prefix ORDER BY n.id) = 1 AND EXISTS (SELECT FROM ipam.ip_block AS o WHERE o.network = n.prefix::cidr) AS is_present
        FROM %s AS n LEFT JOIN %s AS t ON t.id = n.tenant_id LEFT JOIN %s AS r ON r.id = n.rir_id LEFT JOIN %s AS g ON g.id = n.id$sql$,
        aggregates, tenants, rirs, ipam.netbox_tags(source_schema, 'aggregate'));
    RETURN NEXT;

    -- A container of the default space is a block; its registry is that of the smallest aggregate around it.
    number := 3; kind := 'ipam_prefix'; object_type := 'ip_block';
    query := format($sql$
        SELECT n.id, n.prefix AS value,
               ARRAY[n.prefix, CASE WHEN ipam.address_category(n.prefix::cidr, broadcast(n.prefix::cidr)) <> 'Private' THEN r.name END, NULL,
                     coalesce(nullif(concat_ws(E'\n', nullif(n.description, ''), nullif(n.comments, '')), ''), s.name), t.name] AS fields,
               jsonb_build_object('Network Site', CASE WHEN concat(n.description, n.comments) <> '' THEN s.name END, 'Region', e.name, 'Type of networks', o.name,
                   'VLAN', coalesce(nullif(l.name, ''), l.vid), 'Tags', g.names, 'Marked as utilized', CASE WHEN n.mark_utilized::boolean THEN 'yes' END) AS properties,
               n.custom_field_data AS custom,
               row_number() OVER (PARTITION BY n.prefix ORDER BY n.id) = 1 AND EXISTS (SELECT FROM ipam.ip_block AS o WHERE o.network = n.prefix::cidr) AS is_present
        FROM %s AS n LEFT JOIN %s AS t ON t.id = n.tenant_id LEFT JOIN %s AS s ON s.id = coalesce(n._site_id, n.site_id)
        LEFT JOIN %s AS e ON e.id = coalesce(n._region_id, s.region_id) LEFT JOIN %s AS o ON o.id = n.role_id LEFT JOIN %s AS l ON l.id = n.vlan_id
        LEFT JOIN %s AS g ON g.id = n.id
        LEFT JOIN LATERAL (
            SELECT ipam.netbox_rir(i.name) AS name FROM %s AS a JOIN %s AS i ON i.id = a.rir_id
            WHERE NOT i.is_private::boolean AND a.prefix::cidr >>= n.prefix::cidr
            ORDER BY masklen(a.prefix::cidr) DESC LIMIT 1) AS r ON true
        WHERE n.status = 'container' AND n.vrf_id IS NULL$sql$,
        prefixes, tenants, sites, regions, roles, vlans, ipam.netbox_tags(source_schema, 'prefix'), aggregates, rirs);
    RETURN NEXT;

    -- Every other prefix is a subnet. It has no name in NetBox: what describes it becomes one.
    number := 4; kind := 'ipam_prefix'; object_type := 'ip_subnet';
    columns := '{address_space,network,name,vlan_ids,description,owner}';
    query := format($sql$
        SELECT n.id, n.prefix AS value,
               ARRAY[CASE WHEN n.vrf_id IS NOT NULL THEN coalesce(v.name, 'VRF ' || n.vrf_id) END, n.prefix,
                     coalesce(nullif(n.description, ''), nullif(concat_ws(' ', s.name, r.name), ''), n.prefix), l.vid, nullif(n.comments, ''), t.name] AS fields,
               jsonb_build_object('Tenant', t.name, 'Network Site', s.name, 'Region', e.name, 'Type of networks', r.name, 'VLAN', nullif(l.name, ''),
                   'NetBox status', nullif(nullif(n.status, ''), 'active'), 'Tags', g.names, 'Pool', CASE WHEN n.is_pool::boolean THEN 'yes' END,
                   'Marked as utilized', CASE WHEN n.mark_utilized::boolean THEN 'yes' END) AS properties,
               n.custom_field_data AS custom,
               row_number() OVER (PARTITION BY n.vrf_id, n.prefix ORDER BY n.id) = 1
                   AND EXISTS (SELECT FROM ipam.ip_subnet AS o WHERE o.address_space_id = p.id AND o.network = n.prefix::cidr) AS is_present
        FROM %s AS n LEFT JOIN %s AS v ON v.id = n.vrf_id LEFT JOIN %s AS t ON t.id = n.tenant_id
        LEFT JOIN %s AS s ON s.id = coalesce(n._site_id, n.site_id) LEFT JOIN %s AS e ON e.id = coalesce(n._region_id, s.region_id)
        LEFT JOIN %s AS r ON r.id = n.role_id LEFT JOIN %s AS l ON l.id = n.vlan_id LEFT JOIN %s AS g ON g.id = n.id
        LEFT JOIN ipam.address_space AS p ON p.name = CASE WHEN n.vrf_id IS NULL THEN (SELECT d.name FROM ipam.address_space AS d WHERE d.is_default) ELSE v.name END
        WHERE NOT (coalesce(n.status, '') = 'container' AND n.vrf_id IS NULL)$sql$,
        prefixes, spaces, tenants, sites, regions, roles, vlans, ipam.netbox_tags(source_schema, 'prefix'));
    RETURN NEXT;

    -- The mask of the start address is the network that the hosts have.
    number := 5; kind := 'ipam_iprange'; object_type := 'ip_range';
    columns := '{address_space,network,start_address,end_address,address_assignment,utilization_calculation,utilized_addresses,description,owner}';
    query := format($sql$
        SELECT n.id, n.start_address || ' - ' || n.end_address AS value,
               ARRAY[CASE WHEN n.vrf_id IS NOT NULL THEN coalesce(v.name, 'VRF ' || n.vrf_id) END, network(n.start_address::inet)::text,
                     host(n.start_address::inet), host(n.end_address::inet), CASE n.status WHEN 'reserved' THEN 'Reserved' END,
                     CASE WHEN n.mark_utilized::boolean THEN 'Manual' END, CASE WHEN n.mark_utilized::boolean THEN n.size END,
                     nullif(concat_ws(E'\n', nullif(n.description, ''), nullif(n.comments, '')), ''), t.name] AS fields,
               jsonb_build_object('Tenant', t.name, 'Type of networks', r.name, 'NetBox status', nullif(nullif(n.status, ''), 'active'), 'Tags', g.names) AS properties,
               n.custom_field_data AS custom,
               row_number() OVER (PARTITION BY n.vrf_id, host(n.start_address::inet), host(n.end_address::inet) ORDER BY n.id) = 1
                   AND EXISTS (SELECT FROM ipam.ip_range AS o
                               WHERE o.address_space_id = p.id AND o.start_address = host(n.start_address::inet)::inet AND o.end_address = host(n.end_address::inet)::inet
                                 AND o.managed_by = 'IPAM' AND o.managed_by_entity = 'Localhost') AS is_present
        FROM %s AS n LEFT JOIN %s AS v ON v.id = n.vrf_id LEFT JOIN %s AS t ON t.id = n.tenant_id LEFT JOIN %s AS r ON r.id = n.role_id
        LEFT JOIN %s AS g ON g.id = n.id
        LEFT JOIN ipam.address_space AS p ON p.name = CASE WHEN n.vrf_id IS NULL THEN (SELECT d.name FROM ipam.address_space AS d WHERE d.is_default) ELSE v.name END$sql$,
        ipam.netbox_table(source_schema, 'ipam_iprange', '{id,start_address,end_address,size,status,description,comments,mark_utilized,role_id,tenant_id,vrf_id,custom_field_data}'),
        spaces, tenants, roles, ipam.netbox_tags(source_schema, 'iprange'));
    RETURN NEXT;

    -- The mask of an address says nothing that its subnet does not say.
    number := 6; kind := 'ipam_ipaddress'; object_type := 'ip_address';
    columns := '{address_space,address,state,address_assignment,device_name,notes,owner}';
    query := format($sql$
        SELECT n.id, n.address AS value,
               ARRAY[CASE WHEN n.vrf_id IS NOT NULL THEN coalesce(v.name, 'VRF ' || n.vrf_id) END, host(n.address::inet),
                     CASE n.status WHEN 'reserved' THEN 'Reserved' WHEN 'deprecated' THEN 'Inactive' END,
                     CASE WHEN n.role IN ('vip', 'vrrp', 'hsrp', 'glbp', 'carp', 'anycast') THEN 'VIP' WHEN n.status = 'dhcp' THEN 'Dynamic'
                          WHEN n.status = 'slaac' THEN 'Auto' END,
                     nullif(n.dns_name, ''), nullif(concat_ws(E'\n', nullif(n.description, ''), nullif(n.comments, '')), ''), t.name] AS fields,
               jsonb_build_object('Tenant', t.name, 'NetBox status', nullif(nullif(n.status, ''), 'active'), 'NetBox role', nullif(n.role, ''), 'Tags', g.names,
                   'NAT inside', host(i.address::inet)) AS properties,
               n.custom_field_data AS custom,
               row_number() OVER (PARTITION BY n.vrf_id, host(n.address::inet) ORDER BY n.id) = 1
                   AND EXISTS (SELECT FROM ipam.ip_address AS o
                               WHERE o.address_space_id = p.id AND o.address = host(n.address::inet)::inet
                                 AND o.managed_by = 'IPAM' AND o.managed_by_entity = 'Localhost') AS is_present
        FROM %1$s AS n LEFT JOIN %2$s AS v ON v.id = n.vrf_id LEFT JOIN %3$s AS t ON t.id = n.tenant_id LEFT JOIN %1$s AS i ON i.id = n.nat_inside_id
        LEFT JOIN %4$s AS g ON g.id = n.id
        LEFT JOIN ipam.address_space AS p ON p.name = CASE WHEN n.vrf_id IS NULL THEN (SELECT d.name FROM ipam.address_space AS d WHERE d.is_default) ELSE v.name END$sql$,
        addresses, spaces, tenants, ipam.netbox_tags(source_schema, 'ipaddress'));
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION ipam.netbox_steps(text) IS 'the steps of an import from NetBox, in order: the table, what becomes of its rows, the columns, and the query that reads them';

CREATE FUNCTION ipam.netbox_rir(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN split_part(name, ' ', 1) IN ('AFRINIC', 'APNIC', 'ARIN', 'LACNIC', 'RIPE') THEN split_part(name, ' ', 1) ELSE name END;
COMMENT ON FUNCTION ipam.netbox_rir(text) IS 'the name of a registry as the plan has it: RIPE for RIPE NCC';

-- Custom fields

-- A field of the users' own that takes any text, made if need be: by the name in NetBox, or by that with NetBox before it
-- where the name is a column's or that of another kind of field.
CREATE FUNCTION ipam.netbox_field(name text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    candidate text;
    present ipam.custom_field;
BEGIN
    FOREACH candidate IN ARRAY ARRAY[name, 'NetBox ' || name] LOOP
        SELECT f.* INTO present FROM ipam.custom_field AS f WHERE f.name = candidate;
        IF present.id IS NOT NULL AND present.type = 'Freeform' AND present.origin = 'External' THEN
            RETURN candidate;
        END IF;
        CONTINUE WHEN present.id IS NOT NULL;
        BEGIN
            INSERT INTO ipam.custom_field (name) VALUES (candidate);
            RETURN candidate;
        EXCEPTION WHEN SQLSTATE 'IP010' OR SQLSTATE 'IP601' OR SQLSTATE 'IP611' THEN
            CONTINUE; -- the length, the number of fields, the name of a column
        END;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.netbox_field(text) IS
    'name of the freeform custom field for a property or custom field of NetBox, made where there is none; NULL where there cannot be one';

CREATE FUNCTION ipam.netbox_custom_fields(data jsonb, field_names jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(jsonb_object_agg(field_names ->> e.key, v.text), '{}')
    FROM jsonb_each(CASE jsonb_typeof(data) WHEN 'object' THEN data END) AS e,
         LATERAL (SELECT CASE jsonb_typeof(e.value) WHEN 'string' THEN e.value #>> '{}' ELSE e.value::text END) AS v(text)
    WHERE e.value <> 'null' AND v.text <> '' AND field_names ->> e.key IS NOT NULL);
COMMENT ON FUNCTION ipam.netbox_custom_fields(jsonb, jsonb) IS 'the values of an object of NetBox by the names of their fields here, without the empty ones';

-- Tenants, sites, regions, roles and registries are values of built-in fields. Number 1 is RIR, 4 Type of networks,
-- 14 Network Site, 16 Tenant, 18 Region.
CREATE FUNCTION ipam.add_netbox_values(source_schema text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    present record;
BEGIN
    FOR present IN
        SELECT * FROM (VALUES (16, 'tenancy_tenant', 'n.name', '{name}'::text[]), (14, 'dcim_site', 'n.name', '{name}'), (18, 'dcim_region', 'n.name', '{name}'),
                              (4, 'ipam_role', 'n.name', '{name}'),
                              (1, 'ipam_rir', 'CASE WHEN NOT n.is_private::boolean THEN ipam.netbox_rir(n.name) END', '{name,is_private}')) AS v(field_id, source, value, columns)
    LOOP
        EXECUTE format('INSERT INTO ipam.custom_field_value (custom_field_id, value) SELECT DISTINCT %s, v.value FROM %s AS n, LATERAL (SELECT %s) AS v(value)
                        WHERE v.value <> %L ORDER BY v.value ON CONFLICT DO NOTHING',
                       present.field_id, ipam.netbox_table(source_schema, present.source, present.columns), present.value, '');
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.add_netbox_values(text) IS 'adds the tenants, sites, regions, roles and registries of NetBox to the values of their built-in fields';

-- The fields that the rows of a step need, by their names in NetBox, for those that do not have one yet.
CREATE FUNCTION ipam.add_netbox_fields(query text, part text, known jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    key text;
    found jsonb := known;
BEGIN
    FOR key IN EXECUTE format(
        'SELECT DISTINCT e.key COLLATE "C" FROM (%s) AS s, jsonb_each(s.%I::jsonb) AS e WHERE e.value NOT IN (%L, %L) AND NOT $1 ? e.key ORDER BY 1',
        query, part, 'null', '""') USING known
    LOOP
        found := found || jsonb_build_object(key, CASE
            WHEN part = 'properties' AND key IN ('Tenant', 'Network Site', 'Region', 'Type of networks') THEN key
            WHEN part = 'custom' AND key = ANY (ipam.netbox_properties()) THEN ipam.netbox_field('NetBox ' || key)
            ELSE ipam.netbox_field(key) END);
    END LOOP;
    RETURN found;
END
$$;
COMMENT ON FUNCTION ipam.add_netbox_fields(text, text, jsonb) IS
    'names of the custom fields for the properties or custom fields that rows of NetBox have; makes those that are not there';

-- The call

CREATE FUNCTION ipam.import_netbox(source_schema text DEFAULT 'public') RETURNS SETOF ipam.netbox_remark
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    refused boolean;
    property_names jsonb := '{}'::jsonb;
    custom_names jsonb := '{}'::jsonb;
    step record;
    field_names text[];
    part_rows bigint; -- of the part of the rows that is being imported
    part_present bigint;
    part_names jsonb;
    part_left_out jsonb;
    part_batch ipam.import_row[];
    batch ipam.import_row[];
    faults ipam.import_fault[];
    row_count bigint;
    present_count bigint;
    refused_count bigint;
BEGIN
    PERFORM ipam.require_ready_store();
    IF source_schema IS NULL THEN
        refused := ipam.raise_fault('IpamApiImportFailed', 'the schema with the tables of NetBox is missing', 'source_schema is NULL.',
            'Leave it out for the schema public.');
    ELSIF NOT EXISTS (SELECT FROM ipam.netbox_steps(source_schema) AS s WHERE to_regclass(format('%I.%I', source_schema, s.kind)) IS NOT NULL) THEN
        refused := ipam.raise_fault('IpamApiImportFailed', format('there are no tables of NetBox in schema "%s"', source_schema),
            'Looked for are ipam_vrf, ipam_aggregate, ipam_prefix, ipam_iprange and ipam_ipaddress.',
            'Give the schema that has them; IMPORT FOREIGN SCHEMA of postgres_fdw brings those of another database.');
    END IF;
    PERFORM ipam.add_netbox_values(source_schema);
    FOR step IN SELECT * FROM ipam.netbox_steps(source_schema) AS s ORDER BY s.number LOOP
        field_names := ARRAY[]::text[];
        IF step.object_type <> 'ip_block' THEN
            property_names := ipam.add_netbox_fields(step.query, 'properties', property_names);
            custom_names := ipam.add_netbox_fields(step.query, 'custom', custom_names);
            field_names := ARRAY (SELECT p.value FROM jsonb_each_text(property_names) AS p WHERE p.value IS NOT NULL
                                  UNION SELECT c.value FROM jsonb_each_text(custom_names) AS c WHERE c.value IS NOT NULL ORDER BY 1);
        END IF;
        row_count := 0;
        present_count := 0;
        refused_count := 0;
        FOR part_rows, part_present, part_left_out, part_names, part_batch IN EXECUTE format(
            'SELECT count(*), count(*) FILTER (WHERE s.is_present), jsonb_object_agg(s.id, c.left_out) FILTER (WHERE c.left_out IS NOT NULL AND NOT s.is_present),
                    jsonb_object_agg(s.id, s.value),
                    coalesce(array_agg(ROW(s.id, s.fields || ARRAY (SELECT c.custom_fields ->> f.name FROM unnest($3) WITH ORDINALITY AS f(name, place) ORDER BY f.place),
                                           NULL, NULL)::ipam.import_row ORDER BY s.id) FILTER (WHERE NOT s.is_present), ARRAY[]::ipam.import_row[])
             FROM (SELECT q.*, row_number() OVER (ORDER BY q.id) AS number FROM (%s) AS q) AS s,
                  LATERAL (SELECT ipam.netbox_custom_fields(s.custom::jsonb, $1) || ipam.netbox_custom_fields(s.properties, $2),
                                  CASE WHEN $4 THEN (SELECT string_agg(format(%L, k.key), %L ORDER BY k.key)
                                                     FROM jsonb_each(jsonb_strip_nulls(s.properties) || CASE WHEN s.custom IS NULL THEN %L ELSE jsonb_strip_nulls(s.custom::jsonb) END) AS k
                                                     WHERE k.value <> %L) END) AS c(custom_fields, left_out)
             GROUP BY s.number / 1000 ORDER BY s.number / 1000', step.query, '"%s"', ', ', '{}', '""')
            USING custom_names, property_names, field_names, step.object_type = 'ip_block'
        LOOP
            -- A value that is too long for a custom field is left out.
            SELECT array_agg(ROW(r.line, ARRAY (
                SELECT CASE WHEN f.place <= cardinality(step.columns) OR length(f.value) <= 256 THEN f.value END
                FROM unnest(r.fields) WITH ORDINALITY AS f(value, place) ORDER BY f.place), NULL, NULL)::ipam.import_row ORDER BY r.line)
            INTO batch FROM unnest(part_batch) AS r;
            faults := ipam.load_batch(ipam.import_statement(step.object_type, step.columns || field_names, false), step.object_type,
                                      step.columns || field_names, coalesce(batch, part_batch));
            RETURN QUERY
            SELECT step.kind, f.line, part_names ->> f.line::text, false, f.sqlstate, f.fault, f.message, f.detail, f.hint
            FROM unnest(faults) AS f;
            RETURN QUERY
            SELECT step.kind, r.line, part_names ->> r.line::text, NOT EXISTS (SELECT FROM unnest(faults) AS x WHERE x.line = r.line), t.sqlstate, t.fault,
                   format('the value of custom field "%s" is too long and was left out', field_names[f.place - cardinality(step.columns)]),
                   format('It has %s characters; 256 are possible.', length(f.value)), NULL::text
            FROM unnest(part_batch) AS r, unnest(r.fields) WITH ORDINALITY AS f(value, place), ipam.faults() AS t
            WHERE f.place > cardinality(step.columns) AND length(f.value) > 256 AND t.fault = 'IpamApiStringLengthNotAcceptable'
            ORDER BY r.line, f.place;
            RETURN QUERY
            SELECT step.kind, l.key::bigint, part_names ->> l.key, true, t.sqlstate, t.fault, 'a block has no custom fields', format('Left out: %s.', l.value), NULL::text
            FROM jsonb_each_text(part_left_out) AS l, ipam.faults() AS t
            WHERE t.fault = 'IpamApiValidationFailure' AND NOT EXISTS (SELECT FROM unnest(faults) AS x WHERE x.line = l.key::bigint)
            ORDER BY l.key::bigint;
            row_count := row_count + part_rows;
            present_count := present_count + part_present;
            refused_count := refused_count + cardinality(faults);
        END LOOP;
        RAISE NOTICE '% to %: % rows, % taken, % there already, % not taken', step.kind, step.object_type,
            row_count, row_count - present_count - refused_count, present_count, refused_count;
    END LOOP;
    RETURN QUERY
    SELECT 'extras_customfield', NULL::bigint, c.key, false, t.sqlstate, t.fault, format('"%s" of NetBox cannot be a custom field', c.key),
           'There are 128 fields already, or its name is too long, or both its name and that with "NetBox" before it are taken.',
           'Roll back, delete or rename a custom field, and import again.'
    FROM jsonb_each_text(property_names || custom_names) AS c, ipam.faults() AS t
    WHERE c.value IS NULL AND t.fault = 'IpamApiValidationFailure' ORDER BY c.key;
END
$$;
COMMENT ON FUNCTION ipam.import_netbox(text) IS
    'takes the tables of a NetBox in a schema into the plan: VRFs, aggregates, prefixes, IP ranges and IP addresses; returns a remark for each row, or part of one, that was not taken. What is there already stays as it is';
