#pragma once
// Memory of the server for values of the core. palloc() aligns to 8 bytes, a 128-bit integer wants
// 16. What is allocated here is freed with its context, never by itself.
#include "pg/postgres.hpp"

#include <type_traits>

namespace ipam::pg {

template <typename T> T *allocate(MemoryContext context, Size count = 1) {
	static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_default_constructible_v<T>);
	auto *raw = static_cast<char *>(MemoryContextAllocExtended(context, sizeof(T) * count + alignof(T),
	                                                           MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
	return reinterpret_cast<T *>(TYPEALIGN(alignof(T), reinterpret_cast<uintptr_t>(raw)));
}

} // namespace ipam::pg
