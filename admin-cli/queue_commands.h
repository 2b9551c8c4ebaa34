// The parts of `toastctl queue` that have files of their own.
#pragma once

#include <CLI/CLI.hpp>

#include "admin-cli/context.h"

namespace toast::admin {

// What changes the queue, and overviews (queue_operator.cc).
void add_queue_operator(CLI::App& noun, Context& context);

// What a dead node left (evacuate.cc).
void add_queue_evacuate(CLI::App& noun, Context& context);

}  // namespace toast::admin
