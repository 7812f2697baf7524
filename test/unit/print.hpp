#pragma once
// How GoogleTest shows values of the core.
#include <ostream>

#include "core/address.hpp"

namespace ipam {

inline void PrintTo(const Span &span, std::ostream *out) {
	*out << (span.family == Family::v4 ? "v4 [" : "v6 [") << std::hex << high_half(span.first) << ':'
	     << low_half(span.first) << ", " << high_half(span.last) << ':' << low_half(span.last) << ']';
}

} // namespace ipam
