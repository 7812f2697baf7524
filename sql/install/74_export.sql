-- Export: the objects of one kind as CSV or JSON, in columns that an import reads back (MS-IPAMM2 5.14).
--
-- The columns are those of the table without what the database works out: ids, parents, extents, categories
-- and times. Other objects are named instead of numbered. The catalog is asked, so that a new column of a
-- table is exported and imported without a change here.

CREATE FUNCTION ipam.transfer_table(object_type text) RETURNS regclass
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF object_type IN ('address_space', 'ip_block', 'ip_subnet', 'ip_range', 'ip_address', 'custom_field', 'custom_field_value') THEN
        RETURN format('ipam.%I', object_type)::regclass;
    END IF;
    refused := ipam.raise_fault('IpamApiInvalidParameter', format('there is no object type "%s" to import or export', object_type), NULL,
        'Object types are the names of the tables: custom_field, custom_field_value, address_space, ip_block, ip_subnet, ip_range, ip_address.');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.transfer_table(text) IS 'the table of an object type that can be imported and exported, or a fault';

CREATE FUNCTION ipam.importable_columns(
    object_type         text,
    OUT number          integer,
    OUT name            text,
    OUT data_type       regtype,
    OUT is_custom_field boolean,
    OUT table_column    name,
    OUT default_value   text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 30 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source CONSTANT regclass := ipam.transfer_table(object_type);
BEGIN
    RETURN QUERY
    SELECT row_number() OVER (ORDER BY f.name COLLATE "C" NULLS FIRST, a.attnum)::integer,
           coalesce(f.name, CASE a.attname WHEN 'address_space_id' THEN 'address_space' WHEN 'provider_id' THEN 'provider'
                                           WHEN 'custom_field_id' THEN 'custom_field' ELSE a.attname END),
           CASE WHEN f.id IS NOT NULL OR a.attname IN ('address_space_id', 'provider_id', 'custom_field_id') THEN 'text'::regtype
                ELSE a.atttypid::regtype END,
           f.id IS NOT NULL, a.attname, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    -- Six of the built-in fields are columns.
    LEFT JOIN ipam.custom_field AS f ON a.attname = 'custom_fields' AND f.id NOT IN (1, 7, 8, 9, 10, 17)
    WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
      AND a.attname NOT IN ('created_at', 'modified_at', 'parent_id', 'block_id', 'subnet_id', 'range_id',
                            'origin', 'built_in_number', 'built_in_value_number')
      AND (a.attname <> 'custom_fields' OR f.id IS NOT NULL);
END
$$;
COMMENT ON FUNCTION ipam.importable_columns(text) IS
    'columns of an object type in CSV and JSON: name, type, whether it is a custom field, the column of the table and its default; the custom fields come last';

-- A gateway has two parts; other lists are their values with a semicolon between.
CREATE FUNCTION ipam.gateway_list(gateways ipam.gateway[]) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT string_agg(concat_ws(' metric ', g.address, g.metric), ';' ORDER BY g.number)
        FROM unnest(gateways) WITH ORDINALITY AS g(address, metric, number));
COMMENT ON FUNCTION ipam.gateway_list(ipam.gateway[]) IS 'gateways as text: 10.0.0.1 metric 10;10.0.0.2';

CREATE FUNCTION ipam.read_gateway_list(list text) RETURNS ipam.gateway[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part text;
    words text[];
    gateways ipam.gateway[] := ARRAY[]::ipam.gateway[];
BEGIN
    FOREACH part IN ARRAY string_to_array(list, ';') LOOP
        words := regexp_match(part, E'^\\s*(\\S+)(?:\\s+metric\\s+(\\d+))?\\s*$');
        IF words IS NULL THEN
            RAISE invalid_text_representation USING MESSAGE = format('invalid gateway: "%s"', part);
        END IF;
        gateways := gateways || ipam.gateway(words[1]::inet, words[2]::integer);
    END LOOP;
    RETURN gateways;
END
$$;
COMMENT ON FUNCTION ipam.read_gateway_list(text) IS 'the gateways of a text like 10.0.0.1 metric 10;10.0.0.2';

CREATE FUNCTION ipam.csv_record(fields text[]) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'ipam_csv_record';
COMMENT ON FUNCTION ipam.csv_record(text[]) IS 'the fields as one record of CSV (RFC 4180): NULL as an empty field, an empty text as ""';

CREATE FUNCTION ipam.address_space_named(name text) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    found bigint;
BEGIN
    IF name IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT s.id INTO found FROM ipam.address_space AS s WHERE s.name = address_space_named.name;
    IF found IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressSpace', format('there is no address space "%s"', name), NULL,
            'Names are compared as written; SELECT name FROM ipam.address_space lists them.');
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION ipam.address_space_named(text) IS 'id of the address space with this name, or a fault; NULL for NULL';

-- The rows to be exported, t, in the order of their names: what an import needs first comes first.
CREATE FUNCTION ipam.export_source(object_type text, address_space text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    space CONSTANT bigint := ipam.address_space_named(address_space);
    space_name CONSTANT text := '(SELECT s.name COLLATE "C" FROM ipam.address_space AS s WHERE s.id = t.address_space_id)';
BEGIN
    IF space IS NOT NULL AND object_type IN ('custom_field', 'custom_field_value') THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'custom fields do not belong to an address space',
            format('Address space "%s" was given.', address_space), 'Leave the address space out.');
    END IF;
    RETURN format('FROM %s AS t WHERE ', ipam.transfer_table(object_type)) || CASE object_type
        WHEN 'custom_field' THEN 't.built_in_number IS NULL'
        WHEN 'custom_field_value' THEN 't.built_in_value_number IS NULL'
        WHEN 'address_space' THEN 'NOT t.is_default' || coalesce(' AND t.id = ' || space, '')
        ELSE coalesce('t.address_space_id = ' || space, 'true') END
    || ' ORDER BY ' || CASE object_type
        WHEN 'custom_field' THEN 't.name COLLATE "C"'
        WHEN 'custom_field_value' THEN '(SELECT f.name COLLATE "C" FROM ipam.custom_field AS f WHERE f.id = t.custom_field_id), t.value'
        WHEN 'address_space' THEN 't.type, t.name COLLATE "C"'
        WHEN 'ip_block' THEN 't.start_address, t.end_address DESC, t.network'
        WHEN 'ip_subnet' THEN space_name || ', t.network'
        WHEN 'ip_range' THEN space_name || ', t.start_address, t.end_address DESC, t.network, t.managed_by, t.managed_by_entity, t.id'
        ELSE space_name || ', t.address, t.managed_by, t.managed_by_entity' END;
END
$$;
COMMENT ON FUNCTION ipam.export_source(text, text) IS
    'FROM, WHERE and ORDER BY of the rows of an object type that an export has: not what provisioning makes; of one address space where that is given';

-- The value of a column as an import reads it.
CREATE FUNCTION ipam.export_expression(table_column name, data_type regtype) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN table_column IN ('address_space_id', 'provider_id') THEN format('(SELECT s.name FROM ipam.address_space AS s WHERE s.id = t.%I)', table_column)
    WHEN table_column = 'custom_field_id' THEN '(SELECT f.name FROM ipam.custom_field AS f WHERE f.id = t.custom_field_id)'
    WHEN data_type = 'ipam.gateway[]'::regtype THEN format('ipam.gateway_list(t.%I)', table_column)
    WHEN data_type = 'ipam.inetmultirange'::regtype THEN format('nullif(t.%I::text, ''{}'')', table_column)
    WHEN data_type IN ('integer[]'::regtype, 'inet[]'::regtype, 'text[]'::regtype)
        THEN format('nullif(array_to_string(t.%I, '';''), '''')', table_column)
    WHEN data_type = 'inet'::regtype THEN format('host(t.%I)', table_column)
    ELSE format('t.%I::text', table_column) END;
COMMENT ON FUNCTION ipam.export_expression(name, regtype) IS 'SQL expression of a column of a row t as text; NULL where there is no value';

-- The statements below are made of the names of columns and fields, quoted where they are put together:
-- plpgsql_check does not see that.

-- Times in UTC and bytes in hexadecimal, whatever the session says: an export is the same everywhere.
CREATE FUNCTION ipam.export_csv(object_type text, address_space text DEFAULT NULL) RETURNS SETOF text
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET bytea_output = 'hex'
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    source text;
    used_fields text[] := ARRAY[]::text[];
    columns text[];
    expressions text;
BEGIN
    PERFORM ipam.require_ready_store();
    source := ipam.export_source(object_type, address_space);
    IF EXISTS (SELECT FROM ipam.importable_columns(object_type) AS c WHERE c.is_custom_field) THEN
        EXECUTE format('SELECT array_agg(DISTINCT k.key) FROM (SELECT t.custom_fields %s) AS o, jsonb_object_keys(o.custom_fields) AS k(key)', source)
        INTO used_fields;
    END IF;
    SELECT array_agg(c.name ORDER BY c.number),
           string_agg(CASE WHEN c.is_custom_field THEN format('t.custom_fields ->> %L', c.name)
                           ELSE ipam.export_expression(c.table_column, c.data_type) END, ', ' ORDER BY c.number)
    INTO columns, expressions
    FROM ipam.importable_columns(object_type) AS c WHERE NOT c.is_custom_field OR c.name = ANY (used_fields);
    RETURN NEXT ipam.csv_record(columns);
    RETURN QUERY EXECUTE format('SELECT ipam.csv_record(ARRAY[%s]) %s', expressions, source);
END
$$;
COMMENT ON FUNCTION ipam.export_csv(text, text) IS
    'objects of a kind as CSV: the names of the columns, then a record for each object, of one address space or of all; import_csv() reads it';

CREATE FUNCTION ipam.export_json(object_type text, address_space text DEFAULT NULL) RETURNS SETOF jsonb
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET intervalstyle = 'postgres' SET bytea_output = 'hex'
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    source text;
    members text;
BEGIN
    PERFORM ipam.require_ready_store();
    source := ipam.export_source(object_type, address_space);
    SELECT string_agg(format('%L, %s', c.name, CASE WHEN c.data_type = 'text'::regtype THEN ipam.export_expression(c.table_column, c.data_type)
                                                    ELSE format('t.%I', c.table_column) END), ', ' ORDER BY c.number)
           || CASE WHEN EXISTS (SELECT FROM ipam.importable_columns(object_type) AS f WHERE f.is_custom_field)
                   THEN ', ''custom_fields'', nullif(t.custom_fields, ''{}'')' ELSE '' END
    INTO members
    FROM ipam.importable_columns(object_type) AS c WHERE NOT c.is_custom_field;
    RETURN QUERY EXECUTE format('SELECT jsonb_strip_nulls(jsonb_build_object(%s)) %s', members, source);
END
$$;
COMMENT ON FUNCTION ipam.export_json(text, text) IS
    'objects of a kind as JSON objects, members without a value left out, of one address space or of all; import_json() reads an array of them';
