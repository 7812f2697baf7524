#pragma once
// What a transaction knows of occupancy while it releases addresses: the full stretches of the ranges it
// has touched, and the holes it has made.
//
// A range's stretches are read once in a transaction. That is enough: a stretch that is proposed later is
// not confirmed before this transaction has ended (58_occupancy.sql). When a subtransaction is rolled back,
// its holes go and its lock on ip_address may go too: everything is read again.
#include "pg/postgres.hpp"

#include "core/chunk.hpp"
#include "pg/convert.hpp"
#include "pg/memory.hpp"
#include "pg/written_table.hpp"

namespace ipam::pg {

class ReleasedChunks {
public:
	// Makes a hole at the address unless it lies in no stretch, or the hole is there already.
	void add(int64 range_id, const Address &address) {
		if (ranges_ == nullptr) make();
		const Key chunk = key(range_id, {address.family, chunk_of(address.value).first});
		if (std::memcmp(&chunk, &last_chunk_, sizeof chunk) == 0) return; // mostly they come in order
		if (!is_in_stretch(range_id, address)) return;
		last_chunk_ = chunk;
		bool found = false;
		hash_search(holes_, &chunk, HASH_ENTER, &found);
		if (!found) insert_hole(range_id, {address.family, chunk_of(address.value).first});
	}

	// After the last add() of a statement.
	void close() {
		if (table_.is_open()) table_.close();
	}

	void forget() {
		if (context_ != nullptr) MemoryContextDelete(context_);
		context_ = nullptr;
		ranges_ = holes_ = nullptr;
		table_.forget();
		last_chunk_ = {};
	}

private:
	struct Key { // compared byte by byte: no gaps
		int64 range_id;
		std::uint64_t high;
		std::uint64_t low;
		std::uint64_t family;
	};
	struct Range {
		int64 id; // the key
		Span *spans;
		int count;
		int last_hit;
	};

	static Key key(int64 range_id, const Address &address) {
		return {range_id, high_half(address.value), low_half(address.value),
		        static_cast<std::uint64_t>(address.family)};
	}

	void make() {
		context_ =
		    AllocSetContextCreate(TopTransactionContext, "ipam released addresses", ALLOCSET_SMALL_SIZES);
		HASHCTL control{};
		control.hcxt = context_;
		control.keysize = sizeof(int64);
		control.entrysize = sizeof(Range);
		ranges_ =
		    hash_create("ipam ranges with releases", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		control.keysize = control.entrysize = sizeof(Key);
		holes_ = hash_create("ipam occupancy holes", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		last_chunk_ = {};
	}

	bool is_in_stretch(int64 range_id, const Address &address) {
		bool found = false;
		auto *range = static_cast<Range *>(hash_search(ranges_, &range_id, HASH_ENTER, &found));
		if (!found) {
			range->count = 0; // should reading fail, the transaction fails
			read_spans(range);
		}
		const Span asked{address.family, address.value, address.value};
		if (range->last_hit < range->count && range->spans[range->last_hit].contains(asked)) return true;
		int low = 0;
		int high = range->count; // the first span that ends at or after the address
		while (low < high) {
			const int middle = (low + high) / 2;
			const Span &span = range->spans[middle];
			const bool before =
			    span.family != asked.family ? span.family < asked.family : span.last < asked.first;
			if (before)
				low = middle + 1;
			else
				high = middle;
		}
		range->last_hit = low;
		return low < range->count && range->spans[low].contains(asked);
	}

	// Confirmed and proposed ones alike, as they are at this moment, in order of their first address.
	// They may overlap while a proposal replaces an older one: then they are joined.
	void read_spans(Range *range) const {
		range->last_hit = 0;
		int room = 0;
		ScanKeyData key;
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(range->id));
		Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
		const OpenIndexScan scan =
		    begin_index_scan("occupancy", "occupancy_range_id_first_address_idx", latest, &key, 1);
		TupleTableSlot *slot = table_slot_create(scan.table, nullptr);
		while (index_getnext_slot(scan.scan, ForwardScanDirection, slot)) {
			const Address first = address_in(slot, 2), last = address_in(slot, 3);
			const Span span{first.family, first.value, last.value};
			if (range->count > 0 && range->spans[range->count - 1].intersects(span)) {
				Span &before = range->spans[range->count - 1];
				before.last = Max(before.last, span.last);
				continue;
			}
			if (range->count == room) {
				const int more = Max(16, room * 2);
				auto *spans = allocate<Span>(context_, static_cast<Size>(more));
				if (room > 0) std::memcpy(spans, range->spans, sizeof(Span) * static_cast<Size>(room));
				range->spans = spans;
				room = more;
			}
			range->spans[range->count++] = span;
		}
		ExecDropSingleTupleTableSlot(slot);
		end_index_scan(scan);
		UnregisterSnapshot(latest);
	}

	void insert_hole(int64 range_id, const Address &chunk) {
		if (!table_.is_open()) table_.open("occupancy_hole");
		table_.insert({Int64GetDatum(range_id), InetPGetDatum(to_inet(chunk))});
	}

	MemoryContext context_ = nullptr; // of the transaction
	HTAB *ranges_ = nullptr;
	HTAB *holes_ = nullptr;
	Key last_chunk_{};
	WrittenTable table_;
};

} // namespace ipam::pg
