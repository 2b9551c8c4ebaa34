#include "vdomain/maildir/trace_fields.h"

#include <gtest/gtest.h>

namespace toast::maildir {
namespace {

Address address(std::string_view text) { return *Address::parse(text); }

TEST(TraceFields, NullSenderAndQuotedLocalPart) {
  EXPECT_EQ(trace_fields({}, address("ann@example.org")),
            "Return-Path: <>\nDelivered-To: ann@example.org\n");
  EXPECT_EQ(trace_fields(address("\"a b\"@Example.NET"), address("ann@example.org")),
            "Return-Path: <\"a b\"@example.net>\nDelivered-To: ann@example.org\n");
}

struct LoopCase {
  std::string_view message;
  bool looping;
};
const LoopCase kLoops[] = {
    {"Subject: x\nDelivered-To: ann@example.org\n\nbody\n", true},
    {"Delivered-To: ann@example.org", true},
    {"delivered-TO :  Ann@Example.ORG \r\n\r\n", true},  // another host's spelling
    // other addresses, other fields, folded lines, the body
    {"Delivered-To: anne@example.org\n\n", false},
    {"Delivered-To: ann@example.org.test\n\n", false},
    {"X-Delivered-To: ann@example.org\n\n", false},
    {"Subject: a\n Delivered-To: ann@example.org\n\n", false},
    {"Subject: x\n\nDelivered-To: ann@example.org\n", false},
    {"\nDelivered-To: ann@example.org\n", false},
    {"\r\nDelivered-To: ann@example.org\n", false},
    {"", false},
    {"no colon here\n", false},
};

TEST(TraceFields, LoopCheck) {
  for (const LoopCase& c : kLoops)
    EXPECT_EQ(was_delivered_to(c.message, address("ann@example.org")), c.looping) << c.message;
}

}  // namespace
}  // namespace toast::maildir
