// RAII handles and error checks for HDF5, and the lock that every call of the library needs (Linux
// distributions build it without thread safety).
#pragma once

#include <hdf5.h>

#include <mutex>
#include <string_view>
#include <utility>

namespace terse::hdf5 {

// Hold this during any sequence of HDF5 calls. Recursive, so that helpers can take it again.
[[nodiscard]] std::unique_lock<std::recursive_mutex> lock();

// Throws Error("HDF5 could not <what>: <the library's own text>") if `result` is negative. Needs
// the lock.
hid_t check(hid_t result, std::string_view what);
void check_status(herr_t result, std::string_view what);

// An owned identifier (file, dataset, dataspace, ...). Move-only; the destructor closes without
// throwing.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close, std::string_view what) : id_(check(id, what)), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  hid_t get() const { return id_; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

}  // namespace terse::hdf5
