#include "terse/compressors/pass.h"

#include <algorithm>

#include "terse/base/error.h"

namespace terse {

Bytes Scratch::take_bytes(std::size_t bytes) {
  if (bytes > left_.size())
    fail("the working memory of a codec is {} bytes too small.", bytes - left_.size());
  const Bytes part = left_.first(bytes);
  left_ = left_.subspan(bytes);
  return part;
}

SourceRanks source_ranks_of(const Row& row, const Mailbox& in) {
  if (row.frame == kEvery) {
    for (const Frame& frame : in) {
      if (frame.present() && row.slot >= frame.rows())
        fail("a frame of {} rows has no row {}.", frame.rows(), row.slot);
    }
    return {0, in.size()};
  }
  const auto frame = static_cast<std::size_t>(row.frame);
  if (row.frame < 0 || frame >= in.size() || !in[frame].present() || row.slot >= in[frame].rows()) {
    fail("row {} of frame {} cannot be decoded: there is no such frame or row.", row.slot,
         row.frame);
  }
  return {frame, frame + 1};
}

Frame& output_frame(const Row& row, Mailbox& out, std::size_t bytes) {
  const auto index = static_cast<std::size_t>(row.frame);
  if (row.frame < 0 || index >= out.size() || !out[index].present())
    fail("a row cannot be encoded into frame {}: there is no such frame.", row.frame);
  if (out[index].space().size() < bytes) {
    fail("frame {} has {} bytes left, and a row of {} elements needs {}.", row.frame,
         out[index].space().size(), row.n, bytes);
  }
  return out[index];
}

void require_residual(const Row& row, const Feedback& feedback) {
  if (feedback.keeps_residual() && row.e_out == nullptr && row.n > 0) {
    fail("a row of {} elements keeps a residual and was given no memory for it.", row.n);
  }
}

void report_bad_row(const Exec& exec, std::size_t index) {
  if (exec.bad_row != nullptr && *exec.bad_row < 0)
    *exec.bad_row = static_cast<std::int64_t>(index);
}

void throw_damaged(const Row& row, std::size_t index, std::size_t rank, std::string_view what) {
  fail<DamagedMessage>(
      "what rank {} sent for row {} (layer {:016x}, {} elements from {}) cannot be decoded: {}. "
      "The link or the memory of one of the two machines alters data, or the ranks run different "
      "programs.",
      rank, index, row.layer, row.n, row.first, what);
}

std::size_t largest_row(std::span<const Row> rows) {
  std::size_t n = 0;
  for (const Row& row : rows) n = std::max<std::size_t>(n, row.n);
  return n;
}

}  // namespace terse
