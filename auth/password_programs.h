// Where the passwords of a domain are checked by another program (control/checkpasswordprograms):
// asked of the program that runs it, since this one starts none.
#pragma once

#include <chrono>
#include <utility>

#include "auth/programs/checkpassword_programs.h"
#include "auth/programs/program_messages.h"
#include "base/async.h"
#include "base/ipc.h"

namespace toast::auth {

class PasswordPrograms {
 public:
  virtual ~PasswordPrograms() = default;
  // Are this domain's passwords checked by a program? The name as the directory has it.
  virtual bool check_for(std::string_view domain) const = 0;
  // Any Error means we do not know now.
  virtual Task<Result<CheckByProgram::Reply>> check(CheckByProgram question) = 0;
};

class IpcPasswordPrograms final : public PasswordPrograms {
 public:
  // `patience` is that of the program; the answer that it was too long has a moment more.
  IpcPasswordPrograms(ipc::Link& link, CheckpasswordPrograms programs,
                      std::chrono::seconds patience)
      : link_(link), programs_(std::move(programs)) {
    set_patience(patience);
  }
  void set_patience(std::chrono::seconds patience) { patience_ = patience + kForTheAnswer; }
  bool check_for(std::string_view domain) const override {
    return programs_.find(domain) != nullptr;
  }
  Task<Result<CheckByProgram::Reply>> check(CheckByProgram question) override {
    co_return co_await link_.call(std::move(question), patience_);
  }

 private:
  static constexpr std::chrono::seconds kForTheAnswer{2};
  ipc::Link& link_;
  CheckpasswordPrograms programs_;
  std::chrono::seconds patience_{};
};

}  // namespace toast::auth
