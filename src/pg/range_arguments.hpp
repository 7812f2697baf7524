#pragma once
// Arguments that functions about a range share.
#include "pg/postgres.hpp"

#include "core/address.hpp"
#include "pg/convert.hpp"
#include "pg/fault.hpp"

namespace ipam::pg {

inline int64 range_id_argument(FunctionCallInfo fcinfo) {
	if (PG_ARGISNULL(0)) {
		raise_fault(fault_named("IpamApiFieldIdNotSpecified"), "the id of the range is missing",
		            "range_id is NULL.",
		            "SELECT id, start_address, end_address FROM ipam.ip_range lists the ranges you may see.");
	}
	return PG_GETARG_INT64(0);
}

inline bool flag_argument(FunctionCallInfo fcinfo, int argument) {
	return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument);
}

// One end of the asked span: an address inside the range, or the range's own.
inline uint128 asked_end(FunctionCallInfo fcinfo, int argument, const char *which, const Span &range,
                         uint128 otherwise, const Fault *outside, const char *hint) {
	if (PG_ARGISNULL(argument)) return otherwise;
	const inet *value = PG_GETARG_INET_PP(argument);
	const Address address = to_address(value);
	if (!is_host(value)) {
		raise_fault(fault_named("IpamApiInvalidIPAddress"),
		            psprintf("%s address %s is a network, not a host address", which, to_text(value)),
		            nullptr, "Give a single address, without a prefix length.");
	}
	const char *extent =
	    psprintf("The range reaches from %s to %s.", to_text(Address{range.family, range.first}),
	             to_text(Address{range.family, range.last}));
	if (address.family != range.family) {
		raise_fault(fault_named("IpamApiInvalidIPAddressFamily"),
		            psprintf("%s address %s is of the wrong family", which, to_text(value)), extent, nullptr);
	}
	if (!range.contains({address.family, address.value, address.value})) {
		raise_fault(outside, psprintf("%s address %s lies outside the range", which, to_text(value)), extent,
		            hint);
	}
	return address.value;
}

// From the argument start_argument to the one behind it.
inline Span asked_span(FunctionCallInfo fcinfo, int start_argument, const Span &range) {
	Span asked = range;
	asked.first = asked_end(fcinfo, start_argument, "start", range, asked.first,
	                        fault_named("IpamApiInvalidStartIPAddress"),
	                        "Leave it out to search from the beginning of the range.");
	asked.last = asked_end(fcinfo, start_argument + 1, "end", range, asked.last,
	                       fault_named("IpamApiEndIpAddressOutOfRange"),
	                       "Leave it out to search to the end of the range.");
	if (asked.first > asked.last) {
		raise_fault(fault_named("IpamApiStartIPGreaterThanEndIP"),
		            psprintf("start address %s comes after end address %s",
		                     to_text(Address{asked.family, asked.first}),
		                     to_text(Address{asked.family, asked.last})),
		            nullptr, "Swap the addresses.");
	}
	return asked;
}

} // namespace ipam::pg
