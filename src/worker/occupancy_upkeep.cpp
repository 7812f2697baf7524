// Upkeep of occupancy in the background: a search that had to walk far asks for it. A worker that lives as
// long as it takes makes the occupancy of one range anew, with the two steps of ipam.rebuild_occupancy().
#include "pg/postgres.hpp"

#include <cstring>

#include "pg/occupancy.hpp"
#include "pg/statement.hpp"
#include "sql/module.hpp"
#include "worker/session_lock.hpp"
#include "worker/transaction.hpp"

using namespace ipam;
using namespace ipam::pg;
using namespace ipam::worker;

extern "C" PGDLLEXPORT void ipam_occupancy_worker_main(Datum arg);

namespace {

bool upkeep = true;

struct Order {
	Oid database;
	int64 range_id;
};
static_assert(sizeof(Order) <= BGW_EXTRALEN);

// The next window: from where, to the end of the range; none: nothing is left.
struct Window {
	bool exists;
	bool is_last;
	Datum first;
	Datum looked_at;
};

constinit Statement propose{
    "SELECT coalesce($2, r.start_address), l.looked_at, l.looked_at OPERATOR(pg_catalog.=) r.end_address"
    " FROM ipam.ip_range AS r,"
    " LATERAL ipam.propose_occupancy(r.id, coalesce($2, r.start_address), r.end_address) AS l"
    " WHERE r.id OPERATOR(pg_catalog.=) $1 AND r.end_address OPERATOR(pg_catalog.>=) coalesce($2, "
    "r.start_address)"};
constinit Statement confirm{"SELECT ipam.confirm_occupancy($1, $2, $3)"};

Datum copied(HeapTuple tuple, int column) {
	bool is_null = false;
	const Datum value = SPI_getbinval(tuple, SPI_tuptable->tupdesc, column, &is_null);
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	const Datum copy = datumCopy(value, false, -1);
	MemoryContextSwitchTo(before);
	return copy;
}

Window propose_window(int64 range_id, const Address *from) {
	return in_transaction([=] {
		Datum values[] = {Int64GetDatum(range_id),
		                  from != nullptr ? InetPGetDatum(to_inet(*from)) : Datum{0}};
		const char nulls[] = {' ', from != nullptr ? ' ' : 'n'};
		if (SPI_execute_plan(propose.prepared(INT8OID, INETOID), values, nulls, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not propose occupancy");
		if (SPI_processed == 0) return Window{};
		HeapTuple tuple = SPI_tuptable->vals[0];
		bool is_null = false;
		const bool is_last = DatumGetBool(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 3, &is_null));
		return Window{true, is_last, copied(tuple, 1), copied(tuple, 2)};
	});
}

void confirm_window(int64 range_id, const Window &window) {
	in_transaction([&] {
		Datum values[] = {Int64GetDatum(range_id), window.first, window.looked_at};
		if (SPI_execute_plan(confirm.prepared(INT8OID, INETOID, INETOID), values, nullptr, false, 1) !=
		    SPI_OK_SELECT)
			elog(ERROR, "could not confirm occupancy");
		return 0;
	});
}

} // namespace

void ipam::define_occupancy_settings() {
	DefineCustomBoolVariable(
	    "ipam.occupancy_upkeep",
	    "A search that had to walk far has a background worker look for full stretches.",
	    "The next searches jump over them. ipam.rebuild_occupancy() does the same by hand.", &upkeep, true,
	    PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

void ipam::pg::ask_for_occupancy_upkeep(int64 range_id) {
	static int64 last_range = 0;
	static TimestampTz last_time = 0;
	constexpr int pause = 60000; // milliseconds between two requests of a process for the same range
	if (!upkeep || RecoveryInProgress() || MyBgworkerEntry != nullptr) return;
	const TimestampTz now = GetCurrentTimestamp();
	if (range_id == last_range && !TimestampDifferenceExceeds(last_time, now, pause)) return;
	last_range = range_id;
	last_time = now;
	if (!has_occupancy() || !detail::survives_crash()) return;

	const Order order{MyDatabaseId, range_id};
	BackgroundWorker worker{};
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "ipam", sizeof worker.bgw_library_name);
	strlcpy(worker.bgw_function_name, "ipam_occupancy_worker_main", sizeof worker.bgw_function_name);
	strlcpy(worker.bgw_name, psprintf("ipam occupancy of range " INT64_FORMAT, range_id), BGW_MAXLEN);
	strlcpy(worker.bgw_type, "ipam occupancy", BGW_MAXLEN);
	std::memcpy(worker.bgw_extra, &order, sizeof order);
	BackgroundWorkerHandle *handle = nullptr;
	(void)RegisterDynamicBackgroundWorker(&worker, &handle); // no worker is free: another time
}

// Connects without a role: what it does is fixed, and it reads and writes nothing but ipam's own tables.
void ipam_occupancy_worker_main(Datum) {
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	Order order{};
	std::memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof order);
	BackgroundWorkerInitializeConnectionByOid(order.database, InvalidOid, 0);
	SetConfigOption("role", "none", PGC_USERSET, PGC_S_SESSION); // ALTER DATABASE may set one
	override_defaults();
	pgstat_report_appname(MyBgworkerEntry->bgw_name);
	if (!take_session_lock(Kind::occupancy)) proc_exit(0);

	pgstat_report_activity(STATE_RUNNING, MyBgworkerEntry->bgw_name);
	// Nobody who keeps a transaction open for long is waited for: then there is no occupancy.
	SetConfigOption("lock_timeout", "60s", PGC_USERSET, PGC_S_SESSION);
	Address from{};
	for (Window window = propose_window(order.range_id, nullptr); window.exists;
	     window = propose_window(order.range_id, &from)) {
		confirm_window(order.range_id, window);
		pgstat_report_stat(true);
		if (window.is_last) break;
		from = to_address(DatumGetInetPP(window.looked_at));
		++from.value;
	}
	proc_exit(0);
}
