#include "terse/comm/exchange/sums/vector_sum.h"

namespace terse {
namespace {

constexpr std::size_t kAlignment = 16;  // elements: 64 bytes

}  // namespace

VectorSum::VectorSum(const GroupContext& context, std::span<const std::uint32_t> sizes,
                     std::shared_ptr<const Codec> codec, float level)
    : sum_(build(context, sizes, std::move(codec), level)) {}

ReduceScatterSum VectorSum::build(const GroupContext& context, std::span<const std::uint32_t> sizes,
                                  std::shared_ptr<const Codec> codec, float level) {
  std::size_t elements = 0;
  for (const std::uint32_t size : sizes) {
    offsets_.push_back(elements);
    elements += round_up(size, kAlignment);
  }
  const bool sizes_only = context.state == nullptr;
  if (!sizes_only) values_ = FloatBuffer(elements);

  std::vector<Layer> layers;
  Plan plan;
  GroupSpec spec;
  plan.schemes.push_back({.name = "vectors", .codec = codec, .feedback = {}});
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    layers.push_back({.name = context.layers[context.spec.pieces[i].layer].name,
                      .grad = sizes_only ? nullptr : vector(i),
                      .size = sizes[i],
                      .dimensions = 2});
    plan.assignments.push_back({.scheme = 0, .level = level});
    spec.pieces.push_back({static_cast<std::uint32_t>(i), 0, sizes[i]});
  }
  return {std::move(codec), {layers, plan, spec, context.rank, context.world, nullptr, nullptr}};
}

void VectorSum::add_rounding() {
  if (values_.values().empty()) return;
  rounding_ = FloatBuffer(values_.values().size());
  const float* const begin = values_.values().data();
  for (std::vector<Row>* rows : {&sum_.send, &sum_.own, &sum_.reencode}) {
    for (Row& row : *rows) row.e_out = rounding_.values().data() + (row.grad - begin);
  }
}

void VectorSum::begin(const Group& outer, const Feedback& feedback) {
  group_.feedback = feedback;
  group_.key = outer.key;
  group_.exec = outer.exec;
  group_.bad_row = -1;
  group_.exec.bad_row = &group_.bad_row;
}

}  // namespace terse
