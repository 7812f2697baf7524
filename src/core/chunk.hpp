#pragma once
// Chunks: aligned stretches of 1,024 addresses. A released address makes a hole of its whole chunk in
// what is known to be full, so that many releases side by side make one hole.
#include "core/gaps.hpp"

namespace ipam {

constexpr uint128 chunk_size = 1024;

constexpr Stretch chunk_of(uint128 address) noexcept {
	return {address & ~(chunk_size - 1), address | (chunk_size - 1)};
}

} // namespace ipam
