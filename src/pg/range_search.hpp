#pragma once
// The range of an address, found so that nobody else can make the answer wrong unnoticed: the search
// also sees what other transactions have written and not committed, and waits for them.
#include "pg/postgres.hpp"

#include <cstring>

#include "pg/convert.hpp"
#include "pg/relation.hpp"

namespace ipam::pg {

// What decides the range of an address.
struct Service {
	Datum address_space; // bigint
	Datum managed_by;    // text
	Datum entity;        // text
};

struct RangeFound {
	int64 id; // 0: none
	Oid virtualization_type;
	// The addresses that belong to it like the one that was asked for. None (first > last) where ranges of
	// the service may overlap, and while somebody changes the range.
	Span span;
};

constexpr RangeFound no_range{0, InvalidOid, {Family::v4, 1, 0}};

// What the search reads of a range; looked up once for a statement.
struct RangeColumns {
	AttrNumber id, start_address, end_address, virtualization_type;
};

inline RangeColumns range_columns() {
	Relation table = open_table("ip_range", AccessShareLock);
	const RangeColumns columns{column_number(table, "id"), column_number(table, "start_address"),
	                           column_number(table, "end_address"),
	                           column_number(table, "virtualization_type")};
	table_close(table, NoLock);
	return columns;
}

// Another transaction has written the row and not ended yet.
inline TransactionId writer_in_progress(const SnapshotData &dirty) {
	return TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
}

inline void wait_for(TransactionId writer, Relation table, ItemPointer tid) {
	ItemPointerData place = *tid;
	XactLockTableWait(writer, table, &place, XLTW_FetchUpdated);
}

inline bool is_ms_dhcp(Datum managed_by) {
	const text *value = DatumGetTextPP(managed_by);
	return VARSIZE_ANY_EXHDR(value) == 7 && std::memcmp(VARDATA_ANY(value), "MS DHCP", 7) == 0;
}

// Whether its writer, who has not ended yet, has replaced this version by another one. If he rolls
// back a part of what he has done, it may come back.
inline bool is_replaced(TupleTableSlot *slot) {
	const HeapTuple tuple = ExecFetchSlotHeapTuple(slot, false, nullptr);
	return (tuple->t_data->t_infomask & HEAP_XMAX_INVALID) == 0 &&
	       !HEAP_XMAX_IS_LOCKED_ONLY(tuple->t_data->t_infomask);
}

// One pass over the ranges at or before the address. A writer in progress who may change the answer
// ends the pass: `writer` says whom to wait for. `place` is the row that was found or is waited for.
struct Pass {
	RangeFound found;
	TransactionId writer;
	ItemPointerData place;
};

inline Pass look_for_range(const OpenIndexScan &scan, const RangeColumns &columns, SnapshotData &dirty,
                           TupleTableSlot *slot, const Address &address, bool may_overlap) {
	const Pass none{no_range, InvalidTransactionId, {}};
	Pass pending = none;
	// Versions of the pending range that hold the address: the one before the change, the one after.
	bool old_holds = false, new_holds = false;
	ItemPointerData old_place{};
	// Where ranges may overlap, several can have the same addresses: the oldest of them, whose id is the
	// least.
	Pass oldest = none;
	Span extent = no_range.span;
	while (index_getnext_slot(scan.scan, ForwardScanDirection, slot)) {
		const Address last = address_in(slot, columns.end_address);
		const TransactionId writer = writer_in_progress(dirty);
		const bool in_progress = TransactionIdIsValid(writer);
		if (last.family == address.family && last.value >= address.value) {
			const Span span{last.family, address_in(slot, columns.start_address).value, last.value};
			const RangeFound range{DatumGetInt64(value_in(slot, columns.id)),
			                       DatumGetObjectId(value_in(slot, columns.virtualization_type)),
			                       in_progress || may_overlap ? no_range.span : span};
			if (oldest.found.id != 0) {
				if (span.first != extent.first || span.last != extent.last) break;
				if (range.id >= oldest.found.id) continue;
			}
			if (pending.found.id != 0 && pending.found.id != range.id) return pending;
			ItemPointerData place = slot->tts_tid;
			if (in_progress) {
				if (pending.found.id == 0) pending = {range, writer, slot->tts_tid};
				if (!TransactionIdIsValid(dirty.xmin)) {
					old_holds = true;
					old_place = slot->tts_tid;
				} else if (!is_replaced(slot)) {
					new_holds = true;
				}
				if (!old_holds || !new_holds) continue;
				place = old_place; // certain either way
			}
			if (!may_overlap) return {range, InvalidTransactionId, place};
			pending = none;
			old_holds = new_holds = false;
			oldest = {range, InvalidTransactionId, place};
			extent = span;
		} else if (!may_overlap && !in_progress) {
			break; // ranges that do not overlap: the one that starts last is the only candidate
		}
	}
	return pending.found.id == 0 ? oldest : pending;
}

// Keeps the range from being deleted until the end of the transaction, as the foreign key would do a
// moment later. False: it has changed or gone since it was found.
inline bool keep_range(Relation table, ItemPointerData place, TupleTableSlot *slot) {
	TM_FailureData failure;
	const TM_Result result =
	    table_tuple_lock(table, &place, GetLatestSnapshot(), slot, GetCurrentCommandId(false),
	                     LockTupleKeyShare, LockWaitBlock, TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS, &failure);
	return result != TM_Updated && result != TM_Deleted;
}

inline bool is_own_version(TupleTableSlot *slot) {
	const HeapTuple tuple = ExecFetchSlotHeapTuple(slot, false, nullptr);
	return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
}

// The foreign key looks with the transaction's snapshot: it would not find a range that was made since. One
// that was only changed since it finds, and decides itself.
inline void require_in_snapshot(Relation table, int64 id, TupleTableSlot *slot) {
	if (!IsolationUsesXactSnapshot() || is_own_version(slot)) return;
	const Snapshot snapshot = RegisterSnapshot(GetTransactionSnapshot());
	if (!table_tuple_satisfies_snapshot(table, slot, snapshot)) {
		ScanKeyData key;
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
		const OpenIndexScan scan = begin_index_scan("ip_range", "ip_range_pkey", snapshot, &key, 1);
		ExecClearTuple(slot);
		if (!index_getnext_slot(scan.scan, ForwardScanDirection, slot)) {
			ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			                errmsg("could not serialize access due to concurrent update"),
			                errdetail_internal("Range " INT64_FORMAT
			                                   " was made after the snapshot of the transaction was taken.",
			                                   id),
			                errhint("The transaction might succeed if retried.")));
		}
		end_index_scan(scan);
	}
	UnregisterSnapshot(snapshot);
}

// The range of an address. A caller who is about to map the address to it wants it kept.
inline RangeFound find_range(const RangeColumns &columns, const Service &service, Datum address, bool keep) {
	ScanKeyData keys[4];
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, service.address_space);
	ScanKeyEntryInitialize(&keys[1], 0, 2, BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID, F_TEXTEQ,
	                       service.managed_by);
	ScanKeyEntryInitialize(&keys[2], 0, 3, BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID, F_TEXTEQ,
	                       service.entity);
	ScanKeyInit(&keys[3], 4, BTLessEqualStrategyNumber, F_NETWORK_LE, address);
	for (;;) {
		SnapshotData dirty;
		InitDirtySnapshot(dirty);
		const OpenIndexScan scan = begin_index_scan("ip_range", "ip_range_service_idx", &dirty, keys, 4);
		TupleTableSlot *slot = table_slot_create(scan.table, nullptr);
		Pass pass = look_for_range(scan, columns, dirty, slot, to_address(DatumGetInetPP(address)),
		                           is_ms_dhcp(service.managed_by));
		ExecClearTuple(slot);
		index_endscan(scan.scan); // lets the page go while waiting
		bool certain = !TransactionIdIsValid(pass.writer);
		if (!certain) wait_for(pass.writer, scan.table, &pass.place);
		if (certain && keep && pass.found.id != 0) {
			certain = keep_range(scan.table, pass.place, slot);
			if (certain) require_in_snapshot(scan.table, pass.found.id, slot);
		}
		ExecDropSingleTupleTableSlot(slot);
		index_close(scan.index, AccessShareLock);
		table_close(scan.table, NoLock);
		if (certain) return pass.found;
	}
}

} // namespace ipam::pg
