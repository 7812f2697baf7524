#pragma once
// The rows of a set-returning function, all at once.
#include "pg/postgres.hpp"

namespace ipam::pg {

// All rows at once into a tuplestore: what a call in FROM wants.
struct Rows {
	Tuplestorestate *store;
	TupleDesc description;

	void put(Datum value) const {
		bool is_null = false;
		tuplestore_putvalues(store, description, &value, &is_null);
	}
};

inline Rows materialize(FunctionCallInfo fcinfo) {
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	return {result->setResult, result->setDesc};
}

inline bool wants_materialized(FunctionCallInfo fcinfo) {
	const auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	return result != nullptr && IsA(result, ReturnSetInfo) &&
	       (result->allowedModes & SFRM_Materialize_Preferred) != 0;
}

} // namespace ipam::pg
