#include "terse/config/text/units.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "terse/base/random.h"

namespace terse {
namespace {

using std::chrono::nanoseconds;

TEST(Units, BandwidthInBitsAndBytes) {
  EXPECT_EQ(parse_bandwidth("100Mbit/s"), 12.5e6);
  EXPECT_EQ(parse_bandwidth("1 Gbit/s"), 125e6);
  EXPECT_EQ(parse_bandwidth("12.5MB/s"), 12.5e6);
  EXPECT_EQ(parse_bandwidth("64kbit/s"), 8e3);
  EXPECT_EQ(parse_bandwidth("9bit/s"), 1.125);
  EXPECT_EQ(parse_bandwidth("3B/s"), 3.0);
  EXPECT_EQ(parse_bandwidth("2kB/s"), 2e3);
  EXPECT_EQ(parse_bandwidth("1.5GB/s"), 1.5e9);
  EXPECT_EQ(format_bandwidth(12.5e6), "100Mbit/s");
  EXPECT_EQ(format_bandwidth(187.5e6), "1500Mbit/s");
  EXPECT_EQ(format_bandwidth(1.0 / 32), "0.25bit/s");
}

TEST(Units, DurationIsWholeNanoseconds) {
  EXPECT_EQ(parse_duration("0.1ms"), nanoseconds(100'000));
  EXPECT_EQ(parse_duration("60s"), nanoseconds(60'000'000'000));
  EXPECT_EQ(parse_duration("2 min"), nanoseconds(120'000'000'000));
  EXPECT_EQ(parse_duration("7us"), nanoseconds(7'000));
  EXPECT_EQ(parse_duration("0"), nanoseconds(0));
  EXPECT_EQ(parse_duration("0.5ns"), std::nullopt);
  EXPECT_EQ(format_duration(nanoseconds(100'000)), "100us");
  EXPECT_EQ(format_duration(std::chrono::minutes(2)), "120s");
  EXPECT_EQ(format_duration(nanoseconds(0)), "0");
}

TEST(Units, SizeIsWholeBytes) {
  EXPECT_EQ(parse_size("1MB"), 1'000'000);
  EXPECT_EQ(parse_size("1MiB"), 1'048'576);
  EXPECT_EQ(parse_size("1.5kB"), 1'500);
  EXPECT_EQ(parse_size("64KiB"), 65'536);
  EXPECT_EQ(parse_size("17B"), 17);
  EXPECT_EQ(parse_size("0.5B"), std::nullopt);
  EXPECT_EQ(format_size(4 << 20), "4MiB");
  EXPECT_EQ(format_size(1'500), "1500B");
}

TEST(Units, RefuseWhatIsNoQuantity) {
  for (const char* text : {"", "Mbit/s", "100", "100mbit/s", "100Mbit", "1e999Mbit/s", "nan bit/s",
                           "inf bit/s", "-1bit/s", "1,5Mbit/s", "1Mbit/s/s", "0x1bit/s"}) {
    EXPECT_EQ(parse_bandwidth(text), std::nullopt) << text;
  }
  for (const char* text : {"", "5", "5 sec", "-1s", "nans", "1e300s", "s", "1s 2ms"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
  for (const char* text : {"", "5", "5mb", "-1B", "1e300MB"})
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(Units, NumbersAreWholeTextsAndFinite) {
  EXPECT_EQ(parse_whole("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_number("1e-08"), 1e-8);
  for (const char* text : {"", " 1", "1 ", "1.0", "1e3", "+1", "0x10", "9223372036854775808"}) {
    EXPECT_EQ(parse_whole(text), std::nullopt) << text;
  }
  for (const char* text : {"", "nan", "inf", "-inf", "1e999", "1x", "0,5", "+1"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(Units, CanonicalTextsParseToTheSameValue) {
  const RandomStream random(5, "units");
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const std::uint64_t whole = random.below(2 * i, std::uint64_t{1} << (1 + i % 53));
    const auto count = static_cast<std::int64_t>(whole);
    EXPECT_EQ(parse_duration(format_duration(nanoseconds(count))), nanoseconds(count));
    EXPECT_EQ(parse_size(format_size(count)), count);
    const double rate = std::ldexp(1.0 + random.uniform(2 * i + 1), static_cast<int>(i % 80) - 20);
    EXPECT_EQ(parse_bandwidth(format_bandwidth(rate)), rate);
    EXPECT_EQ(parse_number(format_number(rate)), rate);
  }
}

}  // namespace
}  // namespace terse
