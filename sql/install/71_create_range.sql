-- Creating a range together with the subnet that it needs (MS-IPAMM2 3.1.4.7, 3.3.4.132).

CREATE FUNCTION ipam.create_missing_subnet(
    address_space_id    bigint,
    network             cidr,
    start_address       inet,
    end_address         inet,
    virtualization_type ipam.virtualization_type)
RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    subnet_id bigint;
BEGIN
    refused := NOT (ipam.check_host_address(start_address) AND ipam.check_host_address(end_address));
    IF (family(start_address) = family(end_address) AND start_address <= end_address
        AND coalesce(family(network) = family(start_address), true) AND address_space_id IS NOT NULL) IS NOT TRUE THEN
        RETURN NULL; -- no range; its table has the words for it
    END IF;
    PERFORM ipam.address_space_type(address_space_id);
    PERFORM ipam.lock_plan(address_space_id);
    subnet_id := ipam.find_parent_subnet(address_space_id, start_address, end_address, coalesce(masklen(network), 128));
    IF subnet_id IS NOT NULL THEN
        RETURN subnet_id;
    ELSIF network IS NULL THEN
        refused := ipam.raise_fault('IpamApiMandatoryFieldNotSpecified', 'the network of the range is missing',
            format('No subnet of address space %s holds %s to %s, and its network cannot be guessed.', address_space_id, start_address, end_address),
            format('Set network, for example to %s.', inet_merge(start_address, end_address)));
    ELSIF NOT start_address <<= network THEN
        refused := ipam.raise_fault('IpamApiInvalidStartIPAddress', format('range in %s cannot start at %s', network, start_address),
            format('The network reaches from %s to %s.', host(network), host(broadcast(network))));
    ELSIF NOT end_address <<= network THEN
        refused := ipam.raise_fault('IpamApiEndIpAddressOutOfRange', format('range in %s cannot end at %s', network, end_address),
            format('The network reaches from %s to %s.', host(network), host(broadcast(network))));
    END IF;
    INSERT INTO ipam.ip_subnet (address_space_id, network, name, virtualization_type)
    VALUES (create_missing_subnet.address_space_id, create_missing_subnet.network, create_missing_subnet.network::text,
            create_missing_subnet.virtualization_type)
    RETURNING id INTO subnet_id;
    RETURN subnet_id;
END
$$;
COMMENT ON FUNCTION ipam.create_missing_subnet(bigint, cidr, inet, inet, ipam.virtualization_type) IS
    'id of the subnet for a range; where none fits, one is made of the range''s network and named after it';

CREATE FUNCTION ipam.create_range(
    start_address                  inet,
    end_address                    inet,
    network                        cidr                         DEFAULT NULL,
    address_space_id               bigint                       DEFAULT 1,
    managed_by                     text                         DEFAULT 'IPAM',
    managed_by_entity              text                         DEFAULT 'Localhost',
    address_assignment             ipam.address_assignment      DEFAULT 'Static',
    virtualization_type            ipam.virtualization_type     DEFAULT NULL,
    reserved_addresses             ipam.inetmultirange          DEFAULT '{}',
    virtual_addresses              ipam.inetmultirange          DEFAULT '{}',
    excluded_addresses             ipam.inetmultirange          DEFAULT '{}',
    dhcp_scope_name                text                         DEFAULT NULL,
    gateways                       ipam.gateway[]               DEFAULT '{}',
    dns_servers                    inet[]                       DEFAULT '{}',
    wins_servers                   inet[]                       DEFAULT '{}',
    dns_suffixes                   text[]                       DEFAULT '{}',
    connection_specific_dns_suffix text                         DEFAULT NULL,
    utilization_calculation        ipam.utilization_calculation DEFAULT 'Auto',
    utilized_addresses             numeric                      DEFAULT NULL,
    description                    text                         DEFAULT NULL,
    owner                          text                         DEFAULT NULL,
    custom_fields                  jsonb                        DEFAULT '{}',
    create_subnet_if_missing       boolean                      DEFAULT false)
RETURNS ipam.ip_range
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    created ipam.ip_range;
BEGIN
    PERFORM ipam.require_ready_store();
    IF create_subnet_if_missing THEN
        PERFORM ipam.create_missing_subnet(address_space_id, network, start_address, end_address, virtualization_type);
    END IF;
    INSERT INTO ipam.ip_range (
        start_address, end_address, network, address_space_id, managed_by, managed_by_entity, address_assignment, virtualization_type,
        reserved_addresses, virtual_addresses, excluded_addresses, dhcp_scope_name, gateways, dns_servers, wins_servers, dns_suffixes,
        connection_specific_dns_suffix, utilization_calculation, utilized_addresses, description, owner, custom_fields)
    VALUES (
        start_address, end_address, network, address_space_id, managed_by, managed_by_entity, address_assignment, virtualization_type,
        reserved_addresses, virtual_addresses, excluded_addresses, dhcp_scope_name, gateways, dns_servers, wins_servers, dns_suffixes,
        connection_specific_dns_suffix, utilization_calculation, utilized_addresses, description, owner, custom_fields)
    RETURNING * INTO created;
    RETURN created;
END
$$;
COMMENT ON FUNCTION ipam.create_range(inet, inet, cidr, bigint, text, text, ipam.address_assignment, ipam.virtualization_type,
    ipam.inetmultirange, ipam.inetmultirange, ipam.inetmultirange, text, ipam.gateway[], inet[], inet[], text[], text,
    ipam.utilization_calculation, numeric, text, text, jsonb, boolean) IS
    'creates a range, with create_subnet_if_missing also a subnet of its network where no subnet fits. The arguments are the columns of ip_range; network is needed for a new subnet. Returns the row (MS-IPAMM2 3.3.4.132)';
