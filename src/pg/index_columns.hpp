#pragma once
// Which columns the indexes that are scanned without SQL are on. A key is compared with whatever is in its
// column: another index in the name of one gives wrong rows, not an error.
#include "pg/postgres.hpp"

#include <cstring>
#include <string_view>

namespace ipam::pg {

struct IndexColumns {
	std::string_view index;
	const char *names[4]; // the first ones, as far as they are searched or read
};

inline constexpr IndexColumns index_columns[] = {
    {"ip_address_range_id_address_idx", {"range_id", "address"}},
    {"ip_range_service_idx", {"address_space_id", "managed_by", "managed_by_entity", "start_address"}},
    {"occupancy_range_id_first_address_idx", {"range_id", "first_address"}},
    {"occupancy_hole_range_id_address_idx", {"range_id", "address"}},
    {"ip_subnet_network_key", {"address_space_id", "network"}},
    {"ip_block_parent_id_idx", {"parent_id", "start_address", "end_address"}},
    {"ip_range_start_address_idx", {"address_space_id", "start_address", "end_address"}},
    {"ip_range_extent_idx", {"address_space_id", "extent"}},
    {"ip_range_quarantine_idx", {}}, // whether it has any row is all that is asked
    {"ip_address_identity_key", {"address_space_id", "address"}},
    {"released_address_pkey", {"range_id", "address"}},
};

inline bool is_on_columns(Relation index, Relation table, std::string_view name) {
	for (const IndexColumns &columns : index_columns) {
		if (columns.index != name) continue;
		for (int i = 0; i < int{lengthof(columns.names)} && columns.names[i] != nullptr; ++i) {
			if (i >= index->rd_index->indnkeyatts) return false;
			const AttrNumber number = index->rd_index->indkey.values[i]; // 0: an expression
			if (number <= 0) return false;
			const FormData_pg_attribute *column = TupleDescAttr(RelationGetDescr(table), number - 1);
			if (std::strcmp(NameStr(column->attname), columns.names[i]) != 0) return false;
		}
		return true;
	}
	elog(ERROR, "the columns of index %s are not known", RelationGetRelationName(index));
	pg_unreachable();
}

} // namespace ipam::pg
