-- Objects follow when the custom fields and values that they use are renamed or deleted.
--
-- Statements may rename or delete many rows at once and an object may use several of them, therefore the
-- objects are changed once, at the end of the statement.

CREATE FUNCTION ipam.with_fields_renamed(custom_fields jsonb, renamed jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(jsonb_object_agg(coalesce(renamed ->> e.key, e.key), e.value)
                        FILTER (WHERE renamed -> e.key IS DISTINCT FROM 'null'), '{}')
    FROM jsonb_each(custom_fields) AS e);
COMMENT ON FUNCTION ipam.with_fields_renamed(jsonb, jsonb) IS
    'the custom fields after a rename, given as {"old name": "new name"}; null instead of a new name removes the field';

CREATE FUNCTION ipam.with_values_renamed(custom_fields jsonb, renamed jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(jsonb_object_agg(e.key, coalesce(renamed -> e.key -> (e.value #>> '{}'), e.value))
                        FILTER (WHERE renamed -> e.key -> (e.value #>> '{}') IS DISTINCT FROM 'null'), '{}')
    FROM jsonb_each(custom_fields) AS e);
COMMENT ON FUNCTION ipam.with_values_renamed(jsonb, jsonb) IS
    'the custom fields after a rename, given as {"field": {"old value": "new value"}}; null instead of a new value removes the field';

CREATE FUNCTION ipam.follow_custom_field() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    renamed jsonb;
    names text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(o.name, n.name), array_agg(o.name) INTO renamed, names
        FROM old_rows AS o JOIN new_rows AS n ON n.id = o.id
        WHERE n.name <> o.name;
    ELSE
        SELECT jsonb_object_agg(o.name, NULL::text), array_agg(o.name) INTO renamed, names FROM old_rows AS o;
    END IF;
    IF renamed IS NOT NULL THEN
        UPDATE ipam.address_space AS s SET custom_fields = ipam.with_fields_renamed(s.custom_fields, renamed)
        WHERE s.custom_fields <> '{}' AND s.custom_fields ?| names;
        UPDATE ipam.ip_subnet AS s SET custom_fields = ipam.with_fields_renamed(s.custom_fields, renamed)
        WHERE s.custom_fields <> '{}' AND s.custom_fields ?| names;
        UPDATE ipam.ip_range AS r SET custom_fields = ipam.with_fields_renamed(r.custom_fields, renamed)
        WHERE r.custom_fields <> '{}' AND r.custom_fields ?| names;
        UPDATE ipam.ip_address AS a SET custom_fields = ipam.with_fields_renamed(a.custom_fields, renamed)
        WHERE a.custom_fields <> '{}' AND a.custom_fields ?| names;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.follow_custom_field() IS 'trigger: objects follow when custom fields are renamed or deleted';

CREATE FUNCTION ipam.follow_custom_field_value() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    by_id jsonb;   -- {"10": {"old value": "new value"}}, for columns
    by_name jsonb; -- the same with the field's name, for custom_fields; null: deleted
    uses jsonb[];  -- what the custom_fields of an object contain that is to be changed
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT jsonb_object_agg(f.id, c.renamed), jsonb_object_agg(f.name, c.renamed) INTO by_id, by_name
        FROM (SELECT o.custom_field_id AS field, jsonb_object_agg(o.value, n.value) AS renamed
              FROM old_rows AS o JOIN new_rows AS n ON n.id = o.id
              WHERE n.value <> o.value
              GROUP BY o.custom_field_id) AS c
            JOIN ipam.custom_field AS f ON f.id = c.field;
    ELSE -- where the field itself has been deleted, follow_custom_field() does all
        SELECT jsonb_object_agg(f.name, c.removed) INTO by_name
        FROM (SELECT o.custom_field_id AS field, jsonb_object_agg(o.value, NULL::text) AS removed
              FROM old_rows AS o
              GROUP BY o.custom_field_id) AS c
            JOIN ipam.custom_field AS f ON f.id = c.field;
    END IF;
    IF by_name IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(jsonb_build_object(f.key, v.key)) INTO uses
    FROM jsonb_each(by_name) AS f, jsonb_each(f.value) AS v;

    -- A row that has one of them in a column gets all its changes at once.
    IF by_id ? '1' THEN
        UPDATE ipam.ip_block AS b SET rir = by_id -> '1' ->> b.rir WHERE by_id -> '1' ? b.rir;
    END IF;
    IF by_id ? '17' THEN
        UPDATE ipam.address_space AS s
        SET isolation_method = by_id -> '17' ->> s.isolation_method,
            custom_fields = ipam.with_values_renamed(s.custom_fields, by_name)
        WHERE by_id -> '17' ? s.isolation_method;
        SET CONSTRAINTS ipam.address_space_isolation_method_fkey IMMEDIATE;
    END IF;
    IF by_id ?| '{7,8,9,10}' THEN
        PERFORM ipam.lock_plan(s.id)
        FROM (SELECT DISTINCT r.address_space_id AS id FROM ipam.ip_range AS r
              WHERE by_id -> '8' ? r.managed_by OR by_id -> '9' ? r.managed_by_entity
              ORDER BY 1) AS s;
        -- Addresses first: they come back into their ranges when those follow.
        UPDATE ipam.ip_address AS a
        SET device_type = coalesce(by_id -> '7' ->> a.device_type, a.device_type),
            managed_by = coalesce(by_id -> '8' ->> a.managed_by, a.managed_by),
            managed_by_entity = coalesce(by_id -> '9' ->> a.managed_by_entity, a.managed_by_entity),
            state = coalesce(by_id -> '10' ->> a.state, a.state),
            custom_fields = ipam.with_values_renamed(a.custom_fields, by_name)
        WHERE by_id -> '7' ? a.device_type OR by_id -> '8' ? a.managed_by
           OR by_id -> '9' ? a.managed_by_entity OR by_id -> '10' ? a.state;
        UPDATE ipam.ip_range AS r
        SET managed_by = coalesce(by_id -> '8' ->> r.managed_by, r.managed_by),
            managed_by_entity = coalesce(by_id -> '9' ->> r.managed_by_entity, r.managed_by_entity),
            custom_fields = ipam.with_values_renamed(r.custom_fields, by_name)
        WHERE by_id -> '8' ? r.managed_by OR by_id -> '9' ? r.managed_by_entity;
    END IF;

    UPDATE ipam.address_space AS s SET custom_fields = ipam.with_values_renamed(s.custom_fields, by_name)
    WHERE s.custom_fields <> '{}' AND s.custom_fields @> ANY (uses);
    UPDATE ipam.ip_subnet AS s SET custom_fields = ipam.with_values_renamed(s.custom_fields, by_name)
    WHERE s.custom_fields <> '{}' AND s.custom_fields @> ANY (uses);
    UPDATE ipam.ip_range AS r SET custom_fields = ipam.with_values_renamed(r.custom_fields, by_name)
    WHERE r.custom_fields <> '{}' AND r.custom_fields @> ANY (uses);
    UPDATE ipam.ip_address AS a SET custom_fields = ipam.with_values_renamed(a.custom_fields, by_name)
    WHERE a.custom_fields <> '{}' AND a.custom_fields @> ANY (uses);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.follow_custom_field_value() IS 'trigger: objects follow when values of custom fields are renamed or deleted';

CREATE TRIGGER follow_rename AFTER UPDATE ON ipam.custom_field
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.follow_custom_field();
CREATE TRIGGER follow_delete AFTER DELETE ON ipam.custom_field
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.follow_custom_field();
CREATE TRIGGER follow_rename AFTER UPDATE ON ipam.custom_field_value
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.follow_custom_field_value();
CREATE TRIGGER follow_delete AFTER DELETE ON ipam.custom_field_value
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.follow_custom_field_value();
