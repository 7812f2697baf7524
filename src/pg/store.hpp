#pragma once
// Whether the store may be worked with. Read straight from the tables: the gate stands before every
// operation, and is nobody's right to pass.
#include "pg/postgres.hpp"

#include <cstring>
#include <string_view>

#include "pg/bookmark.hpp"
#include "pg/relation.hpp"
#include "pg/statement.hpp"

namespace ipam::pg {

// Shows read(std::string_view) a text of a row; false: it is NULL.
template <typename Read> bool read_text(Relation table, HeapTuple row, int column, Read &&read) {
	bool is_null = false;
	const Datum datum = heap_getattr(row, column, RelationGetDescr(table), &is_null);
	if (is_null) return false;
	const text *value = DatumGetTextPP(datum);
	return read(std::string_view{VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)});
}

// Shows read(std::string_view) the value of a common property; false: it is not set.
template <typename Read>
bool read_property(Relation table, const char *name, Bookmark *bookmark, Read &&read) {
	ScanKeyData key;
	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, DEFAULT_COLLATION_OID, F_TEXTEQ,
	                       PointerGetDatum(cstring_to_text(name)));
	bool result = false;
	find_row(
	    table, [] { return oid_of("common_property_pkey"); }, &key, GetActiveSnapshot(), bookmark,
	    [&](HeapTuple row) { result = read_text(table, row, 2, read); });
	return result;
}

// Shows read(std::string_view) the version of the extension's objects, which is not the library's while an
// update has yet to come.
template <typename Read> bool read_installed_version(Bookmark *bookmark, Read &&read) {
	Relation table = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("ipam"));
	bool result = false;
	find_row(
	    table, [] { return Oid{ExtensionNameIndexId}; }, &key, nullptr, bookmark,
	    [&](HeapTuple row) { result = read_text(table, row, Anum_pg_extension_extversion, read); });
	table_close(table, AccessShareLock);
	return result;
}

// Provisioned, and the data in the layout of the installed version.
inline bool is_store_ready() {
	static constinit Bookmark configured{};
	static constinit Bookmark store_version{};
	static constinit Bookmark extension{};
	const auto is_set = [](std::string_view) { return true; };
	Relation properties = open_table("common_property", AccessShareLock);
	const bool is_ready =
	    read_property(properties, "IpamConfiguredDate", &configured, is_set) &&
	    read_property(properties, "DatabaseSchemaVersion", &store_version, [](std::string_view store) {
		    return read_installed_version(&extension,
		                                  [&](std::string_view installed) { return store == installed; });
	    });
	table_close(properties, NoLock);
	return is_ready;
}

// A fault where it is not. The words are SQL: ipam.refuse_unready_store().
inline void require_ready_store() {
	static constinit Statement refuse{"SELECT ipam.refuse_unready_store()"};
	if (is_store_ready()) return;
	SPI_connect();
	SPI_execute_plan(refuse.prepared(), nullptr, nullptr, true, 1);
	SPI_finish();
}

} // namespace ipam::pg
