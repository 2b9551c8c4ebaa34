// The pure parts of toastctl; the command as a whole is tested in tests/interop/toastctl.
#include <gtest/gtest.h>

#include "admin-cli/arguments.h"
#include "admin-cli/csv.h"
#include "admin-cli/mailbox_rows.h"
#include "admin-cli/output.h"
#include "admin-cli/record.h"
#include "admin-cli/suggestion.h"

namespace toast::admin {
namespace {

TEST(Csv, Lines) {
  struct Case {
    std::string_view line;
    std::vector<std::string> fields;
  };
  const Case good[] = {
      {"", {""}},
      {"a", {"a"}},
      {"a,b,c", {"a", "b", "c"}},
      {"a,,", {"a", "", ""}},
      {",", {"", ""}},
      {R"("$argon2id$v=19$m=19456,t=2,p=1$x$y",1G)", {"$argon2id$v=19$m=19456,t=2,p=1$x$y", "1G"}},
      {R"("say ""hi""",b)", {"say \"hi\"", "b"}},
      {R"("",b)", {"", "b"}},
      {R"(a"b,c)", {"a\"b", "c"}},  // a quote inside a field is itself
      {"a;b,c", {"a;b", "c"}},
  };
  for (const Case& c : good) {
    SCOPED_TRACE(c.line);
    EXPECT_EQ(parse_csv_line(c.line, ',').value(), c.fields);
  }
  for (const std::string_view bad : {R"("a)", R"("a"b,c)", R"(a,")", R"("a"")"}) {
    SCOPED_TRACE(bad);
    EXPECT_FALSE(parse_csv_line(bad, ','));
  }
}

TEST(Csv, TheHeaderTellsTheDelimiter) {
  EXPECT_EQ(csv_delimiter("address"), ',');
  EXPECT_EQ(csv_delimiter("address,password,name"), ',');
  EXPECT_EQ(csv_delimiter("address;password;name"), ';');
  EXPECT_EQ(csv_delimiter("address\tpassword"), '\t');
}

// Whatever the pieces they come in.
TEST(Csv, LinesOfAFileThatIsReadPieceByPiece) {
  const std::string text =
      "one\r\ntwo\n\n" + std::string(kMaxCsvLine + 1, 'x') + "\nfour\nno line end";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, text.size()}) {
    SCOPED_TRACE(piece);
    std::string_view rest = text;
    LineReader lines([&]() -> Result<std::string> {
      const std::string some(rest.substr(0, piece));
      rest.remove_prefix(some.size());
      return some;
    });
    EXPECT_EQ(lines.next().value(), "one");
    EXPECT_EQ(lines.next().value(), "two");
    EXPECT_EQ(lines.next().value(), "");
    EXPECT_FALSE(lines.next());
    EXPECT_EQ(lines.number(), 4U);
    EXPECT_EQ(lines.next().value(), "four");
    EXPECT_EQ(lines.next().value(), "no line end");
    EXPECT_EQ(lines.number(), 6U);
    EXPECT_EQ(lines.next().value(), std::nullopt);
  }
}

constexpr const char* kCryptHash =
    "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/"
    "jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";

TEST(MailboxRows, Good) {
  const auto columns = MailboxColumns::parse(
      "\xef\xbb\xbf"
      "address;name;password_hash;password;quota;quota_messages;pop3;receive");
  ASSERT_TRUE(columns) << columns.error().message;
  const auto row = columns->row(std::string("ann@example.org;Ann;") + kCryptHash + ";;1G;;off;");
  ASSERT_TRUE(row) << row.error().message;
  EXPECT_EQ(row->address.str(), "ann@example.org");
  EXPECT_EQ(row->display_name, "Ann");
  EXPECT_EQ(row->hash, kCryptHash);
  EXPECT_EQ(row->quota_bytes, 1ULL << 30U);
  EXPECT_EQ(row->quota_messages, std::nullopt);
  EXPECT_FALSE(row->services.pop3);
  EXPECT_TRUE(row->services.receive);
  EXPECT_TRUE(columns->row("ann@example.org;;;secret;unlimited;5;;")->password->equals("secret"));
}

TEST(MailboxRows, Bad) {
  for (const std::string_view header : {"", "address", "password", "address,password,colour",
                                        "address,password,password", "address,\"password"}) {
    SCOPED_TRACE(header);
    EXPECT_FALSE(MailboxColumns::parse(header));
  }
  const auto columns = MailboxColumns::parse("address,password,password_hash,quota,pop3").value();
  const std::string both = std::string("ann@example.org,secret,") + kCryptHash + ",,";
  for (const std::string& line :
       {std::string("ann@example.org,,,,"), both, std::string("ann@example.org,secret,,10X,"),
        std::string("ann@example.org,secret,,,maybe"), std::string("ann,secret,,,"),
        std::string("ann@example.org,secret"), std::string("ann@example.org,secret,,,,"),
        std::string("ann@example.org,,plain text,,")}) {
    SCOPED_TRACE(line);
    EXPECT_FALSE(columns.row(line));
  }
}

TEST(Sizes, Good) {
  struct Case {
    const char* text;
    std::uint64_t bytes;
  };
  const Case cases[] = {
      {"1", 1},
      {"500000", 500000},
      {"10k", 10240},
      {"10K", 10240},
      {"500M", 500 << 20},
      {"1G", 1ULL << 30},
      {"1GiB", 1ULL << 30},
      {"1gb", 1ULL << 30},
      {"1.5G", 3ULL << 29},
      {"0.5M", 1 << 19},
      {"2T", 2ULL << 40},
      {"unlimited", 0},
      {"Unlimited", 0},
      {"1048576B", 1 << 20},
  };
  for (const Case& c : cases) {
    const Wanted<std::uint64_t> bytes = parse_size(c.text, "--quota");
    ASSERT_TRUE(bytes) << c.text;
    EXPECT_EQ(*bytes, c.bytes) << c.text;
  }
}

// Never a guess: 10 bytes for "10X" is how quotas were lost elsewhere.
TEST(Sizes, Bad) {
  for (const char* text : {"", "G", "10X", "10 G", "-1", "+1", "1e9", "0x10", "1.5", "1..5G", ".5G",
                           "5.G", "0", "0G", "1GG", "99999999999999999999G", "9999999T", "nan"}) {
    const Wanted<std::uint64_t> bytes = parse_size(text, "--quota");
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().exit, Exit::invalid);
    EXPECT_NE(bytes.error().hint, "") << text;
  }
}

TEST(Switches, Words) {
  for (const char* on : {"on", "ON", "yes", "true", "1"}) EXPECT_EQ(parse_switch(on, "--x"), true);
  for (const char* off : {"off", "no", "False", "0"}) EXPECT_EQ(parse_switch(off, "--x"), false);
  for (const char* bad : {"", "2", "of", "onn"}) EXPECT_FALSE(parse_switch(bad, "--x").has_value());
}

TEST(Suggestions, OnlyWhatIsNear) {
  const std::vector<std::string> verbs{"add", "list", "show", "set", "delete", "passwd"};
  struct Case {
    const char *typed, *meant;
  };
  const Case cases[] = {
      {"ad", "add"},     {"lst", "list"},  {"lsit", "list"},       {"delte", "delete"},
      {"del", "delete"}, {"shwo", "show"}, {"password", "passwd"}, {"frobnicate", ""},
      {"xyz", ""},       {"", ""}};
  for (const Case& c : cases) EXPECT_EQ(nearest_word(c.typed, verbs), c.meant) << c.typed;
  EXPECT_EQ(nearest_word(std::string(100'000, 'a'), verbs), "");
}

TEST(Json, Strings) {
  struct Case {
    std::string_view text, json;
  };
  const Case cases[] = {
      {"plain", "\"plain\""},
      {"a\"b\\c", "\"a\\\"b\\\\c\""},
      {"tab\tnew\nline", "\"tab\\u0009new\\nline\""},
      {"\x7f", "\"\\u007f\""},
      {"J\xc3\xbcrgen", "\"J\xc3\xbcrgen\""},
      {"\xf0\x9f\x8d\x9e", "\"\xf0\x9f\x8d\x9e\""},
      // what is no UTF-8: alone, cut, overlong, a surrogate, beyond the last code point
      {"\xff", "\"\xef\xbf\xbd\""},
      {"a\xc3", "\"a\xef\xbf\xbd\""},
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
  };
  for (const Case& c : cases) EXPECT_EQ(json_string(c.text), c.json);
}

TEST(Json, Records) {
  const Record record{{"name", "x"},
                      {"none", Value()},
                      {"truth", true},
                      {"number", std::uint64_t{18446744073709551615ULL}},
                      {"empty", std::vector<Value>{}},
                      {"inner", Record{{"list", std::vector<Value>{1, "two"}}}}};
  std::string json;
  record.write_json(json, 0);
  EXPECT_EQ(json,
            "{\n  \"name\": \"x\",\n  \"none\": null,\n  \"truth\": true,\n"
            "  \"number\": 18446744073709551615,\n  \"empty\": [],\n  \"inner\": {\n"
            "    \"list\": [\n      1,\n      \"two\"\n    ]\n  }\n}");
}

TEST(Times, AreIso8601InUtc) {
  EXPECT_EQ(iso_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(iso_time(1'800'000'000), "2027-01-15T08:00:00Z");
  EXPECT_EQ(iso_time(-1), "1969-12-31T23:59:59Z");
}

TEST(Terminals, GetNoControlBytes) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n"), "a\\x1b[2Jb\\x0d\\x0a");
  EXPECT_EQ(printable("J\xc3\xbcrgen"), "J\xc3\xbcrgen");
}

}  // namespace
}  // namespace toast::admin
