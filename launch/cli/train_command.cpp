#include <array>
#include <filesystem>
#include <memory>

#include "terse/comm/transport/collectives.h"
#include "terse/config/arguments.h"
#include "terse/config/options.h"
#include "terse/data/dataset.h"
#include "terse/io/checkpoint.h"
#include "terse/launch/cli/installation.h"
#include "terse/launch/cli/program.h"
#include "terse/launch/world/ranks.h"
#include "terse/launch/world/signals.h"
#include "terse/trainers/loop/job_parts.h"
#include "terse/trainers/loop/trainer.h"

namespace terse {
namespace {

const std::array<Switch, 4> kSwitches = {{
    {"ranks", "N", "run N ranks as threads of this process, without mpirun; default 1"},
    {"resume", "", "continue from the newest checkpoint in output.dir"},
    {"dry-run", "", "print the resolved job, the compression plan and its memory, and exit"},
    {"help", "", "print this text"},
}};

Defaults program_defaults() {
  return {.data_path = shared_file("mnist-mini.h5").string(), .schedule_epochs = {}};
}

Job read_job(const std::string& file, const Arguments& arguments) {
  const Defaults defaults = program_defaults();
  Job job = parse_job(file, arguments.overrides, defaults);
  if (!arguments.has("resume")) return job;
  const std::optional<Manifest> manifest = newest_manifest(job.output.dir);
  if (!manifest)
    fail<JobError>("--resume found no checkpoint in {}; start without it.", job.output.dir);
  return parse_job(file, arguments.overrides, resume_defaults(defaults, manifest->job));
}

}  // namespace

int train_command(std::span<const std::string> args) {
  const Arguments arguments = parse_job_arguments(args, kSwitches);
  if (arguments.has("help")) {
    fmt::print("terse train [JOB.ini] [--section.key value ...] [switches]\n\n{}\n{}",
               help_text(kSwitches), help_text(program_defaults()));
    return 0;
  }
  if (arguments.positional.size() > 1) {
    fail<JobError>("terse train takes one job file; '{}' is a second one.",
                   arguments.positional[1]);
  }
  const Job job = read_job(arguments.positional.empty() ? "" : arguments.positional[0], arguments);
  WorldOptions world = choose_world(arguments.value("ranks"));
  world.communicator = communicator_options(job);
  world.communicator.ending = &end_wanted();
  install_signal_handlers();

  TrainOptions options{.world_kind = world.mpi ? "mpi" : "threads",
                       .version = TERSE_VERSION,
                       .resume = arguments.has("resume"),
                       .dry_run = arguments.has("dry-run"),
                       .stop_wanted = &stop_wanted()};
  std::shared_ptr<const Dataset> shared;  // by the ranks of this process
  const auto load = [&] {
    return std::make_shared<const Dataset>(
        load_dataset(job.data.kind, job.data.path, job.data.limit));
  };
  if (!world.mpi) shared = load();
  return run_world(world, [&](CommThread& thread) {
    std::shared_ptr<const Dataset> data = shared;
    if (!data) all_or_throw(thread, [&] { data = load(); });
    return train(job, *data, thread, options) == TrainEnd::done ? ExitCode::done
                                                                : ExitCode::interrupted;
  });
}

}  // namespace terse
