// A background thread that produces results ahead of time.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace terse {

// Calls `produce` on its own thread and keeps at most `depth` >= 1 results waiting, in the order of
// the calls. An exception of `produce` ends the thread; next() rethrows it after all earlier
// results. The destructor waits for a call in progress.
template <class T>
class Prefetcher {
 public:
  Prefetcher(std::function<T()> produce, std::size_t depth)
      : produce_(std::move(produce)), depth_(depth), thread_([this] { run(); }) {}
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;
  ~Prefetcher() {
    {
      const std::lock_guard held(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  // Waits for the next result.
  T next() {
    std::unique_lock held(mutex_);
    changed_.wait(held, [&] { return !ready_.empty() || error_; });
    if (ready_.empty()) std::rethrow_exception(error_);
    T result = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return result;
  }

 private:
  void run() {
    try {
      while (wait_for_room()) {
        T result = produce_();
        const std::lock_guard held(mutex_);
        ready_.push_back(std::move(result));
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard held(mutex_);
      error_ = std::current_exception();
      changed_.notify_all();
    }
  }

  // False when the thread should end.
  bool wait_for_room() {
    std::unique_lock held(mutex_);
    changed_.wait(held, [&] { return stopping_ || ready_.size() < depth_; });
    return !stopping_;
  }

  std::function<T()> produce_;
  std::size_t depth_;
  std::mutex mutex_;
  std::condition_variable changed_;  // notified on each change of ready_, error_ or stopping_
  std::deque<T> ready_;
  std::exception_ptr error_;
  bool stopping_ = false;
  std::thread thread_;  // last, so that it starts after all other members
};

}  // namespace terse
