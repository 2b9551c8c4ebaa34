// What is sealed opens for its account, its hash and its key, and for nothing else; and the file
// with the key.
#include "auth/password_sealer.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "auth/credentials_repository.h"
#include "auth/sealing_key.h"
#include "auth/service.h"

namespace toast::auth {
namespace {

class PasswordSealerTest : public testing::Test {
 protected:
  SystemRandom random_;
  PasswordSealer sealer_{Secret(std::string(kSealingKeyBytes, 'k')), random_};
  std::string sealed_ = sealer_.seal("ann@example.org", "$hash", Secret("secret"), random_);

  Seal seal(const std::string& account, const std::string& hash, const std::string& text) const {
    const PasswordSealer::Opened opened = sealer_.open(account, hash, text);
    EXPECT_FALSE(opened.password.empty());  // or there would be less to do
    EXPECT_TRUE(opened.seal == Seal::good || !opened.password.equals("secret"));
    return opened.seal;
  }
};

TEST_F(PasswordSealerTest, OpensForItsAccountAndHash) {
  const std::string longest(kMaxPassword, 'p');
  for (const std::string& password : {std::string("s"), std::string("secret"), std::string(63, 'x'),
                                      std::string(64, 'x'), longest}) {
    const std::string sealed = sealer_.seal("ann@example.org", "$hash", Secret(password), random_);
    const PasswordSealer::Opened opened = sealer_.open("ann@example.org", "$hash", sealed);
    ASSERT_EQ(opened.seal, Seal::good) << password.size();
    EXPECT_TRUE(opened.password.equals(password));
    EXPECT_LE(sealed.size(), kMaxSealedBytes);
    if (password.size() > 1) EXPECT_EQ(sealed.find(password), std::string::npos);
  }
}

TEST_F(PasswordSealerTest, OpensForNothingElse) {
  EXPECT_EQ(seal("ann@example.org", "$hash", sealed_), Seal::good);
  EXPECT_EQ(seal("bob@example.org", "$hash", sealed_), Seal::broken);   // the row was moved
  EXPECT_EQ(seal("ann@example.org", "$other", sealed_), Seal::broken);  // the password was changed
  EXPECT_EQ(seal("ann@example.org$", "hash", sealed_), Seal::broken);
  EXPECT_EQ(seal("ann@example.org", "$hash", ""), Seal::none);
  EXPECT_EQ(seal("ann@example.org", "$hash", "secret"), Seal::broken);
  EXPECT_EQ(seal("ann@example.org", "$hash", sealed_.substr(0, sealed_.size() - 4)), Seal::broken);
  EXPECT_EQ(seal("ann@example.org", "$hash", sealed_ + "!"), Seal::broken);
  std::string flipped = sealed_;
  flipped[flipped.size() / 2] = flipped[flipped.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_EQ(seal("ann@example.org", "$hash", flipped), Seal::broken);
  const PasswordSealer other(Secret(std::string(kSealingKeyBytes, 'o')), random_);
  EXPECT_EQ(seal("ann@example.org", "$hash",
                 other.seal("ann@example.org", "$hash", Secret("secret"), random_)),
            Seal::other_key);
}

// Two of the same are not alike, and most passwords are as long as each other.
TEST_F(PasswordSealerTest, ShowsLittle) {
  const std::string again = sealer_.seal("ann@example.org", "$hash", Secret("secret"), random_);
  EXPECT_NE(again, sealed_);
  const std::string longer =
      sealer_.seal("ann@example.org", "$hash", Secret(std::string(60, 'x')), random_);
  EXPECT_EQ(longer.size(), sealed_.size());
}

class SealingKey : public testing::Test {
 protected:
  SealingKey() {
    char pattern[] = "/tmp/toast-key-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  ~SealingKey() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path_()) << text;
    ::chmod(path_().c_str(), mode);
  }
  std::string path_() const { return directory_ + "/" + kSealingKeyFile; }
  std::string directory_;
  SystemRandom random_;
};

TEST_F(SealingKey, IsMadeOnceAndThenRead) {
  const Result<Secret> made = sealing_key(path_(), random_);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->size(), kSealingKeyBytes);
  struct stat status {};
  ASSERT_EQ(::stat(path_().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_TRUE(*made == *sealing_key(path_(), random_));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
}

TEST_F(SealingKey, IsRefusedWhereItIsNoKeyOrNoSecret) {
  const std::string good = std::string(43, 'A') + "=\n";
  write(good);
  EXPECT_TRUE(sealing_key(path_(), random_));
  write(good, 0640);
  EXPECT_NE(sealing_key(path_(), random_).error().detail.find("chmod 600"), std::string::npos);
  for (const std::string& bad : {std::string(), std::string("AAAA\n"), good + good}) {
    write(bad);
    const Result<Secret> refused = sealing_key(path_(), random_);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().failure, Failure::permanent);
    EXPECT_NE(refused.error().detail.find("one line of base64"), std::string::npos);
  }
  std::filesystem::remove(path_());
  std::filesystem::create_symlink("/etc/hostname", path_());
  EXPECT_FALSE(sealing_key(path_(), random_));
}

}  // namespace
}  // namespace toast::auth
