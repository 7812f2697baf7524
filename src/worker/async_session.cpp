// Sessions at work. The steps are SQL (ipam.advance_async_session); here are the two loops around them: a
// background worker, and the procedures that do the same in the foreground.
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "pg/fault.hpp"
#include "pg/statement.hpp"
#include "worker/session_lock.hpp"

using namespace ipam;
using namespace ipam::pg;
using namespace ipam::worker;

extern "C" PGDLLEXPORT void ipam_async_worker_main(Datum arg);

namespace {

constinit Statement advance{"SELECT ipam.advance_async_session($1)"};
constinit Statement advance_once{"SELECT ipam.advance_async_session($1, false)"};
constinit Statement kind_of{"SELECT CASE kind WHEN 'Provisioning' THEN 1 ELSE 2 END FROM ipam.async_session"
                            " WHERE id OPERATOR(pg_catalog.=) $1 AND state IN ('Started', 'InProgress')"};
constinit Statement finish{"SELECT ipam.finish_async_session($1, $2, $3, $4, $5, $6)"};

// The single value that a statement about a session gives; NULL or no row: `otherwise`.
int64 ask(SPIPlanPtr plan, int64 session, int64 otherwise) {
	Datum values[] = {Int64GetDatum(session)};
	if (SPI_execute_plan(plan, values, nullptr, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not ask for a session");
	if (SPI_processed == 0) return otherwise;
	bool is_null = false;
	const Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	return is_null ? otherwise : DatumGetInt32(value);
}

constexpr int64 ended = -1;

// Waits so many milliseconds; a signal ends the wait.
void rest(int64 milliseconds) {
	if (milliseconds > 0) {
		(void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
		                static_cast<long>(milliseconds), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	CHECK_FOR_INTERRUPTS();
}

// --- in the background --------------------------------------------------------------------------

// What the starter gives to the worker.
struct Ticket {
	Oid database;
	Oid login_role;
	Oid current_role;
	TransactionId starter; // the session is not visible before this transaction has ended
	int64 session;
};
static_assert(sizeof(Ticket) <= BGW_EXTRALEN);

// Asked to end: the statement at work is cancelled, and the loop does not go on.
void end_cleanly(SIGNAL_ARGS) {
	const int saved_errno = errno;
	ShutdownRequestPending = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
	errno = saved_errno;
	(void)postgres_signal_arg;
}

template <typename Work> auto in_transaction(Work work) {
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	const auto result = work();
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	return result;
}

void record_error(int64 session, const ErrorData *error) {
	const auto text_or_null = [](const char *s) { return CStringGetTextDatum(s != nullptr ? s : ""); };
	in_transaction([&] {
		Datum values[] = {Int64GetDatum(session),
		                  text_or_null(unpack_sql_state(error->sqlerrcode)),
		                  text_or_null(error->constraint_name),
		                  text_or_null(error->message),
		                  text_or_null(error->detail),
		                  text_or_null(error->hint)};
		SPI_execute_plan(finish.prepared(INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID), values,
		                 nullptr, false, 0);
		return 0;
	});
}

// What ipam.advance_async_session() could not catch: it is recorded in a transaction of its own.
int64 advance_guarded(int64 session) {
	volatile int64 pause = ended;
	MemoryContext context = CurrentMemoryContext;
	PG_TRY();
	{
		pause = in_transaction([session] { return ask(advance.prepared(INT8OID), session, ended); });
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		ErrorData *error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		record_error(session, error);
	}
	PG_END_TRY();
	return pause;
}

void record_termination(int64 session) {
	QueryCancelPending = false;
	ErrorData error{};
	error.sqlerrcode = ERRCODE_ADMIN_SHUTDOWN;
	error.message = pstrdup("the worker was terminated by an administrator or a shutdown of the server");
	error.hint = pstrdup("A new session goes on where this one stopped.");
	record_error(session, &error);
}

// Waits for the starter and takes the session; 0: it has rolled back.
int64 take_session(const Ticket &ticket) {
	StartTransactionCommand();
	XactLockTableWait(ticket.starter, nullptr, nullptr, XLTW_None);
	// What SET ROLE does: a role without LOGIN could not have connected itself.
	if (ticket.current_role != ticket.login_role) {
		SetConfigOption("role", GetUserNameFromId(ticket.current_role, false), PGC_USERSET, PGC_S_SESSION);
	}
	CommitTransactionCommand();
	return in_transaction([&] { return ask(kind_of.prepared(INT8OID), ticket.session, 0); });
}

} // namespace

IPAM_FUNCTION(ipam_launch_async_worker) {
	const Ticket ticket{MyDatabaseId, GetSessionUserId(), GetUserId(), GetTopTransactionId(),
	                    PG_GETARG_INT64(0)};
	BackgroundWorker worker{};
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "ipam", sizeof worker.bgw_library_name);
	strlcpy(worker.bgw_function_name, "ipam_async_worker_main", sizeof worker.bgw_function_name);
	strlcpy(worker.bgw_name, psprintf("ipam session " INT64_FORMAT, ticket.session), BGW_MAXLEN);
	strlcpy(worker.bgw_type, "ipam session", BGW_MAXLEN);
	std::memcpy(worker.bgw_extra, &ticket, sizeof ticket);
	BackgroundWorkerHandle *handle = nullptr;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle)) {
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
		                errmsg("no background worker is free for session " INT64_FORMAT, ticket.session),
		                errdetail("All max_worker_processes (%d) are in use.", max_worker_processes),
		                errhint("Raise max_worker_processes, or work in the foreground: CALL "
		                        "ipam.run_async_session(" INT64_FORMAT ").",
		                        ticket.session)));
	}
	PG_RETURN_VOID();
}

IPAM_FUNCTION(ipam_is_worker_terminated) {
	PG_RETURN_BOOL(MyBgworkerEntry != nullptr && ShutdownRequestPending);
}

void ipam_async_worker_main(Datum) {
	pqsignal(SIGTERM, end_cleanly);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	Ticket ticket{};
	std::memcpy(&ticket, MyBgworkerEntry->bgw_extra, sizeof ticket);
	BackgroundWorkerInitializeConnectionByOid(ticket.database, ticket.login_role, 0);
	pgstat_report_appname(MyBgworkerEntry->bgw_name);

	const int64 kind = take_session(ticket);
	if (kind == 0 || !take_session_lock(static_cast<Kind>(kind))) proc_exit(0);
	while (!ShutdownRequestPending) {
		if (ConfigReloadPending) {
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		pgstat_report_activity(STATE_RUNNING, MyBgworkerEntry->bgw_name);
		const int64 pause = advance_guarded(ticket.session);
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, nullptr);
		if (pause == ended) proc_exit(0);
		if (!ShutdownRequestPending && pause > 0) {
			(void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
			                static_cast<long>(pause), PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
		}
	}
	record_termination(ticket.session);
	proc_exit(0);
}

// --- in the foreground --------------------------------------------------------------------------

namespace {

constinit Statement begin_or_resume{"SELECT CASE CASE s.state WHEN 'Initialized' THEN "
                                    "ipam.begin_async_session(s.id) ELSE ipam.require_interrupted(s.id) END"
                                    " WHEN 'Provisioning' THEN 1 ELSE 2 END"
                                    " FROM ipam.locked_async_session($1) AS s"};
constinit Statement initialize_provisioning{"SELECT ipam.initialize_async_session('Provisioning', $1)"};
constinit Statement initialize_conversion{"SELECT ipam.initialize_async_session('SchemaConversion')"};
constinit Statement outcome{"SELECT sqlstate, fault, message, detail, hint FROM ipam.async_session"
                            " WHERE id OPERATOR(pg_catalog.=) $1 AND sqlstate IS NOT NULL"};

// Whether the procedure may commit: not in a transaction block or a function.
bool may_commit(FunctionCallInfo fcinfo) {
	const auto *context = reinterpret_cast<CallContext *>(fcinfo->context);
	return context != nullptr && IsA(context, CallContext) && !context->atomic;
}

// The error that ended the session becomes the error of the statement.
void raise_outcome(int64 session) {
	Datum values[] = {Int64GetDatum(session)};
	if (SPI_execute_plan(outcome.prepared(INT8OID), values, nullptr, false, 1) != SPI_OK_SELECT ||
	    SPI_processed == 0)
		return;
	const char *text[5];
	for (int i = 0; i < 5; ++i)
		text[i] = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1);
	ereport(ERROR,
	        (errcode(sqlstate_code(text[0])), errmsg_internal("%s", text[2] ? text[2] : "the session failed"),
	         text[3] ? errdetail_internal("%s", text[3]) : 0, text[4] ? errhint("%s", text[4]) : 0,
	         text[1] ? err_generic_string(PG_DIAG_CONSTRAINT_NAME, text[1]) : 0));
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
			rest(commits ? pause : 0);
		}
	}
	PG_FINALLY();
	{ release_session_lock(); }
	PG_END_TRY();
	raise_outcome(session);
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
