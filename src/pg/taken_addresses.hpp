#pragma once
// What a search for addresses to record has to leave out, in order: what others hold, what the caller's
// snapshot shows, what is in quarantine. Long full stretches are passed at once where occupancy knows them.
//
// Everything here counts in positions of core/direction.hpp.
#include "pg/postgres.hpp"

#include <algorithm>

#include "core/direction.hpp"
#include "pg/held_addresses.hpp"
#include "pg/occupancy.hpp"
#include "pg/quarantine.hpp"

namespace ipam::pg {

struct Wanted {
	Span range; // addresses, not positions
	Span asked;
	int64 range_id;
	Quarantine quarantine;
	Stretch *withheld; // reserved and excluded addresses, ascending
	int withheld_count;
	bool include_reserved;
	bool consecutive;
	bool has_reserved;     // addresses of the range that are withheld
	bool from_range_start; // and nothing excluded: how far a walk gets is worth a hint
	Direction direction;
};

// What the walks of a call have met.
struct Findings {
	uint128 available;
	Span largest_run; // of positions; nothing where available is 0
	uint64 passed;
	TransactionId writer; // a transaction in progress that holds an address, and its row
	ItemPointerData row;
	bool is_locked; // an address that another session is about to record
	LOCKTAG locked;
	bool has_changed; // what looked free was not a moment later
	bool released_since_snapshot;
	bool taken_since_snapshot;
	uint64 quarantined;
	TimestampTz first_released_at; // of the quarantined ones
	int quarantines_over;
};

// All addresses that cannot be given out, in order: the held ones, for a transaction with one snapshot also
// those that were recorded when it was taken, and the ones in quarantine.
class TakenAddresses {
public:
	void open(const Wanted &wanted, uint128 from, Findings *findings) {
		findings_ = findings;
		range_id_ = wanted.range_id;
		direction_ = wanted.direction;
		run_first_ = next_ = from;
		held_.open(wanted.range_id, wanted.direction, from);
		has_held_ = held_.next(held_head_);
		one_snapshot_ = IsolationUsesXactSnapshot();
		if (one_snapshot_) {
			seen_.open(wanted.range_id, wanted.direction, from, GetActiveSnapshot());
			has_seen_ = seen_.next(seen_head_);
		}
		quarantine_ = wanted.quarantine.exists();
		if (quarantine_) {
			quarantined_.open(wanted.range_id, wanted.direction, from, wanted.quarantine);
			has_quarantined_ = quarantined_.next(quarantined_head_);
		}
	}

	bool next(Stretch &taken) {
		if (!has_held_ && !has_seen_ && !has_quarantined_) return false;
		if (next_ - run_first_ >= long_run && next_ >= ask_again_ && jump(taken)) return true;
		uint128 position = ~uint128{0};
		if (has_held_) position = std::min(position, held_head_.position);
		if (has_seen_) position = std::min(position, seen_head_.position);
		if (has_quarantined_) position = std::min(position, quarantined_head_.first);
		const bool is_held = has_held_ && held_head_.position == position;
		const bool is_seen = has_seen_ && seen_head_.position == position;
		const bool is_quarantined = has_quarantined_ && quarantined_head_.first == position;
		note(is_held, is_seen, is_quarantined);
		if (is_held) has_held_ = held_.next(held_head_);
		if (is_seen) has_seen_ = seen_.next(seen_head_);
		if (is_quarantined) has_quarantined_ = quarantined_.next(quarantined_head_);
		taken = {position, position};
		if (position != next_) run_first_ = position;
		next_ = position + 1;
		return true;
	}

	void close() {
		held_.close();
		if (one_snapshot_) seen_.close();
		if (!quarantine_) return;
		findings_->quarantines_over += quarantined_.over();
		quarantined_.close();
	}

private:
	static constexpr uint128 long_run = 512;

	// To the end of a stretch that is known to be full. Holes that are not committed count: their addresses
	// belong to somebody who may have to be waited for. A transaction with one snapshot has to see each row.
	bool jump(Stretch &taken) {
		if (one_snapshot_) return false;
		SnapshotData dirty;
		InitDirtySnapshot(dirty);
		Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
		const Address here{direction_.family, direction_.mirror(next_)};
		const Known known = direction_.highest_first ? ask_occupancy_below(range_id_, here, latest, &dirty)
		                                             : ask_occupancy(range_id_, here, latest, &dirty);
		UnregisterSnapshot(latest);
		if (!known.full) {
			ask_again_ = direction_.mirror(known.ask_again);
			return false;
		}
		taken = {next_, direction_.mirror(known.last)};
		next_ = taken.last + 1;
		held_.seek(range_id_, next_);
		has_held_ = held_.next(held_head_);
		while (has_quarantined_ && quarantined_head_.first < next_)
			has_quarantined_ = quarantined_.next(quarantined_head_);
		return true;
	}

	void note(bool is_held, bool is_seen, bool is_quarantined) {
		++findings_->passed;
		if (is_held && TransactionIdIsValid(held_head_.writer)) {
			findings_->writer = held_head_.writer;
			findings_->row = held_head_.row;
		} else if (one_snapshot_ && is_held && !is_seen && !held_head_.is_own) {
			findings_->taken_since_snapshot = true;
		} else if (is_seen && !is_held && !is_quarantined) {
			findings_->released_since_snapshot = true;
		} else if (is_quarantined && !is_held) {
			const TimestampTz released_at = quarantined_.released_at();
			if (findings_->quarantined++ == 0 || released_at < findings_->first_released_at)
				findings_->first_released_at = released_at;
		}
	}

	uint128 run_first_ = 0; // of the taken addresses in a row that end before next_
	uint128 next_ = 0;
	uint128 ask_again_ = 0;
	Findings *findings_ = nullptr;
	int64 range_id_ = 0;
	Direction direction_{};
	HeldAddresses held_;
	HeldAddresses seen_;
	QuarantinedAddresses quarantined_;
	HeldAddress held_head_{};
	HeldAddress seen_head_{};
	Stretch quarantined_head_{};
	bool has_held_ = false;
	bool has_seen_ = false;
	bool has_quarantined_ = false;
	bool one_snapshot_ = false;
	bool quarantine_ = false;
};

} // namespace ipam::pg
