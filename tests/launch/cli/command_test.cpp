// The command line: help, refusals in one sentence, the dry run.
#include <nlohmann/json.hpp>

#include "launch/cli/program.h"
#include "terse/base/file.h"
#include "terse/config/options.h"

namespace terse::test {
namespace {

using Command = LaunchTest;

struct Refusal {
  std::string name;
  std::string job;  // the text of job.ini
  CommandLine more;
  std::vector<std::string> said;  // {job} stands for the path of job.ini
};

const std::vector<Refusal>& refusals() {
  static const std::vector<Refusal> all = {
      {"unknown key",
       "[train]\nepoch = 3\n",
       {},
       {"{job}:2: ", "train.epoch;", "the nearest is train.epochs", "a whole number from 0"}},
      {"unknown section", "\n[trian]\nepochs = 3\n", {}, {"{job}:2: ", "[trian]", "[train]"}},
      {"wrong type",
       "[train]\nbatch = many\n",
       {},
       {"{job}:2: ", "train.batch must be a whole number from 1 to 1000000", "\"many\""}},
      {"out of range",
       "[compression]\ncodec = topk\n\ndensity = 1.5\n",
       {},
       {"{job}:4: ", "compression.density must be a number in (0, 1]", "\"1.5\""}},
      {"no such choice",
       "[compression]\ncodec = gzip\n",
       {},
       {"{job}:2: ", "compression.codec must be none | fp16 | bf16 | "}},
      {"missing data",
       "[data]\npath = nowhere.h5\n",
       {},
       {"{job}:2: ", "data.path = \"nowhere.h5\" does not exist"}},
      {"impossible combination",
       "[optimizer]\nname = adamw\n[compression]\ncodec = dgc\n",
       {},
       {"{job}:4: ", "compression.codec = dgc", "optimizer.name = adamw"}},
      {"unknown key on the command line",
       "",
       {"--train.epoch", "3"},
       {"command line: ", "--train.epoch;", "the nearest is --train.epochs", "a whole number"}},
      {"bad number of ranks", "", {"--ranks", "0"}, {"--ranks is '0'", "from 1 to 256"}},
      {"nothing to resume", "", {"--resume"}, {"--resume found no checkpoint in "}},
  };
  return all;
}

void expect_one_sentence(const CompletedProcess& ended, const std::vector<std::string>& parts) {
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err.find("terse: "), 0U) << ended.err;
  EXPECT_EQ(count(ended.err, "\n"), 1) << ended.err;
  for (const std::string& part : parts)
    EXPECT_EQ(count(ended.err, part), 1) << '"' << part << "\" in: " << ended.err;
}

TEST_F(Command, AWrongJobIsRefusedInOneSentenceThatNamesPlaceKeyAndWhatIsAllowed) {
  for (const Refusal& refusal : refusals()) {
    SCOPED_TRACE(refusal.name);
    const std::string job = write("job.ini", refusal.job).string();
    std::vector<std::string> parts = refusal.said;
    for (std::string& part : parts) {
      if (part.starts_with("{job}")) part.replace(0, 5, job);
    }
    expect_one_sentence(
        run(program({"train", job, "--output.dir", path("out").string()}) + refusal.more), parts);
    EXPECT_FALSE(std::filesystem::exists(path("out")));
  }
}

TEST_F(Command, AMissingJobFileAndAnUnknownCommandAreNamed) {
  const std::string job = path("nowhere.ini").string();
  expect_one_sentence(run(program({"train", job})), {job, "there is no such job file"});
  expect_one_sentence(run(program({"tarin"})), {"unknown command 'tarin'", "terse --help"});
}

TEST_F(Command, OnlyTrainTakesJobKeys) {
  for (const CommandLine& command :
       {CommandLine{"compare", "out"}, CommandLine{"bench", "codecs"},
        CommandLine{"bench", "exchange"}, CommandLine{"bench", "overlap"}})
    expect_one_sentence(run(program(command + CommandLine{"--train.epochs=3"})),
                        {"--train.epochs is a job key, which only terse train takes."});
}

TEST_F(Command, RanksAsThreadsUnderMpirunAreRefused) {
  const CompletedProcess ended = run(under_mpirun(1, small_job(path("out"), {"--ranks=2"})));
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(count(ended.err, "terse: --ranks 2 runs ranks as threads, but mpirun"), 1) << ended.err;
  EXPECT_FALSE(std::filesystem::exists(path("out")));
}

TEST_F(Command, HelpAndVersionSayWhatThereIs) {
  const CompletedProcess help = run(program({"--help"}));
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* word :
       {"terse train JOB.ini", "terse compare DIR", "terse bench ", "130 interrupted"})
    EXPECT_EQ(count(help.out, word), 1) << word << " in: " << help.out;
  const CompletedProcess version = run(program({"--version"}));
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out, fmt::format("terse {}\n", TERSE_TEST_VERSION));
  const CompletedProcess nothing = run(program({}));
  EXPECT_EQ(nothing.code, 2);
  EXPECT_EQ(nothing.err, help.out);
}

TEST_F(Command, HelpOfBenchNamesWhatItMeasures) {
  const CompletedProcess help = run(program({"bench", "--help"}));
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* word : {"terse bench codecs", "terse bench exchange", "terse bench overlap"})
    EXPECT_EQ(count(help.out, word), 1) << word;
  expect_one_sentence(run(program({"bench"})), {"'exchange'", "terse bench --help"});
}

TEST_F(Command, HelpOfTrainListsEveryKeyInItsSection) {
  const CompletedProcess help = run(program({"train", "--help"}));
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  for (const char* word : {"--ranks", "--resume", "--dry-run"})
    EXPECT_EQ(count(help.out, word), 1) << word;
  std::size_t at = 0;
  std::string section;
  for (const auto& [key, value] : resolved(Job())) {
    const auto dot = key.find('.');
    if (key.substr(0, dot) != section) {
      section = key.substr(0, dot);
      at = help.out.find("\n[" + section + "]\n", at);
      ASSERT_NE(at, std::string::npos) << section << " in: " << help.out;
    }
    at = help.out.find(fmt::format("\n  {} = ", key.substr(dot + 1)), at);
    ASSERT_NE(at, std::string::npos) << key << " in: " << help.out;
  }
}

TEST_F(Command, ADryRunPrintsTheResolvedJobAndThePlanAndLeavesNothingBehind) {
  const std::string job = write("job.ini",
                                "; a comment\n# another\n"
                                "[model]\nname = mlp  ; of two layers\nhidden = 32 # narrow\n"
                                "[optimizer]\nlr = 0.5\n"
                                "[compression]\ncodec = topk\ndensity = 0.01\n")
                              .string();
  const CommandLine words = {"--output.dir",     path("out").string(), "--optimizer.lr", "0.25",
                             "--train.epochs=7", "--dry-run",          "--ranks",        "2"};
  const CompletedProcess first = run(program({"train", job}) + words);
  EXPECT_EQ(first.code, 0);
  EXPECT_EQ(first.err, "");
  for (const char* line :
       {"\nname = mlp\n", "\nhidden = 32\n", "\nlr = 0.25\n", "\nepochs = 7\n", "\ncodec = topk\n",
        "\ndensity = 0.01\n", "\nPlan of epoch 0 for 2 ranks\n", "topk     density 0.01\n",
        "\nbytes per step and rank: at most ", "\nmemory per rank: gradients "})
    EXPECT_GE(count(first.out, line), 1) << line << " in: " << first.out;
  EXPECT_EQ(count(first.out, "step 1"), 0);
  EXPECT_FALSE(std::filesystem::exists(path("out")));
  // The output is a job file of the same job.
  const std::string again =
      write("again.ini", first.out.substr(0, first.out.find("\nPlan of"))).string();
  EXPECT_EQ(run(program({"train", again, "--dry-run", "--ranks", "2"})).out, first.out);
}

}  // namespace
}  // namespace terse::test
