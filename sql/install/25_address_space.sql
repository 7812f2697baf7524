-- Address spaces: routing domains in which an address means one thing (MS-IPAMM2 3.1.1.1.33).

CREATE TABLE ipam.address_space (
    id                     bigint GENERATED ALWAYS AS IDENTITY (START WITH 2) PRIMARY KEY,
    name                   text NOT NULL CONSTRAINT address_space_name_key UNIQUE,
    type                   ipam.address_space_type NOT NULL DEFAULT 'Provider',
    is_default             boolean NOT NULL GENERATED ALWAYS AS (id = 1) STORED,
    provider_id            bigint REFERENCES ipam.address_space ON DELETE CASCADE,
    isolation_method       text COLLATE "C",
    isolation_method_field bigint GENERATED ALWAYS AS (17) STORED,
    description            text,
    owner                  text,
    custom_fields          jsonb NOT NULL DEFAULT '{}',
    created_at             timestamptz NOT NULL DEFAULT now(),
    modified_at            timestamptz NOT NULL DEFAULT now(),

    -- Also lets pg_dump save the custom fields, which the other columns need, before the address spaces.
    CONSTRAINT address_space_isolation_method_fkey FOREIGN KEY (isolation_method_field, isolation_method)
        REFERENCES ipam.custom_field_value (custom_field_id, value) DEFERRABLE, -- while a value is renamed
    CONSTRAINT address_space_name_given CHECK (name ~ E'\\S'
        OR ipam.raise_fault('IpamApiAddressSpaceNameNotSpecified', 'an address space needs a name', 'The name is blank.')),
    CONSTRAINT address_space_name_length CHECK (length(name) <= 1000
        OR ipam.raise_fault('IpamApiAddressSpaceNameStringLengthNotAcceptable', 'the name of the address space is too long',
               format('It has %s characters; 1000 are possible.', length(name)))),
    CONSTRAINT address_space_description_length CHECK (description IS NULL OR length(description) <= 4000
        OR ipam.raise_fault('IpamApiInvalidDescription', format('the description of address space "%s" is too long', name),
               format('It has %s characters; 4000 are possible.', length(description)))),
    CONSTRAINT address_space_owner_length CHECK (owner IS NULL OR length(owner) <= 1000
        OR ipam.raise_fault('IpamApiAddressSpaceOwnerStringLengthNotAcceptable', format('the owner of address space "%s" is too long', name),
               format('It has %s characters; 1000 are possible.', length(owner)))),
    CONSTRAINT address_space_provider CHECK ((type = 'Customer') = (provider_id IS NOT NULL)
        OR ipam.raise_fault('IpamApiInvalidProviderAddressSpace',
               CASE type WHEN 'Customer' THEN format('customer address space "%s" needs a provider address space', name)
                         ELSE format('provider address space "%s" cannot lie on another one', name) END,
               'A customer address space lies on exactly one provider address space.',
               CASE type WHEN 'Customer' THEN 'Set provider_id; 1 is the default address space.'
                         ELSE 'Leave provider_id out, or make it a Customer space.' END)),
    CONSTRAINT address_space_isolation_method CHECK ((type = 'Customer') = (isolation_method IS NOT NULL)
        OR ipam.raise_fault('IpamApiIsolationMethodNotSpecified',
               CASE type WHEN 'Customer' THEN format('customer address space "%s" needs an isolation method', name)
                         ELSE format('provider address space "%s" has no isolation method', name) END,
               'The isolation method tells how customers on one provider network are kept apart.',
               CASE type WHEN 'Customer' THEN 'Set isolation_method to NVGRE, VLAN, VXLAN, IPRewrite or a value of your own.'
                         ELSE 'Leave isolation_method out.' END)),
    CONSTRAINT address_space_isolation_method_known CHECK (isolation_method IS NULL
        OR isolation_method IN ('NVGRE', 'VLAN', 'VXLAN', 'IPRewrite') OR ipam.check_custom_field_value(17, isolation_method)),
    CONSTRAINT address_space_custom_fields CHECK (custom_fields = '{}' OR ipam.check_custom_fields(custom_fields))
);
COMMENT ON TABLE ipam.address_space IS 'routing domains: the default one, further provider networks and customer networks on top of them';
COMMENT ON COLUMN ipam.address_space.id IS 'id; 1 is the default address space';
COMMENT ON COLUMN ipam.address_space.name IS 'unique name, at most 1000 characters';
COMMENT ON COLUMN ipam.address_space.type IS 'Provider or Customer; cannot be changed';
COMMENT ON COLUMN ipam.address_space.is_default IS 'whether it is the built-in space where everything not virtualized lives';
COMMENT ON COLUMN ipam.address_space.provider_id IS 'the provider space under a customer space; the customer space goes when it goes';
COMMENT ON COLUMN ipam.address_space.isolation_method IS 'how customers are kept apart: a value of custom field 17; customer spaces only';
COMMENT ON COLUMN ipam.address_space.isolation_method_field IS 'always 17: lets a foreign key check isolation_method';
COMMENT ON COLUMN ipam.address_space.description IS 'at most 4000 characters';
COMMENT ON COLUMN ipam.address_space.owner IS 'at most 1000 characters';
COMMENT ON COLUMN ipam.address_space.custom_fields IS 'values of custom fields by name';
COMMENT ON COLUMN ipam.address_space.created_at IS 'time of creation';
COMMENT ON COLUMN ipam.address_space.modified_at IS 'time of the last change by a user';

CREATE INDEX address_space_provider_id_idx ON ipam.address_space (provider_id);
COMMENT ON INDEX ipam.address_space_provider_id_idx IS 'customer spaces of a provider space';

CREATE FUNCTION ipam.check_address_space() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        refused := ipam.raise_fault('IpamApiDefaultProviderAddressSpaceCannotBeDeleted',
            format('address space "%s" cannot be deleted', OLD.name), 'It is the default address space.');
    ELSIF TG_OP = 'UPDATE' AND OLD.id = 1 THEN
        refused := ipam.raise_fault('IpamApiDefaultProviderAddressSpaceCannotBeModified',
            format('address space "%s" cannot be changed', OLD.name), 'It is the default address space.',
            'Make an address space of your own: INSERT INTO ipam.address_space (name) VALUES (...).');
    ELSIF TG_OP = 'UPDATE' AND NEW.type <> OLD.type THEN
        refused := ipam.raise_fault('IpamApiAddressSpaceTypeCanNotBeChanged',
            format('address space "%s" stays a %s space', OLD.name, OLD.type),
            'The type of an address space cannot be changed.', 'Make a new address space and move the subnets there.');
    END IF;
    IF NEW.provider_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM ipam.address_space WHERE id = NEW.provider_id AND type = 'Provider') THEN
        refused := ipam.raise_fault('IpamApiInvalidProviderAddressSpace',
            format('address space "%s" cannot lie on address space %s', NEW.name, NEW.provider_id),
            'It does not exist or is not of type Provider.', 'Set provider_id to a provider space; 1 is the default one.');
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.check_address_space() IS 'trigger: protects the default address space, the type, and that customers lie on providers';

CREATE TRIGGER check_address_space BEFORE INSERT OR UPDATE ON ipam.address_space
    FOR EACH ROW EXECUTE FUNCTION ipam.check_address_space();
CREATE TRIGGER protect_default_address_space BEFORE DELETE ON ipam.address_space
    FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION ipam.check_address_space();
CREATE TRIGGER touch_modified_at BEFORE UPDATE ON ipam.address_space
    FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();

CREATE FUNCTION ipam.address_space_type(address_space_id bigint) RETURNS ipam.address_space_type
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    found ipam.address_space_type;
BEGIN
    SELECT s.type INTO found FROM ipam.address_space AS s WHERE s.id = address_space_type.address_space_id;
    IF found IS NULL AND address_space_id IS NULL THEN
        RETURN NULL;
    ELSIF found IS NULL AND NOT EXISTS (SELECT FROM ipam.address_space WHERE id = 1) THEN
        IF row_security_active('ipam.address_space') THEN
            RAISE insufficient_privilege USING MESSAGE = format('role "%s" cannot see address space %s', current_user, address_space_id),
                DETAIL = 'Row level security of ipam.address_space hides the default one, too.',
                HINT = 'Who writes addresses sees their address space; who changes the plan sees all rows: grant BYPASSRLS, or use another role.';
        END IF;
        refused := ipam.raise_fault('IpamApiCallsAreNotAllowedUntilProvisioningIsDone', 'the store has not been provisioned',
            'There is no default address space yet.', 'CALL ipam.provision() makes it.');
    ELSIF found IS NULL THEN
        refused := ipam.raise_fault('IpamApiInvalidAddressSpace', format('there is no address space %s', address_space_id), NULL,
            'SELECT id, name FROM ipam.address_space lists them.');
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION ipam.address_space_type(bigint) IS 'type of the address space, or a fault where there is none; NULL for NULL';

-- Fabric belongs to provider, Virtual to customer, NonVirtualized to the default address space (C54).
CREATE FUNCTION ipam.fitting_virtualization_type(address_space_id bigint, given ipam.virtualization_type)
RETURNS ipam.virtualization_type
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    space_type CONSTANT ipam.address_space_type := ipam.address_space_type(address_space_id);
    natural_type CONSTANT ipam.virtualization_type :=
        CASE WHEN address_space_id = 1 THEN 'NonVirtualized'::ipam.virtualization_type
             WHEN space_type = 'Customer' THEN 'Virtual' ELSE 'Fabric' END;
BEGIN
    IF space_type IS NULL THEN
        RETURN NULL; -- the column that must not be null has the words for it
    ELSIF given IS NULL OR given = natural_type OR (given = 'Fabric' AND space_type = 'Provider') THEN
        RETURN coalesce(given, natural_type);
    END IF;
    refused := ipam.raise_fault('IpamApiInvalidVirtualizationType',
        format('virtualization type %s does not fit address space %s', given, address_space_id),
        'Virtual belongs to customer spaces, Fabric to provider spaces, NonVirtualized to the default address space.',
        format('Use %s, or leave it out.', natural_type));
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.fitting_virtualization_type(bigint, ipam.virtualization_type) IS
    'the given virtualization type, or the natural one of the address space where none is given; a fault where it does not fit';

-- Whoever changes blocks, subnets or ranges of an address space does so alone: the parents that the
-- triggers work out depend on all of them. The lock is a row that each such transaction changes, so
-- that READ COMMITTED waits and the higher isolation levels end in a serialization failure.
CREATE TABLE ipam.plan_lock (
    address_space_id bigint PRIMARY KEY REFERENCES ipam.address_space ON DELETE CASCADE,
    locked_by        xid8 NOT NULL
);
COMMENT ON TABLE ipam.plan_lock IS 'one row for each address space whose blocks, subnets or ranges have been changed; derived, not dumped';
COMMENT ON COLUMN ipam.plan_lock.address_space_id IS 'the address space';
COMMENT ON COLUMN ipam.plan_lock.locked_by IS 'the last transaction that changed it';

CREATE FUNCTION ipam.lock_plan(address_space_id bigint) RETURNS void
LANGUAGE C VOLATILE
AS 'MODULE_PATHNAME', 'ipam_lock_plan';
COMMENT ON FUNCTION ipam.lock_plan(bigint) IS
    'waits until no other transaction is changing blocks, subnets or ranges of the address space, and keeps others out until the end of this one';
