#pragma once
// The INSERT of allocated addresses: their properties as columns, by arguments of their own or by name.
#include "pg/postgres.hpp"

#include <cstring>

#include "core/address.hpp"
#include "pg/convert.hpp"
#include "pg/fault.hpp"
#include "pg/range_search.hpp"

namespace ipam::pg {

struct PropertyColumn {
	const char *name;
	Oid type; // of its own argument; 0: comes in `properties`
};

// The columns with an argument of their own stand first, in the order of the arguments.
inline constexpr PropertyColumn property_columns[] = {{"device_name", TEXTOID},
                                                      {"device_type", TEXTOID},
                                                      {"state", TEXTOID},
                                                      {"mac_address", MACADDROID},
                                                      {"owner", TEXTOID},
                                                      {"notes", TEXTOID},
                                                      {"assigned_at", TIMESTAMPTZOID},
                                                      {"expires_at", TIMESTAMPTZOID},
                                                      {"custom_fields", JSONBOID},
                                                      {"address_assignment", InvalidOid},
                                                      {"virtualization_type", InvalidOid},
                                                      {"serial_number", InvalidOid},
                                                      {"asset_tag", InvalidOid},
                                                      {"os_name", InvalidOid},
                                                      {"os_version", InvalidOid},
                                                      {"reservation_type", InvalidOid},
                                                      {"client_id", InvalidOid},
                                                      {"duid", InvalidOid},
                                                      {"iaid", InvalidOid},
                                                      {"created_from_dns", InvalidOid}};
constexpr int own_arguments = 9;

struct NewAddresses {
	int64 range_id;
	Service service;
	Datum token;
	bool has_token;
	unsigned given; // columns by their own argument, a bit for each
	Datum values[own_arguments];
	unsigned named; // columns in `properties`
	Datum properties;
};

[[noreturn]] inline void refuse_property(const char *message) {
	raise_fault(
	    fault_named("IpamApiValidationFailure"), message,
	    "Columns of ipam.ip_address that describe the address can be given, each once: by the argument of"
	    " that name, or in properties.",
	    "Example: properties => '{\"serial_number\": \"C02X\", \"os_name\": \"Linux\"}'.");
}

// The columns that the object names; those that are null in it count as left out.
inline unsigned columns_named(Jsonb *properties, unsigned given) {
	if (!JB_ROOT_IS_OBJECT(properties)) refuse_property("properties are not a JSON object");
	unsigned named = 0;
	JsonbIterator *iterator = JsonbIteratorInit(&properties->root);
	JsonbValue value;
	const char *key = nullptr;
	for (JsonbIteratorToken token = JsonbIteratorNext(&iterator, &value, true); token != WJB_DONE;
	     token = JsonbIteratorNext(&iterator, &value, true)) {
		if (token == WJB_KEY) {
			key = pnstrdup(value.val.string.val, static_cast<Size>(value.val.string.len));
		} else if (token == WJB_VALUE) {
			unsigned column = 0;
			while (column < lengthof(property_columns) && strcmp(property_columns[column].name, key) != 0)
				++column;
			if (column == lengthof(property_columns))
				refuse_property(psprintf("an address cannot be given the property \"%s\"", key));
			if (value.type == jbvNull) continue;
			if ((given & 1U << column) != 0) refuse_property(psprintf("property \"%s\" is given twice", key));
			named |= 1U << column;
		}
	}
	return named;
}

// An INSERT leaves out addresses that somebody has recorded in the last moment. To name the index that tells
// of them is not enough: other unique ones, which have the address too, would be met as errors where the
// other session was only just in time. Without a name a unique index of the users' own leaves out rows as
// well, in silence.
constexpr const char *by_any_index = "";
constexpr const char *by_identity = " (address_space_id, address, managed_by, managed_by_entity)";

// A single address, which is what most calls want, comes without an array to unfold.
inline SPIPlanPtr prepare_insert(const NewAddresses &rows, bool single, const char *conflict) {
	Oid types[7 + own_arguments] = {
	    INT8OID, TEXTOID, TEXTOID, INT8OID, single ? Oid{INETOID} : Oid{INETARRAYOID}, TEXTOID, JSONBOID};
	StringInfoData columns;
	StringInfoData values;
	initStringInfo(&columns);
	initStringInfo(&values);
	StringInfoData sources; // each after a comma
	initStringInfo(&sources);
	for (unsigned i = 0; i < lengthof(property_columns); ++i) {
		if (i < own_arguments) types[7 + i] = property_columns[i].type;
		if ((rows.given & 1U << i) != 0) {
			appendStringInfo(&columns, ", %s", property_columns[i].name);
			appendStringInfo(&values, ", $%u", 8 + i);
		} else if ((rows.named & 1U << i) != 0) {
			appendStringInfo(&columns, ", %s", property_columns[i].name);
			appendStringInfo(&values, ", p.%s", property_columns[i].name);
		}
	}
	if (!single) appendStringInfoString(&sources, ", pg_catalog.unnest($5) AS a(address)");
	if (rows.named != 0)
		appendStringInfoString(&sources,
		                       ", pg_catalog.jsonb_populate_record(NULL::ipam.ip_address, $7) AS p");
	const char *sql = psprintf(
	    "INSERT INTO ipam.ip_address (address_space_id, managed_by, managed_by_entity, range_id,"
	    " address%s%s) SELECT $1, $2, $3, $4, %s%s%s%s%s ON CONFLICT%s DO NOTHING RETURNING ip_address",
	    rows.has_token ? ", allocation_token" : "", columns.data, single ? "$5" : "a.address",
	    rows.has_token ? ", $6" : "", values.data, sources.len > 0 ? " FROM" : "",
	    sources.len > 0 ? sources.data + 1 : "", conflict);
	SPIPlanPtr plan = SPI_prepare(sql, lengthof(types), types);
	if (plan == nullptr) elog(ERROR, "could not prepare: %s", sql);
	return plan;
}

// The statement for these columns; those without `properties` are kept for the session.
inline SPIPlanPtr insert_statement(const NewAddresses &rows, bool single) {
	static constinit SPIPlanPtr kept[4U << own_arguments]{};
	if (rows.named != 0) return prepare_insert(rows, single, by_any_index);
	SPIPlanPtr *place = &kept[rows.given * 4 + (rows.has_token ? 2 : 0) + (single ? 1 : 0)];
	if (*place == nullptr) {
		SPIPlanPtr plan = prepare_insert(rows, single, by_any_index);
		SPI_keepplan(plan);
		*place = plan;
	}
	return *place;
}

// Puts the whole rows that a statement has returned into the result, in their order.
inline void put_rows(Tuplestorestate *result) {
	for (uint64 i = 0; i < SPI_processed; ++i) {
		bool is_null = false;
		HeapTupleHeader row =
		    DatumGetHeapTupleHeader(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &is_null));
		HeapTupleData tuple{};
		tuple.t_len = HeapTupleHeaderGetDatumLength(row);
		tuple.t_data = row;
		tuplestore_puttuple(result, &tuple);
	}
}

inline int run_insert(SPIPlanPtr plan, Datum *values, const char *nulls, Tuplestorestate *result) {
	const int status = SPI_execute_plan(plan, values, nulls, false, 0);
	if (status != SPI_OK_INSERT_RETURNING)
		elog(ERROR, "could not record addresses: %s", SPI_result_code_string(status));
	put_rows(result);
	const auto recorded = static_cast<int>(SPI_processed);
	SPI_freetuptable(SPI_tuptable);
	return recorded;
}

// Records the addresses, one row each, and returns how many of them; the others somebody has recorded in
// the last moment. Between SPI_connect() and SPI_finish().
inline int insert_addresses(const NewAddresses &rows, Datum *addresses, int count, Tuplestorestate *result) {
	Datum values[7 + own_arguments] = {
	    rows.service.address_space,
	    rows.service.managed_by,
	    rows.service.entity,
	    Int64GetDatum(rows.range_id),
	    count == 1 ? addresses[0]
	               : PointerGetDatum(construct_array(addresses, count, INETOID, -1, false, TYPALIGN_INT)),
	    rows.token,
	    rows.properties};
	char nulls[7 + own_arguments];
	std::memset(nulls, ' ', sizeof nulls);
	if (!rows.has_token) nulls[5] = 'n';
	if (rows.named == 0) nulls[6] = 'n';
	for (int i = 0; i < own_arguments; ++i) {
		values[7 + i] = rows.values[i];
		if ((rows.given & 1U << i) == 0) nulls[7 + i] = 'n';
	}
	SPIPlanPtr plan = insert_statement(rows, count == 1);
	int recorded = run_insert(plan, values, nulls, result);
	if (rows.named != 0) SPI_freeplan(plan); // not one of those that are kept
	if (recorded < count) {                  // whatever refuses a row without having the address says so now
		plan = prepare_insert(rows, count == 1, by_identity);
		recorded += run_insert(plan, values, nulls, result);
		SPI_freeplan(plan);
	}
	return recorded;
}

} // namespace ipam::pg
