// What the planner is told of ipam.get_free_ip_addresses().
#include "pg/postgres.hpp"

#include <algorithm>

#include "pg/boundary.hpp"

// Planner support: the number of rows is the count asked for, and each costs about an operator call.
IPAM_FUNCTION(ipam_get_free_ip_addresses_support) {
	auto *node = reinterpret_cast<Node *>(PG_GETARG_POINTER(0));
	constexpr double unknown_count = 1000; // a parameter, or all that are free
	if (IsA(node, SupportRequestRows)) {
		auto *request = reinterpret_cast<SupportRequestRows *>(node);
		if (!is_funcclause(request->node)) PG_RETURN_POINTER(nullptr);
		auto *arguments = reinterpret_cast<FuncExpr *>(request->node)->args;
		if (list_length(arguments) <= 3) PG_RETURN_POINTER(nullptr);
		Node *count = estimate_expression_value(request->root, static_cast<Node *>(list_nth(arguments, 3)));
		request->rows = unknown_count;
		if (IsA(count, Const) && !reinterpret_cast<Const *>(count)->constisnull) {
			request->rows = std::max(1, DatumGetInt32(reinterpret_cast<Const *>(count)->constvalue));
		}
		PG_RETURN_POINTER(request);
	}
	if (IsA(node, SupportRequestCost)) {
		auto *request = reinterpret_cast<SupportRequestCost *>(node);
		request->startup = 4 * random_page_cost; // the range and a descent of the index
		request->per_tuple = 0;
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(nullptr);
}
