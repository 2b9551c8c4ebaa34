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
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// --- list

Record describe(const std::string& folder, const std::string& path, WallTime now) {
  const std::string shown = folder.empty() ? "(default)" : folder;
  const Result<keyd::Pair> pair = keyd::read_pair(path + "/" + std::string(keyd::kCertificateFile),
                                                  path + "/" + std::string(keyd::kKeyFile));
  if (!pair)
    return Record{{"certificate", shown},
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
                {"names", joined(certificate.names)},
                {"key", certificate.key_type},
                {"issuer", certificate.issuer},
                {"expires", iso_time(certificate.not_after)},
                {"days_left", static_cast<std::int64_t>(days)},
                {"state", state},
                {"reason", ""}};
}

Outcome list_certificates(Context& context) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const Wanted<Owner> owner = instance->owner_of("tls");
  if (!owner) return tl::unexpected(owner.error());
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
    rows.push_back(describe("", root, now));
  for (const std::string& folder : folders)
    rows.push_back(describe(folder, root + "/" + folder, now));
  context.out.list("certificates",
                   {{"certificate", "CERTIFICATE"},
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
  install->footer(
      "Examples:\n"
      "  toastctl tls install mail.example.org --cert fullchain.pem --key privkey.pem\n"
      "  certbot renew --deploy-hook 'toastctl tls install mail.example.org"
      " --cert $RENEWED_LINEAGE/fullchain.pem --key $RENEWED_LINEAGE/privkey.pem'");
  install->callback([&context, options] {
    context.action = [&context, options] { return Installation(context, *options).run(); };
  });
}

}  // namespace toast::admin
