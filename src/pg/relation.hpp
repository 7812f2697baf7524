#pragma once
// Tables and indexes of the extension by name, and scans of an index under any snapshot.
// Nothing here has a destructor: an error of the server lets the resource owner clean up.
#include "pg/postgres.hpp"

#include <string_view>

#include "pg/address_index.hpp"
#include "pg/column.hpp"
#include "pg/direct_index.hpp"

namespace ipam::pg {

inline Oid oid_of(const char *name) {
	const Oid schema = get_namespace_oid("ipam", false);
	const Oid oid = get_relname_relid(name, schema);
	if (!OidIsValid(oid)) {
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation ipam.%s does not exist", name),
		                errhint("The extension ipam is not installed completely in this database.")));
	}
	return oid;
}

// Tables whose columns are read by their numbers.
inline void require_shape(Relation table, std::string_view name) {
	if (name == "occupancy")
		require_columns(table, {"range_id", "first_address", "last_address", "is_confirmed"});
	else if (name == "occupancy_hole")
		require_columns(table, {"range_id", "address"});
	else if (name == "released_address")
		require_columns(table, {"range_id", "address", "released_at"});
	else if (name == "common_property")
		require_columns(table, {"name", "value"});
}

// A table by name. Its owner may have put a view in its place. Who has read it closes it with NoLock: the
// lock stays until the transaction ends, as that of a SELECT. Otherwise a TRUNCATE would empty it under a
// snapshot.
inline Relation open_table(const char *name, LOCKMODE lock) {
	Relation table = table_open(oid_of(name), lock);
	if (table->rd_rel->relkind != RELKIND_RELATION || table->rd_rel->relam != HEAP_TABLE_AM_OID)
		refuse_changed(table, nullptr);
	require_shape(table, name);
	return table;
}

// An old snapshot may have rows that such an index lacks.
inline bool is_too_young(Relation index) {
	return index->rd_index->indcheckxmin &&
	       !TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin);
}

inline bool is_complete(Relation index, Relation table) {
	return index->rd_index->indisvalid && index->rd_index->indrelid == RelationGetRelid(table) &&
	       !is_too_young(index);
}

// One that a CREATE or REINDEX CONCURRENTLY is still building, or has left behind unfinished, lacks rows; so
// does, for an old snapshot, one that indcheckxmin warns of. The planner passes such an index by. Nothing
// here can do without, so it is an error. REINDEX CONCURRENTLY of a complete index does not disturb: it
// waits for whoever has locked the table before it lets go of the index that it has replaced.
inline Relation open_index(Relation table, const DirectIndex &wanted) {
	const char *name = wanted.name;
	Oid oid = oid_of(name);
	Relation index = index_open(oid, AccessShareLock);
	while (!index->rd_index->indisvalid && oid_of(name) != oid) { // replaced since the name was looked up
		index_close(index, AccessShareLock);
		oid = oid_of(name);
		index = index_open(oid, AccessShareLock);
	}
	if (!is_complete(index, table)) {
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		         errmsg("index ipam.%s cannot be used", name),
		         is_too_young(index) ? errdetail("It was created after the transaction began.")
		                             : errdetail("It is being created, or its creation was interrupted."),
		         is_too_young(index) ? errhint("Run the transaction again.")
		                             : errhint("If nobody is creating it: REINDEX INDEX ipam.%s.", name)));
	}
	if (std::string_view{name} == address_index.name) check_address_index(index, table);
	return index;
}

inline bool is_partial(Relation index) {
	return !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr);
}

inline bool has_not_null_rows(Relation index, Relation table, const ColumnName &column) {
	const List *predicate = RelationGetIndexPredicate(index);
	if (list_length(predicate) != 1 || !IsA(linitial(predicate), NullTest)) return false;
	const auto *test = linitial_node(NullTest, predicate);
	return test->nulltesttype == IS_NOT_NULL && IsA(test->arg, Var) &&
	       castNode(Var, test->arg)->varattno == column_number(table, column);
}

// All rows of the table are in an index, but for one whose purpose is to have some.
inline bool has_its_rows(Relation index, Relation table) {
	if (std::string_view{RelationGetRelationName(index)} == "ip_range_quarantine_idx")
		return has_not_null_rows(index, table, "quarantine");
	return !is_partial(index);
}

// They ascend in each column, but for one in which the last row before an address comes first.
inline bool has_its_order(Relation index) {
	const bool is_service = std::string_view{RelationGetRelationName(index)} == "ip_range_service_idx";
	for (int column = 0; column < IndexRelationGetNumberOfKeyAttributes(index); ++column) {
		const int order = is_service && column == 3 ? INDOPTION_DESC | INDOPTION_NULLS_FIRST : 0;
		if (index->rd_indoption[column] != order) return false;
	}
	return true;
}

inline Oid btree_family(Oid type) {
	return type == INT8OID   ? INTEGER_BTREE_FAM_OID
	       : type == TEXTOID ? TEXT_BTREE_FAM_OID
	                         : NETWORK_BTREE_FAM_OID;
}

// Somebody may have dropped the index and made another one in its name. The types that the functions of the
// keys take are those of the columns, in the order and the collation that the keys are compared in.
inline bool fits(const DirectIndex &wanted, Relation index, Relation table, const ScanKeyData *keys,
                 int key_count) {
	const bool has_extents = key_count > 0 && keys[key_count - 1].sk_func.fn_oid == F_RANGE_CONTAINS_ELEM;
	if (index->rd_rel->relam != (has_extents ? GIST_AM_OID : BTREE_AM_OID)) return false;
	if (!has_its_rows(index, table) || !has_its_order(index)) return false;
	if (!wanted.is_on_its_columns(index, table)) return false;
	for (int i = 0; i < key_count; ++i) {
		const Oid function = keys[i].sk_func.fn_oid;
		const int column = keys[i].sk_attno - 1;
		if (column >= IndexRelationGetNumberOfKeyAttributes(index)) return false;
		Oid type = index->rd_opcintype[column];
		if (function == F_RANGE_CONTAINS_ELEM) type = get_range_subtype(type);
		if (type != (function == F_INT8EQ ? INT8OID : function == F_TEXTEQ ? TEXTOID : INETOID)) return false;
		if (!has_extents && index->rd_opfamily[column] != btree_family(type)) return false;
		if (type == TEXTOID && index->rd_indcollation[column] != keys[i].sk_collation) return false;
	}
	return true;
}

struct OpenIndexScan {
	Relation table;
	Relation index;
	IndexScanDesc scan;
};

// index_only: the values of the index are wanted (scan->xs_itup), not the rows of the table.
inline OpenIndexScan begin_index_scan(const char *table, const DirectIndex &index, Snapshot snapshot,
                                      ScanKeyData *keys, int key_count, bool index_only = false) {
	OpenIndexScan s{};
	s.table = open_table(table, AccessShareLock);
	s.index = open_index(s.table, index);
	if (!fits(index, s.index, s.table, keys, key_count)) refuse_changed(s.index, nullptr);
#if PG_VERSION_NUM >= 180000
	s.scan = index_beginscan(s.table, s.index, snapshot, nullptr, key_count, 0);
#else
	s.scan = index_beginscan(s.table, s.index, snapshot, key_count, 0);
#endif
	s.scan->xs_want_itup = index_only; // index_rescan() prepares for it
	index_rescan(s.scan, keys, key_count, nullptr, 0);
	return s;
}

inline void end_index_scan(const OpenIndexScan &s) {
	index_endscan(s.scan);
	index_close(s.index, AccessShareLock);
	table_close(s.table, NoLock);
}

} // namespace ipam::pg
