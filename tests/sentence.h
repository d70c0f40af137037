// What an error says.
#pragma once

#include <functional>
#include <string>

#include "terse/base/error.h"

namespace terse {

// The sentence with which `action` fails; "no error" if it does not.
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
