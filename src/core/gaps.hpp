#pragma once
// Free space: what is left of a span when used stretches are taken out of it.
#include "core/address.hpp"

namespace ipam {

// A run of used addresses, both ends included.
struct Stretch {
	uint128 first;
	uint128 last;
};

// Visits the gaps of `asked` in ascending order.
//   next_used(Stretch &)     the next used stretch in ascending order of its first address, or
//                            false at the end; stretches may overlap and lie outside `asked`
//   visit(const Span &)  a gap; false ends the walk
// Stops asking for used stretches as soon as the rest of `asked` is known: the work follows the
// number of stretches passed, not the size of the span.
template <typename NextUsed, typename Visit>
void for_each_gap(const Span &asked, NextUsed &&next_used, Visit &&visit) {
	uint128 cursor = asked.first;
	Stretch used{};
	while (next_used(used)) {
		if (used.first > asked.last) break;
		if (used.last < cursor) continue;
		if (used.first > cursor && !visit(Span{asked.family, cursor, used.first - 1})) return;
		if (used.last >= asked.last) return;
		cursor = used.last + 1;
	}
	visit(Span{asked.family, cursor, asked.last});
}

} // namespace ipam
