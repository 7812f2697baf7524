#include "core/category.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>

namespace ipam {
namespace {

Address at(const char *text) {
	unsigned char bytes[16];
	const bool v4 = std::strchr(text, ':') == nullptr;
	EXPECT_EQ(inet_pton(v4 ? AF_INET : AF_INET6, text, bytes), 1) << text;
	uint128 value = 0;
	for (int i = 0; i < (v4 ? 4 : 16); ++i) {
		value = value << 8 | bytes[i];
	}
	return {v4 ? Family::v4 : Family::v6, value};
}

Span span(const char *first, const char *last) {
	EXPECT_EQ(at(first).family, at(last).family);
	return {at(first).family, at(first).value, at(last).value};
}

constexpr std::optional<Category> none;
constexpr std::optional<Category> public_v4 = Category::public_v4;
constexpr std::optional<Category> private_use = Category::private_use;
constexpr std::optional<Category> global_v6 = Category::global_v6_unicast;

struct Space {
	const char *first;
	const char *last;
	std::optional<Category> before; // none also where the family ends
	std::optional<Category> inside;
	std::optional<Category> after;
	bool hosts; // whether a host can have its addresses
};

const Space spaces[] = {
    {"0.0.0.0", "0.255.255.255", none, none, public_v4, false},
    {"10.0.0.0", "10.255.255.255", public_v4, private_use, public_v4, true},
    {"100.64.0.0", "100.127.255.255", public_v4, private_use, public_v4, true},
    {"127.0.0.0", "127.255.255.255", public_v4, none, public_v4, false},
    {"169.254.0.0", "169.254.255.255", public_v4, none, public_v4, false},
    {"172.16.0.0", "172.31.255.255", public_v4, private_use, public_v4, true},
    {"192.168.0.0", "192.168.255.255", public_v4, private_use, public_v4, true},
    {"224.0.0.0", "239.255.255.255", public_v4, none, none, true},
    {"240.0.0.0", "255.255.255.254", none, none, none, true},
    {"255.255.255.255", "255.255.255.255", none, none, none, false},
    {"::", "::", none, none, none, false},
    {"::1", "::1", none, none, global_v6, false},
    {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", global_v6, private_use, global_v6, true},
    {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", global_v6, none, none, false},
    {"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", none, none, none, false},
    {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", none, none, none, false},
};

std::optional<Category> of_one(Family family, uint128 address) {
	return category_of({family, address, address});
}

TEST(Category, ChangesExactlyAtTheBordersOfEachSpace) {
	for (const Space &space : spaces) {
		SCOPED_TRACE(space.first);
		const Span inside = span(space.first, space.last);
		EXPECT_EQ(category_of(inside), space.inside);
		EXPECT_EQ(of_one(inside.family, inside.first), space.inside);
		EXPECT_EQ(of_one(inside.family, inside.last), space.inside);
		if (inside.first > 0) {
			EXPECT_EQ(of_one(inside.family, inside.first - 1), space.before);
		}
		if (inside.last < top(inside.family)) {
			EXPECT_EQ(of_one(inside.family, inside.last + 1), space.after);
		}
	}
}

TEST(Category, OfASpanAcrossABorderIsNone) {
	for (const Space &space : spaces) {
		SCOPED_TRACE(space.first);
		const Span inside = span(space.first, space.last);
		if (inside.first > 0) {
			EXPECT_EQ(category_of({inside.family, inside.first - 1, inside.first}), none);
			EXPECT_EQ(category_of({inside.family, inside.first - 1, inside.last}), none);
		}
		if (inside.last < top(inside.family)) {
			EXPECT_EQ(category_of({inside.family, inside.last, inside.last + 1}), none);
			EXPECT_EQ(category_of({inside.family, inside.first, inside.last + 1}), none);
		}
		EXPECT_EQ(category_of({inside.family, 0, top(inside.family)}), none);
	}
}

TEST(Category, OfASpanBetweenTwoSpacesIsThatOfAllItsAddresses) {
	EXPECT_EQ(category_of(span("1.0.0.0", "9.255.255.255")), public_v4);
	EXPECT_EQ(category_of(span("11.0.0.0", "100.63.255.255")), public_v4);
	EXPECT_EQ(category_of(span("100.128.0.0", "126.255.255.255")), public_v4);
	EXPECT_EQ(category_of(span("128.0.0.0", "169.253.255.255")), public_v4);
	EXPECT_EQ(category_of(span("169.255.0.0", "172.15.255.255")), public_v4);
	EXPECT_EQ(category_of(span("172.32.0.0", "192.167.255.255")), public_v4);
	EXPECT_EQ(category_of(span("192.169.0.0", "223.255.255.255")), public_v4);
	EXPECT_EQ(category_of(span("::2", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), global_v6);
	EXPECT_EQ(category_of(span("fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), global_v6);
}

TEST(Category, OfASpanThatSwallowsASpaceIsNone) {
	EXPECT_EQ(category_of(span("9.0.0.0", "11.255.255.255")), none);
	EXPECT_EQ(category_of(span("10.0.0.0", "172.31.255.255")), none); // private at both ends
	EXPECT_EQ(category_of(span("126.0.0.0", "128.255.255.255")), none);
	EXPECT_EQ(category_of(span("fb00::", "fe00::")), none);
	EXPECT_EQ(category_of(span("::", "::2")), none);
}

TEST(Category, OfAPartOfAPrivateSpaceIsPrivate) {
	EXPECT_EQ(category_of(span("10.1.2.3", "10.1.2.4")), private_use);
	EXPECT_EQ(category_of(span("100.64.0.0", "100.64.0.3")), private_use);
	EXPECT_EQ(category_of(span("172.20.0.0", "172.31.255.255")), private_use);
	EXPECT_EQ(category_of(span("192.168.0.0", "192.168.0.1")), private_use);
	EXPECT_EQ(category_of(span("fd00::", "fd00::ffff")), private_use);
}

TEST(Category, DoesNotMixTheFamilies) {
	EXPECT_EQ(of_one(Family::v4, 0x0A000001), private_use);
	EXPECT_EQ(of_one(Family::v6, 0x0A000001), global_v6); // ::10.0.0.1
	EXPECT_EQ(of_one(Family::v4, 1), none);
	EXPECT_EQ(of_one(Family::v6, 0x7F000001), global_v6);
}

TEST(HostAddress, IsWhatTheSpaceAllowsUpToItsBorders) {
	for (const Space &space : spaces) {
		SCOPED_TRACE(space.first);
		const Span inside = span(space.first, space.last);
		EXPECT_EQ(is_host({inside.family, inside.first}), space.hosts);
		EXPECT_EQ(is_host({inside.family, inside.last}), space.hosts);
		EXPECT_EQ(is_host({inside.family, inside.first + (inside.last - inside.first) / 2}), space.hosts);
	}
}

TEST(HostAddress, MayBeMulticastAndClassEInIPv4ButNotBroadcast) {
	EXPECT_TRUE(is_host(at("224.0.0.1")));
	EXPECT_TRUE(is_host(at("240.0.0.0")));
	EXPECT_TRUE(is_host(at("255.255.255.254")));
	EXPECT_FALSE(is_host(at("255.255.255.255")));
	EXPECT_FALSE(is_host(at("ff02::1")));
}

TEST(HostAddress, MayLieNextToWhatItMayNotBe) {
	for (const char *text : {"1.0.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
	                         "::2", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
		EXPECT_TRUE(is_host(at(text))) << text;
	}
}

TEST(HostAddress, IsEveryAddressThatHasACategory) {
	for (const char *text : {"1.2.3.4", "10.0.0.0", "172.16.0.1", "192.168.255.255", "8.8.8.8",
	                         "2001:db8::", "fc00::", "::ffff:10.0.0.1"}) {
		const Address address = at(text);
		EXPECT_TRUE(of_one(address.family, address.value).has_value()) << text;
		EXPECT_TRUE(is_host(address)) << text;
	}
}

} // namespace
} // namespace ipam
