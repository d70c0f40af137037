#include "terse/data/prefetcher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>

namespace terse {
namespace {

TEST(Prefetcher, KeepsTheOrder) {
  int made = 0;
  Prefetcher<int> ahead([&] { return made++; }, 3);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(ahead.next(), i);
}

TEST(Prefetcher, NeverMakesMoreThanItsDepth) {
  std::atomic<int> made = 0;
  Prefetcher<int> ahead([&] { return made++; }, 3);
  for (int taken = 1; taken <= 50; ++taken) {
    ahead.next();
    ASSERT_LE(made.load(), taken + 3);
  }
  while (made < 53) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // time to make too many
  EXPECT_EQ(made.load(), 53);
}

TEST(Prefetcher, ExceptionsTravelAfterTheResultsBeforeThem) {
  int made = 0;
  Prefetcher<int> ahead(
      [&] {
        if (made == 2) throw std::runtime_error("the third");
        return made++;
      },
      5);
  EXPECT_EQ(ahead.next(), 0);
  EXPECT_EQ(ahead.next(), 1);
  EXPECT_THROW(ahead.next(), std::runtime_error);
  EXPECT_THROW(ahead.next(), std::runtime_error);  // and do not hang the next caller
}

TEST(Prefetcher, EndsWhereverItsThreadStands) {
  for (int taken = 0; taken < 20; ++taken) {
    std::atomic<int> made = 0;
    {
      Prefetcher<int> ahead([&] { return made++; }, 1 + taken % 4);
      for (int i = 0; i < taken; ++i) ASSERT_EQ(ahead.next(), i);
    }
    EXPECT_LE(made.load(), taken + 1 + taken % 4);
  }
}

}  // namespace
}  // namespace terse
