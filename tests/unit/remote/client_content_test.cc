// The message on the wire: line ends, dots, and what is counted before.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "mta/remote/content.h"
#include "mta/remote/limits.h"
#include "tests/unit/auth/run_task.h"

namespace toast::remote {
namespace {

using Form = DataEncoder::Form;

std::string encode(Form form, std::string_view stored, std::size_t block) {
  DataEncoder encoder(form);
  std::string out;
  for (std::size_t at = 0; at < stored.size(); at += block)
    encoder.feed(stored.substr(at, block), out);
  encoder.finish(out);
  return out;
}

struct Case {
  std::string_view stored, data, bdat;
};
const Case kContents[] = {
    {"", ".\r\n", ""},
    {"a\n", "a\r\n.\r\n", "a\r\n"},
    {"\n\n", "\r\n\r\n.\r\n", "\r\n\r\n"},
    {"a", "a\r\n.\r\n", "a\r\n"},  // never stored so, but DATA has only whole lines
    // dots: every line that begins with one, and no other
    {".\n", "..\r\n.\r\n", ".\r\n"},
    {"..\n.a\na.\n", "...\r\n..a\r\na.\r\n.\r\n", "..\r\n.a\r\na.\r\n"},
    {"a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"},
    // CR: with LF it is one line end, alone it becomes one; what follows is a new line with its dot
    {"a\r\nb\n", "a\r\nb\r\n.\r\n", "a\r\nb\r\n"},
    {"a\rb\n", "a\r\nb\r\n.\r\n", "a\r\nb\r\n"},
    {"a\r.\rb\n", "a\r\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"},
    {"a\r\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n", "a\r\n\r\n.\r\n"},
    {"\n.\r\nMAIL FROM:<x@y>\n", "\r\n..\r\nMAIL FROM:<x@y>\r\n.\r\n",
     "\r\n.\r\nMAIL FROM:<x@y>\r\n"},
    {"a\r", "a\r\n.\r\n", "a\r\n"},
    {"\r", "\r\n.\r\n", "\r\n"},
    // anything else as it is
    {std::string_view("\0\xff\t\n", 4), std::string_view("\0\xff\t\r\n.\r\n", 8),
     std::string_view("\0\xff\t\r\n", 5)},
};

TEST(DataEncoder, LineEndsAndDots) {
  for (const Case& c : kContents) {
    for (const std::size_t block : {1, 2, 3, 100}) {
      SCOPED_TRACE(std::string(c.stored) + " by " + std::to_string(block));
      EXPECT_EQ(encode(Form::data, c.stored, block), c.data);
      EXPECT_EQ(encode(Form::bdat, c.stored, block), c.bdat);
    }
  }
}

ContentFacts scan(std::string_view stored, std::size_t block) {
  ContentScanner scanner;
  for (std::size_t at = 0; at < stored.size(); at += block) scanner.feed(stored.substr(at, block));
  return scanner.finish();
}

TEST(ContentScanner, CountsWhatBdatSends) {
  for (const Case& c : kContents)
    for (const std::size_t block : {1, 2, 100})
      EXPECT_EQ(scan(c.stored, block).wire_bytes, c.bdat.size()) << c.stored;
}

TEST(ContentScanner, SeesEightBitsAndWhere) {
  struct {
    std::string_view stored;
    bool anywhere, header;
  } const kFacts[] = {
      {"Subject: x\n\ntext\n", false, false},        {"Subject: x\n\n\xc3\xa9\n", true, false},
      {"Subject: \xc3\xa9\n\ntext\n", true, true},   {"\n\xc3\xa9\n", true, false},
      {"Subject: x\r\n\r\n\xc3\xa9\n", true, false},
  };
  for (const auto& c : kFacts) {
    EXPECT_EQ(scan(c.stored, 3).eight_bit, c.anywhere) << c.stored;
    EXPECT_EQ(scan(c.stored, 3).eight_bit_header, c.header) << c.stored;
  }
}

// --- bytes in memory with a blob behind them

class ContentTest : public testing::Test {
 protected:
  static Fd file(const std::string& bytes) {
    char path[] = "/tmp/toast_content_XXXXXX";
    Fd made(::mkstemp(path));
    ::unlink(path);
    EXPECT_EQ(::write(made.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    return made;
  }
  Result<std::string> whole(const Content& content) {
    std::string all;
    while (all.size() < content.size()) {
      Result<std::string> block = run_task(io_, content.read(all.size()));
      if (!block) return block;
      EXPECT_LE(block->size(), kContentBlock);
      all += *block;
    }
    return all;
  }
  asio::io_context io_;
  asio::thread_pool pool_{1};
};

TEST_F(ContentTest, BytesThenBlob) {
  const std::string large(3 * kContentBlock + 17, 'x');
  EXPECT_EQ(*whole(Content("inline\n", Fd(), 0, pool_)), "inline\n");
  EXPECT_EQ(*whole(Content("", file(large), large.size(), pool_)), large);
  EXPECT_EQ(*whole(Content("Delivered-To: x\n", file(large), large.size(), pool_)),
            "Delivered-To: x\n" + large);
  EXPECT_EQ(*whole(Content("", file("12345"), 3, pool_)), "123");  // as many as were said
  EXPECT_EQ(Content("x", Fd(), 7, pool_).size(), 1U);              // no blob: nothing of it
}

TEST_F(ContentTest, ABlobThatIsTooShortIsAnError) {
  Result<std::string> read = whole(Content("", file("123"), 5, pool_));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().failure, Failure::transient);
  EXPECT_EQ(read.error().reply, "4.3.0 the message cannot be read");
}

}  // namespace
}  // namespace toast::remote
