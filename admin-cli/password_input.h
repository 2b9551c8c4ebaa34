// Where a password comes from: never the command line, which everybody on the machine can read.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "admin-cli/context.h"
#include "base/secret.h"

namespace toast::admin {

struct PasswordOptions {
  bool from_stdin = false;
  std::string file;
  bool generate = false;
  unsigned generated_length = 20;  // of 57 characters: 116 bits
  bool is_hash = false;            // what is read is what another system stored

  void add_to(CLI::App& command);
  bool given() const { return from_stdin || generate || !file.empty(); }
};

struct Password {
  Secret text;
  bool generated = false;  // to be shown once
  bool is_hash = false;    // sound: it can be verified here
};

// The one way that was asked for, or the prompt (twice, without echo). `account` is in the
// question.
Wanted<Password> obtain_password(Context& context, const PasswordOptions& options,
                                 const std::string& account);

}  // namespace toast::admin
