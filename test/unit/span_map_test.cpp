#include "core/span_map.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "print.hpp"

namespace ipam {
namespace {

using Map = SpanMap<int>;

constexpr Span v4(std::uint32_t first, std::uint32_t last) {
	return {Family::v4, first, last};
}

struct SpanMapTest : testing::Test {
	Map::Entry memory[8]{};
	Map map{memory, 8, 0, 0};

	int at(Family family, uint128 address) { // 0: in no span
		const Map::Entry *found = map.find({family, address});
		return found == nullptr ? 0 : found->value;
	}
	int at(std::uint32_t address) { return at(Family::v4, address); }
};

TEST_F(SpanMapTest, AnEmptyMapKnowsNothing) {
	EXPECT_EQ(at(0), 0);
	EXPECT_EQ(at(Family::v6, ~uint128{0}), 0);
}

TEST_F(SpanMapTest, BothEndsBelongToASpan) {
	map.put(v4(10, 19), 1);
	EXPECT_EQ(at(9), 0);
	EXPECT_EQ(at(10), 1);
	EXPECT_EQ(at(19), 1);
	EXPECT_EQ(at(20), 0);
}

TEST_F(SpanMapTest, SpansSideBySideInAnyOrder) {
	map.put(v4(20, 29), 2);
	map.put(v4(0, 9), 3);
	map.put(v4(10, 19), 1);
	EXPECT_EQ(map.count, 3U);
	EXPECT_EQ(at(9), 3);
	EXPECT_EQ(at(10), 1);
	EXPECT_EQ(at(29), 2);
	EXPECT_EQ(at(30), 0);
}

TEST_F(SpanMapTest, FamiliesAreApart) {
	map.put({Family::v6, 0, ~uint128{0}}, 6);
	map.put({Family::v4, 0, top(Family::v4)}, 4);
	EXPECT_EQ(at(Family::v4, 7), 4);
	EXPECT_EQ(at(Family::v6, 7), 6);
	EXPECT_EQ(at(Family::v6, ~uint128{0}), 6);
}

TEST_F(SpanMapTest, WhatIntersectsIsReplaced) {
	map.put(v4(0, 9), 1);
	map.put(v4(10, 19), 2);
	map.put(v4(20, 29), 3);
	map.put(v4(30, 39), 4);
	map.put(v4(15, 25), 5);
	EXPECT_EQ(map.count, 3U);
	EXPECT_EQ(at(9), 1);
	EXPECT_EQ(at(14), 0);
	EXPECT_EQ(at(15), 5);
	EXPECT_EQ(at(26), 0);
	EXPECT_EQ(at(30), 4);
	map.put(v4(16, 17), 6);
	EXPECT_EQ(map.count, 3U);
	EXPECT_EQ(at(15), 0);
	EXPECT_EQ(at(17), 6);
}

TEST_F(SpanMapTest, ForgetsAll) {
	map.put(v4(10, 19), 1);
	map.forget();
	EXPECT_EQ(at(10), 0);
}

// The same as a map of single addresses, whatever comes in whatever order.
TEST_F(SpanMapTest, AgreesWithAMapOfSingleAddresses) {
	std::mt19937 random{7};
	const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
	std::map<std::uint32_t, int> expected;
	for (int step = 1; step < 5000; ++step) {
		if (map.is_full()) {
			map.forget();
			expected.clear();
		}
		const std::uint32_t first = below(60), last = first + below(12);
		for (auto a = expected.begin(); a != expected.end();) {
			const Map::Entry *entry = map.find({Family::v4, a->first});
			ASSERT_TRUE(entry != nullptr);
			a = entry->span.intersects(v4(first, last)) ? expected.erase(a) : std::next(a);
		}
		for (std::uint32_t a = first; a <= last; ++a)
			expected[a] = step;
		map.put(v4(first, last), step);
		for (std::uint32_t probe = 0; probe < 20; ++probe) {
			const std::uint32_t address = below(75);
			const auto found = expected.find(address);
			ASSERT_EQ(at(address), found == expected.end() ? 0 : found->second) << step;
		}
	}
}

} // namespace
} // namespace ipam
