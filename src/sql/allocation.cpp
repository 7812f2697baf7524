// ipam.allocate_ip_addresses(): finds free addresses of a range and records them.
#include "pg/postgres.hpp"

#include <algorithm>
#include <cstring>

#include "pg/boundary.hpp"
#include "pg/candidate_search.hpp"
#include "pg/left_out.hpp"
#include "pg/new_addresses.hpp"
#include "pg/range_arguments.hpp"
#include "pg/range_row.hpp"
#include "pg/rows.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

enum Argument {
	arg_range_id,
	arg_count,
	arg_start_address,
	arg_end_address,
	arg_exclude,
	arg_direction,
	arg_include_reserved,
	arg_consecutive,
	arg_token,
	arg_first_property,
	arg_properties = arg_first_property + own_arguments
};

int count_argument(FunctionCallInfo fcinfo) {
	if (PG_ARGISNULL(arg_count) || PG_GETARG_INT32(arg_count) < 0) {
		raise_fault(fault_named("IpamApiInvalidParameter"),
		            PG_ARGISNULL(arg_count) ? "count is missing"
		                                    : psprintf("count cannot be %d", PG_GETARG_INT32(arg_count)),
		            nullptr, "Ask for 0 or more addresses.");
	}
	return PG_GETARG_INT32(arg_count);
}

bool highest_first_argument(FunctionCallInfo fcinfo) {
	if (PG_ARGISNULL(arg_direction)) return false;
	const char *label = DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(arg_direction)));
	return std::strcmp(label, "Highest") == 0;
}

RangeRow read_allocatable_range(int64 range_id, bool include_reserved) {
	const RangeRow range = read_range(range_id, include_reserved);
	if (range.is_ms_dhcp) {
		raise_fault(fault_named("IpamApiRangeIsManagedByMsDhcp"),
		            psprintf("range " INT64_FORMAT " is managed by MS DHCP", range_id),
		            "The DHCP server gives out its addresses.",
		            "Make a reservation on the DHCP server, or record a known address by INSERT.");
	}
	return range;
}

// The withheld addresses of the range and those of the caller, as positions in ascending order.
void withhold(Wanted *wanted, const RangeRow &range, FunctionCallInfo fcinfo) {
	Datum *excluded = nullptr;
	bool *nulls = nullptr;
	int count = 0;
	if (!PG_ARGISNULL(arg_exclude)) {
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg_exclude), INETOID, -1, false, TYPALIGN_INT, &excluded,
		                  &nulls, &count);
	}
	wanted->withheld = allocate<Stretch>(CurrentMemoryContext,
	                                     static_cast<Size>(range.withheld_count) + static_cast<Size>(count));
	const auto add = [&](const Span &span) {
		const Span positions = wanted->direction.mirror(span);
		wanted->withheld[wanted->withheld_count++] = {positions.first, positions.last};
	};
	for (int i = 0; i < range.withheld_count; ++i)
		add({range.span.family, range.withheld[i].first, range.withheld[i].last});
	for (int i = 0; i < count; ++i) {
		if (nulls[i]) continue;
		const inet *value = DatumGetInetPP(excluded[i]);
		if (family_of(value) != range.span.family) continue; // a list may serve both families
		add(Network{range.span.family, to_address(value).value, ip_bits(value)}.span());
		wanted->from_range_start = false;
	}
	std::sort(wanted->withheld, wanted->withheld + wanted->withheld_count,
	          [](const Stretch &a, const Stretch &b) { return a.first < b.first; });
}

Wanted wanted_addresses(FunctionCallInfo fcinfo, const RangeRow &range) {
	Wanted wanted{};
	wanted.range_id = PG_GETARG_INT64(arg_range_id);
	wanted.range = range.span;
	wanted.quarantine = range.quarantine;
	wanted.direction = {range.span.family, highest_first_argument(fcinfo)};
	wanted.asked = wanted.direction.mirror(asked_span(fcinfo, arg_start_address, range.span));
	wanted.include_reserved = flag_argument(fcinfo, arg_include_reserved);
	wanted.consecutive = flag_argument(fcinfo, arg_consecutive);
	wanted.has_reserved = range.withheld_count > 0;
	wanted.from_range_start = wanted.asked.first == wanted.direction.mirror(range.span).first;
	withhold(&wanted, range, fcinfo);
	return wanted;
}

NewAddresses new_addresses(FunctionCallInfo fcinfo, const RangeRow &range) {
	NewAddresses rows{};
	rows.range_id = PG_GETARG_INT64(arg_range_id);
	rows.service = range.service;
	rows.has_token = !PG_ARGISNULL(arg_token);
	if (rows.has_token) rows.token = PG_GETARG_DATUM(arg_token);
	for (int i = 0; i < own_arguments; ++i) {
		if (PG_ARGISNULL(arg_first_property + i)) continue;
		rows.given |= 1U << i;
		rows.values[i] = PG_GETARG_DATUM(arg_first_property + i);
	}
	if (!PG_ARGISNULL(arg_properties)) {
		rows.properties = PG_GETARG_DATUM(arg_properties);
		rows.named = columns_named(PG_GETARG_JSONB_P(arg_properties), rows.given);
	}
	constexpr unsigned assigned_at = 1U << 6;
	static_assert(property_columns[6].type == TIMESTAMPTZOID && property_columns[6].name[0] == 'a');
	if (((rows.given | rows.named) & assigned_at) == 0) {
		rows.given |= assigned_at;
		rows.values[6] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	}
	return rows;
}

// A rollback makes addresses free that this session has passed as taken. A prepared transaction may be rolled
// back later: nothing tells of that.
void forget_hints_on_abort(XactEvent event, void *) {
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) forget_hints();
}
void forget_hints_on_subabort(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
	if (event == SUBXACT_EVENT_ABORT_SUB) forget_hints();
}
void watch_aborts() {
	static constinit bool watching = false;
	if (watching) return;
	RegisterXactCallback(forget_hints_on_abort, nullptr);
	RegisterSubXactCallback(forget_hints_on_subabort, nullptr);
	watching = true;
}

// The rows of an earlier call with the token, as they are by now; 0: there was none. The lock makes a call
// at the same time wait until the first one's transaction has ended.
uint64 rows_of_token(const NewAddresses &rows, Tuplestorestate *result) {
	static constinit Statement select_rows{
	    "SELECT a FROM ipam.ip_address AS a WHERE a.range_id OPERATOR(pg_catalog.=) $1"
	    " AND a.allocation_token OPERATOR(pg_catalog.=) $2 ORDER BY a.id"};
	const text *token = DatumGetTextPP(rows.token);
	lock(allocation_lock(AllocationLock::token, rows.range_id,
	                     hash_bytes_extended(reinterpret_cast<const unsigned char *>(VARDATA_ANY(token)),
	                                         static_cast<int>(VARSIZE_ANY_EXHDR(token)), 0)));
	Datum values[] = {Int64GetDatum(rows.range_id), rows.token};
	SPIPlanPtr plan = select_rows.prepared(INT8OID, TEXTOID);
	uint64 seen = 0;
	if (IsolationUsesXactSnapshot()) {
		SPI_execute_plan(plan, values, nullptr, true, 0);
		seen = SPI_processed;
	}
	CommandCounterIncrement();
	const Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	SPI_execute_snapshot(plan, values, nullptr, latest, InvalidSnapshot, true, false, 0);
	UnregisterSnapshot(latest);
	if (IsolationUsesXactSnapshot() && seen != SPI_processed) {
		raise_changed_since_snapshot(
		    "The token was used or released after the snapshot of the transaction was taken.");
	}
	put_rows(result);
	return SPI_processed;
}

// True: an earlier call has already done what this one asks for.
bool is_done_already(const NewAddresses &rows, int count, Tuplestorestate *result) {
	if (!rows.has_token) return false;
	const uint64 found = rows_of_token(rows, result);
	if (found != 0 && found != static_cast<uint64>(count)) {
		raise_fault(
		    fault_named("IpamApiAllocationTokenMismatch"),
		    psprintf("token \"%s\" belongs to " UINT64_FORMAT " address%s of range " INT64_FORMAT
		             ", not to %d",
		             text_to_cstring(DatumGetTextPP(rows.token)), found, found == 1 ? "" : "es",
		             rows.range_id, count),
		    "A repeated call with a token gives the addresses of the first one, as far as they have not"
		    " been released.",
		    "Repeat the call with the same count, or allocate with a token of its own.");
	}
	return found != 0;
}

// Rows of quarantines that are over cost the walks that pass them: who has passed many, and may, removes
// them. (With one snapshot for the transaction that might be a serialization failure.)
constexpr int many_quarantines_over = 256;

void purge_released_addresses(int64 range_id) {
	static constinit Statement purge{"SELECT ipam.purge_released_addresses($1)"};
	constexpr AclMode rights = ACL_SELECT | ACL_UPDATE | ACL_DELETE;
	if (IsolationUsesXactSnapshot()) return;
	if (pg_class_aclmask(oid_of("released_address"), GetUserId(), rights, ACLMASK_ALL) != rights) return;
	Datum values[] = {Int64GetDatum(range_id)};
	SPI_execute_plan(purge.prepared(INT8OID), values, nullptr, false, 0);
}

// Addresses that one statement records: what it takes of memory does not grow with the number asked for.
constexpr int most_recorded = 4096;

// Records the claimed addresses and returns how many of them; the others somebody has recorded meanwhile.
int record_claims(const Wanted &wanted, const NewAddresses &rows, const Claims &claims, LeftOut *left_out,
                  Tuplestorestate *result) {
	MemoryContext statement =
	    AllocSetContextCreate(CurrentMemoryContext, "ipam new addresses", ALLOCSET_DEFAULT_SIZES);
	int recorded = 0;
	for (int first = 0; first < claims.count; first += most_recorded) {
		CHECK_FOR_INTERRUPTS();
		const int count = std::min(claims.count - first, most_recorded);
		MemoryContext caller = MemoryContextSwitchTo(statement);
		auto *values = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(count)));
		for (int i = 0; i < count; ++i)
			values[i] =
			    InetPGetDatum(to_inet({wanted.asked.family, wanted.direction.mirror(claims.at(first + i))}));
		const int done = insert_addresses(rows, values, count, result);
		recorded += done;
		if (done < count) recorded += record_left_out(wanted, rows, values, count, left_out, result);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(statement);
	}
	MemoryContextDelete(statement);
	return recorded;
}

// Claims and records addresses, most_locks at a time, or a consecutive run at once.
void allocate_addresses(const Wanted &wanted, const NewAddresses &rows, int count, Tuplestorestate *result) {
	const bool is_bulk = count > most_locks;
	const int batch = wanted.consecutive ? count : std::min(count, most_locks);
	const LOCKTAG bulk_lock = allocation_lock(AllocationLock::bulk, wanted.range_id, 0);
	if (is_bulk) lock(bulk_lock);
	if (is_bulk) require_available(wanted, count);
	Claims claims{allocate<uint128>(CurrentMemoryContext, most_locks), 0, false};
	LeftOut left_out{};
	uint128 from = first_position(wanted);
	for (int missing = count; missing > 0;) {
		CHECK_FOR_INTERRUPTS();
		const Findings findings = claim(wanted, from, std::min(missing, batch), count, &claims);
		const int claimed = claims.count;
		const uint128 last = claims.at(claimed - 1);
		from = last < wanted.asked.last ? last + 1 : wanted.asked.first;
		const int recorded = record_claims(wanted, rows, claims, &left_out, result);
		release_claims(wanted, &claims);
		if (wanted.consecutive && recorded < claimed)
			raise_changed_since_snapshot("Another session has recorded an address of the chosen run.");
		missing -= recorded;
		if (findings.quarantines_over >= many_quarantines_over) purge_released_addresses(wanted.range_id);
	}
	if (is_bulk) unlock(bulk_lock);
}

} // namespace

IPAM_FUNCTION(ipam_allocate_ip_addresses) {
	const int64 range_id = range_id_argument(fcinfo);
	const int count = count_argument(fcinfo);
	const RangeRow range = read_allocatable_range(range_id, flag_argument(fcinfo, arg_include_reserved));
	const Wanted wanted = wanted_addresses(fcinfo, range);
	const NewAddresses rows = new_addresses(fcinfo, range);
	watch_aborts();
	Tuplestorestate *result = materialize(fcinfo).store;
	SPI_connect();
	if (count > 0 && !is_done_already(rows, count, result)) allocate_addresses(wanted, rows, count, result);
	SPI_finish();
	return Datum{0};
}
