// Plays the golden dialogues of scripts/ against the POP3 server over a real socket, the keepers
// of passwords and mail being fakes.
//   given user NAME PASSWORD            given message ID "content" [TIMES]
//   given logins fail|throttle          given maildrop fails
//   given messages fail                 given message_removed N     (by another program)
//   given cannot_remove N               given idle_time MS          given login_time MS
//   given mechanisms cram               given cleartext no
//   then  removed N...|nothing          then  paused MS
#include <gtest/gtest.h>

#include "base/random.h"
#include "pop3d/server.h"
#include "tests/dialogue/runner.h"
#include "tests/unit/pop3/fakes.h"
#include "tests/unit/pop3/loopback.h"

namespace toast::pop3 {
namespace {

class Pop3Partner final : public dialogue::SocketPartner {
 public:
  Pop3Partner() : SocketPartner(io_) { options_.host_name = "mx.example.test"; }

  Result<void> given(std::string_view text) override {
    Result<std::vector<std::string>> words = dialogue::split_words(text);
    if (!words) return pass(words);
    const std::vector<std::string>& w = *words;
    if (w.size() == 3 && w[0] == "user") {
      logins_.passwords[w[1]] = w[2];
    } else if (w.size() >= 3 && w[0] == "message") {
      add_message(w[1], w[2], w.size() > 3 ? std::stoul(w[3]) : 1);
    } else if (text == "mechanisms cram") {
      options_.session.offer.cram = logins_.offer.cram = true;
    } else if (text == "cleartext no") {
      options_.session.clear_passwords = false;
    } else if (text == "logins fail") {
      logins_.outage = true;
    } else if (text == "logins throttle") {
      logins_.throttled = true;
    } else if (text == "maildrop fails") {
      mail_.open_fails = true;
    } else if (text == "messages fail") {
      mail_.fetch_fails = true;
    } else if (w.size() == 2) {
      return given_number(w[0], std::stoul(w[1]));
    } else {
      return permanent("unknown words");
    }
    return {};
  }

  Result<void> then(std::string_view text) override {
    Result<std::vector<std::string>> words = dialogue::split_words(text);
    if (!words) return pass(words);
    if (words->front() == "paused") return same((*words)[1], std::to_string(pause_.waited.count()));
    if (words->front() != "removed") return permanent("unknown words");
    std::string removed;
    for (const std::uint32_t number : mail_.removed) removed += " " + std::to_string(number);
    if (removed.empty()) removed = " nothing";
    return same(std::string(text), "removed" + removed);
  }

  Result<void> connect() override {
    Result<Loopback> loopback = listen_on_loopback();
    if (!loopback) return pass(loopback);
    server_ =
        std::make_unique<Server>(io_.get_executor(), options_,
                                 Services{logins_, maildrops_, pause_, log_, counters_}, random_);
    server_->listen(std::move(loopback->listener));
    Result<Fd> socket = dialogue::connect_loopback(loopback->port);
    if (!socket) return pass(socket);
    set_socket(std::move(*socket));
    return {};
  }

 private:
  static Result<void> same(const std::string& wanted, const std::string& got) {
    if (wanted == got) return {};
    return permanent(got);
  }
  void add_message(const std::string& id, const std::string& content, unsigned long times) {
    FakeMail::Message message{id, {}};
    for (unsigned long i = 0; i < times; ++i) message.content += content;
    mail_.messages.push_back(std::move(message));
  }
  Result<void> given_number(const std::string& what, unsigned long number) {
    if (what == "message_removed") {
      mail_.messages.at(number - 1).removed_by_others = true;
    } else if (what == "cannot_remove") {
      mail_.cannot_remove.insert(static_cast<std::uint32_t>(number));
    } else if (what == "idle_time") {
      options_.times.idle = std::chrono::milliseconds(number);
    } else if (what == "login_time") {
      options_.times.login = std::chrono::milliseconds(number);
    } else {
      return permanent("unknown words");
    }
    return {};
  }

  asio::io_context io_;
  FakeLogins logins_;
  FakeMail mail_;
  FakeMaildrops maildrops_{mail_};
  FakePause pause_;
  SilentLogger log_;
  SeededRandom random_{1};
  Metrics metrics_;
  Counters counters_{metrics_};
  Options options_;
  std::unique_ptr<Server> server_;
};

TEST(Pop3Dialogue, Golden) {
  const Result<std::vector<dialogue::Script>> scripts =
      dialogue::load_scripts(TOAST_SOURCE_DIR "/tests/dialogue/pop3/scripts");
  ASSERT_TRUE(scripts) << scripts.error().detail;
  for (const dialogue::Script& script : *scripts) {
    Pop3Partner partner;
    const std::string difference =
        dialogue::play(script, partner, [](std::string_view line) { return line == "."; });
    EXPECT_EQ(difference, "");
  }
}

}  // namespace
}  // namespace toast::pop3
