#include "pop3d/listed_maildrop.h"

#include "vdomain/maildir/maildrop_messages.h"

namespace toast::pop3 {
namespace {

constexpr std::uint32_t kPage = 512;  // some 48 KiB of names and entries

}  // namespace

MaildSession::~MaildSession() {
  if (maild_ && maild_->is_open()) maild_->notify(maildir::CloseMaildrop{number_});
}

Result<std::uint32_t> ListedMaildrop::visit(std::uint32_t first, Columns columns,
                                            const Visitor& visitor) {
  const bool ids = columns == Columns::unique_ids;
  const Result<maildir::ListingPage> page =
      ids ? listing_.page(first - 1, kPage) : listing_.sizes(first - 1, kPage);
  if (!page) return tl::unexpected(page.error());
  std::uint32_t number = first;
  for (std::size_t i = 0; i < page->size(); ++i, ++number) {
    const std::string_view id = ids ? page->unique_id(i) : std::string_view();
    visitor({number, page->wire_bytes(i), id});
  }
  return number;
}

Result<ListedMessage> ListedMaildrop::find(std::uint32_t number, std::string& unique_id) {
  const Result<maildir::ListingPage> page = listing_.page(number - 1, 1);
  if (!page) return tl::unexpected(page.error());
  if (page->size() != 1) return transient("the listing ends early");
  unique_id = page->unique_id(0);
  return ListedMessage{number, page->wire_bytes(0), unique_id};
}

Task<Result<Fd>> ListedMaildrop::open_message(std::uint32_t number) {
  maildir::FetchMessage request;
  request.session = session_.number();
  {
    const Result<maildir::ListingPage> page = listing_.page(number - 1, 1);
    if (!page) co_return tl::unexpected(page.error());
    if (page->size() != 1) co_return transient("the listing ends early");
    request.name = page->name(0);
  }
  Result<maildir::FetchMessage::Reply> fetched = co_await session_.maild().call(std::move(request));
  if (!fetched) {
    Error error = std::move(fetched.error());
    if (error.reply.starts_with("4.2.0 gone")) error.failure = Failure::permanent;
    co_return tl::unexpected(std::move(error));
  }
  if (!fetched->descriptor) co_return transient("a message without a descriptor");
  Fd message = std::move(fetched->descriptor);
  co_return std::move(message);
}

Result<std::vector<std::string>> ListedMaildrop::next_names(
    const std::vector<std::uint32_t>& numbers, std::size_t& from) const {
  std::vector<std::string> names;
  while (from < numbers.size() && names.size() < maildir::kMaxNamesPerDelete) {
    const std::uint32_t first = numbers[from];
    const Result<maildir::ListingPage> page = listing_.page(first - 1, kPage);
    if (!page) return tl::unexpected(page.error());
    if (page->size() == 0) return transient("the listing ends early");
    while (from < numbers.size() && names.size() < maildir::kMaxNamesPerDelete &&
           numbers[from] - first < page->size()) {
      names.emplace_back(page->name(numbers[from] - first));
      ++from;
    }
  }
  return names;
}

// `numbers` rise, so that each page of the listing is read once.
Task<Result<std::uint32_t>> ListedMaildrop::remove(std::vector<std::uint32_t> numbers) {
  std::uint32_t left = 0;
  std::size_t from = 0;
  while (from < numbers.size()) {
    Result<std::vector<std::string>> names = next_names(numbers, from);
    if (!names) co_return pass(names);
    maildir::DeleteMessages request;
    request.session = session_.number();
    request.names = std::move(*names);
    const Result<maildir::DeleteMessages::Reply> deleted =
        co_await session_.maild().call(std::move(request));
    if (!deleted) co_return tl::unexpected(deleted.error());
    left += deleted->failed;
  }
  co_return left;
}

}  // namespace toast::pop3
