#pragma once
// The entries of the index ip_address (range_id, address) from an address of a range on, a leaf page at a
// time. An index scan of the server compares every entry with its keys and hands it over one by one; here
// a page is copied under its lock in one go, as the server's own scan does it, and looked at afterwards.
//
// What keeps it right is what keeps the server's scans right (src/backend/access/nbtree/README):
//  - Pages split to the right only, and the right neighbour is remembered with the copy: nothing is
//    missed or seen twice.
//  - The pin stays until the visibility of the page's entries is known: VACUUM waits for it before it lets
//    a heap row go that one of them points to.
//  - A deleted page is not used again while a snapshot is held that could have seen a link to it.
#include "pg/postgres.hpp"

#include <cstring>

#include "core/address.hpp"
#include "pg/convert.hpp"

namespace ipam::pg {

struct LeafEntry {
	uint128 address;
	ItemPointerData row;
	OffsetNumber offset; // on the page; 0: one of several entries of a posting list
};

class LeafPages {
public:
	void open(Relation index, Snapshot snapshot, int64 range_id, const Address &first) {
		index_ = index;
		snapshot_ = snapshot;
		range_id_ = range_id;
		memory_ = palloc(sizeof(LeafEntry) * MaxTIDsPerBTreePage + alignof(LeafEntry));
		entries_ = reinterpret_cast<LeafEntry *>(
		    TYPEALIGN(alignof(LeafEntry), reinterpret_cast<uintptr_t>(memory_)));
		seek(first);
	}

	// Goes to the first entry of the range from the address on.
	void seek(const Address &first) {
		leave_page();
		count_ = 0;
		first_ = first;
		descend();
	}

	// The next page that has entries of the range; false: there are no more. The page before is left.
	bool next_page() {
		while (next_ != P_NONE) {
			leave_page();
			CHECK_FOR_INTERRUPTS(); // pages of nothing but dead entries are not shown to the caller
			page_ = ReadBuffer(index_, next_);
			LockBuffer(page_, BUFFER_LOCK_SHARE);
			const Page page = BufferGetPage(page_);
			const BTPageOpaque opaque = checked(page);
			PredicateLockPage(index_, next_, snapshot_);
			next_ = opaque->btpo_next;
			count_ = 0;
			if (!P_IGNORE(opaque)) copy_entries(page, opaque);
			lsn_ = BufferGetLSNAtomic(page_);
			LockBuffer(page_, BUFFER_LOCK_UNLOCK);
			if (count_ > 0) return true;
		}
		return false;
	}

	const LeafEntry *begin() const { return entries_; }
	const LeafEntry *end() const { return entries_ + count_; }

	// The row of the entry is dead for everybody: scans to come may skip the entry.
	void mark_dead(const LeafEntry &entry) {
		if (entry.offset != InvalidOffsetNumber && dead_count_ < dead_limit) dead_[dead_count_++] = &entry;
	}

	void close() {
		leave_page();
		pfree(memory_);
	}

private:
	BTPageOpaque checked(Page page) const {
		const BTPageOpaque opaque = BTPageGetOpaque(page);
		if (PageIsNew(page) || PageGetSpecialSize(page) != MAXALIGN(sizeof(BTPageOpaqueData)))
			elog(ERROR, "index %s is damaged", RelationGetRelationName(index_));
		return opaque;
	}

	// Where the wanted key lies to the key of a tuple: negative: before it. The columns that a pivot
	// tuple does not have are smaller than everything; the range NULL is larger.
	int compare_with(IndexTuple tuple) const {
		const int columns = BTreeTupleGetNAtts(tuple, index_);
		if (columns == 0) return 1;
		if (IndexTupleHasNulls(tuple)) return -1;
		const char *data = reinterpret_cast<const char *>(tuple) + IndexInfoFindDataOffset(tuple->t_info);
		int64 range_id = 0;
		std::memcpy(&range_id, data, sizeof range_id);
		if (range_id_ != range_id) return range_id_ < range_id ? -1 : 1;
		if (columns == 1) return 1;
		const Address address = address_in(data);
		if (first_.family != address.family) return first_.family < address.family ? -1 : 1;
		if (first_.value != address.value) return first_.value < address.value ? -1 : 1;
		return BTreeTupleIsPivot(tuple) && BTreeTupleGetHeapTID(tuple) != nullptr ? -1 : 0;
	}

	static Address address_in(const char *data) {
		return to_address(reinterpret_cast<const inet *>(data + sizeof(int64)));
	}

	static IndexTuple tuple_at(Page page, OffsetNumber offset) {
		return reinterpret_cast<IndexTuple>(PageGetItem(page, PageGetItemId(page, offset)));
	}

	static OffsetNumber first_key(BTPageOpaque opaque) {
		return static_cast<OffsetNumber>(P_FIRSTDATAKEY(opaque));
	}

	// The first offset whose key is not before the wanted one (on an inner page: is behind it).
	OffsetNumber search(Page page, BTPageOpaque opaque) const {
		const int limit = P_ISLEAF(opaque) ? 0 : -1;
		int low = first_key(opaque);
		int high = static_cast<int>(PageGetMaxOffsetNumber(page)) + 1;
		while (low < high) {
			const int middle = (low + high) / 2;
			if (compare_with(tuple_at(page, static_cast<OffsetNumber>(middle))) <= limit)
				high = middle;
			else
				low = middle + 1;
		}
		return static_cast<OffsetNumber>(low);
	}

	// From the root to the leaf page that holds the wanted key, following right links where pages have
	// been split or deleted meanwhile.
	void descend() {
		Buffer buffer = ReadBuffer(index_, BTREE_METAPAGE);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		next_ = BTPageGetMeta(BufferGetPage(buffer))->btm_fastroot;
		UnlockReleaseBuffer(buffer);
		if (next_ == P_NONE) PredicateLockRelation(index_, snapshot_); // no page yet that could be locked
		while (next_ != P_NONE) {
			CHECK_FOR_INTERRUPTS();
			buffer = ReadBuffer(index_, next_);
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			const Page page = BufferGetPage(buffer);
			const BTPageOpaque opaque = checked(page);
			bool arrived = false;
			if (P_IGNORE(opaque) || (!P_RIGHTMOST(opaque) && compare_with(tuple_at(page, P_HIKEY)) > 0)) {
				next_ = opaque->btpo_next;
			} else if (P_ISLEAF(opaque)) {
				arrived = true;
			} else {
				const auto before = static_cast<OffsetNumber>(search(page, opaque) - 1);
				next_ = BTreeTupleGetDownLink(tuple_at(page, Max(before, first_key(opaque))));
			}
			UnlockReleaseBuffer(buffer);
			if (arrived) return;
		}
	}

	void copy_entries(Page page, BTPageOpaque opaque) {
		const bool trusts_hints = !TransactionStartedDuringRecovery();
		const auto last = static_cast<OffsetNumber>(PageGetMaxOffsetNumber(page));
		for (OffsetNumber offset = search(page, opaque); offset <= last; ++offset) {
			const ItemId item = PageGetItemId(page, offset);
			if (trusts_hints && ItemIdIsDead(item)) continue;
			const auto tuple = reinterpret_cast<IndexTuple>(PageGetItem(page, item));
			const char *data = reinterpret_cast<const char *>(tuple) + IndexInfoFindDataOffset(tuple->t_info);
			int64 range_id = 0;
			std::memcpy(&range_id, data, sizeof range_id);
			const bool in_range = !IndexTupleHasNulls(tuple) && range_id == range_id_;
			const Address found = in_range ? address_in(data) : Address{};
			if (!in_range || found.family != first_.family) { // the range is over
				next_ = P_NONE;
				break;
			}
			const uint128 address = found.value;
			if (!BTreeTupleIsPosting(tuple)) {
				entries_[count_++] = {address, tuple->t_tid, offset};
				continue;
			}
			for (int i = 0; i < BTreeTupleGetNPosting(tuple); ++i)
				entries_[count_++] = {address, *BTreeTupleGetPostingN(tuple, i), InvalidOffsetNumber};
		}
	}

	// The LSN does not tell of every change: one of an unlogged index leaves it as it is. The place of the
	// row does: while the page is pinned, VACUUM gives it to no other row.
	static bool is_still_there(Page page, const LeafEntry &entry) {
		if (entry.offset > PageGetMaxOffsetNumber(page) || entry.offset < first_key(BTPageGetOpaque(page)))
			return false;
		const IndexTuple tuple = tuple_at(page, entry.offset);
		ItemPointerData row = entry.row;
		return !BTreeTupleIsPosting(tuple) && ItemPointerEquals(&tuple->t_tid, &row);
	}

	// As _bt_killitems(): hints only, and only where the page is as it was when it was copied.
	void leave_page() {
		if (page_ == InvalidBuffer) return;
		if (dead_count_ > 0) {
			LockBuffer(page_, BUFFER_LOCK_SHARE);
			if (BufferGetLSNAtomic(page_) == lsn_) {
				const Page page = BufferGetPage(page_);
				bool marked = false;
				for (int i = 0; i < dead_count_; ++i) {
					if (!is_still_there(page, *dead_[i])) continue;
					ItemIdMarkDead(PageGetItemId(page, dead_[i]->offset));
					marked = true;
				}
				if (marked) {
					BTPageGetOpaque(page)->btpo_flags |= BTP_HAS_GARBAGE;
					MarkBufferDirtyHint(page_, true);
				}
			}
			LockBuffer(page_, BUFFER_LOCK_UNLOCK);
			dead_count_ = 0;
		}
		ReleaseBuffer(page_);
		page_ = InvalidBuffer;
	}

	Relation index_ = nullptr;
	Snapshot snapshot_ = nullptr;
	int64 range_id_ = 0;
	Address first_{};
	BlockNumber next_ = P_NONE;
	Buffer page_ = InvalidBuffer;
	XLogRecPtr lsn_ = InvalidXLogRecPtr;
	void *memory_ = nullptr;
	LeafEntry *entries_ = nullptr;
	int count_ = 0;
	static constexpr int dead_limit = 64; // the others are marked by the next one who comes along
	const LeafEntry *dead_[dead_limit];
	int dead_count_ = 0;
};

} // namespace ipam::pg
