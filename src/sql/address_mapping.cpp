// Which range an address belongs to, kept right by triggers on both tables.
//
// An address belongs to the range of its space, managed_by and managed_by_entity that holds it; of
// several (MS DHCP only) to the one that starts last, then ends first, then is the oldest.
//
// Two sessions that write at the same time do not see each other's rows, so both sides write first
// and then look again, also at what is not committed (a dirty snapshot): the address at ranges, the
// range at addresses. Of two concurrent writers at least the later one finds the other's row, waits
// until that transaction has ended, and maps again. No lock is held for that: writers of addresses
// wait for nobody unless a range around their address is being changed.
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "pg/fault.hpp"
#include "pg/range_search.hpp"
#include "pg/seen_ranges.hpp"
#include "pg/statement.hpp"
#include "pg/trigger.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

constinit Statement unmap_one{
    "UPDATE ipam.ip_address SET range_id = NULL WHERE id OPERATOR(pg_catalog.=) $1"};

constinit Statement unmap_many{
    "UPDATE ipam.ip_address SET range_id = NULL"
    " WHERE address_space_id OPERATOR(pg_catalog.=) $1 AND managed_by OPERATOR(pg_catalog.=) $2"
    " AND managed_by_entity OPERATOR(pg_catalog.=) $3"
    " AND address OPERATOR(pg_catalog.>=) $4 AND address OPERATOR(pg_catalog.<=) $5"};

constinit Statement unmap_those_of_range{
    "UPDATE ipam.ip_address SET range_id = NULL"
    " WHERE range_id OPERATOR(pg_catalog.=) $1 AND address_space_id OPERATOR(pg_catalog.=) $2"
    " AND address OPERATOR(pg_catalog.>=) $3 AND address OPERATOR(pg_catalog.<=) $4"};

constinit Statement carry{
    "SELECT ipam.carry_addresses(r) FROM ipam.ip_range AS r WHERE r.id OPERATOR(pg_catalog.=) $1"};

constinit Statement have_same_addresses{
    "SELECT FROM ipam.ip_range AS r JOIN ipam.ip_range AS o ON o.id OPERATOR(pg_catalog.=) $2"
    " AND o.address_space_id OPERATOR(pg_catalog.=) r.address_space_id"
    " AND o.managed_by OPERATOR(pg_catalog.=) r.managed_by"
    " AND o.managed_by_entity OPERATOR(pg_catalog.=) r.managed_by_entity"
    " AND o.start_address OPERATOR(pg_catalog.=) r.start_address"
    " AND o.end_address OPERATOR(pg_catalog.=) r.end_address"
    " WHERE r.id OPERATOR(pg_catalog.=) $1"};

constinit Statement fitting_type{"SELECT ipam.fitting_virtualization_type($1, $2::ipam.virtualization_type)"};

Service service_of(const Row &row) {
	return {row.get("address_space_id"), row.get("managed_by"), row.get("managed_by_entity")};
}

// What a trigger on ip_address keeps in the memory of its statement: a nested statement has its own.
struct Mapping {
	struct {
		int id, address_space_id, address, range_id, managed_by, managed_by_entity, virtualization_type;
	} columns;
	RangeColumns range_columns;
	SeenRanges seen;

	bool can_be_mapped(const Row &row) const {
		return !row.is_null(columns.address_space_id) && !row.is_null(columns.address) &&
		       !row.is_null(columns.managed_by) && !row.is_null(columns.managed_by_entity);
	}
	Service service_of(const Row &row) const {
		return {row.get(columns.address_space_id), row.get(columns.managed_by),
		        row.get(columns.managed_by_entity)};
	}
};

Mapping *mapping_of_statement(FunctionCallInfo fcinfo, const Row &row) {
	FmgrInfo *function = fcinfo->flinfo;
	if (function->fn_extra == nullptr) {
		auto *mapping = allocate<Mapping>(function->fn_mcxt);
		mapping->columns = {row.number("id"),
		                    row.number("address_space_id"),
		                    row.number("address"),
		                    row.number("range_id"),
		                    row.number("managed_by"),
		                    row.number("managed_by_entity"),
		                    row.number("virtualization_type")};
		mapping->range_columns = range_columns();
		mapping->seen.open(function->fn_mcxt);
		function->fn_extra = mapping;
	}
	return static_cast<Mapping *>(function->fn_extra);
}

// The virtualization type that fits the address space, or a fault.
Datum fitting_virtualization_type(const Row &row) {
	bool is_null = false;
	Datum type = row.get("virtualization_type", &is_null);
	if (!is_null) {
		type = PointerGetDatum(cstring_to_text(DatumGetCString(DirectFunctionCall1(enum_out, type))));
	}
	Datum values[] = {row.get("address_space_id"), type};
	const char nulls[] = {' ', is_null ? 'n' : ' '};
	SPI_connect();
	if (SPI_execute_plan(fitting_type.prepared(INT8OID, TEXTOID), values, nulls, false, 1) != SPI_OK_SELECT ||
	    SPI_processed != 1) {
		elog(ERROR, "could not find the virtualization type");
	}
	type = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	SPI_finish();
	return type;
}

// The range of a row that is about to be written, kept from being deleted. One that the statement has found
// for a row before may have been changed by somebody else: the look after writing would find that. It is not
// taken once this transaction has run another command, and nobody is refused because of it.
RangeFound range_before_writing(Mapping *mapping, const Row &row, int64 asked) {
	const Service service = mapping->service_of(row);
	const Datum address = row.get(mapping->columns.address);
	const SeenRange *seen = mapping->seen.find(service, to_address(DatumGetInetPP(address)));
	if (seen != nullptr && seen->command == GetCurrentCommandId(false) && (asked == 0 || asked == seen->id))
		return {seen->id, seen->virtualization_type, no_range.span};
	const CommandId command = GetCurrentCommandId(true); // used up: whatever comes next gets another
	const RangeFound range = find_range(mapping->range_columns, service, address, true);
	mapping->seen.add(service, range, command);
	return range;
}

// The range of a row that has been written. The look serves all addresses in the range that were written
// before it: somebody who changes the range later finds them. Triggers fire when the statement has written
// all its rows; rows that a foreign key makes it write in between carry a later command.
int64 range_after_writing(Mapping *mapping, const Row &row) {
	const Service service = mapping->service_of(row);
	const Datum address = row.get(mapping->columns.address);
	const SeenRange *seen = mapping->seen.find(service, to_address(DatumGetInetPP(address)));
	if (seen != nullptr && HeapTupleHeaderGetCmin(row.tuple->t_data) <= seen->command) return seen->id;
	const CommandId command = GetCurrentCommandId(true);
	const RangeFound range = find_range(mapping->range_columns, service, address, false);
	mapping->seen.add(service, range, command);
	return range.id;
}

// Whether both are MS DHCP ranges of the same addresses. Version 1.0 chose among such by where they lie in
// the table: what its dump asks for is not refused.
bool are_twins(const Service &service, int64 asked, int64 found) {
	if (found == 0 || !is_ms_dhcp(service.managed_by)) return false;
	SPI_connect();
	Datum values[] = {Int64GetDatum(asked), Int64GetDatum(found)};
	execute_on_latest(have_same_addresses.prepared(INT8OID, INT8OID), values);
	const bool same = SPI_processed > 0;
	SPI_finish();
	return same;
}

const char *range_text(int64 id) {
	return id == 0 ? "no range" : psprintf("range " INT64_FORMAT, id);
}

} // namespace

IPAM_FUNCTION(ipam_map_address) {
	TriggerData *data = row_trigger_on(fcinfo, "ip_address", TRIGGER_EVENT_BEFORE);
	const Row row = new_row(data);
	Mapping *mapping = mapping_of_statement(fcinfo, row);
	// An address that is not valid by itself is left to the constraints, which have the words for it.
	if (!mapping->can_be_mapped(row)) return PointerGetDatum(row.tuple);

	const auto &column = mapping->columns;
	const int64 asked = row.id(column.range_id);
	const Row old = old_row(data);
	const bool asked_for =
	    asked != 0 && (TRIGGER_FIRED_BY_INSERT(data->tg_event) || asked != old.id(column.range_id));
	const RangeFound range = range_before_writing(mapping, row, asked_for ? asked : 0);
	if (asked_for && asked != range.id && !are_twins(mapping->service_of(row), asked, range.id)) {
		raise_fault(fault_named("IpamApiIpAddressOutOfRange"),
		            psprintf("address %s does not belong to range " INT64_FORMAT,
		                     to_text(DatumGetInetPP(row.get(column.address))), asked),
		            psprintf("By its address space, managed_by and managed_by_entity it belongs to %s.",
		                     range_text(range.id)),
		            "Leave range_id out: the database finds the range.");
	}
	bool natural_type = false, had_none = false;
	const Datum type = row.get(column.virtualization_type, &natural_type);
	const bool type_changes = TRIGGER_FIRED_BY_INSERT(data->tg_event) ||
	                          row.id(column.address_space_id) != old.id(column.address_space_id) ||
	                          type != old.get(column.virtualization_type, &had_none);
	int columns[2] = {column.range_id, column.virtualization_type};
	Datum values[2] = {Int64GetDatum(range.id), type};
	bool nulls[2] = {range.id == 0, false};
	if (natural_type && range.id != 0) {
		values[1] = ObjectIdGetDatum(range.virtualization_type);
	} else if (type_changes && (range.id == 0 || values[1] != ObjectIdGetDatum(range.virtualization_type))) {
		values[1] = fitting_virtualization_type(row);
	}
	return PointerGetDatum(
	    heap_modify_tuple_by_cols(row.tuple, row.description(), 2, columns, values, nulls));
}

IPAM_FUNCTION(ipam_confirm_address_mapping) {
	const Row row = new_row(row_trigger_on(fcinfo, "ip_address", TRIGGER_EVENT_AFTER));
	Mapping *mapping = mapping_of_statement(fcinfo, row);
	if (range_after_writing(mapping, row) != row.id(mapping->columns.range_id)) {
		SPI_connect();
		Datum values[] = {row.get(mapping->columns.id)};
		execute_on_latest(unmap_one.prepared(INT8OID), values);
		SPI_finish();
	}
	return PointerGetDatum(nullptr);
}

namespace {

// Waits until nobody else is writing addresses of the space in the span.
void wait_for_address_writers(Datum address_space, const Span &span) {
	ScanKeyData keys[3];
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, address_space);
	ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_NETWORK_GE,
	            InetPGetDatum(to_inet({span.family, span.first})));
	ScanKeyInit(&keys[2], 2, BTLessEqualStrategyNumber, F_NETWORK_LE,
	            InetPGetDatum(to_inet({span.family, span.last})));
	SnapshotData dirty;
	InitDirtySnapshot(dirty);
	const OpenIndexScan scan = begin_index_scan("ip_address", "ip_address_identity_key", &dirty, keys, 3);
	TupleTableSlot *slot = table_slot_create(scan.table, nullptr);
	while (index_getnext_slot(scan.scan, ForwardScanDirection, slot)) {
		CHECK_FOR_INTERRUPTS();
		const TransactionId writer = writer_in_progress(dirty);
		if (!TransactionIdIsValid(writer)) continue;
		ItemPointerData place = slot->tts_tid;
		ExecClearTuple(slot);
		index_rescan(scan.scan, keys, 3, nullptr, 0); // lets the page go while waiting
		wait_for(writer, scan.table, &place);
	}
	ExecDropSingleTupleTableSlot(slot);
	end_index_scan(scan);
}

// Maps the addresses of the service in the span again: unmapping them makes ipam_map_address()
// find their range.
void remap(const Service &service, const Span &span) {
	wait_for_address_writers(service.address_space, span);
	Datum values[] = {service.address_space, service.managed_by, service.entity,
	                  InetPGetDatum(to_inet({span.family, span.first})),
	                  InetPGetDatum(to_inet({span.family, span.last}))};
	execute_on_latest(unmap_many.prepared(INT8OID, TEXTOID, TEXTOID, INETOID, INETOID), values);
}

Span span_of(const Row &row) {
	const Address first = to_address(DatumGetInetPP(row.get("start_address")));
	const Address last = to_address(DatumGetInetPP(row.get("end_address")));
	return {first.family, first.value, last.value};
}

// Maps again the addresses of a range that has left its place. Others there belong to ranges that were
// nearer to them, and that may be leaving in the same statement with what is theirs.
void remap_left(int64 range_id, const Service &service, const Span &span) {
	wait_for_address_writers(service.address_space, span);
	Datum values[] = {Int64GetDatum(range_id), service.address_space,
	                  InetPGetDatum(to_inet({span.family, span.first})),
	                  InetPGetDatum(to_inet({span.family, span.last}))};
	execute_on_latest(unmap_those_of_range.prepared(INT8OID, INT8OID, INETOID, INETOID), values);
}

// Maps again what lies in `span` and not in `kept`.
void remap_outside(const Service &service, const Span &span, const Span &kept) {
	if (!span.intersects(kept)) return remap(service, span);
	if (span.first < kept.first) remap(service, {span.family, span.first, kept.first - 1});
	if (span.last > kept.last) remap(service, {span.family, kept.last + 1, span.last});
}

} // namespace

IPAM_FUNCTION(ipam_remap_addresses) {
	TriggerData *data = row_trigger_on(fcinfo, "ip_range", TRIGGER_EVENT_AFTER);
	const Row row = new_row(data);
	const Service service = service_of(row);
	const Span span = span_of(row);
	SPI_connect();
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event)) {
		const Row old = old_row(data);
		// What stays inside stays mapped, unless ranges overlap and the choice among them changes.
		if (same_service(service, service_of(old)) && !is_ms_dhcp(service.managed_by)) {
			remap_outside(service, span_of(old), span);
			remap_outside(service, span, span_of(old));
			SPI_finish();
			return PointerGetDatum(nullptr);
		}
		if (service.address_space != service_of(old).address_space) {
			wait_for_address_writers(service_of(old).address_space, span_of(old));
			Datum values[] = {row.get("id")};
			SPI_execute_plan(carry.prepared(INT8OID), values, nullptr, false, 0);
		}
		remap_left(row.id("id"), service_of(old), span_of(old));
	}
	remap(service, span);
	SPI_finish();
	return PointerGetDatum(nullptr);
}
