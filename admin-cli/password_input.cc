#include "admin-cli/password_input.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "auth/migrating_hasher.h"
#include "auth/set_password.h"
#include "base/fd.h"

namespace toast::admin {
namespace {

// Without 0 O, 1 l I: a generated password is often read out.
constexpr std::string_view kAlphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
constexpr std::size_t kMaxInput = 65536;  // of which the first line counts
constexpr unsigned kShortestGenerated = 12;
constexpr unsigned kLongestGenerated = 128;

// The first line. A final newline is an editor's, not the password's.
Secret first_line(std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  wipe(text);
  if (line.ends_with('\r')) line.pop_back();
  return Secret::take(line);
}

Wanted<Secret> from_file(const std::string& path) {
  Result<Fd> file = open_file(path, O_RDONLY);
  if (!file) return fail(file.error(), path);
  struct stat status {};
  if (::fstat(file->get(), &status) != 0 || (status.st_mode & 077U) != 0)
    return fail(Exit::invalid, "password_file_open", "others may read this password file", path,
                "chmod 600 " + path);
  Result<std::string> text = read_all(*file, kMaxInput, path);
  if (!text) return fail(text.error(), path);
  return first_line(*text);
}

Secret generate(Random& random, unsigned length) {
  std::string text;
  while (text.size() < length) {
    const std::uint64_t byte = random.u64() & 63U;  // what is beyond the alphabet is thrown away
    if (byte < kAlphabet.size()) text.push_back(kAlphabet[byte]);
  }
  return Secret::take(text);
}

Wanted<Secret> from_prompt(Context& context, const std::string& account) {
  if (!context.terminal.is_interactive())
    return fail(Exit::usage, "password_needed", "no password for " + account + " was given",
                account, "use --password-stdin, --password-file FILE or --password-generate");
  Wanted<Secret> first = context.terminal.ask_secret("Password for " + account + ": ");
  if (!first) return first;
  const Wanted<Secret> second = context.terminal.ask_secret("Once more: ");
  if (!second) return tl::unexpected(second.error());
  if (!(*first == *second))
    return fail(Exit::invalid, "passwords_differ", "the two passwords differ", account);
  return first;
}

Wanted<Secret> read_password(Context& context, const PasswordOptions& options,
                             const std::string& account) {
  if (options.generate) return generate(context.random, options.generated_length);
  if (!options.file.empty()) return from_file(options.file);
  if (!options.from_stdin) return from_prompt(context, account);
  Wanted<std::string> input = context.terminal.read_input(kMaxInput);
  if (!input) return tl::unexpected(std::move(input.error()));
  return first_line(*input);
}

}  // namespace

void PasswordOptions::add_to(CLI::App& command) {
  CLI::Option* in = command.add_flag("--password-stdin", from_stdin,
                                     "Take the password from the first line of standard input");
  CLI::Option* from = command.add_option("--password-file", file,
                                         "Take it from the first line of this file (mode 0600)");
  from->type_name("FILE");
  CLI::Option* made = command.add_option_function<unsigned>(
      "--password-generate",
      [this](const unsigned& length) {
        generate = true;
        generated_length = length;
      },
      "Make one up and print it once; =N for another length than 20");
  made->expected(0, 1)->default_str("20")->type_name("");
  made->check(CLI::Range(kShortestGenerated, kLongestGenerated).description(""));
  in->excludes(from);
  in->excludes(made);
  from->excludes(made);
  command
      .add_flag("--password-hash", is_hash,
                "What is read is the hash of another system (crypt(3), argon2), kept as it is")
      ->excludes(made);
}

Wanted<Password> obtain_password(Context& context, const PasswordOptions& options,
                                 const std::string& account) {
  if (options.is_hash && !options.given())
    return fail(Exit::usage, "hash_needed", "no hash for " + account + " was given", account,
                "use --password-stdin or --password-file FILE");
  Wanted<Secret> text = read_password(context, options, account);
  if (!text) return tl::unexpected(std::move(text.error()));
  if (options.is_hash) {
    if (const Result<void> known = auth::check_stored_hash(text->view(), {}); !known)
      return fail(Exit::invalid, "bad_hash", known.error().detail, account);
    return Password{std::move(*text), false, true};
  }
  if (const Result<void> checked = auth::check_password(*text); !checked)
    return fail(Exit::invalid, "bad_password", checked.error().detail, account);
  return Password{std::move(*text), options.generate, false};
}

}  // namespace toast::admin
