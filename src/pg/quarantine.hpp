#pragma once
// Released addresses of a range that are not offered again yet, in either direction, in positions of
// core/direction.hpp. When the time of a row is over it means nothing any more, whether somebody removes
// it or not.
#include "pg/postgres.hpp"

#include "core/direction.hpp"
#include "core/gaps.hpp"
#include "pg/convert.hpp"
#include "pg/relation.hpp"

namespace ipam::pg {

// Released at this time or before: the quarantine is over. A range without quarantine has the end of time.
constexpr TimestampTz no_quarantine = PG_INT64_MAX;

// A length of time that keeps nothing back is none.
inline bool is_quarantine(const Interval *length) {
	const Interval none{};
	return DatumGetBool(
	    DirectFunctionCall2(interval_gt, IntervalPGetDatum(length), IntervalPGetDatum(&none)));
}

class QuarantinedAddresses {
public:
	// Without a snapshot of the caller's: all rows that are written, committed or not. What is released in
	// a transaction that has not ended will be in quarantine when it is free.
	void open(int64 range_id, const Direction &direction, uint128 from, TimestampTz over_since,
	          Snapshot snapshot = nullptr) {
		direction_ = direction;
		over_since_ = over_since;
		InitDirtySnapshot(dirty_);
		const Datum start = InetPGetDatum(to_inet(Address{direction.family, direction.mirror(from)}));
		ScanKeyInit(&keys_[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(range_id));
		if (direction.highest_first) {
			ScanKeyInit(&keys_[1], 2, BTLessEqualStrategyNumber, F_NETWORK_LE, start);
		} else {
			ScanKeyInit(&keys_[1], 2, BTGreaterEqualStrategyNumber, F_NETWORK_GE, start);
		}
		scan_ = begin_index_scan("released_address", "released_address_pkey",
		                         snapshot != nullptr ? snapshot : &dirty_, keys_, 2);
		slot_ = table_slot_create(scan_.table, nullptr);
	}

	bool next(Stretch &quarantined) {
		while (index_getnext_slot(
		    scan_.scan, direction_.highest_first ? BackwardScanDirection : ForwardScanDirection, slot_)) {
			CHECK_FOR_INTERRUPTS();
			released_at_ = DatumGetTimestampTz(value_in(slot_, 3));
			if (released_at_ <= over_since_) {
				++over_;
				continue;
			}
			const Address address = address_in(slot_, 2);
			const uint128 position = direction_.mirror(address.value);
			quarantined = {position, position};
			return true;
		}
		return false;
	}

	TimestampTz released_at() const { return released_at_; } // of the last address
	int over() const { return over_; }                       // rows passed that mean nothing any more

	void close() {
		ExecDropSingleTupleTableSlot(slot_);
		end_index_scan(scan_);
	}

private:
	Direction direction_{};
	TimestampTz over_since_ = no_quarantine;
	TimestampTz released_at_ = 0;
	int over_ = 0;
	SnapshotData dirty_{};
	OpenIndexScan scan_{};
	ScanKeyData keys_[2];
	TupleTableSlot *slot_ = nullptr;
};

} // namespace ipam::pg
