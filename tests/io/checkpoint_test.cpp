#include "terse/io/checkpoint.h"

#include <gtest/gtest.h>

#include "file_size_limit.h"
#include "sentence.h"
#include "temp_folder.h"
#include "terse/base/error.h"
#include "terse/base/file.h"
#include "terse/io/manifest.h"
#include "terse/io/state_file.h"

namespace terse {
namespace {

namespace fs = std::filesystem;

std::vector<std::byte> rank_state(int rank, std::int64_t step) {
  StateWriter writer;
  writer.add("x", std::vector<float>(50, static_cast<float>(rank)));
  writer.add("step", std::vector<std::int64_t>{step});
  return writer.finish();
}

Manifest write_checkpoint(const fs::path& dir, std::int64_t step, int world = 2) {
  Manifest manifest{.step = step,
                    .epoch = 3,
                    .world_size = world,
                    .terse_version = "0.1.0",
                    .parameter_hash = "00112233445566ff",
                    .job = {{"train.epochs", "3"}, {"data.path", "a \"b\" \n ü"}},
                    .ranks = {}};
  for (int rank = 0; rank < world; ++rank) {
    manifest.ranks.push_back(write_rank_checkpoint(dir, step, rank, rank_state(rank, step)));
  }
  write_manifest(dir, manifest);
  return manifest;
}

std::vector<std::int64_t> steps_found(const fs::path& dir) {
  std::vector<std::int64_t> steps;
  for (const Manifest& manifest : find_checkpoints(dir)) steps.push_back(manifest.step);
  return steps;
}

TEST(Checkpoint, GivesBackWhatWasWritten) {
  const TempFolder dir;
  EXPECT_EQ(newest_manifest(dir.path()), std::nullopt);
  write_checkpoint(dir.path(), 5);
  const Manifest written = write_checkpoint(dir.path(), 1234);
  const std::optional<Manifest> read = newest_manifest(dir.path());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, written);
  EXPECT_TRUE(fs::exists(dir.path() / "checkpoint/step-00001234/rank-0001.h5"));
  for (int rank = 0; rank < 2; ++rank)
    EXPECT_EQ(read_rank_checkpoint(dir.path(), *read, rank), rank_state(rank, 1234));
}

TEST(Checkpoint, WithoutItsManifestItDoesNotCount) {
  const TempFolder dir;
  write_checkpoint(dir.path(), 10);
  write_rank_checkpoint(dir.path(), 20, 0, rank_state(0, 20));
  EXPECT_EQ(newest_manifest(dir.path())->step, 10);
  EXPECT_EQ(steps_found(dir.path()), std::vector<std::int64_t>{10});
}

TEST(Checkpoint, AFlippedBitAnywhereInARankCheckpointIsRefused) {
  const TempFolder dir;
  const Manifest manifest = write_checkpoint(dir.path(), 7);
  const fs::path path = checkpoint_folder(dir.path(), 7) / "rank-0001.h5";
  const std::vector<std::byte> sound = read_bytes(path);
  for (std::size_t at = 0; at < sound.size(); at += 101) {
    std::vector<std::byte> damaged = sound;
    damaged[at] ^= static_cast<std::byte>(1u << (at % 8));
    write_atomic(path, damaged);
    const std::string error = error_of([&] { read_rank_checkpoint(dir.path(), manifest, 1); });
    ASSERT_TRUE(contains(error, path.string()) && contains(error, "damaged"))
        << at << ": " << error;
  }
}

TEST(Checkpoint, ATruncatedOrMissingRankCheckpointIsRefused) {
  const TempFolder dir;
  const Manifest manifest = write_checkpoint(dir.path(), 7);
  const fs::path path = checkpoint_folder(dir.path(), 7) / "rank-0000.h5";
  const std::vector<std::byte> sound = read_bytes(path);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, sound.size() / 2, sound.size() - 1}) {
    write_atomic(path, ConstBytes(sound).first(size));
    const std::string error = error_of([&] { read_rank_checkpoint(dir.path(), manifest, 0); });
    EXPECT_TRUE(
        contains(error, fmt::format("has {} bytes, but the manifest says {}", size, sound.size())))
        << error;
  }
  fs::remove(path);
  EXPECT_TRUE(contains(error_of([&] { read_rank_checkpoint(dir.path(), manifest, 0); }),
                       "rank-0000.h5 is missing"));
  EXPECT_TRUE(contains(error_of([&] { read_rank_checkpoint(dir.path(), manifest, 2); }),
                       "no file for rank 2"));
}

TEST(Checkpoint, TheRefusalNamesTheCompleteOneBefore) {
  const TempFolder dir;
  write_checkpoint(dir.path(), 10);
  write_checkpoint(dir.path(), 20);
  const Manifest newest = write_checkpoint(dir.path(), 30);
  const auto damage = [&](std::int64_t step) {
    const fs::path path = checkpoint_folder(dir.path(), step) / "rank-0001.h5";
    std::vector<std::byte> bytes = read_bytes(path);
    bytes[bytes.size() / 2] ^= std::byte{1};
    write_atomic(path, bytes);
  };
  damage(30);
  const auto refusal = [&] {
    return error_of([&] { read_rank_checkpoint(dir.path(), newest, 1); });
  };
  EXPECT_TRUE(
      contains(refusal(), "before it is " + checkpoint_folder(dir.path(), 20).string() + ":"))
      << refusal();
  damage(20);
  EXPECT_TRUE(
      contains(refusal(), "before it is " + checkpoint_folder(dir.path(), 10).string() + ":"))
      << refusal();
  damage(10);
  EXPECT_TRUE(contains(refusal(), "There is no complete checkpoint before it")) << refusal();
}

std::string flip(std::string text, std::size_t at, unsigned bit) {
  text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1u << bit));
  return text;
}

TEST(Checkpoint, AFlippedBitAnywhereInTheManifestIsRefused) {
  const TempFolder dir;
  const std::string sound = manifest_text(write_checkpoint(dir.path(), 20));
  ASSERT_EQ(manifest_text(parse_manifest(sound)), sound);
  for (std::size_t at = 0; at + 1 < sound.size(); ++at) {  // the last byte is the closing newline
    for (unsigned bit = 0; bit < 8; ++bit) {
      ASSERT_THROW(parse_manifest(flip(sound, at, bit)), Error) << at << " bit " << bit;
    }
  }
}

TEST(Checkpoint, ADamagedManifestNamesTheCompleteOneBefore) {
  const TempFolder dir;
  write_checkpoint(dir.path(), 10);
  write_checkpoint(dir.path(), 20);
  const fs::path path = checkpoint_folder(dir.path(), 20) / "manifest.json";
  const std::string sound = read_text(path);
  for (std::size_t at = 0; at + 1 < sound.size(); at += 83) {
    write_atomic(path, flip(sound, at, at % 8));
    const std::string error = error_of([&] { newest_manifest(dir.path()); });
    EXPECT_TRUE(contains(error, path.string()) &&
                contains(error, checkpoint_folder(dir.path(), 10).string()))
        << at << ": " << error;
  }
}

TEST(Checkpoint, AManifestThatIsNoneIsRefusedWithASentence) {
  const TempFolder dir;
  write_checkpoint(dir.path(), 10);
  const fs::path path = checkpoint_folder(dir.path(), 10) / "manifest.json";
  const std::string sound = read_text(path);
  const std::string deep(100000, '[');
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), std::string("{}"),
        std::string("\xff\xfe\0x", 4), std::string("{\"format\": \"x\"}"),
        std::string("{\"format\": 1}"), std::string("{\"format\": 1e300}"), deep,
        sound.substr(0, sound.size() / 2)}) {
    write_atomic(path, text);
    const std::string error = error_of([&] { newest_manifest(dir.path()); });
    EXPECT_TRUE(contains(error, path.string()) &&
                contains(error, "no complete checkpoint before it"))
        << text.substr(0, 50) << ": " << error;
    EXPECT_TRUE(find_checkpoints(dir.path()).empty());
  }
}

TEST(Checkpoint, ANewerFormatIsToldApart) {
  const TempFolder dir;
  write_checkpoint(dir.path(), 10);
  const fs::path path = checkpoint_folder(dir.path(), 10) / "manifest.json";
  write_atomic(path, std::string_view("{\"format\": 2, \"anything\": {}}"));
  const std::string error = error_of([&] { newest_manifest(dir.path()); });
  EXPECT_TRUE(contains(error, "has format 2, but this version of terse reads format 1.")) << error;
}

TEST(Checkpoint, AManifestFromAnotherFolderIsRefused) {
  const TempFolder dir;
  write_checkpoint(dir.path(), 10);
  fs::rename(checkpoint_folder(dir.path(), 10), checkpoint_folder(dir.path(), 20));
  EXPECT_TRUE(
      contains(error_of([&] { newest_manifest(dir.path()); }), "is the manifest of step 10"));
}

TEST(Checkpoint, AnInconsistentManifestIsNotWritten) {
  const TempFolder dir;
  Manifest manifest = write_checkpoint(dir.path(), 10);
  manifest.step = 20;
  manifest.ranks.pop_back();
  fs::create_directories(checkpoint_folder(dir.path(), 20));
  EXPECT_THROW(write_manifest(dir.path(), manifest), Error);
  manifest.ranks.push_back({"../../x", 1, 2});
  EXPECT_THROW(write_manifest(dir.path(), manifest), Error);
  EXPECT_TRUE(fs::is_empty(checkpoint_folder(dir.path(), 20)));
}

TEST(Checkpoint, AnotherWorldSizeIsRefused) {
  const TempFolder dir;
  const Manifest manifest = write_checkpoint(dir.path(), 10, 4);
  EXPECT_NO_THROW(check_world_size(dir.path(), manifest, 4));
  EXPECT_THROW(check_world_size(dir.path(), manifest, 2), JobError);
  EXPECT_TRUE(contains(error_of([&] { check_world_size(dir.path(), manifest, 2); }),
                       "is of a world of 4 ranks, but this one has 2"));
}

TEST(Checkpoint, PruneKeepsTheNewestCompleteOnes) {
  const TempFolder dir;
  for (const std::int64_t step : {10, 20, 30, 40}) write_checkpoint(dir.path(), step);
  write_rank_checkpoint(dir.path(), 25, 0, rank_state(0, 25));
  write_rank_checkpoint(dir.path(), 50, 0, rank_state(0, 50));
  fs::create_directories(dir.path() / "checkpoint/step-7-mine");
  fs::create_directories(dir.path() / "checkpoint/step-7");
  prune_checkpoints(dir.path(), 2);
  EXPECT_EQ(steps_found(dir.path()), (std::vector<std::int64_t>{40, 30}));
  EXPECT_FALSE(fs::exists(checkpoint_folder(dir.path(), 25)));
  EXPECT_TRUE(fs::exists(checkpoint_folder(dir.path(), 50)));  // another rank may be writing it
  EXPECT_TRUE(fs::exists(dir.path() / "checkpoint/step-7-mine"));
  EXPECT_TRUE(fs::exists(dir.path() / "checkpoint/step-7"));
  for (const int keep : {1, 0, -3}) {
    prune_checkpoints(dir.path(), keep);
    EXPECT_EQ(steps_found(dir.path()), std::vector<std::int64_t>{40});
  }
}

TEST(Checkpoint, PruneRemovesNothingWhereNothingIsComplete) {
  const TempFolder dir;
  prune_checkpoints(dir.path(), 1);
  write_rank_checkpoint(dir.path(), 10, 0, rank_state(0, 10));
  write_rank_checkpoint(dir.path(), 20, 0, rank_state(0, 20));
  prune_checkpoints(dir.path(), 1);
  EXPECT_TRUE(fs::exists(checkpoint_folder(dir.path(), 10)));
  EXPECT_TRUE(fs::exists(checkpoint_folder(dir.path(), 20)));
}

TEST(Checkpoint, RemoveLeavesNone) {
  const TempFolder dir;
  write_checkpoint(dir.path(), 10);
  write_rank_checkpoint(dir.path(), 20, 0, rank_state(0, 20));
  remove_checkpoints(dir.path());
  EXPECT_TRUE(fs::is_empty(dir.path() / "checkpoint"));
}

TEST(Checkpoint, AnotherStateAtTheSameStepTakesTheManifestAwayFirst) {
  const TempFolder dir;
  write_checkpoint(dir.path(), 10);
  write_rank_checkpoint(dir.path(), 10, 0, rank_state(0, 10));
  EXPECT_EQ(steps_found(dir.path()), std::vector<std::int64_t>{10});
  write_rank_checkpoint(dir.path(), 10, 0, rank_state(1, 11));
  EXPECT_EQ(newest_manifest(dir.path()), std::nullopt);
}

TEST(Checkpoint, AFullDiskLeavesNothingHalfWritten) {
  const TempFolder dir;
  write_checkpoint(dir.path(), 10);
  const std::vector<std::byte> state = rank_state(0, 20);
  std::string error;
  {
    const FileSizeLimit limit(state.size() / 2);
    error = error_of([&] { write_rank_checkpoint(dir.path(), 20, 0, state); });
  }
  EXPECT_TRUE(contains(error, (checkpoint_folder(dir.path(), 20) / "rank-0000.h5").string()))
      << error;
  EXPECT_TRUE(fs::is_empty(checkpoint_folder(dir.path(), 20)));
  EXPECT_EQ(newest_manifest(dir.path())->step, 10);
}

TEST(Checkpoint, AFolderThatCannotBeMadeIsNamed) {
  const TempFolder dir;
  write_atomic(dir.path() / "checkpoint", std::string_view("a file"));
  const std::string error =
      error_of([&] { write_rank_checkpoint(dir.path(), 1, 0, rank_state(0, 1)); });
  EXPECT_TRUE(contains(error, checkpoint_folder(dir.path(), 1).string())) << error;
}

}  // namespace
}  // namespace terse
