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
        ('IpamSecurityGroupIpamUsers', 'IPAM Users'),
        ('IpamSecurityGroupIpamAdministrators', 'IPAM Administrators'),
        ('IpamSecurityGroupIpamAsmAdministrators', 'IPAM ASM Administrators'),
        ('IpamSecurityGroupIpamMsmAdministrators', 'IPAM MSM Administrators'),
        ('IpamSecurityGroupIpamIPAuditAdministrators', 'IPAM IP Audit Administrators'),
        ('RowCountOnFirstFetch', NULL),
        ('DatabaseSchemaVersion', '1.0');
END;
COMMENT ON FUNCTION ipam.default_properties() IS
    'the common properties of a new store, without the date of provisioning (MS-IPAMM2 3.1.1.1.28.1)';

CREATE PROCEDURE ipam.provision()
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    configured_at text;
BEGIN
    -- This row is also the lock: a second session waits here until the first one has ended.
    INSERT INTO ipam.common_property (name, value)
    VALUES ('IpamConfiguredDate', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    ON CONFLICT (name) DO NOTHING;
    IF NOT FOUND THEN
        SELECT p.value INTO configured_at FROM ipam.common_property AS p WHERE p.name = 'IpamConfiguredDate';
        refused := ipam.raise_fault('IpamApiErrorIpamAlreadyProvisioned', 'the store has been provisioned already',
            format('It was provisioned at %s.', configured_at),
            'Nothing is left to do; ipam.is_ipam_configured() tells whether a store is provisioned.');
    END IF;
    INSERT INTO ipam.common_property (name, value)
    SELECT p.name, p.value FROM ipam.default_properties() AS p;

    INSERT INTO ipam.custom_field (id, name, type, origin, built_in_number) OVERRIDING SYSTEM VALUE
    SELECT f.number, f.name, 'Multivalued', 'BuiltIn', f.number FROM ipam.built_in_custom_fields() AS f ORDER BY f.number;
    INSERT INTO ipam.custom_field_value (custom_field_id, value, built_in_value_number)
    SELECT f.number, v.value, v.number
    FROM ipam.built_in_custom_fields() AS f, unnest(f.built_in_values) WITH ORDINALITY AS v(value, number)
    ORDER BY f.number, v.number;

    INSERT INTO ipam.logical_group (id, name, users, origin, built_in_number) OVERRIDING SYSTEM VALUE
    VALUES (1, 'Network devices', 'IPAddressSpaceManagement', 'BuiltIn', 1),
           (2, 'Managed by', 'IPAddressSpaceManagement', 'BuiltIn', 2),
           (3, 'VirtualizedProviderAddressSpace', 'IPAddressSpaceManagement', 'BuiltIn', 3);
    INSERT INTO ipam.logical_group_field (logical_group_id, position, custom_field_id)
    VALUES (1, 1, 7),           -- Device type
           (2, 1, 8), (2, 2, 9), -- Managed by, Managed by entity
           (3, 1, 12), (3, 2, 14); -- Logical Network, Network Site

    INSERT INTO ipam.address_space (id, name, type) OVERRIDING SYSTEM VALUE
    VALUES (1, 'Default IP Address Space', 'Provider');
END
$$;
COMMENT ON PROCEDURE ipam.provision() IS
    'fills a new store with what every store begins with: properties, built-in fields and groups, the default address space (MS-IPAMM2 3.3.4.37, 3.11)';
