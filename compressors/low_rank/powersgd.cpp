#include <algorithm>
#include <array>
#include <optional>

#include "terse/base/error.h"
#include "terse/compressors/casts/cast.h"
#include "terse/compressors/kernels/cpu/dispatch.h"
#include "terse/compressors/kernels/cpu/fold.h"
#include "terse/compressors/kernels/cpu/matrix.h"
#include "terse/compressors/kernels/cpu/sum.h"
#include "terse/compressors/low_rank/low_rank.h"
#include "terse/compressors/pass.h"

namespace terse {
namespace {

using low_rank::Factors;
using low_rank::Shape;

// Encodes one layer by itself. Without sums over ranks, each rank sends both P and Q.
class PowerSgd final : public Codec {
 public:
  explicit PowerSgd(bool alternating) : alternating_(alternating), dense_(make_none()) {}

  std::string name() const override { return "powersgd"; }
  Traits traits() const override {
    return {.biased = true,
            .pattern = alternating_ ? Pattern::low_rank_alternating : Pattern::low_rank};
  }

  // r (n0 + n1) is largest for a matrix of r x n / r.
  std::size_t capacity(std::uint32_t n, float level) const override {
    const double most = std::min(static_cast<double>(level) * level, static_cast<double>(n));
    return (n + static_cast<std::size_t>(most)) * sizeof(float);
  }
  // For the exchange, which sums P and Q over ranks by the codec `none`.
  std::size_t scratch(std::uint32_t n, float) const override { return dense_->scratch(n, 0); }
  void check(float level, const Feedback& feedback) const override {
    low_rank::check(level, feedback);
  }

  void encode(std::span<const Row> rows, const Feedback& feedback, const Key& key, Mailbox& out,
              const Exec& exec) const override;
  void decode(std::span<const Row> rows, const Mailbox& in, float weight, const Feedback& own,
              const Exec& exec) const override;

 private:
  bool alternating_;
  std::shared_ptr<const Codec> dense_;
};

// P and Q in a payload; payloads of this codec consist of floats, so they are aligned.
Factors factors_in(const Row& row, Bytes payload) {
  Factors f{.row = row, .shape = low_rank::shape_of(row.n0, row.n1, row.level)};
  f.p = reinterpret_cast<float*>(payload.data());
  f.q = f.p + f.shape.p();
  return f;
}

std::size_t payload_bytes(const Row& row) {
  const Shape shape = low_rank::shape_of(row.n0, row.n1, row.level);
  if (std::uint64_t{row.n0} * row.n1 != row.n)
    fail("powersgd needs a matrix, and a row of {} elements is not a matrix of {} x {}.", row.n,
         row.n0, row.n1);
  return (shape.p() + shape.q()) * sizeof(float);
}

void PowerSgd::encode(std::span<const Row> rows, const Feedback& feedback, const Key& key,
                      Mailbox& out, const Exec& exec) const {
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const Row& row = rows[index];
    const std::size_t bytes = payload_bytes(row);
    Frame& frame = output_frame(row, out, bytes);
    const Bytes payload = frame.space().first(bytes);
    std::fill(payload.begin(), payload.end(), std::byte{0});
    Factors f = factors_in(row, payload);
    Exec inner = exec;
    std::int64_t bad = -1;
    inner.bad_row = &bad;
    low_rank::reseed_zero_columns(f.q, f.shape.n1, f.shape.rank, key, row.layer);
    low_rank::fold_and_project({&f, 1}, feedback, low_rank::Side::p, inner);
    low_rank::orthonormalize(f.p, f.shape.n0, f.shape.rank);
    low_rank::project({&f, 1}, feedback, low_rank::Side::q, inner);
    if (bad >= 0) {
      report_bad_row(exec, index);
      std::fill(payload.begin(), payload.end(), std::byte{0});
    } else {
      low_rank::subtract({&f, 1}, feedback, exec);
    }
    frame.end_row(bytes);
  }
}

// Calls pass(i, j, count) for runs of elements (i, j) to (i, j + count - 1) of a row's matrix.
template <class Pass>
void by_tiles(const Row& row, Pass&& pass) {
  for (std::uint32_t i = 0; i < row.n0; ++i) {
    for (std::uint32_t j = 0; j < row.n1; j += kernels::kBlock)
      pass(i, j, std::min<std::uint32_t>(kernels::kBlock, row.n1 - j));
  }
}

void require_size(const Row& row, std::size_t index, const Mailbox& in,
                  const SourceRanks& sources) {
  const std::size_t bytes = payload_bytes(row);
  for (std::size_t rank = sources.begin; rank < sources.end; ++rank) {
    if (!in[rank].present() || in[rank].payload(row.slot).size() == bytes) continue;
    throw_damaged(row, index, rank,
                  fmt::format("it has {} bytes, and powersgd needs {}",
                              in[rank].payload(row.slot).size(), bytes));
  }
}

void PowerSgd::decode(std::span<const Row> rows, const Mailbox& in, float weight,
                      const Feedback& own, const Exec& exec) const {
  ProgressMeter progress(exec);
  alignas(64) std::array<float, kernels::kBlock> sum, next;
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const Row& row = rows[index];
    const SourceRanks sources = source_ranks_of(row, in);
    require_size(row, index, in, sources);
    const Shape shape = low_rank::shape_of(row.n0, row.n1, row.level);
    std::optional<kernels::Fold> fold;
    by_tiles(row, [&](std::uint32_t i, std::uint32_t j, std::uint32_t count) {
      for (std::size_t rank = sources.begin; rank < sources.end; ++rank) {
        float* const part = rank > sources.begin ? next.data() : sum.data();
        if (in[rank].present()) {
          const auto* const p = reinterpret_cast<const float*>(in[rank].payload(row.slot).data());
          kernels::outer_product({1, count, shape.rank, row.n0, row.n1}, p + i, p + shape.p() + j,
                                 part);
        } else {
          if (!fold) fold.emplace(row, own);
          const auto v = fold->run(i * row.n1 + j, {part, count});
          if (v.data() != part) std::copy(v.begin(), v.end(), part);
        }
        if (part == next.data()) kernels::add(part, sum.data(), count);
        progress.add(count);
      }
      kernels::scale(sum.data(), weight, row.out + std::size_t{i} * row.n1 + j, count);
    });
  }
}

}  // namespace

std::shared_ptr<const Codec> make_powersgd(bool alternating) {
  return std::make_shared<PowerSgd>(alternating);
}

}  // namespace terse
