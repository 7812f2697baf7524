-- Custom fields in use: what protects their definitions, and how renames and deletions follow into the
-- objects (MS-IPAMM2 3.3.4.23, 3.3.4.128, 3.3.4.147).
--
-- An object locks the users' fields and values that it takes (20_custom_field.sql). A rename or deletion
-- changes the same row: it waits for those objects, then sees and changes them all; objects that come
-- later wait for it and find the old name gone. Statements may rename or delete many rows at once and an
-- object may use several of them, therefore the objects are changed once, at the end of the statement.

-- The definitions

CREATE FUNCTION ipam.require_read_committed() RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = format('custom fields cannot be renamed or deleted in a %s transaction', current_setting('transaction_isolation')),
            DETAIL = 'Objects that others have given a value since the transaction began would be overlooked.',
            HINT = 'Use a transaction of its own: BEGIN ISOLATION LEVEL READ COMMITTED.';
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.require_read_committed() IS 'an error in a transaction that cannot see what others have committed since it began';

CREATE FUNCTION ipam.limit_custom_fields() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    fields bigint;
BEGIN
    -- One after the other: whoever waited here counts what the one before has committed, or fails to
    -- serialize. A store without this row has not been provisioned, or is just being restored.
    UPDATE ipam.custom_field SET type = type WHERE id = 1;
    SELECT count(*) INTO fields FROM ipam.custom_field WHERE origin = 'External';
    IF fields > 128 THEN
        refused := ipam.raise_fault('IpamApiMaxCustomFieldsReached', 'there are too many custom fields',
            format('With the new ones there would be %s; 128 are possible besides the built-in fields.', fields),
            'Delete fields that are no longer in use.');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.limit_custom_fields() IS 'trigger: at most 128 custom fields are user-defined';

CREATE FUNCTION ipam.protect_custom_field() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    logical_groups text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.origin <> OLD.origin THEN
            refused := ipam.raise_fault('IpamApInvalidUpdateOriginModified',
                format('custom field "%s" stays %s', OLD.name, OLD.origin),
                'The origin of a custom field cannot be changed.');
        ELSIF NEW.type <> OLD.type THEN
            refused := ipam.raise_fault('IpamApInvalidUpdateTypeModified', format('custom field "%s" stays %s', OLD.name, OLD.type),
                'The type of a custom field cannot be changed.', 'Make a new field.');
        ELSIF OLD.origin = 'BuiltIn'
              AND (NEW.id, NEW.name, NEW.built_in_number) IS DISTINCT FROM (OLD.id, OLD.name, OLD.built_in_number) THEN
            refused := ipam.raise_fault('IpamApiCustomFieldInvalidBuiltInUpdate',
                format('custom field "%s" keeps its name and number', OLD.name),
                'It is built in; values can be added to it.');
        ELSIF NEW.id <> OLD.id THEN
            refused := ipam.raise_fault('IpamApiInvalidUpdate', format('custom field "%s" keeps its id', OLD.name));
        ELSIF NEW.name <> OLD.name THEN
            PERFORM ipam.require_read_committed();
        END IF;
        RETURN NEW;
    END IF;

    IF OLD.origin = 'BuiltIn' THEN
        refused := ipam.raise_fault('IpamApiCannotDeleteBuiltInField', format('custom field "%s" cannot be deleted', OLD.name),
            'It is built in.');
    END IF;
    PERFORM ipam.require_read_committed();
    SELECT string_agg(format('"%s"', g.name), ', ' ORDER BY g.id) INTO logical_groups
    FROM ipam.logical_group_field AS l JOIN ipam.logical_group AS g ON g.id = l.logical_group_id
    WHERE l.custom_field_id = OLD.id;
    IF logical_groups IS NOT NULL THEN
        refused := ipam.raise_fault('IpamDeleteFailedDueToReferences', format('custom field "%s" cannot be deleted', OLD.name),
            format('It is a level of logical groups: %s.', logical_groups), 'Delete its rows of ipam.logical_group_field first.');
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ipam.protect_custom_field() IS 'trigger: built-in fields and fields of logical groups stay, origins and types do not change';

CREATE FUNCTION ipam.protect_custom_field_value() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    field ipam.custom_field;
    users text;
BEGIN
    -- The field keeps its name until the objects have followed.
    SELECT f.* INTO field FROM ipam.custom_field AS f
    WHERE f.id = coalesce(OLD.custom_field_id, NEW.custom_field_id)
    FOR KEY SHARE;
    IF TG_OP = 'INSERT' THEN
        IF field.type = 'Freeform' THEN
            refused := ipam.raise_fault('IpamApiValueSpecifiedForFreeformCustomField',
                format('custom field "%s" has no list of values', field.name),
                'It is Freeform: objects can have any text in it.', 'Leave the value out, or make a Multivalued field.');
        END IF;
        RETURN NEW;
    END IF;

    IF OLD.built_in_value_number IS NOT NULL AND NEW IS DISTINCT FROM OLD THEN
        refused := ipam.raise_fault('IpamApiCannotUpdateOrDeleteBuiltInValues',
            format('value "%s" of custom field "%s" cannot be changed or deleted', OLD.value, field.name), 'It is built in.');
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.custom_field_id) <> (OLD.id, OLD.custom_field_id) OR NEW.built_in_value_number IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiInvalidUpdate',
                format('value "%s" stays a value of custom field "%s"', OLD.value, field.name),
                'Only its text can be changed.');
        ELSIF NEW.value <> OLD.value THEN
            PERFORM ipam.require_read_committed();
            IF OLD.custom_field_id = 17 THEN
                SET CONSTRAINTS ipam.address_space_isolation_method_fkey DEFERRED; -- until follow_custom_field_value()
            END IF;
        END IF;
        RETURN NEW;
    END IF;

    PERFORM ipam.require_read_committed();
    SELECT string_agg(format('%s of ipam.%s', u.used, u.used_by), ', ') INTO users
    FROM (SELECT 'address_space' AS used_by, count(*) AS used FROM ipam.address_space
          WHERE OLD.custom_field_id = 17 AND isolation_method = OLD.value
          UNION ALL
          SELECT 'ip_block', count(*) FROM ipam.ip_block
          WHERE OLD.custom_field_id = 1 AND rir = OLD.value
          UNION ALL
          SELECT 'ip_range', count(*) FROM ipam.ip_range
          WHERE OLD.custom_field_id IN (8, 9)
            AND OLD.value = CASE OLD.custom_field_id WHEN 8 THEN managed_by ELSE managed_by_entity END
          UNION ALL
          SELECT 'ip_address', count(*) FROM ipam.ip_address
          WHERE OLD.custom_field_id IN (7, 8, 9, 10)
            AND OLD.value = CASE OLD.custom_field_id WHEN 7 THEN device_type WHEN 8 THEN managed_by
                                                     WHEN 9 THEN managed_by_entity ELSE state END
         ) AS u
    WHERE u.used > 0;
    IF users IS NOT NULL THEN
        refused := ipam.raise_fault('IpamDeleteFailedDueToReferences',
            format('value "%s" of custom field "%s" cannot be deleted', OLD.value, field.name),
            format('Rows that have it: %s.', users), 'Give them another value first.');
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ipam.protect_custom_field_value() IS
    'trigger: freeform fields have no values, built-in values and values that a column of an object has stay';

CREATE TRIGGER limit_custom_fields AFTER INSERT ON ipam.custom_field
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.limit_custom_fields();
CREATE TRIGGER protect_custom_field BEFORE UPDATE OR DELETE ON ipam.custom_field
    FOR EACH ROW EXECUTE FUNCTION ipam.protect_custom_field();
CREATE TRIGGER protect_custom_field_value BEFORE INSERT OR UPDATE OR DELETE ON ipam.custom_field_value
    FOR EACH ROW EXECUTE FUNCTION ipam.protect_custom_field_value();

-- The objects

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
