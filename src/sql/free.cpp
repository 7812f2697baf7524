// Free addresses of a range: ipam.get_free_ip_addresses() and ipam.free_ranges().
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "pg/free_search.hpp"
#include "pg/range_arguments.hpp"
#include "pg/range_row.hpp"
#include "pg/rows.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

constexpr uint128 no_limit = ~uint128{0};

FreeSearch start_search(FunctionCallInfo fcinfo) {
	const int64 range_id = range_id_argument(fcinfo);
	const RangeRow range = read_range(range_id, flag_argument(fcinfo, 4));
	if (!PG_ARGISNULL(5)) {
		const int32 family = PG_GETARG_INT32(5);
		if (family != 4 && family != 6) {
			raise_fault(fault_named("IpamApiInvalidAddressFamily"),
			            psprintf("there is no address family %d", family), nullptr,
			            "address_family is 4 or 6; leave it out to take the range's.");
		}
		if (family != static_cast<int32>(range.span.family)) {
			raise_fault(fault_named("IpamApiInvalidIPAddressFamily"),
			            psprintf("range " INT64_FORMAT " is not IPv%d", range_id, family),
			            psprintf("It is IPv%d.", static_cast<int>(range.span.family)), nullptr);
		}
	}
	if (!PG_ARGISNULL(3) && PG_GETARG_INT32(3) < 0) {
		raise_fault(fault_named("IpamApiInvalidParameter"),
		            psprintf("count cannot be %d", PG_GETARG_INT32(3)), nullptr,
		            "Ask for 0 or more addresses; NULL means all.");
	}
	const Span asked = asked_span(fcinfo, 1, range.span);
	return {range_id,        asked, !answers(range, range_id), range.withheld, range.withheld_count,
	        range.quarantine};
}

uint128 count_argument(FunctionCallInfo fcinfo) {
	return PG_ARGISNULL(3) ? no_limit : static_cast<uint128>(PG_GETARG_INT32(3));
}

void put_addresses(FreeSearch search, uint128 wanted, const Rows &rows) {
	if (wanted == 0) return;
	auto *value = to_inet({search.rest.family, 0}); // one value, rewritten for each row
	walk_gaps(&search, [&](const Span &gap) {
		for (uint128 address = gap.first;; ++address) {
			CHECK_FOR_INTERRUPTS();
			store_address(value, {gap.family, address});
			rows.put(InetPGetDatum(value));
			if (--wanted == 0) return false;
			if (address == gap.last) return true;
		}
	});
}

// Row by row: what a call in the select list wants, so that LIMIT ends the work. Between two rows
// nothing of the server's is held; gaps are fetched in growing batches.
struct Stream {
	FreeSearch search;
	uint128 wanted;
	MemoryContext context;
	Span *gaps;
	int room;     // for gaps
	int count;    // gaps fetched
	int position; // the gap being given out
	uint128 next; // its next address
};

void enlarge(Stream *stream) {
	constexpr int first = 4;
	constexpr int largest = 256;
	if (stream->room == largest) return;
	stream->room = stream->room == 0 ? first : stream->room * 4;
	stream->gaps = allocate<Span>(stream->context, static_cast<Size>(stream->room));
}

bool refill(Stream *stream) {
	enlarge(stream);
	stream->count = stream->position = 0;
	uint128 enough = stream->wanted;
	walk_gaps(&stream->search, [&](const Span &gap) {
		stream->gaps[stream->count++] = gap;
		enough -= count_up_to(gap, enough);
		return enough > 0 && stream->count < stream->room;
	});
	if (stream->count == 0) return false;
	stream->next = stream->gaps[0].first;
	return true;
}

bool next_address(Stream *stream, Address *address) {
	if (stream->wanted == 0) return false;
	if (stream->position == stream->count && !refill(stream)) return false;
	const Span &gap = stream->gaps[stream->position];
	*address = {gap.family, stream->next};
	if (stream->next != gap.last) {
		++stream->next;
	} else if (++stream->position < stream->count) {
		stream->next = stream->gaps[stream->position].first;
	}
	if (stream->wanted != no_limit) --stream->wanted;
	return true;
}

} // namespace

IPAM_FUNCTION(ipam_get_free_ip_addresses) {
	if (wants_materialized(fcinfo)) {
		const FreeSearch search = start_search(fcinfo);
		put_addresses(search, count_argument(fcinfo), materialize(fcinfo));
		return Datum{0};
	}
	if (SRF_IS_FIRSTCALL()) {
		FuncCallContext *call = SRF_FIRSTCALL_INIT();
		MemoryContext caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		auto *stream = allocate<Stream>(call->multi_call_memory_ctx);
		stream->search = start_search(fcinfo);
		stream->wanted = count_argument(fcinfo);
		stream->context = call->multi_call_memory_ctx;
		call->user_fctx = stream;
		MemoryContextSwitchTo(caller);
	}
	FuncCallContext *call = SRF_PERCALL_SETUP();
	Address address{};
	if (!next_address(static_cast<Stream *>(call->user_fctx), &address)) SRF_RETURN_DONE(call);
	SRF_RETURN_NEXT(call, InetPGetDatum(to_inet(address)));
}

IPAM_FUNCTION(ipam_free_ranges) {
	const int64 range_id = range_id_argument(fcinfo);
	const RangeRow range = read_range(range_id, flag_argument(fcinfo, 1));
	const Rows rows = materialize(fcinfo);
	TypeCacheEntry *type =
	    lookup_type_cache(TupleDescAttr(rows.description, 0)->atttypid, TYPECACHE_RANGE_INFO);
	FreeSearch search{range_id,       range.span,           !answers(range, range_id),
	                  range.withheld, range.withheld_count, range.quarantine};
	walk_gaps(&search, [&](const Span &gap) {
		RangeType *value = to_range(type, gap);
		rows.put(RangeTypePGetDatum(value));
		pfree(value);
		return true;
	});
	return Datum{0};
}
