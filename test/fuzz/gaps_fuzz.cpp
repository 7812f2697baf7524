// Free and used addresses together are the asked span, whatever is used in it; and a walk that goes
// on behind a gap, or stops early, sees the same gaps as one that runs through, as does one from the end.
#include <algorithm>
#include <vector>

#include "core/direction.hpp"
#include "core/gaps.hpp"
#include "values.hpp"

using namespace ipam;

namespace {

using Gaps = std::vector<Span>;

Gaps walk(const Span &asked, const std::vector<Stretch> &used, std::size_t stop_after) {
	Gaps gaps;
	auto next = used.begin();
	bool known = false; // nothing more can change the answer
	for_each_gap(
	    asked,
	    [&](Stretch &stretch) {
		    require(!known);
		    if (next == used.end()) return false;
		    stretch = *next++;
		    known = stretch.last >= asked.last;
		    return true;
	    },
	    [&](const Span &gap) {
		    gaps.push_back(gap);
		    return gaps.size() < stop_after;
	    });
	return gaps;
}

Gaps walk(const Span &asked, const std::vector<Stretch> &used) {
	return walk(asked, used, used.size() + 2);
}

// The used addresses inside the span as stretches that neither overlap nor touch: the plain way,
// one after the other.
Gaps merged(const Span &asked, const std::vector<Stretch> &used) {
	Gaps result;
	for (const Stretch &stretch : used) {
		if (stretch.last < asked.first || stretch.first > asked.last) continue;
		const Span inside{asked.family, std::max(stretch.first, asked.first),
		                  std::min(stretch.last, asked.last)};
		const bool joins =
		    !result.empty() && (inside.first <= result.back().last || inside.first - 1 == result.back().last);
		if (joins) {
			result.back().last = std::max(result.back().last, inside.last);
		} else {
			result.push_back(inside);
		}
	}
	return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
	FuzzedDataProvider in(data, size);
	const Family family = in.ConsumeBool() ? Family::v4 : Family::v6;
	const Span asked = any_span(in, family);
	const std::size_t stop_after = in.ConsumeIntegralInRange<std::size_t>(1, 8);
	const std::size_t resume_behind = in.ConsumeIntegral<std::uint8_t>();
	const uint128 resume_at = any_address(in, family);
	std::vector<Stretch> used;
	while (in.remaining_bytes() > 0 && used.size() < 100) {
		const Span span = any_span(in, family);
		used.push_back({span.first, span.last});
	}
	std::ranges::stable_sort(used, {}, &Stretch::first);

	// Laid out by first address, gaps and used stretches alternate and cover the span exactly.
	const Gaps gaps = walk(asked, used);
	Gaps all = merged(asked, used);
	all.insert(all.end(), gaps.begin(), gaps.end());
	std::ranges::sort(all, {}, &Span::first);
	require(!all.empty() && all.front().first == asked.first && all.back().last == asked.last);
	for (std::size_t i = 0; i < all.size(); ++i) {
		require(all[i].family == family && all[i].first <= all[i].last);
		require(i == 0 || all[i].first - 1 == all[i - 1].last);
	}
	for (std::size_t i = 1; i < gaps.size(); ++i) {
		require(gaps[i - 1].last < gaps[i].first && gaps[i].first - gaps[i - 1].last > 1);
	}

	const auto begin_of = [&](std::size_t i) { return gaps.begin() + static_cast<std::ptrdiff_t>(i); };
	require(walk(asked, used, stop_after) == Gaps(gaps.begin(), begin_of(std::min(stop_after, gaps.size()))));

	if (resume_behind < gaps.size() && gaps[resume_behind].last < asked.last) {
		const Span rest{family, gaps[resume_behind].last + 1, asked.last};
		require(walk(rest, used) == Gaps(begin_of(resume_behind + 1), gaps.end()));
	}

	const Direction downwards{family, true};
	std::vector<Stretch> mirrored;
	for (const Stretch &stretch : used) {
		const Span span = downwards.mirror(Span{family, stretch.first, stretch.last});
		mirrored.push_back({span.first, span.last});
	}
	std::ranges::stable_sort(mirrored, {}, &Stretch::first);
	Gaps from_the_end = walk(downwards.mirror(asked), mirrored);
	std::ranges::reverse(from_the_end);
	for (Span &gap : from_the_end)
		gap = downwards.mirror(gap);
	require(from_the_end == gaps);

	// From any address on: the gap that holds it is cut, the others stay.
	if (asked.first <= resume_at && resume_at <= asked.last) {
		Gaps expected;
		for (const Span &gap : gaps) {
			if (gap.last >= resume_at) {
				expected.push_back({family, std::max(gap.first, resume_at), gap.last});
			}
		}
		require(walk({family, resume_at, asked.last}, used) == expected);
	}
	return 0;
}
