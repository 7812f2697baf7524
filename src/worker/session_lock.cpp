#include "pg/postgres.hpp"

#include "worker/session_lock.hpp"

namespace ipam::worker {

namespace {

constexpr uint32 lock_class = 1768972653; // "ipam" in ASCII

constinit LOCKTAG held{};
constinit bool is_held = false;

} // namespace

bool take_session_lock(Kind kind) {
	LOCKTAG tag;
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, lock_class, static_cast<uint32>(kind), 2);
	if (is_held || LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL) return false;
	held = tag;
	is_held = true;
	return true;
}

void release_session_lock() {
	if (!is_held) return;
	is_held = false;
	LockRelease(&held, ExclusiveLock, true);
}

} // namespace ipam::worker
