#include "terse/base/hdf5/hdf5.h"

#include <string>

#include "terse/base/error.h"

namespace terse::hdf5 {
namespace {

std::string library_text() {
  std::string text;
  const auto collect = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    if (error->desc != nullptr) static_cast<std::string*>(out)->assign(error->desc);
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, collect, &text);  // ends with the innermost error
  H5Eclear2(H5E_DEFAULT);
  return text.empty() ? "no reason given" : text;
}

}  // namespace

std::unique_lock<std::recursive_mutex> lock() {
  static std::recursive_mutex mutex;
  // After a failed write (a full disk) the library cannot close the file either, and its cleanup at
  // program exit would crash on it. Our handles close everything else.
  [[maybe_unused]] static const herr_t no_clean_up = H5dont_atexit();
  std::unique_lock<std::recursive_mutex> held(mutex);
  H5Eset_auto2(H5E_DEFAULT, nullptr,
               nullptr);  // our errors contain the library's text; it must not print it, too
  return held;
}

hid_t check(hid_t result, std::string_view what) {
  if (result < 0) fail("HDF5 could not {}: {}.", what, library_text());
  return result;
}

void check_status(herr_t result, std::string_view what) { check(result, what); }

}  // namespace terse::hdf5
