#pragma once
// Values of the server to values of the core and back. Nothing here owns memory.
#include "pg/postgres.hpp"

#include <cstring>

#include "core/address.hpp"

namespace ipam::pg {

inline Family family_of(const inet *value) noexcept {
	return ip_family(value) == PGSQL_AF_INET ? Family::v4 : Family::v6;
}

inline bool is_host(const inet *value) noexcept {
	return ip_bits(value) == width(family_of(value));
}

inline Address to_address(const inet *value) noexcept {
	const unsigned char *bytes = ip_addr(value);
	if (family_of(value) == Family::v4) {
		std::uint32_t v4 = 0;
		std::memcpy(&v4, bytes, sizeof v4);
		return {Family::v4, pg_ntoh32(v4)};
	}
	std::uint64_t half[2];
	std::memcpy(half, bytes, sizeof half);
	return {Family::v6, make_uint128(pg_ntoh64(half[0]), pg_ntoh64(half[1]))};
}

// Writes a host address into an inet that to_inet() has made for the same family.
inline void store_address(inet *out, const Address &address) noexcept {
	if (address.family == Family::v4) {
		const std::uint32_t v4 = pg_hton32(static_cast<std::uint32_t>(address.value));
		std::memcpy(ip_addr(out), &v4, sizeof v4);
	} else {
		const std::uint64_t half[2] = {pg_hton64(high_half(address.value)),
		                               pg_hton64(low_half(address.value))};
		std::memcpy(ip_addr(out), half, sizeof half);
	}
}

inline inet *to_inet(const Address &address) {
	auto *out = static_cast<inet *>(palloc0(sizeof(inet)));
	ip_family(out) = address.family == Family::v4 ? PGSQL_AF_INET : PGSQL_AF_INET6;
	ip_bits(out) = static_cast<unsigned char>(width(address.family));
	store_address(out, address);
	SET_INET_VARSIZE(out);
	return out;
}

inline inet *to_cidr(const Network &network) {
	inet *out = to_inet({network.family, network.address});
	ip_bits(out) = static_cast<unsigned char>(network.prefix_length);
	return out;
}

inline const char *to_text(const inet *value) {
	return DatumGetCString(DirectFunctionCall1(inet_out, InetPGetDatum(value)));
}

inline const char *to_text(const Address &address) {
	return to_text(to_inet(address));
}

inline const char *to_text(const Network &network) {
	return DatumGetCString(DirectFunctionCall1(cidr_out, InetPGetDatum(to_cidr(network))));
}

} // namespace ipam::pg
