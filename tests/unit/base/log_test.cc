// Log lines: one event, one line, whatever a peer puts into a value.
#include "base/log.h"

#include <gtest/gtest.h>

namespace toast {
namespace {

struct Case {
  std::string value, escaped;
};
const Case kValues[] = {
    {"plain", "plain"},
    {"192.0.2.7:25", "192.0.2.7:25"},
    {"<a@b.example>", "<a@b.example>"},
    // quoted: they would end the value or look like another field
    {"", "\"\""},
    {"two words", "\"two words\""},
    {"a=b", "\"a=b\""},
    {"say \"hi\"", "\"say \\\"hi\\\"\""},
    {"back\\slash", "\"back\\\\slash\""},
    // no value starts a line of its own, colours a terminal, or leaves ASCII
    {"x\r\n2026 smtpd info forged", "\"x\\x0d\\x0a2026 smtpd info forged\""},
    {"\x1b[31m", "\"\\x1b[31m\""},
    {"\xc3\xa9\x7f", "\"\\xc3\\xa9\\x7f\""},
    {std::string("a\0b", 3), "\"a\\x00b\""},
};

TEST(Log, ValuesAreEscaped) {
  for (const Case& c : kValues) EXPECT_EQ(escape_log_value(c.value), c.escaped);
}

TEST(Log, LongValuesAreCut) {
  const std::string line = escape_log_value(std::string(1 << 20, 'a'));
  EXPECT_LT(line.size(), 2000U);
  EXPECT_TRUE(line.ends_with("...\""));
}

TEST(Log, LineHasTimeProgramSeverityEventAndFields) {
  const WallTime at{std::chrono::seconds{1'795'356'000} + std::chrono::microseconds{42}};
  EXPECT_EQ(format_log_line(at, "smtpd.1", Severity::warning, "smtp.rcpt.refused",
                            {{"session", "3f"}, {"code", "550 5.1.1"}, {"count", 3}}),
            "2026-11-22T14:00:00.000042Z smtpd.1 warning smtp.rcpt.refused session=3f "
            "code=\"550 5.1.1\" count=3\n");
}

}  // namespace
}  // namespace toast
