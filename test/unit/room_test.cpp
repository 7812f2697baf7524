#include "core/room.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "core/sparse.hpp"
#include "print.hpp"

namespace ipam {

namespace {

constexpr uint128 v4_top = top(Family::v4);
constexpr uint128 v6_top = top(Family::v6);
constexpr Span all_v4{Family::v4, 0, v4_top};
constexpr Span all_v6{Family::v6, 0, v6_top};
using Spans = std::vector<Span>;

// A source that counts how often it has to look for something new.
struct Source {
	std::vector<Stretch> taken;
	std::size_t at = 0;
	int steps = 0;

	bool find(uint128 from, Stretch &stretch) {
		while (at < taken.size() && taken[at].last < from) {
			++at;
			++steps;
		}
		if (at == taken.size()) return false;
		stretch = taken[at];
		return true;
	}
};

template <typename... Sources>
Spans room(const Span &asked, const Fit &fit, std::size_t stop_after, Sources... sources) {
	Spans gaps;
	for_each_room(
	    asked, fit,
	    [&](const Span &gap) {
		    gaps.push_back(gap);
		    return gaps.size() < stop_after;
	    },
	    sources...);
	return gaps;
}

constexpr Span ten{Family::v4, 10, 29};
constexpr Fit one{1, 1};

Span place_in(const Span &gap, const Fit &fit) {
	Span place{Family::v4, 1, 0};
	first_place(gap, fit, &place);
	return place;
}
constexpr Span nowhere{Family::v4, 1, 0};

TEST(Place, IsAlignedToItsSizeForANetwork) {
	constexpr Fit quarter = network_fit(Family::v4, 30);
	EXPECT_EQ(place_in({Family::v4, 0, 3}, quarter), (Span{Family::v4, 0, 3}));
	EXPECT_EQ(place_in({Family::v4, 1, 7}, quarter), (Span{Family::v4, 4, 7}));
	EXPECT_EQ(place_in({Family::v4, 1, 6}, quarter), nowhere);
	EXPECT_EQ(place_in({Family::v4, 5, 7}, quarter), nowhere);
	EXPECT_EQ(place_in({Family::v4, v4_top - 3, v4_top}, quarter), (Span{Family::v4, v4_top - 3, v4_top}));
	EXPECT_EQ(place_in({Family::v4, v4_top - 2, v4_top}, quarter), nowhere);
}

TEST(Place, IsAnywhereForARun) {
	EXPECT_EQ(place_in({Family::v4, 1, 7}, {7, 1}), (Span{Family::v4, 1, 7}));
	EXPECT_EQ(place_in({Family::v4, 1, 7}, {8, 1}), nowhere);
}

TEST(Place, ExistsAtTheEndsOfTheFamily) {
	constexpr Fit half = network_fit(Family::v6, 1);
	EXPECT_EQ(place_in(all_v6, half), (Span{Family::v6, 0, v6_top / 2}));
	EXPECT_EQ(place_in({Family::v6, 1, v6_top}, half), (Span{Family::v6, v6_top / 2 + 1, v6_top}));
	EXPECT_EQ(place_in({Family::v6, v6_top / 2 + 2, v6_top}, half), nowhere);
	EXPECT_EQ(place_in({Family::v6, v6_top, v6_top}, network_fit(Family::v6, 127)), nowhere);
	EXPECT_EQ(place_in({Family::v6, v6_top, v6_top}, {1, 1}), (Span{Family::v6, v6_top, v6_top}));
}

TEST(Places, AreCountedUpToALimit) {
	EXPECT_EQ(count_places({Family::v4, 1, 16}, network_fit(Family::v4, 30), 100), 3U);
	EXPECT_EQ(count_places({Family::v4, 1, 16}, {5, 1}, 100), 3U);
	EXPECT_EQ(count_places({Family::v4, 1, 2}, network_fit(Family::v4, 30), 100), 0U);
	EXPECT_EQ(count_places(all_v6, network_fit(Family::v6, 64), ~uint128{0}), uint128{1} << 64);
	EXPECT_EQ(count_places(all_v6, network_fit(Family::v6, 1), 100), 2U);
	EXPECT_EQ(count_places(all_v6, {1, 1}, 7), 7U);
	EXPECT_EQ(count_places(all_v6, {1, 1}, v6_top), v6_top);
}

TEST(Prefix, IsTheShortestThatStartsHere) {
	EXPECT_EQ(shortest_prefix(Family::v4, 0), 0);
	EXPECT_EQ(shortest_prefix(Family::v4, 0x0A000000U), 7);
	EXPECT_EQ(shortest_prefix(Family::v4, v4_top), 32);
	EXPECT_EQ(shortest_prefix(Family::v6, uint128{1} << 127), 1);
	EXPECT_EQ(shortest_prefix(Family::v6, 1), 128);
}

TEST(Prefix, IsSharedByTwoAddresses) {
	EXPECT_EQ(common_prefix(Family::v4, 0x0A000000U, 0x0A800000U), 8);
	EXPECT_EQ(common_prefix(Family::v4, 7, 7), 32);
	EXPECT_EQ(common_prefix(Family::v4, 0, v4_top), 0);
	EXPECT_EQ(common_prefix(Family::v6, 0, 1), 127);
	EXPECT_EQ(common_prefix(Family::v6, 0, uint128{1} << 127), 0);
}

std::vector<int> lengths(const Span &span) {
	std::vector<int> result;
	uint128 next = span.first;
	for_each_network(span, [&](const Network &network) {
		EXPECT_EQ(network.span().first, next);
		EXPECT_EQ(network.address, next);
		next = network.span().last + 1;
		result.push_back(network.prefix_length);
		return true;
	});
	EXPECT_EQ(next, span.last + 1);
	return result;
}

TEST(Cover, IsMadeOfTheFewestNetworks) {
	EXPECT_EQ(lengths(all_v4), (std::vector{0}));
	EXPECT_EQ(lengths(all_v6), (std::vector{0}));
	EXPECT_EQ(lengths({Family::v4, 10, 17}), (std::vector{31, 30, 31}));
	EXPECT_EQ(lengths({Family::v4, 5, 5}), (std::vector{32}));
	EXPECT_EQ(lengths({Family::v4, v4_top, v4_top}), (std::vector{32}));
	EXPECT_EQ(lengths({Family::v6, v6_top - 2, v6_top}), (std::vector{128, 127}));
	EXPECT_EQ(lengths({Family::v6, 1, v6_top}).size(), 128U);
	EXPECT_EQ(lengths({Family::v6, 0, v6_top - 1}).size(), 128U);
}

TEST(Cover, EndsWhenVisitHasEnough) {
	int seen = 0;
	EXPECT_FALSE(for_each_network({Family::v4, 1, 100}, [&](const Network &) { return ++seen < 3; }));
	EXPECT_EQ(seen, 3);
}

TEST(Room, IsEverythingWhereNothingIsTaken) {
	EXPECT_EQ(room(all_v6, one, 9, Source{}), Spans{all_v6});
	EXPECT_EQ(room(ten, one, 9, Source{}, Source{}), Spans{ten});
	EXPECT_EQ(room(ten, {21, 1}, 9, Source{}), Spans{});
}

TEST(Room, IsNothingWhereAllIsTaken) {
	EXPECT_EQ(room(ten, one, 9, Source{{{10, 29}}}), Spans{});
	EXPECT_EQ(room(ten, one, 9, Source{{{0, v4_top}}}), Spans{});
	EXPECT_EQ(room(ten, one, 9, Source{{{10, 19}}}, Source{{{20, 29}}}), Spans{});
	EXPECT_EQ(room(all_v6, one, 9, Source{}, Source{{{0, v6_top}}}), Spans{});
}

TEST(Room, IsBetweenTheStretchesOfAllSources) {
	EXPECT_EQ(room(ten, one, 9, Source{{{12, 13}, {20, 22}}}, Source{{{13, 15}}}, Source{{{28, 40}}}),
	          (Spans{{Family::v4, 10, 11}, {Family::v4, 16, 19}, {Family::v4, 23, 27}}));
	EXPECT_EQ(room(ten, one, 9, Source{{{0, 10}, {11, 28}, {12, 12}}}), (Spans{{Family::v4, 29, 29}}));
}

TEST(Room, HasAPlaceInEachGap) {
	EXPECT_EQ(room(ten, network_fit(Family::v4, 30), 9, Source{{{14, 14}}}, Source{{{22, 23}}}),
	          (Spans{{Family::v4, 15, 21}, {Family::v4, 24, 29}})); // none in 10 to 13
	EXPECT_EQ(room(ten, {5, 1}, 9, Source{{{14, 14}}}, Source{{{20, 24}}}),
	          (Spans{{Family::v4, 15, 19}, {Family::v4, 25, 29}}));
}

TEST(Room, EndsWhenVisitHasEnough) {
	EXPECT_EQ(room(ten, one, 1, Source{{{12, 13}, {20, 22}}}), (Spans{{Family::v4, 10, 11}}));
}

TEST(Room, AsksASourceOnlyBehindWhatOthersTake) {
	Source subnets{{{0, 999}}};
	Source addresses{};
	for (uint128 i = 0; i < 1000; ++i)
		addresses.taken.push_back({i, i});
	EXPECT_FALSE(for_each_room(
	    Span{Family::v4, 0, v4_top}, one, [](const Span &) { return false; }, subnets, addresses));
	EXPECT_EQ(addresses.steps, 1000); // in one go, which is where a real source jumps
	Source small_gaps{{{0, 6}, {8, 14}, {16, 22}, {24, 29}}};
	Source never{{{7, 7}, {15, 15}, {23, 23}}};
	EXPECT_TRUE(for_each_room(
	    Span{Family::v4, 0, 29}, Fit{2, 1}, [](const Span &) { return true; }, small_gaps, never));
	EXPECT_EQ(never.steps, 0);
}

std::vector<Stretch> best(const Spans &gaps, const Fit &fit, std::size_t wanted) {
	std::vector<Stretch> storage(wanted + 1);
	BestPieces<fits_better> pieces{storage.data(), 0, wanted};
	for (const Span &gap : gaps) {
		for_each_piece(gap, fit, [&](const Stretch &piece) {
			if (pieces.wants(piece)) pieces.keep(piece);
			return !pieces.is_perfect(fit.size);
		});
	}
	pieces.sort();
	storage.resize(pieces.count);
	return storage;
}

std::vector<std::pair<int, int>> as_pairs(const std::vector<Stretch> &pieces) {
	std::vector<std::pair<int, int>> result;
	for (const Stretch &piece : pieces)
		result.emplace_back(static_cast<int>(piece.first), static_cast<int>(piece.last));
	return result;
}
using Pairs = std::vector<std::pair<int, int>>;

TEST(BestFit, TakesTheSmallestPieceThatFits) {
	const Spans gaps{{Family::v4, 0, 15}, {Family::v4, 20, 27}, {Family::v4, 32, 34}};
	const Fit quarter = network_fit(Family::v4, 30);
	EXPECT_EQ(as_pairs(best(gaps, quarter, 1)), (Pairs{{20, 23}}));
	EXPECT_EQ(as_pairs(best(gaps, quarter, 3)), (Pairs{{20, 23}, {24, 27}, {0, 15}}));
	EXPECT_EQ(as_pairs(best(gaps, quarter, 9)), (Pairs{{20, 23}, {24, 27}, {0, 15}}));
	EXPECT_EQ(as_pairs(best(gaps, quarter, 0)), Pairs{});
	EXPECT_EQ(as_pairs(best(gaps, {3, 1}, 2)), (Pairs{{32, 34}, {20, 27}}));
	EXPECT_EQ(as_pairs(best(gaps, {4, 1}, 1)), (Pairs{{20, 27}}));
	EXPECT_EQ(as_pairs(best(gaps, {17, 1}, 1)), Pairs{});
}

TEST(BestFit, TakesTheLowestOfEqualPieces) {
	const Spans gaps{{Family::v4, 8, 11}, {Family::v4, 16, 19}, {Family::v4, 24, 27}};
	EXPECT_EQ(as_pairs(best(gaps, network_fit(Family::v4, 30), 2)), (Pairs{{8, 11}, {16, 19}}));
}

// The places that sparse placement takes one after the other.
std::vector<int> sparse(const Span &gap, const Fit &fit, std::size_t wanted) {
	std::vector<Stretch> pieces;
	const auto add = [&](const Stretch &piece) {
		pieces.push_back(piece);
		return true;
	};
	for_each_piece(gap, fit, add);
	std::vector<int> result;
	while (result.size() < wanted && !pieces.empty()) {
		const auto roomiest = std::ranges::min_element(pieces, is_roomier);
		const Stretch piece = *roomiest;
		pieces.erase(roomiest);
		const Span place = sparse_place(gap.family, piece, fit);
		result.push_back(static_cast<int>(place.first));
		for_each_rest(piece, place, fit, add);
	}
	return result;
}

TEST(Sparse, BisectsANetwork) {
	EXPECT_EQ(sparse({Family::v4, 0, 63}, network_fit(Family::v4, 29), 99),
	          (std::vector{0, 32, 16, 48, 8, 24, 40, 56}));
	EXPECT_EQ(sparse({Family::v4, 4, 31}, network_fit(Family::v4, 30), 4), (std::vector{16, 8, 24, 4}));
	EXPECT_EQ(sparse({Family::v4, 0, 3}, network_fit(Family::v4, 30), 9), (std::vector{0}));
	EXPECT_EQ(sparse({Family::v4, 1, 3}, network_fit(Family::v4, 30), 9), (std::vector<int>{}));
}

TEST(Sparse, PutsARunIntoTheMiddleOfTheLargestGap) {
	EXPECT_EQ(sparse({Family::v4, 0, 9}, {2, 1}, 9), (std::vector{4, 1, 7}));
	EXPECT_EQ(sparse({Family::v4, 5, 7}, {3, 1}, 9), (std::vector{5}));
	EXPECT_EQ(sparse({Family::v4, 5, 6}, {3, 1}, 9), (std::vector<int>{}));
}

} // namespace
} // namespace ipam
