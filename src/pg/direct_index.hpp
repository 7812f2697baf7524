#pragma once
// The indexes that are scanned without SQL, and the shape that the extension has created each of them in. A
// key is compared with whatever is in its column: another index in the name of one, which the owner of the
// tables may have made, gives wrong rows, not an error.
#include "pg/postgres.hpp"

#include <cstring>
#include <string_view>

namespace ipam::pg {

struct IndexColumn {
	const char *name = nullptr; // none: there are no more
	Oid type = InvalidOid;      // that its operators compare; ANYRANGEOID: a range of addresses, with GiST
	bool descends = false;
};

struct IndexShape {
	const char *name;
	IndexColumn columns[5]; // the first ones, as far as they are searched, read or relied on for order
	const char *left_out = nullptr; // rows in which this column is NULL; no others
	bool has_no_more = false;       // columns: its entries are read as they lie in its pages
	const char *creation = nullptr; // for a hint
};

inline constexpr IndexShape index_shapes[] = {
    {.name = "ip_address_range_id_address_idx",
     .columns = {{"range_id", INT8OID}, {"address", INETOID}},
     .has_no_more = true,
     .creation =
         "CREATE UNIQUE INDEX ip_address_range_id_address_idx ON ipam.ip_address (range_id, address)"},
    {.name = "ip_address_identity_key", .columns = {{"address_space_id", INT8OID}, {"address", INETOID}}},
    {.name = "ip_block_parent_id_idx",
     .columns = {{"parent_id", INT8OID}, {"start_address", INETOID}, {"end_address", INETOID}}},
    {.name = "ip_range_extent_idx", .columns = {{"address_space_id", INT8OID}, {"extent", ANYRANGEOID}}},
    {.name = "ip_range_pkey", .columns = {{"id", INT8OID}}},
    {.name = "ip_range_quarantine_idx", .columns = {}, .left_out = "quarantine"}, // has it any row?
    {.name = "ip_range_service_idx",
     .columns = {{"address_space_id", INT8OID},
                 {"managed_by", TEXTOID},
                 {"managed_by_entity", TEXTOID},
                 {"start_address", INETOID, true},
                 {"end_address", INETOID}}},
    {.name = "ip_range_start_address_idx",
     .columns = {{"address_space_id", INT8OID}, {"start_address", INETOID}, {"end_address", INETOID}}},
    {.name = "ip_subnet_network_key", .columns = {{"address_space_id", INT8OID}, {"network", INETOID}}},
    {.name = "occupancy_hole_range_id_address_idx", .columns = {{"range_id", INT8OID}, {"address", INETOID}}},
    {.name = "occupancy_range_id_first_address_idx",
     .columns = {{"range_id", INT8OID}, {"first_address", INETOID}}},
    {.name = "released_address_pkey", .columns = {{"range_id", INT8OID}, {"address", INETOID}}},
};

// One of them by its name. The compiler refuses a name that is not in the list.
class DirectIndex {
public:
	constexpr DirectIndex() = default; // none yet
	consteval DirectIndex(const char *name) : shape_(shape_of(name)) {}

	const char *name() const { return shape_->name; }
	const char *creation() const { return shape_->creation; }

	bool is_as_created(Relation index, Relation table) const {
		int count = 0;
		bool has_extents = false;
		for (const IndexColumn &column : shape_->columns) {
			if (column.name == nullptr) break;
			if (!has_column(index, table, count, column)) return false;
			has_extents |= column.type == ANYRANGEOID;
			++count;
		}
		return index->rd_rel->relam == (has_extents ? GIST_AM_OID : BTREE_AM_OID) &&
		       (!shape_->has_no_more || index->rd_index->indnatts == count) &&
		       has_rows(index, table, shape_->left_out);
	}

private:
	static consteval const IndexShape *shape_of(std::string_view name) {
		const IndexShape *found = index_shapes;
		while (found->name != name)
			++found; // beyond the end of the list: not a constant expression
		return found;
	}

	static bool is_column(Relation table, AttrNumber number, const char *name) {
		return number > 0 && // 0: an expression
		       std::strcmp(NameStr(TupleDescAttr(RelationGetDescr(table), number - 1)->attname), name) == 0;
	}

	// The column, compared and sorted as it has been created.
	static bool has_column(Relation index, Relation table, int i, const IndexColumn &column) {
		if (i >= index->rd_index->indnkeyatts) return false;
		if (!is_column(table, index->rd_index->indkey.values[i], column.name)) return false;
		if (index->rd_indoption[i] != (column.descends ? INDOPTION_DESC | INDOPTION_NULLS_FIRST : 0))
			return false;
		const Oid type = index->rd_opcintype[i];
		if (column.type == ANYRANGEOID) return get_range_subtype(type) == INETOID;
		if (type != column.type) return false;
		if (type == TEXTOID && index->rd_indcollation[i] != C_COLLATION_OID) return false;
		return index->rd_rel->relam != BTREE_AM_OID || index->rd_opfamily[i] == btree_family(type);
	}

	static Oid btree_family(Oid type) {
		return type == INT8OID   ? INTEGER_BTREE_FAM_OID
		       : type == TEXTOID ? TEXT_BTREE_FAM_OID
		                         : NETWORK_BTREE_FAM_OID;
	}

	static bool has_rows(Relation index, Relation table, const char *left_out) {
		const List *predicate = RelationGetIndexPredicate(index);
		if (left_out == nullptr) return predicate == NIL;
		if (list_length(predicate) != 1 || !IsA(linitial(predicate), NullTest)) return false;
		const auto *test = linitial_node(NullTest, predicate);
		return test->nulltesttype == IS_NOT_NULL && IsA(test->arg, Var) &&
		       is_column(table, castNode(Var, test->arg)->varattno, left_out);
	}

	const IndexShape *shape_ = nullptr;
};

} // namespace ipam::pg
