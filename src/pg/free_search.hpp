#pragma once
// The free search in a range: its row, and a walk over its gaps under the active snapshot.
#include "pg/postgres.hpp"

#include "core/gaps.hpp"
#include "pg/fault.hpp"
#include "pg/inetrange.hpp"
#include "pg/memory.hpp"
#include "pg/quarantine.hpp"
#include "pg/range_search.hpp"
#include "pg/statement.hpp"
#include "pg/store.hpp"
#include "pg/used_addresses.hpp"

namespace ipam::pg {

// What a call asks for, and how far it has got: everything before `rest` is dealt with.
struct FreeSearch {
	int64 range_id;
	Span rest;
	bool exhausted;
	Stretch *withheld; // reserved and virtual addresses, ascending
	int withheld_count;
	TimestampTz quarantine_over_since;
};

// The row of the range, as far as the search needs it. Read by a statement of the caller: his rights
// and row level security decide whether he may see the range.
struct RangeRow {
	Span span;
	bool is_ms_dhcp;
	Service service;
	Stretch *withheld;
	int withheld_count;
	TimestampTz quarantine_over_since; // what was released by then is free
};

inline void read_stretches(Datum multirange, RangeRow *row, MemoryContext context) {
	MultirangeType *value = DatumGetMultirangeTypeP(multirange);
	TypeCacheEntry *type = lookup_type_cache(MultirangeTypeGetOid(value), TYPECACHE_MULTIRANGE_INFO)->rngtype;
	RangeType **ranges = nullptr;
	multirange_deserialize(type, value, &row->withheld_count, &ranges);
	row->withheld = allocate<Stretch>(context, static_cast<Size>(row->withheld_count));
	for (int i = 0; i < row->withheld_count; ++i) {
		const Span span = to_span(type, ranges[i]);
		row->withheld[i] = {span.first, span.last};
	}
}

inline Datum copy_text(HeapTuple tuple, TupleDesc description, int column, MemoryContext context) {
	bool is_null = false;
	const MemoryContext caller = MemoryContextSwitchTo(context);
	const Datum copy = datumCopy(SPI_getbinval(tuple, description, column, &is_null), false, -1);
	MemoryContextSwitchTo(caller);
	return copy;
}

inline RangeRow read_range(int64 range_id, bool include_reserved) {
	static constinit Statement select_range{
	    "SELECT start_address, end_address, managed_by OPERATOR(pg_catalog.=) 'MS DHCP',"
	    " CASE WHEN $2 THEN '{}'::ipam.inetmultirange"
	    " ELSE reserved_addresses OPERATOR(pg_catalog.+) virtual_addresses END,"
	    " address_space_id, managed_by, managed_by_entity,"
	    " CASE WHEN quarantine OPERATOR(pg_catalog.>) '0'::pg_catalog.interval"
	    " THEN pg_catalog.statement_timestamp() OPERATOR(pg_catalog.-) quarantine END"
	    " FROM ipam.ip_range WHERE id OPERATOR(pg_catalog.=) $1"};
	require_ready_store();
	MemoryContext context = CurrentMemoryContext;
	SPI_connect();
	Datum values[] = {Int64GetDatum(range_id), BoolGetDatum(include_reserved)};
	if (SPI_execute_plan(select_range.prepared(INT8OID, BOOLOID), values, nullptr, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read a range");
	if (SPI_processed == 0) {
		raise_fault(fault_named("IpamApiObjectNotFoundInDatabase"),
		            psprintf("there is no range " INT64_FORMAT, range_id), nullptr,
		            "SELECT id, start_address, end_address FROM ipam.ip_range lists the ranges you may see.");
	}
	HeapTuple tuple = SPI_tuptable->vals[0];
	TupleDesc description = SPI_tuptable->tupdesc;
	bool is_null = false;
	const Address first = to_address(DatumGetInetPP(SPI_getbinval(tuple, description, 1, &is_null)));
	const Address last = to_address(DatumGetInetPP(SPI_getbinval(tuple, description, 2, &is_null)));
	RangeRow row{};
	row.span = {first.family, first.value, last.value};
	row.is_ms_dhcp = DatumGetBool(SPI_getbinval(tuple, description, 3, &is_null));
	read_stretches(SPI_getbinval(tuple, description, 4, &is_null), &row, context);
	row.service = {SPI_getbinval(tuple, description, 5, &is_null), copy_text(tuple, description, 6, context),
	               copy_text(tuple, description, 7, context)};
	const Datum over_since = SPI_getbinval(tuple, description, 8, &is_null);
	row.quarantine_over_since = is_null ? no_quarantine : DatumGetTimestampTz(over_since);
	SPI_finish();
	return row;
}

// A range managed by MS DHCP has no free addresses of its own: its server knows them.
inline bool answers(const RangeRow &range, int64 range_id) {
	if (!range.is_ms_dhcp) return true;
	ereport(NOTICE,
	        (errmsg("range " INT64_FORMAT " is managed by MS DHCP: ask its DHCP server for free addresses",
	                range_id)));
	return false;
}

// Visits the free gaps of the rest, ascending, until visit returns false; remembers how far it got.
template <typename Visit> void walk_gaps(FreeSearch *search, Visit &&visit) {
	if (search->exhausted) return;
	const Span asked = search->rest;
	search->exhausted = true;
	int withheld = 0;
	const auto next_withheld = [&](Stretch &stretch) {
		if (withheld == search->withheld_count) return false;
		stretch = search->withheld[withheld++];
		return true;
	};
	// Withheld addresses cut the span into segments, used ones cut the segments into gaps: a long
	// withheld stretch is jumped over, whatever is used in it.
	for_each_gap(asked, next_withheld, [&](const Span &segment) {
		UsedAddresses used;
		used.open(search->range_id, {segment.family, segment.first});
		bool go_on = true;
		const auto next_used = [&](Stretch &stretch) { return used.next(stretch); };
		const auto visit_gap = [&](const Span &gap) {
			go_on = visit(gap);
			if (!go_on && gap.last < asked.last) {
				search->rest.first = gap.last + 1;
				search->exhausted = false;
			}
			return go_on;
		};
		if (search->quarantine_over_since == no_quarantine) {
			for_each_gap(segment, next_used, visit_gap);
		} else {
			QuarantinedAddresses quarantined;
			quarantined.open(search->range_id, {segment.family, false}, segment.first,
			                 search->quarantine_over_since, GetActiveSnapshot());
			Merged merged{next_used, [&](Stretch &stretch) { return quarantined.next(stretch); }};
			for_each_gap(
			    segment, [&](Stretch &stretch) { return merged.next(stretch); }, visit_gap);
			quarantined.close();
		}
		used.close();
		return go_on;
	});
}

} // namespace ipam::pg
