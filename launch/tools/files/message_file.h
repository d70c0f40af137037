// A file with one message: lines of text with what a decoder would know from the plan (the note),
// then the head and the body of the message.
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

// The text lines of the file.
struct MessageNote {
  CodecOptions codec;
  float level = 0;
  std::string layer = "tensor";
  std::vector<std::uint32_t> shape;
  Key key;
};

// The default level of `terse encode`: 8 bits, a density of 0.001, a rank of 4.
float default_level(const CodecInfo& info);

// Encodes the tensor as rank `key.rank` would send it, as one row; `residual` is what was not sent.
// Low-rank codecs take the first dimension as rows and the others as columns. Throws JobError where
// the codec refuses, or the tensor has a NaN or an Inf.
struct EncodedTensor {
  std::vector<std::byte> head, body;
  std::vector<float> residual;
};
EncodedTensor encode_tensor(const Tensor& tensor, const MessageNote& note);

void write_message(const std::filesystem::path& path, const MessageNote& note,
                   const EncodedTensor& message);

// Returns the decoded tensor. Throws Error where the file is not a message file, DamagedMessage
// where the message is damaged.
Tensor read_message(const std::filesystem::path& path);
Tensor decode_message(const std::vector<std::byte>& file, const std::string& where);

}  // namespace terse
