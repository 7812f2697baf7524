-- Ranges: contiguous pools of addresses inside a subnet, each managed by one service instance
-- (MS-IPAMM2 3.1.1.1.1).

CREATE TABLE ipam.ip_range (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address_space_id     bigint NOT NULL DEFAULT 1 REFERENCES ipam.address_space,
    subnet_id            bigint NOT NULL REFERENCES ipam.ip_subnet,
    network              cidr NOT NULL,
    start_address        inet NOT NULL,
    end_address          inet NOT NULL,
    extent               ipam.inetrange GENERATED ALWAYS AS (
                             CASE WHEN start_address <= end_address AND family(start_address) = family(end_address)
                                  THEN ipam.inetrange(start_address, end_address, '[]') END) STORED,
    address_category     ipam.address_category GENERATED ALWAYS AS (ipam.address_category(start_address, end_address)) STORED,
    managed_by           text COLLATE "C" NOT NULL DEFAULT 'IPAM',
    managed_by_entity    text COLLATE "C" NOT NULL DEFAULT 'Localhost',
    use_for_utilization  boolean NOT NULL,
    address_assignment   ipam.address_assignment NOT NULL DEFAULT 'Static',
    virtualization_type  ipam.virtualization_type NOT NULL,
    reserved_addresses   ipam.inetmultirange NOT NULL DEFAULT '{}',
    virtual_addresses    ipam.inetmultirange NOT NULL DEFAULT '{}',
    excluded_addresses   ipam.inetmultirange NOT NULL DEFAULT '{}',
    dhcp_scope_name      text,
    gateways             ipam.gateway[] NOT NULL DEFAULT '{}',
    dns_servers          inet[] NOT NULL DEFAULT '{}',
    wins_servers         inet[] NOT NULL DEFAULT '{}',
    dns_suffixes         text[] NOT NULL DEFAULT '{}',
    connection_specific_dns_suffix text,
    utilization_calculation ipam.utilization_calculation NOT NULL DEFAULT 'Auto',
    utilized_addresses   numeric,
    description          text,
    owner                text,
    quarantine           interval,
    custom_fields        jsonb NOT NULL DEFAULT '{}',
    created_at           timestamptz NOT NULL DEFAULT now(),
    modified_at          timestamptz NOT NULL DEFAULT now(),

    -- Triggers take 0 for none.
    CONSTRAINT ip_range_id CHECK (id > 0
        OR ipam.raise_fault('IpamApiInvalidParameter', format('a range cannot have id %s', id), 'Ids are 1 or more.', 'Leave id out.')),
    -- The last word on overlaps; place_range() has better words for the same rule.
    CONSTRAINT ip_range_no_overlap EXCLUDE USING gist (
        address_space_id WITH =, managed_by WITH =, managed_by_entity WITH =, extent WITH &&)
        WHERE (managed_by <> 'MS DHCP'),
    CONSTRAINT ip_range_check_01_prefix_length CHECK (
        masklen(network) BETWEEN 1 AND CASE family(network) WHEN 4 THEN 30 ELSE 127 END
        OR ipam.raise_fault('IpamApiInvalidPrefixLength', format('%s cannot be the network of a range', network),
               'The prefix length is 1 to 30 in IPv4 and 1 to 127 in IPv6.')),
    CONSTRAINT ip_range_check_02_family CHECK (
        (family(start_address) = family(end_address) AND family(start_address) = family(network))
        OR ipam.raise_fault('IpamApiInvalidIPAddressFamily', format('a range cannot reach from %s to %s', start_address, end_address),
               format('Start, end and network %s must all be IPv4 or all be IPv6.', network))),
    CONSTRAINT ip_range_check_03_order CHECK (start_address <= end_address
        OR ipam.raise_fault('IpamApiStartIPGreaterThanEndIP', format('a range cannot reach from %s to %s', start_address, end_address),
               'The start address comes after the end address.', 'Swap the addresses.')),
    CONSTRAINT ip_range_check_04_start CHECK (start_address <<= network
        OR ipam.raise_fault('IpamApiInvalidStartIPAddress', format('range in %s cannot start at %s', network, start_address),
               format('The network reaches from %s to %s.', host(network), host(broadcast(network))))),
    CONSTRAINT ip_range_check_05_end CHECK (end_address <<= network
        OR ipam.raise_fault('IpamApiEndIpAddressOutOfRange', format('range in %s cannot end at %s', network, end_address),
               format('The network reaches from %s to %s.', host(network), host(broadcast(network))))),
    CONSTRAINT ip_range_check_06_category CHECK (address_category IS NOT NULL
        OR ipam.raise_fault('IpamApiInvalidAddressRange', format('%s to %s cannot be a range', start_address, end_address),
               'The addresses are of no use for a plan, or public and private ones are mixed.')),
    CONSTRAINT ip_range_check_07_start_host CHECK (family(start_address) = 6 OR host(start_address) <> host(network)
        OR ipam.raise_fault('IpamApiInvalidStartIPWithAllZeroes', format('range in %s cannot start at %s', network, start_address),
               'It is the network address, which no host can have.', format('Start at %s.', start_address + 1))),
    CONSTRAINT ip_range_check_08_end_host CHECK (family(end_address) = 6 OR host(end_address) <> host(broadcast(network))
        OR ipam.raise_fault('IpamApiInvalidEndIPHostIdAllOnes', format('range in %s cannot end at %s', network, end_address),
               'It is the broadcast address, which no host can have.', format('End at %s.', end_address - 1))),
    CONSTRAINT ip_range_check_09_reserved CHECK (reserved_addresses <@ extent
        OR ipam.raise_fault('IpamApiReservedIPNotInRange', format('range [%s, %s] cannot reserve %s', start_address, end_address, reserved_addresses),
               'Reserved addresses lie in the range.')),
    CONSTRAINT ip_range_check_10_virtual CHECK (virtual_addresses <@ extent
        OR ipam.raise_fault('IpamApiVIPNotInRange', format('range [%s, %s] cannot have the virtual IP addresses %s', start_address, end_address, virtual_addresses),
               'Virtual IP addresses lie in the range.')),
    CONSTRAINT ip_range_check_11_excluded CHECK (excluded_addresses <@ extent
        OR ipam.raise_fault('IpamApiInvalidExclusionRanges', format('range [%s, %s] cannot exclude %s', start_address, end_address, excluded_addresses),
               'Excluded addresses lie in the range.')),
    CONSTRAINT ip_range_check_12_dhcp CHECK (managed_by = 'MS DHCP' OR (dhcp_scope_name IS NULL AND excluded_addresses = '{}')
        OR ipam.raise_fault('IpamApiDhcpDataSpecifiedForStaticRange', format('range [%s, %s] cannot have DHCP properties', start_address, end_address),
               format('It is managed by %s; a DHCP scope and excluded addresses belong to ranges managed by MS DHCP.', managed_by))),
    CONSTRAINT ip_range_check_13_gateways CHECK (ipam.are_gateways(gateways, network)
        OR ipam.raise_fault('IpamApiInvalidAddressesInGatewaysCollection', format('range in %s cannot have gateways %s', network, gateways),
               'A gateway is a host address in the network of the range.')),
    CONSTRAINT ip_range_check_14_gateway_metrics CHECK (ipam.are_gateway_metrics(gateways)
        OR ipam.raise_fault('IpamApiInvalidMetricValueInGatewaysCollection', format('range in %s cannot have gateways %s', network, gateways),
               'The metric of a gateway is 1 to 9999, or NULL for automatic.')),
    CONSTRAINT ip_range_check_15_dns_servers CHECK (ipam.are_hosts(dns_servers, family(network))
        OR ipam.raise_fault('IpamApiInvalidAddressesInDnsServersCollection', format('range in %s cannot have DNS servers %s', network, dns_servers),
               'A DNS server is a host address of the range''s family.')),
    CONSTRAINT ip_range_check_16_wins_servers CHECK ((wins_servers = '{}' OR (family(network) = 4 AND ipam.are_hosts(wins_servers, 4)))
        OR ipam.raise_fault('IpamApiInvalidAddressesInWinsServersCollection', format('range in %s cannot have WINS servers %s', network, wins_servers),
               'A WINS server is an IPv4 host address and serves IPv4 ranges.')),
    CONSTRAINT ip_range_check_17_dns_suffixes CHECK (ipam.are_domain_names(dns_suffixes)
        OR ipam.raise_fault('IpamApiInvalidDNSSuffixCollection', format('range in %s cannot have DNS suffixes %s', network, dns_suffixes),
               'A DNS suffix is a domain name.')),
    CONSTRAINT ip_range_check_18_dns_suffix CHECK (connection_specific_dns_suffix IS NULL OR ipam.is_domain_name(connection_specific_dns_suffix)
        OR ipam.raise_fault('IpamApiInvalidConnectionsSpecificDNSSuffix',
               format('range in %s cannot have DNS suffix "%s"', network, connection_specific_dns_suffix), 'A DNS suffix is a domain name.')),
    CONSTRAINT ip_range_check_19_calculation CHECK (managed_by <> 'MS DHCP' OR utilization_calculation = 'Auto'
        OR ipam.raise_fault('IpamApiInvalidUtilizationCalculationType',
               format('utilization of range [%s, %s] cannot be given by hand', start_address, end_address),
               'The range is managed by MS DHCP.', 'Leave utilization_calculation out.')),
    CONSTRAINT ip_range_check_20_utilized CHECK ((utilization_calculation = 'Manual') = (utilized_addresses IS NOT NULL)
        OR ipam.raise_fault('IpamApiUtilizationDataNotSpecifiedForStaticRange',
               format('range [%s, %s] has utilization %s and %s utilized addresses', start_address, end_address,
                      utilization_calculation, coalesce(utilized_addresses::text, 'no number of')),
               'Manual utilization needs the number of utilized addresses, automatic utilization has none.')),
    CONSTRAINT ip_range_check_21_utilized_count CHECK (utilized_addresses IS NULL
        OR (utilized_addresses >= 0 AND utilized_addresses = trunc(utilized_addresses) AND utilized_addresses <= ipam.address_count(extent))
        OR ipam.raise_fault('IpamApiInvalidUtilizationStatistics',
               format('range [%s, %s] cannot have %s utilized addresses', start_address, end_address, utilized_addresses),
               format('It has %s addresses.', ipam.address_count(extent)))),
    CONSTRAINT ip_range_check_22_managed_by CHECK (managed_by IN ('IPAM', 'MS DHCP', 'Non-MS DHCP', 'VM Manager', 'Others')
        OR ipam.check_custom_field_value(8, managed_by)),
    CONSTRAINT ip_range_check_23_managed_by_entity CHECK (managed_by_entity = 'Localhost' OR ipam.check_custom_field_value(9, managed_by_entity)),
    CONSTRAINT ip_range_description_length CHECK (description IS NULL OR length(description) <= 4000
        OR ipam.raise_fault('IpamApiInvalidDescription', format('the description of range [%s, %s] is too long', start_address, end_address),
               format('It has %s characters; 4000 are possible.', length(description)))),
    CONSTRAINT ip_range_owner_length CHECK (owner IS NULL OR length(owner) <= 255
        OR ipam.raise_fault('IpamApiOwnerStringLengthNotAcceptable', format('the owner of range [%s, %s] is too long', start_address, end_address),
               format('It has %s characters; 255 are possible.', length(owner)))),
    -- Also the years alone: what is added to a time step by step must not leave the calendar on the way.
    CONSTRAINT ip_range_quarantine CHECK (quarantine IS NULL
        OR (quarantine BETWEEN interval '0' AND interval '1000 years' AND extract(year FROM quarantine) BETWEEN -1000 AND 1000 AND extract(day FROM quarantine) BETWEEN -366000 AND 366000)
        OR ipam.raise_fault('IpamApiInvalidParameter', format('range [%s, %s] cannot have a quarantine of %s', start_address, end_address, quarantine),
               'A quarantine is a length of time, at most 1000 years, as are its parts, or NULL for none.', 'Example: interval ''7 days''.')),
    CONSTRAINT ip_range_custom_fields CHECK (custom_fields = '{}' OR ipam.check_custom_fields(custom_fields))
);
COMMENT ON TABLE ipam.ip_range IS 'contiguous pools of addresses inside a subnet, each managed by one service instance';
COMMENT ON COLUMN ipam.ip_range.id IS 'id';
COMMENT ON COLUMN ipam.ip_range.address_space_id IS 'the address space, the same as the subnet''s; the default one unless given';
COMMENT ON COLUMN ipam.ip_range.subnet_id IS 'the smallest subnet around it, kept by the database';
COMMENT ON COLUMN ipam.ip_range.network IS 'network that the hosts of the range are configured with; the subnet''s unless given';
COMMENT ON COLUMN ipam.ip_range.start_address IS 'first address';
COMMENT ON COLUMN ipam.ip_range.end_address IS 'last address';
COMMENT ON COLUMN ipam.ip_range.extent IS 'all addresses from start to end';
COMMENT ON COLUMN ipam.ip_range.address_category IS 'Public, Private or GlobalIPv6Unicast, worked out from the addresses';
COMMENT ON COLUMN ipam.ip_range.managed_by IS 'kind of service that gives out the addresses: a value of custom field 8';
COMMENT ON COLUMN ipam.ip_range.managed_by_entity IS 'the service instance: a value of custom field 9';
COMMENT ON COLUMN ipam.ip_range.use_for_utilization IS 'whether it is the one that counts among the ranges that overlap it; kept by the database, and true moves the choice here';
COMMENT ON COLUMN ipam.ip_range.address_assignment IS 'how hosts get the addresses';
COMMENT ON COLUMN ipam.ip_range.virtualization_type IS 'NonVirtualized, Fabric or Virtual; the subnet''s unless given';
COMMENT ON COLUMN ipam.ip_range.reserved_addresses IS 'addresses kept back: not offered as free unless asked for';
COMMENT ON COLUMN ipam.ip_range.virtual_addresses IS 'virtual IP addresses of load balancers: not offered as free unless asked for';
COMMENT ON COLUMN ipam.ip_range.excluded_addresses IS 'addresses the DHCP scope leaves out; MS DHCP only';
COMMENT ON COLUMN ipam.ip_range.dhcp_scope_name IS 'name of the DHCP scope; MS DHCP only';
COMMENT ON COLUMN ipam.ip_range.gateways IS 'default gateways, in the network of the range';
COMMENT ON COLUMN ipam.ip_range.dns_servers IS 'DNS servers, in order of preference';
COMMENT ON COLUMN ipam.ip_range.wins_servers IS 'WINS servers; IPv4 only';
COMMENT ON COLUMN ipam.ip_range.dns_suffixes IS 'DNS search suffixes';
COMMENT ON COLUMN ipam.ip_range.connection_specific_dns_suffix IS 'DNS suffix of the connection';
COMMENT ON COLUMN ipam.ip_range.utilization_calculation IS 'Auto: from recorded addresses; Manual: utilized_addresses counts';
COMMENT ON COLUMN ipam.ip_range.utilized_addresses IS 'number of utilized addresses; Manual only';
COMMENT ON COLUMN ipam.ip_range.description IS 'at most 4000 characters';
COMMENT ON COLUMN ipam.ip_range.owner IS 'at most 255 characters';
COMMENT ON COLUMN ipam.ip_range.quarantine IS 'how long a released address is not offered again; NULL: not at all';
COMMENT ON COLUMN ipam.ip_range.custom_fields IS 'values of custom fields by name';
COMMENT ON COLUMN ipam.ip_range.created_at IS 'time of creation';
COMMENT ON COLUMN ipam.ip_range.modified_at IS 'time of the last change by a user';

CREATE INDEX ip_range_subnet_id_idx ON ipam.ip_range (subnet_id);
COMMENT ON INDEX ipam.ip_range_subnet_id_idx IS 'ranges of a subnet';
-- The search for room walks this index, see src/pg/taken.hpp.
CREATE INDEX ip_range_start_address_idx ON ipam.ip_range (address_space_id, start_address, end_address);
COMMENT ON INDEX ipam.ip_range_start_address_idx IS 'ranges of a space in order, whatever service manages them';
CREATE INDEX ip_range_extent_idx ON ipam.ip_range USING gist (address_space_id, extent);
COMMENT ON INDEX ipam.ip_range_extent_idx IS 'ranges of a space that contain, lie in or overlap a range of addresses';
-- The range of an address is the first row at or before the address: see src/sql/address_mapping.cpp.
CREATE INDEX ip_range_service_idx ON ipam.ip_range (address_space_id, managed_by, managed_by_entity, start_address DESC, end_address);
COMMENT ON INDEX ipam.ip_range_service_idx IS 'ranges of a service instance by start address; maps addresses to their range';

-- 3.8: excluded addresses overlap with nothing.
CREATE FUNCTION ipam.find_overlapping_ranges(address_space_id bigint, extent ipam.inetrange, excluded_addresses ipam.inetmultirange DEFAULT '{}')
RETURNS SETOF ipam.ip_range
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT r.* FROM ipam.ip_range AS r
    WHERE r.address_space_id = find_overlapping_ranges.address_space_id
      AND r.extent && find_overlapping_ranges.extent
      AND (r.excluded_addresses = '{}' AND find_overlapping_ranges.excluded_addresses = '{}'
        OR r.extent::ipam.inetmultirange - r.excluded_addresses
           && find_overlapping_ranges.extent::ipam.inetmultirange - find_overlapping_ranges.excluded_addresses);
END;
COMMENT ON FUNCTION ipam.find_overlapping_ranges(bigint, ipam.inetrange, ipam.inetmultirange) IS
    'the ranges of the space, of whatever service, that have an address in common with the extent; excluded addresses do not count';

CREATE FUNCTION ipam.has_chosen_range(address_space_id bigint, extent ipam.inetrange, excluded_addresses ipam.inetmultirange, except_id bigint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (
    SELECT FROM ipam.find_overlapping_ranges(address_space_id, extent, excluded_addresses) AS r
    WHERE r.use_for_utilization AND r.id IS DISTINCT FROM except_id);
COMMENT ON FUNCTION ipam.has_chosen_range(bigint, ipam.inetrange, ipam.inetmultirange, bigint) IS
    'whether another range that overlaps the extent is used for utilization';

CREATE FUNCTION ipam.place_range() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    subnet ipam.ip_subnet;
    place ipam.inetrange;
    conflicts text;
    comes boolean; -- to addresses that it did not have before, or leaves some
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.managed_by <> OLD.managed_by AND 'MS DHCP' IN (NEW.managed_by, OLD.managed_by) THEN
            refused := ipam.raise_fault('IpamApiCannotUpdateManagedByValueForMsDhcpRange',
                format('range [%s, %s] stays managed by %s', OLD.start_address, OLD.end_address, OLD.managed_by),
                'A range does not become or cease to be managed by MS DHCP.', 'Delete the range and make a new one; its addresses stay.');
        ELSIF NEW.managed_by_entity <> OLD.managed_by_entity AND OLD.managed_by = 'MS DHCP'
              AND ipam.is_custom_field_value(9, OLD.managed_by_entity) THEN -- gone where the server has been renamed
            refused := ipam.raise_fault('IpamApiCannotUpdateDifferentServerManagedByEntityValueForMsDhcpRange',
                format('range [%s, %s] stays with server %s', OLD.start_address, OLD.end_address, OLD.managed_by_entity),
                'A range managed by MS DHCP does not change its server.', 'Delete the range and make a new one; its addresses stay.');
        ELSIF (NEW.virtualization_type = 'Virtual') <> (OLD.virtualization_type = 'Virtual') THEN
            refused := ipam.raise_fault('IpamApiInvalidVirtualizationTypeUpdation',
                format('range [%s, %s] stays %s', OLD.start_address, OLD.end_address, OLD.virtualization_type),
                'A range does not change between Virtual and the other types.', 'Make a new range.');
        END IF;
        IF NEW.address_space_id <> OLD.address_space_id THEN -- locked in the order of their ids, so that nobody waits in a circle
            PERFORM ipam.address_space_type(NEW.address_space_id);
            PERFORM ipam.lock_plan(least(NEW.address_space_id, OLD.address_space_id));
            PERFORM ipam.lock_plan(greatest(NEW.address_space_id, OLD.address_space_id));
        END IF;
    END IF;
    IF NEW.start_address IS NULL OR NEW.end_address IS NULL THEN
        RAISE not_null_violation USING TABLE = 'ip_range', COLUMN = CASE WHEN NEW.start_address IS NULL THEN 'start_address' ELSE 'end_address' END,
            MESSAGE = 'a range needs a start_address and an end_address';
    END IF;
    IF NEW.address_space_id IS NULL THEN
        RAISE not_null_violation USING TABLE = 'ip_range', COLUMN = 'address_space_id', MESSAGE = 'a range needs an address_space_id',
            HINT = 'Leave it out for the default address space, 1.';
    END IF;
    refused := NOT (ipam.check_host_address(NEW.start_address) AND ipam.check_host_address(NEW.end_address));
    IF family(NEW.start_address) <> family(NEW.end_address) THEN
        refused := ipam.raise_fault('IpamApiInvalidIPAddressFamily', format('a range cannot reach from %s to %s', NEW.start_address, NEW.end_address),
            'One address is IPv4, the other one IPv6.', 'Make a range of each family.');
    END IF;
    PERFORM ipam.address_space_type(NEW.address_space_id);
    PERFORM ipam.lock_plan(NEW.address_space_id);

    SELECT s.* INTO subnet FROM ipam.ip_subnet AS s
    WHERE s.id = ipam.find_parent_subnet(NEW.address_space_id, NEW.start_address, NEW.end_address, coalesce(masklen(NEW.network), 128));
    IF NEW.subnet_id <> coalesce(subnet.id, 0) AND (TG_OP = 'INSERT' OR NEW.subnet_id <> coalesce(OLD.subnet_id, 0)) THEN
        refused := ipam.raise_fault('IpamApiInvalidUpdate',
            format('range [%s, %s] cannot be put into subnet %s', NEW.start_address, NEW.end_address, NEW.subnet_id),
            'The subnet of a range is the smallest one around it.', 'Leave subnet_id out.');
    END IF;
    IF subnet.id IS NULL AND ipam.address_category(NEW.start_address, NEW.end_address) IS NOT NULL
       AND coalesce(family(NEW.network) = family(NEW.start_address), true) THEN
        refused := ipam.raise_fault('IpamApiSubnetDoesNotExistForRange',
            format('range [%s, %s] lies in no subnet', NEW.start_address, NEW.end_address),
            format('No subnet of address space %s%s holds all of it.', NEW.address_space_id,
                   ' with a prefix of at most /' || masklen(NEW.network)),
            CASE WHEN ipam.find_parent_subnet(NEW.address_space_id, NEW.start_address, NEW.end_address, 128) IS NULL
                 THEN format('Make the subnet first: INSERT INTO ipam.ip_subnet (%snetwork, name) VALUES (%s...).',
                             CASE WHEN NEW.address_space_id <> 1 THEN 'address_space_id, ' END, CASE WHEN NEW.address_space_id <> 1 THEN NEW.address_space_id || ', ' END)
                 ELSE 'Leave network out, or give one that is no larger than the subnet around the range.' END);
    END IF;
    NEW.subnet_id := coalesce(subnet.id, 0); -- 0: the constraints have the words for what is wrong
    NEW.network := coalesce(NEW.network, subnet.network, network(set_masklen(NEW.start_address, 8)));
    NEW.virtualization_type := ipam.fitting_virtualization_type(NEW.address_space_id, coalesce(NEW.virtualization_type, subnet.virtualization_type));

    IF NEW.start_address > NEW.end_address THEN
        NEW.use_for_utilization := true; -- the constraints have the words for it
        RETURN NEW;
    END IF;
    place := ipam.inetrange(NEW.start_address, NEW.end_address, '[]');
    IF NEW.managed_by <> 'MS DHCP' THEN
        SELECT string_agg(format('[%s, %s] (range %s)', r.start_address, r.end_address, r.id), ', ' ORDER BY r.start_address) INTO conflicts
        FROM ipam.ip_range AS r
        WHERE r.address_space_id = NEW.address_space_id AND r.extent && place
          AND r.managed_by = NEW.managed_by AND r.managed_by_entity = NEW.managed_by_entity AND r.id <> NEW.id;
        IF conflicts IS NOT NULL THEN
            refused := ipam.raise_fault('IpamApiNonadjustableConflictingRangesFound',
                format('range [%s, %s] overlaps other ranges of %s / %s', NEW.start_address, NEW.end_address, NEW.managed_by, NEW.managed_by_entity),
                format('Conflicting ranges: %s.', conflicts),
                'Ranges of one service instance do not overlap: choose other addresses, another managed_by or another managed_by_entity.');
        END IF;
    END IF;

    comes := TG_OP = 'INSERT' OR (NEW.address_space_id, NEW.start_address, NEW.end_address, NEW.excluded_addresses)
        IS DISTINCT FROM (OLD.address_space_id, OLD.start_address, OLD.end_address, OLD.excluded_addresses);
    IF NEW.use_for_utilization IS NULL OR TG_OP = 'UPDATE' AND NEW.use_for_utilization = OLD.use_for_utilization THEN
        IF comes THEN
            NEW.use_for_utilization := NOT ipam.has_chosen_range(NEW.address_space_id, place, NEW.excluded_addresses, NEW.id);
        ELSE
            NEW.use_for_utilization := OLD.use_for_utilization;
        END IF;
    ELSIF NOT comes AND NEW.use_for_utilization = ipam.has_chosen_range(NEW.address_space_id, place, NEW.excluded_addresses, NEW.id) THEN
        NEW.modified_at := now(); -- by a user: the database never chooses two, and never none
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.place_range() IS
    'trigger: fills in subnet, network, virtualization type and whether the range is chosen, and refuses overlaps';

CREATE FUNCTION ipam.lock_plan_of_range() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM ipam.lock_plan(OLD.address_space_id);
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ipam.lock_plan_of_range() IS 'trigger: ranges of an address space are deleted by one transaction at a time';

CREATE TRIGGER place_range
    BEFORE INSERT OR UPDATE OF address_space_id, subnet_id, network, start_address, end_address, managed_by, managed_by_entity,
        use_for_utilization, virtualization_type, excluded_addresses
    ON ipam.ip_range FOR EACH ROW EXECUTE FUNCTION ipam.place_range();
CREATE TRIGGER lock_plan BEFORE DELETE ON ipam.ip_range
    FOR EACH ROW EXECUTE FUNCTION ipam.lock_plan_of_range();
CREATE TRIGGER touch_modified_at
    BEFORE UPDATE OF address_space_id, network, start_address, end_address, managed_by, managed_by_entity, address_assignment,
        virtualization_type, reserved_addresses, virtual_addresses, excluded_addresses, dhcp_scope_name, gateways, dns_servers,
        wins_servers, dns_suffixes, connection_specific_dns_suffix, utilization_calculation, utilized_addresses, description, owner, quarantine,
        custom_fields
    ON ipam.ip_range FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();

-- Ranges that lie in a new, more specific subnet move into it.
CREATE FUNCTION ipam.adopt_into_subnet(subnet_id bigint, address_space_id bigint, network cidr) RETURNS void
LANGUAGE sql
BEGIN ATOMIC
    UPDATE ipam.ip_range AS r SET subnet_id = NULL -- place_range() finds the right one
    WHERE r.address_space_id = adopt_into_subnet.address_space_id
      AND r.extent <@ ipam.network_range(adopt_into_subnet.network)
      AND r.subnet_id <> adopt_into_subnet.subnet_id
      AND adopt_into_subnet.subnet_id = ipam.find_parent_subnet(r.address_space_id, r.start_address, r.end_address, masklen(r.network));
END;
COMMENT ON FUNCTION ipam.adopt_into_subnet(bigint, bigint, cidr) IS 'moves the ranges for which the subnet is the smallest one around into it';

-- 3.3.4.153: only the ranges of the subnet itself; those of smaller subnets inside it belong to these.
CREATE FUNCTION ipam.carry_ranges() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.address_space_id <> OLD.address_space_id THEN
        UPDATE ipam.ip_range AS r SET address_space_id = NEW.address_space_id, virtualization_type = NEW.virtualization_type
        WHERE r.subnet_id = NEW.id AND r.address_space_id = OLD.address_space_id;
    END IF;
    IF (NEW.address_space_id, NEW.network) IS DISTINCT FROM (OLD.address_space_id, OLD.network) THEN
        PERFORM ipam.adopt_into_subnet(NEW.id, NEW.address_space_id, NEW.network);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ipam.carry_ranges() IS
    'trigger: a subnet that moves to another address space takes its ranges along, and takes over those for which it is the smallest one around';

CREATE TRIGGER carry_ranges AFTER UPDATE OF address_space_id, network ON ipam.ip_subnet
    FOR EACH ROW EXECUTE FUNCTION ipam.carry_ranges();
