-- Common properties: a fixed list of settings, each checked when it is set.
\set SHOW_CONTEXT never
\getenv inputdir PG_ABS_SRCDIR
\set fresh_store :inputdir '/data/fresh_store.sql'
\set ON_ERROR_ROLLBACK on
\i :fresh_store

-- A setting is a row; setting it also sets the time of the change.
UPDATE ipam.common_property SET modified_at = '2026-01-01';
UPDATE ipam.common_property SET value = '75' WHERE name = 'MaximumUtilizationThreshold';
SELECT name, value, modified_at = now() AS changed_now FROM ipam.common_property WHERE name LIKE 'M%' ORDER BY name;

-- The ends of what is possible.
UPDATE ipam.common_property SET value = '0' WHERE name IN ('MinimumUtilizationThreshold', 'ExpiryAlertThreshold', 'IPAuditTrackingFeature');
UPDATE ipam.common_property SET value = '100' WHERE name = 'MaximumUtilizationThreshold';
UPDATE ipam.common_property SET value = '3500' WHERE name = 'ExpiryAlertThreshold';
UPDATE ipam.common_property SET value = repeat('p', 240) WHERE name = 'GpoPrefix';
UPDATE ipam.common_property SET value = NULL WHERE name = 'GpoPrefix';
UPDATE ipam.common_property SET value = 'Automatic' WHERE name = 'ProvisioningMode';
SELECT name, value FROM ipam.common_property
WHERE name IN ('MinimumUtilizationThreshold', 'MaximumUtilizationThreshold', 'ExpiryAlertThreshold', 'IPAuditTrackingFeature', 'GpoPrefix', 'ProvisioningMode')
ORDER BY name;

-- And what is not.
\set VERBOSITY default
UPDATE ipam.common_property SET value = '101' WHERE name = 'MaximumUtilizationThreshold';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.common_property SET value = '3501' WHERE name = 'ExpiryAlertThreshold';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.common_property SET value = 'Daily' WHERE name = 'IpamExpiryLoggingPeriodicity';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.common_property SET value = repeat('p', 241) WHERE name = 'GpoPrefix';
\echo :LAST_ERROR_SQLSTATE
UPDATE ipam.common_property SET value = 'on' WHERE name = 'IPAuditTrackingFeature';
\echo :LAST_ERROR_SQLSTATE
INSERT INTO ipam.common_property (name, value) VALUES ('Colour', 'blue');

-- Words, signs, fractions, large numbers and nothing at all are no numbers either.
\set VERBOSITY terse
UPDATE ipam.common_property SET value = '-1' WHERE name = 'MinimumUtilizationThreshold';
UPDATE ipam.common_property SET value = '12.5' WHERE name = 'MinimumUtilizationThreshold';
UPDATE ipam.common_property SET value = NULL WHERE name = 'MinimumUtilizationThreshold';
UPDATE ipam.common_property SET value = '99999999999' WHERE name = 'ExpiryAlertThreshold';
UPDATE ipam.common_property SET value = NULL WHERE name = 'ExpiryAlertThreshold';
UPDATE ipam.common_property SET value = NULL WHERE name = 'IpamExpiryLoggingPeriodicity';
UPDATE ipam.common_property SET value = '' WHERE name = 'GpoPrefix';
UPDATE ipam.common_property SET value = NULL WHERE name = 'IPAuditTrackingFeature';
UPDATE ipam.common_property SET value = 'Sometimes' WHERE name = 'ProvisioningMode';
UPDATE ipam.common_property SET value = NULL WHERE name = 'ProvisioningMode';

-- The calls of the protocol, with the names of its enumeration, too.
\set VERBOSITY default
SELECT ipam.set_common_property('MinimumUtilizationThreshold', '20');
SELECT ipam.get_common_property('MinimumUtilizationThreshold');
SELECT ipam.set_common_property('DeploymentType', 'Manual'), ipam.set_common_property('IPAuditTracking', '1'), ipam.set_common_property('GpoPrefix', NULL);
SELECT ipam.get_common_property('DeploymentType') AS deployment, ipam.get_common_property('ProvisioningMode') AS mode,
       ipam.get_common_property('IPAuditTracking') AS audit, ipam.get_common_property('GpoPrefix') IS NULL AS no_prefix;
SELECT ipam.set_common_property('MaximumUtilizationThreshold', '101');
SELECT ipam.get_common_property('Colour');
SELECT ipam.get_common_property(NULL);
SELECT ipam.set_common_property('Colour', 'blue');
SELECT ipam.set_common_property('DatabaseSchemaVersion', '2.0');
SELECT count(*) AS refused FROM ipam.common_property
WHERE name IN ('IpamConfiguredDate', 'DatabaseSchemaVersion') OR name LIKE 'Last%';
\set VERBOSITY terse
SELECT ipam.set_common_property('IpamConfiguredDate', 'today');
SELECT ipam.set_common_property('LastAddressUtilizationCollectionTaskRuntime', 'today');
SELECT ipam.set_common_property('LastDiscoveryTaskRuntime', 'today');
SELECT ipam.set_common_property('LastPurgeAuditResult', '');
SELECT ipam.set_common_property('LastUtilizationPurgeResult', '');

-- Whoever names the groups decides which roles are granted, and the date decides whether that happens again: both are
-- up to who has the rights of the extension's owner. An administrator sets the rest.
CREATE ROLE regress_ipam_administrator IN ROLE ipam_administrators;
GRANT DELETE ON ipam.common_property TO regress_ipam_administrator;
CREATE ROLE regress_ipam_owners;
DO $$ BEGIN EXECUTE format('GRANT %I TO regress_ipam_owners', current_user); END $$;
GRANT ipam_administrators TO regress_ipam_owners;
SAVEPOINT roles;
SET LOCAL ROLE regress_ipam_administrator;
\set VERBOSITY default
UPDATE ipam.common_property SET value = session_user WHERE name = 'IpamSecurityGroupIpamMsmAdministrators';
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
UPDATE ipam.common_property SET value = NULL WHERE name = 'IpamConfiguredDate';
UPDATE ipam.common_property SET value = value;
UPDATE ipam.common_property SET name = 'GpoPrefix' WHERE name = 'IpamSecurityGroupIpamUsers';
UPDATE ipam.common_property SET name = 'IpamSecurityGroupIpamUsers' WHERE name = 'GpoPrefix';
DELETE FROM ipam.common_property WHERE name = 'IpamConfiguredDate';
DELETE FROM ipam.common_property WHERE name = 'IpamSecurityGroupIpamAsmAdministrators';
INSERT INTO ipam.common_property (name, value) VALUES ('IpamConfiguredDate', NULL) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value;
MERGE INTO ipam.common_property AS p USING (VALUES ('IpamSecurityGroupIpamUsers')) AS v (name) ON p.name = v.name WHEN MATCHED THEN UPDATE SET value = 'x';
SELECT ipam.set_common_property('IpamSecurityGroupIpamIPAuditAdministrators', 'x');
SELECT ipam.set_common_property('GpoPrefix', 'corp');
UPDATE ipam.common_property SET value = '12' WHERE name = 'ExpiryAlertThreshold';
DELETE FROM ipam.common_property WHERE name = 'RowCountOnFirstFetch';
INSERT INTO ipam.common_property (name) VALUES ('RowCountOnFirstFetch');
RESET ROLE;
DELETE FROM ipam.common_property WHERE name LIKE 'IpamSecurityGroup%' OR name = 'IpamConfiguredDate';
SET LOCAL ROLE regress_ipam_administrator;
INSERT INTO ipam.common_property (name, value) VALUES ('IpamSecurityGroupIpamUsers', 'x');
INSERT INTO ipam.common_property (name) VALUES ('IpamConfiguredDate');
ROLLBACK TO roles;
-- A superuser changes them, and who has the owner's rights.
UPDATE ipam.common_property SET value = 'regress_ipam_msm' WHERE name = 'IpamSecurityGroupIpamMsmAdministrators';
SET LOCAL ROLE regress_ipam_owners;
SELECT ipam.set_common_property('IpamSecurityGroupIpamIPAuditAdministrators', 'regress_ipam_audit');
UPDATE ipam.common_property SET value = NULL WHERE name = 'IpamConfiguredDate';
SELECT name, value FROM ipam.common_property WHERE value LIKE 'regress_%' ORDER BY name;
ROLLBACK;
