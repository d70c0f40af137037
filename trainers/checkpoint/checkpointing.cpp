#include "terse/trainers/checkpoint/checkpointing.h"

#include <fmt/ranges.h>

#include <array>
#include <optional>
#include <sstream>
#include <vector>

#include "terse/base/error.h"
#include "terse/comm/transport/collectives.h"
#include "terse/config/options.h"
#include "terse/io/checkpoint.h"
#include "terse/trainers/loop/replicas.h"

namespace terse {
namespace {

Manifest resumable_manifest(const Job& job, int world) {
  const std::optional<Manifest> manifest = newest_manifest(job.output.dir);
  if (!manifest)
    fail<JobError>("--resume found no checkpoint in {}; start without it.", job.output.dir);
  check_world_size(job.output.dir, *manifest, world);
  const std::vector<std::string> conflicts = resume_conflicts(manifest->job, resolved(job));
  if (!conflicts.empty()) {
    fail<JobError>(
        "--resume cannot continue with another job: {}. Only train.epochs, train.max_steps, "
        "output.*, link.* and world.timeout may change.",
        fmt::join(conflicts, "; "));
  }
  return *manifest;
}

void check_same_step(const Job& job, CommThread& thread, std::int64_t step) {
  const std::vector<std::vector<double>> steps =
      gather_values(thread, std::array{static_cast<double>(step)});
  for (std::size_t rank = 0; rank < steps.size(); ++rank) {
    if (steps[rank][0] != steps[0][0]) {
      fail_together(
          "rank {} sees a checkpoint of step {} in {}, rank 0 one of step {}: output.dir must be "
          "the same folder on all ranks.",
          rank, steps[rank][0], job.output.dir, steps[0][0]);
    }
  }
}

std::string to_text(const RankCheckpoint& file) {
  return fmt::format("{} {} {}", file.size_bytes, file.checksum, file.name);
}

RankCheckpoint from_text(const std::string& text) {
  RankCheckpoint file;
  std::istringstream stream(text);
  stream >> file.size_bytes >> file.checksum >> file.name;
  return file;
}

}  // namespace

TrainingProgress resume_training(const Job& job, CommThread& thread, const ResumedParts& parts) {
  Manifest manifest;
  all_or_throw(thread, [&] { manifest = resumable_manifest(job, thread.size()); });
  check_same_step(job, thread, manifest.step);
  TrainingProgress progress;
  all_or_throw(thread, [&] {
    // The epoch decides which compressor state there is to load.
    parts.reducer.set_epoch(manifest.epoch);
    progress =
        load_snapshot(parts.state, read_rank_checkpoint(job.output.dir, manifest, thread.rank()));
    parts.loader.seek(progress.epoch, progress.step_in_epoch);
    parts.reducer.set_step(static_cast<std::uint64_t>(progress.step));
  });
  check_replicas(thread, parts.state.model, progress.step);
  return progress;
}

void save_checkpoint(const Job& job, CommThread& thread, const TrainingState& state,
                     const TrainingProgress& progress, const std::string& version) {
  RankCheckpoint mine;
  all_or_throw(thread, [&] {
    mine = write_rank_checkpoint(job.output.dir, progress.step, thread.rank(),
                                 save_snapshot(state, progress));
  });
  const std::vector<std::string> files = gather_text(thread, to_text(mine));
  all_or_throw(thread, [&] {
    if (thread.rank() != 0) return;
    Manifest manifest{.step = progress.step,
                      .epoch = progress.epoch,
                      .world_size = thread.size(),
                      .terse_version = version,
                      .parameter_hash = fmt::format("{:016x}", parameter_hash(state.model)),
                      .job = resolved(job),
                      .ranks = {}};
    for (const std::string& text : files) manifest.ranks.push_back(from_text(text));
    write_manifest(job.output.dir, manifest);
    prune_checkpoints(job.output.dir, static_cast<int>(job.output.keep));
  });
}

}  // namespace terse
