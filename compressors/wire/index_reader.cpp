#include <algorithm>
#include <array>
#include <bit>

#include "terse/compressors/kernels/cpu/quantize/bits.h"
#include "terse/compressors/wire/index_format.h"
#include "terse/compressors/wire/indices.h"

namespace terse {

using index_format::blocks_in;
using index_format::chunks_in;
using index_format::counts_bytes;
using index_format::kCountAt;
using index_format::kHead;
using index_format::kPackedBlock;
using index_format::kRiceBlock;
using index_format::kWidest;
using index_format::kWord;
using index_format::packed_tables;
using index_format::rice_tables;
using kernels::bytes_for;

std::uint32_t IndexReader::word(std::size_t i) const {
  return load<std::uint32_t>(payload_.data() + table_ + kWord * i);
}

std::uint32_t IndexReader::blocks() const { return blocks_in(count_, block_); }

std::uint32_t IndexReader::in_block(std::uint32_t block) const {
  return std::min(block_, count_ - block * block_);
}

// Locates the parts and checks every length, but not their content.
PayloadError IndexReader::parse(ConstBytes payload, std::uint32_t n, std::uint32_t max_entries) {
  if (payload.size() < kHead) return "it is shorter than its head";
  payload_ = payload;
  n_ = n;
  table_ = kHead;
  const auto head = load<std::uint32_t>(payload.data());
  coding_ = static_cast<Coding>(head & 0xff);
  shift_ = head >> 8;
  count_ = load<std::uint32_t>(payload.data() + kCountAt);
  const bool known = coding_ >= Coding::offsets && coding_ <= Coding::rice;
  if (!known || shift_ > (coding_ == Coding::rice ? 31u : 0u))
    return "its indices have an unknown coding";
  if (count_ > max_entries || count_ > n) return "it has more entries than its density allows";
  if (coding_ == Coding::offsets || coding_ == Coding::bitmap) {
    body_ = counts_bytes(n);
    end_ = body_ + (coding_ == Coding::offsets ? std::size_t{count_} * 2 : bytes_for(n));
  } else if (coding_ == Coding::packed) {
    block_ = kPackedBlock;
    second_ = kHead + kWord * std::size_t{blocks()};
    body_ = packed_tables(count_);
    if (body_ > payload.size()) return "its length does not fit its number of entries";
    end_ = block_at(blocks());
  } else {
    block_ = kRiceBlock;
    second_ = kHead + kWord * std::size_t{blocks()};
    body_ = rice_tables(count_);
    if (body_ > payload.size()) return "its length does not fit its number of entries";
    end_ = block_at(blocks());
  }
  bytes_ = round_up(end_, kWord);
  if (bytes_ > payload.size()) return "its length does not fit its number of entries";
  return {};
}

// Where the bits of a block begin; for packed gaps, this adds up the widths of earlier blocks.
std::size_t IndexReader::block_at(std::uint32_t block) const {
  if (coding_ == Coding::rice) {
    if (block == 0) return body_;
    return body_ + load<std::uint32_t>(payload_.data() + second_ + kWord * (block - 1));
  }
  std::size_t at = body_;
  for (std::uint32_t b = 0; b < block; ++b) at = block_end(b, at);
  return at;
}

std::size_t IndexReader::block_end(std::uint32_t block, std::size_t at) const {
  if (coding_ == Coding::rice) return block_at(block + 1);
  return at + bytes_for(std::size_t{in_block(block) - 1} * width_of(block));
}

unsigned IndexReader::width_of(std::uint32_t block) const {
  return static_cast<unsigned>(payload_[second_ + block]);
}

kernels::PackedGaps IndexReader::packed_gaps(std::uint32_t block, std::size_t at) const {
  return {.from = payload_.data() + at,
          .end = payload_.data() + payload_.size(),
          .first = word(block),
          .width = width_of(block),
          .count = in_block(block) - 1};
}

kernels::RiceGaps IndexReader::rice_gaps(std::uint32_t block, std::size_t at) const {
  const std::uint32_t count = in_block(block) - 1;
  return {.low = payload_.data() + at,
          .high = payload_.data() + at + bytes_for(std::size_t{count} * shift_),
          .end = payload_.data() + block_end(block, at),
          .limit = payload_.data() + payload_.size(),
          .first = word(block),
          .shift = shift_,
          .count = count};
}

// The last index of a block, computed from its bits; 2^32 or more if they are damaged.
std::uint64_t IndexReader::last_index_of_block(std::uint32_t block, std::size_t at) const {
  if (coding_ == Coding::packed) return kernels::last_index_of_gaps(packed_gaps(block, at));
  return kernels::last_index_of_rice(rice_gaps(block, at));
}

void IndexReader::read_block(std::uint32_t block, std::size_t at, std::uint32_t* into) const {
  into[0] = word(block);
  if (coding_ == Coding::packed) {
    kernels::read_gaps(packed_gaps(block, at), into + 1);
  } else {
    kernels::read_rice(rice_gaps(block, at), into + 1);
  }
}

PayloadError IndexReader::check() const {
  const PayloadError error = coding_ == Coding::offsets  ? check_offsets()
                             : coding_ == Coding::bitmap ? check_bitmap()
                                                         : check_blocks();
  if (error) return error;
  for (std::size_t at = end_; at < bytes_; ++at) {
    if (payload_[at] != std::byte{0}) return "its padding is not zero";
  }
  return {};
}

PayloadError IndexReader::check_offsets() const {
  std::uint32_t at = 0;
  for (std::uint32_t chunk = 0; chunk < chunks_in(n_); ++chunk) {
    const std::uint32_t in_chunk = word(chunk);
    if (in_chunk > count_ - at) return "its chunks have more entries than it has";
    const std::uint32_t elements = std::min(kChunk, n_ - chunk * kChunk);
    std::uint32_t least = 0;
    for (const std::uint32_t end = at + in_chunk; at < end; ++at) {
      const std::uint32_t offset =
          load<std::uint16_t>(payload_.data() + body_ + at * sizeof(std::uint16_t));
      if (offset < least || offset >= elements)
        return "an index is out of order or past the end of the row";
      least = offset + 1;
    }
  }
  if (at != count_) return "its chunks have fewer entries than it has";
  return {};
}

PayloadError IndexReader::check_bitmap() const {
  std::size_t total = 0;
  for (std::uint32_t chunk = 0; chunk < chunks_in(n_); ++chunk) {
    const std::size_t bytes = bytes_for(std::min(kChunk, n_ - chunk * kChunk));
    std::uint32_t ones = 0;
    for (const std::byte byte : payload_.subspan(body_ + chunk * (kChunk / 8), bytes))
      ones += static_cast<std::uint32_t>(std::popcount(static_cast<std::uint8_t>(byte)));
    if (ones != word(chunk)) return "a chunk of its bitmap has another count than it says";
    total += ones;
  }
  if (total != count_) return "its chunks have fewer entries than it has, or more";
  if (n_ % 8 != 0 && static_cast<unsigned>(payload_[end_ - 1]) >> n_ % 8 != 0)
    return "an index is past the end of the row";
  return {};
}

PayloadError IndexReader::check_blocks() const {
  const std::uint32_t blocks = this->blocks();
  std::size_t at = body_;
  if (coding_ == Coding::packed) {
    for (std::uint32_t b = 0; b < blocks; ++b) {
      if (width_of(b) > kWidest) return "a gap is too wide";
    }
    for (std::size_t i = second_ + blocks; i < body_; ++i) {
      if (payload_[i] != std::byte{0}) return "its padding is not zero";
    }
  }
  std::uint32_t least = 0;
  for (std::uint32_t b = 0; b < blocks; ++b) {
    const std::size_t end = block_end(b, at),
                      low = bytes_for((in_block(b) - 1) * std::size_t{shift_});
    if (end < at + low || end > end_) return "the blocks of its indices are out of order";
    const std::uint64_t last = last_index_of_block(b, at);
    if (last > 0xffffffffu) return "a block of its indices is damaged";
    if (word(b) < least || last >= n_) return "an index is out of order or past the end of the row";
    least = static_cast<std::uint32_t>(last) + 1;
    at = end;
  }
  return {};
}

PayloadError IndexReader::find_error(ConstBytes payload, std::uint32_t n,
                                     std::uint32_t max_entries) {
  IndexReader reader;
  if (const PayloadError error = reader.parse(payload, n, max_entries)) return error;
  return reader.check();
}

IndexReader::IndexReader(ConstBytes payload, std::uint32_t n) { parse(payload, n, n); }

void IndexReader::read(std::uint32_t* indices) const {
  if (coding_ == Coding::packed || coding_ == Coding::rice) {
    std::size_t at = body_;
    for (std::uint32_t b = 0; b < blocks(); ++b) {
      read_block(b, at, indices + std::size_t{b} * block_);
      at = block_end(b, at);
    }
    return;
  }
  for (std::uint32_t chunk = 0; chunk < chunks_in(n_); ++chunk) {
    const Run run = read_chunk(chunk, indices);
    for (std::uint32_t i = 0; i < run.count; ++i) indices[i] += chunk * kChunk;
    indices += run.count;
  }
}

IndexReader::Run IndexReader::run_of_chunk(std::uint32_t chunk) const {
  Run run{0, word(chunk)};
  for (std::uint32_t before = 0; before < chunk; ++before) run.begin += word(before);
  return run;
}

IndexReader::Run IndexReader::read_chunk(std::uint32_t chunk, std::uint32_t* into) const {
  const std::uint32_t base = chunk * kChunk;
  if (coding_ == Coding::offsets) {
    const Run run = run_of_chunk(chunk);
    const std::byte* const from = payload_.data() + body_ + run.begin * sizeof(std::uint16_t);
    for (std::uint32_t i = 0; i < run.count; ++i)
      into[i] = load<std::uint16_t>(from + i * sizeof(std::uint16_t));
    return run;
  }
  if (coding_ == Coding::bitmap) {
    const Run run = run_of_chunk(chunk);
    const std::size_t begin = body_ + chunk * (kChunk / 8),
                      end = std::min(begin + kChunk / 8, end_);
    for (std::size_t at = begin; at < end; ++at) {
      for (auto bits = static_cast<unsigned>(payload_[at]); bits != 0; bits &= bits - 1)
        *into++ = static_cast<std::uint32_t>(8 * (at - begin)) +
                  static_cast<std::uint32_t>(std::countr_zero(bits));
    }
    return run;
  }
  // The block before the first one that begins in the chunk may extend into it.
  std::uint32_t low = 0, high = blocks();
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    if (word(middle) < base)
      low = middle + 1;
    else
      high = middle;
  }
  std::uint32_t block = low == 0 ? 0 : low - 1;
  std::size_t at = block_at(block);
  const std::uint64_t until = std::uint64_t{base} + kChunk;
  std::array<std::uint32_t, kRiceBlock> indices;
  Run run{block * block_, 0};
  for (; block < blocks() && word(block) < until; ++block) {
    const std::size_t begin = at;
    at = block_end(block, at);
    if (word(block) >= base && block + 1 < blocks() && word(block + 1) <= until) {
      std::uint32_t* const whole = into + run.count;
      read_block(block, begin, whole);
      for (std::uint32_t i = 0; i < in_block(block); ++i) whole[i] -= base;
      run.count += in_block(block);
      continue;
    }
    read_block(block, begin, indices.data());
    for (std::uint32_t i = 0; i < in_block(block); ++i) {
      if (indices[i] < base)
        ++run.begin;
      else if (indices[i] < until)
        into[run.count++] = indices[i] - base;
    }
  }
  return run;
}

}  // namespace terse
