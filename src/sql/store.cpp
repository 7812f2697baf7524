// The gate before the operations.
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "pg/store.hpp"

IPAM_FUNCTION(ipam_require_ready_store) {
	ipam::pg::require_ready_store();
	PG_RETURN_VOID();
}
