#include "terse/compressors/sparse/sparse_message.h"

#include "compressors/support.h"
#include "terse/compressors/pass.h"

namespace terse::test {
namespace {

// The codecs that can write values, with 4 bits if they have a level.
std::vector<std::string> value_codecs() {
  std::vector<std::string> names;
  for (const CodecInfo& info : codecs()) {
    const std::string name(info.name);
    const bool block = info.family == "cast" || info.family == "quantizer";
    if (!block || make_codec({.name = name})->traits().shares_scale) continue;
    names.push_back(name == "none" ? "fp32" : name + (info.level == Level::bits ? "4" : ""));
  }
  return names;
}

TEST(Sparse, ReadsWhatWasWrittenInAnyWayOfWritingValues) {
  const Floats v = gradient(200'000, 4);
  std::vector<std::uint32_t> indices;
  for (std::uint32_t i = 0; i < v.size(); i += 1 + static_cast<std::uint32_t>(mix64(i) % 40))
    indices.push_back(i);
  const auto n = static_cast<std::uint32_t>(v.size()),
             k = static_cast<std::uint32_t>(indices.size());
  ASSERT_GE(value_codecs().size(), 9u);
  for (const std::string& name : value_codecs()) {
    const ValueCodec values = ValueCodec::named({.bucket = 100, .values = name});
    Floats value, decoded(k), again(k);
    for (const std::uint32_t i : indices) value.push_back(v[i]);
    Entries entries{indices, value, decoded, k};
    Payload payload(sparse_capacity(n, k, values));
    Workspace workspace(values.workspace()), scratch(SparseReader::scratch(n, k, values));
    const SparseMessage message =
        write_sparse(payload, n, kLayer, {}, values, entries, workspace.bytes());
    ASSERT_EQ(message.status, RowStatus::good);
    payload.resize(message.bytes);
    ASSERT_EQ(SparseReader::find_error(payload, n, k, values), std::nullopt);
    const SparseReader reader(payload, n, values);

    Scratch lent(scratch.bytes());
    const auto memory = SparseReader::carve(lent, n, k, values);
    std::vector<std::uint32_t> index(k);
    Entries read{index, again, {}, 0};
    reader.read(read, memory);
    EXPECT_EQ(index, indices);
    EXPECT_TRUE(same_bits(again, decoded)) << name;

    Floats acc(n, 1.0f), wanted(n, 1.0f);
    for (std::uint32_t chunk = 0; std::size_t{chunk} * kChunk < n; ++chunk)
      reader.add_chunk(chunk, 0.5f, acc.data() + chunk * kChunk, memory);
    for (std::size_t i = 0; i < k; ++i) wanted[indices[i]] += 0.5f * decoded[i];
    EXPECT_TRUE(same_bits(acc, wanted)) << name;
  }
}

TEST(Sparse, IsTheReferenceInAnyWayOfWritingValues) {
  std::vector<std::string> names = value_codecs();
  names.insert(names.end(), {"maxmin5", "nuqsgd3", "maxmin8"});
  for (const std::string& name : names) {
    const Input input{
        .grad = gradient(20'000, 1), .e = gradient(20'000, 2), .level = 0.1f, .first = 65536};
    expect_reference({.name = "topk", .bucket = 100, .values = name}, input, feedback::kClassic);
  }
}

TEST(Sparse, ValuesThatCannotBeHeldAreNotSent) {
  const ValueCodec values = ValueCodec::named({.values = "fp16"});
  std::vector<std::uint32_t> index{3, 9};
  Floats value{1.0f, 70'000.0f}, decoded(2);
  Entries entries{index, value, decoded, 2};
  Payload payload(sparse_capacity(10, 2, values));
  Workspace workspace(values.workspace());
  const SparseMessage message =
      write_sparse(payload, 10, 0, {}, values, entries, workspace.bytes());
  EXPECT_EQ(message.status, RowStatus::bad);
  EXPECT_EQ(entries.count, 0u);
  payload.resize(message.bytes);
  EXPECT_EQ(SparseReader::find_error(payload, 10, 2, values), std::nullopt);
  EXPECT_EQ(SparseReader(payload, 10, values).count(), 0u);
}

TEST(ValueCodec, RefusesWhatCannotWriteThem) {
  for (const char* name : {"", "fp", "topk", "maxmin", "maxmin9", "maxmin0", "fp164", "powersgd"}) {
    EXPECT_THROW(ValueCodec::named({.values = name}), JobError) << name;
  }
}

}  // namespace
}  // namespace terse::test
