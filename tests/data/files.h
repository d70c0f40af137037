// Shared by the tests of this folder: small data sets, and checks of error texts.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sentence.h"
#include "temp_folder.h"
#include "terse/data/dataset.h"

namespace terse::test {

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<long>(bytes.size()));
}

// Expects one line that contains all of the words.
inline void expect_sentence(const std::function<void()>& action,
                            const std::vector<std::string>& words) {
  const std::string sentence = error_of(action);
  for (const std::string& word : words) {
    EXPECT_NE(sentence.find(word), std::string::npos)
        << '"' << word << "\" is not in: " << sentence;
  }
  EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
}

// A data set whose images identify themselves: the label of image i is i, its pixels are functions
// of i.
inline Dataset numbered(std::int64_t train, std::int64_t test, Shape shape = {1, 2, 2}) {
  Dataset data;
  data.name = "numbered";
  data.classes = std::max(train, test);
  for (auto [split, size] : {std::pair(&data.train, train), std::pair(&data.test, test)}) {
    split->shape = shape;
    for (std::int64_t image = 0; image < size; ++image) {
      split->labels.push_back(image);
      for (std::int64_t i = 0; i < shape.elements(); ++i) {
        split->pixels.push_back(static_cast<std::uint8_t>(7 * image + 3 * i + 1));
      }
    }
  }
  data.mean.assign(static_cast<std::size_t>(shape.channels), 0.25f);
  data.std.assign(static_cast<std::size_t>(shape.channels), 0.5f);
  return data;
}

}  // namespace terse::test
