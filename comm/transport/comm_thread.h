// A rank's communication thread: owns its Communicator and makes every call on it. Between pieces
// of work it drives open rounds and heartbeats, so that peers do not take a long step for a dead
// rank.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "terse/base/error.h"
#include "terse/comm/transport/communicator.h"

namespace terse {

class CommThread {
 public:
  using Factory = std::function<std::unique_ptr<Communicator>()>;
  using Work = std::function<void(Communicator&)>;

  // Makes the communicator on the new thread and waits for it; rethrows what the factory threw.
  // `on_lost` (may be empty) is called on the communication thread if a peer is lost while no work
  // runs; otherwise wait() throws that error like any other.
  explicit CommThread(const Factory& factory, std::function<void(const PeerLost&)> on_lost = {});
  // Joins. Destroys the communicator on its own thread.
  ~CommThread();
  CommThread(const CommThread&) = delete;
  CommThread& operator=(const CommThread&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  const CommunicatorOptions& options() const { return options_; }
  Traffic traffic() const { return communicator_->traffic(); }

  // One piece of work at a time, from one other thread, the rank's own: start() returns at once,
  // wait() blocks until the work is done and rethrows its error. After an error every later start()
  // rethrows it: the world has ended.
  void start(Work work);
  void wait();
  void call(Work work) {
    start(std::move(work));
    wait();
  }

  // Any thread.
  void abort(std::string_view why) noexcept { communicator_->abort(why); }

 private:
  void run(const Factory& factory);
  void serve(Communicator& communicator);
  void finish(std::exception_ptr error);

  std::function<void(const PeerLost&)> on_lost_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Work work_;
  std::atomic<bool> busy_{
      true};  // work_ is set and not done; at first: the communicator is being made
  std::atomic<bool> leaving_{false};
  std::exception_ptr error_;
  std::unique_ptr<Communicator> communicator_;
  int rank_ = 0, size_ = 1;
  CommunicatorOptions options_;
  std::thread thread_;
};

}  // namespace terse
