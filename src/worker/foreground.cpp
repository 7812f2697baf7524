// A session in the foreground: the procedures that work on it in the caller's own process.
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "pg/fault.hpp"
#include "worker/procedure.hpp"
#include "worker/session_step.hpp"

using namespace ipam;
using namespace ipam::pg;
using namespace ipam::worker;

namespace {

constinit Statement advance{"SELECT ipam.advance_async_session($1)"};
constinit Statement advance_once{"SELECT ipam.advance_async_session($1, false)"};
constinit Statement begin_or_resume{
    "SELECT ipam.async_session_lock(CASE WHEN s.state OPERATOR(pg_catalog.=) 'Initialized'"
    " THEN ipam.begin_async_session(s.id) ELSE ipam.require_interrupted(s.id) END)"
    " FROM ipam.locked_async_session($1) AS s"};
constinit Statement initialize_provisioning{"SELECT ipam.initialize_async_session('Provisioning', $1)"};
constinit Statement initialize_conversion{"SELECT ipam.initialize_async_session('SchemaConversion')"};
constinit Statement cancel{"UPDATE ipam.async_session SET cancel_requested = true"
                           " WHERE id OPERATOR(pg_catalog.=) $1"};
constinit Statement outcome{"SELECT sqlstate, fault, message, detail, hint FROM ipam.async_session"
                            " WHERE id OPERATOR(pg_catalog.=) $1 AND sqlstate IS NOT NULL"};

// A cancelled statement ends its session between two steps as it does within one.
void request_end(int64 session) {
	QueryCancelPending = false;
	Datum values[] = {Int64GetDatum(session)};
	if (SPI_execute_plan(cancel.prepared(INT8OID), values, nullptr, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not cancel a session");
}

void run(int64 session, bool commits) {
	const int64 kind = ask(begin_or_resume.prepared(INT8OID), session, 0);
	if (!take_session_lock(static_cast<Kind>(kind))) {
		raise_fault(static_cast<Kind>(kind) == Kind::provisioning
		                ? fault_named("IpamApiProvisioningAlreadyInProgress")
		                : fault_named("IpamSchemaConversionAnotherOperationInProgress"),
		            "another process is at work", nullptr,
		            "SELECT * FROM ipam.async_session_status shows it.");
	}
	PG_TRY();
	{
		// Once the transaction is the caller's, so is the decision to try again.
		Statement &step = commits ? advance : advance_once;
		if (commits) SPI_commit();
		for (;;) {
			const int64 pause = ask(step.prepared(INT8OID), session, ended);
			if (commits) SPI_commit();
			if (pause == ended) break;
			if (commits) rest(pause);
			if (QueryCancelPending && !ProcDiePending) request_end(session);
			CHECK_FOR_INTERRUPTS();
		}
	}
	PG_FINALLY();
	{ release_session_lock(); }
	PG_END_TRY();
	Datum values[] = {Int64GetDatum(session)};
	raise_recorded(outcome.prepared(INT8OID), values);
}

int64 initialized(SPIPlanPtr plan, Datum *values) {
	if (SPI_execute_plan(plan, values, nullptr, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not initialize a session");
	bool is_null = false;
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
}

} // namespace

IPAM_FUNCTION(ipam_run_async_session) {
	if (PG_ARGISNULL(0))
		raise_fault(fault_named("IpamApiFieldIdNotSpecified"), "the id of the session is missing", nullptr,
		            nullptr);
	SPI_connect_ext(may_commit(fcinfo) ? SPI_OPT_NONATOMIC : 0);
	run(PG_GETARG_INT64(0), may_commit(fcinfo));
	SPI_finish();
	PG_RETURN_VOID();
}

IPAM_FUNCTION(ipam_provision) {
	if (PG_ARGISNULL(0))
		raise_fault(fault_named("IpamApiInvalidParameter"), "the properties are missing", nullptr,
		            "Leave them out to take the defaults.");
	SPI_connect_ext(may_commit(fcinfo) ? SPI_OPT_NONATOMIC : 0);
	Datum values[] = {PG_GETARG_DATUM(0)};
	run(initialized(initialize_provisioning.prepared(JSONBOID), values), may_commit(fcinfo));
	SPI_finish();
	PG_RETURN_VOID();
}

IPAM_FUNCTION(ipam_convert_schema) {
	SPI_connect_ext(may_commit(fcinfo) ? SPI_OPT_NONATOMIC : 0);
	run(initialized(initialize_conversion.prepared(), nullptr), may_commit(fcinfo));
	SPI_finish();
	PG_RETURN_VOID();
}
