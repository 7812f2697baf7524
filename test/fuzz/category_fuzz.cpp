// The category of a span is the category of all its parts, or none; and the category of a single
// address is what the leading bits of its text say.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "core/category.hpp"

using namespace ipam;

namespace {

void require(bool holds) {
	if (!holds) std::abort();
}

constexpr std::uint32_t v4_borders[] = {
    0x00000000, 0x01000000, 0x0A000000, 0x0B000000, 0x64400000, 0x64800000,
    0x7F000000, 0x80000000, 0xA9FE0000, 0xA9FF0000, 0xAC100000, 0xAC200000,
    0xC0A80000, 0xC0A90000, 0xE0000000, 0xF0000000, 0xFFFFFFFF,
};
// Upper halves.
constexpr std::uint64_t v6_borders[] = {
    0x0000000000000000, 0xFC00000000000000, 0xFE00000000000000, 0xFE80000000000000,
    0xFEC0000000000000, 0xFF00000000000000, 0xFFFFFFFFFFFFFFFF,
};

// Close to a border, or anything.
uint128 any_address(FuzzedDataProvider &in, Family family) {
	if (in.ConsumeIntegralInRange(0, 3) == 0) {
		return make_uint128(in.ConsumeIntegral<std::uint64_t>(), in.ConsumeIntegral<std::uint64_t>()) &
		       top(family);
	}
	const uint128 border =
	    family == Family::v4
	        ? v4_borders[in.ConsumeIntegralInRange<std::size_t>(0, std::size(v4_borders) - 1)]
	        : make_uint128(v6_borders[in.ConsumeIntegralInRange<std::size_t>(0, std::size(v6_borders) - 1)],
	                       0);
	const uint128 distance = in.ConsumeIntegralInRange(0, 3);
	return (in.ConsumeBool() ? border + distance : border - distance) & top(family);
}

// Written down a second time, octet by octet.
std::optional<Category> plain_category(const Address &address) {
	if (address.family == Family::v4) {
		const auto octet = [&](int i) { return static_cast<int>(address.value >> (24 - 8 * i)) & 0xFF; };
		if (octet(0) == 10) return Category::private_use;
		if (octet(0) == 100 && octet(1) >= 64 && octet(1) <= 127) return Category::private_use;
		if (octet(0) == 172 && octet(1) >= 16 && octet(1) <= 31) return Category::private_use;
		if (octet(0) == 192 && octet(1) == 168) return Category::private_use;
		if (octet(0) == 0 || octet(0) == 127 || octet(0) >= 224) return std::nullopt;
		if (octet(0) == 169 && octet(1) == 254) return std::nullopt;
		return Category::public_v4;
	}
	if (address.value <= 1) return std::nullopt;
	const auto leading = static_cast<int>(address.value >> 112);
	if (leading >= 0xFC00 && leading <= 0xFDFF) return Category::private_use;
	if (leading >= 0xFE80) return std::nullopt;
	return Category::global_v6_unicast;
}

// The same for hosts: IPv4 multicast and class E may be recorded.
bool plain_is_host(const Address &address) {
	if (plain_category(address)) return true;
	return address.family == Family::v4 && address.value >= 0xE0000000 && address.value < 0xFFFFFFFF;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
	FuzzedDataProvider in(data, size);
	const Family family = in.ConsumeBool() ? Family::v4 : Family::v6;
	const uint128 one = any_address(in, family);
	const uint128 other = any_address(in, family);
	const Span whole{family, std::min(one, other), std::max(one, other)};

	for (const uint128 address : {whole.first, whole.last}) {
		require(category_of({family, address, address}) == plain_category({family, address}));
		require(is_host({family, address}) == plain_is_host({family, address}));
	}

	const std::optional<Category> category = category_of(whole);
	while (in.remaining_bytes() > 0 && whole.first < whole.last) {
		const uint128 cut = std::clamp(any_address(in, family), whole.first, whole.last - 1);
		const auto lower = category_of({family, whole.first, cut});
		const auto upper = category_of({family, cut + 1, whole.last});
		require(category == (lower == upper ? lower : std::nullopt));
		require(!category || plain_category({family, cut}) == category);
	}
	return 0;
}
