// A daemon's named socket in run/, as toastctl finds it, and one question at a time over it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "admin-cli/failure.h"
#include "admin-cli/instance.h"
#include "base/fd.h"
#include "base/ipc_client.h"

namespace toast::admin {

struct ProgramSocket {
  std::string_view socket;   // in run/
  std::string_view program;  // "toast-queued"
};

// `so`: what it means for who asked that nobody is there, "so the queue cannot be read".
// Exit::temporary when nobody answers; its code is the program's with "_not_running".
Wanted<Fd> connect_to_program(const Instance& instance, const ProgramSocket& where,
                              std::string_view so);

class ProgramClient {
 public:
  static Wanted<std::unique_ptr<ProgramClient>> connect(const Instance& instance,
                                                        const ProgramSocket& where,
                                                        std::string_view so);
  ProgramClient(Fd socket, std::string program)
      : program_(program), client_(std::move(socket), std::move(program)) {}

  // A permanent error is `code`, with what the program says is wrong.
  template <class Request>
  Wanted<typename Request::Reply> ask(Request request, const char* code = "refused") {
    constexpr std::chrono::seconds kPatience{60};
    Result<typename Request::Reply> reply = client_.call(std::move(request), kPatience);
    if (reply) return std::move(*reply);
    const Error& error = reply.error();
    if (error.failure == toast::Failure::permanent) return fail(Exit::invalid, code, error.detail);
    return fail(Exit::temporary, program_.substr(program_.find('-') + 1) + "_failed", error.detail,
                program_, "try again");
  }

 private:
  std::string program_;
  ipc::BlockingClient client_;
};

}  // namespace toast::admin
