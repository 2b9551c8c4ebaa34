// The two databases, opened in the right order and with the right rights, and how their outcomes
// become this command's.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "admin-cli/context.h"
#include "admin-cli/failure.h"
#include "auth/credentials_repository.h"
#include "auth/password_hash.h"
#include "vdomain/directory_repository.h"

namespace toast::admin {

// Opening the directory makes this process its owner for good; so what needs root (control/, the
// credentials, run/) is opened before.
Wanted<std::unique_ptr<auth::CredentialsRepository>> open_credentials(const Instance& instance,
                                                                      const Clock& clock);

class Directory {
 public:
  static Wanted<Directory> open(const Instance& instance, const Context& context);
  static Wanted<Directory> open(Context& context);  // of the instance that was named
  vdomain::DirectoryRepository& repository() { return *repository_; }
  vdomain::DirectoryRepository* operator->() { return repository_.get(); }
  // As if: everything is checked, nothing kept.
  vdomain::DirectoryRepository& trial() { return *trial_; }

 private:
  std::unique_ptr<vdomain::DirectoryRepository> repository_;
  std::unique_ptr<vdomain::DirectoryRepository> trial_;
};

// How much of a listing is wanted: --limit and --cursor.
struct PageOptions {
  std::size_t limit = 0;  // none: all of it
  std::string cursor;     // what the page before said
  void add_to(CLI::App& list);
};

// Every row of what `page_of(query)` finds, page by page, as far as `options` asks for it. `row_of`
// makes the Record.
template <class PageOf, class RowOf>
Outcome list_pages(Context& context, Listing& listing, vdomain::ListQuery query,
                   const PageOptions& options, std::string_view what, PageOf page_of,
                   RowOf row_of) {
  query.after = options.cursor;
  std::size_t left = options.limit;
  do {
    if (options.limit != 0) query.limit = std::min(left, kRowsMeasured);
    const auto page = page_of(query);
    if (!page) return fail(page.error(), std::string(what));
    for (const auto& item : page->items) {
      Wanted<Record> row = row_of(item);
      if (!row) return tl::unexpected(std::move(row.error()));
      listing.add(std::move(*row));
    }
    query.after = page->next;
    left -= std::min(left, page->items.size());
  } while (!query.after.empty() && (options.limit == 0 || left > 0));
  listing.finish(options.limit == 0 ? std::nullopt : std::optional(query.after));
  if (!query.after.empty() && !context.json)
    context.out.warn("there is more: --cursor " + query.after);
  return Exit::done;
}

// What `list` asks for: of one domain (empty: of all), with names like `match`. Not found: the
// domain.
Wanted<vdomain::ListQuery> list_query(Directory& directory, const std::string& domain,
                                      const std::string& match);

// A Result<Change> as an exit, having printed what was done. `noun` "mailbox", `done` "added".
Outcome report(Context& context, const Result<vdomain::Change>& change, std::string_view noun,
               std::string_view done, const std::string& object, Record extra = {});
// Its failure alone, if it is one.
tl::expected<bool, Failure> changed(const Result<vdomain::Change>& change, std::string_view noun,
                                    const std::string& object);
// "no mailbox anm@example.org", with the nearest names as a hint.
tl::unexpected<Failure> not_found(Directory& directory, std::string_view noun,
                                  const std::string& object);

// What is given to mailboxes together.
Record room_record(const vdomain::StoredRoom& room);

auth::HashCost hash_cost(const Settings& settings);

}  // namespace toast::admin
