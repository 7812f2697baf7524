#pragma once
// Which end of a span comes first. Whoever walks in either direction walks upwards in positions: with the
// highest address first, a position is the distance from the end of the family.
#include "core/address.hpp"

namespace ipam {

struct Direction {
	Family family;
	bool highest_first;

	// The position of an address, and the address of a position.
	constexpr uint128 mirror(uint128 value) const noexcept {
		return highest_first ? top(family) - value : value;
	}
	constexpr Span mirror(const Span &span) const noexcept {
		return highest_first ? Span{span.family, mirror(span.last), mirror(span.first)} : span;
	}
};

} // namespace ipam
