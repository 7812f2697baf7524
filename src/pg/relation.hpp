#pragma once
// Tables and indexes of the extension by name, and scans of an index under any snapshot.
// Nothing here has a destructor: an error of the server lets the resource owner clean up.
#include "pg/postgres.hpp"

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

struct OpenIndexScan {
	Relation table;
	Relation index;
	IndexScanDesc scan;
};

// index_only: the values of the index are wanted (scan->xs_itup), not the rows of the table.
inline OpenIndexScan begin_index_scan(const char *table, const char *index, Snapshot snapshot,
                                      ScanKeyData *keys, int key_count, bool index_only = false) {
	OpenIndexScan s{};
	s.table = table_open(oid_of(table), AccessShareLock);
	s.index = index_open(oid_of(index), AccessShareLock);
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
	table_close(s.table, AccessShareLock);
}

} // namespace ipam::pg
