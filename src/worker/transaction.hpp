#pragma once
// Work of a background worker, each piece in a transaction of its own.
#include "pg/postgres.hpp"

namespace ipam::worker {

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
