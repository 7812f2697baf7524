#pragma once
// A table of occupancy, open to be written without SQL: nobody needs a right on it, and no trigger or rule is
// asked. Nothing else is done for a row than to put it into the table and its indexes, so the table must have
// nothing that would need more.
#include "pg/postgres.hpp"

#include "pg/relation.hpp"

namespace ipam::pg {

class WrittenTable {
public:
	void open(const char *name) {
		table_ = open_table(name, RowExclusiveLock);
		indexes_ = CatalogOpenIndexes(table_);
		for (int i = 0; i < indexes_->ri_NumIndices; ++i) {
			const IndexInfo *info = indexes_->ri_IndexRelationInfo[i];
			if (info->ii_Expressions != NIL || info->ii_Predicate != NIL || info->ii_ExclusionOps != nullptr)
				refuse_changed(indexes_->ri_IndexRelationDescs[i], nullptr);
		}
	}

	bool is_open() const { return table_ != nullptr; }

	// The values of all columns that the extension has given to it.
	template <int count> void insert(const Datum (&values)[count]) const {
		TupleDesc description = RelationGetDescr(table_);
		auto *row = static_cast<Datum *>(palloc0(sizeof(Datum) * static_cast<Size>(description->natts)));
		auto *nulls = static_cast<bool *>(palloc0(static_cast<Size>(description->natts)));
		for (int i = 0; i < description->natts; ++i) {
			const FormData_pg_attribute *column = TupleDescAttr(description, i);
			if (i >= count && !column->attisdropped) refuse_changed(table_, nullptr);
			row[i] = i < count ? values[i] : Datum{0};
			nulls[i] = i >= count;
		}
		HeapTuple tuple = heap_form_tuple(description, row, nulls);
		CatalogTupleInsertWithInfo(table_, tuple, indexes_);
		heap_freetuple(tuple);
		pfree(nulls);
		pfree(row);
	}

	void remove(ItemPointer row) const { CatalogTupleDelete(table_, row); }

	// The lock stays to the end of the transaction: who rebuilds an index or the table waits for its rows.
	void close() {
		CatalogCloseIndexes(indexes_);
		table_close(table_, NoLock);
		table_ = nullptr;
	}

	void forget() { table_ = nullptr; } // after an error the server has closed it

private:
	Relation table_ = nullptr;
	CatalogIndexState indexes_ = nullptr;
};

} // namespace ipam::pg
