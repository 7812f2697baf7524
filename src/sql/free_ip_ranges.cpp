// Room for ranges in a subnet: ipam.get_free_ip_ranges().
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "pg/inetrange.hpp"
#include "pg/numeric.hpp"
#include "pg/places.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

// The addresses that a range of the subnet can have: in IPv4 not the network and the broadcast address.
Span usable_span(const Container &subnet) {
	Span span = subnet.span;
	if (span.family == Family::v4) {
		++span.first;
		--span.last;
	}
	return span;
}

// The second argument: whole, at least 1, and not more than the span has addresses.
uint128 size_argument(FunctionCallInfo fcinfo, const Container &subnet, const Span &span) {
	const char *text = PG_ARGISNULL(1) ? "" : numeric_text(PG_GETARG_DATUM(1));
	ipam::uint128 size = 0; // the server's type of that name is aligned to 8 bytes only
	const WholeNumber result = to_whole_number(text, &size);
	if (result == WholeNumber::not_one || (result == WholeNumber::good && size == 0)) {
		raise_fault(fault_named("IpamApiInvalidNumberOfAddressesInRange"),
		            PG_ARGISNULL(1) ? "the number of addresses is missing"
		                            : psprintf("a range cannot have %s addresses", text),
		            "A range has a whole number of addresses, 1 or more.", nullptr);
	}
	if (result == WholeNumber::too_large || size - 1 > span.last - span.first) {
		raise_fault(
		    fault_named("IpamApiRangeSizeLargerThanSubnet"),
		    psprintf("a range of %s addresses does not fit into subnet %s", text, to_text(subnet.network)),
		    psprintf("The subnet has room for %s addresses%s.", numeric_text(count_addresses(span)),
		             span.family == Family::v4 ? ", without network and broadcast address" : ""),
		    nullptr);
	}
	return size;
}

} // namespace

IPAM_FUNCTION(ipam_get_free_ip_ranges) {
	TypeCacheEntry *type = lookup_type_cache(result_type(fcinfo->flinfo), TYPECACHE_RANGE_INFO);
	return return_places(
	    fcinfo,
	    [&](MemoryContext context) {
		    const Container subnet = subnet_argument(fcinfo);
		    const Span span = usable_span(subnet);
		    return start_places(fcinfo, subnet, span, {size_argument(fcinfo, subnet, span), 1}, "ranges",
		                        context);
	    },
	    [&](const Span &place) { return RangeTypePGetDatum(to_range(type, place)); });
}
