// A dialogue that goes well, broken at each place in each way: nothing is ever taken for delivered
// or for refused that was not, and each request is answered.
#include <gtest/gtest.h>

#include "tests/dialogue/remote/world.h"

namespace toast::remote {
namespace {

const std::vector<std::string> kGoodPipelined = {"S: 220 mx1.test",
                                                 "C: EHLO out.client.test",
                                                 "S: 250-mx1.test",
                                                 "S: 250 PIPELINING",
                                                 "C: MAIL FROM:<bob@client.test>",
                                                 "C: RCPT TO:<ann@example.org>",
                                                 "C: DATA",
                                                 "S: 250 ok",
                                                 "S: 250 ok",
                                                 "S: 354 go on",
                                                 "C: Subject: x",
                                                 "C:",
                                                 "C: text",
                                                 "C: .",
                                                 "S: 250 ok"};
const std::vector<std::string> kGoodPlain = {"S: 220 mx1.test",
                                             "C: EHLO out.client.test",
                                             "S: 250 mx1.test",
                                             "C: MAIL FROM:<bob@client.test>",
                                             "S: 250 ok",
                                             "C: RCPT TO:<ann@example.org>",
                                             "S: 250 ok",
                                             "C: DATA",
                                             "S: 354 go on",
                                             "C: Subject: x",
                                             "C:",
                                             "C: text",
                                             "C: .",
                                             "S: 250 ok"};
const std::vector<std::string> kGoodChunking = {"S: 220 mx1.test",
                                                "C: EHLO out.client.test",
                                                "S: 250-mx1.test",
                                                "S: 250 CHUNKING",
                                                "C: MAIL FROM:<bob@client.test>",
                                                "S: 250 ok",
                                                "C: RCPT TO:<ann@example.org>",
                                                "S: 250 ok",
                                                "C: BDAT 20 LAST",
                                                "C: Subject: x",
                                                "C:",
                                                "C: text",
                                                "S: 250 ok"};

// The dialogue up to its n-th S: line, which is replaced; empty past the last one. `is_last`: it
// was the answer to the whole message.
std::string broken_at(const std::vector<std::string>& good, std::size_t n, const std::string& by) {
  std::string script = "given recipient ann@example.org\ngiven connection 192.0.2.1\n";
  std::size_t seen = 0;
  for (const std::string& line : good) {
    if (line.starts_with("S:") && seen++ == n) return script + by + "\n";
    script += line + "\n";
  }
  return {};
}

struct Fault {
  std::string_view what, by;
};
const Fault kFaults[] = {
    {"closes", "S."},
    {"says 421", "S: 421 4.3.2 going down"},
    {"is silent for an hour", "wait 3600s"},
    {"says nonsense", "S: what?"},
    {"says another code midway", "S: 250-one\nS: 550 two"},
};

TEST(ClientFailures, AtEachStepTheRecipientIsDeferred) {
  for (const auto* good : {&kGoodPipelined, &kGoodPlain, &kGoodChunking}) {
    for (const Fault& fault : kFaults) {
      for (std::size_t n = 0;; ++n) {
        const std::string broken = broken_at(*good, n, std::string(fault.by));
        if (broken.empty()) break;
        SCOPED_TRACE("the host " + std::string(fault.what) + " at its line " + std::to_string(n));
        Result<dialogue::Script> script = dialogue::parse_script(broken + "then deferred\n", "x");
        ASSERT_TRUE(script) << script.error().detail;
        EXPECT_EQ(play(*script, std::string::npos), "");
        EXPECT_EQ(play(*script, 1), "");
      }
    }
  }
}

// Codes where they do not belong: acted on by their first digit (RFC 5321 section 4.2.4).
TEST(ClientFailures, WrongCodes) {
  struct {
    std::size_t line;  // of kGoodPlain: 0 greeting, 1 EHLO, 2 MAIL, 3 RCPT, 4 DATA, 5 the end
    std::string_view reply, outcome;
  } const kCases[] = {
      {0, "354 data?", "deferred"}, {0, "550 no", "deferred"}, {2, "354 data?", "deferred"},
      {2, "599 no", "failed"},      {2, "499 no", "deferred"}, {3, "354 data?", "deferred"},
      {3, "599 no", "failed"},      {4, "250 ok", "deferred"}, {4, "220 ok", "deferred"},
      {4, "554 no", "failed"},      {4, "451 no", "deferred"}, {5, "354 more", "deferred"},
      {5, "554 no", "failed"},      {5, "452 no", "deferred"}, {5, "299 odd", "delivered"},
      {2, "450 no", "deferred"},
  };
  for (const auto& c : kCases) {
    std::string text = broken_at(kGoodPlain, c.line, "S: " + std::string(c.reply));
    if (c.line > 1) text += "C: QUIT\nS: 221 bye\n";
    text += "then " + std::string(c.outcome) + "\n";
    SCOPED_TRACE(text);
    EXPECT_EQ(play(*dialogue::parse_script(text, "x"), std::string::npos), "");
  }
}

}  // namespace
}  // namespace toast::remote
