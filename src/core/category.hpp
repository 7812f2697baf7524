#pragma once
// The address category of a span (public, private, global IPv6 unicast), or none where a
// span is of no use for a plan or lies across a border between categories.
// sql/install/12_special_purpose.sql tells people why; test/sql/special_purpose.sql compares the two.
#include <algorithm>
#include <optional>

#include "core/address.hpp"

namespace ipam {

enum class Category : std::uint8_t { public_v4, private_use, global_v6_unicast };

namespace detail {

constexpr Span v4(std::uint32_t network, int prefix_length) noexcept {
	return Network{Family::v4, network, prefix_length}.span();
}
constexpr Span v6(std::uint64_t high, int prefix_length, std::uint64_t low = 0) noexcept {
	return Network{Family::v6, make_uint128(high, low), prefix_length}.span();
}

// RFC 1918, and what is like it: no registry gives it out and nobody outside can be reached with it.
inline constexpr Span private_space[] = {
    v4(0x0A000000, 8),         // 10.0.0.0/8
    v4(0xAC100000, 12),        // 172.16.0.0/12
    v4(0xC0A80000, 16),        // 192.168.0.0/16
    v4(0x64400000, 10),        // 100.64.0.0/10, shared address space, RFC 6598
    v6(0xFC00000000000000, 7), // fc00::/7, unique local, RFC 4193
};

// What no block, subnet or range may touch.
inline constexpr Span unusable_space[] = {
    v4(0x00000000, 8),          // 0.0.0.0/8, this network
    v4(0x7F000000, 8),          // 127.0.0.0/8, loopback
    v4(0xA9FE0000, 16),         // 169.254.0.0/16, link local
    v4(0xE0000000, 4),          // 224.0.0.0/4, multicast
    v4(0xF0000000, 4),          // 240.0.0.0/4, reserved and broadcast
    v6(0, 128),                 // ::, unspecified
    v6(0, 128, 1),              // ::1, loopback
    v6(0xFE80000000000000, 10), // fe80::/10, link local
    v6(0xFEC0000000000000, 10), // fec0::/10, site local
    v6(0xFF00000000000000, 8),  // ff00::/8, multicast
};

} // namespace detail

constexpr std::optional<Category> category_of(const Span &span) noexcept {
	const auto touches = [&](const Span &space) { return space.intersects(span); };
	const auto holds = [&](const Span &space) { return space.contains(span); };
	if (std::ranges::any_of(detail::private_space, holds)) return Category::private_use;
	if (std::ranges::any_of(detail::private_space, touches)) return std::nullopt;
	if (std::ranges::any_of(detail::unusable_space, touches)) return std::nullopt;
	return span.family == Family::v4 ? Category::public_v4 : Category::global_v6_unicast;
}

// Whether a single host may carry the address. Multicast and class E of IPv4 may be recorded:
// the model forbids them for ranges only.
constexpr bool is_host(const Address &address) noexcept {
	const Span one{address.family, address.value, address.value};
	if (address.family == Family::v4) {
		return address.value != top(Family::v4) && !detail::v4(0x00000000, 8).contains(one) &&
		       !detail::v4(0x7F000000, 8).contains(one) && !detail::v4(0xA9FE0000, 16).contains(one);
	}
	return std::ranges::none_of(detail::unusable_space,
	                            [&](const Span &space) { return space.contains(one); });
}

} // namespace ipam
