#pragma once
// Whether the store may be worked with. Read straight from the indexes: the gate stands before every
// operation, and is nobody's right to pass.
#include "pg/postgres.hpp"

#include <cstring>

#include "pg/relation.hpp"
#include "pg/statement.hpp"

namespace ipam::pg {

// The value of a common property, or nullptr.
inline const char *property(const char *name) {
	ScanKeyData key;
	ScanKeyEntryInitialize(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, DEFAULT_COLLATION_OID, F_TEXTEQ,
	                       PointerGetDatum(cstring_to_text(name)));
	const OpenIndexScan scan =
	    begin_index_scan("common_property", "common_property_pkey", GetActiveSnapshot(), &key, 1);
	TupleTableSlot *slot = table_slot_create(scan.table, nullptr);
	const char *value = nullptr;
	if (index_getnext_slot(scan.scan, ForwardScanDirection, slot)) {
		bool is_null = false;
		const Datum datum = slot_getattr(slot, 2, &is_null);
		if (!is_null) value = text_to_cstring(DatumGetTextPP(datum));
	}
	ExecDropSingleTupleTableSlot(slot);
	end_index_scan(scan);
	return value;
}

// The version of the extension's objects, which is not the library's while an update has yet to come.
inline const char *installed_version() {
	Relation table = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("ipam"));
	SysScanDesc scan = systable_beginscan(table, ExtensionNameIndexId, true, nullptr, 1, &key);
	const char *version = nullptr;
	if (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple)) {
		bool is_null = false;
		const Datum datum =
		    heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(table), &is_null);
		if (!is_null) version = text_to_cstring(DatumGetTextPP(datum));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return version;
}

// Provisioned, and the data in the layout of the installed version.
inline bool is_store_ready() {
	if (property("IpamConfiguredDate") == nullptr) return false;
	const char *store = property("DatabaseSchemaVersion");
	const char *installed = installed_version();
	return store != nullptr && installed != nullptr && std::strcmp(store, installed) == 0;
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
