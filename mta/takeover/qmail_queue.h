// A qmail queue directory, read only, while qmail-send is kept from starting: its lock is held
// here. Files that are read belong to several accounts, so this takes root.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "mta/takeover/files.h"
#include "mta/takeover/qmail_format.h"
#include "mta/takeover/virtual_domains.h"

namespace toast::takeover {

struct QmailMessage {
  std::uint64_t number = 0;
  std::int64_t born = 0;  // Unix time: the mtime of info/N, or of todo/N
  std::string sender;
  std::vector<std::string> recipients;  // that are left, as their senders know them
  std::vector<QmailFailure> failures;   // for the bounce that is due
  Fd content;                           // at its start
  std::uint64_t size_bytes = 0;
  std::string identity;  // what makes it this message: see derived_id()
};

class QmailQueue {
 public:
  // `directory`: /var/qmail/queue. control/ is looked for beside it; without one nothing is undone.
  // Transient: qmail-send runs. Permanent: it is no qmail queue.
  [[nodiscard]] static Result<QmailQueue> open(
      const std::string& directory, std::shared_ptr<Files> files = std::make_shared<Files>());

  // Of all messages there is anything of, in order.
  std::vector<std::uint64_t> numbers() const;
  // None: nothing waits: it never was queued as a whole, or all is done. Permanent: it is damaged.
  [[nodiscard]] Result<std::optional<QmailMessage>> read(std::uint64_t number) const;
  // Of control/: what a recipient without a domain stands for.
  const std::string& default_host() const { return default_host_; }

 private:
  QmailQueue(std::string directory, std::shared_ptr<Files> files, Fd lock,
             VirtualDomains virtual_domains)
      : directory_(std::move(directory)),
        files_(std::move(files)),
        lock_(std::move(lock)),
        virtual_domains_(std::move(virtual_domains)) {}
  using Places = std::map<std::uint64_t, std::string>;  // number -> path below the directory
  Result<Places> list(const std::string& folder) const;
  Result<std::string> content_of(const Places& places, std::uint64_t number) const;
  // The content of the file that says when it was born.
  Result<std::string> read_dated(QmailMessage& message, const std::string& path) const;
  Result<void> read_todo(QmailMessage& message) const;
  Result<void> read_preprocessed(QmailMessage& message) const;

  std::string directory_;
  std::shared_ptr<Files> files_;
  Fd lock_;
  VirtualDomains virtual_domains_;
  std::string default_host_;
  Places mess_, info_, local_, remote_, bounce_, todo_;
};

}  // namespace toast::takeover
