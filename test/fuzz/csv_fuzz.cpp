// What is written is read back, and whatever is read ends, with lines that are those of the text.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "core/csv.hpp"

using namespace ipam;

namespace {

void require(bool holds) {
	if (!holds) std::abort();
}

using Value = std::optional<std::string>;
using Record = std::vector<Value>;

// Mostly of the characters that mean something.
std::string any_text(FuzzedDataProvider &in) {
	constexpr std::string_view special = "\",\r\n a\xEF\xBB\xBF";
	std::string text;
	for (auto length = in.ConsumeIntegralInRange(0, 6); length > 0; --length) {
		const auto choice = in.ConsumeIntegralInRange<std::size_t>(0, special.size());
		text += choice < special.size() ? special[choice] : in.ConsumeIntegral<char>();
	}
	return text;
}

Value value_of(const CsvField &field) {
	if (field.is_missing()) return std::nullopt;
	std::string value(field.raw.size(), '?');
	value.resize(field.read(value.data()));
	return value;
}

// Lines that end before this place, found another way: by the ends themselves.
std::uint64_t line_at(std::string_view text, std::size_t place) {
	std::uint64_t line = 1;
	for (std::size_t i = 0; i < place; ++i) {
		const bool is_pair = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
		if ((text[i] == '\n' || text[i] == '\r') && !is_pair) ++line;
	}
	return line;
}

void check_written(FuzzedDataProvider &in) {
	std::string text;
	std::vector<Record> records;
	std::vector<std::uint64_t> lines;
	for (auto count = in.ConsumeIntegralInRange(0, 5); count > 0; --count) {
		Record record{any_text(in)}; // a record of one missing value would be a blank line
		lines.push_back(line_at(text, text.size()));
		std::string field(csv_field_length(*record[0]), '?');
		require(write_csv_field(*record[0], field.data()) == field.size());
		text += field;
		for (auto more = in.ConsumeIntegralInRange(0, 3); more > 0; --more) {
			text += ',';
			record.push_back(in.ConsumeBool() ? Value(any_text(in)) : std::nullopt);
			if (!record.back()) continue;
			field.assign(csv_field_length(*record.back()), '?');
			require(write_csv_field(*record.back(), field.data()) == field.size());
			text += field;
		}
		constexpr const char *ends[] = {"\n", "\r\n", "\r"};
		text += ends[in.ConsumeIntegralInRange(0, 2)];
		if (text.ends_with('\r')) text += "\n"; // CR and a record that starts with LF would be a pair
		records.push_back(record);
	}
	CsvReader reader(text);
	for (std::size_t i = 0; i < records.size(); ++i) {
		require(reader.next_record());
		require(reader.line() == lines[i]);
		Record record;
		for (CsvField field{}; reader.next_field(field);)
			record.push_back(value_of(field));
		require(reader.problem() == nullptr);
		require(record == records[i]);
	}
	require(!reader.next_record());
}

// Anything: fields lie in the text, in order, and their lines are right.
void check_read(const std::string &text) {
	CsvReader reader(text);
	std::size_t place = 0;
	while (reader.next_record()) {
		bool is_first = true;
		for (CsvField field{}; reader.next_field(field); is_first = false) {
			const auto start = static_cast<std::size_t>(field.raw.data() - text.data());
			require(start >= place && start + field.raw.size() <= text.size());
			if (is_first) require(reader.line() == line_at(text, start));
			place = start + field.raw.size();
			value_of(field);
		}
		require(!is_first);
	}
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
	FuzzedDataProvider in(data, size);
	if (in.ConsumeBool()) {
		check_written(in);
	} else {
		check_read(in.ConsumeRemainingBytesAsString());
	}
	return 0;
}
