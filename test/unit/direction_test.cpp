#include "core/direction.hpp"

#include <gtest/gtest.h>

#include "print.hpp"

namespace ipam {
namespace {

constexpr Direction up_v4{Family::v4, false};
constexpr Direction down_v4{Family::v4, true};
constexpr Direction down_v6{Family::v6, true};

TEST(Direction, LowestFirstLeavesAddressesAsTheyAre) {
	EXPECT_TRUE(up_v4.mirror(uint128{7}) == 7);
	EXPECT_EQ(up_v4.mirror(Span{Family::v4, 3, 7}), (Span{Family::v4, 3, 7}));
}

TEST(Direction, HighestFirstCountsFromTheEndOfTheFamily) {
	EXPECT_TRUE(down_v4.mirror(top(Family::v4)) == 0);
	EXPECT_TRUE(down_v4.mirror(uint128{0}) == top(Family::v4));
	EXPECT_TRUE(down_v6.mirror(top(Family::v6)) == 0);
	EXPECT_TRUE(down_v6.mirror(uint128{0}) == top(Family::v6));
}

TEST(Direction, MirroringTwiceGivesTheSame) {
	for (const uint128 value : {uint128{0}, uint128{1}, uint128{0x0A000001}, top(Family::v4)})
		EXPECT_TRUE(down_v4.mirror(down_v4.mirror(value)) == value);
	const Span span{Family::v6, 5, top(Family::v6)};
	EXPECT_EQ(down_v6.mirror(span), (Span{Family::v6, 0, top(Family::v6) - 5}));
	EXPECT_EQ(down_v6.mirror(down_v6.mirror(span)), span);
}

} // namespace
} // namespace ipam
