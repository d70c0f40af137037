#include "launch/cli/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace terse::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kHang{60};
constexpr std::chrono::milliseconds kLook{2};

std::string content(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return {};
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  const ssize_t length = ::pread(file, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  return text;
}

[[noreturn]] void become(const std::vector<char*>& words, int out, int err) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int null = ::open("/dev/null", O_RDONLY);
  if (::dup2(null, STDIN_FILENO) < 0 || ::dup2(out, STDOUT_FILENO) < 0 ||
      ::dup2(err, STDERR_FILENO) < 0)
    _exit(126);
  ::execvp(words[0], words.data());
  _exit(127);
}

}  // namespace

CommandLine operator+(CommandLine words, const CommandLine& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Child::Child(const CommandLine& words)
    : out_(::memfd_create("out", MFD_CLOEXEC)), err_(::memfd_create("err", MFD_CLOEXEC)) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_ = out_ < 0 || err_ < 0 ? -1 : ::fork();
  if (pid_ == 0) become(arguments, out_, err_);
  if (pid_ < 0) throw std::runtime_error("a test cannot start " + words[0]);
  ::setpgid(pid_, pid_);  // the child does so, too, and either may be first
}

Child::~Child() {
  if (running()) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(out_);
  ::close(err_);
}

bool Child::running() {
  if (code_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

void Child::send(int signal) {
  ASSERT_TRUE(running()) << "the process ended before signal " << signal << "\n" << out() << err();
  ASSERT_EQ(::kill(pid_, signal), 0);
}

bool Child::until(const std::function<bool()>& condition, const std::string& what) {
  const auto end = Clock::now() + kHang;
  bool alive = true;
  while (!condition()) {
    if (!alive || Clock::now() > end) {
      ADD_FAILURE() << (alive ? "timed out waiting for: " : "the process ended before: ") << what
                    << "\n"
                    << out() << err();
      return false;
    }
    alive = running();  // checks the condition once more after the end
    std::this_thread::sleep_for(kLook);
  }
  return true;
}

int Child::wait() {
  const auto end = Clock::now() + kHang;
  while (running()) {
    if (Clock::now() > end) {
      ADD_FAILURE() << "the process hangs\n" << out() << err();
      ::kill(-pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      code_ = 128 + SIGKILL;
    }
    std::this_thread::sleep_for(kLook);
  }
  return *code_;
}

std::string Child::out() const { return content(out_); }
std::string Child::err() const { return content(err_); }

CompletedProcess run(const CommandLine& words) {
  Child child(words);
  const int code = child.wait();
  return {code, child.out(), child.err()};
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace terse::test
