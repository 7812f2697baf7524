#pragma once
// The border between the server (ereport, longjmp) and C++ (exceptions, destructors).
//
// IPAM_FUNCTION(name) { ... } defines an SQL-callable function. Its body may call the server directly,
// as long as nothing with a destructor is alive: an error of the server jumps over it. Memory comes
// from the server's contexts (pg/memory.hpp). An exception that leaves the body becomes an error.
#include "pg/postgres.hpp"

#include <cstring>
#include <exception>
#include <new>
#include <type_traits>

namespace ipam::pg {

// What is left of an exception once C++ has unwound: plain memory only.
struct Report {
	int sqlstate;
	char message[256];
};

inline Report describe_current_exception() noexcept {
	Report report{ERRCODE_INTERNAL_ERROR, "unknown C++ exception"};
	try {
		throw;
	} catch (const std::bad_alloc &) {
		report = {ERRCODE_OUT_OF_MEMORY, "out of memory"};
	} catch (const std::exception &e) {
		strlcpy(report.message, e.what(), sizeof report.message);
	} catch (...) { // NOLINT(bugprone-empty-catch): the report says what there is to say
	}
	return report;
}

template <typename Body> Datum enter(Body body) {
	static_assert(std::is_trivially_destructible_v<Body>);
	Report report{};
	try {
		return body();
	} catch (...) {
		report = describe_current_exception();
	}
	ereport(ERROR, (errcode(report.sqlstate), errmsg_internal("%s", report.message)));
	pg_unreachable();
}

// What the function that is called returns. A call that does not come from an expression, that of a client's
// fast path (PQfn), says nothing about it.
inline Oid result_type(FmgrInfo *function) {
	const Oid type = get_fn_expr_rettype(function);
	return OidIsValid(type) ? type : get_func_rettype(function->fn_oid);
}

} // namespace ipam::pg

#define IPAM_FUNCTION(name)                                                                                  \
	extern "C" PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                                     \
	extern "C" {                                                                                             \
	PG_FUNCTION_INFO_V1(name);                                                                               \
	}                                                                                                        \
	static Datum name##_body(FunctionCallInfo fcinfo);                                                       \
	Datum name(PG_FUNCTION_ARGS) {                                                                           \
		return ipam::pg::enter([fcinfo] { return name##_body(fcinfo); });                                    \
	}                                                                                                        \
	static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
