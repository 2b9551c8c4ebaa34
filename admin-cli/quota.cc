// toastctl quota: what mailboxes may hold and what they do.
#include <algorithm>

#include "admin-cli/arguments.h"
#include "admin-cli/mail_process.h"
#include "admin-cli/stores.h"

namespace toast::admin {
namespace {

using vdomain::Mailbox;
using vdomain::Quota;

constexpr std::size_t kDefaultListed = 100;

struct QuotaOptions {
  std::vector<std::string> names;
  std::optional<std::string> size, messages;
  std::string domain;
  std::string match;
  unsigned over = 0;
  std::size_t limit = kDefaultListed;
  std::size_t skip = 0;
};

// In percent of what it may hold, of bytes or messages, whichever is nearer to its end. Without a
// quota: none.
std::optional<std::uint64_t> fill_of(const Quota& quota, const MailUse& use) {
  std::optional<std::uint64_t> fill;
  for (const auto& [limit, used] :
       {std::pair(quota.bytes, use.bytes), std::pair(quota.messages, use.messages)}) {
    if (limit == 0) continue;
    const double share = 100 * static_cast<double>(used) / static_cast<double>(limit);
    fill = std::max(fill.value_or(0), static_cast<std::uint64_t>(share));
  }
  return fill;
}

Record to_record(const Mailbox& mailbox, const MailUse& use, bool json) {
  const auto limit = [](std::uint64_t v) { return v == 0 ? Value() : Value(v); };
  Record record{{"address", mailbox.address.str()},
                {"percent", fill_of(mailbox.quota, use)},
                {"used_bytes", use.bytes},
                {"used_messages", use.messages},
                {"quota_bytes", limit(mailbox.quota.bytes)},
                {"quota_messages", limit(mailbox.quota.messages)}};
  if (json) return record;
  record.add("used", size_text(use.bytes));
  record.add("quota",
             mailbox.quota.bytes == 0 ? std::string("unlimited") : size_text(mailbox.quota.bytes));
  return record;
}

// Opened in this order: the directory makes this process its owner.
struct Quotas {
  std::unique_ptr<MailProcess> mail;
  Directory directory;

  static Wanted<Quotas> open(Context& context) {
    const Wanted<Instance> instance = context.instance();
    if (!instance) return tl::unexpected(instance.error());
    const Wanted<Owner> owner = instance->owner_of("mail");
    if (!owner) return tl::unexpected(owner.error());
    Result<std::unique_ptr<MailProcess>> mail =
        MailProcess::start(instance->path("mail"), *owner, context.clock);
    if (!mail) return fail(mail.error(), instance->path("mail"));
    Wanted<Directory> directory = Directory::open(*instance, context);
    if (!directory) return tl::unexpected(directory.error());
    return Quotas{std::move(*mail), std::move(*directory)};
  }
};

using vdomain::HostedDomain;

Wanted<Mailbox> quota_holder(Directory& directory, const std::string& text) {
  const Wanted<Address> address = parse_address(text);
  if (!address) return tl::unexpected(address.error());
  const auto found = directory->find_mailbox(*address);
  if (!found) return fail(found.error(), address->str());
  if (!*found) return not_found(directory, "mailbox", address->str());
  return **found;
}

Wanted<HostedDomain> quota_domain(Directory& directory, const std::string& text) {
  const Wanted<Domain> name = parse_domain(text);
  if (!name) return tl::unexpected(name.error());
  const auto found = directory->find_domain(*name);
  if (!found) return fail(found.error(), name->str());
  if (!*found) return not_found(directory, "domain", name->str());
  return **found;
}

// With the quota that its ledger is kept by: where it has none its domain's.
Wanted<Mailbox> with_effective_quota(Directory& directory, Mailbox mailbox) {
  const auto domain = directory->find_domain(mailbox.address.domain());
  if (!domain) return fail(domain.error(), mailbox.address.str());
  if (*domain) mailbox.quota = vdomain::effective_quota(mailbox, **domain);
  return mailbox;
}

// Calls `work` with each mailbox of a domain until it fails, quotas as the ledgers have them.
template <class Work>
tl::expected<void, Failure> each_mailbox_of(Directory& directory, const HostedDomain& domain,
                                            Work work) {
  vdomain::ListQuery query{.domain = domain.name, .match = {}, .after = {}};
  do {
    const auto page = directory->list_mailboxes(query);
    if (!page) return fail(page.error(), domain.name.str());
    for (Mailbox mailbox : page->items) {
      mailbox.quota = vdomain::effective_quota(mailbox, domain);
      if (auto done = work(mailbox); !done) return done;
    }
    query.after = page->next;
  } while (!query.after.empty());
  return {};
}

// What the mailboxes of a domain use together, by their ledgers.
Outcome show_domain_quota(Context& context, Quotas& quotas, const std::string& name) {
  const Wanted<HostedDomain> domain = quota_domain(quotas.directory, name);
  if (!domain) return tl::unexpected(domain.error());
  MailUse total;
  std::uint64_t mailboxes = 0;
  const auto done = each_mailbox_of(
      quotas.directory, *domain, [&](const Mailbox& mailbox) -> tl::expected<void, Failure> {
        const Result<MailUse> use = quotas.mail->use(mailbox.maildir, mailbox.quota, false);
        if (!use) return fail(use.error(), mailbox.address.str());
        total.bytes += use->bytes;
        total.messages += use->messages;
        ++mailboxes;
        return {};
      });
  if (!done) return tl::unexpected(done.error());
  const auto limit = [](std::uint64_t v) { return v == 0 ? Value() : Value(v); };
  Record record{{"domain", domain->name.str()},
                {"percent", fill_of(domain->quota, total)},
                {"mailboxes", mailboxes},
                {"used_bytes", total.bytes},
                {"used_messages", total.messages},
                {"quota_bytes", limit(domain->quota.bytes)},
                {"quota_messages", limit(domain->quota.messages)}};
  if (!context.json) {
    record.add("used", size_text(total.bytes));
    record.add("quota", domain->quota.bytes == 0 ? std::string("unlimited")
                                                 : size_text(domain->quota.bytes));
  }
  context.out.show(record);
  return Exit::done;
}

bool names_domain(const std::string& text) { return text.find('@') == std::string::npos; }

Outcome show_quota(Context& context, const QuotaOptions& options) {
  Wanted<Quotas> quotas = Quotas::open(context);
  if (!quotas) return tl::unexpected(quotas.error());
  if (names_domain(options.names.front()))
    return show_domain_quota(context, *quotas, options.names.front());
  const Wanted<Mailbox> found = quota_holder(quotas->directory, options.names.front());
  if (!found) return tl::unexpected(found.error());
  const Wanted<Mailbox> mailbox = with_effective_quota(quotas->directory, *found);
  if (!mailbox) return tl::unexpected(mailbox.error());
  const Result<MailUse> use = quotas->mail->use(mailbox->maildir, mailbox->quota, false);
  if (!use) return fail(use.error(), mailbox->address.str());
  context.out.show(to_record(*mailbox, *use, context.json));
  return Exit::done;
}

// Listings come domain by domain: each is read once.
class OneDomain {
 public:
  Wanted<Mailbox> with_effective_quota(Directory& directory, Mailbox mailbox) {
    if (!domain_ || domain_->name != mailbox.address.domain()) {
      auto found = directory->find_domain(mailbox.address.domain());
      if (!found) return fail(found.error(), mailbox.address.str());
      domain_ = std::move(*found);
    }
    if (domain_) mailbox.quota = vdomain::effective_quota(mailbox, *domain_);
    return mailbox;
  }

 private:
  std::optional<HostedDomain> domain_;
};

struct Row {
  Mailbox mailbox;
  MailUse use;
  std::uint64_t fill = 0;
};

// Those that have a quota, the fullest first.
Outcome list_quotas(Context& context, const QuotaOptions& options) {
  Wanted<Quotas> quotas = Quotas::open(context);
  if (!quotas) return tl::unexpected(quotas.error());
  Wanted<vdomain::ListQuery> query = list_query(quotas->directory, options.domain, options.match);
  if (!query) return tl::unexpected(query.error());
  OneDomain domains;
  // Only what may be shown is held: the fullest of those seen.
  std::vector<Row> rows;
  std::size_t found = 0;
  const std::size_t wanted = options.skip + options.limit;
  const auto keep_fullest = [&] {
    std::ranges::stable_sort(rows, [](const Row& a, const Row& b) { return a.fill > b.fill; });
    while (rows.size() > wanted) rows.pop_back();
  };
  do {
    const auto page = quotas->directory->list_mailboxes(*query);
    if (!page) return fail(page.error(), "mailboxes");
    for (const Mailbox& listed : page->items) {
      const Wanted<Mailbox> held = domains.with_effective_quota(quotas->directory, listed);
      if (!held) return tl::unexpected(held.error());
      const Mailbox& mailbox = *held;
      if (!mailbox.quota.limited()) continue;
      const Result<MailUse> use = quotas->mail->use(mailbox.maildir, mailbox.quota, false);
      if (!use) {
        context.out.warn(mailbox.address.str() + ": " + use.error().detail);
        continue;
      }
      const std::uint64_t fill = fill_of(mailbox.quota, *use).value_or(0);
      if (fill < options.over) continue;
      ++found;
      rows.push_back({mailbox, *use, fill});
    }
    if (rows.size() > 2 * wanted) keep_fullest();
    query->after = page->next;
  } while (!query->after.empty());
  keep_fullest();
  std::vector<Record> shown;
  for (std::size_t i = options.skip; i < rows.size() && shown.size() < options.limit; ++i)
    shown.push_back(to_record(rows[i].mailbox, rows[i].use, context.json));
  const std::size_t behind = options.skip + shown.size();
  context.out.list("quotas",
                   {{"percent", "%"},
                    {"address", "ADDRESS"},
                    {"used", "USED"},
                    {"quota", "QUOTA"},
                    {"used_messages", "MESSAGES"}},
                   shown);
  if (behind < found)
    context.out.warn(std::to_string(found - behind) + " more: --skip " + std::to_string(behind));
  return Exit::done;
}

Outcome recount_one(Context& context, Quotas& quotas, const Mailbox& mailbox) {
  if (context.dry_run) {
    context.out.did("would be counted", "mailbox", mailbox.address.str());
    return Exit::would_change;
  }
  const Result<MailUse> use = quotas.mail->use(mailbox.maildir, mailbox.quota, true);
  if (!use) return fail(use.error(), mailbox.address.str());
  context.out.did("counted", "mailbox", mailbox.address.str(),
                  Record{{"used_bytes", use->bytes}, {"used_messages", use->messages}});
  return Exit::done;
}

Outcome recount(Context& context, const QuotaOptions& options) {
  if (options.names.empty() == options.domain.empty())
    return fail(Exit::usage, "no_mailboxes", "which mailboxes?", {},
                "name them, or all of a domain with --domain");
  Wanted<Quotas> quotas = Quotas::open(context);
  if (!quotas) return tl::unexpected(quotas.error());
  std::vector<std::string> names = options.names;
  if (!options.domain.empty()) {
    Wanted<vdomain::ListQuery> query = list_query(quotas->directory, options.domain, {});
    if (!query) return tl::unexpected(query.error());
    do {
      const auto page = quotas->directory->list_mailboxes(*query);
      if (!page) return fail(page.error(), "mailboxes");
      for (const Mailbox& mailbox : page->items) names.push_back(mailbox.address.str());
      query->after = page->next;
    } while (!query->after.empty());
  }
  return for_each_name(context, names, [&](const std::string& name) -> Outcome {
    const Wanted<Mailbox> found = quota_holder(quotas->directory, name);
    if (!found) return tl::unexpected(found.error());
    const Wanted<Mailbox> mailbox = with_effective_quota(quotas->directory, *found);
    if (!mailbox) return tl::unexpected(mailbox.error());
    return recount_one(context, *quotas, *mailbox);
  });
}

Outcome set_quota(Context& context, const QuotaOptions& options) {
  if (!options.size && !options.messages)
    return fail(Exit::usage, "no_quota", "what quota?", {}, "--size 2G, --messages 10000, or both");
  std::optional<std::uint64_t> bytes;
  std::optional<std::uint64_t> messages;
  if (options.size) {
    const Wanted<std::uint64_t> size = parse_size(*options.size, "--size");
    if (!size) return tl::unexpected(size.error());
    bytes = *size;
  }
  if (options.messages) {
    const auto count = parse_limit(*options.messages, "--messages");
    if (!count) return tl::unexpected(count.error());
    messages = count->value_or(0);
  }
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  return for_each_name(context, options.names, [&](const std::string& name) -> Outcome {
    if (names_domain(name)) {
      const Wanted<HostedDomain> found = quota_domain(*directory, name);
      if (!found) return tl::unexpected(found.error());
      HostedDomain domain = *found;
      domain.quota = {bytes.value_or(domain.quota.bytes), messages.value_or(domain.quota.messages)};
      return report(context, (*directory)->set_domain(domain, context.actor), "quota", "changed",
                    domain.name.str());
    }
    const Wanted<Mailbox> found = quota_holder(*directory, name);
    if (!found) return tl::unexpected(found.error());
    Mailbox mailbox = *found;
    mailbox.quota = {bytes.value_or(mailbox.quota.bytes),
                     messages.value_or(mailbox.quota.messages)};
    return report(context, (*directory)->set_mailbox(mailbox, context.actor), "quota", "changed",
                  mailbox.address.str());
  });
}

}  // namespace

void add_quota(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("quota", "What mailboxes may hold, and what they do");
  noun->require_subcommand(1);
  auto options = std::make_shared<QuotaOptions>();
  const auto bind = [&context, options](CLI::App* command,
                                        Outcome (*work)(Context&, const QuotaOptions&)) {
    command->callback([&context, options, work] {
      context.action = [&context, options, work] { return work(context, *options); };
    });
  };
  CLI::App* show = noun->add_subcommand(
      "show", "Show the quota of a mailbox, or of a domain, and what is used of it");
  show->add_option("ADDRESS", options->names, "Or a domain: of all its mailboxes together")
      ->required()
      ->expected(1);
  bind(show, show_quota);

  CLI::App* list = noun->add_subcommand("list", "List mailboxes that have a quota, fullest first");
  list->add_option("--domain", options->domain, "Only of this domain")->type_name("DOMAIN");
  list->add_option("--match", options->match, "Only addresses like this")->type_name("GLOB");
  list->add_option("--over", options->over, "Only from this percentage on")->type_name("PERCENT");
  list->add_option("--limit", options->limit, "So many at most")
      ->type_name("N")
      ->default_str(std::to_string(kDefaultListed));
  list->add_option("--skip", options->skip, "Begin behind so many")->type_name("N");
  list->footer("Example:\n  toastctl quota list --domain example.org --over 90");
  bind(list, list_quotas);

  CLI::App* count = noun->add_subcommand("recount", "Count every message; rebuild maildirsize");
  count->add_option("ADDRESS", options->names, "Whole addresses; - reads them");
  count->add_option("--domain", options->domain, "All of this domain")->type_name("DOMAIN");
  count->footer("Example:\n  toastctl quota recount ann@example.org");
  bind(count, recount);

  CLI::App* set = noun->add_subcommand("set", "Change quotas");
  set->add_option(
         "ADDRESS", options->names,
         "Whole addresses, or domains: what their mailboxes may use together; - reads them")
      ->required();
  set->add_option("--size", options->size, "1G, 500M, bytes, or unlimited")->type_name("SIZE");
  set->add_option("--messages", options->messages, "A number, or unlimited")->type_name("N");
  set->footer(
      "Examples:\n  toastctl quota set ann@example.org --size 2G\n"
      "  toastctl quota set example.org --size 100G");
  bind(set, set_quota);
}

}  // namespace toast::admin
