// Checkpoints of a whole world: a folder <output dir>/checkpoint/step-00001234/ with one file per
// rank (rank-0003.h5, written by a StateWriter) and manifest.json, which is written last and marks
// the checkpoint as complete.
//
// Call order: every rank calls write_rank_checkpoint() and sends the result to rank 0; when rank 0
// has all of them, it calls write_manifest() and then prune_checkpoints(). A reader calls
// newest_manifest() and then read_rank_checkpoint() for its own rank. Every file is written
// atomically. Functions throw Error (JobError where the job must change) with a sentence that names
// the file and, when a checkpoint is refused, the previous complete one. `output_dir` is always the
// job's output.dir.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "terse/base/bytes.h"

namespace terse {

inline constexpr int kCheckpointFormat = 1;

struct RankCheckpoint {
  std::string name;  // without its folder
  std::uint64_t size_bytes = 0;
  std::uint64_t checksum = 0;  // hash64 of the whole file

  bool operator==(const RankCheckpoint&) const = default;
};

struct Manifest {
  std::int64_t step = 0;   // steps done
  std::int64_t epoch = 0;  // of the next step
  int world_size = 0;
  std::string terse_version;
  std::string parameter_hash;                            // 16 hex digits, equal on all ranks
  std::vector<std::pair<std::string, std::string>> job;  // resolved, in the order of its keys
  std::vector<RankCheckpoint> ranks;                     // one for each rank

  bool operator==(const Manifest&) const = default;
};

std::filesystem::path checkpoint_folder(const std::filesystem::path& output_dir, std::int64_t step);

// Writes the rank's file. If a different file of that rank and step exists, first deletes the
// manifest, so that the checkpoint is no longer complete.
RankCheckpoint write_rank_checkpoint(const std::filesystem::path& output_dir, std::int64_t step,
                                     int rank, ConstBytes bytes);

void write_manifest(const std::filesystem::path& output_dir, const Manifest& manifest);

// Removes all but the newest `keep` (at least 1) complete checkpoints, and every incomplete one
// that is older than the newest complete one. Removes nothing if no checkpoint is complete.
void prune_checkpoints(const std::filesystem::path& output_dir, int keep);

// Removes every checkpoint, so that a fresh run cannot be resumed from an earlier one's.
void remove_checkpoints(const std::filesystem::path& output_dir);

// The complete checkpoints, newest first: those with a valid manifest and every rank's file in its
// full size.
std::vector<Manifest> find_checkpoints(const std::filesystem::path& output_dir);

// The manifest of the newest checkpoint that has one. Throws Error if it is damaged or has another
// format: an older checkpoint is never used silently.
std::optional<Manifest> newest_manifest(const std::filesystem::path& output_dir);

// Throws JobError unless the checkpoint was written by a world of `world_size` ranks.
void check_world_size(const std::filesystem::path& output_dir, const Manifest& manifest,
                      int world_size);

// The bytes for a StateReader. Throws Error unless size and checksum match the manifest.
std::vector<std::byte> read_rank_checkpoint(const std::filesystem::path& output_dir,
                                            const Manifest& manifest, int rank);

}  // namespace terse
