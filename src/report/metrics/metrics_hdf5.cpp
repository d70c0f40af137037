#include "terse/report/metrics/metrics_hdf5.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/base/hdf5/hdf5.h"
#include "terse/base/hdf5/memory_file.h"

namespace terse {
namespace {

namespace fs = std::filesystem;
using hdf5::check;
using hdf5::check_status;
using hdf5::Handle;

constexpr hsize_t kChunkRows = 512;

void write_text_attribute(hid_t object, const std::string& name, const std::string& text) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "make a text type");
  check_status(H5Tset_size(type.get(), text.size() + 1), "set a text's length");
  check_status(H5Tset_cset(type.get(), H5T_CSET_UTF8), "set a text's character set");
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose, "make a scalar space");
  const Handle attribute(
      H5Acreate2(object, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
      fmt::format("create the attribute '{}'", name));
  check_status(H5Awrite(attribute.get(), type.get(), text.c_str()), "write an attribute");
}

Handle make_dataset(hid_t group, const char* name, hid_t type, const std::string& unit) {
  const hsize_t none = 0, unlimited = H5S_UNLIMITED;
  const Handle space(H5Screate_simple(1, &none, &unlimited), H5Sclose, "make a data space");
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make dataset properties");
  check_status(H5Pset_chunk(creation.get(), 1, &kChunkRows), "set a chunk's size");
  Handle dataset(
      H5Dcreate2(group, name, type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
      H5Dclose, fmt::format("create the dataset '{}'", name));
  write_text_attribute(dataset.get(), "unit", unit);
  return dataset;
}

void append_rows(hid_t group, const char* name, hid_t type, const void* rows, hsize_t count) {
  const Handle dataset(H5Dopen2(group, name, H5P_DEFAULT), H5Dclose,
                       fmt::format("open the dataset '{}'", name));
  hsize_t old_count = 0;
  {
    const Handle space(H5Dget_space(dataset.get()), H5Sclose, "read a dataset's length");
    check(H5Sget_simple_extent_dims(space.get(), &old_count, nullptr), "read a dataset's length");
  }
  const hsize_t new_count = old_count + count;
  check_status(H5Dset_extent(dataset.get(), &new_count), "extend a dataset");
  const Handle file_space(H5Dget_space(dataset.get()), H5Sclose, "read a dataset's length");
  check_status(
      H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, &old_count, nullptr, &count, nullptr),
      "select rows");
  const Handle memory_space(H5Screate_simple(1, &count, nullptr), H5Sclose, "make a data space");
  check_status(
      H5Dwrite(dataset.get(), type, memory_space.get(), file_space.get(), H5P_DEFAULT, rows),
      "append rows");
}

void append_series(hid_t file, const MetricSeries& series, const MetricUnits& units) {
  const htri_t known = H5Lexists(file, series.name.c_str(), H5P_DEFAULT);
  check(known, "look for a series");
  Handle group;
  if (known > 0) {
    group = Handle(H5Gopen2(file, series.name.c_str(), H5P_DEFAULT), H5Gclose, "open a series");
  } else {
    group = Handle(H5Gcreate2(file, series.name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                   H5Gclose, "create a series");
    const auto unit = units.find(series.name);
    make_dataset(group.get(), "step", H5T_STD_I64LE, "steps");
    make_dataset(group.get(), "value", H5T_IEEE_F64LE, unit == units.end() ? "" : unit->second);
  }
  append_rows(group.get(), "step", H5T_NATIVE_INT64, series.steps.data(), series.steps.size());
  append_rows(group.get(), "value", H5T_NATIVE_DOUBLE, series.values.data(), series.values.size());
}

void append_all(hid_t file, const std::vector<MetricSeries>& all, const MetricUnits& units) {
  for (const MetricSeries& series : all) append_series(file, series, units);
}

// An upper bound of the file's growth: rows, started chunks and the metadata of new series.
std::size_t growth_bound_bytes(const std::vector<MetricSeries>& rows) {
  constexpr std::size_t kPerSeriesBytes = 32768;
  std::size_t bytes = 0;
  for (const MetricSeries& series : rows)
    bytes += kPerSeriesBytes + series.steps.size() * (sizeof(std::int64_t) + sizeof(double));
  return bytes;
}

// Allocates disk space before the HDF5 library writes, because the library cannot close a file
// after a failed write. Truncates the file to its old size again if that fails; the library cuts
// off what it does not use when it closes the file.
void reserve(const fs::path& path, std::size_t more_bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) fail("cannot open {}: {}.", path.string(), std::strerror(errno));
  const off_t size = ::lseek(fd, 0, SEEK_END);
  const int reason = size < 0 ? errno : ::posix_fallocate(fd, size, static_cast<off_t>(more_bytes));
  const bool cut = reason == 0 || ::ftruncate(fd, size) == 0;
  ::close(fd);
  if (reason != 0 || !cut) fail("cannot extend {}: {}.", path.string(), std::strerror(reason));
}

}  // namespace

void append_value(std::vector<MetricSeries>& all, std::string_view name, std::int64_t step,
                  double value) {
  auto series = std::ranges::find(all, name, &MetricSeries::name);
  if (series == all.end()) series = all.insert(series, MetricSeries{std::string(name), {}, {}});
  series->steps.push_back(step);
  series->values.push_back(value);
}

void create_metrics_hdf5(const fs::path& path, const std::vector<MetricSeries>& all,
                         const JobRecord& job, const MetricUnits& units) {
  std::vector<std::byte> bytes;
  {
    const auto held = hdf5::lock();
    const Handle file = hdf5::create_in_memory(&bytes);
    for (const auto& [key, value] : job) write_text_attribute(file.get(), key, value);
    append_all(file.get(), all, units);
    bytes = hdf5::image_of(file);
  }
  write_atomic(path, bytes);
}

void append_metrics_hdf5(const fs::path& path, const std::vector<MetricSeries>& rows,
                         const MetricUnits& units) {
  const auto held = hdf5::lock();
  reserve(path, growth_bound_bytes(rows));
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose,
                    fmt::format("open {}", path.string()));
  append_all(file.get(), rows, units);
  // Closing reports no errors, so flush first.
  check_status(H5Fflush(file.get(), H5F_SCOPE_LOCAL), "write the file");
}

}  // namespace terse
