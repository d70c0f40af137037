#include "terse/compressors/block_codec.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "terse/base/error.h"
#include "terse/compressors/kernels/fold.h"
#include "terse/compressors/kernels/sum.h"
#include "terse/compressors/pass.h"

namespace terse {

using kernels::Fold;

struct BlockCodec::Memory {
  std::span<float> first, second;
  Bytes workspace;
};

std::size_t BlockCodec::tile_for(std::size_t n) const {
  return std::min<std::size_t>(tile(), round_up(n, 8));
}

std::size_t BlockCodec::scratch(std::uint32_t n, float) const {
  const std::size_t elements = tile_for(n);
  return 2 * scratch_bytes<float>(elements) + scratch_bytes<std::uint16_t>(elements);
}

BlockCodec::Memory BlockCodec::carve(std::span<const Row> rows, const Exec& exec) const {
  const std::size_t elements = tile_for(largest(rows));
  Scratch scratch(exec.scratch);
  const auto first = scratch.take<float>(elements), second = scratch.take<float>(elements);
  return {first, second, std::as_writable_bytes(scratch.take<std::uint16_t>(elements))};
}

void BlockCodec::encode(std::span<const Row> rows, const Feedback& feedback, const Key& key,
                        Mailbox& out, const Exec& exec) const {
  const Memory memory = carve(rows, exec);
  Pace pace(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const Row& row = rows[index];
    require_residual(row, feedback);
    const std::size_t bytes = capacity(row.n, row.level);
    Frame& frame = frame_for(row, out, bytes);
    const Bytes payload = frame.space().first(bytes);
    Fold fold(row, feedback);
    bool good = true;
    for (std::uint32_t at = 0; at < row.n && good; at += tile()) {
      const Tile part{row, at, std::min(tile(), row.n - at), memory.workspace};
      const std::span<const float> v = fold.run(at, memory.first.first(part.count));
      float* const dec = feedback.keeps_residual() ? memory.second.data() : nullptr;
      good = fold.peak() < limit() && encode_tile(part, key, v.data(), payload, dec);
      if (good && dec != nullptr) fold.keep(at, v, dec);
      if (good) fold.clear(at, part.count);
      pace.worked(part.count);
    }
    if (!good) {
      report_bad_row(exec, index);
      std::fill(payload.begin(), payload.end(), std::byte{0});
    }
    frame.end_row(bytes);
  }
}

void BlockCodec::check_payloads(const Row& row, std::size_t index, const Mailbox& in) const {
  const Senders senders = senders_of(row, in);
  const std::size_t bytes = capacity(row.n, row.level);
  for (std::size_t rank = senders.begin; rank < senders.end; ++rank) {
    if (!in[rank].present()) continue;
    const ConstBytes payload = in[rank].payload(row.slot);
    if (payload.size() != bytes) {
      damaged(row, index, rank,
              fmt::format("it has {} bytes, and {} needs {}", payload.size(), name(), bytes));
    }
    if (const char* what = contradiction(row, payload)) damaged(row, index, rank, what);
  }
}

void BlockCodec::decode(std::span<const Row> rows, const Mailbox& in, float weight,
                        const Feedback& own, const Exec& exec) const {
  const Memory memory = carve(rows, exec);
  Pace pace(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const Row& row = rows[index];
    check_payloads(row, index, in);
    const Senders senders = senders_of(row, in);
    std::optional<Fold> fold;
    for (std::uint32_t at = 0; at < row.n; at += tile()) {
      const Tile part{row, at, std::min(tile(), row.n - at), memory.workspace};
      float* const acc = memory.first.data();
      for (std::size_t rank = senders.begin; rank < senders.end; ++rank) {
        const bool add = rank > senders.begin;
        if (in[rank].present()) {
          decode_tile(part, in[rank].payload(row.slot), acc, add);
        } else {
          if (!fold) fold.emplace(row, own);
          const auto v = fold->run(at, (add ? memory.second : memory.first).first(part.count));
          fold->clear(at, part.count);
          if (add) kernels::add(v.data(), acc, part.count);
          if (!add && v.data() != acc) std::copy(v.begin(), v.end(), acc);
        }
        pace.worked(part.count);
      }
      kernels::scale(acc, weight, row.out + at, part.count);
    }
  }
}

bool BlockCodec::encode_run(const Row& run, const Key& key, std::span<const float> v, Bytes payload,
                            std::span<float> dec, Bytes workspace) const {
  if (kernels::peak_of(v.data(), v.size()) >= limit()) return false;
  for (std::uint32_t at = 0; at < run.n; at += tile()) {
    const Tile part{run, at, std::min(tile(), run.n - at), workspace};
    if (!encode_tile(part, key, v.data() + at, payload, dec.data() + at)) return false;
  }
  return true;
}

const char* BlockCodec::run_contradiction(const Row& run, ConstBytes payload) const {
  if (payload.size() != capacity(run.n, run.level))
    return "its length does not fit its number of entries";
  return contradiction(run, payload);
}

void BlockCodec::decode_run(const Row& run, std::uint32_t at, ConstBytes payload,
                            std::span<float> into, Bytes workspace) const {
  decode_tile({run, at, static_cast<std::uint32_t>(into.size()), workspace}, payload, into.data(),
              false);
}

}  // namespace terse
