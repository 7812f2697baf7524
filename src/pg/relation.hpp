#pragma once
// Tables and indexes of the extension by name, and scans of an index under any snapshot.
// Nothing here has a destructor: an error of the server lets the resource owner clean up.
#include "pg/postgres.hpp"

#include <string_view>

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
	const char *name = wanted.name();
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
	if (!wanted.is_as_created(index, table)) refuse_changed(index, nullptr, wanted.creation());
	return index;
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
