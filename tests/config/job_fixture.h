// A folder of a test's own, with a data set that exists, and the sentence with which a job is
// refused.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "terse/base/error.h"
#include "terse/config/options.h"

namespace terse {

class JobTest : public testing::Test {
 protected:
  JobTest() {
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    dir_ = std::filesystem::temp_directory_path() /
           fmt::format("terse-{}-{}-{}", test.test_suite_name(), test.name(), ::getpid());
    std::filesystem::create_directories(dir_);
    write("data.h5", "data");
  }
  ~JobTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ / name, std::ios::binary) << text;
    return dir_ / name;
  }
  Defaults defaults() const {
    return {.data_path = (dir_ / "data.h5").string(), .schedule_epochs = {}};
  }

  // The job of a file "job.ini" with this text.
  Job job(const std::string& ini, const std::vector<std::string>& overrides = {}) const {
    return parse_job(write("job.ini", ini), overrides, defaults());
  }
  Job job_of(const std::vector<std::string>& overrides) const {
    return parse_job({}, overrides, defaults());
  }
  // The sentence that refuses it, with the folder left out of its place; "" where it is accepted.
  std::string refusal(const std::string& ini,
                      const std::vector<std::string>& overrides = {}) const {
    try {
      job(ini, overrides);
    } catch (const JobError& error) {
      std::string text = error.what();
      const std::string folder = dir_.string() + "/";
      for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder))
        text.erase(at, folder.size());
      return text;
    }
    return "";
  }

  std::filesystem::path dir_;
};

}  // namespace terse
