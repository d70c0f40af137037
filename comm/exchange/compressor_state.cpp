#include "terse/comm/exchange/compressor_state.h"

namespace terse {
namespace {

std::string name_of(const Layer& layer, std::string_view what) {
  return std::string(what) + "/" + layer.name;
}

}  // namespace

Slot::Slot(std::size_t size, bool paired) {
  buffers_.emplace_back(size);
  if (paired) buffers_.emplace_back(size);
}

Slot& CompressorState::slot(const Layer& layer, std::string_view what) {
  return slot(layer, what, layer.size);
}

Slot& CompressorState::slot(const Layer& layer, std::string_view what, std::size_t size) {
  std::string name = name_of(layer, what);
  const auto found = slots_.find(name);
  if (found == slots_.end())
    return slots_.emplace(std::move(name), Slot(size, paired_)).first->second;
  if (found->second.values().size() != size) found->second = Slot(size, paired_);
  return found->second;
}

Slot* CompressorState::find(const Layer& layer, std::string_view what) {
  const auto found = slots_.find(name_of(layer, what));
  return found == slots_.end() ? nullptr : &found->second;
}

void CompressorState::forget(const Layer& layer, std::string_view what) {
  slots_.erase(name_of(layer, what));
}

void CompressorState::commit() {
  for (auto& [name, slot] : slots_) slot.swap();
}

void CompressorState::visit(
    const std::function<void(const std::string&, std::span<float>)>& visitor) {
  for (auto& [name, slot] : slots_) visitor(name, slot.values());
}

std::size_t CompressorState::bytes() const {
  std::size_t bytes = 0;
  for (const auto& [name, slot] : slots_)
    bytes += slot.values().size_bytes() * (slot.paired() ? 2 : 1);
  return bytes;
}

}  // namespace terse
