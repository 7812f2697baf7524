#pragma once
// Best fit: of all free pieces that are large enough the smallest ones, so that large ones stay whole. And
// the pieces themselves, which sparse placement uses too.
#include <algorithm>
#include <cstddef>

#include "core/room.hpp"

namespace ipam {

// The smaller piece fits better; of equal ones the lower.
constexpr bool fits_better(const Stretch &a, const Stretch &b) noexcept {
	const uint128 a_size = a.last - a.first, b_size = b.last - b.first;
	return a_size < b_size || (a_size == b_size && a.first < b.first);
}

// The best pieces seen so far, at most `wanted`: a heap with the worst of them on top.
template <bool (*is_better)(const Stretch &, const Stretch &) noexcept> struct BestPieces {
	Stretch *pieces;
	std::size_t count;
	std::size_t wanted;

	constexpr bool wants(const Stretch &piece) const noexcept {
		return count < wanted || (wanted > 0 && is_better(piece, pieces[0]));
	}
	// There must be memory for one more piece, unless count is wanted already.
	void keep(const Stretch &piece) {
		if (count == wanted) {
			std::pop_heap(pieces, pieces + count, is_better);
		} else {
			++count;
		}
		pieces[count - 1] = piece;
		std::push_heap(pieces, pieces + count, is_better);
	}
	// Best fit: nothing behind can be better, because all pieces have the size itself and lie lower.
	constexpr bool is_perfect(uint128 size) const noexcept {
		return count == wanted && count > 0 && pieces[0].last - pieces[0].first == size - 1;
	}
	// Ends the heap: from now on the best piece is the first.
	void sort() { std::sort_heap(pieces, pieces + count, is_better); }
};

// Visits the pieces of a gap from which places are taken, ascending, until visit(const Stretch &) returns
// false. Networks are cut out of the networks that cover the gap, runs of addresses out of the gap.
template <typename Visit> bool for_each_piece(const Span &gap, const Fit &fit, Visit &&visit) {
	if (fit.alignment == 1) return !has_place(gap, fit) || visit(Stretch{gap.first, gap.last});
	return for_each_network(gap, [&](const Network &network) {
		const Span span = network.span();
		return span.last - span.first < fit.size - 1 || visit(Stretch{span.first, span.last});
	});
}

} // namespace ipam
