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

// A length of time that keeps nothing back is none.
inline bool is_quarantine(const Interval *length) {
	const Interval none{};
	return DatumGetBool(
	    DirectFunctionCall2(interval_gt, IntervalPGetDatum(length), IntervalPGetDatum(&none)));
}

// How long the released addresses of a range are kept back. All who ask have one rule: the time of the
// release and the interval added to it, as the calendar and the clocks of TimeZone go, is later than the
// start of the statement. Counting back from there may come to another day, but to none far from it: rows
// that are farther away need not be added to, which takes longer than to read them.
class Quarantine {
public:
	static Quarantine of(const Interval *length) {
		Quarantine quarantine{};
		quarantine.exists_ = is_quarantine(length);
		if (!quarantine.exists_) return quarantine;
		quarantine.length_ = *length;
		quarantine.now_ = GetCurrentStatementStartTimestamp();
		const TimestampTz begin = DatumGetTimestampTz(DirectFunctionCall2(
		    timestamptz_mi_interval, TimestampTzGetDatum(quarantine.now_), IntervalPGetDatum(length)));
		// Months have 28 to 31 days, years 365 or 366; a day has 23 to 25 hours, or, beside the date line,
		// none or 48.
		const int64 days = length->month != 0                         ? 10
		                   : length->day == 0                         ? 0
		                   : is_even(begin, quarantine.now_, *length) ? 0
		                                                              : 2;
		quarantine.over_ = begin - days * USECS_PER_DAY;
		quarantine.kept_ = begin + days * USECS_PER_DAY;
		return quarantine;
	}

	bool exists() const { return exists_; }

	TimestampTz end(TimestampTz released_at) const {
		return DatumGetTimestampTz(DirectFunctionCall2(
		    timestamptz_pl_interval, TimestampTzGetDatum(released_at), IntervalPGetDatum(&length_)));
	}

	bool keeps(TimestampTz released_at) const {
		if (released_at <= over_) return false;
		return released_at > kept_ || end(released_at) > now_;
	}

private:
	// Whether each day has 24 hours in TimeZone, from two days before the begin to two days after the end.
	static bool is_even(TimestampTz begin, TimestampTz end, const Interval &length) {
		if (length.day < 0 || length.time < 0) return false; // it goes to and fro
		const pg_time_t from = timestamptz_to_time_t(begin - 2 * USECS_PER_DAY);
		pg_time_t change = 0;
		long offsets[2]{};
		int is_dst[2]{};
		const int found = pg_next_dst_boundary(&from, &offsets[0], &is_dst[0], &change, &offsets[1],
		                                       &is_dst[1], session_timezone);
		return found == 0 || (found > 0 && change > timestamptz_to_time_t(end + 2 * USECS_PER_DAY));
	}

	bool exists_;
	Interval length_;
	TimestampTz now_;
	TimestampTz over_; // what was released by then is
	TimestampTz kept_; // what was released later is
};

class QuarantinedAddresses {
public:
	// Without a snapshot of the caller's: all rows that are written, committed or not. What is released in
	// a transaction that has not ended will be in quarantine when it is free.
	void open(int64 range_id, const Direction &direction, uint128 from, const Quarantine &quarantine,
	          Snapshot snapshot = nullptr) {
		direction_ = direction;
		quarantine_ = quarantine;
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
			if (!quarantine_.keeps(released_at_)) {
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
	Quarantine quarantine_{};
	TimestampTz released_at_ = 0;
	int over_ = 0;
	SnapshotData dirty_{};
	OpenIndexScan scan_{};
	ScanKeyData keys_[2];
	TupleTableSlot *slot_ = nullptr;
};

} // namespace ipam::pg
