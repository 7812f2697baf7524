#pragma once
// Raising faults.
#include "pg/postgres.hpp"

#include <string_view>

#include "core/fault.hpp"

namespace ipam::pg {

constexpr int sqlstate_code(std::string_view sqlstate) noexcept {
	return MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3], sqlstate[4]);
}

// A dump that one job restores raises no fault. Several jobs load the tables in any order, where most rows
// come before what they refer to, and what the fault advises is of no help.
inline bool comes_from_pg_restore() noexcept {
	return application_name != nullptr && std::string_view(application_name) == "pg_restore" &&
	       SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA;
}

// The protocol's name of the fault travels in the error's constraint field, where clients can read it
// without parsing text. detail and hint may be nullptr.
[[noreturn]] inline void raise_fault(const Fault *fault, const char *message, const char *detail,
                                     const char *hint) {
	if (comes_from_pg_restore())
		hint = "A restore by several jobs needs PGOPTIONS='-c session_replication_role=replica'.";
	ereport(ERROR, (errcode(sqlstate_code(fault->sqlstate)), errmsg_internal("%s", message),
	                detail != nullptr ? errdetail_internal("%s", detail) : 0,
	                hint != nullptr ? errhint("%s", hint) : 0,
	                err_generic_string(PG_DIAG_CONSTRAINT_NAME, fault->name.data())));
	pg_unreachable();
}

} // namespace ipam::pg
