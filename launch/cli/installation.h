// Where the running program finds the other files of terse, in a build folder and once installed.
#pragma once

#include <filesystem>
#include <string>

namespace terse {

// Another program of terse, in the folder of this one.
std::filesystem::path sibling_program(const std::string& name);

// A data file that terse carries: in share/terse beside the program (a build folder) or in
// ../share/terse (installed). The second where neither is there.
std::filesystem::path shared_file(const std::string& name);

}  // namespace terse
