// A maildrop as maild lists it: an immutable file read in pages through its descriptor, so that a
// session with 100 000 messages costs no more memory than one with three; messages and deletions by
// the names it holds.
#pragma once

#include <memory>
#include <utility>

#include "base/ipc.h"
#include "pop3d/services.h"
#include "vdomain/maildir/listing.h"

namespace toast::pop3 {

// Our number for a mailbox that is open at one maild; closing it there is this object's duty.
class MaildSession {
 public:
  MaildSession(std::shared_ptr<ipc::Channel> maild, std::uint64_t number)
      : maild_(std::move(maild)), number_(number) {}
  MaildSession(MaildSession&&) noexcept = default;
  MaildSession& operator=(MaildSession&&) = delete;
  ~MaildSession();
  ipc::Channel& maild() const { return *maild_; }
  std::uint64_t number() const { return number_; }

 private:
  std::shared_ptr<ipc::Channel> maild_;  // empty: moved away
  std::uint64_t number_;
};

class ListedMaildrop final : public Maildrop {
 public:
  ListedMaildrop(MaildSession session, maildir::Listing listing)
      : session_(std::move(session)), listing_(std::move(listing)) {}

  std::uint32_t count() const override { return listing_.count(); }
  std::uint64_t octets() const override { return listing_.octets(); }
  Result<std::uint32_t> visit(std::uint32_t first, Columns columns,
                              const Visitor& visitor) override;
  Result<ListedMessage> find(std::uint32_t number, std::string& unique_id) override;
  Task<Result<Fd>> open_message(std::uint32_t number) override;
  Task<Result<std::uint32_t>> remove(std::vector<std::uint32_t> numbers) override;

 private:
  // The names of numbers[from...], as many as one request may carry; `from` moves on.
  Result<std::vector<std::string>> next_names(const std::vector<std::uint32_t>& numbers,
                                              std::size_t& from) const;
  MaildSession session_;
  maildir::Listing listing_;
};

}  // namespace toast::pop3
