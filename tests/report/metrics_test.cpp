#include "terse/report/metrics/metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "file_size_limit.h"
#include "sentence.h"
#include "temp_folder.h"
#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/base/hdf5/hdf5.h"

namespace terse {
namespace {

namespace fs = std::filesystem;
using hdf5::Handle;

const JobRecord kJob = {{"train.epochs", "3"}, {"output.dir", ""}};
const MetricUnits kUnits = {{"loss", "nats"}, {"step_seconds", "seconds"}};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Handle open_h5(const fs::path& dir) {
  return Handle(H5Fopen((dir / "metrics.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose,
                "open metrics.h5");
}

template <class T>
std::vector<T> column(const fs::path& dir, const std::string& name, hid_t type) {
  const auto held = hdf5::lock();
  const Handle file = open_h5(dir);
  const Handle dataset(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose, "open " + name);
  const Handle space(H5Dget_space(dataset.get()), H5Sclose, "read a space");
  std::vector<T> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
  hdf5::check_status(H5Dread(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
                     "read a column");
  return values;
}

std::vector<std::int64_t> steps(const fs::path& dir, const std::string& series) {
  return column<std::int64_t>(dir, series + "/step", H5T_NATIVE_INT64);
}

std::vector<double> values(const fs::path& dir, const std::string& series) {
  return column<double>(dir, series + "/value", H5T_NATIVE_DOUBLE);
}

std::string attribute(const fs::path& dir, const std::string& object, const std::string& name) {
  const auto held = hdf5::lock();
  const Handle file = open_h5(dir);
  const Handle attribute(
      H5Aopen_by_name(file.get(), object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
      "open the attribute " + name);
  const Handle type(H5Aget_type(attribute.get()), H5Tclose, "read a type");
  std::string text(H5Tget_size(type.get()), '\0');
  hdf5::check_status(H5Aread(attribute.get(), type.get(), text.data()), "read an attribute");
  return text.c_str();
}

// Steps 1..10 with a loss, every fifth also with an accuracy; flushes after every second step.
MetricsWriter ten_steps(const fs::path& dir) {
  MetricsWriter writer(dir, kJob, kUnits);
  for (int step = 1; step <= 10; ++step) {
    writer.append(step, {{"loss", 1.0 / step}, {"step_seconds", 0.5}});
    if (step % 5 == 0) writer.append(step, {{"test_accuracy", 0.1 * step}});
    if (step % 2 == 0) writer.flush();
  }
  return writer;
}

TEST(Metrics, BothFormsHoldEveryRecord) {
  const TempFolder dir;
  ten_steps(dir.path());
  EXPECT_EQ(steps(dir.path(), "loss"), (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(values(dir.path(), "loss").at(6), 1.0 / 7);
  EXPECT_EQ(steps(dir.path(), "test_accuracy"), (std::vector<std::int64_t>{5, 10}));
  EXPECT_EQ(values(dir.path(), "test_accuracy"), (std::vector<double>{0.5, 1.0}));
  const std::string lines = read_text(dir.path() / "metrics.jsonl");
  EXPECT_TRUE(lines.starts_with("{\"step\":1,\"loss\":1.0,\"step_seconds\":0.5}\n")) << lines;
  EXPECT_EQ(std::ranges::count(lines, '\n'), 12);
}

TEST(Metrics, AttributesHoldUnitsAndTheJob) {
  const TempFolder dir;
  ten_steps(dir.path());
  EXPECT_EQ(attribute(dir.path(), "loss/value", "unit"), "nats");
  EXPECT_EQ(attribute(dir.path(), "test_accuracy/value", "unit"), "");
  EXPECT_EQ(attribute(dir.path(), "loss/step", "unit"), "steps");
  EXPECT_EQ(attribute(dir.path(), "/", "train.epochs"), "3");
  EXPECT_EQ(attribute(dir.path(), "/", "output.dir"), "");
}

TEST(Metrics, TheFileIsAsLargeAsItsRowsAsk) {
  const TempFolder dir;
  MetricsWriter writer(dir.path(), kJob, kUnits);
  for (int step = 0; step < 200; ++step) {
    writer.append(step, {{"loss", static_cast<double>(step)}});
    writer.flush();
  }
  EXPECT_LT(fs::file_size(dir.path() / "metrics.h5"), 32768u);
}

TEST(Metrics, NothingIsWrittenBeforeAFlush) {
  const TempFolder dir;
  MetricsWriter writer(dir.path(), kJob, kUnits);
  writer.append(1, {{"loss", 1}});
  EXPECT_EQ(read_text(dir.path() / "metrics.jsonl"), "");
  EXPECT_EQ(attribute(dir.path(), "/", "train.epochs"), "3");
  writer.flush();
  writer.flush();
  EXPECT_EQ(read_text(dir.path() / "metrics.jsonl"), "{\"step\":1,\"loss\":1.0}\n");
  EXPECT_EQ(steps(dir.path(), "loss"), std::vector<std::int64_t>{1});
}

TEST(Metrics, MoreThanAChunkOfRows) {
  const TempFolder dir;
  MetricsWriter writer(dir.path(), kJob, kUnits);
  for (int step = 0; step < 1300; ++step) {
    writer.append(step, {{"loss", static_cast<double>(step)}});
    if (step % 100 == 7) writer.flush();
  }
  writer.flush();
  ASSERT_EQ(values(dir.path(), "loss").size(), 1300u);
  for (int step = 0; step < 1300; step += 99) {
    EXPECT_EQ(values(dir.path(), "loss").at(static_cast<std::size_t>(step)), step);
  }
}

TEST(Metrics, NumbersThatAreNotFiniteAreNullAndNan) {
  const TempFolder dir;
  {
    MetricsWriter writer(dir.path(), kJob, kUnits);
    writer.append(1, {{"loss", kNan}, {"a", std::numeric_limits<double>::infinity()}, {"b", 2}});
    writer.flush();
  }
  EXPECT_EQ(read_text(dir.path() / "metrics.jsonl"),
            "{\"step\":1,\"loss\":null,\"a\":null,\"b\":2.0}\n");
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(std::isnan(values(dir.path(), "loss").at(0)));
    EXPECT_TRUE(std::isnan(values(dir.path(), "a").at(0)));
    EXPECT_EQ(values(dir.path(), "b").at(0), 2);
    MetricsWriter::resume(dir.path(), 1, kJob,
                          kUnits);  // the second iteration reads the rebuilt file
  }
}

TEST(Metrics, ResumeCutsAndGoesOn) {
  const TempFolder dir;
  ten_steps(dir.path());
  const std::string all = read_text(dir.path() / "metrics.jsonl");
  {
    MetricsWriter writer = MetricsWriter::resume(dir.path(), 6, kJob, kUnits);
    EXPECT_EQ(steps(dir.path(), "loss"), (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(steps(dir.path(), "test_accuracy"), (std::vector<std::int64_t>{5}));
    EXPECT_EQ(attribute(dir.path(), "loss/value", "unit"), "nats");
    EXPECT_EQ(attribute(dir.path(), "/", "train.epochs"), "3");
    for (int step = 7; step <= 10; ++step) {
      writer.append(step, {{"loss", 1.0 / step}, {"step_seconds", 0.5}});
      if (step % 5 == 0) writer.append(step, {{"test_accuracy", 0.1 * step}});
    }
    writer.flush();
  }
  EXPECT_EQ(read_text(dir.path() / "metrics.jsonl"), all);
  EXPECT_EQ(steps(dir.path(), "loss").size(), 10u);
  EXPECT_EQ(values(dir.path(), "test_accuracy"), (std::vector<double>{0.5, 1.0}));
}

TEST(Metrics, ResumeBeforeTheFirstRecordAndWithoutFilesBeginsAnew) {
  const TempFolder dir;
  { MetricsWriter::resume(dir.path(), 5, kJob, kUnits); }
  EXPECT_EQ(read_text(dir.path() / "metrics.jsonl"), "");
  ten_steps(dir.path());
  { MetricsWriter::resume(dir.path(), 0, kJob, kUnits); }
  EXPECT_EQ(read_text(dir.path() / "metrics.jsonl"), "");
  EXPECT_EQ(attribute(dir.path(), "/", "train.epochs"), "3");
}

TEST(Metrics, ALastLineTornAnywhereIsDropped) {
  const TempFolder dir;
  ten_steps(dir.path());
  const fs::path path = dir.path() / "metrics.jsonl";
  const std::string all = read_text(path);
  const std::size_t last = all.rfind('\n', all.size() - 2) + 1;
  for (std::size_t size = last; size < all.size(); ++size) {
    std::ofstream(path, std::ios::binary) << all.substr(0, size);
    { MetricsWriter::resume(dir.path(), 100, kJob, kUnits); }
    ASSERT_EQ(read_text(path), all.substr(0, last)) << size;
    ASSERT_EQ(steps(dir.path(), "loss").size(), 10u);
    ASSERT_EQ(steps(dir.path(), "test_accuracy").size(), 1u);
  }
  const std::string zeros(20, '\0');  // as some file systems write after a power failure
  std::ofstream(path, std::ios::binary) << all << zeros << '\n';
  { MetricsWriter::resume(dir.path(), 100, kJob, kUnits); }
  EXPECT_EQ(read_text(path), all);
}

TEST(Metrics, ABadLineElsewhereIsNamed) {
  const TempFolder dir;
  for (const char* bad : {"", "{", "[1]", "7", "{\"loss\": 1}", "{\"step\": \"x\"}",
                          "{\"step\": 1, \"loss\": \"x\"}", "\xff"}) {
    const std::string text =
        std::string("{\"step\":1,\"loss\":1.0}\n") + bad + "\n{\"step\":2,\"loss\":1.0}\n";
    std::ofstream(dir.path() / "metrics.jsonl", std::ios::binary) << text;
    const std::string error =
        error_of([&] { MetricsWriter::resume(dir.path(), 100, kJob, kUnits); });
    EXPECT_TRUE(contains(error, (dir.path() / "metrics.jsonl").string() + ":2:"))
        << bad << ": " << error;
    EXPECT_EQ(read_text(dir.path() / "metrics.jsonl"), text);
  }
}

TEST(Metrics, ADamagedOrMissingH5IsRebuiltFromTheLines) {
  const TempFolder dir;
  MetricsWriter writer = ten_steps(dir.path());
  write_atomic(dir.path() / "metrics.h5", std::string_view("not HDF5"));
  writer.append(11, {{"loss", 7}});
  writer.flush();
  EXPECT_EQ(steps(dir.path(), "loss").size(), 11u);
  fs::remove(dir.path() / "metrics.h5");
  writer.append(12, {{"loss", 8}});
  writer.flush();
  EXPECT_EQ(steps(dir.path(), "loss").size(), 12u);
  EXPECT_EQ(values(dir.path(), "loss").back(), 8);
  EXPECT_EQ(attribute(dir.path(), "/", "train.epochs"), "3");
}

TEST(Metrics, AReaderThatHoldsTheFileDoesNotStopTheRun) {
  const TempFolder dir;
  MetricsWriter writer = ten_steps(dir.path());
  const int reader = ::open((dir.path() / "metrics.h5").c_str(), O_RDONLY);
  ASSERT_EQ(::flock(reader, LOCK_SH), 0);  // as HDF5 does for readers
  writer.append(11, {{"loss", 7}});
  writer.flush();
  ::close(reader);
  writer.append(12, {{"loss", 8}});
  writer.flush();
  EXPECT_EQ(steps(dir.path(), "loss").size(), 12u);
  EXPECT_EQ(values(dir.path(), "loss").back(), 8);
}

TEST(Metrics, NamesThatCannotBeSeriesAreRefused) {
  const TempFolder dir;
  MetricsWriter writer(dir.path(), kJob, kUnits);
  for (const char* bad : {"", "step", "a/b", ".", "..", "a b", "a\"b", "\xc3\xbc"}) {
    EXPECT_THROW(writer.append(1, {{bad, 1.0}}), Error) << bad;
  }
  EXPECT_THROW(writer.append(1, {{"a", 1.0}, {"b", 1.0}, {"a", 2.0}}), Error);
  writer.flush();
  EXPECT_EQ(read_text(dir.path() / "metrics.jsonl"), "");
}

TEST(Metrics, AFolderThatIsNotThereIsNamed) {
  const std::string error = error_of([] { MetricsWriter("/nowhere/at/all", kJob, kUnits); });
  EXPECT_TRUE(contains(error, "/nowhere/at/all/metrics.jsonl")) << error;
}

TEST(Metrics, AFullDiskKeepsTheLinesThatWereFlushed) {
  const TempFolder dir;
  MetricsWriter writer = ten_steps(dir.path());
  const std::string before = read_text(dir.path() / "metrics.jsonl");
  for (int step = 11; step < 40; ++step) writer.append(step, {{"loss", 0.1 * step}});
  std::string error;
  {
    const FileSizeLimit limit(before.size() + 100);
    error = error_of([&] { writer.flush(); });
  }
  EXPECT_TRUE(contains(error, "metrics.jsonl")) << error;
  EXPECT_EQ(read_text(dir.path() / "metrics.jsonl"), before);
  EXPECT_EQ(steps(dir.path(), "loss").size(), 10u);
}

TEST(Metrics, AFullDiskUnderTheH5AloneIsTold) {
  const TempFolder dir;
  MetricsWriter writer = ten_steps(dir.path());
  std::string error;
  {
    // The lines fit; a new series does not.
    const FileSizeLimit limit(fs::file_size(dir.path() / "metrics.h5") + 64);
    writer.append(11, {{"late", 1.0}});
    error = error_of([&] { writer.flush(); });
  }
  EXPECT_TRUE(contains(error, "cannot write " + (dir.path() / "metrics.h5").string())) << error;
  EXPECT_TRUE(read_text(dir.path() / "metrics.jsonl").ends_with("{\"step\":11,\"late\":1.0}\n"));
  { MetricsWriter::resume(dir.path(), 100, kJob, kUnits); }
  EXPECT_EQ(values(dir.path(), "late"), std::vector<double>{1.0});
}

TEST(Metrics, H5dumpReadsTheFileWhileTheRunGoesOn) {
  if (std::system("h5dump --version > /dev/null 2>&1") != 0)
    GTEST_SKIP() << "h5dump is not installed (hdf5-tools)";
  const TempFolder dir;
  const MetricsWriter writer = ten_steps(dir.path());
  const fs::path out = dir.path() / "dump.txt";
  const std::string command =
      fmt::format("h5dump '{}' > '{}'", (dir.path() / "metrics.h5").string(), out.string());
  ASSERT_EQ(std::system(command.c_str()), 0);
  const std::string text = read_text(out);
  EXPECT_TRUE(contains(text, "GROUP \"test_accuracy\"") && contains(text, "(0): 0.5, 1")) << text;
}

}  // namespace
}  // namespace terse
