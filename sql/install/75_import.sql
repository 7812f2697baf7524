-- Import: objects of one kind from CSV or JSON (MS-IPAMM2 5.14, 8.11).
--
-- The rows of a file go into the table in its order, many in one statement. A statement that fails is undone
-- and tried again with fewer rows, until the bad row is alone and known by its line; then the number of rows
-- grows again. So a good file costs little more than COPY, and a report never names a wrong line.

CREATE TYPE ipam.import_row AS (line bigint, fields text[], fault text, problem text);
COMMENT ON TYPE ipam.import_row IS 'a row of a file: its line, the fields in the order of the columns, and why it cannot be read';
COMMENT ON COLUMN ipam.import_row.line IS 'line of the file on which the row starts';
COMMENT ON COLUMN ipam.import_row.fields IS 'values as text, in the order of the columns; NULL: missing';
COMMENT ON COLUMN ipam.import_row.fault IS 'the fault, where the row cannot be read';
COMMENT ON COLUMN ipam.import_row.problem IS 'why the row cannot be read; NULL: it can';

CREATE TYPE ipam.import_fault AS (line bigint, sqlstate text, fault text, message text, detail text, hint text);
COMMENT ON TYPE ipam.import_fault IS 'a row of a file that was not imported: its line, and the error as an INSERT would have raised it';
COMMENT ON COLUMN ipam.import_fault.line IS 'line of the file on which the row starts; of JSON the position in the array';
COMMENT ON COLUMN ipam.import_fault.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN ipam.import_fault.fault IS 'protocol name of the fault; NULL where the error is PostgreSQL''s own';
COMMENT ON COLUMN ipam.import_fault.message IS 'what is wrong';
COMMENT ON COLUMN ipam.import_fault.detail IS 'the facts';
COMMENT ON COLUMN ipam.import_fault.hint IS 'what to do';

CREATE FUNCTION ipam.parse_csv(content text, max_records bigint DEFAULT NULL, OUT line bigint, OUT fields text[], OUT problem text)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 1000
AS 'MODULE_PATHNAME', 'ipam_parse_csv';
COMMENT ON FUNCTION ipam.parse_csv(text, bigint) IS
    'the records of CSV (RFC 4180): the line on which each starts, its fields, empty ones without quotes as NULL, and what is wrong with it';

-- Columns

-- The name of a column may be written as people do: Start Address.
CREATE FUNCTION ipam.resolve_import_columns(object_type text, given text[], problem text) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    known text[];
    columns text[];
BEGIN
    SELECT array_agg(c.name ORDER BY c.number) INTO known FROM ipam.importable_columns(object_type) AS c;
    IF coalesce(cardinality(given), 0) = 0 THEN
        refused := ipam.raise_fault('IpamApiImportFailed', 'there is no header row', 'The content is empty.',
            format('The first row names the columns, in any order: %s.', array_to_string(known, ', ')));
    ELSIF problem IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiImportFailed', 'the header row cannot be read: ' || problem, NULL, 'A quote in quotes is doubled.');
    END IF;
    SELECT array_agg(coalesce(
               (SELECT k FROM unnest(known) AS k WHERE k = trim(g.name)),
               (SELECT k FROM unnest(known) AS k WHERE k = lower(replace(trim(g.name), ' ', '_')))) ORDER BY g.number)
    INTO columns FROM unnest(given) WITH ORDINALITY AS g(name, number);
    FOR i IN 1 .. cardinality(given) LOOP
        IF columns[i] IS NULL THEN
            refused := ipam.raise_fault('IpamApiInvalidImportColumn', format('there is no column "%s" to import into %s', left(given[i], 100), object_type),
                'Columns that the database works out are not imported; custom fields are columns with their own names.',
                format('Columns are: %s.', array_to_string(known, ', ')));
        ELSIF array_position(columns, columns[i]) < i THEN
            refused := ipam.raise_fault('IpamApiInvalidImportColumn', format('column "%s" is there twice', columns[i]), NULL,
                'Name each column once.');
        END IF;
    END LOOP;
    RETURN columns;
END
$$;
COMMENT ON FUNCTION ipam.resolve_import_columns(text, text[], text) IS 'the importable columns that a header row names, or a fault where it is wrong or has a problem';

-- The fields of a row r as values of their columns.
CREATE FUNCTION ipam.import_expression(table_column name, data_type regtype, field integer) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN table_column IN ('address_space_id', 'provider_id') THEN format('ipam.address_space_named(r.fields[%s])', field)
    WHEN table_column = 'custom_field_id' THEN format('coalesce((SELECT f.id FROM ipam.custom_field AS f WHERE f.name = r.fields[%1$s]), CASE WHEN ipam.raise_fault(%2$L, format(%3$L, r.fields[%1$s])) THEN 0 END)',
                                                      field, 'IpamApiValidationFailure', 'there is no custom field "%s"')
    WHEN data_type = 'ipam.gateway[]'::regtype THEN format('ipam.read_gateway_list(r.fields[%s])', field)
    WHEN data_type IN ('integer[]'::regtype, 'inet[]'::regtype, 'text[]'::regtype)
        THEN format('string_to_array(regexp_replace(r.fields[%s], ''[[:space:]]*;[[:space:]]*'', '';'', ''g''), '';'')::%s', field, data_type)
    WHEN data_type = 'text'::regtype THEN format('r.fields[%s]', field)
    ELSE format('r.fields[%s]::%s', field, data_type) END;
COMMENT ON FUNCTION ipam.import_expression(name, regtype, integer) IS 'SQL expression of a field of a row r as a value of the column';

-- Ranges managed by MS DHCP may overlap, so that no constraint keeps a file from being imported twice.
CREATE FUNCTION ipam.is_new_dhcp_range(address_space_id bigint, start_address inet, end_address inet, managed_by_entity text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.lock_plan(address_space_id);
    RETURN NOT EXISTS (
        SELECT FROM ipam.ip_range AS r
        WHERE r.address_space_id = is_new_dhcp_range.address_space_id AND r.managed_by = 'MS DHCP'
          AND r.managed_by_entity = is_new_dhcp_range.managed_by_entity COLLATE "C"
          AND r.start_address = is_new_dhcp_range.start_address AND r.end_address = is_new_dhcp_range.end_address);
END
$$;
COMMENT ON FUNCTION ipam.is_new_dhcp_range(bigint, inet, inet, text) IS
    'whether no range of the DHCP server has these addresses; it stays so until the end of the transaction';

-- A value of a list of the users is checked before the table does, because an import has its own faults for it.
CREATE FUNCTION ipam.import_condition(columns text[], object_type text, include_ms_dhcp boolean) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    managed_by CONSTANT integer := array_position(columns, 'managed_by');
    managed_by_entity CONSTANT integer := array_position(columns, 'managed_by_entity');
    start_address CONSTANT integer := array_position(columns, 'start_address');
    end_address CONSTANT integer := array_position(columns, 'end_address');
    address_space CONSTANT integer := array_position(columns, 'address_space');
    condition text := 'CASE WHEN r.problem IS NOT NULL THEN ipam.raise_fault(r.fault, r.problem) ELSE true'; -- in this order
BEGIN
    IF managed_by IS NOT NULL THEN
        condition := condition || format($sql$
            AND (r.fields[%1$s] IN ('IPAM', 'Non-MS DHCP', 'VM Manager', 'Others') OR r.fields[%1$s] IS NULL
                 OR ipam.is_custom_field_value(8, r.fields[%1$s])
                 OR ipam.raise_fault('IpamApiImportInvalidManagedByValue', format('"%%s" is not a kind of service', r.fields[%1$s]),
                        'It is not a value of custom field 8, Managed by.',
                        format('Add it first: INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (8, %%L).', r.fields[%1$s])))
            $sql$, managed_by);
        IF object_type = 'ip_range' AND NOT include_ms_dhcp THEN
            condition := condition || format($sql$
                AND (r.fields[%1$s] IS DISTINCT FROM 'MS DHCP'
                     OR ipam.raise_fault('IpamApiErrorImportOfMsDhcpRangesNotAllowed', 'a range managed by MS DHCP is not imported',
                            'Such a range is a scope of a DHCP server, which knows it better.', 'To import it all the same say include_ms_dhcp => true.'))
                $sql$, managed_by);
        ELSIF object_type = 'ip_range' AND start_address IS NOT NULL AND end_address IS NOT NULL THEN
            condition := condition || format($sql$
                AND (r.fields[%1$s] IS DISTINCT FROM 'MS DHCP'
                     OR ipam.is_new_dhcp_range(%2$s, r.fields[%3$s]::inet, r.fields[%4$s]::inet, %5$s)
                     OR ipam.raise_fault('IpamApiNonadjustableConflictingRangesFound',
                            format('range [%%s, %%s] of this DHCP server is there already', r.fields[%3$s], r.fields[%4$s])))
                $sql$, managed_by,
                CASE WHEN address_space IS NULL THEN '1' ELSE format('coalesce(ipam.address_space_named(r.fields[%s]), 1)', address_space) END,
                start_address, end_address,
                CASE WHEN managed_by_entity IS NULL THEN '''Localhost''' ELSE format('coalesce(r.fields[%s], ''Localhost'')', managed_by_entity) END);
        END IF;
    END IF;
    IF managed_by_entity IS NOT NULL THEN
        condition := condition || format($sql$
            AND (r.fields[%1$s] = 'Localhost' OR r.fields[%1$s] IS NULL OR ipam.is_custom_field_value(9, r.fields[%1$s])
                 OR ipam.raise_fault('IpamApiImportInvalidServiceInstanceValue', format('"%%s" is not a service instance', r.fields[%1$s]),
                        'It is not a value of custom field 9, Managed by entity.',
                        format('Add it first: INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, %%L).', r.fields[%1$s])))
            $sql$, managed_by_entity);
    END IF;
    RETURN condition || ' END';
END
$$;
COMMENT ON FUNCTION ipam.import_condition(text[], text, boolean) IS 'SQL condition of a row r that holds, or raises the fault that an import has for it';

CREATE FUNCTION ipam.import_statement(object_type text, columns text[], include_ms_dhcp boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    targets text;
    expressions text;
    field_names text;
    field_values text;
BEGIN
    SELECT string_agg(quote_ident(c.table_column), ', ' ORDER BY c.number) FILTER (WHERE NOT c.is_custom_field),
           string_agg(CASE WHEN c.default_value IS NULL THEN e.expression ELSE format('coalesce(%s, %s)', e.expression, c.default_value) END,
                      ', ' ORDER BY c.number) FILTER (WHERE NOT c.is_custom_field),
           string_agg(quote_literal(c.name), ', ' ORDER BY c.number) FILTER (WHERE c.is_custom_field),
           string_agg(format('r.fields[%s]', e.field), ', ' ORDER BY c.number) FILTER (WHERE c.is_custom_field)
    INTO targets, expressions, field_names, field_values
    FROM ipam.importable_columns(object_type) AS c,
         LATERAL (SELECT array_position(columns, c.name)) AS p(field),
         LATERAL (SELECT p.field, ipam.import_expression(c.table_column, c.data_type, p.field)) AS e(field, expression)
    WHERE p.field IS NOT NULL;
    RETURN format('INSERT INTO %s (%s) SELECT %s FROM unnest($1) AS r WHERE %s', ipam.transfer_table(object_type),
                  concat_ws(', ', targets, CASE WHEN field_names IS NOT NULL THEN 'custom_fields' END),
                  concat_ws(', ', expressions, 'jsonb_strip_nulls(jsonb_object(ARRAY[' || field_names || '], ARRAY[' || field_values || ']))'),
                  ipam.import_condition(columns, object_type, include_ms_dhcp));
END
$$;
COMMENT ON FUNCTION ipam.import_statement(text, text[], boolean) IS
    'INSERT of the rows $1, ipam.import_row[], whose fields are the columns; a missing value takes the default of the column';

-- What went wrong

-- Errors that tell something about the row: data, constraints, faults, and what triggers of the users raise.
-- Others, as a deadlock or a missing privilege, end the import.
CREATE FUNCTION ipam.is_row_error(sqlstate text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN sqlstate = 'P0001' OR (left(sqlstate, 2) IN ('22', '23', '44', 'IP') AND sqlstate NOT IN ('IP013', 'IP014'));
COMMENT ON FUNCTION ipam.is_row_error(text) IS 'whether an error is about the row that was being written';

-- A value that its type does not take raises an error that does not name the column.
CREATE FUNCTION ipam.check_import_types(object_type text, columns text[], given ipam.import_row) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    present record;
    reason text;
BEGIN
    FOR present IN
        SELECT c.name, c.data_type, c.table_column, array_position(columns, c.name) AS field
        FROM ipam.importable_columns(object_type) AS c WHERE c.data_type <> 'text'::regtype AND c.name = ANY (columns)
        ORDER BY c.number
    LOOP
        reason := NULL;
        BEGIN
            EXECUTE format('SELECT %s FROM unnest($1) AS r', ipam.import_expression(present.table_column, present.data_type, present.field))
            USING ARRAY[given];
        EXCEPTION WHEN data_exception THEN
            reason := SQLERRM;
        END;
        IF reason IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiInvalidImportColumnType',
                format('"%s" is not a value of column "%s"', left(given.fields[present.field], 200), present.name),
                format('The column has type %s: %s.', present.data_type, reason));
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.check_import_types(text, text[], ipam.import_row) IS 'a fault that names the first field of the row that is not of the type of its column';

-- Both get a statement that import_statement() has made, with all names quoted: plpgsql_check does not see that.
CREATE FUNCTION ipam.load_batch(statement text, object_type text, columns text[], batch ipam.import_row[]) RETURNS ipam.import_fault[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    faults ipam.import_fault[] := ARRAY[]::ipam.import_fault[];
    present ipam.import_fault;
    place integer := 1;
    size integer := cardinality(batch); -- of the next statement
BEGIN
    WHILE place <= cardinality(batch) LOOP
        size := least(size, cardinality(batch) - place + 1);
        BEGIN
            EXECUTE statement USING batch[place : place + size - 1];
            place := place + size;
            size := size * 2;
            CONTINUE;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS present.sqlstate = RETURNED_SQLSTATE, present.fault = CONSTRAINT_NAME, present.message = MESSAGE_TEXT,
                present.detail = PG_EXCEPTION_DETAIL, present.hint = PG_EXCEPTION_HINT;
            IF NOT ipam.is_row_error(present.sqlstate) THEN
                RAISE;
            END IF;
        END;
        IF size > 1 THEN
            size := greatest(size / 4, 1);
            CONTINUE;
        END IF;
        IF left(present.sqlstate, 2) = '22' THEN
            BEGIN
                PERFORM ipam.check_import_types(object_type, columns, batch[place]);
            EXCEPTION WHEN SQLSTATE 'IP823' THEN
                GET STACKED DIAGNOSTICS present.sqlstate = RETURNED_SQLSTATE, present.fault = CONSTRAINT_NAME, present.message = MESSAGE_TEXT,
                    present.detail = PG_EXCEPTION_DETAIL, present.hint = PG_EXCEPTION_HINT;
            END;
        END IF;
        -- The detail of a missing value is the row as it would have been, with an id and times of its own.
        faults := faults || ROW(batch[place].line, present.sqlstate, CASE WHEN present.sqlstate LIKE 'IP%' THEN present.fault END, present.message,
                                nullif(CASE WHEN present.sqlstate <> '23502' THEN present.detail END, ''), nullif(present.hint, ''))::ipam.import_fault;
        place := place + 1;
    END LOOP;
    RETURN faults;
END
$$;
COMMENT ON FUNCTION ipam.load_batch(text, text, text[], ipam.import_row[]) IS 'writes rows into their table, as many as it takes; returns the others with their errors';

CREATE FUNCTION ipam.load_rows(object_type text, columns text[], batches refcursor, all_or_nothing boolean, include_ms_dhcp boolean)
RETURNS SETOF ipam.import_fault
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    statement CONSTANT text := ipam.import_statement(object_type, columns, include_ms_dhcp);
    batch ipam.import_row[];
    faults ipam.import_fault[] := ARRAY[]::ipam.import_fault[];
    row_count bigint := 0;
    is_undone boolean := false;
BEGIN
    EXECUTE statement USING '{}'::ipam.import_row[]; -- a missing privilege shows before the first row
    BEGIN
        LOOP
            FETCH batches INTO batch;
            EXIT WHEN NOT FOUND;
            row_count := row_count + cardinality(batch);
            faults := faults || ipam.load_batch(statement, object_type, columns, batch);
        END LOOP;
        IF all_or_nothing AND cardinality(faults) > 0 THEN
            is_undone := true;
            RAISE EXCEPTION 'undo'; -- all rows; what has been found out about them stays in the variable
        END IF;
    EXCEPTION WHEN raise_exception THEN
        IF NOT is_undone THEN
            RAISE;
        END IF;
    END;
    RAISE NOTICE 'loaded % of % rows', CASE WHEN is_undone THEN 0 ELSE row_count - cardinality(faults) END, row_count;
    RETURN QUERY SELECT f.* FROM unnest(faults) AS f;
END
$$;
COMMENT ON FUNCTION ipam.load_rows(text, text[], refcursor, boolean, boolean) IS
    'writes the rows of a cursor of ipam.import_row[] into their table; returns those that were refused';

-- The calls

CREATE FUNCTION ipam.import_csv(
    object_type     text,
    content         text,
    all_or_nothing  boolean DEFAULT false,
    include_ms_dhcp boolean DEFAULT false)
RETURNS SETOF ipam.import_fault
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    header record;
    columns text[];
    batches refcursor;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT p.fields, p.problem INTO header FROM ipam.parse_csv(content, 1) AS p;
    columns := ipam.resolve_import_columns(object_type, header.fields, header.problem);
    OPEN batches FOR
        SELECT array_agg(ROW(p.line, p.fields, 'IpamApiImportFailed',
                   CASE WHEN p.problem IS NULL AND cardinality(p.fields) <> cardinality(columns)
                        THEN format('fields in the row: %s, in the header: %s', cardinality(p.fields), cardinality(columns))
                        ELSE p.problem END)::ipam.import_row ORDER BY p.number)
        FROM ipam.parse_csv(content) WITH ORDINALITY AS p(line, fields, problem, number)
        WHERE p.number > 1
        GROUP BY p.number / 1000 ORDER BY p.number / 1000;
    RETURN QUERY SELECT f.* FROM ipam.load_rows(object_type, columns, batches, all_or_nothing, include_ms_dhcp) AS f;
    CLOSE batches;
END
$$;
COMMENT ON FUNCTION ipam.import_csv(text, text, boolean, boolean) IS
    'imports objects of a kind from CSV whose first row names the columns; returns a row for each row that was refused, with its line and error. all_or_nothing: one refused row undoes all. include_ms_dhcp: ranges managed by MS DHCP as well';

CREATE FUNCTION ipam.json_list(list jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(string_agg(CASE jsonb_typeof(e.value) WHEN 'object' THEN concat_ws(' metric ', e.value ->> 'address', e.value ->> 'metric')
                                                          ELSE e.value #>> '{}' END, ';' ORDER BY e.number), '')
    FROM jsonb_array_elements(list) WITH ORDINALITY AS e(value, number));
COMMENT ON FUNCTION ipam.json_list(jsonb) IS 'a JSON array as it stands in a field of CSV: its values with a semicolon between, gateways with their metric';

CREATE FUNCTION ipam.json_row(number bigint, object jsonb, columns text[]) RETURNS ipam.import_row
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flat jsonb;
    unknown text;
BEGIN
    IF jsonb_typeof(object) <> 'object' THEN
        RETURN ROW(number, '{}'::text[], 'IpamApiImportFailed', format('an element is a JSON %s, not an object', jsonb_typeof(object)))::ipam.import_row;
    ELSIF jsonb_typeof(object -> 'custom_fields') = 'object' THEN
        flat := (object - 'custom_fields') || (object -> 'custom_fields');
    ELSE
        flat := object;
    END IF;
    SELECT min(k.key) INTO unknown FROM jsonb_object_keys(flat) AS k(key) WHERE k.key <> ALL (columns);
    IF unknown IS NOT NULL THEN
        RETURN ROW(number, '{}'::text[], 'IpamApiInvalidImportColumn', format('there is no column "%s"', left(unknown, 100)))::ipam.import_row;
    END IF;
    RETURN ROW(number, ARRAY (SELECT CASE jsonb_typeof(flat -> c.name) WHEN 'array' THEN ipam.json_list(flat -> c.name) ELSE flat ->> c.name END
                              FROM unnest(columns) WITH ORDINALITY AS c(name, place) ORDER BY c.place),
               NULL, NULL)::ipam.import_row;
END
$$;
COMMENT ON FUNCTION ipam.json_row(bigint, jsonb, text[]) IS 'a JSON object as a row whose fields are the columns; custom fields may stand in a member custom_fields or by themselves';

CREATE FUNCTION ipam.import_json(
    object_type     text,
    content         jsonb,
    all_or_nothing  boolean DEFAULT false,
    include_ms_dhcp boolean DEFAULT false)
RETURNS SETOF ipam.import_fault
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    columns text[];
    batches refcursor;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT array_agg(c.name ORDER BY c.number) INTO columns FROM ipam.importable_columns(object_type) AS c;
    IF jsonb_typeof(content) IS DISTINCT FROM 'array' THEN
        refused := ipam.raise_fault('IpamApiImportFailed', 'the content is not a JSON array', format('It is %s.', coalesce(jsonb_typeof(content), 'NULL')),
            format('Give an array of objects with the members: %s.', array_to_string(columns, ', ')));
    END IF;
    OPEN batches FOR
        SELECT array_agg(ipam.json_row(e.number, e.object, columns) ORDER BY e.number)
        FROM jsonb_array_elements(content) WITH ORDINALITY AS e(object, number)
        GROUP BY e.number / 1000 ORDER BY e.number / 1000;
    RETURN QUERY SELECT f.* FROM ipam.load_rows(object_type, columns, batches, all_or_nothing, include_ms_dhcp) AS f;
    CLOSE batches;
END
$$;
COMMENT ON FUNCTION ipam.import_json(text, jsonb, boolean, boolean) IS
    'imports objects of a kind from a JSON array of objects; the same as import_csv(), where line is the position in the array';
