#pragma once
// Rows that are looked up again and again, and where they were last found.
//
// A bookmark proves nothing. What lies at its place is taken only if it is what an index scan would come to:
// the snapshot shows it, and the key fits. So nobody has to say when the row has been changed, moved or
// deleted, or its table made anew, and under old snapshots and on standbys it is as right as the scan.
#include "pg/postgres.hpp"

#include "pg/relation.hpp"

namespace ipam::pg {

struct Bookmark {
	ItemPointerData place;
	Buffer page; // of the server's memory, that held the place; InvalidBuffer: nothing has been found yet
};

namespace detail {

inline bool fits(HeapTuple row, TupleDesc description, ScanKeyData *key) {
	bool is_null = false;
	const Datum value = heap_getattr(row, key->sk_attno, description, &is_null);
	return !is_null &&
	       DatumGetBool(FunctionCall2Coll(&key->sk_func, key->sk_collation, value, key->sk_argument));
}

// A page that is still in memory still is a page of the table: while the table is locked, nobody cuts it off.
inline bool is_in_memory(Relation table, const Bookmark &bookmark) {
#if PG_VERSION_NUM >= 160000
	const RelFileLocator &file = table->rd_locator;
#else
	const RelFileNode &file = table->rd_node;
#endif
	if (bookmark.page == InvalidBuffer ||
	    !ReadRecentBuffer(file, MAIN_FORKNUM, ItemPointerGetBlockNumber(&bookmark.place), bookmark.page))
		return false;
	ReleaseBuffer(bookmark.page);
	return true;
}

// What lacks rows, is on another column or in another collation is passed by.
inline bool is_usable(Relation table, Oid index, const ScanKeyData *key) {
	Relation opened = index_open(index, AccessShareLock);
	const bool result =
	    is_complete(opened, table) && RelationGetIndexPredicate(opened) == NIL &&
	    opened->rd_rel->relam == BTREE_AM_OID && opened->rd_index->indkey.values[0] == key->sk_attno &&
	    (!OidIsValid(opened->rd_indcollation[0]) || opened->rd_indcollation[0] == key->sk_collation);
	index_close(opened, AccessShareLock);
	return result;
}

} // namespace detail

// Shows read(HeapTuple) the row that the snapshot shows and the key names, of which a unique index allows
// one; false: there is none. `index` gives the oid of that index. Without a snapshot: as the server reads its
// catalogs.
template <typename Index, typename Read> bool find_row(Relation table, Index &&index, ScanKeyData *key,
                                                       Snapshot snapshot, Bookmark *bookmark, Read &&read) {
	if (detail::is_in_memory(table, *bookmark)) {
		HeapTupleData row{};
		row.t_self = bookmark->place;
		Buffer page = InvalidBuffer;
		Snapshot shown = snapshot != nullptr ? snapshot : GetCatalogSnapshot(RelationGetRelid(table));
		if (heap_fetch(table, shown, &row, &page, false)) {
			const bool is_it = detail::fits(&row, RelationGetDescr(table), key);
			if (is_it) read(&row);
			ReleaseBuffer(page);
			if (is_it) return true;
		}
	}
	const Oid oid = index();
	SysScanDesc scan = systable_beginscan(table, oid, detail::is_usable(table, oid, key), snapshot, 1, key);
	HeapTuple row = systable_getnext(scan);
	const bool exists = HeapTupleIsValid(row);
	if (exists) {
		*bookmark = {row->t_self, reinterpret_cast<BufferHeapTupleTableSlot *>(scan->slot)->buffer};
		read(row);
	}
	systable_endscan(scan);
	return exists;
}

} // namespace ipam::pg
