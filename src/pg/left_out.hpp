#pragma once
// Addresses that are free in the range and that an INSERT leaves out all the same: somebody has recorded one
// a moment ago, a row lacks its range, or a trigger of the users' own returns NULL. The walk would find them
// again without end.
#include "pg/postgres.hpp"

#include "pg/candidate_search.hpp"
#include "pg/new_addresses.hpp"
#include "pg/statement.hpp"

namespace ipam::pg {

inline bool is_free(const Wanted &wanted, uint128 position) {
	Findings findings{};
	TakenAddresses taken;
	taken.open(wanted, position, &findings);
	Stretch stretch{};
	const bool is_taken = taken.next(stretch) && stretch.first == position;
	taken.close();
	return !is_taken;
}

// An address that is free in the range and that an INSERT leaves out all the same.
[[noreturn]] inline void refuse_unrecordable(const NewAddresses &rows, Datum address) {
	static constinit Statement select_row{
	    "SELECT a.range_id FROM ipam.ip_address AS a WHERE a.address_space_id OPERATOR(pg_catalog.=) $1"
	    " AND a.managed_by OPERATOR(pg_catalog.=) $2 AND a.managed_by_entity OPERATOR(pg_catalog.=) $3"
	    " AND a.address OPERATOR(pg_catalog.=) $4"};
	Datum values[] = {rows.service.address_space, rows.service.managed_by, rows.service.entity, address};
	execute_on_latest(select_row.prepared(INT8OID, TEXTOID, TEXTOID, INETOID), values);
	const char *detail = "No row is in its way, and the INSERT leaves it out.";
	const char *hint = "Look for a trigger on ipam.ip_address that returns NULL.";
	if (SPI_processed > 0) {
		bool is_null = false;
		const Datum range = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
		detail = is_null
		             ? "It is recorded already, without a range."
		             : psprintf("It is recorded already, for range " INT64_FORMAT ".", DatumGetInt64(range));
		hint = "SELECT * FROM ipam.check_plan() tells what is wrong with it.";
	}
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	                errmsg("address %s of range " INT64_FORMAT " cannot be recorded",
	                       to_text(DatumGetInetPP(address)), rows.range_id),
	                errdetail_internal("%s", detail), errhint("%s", hint)));
	pg_unreachable();
}

// Addresses of a call that were passed over because an INSERT leaves them out.
struct LeftOut {
	uint128 first; // position
	int count;
};

// What was in the way of an INSERT may be gone a moment later, but not time and again.
constexpr int most_tries = 3;
// So many addresses are passed over. A trigger that lets none through would make a search in a /64 endless.
constexpr int most_left_out = 256;

// An error where another address does not help, or the walk has come round to the first one again.
inline void pass_over(const Wanted &wanted, const NewAddresses &rows, uint128 position, Datum address,
                      LeftOut *left_out) {
	if (wanted.consecutive || left_out->count == most_left_out ||
	    (left_out->count > 0 && left_out->first == position))
		refuse_unrecordable(rows, address);
	if (left_out->count++ == 0) left_out->first = position;
}

// Tries again what an INSERT has left out and is free in the range. What somebody else has recorded
// meanwhile the next walk does not find; the rest it finds, without end.
inline int record_left_out(const Wanted &wanted, const NewAddresses &rows, Datum *addresses, int count,
                           LeftOut *left_out, Tuplestorestate *result) {
	int recorded = 0;
	for (int i = 0; i < count; ++i) {
		const uint128 position = wanted.direction.mirror(to_address(DatumGetInetPP(addresses[i])).value);
		int done = 0;
		for (int tries = 1; done == 0 && is_free(wanted, position); ++tries) {
			CHECK_FOR_INTERRUPTS();
			if (tries == most_tries) {
				pass_over(wanted, rows, position, addresses[i], left_out);
				break;
			}
			done = insert_addresses(rows, &addresses[i], 1, result);
		}
		recorded += done;
	}
	return recorded;
}

} // namespace ipam::pg
