// toastctl tls: the certificates that clients are shown, and how an ACME client brings a new one.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>

#include "admin-cli/arguments.h"
#include "admin-cli/context.h"
#include "admin-cli/tls_database.h"
#include "auth/keyd/key_store.h"
#include "base/fd.h"
#include "base/secret.h"

namespace toast::admin {
namespace {

namespace fs = std::filesystem;

struct TlsOptions {
  std::string domain;
  std::string certificate_file;
  std::string key_file;
  bool in_database = false;
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// --- list

Record describe(const std::string& shown, std::string_view source, const Result<keyd::Pair>& pair,
                WallTime now) {
  if (!pair)
    return Record{{"certificate", shown},
                  {"source", source},
                  {"names", ""},
                  {"key", ""},
                  {"issuer", ""},
                  {"expires", Value()},
                  {"days_left", Value()},
                  {"state", "unusable"},
                  {"reason", pair.error().detail}};
  const tls::Certificate& certificate = pair->certificate;
  const auto left = certificate.not_after - now;
  const auto days = std::chrono::floor<std::chrono::hours>(left).count() / 24;
  std::string_view state = certificate.self_signed ? "self-signed" : "ok";
  if (left < keyd::kExpiresSoon) state = "expires soon";
  if (left <= left.zero()) state = "expired";
  return Record{{"certificate", shown},
                {"source", source},
                {"names", joined(certificate.names)},
                {"key", certificate.key_type},
                {"issuer", certificate.issuer},
                {"expires", iso_time(certificate.not_after)},
                {"days_left", static_cast<std::int64_t>(days)},
                {"state", state},
                {"reason", ""}};
}

Record describe_folder(const std::string& folder, const std::string& path, WallTime now) {
  const Result<keyd::Pair> pair = keyd::read_pair(path + "/" + std::string(keyd::kCertificateFile),
                                                  path + "/" + std::string(keyd::kKeyFile));
  return describe(folder.empty() ? "(default)" : folder, "files", pair, now);
}

Record describe_stored(const auth::StoredCertificate& stored,
                       const Result<keyd::SealingKey>& sealing, bool hidden, WallTime now) {
  const keyd::StoredRow row{stored.domain, stored.chain, stored.sealed_key};
  Result<keyd::Pair> pair = tl::unexpected(sealing ? Error{} : sealing.error());
  if (sealing) pair = keyd::open_stored(row, *sealing, now);
  if (hidden) pair = permanent("tls/" + stored.domain + " comes before it");
  return describe(stored.domain, "database", pair, now);
}

Outcome list_certificates(Context& context) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const Wanted<Owner> owner = instance->owner_of("tls");
  if (!owner) return tl::unexpected(owner.error());
  const Wanted<CertificateDatabase> database = CertificateDatabase::open(*instance, context.clock);
  if (!database) return tl::unexpected(database.error());
  const Result<std::vector<auth::StoredCertificate>> stored = database->all();
  if (!stored) context.out.warn("those in the database are not shown: " + stored.error().detail);
  const std::string root = instance->path("tls");
  if (const Result<void> became = become(*owner); !became) return fail(became.error(), root);
  const WallTime now = context.clock.wall();
  std::vector<std::string> folders;
  std::error_code error;
  for (fs::directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code ignored;
    if (!name.starts_with('.') && at->is_directory(ignored)) folders.push_back(name);
  }
  if (error)
    return fail(error == std::errc::permission_denied ? Exit::permission : Exit::failure,
                "cannot_read_folder", error.message(), root);
  std::sort(folders.begin(), folders.end());
  std::vector<Record> rows;
  if (fs::exists(root + "/" + std::string(keyd::kCertificateFile), error))
    rows.push_back(describe_folder("", root, now));
  for (const std::string& folder : folders)
    rows.push_back(describe_folder(folder, root + "/" + folder, now));
  const Result<keyd::SealingKey> sealing = keyd::read_sealing_key(root);
  for (const auth::StoredCertificate& one : stored.value_or(std::vector<auth::StoredCertificate>{}))
    rows.push_back(describe_stored(
        one, sealing, std::binary_search(folders.begin(), folders.end(), one.domain), now));
  context.out.list("certificates",
                   {{"certificate", "CERTIFICATE"},
                    {"source", "SOURCE"},
                    {"names", "NAMES"},
                    {"key", "KEY"},
                    {"expires", "EXPIRES"},
                    {"days_left", "DAYS LEFT"},
                    {"state", "STATE"},
                    {"reason", ""}},
                   rows);
  return Exit::done;
}

// --- install

// Both files change together: a folder with the new pair takes the place of the old one.
Result<void> put_in_place(const std::string& tls_folder, const std::string& domain,
                          std::string_view certificate, std::string_view key) {
  const std::string prepared = tls_folder + "/." + domain + ".new";
  const std::string target = tls_folder + "/" + domain;
  std::error_code error;
  fs::remove_all(prepared, error);
  if (::mkdir(prepared.c_str(), 0700) != 0) return system_error("mkdir", prepared);
  Result<void> done = replace_file(prepared + "/" + std::string(keyd::kKeyFile), key, 0600);
  if (done)
    done = replace_file(prepared + "/" + std::string(keyd::kCertificateFile), certificate, 0644);
  if (!done) return done;
  const bool exists = fs::exists(target, error);
  if (::renameat2(AT_FDCWD, prepared.c_str(), AT_FDCWD, target.c_str(),
                  exists ? RENAME_EXCHANGE : RENAME_NOREPLACE) != 0)
    return system_error("rename", target);
  done = sync_directory(tls_folder);
  fs::remove_all(prepared, error);  // what was there before
  return done;
}

// 0: it does not run.
pid_t pid_of_toastd(const Instance& instance) {
  const std::string path = instance.path("run/toastd.lock");
  const Result<Fd> lock = open_file(path, O_RDONLY);
  if (!lock) return 0;
  if (::flock(lock->get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return 0;
  const Result<std::string> text = read_all(*lock, 32, path);
  pid_t pid = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), pid);
  return pid > 1 ? pid : 0;
}

void tell_toastd(Context& context, const Instance& instance) {
  const pid_t pid = pid_of_toastd(instance);
  if (pid == 0) return context.out.note("toastd is not running; it is used from its start on");
  if (::kill(pid, SIGHUP) == 0)
    return context.out.note("toastd was told; toastctl status says if it could not reload");
  context.out.warn(fmt::format("toastd (pid {}) could not be told: send it SIGHUP", pid));
}

class Installation {
 public:
  Installation(Context& context, const TlsOptions& options)
      : context_(context), options_(options) {}

  Outcome run() {
    const Wanted<Instance> instance = context_.instance();
    if (!instance) return tl::unexpected(instance.error());
    const Wanted<Domain> domain = parse_domain(options_.domain);
    if (!domain) return tl::unexpected(domain.error());
    domain_ = domain->str();
    if (Outcome read = read_files(); !read) return read;
    if (Outcome checked = check(); !checked) return checked;
    const Record extra{{"names", joined(certificate_.names)},
                       {"expires", iso_time(certificate_.not_after)}};
    if (options_.in_database) return install_in_database(*instance, extra);
    const std::string folder = instance->path("tls");
    const bool same = is_there(folder);
    if (same) {
      context_.out.did("unchanged", "certificate", domain_, extra);
      return Exit::done;
    }
    if (context_.dry_run) {
      context_.out.did("would be installed", "certificate", domain_, extra);
      return Exit::would_change;
    }
    const Wanted<Owner> owner = instance->owner_of("tls");
    if (!owner) return tl::unexpected(owner.error());
    const auto write = [&] {
      return put_in_place(folder, domain_, certificate_text_, key_.view());
    };
    if (const Result<void> written = run_as(*owner, write); !written)
      return fail(written.error(), folder + "/" + domain_);
    context_.out.did("installed", "certificate", domain_, extra);
    tell_toastd(context_, *instance);
    return Exit::done;
  }

 private:
  Outcome read_files() {
    Result<std::string> certificate =
        read_file(options_.certificate_file, tls::kMaxCertificateFile);
    if (!certificate) return fail(certificate.error(), options_.certificate_file);
    Result<std::string> key = read_file(options_.key_file, tls::kMaxKeyFile);
    if (!key) return fail(key.error(), options_.key_file);
    certificate_text_ = std::move(*certificate);
    key_ = Secret::take(*key);
    return Exit::done;
  }

  Outcome install_in_database(const Instance& instance, const Record& extra) {
    if (!keyd::names_host(certificate_, domain_))
      return fail(Exit::invalid, "name_mismatch",
                  "the certificate is for " + joined(certificate_.names) + ", not for " + domain_,
                  options_.certificate_file);
    const Wanted<Owner> owner = instance.owner_of("tls");
    if (!owner) return tl::unexpected(owner.error());
    const Wanted<CertificateDatabase> database =
        CertificateDatabase::open(instance, context_.clock);
    if (!database) return tl::unexpected(database.error());
    const auto stored = database->all();
    if (!stored) return fail(stored.error(), "credentials");
    if (context_.dry_run) {
      context_.out.did("would be installed", "certificate", domain_, extra);
      return Exit::would_change;
    }
    Result<std::optional<auth::StoredCertificate>> sealed = seal_certificate(
        instance.path("tls"), *owner, context_.random, domain_, certificate_text_, key_, *stored);
    if (!sealed) return fail(sealed.error(), domain_);
    if (!*sealed) {
      context_.out.did("unchanged", "certificate", domain_, extra);
      return Exit::done;
    }
    (*sealed)->changed = context_.clock.wall();
    if (const Result<void> put = database->put(**sealed); !put) return fail(put.error(), domain_);
    context_.out.did("installed", "certificate", domain_, extra);
    if (fs::exists(instance.path("tls") + "/" + domain_))
      context_.out.warn("tls/" + domain_ + " comes before it: toastctl tls remove " + domain_);
    tell_toastd(context_, instance);
    return Exit::done;
  }

  Outcome check() {
    Result<tls::Certificate> certificate = tls::parse_certificate(certificate_text_);
    if (!certificate)
      return fail(Exit::invalid, "bad_certificate", certificate.error().detail,
                  options_.certificate_file, "certbot's file is fullchain.pem");
    const Result<tls::PrivateKey> key = tls::PrivateKey::parse(key_.view());
    if (!key)
      return fail(Exit::invalid, "bad_key", key.error().detail, options_.key_file,
                  "certbot's file is privkey.pem");
    certificate_ = std::move(*certificate);
    if (key->key_id() != certificate_.key_id)
      return fail(Exit::invalid, "key_mismatch",
                  "this is not the key of the certificate in " + options_.certificate_file,
                  options_.key_file, "both must come from the same order");
    const WallTime now = context_.clock.wall();
    if (certificate_.not_after <= now)
      return fail(Exit::invalid, "certificate_expired",
                  "it expired on " + iso_time(certificate_.not_after), options_.certificate_file,
                  "have it renewed first");
    if (certificate_.not_before > now)
      context_.out.warn("the certificate is not valid before " + iso_time(certificate_.not_before));
    warn_of_names();
    return Exit::done;
  }

  // Only a warning: clients that ask for the name as it is in the folder may not exist at all.
  void warn_of_names() {
    const auto covers = [this](const std::string& name) {
      return name == domain_ || name.ends_with("." + domain_) ||
             (name.starts_with("*.") && domain_.ends_with(name.substr(1)));
    };
    if (std::any_of(certificate_.names.begin(), certificate_.names.end(), covers)) return;
    context_.out.warn("the certificate is for " + joined(certificate_.names) + ", not for " +
                      domain_);
  }

  bool is_there(const std::string& folder) const {
    const std::string path = folder + "/" + domain_ + "/";
    const Result<std::string> certificate =
        read_file(path + std::string(keyd::kCertificateFile), tls::kMaxCertificateFile);
    if (!certificate || *certificate != certificate_text_) return false;
    Result<std::string> key = read_file(path + std::string(keyd::kKeyFile), tls::kMaxKeyFile);
    return key && Secret::take(*key) == key_;
  }

  Context& context_;
  const TlsOptions& options_;
  std::string domain_;
  std::string certificate_text_;
  Secret key_;
  tls::Certificate certificate_;
};

// --- remove

// Out of the way with one rename, then gone.
Result<void> remove_folder(const std::string& tls_folder, const std::string& domain) {
  const std::string leaving = tls_folder + "/." + domain + ".gone";
  std::error_code error;
  fs::remove_all(leaving, error);
  if (::rename((tls_folder + "/" + domain).c_str(), leaving.c_str()) != 0)
    return system_error("rename", tls_folder + "/" + domain);
  fs::remove_all(leaving, error);
  if (error) return permanent("cannot remove " + leaving + ": " + error.message());
  return sync_directory(tls_folder);
}

Outcome remove_certificate(Context& context, const TlsOptions& options) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const Wanted<Domain> domain = parse_domain(options.domain);
  if (!domain) return tl::unexpected(domain.error());
  const Wanted<Owner> owner = instance->owner_of("tls");
  if (!owner) return tl::unexpected(owner.error());
  const Wanted<CertificateDatabase> database = CertificateDatabase::open(*instance, context.clock);
  if (!database) return tl::unexpected(database.error());
  const std::string name = domain->str();
  const std::string folder = instance->path("tls");
  bool is_there = fs::is_directory(folder + "/" + name);
  if (options.in_database) {
    const auto stored = database->all();
    if (!stored) return fail(stored.error(), "credentials");
    is_there = std::any_of(stored->begin(), stored->end(),
                           [&](const auto& one) { return one.domain == name; });
  }
  if (!is_there)
    return fail(Exit::not_found, "certificate_not_found",
                options.in_database ? "the database has no certificate for " + name
                                    : "there is no folder tls/" + name,
                name, "toastctl tls list");
  if (context.dry_run) {
    context.out.did("would be removed", "certificate", name);
    return Exit::would_change;
  }
  if (Outcome sure = confirm_deletion(context, "certificate " + name, name, false); !sure)
    return sure;
  Result<void> removed;
  if (options.in_database) {
    if (Result<bool> done = database->remove(name); !done) removed = pass(done);
  } else {
    removed = run_as(*owner, [&] { return remove_folder(folder, name); });
  }
  if (!removed) return fail(removed.error(), name);
  context.out.did("removed", "certificate", name);
  tell_toastd(context, *instance);
  return Exit::done;
}

}  // namespace

void add_tls(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("tls", "Certificates for encrypted connections");
  noun->require_subcommand(1);
  CLI::App* list = noun->add_subcommand("list", "List certificates, and when each expires");
  list->footer("Example:\n  toastctl tls list --json");
  list->callback(
      [&context] { context.action = [&context] { return list_certificates(context); }; });
  auto options = std::make_shared<TlsOptions>();
  CLI::App* install =
      noun->add_subcommand("install", "Check a certificate and its key, and use them from now on");
  install->add_option("domain", options->domain, "The name that clients connect to")
      ->required()
      ->type_name("DOMAIN");
  install
      ->add_option("--cert", options->certificate_file,
                   "The certificate and those of its issuers, in this order (PEM)")
      ->required()
      ->type_name("FILE");
  install->add_option("--key", options->key_file, "Its private key (PEM)")
      ->required()
      ->type_name("FILE");
  install->add_flag("--database", options->in_database,
                    "Into the credentials' database, for all nodes on it; the key sealed");
  install->footer(
      "Examples:\n"
      "  toastctl tls install mail.example.org --cert fullchain.pem --key privkey.pem\n"
      "  certbot renew --deploy-hook 'toastctl tls install mail.example.org"
      " --cert $RENEWED_LINEAGE/fullchain.pem --key $RENEWED_LINEAGE/privkey.pem'");
  install->callback([&context, options] {
    context.action = [&context, options] { return Installation(context, *options).run(); };
  });
  CLI::App* remove =
      noun->add_subcommand("remove", "Use a certificate no more, and forget its key");
  remove->add_option("domain", options->domain, "The name that clients connect to")
      ->required()
      ->type_name("DOMAIN");
  remove->add_flag("--database", options->in_database, "The one in the credentials' database");
  remove->footer("Example:\n  toastctl tls remove mail.example.org --yes");
  remove->callback([&context, options] {
    context.action = [&context, options] { return remove_certificate(context, *options); };
  });
}

}  // namespace toast::admin
