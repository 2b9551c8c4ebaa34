// What a login to a large mailbox costs the keeper of the mail, and what STAT, LIST and UIDL then
// cost the front end: 20 000 messages whose names carry S= and W=, first visit and later ones.
//   maildrop_bench DIR [messages 20000]
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "vdomain/maildir/maildrop.h"
#include "vdomain/maildir/message_name.h"

namespace {

using namespace toast;
using namespace toast::maildir;

double milliseconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began)
      .count();
}

void fill(const std::string& maildir, std::size_t messages) {
  const MessageNamer namer("mx.example.org");
  for (std::size_t n = 0; n < messages; ++n) {
    const DeliveryKey key{std::string(16, 'i'),
                          MessageId(n << 13U),
                          0,
                          0,
                          "ann@example.org",
                          1'767'225'600 + static_cast<std::int64_t>(n / 10)};
    const std::string name = namer.name(key, {3, 4});
    const bool read = n % 4 != 0;
    const Fd file = std::move(*open_file(
        maildir + (read ? "/cur/" + name + ":2,S" : "/new/" + name), O_WRONLY | O_CREAT, 0600));
    (void)write_all(file, "a\nb", name);
  }
}

// What the front end does for STAT, LIST and UIDL.
std::size_t read_listing(Fd descriptor) {
  const Result<Listing> listing = Listing::open(std::move(descriptor));
  if (!listing) std::abort();
  std::size_t bytes = 0;
  for (std::uint32_t first = 0; first < listing->count(); first += 1000) {
    const Result<ListingPage> page = listing->page(first, 1000);
    if (!page) std::abort();
    for (std::size_t i = 0; i < page->size(); ++i)
      bytes += page->unique_id(i).size() + page->wire_bytes(i) % 2;
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s DIR [messages]\n", argv[0]);
    return 1;
  }
  const std::size_t messages = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20000;
  const std::string root = argv[1];
  const std::string maildir = root + "/big";
  SystemClock clock;
  FileSystem files;
  ::mkdir(root.c_str(), 0700);
  MailStore store(std::move(*open_file(root, O_RDONLY | O_DIRECTORY)), files, clock, 16);
  const MaildirPath path = *MaildirPath::parse("big");
  if (::access(maildir.c_str(), F_OK) != 0) {
    (void)store.open_or_create(path);
    fill(maildir, messages);
    ::sleep(4);  // until the directories count as quiet
  }
  QuotaGate quota(files, clock, nullptr);
  asio::thread_pool helpers(1);
  MaildropReader reader(store, quota, clock, {}, &helpers);
  constexpr int kVisits = 5;
  for (int visit = 1; visit <= 2 * kVisits; ++visit) {
    const bool first = visit <= kVisits;
    if (first) ::unlink((maildir + "/toast-listing").c_str());
    const auto began = std::chrono::steady_clock::now();
    Result<MaildropReader::Opened> opened = reader.open(path);
    const double open_took = milliseconds_since(began);
    if (!opened) {
      std::fprintf(stderr, "%s\n", opened.error().detail.c_str());
      return 1;
    }
    const auto keeping = std::chrono::steady_clock::now();
    if (opened->unkept) reader.keep(std::move(*opened->unkept));
    const double keep_took = milliseconds_since(keeping);
    const auto reading = std::chrono::steady_clock::now();
    const std::size_t bytes = read_listing(std::move(opened->listing));
    std::printf(
        "%s visit: %u messages, open %.2f ms, LIST and UIDL read %.2f ms (%zu bytes), "
        "keep %.2f ms\n",
        first ? "first" : "later", opened->messages, open_took, milliseconds_since(reading), bytes,
        keep_took);
  }
  return 0;
}
