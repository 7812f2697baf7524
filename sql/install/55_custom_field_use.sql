-- Custom fields in use: what protects their definitions (MS-IPAMM2 3.3.4.23, 3.3.4.128, 3.3.4.147).
--
-- An object locks the users' fields and values that it takes (20_custom_field.sql). A rename or deletion
-- changes the same row: it waits for those objects, then sees and changes them all; objects that come
-- later wait for it and find the old name gone. How the objects follow: 56_custom_field_follow.sql.

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

-- A trigger of its own and no call in those below: they run with the rights of the writer, who needs none to
-- execute a trigger. The groups of a store of version 1.0 have no right on what is new.
CREATE FUNCTION ipam.require_sight() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_require_sight';
COMMENT ON FUNCTION ipam.require_sight() IS
    'trigger with what the caller is about to do: an error where row level security could hide objects from him that this is about';

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
        ELSIF NEW.built_in_value_number IS NOT NULL AND NOT EXISTS (
            -- Provisioning has taken every number of the list. A dump of an older version has other names, but no other numbers.
            SELECT FROM ipam.built_in_custom_fields() AS b
            WHERE b.number = NEW.custom_field_id AND NEW.built_in_value_number BETWEEN 1 AND cardinality(b.built_in_values)) THEN
            refused := ipam.raise_fault('IpamApiCannotAddBuiltInField', format('value "%s" cannot be built in', NEW.value),
                'The built-in values are made by provisioning and belong to built-in fields.', 'Leave built_in_value_number out.');
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
    'trigger: freeform fields have no values, nobody adds built-in values, and these and values that a column of an object has stay';

CREATE TRIGGER limit_custom_fields AFTER INSERT ON ipam.custom_field
    FOR EACH STATEMENT EXECUTE FUNCTION ipam.limit_custom_fields();
CREATE TRIGGER protect_custom_field BEFORE UPDATE OR DELETE ON ipam.custom_field
    FOR EACH ROW EXECUTE FUNCTION ipam.protect_custom_field();
CREATE TRIGGER protect_custom_field_value BEFORE INSERT OR UPDATE OR DELETE ON ipam.custom_field_value
    FOR EACH ROW EXECUTE FUNCTION ipam.protect_custom_field_value();
-- After those above, which refuse what nobody may do.
CREATE TRIGGER require_sight_on_rename BEFORE UPDATE ON ipam.custom_field
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION ipam.require_sight('rename custom fields');
CREATE TRIGGER require_sight_on_delete BEFORE DELETE ON ipam.custom_field
    FOR EACH ROW EXECUTE FUNCTION ipam.require_sight('delete custom fields');
CREATE TRIGGER require_sight_on_rename BEFORE UPDATE ON ipam.custom_field_value
    FOR EACH ROW WHEN (OLD.value IS DISTINCT FROM NEW.value) EXECUTE FUNCTION ipam.require_sight('rename values of custom fields');
CREATE TRIGGER require_sight_on_delete BEFORE DELETE ON ipam.custom_field_value
    FOR EACH ROW EXECUTE FUNCTION ipam.require_sight('delete values of custom fields');
