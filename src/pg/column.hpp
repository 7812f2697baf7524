#pragma once
// Columns of the extension's tables by name. Whoever owns the tables may rename a column, give it another
// type or let it be NULL. What is read then is no value but an error.
#include "pg/postgres.hpp"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <string_view>

#include "pg/convert.hpp"

namespace ipam::pg {

// The columns that are read here; the compiler refuses others. A name means the same type in every table.
struct ColumnName {
	const char *text;
	Oid type;             // InvalidOid:
	const char *own_type; // one of the extension's

	consteval ColumnName(const char *name) : text(name), type(InvalidOid), own_type(nullptr) {
		constexpr std::string_view ids[] = {"id", "address_space_id", "block_id", "range_id"};
		constexpr std::string_view addresses[] = {"address", "start_address", "end_address", "first_address",
		                                          "last_address"};
		constexpr std::string_view texts[] = {"name", "value", "managed_by", "managed_by_entity"};
		constexpr std::string_view flags[] = {"use_for_utilization", "is_confirmed"};
		constexpr std::string_view times[] = {"modified_at", "released_at"};
		constexpr std::string_view multiranges[] = {"reserved_addresses", "virtual_addresses"};
		const auto is_one_of = [name](const auto &names) {
			return std::find(std::begin(names), std::end(names), std::string_view{name}) != std::end(names);
		};
		if (is_one_of(ids))
			type = INT8OID;
		else if (is_one_of(addresses))
			type = INETOID;
		else if (is_one_of(texts))
			type = TEXTOID;
		else if (is_one_of(flags))
			type = BOOLOID;
		else if (is_one_of(times))
			type = TIMESTAMPTZOID;
		else if (is_one_of(multiranges))
			own_type = "inetmultirange";
		else if (std::string_view{name} == "network")
			type = CIDROID;
		else if (std::string_view{name} == "quarantine")
			type = INTERVALOID;
		else if (std::string_view{name} == "virtualization_type")
			own_type = "virtualization_type";
		else
			throw "no such column is read";
	}

	Oid type_oid() const {
		if (own_type == nullptr) return type;
		return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(own_type),
		                       ObjectIdGetDatum(get_namespace_oid("ipam", false)));
	}
};

// creation: the statement that makes it anew.
[[noreturn]] inline void refuse_changed(Relation relation, const char *column,
                                        const char *creation = nullptr) {
	ereport(ERROR,
	        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	         errmsg("%s ipam.%s cannot be used",
	                relation->rd_rel->relkind == RELKIND_INDEX ? "index" : "relation",
	                RelationGetRelationName(relation)),
	         column != nullptr
	             ? errdetail("It does not have the column \"%s\" as the extension has created it.", column)
	             : errdetail("It is not the one that the extension has created."),
	         creation != nullptr ? errhint("Drop it and %s.", creation)
	                             : errhint("Undo what has been done to it.")));
	pg_unreachable();
}

[[noreturn]] inline void refuse_null(const FormData_pg_attribute *column) {
	const char *name = NameStr(column->attname);
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	                errmsg("column \"%s\" must not be NULL", name),
	                errhint("Put a value in, then ALTER TABLE ... ALTER COLUMN %s SET NOT NULL.", name)));
	pg_unreachable();
}

// Where the column is, counted from 0; -1: there is none of this name and type.
inline int find_column(TupleDesc description, const ColumnName &column) {
	for (int i = 0; i < description->natts; ++i) {
		const FormData_pg_attribute *attribute = TupleDescAttr(description, i);
		if (!attribute->attisdropped && std::strcmp(NameStr(attribute->attname), column.text) == 0)
			return attribute->atttypid == column.type_oid() ? i : -1;
	}
	return -1;
}

// Its number, counted from 1.
inline AttrNumber column_number(Relation table, const ColumnName &column) {
	const int position = find_column(RelationGetDescr(table), column);
	if (position < 0) refuse_changed(table, column.text);
	return static_cast<AttrNumber>(position + 1);
}

// Of a table whose columns are read by their numbers: these are the first ones, in this order.
inline void require_columns(Relation table, std::initializer_list<ColumnName> columns) {
	AttrNumber number = 0;
	for (const ColumnName &column : columns) {
		if (column_number(table, column) != ++number) refuse_changed(table, column.text);
	}
}

// The value of a column that is never NULL.
inline Datum value_in(TupleTableSlot *slot, int column) {
	bool is_null = false;
	const Datum value = slot_getattr(slot, column, &is_null);
	if (is_null) refuse_null(TupleDescAttr(slot->tts_tupleDescriptor, column - 1));
	return value;
}

inline Address address_in(TupleTableSlot *slot, int column) {
	return to_address(DatumGetInetPP(value_in(slot, column)));
}

} // namespace ipam::pg
