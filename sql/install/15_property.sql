-- Common properties: settings and state of the store (MS-IPAMM2 3.1.1.1.28, 2.2.5.8).

CREATE TABLE ipam.common_property (
    name        text PRIMARY KEY,
    value       text,
    modified_at timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT common_property_name_known CHECK (name IN (
            'MaximumUtilizationThreshold', 'MinimumUtilizationThreshold', 'ExpiryAlertThreshold',
            'IpamExpiryLoggingPeriodicity', 'ProvisioningMode', 'GpoPrefix',
            'LastAddressUtilizationCollectionTaskRuntime', 'LastDiscoveryTaskRuntime', 'IpamConfiguredDate',
            'LastPurgeAuditResult', 'LastUtilizationPurgeResult', 'IPAuditTrackingFeature',
            'IpamSecurityGroupIpamUsers', 'IpamSecurityGroupIpamAdministrators',
            'IpamSecurityGroupIpamAsmAdministrators', 'IpamSecurityGroupIpamMsmAdministrators',
            'IpamSecurityGroupIpamIPAuditAdministrators', 'RowCountOnFirstFetch', 'DatabaseSchemaVersion')
        OR ipam.raise_fault('IpamApiFailedToSaveProperty', format('there is no common property "%s"', name),
               'Common properties are a fixed list.', 'SELECT name FROM ipam.common_property shows it.')),
    CONSTRAINT common_property_threshold CHECK (
        name NOT IN ('MaximumUtilizationThreshold', 'MinimumUtilizationThreshold')
        OR coalesce(value ~ '^(100|[0-9]{1,2})$', false)
        OR ipam.raise_fault('IpamApiFailedToSaveProperty', format('%s cannot be "%s"', name, value),
               'A utilization threshold is a percentage, 0 to 100.')),
    CONSTRAINT common_property_alert_threshold CHECK (
        name <> 'ExpiryAlertThreshold'
        OR CASE WHEN value ~ '^[0-9]{1,4}$' THEN value::integer <= 3500 ELSE false END
        OR ipam.raise_fault('IpamApiInvalidAlertThreshold', format('%s cannot be "%s"', name, value),
               'The threshold is a number of days, 0 to 3500; 0 switches warnings off.')),
    CONSTRAINT common_property_logging_periodicity CHECK (
        name <> 'IpamExpiryLoggingPeriodicity' OR coalesce(value = 'Once', false)
        OR ipam.raise_fault('IpamApiInvalidExpiryEventsLoggingPeriodicity', format('%s cannot be "%s"', name, value),
               'The only value is "Once".')),
    CONSTRAINT common_property_provisioning_mode CHECK (
        name <> 'ProvisioningMode' OR coalesce(value IN ('Automatic', 'Manual', 'None'), false)
        OR ipam.raise_fault('IpamApiFailedToSaveProperty', format('%s cannot be "%s"', name, value),
               'The mode is "Automatic", "Manual" or "None".')),
    CONSTRAINT common_property_gpo_prefix CHECK (
        name <> 'GpoPrefix' OR value IS NULL OR length(value) BETWEEN 1 AND 240
        OR ipam.raise_fault('IpamApiInvalidGpoPrefix', format('a GPO prefix of %s characters is not possible', length(value)),
               'A GPO prefix has 1 to 240 characters.')),
    CONSTRAINT common_property_security_group CHECK (
        name NOT LIKE 'IpamSecurityGroup%' OR coalesce(value ~ E'\\S' AND octet_length(value) <= 63, false)
        OR ipam.raise_fault('IpamApiFailedToSaveProperty', format('%s cannot be "%s"', name, left(value, 200)),
               'A security group is a role of the server: its name has 1 to 63 bytes.')),
    CONSTRAINT common_property_audit_tracking CHECK (
        name <> 'IPAuditTrackingFeature' OR coalesce(value IN ('0', '1'), false)
        OR ipam.raise_fault('IpamApiInvalidIPAuditTrackingSetting', format('%s cannot be "%s"', name, value),
               'IP audit tracking is "1" for on or "0" for off.'))
);
COMMENT ON TABLE ipam.common_property IS 'settings and state of the store, one row for each property';
COMMENT ON COLUMN ipam.common_property.name IS 'name of the property in the protocol';
COMMENT ON COLUMN ipam.common_property.value IS 'value as text; NULL: not set';
COMMENT ON COLUMN ipam.common_property.modified_at IS 'time of the last change';

CREATE TRIGGER touch_modified_at BEFORE UPDATE ON ipam.common_property
    FOR EACH ROW EXECUTE FUNCTION ipam.touch_modified_at();

-- Provisioning creates the groups and grants them, as a superuser mostly: who could name a group and have the store
-- provisioned again could have any role granted to himself.
CREATE FUNCTION ipam.protect_common_property() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    owner CONSTANT oid := (SELECT e.extowner FROM pg_extension AS e WHERE e.extname = 'ipam');
    property text;
BEGIN
    SELECT n INTO property FROM unnest(ARRAY[OLD.name, NEW.name]) AS n WHERE n LIKE 'IpamSecurityGroup%' OR n = 'IpamConfiguredDate' LIMIT 1;
    IF property IS NOT NULL AND pg_has_role(current_user, owner, 'USAGE') IS NOT TRUE THEN
        refused := ipam.raise_fault('IpamApiAccessDenied', format('role "%s" may not change %s', current_user, property),
            'The names of the security groups and the date of provisioning decide which roles are granted. Only who has the rights of the extension''s owner changes them.',
            format('Let a superuser or role "%s" do it.', pg_get_userbyid(owner)));
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION ipam.protect_common_property() IS
    'trigger: only who has the rights of the extension''s owner changes the names of the security groups and the date of provisioning';

CREATE TRIGGER protect_common_property BEFORE INSERT OR UPDATE OR DELETE ON ipam.common_property
    FOR EACH ROW EXECUTE FUNCTION ipam.protect_common_property();

CREATE FUNCTION ipam.is_ipam_configured() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (SELECT FROM ipam.common_property WHERE name = 'IpamConfiguredDate' AND value IS NOT NULL);
COMMENT ON FUNCTION ipam.is_ipam_configured() IS 'whether the store has been provisioned (MS-IPAMM2 3.3.4.114)';
