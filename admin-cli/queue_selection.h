// The options by which a command of the queue chooses messages.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "admin-cli/failure.h"
#include "mta/queue/selection.h"

namespace toast::admin {

class QueueSelection {
 public:
  // With `ids`: queue ids may be named as well.
  void add_options(CLI::App& command, bool ids);
  // Permission to mean everything, for commands that change something.
  void add_all_option(CLI::App& command);
  // Says what is wrong with an id or an age.
  Wanted<queue::Selection> selection() const;
  bool is_empty() const;
  bool names_ids_only() const;

  bool all = false;

 private:
  std::vector<std::string> ids_;
  queue::Selection chosen_;
  std::string older_;
  std::string newer_;
};

}  // namespace toast::admin
