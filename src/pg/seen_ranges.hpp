#pragma once
// The ranges that a trigger has found in its statement, so that it searches once for all addresses of a
// range.
#include "pg/postgres.hpp"

#include "core/span_map.hpp"
#include "pg/convert.hpp"
#include "pg/memory.hpp"
#include "pg/range_search.hpp"

namespace ipam::pg {

inline bool same_service(const Service &a, const Service &b) {
	return a.address_space == b.address_space &&
	       DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, a.managed_by, b.managed_by)) &&
	       DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, a.entity, b.entity));
}

struct SeenRange {
	int64 id;
	Oid virtualization_type;
	CommandId command; // of the transaction, when it was found
};

class SeenRanges {
public:
	// As long as the context, and empty where that has been filled with zeroes.
	void open(MemoryContext context) { context_ = context; }

	const SeenRange *find(const Service &service, const Address &address) {
		if (ranges_.count == 0 || !same_service(service_, service)) return nullptr;
		const auto *found = ranges_.find(address);
		return found == nullptr ? nullptr : &found->value;
	}

	// One service at a time: rows mostly come from one.
	void add(const Service &service, const RangeFound &range, CommandId command) {
		if (range.id == 0 || range.span.first > range.span.last) return;
		if (ranges_.count == 0 || !same_service(service_, service)) take_service(service);
		if (ranges_.is_full()) make_room();
		ranges_.put(range.span, {range.id, range.virtualization_type, command});
	}

private:
	static constexpr Size most = 1024;

	void take_service(const Service &service) {
		ranges_.forget();
		MemoryContext caller = MemoryContextSwitchTo(context_);
		if (has_service_) {
			pfree(DatumGetPointer(service_.managed_by));
			pfree(DatumGetPointer(service_.entity));
		}
		service_ = {service.address_space, PointerGetDatum(DatumGetTextPCopy(service.managed_by)),
		            PointerGetDatum(DatumGetTextPCopy(service.entity))};
		has_service_ = true;
		MemoryContextSwitchTo(caller);
	}

	void make_room() {
		if (ranges_.capacity == most) return ranges_.forget();
		const Size capacity = Max(ranges_.capacity * 4, 16);
		auto *entries = allocate<SpanMap<SeenRange>::Entry>(context_, capacity);
		std::copy_n(ranges_.entries, ranges_.count, entries);
		ranges_.entries = entries;
		ranges_.capacity = capacity;
	}

	MemoryContext context_;
	Service service_;
	bool has_service_;
	SpanMap<SeenRange> ranges_;
};

} // namespace ipam::pg
