#include "terse/io/state_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "sentence.h"
#include "terse/base/error.h"
#include "terse/base/hdf5/memory_file.h"

namespace terse {
namespace {

const std::vector<float> kFloats = {1.5f,  -0.0f,    std::numeric_limits<float>::denorm_min(),
                                    3e38f, 1.0f / 3, 7};
const std::vector<std::int64_t> kInts = {std::numeric_limits<std::int64_t>::min(), -1, 0,
                                         std::numeric_limits<std::int64_t>::max()};

StateWriter sample() {
  StateWriter writer;
  const std::vector<std::int64_t> dims = {2, 3};
  writer.add("parameter/conv1.weight", kFloats, dims);
  writer.add("data/position", kInts);
  writer.add_text("job", "[train]\nseed = 1\n");
  writer.add("momentum/conv1.weight", std::vector<double>{0.1, std::nan("7")});
  writer.add("random/key", std::vector<std::uint64_t>{~0ull, 5});
  writer.add("a/b/c/mask", std::vector<std::uint8_t>{0, 255, 7});
  writer.add("empty", std::vector<float>{});
  writer.add("step", std::vector<std::int64_t>{12}, Dims{});
  return writer;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

TEST(StateFile, GivesBackEveryTypeToTheBit) {
  const StateReader reader(sample().finish());
  EXPECT_TRUE(same_bits(reader.read_all<float>("parameter/conv1.weight"), kFloats));
  EXPECT_TRUE(same_bits(reader.read_all<std::int64_t>("data/position"), kInts));
  EXPECT_TRUE(same_bits(reader.read_all<double>("momentum/conv1.weight"), {0.1, std::nan("7")}));
  EXPECT_EQ(reader.read_all<std::uint64_t>("random/key"), (std::vector<std::uint64_t>{~0ull, 5}));
  EXPECT_EQ(reader.read_all<std::uint8_t>("a/b/c/mask"), (std::vector<std::uint8_t>{0, 255, 7}));
  EXPECT_EQ(reader.read_all<float>("empty"), std::vector<float>{});
  EXPECT_EQ(reader.read_all<std::int64_t>("step"), std::vector<std::int64_t>{12});
  EXPECT_EQ(reader.read_text("job"), "[train]\nseed = 1\n");
}

TEST(StateFile, KeepsOrderShapesAndTypes) {
  const StateReader reader(sample().finish());
  EXPECT_EQ(reader.names(), (std::vector<std::string>{"parameter/conv1.weight", "data/position",
                                                      "job", "momentum/conv1.weight", "random/key",
                                                      "a/b/c/mask", "empty", "step"}));
  EXPECT_EQ(reader.dims("parameter/conv1.weight"), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(reader.dims("step"), std::vector<std::int64_t>{});
  EXPECT_EQ(reader.dims("empty"), std::vector<std::int64_t>{0});
  EXPECT_EQ(reader.type("a/b/c/mask"), ArrayType::u8);
  EXPECT_EQ(reader.type("job"), ArrayType::text);
  EXPECT_TRUE(reader.has("random/key"));
  EXPECT_FALSE(reader.has("random"));
  EXPECT_FALSE(reader.has("random/key/x"));
}

// Deduces the type of the information: H5O_info_t in HDF5 1.10, H5O_info1_t from 1.12 on.
template <class Info>
std::int64_t change_time(hid_t file, const char* name,
                         herr_t (*get_info)(hid_t, const char*, Info*, unsigned, hid_t)) {
  Info info;
  hdf5::check_status(get_info(file, name, &info, H5O_INFO_TIME, H5P_DEFAULT), "read times");
  return info.ctime;
}

TEST(StateFile, EqualStatesGiveEqualBytesAtAnyTime) {
  const std::vector<std::byte> bytes = sample().finish();
  EXPECT_EQ(sample().finish(), bytes);
  const auto held = hdf5::lock();
  const hdf5::Handle file = hdf5::open_in_memory(&bytes, bytes);
  EXPECT_EQ(change_time(file.get(), "step", H5Oget_info_by_name2), 0);
}

TEST(StateFile, TextsMayBeEmptyAndLong) {
  StateWriter writer;
  const std::string longer(200000, 'x');
  writer.add_text("none", "");
  writer.add_text("long", longer);
  const StateReader reader(writer.finish());
  EXPECT_EQ(reader.read_text("none"), "");
  EXPECT_EQ(reader.read_text("long"), longer);
}

TEST(StateFile, NothingAtAllIsAState) {
  EXPECT_TRUE(StateReader(StateWriter().finish()).names().empty());
}

TEST(StateFile, AWrongReadSaysWhatWasExpectedAndFound) {
  const StateReader reader(sample().finish());
  std::vector<float> five(5, 42.0f);
  EXPECT_EQ(error_of([&] { reader.read("parameter/conv1.weight", five); }),
            "'parameter/conv1.weight' in the state file was expected to be 5 x f32, but is 6 x f32 "
            "(shape [2, 3]).");
  EXPECT_EQ(five, std::vector<float>(5, 42.0f));
  std::vector<double> six(6);
  EXPECT_EQ(error_of([&] { reader.read("parameter/conv1.weight", six); }),
            "'parameter/conv1.weight' in the state file was expected to be 6 x f64, but is 6 x f32 "
            "(shape [2, 3]).");
  EXPECT_EQ(error_of([&] { reader.read("parameter/conv2.weight", six); }),
            "the state file has no 'parameter/conv2.weight'.");
  EXPECT_EQ(error_of([&] { reader.read_text("step"); }),
            "'step' in the state file was expected to be a text, but is 1 x i64.");
}

TEST(StateFile, NamesThatCannotBeKeptAreRefused) {
  StateWriter writer;
  const std::vector<float> one = {1};
  writer.add("a/b", one);
  writer.add("a-b", one);
  for (const char* bad : {"", "/", "/a", "a/", "a//b", ".", "x/..", "a/./c", "a/b", "a", "a/b/c"}) {
    EXPECT_THROW(writer.add(bad, one), Error) << bad;
  }
  const std::string zero("z\0z", 3);
  EXPECT_THROW(writer.add(zero, one), Error);
  EXPECT_THROW(writer.add_text("t", zero), Error);
  writer.add("a/c.d-e f%", one);
  EXPECT_EQ(StateReader(writer.finish()).names(),
            (std::vector<std::string>{"a/b", "a-b", "a/c.d-e f%"}));
}

TEST(StateFile, ShapesThatDoNotFitAreRefused) {
  StateWriter writer;
  const std::vector<std::int64_t> wrong = {2, 2}, negative = {-1, -6},
                                  huge = {1ll << 40, 1ll << 40};
  for (const auto& dims : {wrong, negative, huge})
    EXPECT_THROW(writer.add("x", kFloats, dims), Error);
  writer.finish();
  EXPECT_THROW(writer.add("x", kFloats), Error);
  EXPECT_THROW(writer.finish(), Error);
}

TEST(StateFile, ForeignBytesAreRefused) {
  EXPECT_THROW(StateReader(std::vector<std::byte>{}), Error);
  EXPECT_THROW(StateReader(std::vector<std::byte>(1000, std::byte{7})), Error);
}

TEST(StateFile, RanksAsThreadsWriteAndReadAtOnce) {
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (int rank = 0; rank < 4; ++rank) {
    threads.emplace_back([&good, rank] {
      for (int round = 0; round < 20; ++round) {
        StateWriter writer;
        const std::vector<float> values(1000, static_cast<float>(rank * 100 + round));
        writer.add("x", values);
        const StateReader reader(writer.finish());
        good[static_cast<std::size_t>(rank)] += reader.read_all<float>("x") == values;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 20));
}

}  // namespace
}  // namespace terse
