#pragma once
// Values of the SQL type ipam.inetrange to intervals of the core and back.
#include "pg/convert.hpp"

namespace ipam::pg {

// Canonical ranges only: finite, not empty, both ends inclusive.
inline Span to_span(TypeCacheEntry *range_type, const RangeType *range) {
	RangeBound lower, upper;
	bool empty = false;
	range_deserialize(range_type, range, &lower, &upper, &empty);
	Assert(!empty && lower.inclusive && upper.inclusive);
	const Address first = to_address(DatumGetInetPP(lower.val));
	const Address last = to_address(DatumGetInetPP(upper.val));
	return {first.family, first.value, last.value};
}

// Serializes without the type's canonical function: for bounds that are canonical already, or that
// enclose both families (inner keys of a GiST index).
inline RangeType *serialize(TypeCacheEntry *range_type, RangeBound *lower, RangeBound *upper, bool empty) {
#if PG_VERSION_NUM >= 160000
	return range_serialize(range_type, lower, upper, empty, nullptr);
#else
	return range_serialize(range_type, lower, upper, empty);
#endif
}

inline RangeType *to_range(TypeCacheEntry *range_type, const Span &span) {
	RangeBound lower{InetPGetDatum(to_inet({span.family, span.first})), false, true, true};
	RangeBound upper{InetPGetDatum(to_inet({span.family, span.last})), false, true, false};
	RangeType *range = serialize(range_type, &lower, &upper, false);
	pfree(DatumGetPointer(lower.val)); // callers make millions of ranges in one call
	pfree(DatumGetPointer(upper.val));
	return range;
}

} // namespace ipam::pg
