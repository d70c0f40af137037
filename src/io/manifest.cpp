#include "terse/io/manifest.h"

#include <nlohmann/json.hpp>

#include "terse/base/error.h"
#include "terse/base/hash.h"

namespace terse {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace);
}

std::string hex(std::uint64_t number) { return fmt::format("{:016x}", number); }

std::uint64_t from_hex(const std::string& digits) {
  if (digits.size() != 16 || digits.find_first_not_of("0123456789abcdef") != digits.npos) {
    fail("is not a checkpoint's manifest: '{}' is no checksum.", digits);
  }
  return std::stoull(digits, nullptr, 16);
}

Json to_json(const Manifest& manifest) {
  Json json;
  json["step"] = manifest.step;
  json["epoch"] = manifest.epoch;
  json["world_size"] = manifest.world_size;
  json["terse_version"] = manifest.terse_version;
  json["parameter_hash"] = manifest.parameter_hash;
  json["job"] = Json::array();
  for (const auto& [key, value] : manifest.job) json["job"].push_back({key, value});
  json["ranks"] = Json::array();
  for (const RankCheckpoint& file : manifest.ranks) {
    json["ranks"].push_back(
        Json{{"file", file.name}, {"bytes", file.size_bytes}, {"xxh3", hex(file.checksum)}});
  }
  return json;
}

Manifest from_json(const Json& json) {
  Manifest manifest;
  manifest.step = json.at("step").get<std::int64_t>();
  manifest.epoch = json.at("epoch").get<std::int64_t>();
  manifest.world_size = json.at("world_size").get<int>();
  manifest.terse_version = json.at("terse_version").get<std::string>();
  manifest.parameter_hash = json.at("parameter_hash").get<std::string>();
  for (const Json& pair : json.at("job")) {
    manifest.job.emplace_back(pair.at(0).get<std::string>(), pair.at(1).get<std::string>());
  }
  for (const Json& rank : json.at("ranks")) {
    RankCheckpoint file{rank.at("file").get<std::string>(), rank.at("bytes").get<std::uint64_t>(),
                        from_hex(rank.at("xxh3").get<std::string>())};
    const std::string expected = rank_checkpoint_name(static_cast<int>(manifest.ranks.size()));
    if (file.name != expected)
      fail("is not a checkpoint's manifest: it names '{}' instead of {}.", file.name, expected);
    manifest.ranks.push_back(std::move(file));
  }
  if (manifest.step < 0 || manifest.world_size < 1 ||
      manifest.ranks.size() != static_cast<std::size_t>(manifest.world_size)) {
    fail("is not a checkpoint's manifest: it has {} files for a world of {} ranks at step {}.",
         manifest.ranks.size(), manifest.world_size, manifest.step);
  }
  return manifest;
}

}  // namespace

std::string rank_checkpoint_name(int rank) { return fmt::format("rank-{:04}.h5", rank); }

std::string manifest_text(const Manifest& manifest) {
  // dump() replaces invalid UTF-8; the checksum covers the text that a reader will see.
  const Json body = Json::parse(dump(to_json(manifest)));
  Json json;
  json["format"] = kCheckpointFormat;
  json["checkpoint"] = body;
  json["checksum"] = hex(hash64(dump(body)));
  return dump(json) + "\n";
}

Manifest parse_manifest(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    const int format = json.at("format").get<int>();
    if (format != kCheckpointFormat) {
      fail(
          "has format {}, but this version of terse reads format {}. Resume with the version that "
          "wrote it.",
          format, kCheckpointFormat);
    }
    const Json& body = json.at("checkpoint");
    if (from_hex(json.at("checksum").get<std::string>()) != hash64(dump(body))) {
      fail("is damaged: its checksum is not that of its contents.");
    }
    return from_json(body);
  } catch (const Json::exception& error) {
    fail("is not a checkpoint's manifest, or is damaged ({}).", error.what());
  }
}

}  // namespace terse
