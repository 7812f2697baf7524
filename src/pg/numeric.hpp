#pragma once
// Numbers of addresses as the SQL type numeric: up to 2^128, one more than 128 bits hold.
#include <cstring>

#include "pg/convert.hpp"

namespace ipam::pg {

inline Datum count_addresses(const Span &span) {
	const uint128 steps = span.last - span.first;
	char digits[48];
	char *end = digits + sizeof digits - 1, *begin = end;
	*end = '\0';
	uint128 rest = steps;
	do {
		*--begin = static_cast<char>('0' + static_cast<int>(rest % 10));
		rest /= 10;
	} while (rest != 0);
	const Datum one = DirectFunctionCall1(int8_numeric, Int64GetDatum(1));
	const Datum value = DirectFunctionCall3(numeric_in, CStringGetDatum(begin), ObjectIdGetDatum(InvalidOid),
	                                        Int32GetDatum(-1));
	return DirectFunctionCall2(numeric_add, value, one);
}

inline const char *numeric_text(Datum value) {
	return DatumGetCString(DirectFunctionCall1(numeric_out, value));
}

enum class WholeNumber { good, not_one, too_large };

// Digits, perhaps with zeros behind a point. Too large: more than 128 bits hold.
inline WholeNumber to_whole_number(const char *text, uint128 *number) {
	*number = 0;
	bool too_large = std::strcmp(text, "Infinity") == 0;
	const char *rest = too_large ? "" : text;
	for (; *rest >= '0' && *rest <= '9'; ++rest) {
		const auto digit = static_cast<unsigned>(*rest - '0');
		too_large = too_large || *number > (~uint128{0} - digit) / 10;
		*number = *number * 10 + digit;
	}
	if (*rest == '.') {
		do
			++rest;
		while (*rest == '0');
	}
	if (*rest != '\0') return WholeNumber::not_one;
	return too_large ? WholeNumber::too_large : WholeNumber::good;
}

} // namespace ipam::pg
