#pragma once
// The advisory lock that says "somebody works on a session, or a task, of this kind". It belongs to the
// process, not to a transaction, and goes with the process. ipam.async_session_lock() and ipam.task_lock() in
// SQL have the same numbers, ipam.lock_holder() asks who holds it.
#include "pg/postgres.hpp"

#include <cstdint>

namespace ipam::worker {

enum class Kind : std::uint32_t {
	provisioning = 1,
	schema_conversion = 2,
	utilization = 3,
	expiry = 4,
	utilization_purge = 5,
	occupancy = 6,
};

// False: another process has it.
bool take_session_lock(Kind kind);
void release_session_lock();

} // namespace ipam::worker
