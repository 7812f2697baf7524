#pragma once
// The index of ip_address that searches walk: the addresses of a range in order.
#include "pg/postgres.hpp"

#include "pg/direct_index.hpp"

namespace ipam::pg {

inline constexpr DirectIndex address_index{"ip_address_range_id_address_idx"};

// What its readers take for granted. Somebody may have dropped it and made another one in its name. A column
// more, even one that is only included, may be NULL in an entry, and where the address lies in it would have
// to be worked out.
inline void check_address_index(Relation index, Relation table) {
	if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indnatts == 2 &&
	    index->rd_index->indnkeyatts == 2 && address_index.is_on_its_columns(index, table) &&
	    index->rd_opcintype[0] == INT8OID && index->rd_opcintype[1] == INETOID &&
	    index->rd_opfamily[0] == INTEGER_BTREE_FAM_OID && index->rd_opfamily[1] == NETWORK_BTREE_FAM_OID &&
	    index->rd_indoption[0] == 0 && index->rd_indoption[1] == 0 &&
	    heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr))
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	                errmsg("index ipam.%s cannot be used", address_index.name),
	                errdetail("It is not the one that the extension has created."),
	                errhint("Drop it and CREATE UNIQUE INDEX %s ON ipam.ip_address (range_id, address).",
	                        address_index.name)));
}

} // namespace ipam::pg
