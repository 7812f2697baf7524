// The registry of faults as SQL sees it.
#include "pg/postgres.hpp"

#include "pg/boundary.hpp"
#include "pg/fault.hpp"

using namespace ipam;

// ipam.faults(): the registry as rows.
IPAM_FUNCTION(ipam_faults) {
	InitMaterializedSRF(fcinfo, 0);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	const auto text_datum = [](std::string_view s) {
		return PointerGetDatum(cstring_to_text_with_len(s.data(), static_cast<int>(s.size())));
	};
	for (const Fault &fault : faults) {
		Datum values[] = {text_datum(fault.sqlstate), text_datum(fault.name), text_datum(fault.meaning)};
		bool nulls[] = {false, false, false};
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return Datum{0};
}

// ipam.raise_fault(name, message, detail, hint): never returns. Its boolean type lets a CHECK
// constraint say "holds OR raise_fault(...)".
IPAM_FUNCTION(ipam_raise_fault) {
	const auto text_arg = [fcinfo](int n) -> const char * {
		return PG_ARGISNULL(n) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(n));
	};
	const char *name = text_arg(0);
	const Fault *fault = name == nullptr ? nullptr : find_fault(name);
	if (fault == nullptr) {
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg("fault \"%s\" is not in the registry", name ? name : ""),
		                errhint("SELECT * FROM ipam.faults() lists the registry.")));
	}
	const char *message = text_arg(1);
	pg::raise_fault(fault, message != nullptr ? message : name, text_arg(2), text_arg(3));
}
