#pragma once
// Advisory locks of allocation. They are short: an address is locked between the look that found it free
// and the INSERT that everybody can see. The kinds keep clear of pg_advisory_lock(), which has 1 and 2.
#include "pg/postgres.hpp"

#include "core/uint128.hpp"

namespace ipam::pg {

enum class AllocationLock : std::uint16_t {
	address = 1001, // about to be recorded
	bulk = 1002,    // one call at a time takes more of a range than it can lock at once
	token = 1003,   // to the end of the transaction: a second call with the token waits for the outcome
};

// Keys that fall together by accident only make somebody look elsewhere or wait a moment longer.
inline LOCKTAG allocation_lock(AllocationLock kind, int64 range_id, std::uint64_t key) {
	const std::uint64_t both[] = {static_cast<std::uint64_t>(range_id), key};
	const uint64 hash = hash_bytes_extended(reinterpret_cast<const unsigned char *>(both), sizeof both, 0);
	LOCKTAG tag{};
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(hash >> 32), static_cast<uint32>(hash),
	                     static_cast<uint16>(kind));
	return tag;
}

inline LOCKTAG address_lock(int64 range_id, uint128 address) {
	return allocation_lock(AllocationLock::address, range_id, high_half(address) * 31 + low_half(address));
}

inline bool try_lock(const LOCKTAG &tag) {
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

inline void lock(const LOCKTAG &tag) {
	LockAcquire(&tag, ExclusiveLock, false, false);
}

inline void unlock(const LOCKTAG &tag) {
	LockRelease(&tag, ExclusiveLock, false);
}

} // namespace ipam::pg
