// Runs the real toastd on an instance of its own, with the test child in the place of every
// program.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/fd.h"

namespace toast::master {

class ToastdTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void set(const std::string& setting, const std::string& content) const;
  void unset(const std::string& setting) const;
  // Starts toastd; its output goes to a pipe and a log file.
  void launch(std::vector<std::string> arguments = {"--unprivileged"});
  void launch_on(const std::string& root, std::vector<std::string> arguments);
  void launch_and_wait_ready();
  bool wait_ready();  // reads one line of standard output
  int wait_exit();    // exit code of the toastd started last; -1: killed, or not in time
  int wait_exit_of(pid_t pid);
  void signal_toastd(int number) const;

  nlohmann::json status() const;  // null while there is none
  pid_t pid_of(const std::string& process) const;
  std::string port_of(const std::string& listener) const;
  // Asks again until `condition` holds; false when it does not for a long time.
  static bool eventually(const std::function<bool()>& condition);
  // One line to the listener ("smtp", "pop3" or "queue.sock") and its answer; empty: no answer.
  std::string ask(const std::string& listener, const std::string& line) const;
  std::string log_text() const;

  std::string root_;
  std::string programs_;
  pid_t toastd_ = 0;
  Fd output_;
  std::string output_text_;
};

}  // namespace toast::master
