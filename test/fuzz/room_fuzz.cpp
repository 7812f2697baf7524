// The room between several sources is the gaps of all they take together that have a place; networks
// cover a gap exactly and are as few as possible; best fit is what sorting all
// pieces would give; what sparse placement leaves of a piece is what a search behind it would find.
#include <algorithm>
#include <vector>

#include "core/sparse.hpp"
#include "values.hpp"

using namespace ipam;

namespace {

using Stretches = std::vector<Stretch>;
using Gaps = std::vector<Span>;

struct Source {
	Stretches taken;
	std::size_t at = 0;
	uint128 asked = 0;

	bool find(uint128 from, Stretch &stretch) {
		require(from >= asked); // only grows
		asked = from;
		while (at < taken.size() && taken[at].last < from)
			++at;
		if (at == taken.size()) return false;
		stretch = taken[at];
		return true;
	}
};

Gaps plain_gaps(const Span &asked, const Fit &fit, Stretches all) {
	std::ranges::stable_sort(all, {}, &Stretch::first);
	Gaps gaps;
	auto next = all.begin();
	for_each_gap(
	    asked,
	    [&](Stretch &stretch) {
		    if (next == all.end()) return false;
		    stretch = *next++;
		    return true;
	    },
	    [&](const Span &gap) {
		    if (has_place(gap, fit)) gaps.push_back(gap);
		    return true;
	    });
	return gaps;
}

void check_cover(const Span &gap) {
	uint128 next = gap.first;
	int count = 0;
	Network previous{};
	const bool complete = for_each_network(gap, [&](const Network &network) {
		const Span span = network.span();
		require(span.first == network.address && span.first == next && span.last <= gap.last);
		// Two halves of one network would be one.
		require(count == 0 || network.prefix_length != previous.prefix_length ||
		        Network{gap.family, network.address, network.prefix_length - 1}.span().first !=
		            previous.span().first);
		previous = network;
		next = span.last + 1;
		++count;
		return true;
	});
	require(complete && next == gap.last + 1 && count < 2 * width(gap.family));
}

void check_best_fit(const Gaps &gaps, const Fit &fit, std::size_t wanted) {
	Stretches all;
	for (const Span &gap : gaps) {
		for_each_piece(gap, fit, [&](const Stretch &piece) {
			require(has_place({gap.family, piece.first, piece.last}, fit));
			all.push_back(piece);
			return true;
		});
	}
	Stretches storage(wanted + 1);
	BestPieces<fits_better> best{storage.data(), 0, wanted};
	for (const Stretch &piece : all) {
		if (best.is_perfect(fit.size)) break;
		if (best.wants(piece)) best.keep(piece);
	}
	best.sort();
	std::ranges::sort(all, fits_better);
	require(best.count == std::min(wanted, all.size()));
	for (std::size_t i = 0; i < best.count; ++i) {
		require(storage[i].first == all[i].first && storage[i].last == all[i].last);
	}
}

void check_sparse(const Gaps &gaps, const Fit &fit) {
	for (const Span &gap : gaps) {
		for_each_piece(gap, fit, [&](const Stretch &piece) {
			const Span whole{gap.family, piece.first, piece.last};
			const Span place = sparse_place(gap.family, piece, fit);
			Span again{};
			require(whole.contains(place) && first_place(place, fit, &again) && again == place);
			Gaps rests, expected;
			for_each_rest(piece, place, fit, [&](const Stretch &rest) {
				rests.push_back({gap.family, rest.first, rest.last});
				return true;
			});
			for (const Span &left : plain_gaps(whole, fit, {{place.first, place.last}})) {
				for_each_piece(left, fit, [&](const Stretch &rest) {
					expected.push_back({gap.family, rest.first, rest.last});
					return true;
				});
			}
			require(rests == expected);
			return true;
		});
	}
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
	FuzzedDataProvider in(data, size);
	const Family family = in.ConsumeBool() ? Family::v4 : Family::v6;
	const Span asked = any_span(in, family);
	const std::size_t stop_after = in.ConsumeIntegralInRange<std::size_t>(1, 8);
	const Fit fit = in.ConsumeBool() ? network_fit(family, in.ConsumeIntegralInRange(1, width(family) - 1))
	                                 : Fit{uint128{1} + any_address(in, family) / 2, 1};
	Source sources[3];
	Stretches all;
	while (in.remaining_bytes() > 0 && all.size() < 100) {
		const Span span = any_span(in, family);
		all.push_back({span.first, span.last});
		sources[in.ConsumeIntegralInRange(0, 2)].taken.push_back(all.back());
	}
	for (Source &source : sources)
		std::ranges::stable_sort(source.taken, {}, &Stretch::first);

	const Gaps expected = plain_gaps(asked, fit, all);
	Gaps gaps, first_gaps;
	Source again[3] = {sources[0], sources[1], sources[2]};
	require(for_each_room(
	    asked, fit,
	    [&](const Span &gap) {
		    gaps.push_back(gap);
		    return true;
	    },
	    sources[0], sources[1], sources[2]));
	require(gaps == expected);
	for_each_room(
	    asked, fit,
	    [&](const Span &gap) {
		    first_gaps.push_back(gap);
		    return first_gaps.size() < stop_after;
	    },
	    again[0], again[1], again[2]);
	const auto enough = static_cast<std::ptrdiff_t>(std::min(stop_after, expected.size()));
	require(first_gaps == Gaps(expected.begin(), expected.begin() + enough));

	for (const Span &gap : gaps) {
		check_cover(gap);
		const uint128 places = count_places(gap, fit, 1000);
		require(places >= 1);
		Span place{};
		require(first_place(gap, fit, &place) && gap.contains(place) &&
		        place.last - place.first == fit.size - 1);
		if (place.last < gap.last) { // one less behind the first
			const uint128 rest = count_places({family, place.last + 1, gap.last}, fit, 1000);
			require(places == 1000 ? rest >= 999 : rest == places - 1);
		} else {
			require(places == 1);
		}
	}
	check_best_fit(gaps, fit, stop_after);
	check_sparse(gaps, fit);
	return 0;
}
