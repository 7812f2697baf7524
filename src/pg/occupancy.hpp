#pragma once
// Occupancy: stretches of a range that are known to be full, so that the search need not look at their
// addresses. sql/install/58_occupancy.sql tells what the rows mean and why they are never wrong.
#include "pg/postgres.hpp"

#include "core/chunk.hpp"
#include "pg/convert.hpp"
#include "pg/relation.hpp"

namespace ipam::pg {

// What is known about an address: it begins a full stretch, or it is not worth asking again before
// `ask_again`.
struct Known {
	bool full;
	uint128 last;      // of the full stretch
	uint128 ask_again; // top of the family where nothing more is known
};

namespace detail {

// The first row of the range in the given direction that is of the family and wanted; its address in
// column 2, and in column `column`.
template <typename Wanted> bool first_row(const char *table, const char *index, Snapshot snapshot,
                                          int64 range_id, StrategyNumber strategy, const Address &from,
                                          ScanDirection direction, Stretch *found, AttrNumber last_column,
                                          Wanted &&wanted) {
	ScanKeyData keys[2];
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(range_id));
	ScanKeyInit(&keys[1], 2, strategy, strategy == BTLessEqualStrategyNumber ? F_NETWORK_LE : F_NETWORK_GE,
	            InetPGetDatum(to_inet(from)));
	const OpenIndexScan scan = begin_index_scan(table, index, snapshot, keys, 2);
	TupleTableSlot *slot = table_slot_create(scan.table, nullptr);
	bool exists = false;
	while (!exists && index_getnext_slot(scan.scan, direction, slot)) {
		if (!wanted(slot)) continue;
		*found = {address_in(slot, 2).value, address_in(slot, last_column).value};
		exists = true;
	}
	ExecDropSingleTupleTableSlot(slot);
	end_index_scan(scan);
	return exists;
}

inline bool is_confirmed(TupleTableSlot *slot) {
	return DatumGetBool(value_in(slot, 4));
}

} // namespace detail

// A background worker makes the occupancy of the range anew, unless one has been asked for just now.
void ask_for_occupancy_upkeep(int64 range_id);

// Version 1.0 of the SQL objects, which the library serves until they are updated, does not have it.
inline bool has_occupancy() {
	return OidIsValid(get_relname_relid("occupancy", get_namespace_oid("ipam", false)));
}

// Under the snapshot; `hole_snapshot`: under which holes are looked for, a dirty one also shows those of
// transactions that have not ended.
inline Known ask_occupancy(int64 range_id, const Address &address, Snapshot snapshot,
                           Snapshot hole_snapshot) {
	using namespace detail;
	constexpr const char *index = "occupancy_range_id_first_address_idx";
	Known known{false, 0, top(address.family)};
	if (!has_occupancy()) return known;
	Stretch span{};
	if (first_row("occupancy", index, snapshot, range_id, BTLessEqualStrategyNumber, address,
	              BackwardScanDirection, &span, 3, is_confirmed) &&
	    span.last >= address.value) {
		Stretch hole{};
		const Address chunk{address.family, chunk_of(address.value).first};
		const bool has_hole =
		    first_row("occupancy_hole", "occupancy_hole_range_id_address_idx", hole_snapshot, range_id,
		              BTGreaterEqualStrategyNumber, chunk, ForwardScanDirection, &hole, 2,
		              [](TupleTableSlot *) { return true; }) &&
		    hole.first <= span.last;
		if (has_hole && hole.first <= address.value) {
			known.ask_again = chunk_of(address.value).last + 1;
		} else {
			known = {true, has_hole ? hole.first - 1 : span.last, 0};
		}
	} else if (first_row("occupancy", index, snapshot, range_id, BTGreaterEqualStrategyNumber, address,
	                     ForwardScanDirection, &span, 3, is_confirmed)) {
		known.ask_again = span.first;
	}
	return known;
}

// The same downwards: a full stretch reaches from the address down to `last`, and what is below `ask_again`
// is worth asking again.
inline Known ask_occupancy_below(int64 range_id, const Address &address, Snapshot snapshot,
                                 Snapshot hole_snapshot) {
	using namespace detail;
	Known known{false, 0, 0};
	Stretch span{};
	if (!has_occupancy() ||
	    !first_row("occupancy", "occupancy_range_id_first_address_idx", snapshot, range_id,
	               BTLessEqualStrategyNumber, address, BackwardScanDirection, &span, 3, is_confirmed)) {
		return known;
	}
	if (span.last < address.value) {
		known.ask_again = span.last;
		return known;
	}
	Stretch hole{};
	const bool has_hole = first_row("occupancy_hole", "occupancy_hole_range_id_address_idx", hole_snapshot,
	                                range_id, BTLessEqualStrategyNumber, address, BackwardScanDirection,
	                                &hole, 2, [](TupleTableSlot *) { return true; }) &&
	                      chunk_of(hole.first).last >= span.first;
	if (has_hole && chunk_of(hole.first).last >= address.value) {
		known.ask_again = hole.first - 1; // no range begins with the first address of a family
	} else {
		known = {true, has_hole ? chunk_of(hole.first).last + 1 : span.first, 0};
	}
	return known;
}

} // namespace ipam::pg
