-- Listings: every enumeration of the protocol as SQL. The statements are those of docs/listing.md.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (9, 'dhcp1'), (12, 'Blue'), (12, 'Green'), (14, 'Berlin'), (14, 'Hamburg');
SELECT ipam.set_custom_field_association(12, 14, '{{Blue,Berlin},{Green,Hamburg}}');
INSERT INTO ipam.address_space (name) VALUES ('Fabric');
INSERT INTO ipam.custom_field_value (custom_field_id, value) VALUES (16, 'Contoso Ltd');
INSERT INTO ipam.address_space (name, type, provider_id, isolation_method, custom_fields)
SELECT 'Contoso', 'Customer', id, 'VXLAN', '{"Tenant": "Contoso Ltd"}' FROM ipam.address_space WHERE name = 'Fabric';
INSERT INTO ipam.ip_block (network, rir) VALUES ('10.0.0.0/8', NULL), ('10.1.0.0/16', NULL), ('10.1.0.0/22', NULL), ('10.2.0.0/16', NULL),
    ('198.51.100.0/24', 'RIPE'), ('2001:db8::/32', 'RIPE');
INSERT INTO ipam.ip_subnet (network, name, custom_fields) VALUES
    ('10.1.0.0/23', 'site', '{}'), ('10.1.1.0/24', 'office', '{"Logical Network": "Blue", "Network Site": "Berlin"}'),
    ('10.1.9.0/24', 'lab', '{}'), ('10.2.0.0/24', 'plant', '{"Logical Network": "Green"}'), ('192.168.7.0/24', 'spare', '{}'),
    ('198.51.100.0/25', 'web', '{}'), ('2001:db8:1::/64', 'web6', '{}'), ('fd00:1::/64', 'quiet', '{}');
INSERT INTO ipam.ip_subnet (address_space_id, network, name) SELECT id, '10.1.1.0/24', 'tenant' FROM ipam.address_space WHERE name = 'Contoso';
INSERT INTO ipam.ip_range (start_address, end_address) VALUES ('10.1.1.10', '10.1.1.99'), ('192.168.7.10', '192.168.7.20'), ('2001:db8:1::10', '2001:db8:1::1f');
INSERT INTO ipam.ip_range (start_address, end_address, managed_by, managed_by_entity, address_assignment)
VALUES ('10.1.1.10', '10.1.1.99', 'MS DHCP', 'dhcp1', 'Dynamic'), ('10.1.9.10', '10.1.9.19', 'MS DHCP', 'dhcp1', 'Dynamic');
INSERT INTO ipam.ip_range (address_space_id, start_address, end_address) SELECT id, '10.1.1.10', '10.1.1.99' FROM ipam.address_space WHERE name = 'Contoso';
INSERT INTO ipam.ip_address (address, device_name, managed_by, managed_by_entity, expires_at) VALUES
    ('10.1.1.10', 'printer', 'IPAM', 'Localhost', now() + interval '3 days'), ('10.1.1.10', 'laptop', 'MS DHCP', 'dhcp1', NULL),
    ('10.1.1.11', 'phone', 'IPAM', 'Localhost', now() - interval '1 day'), ('10.1.9.10', 'bench', 'MS DHCP', 'dhcp1', now() + interval '1 year'),
    ('10.1.1.200', 'gateway', 'IPAM', 'Localhost', NULL), ('192.168.7.10', 'spare', 'IPAM', 'Localhost', NULL),
    ('2001:db8:1::10', 'web', 'IPAM', 'Localhost', NULL);
INSERT INTO ipam.ip_address (address_space_id, address) SELECT id, '10.1.1.10' FROM ipam.address_space WHERE name = 'Contoso';

-- Address spaces
-- all, of a type (AddressSpaceEnumerationParameters; 3.3.4.56)
SELECT id, name, type, provider_address_space_name FROM ipam.address_space_details WHERE type = 'Customer';
-- filter MappingProviderAddressSpaceName
SELECT name FROM ipam.address_space_details WHERE type = 'Customer' AND provider_address_space_name = 'Fabric';
-- by id, by name (3.3.4.53 to 55)
SELECT name, type, tenant, isolation_method FROM ipam.address_space_details WHERE name = 'Contoso';
-- the default one (3.3.4.72)
SELECT id, name FROM ipam.address_space WHERE is_default;

-- Blocks
-- roots, of a category (IPBlockRoot)
SELECT id, network, child_block_count, child_subnet_count FROM ipam.ip_block_details
WHERE parent_id IS NULL AND address_category = 'Private' AND address_family = 4;
-- children of a block (IPBlockChildBlock)
SELECT id, network FROM ipam.ip_block_details WHERE parent_id = 1 ORDER BY network;
-- all (IPBlockGetAllBlocks)
SELECT network, parent_network FROM ipam.ip_block_details ORDER BY network;
-- one by its addresses (3.3.4.61)
SELECT id FROM ipam.ip_block
WHERE start_address = '10.1.0.0' AND end_address = '10.1.255.255' AND masklen(network) = 16;
-- hierarchy of a block, root first (3.3.4.62)
SELECT id, network FROM ipam.block_hierarchy(3);
-- hierarchy of a subnet, a range (3.3.4.63, 3.3.4.64)
SELECT id, network FROM ipam.block_hierarchy_for_subnet(2);
SELECT id, network FROM ipam.block_hierarchy_for_range(1);

-- Subnets
-- filter VirtualizationType, AddressSpaceName (2.2.4.271); IpamIPSubnetsByAddressSpaceAndVirtualizationType, ...ByVirtualizationType
SELECT network FROM ipam.ip_subnet_details
WHERE virtualization_type = 'Virtual' AND address_space_name = 'Contoso';
-- filter NetworkId, PrefixLength; 3.3.4.106
SELECT id, name FROM ipam.ip_subnet WHERE network = '10.1.1.0/24' AND address_space_id = 1;
-- filter EmptySubnets; EmptySubnetsOnly
SELECT network FROM ipam.ip_subnet_details
WHERE is_empty AND virtualization_type = 'NonVirtualized' ORDER BY network;
-- filter LogicalNetwork
SELECT network, network_site FROM ipam.ip_subnet_details WHERE logical_network = 'Blue';
-- by category (IpamIPSubnetsByAddressCategory)
SELECT network FROM ipam.ip_subnet WHERE address_category = 'Public' AND family(network) = 4;
-- below a block (IpamIPSubnetsByBlockId)
SELECT network, name FROM ipam.subnets_of_block(2) ORDER BY network;
-- directly below a block (IpamIPSubnetsDirectChildrenByBlockId)
SELECT network, name FROM ipam.ip_subnet WHERE block_id = 2 ORDER BY network;
-- without a block (IpamIPSubnetsByUnmapped)
SELECT network FROM ipam.ip_subnet_details
WHERE unmapped AND virtualization_type = 'NonVirtualized' ORDER BY network;
-- around and inside a subnet
SELECT s.network, s.use_for_utilization FROM ipam.overlapping_subnets(2) AS id
JOIN ipam.ip_subnet AS s USING (id);

-- Ranges
-- filter VirtualizationType, AddressCategory, AddressSpaceName (2.2.4.306); IPRangeByAddressSpaceAndVirtualizationType, ...ByVirtualizationType
SELECT start_address, end_address FROM ipam.ip_range_details
WHERE virtualization_type = 'Virtual' AND address_category = 'Private' AND address_space_name = 'Contoso';
-- filter ManagedByService, ServiceInstance, AddressSpaceId; IPRangeByManagedByAndManagedByEntity
SELECT start_address, end_address FROM ipam.ip_range
WHERE managed_by = 'MS DHCP' AND managed_by_entity = 'dhcp1' AND address_space_id = 1 ORDER BY start_address;
-- filter StartIP, EndIP; 3.3.4.94
SELECT id, managed_by FROM ipam.ip_range
WHERE start_address = '10.1.1.10' AND end_address = '10.1.1.99' AND address_space_id = 1 ORDER BY id;
-- filter Unmapped; IPRangeUnmapped
SELECT start_address, subnet_network FROM ipam.ip_range_details WHERE unmapped AND address_family = 4;
-- how many of them (3.3.4.110)
SELECT ipam.count_unmapped_ranges(4) AS ipv4, ipam.count_unmapped_ranges(6) AS ipv6,
    ipam.count_unmapped_ranges() AS both;
-- all, of a category (IPRangeRoot)
SELECT start_address, end_address, address_count FROM ipam.ip_range_details
WHERE address_category = 'GlobalIPv6Unicast';
-- below a block (IPRangeAllForBlock)
SELECT start_address, end_address FROM ipam.ranges_of_block(1) ORDER BY start_address, managed_by;
-- of the subnets directly below a block, of an assignment (IPRangeForBlock)
SELECT start_address FROM ipam.ip_range_details WHERE block_id = 2 AND address_assignment = 'Dynamic';
-- of a subnet (IPRangeForSubnet)
SELECT start_address, end_address, managed_by FROM ipam.ip_range
WHERE subnet_id = 2 ORDER BY start_address, managed_by;
-- inside a stretch of addresses (3.3.4.95)
SELECT start_address, end_address FROM ipam.ip_range
WHERE extent <@ ipam.inetrange('10.1.0.0', '10.1.1.255', '[]') AND masklen(network) >= 24
    AND address_space_id = 1
ORDER BY start_address, managed_by;
-- that overlap a range
SELECT r.start_address, r.managed_by FROM ipam.overlapping_ranges(1) AS id JOIN ipam.ip_range AS r USING (id);
-- by ids, missing ones left out (3.3.4.83; likewise 3.3.4.55, 3.3.4.65, 3.3.4.79, 3.3.4.107)
SELECT id, start_address FROM ipam.ip_range_details WHERE id = ANY ('{1,3,1000}') ORDER BY id;
-- of a DHCP server (IPRangeAllForDhcpServer; with IncludeAutoTypeRanges also those with assignment Auto)
SELECT start_address, dhcp_scope_name FROM ipam.ip_range
WHERE managed_by = 'MS DHCP' AND managed_by_entity = 'dhcp1' ORDER BY start_address;
-- dynamic ones below a block, which stand for the scopes (DhcpScopeForIpBlock)
SELECT start_address, dhcp_scope_name FROM ipam.ranges_of_block(1)
WHERE address_assignment = 'Dynamic' ORDER BY start_address;
-- all overlapping ones
SELECT start_address, managed_by, range_overlap_state FROM ipam.ip_range_details
WHERE is_overlapping ORDER BY start_address, managed_by;

-- Addresses
-- filter VirtualizationType, AddressCategory, AddressSpaceName (2.2.4.262); IpamIPAddressByAddressSpaceAndVirtualizationType, ...ByVirtualizationType
SELECT address FROM ipam.ip_address_details
WHERE virtualization_type = 'Virtual' AND address_category = 'Private' AND address_space_name = 'Contoso';
-- filter ManagedByService, ServiceInstance; IpamIPAddressByManagedByAndManagedByEntity
SELECT address FROM ipam.ip_address
WHERE managed_by = 'MS DHCP' AND managed_by_entity = 'dhcp1' AND family(address) = 4 ORDER BY address;
-- filter IpAddress; 3.3.4.46 to 48
SELECT managed_by, managed_by_entity, is_duplicate FROM ipam.ip_address_details
WHERE address = '10.1.1.10' AND address_space_id = 1 ORDER BY managed_by;
-- filter Unmapped; IpamIPAddressUnmappedAddress
SELECT address FROM ipam.ip_address_details WHERE unmapped;
-- below a block (IpamIPAddressByBlockId)
SELECT address, device_name FROM ipam.ip_addresses_of_block(2) ORDER BY address, managed_by;
-- of a subnet (IpamIPAddressBySubnetId)
SELECT address, device_name FROM ipam.ip_addresses_of_subnet(2) ORDER BY address, managed_by;
-- of a range (IpamIPAddressByRangeId)
SELECT address, device_name FROM ipam.ip_address WHERE range_id = 1 ORDER BY address;
-- of ranges without a block (IpamIPAddressForUnmappedRanges)
SELECT a.address FROM ipam.ip_range_details AS r JOIN ipam.ip_address AS a ON a.range_id = r.id
WHERE r.unmapped;
-- all, of a category (IpamIPAddressRootAddresses)
SELECT count(*) FROM ipam.ip_address WHERE address_category = 'Private';
-- expired, or soon to expire
SELECT address, expiry_status, is_expired, in_warning_period FROM ipam.ip_address_details
WHERE expiry_status <> 'Active' ORDER BY address;

-- Custom fields and logical groups
-- fields, of a name (CustomFieldEnumerationParameters)
SELECT id, name, type FROM ipam.custom_field WHERE name = 'Logical Network';
-- built-in ones by number, whatever their name (3.3.4.67, 3.3.4.68)
SELECT f.name AS field, g.name AS logical_group FROM ipam.custom_field AS f, ipam.logical_group AS g
WHERE f.built_in_number = 8 AND g.built_in_number = 2;
-- values of a field
SELECT value FROM ipam.custom_field_value WHERE custom_field_id = 12 ORDER BY value;
-- associations (CustomFieldAssociationEnumerationParameters)
SELECT custom_field, value, associated_field, associated_value FROM ipam.custom_field_association
WHERE custom_field_id < associated_field_id ORDER BY value;
-- groups for addresses, ranges and subnets, of a name (LogicalGroups)
SELECT id, name FROM ipam.logical_group WHERE users = 'IPAddressSpaceManagement' AND name = 'Managed by';
-- top level of a group (LogicalGroupNodeRoot)
SELECT value, members, percent_utilized FROM ipam.logical_group_nodes(2, 'Range', address_family => 4);
-- nodes under a node (LogicalGroupNodeChildren)
SELECT value, members FROM ipam.logical_group_nodes(2, 'Range', '{MS DHCP}');
-- the same in one address space (SubnetLogicalGroupNodeRoot)
SELECT value, members FROM ipam.logical_group_nodes(3, 'Subnet', address_family => 4, address_space_id => 1);
-- objects of a node (LogicalGroupDataForLogicalGroupNode, IPRangeAllForLogicalGroupNode)
SELECT r.start_address, r.managed_by_entity FROM ipam.logical_group_members(2, 'Range', '{MS DHCP}') AS id
JOIN ipam.ip_range AS r USING (id) ORDER BY r.start_address;
-- objects with any value (...ForRootAlternateItems), and without one (...UnmappedItems)
SELECT s.network FROM ipam.logical_group_members(3, 'Subnet') AS id JOIN ipam.ip_subnet AS s USING (id)
ORDER BY s.network;
SELECT s.network FROM ipam.logical_group_unmapped(3, 'Subnet', address_family => 6) AS id
JOIN ipam.ip_subnet AS s USING (id) ORDER BY s.network;
-- addresses of the ranges of a node (IpamIPAddressAllForLogicalGroupNode, ...AllForLogicalGroup)
SELECT a.address FROM ipam.logical_group_members(2, 'Range', '{MS DHCP}') AS range_id
JOIN ipam.ip_address AS a USING (range_id) ORDER BY a.address;
-- addresses of ranges that are not in a group (UnmappedIpamIPAddressForLogicalGroup)
SELECT count(*) FROM ipam.logical_group_unmapped(3, 'Range') AS range_id
JOIN ipam.ip_address AS a USING (range_id);

-- Faults.
\set VERBOSITY terse
SELECT * FROM ipam.block_hierarchy(0);
SELECT * FROM ipam.block_hierarchy(NULL);
SELECT * FROM ipam.block_hierarchy_for_subnet(0);
SELECT * FROM ipam.block_hierarchy_for_range(NULL);
SELECT * FROM ipam.subnets_of_block(0);
SELECT * FROM ipam.ranges_of_block(0);
SELECT * FROM ipam.ip_addresses_of_block(NULL);
SELECT * FROM ipam.ip_addresses_of_subnet(0);
SELECT ipam.count_unmapped_ranges(5);
\set VERBOSITY default
-- A subnet without a block has no hierarchy.
SELECT count(*) FROM ipam.block_hierarchy_for_subnet(5);

-- A subnet is below exactly the blocks of its hierarchy, also with blocks that do not fill their network.
INSERT INTO ipam.ip_block (network, start_address, end_address) VALUES ('10.2.0.0/20', '10.2.1.0', '10.2.3.255'), ('10.2.2.0/24', NULL, NULL);
INSERT INTO ipam.ip_subnet (network, name) VALUES ('10.2.0.0/22', 'wide'), ('10.2.2.0/23', 'in'), ('10.2.2.0/25', 'deep'), ('10.2.3.252/30', 'last');
SELECT b.id AS block_id, s.id AS subnet_id FROM ipam.ip_block AS b, ipam.subnets_of_block(b.id) AS s
EXCEPT SELECT h.id, s.id FROM ipam.ip_subnet AS s, ipam.block_hierarchy_for_subnet(s.id) AS h;
SELECT h.id AS block_id, s.id AS subnet_id FROM ipam.ip_subnet AS s, ipam.block_hierarchy_for_subnet(s.id) AS h
EXCEPT SELECT b.id, s.id FROM ipam.ip_block AS b, ipam.subnets_of_block(b.id) AS s;
WITH RECURSIVE chain AS (
    SELECT s.id AS subnet_id, s.block_id FROM ipam.ip_subnet AS s WHERE s.block_id IS NOT NULL
    UNION ALL
    SELECT c.subnet_id, b.parent_id FROM chain AS c JOIN ipam.ip_block AS b ON b.id = c.block_id WHERE b.parent_id IS NOT NULL)
SELECT subnet_id, array_agg(block_id) FROM chain GROUP BY subnet_id
EXCEPT SELECT s.id, (SELECT array_agg(h.id ORDER BY masklen(h.network) DESC) FROM ipam.block_hierarchy_for_subnet(s.id) AS h) FROM ipam.ip_subnet AS s;

-- Everything that the views know of one object.
\x on
SELECT name, provider_address_space_name, customer_address_space_name, tenant, vm_network, customer_space_count, subnet_count, range_count,
       ipv4_percent_utilized, ipv4_utilization_status, ipv6_percent_utilized FROM ipam.address_space_details ORDER BY id;
SELECT network, address_space_name, address_family, prefix_length, subnet_mask, parent_network, child_block_count, child_subnet_count,
       last_assigned_at = now() AS assigned_now, percent_utilized, utilization_status FROM ipam.ip_block_details WHERE id = 2;
SELECT network, address_space_name, provider_address_space_name, customer_address_space_name, address_family, prefix_length, subnet_mask,
       start_address, end_address, unmapped, is_empty, is_overlapping, use_for_utilization, logical_network, network_site, range_count,
       last_assigned_at = now() AS assigned_now, percent_utilized, utilization_status FROM ipam.ip_subnet_details WHERE id IN (2, 9) ORDER BY id;
SELECT extent, address_space_name, provider_address_space_name, customer_address_space_name, address_family, prefix_length, subnet_mask,
       subnet_network, subnet_name, block_id, unmapped, is_overlapping, range_overlap_state, address_count, last_assigned_at = now() AS assigned_now,
       percent_utilized, utilization_status FROM ipam.ip_range_details WHERE id IN (1, 6) ORDER BY id;
SELECT address, address_space_name, provider_address_space_name, customer_address_space_name, address_family, range_start_address, range_end_address,
       subnet_mask, subnet_id, subnet_network, subnet_name, unmapped, is_duplicate, expiry_status, is_expired, in_warning_period
FROM ipam.ip_address_details WHERE id IN (1, 5) ORDER BY id;
\x off
-- The newest address of a range: when it was assigned, or else recorded.
UPDATE ipam.ip_address SET assigned_at = '2020-02-02 12:00Z' WHERE range_id = 1;
SELECT last_assigned_at AT TIME ZONE 'UTC' AS last_assigned_at FROM ipam.ip_range_details WHERE id = 1;
-- An exclusion ends an overlap.
UPDATE ipam.ip_range SET excluded_addresses = '{[10.1.1.10,10.1.1.99]}' WHERE managed_by = 'MS DHCP' AND start_address = '10.1.1.10';
SELECT is_overlapping, range_overlap_state FROM ipam.ip_range_details WHERE id = 1;
-- The views have all columns of their tables.
SELECT t.attrelid::regclass, t.attname FROM pg_attribute AS t
WHERE t.attrelid = ANY ('{ipam.address_space,ipam.ip_block,ipam.ip_subnet,ipam.ip_range,ipam.ip_address}'::regclass[]) AND t.attnum > 0
  AND NOT t.attisdropped AND NOT EXISTS (
    SELECT FROM pg_attribute AS v WHERE v.attrelid = (t.attrelid::regclass || '_details')::regclass AND v.attname = t.attname);

-- One row is asked for, one row is worked out: nothing but the last query reads a whole table.
CREATE FUNCTION pg_temp.whole_reads(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ 'Seq Scan' THEN
            RETURN NEXT query || ': ' || trim(line);
        END IF;
    END LOOP;
END
$$;
SET LOCAL enable_seqscan = off;
SELECT w FROM (VALUES
    ('SELECT * FROM ipam.address_space_details WHERE id = 2'),
    ('SELECT * FROM ipam.ip_block_details WHERE id = 2'),
    ('SELECT * FROM ipam.ip_subnet_details WHERE id = 2'),
    ($$SELECT * FROM ipam.ip_subnet_details WHERE address_space_id = 1 AND network = '10.1.1.0/24'$$),
    ('SELECT * FROM ipam.ip_range_details WHERE id = 2'),
    ('SELECT * FROM ipam.ip_address_details WHERE id = 2'),
    ($$SELECT * FROM ipam.ip_address_details WHERE address_space_name = 'Contoso' AND address = '10.1.1.10'$$),
    ('SELECT * FROM ipam.subnets_of_block(2)'),
    ('SELECT * FROM ipam.ranges_of_block(2)'),
    ($$SELECT * FROM ipam.ip_addresses_of_block(2) WHERE address = '10.1.1.10'$$),
    ('SELECT * FROM ipam.ip_addresses_of_subnet(2)'),
    ('SELECT * FROM ipam.block_hierarchy_for_range(1)'),
    ($$SELECT id FROM ipam.ip_address_details WHERE notes = 'this one has no index'$$)) AS q(query), pg_temp.whole_reads(q.query) AS w;
ROLLBACK;
