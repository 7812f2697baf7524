-- Puts a NetBox export into the plan. The export stands in tables of the schema netbox, named as in
-- NetBox, every column as text. Each view netbox.to_... says what becomes of the rows of one of
-- them: besides source_id and source_value, its columns are those of the table it goes to.
--
-- Afterwards every row stands either in netbox.mapped, with the id of what was made of it, or in
-- netbox.report, with the reason why the plan does not take it. Another CALL netbox.transfer_all()
-- takes the rows that have come since.

CREATE TABLE netbox.mapped (
    kind      text NOT NULL,   -- table of the export
    source_id text NOT NULL,   -- id in the export
    id        bigint NOT NULL, -- id in the plan
    PRIMARY KEY (kind, source_id)
);
CREATE TABLE netbox.report (
    kind      text NOT NULL,
    source_id text NOT NULL,
    value     text,            -- the prefix, address or name in the export
    sqlstate  text NOT NULL,
    fault     text,            -- name of the fault or of the violated constraint
    message   text NOT NULL,
    PRIMARY KEY (kind, source_id)
);

-- Inserts the rows of a view into a table one by one, each in a subtransaction.
CREATE PROCEDURE netbox.transfer(kind text, source regclass, target regclass)
LANGUAGE plpgsql AS $$
DECLARE
    columns text := (
        SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
        WHERE attrelid = source AND attnum > 0 AND attname NOT IN ('source_id', 'source_value'));
    given record;
    new_id bigint;
    state text;
    fault text;
    message text;
BEGIN
    FOR given IN EXECUTE format(
        'SELECT source_id, source_value FROM %s AS s
         WHERE NOT EXISTS (SELECT FROM netbox.mapped AS m WHERE m.kind = $1 AND m.source_id = s.source_id)
           AND NOT EXISTS (SELECT FROM netbox.report AS r WHERE r.kind = $1 AND r.source_id = s.source_id)
         ORDER BY source_id::bigint', source) USING kind
    LOOP
        BEGIN
            EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM %s WHERE source_id = $1 RETURNING id', target, columns, source)
            INTO STRICT new_id USING given.source_id;
            INSERT INTO netbox.mapped VALUES (kind, given.source_id, new_id);
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, fault = CONSTRAINT_NAME, message = MESSAGE_TEXT;
            INSERT INTO netbox.report VALUES (kind, given.source_id, given.source_value, state, nullif(fault, ''), message);
        END;
    END LOOP;
END
$$;

-- The address space of a VRF; no VRF is the default space, a VRF that was not taken none at all.
CREATE FUNCTION netbox.address_space(vrf_id text) RETURNS bigint LANGUAGE sql STABLE
RETURN CASE WHEN vrf_id IS NULL THEN (SELECT id FROM ipam.address_space WHERE is_default)
            ELSE (SELECT id FROM netbox.mapped WHERE kind = 'ipam_vrf' AND source_id = vrf_id) END;

CREATE FUNCTION netbox.tenant(tenant_id text) RETURNS text LANGUAGE sql STABLE
RETURN (SELECT name FROM netbox.tenancy_tenant WHERE id = tenant_id);

-- Tenants, sites and roles are values of the built-in fields Tenant, Network Site and Type of networks.
CREATE VIEW netbox.to_tenant AS
SELECT n.id AS source_id, n.name AS source_value, f.id AS custom_field_id, n.name AS value
FROM netbox.tenancy_tenant AS n, ipam.custom_field AS f WHERE f.built_in_number = 16;

CREATE VIEW netbox.to_site AS
SELECT n.id AS source_id, n.name AS source_value, f.id AS custom_field_id, n.name AS value
FROM netbox.dcim_site AS n, ipam.custom_field AS f WHERE f.built_in_number = 14;

CREATE VIEW netbox.to_role AS
SELECT n.id AS source_id, n.name AS source_value, f.id AS custom_field_id, n.name AS value
FROM netbox.ipam_role AS n, ipam.custom_field AS f WHERE f.built_in_number = 4;

-- A VRF is a provider space of its own.
CREATE VIEW netbox.to_space AS
SELECT id AS source_id, name AS source_value, name, concat_ws(', ', nullif(description, ''), 'route distinguisher ' || nullif(rd, '')) AS description,
       netbox.tenant(tenant_id) AS owner
FROM netbox.ipam_vrf;

-- An aggregate is a top block. The registries have shorter names here; RFC 1918 and the like are none.
CREATE VIEW netbox.to_top_block AS
SELECT a.id AS source_id, a.prefix AS source_value, a.prefix::cidr AS network,
       CASE WHEN r.is_private = 'f' THEN split_part(r.name, ' ', 1) END AS rir, a.date_added::date AS rir_received_on,
       nullif(a.description, '') AS description, netbox.tenant(a.tenant_id) AS owner
FROM netbox.ipam_aggregate AS a LEFT JOIN netbox.ipam_rir AS r ON r.id = a.rir_id;

-- A container of the default space is a block.
CREATE VIEW netbox.to_block AS
SELECT p.id AS source_id, p.prefix AS source_value, p.prefix::cidr AS network,
       coalesce(nullif(p.description, ''), s.name) AS description, netbox.tenant(p.tenant_id) AS owner
FROM netbox.ipam_prefix AS p LEFT JOIN netbox.dcim_site AS s ON s.id = p._site_id
WHERE p.status = 'container' AND p.vrf_id IS NULL;

-- Every other prefix is a subnet. It has no name in NetBox: what describes it becomes one.
CREATE VIEW netbox.to_subnet AS
SELECT p.id AS source_id, p.prefix AS source_value, p.prefix::cidr AS network, netbox.address_space(p.vrf_id) AS address_space_id,
       coalesce(nullif(p.description, ''), nullif(concat_ws(' ', s.name, r.name), ''), p.prefix) AS name,
       array_remove(ARRAY[v.vid::integer], NULL) AS vlan_ids, netbox.tenant(p.tenant_id) AS owner,
       jsonb_strip_nulls(jsonb_build_object('Tenant', netbox.tenant(p.tenant_id), 'Network Site', s.name, 'Type of networks', r.name)) AS custom_fields
FROM netbox.ipam_prefix AS p
LEFT JOIN netbox.dcim_site AS s ON s.id = p._site_id
LEFT JOIN netbox.ipam_role AS r ON r.id = p.role_id
LEFT JOIN netbox.ipam_vlan AS v ON v.id = p.vlan_id
WHERE NOT (p.status = 'container' AND p.vrf_id IS NULL);

-- The mask of the start address is the network that the hosts have.
CREATE VIEW netbox.to_range AS
SELECT id AS source_id, start_address || ' - ' || end_address AS source_value, netbox.address_space(vrf_id) AS address_space_id,
       network(start_address::inet) AS network, host(start_address::inet)::inet AS start_address, host(end_address::inet)::inet AS end_address,
       CASE status WHEN 'reserved' THEN 'Reserved' ELSE 'Static' END::ipam.address_assignment AS address_assignment,
       nullif(description, '') AS description, netbox.tenant(tenant_id) AS owner,
       jsonb_strip_nulls(jsonb_build_object('Tenant', netbox.tenant(tenant_id))) AS custom_fields
FROM netbox.ipam_iprange;

-- The mask of an address says nothing that its subnet does not say.
CREATE VIEW netbox.to_address AS
SELECT id AS source_id, address AS source_value, netbox.address_space(vrf_id) AS address_space_id, host(address::inet)::inet AS address,
       CASE status WHEN 'reserved' THEN 'Reserved' WHEN 'deprecated' THEN 'Inactive' ELSE 'In-Use' END AS state,
       CASE WHEN role IN ('vip', 'vrrp', 'hsrp', 'glbp', 'carp', 'anycast') THEN 'VIP' WHEN status = 'dhcp' THEN 'Dynamic'
            WHEN status = 'slaac' THEN 'Auto' ELSE 'Static' END::ipam.address_assignment AS address_assignment,
       nullif(dns_name, '') AS device_name, nullif(concat_ws(' ', nullif(description, ''), nullif(comments, '')), '') AS notes,
       netbox.tenant(tenant_id) AS owner, jsonb_strip_nulls(jsonb_build_object('Tenant', netbox.tenant(tenant_id))) AS custom_fields
FROM netbox.ipam_ipaddress;

CREATE PROCEDURE netbox.transfer_all()
LANGUAGE plpgsql AS $$
BEGIN
    CALL netbox.transfer('tenancy_tenant', 'netbox.to_tenant', 'ipam.custom_field_value');
    CALL netbox.transfer('dcim_site', 'netbox.to_site', 'ipam.custom_field_value');
    CALL netbox.transfer('ipam_role', 'netbox.to_role', 'ipam.custom_field_value');
    CALL netbox.transfer('ipam_vrf', 'netbox.to_space', 'ipam.address_space');
    CALL netbox.transfer('ipam_aggregate', 'netbox.to_top_block', 'ipam.ip_block');
    CALL netbox.transfer('ipam_prefix', 'netbox.to_block', 'ipam.ip_block');
    CALL netbox.transfer('ipam_prefix', 'netbox.to_subnet', 'ipam.ip_subnet');
    CALL netbox.transfer('ipam_iprange', 'netbox.to_range', 'ipam.ip_range');
    CALL netbox.transfer('ipam_ipaddress', 'netbox.to_address', 'ipam.ip_address');
END
$$;

CALL netbox.transfer_all();
