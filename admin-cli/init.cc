// toastctl init: makes an instance, whole or not at all.
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "admin-cli/arguments.h"
#include "admin-cli/context.h"
#include "auth/sqlite/credentials.h"
#include "base/fd.h"
#include "base/migrations.h"
#include "base/settings_registry.h"
#include "base/tls/certificate.h"
#include "schema/embedded.h"
#include "vdomain/sqlite/directory_store.h"

namespace toast::admin {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMaxPortBase = 65535 - 995;  // the highest listener is at P+995
constexpr unsigned kMinPortBase = 1024 - 25;    // below it a plain user cannot listen

struct InitOptions {
  std::string host_name;
  bool unprivileged = false;
  unsigned port_base = 0;  // 0: the standard ports on all addresses
};

// What is where, whose it is, and who may look in.
struct Folder {
  const char* name;
  const LineSetting* owner;  // none: who makes the instance (root, but with --unprivileged)
  const LineSetting* group;  // none: the owner's
  mode_t mode;
};
constexpr std::array<Folder, 10> kFolders{{
    {"control", nullptr, nullptr, 0755},
    {"queue", &setting::userqueued, nullptr, 0700},
    {"run", nullptr, nullptr, 0755},
    // The directory's keeper reads dot-qmail files of domains: their folders inherit its group.
    {"mail", &setting::usermaild, &setting::uservdomaind, 02750},
    {"db", &setting::uservdomaind, nullptr, 0700},
    {"db-auth", &setting::userauthd, nullptr, 0700},
    {"relay-auth", &setting::userremoted, nullptr, 0700},
    {"tls", &setting::userkeyd, nullptr, 0700},
    {"dkim", nullptr, nullptr, 0700},
    {"log", nullptr, nullptr, 0755},
}};

Wanted<Owner> find_account(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  if (entry == nullptr)
    return fail(
        Exit::failure, "no_account", "no system account " + name, name,
        "make the accounts first (packaging/toastmaster.sysusers, for systemd-sysusers), or use "
        "--unprivileged to run everything as one user");
  return Owner{entry->pw_uid, entry->pw_gid};
}

class Initializer {
 public:
  Initializer(Context& context, InitOptions options)
      : context_(context), options_(std::move(options)) {}

  Outcome run() {
    if (Outcome checked = check(); !checked) return checked;
    if (context_.dry_run) {
      context_.out.did(context_.verb("made"), "instance", root_);
      return Exit::would_change;
    }
    Outcome made = make();
    if (!made) {
      undo();
      return made;
    }
    context_.out.did("made", "instance", root_, Record{{"root", root_}});
    context_.out.note("next: toastctl --root " + root_ + " domain add DOMAIN");
    context_.out.note("      toastd --root " + root_ +
                      (options_.unprivileged ? " --unprivileged" : ""));
    return Exit::done;
  }

 private:
  Outcome check() {
    if (context_.root.empty())
      return fail(Exit::usage, "no_instance", "where?", {}, "name the folder with --root DIR");
    root_ = fs::absolute(context_.root).lexically_normal().string();
    if (root_.size() > 1 && root_.ends_with('/')) root_.pop_back();
    const Result<std::string> name = canonical_setting_text(setting::me, options_.host_name);
    if (!name)
      return fail(Exit::invalid, "bad_host_name", "--hostname: " + name.error().detail,
                  options_.host_name, "the full name that the world knows this host by");
    const Wanted<Domain> me = parse_domain(options_.host_name);
    if (!me) return tl::unexpected(me.error());
    me_ = me->str();
    if (!options_.unprivileged && ::geteuid() != 0)
      return fail(Exit::permission, "not_root", "only root can give each program its own user",
                  root_,
                  "add --unprivileged to run everything as you (tests, containers, a look at it)");
    return check_target();
  }

  Outcome check_target() {
    std::error_code error;
    const fs::file_status status = fs::status(root_, error);
    existed_ = fs::exists(status);
    if (!existed_) return find_owners();
    if (!fs::is_directory(status))
      return fail(Exit::conflict, "not_a_folder", "exists and is no folder", root_);
    const bool empty = fs::is_empty(root_, error);
    if (error) return fail(Exit::permission, "permission_denied", error.message(), root_);
    if (fs::exists(root_ + "/control/me"))
      return fail(Exit::conflict, "instance_exists", "there is an instance here already", root_,
                  "toastctl --root " + root_ + " status shows how it is");
    if (!empty)
      return fail(Exit::conflict, "not_empty", "the folder is not empty", root_,
                  "choose an empty or a new one");
    return find_owners();
  }

  // All accounts are looked up before anything is made.
  Outcome find_owners() {
    for (const Folder& folder : kFolders) {
      Owner owner{::geteuid(), ::getegid()};
      for (const LineSetting* account : {folder.owner, folder.group}) {
        if (options_.unprivileged || account == nullptr) continue;
        const Wanted<Owner> found = find_account(std::string(account->default_text));
        if (!found) return tl::unexpected(found.error());
        if (account == folder.owner) owner = *found;
        owner.gid = found->gid;
      }
      owners_.push_back(owner);
    }
    return Exit::done;
  }

  Outcome make() {
    std::error_code error;
    fs::create_directories(root_, error);
    if (error) {
      const bool denied = error == std::errc::permission_denied;
      return fail(denied ? Exit::permission : Exit::failure, "cannot_make_folder", error.message(),
                  root_);
    }
    for (std::size_t i = 0; i < kFolders.size(); ++i) {
      if (Outcome made = make_folder(kFolders[i], owners_[i]); !made) return made;
    }
    if (Outcome made = make_databases(); !made) return made;
    if (Outcome made = make_certificate(); !made) return made;
    return write_settings();  // control/me last: with it the instance is one
  }

  Outcome make_folder(const Folder& folder, const Owner& owner) {
    const std::string path = root_ + "/" + folder.name;
    if (::mkdir(path.c_str(), 0700) != 0) return failed("make folder", path);
    const bool given_away = owner.uid != ::geteuid() || owner.gid != ::getegid();
    if (given_away && ::chown(path.c_str(), owner.uid, owner.gid) != 0)
      return failed("give away", path);
    const mode_t mode = options_.unprivileged ? folder.mode & 0777U : folder.mode;
    if (::chmod(path.c_str(), mode) != 0) return failed("set the mode of", path);
    return Exit::done;
  }

  Outcome make_databases() {
    const auto make_directory = [this]() -> Result<void> {
      Result<int> made = vdomain::migrate_sqlite_directory(root_ + "/db/directory.db");
      if (!made) return pass(made);
      return {};
    };
    const auto make_credentials = [this]() -> Result<void> {
      Result<sqlite::Connection> db = sqlite::Connection::open(root_ + "/db-auth/credentials.db",
                                                               {.access = sqlite::Access::create});
      if (!db) return pass(db);
      Result<int> made = apply_migrations(*db, schema::sqlite_credentials());
      if (!made) return pass(made);
      return {};
    };
    if (const Result<void> made = run_as(owner_of("db"), make_directory); !made)
      return database_failed(made.error(), root_ + "/db/directory.db");
    if (const Result<void> made = run_as(owner_of("db-auth"), make_credentials); !made)
      return database_failed(made.error(), root_ + "/db-auth/credentials.db");
    return Exit::done;
  }

  // So that encryption works at once; a real certificate takes its place by toastctl tls install.
  Outcome make_certificate() {
    const std::string folder = root_ + "/tls";
    const Result<tls::PemPair> pair = tls::make_self_signed(me_, context_.clock.wall());
    if (!pair) return fail(pair.error(), folder);
    const auto write = [&]() -> Result<void> {
      Result<void> written = replace_file(folder + "/key.pem", pair->key, 0600);
      if (written) written = replace_file(folder + "/cert.pem", pair->certificate, 0644);
      return written;
    };
    if (const Result<void> made = run_as(owner_of("tls"), write); !made)
      return fail(made.error(), folder);
    return Exit::done;
  }

  Outcome database_failed(const Error& error, const std::string& path) const {
    Outcome failed = fail(error, path);
    if (failed.error().exit == Exit::permission && !options_.unprivileged)
      failed.error().hint = "the programs' users must be able to pass through every folder above " +
                            root_ + ": chmod o+x where it is missing";
    return failed;
  }

  Outcome write_settings() {
    std::vector<std::pair<std::string, std::string>> files;
    if (options_.port_base != 0) {
      const auto at = [this](unsigned offset) {
        return "127.0.0.1:" + std::to_string(options_.port_base + offset);
      };
      files.emplace_back(setting::smtplisten.name, at(25));
      files.emplace_back(setting::submissionlisten.name, at(587));
      files.emplace_back(setting::submissionslisten.name, at(465));
      files.emplace_back(setting::pop3listen.name, at(110));
      files.emplace_back(setting::pop3slisten.name, at(995));
    }
    files.emplace_back(setting::me.name, me_);
    for (const auto& [name, value] : files) {
      const std::string path = root_ + "/control/" + name;
      if (const Result<void> written = replace_file(path, value + "\n", 0644); !written)
        return fail(written.error(), path);
    }
    return Exit::done;
  }

  Owner owner_of(std::string_view name) const {
    for (std::size_t i = 0; i < kFolders.size(); ++i)
      if (kFolders[i].name == name) return owners_[i];
    return {};
  }

  static Outcome failed(std::string_view doing, const std::string& path) {
    const int why = errno;
    Result<void> error = system_error(doing, path, why);
    return fail(error.error(), path);
  }

  // Nothing half-made stays behind.
  void undo() {
    std::error_code ignored;
    for (const Folder& folder : kFolders) fs::remove_all(root_ + "/" + folder.name, ignored);
    if (!existed_) fs::remove(root_, ignored);
  }

  Context& context_;
  InitOptions options_;
  std::string root_;
  std::string me_;
  bool existed_ = false;
  std::vector<Owner> owners_;
};

}  // namespace

void add_init(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("init", "Make a new instance in an empty folder");
  auto options = std::make_shared<InitOptions>();
  command->add_option("--hostname", options->host_name, "Full name of this mail host")
      ->required()
      ->type_name("NAME");
  command->add_flag("--unprivileged", options->unprivileged,
                    "Everything belongs to, and runs as, the calling user");
  command
      ->add_option("--port-base", options->port_base,
                   "Listen on 127.0.0.1 only: SMTP at P+25, submission at P+587 and P+465, "
                   "POP3 at P+110, POP3S at P+995")
      ->type_name("P")
      ->check(CLI::Range(kMinPortBase, kMaxPortBase).description(""));
  command->footer(
      "Examples:\n"
      "  toastctl --root /var/lib/toastmaster init --hostname mx.example.org\n"
      "  toastctl --root ./try init --hostname mx.example.test --unprivileged --port-base 2000");
  command->callback([&context, options] {
    context.action = [&context, options] { return Initializer(context, *options).run(); };
  });
}

}  // namespace toast::admin
