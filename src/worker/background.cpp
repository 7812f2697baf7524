// A session in the background: a dynamic worker and the function that launches it.
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "worker/session_step.hpp"
#include "worker/transaction.hpp"

using namespace ipam;
using namespace ipam::pg;
using namespace ipam::worker;

extern "C" PGDLLEXPORT void ipam_async_worker_main(Datum arg);

namespace {

constinit Statement advance{"SELECT ipam.advance_async_session($1)"};
constinit Statement lock_of_running{
    "SELECT ipam.async_session_lock(kind) FROM ipam.async_session"
    " WHERE id OPERATOR(pg_catalog.=) $1"
    " AND (state OPERATOR(pg_catalog.=) 'Started' OR state OPERATOR(pg_catalog.=) 'InProgress')"};
constinit Statement finish{"SELECT ipam.finish_async_session($1, $2, $3, $4, $5, $6)"};

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

void record_error(int64 session, const ErrorData *error) {
	const auto text_or_empty = [](const char *s) { return CStringGetTextDatum(s != nullptr ? s : ""); };
	in_transaction([&] {
		Datum values[] = {Int64GetDatum(session),
		                  text_or_empty(unpack_sql_state(error->sqlerrcode)),
		                  text_or_empty(error->constraint_name),
		                  text_or_empty(error->message),
		                  text_or_empty(error->detail),
		                  text_or_empty(error->hint)};
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

[[noreturn]] void refuse_worker(int64 session, const char *detail) {
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	                errmsg("no background worker can work on session " INT64_FORMAT, session),
	                errdetail_internal("%s", detail),
	                errhint("Start it from a session of a role that may, or work in the foreground: CALL "
	                        "ipam.run_async_session(" INT64_FORMAT ").",
	                        session)));
	pg_unreachable();
}

bool can_log_in(Oid role) {
	HeapTuple row = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	if (!HeapTupleIsValid(row)) return false;
	const bool result = reinterpret_cast<Form_pg_authid>(GETSTRUCT(row))->rolcanlogin;
	ReleaseSysCache(row);
	return result;
}

bool may_connect(Oid role, Oid database) {
	return DatumGetBool(DirectFunctionCall3(has_database_privilege_id_id, ObjectIdGetDatum(role),
	                                        ObjectIdGetDatum(database), CStringGetTextDatum("CONNECT")));
}

bool may_set_role(Oid member, Oid role) {
#if PG_VERSION_NUM >= 160000
	return member_can_set_role(member, role);
#else
	return is_member_of_role(member, role);
#endif
}

// What would end the worker before it has the session: nobody would hear of it. The current role may be that
// of a SECURITY DEFINER function, the login role that of SET SESSION AUTHORIZATION.
void require_worker_gets_in(const Ticket &ticket) {
	const char *login = GetUserNameFromId(ticket.login_role, false);
	if (!can_log_in(ticket.login_role)) {
		refuse_worker(ticket.session,
		              psprintf("It would log in as \"%s\", a role that may not log in.", login));
	}
	if (!may_connect(ticket.login_role, ticket.database)) {
		refuse_worker(ticket.session,
		              psprintf("It would log in as \"%s\", who may not connect to this database.", login));
	}
	if (!may_set_role(ticket.login_role, ticket.current_role)) {
		refuse_worker(ticket.session, psprintf("It would log in as \"%s\", who may not SET ROLE \"%s\".",
		                                       login, GetUserNameFromId(ticket.current_role, false)));
	}
}

// Waits for the starter and takes the session; 0: it has rolled back.
int64 take_session(const Ticket &ticket) {
	StartTransactionCommand();
	// A lock_timeout of the database or the role is for what the session does.
	(void)set_config_option("lock_timeout", "0", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0,
	                        false);
	XactLockTableWait(ticket.starter, nullptr, nullptr, XLTW_None);
	// What SET ROLE does: a role without LOGIN could not have connected itself. ALTER ROLE or ALTER DATABASE
	// may have set another one.
	const bool is_own = ticket.current_role == ticket.login_role;
	SetConfigOption("role", is_own ? "none" : GetUserNameFromId(ticket.current_role, false), PGC_USERSET,
	                PGC_S_SESSION);
	CommitTransactionCommand();
	return in_transaction([&] { return ask(lock_of_running.prepared(INT8OID), ticket.session, 0); });
}

} // namespace

IPAM_FUNCTION(ipam_launch_async_worker) {
	PreventCommandIfReadOnly("launch_async_worker()");
	const Ticket ticket{MyDatabaseId, GetSessionUserId(), GetUserId(), GetTopTransactionId(),
	                    PG_GETARG_INT64(0)};
	require_worker_gets_in(ticket);
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
	override_defaults();
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
		if (!ShutdownRequestPending) rest(pause);
	}
	record_termination(ticket.session);
	proc_exit(0);
}
