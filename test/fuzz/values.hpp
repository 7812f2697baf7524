#pragma once
// Values of the core made from fuzzed bytes.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdlib>

#include "core/address.hpp"

namespace ipam {

inline void require(bool holds) {
	if (!holds) std::abort();
}

// Small numbers, the ends of the family, the ends of its 64 bit halves, and anything.
inline uint128 any_address(FuzzedDataProvider &in, Family family) {
	const uint128 near = in.ConsumeIntegral<std::uint8_t>();
	switch (in.ConsumeIntegralInRange(0, 4)) {
	case 0:
		return near;
	case 1:
		return top(family) - near;
	case 2:
		return ((uint128{1} << (width(family) / 2)) + near) & top(family);
	case 3:
		return ((uint128{1} << (width(family) / 2)) - 1 - near) & top(family);
	default:
		return make_uint128(in.ConsumeIntegral<std::uint64_t>(), in.ConsumeIntegral<std::uint64_t>()) &
		       top(family);
	}
}

inline Span any_span(FuzzedDataProvider &in, Family family) {
	const uint128 first = any_address(in, family);
	if (in.ConsumeBool()) {
		const uint128 more = in.ConsumeIntegralInRange(0, 8);
		return {family, first, top(family) - first < more ? top(family) : first + more};
	}
	const uint128 last = any_address(in, family);
	return {family, std::min(first, last), std::max(first, last)};
}

} // namespace ipam
