#include "terse/io/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/base/hash.h"
#include "terse/io/manifest.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolder = "checkpoint";
constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kManifest = "manifest.json";

fs::path manifest_path(const fs::path& output_dir, std::int64_t step) {
  return checkpoint_folder(output_dir, step) / kManifest;
}

std::optional<std::int64_t> step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::int64_t step = -1;
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (error != std::errc() || rest != end || step < 0) return std::nullopt;
  return step;
}

// Steps that have a folder, complete or not, newest first.
std::vector<std::int64_t> steps_newest_first(const fs::path& output_dir) {
  std::vector<std::int64_t> steps;
  std::error_code code;
  for (fs::directory_iterator entry(output_dir / kFolder, code), end; !code && entry != end;
       entry.increment(code)) {
    const std::optional<std::int64_t> step = step_of(entry->path());
    if (step && checkpoint_folder(output_dir, *step).filename() == entry->path().filename())
      steps.push_back(*step);
  }
  if (code && code != std::errc::no_such_file_or_directory) {
    fail("cannot look for checkpoints in {}: {}.", (output_dir / kFolder).string(), code.message());
  }
  std::ranges::sort(steps, std::greater());
  return steps;
}

bool on_disk(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// Throws Error with a complete sentence about the manifest that names no other checkpoint.
Manifest load_manifest(const fs::path& output_dir, std::int64_t step) {
  const fs::path path = manifest_path(output_dir, step);
  const std::string text = read_text(path);
  Manifest manifest;
  try {
    manifest = parse_manifest(text);
  } catch (const Error& error) {
    fail("{} {}", path.string(), error.what());
  }
  if (manifest.step != step)
    fail("{} is the manifest of step {}: it belongs in another folder.", path.string(),
         manifest.step);
  return manifest;
}

bool has_all_files(const fs::path& output_dir, const Manifest& manifest) {
  return std::ranges::all_of(manifest.ranks, [&](const RankCheckpoint& file) {
    std::error_code code;
    return fs::file_size(checkpoint_folder(output_dir, manifest.step) / file.name, code) ==
               file.size_bytes &&
           !code;
  });
}

std::optional<Manifest> load_complete(const fs::path& output_dir, std::int64_t step) {
  if (!on_disk(manifest_path(output_dir, step))) return std::nullopt;
  try {
    Manifest manifest = load_manifest(output_dir, step);
    if (has_all_files(output_dir, manifest)) return manifest;
  } catch (const Error&) {
    // Not complete. Using this checkpoint reports the error.
  }
  return std::nullopt;
}

// Throws Error unless the rank's file matches the manifest.
std::vector<std::byte> verified_bytes(const fs::path& path, const RankCheckpoint& file) {
  if (!on_disk(path)) fail("{} is missing, but its checkpoint's manifest names it.", path.string());
  std::vector<std::byte> bytes = read_bytes(path);
  if (bytes.size() != file.size_bytes) {
    fail("{} is damaged: it has {} bytes, but the manifest says {}.", path.string(), bytes.size(),
         file.size_bytes);
  }
  const std::uint64_t checksum = hash64(bytes);
  if (checksum != file.checksum) {
    fail("{} is damaged: its checksum is {:016x}, but the manifest says {:016x}.", path.string(),
         checksum, file.checksum);
  }
  return bytes;
}

bool is_intact(const fs::path& output_dir, const Manifest& manifest) {
  try {
    for (const RankCheckpoint& file : manifest.ranks)
      verified_bytes(checkpoint_folder(output_dir, manifest.step) / file.name, file);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// What to do about the refused checkpoint of `step`.
std::string advice(const fs::path& output_dir, std::int64_t step) {
  for (const Manifest& other : find_checkpoints(output_dir)) {
    if (other.step >= step || !is_intact(output_dir, other)) continue;
    return fmt::format("The complete checkpoint before it is {}: remove {} to resume from there.",
                       checkpoint_folder(output_dir, other.step).string(),
                       checkpoint_folder(output_dir, step).string());
  }
  return "There is no complete checkpoint before it: start afresh without --resume.";
}

void remove_folder(const fs::path& output_dir, std::int64_t step) {
  // Deletes the manifest first, so that an interrupted removal leaves no complete checkpoint.
  std::error_code code;
  fs::remove(manifest_path(output_dir, step), code);
  if (!code) fs::remove_all(checkpoint_folder(output_dir, step), code);
  if (code)
    fail("cannot remove {}: {}.", checkpoint_folder(output_dir, step).string(), code.message());
}

}  // namespace

fs::path checkpoint_folder(const fs::path& output_dir, std::int64_t step) {
  return output_dir / kFolder / fmt::format("{}{:08}", kPrefix, step);
}

RankCheckpoint write_rank_checkpoint(const fs::path& output_dir, std::int64_t step, int rank,
                                     ConstBytes bytes) {
  const RankCheckpoint file{rank_checkpoint_name(rank), bytes.size(), hash64(bytes)};
  const fs::path folder = checkpoint_folder(output_dir, step);
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) fail("cannot create the folder {}: {}.", folder.string(), code.message());
  const fs::path path = folder / file.name;
  if (on_disk(path)) {
    const std::vector<std::byte> old = read_bytes(path);
    if (std::ranges::equal(old, bytes)) return file;
    fs::remove(folder / kManifest, code);
    if (code) fail("cannot remove {}: {}.", (folder / kManifest).string(), code.message());
  }
  write_atomic(path, bytes);
  return file;
}

void write_manifest(const fs::path& output_dir, const Manifest& manifest) {
  const std::string text = manifest_text(manifest);
  try {
    parse_manifest(text);
  } catch (const Error& error) {
    fail("the manifest of step {} {}", manifest.step, error.what());
  }
  write_atomic(manifest_path(output_dir, manifest.step), text);
}

void prune_checkpoints(const fs::path& output_dir, int keep) {
  int kept = 0;
  for (const std::int64_t step : steps_newest_first(output_dir)) {
    const bool complete = (kept == 0 || kept < keep) && load_complete(output_dir, step).has_value();
    if (complete) {
      ++kept;
    } else if (kept > 0) {
      remove_folder(output_dir, step);
    }
  }
}

void remove_checkpoints(const fs::path& output_dir) {
  for (const std::int64_t step : steps_newest_first(output_dir)) remove_folder(output_dir, step);
}

std::vector<Manifest> find_checkpoints(const fs::path& output_dir) {
  std::vector<Manifest> found;
  for (const std::int64_t step : steps_newest_first(output_dir)) {
    if (std::optional<Manifest> manifest = load_complete(output_dir, step))
      found.push_back(*std::move(manifest));
  }
  return found;
}

std::optional<Manifest> newest_manifest(const fs::path& output_dir) {
  for (const std::int64_t step : steps_newest_first(output_dir)) {
    if (!on_disk(manifest_path(output_dir, step))) continue;
    try {
      return load_manifest(output_dir, step);
    } catch (const Error& error) {
      fail("{} {}", error.what(), advice(output_dir, step));
    }
  }
  return std::nullopt;
}

void check_world_size(const fs::path& output_dir, const Manifest& manifest, int world_size) {
  if (manifest.world_size == world_size) return;
  fail<JobError>(
      "the checkpoint {} is of a world of {} ranks, but this one has {}: resume with {} ranks, or "
      "start afresh in another output.dir.",
      checkpoint_folder(output_dir, manifest.step).string(), manifest.world_size, world_size,
      manifest.world_size);
}

std::vector<std::byte> read_rank_checkpoint(const fs::path& output_dir, const Manifest& manifest,
                                            int rank) {
  const fs::path folder = checkpoint_folder(output_dir, manifest.step);
  if (rank < 0 || static_cast<std::size_t>(rank) >= manifest.ranks.size()) {
    fail("the checkpoint {} has no file for rank {}: it is of a world of {} ranks.",
         folder.string(), rank, manifest.world_size);
  }
  const RankCheckpoint& file = manifest.ranks[static_cast<std::size_t>(rank)];
  try {
    return verified_bytes(folder / file.name, file);
  } catch (const Error& error) {
    fail("{} {}", error.what(), advice(output_dir, manifest.step));
  }
}

}  // namespace terse
