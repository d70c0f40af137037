#include "terse/io/state_file.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "terse/base/error.h"
#include "terse/base/hdf5/hdf5.h"
#include "terse/base/hdf5/memory_file.h"

namespace terse {
namespace {

using hdf5::check;
using hdf5::check_status;
using hdf5::Handle;

constexpr const char* kOrderAttribute = "order";

std::size_t element_bytes(ArrayType type) {
  switch (type) {
    case ArrayType::f32:
      return 4;
    case ArrayType::f64:
    case ArrayType::i64:
    case ArrayType::u64:
      return 8;
    case ArrayType::u8:
    case ArrayType::text:
      break;
  }
  return 1;
}

hid_t numeric_type(ArrayType type) {
  switch (type) {
    case ArrayType::f32:
      return H5T_IEEE_F32LE;
    case ArrayType::f64:
      return H5T_IEEE_F64LE;
    case ArrayType::i64:
      return H5T_STD_I64LE;
    case ArrayType::u64:
      return H5T_STD_U64LE;
    default:
      return H5T_STD_U8LE;
  }
}

// Fixed length, terminated by a zero byte, so that an empty string has a nonzero length, too.
Handle text_type(std::size_t length) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "make a text type");
  check_status(H5Tset_size(type.get(), length + 1), "set a text's length");
  check_status(H5Tset_cset(type.get(), H5T_CSET_UTF8), "set a text's character set");
  return type;
}

void check_name(std::string_view name) {
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != part.npos) {
      fail(
          "'{}' cannot name an array of a state file: parts between '/' must not be empty, '.' or "
          "'..'.",
          name);
    }
    begin = end + 1;
  }
}

std::string shape_text(Dims dims) { return fmt::format("[{}]", fmt::join(dims, ", ")); }

// Throws unless the dims multiply to `elements`.
std::vector<hsize_t> extents(std::string_view name, Dims dims, std::size_t elements) {
  std::size_t product = 1;
  for (const std::int64_t dim : dims) {
    if (dim < 0 || __builtin_mul_overflow(product, static_cast<std::size_t>(dim), &product)) {
      fail("'{}' cannot have the shape {}.", name, shape_text(dims));
    }
  }
  if (product != elements) {
    fail("'{}' has {} values, but its shape {} needs {}.", name, elements, shape_text(dims),
         product);
  }
  return {dims.begin(), dims.end()};
}

Handle make_space(const std::vector<hsize_t>& extent) {
  if (extent.empty()) return Handle(H5Screate(H5S_SCALAR), H5Sclose, "make a scalar space");
  return Handle(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose,
                "make a data space");
}

void write_order(hid_t dataset, std::int64_t order) {
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose, "make a scalar space");
  const Handle attribute(
      H5Acreate2(dataset, kOrderAttribute, H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT),
      H5Aclose, "create an attribute");
  check_status(H5Awrite(attribute.get(), H5T_NATIVE_INT64, &order), "write an attribute");
}

std::int64_t read_order(hid_t dataset) {
  const Handle attribute(H5Aopen(dataset, kOrderAttribute, H5P_DEFAULT), H5Aclose,
                         "open an attribute");
  std::int64_t order = 0;
  check_status(H5Aread(attribute.get(), H5T_NATIVE_INT64, &order), "read an attribute");
  return order;
}

ArrayType stored_type(hid_t type, std::string_view name) {
  if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0) return ArrayType::text;
  for (const ArrayType known :
       {ArrayType::f32, ArrayType::f64, ArrayType::i64, ArrayType::u64, ArrayType::u8}) {
    if (H5Tequal(type, numeric_type(known)) > 0) return known;
  }
  fail("'{}' has a type that state files do not support.", name);
}

}  // namespace

std::string_view type_name(ArrayType type) {
  constexpr std::array<std::string_view, 6> kNames = {"f32", "f64", "i64", "u64", "u8", "text"};
  return kNames[static_cast<std::size_t>(type)];
}

struct StateWriter::File {
  Handle handle;
  std::set<std::string, std::less<>> names;
  std::int64_t next = 0;

  File() {
    const auto held = hdf5::lock();
    handle = hdf5::create_in_memory(this);
  }
  ~File() {
    const auto held = hdf5::lock();
    handle = Handle();
  }

  void check_free(std::string_view name) const {
    const std::string as_group = std::string(name) + "/";
    const auto below = names.lower_bound(as_group);
    if (names.contains(name)) fail("'{}' is already in the state file.", name);
    if (below != names.end() && below->starts_with(as_group))
      fail("'{}' cannot be an array: '{}' is below it.", name, *below);
    for (std::size_t slash = name.find('/'); slash != name.npos;
         slash = name.find('/', slash + 1)) {
      const std::string_view parent = name.substr(0, slash);
      if (names.contains(parent))
        fail("'{}' cannot be below '{}', which is an array.", name, parent);
    }
  }

  void add(std::string_view name, hid_t type, const std::vector<hsize_t>& extent,
           const void* data) {
    check_name(name);
    check_free(name);
    const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "make link properties");
    check_status(H5Pset_create_intermediate_group(links.get(), 1), "ask for groups");
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make dataset properties");
    // Timestamps would make the bytes of equal states differ.
    check_status(H5Pset_obj_track_times(creation.get(), false), "leave out times");
    const Handle space = make_space(extent);
    const Handle dataset(H5Dcreate2(handle.get(), std::string(name).c_str(), type, space.get(),
                                    links.get(), creation.get(), H5P_DEFAULT),
                         H5Dclose, fmt::format("create '{}'", name));
    const bool empty = std::ranges::find(extent, hsize_t{0}) != extent.end();
    if (!empty)
      check_status(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data),
                   "write an array");
    write_order(dataset.get(), next++);
    names.emplace(name);
  }
};

StateWriter::StateWriter() : file_(std::make_unique<File>()) {}
StateWriter::~StateWriter() = default;
StateWriter::StateWriter(StateWriter&&) noexcept = default;
StateWriter& StateWriter::operator=(StateWriter&&) noexcept = default;

void StateWriter::add_bytes(std::string_view name, ArrayType type, ConstBytes values, Dims dims) {
  if (!file_) fail("'{}' was added after the state file was finished.", name);
  const auto held = hdf5::lock();
  file_->add(name, numeric_type(type), extents(name, dims, values.size() / element_bytes(type)),
             values.data());
}

void StateWriter::add_text(std::string_view name, std::string_view text) {
  if (!file_) fail("'{}' was added after the state file was finished.", name);
  if (text.find('\0') != text.npos)
    fail("the text '{}' contains a zero byte and cannot be stored.", name);
  const auto held = hdf5::lock();
  const Handle type = text_type(text.size());
  file_->add(name, type.get(), {}, std::string(text).c_str());
}

std::vector<std::byte> StateWriter::finish() {
  if (!file_) fail("a state file can be finished only once.");
  const auto held = hdf5::lock();
  std::vector<std::byte> bytes = hdf5::image_of(file_->handle);
  file_.reset();
  return bytes;
}

struct StateReader::File {
  struct Entry {
    ArrayType type;
    std::vector<std::int64_t> dims;
    std::size_t elements;
    std::int64_t order;
  };
  Handle handle;
  std::map<std::string, Entry, std::less<>> entries;

  explicit File(ConstBytes bytes) {
    const auto held = hdf5::lock();
    handle = hdf5::open_in_memory(this, bytes);
    std::vector<std::string> found;
    // `info` is of type H5O_info_t in HDF5 1.10 and H5O_info1_t from 1.12 on.
    const auto collect = [](hid_t, const char* name, const auto* info, void* out) -> herr_t {
      if (info->type == H5O_TYPE_DATASET)
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
      return 0;
    };
    check_status(
        H5Ovisit2(handle.get(), H5_INDEX_NAME, H5_ITER_INC, collect, &found, H5O_INFO_BASIC),
        "list a state file");
    for (const std::string& name : found) entries.emplace(name, describe(name));
  }
  ~File() {
    const auto held = hdf5::lock();
    handle = Handle();
  }

  Handle open(const std::string& name) const {
    return Handle(H5Dopen2(handle.get(), name.c_str(), H5P_DEFAULT), H5Dclose,
                  fmt::format("open '{}'", name));
  }

  Entry describe(const std::string& name) const {
    const Handle dataset = open(name);
    const Handle type(H5Dget_type(dataset.get()), H5Tclose, "read an array's type");
    const Handle space(H5Dget_space(dataset.get()), H5Sclose, "read an array's shape");
    const int rank = H5Sget_simple_extent_ndims(space.get());
    check(rank, "read an array's shape");
    std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
    check(H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr), "read an array's shape");
    const ArrayType kind = stored_type(type.get(), name);
    std::size_t elements = static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get()));
    if (kind == ArrayType::text) elements = H5Tget_size(type.get()) - 1;
    return {kind, {extent.begin(), extent.end()}, elements, read_order(dataset.get())};
  }

  const Entry& at(std::string_view name) const {
    const auto entry = entries.find(name);
    if (entry == entries.end()) fail("the state file has no '{}'.", name);
    return entry->second;
  }
};

StateReader::StateReader(ConstBytes bytes) : file_(std::make_unique<File>(bytes)) {}
StateReader::~StateReader() = default;
StateReader::StateReader(StateReader&&) noexcept = default;
StateReader& StateReader::operator=(StateReader&&) noexcept = default;

std::vector<std::string> StateReader::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : file_->entries) names.push_back(name);
  std::ranges::sort(names, {}, [this](const std::string& name) { return file_->at(name).order; });
  return names;
}

bool StateReader::has(std::string_view name) const { return file_->entries.contains(name); }
ArrayType StateReader::type(std::string_view name) const { return file_->at(name).type; }
std::vector<std::int64_t> StateReader::dims(std::string_view name) const {
  return file_->at(name).dims;
}
std::size_t StateReader::size(std::string_view name) const { return file_->at(name).elements; }

void StateReader::read_bytes(std::string_view name, ArrayType type, Bytes into) const {
  const File::Entry& entry = file_->at(name);
  const std::size_t wanted = into.size() / element_bytes(type);
  if (entry.type != type || entry.elements != wanted) {
    fail("'{}' in the state file was expected to be {} x {}, but is {} x {} (shape {}).", name,
         wanted, type_name(type), entry.elements, type_name(entry.type), shape_text(entry.dims));
  }
  if (into.empty()) return;
  const auto held = hdf5::lock();
  const Handle dataset = file_->open(std::string(name));
  check_status(
      H5Dread(dataset.get(), numeric_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, into.data()),
      fmt::format("read '{}'", name));
}

std::string StateReader::read_text(std::string_view name) const {
  const File::Entry& entry = file_->at(name);
  if (entry.type != ArrayType::text) {
    fail("'{}' in the state file was expected to be a text, but is {} x {}.", name, entry.elements,
         type_name(entry.type));
  }
  const auto held = hdf5::lock();
  const Handle dataset = file_->open(std::string(name));
  const Handle type = text_type(entry.elements);
  std::string text(entry.elements + 1, '\0');
  check_status(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()),
               fmt::format("read '{}'", name));
  text.resize(entry.elements);
  return text;
}

}  // namespace terse
