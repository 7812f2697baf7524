#pragma once
// The registry of faults: the SQLSTATE, the protocol's name and what it means. Everything that
// raises a fault, from C++ or from SQL, takes it from here; ipam.faults() and docs/faults.md show it.
#include <string_view>

namespace ipam {

struct Fault {
	std::string_view sqlstate;
	std::string_view name;
	std::string_view meaning;
};

inline constexpr Fault faults[] = {
    // General
    {"IP001", "IpamApiInvalidParameter", "an argument has a value that makes no sense"},
    {"IP002", "IpamApiFieldIdNotSpecified", "the id of the object is missing"},
    {"IP003", "IpamApiObjectNotFoundInDatabase", "no such object in the store"},
    {"IP004", "IpamApiInvalidAddressFamily", "an address family is 4 or 6"},
    {"IP005", "IpamApiInvalidIPAddressFamily", "an address belongs to the other family"},
    {"IP006", "IpamApiInvalidIPAddress", "not an address that a host can have"},
    {"IP007", "IpamApiInvalidUpdate", "the value cannot be changed"},
    {"IP008", "IpamApiInvalidDescription", "a description has at most 4000 characters"},
    {"IP009", "IpamApiOwnerStringLengthNotAcceptable", "an owner has at most 255 characters"},
    {"IP010", "IpamApiStringLengthNotAcceptable", "a text is too short or too long"},
    {"IP011", "IpamApiValidationFailure", "a property is unknown or stands in the wrong place"},
    {"IP012", "IpamDeleteFailedDueToReferences", "the object is still in use"},
    {"IP013", "IpamApiCallsAreNotAllowedUntilProvisioningIsDone", "the store has not been provisioned"},
    {"IP014", "IpamApiCallsAreNotAllowedUntilSchemaConversionIsDone",
     "the store's data are not in the layout of the installed version"},
    {"IP015", "IpamApiAccessDenied", "only administrators of the store may do this"},
    {"IP016", "IpamApiObjectStateIsInvalid", "the session is in another state"},
    {"IP017", "IpamApiMandatoryFieldNotSpecified", "something that is needed here is missing"},
    // Address spaces
    {"IP101", "IpamApiAddressSpaceNameNotSpecified", "an address space needs a name"},
    {"IP102", "IpamApiAddressSpaceNameStringLengthNotAcceptable",
     "the name of an address space has at most 1000 characters"},
    {"IP103", "IpamApiAddressSpaceOwnerStringLengthNotAcceptable",
     "the owner of an address space has at most 1000 characters"},
    {"IP104", "IpamApiAddressSpaceTypeCanNotBeChanged", "the type of an address space is for life"},
    {"IP105", "IpamApiInvalidProviderAddressSpace",
     "a customer address space lies on exactly one provider address space"},
    {"IP106", "IpamApiIsolationMethodNotSpecified", "a customer address space needs an isolation method"},
    {"IP107", "IpamApiDefaultProviderAddressSpaceCannotBeDeleted", "the default address space stays"},
    {"IP108", "IpamApiDefaultProviderAddressSpaceCannotBeModified",
     "the default address space stays as provisioning made it"},
    {"IP109", "IpamApiInvalidAddressSpace", "the address space does not exist or is of the wrong kind"},
    // Blocks, and what subnets and ranges share with them
    {"IP201", "IpamApiInvalidPrefixLength", "a prefix length is 1 to 30 in IPv4 and 1 to 127 in IPv6"},
    {"IP202", "IpamApiInvalidStartIPAddress", "the start address lies outside"},
    {"IP203", "IpamApiEndIpAddressOutOfRange", "the end address lies outside"},
    {"IP204", "IpamApiStartIPGreaterThanEndIP", "the start address comes after the end address"},
    {"IP205", "IpamApiInvalidAddressRange",
     "the addresses are of no use for a plan, or public and private ones are mixed"},
    {"IP206", "IpamApiConflictingIPBlocksExist",
     "blocks are disjoint or one lies inside the other, and no two are equal"},
    {"IP207", "IpamApiMaxChildrenReached", "blocks nest at most 9 deep"},
    {"IP208", "IpamApiRIRNotSpecifiedForAPublicIPv4Block", "a public block names its regional registry"},
    {"IP209", "IpamApiRIRSpecifiedForAPrivateIPv4Block", "a private block has no regional registry"},
    {"IP210", "IpamApiRIRReceivedDateSpecifiedForAPrivateIPv4Block",
     "a private block was not received from a regional registry"},
    // Subnets
    {"IP301", "IpamApiSubnetNameNotSpecified", "a subnet needs a name"},
    {"IP302", "IpamApiSubnetNameStringLengthNotAcceptable",
     "the name of a subnet has at most 512 characters"},
    {"IP303", "IpamApiInvalidVLANIdCollection", "VLAN ids are 1 to 4095, each once"},
    {"IP304", "IpamApiInvalidVSId", "a virtual subnet id is 0 to 16777214"},
    {"IP305", "IpamApiInvalidVirtualizationType",
     "Virtual belongs to customer, Fabric to provider, NonVirtualized to the default address space"},
    {"IP306", "IpamApiInvalidVirtualizationTypeUpdationForSubnet",
     "a subnet does not change between Virtual and the other two types"},
    {"IP307", "IpamApiRangesDependentOnSubnet", "the subnet has ranges"},
    {"IP308", "IpamApiSubnetDoesNotExistForRange", "a range lies in a subnet"},
    {"IP309", "IpamApiMsDhcpRangesDependentOnSubnet", "the subnet has ranges managed by MS DHCP"},
    {"IP320", "IpamApiSubnetPrefixLargerThanBlock",
     "a network that is asked for is not larger than the block or subnet around it"},
    // Ranges
    {"IP401", "IpamApiNonadjustableConflictingRangesFound",
     "ranges of the same service instance in an address space do not overlap"},
    {"IP402", "IpamApiInvalidStartIPWithAllZeroes", "an IPv4 range does not start at the network address"},
    {"IP403", "IpamApiInvalidEndIPHostIdAllOnes", "an IPv4 range does not end at the broadcast address"},
    {"IP404", "IpamApiInvalidUtilizationCalculationType",
     "utilization of an MS DHCP range is calculated automatically"},
    {"IP405", "IpamApiUtilizationDataNotSpecifiedForStaticRange",
     "manual utilization needs the number of utilized addresses"},
    {"IP406", "IpamApiInvalidUtilizationStatistics", "more addresses utilized than assigned"},
    {"IP407", "IpamApiDhcpDataSpecifiedForStaticRange", "DHCP properties belong to MS DHCP ranges"},
    {"IP408", "IpamApiInvalidAddressesInDnsServersCollection", "a DNS server has the range's family"},
    {"IP409", "IpamApiInvalidAddressesInWinsServersCollection", "WINS servers are IPv4 only"},
    {"IP410", "IpamApiInvalidAddressesInGatewaysCollection", "a gateway lies in the range's network"},
    {"IP411", "IpamApiInvalidMetricValueInGatewaysCollection", "a gateway's metric is 1 to 9999"},
    {"IP412", "IpamApiVIPNotInRange", "virtual IP addresses lie in the range"},
    {"IP413", "IpamApiReservedIPNotInRange", "reserved addresses lie in the range"},
    {"IP414", "IpamApiInvalidExclusionRanges", "excluded addresses lie in the range"},
    {"IP415", "IpamApiInvalidDNSSuffixCollection", "a DNS suffix is a domain name"},
    {"IP416", "IpamApiInvalidConnectionsSpecificDNSSuffix",
     "the connection-specific DNS suffix is a domain name"},
    {"IP417", "IpamApiCannotUpdateManagedByValueForMsDhcpRange",
     "a range does not become or cease to be managed by MS DHCP"},
    {"IP418", "IpamApiCannotUpdateDifferentServerManagedByEntityValueForMsDhcpRange",
     "an MS DHCP range stays with its server"},
    {"IP419", "IpamApiInvalidVirtualizationTypeUpdation",
     "a range does not change between Virtual and the other two types"},
    {"IP420", "IpamApiInvalidIPAddressConflict",
     "a service instance records an address once in an address space"},
    {"IP430", "IpamApiRangeSizeLargerThanSubnet", "a range has not more addresses than its subnet"},
    {"IP431", "IpamApiInvalidNumberOfAddressesInRange", "a range has a whole number of addresses, 1 or more"},
    // Addresses
    {"IP501", "IpamApiIpAddressOutOfRange", "the address does not belong to the range"},
    {"IP502", "IpamApiInvalidAddressExpiryDate", "an address expires after it was assigned"},
    {"IP503", "IpamApiInvalidDeviceName", "a device name has at most 255 characters"},
    {"IP504", "IpamApiInvalidSerialNumber", "a serial number has at most 255 characters"},
    {"IP505", "IpamApiInvalidAssetTag", "an asset tag has at most 255 characters"},
    {"IP506", "IpamApiInvalidIPv4ReservationType", "reservation types belong to IPv4"},
    {"IP507", "IpamApiInvalidClientId", "client ids belong to IPv4"},
    {"IP508", "IpamApiInvalidDuidFormat", "a DUID has 1 to 65 bytes and belongs to IPv6"},
    {"IP509", "IpamApiInvalidIaid", "an IAID has 4 bytes and belongs to IPv6"},
    {"IP511", "IpamApiFindFreeIPAddressesFailed", "the range has too few free addresses"},
    // Allocation
    {"IP521", "IpamApiAllocationTokenMismatch", "the token belongs to another number of addresses"},
    {"IP522", "IpamApiRangeIsManagedByMsDhcp", "the DHCP server gives out the addresses of the range"},
    // Custom fields and logical groups
    {"IP601", "IpamApiMaxCustomFieldsReached", "there are at most 128 user-defined fields"},
    {"IP602", "IpamApiCannotAddBuiltInField", "built-in fields and groups come from provisioning"},
    {"IP603", "IpamApiCannotDeleteBuiltInField", "built-in fields and groups stay"},
    {"IP604", "IpamApiCustomFieldInvalidBuiltInUpdate", "built-in fields keep their definition"},
    {"IP605", "IpamApiCannotUpdateOrDeleteBuiltInValues", "built-in values stay as they are"},
    {"IP606", "IpamApInvalidUpdateOriginModified", "the origin of a field or group does not change"},
    {"IP607", "IpamApInvalidUpdateTypeModified", "the type of a field does not change"},
    {"IP608", "IpamApiValueSpecifiedForFreeformCustomField", "a freeform field has no list of values"},
    {"IP609", "IpamApiCustomFieldValueForMultiValueCustomFieldDoesntExist",
     "the value is not in the field's list"},
    {"IP610", "IpamApiCustomFieldValueCannotBeNull", "the value of a custom field is a text"},
    {"IP611", "IpamApiNameCollidesWithBuiltInImportableColumnName",
     "a custom field does not have the name of a column"},
    {"IP612", "IpamApiLogicalGroupCannotContainFreeformCustomFields",
     "a logical group is made of multivalued fields"},
    {"IP613", "IpamApiLogicalFieldInvalidBuiltInUpdate", "built-in groups keep their definition"},
    {"IP620", "IpamApiSameCustomFieldsInAssociation", "an association joins values of two different fields"},
    {"IP621", "IpamApiInvalidCustomFieldTypeInAssociation", "associated fields are multivalued"},
    {"IP622", "IpamApiInvalidCustomFieldAssociationValues",
     "an associated value is in the list of its field"},
    {"IP623", "IpamApiDuplicateCustomFieldAssociationValues", "a pair of values is associated once"},
    // Properties
    {"IP701", "IpamApiInvalidAlertThreshold", "the expiry alert threshold is 0 to 3500 days"},
    {"IP702", "IpamApiInvalidExpiryEventsLoggingPeriodicity", "expiry is logged once"},
    {"IP703", "IpamApiInvalidGpoPrefix", "a GPO prefix has 1 to 240 characters"},
    {"IP704", "IpamApiInvalidIPAuditTrackingSetting", "IP audit tracking is 0 or 1"},
    {"IP705", "IpamApiFailedToSaveProperty", "no such property, or not a value for it"},
    // Tasks
    {"IP711", "IpamApiInvalidIPUtilizationPurgeDate", "utilization data of the future cannot be purged"},
    {"IP712", "IpamApiIPUtilizationPurgeInProgress", "utilization data are being purged already"},
    {"IP713", "IpamApiFailedToRetrieveProperty", "no such property"},
    {"IP714", "IpamApiTaskError", "the task is already running"},
    // Provisioning and schema conversion
    {"IP801", "IpamApiErrorIpamAlreadyProvisioned", "the store has been provisioned"},
    {"IP802", "IpamApiProvisioningAlreadyInProgress", "another session is provisioning the store"},
    {"IP803", "IpamApiErrorSecurityGroupCreationFailed", "the security groups could not be created"},
    {"IP811", "IpamSchemaConversionAnotherOperationInProgress", "another session is converting the store"},
    {"IP812", "IpamSchemaConversionNotRequired", "the store has the installed version"},
    {"IP813", "IpamApiErrorUpgradePathNotAvailable", "no conversion leads to the installed version"},
    {"IP814", "IpamApiErrorDatabaseIsAtHigherVersion", "the store is newer than the extension"},
    {"IP815", "IpamApiErrorSchemaVersionNumberFormatError", "the version of the store is malformed"},
    // Import and export
    {"IP821", "IpamApiImportFailed", "a row or the whole content cannot be read"},
    {"IP822", "IpamApiInvalidImportColumn", "the object type has no such column to import"},
    {"IP823", "IpamApiInvalidImportColumnType", "the value is not of the type of its column"},
    {"IP824", "IpamApiImportInvalidManagedByValue", "an imported row names an unknown kind of service"},
    {"IP825", "IpamApiImportInvalidServiceInstanceValue",
     "an imported row names an unknown service instance"},
    {"IP826", "IpamApiErrorImportOfMsDhcpRangesNotAllowed",
     "a range managed by MS DHCP is imported only when asked for"},
};

constexpr const Fault *find_fault(std::string_view name) noexcept {
	for (const Fault &fault : faults) {
		if (fault.name == name) return &fault;
	}
	return nullptr;
}

// A fault by its name; a name that is not in the registry does not compile.
consteval const Fault *fault_named(std::string_view name) {
	for (const Fault &fault : faults) {
		if (fault.name == name) return &fault;
	}
	throw "no such fault in the registry";
}

} // namespace ipam
