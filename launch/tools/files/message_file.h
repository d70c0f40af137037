// A message as it travels, in a file: lines of text that say what its decoder would know from the
// plan, and then the message itself, head and body.
//
//   terse message 1
//   codec maxmin
//   level 4
//   ...
//   end
//
// docs/wire.md describes both.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "terse/base/bytes.h"
#include "terse/compressors/codec.h"
#include "terse/launch/tools/files/tensor_file.h"

namespace terse {

// What is known of a message besides its bytes.
struct MessageNote {
  CodecOptions codec;
  float level = 0;
  std::string layer = "tensor";
  std::vector<std::uint32_t> shape;
  Key key;
};

// A codec's level where nobody names one: 8 bits, a density of 0.001.
float default_level(const CodecInfo& info);

// The tensor as rank `key.rank` would send it by itself, as one row, and what of it was not sent. A
// codec of matrices takes the first dimension as rows and the others as columns. Throws JobError
// where the codec refuses, or the tensor has a NaN or an Inf.
struct EncodedTensor {
  std::vector<std::byte> head, body;
  std::vector<float> residual;
};
EncodedTensor encode_tensor(const Tensor& tensor, const MessageNote& note);

void write_message(const std::filesystem::path& path, const MessageNote& note,
                   const EncodedTensor& message);

// The decoded tensor. Throws Error where the file is no message, DamagedMessage where the message
// is damaged.
Tensor read_message(const std::filesystem::path& path);
Tensor decode_message(const std::vector<std::byte>& file, const std::string& where);

}  // namespace terse
