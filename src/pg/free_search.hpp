#pragma once
// The free search in a range: a walk over its gaps under the active snapshot.
#include "pg/postgres.hpp"

#include "core/gaps.hpp"
#include "pg/quarantine.hpp"
#include "pg/used_addresses.hpp"

namespace ipam::pg {

// What a call asks for, and how far it has got: everything before `rest` is dealt with.
struct FreeSearch {
	int64 range_id;
	Span rest;
	bool exhausted;
	Stretch *withheld; // reserved and virtual addresses, ascending
	int withheld_count;
	Quarantine quarantine;
};

// Visits the free gaps of the rest, ascending, until visit returns false; remembers how far it got.
template <typename Visit> void walk_gaps(FreeSearch *search, Visit &&visit) {
	if (search->exhausted) return;
	const Span asked = search->rest;
	search->exhausted = true;
	int withheld = 0;
	const auto next_withheld = [&](Stretch &stretch) {
		if (withheld == search->withheld_count) return false;
		stretch = search->withheld[withheld++];
		return true;
	};
	// Withheld addresses cut the span into segments, used ones cut the segments into gaps: a long
	// withheld stretch is jumped over, whatever is used in it.
	for_each_gap(asked, next_withheld, [&](const Span &segment) {
		UsedAddresses used;
		used.open(search->range_id, {segment.family, segment.first});
		bool go_on = true;
		const auto next_used = [&](Stretch &stretch) { return used.next(stretch); };
		const auto visit_gap = [&](const Span &gap) {
			go_on = visit(gap);
			if (!go_on && gap.last < asked.last) {
				search->rest.first = gap.last + 1;
				search->exhausted = false;
			}
			return go_on;
		};
		if (!search->quarantine.exists()) {
			for_each_gap(segment, next_used, visit_gap);
		} else {
			QuarantinedAddresses quarantined;
			quarantined.open(search->range_id, {segment.family, false}, segment.first, search->quarantine,
			                 GetActiveSnapshot());
			Merged merged{next_used, [&](Stretch &stretch) { return quarantined.next(stretch); }};
			for_each_gap(
			    segment, [&](Stretch &stretch) { return merged.next(stretch); }, visit_gap);
			quarantined.close();
		}
		used.close();
		return go_on;
	});
}

} // namespace ipam::pg
