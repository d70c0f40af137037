// A child process of a test: started, watched, signaled, and gone when the test is.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace terse::test {

using Words = std::vector<std::string>;

Words operator+(Words words, const Words& more);

class Child {
 public:
  // Starts the program words[0], found in PATH, with no input and a process group of its own.
  explicit Child(const Words& words);
  // Kills the whole group if the child still runs.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void send(int signal);

  // Waits until the condition holds. False, with a failure of the test that says what the child
  // said, if the child ends before or the condition does not come within the hang limit.
  bool until(const std::function<bool()>& condition, const std::string& what);

  // Its exit code, or 128 + the signal that ended it. A child that hangs is killed, and the test
  // fails.
  int wait();

  // All that it has written so far.
  std::string out() const;
  std::string err() const;

 private:
  pid_t pid_ = -1;
  int out_ = -1, err_ = -1;
  std::optional<int> code_;
};

struct Ended {
  int code = -1;
  std::string out, err;
};

// Starts it and waits for its end.
Ended run(const Words& words);

// How often `part` is in `text`.
int count(const std::string& text, const std::string& part);

}  // namespace terse::test
