// What happens when addresses are released: the session that did it looks for free addresses there again,
// and where the range has a quarantine, they are not offered before it is over.
#include "pg/postgres.hpp"

#include "pg/allocation_hint.hpp"
#include "pg/bookmark.hpp"
#include "pg/boundary.hpp"
#include "pg/convert.hpp"
#include "pg/quarantine.hpp"
#include "pg/relation.hpp"
#include "pg/statement.hpp"
#include "pg/trigger.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

struct Released {
	Datum *range_ids;
	Datum *addresses;
	int count;
	int capacity;

	void add(Datum range_id, Datum address) {
		if (count == capacity) {
			capacity = capacity == 0 ? 16 : capacity * 2;
			const Size size = sizeof(Datum) * static_cast<Size>(capacity);
			range_ids = static_cast<Datum *>(count == 0 ? palloc(size) : repalloc_huge(range_ids, size));
			addresses = static_cast<Datum *>(count == 0 ? palloc(size) : repalloc_huge(addresses, size));
		}
		range_ids[count] = range_id;
		addresses[count++] = datumCopy(address, false, -1);
	}
};

// Which ranges have a quarantine by now, whatever the snapshot of the statement shows, which may have waited
// since for somebody who has changed it. Read directly: a range that row level security hides from who
// releases an address keeps its quarantine.
class RangeQuarantines {
public:
	void open() {
		CommandCounterIncrement();
		snapshot_ = RegisterSnapshot(GetLatestSnapshot());
		is_any_ = is_any();
		if (!is_any_) return;
		table_ = open_table("ip_range", AccessShareLock);
		column_ = column_number(table_, "quarantine");
	}

	bool has(int64 range_id) {
		if (!is_any_) return false;
		if (range_id != range_id_) look_at(range_id);
		return has_;
	}

	void close() {
		if (is_any_) table_close(table_, NoLock);
		UnregisterSnapshot(snapshot_);
	}

private:
	// A look at an index that is mostly empty.
	bool is_any() const {
		const OpenIndexScan scan =
		    begin_index_scan("ip_range", "ip_range_quarantine_idx", snapshot_, nullptr, 0);
		TupleTableSlot *slot = table_slot_create(scan.table, nullptr);
		const bool found = index_getnext_slot(scan.scan, ForwardScanDirection, slot);
		ExecDropSingleTupleTableSlot(slot);
		end_index_scan(scan);
		return found;
	}

	void look_at(int64 range_id) {
		static constinit Bookmark bookmarks[64]{};
		ScanKeyData key;
		ScanKeyInit(&key, column_number(table_, "id"), BTEqualStrategyNumber, F_INT8EQ,
		            Int64GetDatum(range_id));
		range_id_ = range_id;
		has_ = false;
		find_row(
		    table_, [] { return oid_of("ip_range_pkey"); }, &key, snapshot_,
		    &bookmarks[static_cast<uint64>(range_id) % lengthof(bookmarks)],
		    [this](HeapTuple row) {
			    bool is_null = false;
			    const Datum value = heap_getattr(row, column_, RelationGetDescr(table_), &is_null);
			    has_ = !is_null && is_quarantine(DatumGetIntervalP(value));
		    });
	}

	Snapshot snapshot_ = nullptr;
	Relation table_ = nullptr;
	AttrNumber column_ = 0;
	bool is_any_ = false;
	int64 range_id_ = 0; // the last one looked at; ids begin with 1
	bool has_ = false;
};

void quarantine(const Released &released) {
	static constinit Statement quarantine_addresses{"SELECT ipam.quarantine_addresses($1, $2)"};
	constexpr int most = 100000; // in one statement
	SPI_connect();
	for (int first = 0; first < released.count; first += most) {
		const int count = Min(most, released.count - first);
		Datum values[] = {PointerGetDatum(construct_array(released.range_ids + first, count, INT8OID,
		                                                  sizeof(int64), true, TYPALIGN_DOUBLE)),
		                  PointerGetDatum(construct_array(released.addresses + first, count, INETOID, -1,
		                                                  false, TYPALIGN_INT))};
		SPI_execute_plan(quarantine_addresses.prepared(INT8ARRAYOID, INETARRAYOID), values, nullptr, false,
		                 0);
	}
	SPI_finish();
}

} // namespace

// Trigger on ip_address: on DELETE and TRUNCATE for the statement, on UPDATE for each row that gets another
// address.
IPAM_FUNCTION(ipam_note_released_addresses) {
	TriggerData *data = trigger_on(fcinfo, "ip_address");
	if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)) {
		forget_hints();
		return PointerGetDatum(nullptr);
	}
	const AttrNumber range_id = column_number(data->tg_relation, "range_id");
	const AttrNumber address = column_number(data->tg_relation, "address");
	RangeQuarantines quarantines;
	quarantines.open();
	Released released{};
	const auto note = [&](TupleTableSlot *slot) {
		bool is_null = false;
		const Datum range = slot_getattr(slot, range_id, &is_null);
		if (is_null) return;
		const Datum value = value_in(slot, address);
		move_hints_back(DatumGetInt64(range), to_address(DatumGetInetPP(value)));
		if (quarantines.has(DatumGetInt64(range))) released.add(range, value);
	};
	if (TRIGGER_FIRED_FOR_ROW(data->tg_event)) {
		note(data->tg_trigslot);
	} else if (data->tg_oldtable != nullptr) {
		for_each_old_row(data, note);
	}
	quarantines.close();
	if (released.count > 0) quarantine(released);
	return PointerGetDatum(nullptr);
}
