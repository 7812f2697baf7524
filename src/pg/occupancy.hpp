#pragma once
// Occupancy: stretches of a range that are known to be full, so that the search need not look at their
// addresses. sql/install/58_occupancy.sql tells what the rows mean and why they are never wrong.
#include "pg/postgres.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

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
template <typename Wanted> bool first_row(const char *table, const DirectIndex &index, Snapshot snapshot,
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

inline bool is_permanent(const char *name) {
	Relation table = open_table(name, AccessShareLock);
	const bool result = table->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT;
	table_close(table, NoLock);
	return result;
}

// A crash empties a table that is unlogged. What is known of its addresses, or what takes it back, would not
// go with it.
inline bool survives_crash() {
	return is_permanent("ip_address") && is_permanent("occupancy_hole");
}

// The confirmed stretch that begins at the address or before.
inline bool stretch_at(int64 range_id, const Address &address, Snapshot snapshot, Stretch *span) {
	return first_row("occupancy", "occupancy_range_id_first_address_idx", snapshot, range_id,
	                 BTLessEqualStrategyNumber, address, BackwardScanDirection, span, 3, is_confirmed) &&
	       survives_crash();
}

// Whether a stretch and its holes have been seen as they were at one moment. With one snapshot for both they
// have; otherwise a confirmation may have taken both out between the two looks.
inline bool still_stands(int64 range_id, const Address &address, const Stretch &seen, Snapshot snapshot,
                         Snapshot hole_snapshot) {
	if (snapshot == hole_snapshot) return true;
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	Stretch span{};
	const bool stands =
	    stretch_at(range_id, address, latest, &span) && span.first == seen.first && span.last == seen.last;
	UnregisterSnapshot(latest);
	return stands;
}

} // namespace detail

// A background worker makes the occupancy of the range anew, unless one has been asked for just now.
void ask_for_occupancy_upkeep(int64 range_id);

// Whether the triggers that make holes fire for everybody who writes, as the extension has set them up.
// ENABLE TRIGGER ALL or USER, which pg_dump --disable-triggers uses, leaves them off for logical replication.
inline bool are_holes_made() {
	constexpr std::pair<const char *, char> needed[] = {
	    {"open_occupancy_holes", TRIGGER_FIRES_ALWAYS},
	    {"open_occupancy_hole", TRIGGER_FIRES_ALWAYS},
	    {"open_replicated_occupancy_hole", TRIGGER_FIRES_ON_REPLICA},
	    {"forget_occupancy", TRIGGER_FIRES_ALWAYS}};
	Relation table = open_table("ip_address", AccessShareLock);
	const TriggerDesc *triggers = table->trigdesc;
	const bool made = std::all_of(std::begin(needed), std::end(needed), [triggers](const auto &trigger) {
		for (int i = 0; triggers != nullptr && i < triggers->numtriggers; ++i) {
			const Trigger &t = triggers->triggers[i];
			if (std::strcmp(t.tgname, trigger.first) == 0) return t.tgenabled == trigger.second;
		}
		return false;
	});
	table_close(table, NoLock);
	return made;
}

// Version 1.0 of the SQL objects, which the library serves until they are updated, does not have it.
inline bool has_occupancy() {
	return OidIsValid(get_relname_relid("occupancy", get_namespace_oid("ipam", false))) && are_holes_made();
}

// Under the snapshot; `hole_snapshot`: under which holes are looked for, a dirty one also shows those of
// transactions that have not ended.
inline Known ask_occupancy(int64 range_id, const Address &address, Snapshot snapshot,
                           Snapshot hole_snapshot) {
	using namespace detail;
	Known known{false, 0, top(address.family)};
	if (!has_occupancy()) return known;
	Stretch span{};
	if (stretch_at(range_id, address, snapshot, &span) && span.last >= address.value) {
		Stretch hole{};
		const Address chunk{address.family, chunk_of(address.value).first};
		const bool has_hole =
		    first_row("occupancy_hole", "occupancy_hole_range_id_address_idx", hole_snapshot, range_id,
		              BTGreaterEqualStrategyNumber, chunk, ForwardScanDirection, &hole, 2,
		              [](TupleTableSlot *) { return true; }) &&
		    hole.first <= span.last;
		if ((has_hole && hole.first <= address.value) ||
		    !still_stands(range_id, address, span, snapshot, hole_snapshot)) {
			known.ask_again = chunk_of(address.value).last + 1;
		} else {
			known = {true, has_hole ? hole.first - 1 : span.last, 0};
		}
	} else if (first_row("occupancy", "occupancy_range_id_first_address_idx", snapshot, range_id,
	                     BTGreaterEqualStrategyNumber, address, ForwardScanDirection, &span, 3,
	                     is_confirmed)) {
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
	if (!has_occupancy() || !stretch_at(range_id, address, snapshot, &span)) return known;
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
	} else if (!still_stands(range_id, address, span, snapshot, hole_snapshot)) {
		known.ask_again = chunk_of(address.value).first - 1;
	} else {
		known = {true, has_hole ? chunk_of(hole.first).last + 1 : span.first, 0};
	}
	return known;
}

} // namespace ipam::pg
