#pragma once
// The addresses of a range that somebody holds, in either direction, in positions of core/direction.hpp.
//
// Under a dirty snapshot an address is held as soon as its row is written, and until its deletion is
// committed: two sessions that search at the same time do not even look at the same address. Whether a
// transaction that has not ended yet had a hand in it comes with it.
#include "pg/postgres.hpp"

#include "core/direction.hpp"
#include "core/gaps.hpp"
#include "pg/convert.hpp"
#include "pg/range_search.hpp"
#include "pg/relation.hpp"

namespace ipam::pg {

struct HeldAddress {
	uint128 position;
	TransactionId writer; // of another session, not ended; invalid: the address is held for certain
	bool is_own;          // written by this transaction
	ItemPointerData row;
};

class HeldAddresses {
public:
	// From a position on. Without a snapshot of the caller's: everything that is written, committed or not.
	void open(int64 range_id, const Direction &direction, uint128 from, Snapshot snapshot = nullptr) {
		direction_ = direction;
		InitDirtySnapshot(dirty_);
		snapshot_ = snapshot != nullptr ? snapshot : &dirty_;
		set_keys(range_id, from);
		scan_ = begin_index_scan("ip_address", "ip_address_range_id_address_idx", snapshot_, keys_, 2, true);
		slot_ = table_slot_create(scan_.table, nullptr);
	}

	// Goes on from another position.
	void seek(int64 range_id, uint128 from) {
		set_keys(range_id, from);
		index_rescan(scan_.scan, keys_, 2, nullptr, 0);
	}

	bool next(HeldAddress &held) {
		for (;;) {
			CHECK_FOR_INTERRUPTS();
			ItemPointer row = index_getnext_tid(scan_.scan, direction_.highest_first ? BackwardScanDirection
			                                                                         : ForwardScanDirection);
			if (row == nullptr) return false;
			held = {0, InvalidTransactionId, false, *row};
			if (is_held(&held)) break;
		}
		bool is_null = false;
		const Datum address = index_getattr(scan_.scan->xs_itup, 2, scan_.scan->xs_itupdesc, &is_null);
		held.position = direction_.mirror(to_address(DatumGetInetPP(address)).value);
		return true;
	}

	void close() {
		if (visibility_page_ != InvalidBuffer) ReleaseBuffer(visibility_page_);
		ExecDropSingleTupleTableSlot(slot_);
		end_index_scan(scan_);
	}

private:
	void set_keys(int64 range_id, uint128 from) {
		const Address start{direction_.family, direction_.mirror(from)};
		const bool down = direction_.highest_first;
		ScanKeyInit(&keys_[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(range_id));
		ScanKeyInit(&keys_[1], 2, down ? BTLessEqualStrategyNumber : BTGreaterEqualStrategyNumber,
		            down ? F_NETWORK_LE : F_NETWORK_GE, InetPGetDatum(to_inet(start)));
	}

	bool is_held(HeldAddress *held) {
		const BlockNumber page = ItemPointerGetBlockNumber(&held->row);
		if (VM_ALL_VISIBLE(scan_.table, page, &visibility_page_)) {
			// A serializable transaction has read what is there, even without looking at the table.
			PredicateLockPage(scan_.table, page, snapshot_);
			return true; // whoever deletes a row clears the mark first
		}
		if (!index_fetch_heap(scan_.scan, slot_)) return false;
		if (snapshot_ == &dirty_) {
			bool is_null = false;
			const Datum inserter = slot_getsysattr(slot_, MinTransactionIdAttributeNumber, &is_null);
			held->writer = writer_in_progress(dirty_);
			held->is_own = TransactionIdIsCurrentTransactionId(DatumGetTransactionId(inserter));
		}
		ExecClearTuple(slot_);
		return true;
	}

	Direction direction_{};
	SnapshotData dirty_{};
	Snapshot snapshot_ = nullptr;
	OpenIndexScan scan_{};
	ScanKeyData keys_[2];
	TupleTableSlot *slot_ = nullptr;
	Buffer visibility_page_ = InvalidBuffer;
};

} // namespace ipam::pg
