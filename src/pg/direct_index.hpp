#pragma once
// The indexes that are scanned without SQL, and which columns they are on. A key is compared with whatever is
// in its column: another index in the name of one gives wrong rows, not an error.
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
    {"ip_range_pkey", {"id"}},
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

// One of them by its name. The compiler refuses a name that is not in the list.
class DirectIndex {
public:
	constexpr DirectIndex() = default; // none yet
	consteval DirectIndex(const char *index_name) : name(index_name), columns_(columns_of(index_name)) {}

	bool is_on_its_columns(Relation index, Relation table) const {
		for (int i = 0; i < int{lengthof(columns_->names)} && columns_->names[i] != nullptr; ++i) {
			if (i >= index->rd_index->indnkeyatts) return false;
			const AttrNumber number = index->rd_index->indkey.values[i]; // 0: an expression
			if (number <= 0) return false;
			const FormData_pg_attribute *column = TupleDescAttr(RelationGetDescr(table), number - 1);
			if (std::strcmp(NameStr(column->attname), columns_->names[i]) != 0) return false;
		}
		return true;
	}

	const char *name = nullptr;

private:
	static consteval const IndexColumns *columns_of(std::string_view index_name) {
		const IndexColumns *found = index_columns;
		while (found->index != index_name)
			++found; // beyond the end of the list: not a constant expression
		return found;
	}

	const IndexColumns *columns_ = nullptr;
};

} // namespace ipam::pg
