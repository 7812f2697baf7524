/*
 * The floor of the benchmark: a set-returning function that does nothing but return inet values, row by row in
 * the select list and as a whole in FROM, as ipam.get_free_ip_addresses() does. `make bench` builds it; it is
 * no part of the extension.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/inet.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(return_addresses);

static void
set_ipv4(inet *value, uint32 number)
{
	unsigned char *bytes = ip_addr(value);

	ip_family(value) = PGSQL_AF_INET;
	ip_bits(value) = 32;
	SET_INET_VARSIZE(value);
	bytes[0] = (unsigned char) (number >> 24);
	bytes[1] = (unsigned char) (number >> 16);
	bytes[2] = (unsigned char) (number >> 8);
	bytes[3] = (unsigned char) number;
}

static void
return_all(ReturnSetInfo *result, uint32 count)
{
	MemoryContext caller = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	TupleDesc	description = CreateTemplateTupleDesc(1);
	Tuplestorestate *store = tuplestore_begin_heap(true, false, work_mem);
	inet	   *value = palloc0(sizeof(inet));
	bool		is_null = false;

	TupleDescInitEntry(description, 1, NULL, INETOID, -1, 0);
	result->returnMode = SFRM_Materialize;
	result->setResult = store;
	result->setDesc = description;
	MemoryContextSwitchTo(caller);
	for (uint32 i = 0; i < count; i++)
	{
		Datum		datum = InetPGetDatum(value);

		CHECK_FOR_INTERRUPTS();
		set_ipv4(value, i);
		tuplestore_putvalues(store, description, &datum, &is_null);
	}
}

/* return_addresses(count integer): 0.0.0.0, 0.0.0.1, ... */
Datum
return_addresses(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	FuncCallContext *call;

	if (result->allowedModes & SFRM_Materialize_Preferred)
	{
		return_all(result, PG_GETARG_UINT32(0));
		return (Datum) 0;
	}
	if (SRF_IS_FIRSTCALL())
		SRF_FIRSTCALL_INIT()->max_calls = PG_GETARG_UINT32(0);
	call = SRF_PERCALL_SETUP();
	if (call->call_cntr < call->max_calls)
	{
		inet	   *value = palloc0(sizeof(inet));

		set_ipv4(value, (uint32) call->call_cntr);
		SRF_RETURN_NEXT(call, InetPGetDatum(value));
	}
	SRF_RETURN_DONE(call);
}
