#pragma once
// What the two loops around the steps of a session share. The steps are SQL: ipam.advance_async_session().
#include "pg/postgres.hpp"

#include "pg/statement.hpp"
#include "worker/session_lock.hpp"

namespace ipam::worker {

// The single number that a statement about a session gives; NULL or no row: `otherwise`.
inline int64 ask(SPIPlanPtr plan, int64 session, int64 otherwise) {
	Datum values[] = {Int64GetDatum(session)};
	if (SPI_execute_plan(plan, values, nullptr, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not ask for a session");
	if (SPI_processed == 0) return otherwise;
	bool is_null = false;
	const Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	return is_null ? otherwise : DatumGetInt32(value);
}

// What advance_async_session() says, besides the milliseconds to rest until the next step.
constexpr int64 ended = -1;

// Waits so many milliseconds; a signal ends the wait.
inline void rest(int64 milliseconds) {
	if (milliseconds <= 0) return;
	(void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, static_cast<long>(milliseconds),
	                PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

} // namespace ipam::worker
