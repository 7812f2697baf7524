// GiST support of ipam.inetrange. The server's own range_ops build the bounding range of a page with
// the canonical function of the type, which refuses a range that encloses both families; an index
// over both has such ranges inside. Union and split are therefore ours, the rest is the server's.
#include "pg/postgres.hpp"

#include <algorithm>

#include "pg/boundary.hpp"
#include "pg/inetrange.hpp"

using namespace ipam::pg;

namespace {

// The smallest range that encloses entries[0 .. count).
RangeType *bounding_range(TypeCacheEntry *type, RangeType *const *entries, int count) {
	RangeBound low{}, high{};
	bool any = false, contains_empty = false;
	for (int i = 0; i < count; ++i) {
		RangeBound lower, upper;
		bool empty = false;
		range_deserialize(type, entries[i], &lower, &upper, &empty);
		contains_empty |= RangeIsOrContainsEmpty(entries[i]);
		if (empty) continue;
		if (!any || range_cmp_bounds(type, &lower, &low) < 0) low = lower;
		if (!any || range_cmp_bounds(type, &upper, &high) > 0) high = upper;
		any = true;
	}
	if (!any) return make_empty_range(type);
	RangeType *result = serialize(type, &low, &high, false);
	if (contains_empty) range_set_contain_empty(result);
	return result;
}

RangeType *entry_range(const GistEntryVector *entries, int n) {
	return DatumGetRangeTypeP(entries->vector[n].key);
}

} // namespace

IPAM_FUNCTION(ipam_inetrange_gist_union) {
	const auto *entries = reinterpret_cast<GistEntryVector *>(PG_GETARG_POINTER(0));
	auto **ranges = static_cast<RangeType **>(palloc(sizeof(RangeType *) * static_cast<Size>(entries->n)));
	for (int i = 0; i < entries->n; ++i)
		ranges[i] = entry_range(entries, i);
	TypeCacheEntry *type = range_get_typcache(fcinfo, RangeTypeGetOid(ranges[0]));
	PG_RETURN_RANGE_P(bounding_range(type, ranges, entries->n));
}

// Sorts by lower bound and cuts in the middle: addresses arrive in runs, and neighbours stay together.
IPAM_FUNCTION(ipam_inetrange_gist_picksplit) {
	const auto *entries = reinterpret_cast<GistEntryVector *>(PG_GETARG_POINTER(0));
	auto *split = reinterpret_cast<GIST_SPLITVEC *>(PG_GETARG_POINTER(1));
	TypeCacheEntry *type =
	    range_get_typcache(fcinfo, RangeTypeGetOid(entry_range(entries, FirstOffsetNumber)));

	struct Entry {
		RangeType *range;
		OffsetNumber offset;
	};
	const int count = entries->n - 1; // the vector starts at FirstOffsetNumber
	auto *sorted = static_cast<Entry *>(palloc(sizeof(Entry) * static_cast<Size>(count)));
	for (int i = 0; i < count; ++i) {
		const auto offset = static_cast<OffsetNumber>(i + FirstOffsetNumber);
		sorted[i] = {entry_range(entries, offset), offset};
	}
	std::sort(sorted, sorted + count, [type](const Entry &a, const Entry &b) {
		RangeBound a_lower, a_upper, b_lower, b_upper;
		bool a_empty = false, b_empty = false;
		range_deserialize(type, a.range, &a_lower, &a_upper, &a_empty);
		range_deserialize(type, b.range, &b_lower, &b_upper, &b_empty);
		if (a_empty || b_empty) return a_empty && !b_empty;
		return range_cmp_bounds(type, &a_lower, &b_lower) < 0;
	});

	auto **ranges = static_cast<RangeType **>(palloc(sizeof(RangeType *) * static_cast<Size>(count)));
	for (int i = 0; i < count; ++i)
		ranges[i] = sorted[i].range;
	const auto offsets = [sorted](int from, int to) {
		auto *list = static_cast<OffsetNumber *>(palloc(sizeof(OffsetNumber) * static_cast<Size>(to - from)));
		for (int i = from; i < to; ++i)
			list[i - from] = sorted[i].offset;
		return list;
	};
	const int middle = count / 2;
	split->spl_left = offsets(0, middle);
	split->spl_nleft = middle;
	split->spl_ldatum = RangeTypePGetDatum(bounding_range(type, ranges, middle));
	split->spl_right = offsets(middle, count);
	split->spl_nright = count - middle;
	split->spl_rdatum = RangeTypePGetDatum(bounding_range(type, ranges + middle, count - middle));
	PG_RETURN_POINTER(split);
}
