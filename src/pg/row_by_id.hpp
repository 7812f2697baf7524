#pragma once
// A row by its id, as far as the caller may see it: his rights and row level security decide. Where nothing
// but the right to the table is asked for, it is read directly, which takes a tenth of the time of a
// statement.
#include "pg/postgres.hpp"

#include <cstring>

#include "pg/bookmark.hpp"
#include "pg/column.hpp"
#include "pg/statement.hpp"

namespace ipam::pg {

// A column by name, and where it was last: a table that was updated has its columns in another order than a
// new one, and a statement in its own.
struct Column {
	ColumnName name;
	int position = 0;
	Oid type = InvalidOid; // that it was found with
};

class FoundRow {
public:
	FoundRow(Relation table, HeapTuple tuple, TupleDesc description)
	    : table_(table), description_(description) {
		heap_deform_tuple(tuple, description, values_, nulls_);
	}

	bool is_null(Column *column) const { return nulls_[position_of(column)]; }
	Datum value(Column *column) const { // of a column that is never NULL
		const int position = position_of(column);
		if (nulls_[position]) refuse_null(TupleDescAttr(description_, position));
		return values_[position];
	}

private:
	bool is_there(const Column &column) const {
		if (column.position >= description_->natts) return false;
		const FormData_pg_attribute *attribute = TupleDescAttr(description_, column.position);
		return !attribute->attisdropped && attribute->atttypid == column.type &&
		       std::strcmp(NameStr(attribute->attname), column.name.text) == 0;
	}

	int position_of(Column *column) const {
		if (is_there(*column)) return column->position;
		const int position = find_column(description_, column->name);
		if (position < 0) refuse_changed(table_, column->name.text);
		column->type = TupleDescAttr(description_, position)->atttypid;
		return column->position = position;
	}

	Relation table_;
	TupleDesc description_; // of the tuple, which may have some of the columns
	Datum values_[MaxTupleAttributeNumber];
	bool nulls_[MaxTupleAttributeNumber];
};

// The rows of a table whose first column is the id. `sql` selects what is read of one of them.
class RowsById {
public:
	constexpr RowsById(const char *table, const char *index, const char *sql) noexcept
	    : table_(table), index_(index), select_(sql) {}

	// Shows the row to read(const FoundRow &); false: there is none that the caller may see.
	template <typename Read> bool find(int64 id, Read &&read) {
		Relation table = open_table(table_, AccessShareLock);
		const bool exists =
		    may_read_all_rows(table) ? find_directly(table, id, read) : find_by_statement(table, id, read);
		table_close(table, NoLock);
		return exists;
	}

	// Whether the caller would see the row if there were one: quick for whoever sees all rows.
	bool may_see(int64 id) {
		Relation table = open_table(table_, AccessShareLock);
		const bool seen = may_read_all_rows(table) || find_by_statement(table, id, [](const FoundRow &) {});
		table_close(table, NoLock);
		return seen;
	}

private:
	// Whoever has a right to some columns only, or is watched by another extension, gets the answer, or the
	// error, of a statement.
	static bool may_read_all_rows(Relation table) {
		return !table->rd_rel->relrowsecurity && ExecutorCheckPerms_hook == nullptr &&
		       pg_class_aclcheck(RelationGetRelid(table), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
	}

	template <typename Read> bool find_directly(Relation table, int64 id, Read &&read) {
		ScanKeyData key;
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
		Bookmark *bookmark = &bookmarks_[static_cast<uint64>(id) % lengthof(bookmarks_)];
		return find_row(
		    table, [this] { return oid_of(index_); }, &key, GetActiveSnapshot(), bookmark,
		    [&](HeapTuple row) {
			    read(FoundRow{table, row, RelationGetDescr(table)});
		    });
	}

	template <typename Read> bool find_by_statement(Relation table, int64 id, Read &&read) {
		const MemoryContext caller = CurrentMemoryContext;
		SPI_connect();
		Datum values[] = {Int64GetDatum(id)};
		if (SPI_execute_plan(select_.prepared(INT8OID), values, nullptr, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not read a row of %s", table_);
		const bool exists = SPI_processed > 0;
		if (exists) {
			MemoryContextSwitchTo(caller);
			read(FoundRow{table, SPI_tuptable->vals[0], SPI_tuptable->tupdesc});
		}
		SPI_finish();
		return exists;
	}

	const char *table_;
	const char *index_;
	Statement select_;
	Bookmark bookmarks_[64]{};
};

} // namespace ipam::pg
