#include "terse/comm/channel/channel.h"

#include <utility>

#include "terse/base/error.h"

namespace terse {

void StepFlags::raise(std::uint8_t flag, std::uint16_t rank) {
  if ((flag & kNonFinite) && (!(bits & kNonFinite) || rank < origin)) origin = rank;
  bits |= flag;
}

void StepFlags::join(const Header& header) { raise(header.flags, header.origin); }

Channel::Channel(Communicator& communicator, StepFlags& flags, std::string layers)
    : communicator_(communicator), flags_(flags), layers_(std::move(layers)) {
  const auto peers = static_cast<std::size_t>(size());
  outgoing_.reserve(peers);
  incoming_.reserve(peers);
  expected_.reserve(peers);
}

void Channel::begin(std::uint64_t step, std::uint32_t plan, std::uint16_t group) {
  step_ = step;
  plan_ = plan;
  group_ = group;
  round_ = 0;
  open_ = false;
}

Header Channel::header_of(std::uint16_t sender) const {
  Header header;
  header.sender = sender;
  header.plan = plan_;
  header.group = group_;
  header.round = round_;
  header.step = step_;
  return header;
}

void Channel::send(int peer, Frame& frame) {
  outgoing_.push_back({peer, frame.head(), frame.content(), frame.capacity()});
}

void Channel::receive(int peer, Frame& frame) {
  incoming_.push_back({peer, frame.head(), frame.body()});
  expected_.push_back(&frame);
}

void Channel::post() {
  ticket_ = communicator_.post(outgoing_, incoming_);
  open_ = true;
}

Channel::Awaiter Channel::all_to_all(Mailbox& out, Mailbox& in) {
  begin_round();
  // Peers in rotation from rank + 1, so that no rank is the first peer of all others.
  for (int i = 1; i < size(); ++i) {
    const int peer = (rank() + i) % size();
    seal(out[static_cast<std::size_t>(peer)]);
    send(peer, out[static_cast<std::size_t>(peer)]);
    receive(peer, in[static_cast<std::size_t>(peer)]);
  }
  if (size() > 1) post();
  return Awaiter(*this);
}

Channel::Awaiter Channel::all_gather(Mailbox& all) {
  begin_round();
  Frame& mine = all[static_cast<std::size_t>(rank())];
  if (size() > 1) seal(mine);
  for (int i = 1; i < size(); ++i) {
    const int peer = (rank() + i) % size();
    send(peer, mine);
    receive(peer, all[static_cast<std::size_t>(peer)]);
  }
  if (size() > 1) post();
  return Awaiter(*this);
}

void Channel::begin_round() {
  outgoing_.clear();
  incoming_.clear();
  expected_.clear();
}

void Channel::seal(Frame& frame) const {
  Header header = header_of(static_cast<std::uint16_t>(rank()));
  header.flags = flags_.bits;
  header.origin = flags_.origin;
  frame.seal(header);
}

Channel::Awaiter Channel::pair(int to, Frame* out, int from, Frame* in) {
  begin_round();
  if (out != nullptr) {
    seal(*out);
    send(to, *out);
  }
  if (in != nullptr) receive(from, *in);
  if (size() > 1) post();
  return Awaiter(*this);
}

Channel::Awaiter Channel::broadcast(int root, Frame& frame) {
  begin_round();
  if (root == rank() && size() > 1) seal(frame);
  for (int i = 1; i < size() && root == rank(); ++i) send((rank() + i) % size(), frame);
  if (root != rank()) receive(root, frame);
  if (size() > 1) post();
  return Awaiter(*this);
}

void Channel::finish_round() {
  if (!open_) return;  // a world of one
  for (std::size_t i = 0; i < incoming_.size(); ++i) {
    try {
      expected_[i]->open(header_of(static_cast<std::uint16_t>(incoming_[i].peer)),
                         communicator_.received(ticket_, i));
    } catch (const DamagedMessage& error) {
      DamagedMessage named(fmt::format("{} It carried {}.", error.what(), layers_));
      named.names_step = true;
      throw named;
    }
    flags_.join(expected_[i]->header());
  }
  communicator_.release(ticket_);
  open_ = false;
  ++round_;
}

}  // namespace terse
