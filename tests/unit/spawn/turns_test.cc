// How many programs run at once, and who waits.
#include "mta/spawn/turns.h"

#include <gtest/gtest.h>

#include "tests/unit/auth/run_task.h"

namespace toast::spawnd {
namespace {

using Answer = Turns::Answer;
using Asking = Started<Answer>;

class TurnsTest : public testing::Test {
 protected:
  Asking ask(const std::string& domain, SteadyTime deadline = SteadyTime::max()) {
    Asking asking(io_, turns_.take(domain, deadline));
    run_ready(io_);
    return asking;
  }
  bool has_place(Asking& asking) {
    run_ready(io_);
    return asking.ready() && asking.value() == Answer::yours;
  }
  asio::io_context io_;
  Turns turns_{io_.get_executor(),
               {.at_once = 3, .at_once_of_domain = 2, .waiting = 3, .waiting_of_domain = 2}};
};

TEST_F(TurnsTest, ADomainTakesNeitherAllPlacesNorAllOfTheWaitingRoom) {
  Asking a1 = ask("a.test");
  Asking a2 = ask("a.test");
  Asking a3 = ask("a.test");
  Asking a4 = ask("a.test");
  Asking a5 = ask("a.test");
  EXPECT_TRUE(has_place(a1) && has_place(a2));
  EXPECT_FALSE(a3.ready() || a4.ready());
  ASSERT_TRUE(a5.ready());
  EXPECT_EQ(a5.value(), Answer::too_many);
  Asking b1 = ask("b.test");
  EXPECT_TRUE(has_place(b1));  // the third place
  Asking b2 = ask("b.test");
  Asking c1 = ask("c.test");
  EXPECT_FALSE(b2.ready());
  EXPECT_EQ(c1.value(), Answer::too_many);  // the room is full
}

TEST_F(TurnsTest, APlaceGoesToTheFirstThatMayHaveIt) {
  Asking a1 = ask("a.test");
  Asking a2 = ask("a.test");
  Asking a3 = ask("a.test");  // a.test has all that one domain may have
  Asking b1 = ask("b.test");
  Asking b2 = ask("b.test");
  turns_.give_back("b.test");
  EXPECT_TRUE(has_place(b2));
  EXPECT_FALSE(has_place(a3));
  turns_.give_back("a.test");
  EXPECT_TRUE(has_place(a3));
  EXPECT_EQ(turns_.running(), 3U);
  for (const char* domain : {"a.test", "a.test", "b.test"}) turns_.give_back(domain);
  EXPECT_EQ(turns_.running(), 0U);
  EXPECT_EQ(turns_.waiting(), 0U);
}

TEST_F(TurnsTest, WhoseTimeIsOverLeavesTheRoom) {
  Asking a1 = ask("a.test");
  Asking a2 = ask("a.test");
  Asking late = ask("a.test", SteadyTime{});  // long ago
  EXPECT_EQ(late.value(), Answer::too_late);
  EXPECT_EQ(turns_.waiting(), 0U);
  turns_.give_back("a.test");
  turns_.give_back("a.test");
  Asking again = ask("a.test");
  EXPECT_TRUE(has_place(again));
}

}  // namespace
}  // namespace toast::spawnd
