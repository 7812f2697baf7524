\echo Use "ALTER EXTENSION ipam UPDATE" to load this file. \quit

-- From 1.0 to 1.1: occupancy.

SET LOCAL search_path TO pg_catalog, pg_temp;

\include 58_occupancy.sql

-- The walk of the free search, with its jumps.
\replace 59_count.sql count_used_ip_addresses

-- Faults that tell more, and what really helps.
\replace 20_custom_field.sql check_custom_fields check_custom_field_value
\replace 40_range.sql place_range
\replace 47_use_for_utilization.sql settle_subnet_choice keep_range_choice
\replace 54_allocation.sql release_ip_addresses
\replace 67_session_life.sql initialize_async_session locked_async_session
\replace 73_bulk_update.sql bulk_update
\replace 82_conversion.sql refuse_unready_store

-- Addresses are locked in their order, and equal ones in the order of their ids.
\replace 70_delete.sql delete_ranges
\replace 72_move.sql move_ip_addresses

-- Who may name the security groups, and which roles can be ones.
\replace 15_property.sql protect_common_property
\trigger 15_property.sql protect_common_property
\replace 80_provisioning.sql refuse_unfit_security_groups missing_security_groups grant_rights

-- Regular expressions that mean the same whatever standard_conforming_strings says.
\replace 10_type.sql is_domain_name
\replace 74_export.sql read_gateway_list
\replace 75_import.sql import_expression
\replace 82_conversion.sql conversion_path
ALTER TABLE ipam.address_space DROP CONSTRAINT address_space_name_given;
\check 25_address_space.sql address_space address_space_name_given
ALTER TABLE ipam.ip_subnet DROP CONSTRAINT ip_subnet_name_given;
\check 35_subnet.sql ip_subnet ip_subnet_name_given
ALTER TABLE ipam.common_property DROP CONSTRAINT common_property_security_group;
\check 15_property.sql common_property common_property_security_group

-- A quarantine that reached out of the calendar ended the search with an error.
SET CONSTRAINTS ALL IMMEDIATE; -- an ALTER TABLE does not wait for what is deferred
UPDATE ipam.ip_range SET quarantine = interval '1000 years'
WHERE NOT (quarantine BETWEEN interval '0' AND interval '1000 years' AND extract(year FROM quarantine) BETWEEN -1000 AND 1000 AND extract(day FROM quarantine) BETWEEN -366000 AND 366000);
ALTER TABLE ipam.ip_range DROP CONSTRAINT ip_range_quarantine;
\check 40_range.sql ip_range ip_range_quarantine

-- So did a release out of the calendar. One that was over long ago stays over, the others never are.
UPDATE ipam.released_address SET released_at = CASE WHEN released_at < '0001-01-01 00:00:00+00' THEN '-infinity' ELSE 'infinity' END::timestamptz
WHERE isfinite(released_at) AND NOT (released_at >= '0001-01-01 00:00:00+00' AND released_at < '10000-01-01 00:00:00+00');
\check 54_quarantine.sql released_address released_address_released_at

-- Row level security that hides a range hides no quarantine.
\replace 54_quarantine.sql quarantine_addresses

-- Who changes or deletes blocks keeps others from putting something into them, before he locks one of them.
\replace 25_address_space.sql address_space_type
\replace 30_block.sql lock_plan_of_blocks
\trigger 30_block.sql lock_plan

-- Who renames or deletes what objects use sees them all.
\replace 55_custom_field_use.sql require_sight
\trigger 55_custom_field_use.sql require_sight_on_rename require_sight_on_delete

-- So does who records the utilization.
\trigger 85_utilization_history.sql require_sight

-- The check of a store that is not provisioned, and other small things.
\replace 83_check_plan.sql check_plan
\replace 85_utilization_history.sql collect_utilization
ALTER VIEW ipam.quarantined_address SET (security_invoker);

-- Providers are dumped before the customers that lie on them.
SELECT pg_extension_config_dump('ipam.address_space', 'ORDER BY provider_id NULLS FIRST');

\include 82_occupancy_conversion.sql

-- Rights: PUBLIC gets nothing. The conversion gives the security groups theirs. New objects only, by name: what a
-- script of an extension grants or revokes makes all rights on the object its first ones, which pg_dump takes for given.
REVOKE ALL ON ipam.occupancy, ipam.occupancy_hole FROM PUBLIC;
REVOKE ALL ON ROUTINE ipam.open_occupancy_holes(), ipam.open_occupancy_hole(), ipam.forget_occupancy(),
    ipam.propose_occupancy(bigint, inet, inet, bigint), ipam.confirm_occupancy(bigint, inet, inet), ipam.rebuild_occupancy(bigint),
    ipam.check_occupancy(), ipam.convert_occupancy(text, integer), ipam.count_occupancy_to_convert(), ipam.convert_rights(text, integer),
    ipam.lock_plan_of_blocks(), ipam.require_sight(), ipam.protect_common_property(), ipam.refuse_unfit_security_groups() FROM PUBLIC;
