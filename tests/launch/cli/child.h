// A child process of a test.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace terse::test {

using CommandLine = std::vector<std::string>;

CommandLine operator+(CommandLine words, const CommandLine& more);

class Child {
 public:
  // Starts the program words[0], found in PATH, without input and in its own process group.
  explicit Child(const CommandLine& words);
  // Kills the whole process group if the child is still running.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void send(int signal);

  // Waits until the condition holds. If the child ends first or a time limit passes, the test fails
  // with the child's output, and until() returns false.
  bool until(const std::function<bool()>& condition, const std::string& what);

  // Waits for the end and returns the exit code, or 128 + the signal that ended the child. Kills a
  // child that hangs, and the test fails.
  int wait();

  // The output so far.
  std::string out() const;
  std::string err() const;

 private:
  pid_t pid_ = -1;
  int out_ = -1, err_ = -1;
  std::optional<int> code_;
};

struct CompletedProcess {
  int code = -1;
  std::string out, err;
};

// Starts a program and waits for its end.
CompletedProcess run(const CommandLine& words);

// The number of occurrences of `part` in `text`.
int count(const std::string& text, const std::string& part);

}  // namespace terse::test
