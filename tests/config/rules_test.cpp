#include "terse/config/rules.h"

#include <fmt/ranges.h>

#include "compressors/option_values.h"
#include "config/job_fixture.h"

namespace terse {
namespace {

using Rules = JobTest;

// Without line breaks and the blanks that align help.
std::string unwrapped(const std::string& help) {
  std::string text;
  for (const char c : help) {
    const bool blank = c == ' ' || c == '\n';
    if (!blank) text += c;
    if (blank && !text.ends_with(' ')) text += ' ';
  }
  return text;
}

TEST_F(Rules, DgcNeedsSgd) {
  const std::string why =
      "compression.codec = dgc keeps sgd's momentum inside the codec and cannot be combined with "
      "optimizer.name = "
      "adamw; choose sgd or another codec.";
  EXPECT_EQ(refusal("[optimizer]\nname = adamw\n[compression]\ncodec = dgc\n"),
            "job.ini:4: " + why);
  EXPECT_EQ(refusal("[optimizer]\nname = adamw\n", {"--compression.codec=dgc"}),
            "command line: " + why);
  EXPECT_EQ(refusal("[optimizer]\nname = adamw\n[compression]\ncodec = topk\n"), "");
}

TEST_F(Rules, NesterovNeedsMomentum) {
  EXPECT_EQ(refusal("[optimizer]\nmomentum = 0\nnesterov = true\n"),
            "job.ini:3: optimizer.nesterov = true needs optimizer.momentum above 0.");
  EXPECT_EQ(refusal("[optimizer]\nnesterov = true\n"), "");
}

TEST_F(Rules, Schedules) {
  EXPECT_EQ(refusal("[schedule]\nkind = step\n"),
            "job.ini:2: schedule.kind = step needs schedule.milestones, the epochs at which the "
            "rate drops.");
  EXPECT_EQ(refusal("[schedule]\nkind = step\nmilestones = 2,2\n"),
            "job.ini:3: schedule.milestones must ascend.");
  EXPECT_EQ(refusal("[schedule]\nmilestones = 2\n"),
            "job.ini:2: schedule.milestones = 2 is read only where schedule.kind is step, and it "
            "is constant; drop the "
            "one or change the other.");
  EXPECT_EQ(refusal("[schedule]\nkind = cosine\nwarmup_epochs = 4\n"),
            "job.ini:3: schedule.warmup_epochs = 4 is longer than the whole cosine, "
            "schedule.epochs = 3.");
  EXPECT_EQ(refusal("[schedule]\nkind = cosine\nwarmup_epochs = 3\n"), "");
}

TEST_F(Rules, WarmupDensitiesAreOnePerEpoch) {
  const std::string dgc = "[compression]\ncodec = dgc\nwarmup_epochs = 2\n";
  EXPECT_EQ(refusal(dgc + "warmup_densities = 0.25\n"),
            "job.ini:4: compression.warmup_densities lists 1 densities for "
            "compression.warmup_epochs = 2; give one for "
            "each warm-up epoch.");
  EXPECT_EQ(refusal(dgc + "warmup_densities = 0.25, 0.0625\n"), "");
  EXPECT_EQ(refusal(dgc + "warmup_densities = 0.25, 0\n"),
            "job.ini:4: compression.warmup_densities must be a comma-separated list, each a number "
            "in (0, 1], or "
            "default, not \"0.25, 0\".");
  EXPECT_EQ(refusal("[compression]\ncodec = topk\nwarmup_densities = 0.25\n"),
            "job.ini:3: compression.warmup_densities = 0.25 is read only where compression.codec "
            "is dgc, and it is topk; "
            "drop the one or change the other.");
}

TEST_F(Rules, ASettingThatNothingReadsIsRefused) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> unread = {
      {"compression.bits", {"--compression.codec=topk", "--compression.bits=4"}},
      {"compression.bits", {"--compression.bits=4"}},
      {"compression.feedback", {"--compression.codec=dgc", "--compression.feedback=classic"}},
      {"compression.clip_norm", {"--compression.codec=topk", "--compression.clip_norm=1"}},
      {"compression.density", {"--compression.codec=maxmin", "--compression.density=0.5"}},
      {"compression.masking", {"--compression.codec=topk", "--compression.masking=false"}},
      {"optimizer.momentum", {"--optimizer.name=adamw", "--optimizer.momentum=0.5"}},
      {"optimizer.beta1", {"--optimizer.beta1=0.5"}},
      {"schedule.min_lr", {"--schedule.min_lr=0.5"}},
      {"model.hidden", {"--model.hidden=3"}},
  };
  for (const auto& [key, overrides] : unread) {
    EXPECT_TRUE(refusal("", overrides).starts_with("command line: " + key + " = "))
        << refusal("", overrides);
  }
  EXPECT_EQ(refusal("[compression]\ncodec = topk\nbits = 8\n"), "") << "a default value is allowed";
}

// A row of codec_options() is all that a job needs for an option.
TEST_F(Rules, ARowOfTheCodecOptionsMakesAJobKey) {
  const std::string help = help_text(defaults());
  for (const CodecOption& option : codec_options()) {
    const std::string key = "compression." + option.name, value = test::other_value(option);
    EXPECT_NE(help.find(fmt::format("\n  {} = {} ", option.name, option.text({}))),
              std::string::npos)
        << key << " in: " << help;
    EXPECT_NE(unwrapped(help).find(fmt::format("{} [{}]", option.meaning, option.allowed)),
              std::string::npos)
        << key << " in: " << help;
    for (const CodecInfo& info : codecs()) {
      const std::vector<std::string> set = {fmt::format("--compression.codec={}", info.name),
                                            fmt::format("--{}={}", key, value)};
      if (option.read_by(info)) {
        EXPECT_EQ(option.text(job_of(set).compression.codec), value) << info.name;
      } else {
        EXPECT_EQ(
            refusal("", set),
            fmt::format("command line: {} = {} is read only where compression.codec is {}, "
                        "and it is {}; drop the one or change the other.",
                        key, value, fmt::join(codecs_where(option.read_by), " | "), info.name));
      }
    }
  }
}

TEST_F(Rules, AnotherCodecFromTheCommandLineResetsTheOptionsOfTheFile) {
  const std::string file =
      "[compression]\ncodec = dgc\ndensity = 0.01\nwarmup_epochs = 1\nclip_norm = 2\n";
  EXPECT_EQ(job(file).compression.warmup_epochs, 1);
  CompressionJob dense;
  EXPECT_EQ(job(file, {"--compression.codec=none"}).compression, dense);
  CompressionJob topk;
  topk.codec.name = "topk";
  topk.density = 0.01;  // read by both
  EXPECT_EQ(job(file, {"--compression.codec=topk"}).compression, topk);
  EXPECT_TRUE(refusal(file, {"--compression.codec=none", "--compression.density=0.1"})
                  .starts_with("command line: "));
}

}  // namespace
}  // namespace terse
