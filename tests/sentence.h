// The text of an error.
#pragma once

#include <functional>
#include <string>

#include "terse/base/error.h"

namespace terse {

// The text of the Error that `action` throws; "no error" if it throws none.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

}  // namespace terse
