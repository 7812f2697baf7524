#pragma once
// Finding room: what several sources of taken addresses leave free, and where a network or a run of
// addresses has its place in it.
#include <algorithm>
#include <bit>

#include "core/gaps.hpp"

namespace ipam {

// What a place is asked for: so many addresses, the first of them a multiple of `alignment`, which
// is a power of two. A network is aligned to its own size, a run of addresses is not aligned.
struct Fit {
	uint128 size;
	uint128 alignment;
};

constexpr Fit network_fit(Family family, int prefix_length) noexcept {
	const uint128 size = uint128{1} << (width(family) - prefix_length); // prefix_length is at least 1
	return {size, size};
}

// The lowest place in the gap; false where the gap is too small.
constexpr bool first_place(const Span &gap, const Fit &fit, Span *place) noexcept {
	const uint128 skip = (~gap.first + 1) & (fit.alignment - 1); // up to the next multiple
	if (skip > gap.last - gap.first) return false;
	const uint128 first = gap.first + skip;
	if (gap.last - first < fit.size - 1) return false;
	*place = {gap.family, first, first + (fit.size - 1)};
	return true;
}

constexpr bool has_place(const Span &gap, const Fit &fit) noexcept {
	Span place{};
	return first_place(gap, fit, &place);
}

// How many places the gap has, one directly behind the other; at most `limit`.
constexpr uint128 count_places(const Span &gap, const Fit &fit, uint128 limit) noexcept {
	Span place{};
	if (!first_place(gap, fit, &place)) return 0;
	const uint128 steps = gap.last - place.first; // one less than addresses: ::/0 has 2^128
	const uint128 more = (steps - (fit.size - 1)) / fit.size;
	return more >= limit ? limit : more + 1;
}

// The number of bits that the value needs; 0 for 0.
constexpr int bit_width(uint128 value) noexcept {
	return high_half(value) != 0 ? 128 - std::countl_zero(high_half(value))
	                             : 64 - std::countl_zero(low_half(value));
}

// The length of the shortest prefix of which the address is the network address.
constexpr int shortest_prefix(Family family, uint128 address) noexcept {
	return address == 0 ? 0 : width(family) + 1 - bit_width(address & (~address + 1));
}

// How many bits two addresses have in common at their front.
constexpr int common_prefix(Family family, uint128 a, uint128 b) noexcept {
	return width(family) - bit_width(a ^ b);
}

// The largest network that begins with the span and lies in it.
constexpr Network leading_network(const Span &span) noexcept {
	const uint128 steps = span.last - span.first;
	const int host_bits = steps == ~uint128{0} ? 128 : bit_width(steps + 1) - 1;
	return {span.family, span.first,
	        std::max(shortest_prefix(span.family, span.first), width(span.family) - host_bits)};
}

// Visits the fewest networks that cover the span exactly, ascending, until visit(const Network &)
// returns false. False: it did.
template <typename Visit> bool for_each_network(Span span, Visit &&visit) {
	for (;;) {
		const Network network = leading_network(span);
		if (!visit(network)) return false;
		const uint128 last = network.span().last;
		if (last == span.last) return true;
		span.first = last + 1;
	}
}

// Visits the gaps of `asked` that have a place for `fit`, ascending, until visit(const Span &) returns
// false. False: it did. visit may make `fit` larger.
//   sources  each has bool find(uint128 from, Stretch &taken): the taken stretch that reaches to `from`
//            or farther and begins first, or false where there is none. `from` only grows.
// A source is asked again only behind what is taken and behind gaps that are too small, so it may jump
// over what lies in between. The first source should be the one that takes most.
template <typename Visit, typename... Sources>
bool for_each_room(const Span &asked, const Fit &fit, Visit &&visit, Sources &...sources) {
	Span gap = asked;
	for (;;) {
		gap.last = asked.last;
		uint128 blocked_to = 0;
		// True: what is left of the gap before the stretch that the source knows is too small.
		const auto blocks = [&](auto &source) {
			Stretch taken{};
			if (!source.find(gap.first, taken) || taken.first > gap.last) return false;
			blocked_to = taken.last;
			if (taken.first <= gap.first) return true;
			gap.last = taken.first - 1;
			return !has_place(gap, fit);
		};
		if ((blocks(sources) || ...)) {
			if (blocked_to >= asked.last) return true;
			gap.first = blocked_to + 1;
			continue;
		}
		if (has_place(gap, fit) && !visit(gap)) return false;
		if (gap.last == asked.last) return true;
		gap.first = gap.last + 1;
	}
}

} // namespace ipam
