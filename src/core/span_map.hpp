#pragma once
// Values of spans that have no address in common, found by an address. The memory is the caller's.
#include <algorithm>
#include <cstddef>

#include "core/address.hpp"

namespace ipam {

template <typename Value> struct SpanMap {
	struct Entry {
		Span span;
		Value value;
	};
	Entry *entries; // in the order of their addresses
	std::size_t capacity;
	std::size_t count;
	std::size_t latest; // the entry that was found last: addresses often come in order

	void forget() noexcept { count = latest = 0; }

	bool is_full() const noexcept { return count == capacity; }

	// nullptr: the address lies in no span.
	Entry *find(const Address &address) noexcept {
		const Span wanted{address.family, address.value, address.value};
		if (latest < count && entries[latest].span.contains(wanted)) return entries + latest;
		Entry *const entry = first_reaching(wanted);
		if (entry == entries + count || !entry->span.contains(wanted)) return nullptr;
		latest = static_cast<std::size_t>(entry - entries);
		return entry;
	}

	// What intersects the span is no longer true and goes. Needs room for one more.
	void put(const Span &span, const Value &value) noexcept {
		Entry *const end = entries + count;
		Entry *const place = first_reaching(span);
		Entry *behind = place;
		while (behind != end && behind->span.intersects(span))
			++behind;
		if (behind == place) {
			std::move_backward(place, end, end + 1);
			++count;
		} else {
			std::move(behind, end, place + 1);
			count -= static_cast<std::size_t>(behind - place) - 1;
		}
		*place = {span, value};
		latest = static_cast<std::size_t>(place - entries);
	}

private:
	// The first entry that does not end before the span.
	Entry *first_reaching(const Span &span) noexcept {
		return std::lower_bound(entries, entries + count, span, [](const Entry &entry, const Span &other) {
			if (entry.span.family != other.family) return entry.span.family < other.family;
			return entry.span.last < other.first;
		});
	}
};

} // namespace ipam
