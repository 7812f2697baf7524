#pragma once
// Row triggers: the call, and the row it is about by column name.
#include "pg/postgres.hpp"

#include <cstring>

#include "pg/column.hpp"

namespace ipam::pg {

inline TriggerData *trigger_call(FunctionCallInfo fcinfo) {
	if (!CALLED_AS_TRIGGER(fcinfo)) {
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("this function can be called as a trigger only")));
	}
	return reinterpret_cast<TriggerData *>(fcinfo->context);
}

[[noreturn]] inline void refuse_trigger(const TriggerData *data) {
	ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
	                errmsg("trigger %s does not fit its function", data->tg_trigger->tgname)));
	pg_unreachable();
}

// The call of a trigger of one of the extension's own tables. Whoever may execute the function may put it on
// a table of his own, where columns have other types or none.
inline TriggerData *trigger_on(FunctionCallInfo fcinfo, const char *table) {
	TriggerData *data = trigger_call(fcinfo);
	if (RelationGetNamespace(data->tg_relation) != get_namespace_oid("ipam", true) ||
	    strcmp(RelationGetRelationName(data->tg_relation), table) != 0) {
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("trigger %s is for the table ipam.%s only", data->tg_trigger->tgname, table)));
	}
	return data;
}

// The call of a row trigger for INSERT or UPDATE with the given timing.
inline TriggerData *row_trigger_on(FunctionCallInfo fcinfo, const char *table, TriggerEvent timing) {
	TriggerData *data = trigger_on(fcinfo, table);
	if (!TRIGGER_FIRED_FOR_ROW(data->tg_event) || (data->tg_event & TRIGGER_EVENT_TIMINGMASK) != timing ||
	    TRIGGER_FIRED_BY_DELETE(data->tg_event))
		refuse_trigger(data);
	return data;
}

struct Row {
	Relation table;
	HeapTuple tuple;

	TupleDesc description() const { return RelationGetDescr(table); }
	int number(const ColumnName &column) const { return column_number(table, column); }
	// By number, where many rows of a statement are looked at.
	Datum get(int column, bool *is_null) const { return heap_getattr(tuple, column, description(), is_null); }
	Datum get(int column) const { // of a column that is never NULL
		bool is_null = false;
		const Datum value = get(column, &is_null);
		if (is_null) refuse_null(TupleDescAttr(description(), column - 1));
		return value;
	}
	bool is_null(int column) const { return heap_attisnull(tuple, column, description()); }
	int64 id(int column) const { // 0 for NULL
		bool is_null = false;
		const Datum value = get(column, &is_null);
		return is_null ? 0 : DatumGetInt64(value);
	}

	Datum get(const ColumnName &column, bool *is_null) const { return get(number(column), is_null); }
	Datum get(const ColumnName &column) const { return get(number(column)); }
	int64 id(const ColumnName &column) const { return id(number(column)); }
};

inline Row new_row(TriggerData *data) {
	return {data->tg_relation,
	        TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple};
}

// Visits the rows that a statement has changed or deleted, as they were. Another trigger may have read
// them before: each reads from the beginning.
template <typename Visit> void for_each_old_row(TriggerData *data, Visit &&visit) {
	Tuplestorestate *rows = data->tg_oldtable;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(data->tg_relation), &TTSOpsMinimalTuple);
	tuplestore_select_read_pointer(rows, tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND));
	tuplestore_rescan(rows);
	while (tuplestore_gettupleslot(rows, true, false, slot)) {
		CHECK_FOR_INTERRUPTS();
		visit(slot);
	}
	tuplestore_select_read_pointer(rows, 0);
	ExecDropSingleTupleTableSlot(slot);
}

inline Row old_row(TriggerData *data) {
	return {data->tg_relation, data->tg_trigtuple};
}

} // namespace ipam::pg
