#include "terse/comm/state.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "terse/base/bytes.h"

namespace terse {
namespace {

constexpr std::size_t kAlignment = 64;

std::string name_of(const Layer& layer, std::string_view what) {
  return std::string(what) + "/" + layer.name;
}

}  // namespace

void FloatBuffer::Free::operator()(float* data) const { std::free(data); }

FloatBuffer::FloatBuffer(std::size_t size) : size_(size) {
  const std::size_t bytes = round_up(std::max<std::size_t>(size, 1) * sizeof(float), kAlignment);
  auto* data = static_cast<float*>(std::aligned_alloc(kAlignment, bytes));
  if (data == nullptr) throw std::bad_alloc();
  data_.reset(data);
  std::fill_n(data, bytes / sizeof(float), 0.0f);
}

Slot::Slot(std::size_t size, bool paired) {
  buffers_.emplace_back(size);
  if (paired) buffers_.emplace_back(size);
}

Slot& State::slot(const Layer& layer, std::string_view what) {
  return slot(layer, what, layer.size);
}

Slot& State::slot(const Layer& layer, std::string_view what, std::size_t size) {
  std::string name = name_of(layer, what);
  const auto found = slots_.find(name);
  if (found == slots_.end())
    return slots_.emplace(std::move(name), Slot(size, paired_)).first->second;
  if (found->second.values().size() != size) found->second = Slot(size, paired_);
  return found->second;
}

Slot* State::find(const Layer& layer, std::string_view what) {
  const auto found = slots_.find(name_of(layer, what));
  return found == slots_.end() ? nullptr : &found->second;
}

void State::forget(const Layer& layer, std::string_view what) {
  slots_.erase(name_of(layer, what));
}

void State::commit() {
  for (auto& [name, slot] : slots_) slot.swap();
}

void State::visit(const std::function<void(const std::string&, std::span<float>)>& visitor) {
  for (auto& [name, slot] : slots_) visitor(name, slot.values());
}

std::size_t State::bytes() const {
  std::size_t bytes = 0;
  for (const auto& [name, slot] : slots_)
    bytes += slot.values().size_bytes() * (slot.paired() ? 2 : 1);
  return bytes;
}

}  // namespace terse
