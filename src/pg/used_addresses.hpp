#pragma once
// The used addresses of a range, in order, straight from the index ip_address (range_id, address)
// under the active snapshot. The table is visited only for pages that are not all-visible.
#include "pg/postgres.hpp"

#include "core/gaps.hpp"
#include "pg/convert.hpp"
#include "pg/relation.hpp"

namespace ipam::pg {

class UsedAddresses {
public:
	// From the first address on; the reader stops where it has seen enough. Where that is where the
	// range begins, nothing lies before it: the index need not compare every entry with it.
	void open(int64 range_id, const Address &first, bool is_range_start) {
		ScanKeyInit(&keys_[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(range_id));
		ScanKeyInit(&keys_[1], 2, BTGreaterEqualStrategyNumber, F_NETWORK_GE, InetPGetDatum(to_inet(first)));
		snapshot_ = GetActiveSnapshot();
		scan_ = begin_index_scan("ip_address", "ip_address_range_id_address_idx", snapshot_, keys_,
		                         is_range_start ? 1 : 2, true);
		slot_ = table_slot_create(scan_.table, nullptr);
	}

	// Today a stretch is one address. Knowledge of longer ones belongs here: for_each_gap() takes
	// them as they come.
	bool next(Stretch &used) {
		for (;;) {
			CHECK_FOR_INTERRUPTS();
			ItemPointer tid = index_getnext_tid(scan_.scan, ForwardScanDirection);
			if (tid == nullptr) return false;
			if (is_visible(tid)) break;
		}
		bool is_null = false;
		const Datum address = index_getattr(scan_.scan->xs_itup, 2, scan_.scan->xs_itupdesc, &is_null);
		const uint128 value = to_address(DatumGetInetPP(address)).value;
		used = {value, value};
		return true;
	}

	void close() {
		if (visibility_page_ != InvalidBuffer) ReleaseBuffer(visibility_page_);
		ExecDropSingleTupleTableSlot(slot_);
		end_index_scan(scan_);
	}

private:
	bool is_visible(ItemPointer tid) {
		const BlockNumber page = ItemPointerGetBlockNumber(tid);
		if (VM_ALL_VISIBLE(scan_.table, page, &visibility_page_)) {
			// A serializable transaction has read what is there, even without looking at the table.
			PredicateLockPage(scan_.table, page, snapshot_);
			return true;
		}
		const bool visible = index_fetch_heap(scan_.scan, slot_);
		ExecClearTuple(slot_);
		return visible;
	}

	OpenIndexScan scan_{};
	ScanKeyData keys_[2];
	Snapshot snapshot_ = nullptr;
	TupleTableSlot *slot_ = nullptr;
	Buffer visibility_page_ = InvalidBuffer;
};

} // namespace ipam::pg
