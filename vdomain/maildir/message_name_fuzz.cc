// Any bytes as a file name: what is taken for a message has parts that lie inside the name, and a
// unique-id that POP3 can carry.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "vdomain/maildir/maildir_path.h"
#include "vdomain/maildir/maildirsize.h"
#include "vdomain/maildir/message_name.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace toast;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = maildir::parse_message_name(text)) {
    if (name->base.empty() || !text.starts_with(name->base)) std::abort();
    if (!maildir::is_valid_unique_id(maildir::unique_id(name->base))) std::abort();
    const auto again = maildir::parse_message_name(name->base);
    if (!again || again->base != name->base || again->disk != name->disk) std::abort();
  }
  if (const auto ledger = maildir::parse_maildirsize(text)) {
    if (ledger->usage.bytes < 0 || ledger->usage.messages < 0) std::abort();
    const std::string back = maildir::format_quota(ledger->quota) + "\n";
    const auto again = maildir::parse_maildirsize(back);
    if (!again || !(again->quota == ledger->quota)) std::abort();
  }
  if (const auto path = maildir::MaildirPath::parse(text)) {
    for (const std::string& part : path->components())
      if (part.empty() || part == "." || part == ".." || part.find('/') != std::string::npos)
        std::abort();
    if (!maildir::MaildirPath::parse(path->str())) std::abort();
  }
  return 0;
}
