// Errors are sentences for the person who has to act: what was wrong, where (file, key, rank,
// layer, step), what to do. The type of an error determines the exit code of the program.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace terse {

// Documented exit codes of the program.
enum class ExitCode : int {
  done = 0,
  run_failed = 1,
  bad_job = 2,
  peer_lost = 3,
  interrupted = 130
};

// The run failed: exit code 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  // All ranks throw the same error in the same step: the world is intact, and rank 0 alone reports.
  bool on_all_ranks = false;
};

// The job is wrong and no rank should start it: exit code 2.
class JobError : public Error {
 public:
  using Error::Error;
};

// A message that is damaged, truncated, foreign or out of order. Names sender, layer and step where
// they are known.
class DamagedMessage : public Error {
 public:
  using Error::Error;
  bool names_step = false;  // the sentence says in which step of training the message was sent
};

// Another rank was declared dead or ended with an error of its own: exit code 3.
class PeerLost : public Error {
 public:
  PeerLost(int rank, const std::string& sentence) : Error(sentence), rank_(rank) {}
  int rank() const { return rank_; }

 private:
  int rank_;
};

// fail<JobError>("{}:{}: ...", file, line) throws an error whose text is the formatted sentence.
template <class E = Error, class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw E(fmt::format(format, std::forward<Args>(args)...));
}

// Like fail(), for errors that every rank throws alike.
template <class E = Error, class... Args>
[[noreturn]] void fail_together(fmt::format_string<Args...> format, Args&&... args) {
  E error(fmt::format(format, std::forward<Args>(args)...));
  error.on_all_ranks = true;
  throw error;
}

}  // namespace terse
