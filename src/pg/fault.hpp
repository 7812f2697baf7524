#pragma once
// Raising faults.
#include "pg/postgres.hpp"

#include <string_view>

#include "core/fault.hpp"

namespace ipam::pg {

constexpr int sqlstate_code(std::string_view sqlstate) noexcept {
	return MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3], sqlstate[4]);
}

// The protocol's name of the fault travels in the error's constraint field, where clients can read it
// without parsing text. detail and hint may be nullptr.
[[noreturn]] inline void raise_fault(const Fault *fault, const char *message, const char *detail,
                                     const char *hint) {
	ereport(ERROR, (errcode(sqlstate_code(fault->sqlstate)), errmsg_internal("%s", message),
	                detail != nullptr ? errdetail_internal("%s", detail) : 0,
	                hint != nullptr ? errhint("%s", hint) : 0,
	                err_generic_string(PG_DIAG_CONSTRAINT_NAME, fault->name.data())));
	pg_unreachable();
}

} // namespace ipam::pg
