#pragma once
// Work of a background worker, each piece in a transaction of its own.
#include "pg/postgres.hpp"

namespace ipam::worker {

// What a database or a role sets for those who connect is not for work that nobody waits for: a transaction
// that must not write, that sees nothing newer than its beginning or that ends before the work is done.
inline void override_defaults() {
	const auto set = [](const char *name, const char *value) {
		SetConfigOption(name, value, PGC_USERSET, PGC_S_SESSION);
	};
	set("default_transaction_read_only", "off"); // on a standby all transactions are read-only anyway
	set("default_transaction_isolation", "read committed");
#if PG_VERSION_NUM >= 170000
	set("transaction_timeout", "0");
#endif
}

template <typename Work> auto in_transaction(Work work) {
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_connect();
	const auto result = work();
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	return result;
}

} // namespace ipam::worker
