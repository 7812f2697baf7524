#pragma once
// Where this session need not look again: before the position everything was taken when it was last there.
//
// A hint is used only where the walk before it would be long, and only for a while: at most
// `rest_of_walks` times what the last walk from the start took. So a session spends at most a twentieth of
// its time on looking for addresses that others have released, and finds them that soon. What the session
// itself releases moves the hint back at once, and a rollback removes it.
#include "pg/postgres.hpp"

#include <initializer_list>

#include "core/direction.hpp"

namespace ipam::pg {

struct Hint {
	int64 range_id; // 0: none
	bool highest_first;
	bool include_reserved;
	uint128 position;
	uint64 passed; // taken addresses that the last walk from the start passed
	TimestampTz walked_at;
	TimestampTz walk_time;
};

constexpr uint64 short_walk = 256; // taken addresses that are passed every time
constexpr TimestampTz rest_of_walks = 20;

inline constinit Hint hints[64]{};

inline Hint *hint_of(int64 range_id, bool highest_first) {
	return &hints[(static_cast<uint64>(range_id) * 2 + (highest_first ? 1 : 0)) % lengthof(hints)];
}

inline bool is_usable(const Hint &hint, int64 range_id, bool highest_first, bool include_reserved,
                      TimestampTz now) {
	return hint.range_id == range_id && hint.highest_first == highest_first &&
	       hint.include_reserved == include_reserved && hint.passed > short_walk && now >= hint.walked_at &&
	       now - hint.walked_at < rest_of_walks * hint.walk_time;
}

inline void forget_hints() {
	for (Hint &hint : hints)
		hint.range_id = 0;
}

// The address has become free, as far as this session is concerned.
inline void move_hints_back(int64 range_id, const Address &address) {
	for (const bool highest_first : {false, true}) {
		Hint *hint = hint_of(range_id, highest_first);
		const uint128 position = Direction{address.family, highest_first}.mirror(address.value);
		if (hint->range_id == range_id && hint->highest_first == highest_first && position < hint->position) {
			hint->position = position;
		}
	}
}

} // namespace ipam::pg
