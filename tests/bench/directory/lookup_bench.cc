// Lookups per second and core: `directory_lookup_bench [DOMAINS MAILBOXES-EACH]`. Prints ratios'
// raw material: each line is a rate. The floor this program is held to is 20 000 a second.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/log.h"
#include "vdomain/directory_keeper.h"
#include "vdomain/directory_repository.h"
#include "vdomain/sqlite/directory_store.h"

namespace {

using namespace toast;
using namespace toast::vdomain;

Address name(int mailbox, int domain) {
  return Address::parse("user" + std::to_string(mailbox) + "@d" + std::to_string(domain) + ".test")
      .value();
}

void must(const Result<void>& done) {
  if (done) return;
  std::fprintf(stderr, "%s\n", done.error().detail.c_str());
  std::exit(1);
}

void fill(const std::string& path, const Clock& clock, int domains, int mailboxes) {
  (void)migrate_sqlite_directory(path).value();
  auto store = open_sqlite_directory(path, {}).value();
  auto transaction = store->begin().value();
  for (int d = 0; d < domains; ++d) {
    HostedDomain domain{.name = name(0, d).domain(), .created = clock.wall(), .version = 1};
    must(transaction->insert_domain(domain));
    for (int m = 0; m < mailboxes; ++m) {
      const Address at = name(m, d);
      must(transaction->insert_mailbox(
          {.address = at, .maildir = maildir_path(at), .created = clock.wall()}));
    }
  }
  must(transaction->commit());
}

template <class Lookup>
void measure(const char* what, int domains, int mailboxes, Lookup lookup) {
  constexpr int kLookups = 200'000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kLookups; ++i) lookup(i % mailboxes, (i / 7) % domains);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%-28s %9.0f per second\n", what, kLookups / took.count());
}

}  // namespace

int main(int argc, char** argv) {
  const int domains = argc > 2 ? std::atoi(argv[1]) : 1000;
  const int mailboxes = argc > 2 ? std::atoi(argv[2]) : 100;
  std::string root = "/tmp/lookup_bench.XXXXXX";
  if (mkdtemp(root.data()) == nullptr) return 1;
  const SystemClock clock;
  SilentLogger log;
  Metrics metrics;
  fill(root + "/directory.db", clock, domains, mailboxes);
  DirectoryKeeper keeper({root + "/directory.db", root + "/mail", name(0, 0).domain()}, clock, log,
                         metrics);
  measure("known, any of all", domains, mailboxes, [&](int m, int d) {
    (void)keeper.check({name(m, d), 0}).value();
  });
  measure("known, few names", 10, 10, [&](int m, int d) {
    (void)keeper.check({name(m, d), 0}).value();
  });
  int serial = 0;
  measure("unknown, all different", domains, mailboxes, [&](int, int d) {
    (void)keeper.check({name(1'000'000 + serial++, d), 0}).value();
  });
  const Address dashes = Address::parse("a-b-c-d-e-f-g-h+i+j+k@d1.test").value();
  measure("unknown, ten separators", domains, mailboxes, [&](int m, int d) {
    const std::string local = std::to_string(serial++) + dashes.local_part();
    (void)keeper.check({Address::from_parts(local, name(m, d).domain()).value(), 0}).value();
  });
  std::filesystem::remove_all(root);
  return 0;
}
