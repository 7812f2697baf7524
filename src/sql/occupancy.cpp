// Making occupancy: ipam.propose_occupancy() and ipam.confirm_occupancy(), the two steps of
// ipam.rebuild_occupancy().
#include "pg/postgres.hpp"

#include "core/chunk.hpp"
#include "pg/boundary.hpp"
#include "pg/fault.hpp"
#include "pg/memory.hpp"
#include "pg/occupancy.hpp"
#include "pg/used_addresses.hpp"
#include "pg/written_table.hpp"
#include "sql/module.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

// Shorter stretches are passed in less time than it takes to ask for them.
constexpr uint128 shortest_stretch = 4096;

void insert_stretch(const WrittenTable &stretches, int64 range_id, const Span &span, bool confirmed) {
	stretches.insert({Int64GetDatum(range_id), InetPGetDatum(to_inet({span.family, span.first})),
	                  InetPGetDatum(to_inet({span.family, span.last})), BoolGetDatum(confirmed)});
}

struct Looked {
	uint128 at; // the last address that was looked at
	uint128 used;
};

// Visits the stretches of used addresses in the span that are long enough, each as a whole; ends after
// `limit` used addresses.
template <typename Visit>
Looked for_each_full_stretch(int64 range_id, const Span &span, uint128 limit, Visit &&visit) {
	UsedAddresses used;
	used.open(range_id, {span.family, span.first}, false);
	Stretch stretch{};
	Span run{span.family, 1, 0}; // empty
	uint128 count = 0;
	bool more = true;
	const auto end_run = [&] {
		if (run.first <= run.last && run.last - run.first >= shortest_stretch - 1) visit(run);
	};
	while (count < limit && (more = used.next(stretch)) && stretch.first <= span.last) {
		stretch.last = Min(stretch.last, span.last);
		count += stretch.last - stretch.first + 1;
		if (run.first <= run.last && stretch.first == run.last + 1) {
			run.last = stretch.last;
		} else {
			end_run();
			run.first = stretch.first;
			run.last = stretch.last;
		}
	}
	used.close();
	end_run();
	if (count < limit || !more) return {span.last, count};
	// A run that has only begun is left to whoever goes on.
	const bool is_short = run.last - run.first < shortest_stretch - 1;
	return {is_short && run.first > span.first ? run.first - 1 : run.last, count};
}

Span span_argument(FunctionCallInfo fcinfo) {
	const Address first = to_address(PG_GETARG_INET_PP(1));
	const Address last = to_address(PG_GETARG_INET_PP(2));
	if (first.family != last.family) {
		raise_fault(fault_named("IpamApiInvalidIPAddressFamily"),
		            psprintf("occupancy cannot reach from %s to %s", to_text(first), to_text(last)),
		            "Both addresses must be IPv4 or both be IPv6.", nullptr);
	}
	if (first.value > last.value) {
		raise_fault(fault_named("IpamApiStartIPGreaterThanEndIP"),
		            psprintf("occupancy cannot reach from %s to %s", to_text(first), to_text(last)),
		            "The first address comes after the last one.", "Swap the addresses.");
	}
	return {first.family, first.value, last.value};
}

uint128 count_argument(FunctionCallInfo fcinfo) {
	const int64 count = PG_GETARG_INT64(3);
	if (count < 1) {
		raise_fault(fault_named("IpamApiInvalidParameter"), psprintf("count cannot be " INT64_FORMAT, count),
		            nullptr, "Look at 1 or more used addresses.");
	}
	return static_cast<uint128>(count);
}

// All rows of the range in the table, under the snapshot.
template <typename Visit> void for_each_row(const char *table, const DirectIndex &index, int64 range_id,
                                            Snapshot snapshot, Visit &&visit) {
	ScanKeyData key;
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(range_id));
	const OpenIndexScan scan = begin_index_scan(table, index, snapshot, &key, 1);
	TupleTableSlot *slot = table_slot_create(scan.table, nullptr);
	while (index_getnext_slot(scan.scan, ForwardScanDirection, slot)) {
		CHECK_FOR_INTERRUPTS();
		visit(slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	end_index_scan(scan);
}

Span span_in(TupleTableSlot *slot) {
	const Address first = address_in(slot, 2);
	return {first.family, first.value, address_in(slot, 3).value};
}

// What is known of a window before it is confirmed anew.
struct Window {
	Span span;
	List *candidates; // of Span: what may become a stretch: proposals, and what is one; in order and joined
	Span before;      // the part before the window of a stretch that reaches into it or up to it; or empty
	Span after;       // the same behind it
};

bool is_empty(const Span &span) {
	return span.first > span.last;
}

void add_candidate(Window *window, Span span) {
	span.first = Max(span.first, window->span.first);
	span.last = Min(span.last, window->span.last);
	if (is_empty(span)) return;
	auto *previous = window->candidates == NIL ? nullptr : static_cast<Span *>(llast(window->candidates));
	if (previous != nullptr && span.first <= previous->last + 1) {
		previous->last = Max(previous->last, span.last);
		return;
	}
	auto *candidate = allocate<Span>(CurrentMemoryContext);
	*candidate = span;
	window->candidates = lappend(window->candidates, candidate);
}

bool is_own(TupleTableSlot *slot) {
	bool is_null = false;
	const Datum writer = slot_getsysattr(slot, MinTransactionIdAttributeNumber, &is_null);
	return TransactionIdIsCurrentTransactionId(DatumGetTransactionId(writer));
}

// Takes the stretches of the window that are visible to the snapshot out of the table.
Window take_out_stretches(int64 range_id, const Span &span, Snapshot snapshot,
                          const WrittenTable &stretches) {
	const Span empty{span.family, 1, 0};
	Window window{span, NIL, empty, empty};
	for_each_row("occupancy", "occupancy_range_id_first_address_idx", range_id, snapshot,
	             [&](TupleTableSlot *slot) {
		             const Span row = span_in(slot);
		             const bool confirmed = detail::is_confirmed(slot);
		             if (!confirmed && is_own(slot)) return; // nobody who releases an address sees it
		             const bool adjacent =
		                 confirmed && row.family == span.family &&
		                 (row.last + 1 == span.first || (span.last + 1 == row.first && row.first != 0));
		             if (!row.intersects(span) && !adjacent) return;
		             stretches.remove(&slot->tts_tid);
		             add_candidate(&window, row);
		             if (confirmed && row.first < span.first)
			             window.before = {span.family, row.first, span.first - 1};
		             if (confirmed && row.last > span.last)
			             window.after = {span.family, span.last + 1, row.last};
	             });
	return window;
}

// And the holes. One that is not visible to the snapshot speaks of addresses released since, and stays.
void take_out_holes(int64 range_id, const Span &span, Snapshot snapshot) {
	WrittenTable holes;
	holes.open("occupancy_hole");
	for_each_row("occupancy_hole", "occupancy_hole_range_id_address_idx", range_id, snapshot,
	             [&](TupleTableSlot *slot) {
		             const Address chunk = address_in(slot, 2);
		             if (span.contains({chunk.family, chunk.value, chunk_of(chunk.value).last}))
			             holes.remove(&slot->tts_tid);
	             });
	holes.close();
}

// Puts in what of the candidates is full under the active snapshot, joined with what lies next to it.
int64 put_in(int64 range_id, Window window, const WrittenTable &stretches) {
	int64 confirmed = 0;
	for (int i = 0; i < list_length(window.candidates); ++i) {
		for_each_full_stretch(range_id, *static_cast<Span *>(list_nth(window.candidates, i)), ~uint128{0},
		                      [&](Span run) {
			                      if (!is_empty(window.before) && run.first == window.span.first) {
				                      run.first = window.before.first;
				                      window.before = {run.family, 1, 0};
			                      }
			                      if (!is_empty(window.after) && run.last == window.span.last) {
				                      run.last = window.after.last;
				                      window.after = {run.family, 1, 0};
			                      }
			                      insert_stretch(stretches, range_id, run, true);
			                      ++confirmed;
		                      });
	}
	if (!is_empty(window.before)) insert_stretch(stretches, range_id, window.before, true);
	if (!is_empty(window.after)) insert_stretch(stretches, range_id, window.after, true);
	return confirmed;
}

} // namespace

// Whether a stretch has been proposed already, by somebody who could not confirm it. Proposals that nobody
// gets to confirm do not become more and more.
bool is_proposed(int64 range_id, const Span &span) {
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	Stretch found{};
	const bool exists = detail::first_row(
	    "occupancy", "occupancy_range_id_first_address_idx", latest, range_id, BTGreaterEqualStrategyNumber,
	    {span.family, span.first}, ForwardScanDirection, &found, 3, [&](TupleTableSlot *slot) {
		    return address_in(slot, 2).value != span.first || // there are no more that begin there
		           (!detail::is_confirmed(slot) && address_in(slot, 3).value == span.last);
	    });
	UnregisterSnapshot(latest);
	return exists && found.first == span.first;
}

void require_holes_made() {
	if (!detail::survives_crash()) {
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("occupancy cannot be made of a table that is unlogged"),
		                errdetail("A crash would empty ipam.ip_address or ipam.occupancy_hole, and not what "
		                          "is known of them."),
		                errhint("TRUNCATE ipam.occupancy, ipam.occupancy_hole; ALTER TABLE ipam.ip_address "
		                        "SET LOGGED; ALTER TABLE ipam.occupancy_hole SET LOGGED;")));
	}
	if (are_holes_made()) return;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	     errmsg("occupancy cannot be made while its triggers on ipam.ip_address do not always fire"),
	     errdetail("Holes are missing where addresses have been released meanwhile."),
	     errhint("TRUNCATE ipam.occupancy, ipam.occupancy_hole; ALTER TABLE ipam.ip_address ENABLE ALWAYS"
	             " TRIGGER open_occupancy_holes, ENABLE ALWAYS TRIGGER open_occupancy_hole, ENABLE REPLICA"
	             " TRIGGER open_replicated_occupancy_hole, ENABLE ALWAYS TRIGGER forget_occupancy;")));
}

// Step one: looks at no more than `limit` used addresses of the range and proposes the full stretches
// among them.
IPAM_FUNCTION(ipam_propose_occupancy) {
	const int64 range_id = PG_GETARG_INT64(0);
	const Span span = span_argument(fcinfo);
	PreventCommandIfReadOnly("propose_occupancy()");
	require_holes_made();
	WrittenTable stretches;
	stretches.open("occupancy");
	const Looked looked = for_each_full_stretch(range_id, span, count_argument(fcinfo), [&](const Span &run) {
		if (!is_proposed(range_id, run)) insert_stretch(stretches, range_id, run, false);
	});
	stretches.close();
	TupleDesc description = nullptr;
	if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "propose_occupancy() returns a row");
	Datum values[] = {InetPGetDatum(to_inet({span.family, looked.at})),
	                  Int64GetDatum(static_cast<int64>(looked.used))};
	bool nulls[] = {false, false};
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

// Step two, after the first has been committed. Whoever may have released addresses without seeing a
// stretch, a proposed one included, has ended before the addresses are looked at; what their snapshot
// shows to be full is full, and whoever releases one of them afterwards makes a hole. That does not hold
// for a proposal that another session commits meanwhile, nor for one of this transaction: it is not touched.
// What this transaction has released itself has ended nowhere: its holes go, and it makes new ones
// afterwards.
IPAM_FUNCTION(ipam_confirm_occupancy) {
	const int64 range_id = PG_GETARG_INT64(0);
	const Span span = span_argument(fcinfo);
	PreventCommandIfReadOnly("confirm_occupancy()");
	require_holes_made();
	LockRelationOid(oid_of("occupancy"), ShareUpdateExclusiveLock); // one after the other
	Snapshot before = RegisterSnapshot(GetLatestSnapshot());
	LOCKTAG addresses;
	SET_LOCKTAG_RELATION(addresses, MyDatabaseId, oid_of("ip_address"));
	WaitForLockers(addresses, ShareLock, false);

	WrittenTable stretches;
	stretches.open("occupancy");
	const Window window = take_out_stretches(range_id, span, before, stretches);
	UnregisterSnapshot(before);
	Snapshot now = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(now);
	take_out_holes(range_id, span, now);
	const int64 confirmed = put_in(range_id, window, stretches);
	stretches.close();
	PopActiveSnapshot();
	UnregisterSnapshot(now);
	forget_released_chunks();
	PG_RETURN_INT64(confirmed);
}
