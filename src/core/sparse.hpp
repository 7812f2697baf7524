#pragma once
// Sparse placement: always in the largest free piece, so that what is placed can grow where it is. One
// network after the other this bisects: 0, 1/2, 1/4, 3/4, 1/8 ... of an empty one.
#include "core/best_fit.hpp"

namespace ipam {

// The larger piece is roomier; of equal ones the lower.
constexpr bool is_roomier(const Stretch &a, const Stretch &b) noexcept {
	const uint128 a_size = a.last - a.first, b_size = b.last - b.first;
	return a_size > b_size || (a_size == b_size && a.first < b.first);
}

constexpr bool is_less_roomy(const Stretch &a, const Stretch &b) noexcept {
	return is_roomier(b, a);
}

// A network at the beginning of the piece, a run of addresses in its middle.
constexpr Span sparse_place(Family family, const Stretch &piece, const Fit &fit) noexcept {
	const uint128 first =
	    fit.alignment == 1 ? piece.first + (piece.last - piece.first - (fit.size - 1)) / 2 : piece.first;
	return {family, first, first + (fit.size - 1)};
}

// Visits the pieces that are left of a piece when a place is taken out of it.
template <typename Visit>
void for_each_rest(const Stretch &piece, const Span &place, const Fit &fit, Visit &&visit) {
	if (piece.first < place.first) for_each_piece({place.family, piece.first, place.first - 1}, fit, visit);
	if (place.last < piece.last) for_each_piece({place.family, place.last + 1, piece.last}, fit, visit);
}

} // namespace ipam
