#pragma once
// SQL statements that a session prepares once and keeps. Between SPI_connect() and SPI_finish().
#include "pg/postgres.hpp"

namespace ipam::pg {

class Statement {
public:
	explicit constexpr Statement(const char *sql) noexcept : sql_(sql) {}

	// Types are built-in ones: those of the extension get other numbers when it is made anew.
	template <typename... Types> SPIPlanPtr prepared(Types... types) {
		if (plan_ == nullptr) {
			Oid oids[] = {InvalidOid, static_cast<Oid>(types)...};
			SPIPlanPtr plan = SPI_prepare(sql_, sizeof...(types), oids + 1);
			if (plan == nullptr || SPI_keepplan(plan) != 0) elog(ERROR, "could not prepare: %s", sql_);
			plan_ = plan;
		}
		return plan_;
	}

private:
	const char *sql_;
	SPIPlanPtr plan_ = nullptr;
};

// Runs a statement as referential integrity does: it sees what is committed by now, and under the
// higher isolation levels a row that the transaction should not see is a serialization failure.
inline void execute_on_latest(SPIPlanPtr plan, Datum *values) {
	CommandCounterIncrement();
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	Snapshot own = IsolationUsesXactSnapshot() ? RegisterSnapshot(GetTransactionSnapshot()) : InvalidSnapshot;
	const int result = SPI_execute_snapshot(plan, values, nullptr, latest, own, false, true, 0);
	if (result < 0) elog(ERROR, "statement failed: %s", SPI_result_code_string(result));
	if (own != InvalidSnapshot) UnregisterSnapshot(own);
	UnregisterSnapshot(latest);
}

} // namespace ipam::pg
