// What every world has to do, as functions of one rank's communicator: run in-process by tests/comm
// and under mpirun by tests/mpi. Contents are functions of (from, to, round), so every byte is
// checked without a word between the ranks.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "terse/base/error.h"
#include "terse/base/random.h"
#include "terse/comm/transport/communicator.h"

namespace terse::test {

inline std::byte content(int from, int to, std::uint64_t round, std::size_t i) {
  const std::uint64_t key = combine(static_cast<std::uint64_t>(from), to, round);
  return static_cast<std::byte>((key + i * 0x9E3779B97F4A7C15u) >> 37);
}

inline std::vector<std::byte> contents(int from, int to, std::uint64_t round, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = content(from, to, round, i);
  return bytes;
}

// Sizes around the places where segments begin and end.
struct Shape {
  std::size_t head, body, capacity;
};
inline Shape shape(const Communicator& communicator, int from, int to, std::uint64_t round) {
  const std::size_t segment = communicator.options().segment_bytes;
  const std::uint64_t draw = combine(static_cast<std::uint64_t>(from), to, round, 7);
  const std::size_t bodies[] = {
      0, 1, segment - 1, segment, segment + 1, 3 * segment + 5, draw % (5 * segment)};
  const std::size_t heads[] = {40, 0, 1, segment, segment + 3};
  const std::size_t spare[] = {0, 1, segment, 4 * segment + 2};
  const std::size_t body = bodies[(draw >> 8) % std::size(bodies)];
  return {heads[(draw >> 16) % std::size(heads)], body,
          body + spare[(draw >> 24) % std::size(spare)]};
}

// One round of messages with its buffers, for the pairs that `talks` names.
class TestRound {
 public:
  template <class Talks>
  TestRound(Communicator& communicator, std::uint64_t number, Talks talks)
      : communicator_(communicator), number_(number) {
    const int rank = communicator.rank(), size = communicator.size();
    for (int peer = 0; peer < size; ++peer) {
      if (peer == rank) continue;
      if (talks(rank, peer)) {
        const Shape out = shape(communicator, rank, peer, number);
        sent_bytes_ += out.head + out.body;
        buffers_.push_back(contents(rank, peer, number, out.head));
        buffers_.push_back(contents(rank, peer, number + kBody, out.body));
        send_.push_back({peer, buffers_[buffers_.size() - 2], buffers_.back(), out.capacity});
      }
      if (talks(peer, rank)) {
        const Shape in = shape(communicator, peer, rank, number);
        received_bytes_ += in.head + in.body;
        buffers_.emplace_back(in.head, kUntouched);
        buffers_.emplace_back(in.capacity, kUntouched);
        receive_.push_back({peer, buffers_[buffers_.size() - 2], buffers_.back()});
      }
    }
    ticket_ = communicator.post(send_, receive_);
  }

  std::size_t sent_bytes() const { return sent_bytes_; }
  std::size_t received_bytes() const { return received_bytes_; }
  std::size_t messages() const { return send_.size(); }

  void finish() {
    communicator_.wait(ticket_);
    for (std::size_t i = 0; i < receive_.size(); ++i) {
      const Incoming& part = receive_[i];
      const int rank = communicator_.rank();
      const Shape in = shape(communicator_, part.peer, rank, number_);
      ASSERT_EQ(communicator_.received(ticket_, i), in.body)
          << "from " << part.peer << " in round " << number_;
      ASSERT_TRUE(std::ranges::equal(part.head, contents(part.peer, rank, number_, in.head)))
          << "head from " << part.peer;
      ASSERT_TRUE(std::ranges::equal(part.body.first(in.body),
                                     contents(part.peer, rank, number_ + kBody, in.body)))
          << "body from " << part.peer << " in round " << number_;
      const Bytes rest = part.body.subspan(in.body);
      ASSERT_TRUE(std::ranges::all_of(rest, [](std::byte b) { return b == kUntouched; }))
          << "beyond the true length";
    }
    communicator_.release(ticket_);
  }

 private:
  static constexpr std::uint64_t kBody = std::uint64_t{1} << 40;
  static constexpr std::byte kUntouched{0xA5};
  Communicator& communicator_;
  std::uint64_t number_;
  std::vector<std::vector<std::byte>> buffers_;
  std::vector<Outgoing> send_;
  std::vector<Incoming> receive_;
  std::size_t sent_bytes_ = 0, received_bytes_ = 0;
  Ticket ticket_;
};

inline constexpr auto kAllToAll = [](int, int) { return true; };

// All-to-all, one round after the other; the counters hold what was sent, to the byte.
inline void body_all_to_all(Communicator& communicator) {
  const Traffic before = communicator.traffic();
  Traffic expected;
  for (std::uint64_t number = 0; number < 40; ++number) {
    TestRound round(communicator, number, kAllToAll);
    expected.bytes_sent += round.sent_bytes();
    expected.bytes_received += round.received_bytes();
    expected.messages_sent += round.messages();
    round.finish();
  }
  const Traffic after = communicator.traffic();
  EXPECT_EQ(after.bytes_sent - before.bytes_sent, expected.bytes_sent);
  EXPECT_EQ(after.bytes_received - before.bytes_received, expected.bytes_received);
  EXPECT_EQ(after.messages_sent - before.messages_sent, expected.messages_sent);
}

// Many rounds open at once, finished in an order that is not the posted one and differs from rank
// to rank.
inline void body_many_open_rounds(Communicator& communicator) {
  std::vector<std::unique_ptr<TestRound>> rounds;
  for (std::uint64_t number = 0; number < 60; ++number) {
    rounds.push_back(std::make_unique<TestRound>(communicator, 1000 + number, kAllToAll));
    if (number % 7 == static_cast<std::uint64_t>(communicator.rank())) communicator.drive();
  }
  std::vector<std::size_t> order(rounds.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return combine(i, communicator.rank()); });
  for (const std::size_t i : order) rounds[i]->finish();
}

// Rounds in which only some pairs talk: rings, trees, and now and then nobody.
inline void body_uneven_rounds(Communicator& communicator) {
  const int size = communicator.size();
  std::vector<std::unique_ptr<TestRound>> rounds;
  for (std::uint64_t number = 0; number < 40; ++number) {
    rounds.push_back(
        std::make_unique<TestRound>(communicator, 2000 + number, [=](int from, int to) {
          switch (number % 4) {
            case 0:
              return to == (from + 1 + static_cast<int>(number / 4)) % size;
            case 1:
              return to == 0;
            case 2:
              return false;
            default:
              return combine(static_cast<std::uint64_t>(from), to, number) % 3 == 0;
          }
        }));
  }
  for (auto& round : rounds) round->finish();
}

inline void body_gather_and_broadcast(Communicator& communicator) {
  const auto text = [](int rank, int turn) {
    return std::string(static_cast<std::size_t>((rank + turn) % 3) * 50'000, 'a') +
           std::to_string(rank);
  };
  for (int turn = 0; turn < 3; ++turn) {
    const std::vector<std::string> all = all_gather(communicator, text(communicator.rank(), turn));
    ASSERT_EQ(all.size(), static_cast<std::size_t>(communicator.size()));
    for (int rank = 0; rank < communicator.size(); ++rank)
      EXPECT_EQ(all[static_cast<std::size_t>(rank)], text(rank, turn));
  }
  const auto none = all_gather(communicator, ConstBytes{});
  EXPECT_TRUE(std::ranges::all_of(none, [](const auto& bytes) { return bytes.empty(); }));
  for (int root = 0; root < communicator.size(); ++root) {
    for (const std::size_t length : {0u, 5u, 200'000u}) {
      const std::vector<std::byte> wanted = contents(root, root, length, length);
      std::vector<std::byte> bytes =
          communicator.rank() == root ? wanted : std::vector<std::byte>(length);
      broadcast(communicator, root, bytes);
      EXPECT_TRUE(bytes == wanted) << "from root " << root;
    }
  }
}

// Posts that make no sense are refused and leave the world usable; a round that is open is neither
// read nor released.
inline void body_misuse(Communicator& communicator) {
  std::vector<std::byte> bytes(10);
  const Outgoing to_self[] = {{communicator.rank(), {}, bytes, 10}};
  const Outgoing to_nobody[] = {{communicator.size(), {}, bytes, 10}};
  const Incoming from_nobody[] = {{-1, {}, bytes}};
  EXPECT_THROW(communicator.post(to_self, {}), std::runtime_error);
  EXPECT_THROW(communicator.post(to_nobody, {}), std::runtime_error);
  EXPECT_THROW(communicator.post({}, from_nobody), std::runtime_error);
  const Ticket empty = communicator.post({}, {});
  EXPECT_TRUE(communicator.done(empty));
  communicator.release(empty);
  if (communicator.size() == 1) return;
  const int next = (communicator.rank() + 1) % communicator.size();
  const int previous = (communicator.rank() + communicator.size() - 1) % communicator.size();
  const Outgoing too_long[] = {{next, {}, bytes, 9}};
  EXPECT_THROW(communicator.post(too_long, {}), std::runtime_error);
  std::vector<std::byte> in(10);
  const Outgoing send[] = {{next, {}, bytes, 10}};
  const Incoming receive[] = {{previous, {}, in}};
  const Ticket ticket = communicator.post(send, receive);
  EXPECT_FALSE(communicator.done(ticket));
  EXPECT_THROW(communicator.received(ticket, 0), std::runtime_error);
  EXPECT_THROW(communicator.release(ticket), std::runtime_error);
  communicator.wait(ticket);
  EXPECT_EQ(communicator.received(ticket, 0), 10u);
  EXPECT_THROW(communicator.received(ticket, 1), std::runtime_error);
  communicator.release(ticket);
  EXPECT_THROW(communicator.received(ticket, 0), std::runtime_error);
  // The next round takes the slot; the old ticket stays without a meaning.
  const Ticket later = communicator.post(send, receive);
  EXPECT_EQ(later.index, ticket.index);
  communicator.wait(later);
  EXPECT_TRUE(communicator.done(ticket));
  EXPECT_THROW(communicator.received(ticket, 0), std::runtime_error);
  communicator.release(ticket);
  EXPECT_EQ(communicator.received(later, 0), 10u);
  communicator.release(later);
}

struct Body {
  const char* name;
  void (*run)(Communicator&);
};
inline constexpr Body kBodies[] = {
    {"AllToAll", body_all_to_all},
    {"ManyOpenRounds", body_many_open_rounds},
    {"UnevenRounds", body_uneven_rounds},
    {"GatherAndBroadcast", body_gather_and_broadcast},
    {"Misuse", body_misuse},
};

// One rank gives up: everyone learns who and why, this rank too, and every later call says the
// same.
inline void body_abort(Communicator& communicator) {
  const int culprit = communicator.size() - 1;
  std::vector<std::byte> bytes(100);
  std::vector<Incoming> receive;
  if (communicator.rank() != culprit) receive.push_back({culprit, {}, bytes});
  const Ticket ticket = communicator.post({}, receive);
  if (communicator.rank() == culprit) communicator.abort("the disk under runs/a is full");
  for (int again = 0; again < 2; ++again) {
    try {
      communicator.wait(ticket);
      communicator.drive();
      FAIL() << "nobody said that the run is over";
    } catch (const PeerLost& lost) {
      EXPECT_EQ(lost.rank(), culprit);
      EXPECT_EQ(std::string(lost.what()), "rank " + std::to_string(culprit) +
                                              " stopped the run: the disk under runs/a is full");
    }
  }
  EXPECT_THROW(communicator.post({}, {}), PeerLost);
}

// Rank 0 sends what rank 1 does not expect: an error that names the sender, nothing out of bounds.
inline void send_misfit(Communicator& communicator, std::span<const Outgoing> send,
                        std::span<const Incoming> receive) {
  if (communicator.size() == 1) return;
  try {
    if (communicator.rank() == 0) communicator.wait(communicator.post(send, {}));
    if (communicator.rank() == 1) communicator.wait(communicator.post({}, receive));
    for (int idle = 0;; communicator.drive()) Communicator::rest(idle);
  } catch (const DamagedMessage& damage) {
    EXPECT_EQ(communicator.rank(), 1);
    EXPECT_NE(std::string(damage.what()).find("from rank 0"), std::string::npos) << damage.what();
    communicator.abort(damage.what());
    EXPECT_THROW(communicator.drive(), PeerLost);
  } catch (const PeerLost& lost) {
    EXPECT_NE(communicator.rank(), 1);
    EXPECT_EQ(lost.rank(), 1) << lost.what();
  }
}

inline void body_too_long(Communicator& communicator) {
  std::vector<std::byte> bytes(100);
  const Outgoing send[] = {{1, {}, bytes, 100}};
  const Incoming receive[] = {{0, {}, Bytes(bytes).first(50)}};
  send_misfit(communicator, send, receive);
}

inline void body_short_head(Communicator& communicator) {
  std::vector<std::byte> bytes(100);
  const Outgoing send[] = {{1, ConstBytes(bytes).first(40), {}, 0}};
  const Incoming receive[] = {{0, Bytes(bytes).first(41), {}}};
  send_misfit(communicator, send, receive);
}

// Two messages where one of two segments is expected.
inline void body_hole(Communicator& communicator) {
  const std::size_t segment = communicator.options().segment_bytes;
  std::vector<std::byte> bytes(2 * segment);
  const ConstBytes part = ConstBytes(bytes).first(segment / 2);
  const Outgoing send[] = {{1, {}, part, segment}, {1, {}, part, segment}};
  const Incoming receive[] = {{0, {}, bytes}};
  send_misfit(communicator, send, receive);
}

}  // namespace terse::test
