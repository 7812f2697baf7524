// Tasks: procedures that work in batches, each committed together with how far the task is, so that others
// are not held up and a crash leaves no half of a batch. The batches are SQL: ipam.advance_task().
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "worker/procedure.hpp"
#include "worker/session_lock.hpp"
#include "worker/session_step.hpp"

using namespace ipam;
using namespace ipam::pg;
using namespace ipam::worker;

namespace {

constinit Statement refuse{"SELECT ipam.refuse_second_task($1::ipam.task_type)"};
constinit Statement begin{"SELECT ipam.begin_task($1::ipam.task_type, $2)"};
constinit Statement advance{"SELECT ipam.advance_task($1::ipam.task_type)"};
constinit Statement outcome{"SELECT sqlstate, fault, message, detail, hint FROM ipam.task_run"
                            " WHERE type OPERATOR(pg_catalog.=) $1::ipam.task_type AND sqlstate IS NOT NULL"};

// What a function says that returns one number; NULL: ended.
int64 number(SPIPlanPtr plan, Datum *values, const char *nulls = nullptr) {
	if (SPI_execute_plan(plan, values, nulls, false, 1) != SPI_OK_SELECT || SPI_processed == 0)
		elog(ERROR, "could not go on with a task");
	bool is_null = false;
	const Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	return is_null ? ended : DatumGetInt32(value);
}

void run_task(FunctionCallInfo fcinfo, Kind kind, const char *type, NullableDatum until) {
	const volatile bool commits = may_commit(fcinfo); // volatile: the compiler thinks of longjmp
	SPI_connect_ext(commits ? SPI_OPT_NONATOMIC : 0);
	Datum values[] = {CStringGetTextDatum(type), until.value};
	const char nulls[] = {' ', until.isnull ? 'n' : ' ', '\0'};
	if (!take_session_lock(kind)) number(refuse.prepared(TEXTOID), values);
	PG_TRY();
	{
		number(begin.prepared(TEXTOID, TIMESTAMPTZOID), values, nulls);
		if (commits) SPI_commit();
		for (;;) {
			const int64 pause = number(advance.prepared(TEXTOID), values);
			if (commits) SPI_commit();
			if (pause == ended) break;
			if (commits) rest(pause);
			CHECK_FOR_INTERRUPTS();
		}
	}
	PG_FINALLY();
	{ release_session_lock(); }
	PG_END_TRY();
	raise_recorded(outcome.prepared(TEXTOID), values);
	SPI_finish();
}

constexpr NullableDatum none{0, true};

} // namespace

IPAM_FUNCTION(ipam_collect_utilization) {
	run_task(fcinfo, Kind::utilization, "Utilization", none);
	PG_RETURN_VOID();
}

IPAM_FUNCTION(ipam_check_expiry) {
	run_task(fcinfo, Kind::expiry, "Expiry", none);
	PG_RETURN_VOID();
}

IPAM_FUNCTION(ipam_purge_utilization_data) {
	run_task(fcinfo, Kind::utilization_purge, "UtilizationPurge", fcinfo->args[0]);
	PG_RETURN_VOID();
}
