// What an address or a span is by itself: category, fitness for a host, edges of its network.
#include "pg/postgres.hpp"

#include "core/category.hpp"
#include "pg/boundary.hpp"
#include "pg/inetrange.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

// The values of the SQL enum ipam.address_category, looked up once for all calls of an expression.
struct Labels {
	Oid by_category[3];
};

Datum category_label(FunctionCallInfo fcinfo, std::optional<Category> category) {
	if (!category) PG_RETURN_NULL();
	FmgrInfo *function = fcinfo->flinfo;
	if (function->fn_extra == nullptr)
		function->fn_extra = MemoryContextAllocZero(function->fn_mcxt, sizeof(Labels));
	const int which = *category == Category::public_v4 ? 0 : *category == Category::private_use ? 1 : 2;
	Oid &known = static_cast<Labels *>(function->fn_extra)->by_category[which];
	if (known == InvalidOid) {
		static constexpr const char *labels[] = {"Public", "Private", "GlobalIPv6Unicast"};
		known = DatumGetObjectId(DirectFunctionCall2(enum_in, CStringGetDatum(labels[which]),
		                                             ObjectIdGetDatum(result_type(function))));
	}
	PG_RETURN_OID(known);
}

} // namespace

// ipam.address_category(first, last)
IPAM_FUNCTION(ipam_address_category) {
	const inet *first = PG_GETARG_INET_PP(0);
	const inet *last = PG_GETARG_INET_PP(1);
	if (family_of(first) != family_of(last)) PG_RETURN_NULL();
	const Span span{family_of(first), to_address(first).value, to_address(last).value};
	if (span.first > span.last) PG_RETURN_NULL();
	return category_label(fcinfo, category_of(span));
}

// ipam.is_host_address(address)
IPAM_FUNCTION(ipam_is_host_address) {
	const inet *address = PG_GETARG_INET_PP(0);
	PG_RETURN_BOOL(pg::is_host(address) && ipam::is_host(to_address(address)));
}

// ipam.covering_networks(address): by prefix length, from 0 to the address's own.
IPAM_FUNCTION(ipam_covering_networks) {
	const inet *value = PG_GETARG_INET_PP(0);
	const Address address = to_address(value);
	const int count = ip_bits(value) + 1;
	auto *networks = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(count)));
	for (int prefix_length = 0; prefix_length < count; ++prefix_length) {
		const Network network{address.family, address.value, prefix_length};
		networks[prefix_length] =
		    InetPGetDatum(to_cidr({address.family, network.span().first, prefix_length}));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(networks, count, CIDROID, -1, false, TYPALIGN_INT));
}
