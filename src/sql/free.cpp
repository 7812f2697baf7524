// Free addresses of a range: ipam.get_free_ip_addresses() and ipam.free_ranges().
#include "pg/postgres.hpp"

#include <algorithm>

#include "core/gaps.hpp"
#include "pg/boundary.hpp"
#include "pg/fault.hpp"
#include "pg/inetrange.hpp"
#include "pg/memory.hpp"
#include "pg/statement.hpp"
#include "pg/store.hpp"
#include "pg/used_addresses.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

constexpr uint128 no_limit = ~uint128{0};

// What a call asks for, and how far it has got: everything before `rest` is dealt with.
struct Search {
	int64 range_id;
	uint128 range_start;
	Span rest;
	bool exhausted;
	Stretch *withheld; // reserved and virtual addresses, ascending
	int withheld_count;
};

// The row of the range, as far as the search needs it. Read by a statement of the caller: his rights
// and row level security decide whether he may see the range.
struct RangeRow {
	Span span;
	bool is_ms_dhcp;
	Stretch *withheld;
	int withheld_count;
};

constinit Statement select_range{
    "SELECT start_address, end_address, managed_by OPERATOR(pg_catalog.=) 'MS DHCP',"
    " CASE WHEN $2 THEN '{}'::ipam.inetmultirange"
    " ELSE reserved_addresses OPERATOR(pg_catalog.+) virtual_addresses END"
    " FROM ipam.ip_range WHERE id OPERATOR(pg_catalog.=) $1"};

void read_stretches(Datum multirange, RangeRow *row, MemoryContext context) {
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

RangeRow read_range(int64 range_id, bool include_reserved) {
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
	SPI_finish();
	return row;
}

// One end of the asked span: an address inside the range, or the range's own.
uint128 asked_end(FunctionCallInfo fcinfo, int argument, const Span &range, uint128 otherwise,
                  const Fault *outside) {
	if (PG_ARGISNULL(argument)) return otherwise;
	const inet *value = PG_GETARG_INET_PP(argument);
	const Address address = to_address(value);
	const char *which = argument == 1 ? "start" : "end";
	if (!is_host(value)) {
		raise_fault(fault_named("IpamApiInvalidIPAddress"),
		            psprintf("%s address %s is a network, not a host address", which, to_text(value)),
		            nullptr, "Give a single address, without a prefix length.");
	}
	const char *extent =
	    psprintf("The range reaches from %s to %s.", to_text(Address{range.family, range.first}),
	             to_text(Address{range.family, range.last}));
	if (address.family != range.family) {
		raise_fault(fault_named("IpamApiInvalidIPAddressFamily"),
		            psprintf("%s address %s is of the wrong family", which, to_text(value)), extent, nullptr);
	}
	if (!range.contains({address.family, address.value, address.value})) {
		raise_fault(outside, psprintf("%s address %s lies outside the range", which, to_text(value)), extent,
		            "Leave it out to search to the end of the range.");
	}
	return address.value;
}

int64 range_id_argument(FunctionCallInfo fcinfo) {
	if (PG_ARGISNULL(0)) {
		raise_fault(fault_named("IpamApiFieldIdNotSpecified"), "the id of the range is missing",
		            "range_id is NULL.",
		            "SELECT id, start_address, end_address FROM ipam.ip_range lists the ranges you may see.");
	}
	return PG_GETARG_INT64(0);
}

bool flag_argument(FunctionCallInfo fcinfo, int argument) {
	return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument);
}

// A range managed by MS DHCP has no free addresses of its own: its server knows them.
bool answers(const RangeRow &range, int64 range_id) {
	if (!range.is_ms_dhcp) return true;
	ereport(NOTICE,
	        (errmsg("range " INT64_FORMAT " is managed by MS DHCP: ask its DHCP server for free addresses",
	                range_id)));
	return false;
}

Search start_search(FunctionCallInfo fcinfo) {
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
	Span asked = range.span;
	asked.first = asked_end(fcinfo, 1, range.span, asked.first, fault_named("IpamApiInvalidStartIPAddress"));
	asked.last = asked_end(fcinfo, 2, range.span, asked.last, fault_named("IpamApiEndIpAddressOutOfRange"));
	if (asked.first > asked.last) {
		raise_fault(fault_named("IpamApiStartIPGreaterThanEndIP"),
		            psprintf("start address %s comes after end address %s",
		                     to_text(Address{asked.family, asked.first}),
		                     to_text(Address{asked.family, asked.last})),
		            nullptr, "Swap the addresses.");
	}
	return {range_id,       range.span.first,    asked, !answers(range, range_id),
	        range.withheld, range.withheld_count};
}

uint128 count_argument(FunctionCallInfo fcinfo) {
	return PG_ARGISNULL(3) ? no_limit : static_cast<uint128>(PG_GETARG_INT32(3));
}

// Visits the free gaps of the rest, ascending, until visit returns false; remembers how far it got.
template <typename Visit> void walk(Search *search, Visit &&visit) {
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
		used.open(search->range_id, {segment.family, segment.first}, segment.first == search->range_start);
		bool go_on = true;
		for_each_gap(
		    segment, [&](Stretch &stretch) { return used.next(stretch); },
		    [&](const Span &gap) {
			    go_on = visit(gap);
			    if (!go_on && gap.last < asked.last) {
				    search->rest.first = gap.last + 1;
				    search->exhausted = false;
			    }
			    return go_on;
		    });
		used.close();
		return go_on;
	});
}

// All rows at once into a tuplestore: what a call in FROM wants.
struct Rows {
	Tuplestorestate *store;
	TupleDesc description;

	void put(Datum value) const {
		bool is_null = false;
		tuplestore_putvalues(store, description, &value, &is_null);
	}
};

Rows materialize(FunctionCallInfo fcinfo) {
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	return {result->setResult, result->setDesc};
}

bool wants_materialized(FunctionCallInfo fcinfo) {
	const auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	return result != nullptr && IsA(result, ReturnSetInfo) &&
	       (result->allowedModes & SFRM_Materialize_Preferred) != 0;
}

void put_addresses(Search search, uint128 wanted, const Rows &rows) {
	if (wanted == 0) return;
	auto *value = to_inet({search.rest.family, 0}); // one value, rewritten for each row
	walk(&search, [&](const Span &gap) {
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
	Search search;
	uint128 wanted;
	int batch;    // gaps to fetch next
	int count;    // gaps fetched
	int position; // the gap being given out
	uint128 next; // its next address
	Span gaps[256];
};

bool refill(Stream *stream) {
	stream->count = stream->position = 0;
	uint128 enough = stream->wanted;
	walk(&stream->search, [&](const Span &gap) {
		stream->gaps[stream->count++] = gap;
		enough -= count_up_to(gap, enough);
		return enough > 0 && stream->count < stream->batch;
	});
	stream->batch = std::min<int>(stream->batch * 4, lengthof(stream->gaps));
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
		const Search search = start_search(fcinfo);
		put_addresses(search, count_argument(fcinfo), materialize(fcinfo));
		return Datum{0};
	}
	if (SRF_IS_FIRSTCALL()) {
		FuncCallContext *call = SRF_FIRSTCALL_INIT();
		MemoryContext caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		auto *stream = allocate<Stream>(call->multi_call_memory_ctx);
		stream->search = start_search(fcinfo);
		stream->wanted = count_argument(fcinfo);
		stream->batch = 4;
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
	Search search{range_id,       range.span.first,    range.span, !answers(range, range_id),
	              range.withheld, range.withheld_count};
	walk(&search, [&](const Span &gap) {
		RangeType *value = to_range(type, gap);
		rows.put(RangeTypePGetDatum(value));
		pfree(value);
		return true;
	});
	return Datum{0};
}

// Planner support: the number of rows is the count asked for, and each costs about an operator call.
IPAM_FUNCTION(ipam_get_free_ip_addresses_support) {
	auto *node = reinterpret_cast<Node *>(PG_GETARG_POINTER(0));
	constexpr double unknown_count = 1000; // a parameter, or all that are free
	if (IsA(node, SupportRequestRows)) {
		auto *request = reinterpret_cast<SupportRequestRows *>(node);
		if (!is_funcclause(request->node)) PG_RETURN_POINTER(nullptr);
		auto *arguments = reinterpret_cast<FuncExpr *>(request->node)->args;
		if (list_length(arguments) <= 3) PG_RETURN_POINTER(nullptr);
		Node *count = estimate_expression_value(request->root, static_cast<Node *>(list_nth(arguments, 3)));
		request->rows = unknown_count;
		if (IsA(count, Const) && !reinterpret_cast<Const *>(count)->constisnull) {
			request->rows = std::max(1, DatumGetInt32(reinterpret_cast<Const *>(count)->constvalue));
		}
		PG_RETURN_POINTER(request);
	}
	if (IsA(node, SupportRequestCost)) {
		auto *request = reinterpret_cast<SupportRequestCost *>(node);
		request->startup = 4 * random_page_cost; // the range and a descent of the index
		request->per_tuple = 0;
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(nullptr);
}
