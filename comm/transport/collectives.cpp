#include "terse/comm/transport/collectives.h"

#include "terse/base/bytes.h"
#include "terse/base/error.h"

namespace terse {

std::vector<std::string> gather_text(CommThread& thread, std::string_view mine) {
  std::vector<std::string> all;
  thread.call([&](Communicator& communicator) { all = all_gather(communicator, mine); });
  return all;
}

void all_or_throw(CommThread& thread, const std::function<void()>& action) {
  std::string word;  // first letter: the kind of error
  try {
    action();
  } catch (const PeerLost&) {
    throw;
  } catch (const JobError& error) {
    word = std::string("j") + error.what();
  } catch (const std::exception& error) {
    word = std::string("e") + error.what();
  }
  const std::vector<std::string> words = gather_text(thread, word);
  for (std::size_t rank = 0; rank < words.size(); ++rank) {
    if (words[rank].empty()) continue;
    const std::string text = words.size() == 1
                                 ? words[rank].substr(1)
                                 : fmt::format("rank {}: {}", rank, words[rank].substr(1));
    if (words[rank][0] == 'j') fail_together<JobError>("{}", text);
    fail_together("{}", text);
  }
}

std::vector<std::vector<double>> gather_values(CommThread& thread, std::span<const double> mine) {
  std::vector<std::vector<double>> all;
  thread.call([&](Communicator& communicator) {
    for (const auto& bytes : all_gather(communicator, std::as_bytes(mine))) {
      std::vector<double> values(bytes.size() / sizeof(double));
      std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
      all.push_back(std::move(values));
    }
  });
  return all;
}

std::vector<double> sum_values(CommThread& thread, std::span<const double> mine) {
  std::vector<double> sum(mine.size(), 0.0);
  for (const auto& values : gather_values(thread, mine)) {
    if (values.size() != sum.size())
      fail("the ranks disagree on how many values to add: {} and {}.", sum.size(), values.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
  }
  return sum;
}

}  // namespace terse
