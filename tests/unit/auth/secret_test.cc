#include "base/secret.h"

#include <gtest/gtest.h>

#include <concepts>
#include <sstream>

#include "base/log.h"

namespace toast {
namespace {

template <class T>
concept Printable = requires(std::ostringstream& out, const T& value) { out << value; };
static_assert(!Printable<Secret>);
static_assert(!std::copyable<Secret>);
static_assert(!std::constructible_from<Field, std::string_view, Secret>);  // cannot be logged
static_assert(!std::convertible_to<Secret, std::string_view>);

TEST(Secret, ComparesByContent) {
  EXPECT_TRUE(Secret("open sesame") == Secret("open sesame"));
  EXPECT_FALSE(Secret("open sesame") == Secret("open sesamE"));
  EXPECT_FALSE(Secret("open") == Secret("open sesame"));
  EXPECT_TRUE(Secret() == Secret(""));
  EXPECT_TRUE(Secret(std::string_view("a\0b", 3)).equals(std::string_view("a\0b", 3)));
  EXPECT_FALSE(Secret(std::string_view("a\0b", 3)).equals(std::string_view("a\0c", 3)));
}

TEST(Secret, TakeWipesItsSource) {
  std::string text = "a long enough password to live on the heap, not in the string itself";
  const char* where = text.data();
  const std::size_t size = text.size();
  const Secret secret = Secret::take(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(std::string_view(where, size),
            std::string(size, '\0'));  // capacity is still the string's
  EXPECT_EQ(secret.view().substr(0, 6), "a long");
}

TEST(Secret, MovedFromIsEmptyAndAssignedOverIsGone) {
  Secret a("first");
  Secret b(std::move(a));
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): what a move leaves is the promise
  EXPECT_EQ(b.view(), "first");
  b = Secret("second");
  EXPECT_EQ(b.view(), "second");
  b.wipe();
  EXPECT_TRUE(b.empty());
}

TEST(Secret, RandomHasTheSizeAskedFor) {
  SeededRandom random(1);
  EXPECT_EQ(Secret::random(random, 32).size(), 32U);
  EXPECT_FALSE(Secret::random(random, 32) == Secret::random(random, 32));
}

}  // namespace
}  // namespace toast
