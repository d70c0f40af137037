#include "terse/report/progress_bar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace terse {
namespace {

// A temporary file to print to and a clock that the test sets.
struct Console {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out{std::tmpfile(), std::fclose};
  double now = 0;

  ProgressBarOptions options(bool terminal, std::int64_t total, std::int64_t first = 0) {
    return {.active = true,
            .total = total,
            .first = first,
            .out = out.get(),
            .terminal = terminal,
            .seconds = [this] { return now; }};
  }
  std::string printed() const {
    std::string text;
    std::rewind(out.get());
    for (int c = std::fgetc(out.get()); c != EOF; c = std::fgetc(out.get()))
      text += static_cast<char>(c);
    return text;
  }
};

TEST(ProgressBar, PlainLinesAreRareAndTheLastIsShown) {
  Console console;
  ProgressBar progress(console.options(false, 100));
  for (int step = 1; step <= 100; ++step) {
    console.now = 0.125 * step;
    progress.update(step, 2.0 / step);
  }
  progress.finish();
  EXPECT_EQ(console.printed(),
            "step 1/100  loss 2.0000  8.00 steps/s  ETA 0:12\n"
            "step 17/100  loss 0.1176  8.00 steps/s  ETA 0:10\n"
            "step 33/100  loss 0.0606  8.00 steps/s  ETA 0:08\n"
            "step 49/100  loss 0.0408  8.00 steps/s  ETA 0:06\n"
            "step 65/100  loss 0.0308  8.00 steps/s  ETA 0:04\n"
            "step 81/100  loss 0.0247  8.00 steps/s  ETA 0:02\n"
            "step 97/100  loss 0.0206  8.00 steps/s  ETA 0:00\n"
            "step 100/100  loss 0.0200  8.00 steps/s\n");
}

TEST(ProgressBar, AResumedRunCountsItsOwnStepsInTheRate) {
  Console console;
  ProgressBar progress(console.options(false, 8000, 1000));
  console.now = 10;
  progress.update(1010, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(console.printed(), "step 1010/8000  loss nan  1.00 steps/s  ETA 1:56:30\n");
}

TEST(ProgressBar, TheBarRedrawsItselfOnOneLine) {
  Console console;
  {
    ProgressBar progress(console.options(true, 1000));
    for (int step = 1; step <= 1000; ++step) {
      console.now = 0.001 * step;
      progress.update(step, 0.5);
    }
    progress.print_line("checkpoint written");
  }
  const std::string text = console.printed();
  EXPECT_LE(std::ranges::count(text, '['),
            13);  // ten a second, the last, and the one after the line
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_NE(text.find("\r[==========>         ] step 5"), text.npos) << text;
  EXPECT_NE(text.find("\rcheckpoint written\n[====================] step 1000/1000"), text.npos)
      << text;
  EXPECT_TRUE(text.ends_with('\n'));
}

TEST(ProgressBar, AShorterBarLeavesNothingOfALongerOne) {
  Console console;
  ProgressBar progress(console.options(true, 0));
  console.now = 1;
  progress.update(10, 1000);
  console.now = 2;
  progress.update(11, 1);
  EXPECT_EQ(console.printed(),
            "\rstep 10  loss 1000.0000  10.0 steps/s\rstep 11  loss 1.0000  5.50 steps/s   ");
}

TEST(ProgressBar, AnInactiveOnePrintsNothing) {
  Console console;
  for (const bool terminal : {true, false}) {
    ProgressBarOptions options = console.options(terminal, 10);
    options.active = false;
    ProgressBar progress(options);
    progress.update(1, 1);
    progress.update(10, 1);
    progress.print_line("x");
    progress.finish();
  }
  EXPECT_EQ(console.printed(), "");
}

}  // namespace
}  // namespace terse
