#pragma once
// The 128-bit unsigned integer that every address computation uses.
#include <bit>
#include <cstdint>

namespace ipam {

__extension__ using uint128 = unsigned __int128;

constexpr uint128 make_uint128(std::uint64_t high, std::uint64_t low) noexcept {
	return (static_cast<uint128>(high) << 64) | low;
}

constexpr std::uint64_t high_half(uint128 v) noexcept {
	return static_cast<std::uint64_t>(v >> 64);
}
constexpr std::uint64_t low_half(uint128 v) noexcept {
	return static_cast<std::uint64_t>(v);
}

} // namespace ipam
