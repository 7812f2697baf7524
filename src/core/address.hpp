#pragma once
// Addresses, intervals and networks of both families: pure values that parse and print nothing.
#include <cstdint>

#include "core/uint128.hpp"

namespace ipam {

enum class Family : std::uint8_t { v4 = 4, v6 = 6 };

constexpr int width(Family f) noexcept {
	return f == Family::v4 ? 32 : 128;
}

// The last address of the family.
constexpr uint128 top(Family f) noexcept {
	return f == Family::v4 ? uint128{0xFFFFFFFFU} : ~uint128{0};
}

struct Address {
	Family family;
	uint128 value;
	friend constexpr bool operator==(const Address &, const Address &) = default;
};

// Both ends belong to the span: the whole of ::/0 has no address behind its last one.
struct Span {
	Family family;
	uint128 first;
	uint128 last;

	constexpr bool contains(const Span &other) const noexcept {
		return family == other.family && first <= other.first && other.last <= last;
	}
	constexpr bool intersects(const Span &other) const noexcept {
		return family == other.family && first <= other.last && other.first <= last;
	}
	friend constexpr bool operator==(const Span &, const Span &) = default;
};

// How many addresses lie in the span, at most `limit` (all of ::/0 would need 129 bits).
constexpr uint128 count_up_to(const Span &span, uint128 limit) noexcept {
	const uint128 steps = span.last - span.first;
	return steps >= limit ? limit : steps + 1;
}

struct Network {
	Family family;
	uint128 address; // bits behind the prefix are ignored
	int prefix_length;

	constexpr uint128 host_mask() const noexcept {
		const int host_bits = width(family) - prefix_length;
		return host_bits == 0 ? uint128{0} : ~uint128{0} >> (128 - host_bits);
	}
	constexpr Span span() const noexcept { return {family, address & ~host_mask(), address | host_mask()}; }
};

} // namespace ipam
