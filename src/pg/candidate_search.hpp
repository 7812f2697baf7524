#pragma once
// The search for addresses to record: free ones that no other session is about to take.
//
// A walk meets addresses that are taken for certain, and others whose row belongs to a transaction that has
// not ended. It passes both and takes what is free, under a short lock that is never waited for: sessions
// that search at the same time neither collide nor queue. Only where a walk over everything that is asked
// for comes up short does it matter who holds the rest. Then the search lets go of what it has, waits for
// one of those that it met, and walks again; it gives up after a walk that met nobody.
//
// Everything here counts in positions of core/direction.hpp.
#include "pg/postgres.hpp"

#include <algorithm>

#include "pg/allocation_hint.hpp"
#include "pg/allocation_lock.hpp"
#include "pg/fault.hpp"
#include "pg/taken_addresses.hpp"

namespace ipam::pg {

// Addresses that are locked at once. The server has room for 64 locks of each connection.
constexpr int most_locks = 64;

struct Claims {
	uint128 *positions; // ascending; of a run only the first
	int count;
	bool is_run; // too long to be locked: all positions from the first one on

	uint128 at(int i) const { return is_run ? positions[0] + static_cast<uint128>(i) : positions[i]; }
};

// Visits the gaps between the taken addresses from a position on, until visit returns false.
template <typename Visit>
void walk_candidates(const Wanted &wanted, uint128 from, Findings *findings, Visit &&visit) {
	int withheld = 0;
	const auto next_withheld = [&](Stretch &stretch) {
		if (withheld == wanted.withheld_count) return false;
		stretch = wanted.withheld[withheld++];
		return true;
	};
	for_each_gap({wanted.asked.family, from, wanted.asked.last}, next_withheld, [&](const Span &segment) {
		TakenAddresses taken;
		taken.open(wanted, segment.first, findings);
		bool go_on = true;
		for_each_gap(
		    segment, [&](Stretch &stretch) { return taken.next(stretch); },
		    [&](const Span &gap) {
			    const uint128 size = gap.last - gap.first + 1; // a range is smaller than ::/0
			    if (findings->available == 0 ||
			        gap.last - gap.first > findings->largest_run.last - findings->largest_run.first) {
				    findings->largest_run = gap;
			    }
			    findings->available += size;
			    go_on = visit(gap);
			    return go_on;
		    });
		taken.close();
		return go_on;
	});
}

inline LOCKTAG lock_of(const Wanted &wanted, uint128 position) {
	return address_lock(wanted.range_id, wanted.direction.mirror(position));
}

inline bool try_claim(const Wanted &wanted, uint128 position, Claims *claims, Findings *findings) {
	const LOCKTAG tag = lock_of(wanted, position);
	if (!try_lock(tag)) {
		findings->is_locked = true;
		findings->locked = tag;
		return false;
	}
	claims->positions[claims->count++] = position;
	return true;
}

inline void release_claims(const Wanted &wanted, Claims *claims) {
	for (int i = 0; !claims->is_run && i < claims->count; ++i)
		unlock(lock_of(wanted, claims->positions[i]));
	claims->count = 0;
	claims->is_run = false;
}

// `count` addresses of the gap one behind the other; false: there is no such run.
inline bool claim_run(const Wanted &wanted, const Span &gap, int count, Claims *claims, Findings *findings) {
	const auto steps = static_cast<uint128>(count) - 1;
	for (uint128 start = gap.first; start <= gap.last && gap.last - start >= steps;) {
		// A run that is too long to be locked is claimed without. Other such calls wait for their turn; the
		// INSERT tells whether one for less was faster.
		if (count > most_locks) {
			claims->positions[0] = start;
			claims->count = count;
			claims->is_run = true;
			return true;
		}
		uint128 next = start;
		while (claims->count < count && try_claim(wanted, next, claims, findings))
			++next;
		if (claims->count == count) return true;
		release_claims(wanted, claims);
		if (next == gap.last) return false;
		start = next + 1;
	}
	return false;
}

// Somebody may have recorded a claimed address between the look and the lock, and be done with his lock.
inline void drop_taken(const Wanted &wanted, int first, Claims *claims, Findings *findings) {
	if (claims->count == first) return;
	int kept = first;
	int next = first;
	const uint128 last = claims->at(claims->count - 1);
	TakenAddresses taken;
	taken.open(wanted, claims->positions[first], findings);
	Stretch stretch{};
	if (claims->is_run) {
		if (taken.next(stretch) && stretch.first <= last) {
			findings->has_changed = true;
			release_claims(wanted, claims);
		}
		taken.close();
		return;
	}
	while (taken.next(stretch) && stretch.first <= last) {
		while (next < claims->count && claims->positions[next] < stretch.first)
			claims->positions[kept++] = claims->positions[next++];
		if (next == claims->count || claims->positions[next] != stretch.first) continue;
		unlock(lock_of(wanted, claims->positions[next++]));
	}
	taken.close();
	while (next < claims->count)
		claims->positions[kept++] = claims->positions[next++];
	findings->has_changed |= kept < claims->count;
	claims->count = kept;
}

// Claims addresses from a position on until there are `count`; false: there are not so many.
inline bool claim_from(const Wanted &wanted, uint128 from, int count, Claims *claims, Findings *findings) {
	for (bool at_end = false; !at_end;) {
		const int before = claims->count;
		at_end = true;
		walk_candidates(wanted, from, findings, [&](const Span &gap) {
			if (wanted.consecutive) return !claim_run(wanted, gap, count, claims, findings);
			for (uint128 position = gap.first;; ++position) {
				CHECK_FOR_INTERRUPTS();
				try_claim(wanted, position, claims, findings);
				if (claims->count == count) {
					at_end = position == wanted.asked.last;
					from = position + 1;
					return false;
				}
				if (position == gap.last) return true;
			}
		});
		drop_taken(wanted, before, claims, findings);
		if (claims->count == count) return true;
		if (wanted.consecutive) {
			release_claims(wanted, claims);
			return false;
		}
	}
	return false;
}

[[noreturn]] inline void raise_changed_since_snapshot(const char *detail) {
	ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
	                errmsg("could not serialize access due to concurrent allocation"),
	                errdetail_internal("%s", detail), errhint("The transaction might succeed if retried.")));
	pg_unreachable();
}

inline const char *run_text(const Wanted &wanted, const Span &positions) {
	const Span run = wanted.direction.mirror(positions);
	return psprintf("%s to %s", to_text(Address{run.family, run.first}),
	                to_text(Address{run.family, run.last}));
}

inline const char *number_text(uint128 number) {
	// A shortage is smaller than a count, which is an integer; a run may be longer than any.
	return number > PG_INT64_MAX ? "more than 9223372036854775807"
	                             : psprintf(INT64_FORMAT, static_cast<int64>(number));
}

// Nobody holds an address that might come back: the range is exhausted.
[[noreturn]] inline void raise_exhausted(const Wanted &wanted, const Findings &findings, int requested,
                                         int done) {
	if (findings.released_since_snapshot || findings.taken_since_snapshot) {
		raise_changed_since_snapshot("Addresses of the range were recorded or released after the snapshot of "
		                             "the transaction was taken.");
	}
	const uint128 available = findings.available + static_cast<uint128>(done);
	const uint128 longest =
	    findings.available == 0 ? 0 : findings.largest_run.last - findings.largest_run.first + 1;
	const char *detail = findings.available == 0 ? "No address is free."
	                     : longest == 1
	                         ? psprintf("Free addresses stand alone, the first one is %s.",
	                                    to_text(Address{wanted.asked.family,
	                                                    wanted.direction.mirror(findings.largest_run.first)}))
	                         : psprintf("The largest run of free addresses reaches from %s: %s addresses.",
	                                    run_text(wanted, findings.largest_run), number_text(longest));
	if (findings.quarantined > 0) {
		const TimestampTz free_at = wanted.quarantine.end(findings.first_released_at);
		detail = psprintf("%s In quarantine: " UINT64_FORMAT ", the first one until %s.", detail,
		                  findings.quarantined, timestamptz_to_str(free_at));
	}
	const char *hint =
	    wanted.has_reserved
	        ? "include_reserved => true offers reserved and virtual addresses too; otherwise ask"
	          " for fewer addresses or release some."
	    : wanted.consecutive && available >= static_cast<uint128>(requested)
	        ? "Without consecutive there are enough."
	    : available + findings.quarantined >= static_cast<uint128>(requested)
	        ? "Wait for the end of the quarantine, ask for fewer addresses or enlarge the range."
	        : "Ask for fewer addresses, release some or enlarge the range.";
	const Span asked = wanted.direction.mirror(wanted.asked);
	raise_fault(fault_named("IpamApiFindFreeIPAddressesFailed"),
	            psprintf("%d%s address%s requested, %s%s available in %srange " INT64_FORMAT " [%s, %s]",
	                     requested, wanted.consecutive ? " consecutive" : "", requested == 1 ? "" : "es",
	                     wanted.consecutive ? "at most " : "",
	                     number_text(wanted.consecutive ? longest : available),
	                     asked == wanted.range ? "" : psprintf("%s of ", run_text(wanted, wanted.asked)),
	                     wanted.range_id, to_text(Address{wanted.range.family, wanted.range.first}),
	                     to_text(Address{wanted.range.family, wanted.range.last})),
	            detail, hint);
}

// Waits for one of those who hold what was missing; false: nobody does.
inline bool wait_for_others(const Findings &findings) {
	if (findings.has_changed) return true;
	if (TransactionIdIsValid(findings.writer)) {
		ItemPointerData row = findings.row;
		Relation table = open_table("ip_address", AccessShareLock);
		XactLockTableWait(findings.writer, table, &row, XLTW_InsertIndexUnique);
		table_close(table, NoLock);
		return true;
	}
	if (!findings.is_locked) return false;
	lock(findings.locked);
	unlock(findings.locked);
	return true;
}

// The first position that need be looked at.
inline uint128 first_position(const Wanted &wanted) {
	if (wanted.consecutive) return wanted.asked.first; // the hint knows nothing of runs
	const Hint *hint = hint_of(wanted.range_id, wanted.direction.highest_first);
	const bool helps = is_usable(*hint, wanted.range_id, wanted.direction.highest_first,
	                             wanted.include_reserved, GetCurrentTimestamp()) &&
	                   hint->position > wanted.asked.first && hint->position <= wanted.asked.last;
	return helps ? hint->position : wanted.asked.first;
}

inline void keep_hint(const Wanted &wanted, const Claims &claims) {
	if (wanted.consecutive || !wanted.from_range_start) return;
	Hint *hint = hint_of(wanted.range_id, wanted.direction.highest_first);
	if (hint->range_id != wanted.range_id || hint->highest_first != wanted.direction.highest_first ||
	    hint->include_reserved != wanted.include_reserved) {
		*hint = {};
		hint->range_id = wanted.range_id;
		hint->highest_first = wanted.direction.highest_first;
		hint->include_reserved = wanted.include_reserved;
	}
	hint->position = claims.positions[claims.count - 1];
}

inline void measure_walk(const Wanted &wanted, const Findings &findings, TimestampTz begin) {
	if (wanted.consecutive || !wanted.from_range_start) return;
	Hint *hint = hint_of(wanted.range_id, wanted.direction.highest_first);
	hint->passed = findings.passed;
	hint->walked_at = GetCurrentTimestamp();
	hint->walk_time = hint->walked_at - begin;
}

// Claims `count` addresses, from a position on where there are enough, or else from the first one on; or
// tells how many of the `requested` ones there are.
inline Findings claim(const Wanted &wanted, uint128 from, int count, int requested, Claims *claims) {
	Findings findings{};
	if (from > wanted.asked.first && claim_from(wanted, from, count, claims, &findings)) {
		keep_hint(wanted, *claims);
		return findings;
	}
	for (;;) {
		release_claims(wanted, claims);
		const TimestampTz begin = GetCurrentTimestamp();
		findings = {};
		if (claim_from(wanted, wanted.asked.first, count, claims, &findings)) {
			keep_hint(wanted, *claims);
			measure_walk(wanted, findings, begin);
			return findings;
		}
		release_claims(wanted, claims);
		if (!wait_for_others(findings)) raise_exhausted(wanted, findings, requested, requested - count);
	}
}

// Waits until there are `count` addresses, before any of them is recorded.
inline void require_available(const Wanted &wanted, int count) {
	for (;;) {
		Findings findings{};
		walk_candidates(wanted, wanted.asked.first, &findings,
		                [&](const Span &) { return findings.available < static_cast<uint128>(count); });
		if (findings.available >= static_cast<uint128>(count)) return;
		if (!wait_for_others(findings)) raise_exhausted(wanted, findings, count, 0);
	}
}

} // namespace ipam::pg
