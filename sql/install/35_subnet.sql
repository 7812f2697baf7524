-- Subnets: networks of an address space (MS-IPAMM2 3.1.1.1.34).

CREATE TABLE ipam.ip_subnet (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address_space_id    bigint NOT NULL DEFAULT 1 REFERENCES ipam.address_space,
    network             cidr NOT NULL,
    name                text NOT NULL,
    extent              ipam.inetrange NOT NULL GENERATED ALWAYS AS (ipam.network_range(network)) STORED,
    address_category    ipam.address_category GENERATED ALWAYS AS (ipam.address_category(network, broadcast(network))) STORED,
    block_id            bigint REFERENCES ipam.ip_block ON DELETE SET NULL,
    use_for_utilization boolean NOT NULL,
    virtualization_type ipam.virtualization_type NOT NULL,
    vlan_ids            integer[] NOT NULL DEFAULT '{}',
    virtual_subnet_id   integer,
    description         text,
    owner               text,
    custom_fields       jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL DEFAULT now(),
    modified_at         timestamptz NOT NULL DEFAULT now(),

    -- Triggers take 0 for none.
    CONSTRAINT ip_subnet_id CHECK (id > 0
        OR ipam.raise_fault('IpamApiInvalidParameter', format('a subnet cannot have id %s', id), 'Ids are 1 or more.', 'Leave id out.')),
    CONSTRAINT ip_subnet_network_key UNIQUE (address_space_id, network),
    CONSTRAINT ip_subnet_check_1_prefix_length CHECK (
        masklen(network) BETWEEN 1 AND CASE family(network) WHEN 4 THEN 30 ELSE 127 END
        OR ipam.raise_fault('IpamApiInvalidPrefixLength', format('%s cannot be a subnet', network),
               'The prefix length of a subnet is 1 to 30 in IPv4 and 1 to 127 in IPv6.',
               'Put point-to-point links and single hosts as addresses into a subnet around them.')),
    CONSTRAINT ip_subnet_check_2_category CHECK (address_category IS NOT NULL
        OR ipam.raise_fault('IpamApiInvalidAddressRange', format('%s cannot be a subnet', network),
               'The addresses are of no use for a plan, or public and private ones are mixed.',
               'SELECT ipam.address_category(first, last) tells the category of a range of addresses.')),
    CONSTRAINT ip_subnet_name_given CHECK (ascii(name) BETWEEN 33 AND 126 OR name ~ E'\\S'
        OR ipam.raise_fault('IpamApiSubnetNameNotSpecified', format('subnet %s needs a name', network), 'The name is blank.')),
    CONSTRAINT ip_subnet_name_length CHECK (length(name) <= 512
        OR ipam.raise_fault('IpamApiSubnetNameStringLengthNotAcceptable', format('the name of subnet %s is too long', network),
               format('It has %s characters; 512 are possible.', length(name)))),
    CONSTRAINT ip_subnet_vlan_ids CHECK (vlan_ids = '{}' OR ipam.are_vlan_ids(vlan_ids)
        OR ipam.raise_fault('IpamApiInvalidVLANIdCollection', format('subnet %s cannot have VLAN ids %s', network, vlan_ids),
               'VLAN ids are 1 to 4095, each once.')),
    CONSTRAINT ip_subnet_virtual_subnet_id CHECK (virtual_subnet_id IS NULL OR virtual_subnet_id BETWEEN 0 AND 16777214
        OR ipam.raise_fault('IpamApiInvalidVSId', format('subnet %s cannot have virtual subnet id %s', network, virtual_subnet_id),
               'A virtual subnet id is 0 to 16777214.')),
    CONSTRAINT ip_subnet_description_length CHECK (description IS NULL OR length(description) <= 4000
        OR ipam.raise_fault('IpamApiInvalidDescription', format('the description of subnet %s is too long', network),
               format('It has %s characters; 4000 are possible.', length(description)))),
    CONSTRAINT ip_subnet_owner_length CHECK (owner IS NULL OR length(owner) <= 255
        OR ipam.raise_fault('IpamApiOwnerStringLengthNotAcceptable', format('the owner of subnet %s is too long', network),
               format('It has %s characters; 255 are possible.', length(owner)))),
    CONSTRAINT ip_subnet_custom_fields CHECK (custom_fields = '{}' OR ipam.check_custom_fields(custom_fields))
);
COMMENT ON TABLE ipam.ip_subnet IS 'networks of an address space; they may nest, and each network is there once';
COMMENT ON COLUMN ipam.ip_subnet.id IS 'id';
COMMENT ON COLUMN ipam.ip_subnet.address_space_id IS 'the address space; the default one unless given';
COMMENT ON COLUMN ipam.ip_subnet.network IS 'the network, /1 to /30 in IPv4 and /1 to /127 in IPv6';
COMMENT ON COLUMN ipam.ip_subnet.name IS 'name, at most 512 characters';
COMMENT ON COLUMN ipam.ip_subnet.extent IS 'all addresses of the network';
COMMENT ON COLUMN ipam.ip_subnet.address_category IS 'Public, Private or GlobalIPv6Unicast, worked out from the network';
COMMENT ON COLUMN ipam.ip_subnet.block_id IS 'the smallest block around it, kept by the database; NULL: none, and always in other spaces than the default one';
COMMENT ON COLUMN ipam.ip_subnet.use_for_utilization IS 'whether it is the one that counts among the subnets around and inside it; kept by the database, and true moves the choice here';
COMMENT ON COLUMN ipam.ip_subnet.virtualization_type IS 'NonVirtualized, Fabric or Virtual; the natural one of the space unless given';
COMMENT ON COLUMN ipam.ip_subnet.vlan_ids IS 'VLANs that carry the subnet, 1 to 4095';
COMMENT ON COLUMN ipam.ip_subnet.virtual_subnet_id IS 'virtual subnet id of a virtual network, 0 to 16777214';
COMMENT ON COLUMN ipam.ip_subnet.description IS 'at most 4000 characters';
COMMENT ON COLUMN ipam.ip_subnet.owner IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_subnet.custom_fields IS 'values of custom fields by name';
COMMENT ON COLUMN ipam.ip_subnet.created_at IS 'time of creation';
COMMENT ON COLUMN ipam.ip_subnet.modified_at IS 'time of the last change by a user';

CREATE INDEX ip_subnet_block_id_idx ON ipam.ip_subnet (block_id) WHERE block_id IS NOT NULL;
COMMENT ON INDEX ipam.ip_subnet_block_id_idx IS 'subnets of a block';

-- 3.2: the most specific subnet around an extent.
CREATE FUNCTION ipam.find_parent_subnet(address_space_id bigint, first_address inet, last_address inet, prefix_length integer DEFAULT 128)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT s.id FROM ipam.ip_subnet AS s
    WHERE s.address_space_id = find_parent_subnet.address_space_id
      AND s.network = ANY (ipam.covering_networks(first_address))
      AND last_address <<= s.network
      AND masklen(s.network) <= prefix_length
    ORDER BY masklen(s.network) DESC
    LIMIT 1);
COMMENT ON FUNCTION ipam.find_parent_subnet(bigint, inet, inet, integer) IS
    'id of the most specific subnet of the space that holds all addresses from first to last and whose prefix is not longer, or NULL (MS-IPAMM2 3.1.1.1.4.2)';

-- 3.6: the index is in the order of networks, where nested ones follow the one around them.
CREATE FUNCTION ipam.find_overlapping_subnets(address_space_id bigint, network cidr) RETURNS SETOF ipam.ip_subnet
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT s.* FROM ipam.ip_subnet AS s
    WHERE s.address_space_id = find_overlapping_subnets.address_space_id
      AND s.network = ANY (ipam.covering_networks(find_overlapping_subnets.network))
    UNION ALL
    SELECT s.* FROM ipam.ip_subnet AS s
    WHERE s.address_space_id = find_overlapping_subnets.address_space_id
      AND s.network > find_overlapping_subnets.network
      AND s.network <= upper(ipam.network_range(find_overlapping_subnets.network));
END;
COMMENT ON FUNCTION ipam.find_overlapping_subnets(bigint, cidr) IS
    'the subnets of the space around and inside the network, and the one with this very network';

CREATE FUNCTION ipam.has_chosen_subnet(address_space_id bigint, network cidr, except_id bigint) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM ipam.find_overlapping_subnets(address_space_id, network) AS s
    WHERE s.use_for_utilization AND s.id IS DISTINCT FROM except_id);
COMMENT ON FUNCTION ipam.has_chosen_subnet(bigint, cidr, bigint) IS 'whether another subnet around or inside the network is used for utilization';

CREATE FUNCTION ipam.place_subnet() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_place_subnet';
COMMENT ON FUNCTION ipam.place_subnet() IS
    'trigger: fills in virtualization type, parent block and whether the subnet is chosen, and keeps a subnet with ranges where it is';

CREATE FUNCTION ipam.receive_subnet() RETURNS trigger
LANGUAGE C AS 'MODULE_PATHNAME', 'ipam_receive_subnet';
COMMENT ON FUNCTION ipam.receive_subnet() IS
    'trigger: ranges that lie in a new, more specific subnet move into it, and the choice among overlapping subnets stays right';

CREATE FUNCTION ipam.refuse_while_ranges_depend(subnet_id bigint, network cidr, verb text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    ranges text;
BEGIN
    SELECT string_agg(format('[%s, %s] (range %s)', r.start_address, r.end_address, r.id), ', ' ORDER BY r.start_address) INTO ranges
    FROM (SELECT * FROM ipam.ip_range AS q WHERE q.subnet_id = refuse_while_ranges_depend.subnet_id ORDER BY q.start_address LIMIT 10) AS r;
    IF ranges IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiRangesDependentOnSubnet', format('subnet %s cannot be %s', network, verb),
            format('It has ranges: %s.', ranges),
            CASE verb WHEN 'deleted' THEN 'Move the ranges to another subnet first, or delete them too: ipam.delete_subnet(subnet_id, delete_ranges => true).'
                      ELSE 'Delete the ranges or move them to another subnet first.' END);
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.refuse_while_ranges_depend(bigint, cidr, text) IS 'a fault where the subnet has ranges';

CREATE FUNCTION ipam.check_subnet_delete() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.lock_plan(OLD.address_space_id);
    PERFORM ipam.refuse_while_ranges_depend(OLD.id, OLD.network, 'deleted');
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ipam.check_subnet_delete() IS 'trigger: a subnet with ranges stays';

CREATE TRIGGER place_subnet BEFORE INSERT OR UPDATE OF address_space_id, network, block_id, use_for_utilization, virtualization_type ON ipam.ip_subnet
    FOR EACH ROW EXECUTE FUNCTION ipam.place_subnet();
CREATE TRIGGER check_subnet_delete BEFORE DELETE ON ipam.ip_subnet
    FOR EACH ROW EXECUTE FUNCTION ipam.check_subnet_delete();
CREATE TRIGGER receive_subnet AFTER INSERT ON ipam.ip_subnet
    FOR EACH ROW EXECUTE FUNCTION ipam.receive_subnet();
CREATE TRIGGER touch_modified_at
    BEFORE UPDATE OF address_space_id, network, name, virtualization_type, vlan_ids, virtual_subnet_id, description, owner, custom_fields
    ON ipam.ip_subnet FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();
