// toastctl mailbox import: many mailboxes from a table, in few transactions. It can be run again:
// what is there already is passed over.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cmath>
#include <unordered_map>

#include "admin-cli/accounts.h"
#include "admin-cli/csv.h"
#include "admin-cli/mailbox_rows.h"
#include "admin-cli/password_keeping.h"
#include "auth/set_password.h"
#include "base/fd.h"

namespace toast::admin {
namespace {

using vdomain::BatchChange;
using vdomain::Change;

// Rows in one transaction: its syncs are shared by so many, and other writers wait no longer for
// their turn, a second or two on a MariaDB server.
constexpr std::size_t kRowsAtOnce = 4000;
constexpr std::size_t kHashedAtOnce = 200;      // passwords, each of which takes some 25 ms
constexpr std::size_t kMaxFailuresShown = 100;  // the others are counted, and in --errors
constexpr std::chrono::seconds kProgressInterval{5};

struct MailboxImportOptions {
  std::string file;
  std::string errors;
  bool add_domains = false;
};

// What is read, by its name or from standard input.
struct Input {
  std::optional<Fd> file;
  std::string name;
  std::uint64_t size = 0;  // zero: not known

  // Passwords and hashes stand in it, so nobody else may read it.
  static Wanted<Input> open(const std::string& path) {
    if (path == "-") return Input{std::nullopt, "standard input"};
    Result<Fd> file = open_file(path, O_RDONLY);
    if (!file) return fail(file.error(), path);
    struct stat status {};
    if (::fstat(file->get(), &status) != 0 || (status.st_mode & 077U) != 0)
      return fail(Exit::invalid, "password_file_open", "others may read these passwords", path,
                  "chmod 600 " + path);
    return Input{std::move(*file), path, static_cast<std::uint64_t>(status.st_size)};
  }
  Result<std::string> more(Terminal& terminal) const {
    if (file) return read_piece(*file, name);
    Wanted<std::string> some = terminal.read_more();
    if (!some) return transient(some.error().message);
    return std::move(*some);
  }
};

struct Counts {
  std::uint64_t added = 0, unchanged = 0, refused = 0, domains = 0;
  std::uint64_t rows() const { return added + unchanged + refused; }
};

struct ReadRow {
  std::size_t line = 0;
  std::string text;
  MailboxRow mailbox;
  std::string account{};
  bool present = false;  // already, so that its password need not be hashed
};

class MailboxImport {
 public:
  MailboxImport(Context& context, const MailboxImportOptions& options)
      : context_(context), options_(options) {}
  Outcome run();

 private:
  Outcome read_rows();
  Outcome add_rows();
  // Where the domain's name leads, and the quota of its mailboxes.
  struct Place {
    Domain domain;
    vdomain::Quota quota;
  };
  Wanted<const Place*> place_of(const Domain& name);
  Wanted<vdomain::NewMailbox> wanted(ReadRow& row);
  Wanted<std::optional<auth::NewCredential>> credential_of(const ReadRow& row) const;
  void judge(const ReadRow& row, const Change& change);
  void refuse(std::size_t line, const std::string& text, Failure why);
  void tell_progress();

  Context& context_;
  const MailboxImportOptions& options_;
  Input input_;
  std::optional<Fd> errors_;
  std::optional<Keeping> keeping_;
  std::optional<Accounts> accounts_;
  std::optional<MailboxColumns> columns_;
  std::vector<ReadRow> rows_;
  std::optional<Domain> place_name_;
  std::optional<Place> place_;
  std::unordered_map<std::string, bool> domains_seen_;
  Counts counts_;
  std::uint64_t bytes_ = 0;
  SteadyTime begun_{};
  SteadyTime told_{};
};

Outcome MailboxImport::run() {
  // First what only the caller may open: the directory makes this process its owner.
  Wanted<Input> input = Input::open(options_.file);
  if (!input) return tl::unexpected(std::move(input.error()));
  input_ = std::move(*input);
  if (!options_.errors.empty()) {
    Result<Fd> file = open_file(options_.errors, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (!file) return fail(file.error(), options_.errors);
    errors_ = std::move(*file);
  }
  Wanted<Keeping> keeping = Keeping::by_settings(context_);
  if (!keeping) return tl::unexpected(std::move(keeping.error()));
  keeping_ = std::move(*keeping);
  Wanted<Accounts> accounts = Accounts::open(context_);
  if (!accounts) return tl::unexpected(std::move(accounts.error()));
  accounts_.emplace(std::move(*accounts));
  begun_ = told_ = context_.clock.steady();
  Outcome outcome = read_rows();
  if (!outcome) {
    Failure failure = std::move(outcome.error());
    if (columns_) {
      failure.message += fmt::format(" (behind {} rows)", counts_.rows());
      failure.hint = "run it again: what is there already is passed over";
    }
    return tl::unexpected(std::move(failure));
  }
  const auto seconds = std::chrono::duration<double>(context_.clock.steady() - begun_).count();
  context_.out.show(Record{{context_.dry_run ? "would_be_added" : "added", counts_.added},
                           {"unchanged", counts_.unchanged},
                           {"refused", counts_.refused},
                           {"domains_added", counts_.domains},
                           {"seconds", static_cast<std::uint64_t>(std::lround(seconds))}});
  if (counts_.refused > 0) return Exit::partial;
  if (context_.dry_run && counts_.added > 0) return Exit::would_change;
  return Exit::done;
}

Outcome MailboxImport::read_rows() {
  LineReader lines([this]() -> Result<std::string> {
    Result<std::string> more = input_.more(context_.terminal);
    if (more) bytes_ += more->size();
    return more;
  });
  for (std::size_t hashed = 0;;) {
    Result<std::optional<std::string>> line = lines.next();
    if (!line && line.error().failure == toast::Failure::transient)
      return fail(line.error(), input_.name);
    if (!line) {
      refuse(lines.number(), {}, {Exit::invalid, "bad_row", line.error().detail, {}, {}});
      continue;
    }
    if (!*line) break;
    if (!columns_) {
      Wanted<MailboxColumns> columns = MailboxColumns::parse(**line);
      if (!columns) return tl::unexpected(std::move(columns.error()));
      columns_ = std::move(*columns);
      if (errors_) std::ignore = write_all(*errors_, **line + "\n", options_.errors);
      continue;
    }
    if ((*line)->empty()) continue;
    Wanted<MailboxRow> row = columns_->row(**line);
    if (!row) {
      refuse(lines.number(), **line, std::move(row.error()));
      continue;
    }
    hashed += row->password ? 1 : 0;
    rows_.push_back({lines.number(), std::move(**line), std::move(*row)});
    if (rows_.size() < kRowsAtOnce && hashed < kHashedAtOnce) continue;
    hashed = 0;
    if (Outcome added = add_rows(); !added) return added;
  }
  if (!columns_)
    return fail(Exit::invalid, "bad_header", input_.name + " is empty", input_.name,
                "its first line names the columns");
  return add_rows();
}

Wanted<const MailboxImport::Place*> MailboxImport::place_of(const Domain& name) {
  if (place_name_ == name) return &*place_;
  const auto alias = accounts_->directory->find_domain_alias(name);
  if (!alias) return fail(alias.error(), name.str());
  const Domain real = *alias ? (*alias)->target : name;
  const auto domain = accounts_->directory->find_domain(real);
  if (!domain) return fail(domain.error(), name.str());
  place_ = Place{real, *domain ? (*domain)->default_quota : vdomain::Quota{}};
  place_name_ = name;
  return &*place_;
}

Wanted<vdomain::NewMailbox> MailboxImport::wanted(ReadRow& row) {
  const MailboxRow& from = row.mailbox;
  const Wanted<const Place*> place = place_of(from.address.domain());
  if (!place) return tl::unexpected(place.error());
  const Address folded = vdomain::canonical(from.address);
  const Result<Address> account = Address::from_parts(folded.local_part(), (*place)->domain);
  if (!account) return fail(Exit::invalid, "bad_address", account.error().detail);
  row.account = account->str();
  if (from.password && !context_.dry_run) {
    const auto found = accounts_->directory->find_mailbox(*account);
    if (!found) return fail(found.error(), row.account);
    row.present = found->has_value();
  }
  std::optional<vdomain::Quota> quota;
  if (from.quota_bytes || from.quota_messages)
    quota = {from.quota_bytes.value_or((*place)->quota.bytes),
             from.quota_messages.value_or((*place)->quota.messages)};
  return vdomain::NewMailbox{.address = from.address,
                             .display_name = from.display_name,
                             .quota = quota,
                             .services = from.services};
}

Wanted<std::optional<auth::NewCredential>> MailboxImport::credential_of(const ReadRow& row) const {
  if (context_.dry_run || row.present) return std::nullopt;
  if (!row.mailbox.password) return auth::NewCredential{row.account, row.mailbox.hash};
  Result<auth::NewCredential> made =
      auth::make_credential(*keeping_->hasher, row.account, *row.mailbox.password, keeping_->scram);
  if (!made) return fail(made.error(), row.account);
  return std::move(*made);
}

Outcome MailboxImport::add_rows() {
  if (rows_.empty()) return Exit::done;
  vdomain::MailboxBatch batch{.mailboxes = {}, .add_domains = options_.add_domains};
  std::vector<std::optional<auth::NewCredential>> passwords;
  for (ReadRow& row : rows_) {
    Wanted<vdomain::NewMailbox> mailbox = wanted(row);
    if (!mailbox) return tl::unexpected(std::move(mailbox.error()));
    batch.mailboxes.push_back(std::move(*mailbox));
    auto password = credential_of(row);
    if (!password) return tl::unexpected(std::move(password.error()));
    passwords.push_back(std::move(*password));
  }
  // The passwords first: a credential without a mailbox is harmless.
  const auto store_passwords = [&](const BatchChange& changes) -> Result<void> {
    std::vector<auth::NewCredential> added;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (changes.changes[i].status != Change::Status::changed || context_.dry_run) continue;
      if (!passwords[i]) return transient("mailbox " + rows_[i].account + " was deleted meanwhile");
      added.push_back(*passwords[i]);
    }
    if (added.empty()) return {};
    return accounts_->credentials->put_all(added, context_.clock.wall());
  };
  const Result<BatchChange> done =
      accounts_->directory->add_mailboxes(batch, context_.actor, store_passwords);
  if (!done) return fail(done.error(), rows_.front().account);
  for (std::size_t i = 0; i < rows_.size(); ++i) judge(rows_[i], done->changes[i]);
  for (const Domain& domain : done->domains)
    if (!context_.dry_run || domains_seen_.emplace(domain.str(), true).second) ++counts_.domains;
  if (!done->domains.empty()) place_name_.reset();
  rows_.clear();
  tell_progress();
  return Exit::done;
}

void MailboxImport::judge(const ReadRow& row, const Change& change) {
  const tl::expected<bool, Failure> did = changed(change, "mailbox", row.account);
  if (!did) {
    Failure why = did.error();
    if (why.exit == Exit::not_found)
      why.hint = "toastctl domain add " + row.mailbox.address.domain().str() + ", or --add-domains";
    if (why.exit == Exit::conflict) why.hint = "toastctl mailbox set " + row.account;
    return refuse(row.line, row.text, std::move(why));
  }
  ++(*did ? counts_.added : counts_.unchanged);
}

void MailboxImport::refuse(std::size_t line, const std::string& text, Failure why) {
  ++counts_.refused;
  if (errors_ && !text.empty()) std::ignore = write_all(*errors_, text + "\n", options_.errors);
  if (counts_.refused > kMaxFailuresShown) return;
  why.message = fmt::format("line {}: {}", line, why.message);
  context_.out.failed(why);
  if (counts_.refused == kMaxFailuresShown)
    context_.out.warn("further refusals are only counted" +
                      std::string(errors_ ? "" : "; --errors FILE gets them all"));
}

void MailboxImport::tell_progress() {
  const SteadyTime now = context_.clock.steady();
  if (now - told_ < kProgressInterval) return;
  told_ = now;
  const auto seconds = std::chrono::duration<double>(now - begun_).count();
  const std::string share =
      input_.size == 0 ? ""
                       : fmt::format(" ({}%)", 100 * std::min(bytes_, input_.size) / input_.size);
  context_.out.progress(
      fmt::format("{}{} rows: {} added, {} unchanged, {} refused; {:.0f} a second", counts_.rows(),
                  share, counts_.added, counts_.unchanged, counts_.refused,
                  static_cast<double>(counts_.rows()) / seconds));
}

}  // namespace

void add_mailbox_import(CLI::App& mailbox, Context& context) {
  auto options = std::make_shared<MailboxImportOptions>();
  CLI::App* verb = mailbox.add_subcommand("import", "Add many mailboxes, from a table");
  verb->add_option(
          "FILE", options->file,
          "Comma-separated values, mode 0600; - reads standard input. The first line names "
          "the columns: address, password_hash or password, name, quota, quota_messages, "
          "pop3, imap, smtp, receive")
      ->required();
  verb->add_flag("--add-domains", options->add_domains, "Add the domains that are not there");
  verb->add_option("--errors", options->errors, "Write the rows that were refused to this file")
      ->type_name("FILE");
  verb->footer(
      "Examples:\n"
      "  toastctl mailbox import mailboxes.csv --dry-run\n"
      "  toastctl mailbox import mailboxes.csv --add-domains --errors refused.csv");
  verb->callback([&context, options] {
    context.action = [&context, options] { return MailboxImport(context, *options).run(); };
  });
}

}  // namespace toast::admin
