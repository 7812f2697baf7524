#include "core/csv.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace ipam {
namespace {

using Values = std::vector<std::optional<std::string>>;

struct Record {
	std::uint64_t line;
	Values values;
	std::string problem;

	bool operator==(const Record &) const = default;
};

std::string value_of(const CsvField &field) {
	std::string value(field.raw.size(), '?');
	value.resize(field.read(value.data()));
	return value;
}

std::vector<Record> parsed(std::string_view content) {
	std::vector<Record> records;
	CsvReader reader(content);
	while (reader.next_record()) {
		Record record{reader.line(), {}, {}};
		for (CsvField field{}; reader.next_field(field);) {
			record.values.push_back(field.is_missing() ? std::nullopt : std::optional(value_of(field)));
		}
		if (reader.problem() != nullptr) record.problem = reader.problem();
		records.push_back(record);
	}
	return records;
}

std::string written(const std::string &value) {
	std::string field(csv_field_length(value), '?');
	EXPECT_EQ(write_csv_field(value, field.data()), field.size());
	return field;
}

TEST(Csv, HasRecordsOfFields) {
	EXPECT_EQ(parsed("a,b\nc,d\n"), (std::vector<Record>{{1, {"a", "b"}, ""}, {2, {"c", "d"}, ""}}));
	EXPECT_EQ(parsed("a,b\nc,d"), parsed("a,b\nc,d\n"));
	EXPECT_EQ(parsed(" a , b "), (std::vector<Record>{{1, {" a ", " b "}, ""}}));
}

TEST(Csv, OfNothingHasNoRecords) {
	EXPECT_TRUE(parsed("").empty());
	EXPECT_TRUE(parsed("\n").empty());
	EXPECT_TRUE(parsed("\r\n\r\n\n\r").empty());
	EXPECT_TRUE(parsed("\xEF\xBB\xBF").empty());
}

TEST(Csv, TellsMissingFromEmpty) {
	EXPECT_EQ(parsed(",\"\","), (std::vector<Record>{{1, {std::nullopt, "", std::nullopt}, ""}}));
	EXPECT_EQ(parsed("\"\""), (std::vector<Record>{{1, {""}, ""}}));
}

TEST(Csv, KeepsWhatStandsInQuotes) {
	EXPECT_EQ(parsed("\"a,b\",\"say \"\"hi\"\"\",\"\"\"\""),
	          (std::vector<Record>{{1, {"a,b", "say \"hi\"", "\""}, ""}}));
	EXPECT_EQ(parsed("\"a\r\nb\nc\rd\",e\nf"),
	          (std::vector<Record>{{1, {"a\r\nb\nc\rd", "e"}, ""}, {5, {"f"}, ""}}));
}

TEST(Csv, EndsLinesInThreeWays) {
	EXPECT_EQ(parsed("a\nb\r\nc\rd"),
	          (std::vector<Record>{{1, {"a"}, ""}, {2, {"b"}, ""}, {3, {"c"}, ""}, {4, {"d"}, ""}}));
}

TEST(Csv, CountsBlankLinesButSkipsThem) {
	EXPECT_EQ(parsed("\n\na\n\r\n\nb"), (std::vector<Record>{{3, {"a"}, ""}, {6, {"b"}, ""}}));
}

TEST(Csv, SkipsAByteOrderMarkAtTheStartOnly) {
	EXPECT_EQ(parsed("\xEF\xBB\xBF\"a\",b"), (std::vector<Record>{{1, {"a", "b"}, ""}}));
	EXPECT_EQ(parsed("a\n\xEF\xBB\xBF"), (std::vector<Record>{{1, {"a"}, ""}, {2, {"\xEF\xBB\xBF"}, ""}}));
}

TEST(Csv, TellsWhatIsWrongAndGoesOnBehindIt) {
	EXPECT_EQ(parsed("\"a\"x,b\nc"),
	          (std::vector<Record>{{1, {"a", "b"}, "text follows a closing quote"}, {2, {"c"}, ""}}));
	EXPECT_EQ(parsed("5\" disk\nc"),
	          (std::vector<Record>{{1, {"5\" disk"}, "a quote stands inside a field without quotes"},
	                               {2, {"c"}, ""}}));
	EXPECT_EQ(parsed("a\nb,\"c\nd"),
	          (std::vector<Record>{{1, {"a"}, ""}, {2, {"b", "c\nd"}, "a quote is not closed"}}));
	EXPECT_EQ(parsed("\""), (std::vector<Record>{{1, {""}, "a quote is not closed"}}));
	EXPECT_EQ(parsed("\"a\"\""), (std::vector<Record>{{1, {"a\""}, "a quote is not closed"}}));
}

TEST(Csv, GoesToTheNextRecordFromAnyField) {
	CsvReader reader("a,\"b\nb\"\nc,d");
	EXPECT_TRUE(reader.next_record());
	EXPECT_TRUE(reader.next_record());
	EXPECT_EQ(reader.line(), 3U);
	CsvField field{};
	EXPECT_TRUE(reader.next_field(field));
	EXPECT_EQ(field.raw, "c");
	EXPECT_FALSE(reader.next_record());
}

TEST(Csv, IsWrittenWithQuotesWhereNeeded) {
	EXPECT_EQ(written("plain"), "plain");
	EXPECT_EQ(written(""), "\"\"");
	EXPECT_EQ(written("a,b"), "\"a,b\"");
	EXPECT_EQ(written("say \"hi\""), "\"say \"\"hi\"\"\"");
	EXPECT_EQ(written("a\nb"), "\"a\nb\"");
	EXPECT_EQ(written(" a"), "\" a\"");
	EXPECT_EQ(written("a "), "\"a \"");
}

} // namespace
} // namespace ipam
