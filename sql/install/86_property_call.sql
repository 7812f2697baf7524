-- The calls of the protocol for common properties (MS-IPAMM2 3.3.4.69, 3.3.4.136).

CREATE FUNCTION ipam.property_name(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE name WHEN 'DeploymentType' THEN 'ProvisioningMode' WHEN 'IPAuditTracking' THEN 'IPAuditTrackingFeature' ELSE name END;
COMMENT ON FUNCTION ipam.property_name(text) IS
    'name that a common property has in the store, where the enumeration of the protocol calls it otherwise (MS-IPAMM2 2.2.5.8)';

CREATE FUNCTION ipam.get_common_property(name text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    found ipam.common_property;
BEGIN
    PERFORM ipam.require_ready_store();
    SELECT * INTO found FROM ipam.common_property AS p WHERE p.name = ipam.property_name(get_common_property.name);
    IF found.name IS NULL THEN
        refused := ipam.raise_fault('IpamApiFailedToRetrieveProperty', format('there is no common property "%s"', name),
            'Common properties are a fixed list.', 'SELECT name FROM ipam.common_property shows it.');
    END IF;
    RETURN found.value;
END
$$;
COMMENT ON FUNCTION ipam.get_common_property(text) IS 'value of the common property, NULL where it is not set (MS-IPAMM2 3.3.4.69)';

CREATE FUNCTION ipam.set_common_property(name text, value text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused boolean;
    stored_name CONSTANT text := ipam.property_name(name);
BEGIN
    PERFORM ipam.require_ready_store();
    IF stored_name IN ('IpamConfiguredDate', 'DatabaseSchemaVersion', 'LastAddressUtilizationCollectionTaskRuntime', 'LastDiscoveryTaskRuntime',
                       'LastPurgeAuditResult', 'LastUtilizationPurgeResult') THEN
        refused := ipam.raise_fault('IpamApiFailedToSaveProperty', format('%s cannot be set', stored_name),
            'It tells what has happened to the store, and the store keeps it.');
    END IF;
    UPDATE ipam.common_property AS p SET value = set_common_property.value WHERE p.name = stored_name;
    IF NOT FOUND THEN
        refused := ipam.raise_fault('IpamApiFailedToSaveProperty', format('there is no common property "%s"', name),
            'Common properties are a fixed list.', 'SELECT name FROM ipam.common_property shows it.');
    END IF;
END
$$;
COMMENT ON FUNCTION ipam.set_common_property(text, text) IS
    'sets a common property that is a setting; dates, results and the version are kept by the store (MS-IPAMM2 3.3.4.136)';
