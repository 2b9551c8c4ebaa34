#include <gtest/gtest.h>

#include "mta/smtpd/session.h"
#include "mta/smtpd/settings_options.h"

namespace toast::smtpd {
namespace {

TEST(Options, FromSettings) {
  const auto settings = Settings::parse_or_error({{"me", "mx.example.org\n"},
                                                  {"databytes", "1000\n"},
                                                  {"relaynetworks", "192.0.2.0/24\n"},
                                                  {"smtpbarenewline", "normalise\n"},
                                                  {"smtpmaxconnections", "10\n"},
                                                  {"timeoutsmtpd", "7\n"}});
  ASSERT_TRUE(settings) << settings.error().detail;
  const Options options = options_from(*settings, 3);
  EXPECT_EQ(options.host, "mx.example.org");
  EXPECT_EQ(options.greeting, "mx.example.org");
  EXPECT_EQ(options.max_message_bytes, 1000U);
  EXPECT_EQ(options.bare_newline, smtp::BareNewline::normalise);
  EXPECT_EQ(options.command_timeout, std::chrono::seconds{7});
  ASSERT_EQ(options.relay_networks.size(), 1U);
  EXPECT_EQ(options.max_connections, 4U);  // 10 among 3, rounded up
}

// The defaults of Options are those of the registry: tests run with what operators get.
TEST(Options, SameDefaults) {
  const auto settings = Settings::defaults("mx.example.org");
  ASSERT_TRUE(settings);
  const Options read = options_from(*settings, 1);
  const Options plain;
  EXPECT_EQ(read.max_message_bytes, plain.max_message_bytes);
  EXPECT_EQ(read.command_timeout, plain.command_timeout);
  EXPECT_EQ(read.session_timeout, plain.session_timeout);
  EXPECT_EQ(read.max_recipients, plain.max_recipients);
  EXPECT_EQ(read.max_errors, plain.max_errors);
  EXPECT_EQ(read.max_noops, plain.max_noops);
  EXPECT_EQ(read.max_messages, plain.max_messages);
  EXPECT_EQ(read.max_hops, plain.max_hops);
  EXPECT_EQ(read.bare_newline, plain.bare_newline);
  EXPECT_EQ(read.auth_on_smtp, plain.auth_on_smtp);
  EXPECT_EQ(read.max_auth_failures, plain.max_auth_failures);
  EXPECT_EQ(read.envelope_check, plain.envelope_check);
  EXPECT_EQ(read.from_check, plain.from_check);
  EXPECT_EQ(read.hide_client, plain.hide_client);
  EXPECT_EQ(read.max_connections, plain.max_connections);
  EXPECT_EQ(read.max_per_address, plain.max_per_address);
}

TEST(ProtocolName, Rfc3848) {
  EXPECT_EQ(protocol_name(Hello::helo, {}), "SMTP");
  EXPECT_EQ(protocol_name(Hello::ehlo, {}), "ESMTP");
  EXPECT_EQ(protocol_name(Hello::ehlo, {true, "", false}), "ESMTPS");
  EXPECT_EQ(protocol_name(Hello::ehlo, {false, "ann", false}), "ESMTPA");
  EXPECT_EQ(protocol_name(Hello::ehlo, {true, "ann", false}), "ESMTPSA");
}

}  // namespace
}  // namespace toast::smtpd
