// Who may change the plan, and when: ipam.lock_plan(address_space_id) lets one transaction at a time change
// the structure of a space, and ipam.require_sight() keeps out roles that do not see all rows.
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "pg/fault.hpp"
#include "pg/relation.hpp"
#include "pg/statement.hpp"
#include "pg/trigger.hpp"

namespace {

// The lock that this backend took last, to take it once for many rows. A rolled back subtransaction
// lets the lock go; the next one has another number.
struct LastLock {
	FullTransactionId transaction;
	SubTransactionId subtransaction;
	int64 address_space;
	Oid user; // another one has other rights
};
constinit LastLock last_lock{};

constinit ipam::pg::Statement lock_plan{
    "INSERT INTO ipam.plan_lock AS l (address_space_id, locked_by) VALUES ($1, $2)"
    " ON CONFLICT (address_space_id) DO UPDATE SET locked_by = EXCLUDED.locked_by"
    " WHERE l.locked_by OPERATOR(pg_catalog.<>) EXCLUDED.locked_by"};

// The table is none that people know: they hear of what they wanted to do.
void require_rights() {
	const Oid table = ipam::pg::oid_of("plan_lock");
	if (pg_class_aclcheck(table, GetUserId(), ACL_INSERT) == ACLCHECK_OK &&
	    pg_class_aclcheck(table, GetUserId(), ACL_UPDATE) == ACLCHECK_OK) {
		return;
	}
	ereport(ERROR,
	        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to change the plan"),
	         errdetail("Changing blocks, subnets or ranges takes INSERT and UPDATE on ipam.plan_lock, too."),
	         errhint("Members of the group of IpamSecurityGroupIpamAsmAdministrators have these rights.")));
}

// What a policy hides from a writer the rules would not see: he could make what is there already.
void require_sight_to(const char *deed) {
	for (const char *name : {"address_space", "ip_block", "ip_subnet", "ip_range", "ip_address"}) {
		if (check_enable_rls(ipam::pg::oid_of(name), InvalidOid, true) != RLS_ENABLED) continue;
		ereport(ERROR,
		        (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to %s", deed),
		         errdetail("Row level security of ipam.%s holds for role \"%s\".", name,
		                   GetUserNameFromId(GetUserId(), false)),
		         errhint("This takes a role that sees all rows: grant BYPASSRLS, or use another role.")));
	}
}

// Somebody else has just deleted the address space.
[[noreturn]] void refuse_unknown_space(int64 address_space) {
	ipam::pg::raise_fault(ipam::find_fault("IpamApiInvalidAddressSpace"),
	                      psprintf("there is no address space " INT64_FORMAT, address_space), nullptr,
	                      "SELECT id, name FROM ipam.address_space lists them.");
}

} // namespace

IPAM_FUNCTION(ipam_lock_plan) {
	if (PG_ARGISNULL(0)) PG_RETURN_VOID();
	const int64 address_space = PG_GETARG_INT64(0);
	if (FullTransactionIdEquals(last_lock.transaction, GetTopFullTransactionIdIfAny()) &&
	    FullTransactionIdIsValid(last_lock.transaction) &&
	    last_lock.subtransaction == GetCurrentSubTransactionId() &&
	    last_lock.address_space == address_space && last_lock.user == GetUserId()) {
		PG_RETURN_VOID();
	}
	require_rights();
	require_sight_to("change the plan");
	PreventCommandIfReadOnly("a change of the plan"); // which takes a transaction id before it writes
	const FullTransactionId transaction = GetTopFullTransactionId();
	SPI_connect();
	Datum values[] = {Int64GetDatum(address_space), FullTransactionIdGetDatum(transaction)};
	SPIPlanPtr plan = lock_plan.prepared(INT8OID, XID8OID);
	MemoryContext memory = CurrentMemoryContext;
	PG_TRY();
	{ SPI_execute_plan(plan, values, nullptr, false, 0); }
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		if (geterrcode() != ERRCODE_FOREIGN_KEY_VIOLATION) PG_RE_THROW();
		FlushErrorState();
		refuse_unknown_space(address_space);
	}
	PG_END_TRY();
	SPI_finish();
	last_lock = {transaction, GetCurrentSubTransactionId(), address_space, GetUserId()};
	PG_RETURN_VOID();
}

// A trigger, because its users need no right to execute it. Its argument says what they are about to do:
// objects follow the custom fields that they use, whoever renames them; what is collected is about all
// ranges.
IPAM_FUNCTION(ipam_require_sight) {
	const TriggerData *data = ipam::pg::trigger_call(fcinfo);
	if (data->tg_trigger->tgnargs != 1) ipam::pg::refuse_trigger(data);
	require_sight_to(data->tg_trigger->tgargs[0]);
	if (!TRIGGER_FIRED_FOR_ROW(data->tg_event)) PG_RETURN_POINTER(nullptr);
	PG_RETURN_POINTER(TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple);
}
