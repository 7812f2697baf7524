#pragma once
// The used addresses of a range, in order, straight from the index ip_address (range_id, address)
// under the active snapshot. The table is visited only for pages that are not all-visible.
#include "pg/postgres.hpp"

#include "core/gaps.hpp"
#include "pg/leaf_pages.hpp"
#include "pg/relation.hpp"

namespace ipam::pg {

class UsedAddresses {
public:
	// From the first address on; the reader stops where it has seen enough.
	void open(int64 range_id, const Address &first) {
		snapshot_ = GetActiveSnapshot();
		table_ = table_open(oid_of("ip_address"), AccessShareLock);
		index_ = index_open(oid_of("ip_address_range_id_address_idx"), AccessShareLock);
		rows_ = table_index_fetch_begin(table_);
		slot_ = table_slot_create(table_, nullptr);
		pgstat_count_index_scan(index_);
		pages_.open(index_, snapshot_, range_id, first);
		entry_ = pages_.end();
	}

	// The next stretch of used addresses. One that goes on on the next page of the index comes in
	// pieces: whoever only wants the gap before it need not wait for its end.
	bool next(Stretch &used) {
		for (;;) {
			while (entry_ != pages_.end()) {
				const LeafEntry &entry = *entry_++;
				if (!is_visible(entry)) continue;
				used = {entry.address, entry.address};
				for (; entry_ != pages_.end() && entry_->address - used.last <= 1; ++entry_) {
					if (is_visible(*entry_)) used.last = entry_->address;
				}
				return true;
			}
			CHECK_FOR_INTERRUPTS();
			if (!pages_.next_page()) return false;
			entry_ = pages_.begin();
			known_page_ = InvalidBlockNumber; // what was known before the entries were read is too old
		}
	}

	void close() {
		pages_.close();
		if (visibility_page_ != InvalidBuffer) ReleaseBuffer(visibility_page_);
		ExecDropSingleTupleTableSlot(slot_);
		table_index_fetch_end(rows_);
		index_close(index_, AccessShareLock);
		table_close(table_, AccessShareLock);
	}

private:
	bool is_visible(const LeafEntry &entry) {
		const BlockNumber page = ItemPointerGetBlockNumber(&entry.row);
		if (page != known_page_) {
			known_page_ = page;
			known_all_visible_ = VM_ALL_VISIBLE(table_, page, &visibility_page_);
			// A serializable transaction has read what is there, even without looking at the table.
			if (known_all_visible_) PredicateLockPage(table_, page, snapshot_);
		}
		if (known_all_visible_) return true;
		ItemPointerData row = entry.row;
		bool is_chain = false;
		bool is_dead = false;
		const bool visible = table_index_fetch_tuple(rows_, &row, snapshot_, slot_, &is_chain, &is_dead);
		if (is_dead && !TransactionStartedDuringRecovery()) pages_.mark_dead(entry);
		ExecClearTuple(slot_);
		return visible;
	}

	Snapshot snapshot_ = nullptr;
	Relation table_ = nullptr;
	Relation index_ = nullptr;
	IndexFetchTableData *rows_ = nullptr;
	TupleTableSlot *slot_ = nullptr;
	LeafPages pages_;
	const LeafEntry *entry_ = nullptr;
	BlockNumber known_page_ = InvalidBlockNumber;
	bool known_all_visible_ = false;
	Buffer visibility_page_ = InvalidBuffer;
};

} // namespace ipam::pg
