// Task: the lazy coroutine that runs one step of an exchange. It runs on the communication thread
// only; the reducer resumes it turn by turn. Its frame lives in the FramePool of its Channel, which
// must be among the coroutine's arguments, so a steady step allocates nothing. In every task,
// co_await is a statement of its own.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <utility>
#include <vector>

namespace terse {

// Memory for the coroutine frame of one channel's task; a task within a task goes to the heap.
// Grows to the largest frame and keeps that.
class FramePool {
 public:
  void* take(std::size_t bytes);
  static void give_back(void* frame, std::size_t bytes) noexcept;

 private:
  std::vector<std::max_align_t> memory_;
  bool in_use_ = false;
};

class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::exception_ptr error;

    template <class... Args>
    static void* operator new(std::size_t bytes, Args&... args) {
      FramePool* pool = nullptr;
      ((pool = pool != nullptr ? pool : pool_of(args)), ...);
      return pool->take(bytes);
    }
    static void operator delete(void* frame, std::size_t bytes) noexcept {
      FramePool::give_back(frame, bytes);
    }

    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { error = std::current_exception(); }

   private:
    template <class T>
    static FramePool* pool_of(T& argument) {
      if constexpr (requires { argument.frames(); }) {
        return &argument.frames();
      } else {
        return nullptr;
      }
    }
  };

  Task() = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool started() const { return handle_ != nullptr; }
  bool done() const { return handle_.done(); }
  // Runs to the next co_await that suspends, or to the end; rethrows what the coroutine threw.
  void resume() {
    handle_.resume();
    if (handle_.done() && handle_.promise().error) std::rethrow_exception(handle_.promise().error);
  }
  void reset() {
    if (handle_) std::exchange(handle_, nullptr).destroy();
  }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_ = nullptr;
};

}  // namespace terse
