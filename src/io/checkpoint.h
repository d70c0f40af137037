// Checkpoints of a whole world: a folder <output dir>/checkpoint/step-00001234/ with one file per
// rank (rank-0003.h5, bytes of a StateWriter) and manifest.json, which is written last and makes
// the checkpoint complete.
//
// Call order: every rank calls write_rank_file and sends the result to rank 0; when rank 0 has them
// all it calls write_manifest and then prune. A reader calls newest_manifest and then
// read_rank_file for its own rank. Every file is written beside and renamed. Functions throw Error
// (JobError where the job must change) with a sentence that names the file and, when a checkpoint
// is refused, the complete one before it. `output_dir` is the job's output.dir everywhere.
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

struct RankFile {
  std::string name;  // without its folder
  std::uint64_t size_bytes = 0;
  std::uint64_t checksum = 0;  // hash64 of the whole file

  bool operator==(const RankFile&) const = default;
};

struct Manifest {
  std::int64_t step = 0;   // steps done
  std::int64_t epoch = 0;  // of the next step
  int world_size = 0;
  std::string terse_version;
  std::string parameter_hash;                            // 16 hex digits, equal on all ranks
  std::vector<std::pair<std::string, std::string>> job;  // resolved, in the table's order
  std::vector<RankFile> ranks;                           // by rank, world_size of them

  bool operator==(const Manifest&) const = default;
};

std::filesystem::path checkpoint_folder(const std::filesystem::path& output_dir, std::int64_t step);

// A complete checkpoint of the same step whose file differs stops being complete first.
RankFile write_rank_file(const std::filesystem::path& output_dir, std::int64_t step, int rank,
                         ConstBytes bytes);

void write_manifest(const std::filesystem::path& output_dir, const Manifest& manifest);

// Removes all but the `keep` (at least 1) newest complete checkpoints, and what is neither complete
// nor newer than the newest complete one. Removes nothing where no checkpoint is complete.
void prune_checkpoints(const std::filesystem::path& output_dir, int keep);

// Removes every checkpoint: a run that starts anew must not resume from another's.
void remove_checkpoints(const std::filesystem::path& output_dir);

// The complete checkpoints, newest first: manifest readable, every rank's file there with its size.
std::vector<Manifest> find_checkpoints(const std::filesystem::path& output_dir);

// The newest checkpoint that has a manifest; none if there is no such. Throws Error if that
// manifest is damaged or of another format: an older checkpoint is never taken silently.
std::optional<Manifest> newest_manifest(const std::filesystem::path& output_dir);

// Throws JobError unless the checkpoint is of a world of `world_size` ranks.
void require_world(const std::filesystem::path& output_dir, const Manifest& manifest,
                   int world_size);

// The bytes for a StateReader, after their size and checksum were verified.
std::vector<std::byte> read_rank_file(const std::filesystem::path& output_dir,
                                      const Manifest& manifest, int rank);

}  // namespace terse
