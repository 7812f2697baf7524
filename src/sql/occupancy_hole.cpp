// Holes in occupancy: triggers on ip_address that tell which addresses are no longer used.
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "pg/memory.hpp"
#include "pg/released_chunks.hpp"
#include "pg/trigger.hpp"
#include "sql/module.hpp"

using namespace ipam;
using namespace ipam::pg;

namespace {

constinit ReleasedChunks released;

void release(const Row &row) {
	bool is_null = false;
	const Datum range_id = row.get("range_id", &is_null);
	if (is_null) return;
	released.add(DatumGetInt64(range_id), to_address(DatumGetInetPP(row.get("address"))));
	released.close();
}

void at_end_of_transaction(XactEvent event, void *) {
	switch (event) {
	case XACT_EVENT_COMMIT:
	case XACT_EVENT_PARALLEL_COMMIT:
	case XACT_EVENT_ABORT:
	case XACT_EVENT_PARALLEL_ABORT:
	case XACT_EVENT_PREPARE:
		released.forget();
		break;
	default:
		break;
	}
}

void at_end_of_subtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
	if (event == SUBXACT_EVENT_ABORT_SUB) released.forget();
}

} // namespace

// Its stretches and holes are not any more what they were.
void ipam::forget_released_chunks() {
	released.forget();
}

void ipam::register_occupancy_callbacks() {
	RegisterXactCallback(at_end_of_transaction, nullptr);
	RegisterSubXactCallback(at_end_of_subtransaction, nullptr);
}

// For each statement that deletes addresses.
IPAM_FUNCTION(ipam_open_occupancy_holes) {
	TriggerData *data = trigger_on(fcinfo, "ip_address");
	if (data->tg_oldtable == nullptr) refuse_trigger(data);
	const AttrNumber range_column = column_number(data->tg_relation, "range_id");
	const AttrNumber address_column = column_number(data->tg_relation, "address");
	for_each_old_row(data, [=](TupleTableSlot *slot) {
		bool is_null = false;
		const Datum range_id = slot_getattr(slot, range_column, &is_null);
		if (is_null) return;
		released.add(DatumGetInt64(range_id), address_in(slot, address_column));
	});
	released.close();
	return PointerGetDatum(nullptr);
}

// For each row that is moved, and for each one that logical replication deletes.
IPAM_FUNCTION(ipam_open_occupancy_hole) {
	TriggerData *data = trigger_on(fcinfo, "ip_address");
	if (!TRIGGER_FIRED_FOR_ROW(data->tg_event)) refuse_trigger(data);
	release(old_row(data));
	return PointerGetDatum(nullptr);
}
