#include "terse/compressors/block_codec.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "terse/base/error.h"
#include "terse/compressors/kernels/cpu/quantize/signs.h"
#include "terse/compressors/kernels/cpu/sum.h"

namespace terse {

using kernels::Fold;

namespace {

// A voter votes by its own sign, too.
std::span<const float> signs_of(std::span<const float> v, std::span<float> into) {
  kernels::copy_signs(v.data(), into.data(), v.size());
  return into.first(v.size());
}

}  // namespace

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

// What the whole row must tell before any of it can be encoded; nothing if the row is bad. Writes
// the new velocity.
std::optional<BlockCodec::RowStatistics> BlockCodec::collect_statistics(const Row& row,
                                                                        const Feedback& feedback,
                                                                        const Memory& memory,
                                                                        Pace& pace) const {
  Fold fold(row, feedback);
  RowStatistics result;
  for (std::uint32_t at = 0; at < row.n; at += tile()) {
    const std::uint32_t count = std::min(tile(), row.n - at);
    add_statistics(fold.run(at, memory.first.first(count)).data(), count, result);
    if (fold.peak() >= limit()) return std::nullopt;
    pace.worked(count);
  }
  return result;
}

void BlockCodec::measure(std::span<const Row> rows, const Feedback& feedback,
                         std::span<float> scales, const Exec& exec) const {
  if (!traits().shares_scale) return Codec::measure(rows, feedback, scales, exec);
  const Memory memory = carve(rows, exec);
  Pace pace(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const std::optional<RowStatistics> found =
        collect_statistics(rows[index], feedback, memory, pace);
    if (!found) report_bad_row(exec, index);
    scales[index] = found ? scale_of(rows[index], *found) : 0.0f;
  }
}

bool BlockCodec::encode_row(const Row& row, const Feedback& feedback, const Key& key,
                            const Memory& memory, Bytes payload, Pace& pace) const {
  Fold fold(row, feedback);
  const bool ranges = wants_ranges();
  if (ranges) fold.note_ranges();
  for (std::uint32_t at = 0; at < row.n; at += tile()) {
    const Tile part{row, at, std::min(tile(), row.n - at), memory.workspace,
                    ranges ? &fold : nullptr};
    const std::span<const float> v = fold.run(at, memory.first.first(part.count));
    DecodeSink kept{kernels::DecodeOutput::nothing, nullptr};
    if (feedback.keeps_residual()) {
      kept = fold.keeps_difference()
                 ? DecodeSink{kernels::DecodeOutput::difference, row.e_out + at}
                 : DecodeSink{kernels::DecodeOutput::decoded, memory.second.data()};
    }
    if (fold.peak() >= limit() || !encode_tile(part, key, v.data(), payload, kept)) return false;
    if (kept.what == kernels::DecodeOutput::decoded) fold.keep(at, v, kept.to);
    fold.clear(at, part.count);
    pace.worked(part.count);
  }
  return true;
}

void BlockCodec::encode(std::span<const Row> rows, const Feedback& feedback, const Key& key,
                        Mailbox& out, const Exec& exec) const {
  const Memory memory = carve(rows, exec);
  Pace pace(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    Row row = rows[index];
    require_residual(row, feedback);
    const std::size_t bytes = capacity(row.n, row.level);
    Frame& frame = frame_for(row, out, bytes);
    const Bytes payload = frame.space().first(bytes);
    Feedback rest = feedback;
    bool good = true;
    if (needs_statistics(row)) {
      const std::optional<RowStatistics> result = collect_statistics(row, feedback, memory, pace);
      good = result && write_scale(row, *result, payload);
      row.u_in = row.u_out;
      if (feedback.keeps_velocity()) rest.uu = 1, rest.ug = 0;
    }
    if (!good || !encode_row(row, rest, key, memory, payload, pace)) {
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
    if (const char* what = find_error(row, payload)) damaged(row, index, rank, what);
  }
}

void BlockCodec::decode(std::span<const Row> rows, const Mailbox& in, float weight,
                        const Feedback& own, const Exec& exec) const {
  const Memory memory = carve(rows, exec);
  const bool votes = traits().votes;
  Pace pace(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const Row& row = rows[index];
    check_payloads(row, index, in);
    const Senders senders = senders_of(row, in);
    std::optional<Fold> fold;
    for (std::uint32_t at = 0; at < row.n; at += tile()) {
      const Tile part{row, at, std::min(tile(), row.n - at), memory.workspace};
      float* const acc = memory.first.data();
      const float* sum = nullptr;  // of the ranks so far
      bool finished = false;
      for (std::size_t rank = senders.begin; rank < senders.end; ++rank) {
        pace.worked(part.count);
        const bool last = rank + 1 == senders.end;
        if (in[rank].present()) {
          const ConstBytes payload = in[rank].payload(row.slot);
          if (last && sum != nullptr)
            finished = finish_tile(part, payload, sum, weight, row.out + at);
          if (finished) break;
          if (sum != nullptr && sum != acc) std::copy_n(sum, part.count, acc);
          decode_tile(part, payload, acc, sum != nullptr);
          sum = acc;
          continue;
        }
        if (!fold) fold.emplace(row, own);
        const bool add = sum != nullptr;
        std::span<const float> v =
            fold->rerun(at, (add ? memory.second : memory.first).first(part.count));
        fold->clear(at, part.count);
        if (votes) v = signs_of(v, add ? memory.second : memory.first);
        if (add && sum != acc) std::copy_n(sum, part.count, acc);
        if (add) kernels::add(v.data(), acc, part.count);
        sum = add ? acc : v.data();
      }
      if (!finished) kernels::scale(sum, weight, row.out + at, part.count);
    }
  }
}

bool BlockCodec::encode_run(const Row& run, const Key& key, std::span<const float> v, Bytes payload,
                            std::span<float> dec, Bytes workspace) const {
  if (kernels::peak_of(v.data(), v.size()) >= limit()) return false;
  for (std::uint32_t at = 0; at < run.n; at += tile()) {
    const Tile part{run, at, std::min(tile(), run.n - at), workspace};
    if (!encode_tile(part, key, v.data() + at, payload,
                     {kernels::DecodeOutput::decoded, dec.data() + at}))
      return false;
  }
  return true;
}

const char* BlockCodec::find_run_error(const Row& run, ConstBytes payload) const {
  if (payload.size() != capacity(run.n, run.level))
    return "its length does not fit its number of entries";
  return find_error(run, payload);
}

void BlockCodec::decode_run(const Row& run, std::uint32_t at, ConstBytes payload,
                            std::span<float> into, Bytes workspace) const {
  decode_tile({run, at, static_cast<std::uint32_t>(into.size()), workspace}, payload, into.data(),
              false);
}

}  // namespace terse
