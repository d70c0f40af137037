// The blocking collectives for control traffic, as rounds like any other.
#include "terse/base/error.h"
#include "terse/comm/transport/communicator.h"

namespace terse {
namespace {

constexpr std::uint64_t kMaxControlBytes = std::uint64_t{1} << 31;

// Sends `mine` to all and receives into all[rank] from every other rank; sizes are known.
void exchange(Communicator& communicator, ConstBytes mine, std::span<std::vector<std::byte>> all) {
  std::vector<Outgoing> send;
  std::vector<Incoming> receive;
  for (int i = 1; i < communicator.size(); ++i) {
    const int peer = (communicator.rank() + i) % communicator.size();
    send.push_back({peer, {}, mine, mine.size()});
    receive.push_back({peer, {}, all[static_cast<std::size_t>(peer)]});
  }
  const Ticket ticket = communicator.post(send, receive);
  communicator.wait(ticket);
  communicator.release(ticket);
}

}  // namespace

std::vector<std::vector<std::byte>> all_gather(Communicator& communicator, ConstBytes mine) {
  const auto ranks = static_cast<std::size_t>(communicator.size());
  const std::uint64_t length = mine.size();
  std::vector<std::vector<std::byte>> all(ranks, std::vector<std::byte>(sizeof(length)));
  exchange(communicator, std::as_bytes(std::span(&length, 1)), all);
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    if (rank == static_cast<std::size_t>(communicator.rank())) continue;
    const auto announced = load<std::uint64_t>(all[rank].data());
    if (announced > kMaxControlBytes) {
      fail<DamagedMessage>(
          "rank {} announced {} bytes of control traffic to rank {}: the two ranks are out of step",
          rank, announced, communicator.rank());
    }
    all[rank].resize(announced);
  }
  exchange(communicator, mine, all);
  all[static_cast<std::size_t>(communicator.rank())].assign(mine.begin(), mine.end());
  return all;
}

std::vector<std::string> all_gather(Communicator& communicator, std::string_view mine) {
  std::vector<std::string> all;
  for (const std::vector<std::byte>& bytes :
       all_gather(communicator, std::as_bytes(std::span(mine)))) {
    all.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return all;
}

void broadcast(Communicator& communicator, int root, Bytes data) {
  std::vector<Outgoing> send;
  std::vector<Incoming> receive;
  if (communicator.rank() != root) {
    receive.push_back({root, {}, data});
  } else {
    for (int peer = 0; peer < communicator.size(); ++peer) {
      if (peer != root) send.push_back({peer, {}, data, data.size()});
    }
  }
  const Ticket ticket = communicator.post(send, receive);
  communicator.wait(ticket);
  communicator.release(ticket);
}

}  // namespace terse
