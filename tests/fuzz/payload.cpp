// Any bytes as a payload: it is refused as damaged, or decoded without accessing other memory.
// Decoded sparse rows agree with their entries, read one by one.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <new>
#include <vector>

#include "fuzz/shape.h"
#include "terse/base/error.h"
#include "terse/compressors/low_rank/low_rank.h"
#include "terse/compressors/sparse/sparsifier.h"

namespace {

using namespace terse;
using fuzz::Shape;

constexpr auto kKinds = fuzz::kinds_of(TERSE_FUZZ_TARGET);
static_assert(!kKinds.empty());
constexpr float kWeight = 0.5f;

// Memory of exactly the size that a codec asked for.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes)
      : memory_(static_cast<std::byte*>(::operator new(bytes, kAlignment))), size_(bytes) {}
  ~Workspace() { ::operator delete(memory_, kAlignment); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  Bytes bytes() const { return {memory_, size_}; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  std::byte* memory_;
  std::size_t size_;
};

// The size that a payload with this beginning must have, if it is known.
std::size_t wanted_bytes(const Codec& codec, const Row& row, ConstBytes payload) {
  if (codec.traits().fixed_size) return codec.capacity(row.n, row.level);
  if (const auto* const sparse = dynamic_cast<const Sparsifier*>(&codec)) {
    const std::uint32_t max_entries = sparse->max_entries(row.n, row.level);
    if (IndexReader::find_error(payload, row.n, max_entries)) return payload.size();
    const IndexReader indices(payload, row.n);
    return indices.bytes() + sparse->values().capacity(indices.count());
  }
  const auto shape = low_rank::shape_of(row.n0, row.n1, row.level);
  return (shape.p() + shape.q()) * sizeof(float);
}

// A frame whose body ends at the end of its memory.
Frame received(std::vector<std::byte>& body, std::size_t lead) {
  Frame frame({0, 1}, body.size());
  frame.bind(body);
  frame.end_row(lead);
  frame.end_row(body.size() - lead);
  return frame;
}

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

// Reads an accepted payload as exchanges with several rounds do.
void read_entries(const Sparsifier& codec, const Row& row, ConstBytes payload, bool alone) {
  const std::uint32_t max_entries = codec.max_entries(row.n, row.level);
  const SparseReader reader(payload, row.n, codec.values());
  if (reader.count() > max_entries) std::abort();
  std::vector<std::uint32_t> index(reader.count());
  std::vector<float> value(reader.count());
  Entries entries{index, value, {}, 0};
  Workspace workspace(SparseReader::scratch(row.n, max_entries, codec.values()));
  Scratch scratch(workspace.bytes());
  reader.read(entries, SparseReader::carve(scratch, row.n, max_entries, codec.values()));
  for (std::uint32_t i = 0, next = 0; i < row.n && alone; ++i) {
    const bool named = next < entries.count && index[next] == i;
    if (!same(row.out[i], named ? 0.0f + kWeight * value[next] : 0.0f)) std::abort();
    if (named) ++next;
  }
}

void decode(const Shape& shape, ConstBytes input) {
  const fuzz::PayloadKind& kind = kKinds[shape.kind % kKinds.size()];
  const auto codec = codec_of(shape, kind);
  Row row = row_of(shape, kind, elements_of(shape, input));
  const ConstBytes sent = input.subspan(fuzz::kShapeBytes);
  // PowerSGD's payloads are aligned floats, so no bytes precede them.
  const std::size_t lead = kind.codec == "powersgd" ? 0 : shape.flags >> 6;
  const bool as_sent = (shape.flags & fuzz::kAsSent) != 0;
  std::vector<std::byte> body(lead + (as_sent ? sent.size() : wanted_bytes(*codec, row, sent)));
  const std::size_t length = std::min(sent.size(), body.size() - lead);
  std::copy_n(sent.begin(), length, body.begin() + static_cast<std::ptrdiff_t>(lead));

  Mailbox in((shape.flags & fuzz::kOwn) != 0 ? 1 : 0);
  in.insert(in.end(), 1 + shape.ranks % 4, received(body, lead));
  const bool alone = (shape.flags & fuzz::kAlone) != 0;
  if (alone) row.frame = static_cast<std::int16_t>(in.size() - 1);
  row.slot = 1;
  std::vector<float> out(row.n, 0.25f);
  row.grad = row.out = out.data();
  float shared = 0;
  if (sent.size() >= sizeof(float)) shared = load<float>(sent.data());
  if ((shape.flags & fuzz::kShared) != 0 && kind.codec == "terngrad") row.shared = &shared;
  Workspace workspace(codec->scratch(row.n, row.level));
  try {
    codec->decode({&row, 1}, in, kWeight, feedback::kNone, {.scratch = workspace.bytes()});
  } catch (const DamagedMessage&) {
    return;
  }
  if (const auto* const sparse = dynamic_cast<const Sparsifier*>(codec.get()))
    read_entries(*sparse, row, in.back().payload(row.slot), alone);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  if (size >= fuzz::kShapeBytes) decode(load<Shape>(input.data()), input);
  return 0;
}
