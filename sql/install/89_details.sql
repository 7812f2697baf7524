-- Details: each kind of object with everything that is known by asking: names, counts, overlap, expiry,
-- utilization (MS-IPAMM2 2.2.4.7, 2.2.4.257, 2.2.4.295, 2.2.4.301, 2.2.4.314).
--
-- Joins are LEFT JOINs by a primary key and the rest are subqueries of the select list: what a query does not
-- ask for is not worked out, and of one row only that row. OFFSET 0: once for all columns that tell of it.

CREATE TYPE ipam.range_overlap_state AS ENUM ('NotOverlapping', 'Overlapping');
COMMENT ON TYPE ipam.range_overlap_state IS
    'whether another range of the address space has an address in common; that of a failover pair is Overlapping, because scopes are not stored';

CREATE VIEW ipam.address_space_details WITH (security_invoker) AS
SELECT s.*,
       coalesce(p.name, s.name) AS provider_address_space_name,
       CASE s.type WHEN 'Customer' THEN s.name END AS customer_address_space_name,
       s.custom_fields ->> (SELECT f.name FROM ipam.custom_field AS f WHERE f.id = 16) AS tenant,
       s.custom_fields ->> (SELECT f.name FROM ipam.custom_field AS f WHERE f.id = 15) AS vm_network,
       (SELECT count(*) FROM ipam.address_space AS c WHERE c.provider_id = s.id) AS customer_space_count,
       (SELECT count(*) FROM ipam.ip_subnet AS n WHERE n.address_space_id = s.id) AS subnet_count,
       (SELECT count(*) FROM ipam.ip_range AS r WHERE r.address_space_id = s.id) AS range_count,
       (u.ipv4).percent_utilized AS ipv4_percent_utilized,
       (u.ipv4).status AS ipv4_utilization_status,
       (u.ipv6).percent_utilized AS ipv6_percent_utilized,
       (u.ipv6).status AS ipv6_utilization_status
FROM ipam.address_space AS s
    LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id
    CROSS JOIN LATERAL (
        SELECT (SELECT v4 FROM ipam.address_space_utilization AS v4 WHERE v4.address_space_id = s.id AND v4.address_family = 4) AS ipv4,
               (SELECT v6 FROM ipam.address_space_utilization AS v6 WHERE v6.address_space_id = s.id AND v6.address_family = 6) AS ipv6
        OFFSET 0) AS u;
COMMENT ON VIEW ipam.address_space_details IS 'address spaces with what is known by asking (MS-IPAMM2 2.2.4.7)';

CREATE VIEW ipam.ip_block_details WITH (security_invoker) AS
SELECT b.*,
       s.name AS address_space_name,
       family(b.network) AS address_family,
       masklen(b.network) AS prefix_length,
       netmask(b.network) AS subnet_mask,
       p.network AS parent_network,
       (SELECT count(*) FROM ipam.ip_block AS c WHERE c.parent_id = b.id) AS child_block_count,
       (SELECT count(*) FROM ipam.ip_subnet AS c WHERE c.block_id = b.id) AS child_subnet_count,
       (SELECT max(r.created_at)
        FROM ipam.ip_subnet AS n JOIN ipam.ip_range AS r ON r.subnet_id = n.id
        WHERE n.address_space_id = 1 AND n.network >= b.network AND n.network <= b.end_address
          AND n.extent <@ b.extent AND masklen(n.network) >= masklen(b.network)) AS last_assigned_at,
       (u.utilization).percent_utilized AS percent_utilized,
       (u.utilization).status AS utilization_status
FROM ipam.ip_block AS b
    LEFT JOIN ipam.address_space AS s ON s.id = b.address_space_id
    LEFT JOIN ipam.ip_block AS p ON p.id = b.parent_id
    CROSS JOIN LATERAL (
        SELECT (SELECT found FROM ipam.block_utilization AS found WHERE found.block_id = b.id) AS utilization OFFSET 0) AS u;
COMMENT ON VIEW ipam.ip_block_details IS 'blocks with what is known by asking (MS-IPAMM2 2.2.4.295)';

CREATE VIEW ipam.ip_subnet_details WITH (security_invoker) AS
SELECT n.*,
       s.name AS address_space_name,
       coalesce(p.name, s.name) AS provider_address_space_name,
       CASE s.type WHEN 'Customer' THEN s.name END AS customer_address_space_name,
       family(n.network) AS address_family,
       masklen(n.network) AS prefix_length,
       netmask(n.network) AS subnet_mask,
       lower(n.extent) AS start_address,
       upper(n.extent) AS end_address,
       n.address_space_id = 1 AND n.block_id IS NULL AS unmapped,
       NOT EXISTS (SELECT FROM ipam.ip_range AS r WHERE r.subnet_id = n.id) AS is_empty,
       EXISTS (SELECT FROM ipam.find_overlapping_subnets(n.address_space_id, n.network) AS o WHERE o.id <> n.id) AS is_overlapping,
       n.custom_fields ->> (SELECT f.name FROM ipam.custom_field AS f WHERE f.id = 12) AS logical_network,
       n.custom_fields ->> (SELECT f.name FROM ipam.custom_field AS f WHERE f.id = 14) AS network_site,
       (SELECT count(*) FROM ipam.ip_range AS r WHERE r.subnet_id = n.id) AS range_count,
       (SELECT max(r.created_at) FROM ipam.ip_range AS r WHERE r.subnet_id = n.id) AS last_assigned_at,
       (u.utilization).percent_utilized AS percent_utilized,
       (u.utilization).status AS utilization_status
FROM ipam.ip_subnet AS n
    LEFT JOIN ipam.address_space AS s ON s.id = n.address_space_id
    LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id
    CROSS JOIN LATERAL (
        SELECT (SELECT found FROM ipam.subnet_utilization AS found WHERE found.subnet_id = n.id) AS utilization OFFSET 0) AS u;
COMMENT ON VIEW ipam.ip_subnet_details IS 'subnets with what is known by asking (MS-IPAMM2 2.2.4.314)';

CREATE VIEW ipam.ip_range_details WITH (security_invoker) AS
SELECT r.*,
       s.name AS address_space_name,
       coalesce(p.name, s.name) AS provider_address_space_name,
       CASE s.type WHEN 'Customer' THEN s.name END AS customer_address_space_name,
       family(r.start_address) AS address_family,
       masklen(r.network) AS prefix_length,
       netmask(r.network) AS subnet_mask,
       n.network AS subnet_network,
       n.name AS subnet_name,
       n.block_id,
       r.address_space_id = 1 AND n.block_id IS NULL AS unmapped,
       o.is_overlapping,
       CASE WHEN o.is_overlapping THEN 'Overlapping'::ipam.range_overlap_state ELSE 'NotOverlapping' END AS range_overlap_state,
       (SELECT count(*) FROM ipam.ip_address AS a WHERE a.range_id = r.id) AS address_count,
       (SELECT max(coalesce(a.assigned_at, a.created_at)) FROM ipam.ip_address AS a WHERE a.range_id = r.id) AS last_assigned_at,
       (u.utilization).percent_utilized AS percent_utilized,
       (u.utilization).status AS utilization_status
FROM ipam.ip_range AS r
    LEFT JOIN ipam.ip_subnet AS n ON n.id = r.subnet_id
    LEFT JOIN ipam.address_space AS s ON s.id = r.address_space_id
    LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM ipam.find_overlapping_ranges(r.address_space_id, r.extent, r.excluded_addresses) AS other
            WHERE other.id <> r.id) AS is_overlapping
        OFFSET 0) AS o
    CROSS JOIN LATERAL (
        SELECT (SELECT found FROM ipam.range_utilization AS found WHERE found.range_id = r.id) AS utilization OFFSET 0) AS u;
COMMENT ON VIEW ipam.ip_range_details IS 'ranges with what is known by asking (MS-IPAMM2 2.2.4.301)';

CREATE VIEW ipam.ip_address_details WITH (security_invoker) AS
SELECT a.*,
       s.name AS address_space_name,
       coalesce(p.name, s.name) AS provider_address_space_name,
       CASE s.type WHEN 'Customer' THEN s.name END AS customer_address_space_name,
       family(a.address) AS address_family,
       r.start_address AS range_start_address,
       r.end_address AS range_end_address,
       netmask(r.network) AS subnet_mask,
       r.subnet_id,
       n.network AS subnet_network,
       n.name AS subnet_name,
       a.range_id IS NULL AS unmapped,
       EXISTS (SELECT FROM ipam.ip_address AS other
               WHERE other.address_space_id = a.address_space_id AND other.address = a.address AND other.id <> a.id) AS is_duplicate,
       e.expiry_status,
       coalesce(e.expiry_status = 'Expired', false) AS is_expired,
       coalesce(e.expiry_status = 'Alert', false) AS in_warning_period
FROM ipam.ip_address AS a
    LEFT JOIN ipam.ip_range AS r ON r.id = a.range_id
    LEFT JOIN ipam.ip_subnet AS n ON n.id = r.subnet_id
    LEFT JOIN ipam.address_space AS s ON s.id = a.address_space_id
    LEFT JOIN ipam.address_space AS p ON p.id = s.provider_id
    CROSS JOIN LATERAL (
        SELECT ipam.expiry_status(a.expires_at, (SELECT ipam.expiry_alert_threshold())) AS expiry_status) AS e;
COMMENT ON VIEW ipam.ip_address_details IS 'addresses with what is known by asking (MS-IPAMM2 2.2.4.257)';

-- Comments of the columns: stored ones have those of their table.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT v.oid::regclass AS view, a.attname, coalesce(col_description(t.attrelid, t.attnum), computed.comment) AS comment
        FROM (VALUES ('address_space'), ('ip_block'), ('ip_subnet'), ('ip_range'), ('ip_address')) AS kind(name)
            JOIN pg_class AS v ON v.oid = format('ipam.%I', kind.name || '_details')::regclass
            JOIN pg_attribute AS a ON a.attrelid = v.oid AND a.attnum > 0
            LEFT JOIN pg_attribute AS t ON t.attrelid = format('ipam.%I', kind.name)::regclass AND t.attname = a.attname
            LEFT JOIN (VALUES
                ('', 'address_space_name', 'name of the address space'),
                ('', 'provider_address_space_name', 'name of the provider space: of the space itself, or the one under a customer space'),
                ('', 'customer_address_space_name', 'name of the customer space; NULL in provider spaces'),
                ('', 'address_family', '4 or 6'),
                ('', 'prefix_length', 'prefix length of the network'),
                ('', 'subnet_mask', 'mask of the network'),
                ('address_space', 'tenant', 'value of custom field 16'),
                ('address_space', 'vm_network', 'value of custom field 15'),
                ('address_space', 'customer_space_count', 'number of customer spaces on it'),
                ('address_space', 'subnet_count', 'number of subnets'),
                ('address_space', 'range_count', 'number of ranges'),
                ('address_space', 'ipv4_percent_utilized', 'utilization of its IPv4 ranges in percent'),
                ('address_space', 'ipv4_utilization_status', 'Under, Optimal or Over'),
                ('address_space', 'ipv6_percent_utilized', 'utilization of its IPv6 ranges in percent'),
                ('address_space', 'ipv6_utilization_status', 'Under, Optimal or Over'),
                ('ip_block', 'parent_network', 'network of the smallest block around it; NULL: a root'),
                ('ip_block', 'child_block_count', 'number of blocks directly below'),
                ('ip_block', 'child_subnet_count', 'number of subnets directly below'),
                ('ip_block', 'last_assigned_at', 'when the newest range below it was made'),
                ('ip_subnet', 'start_address', 'first address'),
                ('ip_subnet', 'end_address', 'last address'),
                ('ip_subnet', 'is_empty', 'whether it has no ranges'),
                ('ip_subnet', 'unmapped', 'whether it is in the default address space and no block is around it'),
                ('ip_subnet', 'is_overlapping', 'whether another subnet of the address space is around or inside it'),
                ('ip_subnet', 'logical_network', 'value of custom field 12'),
                ('ip_subnet', 'network_site', 'value of custom field 14'),
                ('ip_subnet', 'range_count', 'number of ranges'),
                ('ip_subnet', 'last_assigned_at', 'when its newest range was made'),
                ('ip_range', 'subnet_network', 'network of its subnet'),
                ('ip_range', 'subnet_name', 'name of its subnet'),
                ('ip_range', 'block_id', 'the block of its subnet'),
                ('ip_range', 'unmapped', 'whether it is in the default address space and no block is around its subnet'),
                ('ip_range', 'is_overlapping', 'whether another range of the address space has an address in common; excluded ones do not count'),
                ('ip_range', 'range_overlap_state', 'the same as a word of the protocol'),
                ('ip_range', 'address_count', 'number of recorded addresses'),
                ('ip_range', 'last_assigned_at', 'when its newest address was assigned, or else recorded'),
                ('ip_address', 'range_start_address', 'first address of its range'),
                ('ip_address', 'range_end_address', 'last address of its range'),
                ('ip_address', 'subnet_id', 'the subnet of its range'),
                ('ip_address', 'subnet_network', 'network of that subnet'),
                ('ip_address', 'subnet_name', 'name of that subnet'),
                ('ip_address', 'unmapped', 'whether no range holds it'),
                ('ip_address', 'is_duplicate', 'whether another service has recorded the address in the same address space'),
                ('ip_address', 'expiry_status', 'Active, Alert or Expired; NULL: it does not expire'),
                ('ip_address', 'is_expired', 'whether its expiry has passed'),
                ('ip_address', 'in_warning_period', 'whether it expires within ExpiryAlertThreshold days'),
                ('', 'percent_utilized', 'utilized of total addresses in percent'),
                ('', 'utilization_status', 'Under, Optimal or Over')
            ) AS computed(kind, name, comment) ON computed.name = a.attname AND computed.kind IN ('', kind.name)
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', given.view, given.attname, given.comment);
    END LOOP;
END
$$;
