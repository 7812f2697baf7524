#include "core/address.hpp"

#include <gtest/gtest.h>

namespace ipam {
namespace {

constexpr uint128 v4_top = 0xFFFFFFFFU;
constexpr uint128 v6_top = ~uint128{0};
constexpr Span all_v4{Family::v4, 0, v4_top};
constexpr Span all_v6{Family::v6, 0, v6_top};

TEST(Family, HasItsWidthAndItsLastAddress) {
	EXPECT_EQ(width(Family::v4), 32);
	EXPECT_EQ(width(Family::v6), 128);
	EXPECT_EQ(top(Family::v4), v4_top);
	EXPECT_EQ(top(Family::v6), v6_top);
}

TEST(Uint128, IsTheSumOfItsHalves) {
	constexpr uint128 value = make_uint128(0x0123456789ABCDEFU, 0xFEDCBA9876543210U);
	EXPECT_EQ(high_half(value), 0x0123456789ABCDEFU);
	EXPECT_EQ(low_half(value), 0xFEDCBA9876543210U);
	EXPECT_EQ(make_uint128(0, ~std::uint64_t{0}) + 1, make_uint128(1, 0));
}

TEST(Address, IsNotItsTwinOfTheOtherFamily) {
	EXPECT_EQ((Address{Family::v4, 1}), (Address{Family::v4, 1}));
	EXPECT_NE((Address{Family::v4, 1}), (Address{Family::v6, 1}));
	EXPECT_NE((Address{Family::v6, 1}), (Address{Family::v6, make_uint128(1, 1)}));
}

TEST(Network, OfPrefixZeroIsTheWholeFamily) {
	EXPECT_EQ((Network{Family::v4, 0, 0}.span()), all_v4);
	EXPECT_EQ((Network{Family::v6, 0, 0}.span()), all_v6);
	EXPECT_EQ((Network{Family::v4, v4_top, 0}.span()), all_v4);
	EXPECT_EQ((Network{Family::v6, v6_top, 0}.span()), all_v6);
}

TEST(Network, OfFullPrefixIsOneAddress) {
	for (const uint128 address : {uint128{0}, uint128{1}, v4_top}) {
		EXPECT_EQ((Network{Family::v4, address, 32}.span()), (Span{Family::v4, address, address}));
	}
	for (const uint128 address : {uint128{0}, make_uint128(1, 0), v6_top}) {
		EXPECT_EQ((Network{Family::v6, address, 128}.span()), (Span{Family::v6, address, address}));
	}
}

TEST(Network, OfFullPrefixLessOneIsTwoAddresses) {
	EXPECT_EQ((Network{Family::v4, 0x0A000001, 31}.span()), (Span{Family::v4, 0x0A000000, 0x0A000001}));
	EXPECT_EQ((Network{Family::v4, v4_top, 31}.span()), (Span{Family::v4, v4_top - 1, v4_top}));
	EXPECT_EQ((Network{Family::v6, 0, 127}.span()), (Span{Family::v6, 0, 1}));
	EXPECT_EQ((Network{Family::v6, v6_top, 127}.span()), (Span{Family::v6, v6_top - 1, v6_top}));
}

TEST(Network, IgnoresTheBitsBehindThePrefix) {
	EXPECT_EQ((Network{Family::v4, 0x0A0B0C0D, 8}.span()), (Span{Family::v4, 0x0A000000, 0x0AFFFFFF}));
	constexpr std::uint64_t subnet = 0x20010DB800010002U;
	EXPECT_EQ((Network{Family::v6, make_uint128(subnet, 77), 64}.span()),
	          (Span{Family::v6, make_uint128(subnet, 0), make_uint128(subnet, ~std::uint64_t{0})}));
}

TEST(Network, OfEachPrefixIsHalfOfTheOneBefore) {
	for (const Family family : {Family::v4, Family::v6}) {
		for (int length = 1; length <= width(family); ++length) {
			const Span lower = Network{family, 0, length}.span();
			const Span upper = Network{family, top(family), length}.span();
			const Span parent = Network{family, 0, length - 1}.span();
			EXPECT_EQ(lower.first, parent.first);
			EXPECT_EQ(lower.last, parent.first + (parent.last - parent.first) / 2);
			EXPECT_EQ(upper.last, top(family));
			EXPECT_EQ(upper.last - upper.first, lower.last);
		}
	}
}

TEST(Span, ContainsItselfAndItsParts) {
	constexpr Span span{Family::v4, 10, 20};
	EXPECT_TRUE(span.contains(span));
	EXPECT_TRUE(span.contains({Family::v4, 10, 10}));
	EXPECT_TRUE(span.contains({Family::v4, 20, 20}));
	EXPECT_FALSE(span.contains({Family::v4, 9, 20}));
	EXPECT_FALSE(span.contains({Family::v4, 10, 21}));
	EXPECT_FALSE(span.contains(all_v4));
	EXPECT_TRUE(all_v4.contains(all_v4));
	EXPECT_TRUE(all_v6.contains(all_v6));
	EXPECT_TRUE(all_v6.contains({Family::v6, v6_top, v6_top}));
	EXPECT_TRUE(all_v6.contains({Family::v6, 0, 0}));
}

TEST(Span, IntersectsWhatSharesAnAddress) {
	constexpr Span span{Family::v4, 10, 20};
	EXPECT_TRUE(span.intersects(span));
	EXPECT_TRUE(span.intersects({Family::v4, 0, 10}));
	EXPECT_TRUE(span.intersects({Family::v4, 20, 30}));
	EXPECT_TRUE(span.intersects({Family::v4, 12, 13}));
	EXPECT_TRUE(span.intersects(all_v4));
	EXPECT_FALSE(span.intersects({Family::v4, 0, 9}));
	EXPECT_FALSE(span.intersects({Family::v4, 21, v4_top}));
	EXPECT_TRUE(all_v6.intersects({Family::v6, v6_top, v6_top}));
}

TEST(Span, NeverMeetsTheOtherFamily) {
	EXPECT_FALSE(all_v6.contains(all_v4));
	EXPECT_FALSE(all_v6.intersects(all_v4));
	EXPECT_FALSE(all_v4.contains({Family::v6, 1, 1}));
	EXPECT_FALSE(all_v4.intersects({Family::v6, 1, 1}));
	EXPECT_NE((Span{Family::v4, 0, 1}), (Span{Family::v6, 0, 1}));
}

TEST(CountUpTo, IsExactBelowTheLimit) {
	EXPECT_EQ(count_up_to({Family::v4, 7, 7}, 100), uint128{1});
	EXPECT_EQ(count_up_to({Family::v4, 7, 8}, 100), uint128{2});
	EXPECT_EQ(count_up_to({Family::v6, v6_top, v6_top}, 100), uint128{1});
	EXPECT_EQ(count_up_to(all_v4, v6_top), uint128{1} << 32);
	EXPECT_EQ(count_up_to({Family::v6, 1, v6_top}, v6_top), v6_top);
}

TEST(CountUpTo, StopsAtTheLimit) {
	constexpr Span ten{Family::v4, 1, 10};
	EXPECT_EQ(count_up_to(ten, 9), uint128{9});
	EXPECT_EQ(count_up_to(ten, 10), uint128{10});
	EXPECT_EQ(count_up_to(ten, 11), uint128{10});
	EXPECT_EQ(count_up_to(ten, 1), uint128{1});
	EXPECT_EQ(count_up_to(ten, 0), uint128{0});
	EXPECT_EQ(count_up_to({Family::v6, 5, 5}, 0), uint128{0});
}

TEST(CountUpTo, TakesTheWholeOfIPv6AsTheLimit) {
	EXPECT_EQ(count_up_to(all_v6, v6_top), v6_top); // there is one more, which has no number
	EXPECT_EQ(count_up_to(all_v6, 1000), uint128{1000});
	EXPECT_EQ(count_up_to(all_v6, 0), uint128{0});
	EXPECT_EQ(count_up_to({Family::v6, 0, v6_top - 1}, v6_top), v6_top);
	EXPECT_EQ(count_up_to({Family::v6, 0, v6_top - 2}, v6_top), v6_top - 1);
}

} // namespace
} // namespace ipam
