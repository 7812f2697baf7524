#include "core/gaps.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "print.hpp"

namespace ipam {

namespace {

constexpr uint128 v4_top = top(Family::v4);
constexpr uint128 v6_top = top(Family::v6);
constexpr Span all_v6{Family::v6, 0, v6_top};

struct Walk {
	std::vector<Span> gaps;
	std::size_t asked_for_used = 0;
};

Walk walk(const Span &asked, const std::vector<Stretch> &used, std::size_t stop_after = ~0UL) {
	Walk w;
	for_each_gap(
	    asked,
	    [&](Stretch &stretch) {
		    if (w.asked_for_used++ >= used.size()) return false;
		    stretch = used[w.asked_for_used - 1];
		    return true;
	    },
	    [&](const Span &gap) {
		    w.gaps.push_back(gap);
		    return w.gaps.size() < stop_after;
	    });
	return w;
}

using Spans = std::vector<Span>;
constexpr Span ten{Family::v4, 10, 19};

TEST(Gaps, OfAnEmptySpanAreTheSpan) {
	EXPECT_EQ(walk(ten, {}).gaps, (Spans{ten}));
	EXPECT_EQ(walk({Family::v4, 0, v4_top}, {}).gaps, (Spans{{Family::v4, 0, v4_top}}));
	EXPECT_EQ(walk(all_v6, {}).gaps, (Spans{all_v6}));
	EXPECT_EQ(walk({Family::v6, v6_top, v6_top}, {}).gaps, (Spans{{Family::v6, v6_top, v6_top}}));
}

TEST(Gaps, OfAFullSpanAreNone) {
	EXPECT_EQ(walk(ten, {{10, 19}}).gaps, Spans{});
	EXPECT_EQ(walk(ten, {{0, v4_top}}).gaps, Spans{});
	EXPECT_EQ(walk(ten, {{10, 14}, {15, 19}}).gaps, Spans{});
	EXPECT_EQ(walk(all_v6, {{0, v6_top}}).gaps, Spans{});
	EXPECT_EQ(walk({Family::v4, 7, 7}, {{7, 7}}).gaps, Spans{});
	EXPECT_EQ(walk({Family::v6, v6_top, v6_top}, {{v6_top, v6_top}}).gaps, Spans{});
}

TEST(Gaps, LieBeforeBetweenAndAfterUsedStretches) {
	EXPECT_EQ(walk(ten, {{12, 12}, {15, 17}}).gaps,
	          (Spans{{Family::v4, 10, 11}, {Family::v4, 13, 14}, {Family::v4, 18, 19}}));
}

TEST(Gaps, KeepTheFamilyOfTheSpan) {
	EXPECT_EQ(walk({Family::v6, 10, 19}, {{12, 19}}).gaps, (Spans{{Family::v6, 10, 11}}));
}

TEST(Gaps, BeginAndEndWithTheSpan) {
	EXPECT_EQ(walk(ten, {{10, 10}}).gaps, (Spans{{Family::v4, 11, 19}}));
	EXPECT_EQ(walk(ten, {{19, 19}}).gaps, (Spans{{Family::v4, 10, 18}}));
	EXPECT_EQ(walk(ten, {{10, 10}, {19, 19}}).gaps, (Spans{{Family::v4, 11, 18}}));
	EXPECT_EQ(walk(ten, {{11, 18}}).gaps, (Spans{{Family::v4, 10, 10}, {Family::v4, 19, 19}}));
}

TEST(Gaps, DoNotShowBetweenAdjacentStretches) {
	EXPECT_EQ(walk(ten, {{10, 11}, {12, 12}, {13, 15}}).gaps, (Spans{{Family::v4, 16, 19}}));
}

TEST(Gaps, AreVisitedOnceWhereStretchesOverlap) {
	EXPECT_EQ(walk(ten, {{11, 14}, {11, 12}, {13, 16}, {16, 16}, {18, 18}}).gaps,
	          (Spans{{Family::v4, 10, 10}, {Family::v4, 17, 17}, {Family::v4, 19, 19}}));
	EXPECT_EQ(walk(ten, {{12, 12}, {12, 12}, {12, 12}}).gaps,
	          (Spans{{Family::v4, 10, 11}, {Family::v4, 13, 19}}));
	EXPECT_EQ(walk(ten, {{12, 17}, {13, 13}}).gaps, (Spans{{Family::v4, 10, 11}, {Family::v4, 18, 19}}));
}

TEST(Gaps, DoNotCareAboutStretchesOutside) {
	EXPECT_EQ(walk(ten, {{0, 0}, {3, 9}}).gaps, (Spans{ten}));
	EXPECT_EQ(walk(ten, {{20, 20}, {v4_top, v4_top}}).gaps, (Spans{ten}));
	EXPECT_EQ(walk(ten, {{0, 10}, {19, 25}, {30, 40}}).gaps, (Spans{{Family::v4, 11, 18}}));
}

TEST(Gaps, ReachTheEndsOfTheFamily) {
	EXPECT_EQ(walk({Family::v4, 0, v4_top}, {{1, v4_top - 1}}).gaps,
	          (Spans{{Family::v4, 0, 0}, {Family::v4, v4_top, v4_top}}));
	EXPECT_EQ(walk(all_v6, {{1, v6_top - 1}}).gaps,
	          (Spans{{Family::v6, 0, 0}, {Family::v6, v6_top, v6_top}}));
	EXPECT_EQ(walk(all_v6, {{0, 0}, {v6_top, v6_top}}).gaps, (Spans{{Family::v6, 1, v6_top - 1}}));
	EXPECT_EQ(walk({Family::v6, v6_top - 1, v6_top}, {{v6_top - 1, v6_top - 1}}).gaps,
	          (Spans{{Family::v6, v6_top, v6_top}}));
	EXPECT_EQ(walk({Family::v4, 0, 1}, {{0, 0}}).gaps, (Spans{{Family::v4, 1, 1}}));
}

TEST(Gaps, AreVisitedUntilVisitHasEnough) {
	const std::vector<Stretch> used{{11, 11}, {13, 13}, {15, 15}, {17, 17}};
	const Walk first = walk(ten, used, 1);
	EXPECT_EQ(first.gaps, (Spans{{Family::v4, 10, 10}}));
	EXPECT_EQ(first.asked_for_used, 1U);
	const Walk second = walk(ten, used, 2);
	EXPECT_EQ(second.gaps, (Spans{{Family::v4, 10, 10}, {Family::v4, 12, 12}}));
	EXPECT_EQ(second.asked_for_used, 2U);
}

TEST(Gaps, AreTheSameWhenTheWalkGoesOnBehindOne) {
	const std::vector<Stretch> used{{11, 12}, {14, 14}, {16, 18}};
	const Spans all = walk(ten, used).gaps;
	ASSERT_EQ(all.size(), 4U);
	for (std::size_t i = 0; i + 1 < all.size(); ++i) {
		const Spans rest = walk({Family::v4, all[i].last + 1, ten.last}, used).gaps;
		EXPECT_EQ(rest, Spans(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end()));
	}
}

TEST(Gaps, AskForNoMoreUsedStretchesThanNeeded) {
	EXPECT_EQ(walk(ten, {{10, 12}, {19, 19}, {20, 20}, {21, 21}}).asked_for_used, 2U);
	EXPECT_EQ(walk(ten, {{20, 20}, {21, 21}}).asked_for_used, 1U);
	EXPECT_EQ(walk(ten, {{0, v4_top}, {12, 12}}).asked_for_used, 1U);
	EXPECT_EQ(walk(all_v6, {{5, v6_top}, {7, 7}}).asked_for_used, 1U);
}

// Two lists of stretches as one.
Spans merged(const std::vector<Stretch> &a, const std::vector<Stretch> &b) {
	const auto reader = [](const std::vector<Stretch> &list) {
		return [&list, i = std::size_t{0}](Stretch &out) mutable {
			if (i == list.size()) return false;
			out = list[i++];
			return true;
		};
	};
	Merged both{reader(a), reader(b)};
	Spans out;
	for (Stretch stretch{}; both.next(stretch);)
		out.push_back({Family::v4, stretch.first, stretch.last});
	return out;
}

TEST(Merged, ComesInTheOrderOfFirstAddresses) {
	EXPECT_EQ(merged({{1, 4}, {7, 7}}, {{2, 2}, {7, 9}, {12, 12}}), (Spans{{Family::v4, 1, 4},
	                                                                       {Family::v4, 2, 2},
	                                                                       {Family::v4, 7, 7},
	                                                                       {Family::v4, 7, 9},
	                                                                       {Family::v4, 12, 12}}));
}

TEST(Merged, IsTheOtherListWhereOneIsEmpty) {
	EXPECT_EQ(merged({}, {}), Spans{});
	EXPECT_EQ(merged({{3, 3}}, {}), (Spans{{Family::v4, 3, 3}}));
	EXPECT_EQ(merged({}, {{3, 3}}), (Spans{{Family::v4, 3, 3}}));
}

} // namespace
} // namespace ipam
