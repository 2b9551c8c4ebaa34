// A folder for one test's database.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "base/sqlite.h"

namespace toast::sqlite {

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() {
    folder_ = testing::TempDir() + "sqlite.XXXXXX";
    if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = folder_ + "/test.db";
  }
  ~DatabaseTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Connection create() {
    Connection db = Connection::open(path_, {.access = Access::create}).value();
    EXPECT_TRUE(
        db.execute_script("CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY, v TEXT) STRICT"));
    return db;
  }
  static std::int64_t count(Connection& db) {
    Statement row = db.query("SELECT count(*) FROM t").value();
    EXPECT_TRUE(row.step().value());
    return row.integer(0);
  }
  std::string folder_;
  std::string path_;
};

}  // namespace toast::sqlite
