#include "base/dns/records.h"

#include <gtest/gtest.h>

namespace toast::dns {
namespace {

using namespace std::string_literals;

struct NameCase {
  std::string text, name;
};
const NameCase kNames[] = {
    {"mx1.example.org", "mx1.example.org"},
    {"MX1.Example.ORG.", "mx1.example.org"},
    {"localhost", "localhost"},
    {"_mx.my_host.test", "_mx.my_host.test"},  // not a host name by RFC 952, but in use
    {"192.0.2.1", "192.0.2.1"},
    {std::string(63, 'a') + ".test", std::string(63, 'a') + ".test"},
};
const std::string kNoNames[] = {"",
                                ".",
                                "..",
                                "a..test",
                                ".test",
                                "a b.test",
                                "a\0b.test"s,
                                "a\nb.test",
                                "a\\032.test",
                                "\xc3\xa4.test",
                                "a/b.test",
                                "[::1]",
                                "a:25",
                                std::string(64, 'a') + ".test",
                                "a.test.."};

TEST(DnsName, HostNames) {
  for (const NameCase& c : kNames) EXPECT_EQ(host_name(c.text), c.name);
  for (const std::string& text : kNoNames) EXPECT_FALSE(host_name(text)) << text;
  std::string longest;
  for (int i = 0; i < 126; ++i) longest += "a.";
  EXPECT_TRUE(host_name(longest + "b"));    // 253 characters
  EXPECT_FALSE(host_name(longest + "bc"));  // 254
}

struct WireCase {
  std::string wire, name;
};
const WireCase kWire[] = {
    {"\3mx1\7example\3org\0"s, "mx1.example.org"},
    {"\3MX1\4TEST\0"s, "mx1.test"},
    {"\0"s, ""},
};
const std::string kBadWire[] = {
    ""s,                  // nothing
    "\3mx1"s,             // no end
    "\3mx"s,              // a label longer than what is left
    "\3mx1\0\0"s,         // something behind the end
    "\xc0\x0c"s,          // a compression pointer
    "\3m.1\4test\0"s,     // a dot inside a label
    "\3m 1\4test\0"s,     // a space
    "\3m\0001\4test\0"s,  // NUL
    "\100"s + std::string(64, 'a') + "\0"s,
};

TEST(DnsName, FromWire) {
  for (const WireCase& c : kWire) EXPECT_EQ(host_name_from_wire(c.wire), c.name);
  for (const std::string& wire : kBadWire)
    EXPECT_FALSE(host_name_from_wire(wire)) << ::testing::PrintToString(wire);
  std::string endless;
  for (int i = 0; i < 1000; ++i) endless += "\1a";
  EXPECT_FALSE(host_name_from_wire(endless + "\0"s));
}

TEST(DnsRecords, MxByPreferenceWithoutTheUnusable) {
  const MxAnswer answer = mx_answer(
      {.status = DnsStatus::found,
       .data = {"\1\2\2mx\4test\0"s, "\0\5\2MX\4best\0"s, "\0\1\3m x\0"s, "\0\1"s, ""s, "\0\0\0"s},
       .secure = true});
  EXPECT_EQ(answer.records, (std::vector<MxRecord>{{0, ""}, {5, "mx.best"}, {258, "mx.test"}}));
  EXPECT_EQ(answer.dropped, 3U);
  EXPECT_TRUE(answer.secure);
}

TEST(DnsRecords, MxBeyondTheLimitKeepsTheBest) {
  Records records{.status = DnsStatus::found, .data = {}};
  for (int i = 1000; i > 0; --i) {
    std::string data = "xx\2mx\4test\0"s;
    data[0] = static_cast<char>(i >> 8);
    data[1] = static_cast<char>(i & 0xff);
    records.data.push_back(data);
  }
  const MxAnswer answer = mx_answer(records);
  ASSERT_EQ(answer.records.size(), kMaxMxRecords);
  EXPECT_EQ(answer.records.front().preference, 1);
  EXPECT_EQ(answer.records.back().preference, kMaxMxRecords);
  EXPECT_EQ(answer.dropped, 1000 - kMaxMxRecords);
}

Result<Records> some(std::vector<std::string> data, bool secure = false) {
  return Records{.status = DnsStatus::found, .data = std::move(data), .secure = secure};
}
Result<Records> none(DnsStatus status, bool secure = false) {
  return Records{.status = status, .data = {}, .secure = secure};
}
Result<Records> failed() { return transient("SERVFAIL"); }

const std::string kV4 = "\xc0\0\2\1"s;
const std::string kV6 = "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"s;

TEST(DnsRecords, BothFamilies) {
  const Result<AddressAnswer> both = address_answer(some({kV4, "short"}, true), some({kV6}, true));
  ASSERT_TRUE(both);
  EXPECT_EQ(both->status, DnsStatus::found);
  EXPECT_EQ(both->v4, std::vector{*IpAddress::parse("192.0.2.1")});
  EXPECT_EQ(both->v6, std::vector{*IpAddress::parse("2001:db8::1")});
  EXPECT_TRUE(both->secure);
  EXPECT_FALSE(address_answer(some({kV4}, true), none(DnsStatus::no_data))->secure);
}

struct StatusCase {
  const char* what;
  Result<Records> a, aaaa;
  std::optional<DnsStatus> status;  // none: an error
};

TEST(DnsRecords, WhatOneFamilySaysOfTheOther) {
  const StatusCase cases[] = {
      {"one has data", some({kV4}), none(DnsStatus::no_data), DnsStatus::found},
      {"one has data, the other is denied", some({kV4}), none(DnsStatus::no_name),
       DnsStatus::found},
      {"one has data, the other fails", failed(), some({kV6}), DnsStatus::found},
      {"no data", none(DnsStatus::no_data), none(DnsStatus::no_data), DnsStatus::no_data},
      {"no name", none(DnsStatus::no_name), none(DnsStatus::no_name), DnsStatus::no_name},
      {"denied in one", none(DnsStatus::no_name), none(DnsStatus::no_data), DnsStatus::no_data},
      {"nothing and a failure", none(DnsStatus::no_data), failed(), std::nullopt},
      {"denied and a failure", none(DnsStatus::no_name), failed(), std::nullopt},
      {"two failures", failed(), failed(), std::nullopt},
      {"unusable data", some({"x"}), none(DnsStatus::no_data), DnsStatus::no_data},
  };
  for (const StatusCase& c : cases) {
    SCOPED_TRACE(c.what);
    const Result<AddressAnswer> answer = address_answer(c.a, c.aaaa);
    ASSERT_EQ(answer.has_value(), c.status.has_value());
    if (answer) EXPECT_EQ(answer->status, *c.status);
    if (!answer) EXPECT_EQ(answer.error().failure, Failure::transient);
  }
}

TEST(DnsRecords, ManyAddressesAreCut) {
  const std::vector<std::string> many(1000, kV4);
  EXPECT_EQ(address_answer(some(many), none(DnsStatus::no_data))->v4.size(), kMaxAddressRecords);
}

}  // namespace
}  // namespace toast::dns
