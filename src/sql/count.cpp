// How many addresses of a range are used: ipam.count_used_ip_addresses().
#include "pg/postgres.hpp"

#include <initializer_list>

#include "pg/boundary.hpp"
#include "pg/row_by_id.hpp"
#include "pg/used_addresses.hpp"

using namespace ipam;
using namespace ipam::pg;

IPAM_FUNCTION(ipam_count_used_ip_addresses) {
	static constinit RowsById ranges{"ip_range", "ip_range_pkey",
	                                 "SELECT id FROM ipam.ip_range WHERE id OPERATOR(pg_catalog.=) $1"};
	const int64 range_id = PG_GETARG_INT64(0);
	if (!ranges.may_see(range_id)) PG_RETURN_INT64(0);
	uint128 count = 0;
	for (const Family family : {Family::v4, Family::v6}) {
		UsedAddresses used;
		used.open(range_id, {family, 0});
		Stretch stretch{};
		while (used.next(stretch))
			count += stretch.last - stretch.first + 1;
		used.close();
		if (count > 0) break; // a range has addresses of one family
	}
	PG_RETURN_INT64(static_cast<int64>(count));
}
