#pragma once
// A tree whose room grows as the server's does.
#include <cstdint>
#include <vector>

#include "core/network_tree.hpp"

namespace ipam {

class GrowingTree {
public:
	bool add(const Network &network) {
		make_room();
		return tree_.add(network);
	}
	void put(const Network &network, bool is_chosen) {
		make_room();
		tree_.put(network, is_chosen);
	}

private:
	void make_room() {
		if (!nodes_.empty() && !tree_.is_full()) return;
		nodes_.resize(nodes_.empty() ? 4 : nodes_.size() * 2);
		tree_.use(nodes_.data(), static_cast<std::uint32_t>(nodes_.size()));
	}
	std::vector<NetworkTree::Node> nodes_;
	NetworkTree tree_{};
};

} // namespace ipam
