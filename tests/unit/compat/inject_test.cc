// What qmail-inject makes of a message: the header it gets, and the envelope.
#include "mta/compat/inject.h"

#include <gtest/gtest.h>

namespace toast::compat {
namespace {

InjectOptions options() {
  InjectOptions o;
  o.defaults = {"host.test", "domain.test", "plus.test", "id.test"};
  o.user = "joe";
  o.now = WallTime{std::chrono::seconds{1'795'356'005}};
  o.process = 17;
  return o;
}

constexpr std::string_view kDate = "Date: 22 Nov 2026 14:00:05 -0000\n";
constexpr std::string_view kId = "Message-ID: <20261122140005.17.qmail@id.test>\n";
constexpr std::string_view kNotShown = "Cc: recipient list not shown: ;\n";

std::vector<InjectedField> fields(std::string_view header) {
  HeaderReader reader;
  reader.feed(std::string(header) + "\n");
  return reader.take_fields();
}

std::string header_of(std::string_view header, const InjectOptions& o = options()) {
  const auto message = inject(fields(header), o);
  if (!message) return "refused: " + message.error();
  return message->header.substr(0, message->header.size() - 1);
}

// "sender -> recipient recipient"
std::string envelope_of(std::string_view header, const InjectOptions& o = options()) {
  const auto message = inject(fields(header), o);
  if (!message) return "refused";
  std::string out = message->sender + " ->";
  for (const std::string& recipient : message->recipients) out += " " + recipient;
  return out;
}

std::string join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

TEST(Inject, FieldsAreAddedInOrder) {
  EXPECT_EQ(header_of("Subject: x\n"),
            join({kDate, kId, "From: joe@host.test\n", kNotShown, "Subject: x\n"}));
  EXPECT_EQ(header_of("To: a@b.test\n"),
            join({kDate, kId, "From: joe@host.test\n", "To: a@b.test\n"}));
  EXPECT_EQ(header_of("Date: d\nMessage-ID: <m>\nFrom: f@x\nCc: a@b.test\n"),
            "Date: d\nMessage-ID: <m>\nFrom: f@x.domain.test\nCc: a@b.test\n");
}

TEST(Inject, FieldsAreRewrittenOrRemoved) {
  const std::string whole = "Date: d\nMessage-ID: <m>\nFrom: f@x.test\nTo: a@b.test\n";
  struct Case {
    std::string_view field, wanted;
  };
  const Case cases[] = {
      {"Sender: s\n", "Sender: s@host.test\n"},
      {"Reply-To: r@y\n", "Reply-To: r@y.domain.test\n"},
      {"Return-Receipt-To: r\n", "Return-Receipt-To: r@host.test\n"},
      {"Errors-To: e\n", "Errors-To: e@host.test\n"},
      {"CC: c\n", "CC: c@host.test\n"},
      {"Apparently-To: c\n", "Apparently-To: c@host.test\n"},
      {"Bcc: c\n", ""},
      {"Resent-Bcc:\n", "Resent"},  // makes it a resent message: see below
      {"Return-Path: <r@x.test>\n", ""},
      {"Content-Length: 5\n", ""},
      {"X-To: c\n", "X-To: c\n"},
      {"Subject:  as  it\n is\n", "Subject:  as  it\n is\n"},
      {"Cc: \"broken\n", "Cc: \"broken\n"},  // kept, and nobody gets it
  };
  for (const Case& c : cases) {
    if (c.wanted == "Resent") continue;
    EXPECT_EQ(header_of(whole + std::string(c.field)), whole + std::string(c.wanted)) << c.field;
  }
  for (const std::string_view sender : {"From: <a\n", "Sender: \"x\n", "Reply-To: (\n"})
    EXPECT_TRUE(header_of(sender).starts_with("refused: ")) << sender;
}

TEST(Inject, ResentMessages) {
  EXPECT_EQ(header_of("Resent-To: a@b.test\nDate: d\nTo: c@d.test\n"),
            join({"Resent-", kDate, "Resent-", kId, "Resent-From: joe@host.test\n",
                  "Resent-To: a@b.test\nDate: d\nTo: c@d.test\n"}));
  EXPECT_EQ(header_of("Resent-Bcc: a@b.test\nTo: c@d.test\n"),
            join({"Resent-", kDate, "Resent-", kId, "Resent-From: joe@host.test\n", "Resent-",
                  kNotShown, "To: c@d.test\n"}));
  // Only the resent fields name recipients then.
  EXPECT_EQ(
      envelope_of("Resent-To: a@b.test\nResent-Cc: e@f.test\nResent-Bcc: g@h.test\nTo: c@d.test\n"),
      "joe@host.test -> a@b.test e@f.test g@h.test");
  EXPECT_EQ(envelope_of("Resent-From: a@b.test\nTo: c@d.test\n"), "joe@host.test ->");
}

TEST(Inject, WhereRecipientsComeFrom) {
  using From = InjectOptions::Recipients;
  constexpr std::string_view kHeader =
      "To: To <t@x.test>\nCc: g: c1, \"c 2\"@x.test;\nBcc: b\nApparently-To: p@x.test\n";
  const std::string named = " t@x.test c1@host.test c 2@x.test b@host.test p@x.test";
  InjectOptions o = options();
  EXPECT_EQ(envelope_of(kHeader, o), "joe@host.test ->" + named);
  o.arguments = {"a@y", "b@y.test, c"};
  EXPECT_EQ(envelope_of(kHeader, o), "joe@host.test -> a@y.domain.test b@y.test c@host.test");
  o.recipients_from = From::both;
  EXPECT_EQ(envelope_of(kHeader, o),
            "joe@host.test ->" + named + " a@y.domain.test b@y.test c@host.test");
  o.recipients_from = From::header;
  EXPECT_EQ(envelope_of(kHeader, o), "joe@host.test ->" + named);
  o.recipients_from = From::arguments;
  o.arguments.clear();
  EXPECT_EQ(envelope_of(kHeader, o), "joe@host.test ->");
  o.arguments = {"\"broken"};
  EXPECT_EQ(envelope_of(kHeader, o), "refused");
}

TEST(Inject, WhoTheSenderIs) {
  InjectOptions o = options();
  EXPECT_EQ(envelope_of("Return-Path: Ann <r@x>\n", o), "r@x.domain.test ->");
  EXPECT_EQ(envelope_of("Return-Path: <>\n", o), " ->");
  EXPECT_EQ(envelope_of("Return-Path: a@b.test, c@d.test\n", o), "refused");
  o.style.ignore_return_path = true;
  EXPECT_EQ(envelope_of("Return-Path: <r@x.test>\n", o), "joe@host.test ->");
  o.style.ignore_return_path = false;
  for (const auto& [given, wanted] : {std::pair{"f@y", "f@y.domain.test"},
                                      {"f", "f@host.test"},
                                      {"", ""},
                                      {"<>", ""},
                                      {"#@[]", "#@[]"},
                                      {"list-@h-@[]", "list-@h-@[]"}}) {
    o.sender = given;
    EXPECT_EQ(envelope_of("Return-Path: <r@x.test>\n", o), std::string(wanted) + " ->");
  }
  o.sender = "(";
  EXPECT_EQ(envelope_of("", o), "refused");
  o.sender.reset();
  o.host = "from.test";
  EXPECT_EQ(envelope_of("", o), "joe@from.test ->");
  o.sender_user = "bounces";
  o.sender_host = "b+";
  EXPECT_EQ(envelope_of("", o), "bounces@b.plus.test ->");
  // the letters r and m
  o.style.verp = true;
  EXPECT_EQ(envelope_of("", o), "bounces-@b.plus.test-@[] ->");
  o.style.sender_per_message = true;
  EXPECT_EQ(envelope_of("", o), "bounces-1795356005.17-@b.plus.test-@[] ->");
  o.style.verp = false;
  EXPECT_EQ(envelope_of("", o), "bounces-1795356005.17@b.plus.test ->");
}

TEST(Inject, TheAuthor) {
  InjectOptions o = options();
  const auto from = [&](std::string_view header) {
    const std::string whole = header_of(header, o);
    const std::size_t at = whole.find("From: ");
    return whole.substr(at, whole.find('\n', at) - at);
  };
  o.full_name = "Joe \"X\" User";
  EXPECT_EQ(from("To: a@b.test\n"), "From: \"Joe \\\"X\\\" User\" <joe@host.test>");
  o.style.comment_name = true;
  o.full_name = "Joe (X) User";
  EXPECT_EQ(from("To: a@b.test\n"), "From: joe@host.test (Joe \\(X\\) User)");
  o.full_name = "Joe\nBcc: x";  // no new field by the environment
  EXPECT_EQ(from("To: a@b.test\n"), "From: joe@host.test (Joe Bcc: x)");
  EXPECT_EQ(from("From: own@x.test\n"), "From: own@x.test");
  o.style.delete_from = true;
  EXPECT_EQ(from("From: own@x.test\n"), "From: joe@host.test (Joe Bcc: x)");
  o.user = "a b";
  o.full_name.clear();
  EXPECT_EQ(from(""), "From: \"a b\"@host.test");
}

TEST(Inject, ADeletedMessageIdIsMadeAnew) {
  InjectOptions o = options();
  o.style.delete_message_id = true;
  const std::string header = header_of("Message-ID: <mine>\nTo: a@b.test\n", o);
  EXPECT_EQ(header.find("<mine>"), std::string::npos);
  EXPECT_NE(header.find(kId), std::string::npos);
}

TEST(Inject, FollowUpsToAList) {
  InjectOptions o = options();
  o.followup_lists = {"List@lists.test"};
  const std::string followup = "Mail-Followup-To: list@lists.test, c@x.test\n";
  EXPECT_NE(header_of("To: The List <list@lists.test>\nCc: c@x.test\n", o).find(followup),
            std::string::npos);
  EXPECT_EQ(header_of("To: other@lists.test\n", o).find("Mail-Followup-To"), std::string::npos);
  EXPECT_NE(header_of("To: list@lists.test\nMail-Followup-To: me@x.test\n", o)
                .find("Mail-Followup-To: me@x.test\n"),
            std::string::npos);
}

}  // namespace
}  // namespace toast::compat
