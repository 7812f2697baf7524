#pragma once
// The used addresses of a range, in order, straight from the index ip_address (range_id, address)
// under the active snapshot. The table is visited only for pages that are not all-visible, and long full
// stretches are jumped over where occupancy knows them.
#include "pg/postgres.hpp"

#include "core/gaps.hpp"
#include "pg/leaf_pages.hpp"
#include "pg/occupancy.hpp"
#include "pg/relation.hpp"

namespace ipam::pg {

class UsedAddresses {
public:
	// From the first address on; the reader stops where it has seen enough. `jump`: may take the word
	// of occupancy. A serializable transaction may not: it must have read what it relies on.
	void open(int64 range_id, const Address &first, bool jump = true) {
		range_id_ = range_id;
		family_ = first.family;
		jumps_ = jump && !IsolationIsSerializable();
		run_first_ = next_ = first.value;
		snapshot_ = GetActiveSnapshot();
		table_ = open_table("ip_address", AccessShareLock);
		index_ = open_index(table_, "ip_address_range_id_address_idx");
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
				if (used.first != next_) run_first_ = used.first;
				next_ = used.last + 1;
				return true;
			}
			CHECK_FOR_INTERRUPTS();
			if (jumps_ && next_ - run_first_ >= long_run && next_ >= ask_again_ && jump(used)) return true;
			longest_walk_ = Max(longest_walk_, next_ - Max(run_first_, landed_));
			if (!pages_.next_page()) return false;
			entry_ = pages_.begin();
			known_page_ = InvalidBlockNumber; // what was known before the entries were read is too old
		}
	}

	void close() {
		pages_.close();
		if (visibility_page_ != InvalidBuffer) ReleaseBuffer(visibility_page_);
		if (slot_ != nullptr) {
			ExecDropSingleTupleTableSlot(slot_);
			table_index_fetch_end(rows_);
		}
		index_close(index_, AccessShareLock);
		table_close(table_, NoLock);
		if (jumps_ && longest_walk_ >= too_long_run) ask_for_occupancy_upkeep(range_id_);
	}

private:
	// So many used addresses in a row make it likely that they are the beginning of many more.
	static constexpr uint128 long_run = 512;
	// So many of them, read one by one, are worth a background worker who makes the next search jump.
	static constexpr uint128 too_long_run = 50000;

	// To the end of the full stretch that goes on at next_, where one is known.
	bool jump(Stretch &used) {
		const Known known = ask_occupancy(range_id_, {family_, next_}, snapshot_, snapshot_);
		if (!known.full) {
			ask_again_ = known.ask_again;
			return false;
		}
		used = {next_, known.last};
		next_ = landed_ = known.last + 1;
		pages_.seek({family_, next_});
		entry_ = pages_.end();
		return true;
	}

	bool is_visible(const LeafEntry &entry) {
		const BlockNumber page = ItemPointerGetBlockNumber(&entry.row);
		if (page != known_page_) {
			known_page_ = page;
			known_all_visible_ = VM_ALL_VISIBLE(table_, page, &visibility_page_);
			// A serializable transaction has read what is there, even without looking at the table.
			if (known_all_visible_) PredicateLockPage(table_, page, snapshot_);
		}
		if (known_all_visible_) return true;
		if (slot_ == nullptr) { // most walks need not look at a row
			rows_ = table_index_fetch_begin(table_);
			slot_ = table_slot_create(table_, nullptr);
		}
		ItemPointerData row = entry.row;
		bool is_chain = false;
		bool is_dead = false;
		const bool visible = table_index_fetch_tuple(rows_, &row, snapshot_, slot_, &is_chain, &is_dead);
		if (is_dead && !TransactionStartedDuringRecovery()) pages_.mark_dead(entry);
		ExecClearTuple(slot_);
		return visible;
	}

	int64 range_id_ = 0;
	Family family_ = Family::v4;
	bool jumps_ = false;
	uint128 run_first_ = 0; // of the used addresses in a row that end before next_
	uint128 next_ = 0;
	uint128 ask_again_ = 0;
	uint128 landed_ = 0; // where the last jump ended
	uint128 longest_walk_ = 0;
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
