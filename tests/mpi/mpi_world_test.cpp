#include "terse/comm/transport/mpi/mpi_world.h"

#include <mpi.h>

#include <thread>

#include "comm/transport/communicator_bodies.h"

namespace terse::test {
namespace {

struct Case {
  Body body;
  std::size_t segment;
  Link link;
};

class MpiWorld : public testing::TestWithParam<Case> {};

TEST_P(MpiWorld, Body) {
  CommunicatorOptions options;
  options.segment_bytes = GetParam().segment;
  options.link = GetParam().link;
  const auto communicator = make_mpi_world(options);
  GetParam().body.run(*communicator);
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Body& body : kBodies) {
    all.push_back({body, 500, {}});
    all.push_back({body, CommunicatorOptions{}.segment_bytes, {}});
    all.push_back(
        {body, CommunicatorOptions{}.segment_bytes, {1e9, std::chrono::microseconds(200)}});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Worlds, MpiWorld, testing::ValuesIn(cases()), [](const auto& given) {
  return std::string(given.param.body.name) + "Cut" + std::to_string(given.param.segment) +
         (given.param.link.bytes_per_second > 0 ? "OnALink" : "");
});

TEST(MpiWorldOfTheProgram, KnowsItsPlace) {
  const auto communicator = make_mpi_world({});
  int rank = -1, size = -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  EXPECT_EQ(communicator->rank(), rank);
  EXPECT_EQ(communicator->size(), size);
  EXPECT_EQ(mpirun_world_size(), size);
}

TEST(MpiWorldOfTheProgram, RanksThatAreBusyElsewhereAreNotLost) {
  CommunicatorOptions options;
  options.timeout = std::chrono::milliseconds(1000);
  const auto communicator = make_mpi_world(options);
  const auto end = Clock::now() + std::chrono::milliseconds(1500);
  if (communicator->rank() == 0) {
    for (int idle = 0; Clock::now() < end; communicator->drive()) Communicator::rest(idle);
  }
  body_gather_and_broadcast(*communicator);
}

TEST(MpiWorldThatEnds, ByASilentRank) {
  CommunicatorOptions options;
  options.timeout = std::chrono::milliseconds(1000);
  options.heartbeat = std::chrono::milliseconds(50);
  const auto communicator = make_mpi_world(options);
  const int silent = communicator->size() - 1;
  constexpr int kEndedTag = 7;
  // The silent rank makes MPI calls, but does not drive its communicator.
  for (int peer = 0; communicator->rank() == silent && peer < silent; ++peer)
    MPI_Recv(nullptr, 0, MPI_BYTE, peer, kEndedTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  try {
    for (int idle = 0;; communicator->drive()) Communicator::rest(idle);
  } catch (const PeerLost& lost) {
    const std::string sentence = lost.what();
    EXPECT_EQ(lost.rank(), silent);
    EXPECT_NE(sentence.find("rank " + std::to_string(silent) + " has been silent for 1 s"),
              std::string::npos)
        << sentence;
  }
  if (communicator->rank() != silent)
    MPI_Send(nullptr, 0, MPI_BYTE, silent, kEndedTag, MPI_COMM_WORLD);
}

TEST(MpiWorldThatEnds, ByAnAbort) { body_abort(*make_mpi_world({})); }

TEST(MpiWorldThatEnds, ByAMessageThatDoesNotFit) {
  for (auto body : {body_too_long, body_short_head, body_hole}) body(*make_mpi_world({}));
}

}  // namespace
}  // namespace terse::test
