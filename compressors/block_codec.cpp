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

// In a majority vote, this rank counts by its sign too.
std::span<const float> signs_of(std::span<const float> v, std::span<float> into) {
  kernels::copy_signs(v.data(), into.data(), v.size());
  return into.first(v.size());
}

}  // namespace

struct BlockCodec::Workspace {
  std::span<float> first, second;  // a tile each
  Bytes codes;
};

std::size_t BlockCodec::elements_for(std::size_t n) const {
  return std::min<std::size_t>(tile_size(), round_up(n, 8));
}

std::size_t BlockCodec::scratch(std::uint32_t n, float) const {
  const std::size_t elements = elements_for(n);
  return 2 * scratch_bytes<float>(elements) + scratch_bytes<std::uint16_t>(elements);
}

BlockCodec::Workspace BlockCodec::carve(std::span<const Row> rows, const Exec& exec) const {
  const std::size_t elements = elements_for(largest_row(rows));
  Scratch scratch(exec.scratch);
  const auto first = scratch.take<float>(elements), second = scratch.take<float>(elements);
  return {first, second, std::as_writable_bytes(scratch.take<std::uint16_t>(elements))};
}

// Writes the new velocity.
RowStatus BlockCodec::collect_statistics(const Row& row, const Feedback& feedback,
                                         const Workspace& workspace, ProgressMeter& progress,
                                         RowStatistics& result) const {
  Fold fold(row, feedback);
  for (std::uint32_t at = 0; at < row.n; at += tile_size()) {
    const std::uint32_t count = std::min(tile_size(), row.n - at);
    add_statistics(fold.run(at, workspace.first.first(count)).data(), count, result);
    if (fold.peak() >= limit()) return RowStatus::bad;
    progress.add(count);
  }
  return RowStatus::good;
}

void BlockCodec::measure(std::span<const Row> rows, const Feedback& feedback,
                         std::span<float> scales, const Exec& exec) const {
  if (!traits().shares_scale) return Codec::measure(rows, feedback, scales, exec);
  const Workspace workspace = carve(rows, exec);
  ProgressMeter progress(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    RowStatistics statistics;
    const RowStatus status =
        collect_statistics(rows[index], feedback, workspace, progress, statistics);
    if (status == RowStatus::bad) report_bad_row(exec, index);
    scales[index] = status == RowStatus::good ? scale_of(rows[index], statistics) : 0.0f;
  }
}

RowStatus BlockCodec::encode_row(const Row& row, const Feedback& feedback, const Key& key,
                                 const Workspace& workspace, Bytes payload,
                                 ProgressMeter& progress) const {
  Fold fold(row, feedback);
  const bool ranges = wants_ranges();
  if (ranges) fold.track_ranges();
  for (std::uint32_t at = 0; at < row.n; at += tile_size()) {
    const Tile part{row, at, std::min(tile_size(), row.n - at), workspace.codes,
                    ranges ? &fold : nullptr};
    const std::span<const float> v = fold.run(at, workspace.first.first(part.count));
    DecodeSink sink;
    if (feedback.keeps_residual()) {
      sink = fold.residual_is_difference()
                 ? DecodeSink{kernels::DecodeOutput::difference, row.e_out + at}
                 : DecodeSink{kernels::DecodeOutput::decoded, workspace.second.data()};
    }
    if (fold.peak() >= limit() ||
        encode_tile(part, key, v.data(), payload, sink) == RowStatus::bad) {
      return RowStatus::bad;
    }
    if (sink.output == kernels::DecodeOutput::decoded) fold.write_residual(at, v, sink.to);
    fold.clear(at, part.count);
    progress.add(part.count);
  }
  return RowStatus::good;
}

void BlockCodec::encode(std::span<const Row> rows, const Feedback& feedback, const Key& key,
                        Mailbox& out, const Exec& exec) const {
  const Workspace workspace = carve(rows, exec);
  ProgressMeter progress(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    Row row = rows[index];
    require_residual(row, feedback);
    const std::size_t bytes = capacity(row.n, row.level);
    Frame& frame = output_frame(row, out, bytes);
    const Bytes payload = frame.space().first(bytes);
    Feedback rest = feedback;
    RowStatus status = RowStatus::good;
    if (needs_statistics(row)) {
      RowStatistics statistics;
      status = collect_statistics(row, feedback, workspace, progress, statistics);
      if (status == RowStatus::good) status = write_scale(row, statistics, payload);
      row.u_in = row.u_out;
      if (feedback.keeps_velocity()) rest.uu = 1, rest.ug = 0;
    }
    if (status == RowStatus::good)
      status = encode_row(row, rest, key, workspace, payload, progress);
    if (status == RowStatus::bad) {
      report_bad_row(exec, index);
      std::fill(payload.begin(), payload.end(), std::byte{0});
    }
    frame.end_row(bytes);
  }
}

void BlockCodec::check_payloads(const Row& row, std::size_t index, const Mailbox& in) const {
  const SourceRanks sources = source_ranks_of(row, in);
  const std::size_t bytes = capacity(row.n, row.level);
  for (std::size_t rank = sources.begin; rank < sources.end; ++rank) {
    if (!in[rank].present()) continue;
    const ConstBytes payload = in[rank].payload(row.slot);
    if (payload.size() != bytes) {
      throw_damaged(row, index, rank,
                    fmt::format("it has {} bytes, and {} needs {}", payload.size(), name(), bytes));
    }
    if (const PayloadError error = find_error(row, payload))
      throw_damaged(row, index, rank, *error);
  }
}

void BlockCodec::decode(std::span<const Row> rows, const Mailbox& in, float weight,
                        const Feedback& own, const Exec& exec) const {
  const Workspace workspace = carve(rows, exec);
  const bool vote = traits().majority_vote;
  ProgressMeter progress(exec);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const Row& row = rows[index];
    check_payloads(row, index, in);
    const SourceRanks sources = source_ranks_of(row, in);
    std::optional<Fold> fold;
    for (std::uint32_t at = 0; at < row.n; at += tile_size()) {
      const Tile part{row, at, std::min(tile_size(), row.n - at), workspace.codes};
      float* const acc = workspace.first.data();
      const float* sum = nullptr;  // of the ranks so far
      bool finished = false;
      for (std::size_t rank = sources.begin; rank < sources.end; ++rank) {
        progress.add(part.count);
        const bool last = rank + 1 == sources.end;
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
            fold->rerun(at, (add ? workspace.second : workspace.first).first(part.count));
        fold->clear(at, part.count);
        if (vote) v = signs_of(v, add ? workspace.second : workspace.first);
        if (add && sum != acc) std::copy_n(sum, part.count, acc);
        if (add) kernels::add(v.data(), acc, part.count);
        sum = add ? acc : v.data();
      }
      if (!finished) kernels::scale(sum, weight, row.out + at, part.count);
    }
  }
}

RowStatus BlockCodec::encode_values(const Row& run, const Key& key, std::span<const float> v,
                                    Bytes payload, std::span<float> dec, Bytes workspace) const {
  if (kernels::peak_of(v.data(), v.size()) >= limit()) return RowStatus::bad;
  for (std::uint32_t at = 0; at < run.n; at += tile_size()) {
    const Tile part{run, at, std::min(tile_size(), run.n - at), workspace};
    if (encode_tile(part, key, v.data() + at, payload,
                    {kernels::DecodeOutput::decoded, dec.data() + at}) == RowStatus::bad) {
      return RowStatus::bad;
    }
  }
  return RowStatus::good;
}

PayloadError BlockCodec::find_values_error(const Row& run, ConstBytes payload) const {
  if (payload.size() != capacity(run.n, run.level))
    return "its length does not fit its number of entries";
  return find_error(run, payload);
}

void BlockCodec::decode_values(const Row& run, std::uint32_t at, ConstBytes payload,
                               std::span<float> into, Bytes workspace) const {
  decode_tile({run, at, static_cast<std::uint32_t>(into.size()), workspace}, payload, into.data(),
              false);
}

}  // namespace terse
