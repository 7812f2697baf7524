-- Many changes in one call, with a fault for each object that could not be changed (MS-IPAMM2 3.3.4.1 to 3.3.4.5).

CREATE TYPE ipam.bulk_failure AS (
    position integer,
    id       bigint,
    sqlstate text,
    fault    text,
    message  text,
    detail   text,
    hint     text
);
COMMENT ON TYPE ipam.bulk_failure IS 'what went wrong with one change of a bulk update';
COMMENT ON COLUMN ipam.bulk_failure.position IS 'place of the change in the array, from 1';
COMMENT ON COLUMN ipam.bulk_failure.id IS 'id of the object; NULL where the change has none';
COMMENT ON COLUMN ipam.bulk_failure.sqlstate IS 'SQLSTATE of the error';
COMMENT ON COLUMN ipam.bulk_failure.fault IS 'protocol name of the fault; NULL where the error is PostgreSQL''s own';
COMMENT ON COLUMN ipam.bulk_failure.message IS 'what is wrong';
COMMENT ON COLUMN ipam.bulk_failure.detail IS 'the facts';
COMMENT ON COLUMN ipam.bulk_failure.hint IS 'what to do';

-- The statement for changes with the given keys: $1 is the change, $2 the id. Names come from the catalog only:
-- plpgsql_check does not see that where it is executed.
CREATE FUNCTION ipam.bulk_update_statement(table_name text, keys text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    columns text[];
    unknown text;
    assignments text;
BEGIN
    SELECT array_agg(a.attname ORDER BY a.attnum) INTO columns
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'ipam'::regnamespace AND c.relname = table_name
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = '';
    SELECT string_agg(format('"%s"', left(k, 100)), ', ') INTO unknown FROM unnest(keys) AS k WHERE k NOT IN ('id') AND k <> ALL (columns);
    IF unknown IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiValidationFailure', format('%s has no property %s that can be changed', table_name, unknown),
            format('The properties are: %s.', array_to_string(columns, ', ')));
    END IF;
    SELECT string_agg(format('%1$I = change.%1$I', c.name), ', ') INTO assignments
    FROM unnest(columns) AS c(name) WHERE c.name = ANY (keys);
    IF assignments IS NULL THEN
        RETURN format('SELECT FROM ipam.%I AS t WHERE t.id = $2', table_name);
    END IF;
    RETURN format('UPDATE ipam.%1$I AS t SET %2$s FROM jsonb_populate_record(NULL::ipam.%1$I, $1) AS change WHERE t.id = $2', table_name, assignments);
END
$$;
COMMENT ON FUNCTION ipam.bulk_update_statement(text, text[]) IS 'the UPDATE of the columns that a change names, or a fault where one of them is none';

CREATE FUNCTION ipam.create_subnet_for_change(range_id bigint, change jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed ipam.ip_range;
BEGIN
    SELECT n.* INTO changed FROM ipam.ip_range AS r, jsonb_populate_record(r, change) AS n WHERE r.id = range_id;
    IF FOUND THEN
        PERFORM ipam.create_missing_subnet(changed.address_space_id, changed.network, changed.start_address, changed.end_address, changed.virtualization_type);
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.create_subnet_for_change(bigint, jsonb) IS 'makes the subnet that a range needs after the change, if there is none';

-- A subtransaction for each object would be easier to read, but thousands of them in one transaction slow other
-- sessions down. Changes are made in the order of the array, many in a subtransaction; where one fails, those
-- before it are made again without it, and it is tried alone.
CREATE FUNCTION ipam.bulk_update(
    table_name               text,
    changes                  jsonb,
    create_subnet_if_missing boolean  DEFAULT false,
    report_every             interval DEFAULT '1 second')
RETURNS SETOF ipam.bulk_failure
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
-- @plpgsql_check_options: security_warnings = off
DECLARE
    refused boolean;
    object_type CONSTANT text := replace(regexp_replace(table_name, '^ip_', ''), '_', ' ');
    chunk CONSTANT integer := 100;
    change_list jsonb[];
    first_one integer := 1;  -- the changes before it are done or have failed
    last_one integer;        -- up to here they are tried in one subtransaction
    place integer;
    change jsonb;
    given_id text;
    keys text[];
    known_keys text[];       -- that the statement is for
    statement text;
    changed bigint;
    failed integer := 0;
    failure ipam.bulk_failure;
    report_at timestamptz := clock_timestamp() + report_every;
BEGIN
    PERFORM ipam.require_ready_store();
    IF jsonb_typeof(changes) IS DISTINCT FROM 'array' THEN
        refused := ipam.raise_fault('IpamApiInvalidParameter', 'changes must be a JSON array',
            format('It is %s.', coalesce('a JSON ' || jsonb_typeof(changes), 'NULL')), 'Write [{"id": 7, "owner": "NOC"}].');
    END IF;
    change_list := ARRAY (SELECT c FROM jsonb_array_elements(changes) AS c);
    -- Always in the same order, so that two bulk updates of the same objects queue instead of blocking each other;
    -- addresses in the order in which ranges take and leave them.
    EXECUTE format('SELECT FROM ipam.%I AS t WHERE t.id = ANY ($1) ORDER BY %s FOR NO KEY UPDATE', table_name,
                   CASE table_name WHEN 'ip_address' THEN 't.address, t.id' ELSE 't.id' END)
        USING ARRAY (SELECT CASE WHEN c ->> 'id' ~ '^[0-9]{1,18}$' THEN (c ->> 'id')::bigint END FROM unnest(change_list) AS c);

    last_one := least(chunk, cardinality(change_list));
    WHILE first_one <= cardinality(change_list) LOOP
        BEGIN
            FOR i IN first_one .. last_one LOOP
                place := i;
                change := change_list[i];
                failure.id := NULL;
                IF jsonb_typeof(change) <> 'object' THEN
                    refused := ipam.raise_fault('IpamApiInvalidParameter', format('change %s is not an object', i),
                        format('It is a JSON %s.', jsonb_typeof(change)), 'Write {"id": 7, "description": "new"}.');
                END IF;
                given_id := change ->> 'id';
                IF given_id IS NULL THEN
                    refused := ipam.refuse_unknown(object_type, NULL);
                ELSIF given_id !~ '^[0-9]{1,18}$' THEN
                    refused := ipam.raise_fault('IpamApiInvalidParameter', format('"%s" is not an id', left(given_id, 100)),
                        'An id is a whole number, 1 or more.');
                END IF;
                failure.id := given_id::bigint;
                keys := ARRAY (SELECT k FROM jsonb_object_keys(change) AS k);
                IF keys IS DISTINCT FROM known_keys THEN
                    statement := ipam.bulk_update_statement(table_name, keys);
                    known_keys := keys;
                END IF;
                IF create_subnet_if_missing AND keys && '{address_space_id,network,start_address,end_address}' THEN
                    PERFORM ipam.create_subnet_for_change(failure.id, change);
                END IF;
                EXECUTE statement USING change, failure.id;
                GET DIAGNOSTICS changed = ROW_COUNT;
                IF changed = 0 THEN
                    refused := ipam.refuse_unknown(object_type, failure.id);
                END IF;
            END LOOP;
            first_one := last_one + 1;
            last_one := least(last_one + chunk, cardinality(change_list));
        EXCEPTION WHEN OTHERS THEN -- not a cancelled statement
            IF left(SQLSTATE, 2) IN ('40', '53', '57', '58', 'XX') OR SQLSTATE = '55P03' THEN
                RAISE; -- not this change's fault: deadlock, serialization failure, lock timeout, no disk space ...
            ELSIF place > first_one THEN
                last_one := place - 1;
            ELSE
                GET STACKED DIAGNOSTICS failure.sqlstate = RETURNED_SQLSTATE, failure.fault = CONSTRAINT_NAME,
                    failure.message = MESSAGE_TEXT, failure.detail = PG_EXCEPTION_DETAIL, failure.hint = PG_EXCEPTION_HINT;
                failure.position := place;
                failure.fault := CASE WHEN failure.sqlstate LIKE 'IP%' THEN failure.fault END;
                failure.detail := nullif(failure.detail, '');
                failure.hint := nullif(failure.hint, '');
                RETURN NEXT failure;
                failed := failed + 1;
                first_one := place + 1;
                last_one := least(place + chunk, cardinality(change_list));
            END IF;
        END;
        IF clock_timestamp() >= report_at THEN
            RAISE NOTICE '% of % done, % of them failed', first_one - 1, cardinality(change_list), failed;
            report_at := clock_timestamp() + report_every;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.bulk_update(text, jsonb, boolean, interval) IS
    'makes the changes to the rows of a table, reports progress as NOTICE, and returns a row for each change that failed; the part that all bulk updates share';

CREATE FUNCTION ipam.bulk_update_address_spaces(changes jsonb) RETURNS SETOF ipam.bulk_failure
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM ipam.bulk_update('address_space', changes);
END;
COMMENT ON FUNCTION ipam.bulk_update_address_spaces(jsonb) IS
    'changes address spaces: an array of objects with an id and the columns to change. Returns a row for each one that failed; the others are changed (MS-IPAMM2 3.3.4.1)';

CREATE FUNCTION ipam.bulk_update_ip_blocks(changes jsonb) RETURNS SETOF ipam.bulk_failure
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM ipam.bulk_update('ip_block', changes);
END;
COMMENT ON FUNCTION ipam.bulk_update_ip_blocks(jsonb) IS
    'changes blocks: an array of objects with an id and the columns to change. Returns a row for each one that failed; the others are changed (MS-IPAMM2 3.3.4.2)';

CREATE FUNCTION ipam.bulk_update_ip_subnets(changes jsonb) RETURNS SETOF ipam.bulk_failure
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM ipam.bulk_update('ip_subnet', changes);
END;
COMMENT ON FUNCTION ipam.bulk_update_ip_subnets(jsonb) IS
    'changes subnets: an array of objects with an id and the columns to change. Returns a row for each one that failed; the others are changed (MS-IPAMM2 3.3.4.5)';

CREATE FUNCTION ipam.bulk_update_ip_ranges(changes jsonb, create_subnet_if_missing boolean DEFAULT false) RETURNS SETOF ipam.bulk_failure
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM ipam.bulk_update('ip_range', changes, create_subnet_if_missing);
END;
COMMENT ON FUNCTION ipam.bulk_update_ip_ranges(jsonb, boolean) IS
    'changes ranges: an array of objects with an id and the columns to change; with create_subnet_if_missing a range that moves to where no subnet fits gets one made of its network. Returns a row for each one that failed; the others are changed (MS-IPAMM2 3.3.4.4)';

CREATE FUNCTION ipam.bulk_update_ip_addresses(changes jsonb) RETURNS SETOF ipam.bulk_failure
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM ipam.bulk_update('ip_address', changes);
END;
COMMENT ON FUNCTION ipam.bulk_update_ip_addresses(jsonb) IS
    'changes addresses: an array of objects with an id and the columns to change. Returns a row for each one that failed; the others are changed (MS-IPAMM2 3.3.4.3)';
