// The range type ipam.inetrange: a run of host addresses of one family. Its canonical form has both
// ends inclusive, because the last address of a family has no successor.
#include "pg/postgres.hpp"

#include <cmath>

#include "core/category.hpp"
#include "pg/boundary.hpp"
#include "pg/fault.hpp"
#include "pg/inetrange.hpp"
#include "pg/numeric.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

Address host_bound(const RangeBound &bound) {
	const inet *value = DatumGetInetPP(bound.val);
	if (!pg::is_host(value)) {
		raise_fault(fault_named("IpamApiInvalidIPAddress"),
		            psprintf("range bound %s is not a host address", to_text(value)),
		            "The bounds of an inetrange are single addresses.",
		            "Use ipam.network_range(network) for all addresses of a network.");
	}
	return to_address(value);
}

} // namespace

IPAM_FUNCTION(ipam_inetrange_canonical) {
	RangeType *range = PG_GETARG_RANGE_P(0);
	TypeCacheEntry *type = range_get_typcache(fcinfo, RangeTypeGetOid(range));
	RangeBound lower, upper;
	bool empty = false;
	range_deserialize(type, range, &lower, &upper, &empty);
	if (empty) PG_RETURN_RANGE_P(range);

	if (lower.infinite && upper.infinite) {
		raise_fault(fault_named("IpamApiInvalidIPAddressFamily"), "range (,) has no address family", nullptr,
		            "Give at least one bound: the open end then reaches to the end of its family.");
	}
	Address last = upper.infinite ? Address{host_bound(lower).family, 0} : host_bound(upper);
	const Address first = lower.infinite ? Address{last.family, 0} : host_bound(lower);
	if (upper.infinite) last.value = top(last.family);
	if (first.family != last.family) {
		raise_fault(fault_named("IpamApiInvalidIPAddressFamily"),
		            psprintf("range from %s to %s mixes IPv4 and IPv6", to_text(first), to_text(last)),
		            nullptr, "Use one range for each family.");
	}
	Span span{first.family, first.value, last.value};
	const bool skip_first = !lower.infinite && !lower.inclusive;
	const bool skip_last = !upper.infinite && !upper.inclusive;
	if ((skip_first && span.first == top(first.family)) || (skip_last && span.last == 0)) {
		PG_RETURN_RANGE_P(make_empty_range(type));
	}
	if (skip_first) ++span.first;
	if (skip_last) --span.last;
	if (span.first > span.last) PG_RETURN_RANGE_P(make_empty_range(type));
	PG_RETURN_RANGE_P(to_range(type, span));
}

// How far two addresses are apart. The families are farther apart than any two addresses of one, so
// that an index keeps them on different pages.
IPAM_FUNCTION(ipam_inet_difference) {
	const Address a = to_address(PG_GETARG_INET_PP(0));
	const Address b = to_address(PG_GETARG_INET_PP(1));
	if (a.family != b.family) PG_RETURN_FLOAT8(std::ldexp(a.family == Family::v6 ? 1.0 : -1.0, 129));
	const auto distance = static_cast<double>(a.value >= b.value ? a.value - b.value : b.value - a.value);
	PG_RETURN_FLOAT8(a.value >= b.value ? distance : -distance);
}

// ipam.network_range(network): all addresses of a network; of a host address, just that one.
IPAM_FUNCTION(ipam_network_range) {
	const inet *value = PG_GETARG_INET_PP(0);
	const Address address = to_address(value);
	Oid type_oid = result_type(fcinfo->flinfo);
	PG_RETURN_RANGE_P(to_range(range_get_typcache(fcinfo, type_oid),
	                           Network{address.family, address.value, ip_bits(value)}.span()));
}

// ipam.address_count(range): exact, up to 2^128.
IPAM_FUNCTION(ipam_address_count) {
	RangeType *range = PG_GETARG_RANGE_P(0);
	if (RangeIsEmpty(range)) PG_RETURN_DATUM(DirectFunctionCall1(int8_numeric, Int64GetDatum(0)));
	const Span span = to_span(range_get_typcache(fcinfo, RangeTypeGetOid(range)), range);
	PG_RETURN_DATUM(count_addresses(span));
}
