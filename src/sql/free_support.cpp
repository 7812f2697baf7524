// What the planner is told of functions that give as many rows as their argument count says.
#include "pg/postgres.hpp"

#include <algorithm>

#include "pg/boundary.hpp"

namespace {

// The number of rows is the count asked for; the work is done before the first of them.
Datum count_support(FunctionCallInfo fcinfo, int count_argument, double startup) {
	auto *node = reinterpret_cast<Node *>(PG_GETARG_POINTER(0));
	constexpr double unknown_count = 1000; // a parameter, or all that are free
	if (IsA(node, SupportRequestRows)) {
		auto *request = reinterpret_cast<SupportRequestRows *>(node);
		if (!is_funcclause(request->node)) PG_RETURN_POINTER(nullptr);
		auto *arguments = reinterpret_cast<FuncExpr *>(request->node)->args;
		if (list_length(arguments) <= count_argument) PG_RETURN_POINTER(nullptr);
		Node *count = estimate_expression_value(request->root,
		                                        static_cast<Node *>(list_nth(arguments, count_argument)));
		request->rows = unknown_count;
		if (IsA(count, Const) && !reinterpret_cast<Const *>(count)->constisnull) {
			request->rows = std::max(1, DatumGetInt32(reinterpret_cast<Const *>(count)->constvalue));
		}
		PG_RETURN_POINTER(request);
	}
	if (IsA(node, SupportRequestCost)) {
		auto *request = reinterpret_cast<SupportRequestCost *>(node);
		request->startup = startup;
		request->per_tuple = 0;
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(nullptr);
}

} // namespace

IPAM_FUNCTION(ipam_get_free_ip_addresses_support) {
	return count_support(fcinfo, 3, 4 * random_page_cost); // the range and a descent of the index
}

IPAM_FUNCTION(ipam_find_room_support) {
	return count_support(fcinfo, 2, 16 * random_page_cost); // the block, and the indexes of four tables
}
