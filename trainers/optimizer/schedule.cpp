#include "terse/trainers/optimizer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace terse {

double learning_rate(const Job& job, std::int64_t step, std::int64_t steps_per_epoch) {
  const ScheduleJob& schedule = job.schedule;
  const double per_epoch = static_cast<double>(steps_per_epoch);
  const double warmup = schedule.warmup_epochs * per_epoch;
  const double at = static_cast<double>(step);
  const double base = job.optimizer.lr;
  if (at < warmup) return base * std::min(1.0, (at + 1) / warmup);
  if (schedule.kind == "cosine") {
    const double length = schedule_epochs(job) * per_epoch - warmup;
    const double part = length > 0 ? std::min(1.0, (at - warmup) / length) : 1.0;
    return schedule.min_lr +
           0.5 * (base - schedule.min_lr) * (1 + std::cos(std::numbers::pi * part));
  }
  double rate = base;
  if (schedule.kind == "step") {
    for (const double milestone : schedule.milestones) {
      if (at >= milestone * per_epoch) rate *= schedule.gamma;
    }
  }
  return rate;
}

}  // namespace terse
