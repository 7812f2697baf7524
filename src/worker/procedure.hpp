#pragma once
// What procedures share that work in batches and commit each of them.
#include "pg/postgres.hpp"

#include "pg/fault.hpp"
#include "pg/statement.hpp"

namespace ipam::worker {

// Whether the procedure may commit: not in a transaction block or a function.
inline bool may_commit(FunctionCallInfo fcinfo) {
	const auto *context = reinterpret_cast<CallContext *>(fcinfo->context);
	return context != nullptr && IsA(context, CallContext) && !context->atomic;
}

// The error that ended the work and was recorded with it becomes the error of the statement. The query has
// no row where there was none, else sqlstate, fault, message, detail and hint.
inline void raise_recorded(SPIPlanPtr query, Datum *values) {
	if (SPI_execute_plan(query, values, nullptr, false, 1) != SPI_OK_SELECT || SPI_processed == 0) return;
	const char *text[5];
	for (int i = 0; i < 5; ++i)
		text[i] = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1);
	ereport(ERROR, (errcode(pg::sqlstate_code(text[0])),
	                errmsg_internal("%s", text[2] ? text[2] : "the work failed"),
	                text[3] ? errdetail_internal("%s", text[3]) : 0, text[4] ? errhint("%s", text[4]) : 0,
	                text[1] ? err_generic_string(PG_DIAG_CONSTRAINT_NAME, text[1]) : 0));
}

} // namespace ipam::worker
