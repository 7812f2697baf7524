#include "core/network_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "core/choice.hpp"
#include "growing_tree.hpp"

namespace ipam {
namespace {

constexpr Network v4(std::uint32_t address, int prefix_length) {
	return {Family::v4, address, prefix_length};
}
constexpr Network v6(std::uint64_t high, std::uint64_t low, int prefix_length) {
	return {Family::v6, make_uint128(high, low), prefix_length};
}

TEST(NetworkTree, TheFirstOfNestedNetworksIsChosen) {
	GrowingTree tree;
	EXPECT_TRUE(tree.add(v4(0x0A010200, 24)));
	EXPECT_FALSE(tree.add(v4(0x0A010000, 16))); // around it
	EXPECT_FALSE(tree.add(v4(0x0A010240, 26))); // inside it
	EXPECT_TRUE(tree.add(v4(0x0A010300, 24)));  // beside it, and not the /16 is chosen
	EXPECT_FALSE(tree.add(v4(0, 0)));
	EXPECT_FALSE(tree.add(v4(0x0A010200, 32)));
}

TEST(NetworkTree, FamiliesAreApart) {
	GrowingTree tree;
	EXPECT_TRUE(tree.add(v4(0, 0)));
	EXPECT_TRUE(tree.add(v6(0, 0, 0)));
	EXPECT_FALSE(tree.add(v4(0xFFFFFFFF, 32)));
	EXPECT_FALSE(tree.add(v6(~0UL, ~0UL, 128)));
}

TEST(NetworkTree, LastBits) {
	GrowingTree tree;
	EXPECT_TRUE(tree.add(v6(~0UL, ~0UL, 128)));
	EXPECT_TRUE(tree.add(v6(~0UL, ~1UL, 128)));
	EXPECT_FALSE(tree.add(v6(~0UL, ~1UL, 127)));
	EXPECT_TRUE(tree.add(v6(~0UL, ~3UL, 127)));
	EXPECT_FALSE(tree.add(v6(~0UL, 0, 64)));
}

TEST(NetworkTree, WhatIsPutInCountsAsGiven) {
	GrowingTree tree;
	tree.put(v4(0x0A000000, 8), true);
	tree.put(v4(0x0A000000, 16), false);
	tree.put(v4(0x0B000000, 8), false);
	EXPECT_FALSE(tree.add(v4(0x0A000000, 24)));
	EXPECT_TRUE(tree.add(v4(0x0B000000, 16)));
}

TEST(NetworkTree, WhatIsThereStaysAsItIs) {
	GrowingTree tree;
	tree.put(v4(0x0A000000, 8), true);
	tree.put(v4(0x0A010000, 16), false);
	EXPECT_FALSE(tree.add(v4(0x0A000000, 8)));
	EXPECT_FALSE(tree.add(v4(0x0A020000, 16)));
	tree.put(v4(0x0A000000, 8), false);
	EXPECT_FALSE(tree.add(v4(0x0A030000, 16)));
	tree.put(v4(0x0A010000, 16), true);
	EXPECT_FALSE(tree.add(v4(0x0A010200, 24)));
	EXPECT_TRUE(tree.add(v4(0x0B010000, 16)));
	EXPECT_TRUE(tree.add(v4(0x0B020000, 16)));
	EXPECT_FALSE(tree.add(v4(0x0B010000, 16)));
	EXPECT_FALSE(tree.add(v4(0x0B000000, 14))); // where the two part
	EXPECT_FALSE(tree.add(v4(0x0B000000, 14)));
}

// Small networks, so that most of them nest; compared with looking at all others.
TEST(NetworkTree, AgreesWithLookingAtAll) {
	std::mt19937 random(20240607);
	struct Member {
		Network network;
		bool is_chosen;
	};
	const auto order = [](const Member &a, const Member &b) {
		const Span x = a.network.span(), y = b.network.span();
		if (x.family != y.family) return x.family < y.family;
		return x.first != y.first ? x.first < y.first : x.last > y.last;
	};
	for (int round = 0; round < 200; ++round) {
		GrowingTree tree;
		std::vector<Member> members;
		for (int i = 0; i < 60; ++i) {
			const bool is_v4 = random() % 2 == 0;
			const auto bits = static_cast<std::uint64_t>(random() % 256);
			const int length = static_cast<int>(random() % 9);
			const Network network =
			    is_v4 ? v4(static_cast<std::uint32_t>(bits) << 24, length) : v6(bits << 56, 0, length);
			bool is_known = false, meets_chosen = false;
			for (const Member &m : members) {
				if (!m.network.span().intersects(network.span())) continue;
				is_known = is_known || m.network.span() == network.span();
				meets_chosen = meets_chosen || m.is_chosen;
			}
			if (is_known) continue;
			ASSERT_EQ(tree.add(network), !meets_chosen);
			members.push_back({network, !meets_chosen});
		}
		std::sort(members.begin(), members.end(), order);
		const auto is_right = [&members] {
			ChoiceCheck check;
			for (const Member &m : members)
				check.take(m.network, m.is_chosen);
			return check.is_right();
		};
		ASSERT_TRUE(is_right());
		for (Member &m : members) { // every single change breaks it
			m.is_chosen = !m.is_chosen;
			ASSERT_FALSE(is_right());
			m.is_chosen = !m.is_chosen;
		}
	}
}

TEST(ChoiceCheck, NothingIsRight) {
	ChoiceCheck check;
	EXPECT_TRUE(check.is_right());
}

} // namespace
} // namespace ipam
