#include "terse/comm/transport/comm_thread.h"

#include <utility>

namespace terse {

CommThread::CommThread(const Factory& factory, std::function<void(const PeerLost&)> on_lost)
    : on_lost_(std::move(on_lost)), thread_([this, factory] { run(factory); }) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !busy_; });
  if (communicator_ == nullptr) {
    lock.unlock();
    thread_.join();
    std::rethrow_exception(error_);
  }
}

CommThread::~CommThread() {
  leaving_ = true;
  if (thread_.joinable()) thread_.join();
}

void CommThread::start(Work work) {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
  work_ = std::move(work);
  busy_ = true;
}

void CommThread::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !busy_; });
  if (error_) std::rethrow_exception(error_);
}

void CommThread::finish(std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (error && !error_) error_ = error;
  busy_ = false;
  changed_.notify_all();
}

void CommThread::run(const Factory& factory) {
  try {
    communicator_ = factory();
    rank_ = communicator_->rank();
    size_ = communicator_->size();
    options_ = communicator_->options();
  } catch (...) {
    finish(std::current_exception());
    return;
  }
  finish(nullptr);
  serve(*communicator_);
  communicator_.reset();
}

void CommThread::serve(Communicator& communicator) {
  int idle = 0;
  bool lost = false;
  while (busy_ || !leaving_) {
    try {
      if (busy_) {
        work_(communicator);
        finish(nullptr);
        idle = 0;
      } else if (lost) {
        Communicator::rest(idle);
      } else if (communicator.drive()) {
        idle = 0;
      } else {
        communicator.pause(idle);
      }
    } catch (const PeerLost& error) {
      const bool at_work = busy_;
      lost = true;
      communicator.release_buffers();
      // Before the rank's own thread learns of it: only one of the two reports it.
      if (!at_work && on_lost_) on_lost_(error);
      finish(std::current_exception());
    } catch (const std::exception& error) {
      lost = true;
      communicator.abort(error.what());
      communicator.release_buffers();
      finish(std::current_exception());
    }
  }
}

}  // namespace terse
