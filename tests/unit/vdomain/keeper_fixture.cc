#include "tests/unit/vdomain/keeper_fixture.h"

#include <filesystem>

#include "vdomain/sqlite/directory_store.h"

namespace toast::vdomain {

namespace {

std::string folder() {
  std::string name = testing::TempDir() + "keeper.XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  std::filesystem::create_directory(name + "/db");
  std::filesystem::create_directory(name + "/mail");
  return name;
}

}  // namespace

KeeperTest::KeeperTest() : root_(folder()), database_(root_ + "/db/directory.db") {
  (void)migrate_sqlite_directory(database_).value();
  restart();
}

KeeperTest::~KeeperTest() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

void KeeperTest::restart() {
  keeper_.reset();
  metrics_ = std::make_unique<Metrics>();
  keeper_ = std::make_unique<DirectoryKeeper>(
      KeeperOptions{database_, root_ + "/mail", Domain::parse("mx.test").value()}, clock_, log_,
      *metrics_);
}

DirectoryRepository KeeperTest::writer() {
  return {open_sqlite_directory(database_, {}).value(), clock_};
}

void KeeperTest::add_domain(std::string_view name) {
  ASSERT_TRUE(writer().add_domain({.name = Domain::parse(name).value()}, actor_)->ok());
}

void KeeperTest::add_mailbox(std::string_view name, Quota quota) {
  const NewMailbox mailbox{.address = Address::parse(name).value(), .quota = quota};
  ASSERT_TRUE(writer().add_mailbox(mailbox, actor_)->ok());
}

std::string KeeperTest::without_root(std::string text) const {
  for (auto at = text.find(root_); at != std::string::npos; at = text.find(root_))
    text.replace(at, root_.size(), "ROOT");
  return text;
}

std::string KeeperTest::check(std::string_view recipient, std::uint64_t size_bytes) {
  const auto got = keeper_->check({Address::parse(recipient).value(), size_bytes});
  if (!got) {
    EXPECT_EQ(got.error().failure, Failure::transient);
    return "transient: " + without_root(got.error().detail);
  }
  constexpr std::string_view kNames[] = {"accept", "unknown", "over_quota", "suspended",
                                         "not_local"};
  std::string name(kNames[static_cast<unsigned>(got->verdict)]);
  return got->reason.empty() ? name : name + ": " + got->reason;
}

std::string KeeperTest::resolve(std::string_view recipient) {
  const auto got = keeper_->resolve({Address::parse(recipient).value()});
  if (!got) {
    EXPECT_EQ(got.error().failure, Failure::transient);
    return "transient: " + without_root(got.error().detail);
  }
  if (got->status == Resolve::Status::unknown) return "unknown";
  if (got->status == Resolve::Status::not_local) return "not_local";
  std::string all;
  for (const Instruction& i : got->instructions) all += describe(i) + ";";
  return all;
}

std::string KeeperTest::account(std::string_view login, auth::Service service) {
  auth::FindAccount question;
  question.service = service;
  question.login = std::string(login);
  const auto got = keeper_->find_account(question);
  if (!got) {
    EXPECT_EQ(got.error().failure, Failure::transient);
    return "transient: " + without_root(got.error().detail);
  }
  if (!got->found) return "not found";
  return got->mailbox + " " + got->maildir + (got->allowed ? " allowed" : " denied");
}

}  // namespace toast::vdomain
