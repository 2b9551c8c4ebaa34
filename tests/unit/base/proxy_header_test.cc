// PROXY protocol headers: what each says, why each that is refused is, and that no byte after one
// is taken.
#include "base/proxy_header.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <asio/posix/stream_descriptor.hpp>

#include "base/fd.h"

namespace toast {
namespace {

using std::string_literals::operator""s;

const std::string kStart = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kFour = "\xC6\x33\x64\x07\x7F\0\0\1\x9C\x40\0\x19"s;  // 198.51.100.7 to 127.0.0.1
const std::string kSix =
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x9C\x40\0\x19"s;  // 2001:db8::1 to ::1
const std::string kMapped =
    "\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xC6\x33\x64\x07"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x9C\x40\0\x19"s;

std::string header(char command, char family, const std::string& rest) {
  std::string made = kStart + command + family;
  made.push_back(static_cast<char>(rest.size() >> 8U));
  made.push_back(static_cast<char>(rest.size() & 0xFFU));
  return made + rest;
}
std::string field(char type, const std::string& value) {
  return std::string{type, static_cast<char>(value.size() >> 8U),
                     static_cast<char>(value.size() & 0xFFU)} +
         value;
}

struct Good {
  const char* what;
  std::string bytes;
  std::string client;  // empty: the balancer itself
};
const Good kGood[] = {
    {"TCP over IPv4", header('\x21', '\x11', kFour), "198.51.100.7"},
    {"TCP over IPv6", header('\x21', '\x21', kSix), "2001:db8::1"},
    {"an IPv4 client in IPv6 clothes", header('\x21', '\x21', kMapped), "198.51.100.7"},
    {"LOCAL", header('\x20', '\0', ""), ""},
    {"LOCAL with addresses, which do not count", header('\x20', '\x11', kFour), ""},
    {"LOCAL with anything behind it", header('\x20', '\xFF', "rubbish"), ""},
    {"fields are passed over",
     header('\x21', '\x11',
            kFour + field('\x02', "mx.example.org") + field('\xEE', "") +
                field('\x20', std::string(300, 'x'))),
     "198.51.100.7"},
    // The checksum was computed by another program (Python, table driven).
    {"a right checksum", header('\x21', '\x11', kFour + field('\x03', "\x46\x4D\xE6\xDE"s)),
     "198.51.100.7"},
    {"the longest",
     header('\x21', '\x11', kFour + field('\x04', std::string(4096 - 16 - 12 - 3, 0))),
     "198.51.100.7"},
};

struct BadHeader {
  const char* what;
  std::string bytes;
  const char* reason;
};
const BadHeader kBadHeaders[] = {
    {"nothing like it", "EHLO client.example\r\n", "not a header of the PROXY protocol"},
    {"a first byte is enough", "E", "not a header of the PROXY protocol"},
    {"version 1", "PROXY TCP4 198.51.100.7 127.0.0.1 40000 25\r\n",
     "a header of version 1; send version 2"},
    {"version 1, unknown", "PROXY UNKNOWN\r\n", "a header of version 1; send version 2"},
    {"version 3", header('\x31', '\x11', kFour), "a header of an unknown version; send version 2"},
    {"version 1 in binary", header('\x11', '\x11', kFour),
     "a header of an unknown version; send version 2"},
    {"an unknown command", header('\x22', '\x11', kFour), "an unknown command"},
    {"nobody", header('\x21', '\0', ""), "it does not say who the client is"},
    {"UDP", header('\x21', '\x12', kFour), "it does not say who the client is"},
    {"a local socket", header('\x21', '\x31', std::string(216, 'x')),
     "it does not say who the client is"},
    {"too short for IPv4", header('\x21', '\x11', kFour.substr(1)), "too short for its addresses"},
    {"too short for IPv6", header('\x21', '\x21', kFour), "too short for its addresses"},
    {"half a field", header('\x21', '\x11', kFour + "\x04\0"s), "it ends within a field"},
    {"a field that is too long", header('\x21', '\x11', kFour + "\x04\0\x02x"s),
     "a field is longer than the header"},
    {"a wrong checksum", header('\x21', '\x11', kFour + field('\x03', "\x46\x4D\xE6\xDF"s)),
     "its checksum is wrong"},
    {"a checksum of three bytes", header('\x21', '\x11', kFour + field('\x03', "\x46\x4D\xE6"s)),
     "a checksum of the wrong length"},
    {"too long in all", header('\x21', '\x11', kFour + std::string(4096 - 16 - 12 + 1, '\0')),
     "a header that is too long"},
};

TEST(ProxyHeader, SaysWhoTheClientIs) {
  for (const Good& c : kGood) {
    const Result<std::size_t> size = proxy_header_size(c.bytes + "EHLO x\r\n");
    ASSERT_TRUE(size) << c.what << ": " << size.error().detail;
    EXPECT_EQ(*size, c.bytes.size()) << c.what;
    const Result<ProxyHeader> got = parse_proxy_header(c.bytes);
    ASSERT_TRUE(got) << c.what << ": " << got.error().detail;
    EXPECT_EQ(got->client ? got->client->str() : "", c.client) << c.what;
    EXPECT_EQ(got->local.has_value(), got->client.has_value()) << c.what;
  }
}

TEST(ProxyHeader, SaysWhereTheClientHasConnectedTo) {
  EXPECT_EQ(parse_proxy_header(header('\x21', '\x11', kFour))->local->str(), "127.0.0.1");
  EXPECT_EQ(parse_proxy_header(header('\x21', '\x21', kSix))->local->str(), "::1");
}

TEST(ProxyHeader, IsRefused) {
  for (const BadHeader& c : kBadHeaders) {
    const Result<ProxyHeader> got = parse_proxy_header(c.bytes);
    ASSERT_FALSE(got) << c.what;
    EXPECT_EQ(got.error().detail, c.reason) << c.what;
  }
}

TEST(ProxyHeader, EveryByteOfASignatureCounts) {
  const std::string whole = header('\x21', '\x11', kFour);
  for (std::size_t i = 0; i < kStart.size(); ++i) {
    std::string bent = whole;
    bent[i] = static_cast<char>(bent[i] ^ 1);
    EXPECT_FALSE(proxy_header_size(bent.substr(0, i + 1))) << i;
  }
  for (std::size_t i = 0; i < kProxyPrefix; ++i)
    EXPECT_EQ(*proxy_header_size(whole.substr(0, i)), kProxyPrefix);
}

class ReadProxyHeader : public testing::Test {
 protected:
  ReadProxyHeader() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    ours_ = Fd(ends[0]);
    socket_ = std::make_unique<asio::posix::stream_descriptor>(io_, ends[1]);
    spawn(io_.get_executor(), read());
  }
  Task<> read() { result_ = co_await read_proxy_header(*socket_, std::chrono::milliseconds{50}); }
  void send(std::string_view bytes) { EXPECT_TRUE(write_all(ours_, bytes, "balancer")); }
  void turn() {
    io_.restart();
    io_.poll();
  }
  std::string left() {
    char block[100];
    const ssize_t n = ::read(socket_->native_handle(), block, sizeof block);
    return n > 0 ? std::string(block, static_cast<std::size_t>(n)) : "";
  }
  std::string failure() { return result_ && !*result_ ? result_->error().detail : "(none)"; }

  asio::io_context io_;
  Fd ours_;
  std::unique_ptr<asio::posix::stream_descriptor> socket_;
  std::optional<Result<ProxyHeader>> result_;
};

TEST_F(ReadProxyHeader, TakesNoByteAfterIt) {
  send(header('\x21', '\x11', kFour) + "EHLO x\r\n");
  turn();
  ASSERT_TRUE(result_ && *result_);
  EXPECT_EQ((*result_)->client->str(), "198.51.100.7");
  EXPECT_EQ(left(), "EHLO x\r\n");
}

TEST_F(ReadProxyHeader, ByteByByte) {
  for (const char c : header('\x21', '\x11', kFour + field('\x04', std::string(600, 'x')))) {
    EXPECT_FALSE(result_);
    send({&c, 1});
    turn();
  }
  ASSERT_TRUE(result_ && *result_);
}

TEST_F(ReadProxyHeader, OneThatNeverComes) {
  send(kStart);
  io_.run();
  EXPECT_EQ(failure(), "no header in time");
}

TEST_F(ReadProxyHeader, OneThatBreaksOff) {
  send(kStart);
  turn();
  ours_ = Fd();
  io_.run();
  EXPECT_EQ(failure(), "it ended within the header");
}

TEST_F(ReadProxyHeader, AMereLookAtThePort) {
  ours_ = Fd();
  io_.run();
  EXPECT_EQ(failure(), "");
}

}  // namespace
}  // namespace toast
