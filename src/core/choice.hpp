#pragma once
// Whether of the networks that lie in each other one is chosen: no two that overlap, and each that is not
// chosen has a chosen one around or inside it.
#include "core/address.hpp"

namespace ipam {

// Takes the networks of an address space in their order, in which those inside a network follow it.
class ChoiceCheck {
public:
	void take(const Network &network, bool is_chosen) noexcept {
		const Span span = network.span();
		while (depth_ > 0 && !open_[depth_ - 1].span.contains(span))
			close();
		const bool chosen_around =
		    depth_ > 0 && (open_[depth_ - 1].is_chosen || open_[depth_ - 1].chosen_around);
		if (is_chosen && chosen_around) is_right_ = false;
		open_[depth_++] = {span, is_chosen, chosen_around, false};
	}

	// After the last network.
	bool is_right() noexcept {
		while (depth_ > 0)
			close();
		return is_right_;
	}

private:
	struct Open {
		Span span;
		bool is_chosen;
		bool chosen_around;
		bool chosen_inside;
	};

	void close() noexcept {
		const Open &done = open_[--depth_];
		if (!done.is_chosen && !done.chosen_around && !done.chosen_inside) is_right_ = false;
		if (depth_ > 0 && (done.is_chosen || done.chosen_inside)) open_[depth_ - 1].chosen_inside = true;
	}

	Open open_[129]; // one for each prefix length
	int depth_ = 0;
	bool is_right_ = true;
};

} // namespace ipam
