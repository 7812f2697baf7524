#pragma once
// Places for networks or runs of addresses, in the order of a placement, all at once or row by row.
#include "pg/postgres.hpp"

#include <cstring>

#include "core/sparse.hpp"
#include "pg/room_search.hpp"
#include "pg/rows.hpp"

namespace ipam::pg {

constexpr uint128 no_limit = ~uint128{0};

enum class Placement { lowest, best_fit, sparse };

// Between two places nothing of the server's is held. Lowest first: gaps are fetched in growing batches.
// Best fit, sparse: all gaps have been looked at and the best pieces of them kept, best first; sparse makes
// a heap of them, into which the rest of a piece returns.
struct Places {
	Container container;
	TakenByWish excluded;
	Fit fit;
	uint128 wanted;
	Placement placement;
	Span rest; // where nobody has looked yet
	bool exhausted;
	MemoryContext context;
	Stretch *pieces;
	std::size_t capacity;
	std::size_t batch; // gaps to fetch next
	std::size_t count; // pieces at hand
	std::size_t position;
	uint128 next; // where the piece at the position goes on
};

inline void reserve(Places *places, std::size_t capacity) {
	if (capacity <= places->capacity) return;
	capacity = std::max(capacity, places->capacity * 2);
	auto *pieces = allocate<Stretch>(places->context, capacity);
	std::copy_n(places->pieces, places->count, pieces);
	places->pieces = pieces;
	places->capacity = capacity;
}

inline void begin_piece(Places *places) {
	if (places->position < places->count) places->next = places->pieces[places->position].first;
}

inline void fetch_lowest(Places *places) {
	constexpr std::size_t largest_batch = 256;
	places->count = places->position = 0;
	reserve(places, largest_batch);
	uint128 enough = places->wanted;
	const Span rest = places->rest;
	places->exhausted =
	    search_room(places->container, places->excluded, rest, places->fit, [&](const Span &gap) {
		    places->pieces[places->count++] = {gap.first, gap.last};
		    places->rest.first = gap.last + 1; // of no meaning behind the last gap
		    enough -= count_places(gap, places->fit, enough);
		    return gap.last < rest.last && enough > 0 && places->count < places->batch;
	    });
	if (places->count > 0 && places->pieces[places->count - 1].last >= rest.last) places->exhausted = true;
	places->batch = std::min(places->batch * 4, largest_batch);
	begin_piece(places);
}

template <bool (*is_better)(const Stretch &, const Stretch &) noexcept> void fetch_best(Places *places) {
	BestPieces<is_better> best{
	    nullptr, 0, places->wanted > SIZE_MAX / 2 ? SIZE_MAX / 2 : static_cast<std::size_t>(places->wanted)};
	search_room(places->container, places->excluded, places->rest, places->fit, [&](const Span &gap) {
		return for_each_piece(gap, places->fit, [&](const Stretch &piece) {
			if (!best.wants(piece)) return true;
			places->count = best.count;
			reserve(places, best.count + 1);
			best.pieces = places->pieces;
			best.keep(piece);
			return places->placement != Placement::best_fit || !best.is_perfect(places->fit.size);
		});
	});
	best.sort();
	places->count = best.count;
	places->exhausted = true;
	begin_piece(places);
}

// One piece after the other, and in each one place after the other.
inline bool take_in_order(Places *places, Span *place) {
	for (;;) {
		if (places->position == places->count) {
			if (places->exhausted) return false;
			fetch_lowest(places);
			continue;
		}
		const Stretch &piece = places->pieces[places->position];
		const bool fits = first_place({places->rest.family, places->next, piece.last}, places->fit, place);
		if (fits && place->last < piece.last) {
			places->next = place->last + 1;
		} else {
			++places->position;
			begin_piece(places);
		}
		if (fits) return true;
	}
}

// Out of the roomiest piece, whose rest goes back into the heap.
inline bool take_sparse(Places *places, Span *place) {
	if (places->count == 0) return false;
	std::pop_heap(places->pieces, places->pieces + places->count, is_less_roomy);
	const Stretch piece = places->pieces[--places->count];
	*place = sparse_place(places->rest.family, piece, places->fit);
	for_each_rest(piece, *place, places->fit, [&](const Stretch &rest) {
		reserve(places, places->count + 1);
		places->pieces[places->count++] = rest;
		std::push_heap(places->pieces, places->pieces + places->count, is_less_roomy);
		return true;
	});
	return true;
}

inline bool next_place(Places *places, Span *place) {
	CHECK_FOR_INTERRUPTS();
	if (places->wanted == 0) return false;
	const bool found =
	    places->placement == Placement::sparse ? take_sparse(places, place) : take_in_order(places, place);
	if (found && places->wanted != no_limit) --places->wanted;
	return found;
}

inline uint128 count_argument(FunctionCallInfo fcinfo, int argument, const char *what) {
	if (PG_ARGISNULL(argument)) return no_limit;
	const int32 count = PG_GETARG_INT32(argument);
	if (count < 0) {
		raise_fault(fault_named("IpamApiInvalidParameter"), psprintf("count cannot be %d", count), nullptr,
		            psprintf("Ask for 0 or more %s; NULL means all.", what));
	}
	return static_cast<uint128>(count);
}

// An argument of the SQL type ipam.placement.
inline Placement placement_argument(FunctionCallInfo fcinfo, int argument) {
	if (PG_ARGISNULL(argument)) return Placement::lowest;
	const char *label = DatumGetCString(DirectFunctionCall1(enum_out, PG_GETARG_DATUM(argument)));
	return std::strcmp(label, "BestFit") == 0  ? Placement::best_fit
	       : std::strcmp(label, "Sparse") == 0 ? Placement::sparse
	                                           : Placement::lowest;
}

// Arguments 2 to 4: count, placement, exclude.
inline Places start_places(FunctionCallInfo fcinfo, const Container &container, const Span &span,
                           const Fit &fit, const char *what, MemoryContext context) {
	Places places{};
	places.container = container;
	places.excluded = exclude_argument(fcinfo, 4, span.family, context);
	places.fit = fit;
	places.wanted = count_argument(fcinfo, 2, what);
	places.rest = span;
	places.context = context;
	places.batch = 4;
	places.placement = placement_argument(fcinfo, 3);
	if (places.wanted == 0 || places.placement == Placement::lowest) return places;
	if (places.placement == Placement::best_fit) {
		fetch_best<fits_better>(&places);
	} else {
		fetch_best<is_roomier>(&places);
	}
	return places;
}

// A set-returning function.
//   start(MemoryContext)  reads the arguments and gives the Places, which last as long as the context
//   emit(const Span &)    makes a value of a place
template <typename Start, typename Emit>
Datum return_places(FunctionCallInfo fcinfo, Start start, Emit emit) {
	Span place{};
	if (wants_materialized(fcinfo)) {
		Places places = start(CurrentMemoryContext);
		const Rows rows = materialize(fcinfo);
		while (next_place(&places, &place)) {
			const Datum value = emit(place);
			rows.put(value);
			pfree(DatumGetPointer(value));
		}
		return Datum{0};
	}
	if (SRF_IS_FIRSTCALL()) {
		FuncCallContext *call = SRF_FIRSTCALL_INIT();
		MemoryContext caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		auto *places = allocate<Places>(call->multi_call_memory_ctx);
		*places = start(call->multi_call_memory_ctx);
		call->user_fctx = places;
		MemoryContextSwitchTo(caller);
	}
	FuncCallContext *call = SRF_PERCALL_SETUP();
	if (!next_place(static_cast<Places *>(call->user_fctx), &place)) SRF_RETURN_DONE(call);
	SRF_RETURN_NEXT(call, emit(place));
}

} // namespace ipam::pg
