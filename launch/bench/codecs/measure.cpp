#include "terse/launch/bench/codecs/measure.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "terse/base/error.h"
#include "terse/compressors/pass.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace terse {
namespace {

using Clock = std::chrono::steady_clock;

// A codec, a frame for its rows, and its working memory.
class Bench {
 public:
  Bench(const BenchCase& line, std::span<const Row> rows)
      : line_(line), codec_(make_codec(line.codec)), rows_(rows.begin(), rows.end()) {
    std::size_t capacity = 0, scratch = 0;
    std::vector<std::uint32_t> tags;
    for (Row& row : rows_) {
      row.slot = static_cast<std::uint32_t>(tags.size());
      row.level = line.level;
      tags.push_back(row_tag(row));
      capacity += codec_->capacity(row.n, row.level);
      scratch = std::max(scratch, codec_->scratch(row.n, row.level));
    }
    payload_.resize(std::max<std::size_t>(capacity, 1) + 64);
    scratch_.resize(scratch + 64);
    box_.resize(2);
    box_[1] = Frame(std::move(tags), capacity);
    box_[1].bind(payload_);
  }

  void encode() {
    for (Row& row : rows_) row.frame = 1;
    box_[1].clear();
    codec_->encode(rows_, line_.feedback, {1, 2, 3, 0}, box_, exec());
  }
  void decode_add() {
    for (Row& row : rows_) row.frame = kEvery;
    codec_->decode(rows_, box_, 0.5f, feedback::kNone, exec());
  }
  // Includes the checks of a receiver.
  void scatter() {
    const auto& codec = dynamic_cast<const Sparsifier&>(*codec_);
    for (const Row& row : rows_) {
      const ConstBytes payload = box_[1].payload(row.slot);
      const std::uint32_t max_entries = codec.max_entries(row.n, row.level);
      if (const PayloadError error =
              SparseReader::find_error(payload, row.n, max_entries, codec.values())) {
        fail("codec {} wrote a damaged message: {}.", codec.name(), *error);
      }
      Scratch scratch(exec().scratch);
      const auto workspace = SparseReader::carve(scratch, row.n, max_entries, codec.values());
      const SparseReader reader(payload, row.n, codec.values());
      for (std::uint32_t chunk = 0; chunk * kChunk < row.n; ++chunk)
        reader.add_chunk(chunk, 0.5f, row.out + chunk * kChunk, workspace);
    }
  }
  void run(Pass pass) {
    switch (pass) {
      case Pass::encode:
        return encode();
      case Pass::decode_add:
        return decode_add();
      case Pass::scatter:
        return scatter();
    }
  }

 private:
  Exec exec() {
    const auto address = reinterpret_cast<std::uintptr_t>(scratch_.data());
    return {.scratch = Bytes(scratch_).subspan(round_up(address, 64) - address)};
  }

  const BenchCase& line_;
  std::shared_ptr<const Codec> codec_;
  std::vector<Row> rows_;
  std::vector<std::byte> payload_, scratch_;
  Mailbox box_;
};

// Runs body(i) on a thread each, started together; returns the seconds until the last one ends.
template <class Body>
double timed(std::size_t threads, Body&& body) {
  std::barrier<> start(static_cast<std::ptrdiff_t>(threads));
  Clock::time_point begin;
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) {
      others.emplace_back([&, i] {
        start.arrive_and_wait();
        body(i);
      });
    }
    start.arrive_and_wait();
    begin = Clock::now();
    body(0);
  }
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Splits the rows into runs of about equal size.
std::vector<std::span<const Row>> parts_of(const Arena& arena, int threads) {
  std::vector<std::span<const Row>> parts;
  const std::span<const Row> rows = arena.rows();
  std::size_t begin = 0, elements = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    elements += rows[i].n;
    const std::size_t wanted =
        arena.elements() * (parts.size() + 1) / static_cast<unsigned>(threads);
    if (elements < wanted && i + 1 < rows.size()) continue;
    parts.push_back(rows.subspan(begin, i + 1 - begin));
    begin = i + 1;
  }
  return parts;
}

// Codec and limit alternate, so that other load on the machine affects both.
Times times_of(const BenchCase& line, Arena& arena, int repeat, int threads) {
  arena.fill();
  std::vector<std::unique_ptr<Bench>> benches;
  const auto parts = parts_of(arena, threads);
  for (const auto& part : parts) benches.push_back(std::make_unique<Bench>(line, part));
  std::vector<std::byte> payload(4 * arena.gradient.size() + 64);
  const MemoryMover mover(line.streams, arena);
  if (line.pass != Pass::encode) {
    for (const auto& bench : benches) bench->encode();
  }
  Times best;
  for (int i = 0; i < repeat; ++i) {
    best.limit = std::min(best.limit, timed(parts.size(), [&](std::size_t part) {
                            mover.move(arena.range_of(parts[part]), payload);
                          }));
    arena.fill();
    best.codec = std::min(
        best.codec, timed(parts.size(), [&](std::size_t part) { benches[part]->run(line.pass); }));
  }
  return best;
}

}  // namespace

Measured measure(const BenchCase& line, Arena& arena, int repeat, int threads) {
  Measured result{&line, times_of(line, arena, repeat, 1), {}};
  if (threads > 1) result.several = times_of(line, arena, repeat, threads);
  return result;
}

}  // namespace terse
