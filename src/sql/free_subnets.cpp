// Room for networks in a block or in the network of a subnet: ipam.get_free_ip_subnets(),
// ipam.free_networks(), ipam.largest_free_network() and their twins for subnets.
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "pg/places.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

// The second argument: a length that a subnet can have, and that fits into the container.
int prefix_length_argument(FunctionCallInfo fcinfo, const Container &container) {
	const int longest = container.network.family == Family::v4 ? 30 : 127;
	const int32 length = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	if (length < 1 || length > longest) {
		raise_fault(fault_named("IpamApiInvalidPrefixLength"),
		            PG_ARGISNULL(1) ? "the prefix length is missing"
		                            : psprintf("a subnet cannot have prefix length %d", length),
		            "The prefix length of a subnet is 1 to 30 in IPv4 and 1 to 127 in IPv6.", nullptr);
	}
	if (length < container.network.prefix_length) {
		raise_fault(
		    fault_named("IpamApiSubnetPrefixLargerThanBlock"),
		    psprintf("a /%d does not fit into %s %s", length, container.kind, to_text(container.network)),
		    nullptr,
		    psprintf("Ask for a prefix length of %d to %d.", container.network.prefix_length, longest));
	}
	return length;
}

Datum free_subnets(FunctionCallInfo fcinfo, Container (*read)(FunctionCallInfo)) {
	return return_places(
	    fcinfo,
	    [&](MemoryContext context) {
		    const Container container = read(fcinfo);
		    const int length = prefix_length_argument(fcinfo, container);
		    Places places = start_places(fcinfo, container, container.span,
		                                 network_fit(container.span.family, length), "networks", context);
		    // The network of the subnet itself is in the plan already.
		    if (container.is_subnet && length == container.network.prefix_length) places.wanted = 0;
		    return places;
	    },
	    [](const Span &place) { return InetPGetDatum(to_cidr(leading_network(place))); });
}

TakenByWish excluded_networks(FunctionCallInfo fcinfo, const Container &container) {
	return exclude_argument(fcinfo, 1, container.span.family, CurrentMemoryContext);
}

Datum free_networks(FunctionCallInfo fcinfo, const Container &container) {
	const TakenByWish excluded = excluded_networks(fcinfo, container);
	const Rows rows = materialize(fcinfo);
	search_room(container, excluded, container.span, {1, 1}, [&](const Span &gap) {
		return for_each_network(gap, [&](const Network &network) {
			inet *value = to_cidr(network);
			rows.put(InetPGetDatum(value));
			pfree(value);
			return true;
		});
	});
	return Datum{0};
}

Datum largest_free_network(FunctionCallInfo fcinfo, const Container &container) {
	Network largest{};
	bool found = false;
	Fit fit{1, 1}; // grows: behind a network only larger ones matter
	search_room(container, excluded_networks(fcinfo, container), container.span, fit, [&](const Span &gap) {
		for_each_network(gap, [&](const Network &network) {
			if (!found || network.prefix_length < largest.prefix_length) largest = network;
			found = true;
			return true;
		});
		if (largest.prefix_length <= 1) return false;
		fit = network_fit(largest.family, largest.prefix_length - 1);
		return true;
	});
	if (!found) PG_RETURN_NULL();
	PG_RETURN_INET_P(to_cidr(largest));
}

} // namespace

IPAM_FUNCTION(ipam_get_free_ip_subnets) {
	return free_subnets(fcinfo, [](FunctionCallInfo call) { return block_argument(call, 5); });
}

IPAM_FUNCTION(ipam_get_free_ip_subnets_in_subnet) {
	return free_subnets(fcinfo, [](FunctionCallInfo call) { return subnet_argument(call); });
}

IPAM_FUNCTION(ipam_free_networks) {
	return free_networks(fcinfo, block_argument(fcinfo, 2));
}

IPAM_FUNCTION(ipam_free_networks_in_subnet) {
	return free_networks(fcinfo, subnet_argument(fcinfo));
}

IPAM_FUNCTION(ipam_largest_free_network) {
	return largest_free_network(fcinfo, block_argument(fcinfo, 2));
}

IPAM_FUNCTION(ipam_largest_free_network_in_subnet) {
	return largest_free_network(fcinfo, subnet_argument(fcinfo));
}
