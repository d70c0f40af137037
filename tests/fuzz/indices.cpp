// Any bytes as indices, after two numbers, n and the maximum number of entries: they are refused,
// or are strictly increasing and the same when read chunk by chunk. Rows may have billions of
// elements, as nothing here allocates n of them.
#include "terse/compressors/wire/indices.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {

using namespace terse;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_chunk(const IndexReader& reader, std::span<const std::uint32_t> indices,
                std::uint32_t chunk) {
  std::vector<std::uint32_t> offsets(std::min<std::size_t>(kChunk, indices.size()));
  const IndexReader::Run run = reader.read_chunk(chunk, offsets.data());
  const std::uint64_t base = std::uint64_t{chunk} * kChunk;
  const auto begin = std::lower_bound(indices.begin(), indices.end(), base),
             end = std::lower_bound(begin, indices.end(), base + kChunk);
  require(run.begin == begin - indices.begin() && run.count == end - begin);
  for (std::uint32_t i = 0; i < run.count; ++i) require(base + offsets[i] == begin[i]);
}

void read(std::uint32_t n, std::uint32_t max_entries, ConstBytes input) {
  const std::vector<std::byte> payload(input.begin(), input.end());  // of the exact size
  if (IndexReader::find_error(payload, n, max_entries)) return;
  const IndexReader reader(payload, n);
  require(reader.count() <= std::min(n, max_entries) && reader.bytes() <= payload.size());
  std::vector<std::uint32_t> indices(reader.count());
  reader.read(indices.data());
  std::uint64_t least = 0;
  for (const std::uint32_t index : indices) {
    require(index >= least && index < n);
    least = std::uint64_t{index} + 1;
  }
  if (n == 0) return;
  const std::uint32_t last = (n - 1) / kChunk;
  for (const std::uint32_t chunk : {0u, 1u, 2u, last / 2, last})
    read_chunk(reader, indices, std::min(chunk, last));
  if (indices.empty()) return;
  for (const std::size_t i : {std::size_t{0}, indices.size() / 2, indices.size() - 1})
    read_chunk(reader, indices, indices[i] / kChunk);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  if (size < 8) return 0;
  read(load<std::uint32_t>(input.data()), load<std::uint32_t>(input.data() + 4), input.subspan(8));
  return 0;
}
