-- Custom fields: 18 built-in ones and up to 128 of the users' (MS-IPAMM2 3.1.1.1.14, 3.1.1.1.15).
-- Objects carry their values in a column custom_fields, an object of field name and value.

CREATE TABLE ipam.custom_field (
    id              bigint GENERATED ALWAYS AS IDENTITY (START WITH 101) PRIMARY KEY,
    name            text NOT NULL CONSTRAINT custom_field_name_key UNIQUE,
    type            ipam.custom_field_type NOT NULL DEFAULT 'Freeform',
    origin          ipam.custom_field_origin NOT NULL DEFAULT 'External',
    built_in_number integer CONSTRAINT custom_field_built_in_number_key UNIQUE,

    CONSTRAINT custom_field_name_length CHECK (length(name) BETWEEN 2 AND 255
        OR ipam.raise_fault('IpamApiStringLengthNotAcceptable', format('a custom field cannot be called "%s"', left(name, 300)),
               format('The name has %s characters; 2 to 255 are possible.', length(name)))),
    CONSTRAINT custom_field_name_free CHECK (
        built_in_number IS NOT NULL -- six of them are columns
        OR lower(replace(name, ' ', '_')) NOT IN ('id', 'custom_fields', 'address_space', 'provider', 'name', 'type', 'isolation_method',
            'network', 'start_address', 'end_address', 'address', 'rir', 'rir_received_on', 'use_for_utilization', 'virtualization_type',
            'vlan_ids', 'virtual_subnet_id', 'managed_by', 'managed_by_entity', 'address_assignment', 'reserved_addresses',
            'virtual_addresses', 'excluded_addresses', 'dhcp_scope_name', 'gateways', 'dns_servers', 'wins_servers', 'dns_suffixes',
            'connection_specific_dns_suffix', 'utilization_calculation', 'utilized_addresses', 'state', 'device_type', 'mac_address',
            'device_name', 'serial_number', 'asset_tag', 'os_name', 'os_version', 'notes', 'assigned_at', 'expires_at',
            'reservation_type', 'client_id', 'duid', 'iaid', 'created_from_dns', 'allocation_token', 'quarantine', 'description', 'owner')
        OR ipam.raise_fault('IpamApiNameCollidesWithBuiltInImportableColumnName',
               format('a custom field cannot be called "%s"', name), 'A column of the address plan has this name: a file could not have both.',
               'Choose another name.')),
    -- Built-in fields have their number as id, so that a rule can name a field.
    CONSTRAINT custom_field_built_in CHECK (
        CASE origin WHEN 'BuiltIn' THEN coalesce(built_in_number BETWEEN 1 AND 18 AND id = built_in_number AND type = 'Multivalued', false)
                    ELSE built_in_number IS NULL AND id > 100 END
        OR ipam.raise_fault('IpamApiCannotAddBuiltInField', format('custom field "%s" cannot be built in', name),
               'The built-in fields are made by provisioning.', 'Leave origin and built_in_number out.'))
);
COMMENT ON TABLE ipam.custom_field IS 'fields that describe objects of the plan: the built-in ones and those of the users';
COMMENT ON COLUMN ipam.custom_field.id IS 'id; of a built-in field its number';
COMMENT ON COLUMN ipam.custom_field.name IS 'name, 2 to 255 characters; the key in custom_fields of the objects';
COMMENT ON COLUMN ipam.custom_field.type IS 'Freeform: any text; Multivalued: one value of custom_field_value';
COMMENT ON COLUMN ipam.custom_field.origin IS 'BuiltIn or External (user-defined)';
COMMENT ON COLUMN ipam.custom_field.built_in_number IS 'number of a built-in field, 1 to 18';

CREATE TABLE ipam.custom_field_value (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    custom_field_id       bigint NOT NULL REFERENCES ipam.custom_field ON DELETE CASCADE,
    value                 text NOT NULL COLLATE "C",
    built_in_value_number integer,

    CONSTRAINT custom_field_value_key UNIQUE (custom_field_id, value),
    CONSTRAINT custom_field_value_number_key UNIQUE (custom_field_id, built_in_value_number),
    CONSTRAINT custom_field_value_length CHECK (length(value) BETWEEN 1 AND 256
        OR ipam.raise_fault('IpamApiStringLengthNotAcceptable', format('value "%s" is not possible', left(value, 300)),
               format('The value has %s characters; 1 to 256 are possible.', length(value))))
);
COMMENT ON TABLE ipam.custom_field_value IS 'values that a multivalued field can have';
COMMENT ON COLUMN ipam.custom_field_value.id IS 'id';
COMMENT ON COLUMN ipam.custom_field_value.custom_field_id IS 'the field';
COMMENT ON COLUMN ipam.custom_field_value.value IS 'the value, at most 256 characters, compared as written';
COMMENT ON COLUMN ipam.custom_field_value.built_in_value_number IS 'number of a built-in value; NULL: added by a user';

CREATE FUNCTION ipam.is_custom_field_value(custom_field_id bigint, value text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM ipam.custom_field_value AS v
    WHERE v.custom_field_id = is_custom_field_value.custom_field_id
      AND v.value = is_custom_field_value.value COLLATE "C");
COMMENT ON FUNCTION ipam.is_custom_field_value(bigint, text) IS 'whether the value is in the list of the multivalued field';

-- An object holds what it uses of the users' own fields and values until its transaction ends, as a
-- foreign key would: 55_custom_field_use.sql has the other side. Built-in ones do not change and need
-- no lock. The lock asks for the UPDATE privilege on a column.
CREATE FUNCTION ipam.hold_custom_field_value(custom_field_id bigint, value text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ipam.custom_field_value AS v
        WHERE v.custom_field_id = hold_custom_field_value.custom_field_id
          AND v.value = hold_custom_field_value.value COLLATE "C"
          AND v.built_in_value_number IS NOT NULL)
    THEN
        RETURN true;
    END IF;
    RETURN EXISTS (
        SELECT FROM ipam.custom_field_value AS v
        WHERE v.custom_field_id = hold_custom_field_value.custom_field_id
          AND v.value = hold_custom_field_value.value COLLATE "C"
        FOR KEY SHARE);
END
$$;
COMMENT ON FUNCTION ipam.hold_custom_field_value(bigint, text) IS
    'whether the value is in the list of the multivalued field, where it then stays as it is until the end of the transaction';

CREATE FUNCTION ipam.hold_custom_field(custom_field_id bigint, name text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM ipam.custom_field AS f
        WHERE f.id = custom_field_id AND f.name = hold_custom_field.name
        FOR KEY SHARE);
END
$$;
COMMENT ON FUNCTION ipam.hold_custom_field(bigint, text) IS
    'whether the field has this name, which it then keeps until the end of the transaction';

-- A row that a restore by several jobs or logical replication brings was checked where it comes from,
-- and may come before the field's values.
CREATE FUNCTION ipam.is_checked_elsewhere() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN current_setting('session_replication_role') = 'replica';
COMMENT ON FUNCTION ipam.is_checked_elsewhere() IS 'whether rows are being written that another server or an earlier session has checked';

-- 3.1.4.6: the values that an object carries.
CREATE FUNCTION ipam.check_custom_fields(custom_fields jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    given record;
BEGIN
    IF ipam.is_checked_elsewhere() THEN
        RETURN true;
    ELSIF jsonb_typeof(custom_fields) <> 'object' THEN
        refused := ipam.raise_fault('IpamApiValidationFailure', 'custom fields are a JSON object of field name and value',
            format('Given is %s: %s.', jsonb_typeof(custom_fields), left(custom_fields::text, 200)),
            'Write for example {"Country/Region": "Germany"}.');
    END IF;
    FOR given IN
        SELECT e.key, e.value, e.value #>> '{}' AS text, f.id, f.type, f.origin
        FROM jsonb_each(custom_fields) AS e LEFT JOIN ipam.custom_field AS f ON f.name = e.key
        ORDER BY e.key
    LOOP
        IF given.id IS NULL OR (given.origin = 'External' AND NOT ipam.hold_custom_field(given.id, given.key)) THEN
            refused := ipam.raise_fault('IpamApiValidationFailure', format('there is no custom field "%s"', given.key), NULL,
                'Field names are compared as written; SELECT name FROM ipam.custom_field lists them.');
        ELSIF given.id IN (1, 7, 8, 9, 10, 17) THEN
            refused := ipam.raise_fault('IpamApiValidationFailure', format('custom field "%s" is a column of its own', given.key),
                'RIR, device type, managed by, managed by entity, IP address state and isolation method are columns of the tables that have them.',
                'Set the column instead.');
        ELSIF jsonb_typeof(given.value) <> 'string' THEN
            refused := ipam.raise_fault('IpamApiCustomFieldValueCannotBeNull',
                format('the value of custom field "%s" is not a text', given.key),
                format('Given is %s.', jsonb_typeof(given.value)), 'Leave the field out to have no value.');
        ELSIF length(given.text) > 256 THEN
            refused := ipam.raise_fault('IpamApiStringLengthNotAcceptable', format('the value of custom field "%s" is too long', given.key),
                format('It has %s characters; 256 are possible.', length(given.text)));
        ELSIF given.type = 'Multivalued' AND NOT ipam.hold_custom_field_value(given.id, given.text) THEN
            refused := ipam.check_custom_field_value(given.id, given.text);
        END IF;
    END LOOP;
    RETURN true;
END
$$;
COMMENT ON FUNCTION ipam.check_custom_fields(jsonb) IS 'true, or a fault that names the first wrong field or value (MS-IPAMM2 3.1.4.6)';

-- Values that stand in columns of their own (managed by, device type, ...) are checked the same way.
CREATE FUNCTION ipam.check_custom_field_value(custom_field_id bigint, value text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    field text;
    alike text;
BEGIN
    IF ipam.is_checked_elsewhere() OR ipam.hold_custom_field_value(custom_field_id, value) THEN
        RETURN true;
    END IF;
    SELECT f.name INTO field FROM ipam.custom_field AS f WHERE f.id = custom_field_id;
    IF field IS NULL THEN
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilProvisioningIsDone', 'the store has not been provisioned',
            format('There is no custom field %s yet.', custom_field_id), 'CALL ipam.provision() makes it.');
    END IF;
    SELECT v.value INTO alike FROM ipam.custom_field_value AS v
    WHERE v.custom_field_id = check_custom_field_value.custom_field_id AND lower(v.value) = lower(check_custom_field_value.value) LIMIT 1;
    RETURN ipam.raise_fault('IpamApiCustomFieldValueForMultiValueCustomFieldDoesntExist',
        format('custom field "%s" has no value "%s"', field, value), 'It has the value "' || alike || '".',
        CASE WHEN alike IS NULL THEN 'Add it: ' ELSE 'Write it like that, or add yours: ' END || format('INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (%s, %L).', custom_field_id, value));
END
$$;
COMMENT ON FUNCTION ipam.check_custom_field_value(bigint, text) IS 'true, or a fault where the field''s list does not have the value';
