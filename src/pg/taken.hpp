#pragma once
// Sources of taken addresses for the search for room (core/room.hpp): networks, extents and addresses in
// the order of an index, under the active snapshot, whatever rows the caller may see. Few entries
// are read past; behind many the index is entered anew, so that it does not matter how many things lie
// inside something larger that is taken.
#include "pg/postgres.hpp"

#include "core/room.hpp"
#include "pg/convert.hpp"
#include "pg/relation.hpp"

namespace ipam::pg {

// Entries of a btree on (bigint, inet or cidr, ...) that have the given number in the first column. Opens
// the index with the first seek. The table is visited only for pages that are not all-visible.
class IndexEntries {
public:
	void init(const char *table, const DirectIndex &index, int64 number) {
		table_name_ = table;
		index_ = index;
		ScanKeyInit(&keys_[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(number));
	}

	// From the bound on upwards, or from it on downwards.
	void seek(const Network &bound, ScanDirection direction) {
		direction_ = direction;
		const Datum value = InetPGetDatum(to_cidr(bound));
		if (ScanDirectionIsForward(direction)) {
			ScanKeyInit(&keys_[1], 2, BTGreaterEqualStrategyNumber, F_NETWORK_GE, value);
		} else {
			ScanKeyInit(&keys_[1], 2, BTLessEqualStrategyNumber, F_NETWORK_LE, value);
		}
		if (is_open()) return index_rescan(scan_.scan, keys_, 2, nullptr, 0);
		snapshot_ = GetActiveSnapshot();
		scan_ = begin_index_scan(table_name_, index_, snapshot_, keys_, 2, true);
		slot_ = table_slot_create(scan_.table, nullptr);
	}

	bool next() {
		for (;;) {
			CHECK_FOR_INTERRUPTS();
			ItemPointer row = index_getnext_tid(scan_.scan, direction_);
			if (row == nullptr) return false;
			if (is_visible(row)) return true;
		}
	}

	const inet *column(int number) const {
		const TupleDesc description = scan_.scan->xs_itupdesc;
		const FormData_pg_attribute *attribute = TupleDescAttr(description, number - 1);
		if (attribute->atttypid != INETOID && attribute->atttypid != CIDROID)
			refuse_changed(scan_.index, nullptr);
		bool is_null = false;
		const Datum value = index_getattr(scan_.scan->xs_itup, number, description, &is_null);
		if (is_null) refuse_null(attribute);
		return DatumGetInetPP(value);
	}

	void close() {
		if (!is_open()) return;
		if (visibility_page_ != InvalidBuffer) ReleaseBuffer(visibility_page_);
		ExecDropSingleTupleTableSlot(slot_);
		end_index_scan(scan_);
	}

private:
	bool is_open() const { return slot_ != nullptr; }

	bool is_visible(ItemPointer row) {
		const BlockNumber page = ItemPointerGetBlockNumber(row);
		if (VM_ALL_VISIBLE(scan_.table, page, &visibility_page_)) {
			// A serializable transaction has read what is there, even without looking at the table.
			PredicateLockPage(scan_.table, page, snapshot_);
			return true;
		}
		const bool visible = index_fetch_heap(scan_.scan, slot_);
		ExecClearTuple(slot_);
		return visible;
	}

	const char *table_name_ = nullptr;
	DirectIndex index_;
	ScanKeyData keys_[2];
	ScanDirection direction_ = ForwardScanDirection;
	OpenIndexScan scan_{};
	Snapshot snapshot_ = nullptr;
	TupleTableSlot *slot_ = nullptr;
	Buffer visibility_page_ = InvalidBuffer;
};

// What a kind of object takes of a family, read in ascending order. A kind says
//   span()        the addresses of the entry; it may skip an entry by an empty span (last < first)
//   lower_bound() where the entries that begin at an address begin in the index
//   around()      something that holds an address and begins before it
template <typename Kind> class Taken {
public:
	Kind kind;

	// See for_each_room().
	bool find(uint128 from, Stretch &taken) {
		if (!knows(from)) {
			if (!kind.is_enabled || at_end_) return false;
			if (!advance(from)) return false;
		}
		taken = known_;
		return true;
	}

	void close() { kind.entries.close(); }

private:
	bool knows(uint128 from) const { return is_known_ && known_.last >= from; }

	bool advance(uint128 from) {
		constexpr int few = 16; // entering the index costs about as much as reading so many
		for (int i = 0; is_known_ && i < few; ++i) {
			if (!read()) return false;
			if (known_.last >= from) return true;
		}
		is_known_ = kind.around(from, known_);
		kind.entries.seek(kind.lower_bound(from), ForwardScanDirection);
		if (is_known_) return true;
		while (read()) {
			if (known_.last >= from) return true;
		}
		return false;
	}

	bool read() {
		do {
			if (!kind.entries.next() || family_of(kind.entries.column(2)) != kind.family) {
				at_end_ = true;
				return is_known_ = false;
			}
			known_ = kind.span();
		} while (known_.last < known_.first);
		return is_known_ = true;
	}

	bool is_known_ = false;
	bool at_end_ = false;
	Stretch known_{};
};

struct IndexedKind {
	IndexEntries entries;
	Family family;
	bool is_enabled;

	Network lower_bound(uint128 address) const { return {family, address, width(family)}; }
};

// Recorded addresses: ip_address (address_space_id, address).
struct RecordedAddresses : IndexedKind {
	Stretch span() const {
		const uint128 value = to_address(entries.column(2)).value;
		return {value, value};
	}
	static bool around(uint128 /*address*/, Stretch & /*taken*/) { return false; }
};

// Subnets: ip_subnet (address_space_id, network), where a network stands before those inside it. Those that
// are not smaller than `longer_than` are looked past.
struct TakenSubnets : IndexedKind {
	int longer_than;

	Stretch span() const {
		const inet *network = entries.column(2);
		if (ip_bits(network) <= longer_than) return {1, 0};
		return stretch_of({family, to_address(network).value, ip_bits(network)});
	}
	Network lower_bound(uint128 address) const { return {family, address, shortest_prefix(family, address)}; }

	// The largest network that holds the address and begins before it. What stands before the network of
	// some length around the address is either larger and around it too, or tells how many bits they
	// have in common: nothing between this length and that one is in the index.
	bool around(uint128 address, Stretch &taken) {
		bool found = false;
		int length = shortest_prefix(family, address) - 1;
		while (length > longer_than) {
			entries.seek({family, address & ~Network{family, 0, length}.host_mask(), length},
			             BackwardScanDirection);
			if (!entries.next() || family_of(entries.column(2)) != family) break;
			const Network before{family, to_address(entries.column(2)).value, ip_bits(entries.column(2))};
			const int shared = common_prefix(family, before.address, address);
			if (shared < before.prefix_length) {
				length = shared;
				continue;
			}
			if (before.prefix_length <= longer_than) break;
			taken = stretch_of(before);
			found = true;
			length = before.prefix_length - 1;
		}
		return found;
	}

private:
	static Stretch stretch_of(const Network &network) { return {network.span().first, network.span().last}; }
};

// Extents that begin and end anywhere: an index on (bigint, start_address, end_address).
struct TakenExtents : IndexedKind {
	Stretch span() const {
		return {to_address(entries.column(2)).value, to_address(entries.column(3)).value};
	}
};

// Children of a block: ip_block (parent_id, start_address, end_address). They are disjoint.
struct TakenBlocks : TakenExtents {
	bool around(uint128 address, Stretch &taken) {
		entries.seek(lower_bound(address), BackwardScanDirection);
		if (!entries.next() || family_of(entries.column(2)) != family) return false;
		taken = span();
		return taken.last >= address;
	}
};

// Ranges of all services: ip_range (address_space_id, start_address, end_address). They may overlap; what
// holds an address is asked of the index on extents.
struct TakenRanges : TakenExtents {
	int64 address_space_id;

	bool around(uint128 address, Stretch &taken) const {
		ScanKeyData keys[2];
		ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(address_space_id));
		ScanKeyEntryInitialize(&keys[1], 0, 2, RANGESTRAT_CONTAINS_ELEM, INETOID, InvalidOid,
		                       F_RANGE_CONTAINS_ELEM, InetPGetDatum(to_inet({family, address})));
		const OpenIndexScan scan =
		    begin_index_scan("ip_range", "ip_range_extent_idx", GetActiveSnapshot(), keys, 2);
		TupleTableSlot *slot = table_slot_create(scan.table, nullptr);
		const AttrNumber end_address = column_number(scan.table, "end_address");
		bool found = false;
		while (index_getnext_slot(scan.scan, ForwardScanDirection, slot)) {
			const uint128 last = address_in(slot, end_address).value;
			if (!found || last > taken.last) taken = {address, last};
			found = true;
		}
		ExecDropSingleTupleTableSlot(slot);
		end_index_scan(scan);
		return found;
	}
};

// Networks that the caller wants left out, ascending.
struct TakenByWish {
	const Stretch *stretches;
	int count;
	int next;

	bool find(uint128 from, Stretch &taken) {
		while (next < count && stretches[next].last < from)
			++next;
		if (next == count) return false;
		taken = stretches[next];
		return true;
	}
};

} // namespace ipam::pg
