// Where a message is cut: its head into segments, then its body, by capacity, so that both sides
// cut alike.
#pragma once

#include <algorithm>
#include <cstddef>

namespace terse {

// How many segments a message has, and where the k-th of them lies. Beyond the true length of a
// body they are empty.
struct Segmentation {
  std::size_t head, capacity, segment;

  std::size_t heads() const { return (head + segment - 1) / segment; }
  std::size_t total() const { return heads() + (capacity + segment - 1) / segment; }
  bool in_head(std::size_t k) const { return k < heads(); }
  template <class Span>
  Span part(Span head_bytes, Span body, std::size_t k) const {
    const Span whole = in_head(k) ? head_bytes : body;
    const std::size_t from = std::min(whole.size(), (in_head(k) ? k : k - heads()) * segment);
    return whole.subspan(from, std::min(segment, whole.size() - from));
  }
};

}  // namespace terse
