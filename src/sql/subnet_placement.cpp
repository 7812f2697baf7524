// The place of a subnet: virtualization type, parent block, whether it is used for utilization, and
// the ranges that it takes over.
//
// A statement may bring one subnet or a million. What is the same for all rows of a statement is
// found once, and many rows are looked at together: a tree in memory stands in for searches of the
// index, and one walk through the index says that all choices are right. Both only save work. What they
// miss, because somebody's own trigger writes subnets in between or keeps a row out of the table that the
// tree has by then, ipam.settle_subnet_choice() repairs.
#include "pg/postgres.hpp"

#include "core/choice.hpp"
#include "core/network_tree.hpp"
#include "pg/boundary.hpp"
#include "pg/convert.hpp"
#include "pg/fault.hpp"
#include "pg/memory.hpp"
#include "pg/relation.hpp"
#include "pg/statement.hpp"
#include "pg/trigger.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

// From so many rows of one statement on it pays to look at all subnets of the space at once.
constexpr int64 many_rows = 32;
// Room for two million networks in the tree; with more of them the index is searched.
constexpr uint32 tree_limit = 4 * 1024 * 1024;

constinit Statement fitting_type{"SELECT ipam.fitting_virtualization_type($1, $2::ipam.virtualization_type)"};
constinit Statement lock_plan{"SELECT ipam.lock_plan($1)"};
constinit Statement find_block{
    "SELECT ipam.find_parent_block(ipam.network_range($1), pg_catalog.masklen($1))"};
constinit Statement has_chosen{"SELECT ipam.has_chosen_subnet($1, $2, $3)"};
constinit Statement refuse_resize{"SELECT ipam.refuse_while_ranges_depend($1, $2, 'moved or resized')"};
constinit Statement adopt{"SELECT ipam.adopt_into_subnet($1, $2, $3)"};
constinit Statement settle{"SELECT ipam.settle_subnet_choice($1, false)"};

// How often a subnet has been written in this session: a tree that has missed one is not used again.
constinit uint64 writes = 0;

struct Columns {
	int id, address_space, network, block, chosen, virtualization_type, modified_at;
};

Columns columns_of(const Row &row) {
	return {row.number("id"),         row.number("address_space_id"),    row.number("network"),
	        row.number("block_id"),   row.number("use_for_utilization"), row.number("virtualization_type"),
	        row.number("modified_at")};
}

struct Value {
	Datum datum;
	bool is_null;
};

Value value_of(const Row &row, int column) {
	Value value{};
	value.datum = heap_getattr(row.tuple, column, row.description(), &value.is_null);
	return value;
}

bool is_same(const Value &a, const Value &b, PGFunction equal) {
	if (a.is_null || b.is_null) return a.is_null == b.is_null;
	return DatumGetBool(DirectFunctionCall2(equal, a.datum, b.datum));
}

// The only value that a statement answers with: a number, a boolean or an enum value.
template <typename... Types>
Value ask(Statement &statement, Datum *values, const char *nulls, Types... types) {
	SPI_connect();
	if (SPI_execute_plan(statement.prepared(types...), values, nulls, false, 1) != SPI_OK_SELECT ||
	    SPI_processed != 1) {
		elog(ERROR, "a rule of subnets gave no answer");
	}
	Value value{};
	value.datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &value.is_null);
	SPI_finish();
	return value;
}

Network to_network(Datum network) {
	const inet *value = DatumGetInetPP(network);
	const Address address = to_address(value);
	return {address.family, address.value, ip_bits(value)};
}

// Visits the subnets of the space in the order of their networks, as they are at this moment.
template <typename Visit> void for_each_subnet(const Columns &columns, Datum address_space, Visit visit) {
	ScanKeyData key;
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, address_space);
	const OpenIndexScan scan = begin_index_scan("ip_subnet", "ip_subnet_network_key", SnapshotSelf, &key, 1);
	TupleTableSlot *slot = table_slot_create(scan.table, nullptr);
	while (index_getnext_slot(scan.scan, ForwardScanDirection, slot)) {
		CHECK_FOR_INTERRUPTS();
		visit(to_network(value_in(slot, columns.network)), DatumGetBool(value_in(slot, columns.chosen)));
	}
	ExecDropSingleTupleTableSlot(slot);
	end_index_scan(scan);
}

// A search of the index takes as long as it takes to read some hundred rows; about fifty are on a page.
bool is_far_larger(Relation table, int64 rows) {
	return int64{RelationGetNumberOfBlocks(table)} * 50 > rows * 500;
}

// What place_subnet() knows while a statement goes on.
struct Placing {
	Columns columns;
	MemoryContext memory;
	int64 rows;
	// The address space that is locked, and which virtualization type fits when this one is given.
	bool has_space;
	int64 address_space;
	Value given_type;
	Value fitting_type;
	// All networks of the address space, from `plant_at` rows on.
	int64 plant_at;
	NetworkTree tree;
	NetworkTree::Node *nodes;
	uint32 capacity;
	uint64 writes_seen;
};

template <typename State> State *state_of(FunctionCallInfo fcinfo) {
	if (fcinfo->flinfo->fn_extra == nullptr)
		fcinfo->flinfo->fn_extra = allocate<State>(fcinfo->flinfo->fn_mcxt);
	return static_cast<State *>(fcinfo->flinfo->fn_extra);
}

void fell_tree(Placing *placing) {
	if (placing->nodes != nullptr) pfree(placing->nodes);
	placing->nodes = nullptr;
	placing->capacity = 0;
	placing->tree = {};
	placing->plant_at = placing->rows * 2 > many_rows ? placing->rows * 2 : many_rows;
}

// Room for another network; false: there are too many.
bool make_room(Placing *placing) {
	if (placing->nodes != nullptr && !placing->tree.is_full()) return true;
	const uint32 capacity = placing->capacity == 0 ? 4096 : placing->capacity * 2;
	if (capacity > tree_limit) return false;
	const Size size = sizeof(NetworkTree::Node) * capacity;
	if (placing->nodes == nullptr) {
		placing->nodes = static_cast<NetworkTree::Node *>(
		    MemoryContextAllocExtended(placing->memory, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
	} else {
		placing->nodes = static_cast<NetworkTree::Node *>(repalloc_huge(placing->nodes, size));
	}
	placing->capacity = capacity;
	placing->tree.use(placing->nodes, capacity);
	return true;
}

// Whether the tree can be asked; plants it when the statement has proved to be a large one.
bool has_tree(Placing *placing, Relation table) {
	if (placing->nodes != nullptr) {
		if (placing->writes_seen == writes && make_room(placing)) return true;
		fell_tree(placing);
	}
	if (placing->rows < placing->plant_at) return false;
	if (is_far_larger(table, placing->rows)) return false;
	bool fits = true;
	for_each_subnet(placing->columns, Int64GetDatum(placing->address_space),
	                [placing, &fits](const Network &network, bool is_chosen) {
		                fits = fits && make_room(placing);
		                if (fits) placing->tree.put(network, is_chosen);
	                });
	if (!fits || !make_room(placing)) {
		fell_tree(placing);
		placing->plant_at = PG_INT64_MAX;
		return false;
	}
	placing->writes_seen = writes;
	return true;
}

// Takes the lock and finds the virtualization type, once for rows that agree.
Value enter_space(Placing *placing, const Value &address_space, const Value &given_type) {
	const int64 id = DatumGetInt64(address_space.datum);
	const bool same_space = placing->has_space && placing->address_space == id;
	if (same_space && placing->given_type.is_null == given_type.is_null &&
	    (given_type.is_null || placing->given_type.datum == given_type.datum)) {
		return placing->fitting_type;
	}
	Datum label = 0;
	if (!given_type.is_null) {
		label = PointerGetDatum(
		    cstring_to_text(DatumGetCString(DirectFunctionCall1(enum_out, given_type.datum))));
	}
	Datum values[] = {address_space.datum, label};
	const char nulls[] = {' ', given_type.is_null ? 'n' : ' ', '\0'};
	const Value fitting = ask(fitting_type, values, nulls, INT8OID, TEXTOID);
	if (!same_space) {
		fell_tree(placing);
		ask(lock_plan, values, nullptr, INT8OID);
	}
	placing->has_space = true;
	placing->address_space = id;
	placing->given_type = given_type;
	placing->fitting_type = fitting;
	return fitting;
}

// The smallest block around the network, in the default address space.
Value find_parent(Placing *placing, Datum network) {
	constexpr Value none{0, true};
	if (placing->address_space != 1) return none;
	Relation blocks = open_table("ip_block", AccessShareLock);
	const bool any = RelationGetNumberOfBlocks(blocks) > 0;
	table_close(blocks, NoLock); // the next row opens it in less time
	if (!any) return none;
	Datum values[] = {network};
	return ask(find_block, values, nullptr, INETOID);
}

bool has_chosen_neighbour(const Value &address_space, const Value &network, const Value &id) {
	Datum values[] = {address_space.datum, network.datum, id.datum};
	const char nulls[] = {' ', ' ', id.is_null ? 'n' : ' ', '\0'};
	return DatumGetBool(ask(has_chosen, values, nulls, INT8OID, CIDROID, INT8OID).datum);
}

// Whoever owns the table may have let a column be NULL: an update can put a value in.
void refuse_update(const Row &row, const Row &old, const Columns &columns) {
	const Value old_network = value_of(old, columns.network);
	if (!is_same(value_of(row, columns.network), old_network, network_eq)) {
		Datum subnet[] = {old.get(columns.id), old_network.datum};
		const char nulls[] = {' ', old_network.is_null ? 'n' : ' ', '\0'};
		ask(refuse_resize, subnet, nulls, INT8OID, CIDROID);
	}
	const Value type = value_of(row, columns.virtualization_type),
	            old_type = value_of(old, columns.virtualization_type);
	if (type.is_null || old_type.is_null || type.datum == old_type.datum) return;
	const char *label = DatumGetCString(DirectFunctionCall1(enum_out, type.datum));
	const char *old_label = DatumGetCString(DirectFunctionCall1(enum_out, old_type.datum));
	if ((strcmp(label, "Virtual") == 0) != (strcmp(old_label, "Virtual") == 0)) {
		raise_fault(
		    fault_named("IpamApiInvalidVirtualizationTypeUpdationForSubnet"),
		    psprintf("subnet %s stays %s", to_text(DatumGetInetPP(old.get(columns.network))), old_label),
		    "A subnet does not change between Virtual and the other types.", "Make a new subnet.");
	}
}

} // namespace

IPAM_FUNCTION(ipam_place_subnet) {
	TriggerData *data = row_trigger_on(fcinfo, "ip_subnet", TRIGGER_EVENT_BEFORE);
	const Row row = new_row(data);
	const Row old = old_row(data);
	const bool is_update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
	auto *placing = state_of<Placing>(fcinfo);
	if (placing->memory == nullptr) {
		placing->memory = fcinfo->flinfo->fn_mcxt;
		placing->columns = columns_of(row);
		placing->plant_at = many_rows;
	}
	const Columns &columns = placing->columns;
	const Value address_space = value_of(row, columns.address_space),
	            network = value_of(row, columns.network);
	const bool comes = !is_update || !is_same(address_space, value_of(old, columns.address_space), int8eq) ||
	                   !is_same(network, value_of(old, columns.network), network_eq);
	if (is_update && comes && !address_space.is_null) {
		// Both address spaces are locked in the order of their ids, so that nobody waits in a circle.
		const Value old_space = value_of(old, columns.address_space);
		if (old_space.is_null || DatumGetInt64(address_space.datum) < DatumGetInt64(old_space.datum))
			enter_space(placing, address_space, value_of(row, columns.virtualization_type));
		Datum values[] = {old_space.datum};
		if (!old_space.is_null) ask(lock_plan, values, nullptr, INT8OID);
	}
	if (is_update) refuse_update(row, old, columns);
	if (address_space.is_null || network.is_null)
		return PointerGetDatum(row.tuple); // the columns must not be null
	++placing->rows;

	const Value type = enter_space(placing, address_space, value_of(row, columns.virtualization_type));
	const Value block = find_parent(placing, network.datum);
	const Value given_block = value_of(row, columns.block);
	if (!given_block.is_null && (block.is_null || given_block.datum != block.datum) &&
	    (!is_update || !is_same(given_block, value_of(old, columns.block), int8eq))) {
		raise_fault(
		    fault_named("IpamApiInvalidUpdate"),
		    psprintf("subnet %s cannot be put under block " INT64_FORMAT,
		             to_text(DatumGetInetPP(network.datum)), DatumGetInt64(given_block.datum)),
		    "The parent of a subnet is the smallest block around it, in the default address space only.",
		    "Leave block_id out.");
	}

	const Value id = value_of(row, columns.id), given = value_of(row, columns.chosen);
	const bool was_chosen = is_update && DatumGetBool(value_of(old, columns.chosen).datum);
	const bool is_given = !given.is_null && (!is_update || DatumGetBool(given.datum) != was_chosen);
	bool is_chosen = is_given ? DatumGetBool(given.datum) : was_chosen;
	bool by_user = false;
	// ON CONFLICT DO UPDATE and MERGE also update among the rows that come.
	if (is_update && placing->nodes != nullptr && (comes || is_given)) fell_tree(placing);
	if (comes) {
		const bool in_tree =
		    !is_update && (!is_given || placing->nodes != nullptr) && has_tree(placing, data->tg_relation);
		if (in_tree && is_given) {
			placing->tree.put(to_network(network.datum), is_chosen);
		} else if (in_tree) {
			is_chosen = placing->tree.add(to_network(network.datum));
		} else if (!is_given) {
			is_chosen = !has_chosen_neighbour(address_space, network, id);
		}
	} else if (is_given) { // the database itself never chooses two, and never none
		by_user = is_chosen == has_chosen_neighbour(address_space, network, id);
	}
	++writes;
	++placing->writes_seen;

	int numbers[] = {columns.virtualization_type, columns.block, columns.chosen, columns.modified_at};
	Datum values[] = {type.datum, block.datum, BoolGetDatum(is_chosen),
	                  TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())};
	bool nulls[] = {type.is_null, block.is_null, false, false};
	return PointerGetDatum(
	    heap_modify_tuple_by_cols(row.tuple, row.description(), by_user ? 4 : 3, numbers, values, nulls));
}

namespace {

// What receive_subnet() knows while the rows of a statement are looked at.
struct Receiving {
	Columns columns;
	int64 rows;
	bool has_space;
	int64 address_space;
	bool any_ranges;
	int64 check_at;
	bool is_right; // all choices in the address space
};

bool any_ranges(Datum address_space) {
	ScanKeyData key;
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, address_space);
	const OpenIndexScan scan = begin_index_scan("ip_range", "ip_range_service_idx", SnapshotSelf, &key, 1);
	TupleTableSlot *slot = table_slot_create(scan.table, nullptr);
	const bool any = index_getnext_slot(scan.scan, ForwardScanDirection, slot);
	ExecDropSingleTupleTableSlot(slot);
	end_index_scan(scan);
	return any;
}

bool are_choices_right(const Columns &columns, Datum address_space) {
	ChoiceCheck check;
	for_each_subnet(columns, address_space,
	                [&check](const Network &network, bool is_chosen) { check.take(network, is_chosen); });
	return check.is_right();
}

// Whether nothing is wrong with any choice in the space. What statements of other triggers write after
// the look is looked at by those.
bool need_not_settle(Receiving *receiving, Relation table, Datum address_space) {
	if (receiving->is_right) return true;
	if (receiving->rows < receiving->check_at) return false;
	receiving->check_at = receiving->rows * 2;
	if (is_far_larger(table, receiving->rows)) return false;
	return receiving->is_right = are_choices_right(receiving->columns, address_space);
}

} // namespace

IPAM_FUNCTION(ipam_receive_subnet) {
	TriggerData *data = row_trigger_on(fcinfo, "ip_subnet", TRIGGER_EVENT_AFTER);
	const Row row = new_row(data);
	auto *receiving = state_of<Receiving>(fcinfo);
	if (receiving->columns.id == 0) receiving->columns = columns_of(row);
	const Columns &columns = receiving->columns;
	const Datum address_space = row.get(columns.address_space);
	if (!receiving->has_space || receiving->address_space != DatumGetInt64(address_space)) {
		receiving->has_space = true;
		receiving->address_space = DatumGetInt64(address_space);
		receiving->any_ranges = any_ranges(address_space);
		receiving->is_right = false;
		receiving->rows = 0;
		receiving->check_at = many_rows;
	}
	++receiving->rows;
	const Datum network = row.get(columns.network);
	if (!receiving->any_ranges && need_not_settle(receiving, data->tg_relation, address_space)) {
		return PointerGetDatum(nullptr);
	}
	Datum values[] = {row.get(columns.id), address_space, network};
	if (receiving->any_ranges) ask(adopt, values, nullptr, INT8OID, INT8OID, CIDROID);
	if (!need_not_settle(receiving, data->tg_relation, address_space)) ask(settle, values, nullptr, INT8OID);
	return PointerGetDatum(nullptr);
}
