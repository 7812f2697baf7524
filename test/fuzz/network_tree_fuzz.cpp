// Of the networks that come one after the other, some of them again, the tree chooses those that looking at
// all of them would choose; and a choice is right when comparing each network with each says so, whichever of
// them somebody changes.
#include <algorithm>
#include <vector>

#include "../unit/growing_tree.hpp"
#include "core/choice.hpp"
#include "values.hpp"

using namespace ipam;

namespace {

struct Member {
	Network network;
	bool is_chosen;
};
using Members = std::vector<Member>;

// Of any length, at any of the places where 64 bits end, or among a few bits at the front: those nest.
Network any_network(FuzzedDataProvider &in) {
	const Family family = in.ConsumeBool() ? Family::v4 : Family::v6;
	uint128 address = any_address(in, family);
	int length = in.ConsumeIntegralInRange(0, width(family));
	if (in.ConsumeBool()) {
		address = uint128{in.ConsumeIntegral<std::uint8_t>()} << (width(family) - 8);
		length = std::min(length, in.ConsumeIntegralInRange(0, 9));
	}
	return {family, Network{family, address, length}.span().first, length};
}

bool meets_chosen(const Members &members, const Network &network) {
	return std::ranges::any_of(
	    members, [&](const Member &m) { return m.is_chosen && m.network.span().intersects(network.span()); });
}

bool is_known(const Members &members, const Network &network) {
	return std::ranges::any_of(members, [&](const Member &m) { return m.network.span() == network.span(); });
}

// No two chosen ones meet, and whatever is not chosen meets one that is.
bool plain_is_right(const Members &members) {
	return std::ranges::all_of(members, [&](const Member &m) {
		const auto others = std::ranges::count_if(members, [&](const Member &other) {
			return &other != &m && other.is_chosen && other.network.span().intersects(m.network.span());
		});
		return m.is_chosen ? others == 0 : others > 0;
	});
}

bool is_right(Members members) {
	std::ranges::sort(members, [](const Member &a, const Member &b) {
		const Span x = a.network.span(), y = b.network.span();
		if (x.family != y.family) return x.family < y.family;
		return x.first != y.first ? x.first < y.first : x.last > y.last;
	});
	ChoiceCheck check;
	for (const Member &m : members)
		check.take(m.network, m.is_chosen);
	return check.is_right();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
	FuzzedDataProvider in(data, size);
	std::vector<std::size_t> changes(in.ConsumeIntegralInRange<std::size_t>(0, 3));
	for (std::size_t &change : changes)
		change = in.ConsumeIntegral<std::uint8_t>();

	GrowingTree tree;
	Members members;
	while (in.remaining_bytes() > 0 && members.size() < 100) {
		const Network network = any_network(in);
		if (is_known(members, network)) { // whatever is said of it again
			if (in.ConsumeBool())
				tree.put(network, in.ConsumeBool());
			else
				require(!tree.add(network));
			continue;
		}
		const bool is_chosen = !meets_chosen(members, network);
		if (in.ConsumeBool()) {
			tree.put(network, is_chosen);
		} else {
			require(tree.add(network) == is_chosen);
		}
		members.push_back({network, is_chosen});
	}
	require(is_right(members));

	for (const std::size_t change : changes) {
		if (members.empty()) break;
		Member &member = members[change % members.size()];
		member.is_chosen = !member.is_chosen;
		require(is_right(members) == plain_is_right(members));
	}
	return 0;
}
