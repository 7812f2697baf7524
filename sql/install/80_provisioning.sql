-- Provisioning: the rows that every store begins with (MS-IPAMM2 3.1.1.1.14 to 16, 28, 33).

-- The position in the list is the number of the value: a new name goes to the end.
CREATE FUNCTION ipam.country_names() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
        'Afghanistan', 'Åland Islands', 'Albania', 'Algeria', 'American Samoa', 'Andorra', 'Angola', 'Anguilla',
        'Antarctica', 'Antigua and Barbuda', 'Argentina', 'Armenia', 'Aruba', 'Australia', 'Austria', 'Azerbaijan',
        'Bahamas', 'Bahrain', 'Bangladesh', 'Barbados', 'Belarus', 'Belgium', 'Belize', 'Benin', 'Bermuda', 'Bhutan',
        'Bolivia', 'Bonaire, Sint Eustatius and Saba', 'Bosnia and Herzegovina', 'Botswana', 'Bouvet Island',
        'Brazil', 'British Indian Ocean Territory', 'Brunei Darussalam', 'Bulgaria', 'Burkina Faso', 'Burundi',
        'Cabo Verde', 'Cambodia', 'Cameroon', 'Canada', 'Cayman Islands', 'Central African Republic', 'Chad', 'Chile',
        'China', 'Christmas Island', 'Cocos (Keeling) Islands', 'Colombia', 'Comoros', 'Congo',
        'Congo, The Democratic Republic of the', 'Cook Islands', 'Costa Rica', 'Côte d''Ivoire', 'Croatia', 'Cuba',
        'Curaçao', 'Cyprus', 'Czechia', 'Denmark', 'Djibouti', 'Dominica', 'Dominican Republic', 'Ecuador', 'Egypt',
        'El Salvador', 'Equatorial Guinea', 'Eritrea', 'Estonia', 'Eswatini', 'Ethiopia',
        'Falkland Islands (Malvinas)', 'Faroe Islands', 'Fiji', 'Finland', 'France', 'French Guiana',
        'French Polynesia', 'French Southern Territories', 'Gabon', 'Gambia', 'Georgia', 'Germany', 'Ghana',
        'Gibraltar', 'Greece', 'Greenland', 'Grenada', 'Guadeloupe', 'Guam', 'Guatemala', 'Guernsey', 'Guinea',
        'Guinea-Bissau', 'Guyana', 'Haiti', 'Heard Island and McDonald Islands', 'Holy See (Vatican City State)',
        'Honduras', 'Hong Kong', 'Hungary', 'Iceland', 'India', 'Indonesia', 'Iran', 'Iraq', 'Ireland', 'Isle of Man',
        'Israel', 'Italy', 'Jamaica', 'Japan', 'Jersey', 'Jordan', 'Kazakhstan', 'Kenya', 'Kiribati', 'Kuwait',
        'Kyrgyzstan', 'Laos', 'Latvia', 'Lebanon', 'Lesotho', 'Liberia', 'Libya', 'Liechtenstein', 'Lithuania',
        'Luxembourg', 'Macao', 'Madagascar', 'Malawi', 'Malaysia', 'Maldives', 'Mali', 'Malta', 'Marshall Islands',
        'Martinique', 'Mauritania', 'Mauritius', 'Mayotte', 'Mexico', 'Micronesia, Federated States of', 'Moldova',
        'Monaco', 'Mongolia', 'Montenegro', 'Montserrat', 'Morocco', 'Mozambique', 'Myanmar', 'Namibia', 'Nauru',
        'Nepal', 'Netherlands', 'New Caledonia', 'New Zealand', 'Nicaragua', 'Niger', 'Nigeria', 'Niue',
        'Norfolk Island', 'North Korea', 'North Macedonia', 'Northern Mariana Islands', 'Norway', 'Oman', 'Pakistan',
        'Palau', 'Palestine, State of', 'Panama', 'Papua New Guinea', 'Paraguay', 'Peru', 'Philippines', 'Pitcairn',
        'Poland', 'Portugal', 'Puerto Rico', 'Qatar', 'Réunion', 'Romania', 'Russian Federation', 'Rwanda',
        'Saint Barthélemy', 'Saint Helena, Ascension and Tristan da Cunha', 'Saint Kitts and Nevis', 'Saint Lucia',
        'Saint Martin (French part)', 'Saint Pierre and Miquelon', 'Saint Vincent and the Grenadines', 'Samoa',
        'San Marino', 'Sao Tome and Principe', 'Saudi Arabia', 'Senegal', 'Serbia', 'Seychelles', 'Sierra Leone',
        'Singapore', 'Sint Maarten (Dutch part)', 'Slovakia', 'Slovenia', 'Solomon Islands', 'Somalia',
        'South Africa', 'South Georgia and the South Sandwich Islands', 'South Korea', 'South Sudan', 'Spain',
        'Sri Lanka', 'Sudan', 'Suriname', 'Svalbard and Jan Mayen', 'Sweden', 'Switzerland', 'Syria', 'Taiwan',
        'Tajikistan', 'Tanzania', 'Thailand', 'Timor-Leste', 'Togo', 'Tokelau', 'Tonga', 'Trinidad and Tobago',
        'Tunisia', 'Türkiye', 'Turkmenistan', 'Turks and Caicos Islands', 'Tuvalu', 'Uganda', 'Ukraine',
        'United Arab Emirates', 'United Kingdom', 'United States', 'United States Minor Outlying Islands', 'Uruguay',
        'Uzbekistan', 'Vanuatu', 'Venezuela', 'Vietnam', 'Virgin Islands, British', 'Virgin Islands, U.S.',
        'Wallis and Futuna', 'Western Sahara', 'Yemen', 'Zambia', 'Zimbabwe'
    ];
COMMENT ON FUNCTION ipam.country_names() IS 'names of the countries and regions of ISO 3166-1: the built-in values of custom field 3';

CREATE FUNCTION ipam.built_in_custom_fields(OUT number integer, OUT name text, OUT built_in_values text[])
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 18
BEGIN ATOMIC
    VALUES
        (1, 'RIR', ARRAY['AFRINIC', 'APNIC', 'ARIN', 'LACNIC', 'RIPE']),
        (2, 'RegionLegacy', ARRAY['Asia', 'Caribbean', 'Central America', 'Eastern Europe', 'European Union', 'Middle East',
            'North America', 'Oceania', 'South America']),
        (3, 'Country/Region', ipam.country_names()),
        (4, 'Type of networks', '{}'),
        (5, 'AD site', '{}'),
        (6, 'Microsoft server role', '{}'),
        (7, 'Device type', ARRAY['Firewall', 'Host', 'Load balancer', 'Microsoft Servers', 'Non-Microsoft servers', 'Printer',
            'Routers', 'Switch', 'Terminal server', 'VM', 'VM Manager', 'VOIP Gateway', 'WAN optimizer', 'Wireless AP',
            'Wireless controller']),
        (8, 'Managed by', ARRAY['IPAM', 'MS DHCP', 'Non-MS DHCP', 'VM Manager', 'Others']),
        (9, 'Managed by entity', ARRAY['Localhost']),
        (10, 'IP Address State', ARRAY['In-Use', 'Reserved', 'Inactive']),
        (11, 'IP Pool Name', '{}'),
        (12, 'Logical Network', '{}'),
        (13, 'DNS Suffix', '{}'),
        (14, 'Network Site', '{}'),
        (15, 'VM Network', '{}'),
        (16, 'Tenant', '{}'),
        (17, 'Isolation Method', ARRAY['NVGRE', 'VLAN', 'VXLAN', 'IPRewrite']),
        (18, 'Region', '{}');
END;
COMMENT ON FUNCTION ipam.built_in_custom_fields() IS
    'the built-in custom fields and their values, each value''s number being its position (MS-IPAMM2 3.1.1.1.14.1, 3.1.1.1.15.1)';

CREATE FUNCTION ipam.default_properties(OUT name text, OUT value text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 18
BEGIN ATOMIC
    VALUES
        ('MaximumUtilizationThreshold', '80'),
        ('MinimumUtilizationThreshold', '20'),
        ('ExpiryAlertThreshold', '10'),
        ('IpamExpiryLoggingPeriodicity', 'Once'),
        ('ProvisioningMode', 'Manual'),
        ('GpoPrefix', NULL),
        ('LastAddressUtilizationCollectionTaskRuntime', NULL),
        ('LastDiscoveryTaskRuntime', NULL),
        ('LastPurgeAuditResult', NULL),
        ('LastUtilizationPurgeResult', NULL),
        ('IPAuditTrackingFeature', '1'),
        ('IpamSecurityGroupIpamUsers', 'ipam_users'),
        ('IpamSecurityGroupIpamAdministrators', 'ipam_administrators'),
        ('IpamSecurityGroupIpamAsmAdministrators', 'ipam_asm_administrators'),
        ('IpamSecurityGroupIpamMsmAdministrators', 'ipam_msm_administrators'),
        ('IpamSecurityGroupIpamIPAuditAdministrators', 'ipam_ip_audit_administrators'),
        ('RowCountOnFirstFetch', NULL),
        ('DatabaseSchemaVersion', NULL);
END;
COMMENT ON FUNCTION ipam.default_properties() IS
    'the common properties of a new store, without the date of provisioning (MS-IPAMM2 3.1.1.1.28.1)';

CREATE FUNCTION ipam.refuse_if_configured() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    configured_at text;
BEGIN
    SELECT p.value INTO configured_at FROM ipam.common_property AS p WHERE p.name = 'IpamConfiguredDate';
    IF configured_at IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiErrorIpamAlreadyProvisioned', 'the store has been provisioned already',
            format('It was provisioned at %s.', configured_at),
            'Nothing is left to do; ipam.is_ipam_configured() tells whether a store is provisioned.');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.refuse_if_configured() IS 'a fault where the store has been provisioned';

-- Security groups are roles of the server, named by common properties.

CREATE FUNCTION ipam.security_groups(OUT property text, OUT role_name name)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
BEGIN ATOMIC
    SELECT p.name, p.value::name FROM ipam.common_property AS p
    WHERE p.name LIKE 'IpamSecurityGroup%' AND p.value IS NOT NULL ORDER BY p.name;
END;
COMMENT ON FUNCTION ipam.security_groups() IS 'the roles that stand for the security groups of the model (MS-IPAMM2 3.1.1.2)';

-- What a group may do its members may do, and the administrators are members of all groups. Who belongs to the
-- administrators gets nothing by that.
CREATE FUNCTION ipam.refuse_unfit_security_groups() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    unfit record;
BEGIN
    -- A role in between may be the one that belongs to the superuser.
    SELECT g.property, g.role_name, CASE WHEN NOT (r.rolsuper OR g.role_name = 'public' OR starts_with(g.role_name, 'pg_')) THEN way.superuser END AS superuser, way.member,
           CASE WHEN r.rolsuper THEN 'It is a superuser.' WHEN g.role_name = 'public' OR starts_with(g.role_name, 'pg_') THEN 'The server keeps the name for itself.'
                ELSE format('It belongs to superuser "%s".', way.superuser) END AS reason
    INTO unfit
    FROM ipam.security_groups() AS g LEFT JOIN pg_roles AS r ON r.rolname = g.role_name
    LEFT JOIN LATERAL (
        SELECT s.rolname AS superuser, m.rolname AS member
        FROM pg_auth_members AS a JOIN pg_roles AS s ON s.oid = a.roleid AND s.rolsuper JOIN pg_roles AS m ON m.oid = a.member AND NOT m.rolsuper
        WHERE g.property <> 'IpamSecurityGroupIpamAdministrators' AND pg_has_role(r.oid, m.oid, 'MEMBER')
        ORDER BY m.oid <> r.oid, s.rolname, m.rolname LIMIT 1) AS way ON true
    WHERE g.role_name = 'public' OR starts_with(g.role_name, 'pg_') OR r.rolsuper OR way.superuser IS NOT NULL
    ORDER BY r.rolsuper IS NOT TRUE, g.property LIMIT 1;
    IF unfit.property IS NOT NULL THEN
        refused := ipam.raise_fault('IpamApiErrorSecurityGroupCreationFailed', format('role "%s" cannot be a security group', unfit.role_name),
            format('%s names it. %s', unfit.property, unfit.reason),
            CASE WHEN unfit.superuser IS NOT NULL THEN format('REVOKE %I FROM %I, and try again.', unfit.superuser, unfit.member)
                 WHEN ipam.is_ipam_configured() THEN
                     format('Set %s to another name, by UPDATE ipam.common_property, then say SELECT ipam.create_security_groups(), and try again.', unfit.property)
                 ELSE format('Set %s to another name, by UPDATE ipam.common_property or with the properties of ipam.provision(), and try again.', unfit.property) END);
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.refuse_unfit_security_groups() IS
    'a fault where a security group is named "public" or "pg_...", or is a role that is a superuser or belongs to one';

-- Administrators belong to all groups, every other group belongs to the users (facts of 3.1.4.3).
CREATE FUNCTION ipam.missing_security_groups() RETURNS SETOF text
LANGUAGE sql STABLE ROWS 12
BEGIN ATOMIC
    SELECT ipam.refuse_unfit_security_groups();
    SELECT format('CREATE ROLE %I', g.role_name) FROM ipam.security_groups() AS g
    WHERE NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = g.role_name)
    UNION ALL
    SELECT format('GRANT %I TO %I', g.role_name, m.role_name)
    FROM ipam.security_groups() AS g JOIN ipam.security_groups() AS m
      ON (g.property = 'IpamSecurityGroupIpamUsers' OR m.property = 'IpamSecurityGroupIpamAdministrators') AND g.role_name <> m.role_name
    WHERE g.property <> 'IpamSecurityGroupIpamAdministrators' AND m.property <> 'IpamSecurityGroupIpamUsers'
      AND NOT EXISTS (SELECT FROM pg_auth_members AS a JOIN pg_roles AS r ON r.oid = a.roleid JOIN pg_roles AS n ON n.oid = a.member
                      WHERE r.rolname = g.role_name AND n.rolname = m.role_name);
END;
COMMENT ON FUNCTION ipam.missing_security_groups() IS 'statements that make the roles and memberships that the server does not have';

CREATE FUNCTION ipam.create_security_groups() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    statements CONSTANT text[] := ARRAY (SELECT ipam.missing_security_groups());
    statement text;
BEGIN
    FOREACH statement IN ARRAY statements LOOP
        BEGIN
            EXECUTE statement;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database is being provisioned at the same time
            WHEN insufficient_privilege THEN
                refused := ipam.raise_fault('IpamApiErrorSecurityGroupCreationFailed',
                    format('role "%s" may not create the security groups', current_user), format('The server says: %s.', SQLERRM),
                    format('Let a superuser run: %s; then provision again.', array_to_string(statements, '; ')));
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION ipam.create_security_groups() IS 'creates the roles and memberships of the security groups that are missing';

-- Users read; administrators of address space management write the plan; administrators set it up.
CREATE FUNCTION ipam.grant_rights() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    users name;
    writers name;
    administrators name;
    extension CONSTANT oid := (SELECT e.oid FROM pg_extension AS e WHERE e.extname = 'ipam');
    own record;
BEGIN
    PERFORM ipam.refuse_unfit_security_groups();
    SELECT p.value INTO users FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamUsers';
    SELECT p.value INTO writers FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamAsmAdministrators';
    SELECT p.value INTO administrators FROM ipam.common_property AS p WHERE p.name = 'IpamSecurityGroupIpamAdministrators';
    EXECUTE format('GRANT USAGE ON SCHEMA ipam TO %I', users);
    -- Not ALL TABLES, ALL ROUTINES: what a DBA has put into the schema is his to grant.
    FOR own IN
        SELECT c.oid::regclass AS relation
        FROM pg_depend AS d JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = extension AND d.deptype = 'e' AND c.relkind IN ('r', 'v')
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %I', own.relation, users);
    END LOOP;
    -- Not the constructors of the range types: they belong to the server's first superuser.
    FOR own IN
        SELECT p.oid::regprocedure AS routine,
               -- In C, past the rights on tables: parts of procedures, which are the administrators'.
               CASE WHEN p.prokind = 'p' OR p.proname IN ('launch_async_worker', 'propose_occupancy', 'confirm_occupancy') THEN administrators ELSE users END AS role_name
        FROM pg_depend AS d JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = extension AND d.deptype = 'e'
          AND p.prokind IN ('f', 'p') AND pg_has_role(current_user, p.proowner, 'USAGE')
    LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', own.routine, own.role_name);
    END LOOP;
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.address_space, ipam.ip_block, ipam.ip_subnet, ipam.ip_range, ipam.ip_address, '
                   'ipam.custom_field, ipam.custom_field_value, ipam.custom_field_value_association TO %I', writers);
    EXECUTE format('GRANT INSERT, UPDATE ON ipam.plan_lock TO %I', writers);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.released_address TO %I', writers);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.logical_group, ipam.logical_group_field TO %I', administrators);
    EXECUTE format('GRANT INSERT, UPDATE ON ipam.common_property, ipam.async_session, ipam.schema_conversion_progress TO %I', administrators);
    EXECUTE format('GRANT DELETE ON ipam.schema_conversion_progress TO %I', administrators);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ipam.task_run, ipam.range_utilization_history, ipam.block_utilization_history, '
                   'ipam.range_utilization_status, ipam.expiry_event TO %I', administrators);
END
$$;
COMMENT ON FUNCTION ipam.grant_rights() IS 'gives the security groups their rights on the objects of the extension';

-- The steps, in order. Each can be repeated: what is there already stays as it is.
CREATE FUNCTION ipam.provisioning_steps() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY['common properties', 'custom fields', 'custom field values', 'logical groups', 'default address space',
             'security groups', 'rights', 'configured'];
COMMENT ON FUNCTION ipam.provisioning_steps() IS 'names of the steps of provisioning, in order';

CREATE FUNCTION ipam.provisioning_step(session ipam.async_session) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    steps CONSTANT text[] := ipam.provisioning_steps();
    present CONSTANT text := steps[session.step + 1];
BEGIN
    PERFORM ipam.refuse_if_configured();
    CASE present
    WHEN 'common properties' THEN
        INSERT INTO ipam.common_property (name, value)
        SELECT p.name, CASE p.name WHEN 'DatabaseSchemaVersion' THEN ipam.get_ipam_version()
                            ELSE coalesce(session.properties ->> p.name, p.value) END
        FROM ipam.default_properties() AS p
        ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value WHERE session.properties ? EXCLUDED.name; -- of a session that failed
    WHEN 'custom fields' THEN
        INSERT INTO ipam.custom_field (id, name, type, origin, built_in_number) OVERRIDING SYSTEM VALUE
        SELECT f.number, f.name, 'Multivalued', 'BuiltIn', f.number FROM ipam.built_in_custom_fields() AS f ORDER BY f.number
        ON CONFLICT DO NOTHING;
    WHEN 'custom field values' THEN
        INSERT INTO ipam.custom_field_value (custom_field_id, value, built_in_value_number)
        SELECT f.number, v.value, v.number
        FROM ipam.built_in_custom_fields() AS f, unnest(f.built_in_values) WITH ORDINALITY AS v(value, number)
        ORDER BY f.number, v.number
        ON CONFLICT DO NOTHING;
    WHEN 'logical groups' THEN
        INSERT INTO ipam.logical_group (id, name, users, origin, built_in_number) OVERRIDING SYSTEM VALUE
        VALUES (1, 'Network devices', 'IPAddressSpaceManagement', 'BuiltIn', 1),
               (2, 'Managed by', 'IPAddressSpaceManagement', 'BuiltIn', 2),
               (3, 'VirtualizedProviderAddressSpace', 'IPAddressSpaceManagement', 'BuiltIn', 3)
        ON CONFLICT DO NOTHING;
        INSERT INTO ipam.logical_group_field (logical_group_id, position, custom_field_id)
        VALUES (1, 1, 7),             -- Device type
               (2, 1, 8), (2, 2, 9),  -- Managed by, Managed by entity
               (3, 1, 12), (3, 2, 14) -- Logical Network, Network Site
        ON CONFLICT DO NOTHING;
    WHEN 'default address space' THEN
        INSERT INTO ipam.address_space (id, name, type) OVERRIDING SYSTEM VALUE
        VALUES (1, 'Default IP Address Space', 'Provider')
        ON CONFLICT DO NOTHING;
    WHEN 'security groups' THEN
        PERFORM ipam.create_security_groups();
    WHEN 'rights' THEN
        PERFORM ipam.grant_rights();
    WHEN 'configured' THEN
        -- A second session that got as far as this waits here for the first one.
        INSERT INTO ipam.common_property AS p (name, value)
        VALUES ('IpamConfiguredDate', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
        ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value WHERE p.value IS NULL;
        IF NOT FOUND THEN
            PERFORM ipam.refuse_if_configured();
        END IF;
    END CASE;
    UPDATE ipam.async_session SET step = session.step + 1, step_name = present WHERE id = session.id;
    RETURN session.step + 1 = cardinality(steps);
END
$$;
COMMENT ON FUNCTION ipam.provisioning_step(ipam.async_session) IS 'does the next step of a provisioning session; whether it was the last one';
