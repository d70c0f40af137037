// Finds the other files of terse, in a build folder and after installation.
#pragma once

#include <filesystem>
#include <string>

namespace terse {

// Another program of terse, in the folder of the running one.
std::filesystem::path sibling_program(const std::string& name);

// A data file of terse: in share/terse beside the program (a build folder) or, if it is not there,
// in
// ../share/terse (installed), whether it exists or not.
std::filesystem::path shared_file(const std::string& name);

}  // namespace terse
