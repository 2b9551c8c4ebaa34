// Any bytes as a listing: the reader answers within its limits or refuses; what it answers, the
// keeper would accept as a name.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "vdomain/maildir/listing.h"
#include "vdomain/maildir/message_name.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace toast;
  Fd file(::memfd_create("listing", MFD_CLOEXEC));
  if (!file || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  Result<maildir::Listing> listing = maildir::Listing::open(std::move(file));
  if (!listing) return 0;
  for (std::uint32_t first = 0; first <= listing->count(); first += 100) {
    Result<maildir::ListingPage> sizes = listing->sizes(first, 100);
    if (!sizes || sizes->size() > 100) std::abort();
    Result<maildir::ListingPage> page = listing->page(first, 100);
    if (!page) continue;
    for (std::size_t i = 0; i < page->size(); ++i) {
      if (!maildir::is_valid_unique_id(page->unique_id(i))) std::abort();
      if (!maildir::parse_message_name(page->name(i))) std::abort();
    }
  }
  return 0;
}
