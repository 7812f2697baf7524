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

// Two sources of stretches, each in ascending order, as one. Where both begin at the same address the
// first one comes first.
template <typename First, typename Second> class Merged {
public:
	Merged(First first, Second second) : first_(first), second_(second) {
		has_first_ = first_(first_head_);
		has_second_ = second_(second_head_);
	}

	bool next(Stretch &out) {
		if (!has_first_ && !has_second_) return false;
		if (has_first_ && (!has_second_ || first_head_.first <= second_head_.first)) {
			out = first_head_;
			has_first_ = first_(first_head_);
		} else {
			out = second_head_;
			has_second_ = second_(second_head_);
		}
		return true;
	}

private:
	First first_;
	Second second_;
	Stretch first_head_{};
	Stretch second_head_{};
	bool has_first_ = false;
	bool has_second_ = false;
};

} // namespace ipam
