#include "core/fault.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace ipam {
namespace {

bool is_digit(char c) {
	return c >= '0' && c <= '9';
}
bool is_letter_or_digit(char c) {
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

TEST(Faults, HaveASqlstateOfClassIP) {
	for (const Fault &fault : faults) {
		SCOPED_TRACE(fault.name);
		ASSERT_EQ(fault.sqlstate.size(), 5U);
		EXPECT_EQ(fault.sqlstate.substr(0, 2), "IP");
		EXPECT_TRUE(std::ranges::all_of(fault.sqlstate.substr(2), is_digit));
		EXPECT_NE(fault.sqlstate, "IP000"); // xx000 stands for a whole class
	}
}

TEST(Faults, StandInOrderOfTheirSqlstateEachOnce) {
	const auto next = std::ranges::adjacent_find(
	    faults, [](const Fault &a, const Fault &b) { return a.sqlstate >= b.sqlstate; });
	EXPECT_EQ(next, std::end(faults)) << next->sqlstate;
}

TEST(Faults, HaveNamesOfTheirOwn) {
	std::set<std::string_view> names;
	for (const Fault &fault : faults) {
		EXPECT_TRUE(names.insert(fault.name).second) << fault.name;
		EXPECT_TRUE(fault.name.starts_with("Ipam")) << fault.name;
		EXPECT_TRUE(std::ranges::all_of(fault.name, is_letter_or_digit)) << fault.name;
	}
}

TEST(Faults, SayWhatTheyMeanInOneLine) {
	for (const Fault &fault : faults) {
		SCOPED_TRACE(fault.name);
		ASSERT_FALSE(fault.meaning.empty());
		EXPECT_NE(fault.meaning.back(), '.');
		EXPECT_EQ(fault.meaning.find('\n'), std::string_view::npos);
	}
}

TEST(Faults, AreFoundByTheirName) {
	for (const Fault &fault : faults) {
		EXPECT_EQ(find_fault(fault.name), &fault);
	}
	static_assert(fault_named("IpamApiInvalidParameter")->sqlstate == "IP001");
}

TEST(Faults, AreNotFoundByAnythingElse) {
	for (const std::string_view name : {"", "IP001", "ipamapiinvalidparameter", "IpamApiInvalidParameter "}) {
		EXPECT_EQ(find_fault(name), nullptr) << name;
	}
}

} // namespace
} // namespace ipam
