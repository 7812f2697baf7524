#pragma once
// Networks of an address space in a tree in memory: which of them are chosen, and what a new one meets.
// A Patricia tree: a node stands for a network, or for the point where two branches part.
#include <bit>
#include <cstdint>

#include "core/address.hpp"

namespace ipam {

class NetworkTree {
public:
	struct Node {
		std::uint64_t high, low; // the prefix, its first bit on top in both families
		std::uint32_t child[2];  // by the bit behind the prefix; 0: none
		std::uint8_t length;
		bool is_network; // otherwise a fork
		bool is_chosen;
	};

	// The caller owns the nodes and hands over more room where there is none for another network.
	void use(Node *nodes, std::uint32_t capacity) noexcept {
		nodes_ = nodes;
		capacity_ = capacity;
		if (count_ == 0) count_ = 2; // the roots of both families
	}
	bool is_full() const noexcept { return count_ + 2 > capacity_; }

	// Puts in a network of which it is known whether it is chosen. One that is there already stays as it is:
	// the row that brings it again need not get into the table.
	void put(const Network &network, bool is_chosen) noexcept {
		const Reached reached = reach(network);
		if (!reached.was_there) nodes_[reached.node].is_chosen = is_chosen;
	}

	// Puts in a new network. It is chosen where no network around or inside it is; where there is one
	// inside it, then also a chosen one inside or around it. One that is there already has a chosen one
	// around or inside it, or is it: it stays as it is, and whoever brings it again is not chosen.
	bool add(const Network &network) noexcept {
		const Reached reached = reach(network);
		if (reached.was_there) return false;
		return nodes_[reached.node].is_chosen = !reached.chosen_around && !reached.any_inside;
	}

private:
	struct Reached {
		std::uint32_t node;
		bool was_there;
		bool chosen_around;
		bool any_inside;
	};

	static constexpr uint128 prefix_of(const Node &node) noexcept {
		return make_uint128(node.high, node.low);
	}

	static constexpr int bit(uint128 prefix, int position) noexcept {
		return static_cast<int>((prefix >> (127 - position)) & 1);
	}

	static constexpr int common_length(uint128 a, uint128 b) noexcept {
		const std::uint64_t high = high_half(a) ^ high_half(b);
		return high != 0 ? std::countl_zero(high) : 64 + std::countl_zero(low_half(a) ^ low_half(b));
	}

	std::uint32_t make(uint128 prefix, int length, bool is_network) noexcept {
		nodes_[count_] = {high_half(prefix),
		                  low_half(prefix),
		                  {0, 0},
		                  static_cast<std::uint8_t>(length),
		                  is_network,
		                  false};
		return count_++;
	}

	// The node of the network, made where it is missing.
	Reached reach(const Network &network) noexcept {
		const uint128 prefix = network.span().first << (128 - width(network.family));
		const int length = network.prefix_length;
		std::uint32_t at = network.family == Family::v4 ? 0 : 1;
		bool chosen_around = false;
		while (nodes_[at].length < length) {
			if (nodes_[at].is_network && nodes_[at].is_chosen) chosen_around = true;
			const int side = bit(prefix, nodes_[at].length);
			const std::uint32_t next = nodes_[at].child[side];
			if (next == 0) {
				const std::uint32_t leaf = make(prefix, length, true);
				nodes_[at].child[side] = leaf;
				return {leaf, false, chosen_around, false};
			}
			const int next_length = nodes_[next].length;
			int common = common_length(prefix, prefix_of(nodes_[next]));
			common = common < length ? common : length;
			if (common < next_length) { // the way to the next node goes through a new one
				const bool is_around = common == length;
				const std::uint32_t node = make(prefix, common, is_around);
				nodes_[node].child[bit(prefix_of(nodes_[next]), common)] = next;
				nodes_[at].child[side] = node;
				if (is_around) return {node, false, chosen_around, true};
			}
			at = nodes_[at].child[side];
		}
		const bool was_there = nodes_[at].is_network;
		nodes_[at].is_network = true;
		return {at, was_there, chosen_around, nodes_[at].child[0] != 0 || nodes_[at].child[1] != 0};
	}

	Node *nodes_;
	std::uint32_t capacity_;
	std::uint32_t count_;
};

} // namespace ipam
