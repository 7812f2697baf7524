#pragma once
// The index of ip_address that searches walk: the addresses of a range in order.
#include "pg/postgres.hpp"

namespace ipam::pg {

inline constexpr const char *address_index = "ip_address_range_id_address_idx";

// What its readers take for granted. Somebody may have dropped it and made another one in its name.
inline void check_address_index(Relation index) {
	if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indnkeyatts == 2 &&
	    index->rd_opcintype[0] == INT8OID && index->rd_opcintype[1] == INETOID &&
	    index->rd_indoption[0] == 0 && index->rd_indoption[1] == 0 &&
	    heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr))
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	                errmsg("index ipam.%s cannot be used", address_index),
	                errdetail("It is not the one that the extension has created."),
	                errhint("Drop it and CREATE UNIQUE INDEX %s ON ipam.ip_address (range_id, address).",
	                        address_index)));
}

} // namespace ipam::pg
