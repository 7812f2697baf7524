-- Logical groups: an ordered list of multivalued fields arranges objects into a tree, a level for
-- each field (MS-IPAMM2 3.1.1.1.16).

CREATE TABLE ipam.logical_group (
    id              bigint GENERATED ALWAYS AS IDENTITY (START WITH 101) PRIMARY KEY,
    name            text NOT NULL,
    users           ipam.logical_group_users NOT NULL DEFAULT 'IPAddressSpaceManagement',
    origin          ipam.custom_field_origin NOT NULL DEFAULT 'External',
    built_in_number integer CONSTRAINT logical_group_built_in_number_key UNIQUE,

    CONSTRAINT logical_group_name_length CHECK (length(name) BETWEEN 2 AND 50
        OR ipam.raise_fault('IpamApiStringLengthNotAcceptable', format('a logical group cannot be called "%s"', left(name, 100)),
               format('The name has %s characters; 2 to 50 are possible.', length(name)))),
    -- Built-in groups have their number as id, as built-in fields do.
    CONSTRAINT logical_group_built_in CHECK (
        CASE origin WHEN 'BuiltIn' THEN coalesce(built_in_number BETWEEN 1 AND 3 AND id = built_in_number, false)
                    ELSE built_in_number IS NULL AND id > 100 END
        OR ipam.raise_fault('IpamApiCannotAddBuiltInField', format('logical group "%s" cannot be built in', name),
               'The built-in groups are made by provisioning.', 'Leave origin and built_in_number out.'))
);
COMMENT ON TABLE ipam.logical_group IS 'arrangements of objects by the values of custom fields: the built-in ones and those of the users';
COMMENT ON COLUMN ipam.logical_group.id IS 'id; of a built-in group its number';
COMMENT ON COLUMN ipam.logical_group.name IS 'name, 2 to 50 characters';
COMMENT ON COLUMN ipam.logical_group.users IS 'functional area that the group belongs to';
COMMENT ON COLUMN ipam.logical_group.origin IS 'BuiltIn or External (user-defined)';
COMMENT ON COLUMN ipam.logical_group.built_in_number IS 'number of a built-in group, 1 to 3';

CREATE TABLE ipam.logical_group_field (
    logical_group_id bigint NOT NULL REFERENCES ipam.logical_group ON DELETE CASCADE,
    position         integer NOT NULL,
    custom_field_id  bigint NOT NULL REFERENCES ipam.custom_field,

    PRIMARY KEY (logical_group_id, position),
    CONSTRAINT logical_group_field_key UNIQUE (logical_group_id, custom_field_id),
    CONSTRAINT logical_group_field_position CHECK (position >= 1
        OR ipam.raise_fault('IpamApiInvalidParameter', format('a field of a logical group cannot have position %s', position),
               'Positions are 1 or more; the lowest one is the top level.'))
);
COMMENT ON TABLE ipam.logical_group_field IS 'the fields of a logical group, from the top level down';
COMMENT ON COLUMN ipam.logical_group_field.logical_group_id IS 'the group';
COMMENT ON COLUMN ipam.logical_group_field.position IS 'level in the group; gaps are possible';
COMMENT ON COLUMN ipam.logical_group_field.custom_field_id IS 'the field, which is Multivalued; once in a group';

CREATE INDEX logical_group_field_custom_field_id_idx ON ipam.logical_group_field (custom_field_id);
COMMENT ON INDEX ipam.logical_group_field_custom_field_id_idx IS 'groups that use a field';

CREATE FUNCTION ipam.protect_logical_group() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.origin = 'BuiltIn' THEN
            refused := ipam.raise_fault('IpamApiCannotDeleteBuiltInField', format('logical group "%s" cannot be deleted', OLD.name),
                'It is built in.');
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.origin <> OLD.origin THEN
        refused := ipam.raise_fault('IpamApInvalidUpdateOriginModified', format('logical group "%s" stays %s', OLD.name, OLD.origin),
            'The origin of a logical group cannot be changed.');
    ELSIF OLD.origin = 'BuiltIn' AND (NEW.name, NEW.built_in_number) IS DISTINCT FROM (OLD.name, OLD.built_in_number) THEN
        refused := ipam.raise_fault('IpamApiLogicalFieldInvalidBuiltInUpdate',
            format('logical group "%s" keeps its name and number', OLD.name), 'It is built in; its fields can be changed.',
            'Make a group of your own: INSERT INTO ipam.logical_group (name) VALUES (...).');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.protect_logical_group() IS 'trigger: built-in groups stay, and origins do not change';

CREATE TRIGGER protect_logical_group BEFORE UPDATE OR DELETE ON ipam.logical_group
    FOR EACH ROW EXECUTE FUNCTION ipam.protect_logical_group();

CREATE FUNCTION ipam.check_logical_group_field() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    freeform text;
BEGIN
    SELECT f.name INTO freeform FROM ipam.custom_field AS f WHERE f.id = NEW.custom_field_id AND f.type = 'Freeform';
    IF FOUND THEN
        refused := ipam.raise_fault('IpamApiLogicalGroupCannotContainFreeformCustomFields',
            format('custom field "%s" cannot be part of a logical group', freeform),
            'It is Freeform; the levels of a group are lists of values.', 'Use a Multivalued field.');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.check_logical_group_field() IS 'trigger: logical groups are made of multivalued fields';

CREATE TRIGGER check_logical_group_field BEFORE INSERT OR UPDATE OF custom_field_id ON ipam.logical_group_field
    FOR EACH ROW EXECUTE FUNCTION ipam.check_logical_group_field();
