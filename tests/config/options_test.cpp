#include "terse/config/options.h"

#include <sstream>

#include "config/job_fixture.h"

namespace terse {
namespace {

using Options = JobTest;

constexpr const char* kExample = R"([data]
kind = idx                    ; idx | cifar10 | hdf5
path = data.h5
[model]
name = convnet
[train]
epochs = 3
batch = 16                    ; per rank
max_steps = 0                 ; 0: no limit
seed = 7
device = cpu
[optimizer]
name = sgd
lr = 0.05
momentum = 0.9
[schedule]
kind = cosine                 ; constant | step | cosine
[compression]
codec = dgc                   ; none | fp16 | bf16 | maxmin | topk | dgc
density = 0.002
warmup_epochs = 1
[link]
bandwidth = 100Mbit/s         ; absent: unlimited
latency = 0.1ms
[world]
timeout = 30s
[output]
dir = runs/mnist-dgc
)";

TEST_F(Options, NothingGivenMeansTheDefaultsOfTheStructs) {
  Job expected;
  expected.data.path = defaults().data_path;
  expected.schedule.epochs = 3;
  EXPECT_EQ(job_of({}), expected);
}

TEST_F(Options, ReadsAFileWithUnitsAndComments) {
  Job expected;
  expected.data.kind = "idx";
  expected.data.path = (dir_ / "data.h5").string();  // beside the job file
  expected.train.batch = 16;
  expected.train.seed = 7;
  expected.schedule.kind = "cosine";
  expected.schedule.epochs = 3;
  expected.compression.codec.name = "dgc";
  expected.compression.density = 0.002;
  expected.compression.warmup_epochs = 1;
  expected.link.bandwidth = 12.5e6;
  expected.link.latency = std::chrono::microseconds(100);
  expected.world.timeout = std::chrono::seconds(30);
  expected.output.dir = "runs/mnist-dgc";
  EXPECT_EQ(job(kExample), expected);
}

TEST_F(Options, TheCommandLineWins) {
  const Job read =
      job("[train]\nepochs = 5\nbatch = 8\n", {"--train.epochs", "9", "--output.dir=x=y"});
  EXPECT_EQ(read.train.epochs, 9);
  EXPECT_EQ(read.train.batch, 8);
  EXPECT_EQ(read.output.dir, "x=y");
  EXPECT_EQ(read.schedule.epochs, 9.0);
}

TEST_F(Options, EveryTypeOfValue) {
  const Job read = job_of({"--model.name=mlp", "--model.hidden=64, 32", "--data.normalize=false",
                           "--schedule.kind=step", "--schedule.milestones=0.5,2",
                           "--compression.group_bytes=1MB", "--train.on_nonfinite=skip",
                           "--train.label_smoothing=1e-3"});
  EXPECT_EQ(read.model.hidden, (std::vector<std::int64_t>{64, 32}));
  EXPECT_FALSE(read.data.normalize);
  EXPECT_EQ(read.schedule.milestones, (std::vector<double>{0.5, 2}));
  EXPECT_EQ(read.compression.group_bytes, 1'000'000);
  EXPECT_EQ(read.train.on_nonfinite, "skip");
  EXPECT_EQ(read.train.label_smoothing, 0.001);
}

TEST_F(Options, UnknownNamesComeWithTheNearestKnownOne) {
  EXPECT_EQ(refusal("[train]\n\nepoch = 3\n"),
            "job.ini:3: there is no key train.epoch; the nearest is train.epochs (a whole number "
            "from 0 to "
            "1000000000).");
  EXPECT_EQ(
      refusal("[train]\nlr = 3\n"),
      "job.ini:2: there is no key train.lr; the nearest is optimizer.lr (a number in (0, 1000]).");
  EXPECT_EQ(refusal("[optimzer]\nlr = 3\n"),
            "job.ini:1: there is no section [optimzer]; the nearest is [optimizer].");
  EXPECT_EQ(refusal("", {"--train.lr", "3"}),
            "command line: there is no --train.lr; the nearest is --optimizer.lr (a number in (0, "
            "1000]).");
  EXPECT_EQ(refusal("", {"job2.ini"}),
            "command line: \"job2.ini\" is not of the form --section.key value.");
}

TEST_F(Options, WrongTypesAndRangesSayWhatIsAllowed) {
  EXPECT_EQ(refusal("[train]\nbatch = 0\n"),
            "job.ini:2: train.batch must be a whole number from 1 to 1000000, not \"0\".");
  EXPECT_EQ(refusal("[optimizer]\nmomentum = 1\n"),
            "job.ini:2: optimizer.momentum must be a number in [0, 1), not \"1\".");
  EXPECT_EQ(refusal("", {"--compression.density=0"}),
            "command line: compression.density must be a number in (0, 1], not \"0\".");
  EXPECT_EQ(refusal("[data]\nkind = svhn\n"),
            "job.ini:2: data.kind must be idx | cifar10 | hdf5, not \"svhn\".");
  EXPECT_EQ(refusal("[train]\ndevice = cuda\n"),
            "job.ini:2: train.device must be cpu, not \"cuda\".");
  EXPECT_EQ(refusal("[compression]\nbucket = 65537\n"),
            "job.ini:2: compression.bucket must be a whole number from 1 to 65536, not \"65537\".");
  EXPECT_EQ(refusal("", {"--compression.clip=0.5"}),
            "command line: compression.clip must be a number in [1, 100], or 0, not \"0.5\".");
  EXPECT_EQ(refusal("[world]\ntimeout = 100ms\n"),
            "job.ini:2: world.timeout must be a time from 1s to 86400s, in ns, us, ms, s or min, "
            "not \"100ms\".");
}

TEST_F(Options, EveryKeyRefusesWhatNoKeyTakes) {
  for (const auto& [key, value] : resolved(Job())) {
    if (key == "data.path" || key == "output.dir") continue;
    for (const char* bad : {"nan", "inf", "-1", "banana", "1,,2", "99999999999999999999", "\n"}) {
      const std::string sentence = refusal("", {"--" + key + "=" + bad});
      EXPECT_TRUE(sentence.starts_with("command line: " + key + " must be "))
          << key << " = " << bad << ": " << sentence;
    }
  }
}

TEST_F(Options, DataMustExistBesideTheCallerOrTheFile) {
  EXPECT_EQ(refusal("[train]\nseed = 2\n[data]\npath = nowhere\n"),
            "job.ini:4: data.path = \"nowhere\" does not exist; give the file or folder of the "
            "data set.");
  EXPECT_EQ(
      refusal("", {"--data.path=data.h5"}),  // only a path of the file is looked up in its folder
      "command line: data.path = \"data.h5\" does not exist; give the file or folder of the "
      "data set.");
  EXPECT_EQ(refusal("[data]\nkind = idx\n"),
            "job.ini:2: data.kind = idx needs data.path, the file or folder of the data set.");
  EXPECT_EQ(
      job("", {"--data.path=" + dir_.string() + "/../" + dir_.filename().string() + "/"}).data.path,
      dir_.string());
  EXPECT_THROW(parse_job({}, {}, Defaults{.data_path = "/nowhere", .schedule_epochs = {}}),
               JobError);
  EXPECT_THROW(parse_job(dir_ / "none.ini", {}, defaults()), JobError);
}

TEST_F(Options, HelpHasALineForEveryKey) {
  const std::string help = help_text(defaults());
  for (const auto& [key, value] : resolved(Job())) {
    const std::string name = "\n  " + key.substr(key.find('.') + 1) + " = ";
    EXPECT_NE(help.find(name), std::string::npos) << key;
  }
  EXPECT_NE(help.find("\n[compression]\n"), std::string::npos);
  EXPECT_NE(help.find("[none | fp16 | bf16 | "), std::string::npos);
  EXPECT_NE(help.find("[a whole number from 1 to 8]"), std::string::npos);
}

TEST_F(Options, HelpFitsIn100Columns) {
  Defaults short_path;
  short_path.data_path = "share/terse/mnist-mini.h5";
  std::istringstream help(help_text(short_path));
  for (std::string line; std::getline(help, line);) EXPECT_LE(line.size(), 100u) << line;
}

}  // namespace
}  // namespace terse
