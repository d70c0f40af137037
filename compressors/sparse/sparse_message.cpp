#include "terse/compressors/sparse/sparse_message.h"

#include <algorithm>

#include "terse/compressors/pass.h"

namespace terse {

std::size_t sparse_capacity(std::uint32_t n, std::uint32_t max_entries, const ValueCodec& values) {
  return index_capacity(n, max_entries) + values.capacity(max_entries);
}

SparseMessage write_sparse(Bytes payload, std::uint32_t n, std::uint64_t layer, const Key& key,
                           const ValueCodec& values, Entries& entries, Bytes workspace) {
  const IndexCode code = smallest_code(n, entries.indices());
  const std::size_t bytes = values.capacity(entries.count);
  write_indices(payload.data(), n, entries.indices(), code);
  if (values.encode(layer, key, entries.values(), payload.subspan(code.bytes, bytes),
                    entries.decoded.first(entries.count), workspace) == RowStatus::good) {
    return {code.bytes + bytes, RowStatus::good};
  }
  entries.count = 0;
  const IndexCode empty = smallest_code(n, {});
  write_indices(payload.data(), n, {}, empty);
  return {empty.bytes, RowStatus::bad};
}

PayloadError SparseReader::find_error(ConstBytes payload, std::uint32_t n,
                                      std::uint32_t max_entries, const ValueCodec& values) {
  if (const PayloadError error = IndexReader::find_error(payload, n, max_entries)) return error;
  const IndexReader indices(payload, n);
  return values.find_error(indices.count(), payload.subspan(indices.bytes()));
}

std::size_t SparseReader::scratch(std::uint32_t n, std::uint32_t max_entries,
                                  const ValueCodec& values) {
  return scratch_bytes<std::uint32_t>(std::min({n, max_entries, kChunk})) +
         scratch_bytes<float>(values.tile_size()) + scratch_bytes<std::byte>(values.workspace());
}

SparseReader::Workspace SparseReader::carve(Scratch& scratch, std::uint32_t n,
                                            std::uint32_t max_entries, const ValueCodec& values) {
  const auto offsets = scratch.take<std::uint32_t>(std::min({n, max_entries, kChunk}));
  const auto tile = scratch.take<float>(values.tile_size());
  return {offsets, tile, scratch.take<std::byte>(values.workspace())};
}

template <class Use>
void SparseReader::each_tile(std::uint32_t begin, std::uint32_t count, const Workspace& workspace,
                             Use&& use) const {
  const std::uint32_t tile = values_.tile_size(), end = begin + count;
  for (std::uint32_t at = begin / tile * tile; at < end; at += tile) {
    const auto part = workspace.tile.first(std::min(tile, this->count() - at));
    values_.decode(this->count(), at, payload_, part, workspace.values);
    const std::uint32_t from = std::max(begin, at);
    const auto to = std::min<std::uint32_t>(end, at + static_cast<std::uint32_t>(part.size()));
    use(from - begin, std::span<const float>(part.subspan(from - at, to - from)));
  }
}

void SparseReader::add_chunk(std::uint32_t chunk, float weight, float* acc,
                             const Workspace& workspace) const {
  const IndexReader::Run run = indices_.read_chunk(chunk, workspace.offsets.data());
  each_tile(run.begin, run.count, workspace,
            [&](std::uint32_t from, std::span<const float> values) {
              const std::uint32_t* const offsets = workspace.offsets.data() + from;
              for (std::size_t i = 0; i < values.size(); ++i) acc[offsets[i]] += weight * values[i];
            });
}

void SparseReader::read(Entries& entries, const Workspace& workspace) const {
  entries.count = count();
  indices_.read(entries.index.data());
  each_tile(0, count(), workspace, [&](std::uint32_t from, std::span<const float> values) {
    std::copy(values.begin(), values.end(), entries.value.begin() + from);
  });
}

}  // namespace terse
