// CSV as rows, and rows as CSV: ipam.parse_csv() and ipam.csv_record().
#include "pg/postgres.hpp"

#include "core/csv.hpp"
#include "pg/boundary.hpp"
#include "pg/rows.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

std::string_view view_of(const text *value) {
	return {VARDATA_ANY(value), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(value))};
}

text *read_value(const CsvField &field) {
	auto *value = static_cast<text *>(palloc(VARHDRSZ + field.raw.size()));
	SET_VARSIZE(value, VARHDRSZ + field.read(VARDATA(value)));
	return value;
}

// The fields of a record as text[], missing ones as NULL.
Datum read_fields(CsvReader &reader) {
	constexpr int first_size = 32;
	constexpr int most_fields = 10000000; // with them an array stays far below what one may be
	int size = first_size;
	int count = 0;
	auto *values = static_cast<Datum *>(palloc(sizeof(Datum) * first_size));
	auto *nulls = static_cast<bool *>(palloc(sizeof(bool) * first_size));
	for (CsvField field{}; reader.next_field(field); ++count) {
		CHECK_FOR_INTERRUPTS();
		if (count == most_fields) {
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("a record has too many fields"),
			                errdetail("The record on line %llu has more than %d.",
			                          static_cast<unsigned long long>(reader.line()), most_fields)));
		}
		if (count == size) {
			size *= 2;
			values = static_cast<Datum *>(repalloc(values, sizeof(Datum) * static_cast<Size>(size)));
			nulls = static_cast<bool *>(repalloc(nulls, sizeof(bool) * static_cast<Size>(size)));
		}
		nulls[count] = field.is_missing();
		values[count] = nulls[count] ? Datum{0} : PointerGetDatum(read_value(field));
	}
	int lower_bound = 1;
	return PointerGetDatum(
	    construct_md_array(values, nulls, 1, &count, &lower_bound, TEXTOID, -1, false, TYPALIGN_INT));
}

} // namespace

// ipam.parse_csv(content, max_records): line, fields and problem of each record.
IPAM_FUNCTION(ipam_parse_csv) {
	CsvReader reader(PG_ARGISNULL(0) ? std::string_view() : view_of(PG_GETARG_TEXT_PP(0)));
	int64 left = PG_ARGISNULL(1) ? PG_INT64_MAX : PG_GETARG_INT64(1);
	InitMaterializedSRF(fcinfo, 0);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	MemoryContext record = AllocSetContextCreate(CurrentMemoryContext, "CSV record", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(record);
	for (; left > 0 && reader.next_record(); --left) {
		CHECK_FOR_INTERRUPTS();
		const Datum fields = read_fields(reader);
		const char *problem = reader.problem();
		Datum values[] = {Int64GetDatum(static_cast<int64>(reader.line())), fields,
		                  problem == nullptr ? Datum{0} : CStringGetTextDatum(problem)};
		bool nulls[] = {false, false, problem == nullptr};
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextReset(record);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(record);
	return Datum{0};
}

// ipam.csv_record(fields): the fields as one record, NULL as an empty field.
IPAM_FUNCTION(ipam_csv_record) {
	ArrayType *fields = PG_GETARG_ARRAYTYPE_P(0);
	Datum *values = nullptr;
	bool *nulls = nullptr;
	int count = 0;
	deconstruct_array(fields, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	Size size = VARHDRSZ + static_cast<Size>(Max(count - 1, 0));
	for (int i = 0; i < count; ++i) {
		CHECK_FOR_INTERRUPTS();
		if (!nulls[i]) size += csv_field_length(view_of(DatumGetTextPP(values[i])));
	}
	if (!AllocSizeIsValid(size)) {
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("the record is too long"),
		                errdetail("It would have %zu bytes.", size - VARHDRSZ)));
	}
	auto *out = static_cast<text *>(palloc(size));
	char *end = VARDATA(out);
	for (int i = 0; i < count; ++i) {
		if (i > 0) *end++ = ',';
		if (!nulls[i]) end += write_csv_field(view_of(DatumGetTextPP(values[i])), end);
	}
	SET_VARSIZE(out, end - reinterpret_cast<char *>(out));
	PG_RETURN_TEXT_P(out);
}
