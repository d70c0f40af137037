#include "compressors/option_values.h"
#include "config/job_fixture.h"
#include "terse/base/random.h"
#include "terse/config/options.h"

namespace terse {
namespace {

using Records = JobTest;

std::vector<std::string> as_overrides(const Record& record) {
  std::vector<std::string> overrides;
  for (const auto& [key, value] : record) overrides.push_back("--" + key + "=" + value);
  return overrides;
}

// Settings that go together; the i-th draw of `random` picks among them and their numbers.
std::vector<std::string> random_overrides(const RandomStream& random) {
  std::uint64_t at = 0;
  const auto pick = [&](std::vector<std::string> texts) {
    return texts[random.below(at++, texts.size())];
  };
  const auto number = [&] { return fmt::format("{}", 1e-9 + random.uniform(at++) * 0.99); };
  const auto whole = [&] { return fmt::format("{}", 1 + random.below(at++, 1000)); };
  std::vector<std::string> set = {
      "--train.epochs=" + whole(),
      "--train.batch=" + whole(),
      "--train.seed=" + whole(),
      "--train.label_smoothing=" + number(),
      "--optimizer.lr=" + number(),
      "--optimizer.weight_decay=" + number(),
      "--link.bandwidth=" + number() + pick({"Mbit/s", "GB/s", "kbit/s", "B/s"}),
      "--link.latency=" + whole() + pick({"ns", "us", "ms"}),
      "--world.timeout=" + whole() + pick({"s", ".5s", ".25min"}),
      "--compression.group_bytes=" + whole() + pick({"kB", "KiB", "B"}),
      "--output.dir=" + pick({"a b", "x;y", "#1", "\"q\"", "plain", " blank "}),
      "--data.normalize=" + pick({"true", "false"}),
  };
  const CodecInfo& codec = codecs()[random.below(at++, codecs().size())];
  set.push_back(fmt::format("--compression.codec={}", codec.name));
  if (codec.level == Level::bits) set.push_back("--compression.bits=" + pick({"1", "4", "7"}));
  if (codec.level == Level::density) set.push_back("--compression.density=" + number());
  if (codec.level == Level::rank) set.push_back("--compression.rank=" + whole());
  if (codec.feedback == "classic")
    set.push_back("--compression.feedback=" + pick({"none", "classic"}));
  for (const CodecOption& option : codec_options()) {
    if (option.read_by(codec))
      set.push_back("--compression." + option.name + "=" +
                    pick({option.text({}), test::other_value(option)}));
  }
  if (codec.feedback == "dgc") {
    set.push_back("--compression.warmup_epochs=2");
    set.push_back("--compression.warmup_densities=" + pick({"default", "0.25,0.0625", "1,1e-3"}));
  }
  const std::string kind = pick({"constant", "step", "cosine"});
  set.push_back("--schedule.kind=" + kind);
  if (kind == "step") set.push_back("--schedule.milestones=0.25," + whole());
  if (kind == "cosine") set.push_back("--schedule.epochs=" + whole());
  return set;
}

TEST_F(Records, ParsingARecordGivesTheJobBack) {
  for (std::uint64_t trial = 0; trial < 60; ++trial) {
    const Job job = job_of(random_overrides(RandomStream(11, "jobs", trial)));
    const Record record = resolved(job);
    EXPECT_EQ(job_of(as_overrides(record)), job);
    EXPECT_EQ(resolved(job_of(as_overrides(record))), record);
    EXPECT_EQ(parse_job(write("again.ini", to_ini(job)), {}, Defaults()), job) << to_ini(job);
  }
}

TEST_F(Records, HoldEveryKeyOnceInTableOrder) {
  const Record record = resolved(job_of({}));
  ASSERT_EQ(record.size(), 65u);
  EXPECT_EQ(record.front().first, "data.kind");
  EXPECT_EQ(record.back(), (std::pair<std::string, std::string>("output.eval_every", "1")));
  const std::map<std::string, std::string> by_key(record.begin(), record.end());
  EXPECT_EQ(by_key.size(), record.size());
  EXPECT_EQ(by_key.at("link.bandwidth"), "unlimited");
  EXPECT_EQ(by_key.at("schedule.epochs"), "3");
  EXPECT_EQ(by_key.at("world.timeout"), "60s");
  EXPECT_EQ(by_key.at("optimizer.eps"), "1e-08");
}

TEST_F(Records, AJobMadeByHandIsRecordedWithItsSchedule) {
  Job job;
  job.train.epochs = 12;
  const Record record = resolved(job);
  EXPECT_NE(std::find(record.begin(), record.end(), Record::value_type("schedule.epochs", "12")),
            record.end());
}

TEST_F(Records, FirstDifferenceNamesKeyAndBothValues) {
  const Record one = resolved(job_of({}));
  EXPECT_EQ(first_difference(one, one), std::nullopt);
  EXPECT_EQ(first_difference(one, resolved(job_of({"--optimizer.lr=0.1", "--train.seed=2"}))),
            "train.seed=1 against train.seed=2");
  Record shorter = one;
  shorter.pop_back();
  EXPECT_EQ(first_difference(one, shorter),
            "output.eval_every=1 against output.eval_every=nothing");
  EXPECT_EQ(first_difference(shorter, one),
            "output.eval_every=nothing against output.eval_every=1");
}

TEST_F(Records, OnlyNamedKeysMayDifferOnResume) {
  const Record before = resolved(job_of({}));
  const Defaults resumed = resume_defaults(defaults(), before);
  const auto now = [&](const std::vector<std::string>& overrides) {
    return resolved(parse_job({}, overrides, resumed));
  };
  EXPECT_EQ(resume_conflicts(
                before,
                now({"--train.epochs=9", "--train.max_steps=5", "--output.keep=1", "--output.dir=x",
                     "--link.bandwidth=1Gbit/s", "--link.latency=1ms", "--world.timeout=5s"})),
            std::vector<std::string>());
  EXPECT_EQ(resume_conflicts(
                before, now({"--optimizer.lr=0.1", "--train.seed=2", "--world.check_every=3"})),
            (std::vector<std::string>{"train.seed: 1 in the checkpoint, now 2",
                                      "optimizer.lr: 0.05 in the checkpoint, now 0.1",
                                      "world.check_every: 0 in the checkpoint, now 3"}));
}

TEST_F(Records, EveryOtherKeyConflicts) {
  const Record before = resolved(job_of({}));
  std::size_t free = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    Record now = before;
    now[i].second += "x";
    const std::vector<std::string> conflicts = resume_conflicts(before, now);
    free += conflicts.empty();
    if (!conflicts.empty()) {
      EXPECT_TRUE(conflicts[0].starts_with(before[i].first + ": ")) << conflicts[0];
    }
  }
  EXPECT_EQ(free, 10u);  // epochs, max_steps, timeout, 2 of link, 5 of output
}

TEST_F(Records, AResumedCosineKeepsItsLengthUnlessToldOtherwise) {
  const Record before = resolved(job_of({"--schedule.kind=cosine", "--train.epochs=4"}));
  const Defaults resumed = resume_defaults(defaults(), before);
  const std::vector<std::string> longer = {"--schedule.kind=cosine", "--train.epochs=6"};
  EXPECT_EQ(parse_job({}, longer, resumed).schedule.epochs, 4.0);
  EXPECT_TRUE(resume_conflicts(before, resolved(parse_job({}, longer, resumed))).empty());
  EXPECT_EQ(resume_conflicts(before, resolved(parse_job({}, longer, defaults()))),
            std::vector<std::string>{"schedule.epochs: 4 in the checkpoint, now 6"});
}

}  // namespace
}  // namespace terse
