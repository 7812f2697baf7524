#pragma once
// Room in a block or in the network of a subnet: what is looked for where, and the gaps that are found.
#include "pg/postgres.hpp"

#include <algorithm>

#include "pg/fault.hpp"
#include "pg/memory.hpp"
#include "pg/row_by_id.hpp"
#include "pg/store.hpp"
#include "pg/taken.hpp"

namespace ipam::pg {

// Where room is looked for. Read by a statement of the caller: his rights and row level security decide
// whether he may see the block or subnet.
struct Container {
	const char *kind; // block or subnet
	Network network;
	Span span; // a block may begin and end inside its network
	int64 address_space_id;
	int64 parent_of_taken_blocks; // 0: child blocks take nothing
	bool is_subnet;
};

// read(const FoundRow &) makes it of its row.
template <typename Read> Container read_container(const char *kind, RowsById *rows, int64 id, Read &&read) {
	require_ready_store();
	Container found{};
	if (!rows->find(id, [&](const FoundRow &row) { found = read(row); })) {
		raise_fault(fault_named("IpamApiObjectNotFoundInDatabase"),
		            psprintf("there is no %s " INT64_FORMAT, kind, id), nullptr,
		            psprintf("SELECT id, network FROM ipam.ip_%s lists the %ss you may see.", kind, kind));
	}
	found.kind = kind;
	return found;
}

inline Network network_of(const FoundRow &row, Column *column) {
	const inet *value = DatumGetInetPP(row.value(column));
	const Address first = to_address(value);
	return {first.family, first.value, ip_bits(value)};
}

inline int64 container_id(FunctionCallInfo fcinfo, const char *kind) {
	if (!PG_ARGISNULL(0)) return PG_GETARG_INT64(0);
	raise_fault(fault_named("IpamApiFieldIdNotSpecified"), psprintf("the id of the %s is missing", kind),
	            psprintf("%s_id is NULL.", kind),
	            psprintf("SELECT id, network FROM ipam.ip_%s lists the %ss you may see.", kind, kind));
}

// A block, the first argument. Its child blocks take their addresses unless the argument says otherwise.
inline Container block_argument(FunctionCallInfo fcinfo, int within_child_blocks) {
	static constinit RowsById blocks{"ip_block", "ip_block_pkey",
	                                 "SELECT network, start_address, end_address, address_space_id"
	                                 " FROM ipam.ip_block WHERE id OPERATOR(pg_catalog.=) $1"};
	static constinit Column network{"network"};
	static constinit Column start_address{"start_address"};
	static constinit Column end_address{"end_address"};
	static constinit Column address_space_id{"address_space_id"};
	const int64 id = container_id(fcinfo, "block");
	Container block = read_container("block", &blocks, id, [](const FoundRow &row) {
		Container found{};
		found.network = network_of(row, &network);
		found.span = {found.network.family, to_address(DatumGetInetPP(row.value(&start_address))).value,
		              to_address(DatumGetInetPP(row.value(&end_address))).value};
		found.address_space_id = DatumGetInt64(row.value(&address_space_id));
		return found;
	});
	const bool within = !PG_ARGISNULL(within_child_blocks) && PG_GETARG_BOOL(within_child_blocks);
	block.parent_of_taken_blocks = within ? 0 : id;
	return block;
}

// A subnet, the first argument.
inline Container subnet_argument(FunctionCallInfo fcinfo) {
	static constinit RowsById subnets{"ip_subnet", "ip_subnet_pkey",
	                                  "SELECT network, address_space_id FROM ipam.ip_subnet"
	                                  " WHERE id OPERATOR(pg_catalog.=) $1"};
	static constinit Column network{"network"};
	static constinit Column address_space_id{"address_space_id"};
	Container subnet =
	    read_container("subnet", &subnets, container_id(fcinfo, "subnet"), [](const FoundRow &row) {
		    Container found{};
		    found.network = network_of(row, &network);
		    found.span = found.network.span();
		    found.address_space_id = DatumGetInt64(row.value(&address_space_id));
		    return found;
	    });
	subnet.is_subnet = true;
	return subnet;
}

// An array of networks and addresses to leave out. NULLs and the other family leave out nothing.
inline TakenByWish exclude_argument(FunctionCallInfo fcinfo, int argument, Family family,
                                    MemoryContext context) {
	if (PG_ARGISNULL(argument)) return {};
	Datum *values = nullptr;
	bool *nulls = nullptr;
	int count = 0;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), INETOID, -1, false, TYPALIGN_INT, &values, &nulls,
	                  &count);
	auto *stretches = allocate<Stretch>(context, static_cast<Size>(count));
	TakenByWish excluded{stretches, 0, 0};
	for (int i = 0; i < count; ++i) {
		if (nulls[i] || family_of(DatumGetInetPP(values[i])) != family) continue;
		const inet *value = DatumGetInetPP(values[i]);
		const Span span = Network{family, to_address(value).value, ip_bits(value)}.span();
		stretches[excluded.count++] = {span.first, span.last};
	}
	std::sort(stretches, stretches + excluded.count,
	          [](const Stretch &a, const Stretch &b) { return a.first < b.first; });
	return excluded;
}

// Visits the gaps of the container from `rest` on that have a place for `fit`, ascending, until visit
// returns false. What takes most is asked first, see for_each_room().
template <typename Visit> bool search_room(const Container &container, TakenByWish excluded, const Span &rest,
                                           const Fit &fit, Visit &&visit) {
	const Family family = container.span.family;
	Taken<TakenSubnets> subnets{};
	subnets.kind.family = family;
	subnets.kind.is_enabled = true;
	subnets.kind.longer_than = container.is_subnet ? container.network.prefix_length : 0;
	subnets.kind.entries.init("ip_subnet", "ip_subnet_network_key", container.address_space_id);
	Taken<TakenBlocks> blocks{};
	blocks.kind.family = family;
	blocks.kind.is_enabled = container.parent_of_taken_blocks != 0;
	blocks.kind.entries.init("ip_block", "ip_block_parent_id_idx", container.parent_of_taken_blocks);
	Taken<TakenRanges> ranges{}; // they lie in subnets: in a block they take nothing more
	ranges.kind.family = family;
	ranges.kind.is_enabled = container.is_subnet;
	ranges.kind.address_space_id = container.address_space_id;
	ranges.kind.entries.init("ip_range", "ip_range_start_address_idx", container.address_space_id);
	Taken<RecordedAddresses> addresses{};
	addresses.kind.family = family;
	addresses.kind.is_enabled = true;
	addresses.kind.entries.init("ip_address", "ip_address_identity_key", container.address_space_id);

	const bool to_the_end = for_each_room(rest, fit, visit, excluded, subnets, blocks, ranges, addresses);
	addresses.close();
	ranges.close();
	blocks.close();
	subnets.close();
	return to_the_end;
}

} // namespace ipam::pg
