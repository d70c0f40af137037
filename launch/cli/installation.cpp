#include "terse/launch/cli/installation.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

fs::path program_folder() {
  std::error_code code;
  return fs::read_symlink("/proc/self/exe", code).parent_path();
}

}  // namespace

fs::path sibling_program(const std::string& name) { return program_folder() / name; }

fs::path shared_file(const std::string& name) {
  std::error_code code;
  const fs::path built = program_folder() / "share" / "terse" / name;
  if (fs::exists(built, code)) return built;
  return program_folder().parent_path() / "share" / "terse" / name;
}

}  // namespace terse
