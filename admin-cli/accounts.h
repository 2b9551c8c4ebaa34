// Accounts as commands see them: what the directory knows of one and what proves who its owner is.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "admin-cli/context.h"
#include "admin-cli/stores.h"
#include "auth/credentials_repository.h"
#include "vdomain/model.h"

namespace toast::admin {

// Both stores, opened.
struct Accounts {
  Instance instance;
  std::unique_ptr<auth::CredentialsRepository> credentials;
  Directory directory;

  static Wanted<Accounts> open(Context& context);
};

// Not found, with the nearest names, is a failure.
Wanted<vdomain::Mailbox> find_mailbox(Directory& directory, const Address& address);
Wanted<vdomain::Mailbox> find_mailbox(Directory& directory, const std::string& address);

// The name under which the credentials are kept: canonical, in the domain that an alias stands for.
Wanted<Address> account_for(Directory& directory, const Address& address);

// Into the audit; a warning where that fails, because the change itself is made.
void record_change(Context& context, Accounts& accounts, const std::string& action,
                   const std::string& account);

// `mailbox import`.
void add_mailbox_import(CLI::App& mailbox, Context& context);
// `mailbox app-password add|list|remove`.
void add_app_password(CLI::App& mailbox, Context& context);

}  // namespace toast::admin
