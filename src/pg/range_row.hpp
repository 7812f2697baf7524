#pragma once
// The row of a range, as far as searches in it need it.
#include "pg/postgres.hpp"

#include <algorithm>

#include "core/gaps.hpp"
#include "pg/fault.hpp"
#include "pg/inetrange.hpp"
#include "pg/memory.hpp"
#include "pg/quarantine.hpp"
#include "pg/range_search.hpp"
#include "pg/row_by_id.hpp"
#include "pg/store.hpp"

namespace ipam::pg {

struct RangeRow {
	Span span;
	bool is_ms_dhcp;
	Service service;
	Stretch *withheld; // reserved and virtual addresses, in the order of their first ones
	int withheld_count;
	Quarantine quarantine;
};

namespace detail {

struct Stretches {
	TypeCacheEntry *type;
	RangeType **ranges;
	int count;
};

inline Stretches stretches_of(Datum multirange) {
	const MultirangeType *value = DatumGetMultirangeTypeP(multirange);
	Stretches found{};
	if (value->rangeCount == 0) return found;
	found.type = lookup_type_cache(MultirangeTypeGetOid(value), TYPECACHE_MULTIRANGE_INFO)->rngtype;
	multirange_deserialize(found.type, value, &found.count, &found.ranges);
	return found;
}

inline void withhold(RangeRow *range, const Stretches &stretches) {
	for (int i = 0; i < stretches.count; ++i) {
		const Span span = to_span(stretches.type, stretches.ranges[i]);
		range->withheld[range->withheld_count++] = {span.first, span.last};
	}
}

inline void withhold(RangeRow *range, Datum reserved, Datum virtuals) {
	const Stretches first = stretches_of(reserved);
	const Stretches second = stretches_of(virtuals);
	if (first.count + second.count == 0) return;
	range->withheld = allocate<Stretch>(CurrentMemoryContext,
	                                    static_cast<Size>(first.count) + static_cast<Size>(second.count));
	withhold(range, first);
	withhold(range, second);
	std::sort(range->withheld, range->withheld + range->withheld_count,
	          [](const Stretch &a, const Stretch &b) { return a.first < b.first; });
}

inline RangeRow to_range_row(const FoundRow &row, bool include_reserved) {
	static constinit Column start_address{"start_address"};
	static constinit Column end_address{"end_address"};
	static constinit Column managed_by{"managed_by"};
	static constinit Column managed_by_entity{"managed_by_entity"};
	static constinit Column address_space_id{"address_space_id"};
	static constinit Column reserved_addresses{"reserved_addresses"};
	static constinit Column virtual_addresses{"virtual_addresses"};
	static constinit Column quarantine{"quarantine"};
	const Address first = to_address(DatumGetInetPP(row.value(&start_address)));
	const Address last = to_address(DatumGetInetPP(row.value(&end_address)));
	RangeRow range{};
	range.span = {first.family, first.value, last.value};
	range.is_ms_dhcp = is_ms_dhcp(row.value(&managed_by));
	range.service = {row.value(&address_space_id), datumCopy(row.value(&managed_by), false, -1),
	                 datumCopy(row.value(&managed_by_entity), false, -1)};
	if (!include_reserved) withhold(&range, row.value(&reserved_addresses), row.value(&virtual_addresses));
	if (!row.is_null(&quarantine))
		range.quarantine = Quarantine::of(DatumGetIntervalP(row.value(&quarantine)));
	return range;
}

} // namespace detail

// Of a store that may be worked with. What it points to lies in the current context.
inline RangeRow read_range(int64 range_id, bool include_reserved) {
	static constinit RowsById ranges{
	    "ip_range", "ip_range_pkey",
	    "SELECT start_address, end_address, managed_by, managed_by_entity, address_space_id,"
	    " reserved_addresses, virtual_addresses, quarantine"
	    " FROM ipam.ip_range WHERE id OPERATOR(pg_catalog.=) $1"};
	require_ready_store();
	RangeRow range{};
	if (!ranges.find(range_id,
	                 [&](const FoundRow &row) { range = detail::to_range_row(row, include_reserved); })) {
		raise_fault(fault_named("IpamApiObjectNotFoundInDatabase"),
		            psprintf("there is no range " INT64_FORMAT, range_id), nullptr,
		            "SELECT id, start_address, end_address FROM ipam.ip_range lists the ranges you may see.");
	}
	return range;
}

// A range managed by MS DHCP has no free addresses of its own: its server knows them.
inline bool answers(const RangeRow &range, int64 range_id) {
	if (!range.is_ms_dhcp) return true;
	ereport(NOTICE,
	        (errmsg("range " INT64_FORMAT " is managed by MS DHCP: ask its DHCP server for free addresses",
	                range_id)));
	return false;
}

} // namespace ipam::pg
