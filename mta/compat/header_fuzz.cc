// A header that a user's program wrote: cut and rewritten without harm. What is written out is
// understood again and names the same addresses, and no address can end an envelope's field.
#include <cstdint>
#include <cstdlib>

#include "mta/compat/inject.h"

namespace {

using namespace toast;
using namespace toast::compat;

InjectOptions options() {
  InjectOptions options;
  options.defaults = {"mx.example.test", "example.test", "plus.test", "id.test"};
  options.recipients_from = InjectOptions::Recipients::header;
  options.sender = "a@b.test";
  return options;
}

std::vector<InjectedField> read(std::string_view text, std::size_t block) {
  HeaderReader reader;
  LineEnds lines;
  for (std::size_t at = 0; at < text.size(); at += block)
    if (reader.feed(lines.feed(text.substr(at, block)))) return reader.take_fields();
  reader.feed(lines.finish());
  reader.finish();
  return reader.take_fields();
}

void check_list(const InjectedField& field) {
  const auto first = parse_address_list(field.body());
  if (!first) return;
  const std::string written = format_address_field("To", *first);
  if (!written.ends_with('\n') || written.find("\n\n") != std::string::npos) std::abort();
  const auto again = parse_address_list(std::string_view(written).substr(3));
  if (!again) std::abort();
  std::string before;
  std::string after;
  for (const ListItem& item : *first) before += item.address.envelope_text() + "\n";
  for (const ListItem& item : *again) after += item.address.envelope_text() + "\n";
  if (before != after) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  std::vector<InjectedField> fields = read(text, text.size() + 1);
  const std::vector<InjectedField> in_blocks = read(text, 1 + data[0]);
  if (in_blocks.size() != fields.size()) std::abort();
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (in_blocks[i].text != fields[i].text) std::abort();
  for (const InjectedField& field : fields) check_list(field);
  const auto message = inject(std::move(fields), options());
  if (!message) return 0;
  for (const std::string& recipient : message->recipients)
    if (recipient.find('\0') != std::string::npos) std::abort();
  if (message->header.find("\n\n") + 2 != message->header.size()) std::abort();
  return 0;
}
