// Runs PowerSGD over threads on matrices from a file, for comparison by powersgd.py.
//
//   parity_powersgd run WORLD STEPS RANK SHAPE... < input > output
//   parity_powersgd payload RANK SHAPE...
//   parity_powersgd time RANK SHAPE...
//
// A SHAPE is ROWSxCOLUMNS; in `payload` COLUMNS is 0 for a vector. All files are float32, raw.
// Input: the first Q of each matrix, vector by vector; then for each step, for each rank, each
// matrix. Output: for each step the mean that all ranks have, each matrix; then for each rank the
// residuals. `payload` prints the number of elements that one rank contributes in a step, counted
// once, if every matrix is compressed. `time` prints the milliseconds of a step's passes in a world
// of one (the best of ten steps) and those of its products P and Q alone.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "terse/base/error.h"
#include "terse/base/random.h"
#include "terse/comm/reducer/make_plan.h"
#include "terse/comm/reducer/reducer.h"
#include "terse/comm/transport/threads/thread_world.h"
#include "terse/compressors/low_rank/low_rank.h"

namespace terse {
namespace {

using Floats = std::vector<float>;

struct Size {
  std::uint32_t n0, n1;
};

Size parse_size(const std::string& word) {
  Size size{};
  if (std::sscanf(word.c_str(), "%ux%u", &size.n0, &size.n1) != 2)
    fail<JobError>("'{}' is not ROWSxCOLUMNS.", word);
  return size;
}

std::vector<Size> parse_sizes(std::span<const std::string> words) {
  std::vector<Size> sizes;
  for (const std::string& word : words) sizes.push_back(parse_size(word));
  return sizes;
}

Floats read_floats(std::istream& in, std::size_t count) {
  Floats values(count);
  in.read(reinterpret_cast<char*>(values.data()),
          static_cast<std::streamsize>(count * sizeof(float)));
  if (!in) fail<JobError>("the input ends before its {} floats.", count);
  return values;
}

void write_floats(std::ostream& out, std::span<const float> values) {
  out.write(reinterpret_cast<const char*>(values.data()),
            static_cast<std::streamsize>(values.size_bytes()));
}

struct Job {
  int world, steps;
  float rank;
  std::vector<Size> sizes;
  std::vector<Floats> bases;      // by matrix
  std::vector<Floats> gradients;  // by (step, rank), all matrices
};

Job read_job(std::span<const std::string> words) {
  Job job{std::stoi(words[0]),
          std::stoi(words[1]),
          std::stof(words[2]),
          parse_sizes(words.subspan(3)),
          {},
          {}};
  std::size_t elements = 0;
  for (const Size& size : job.sizes) {
    const low_rank::Shape shape = low_rank::shape_of(size.n0, size.n1, job.rank);
    job.bases.push_back(read_floats(std::cin, shape.q()));
    elements += std::size_t{size.n0} * size.n1;
  }
  for (int i = 0; i < job.world * job.steps; ++i)
    job.gradients.push_back(read_floats(std::cin, elements));
  return job;
}

struct Outcome {
  std::vector<Floats> means;  // by step
  Floats residuals;
};

std::vector<Layer> lay_out(const Job& job, Floats& arena) {
  std::vector<Layer> layers;
  std::size_t at = 0;
  for (std::size_t i = 0; i < job.sizes.size(); ++i) {
    const Size& size = job.sizes[i];
    layers.push_back({.name = fmt::format("matrix{}", i),
                      .grad = arena.data() + at,
                      .size = size.n0 * size.n1,
                      .dimensions = 2,
                      .rows = size.n0});
    at += layers.back().size;
  }
  return layers;
}

Outcome run_rank(const Job& job, CommThread& thread) {
  Floats arena(job.gradients.front().size());
  const std::vector<Layer> layers = lay_out(job, arena);
  CompressionOptions words;
  words.codec.name = "powersgd";
  words.rank = static_cast<int>(job.rank);
  words.min_elements = 0;
  Reducer reducer(layers, thread, make_plan(layers, words, 0, job.world), {});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (reducer.plan().assignments[i].scheme == 0)
      fail<JobError>("{} does not pay at rank {}.", layers[i].name, job.rank);
    const std::span<float> basis =
        reducer.state().slot(layers[i], "basis", job.bases[i].size()).values();
    std::copy(job.bases[i].begin(), job.bases[i].end(), basis.begin());
  }
  Outcome outcome;
  for (int step = 0; step < job.steps; ++step) {
    arena = job.gradients[static_cast<std::size_t>(step * job.world + thread.rank())];
    reducer.begin(static_cast<std::uint64_t>(step));
    reducer.finish();
    outcome.means.push_back(arena);
  }
  for (const Layer& layer : layers) {
    const std::span<float> kept = reducer.state().slot(layer, "residual").values();
    outcome.residuals.insert(outcome.residuals.end(), kept.begin(), kept.end());
  }
  return outcome;
}

void run(const Job& job) {
  const auto hub = make_thread_hub(job.world, {});
  std::vector<Outcome> outcomes(static_cast<std::size_t>(job.world));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < job.world; ++rank) {
    threads.emplace_back([&, rank] {
      CommThread thread([&] { return join_world(hub, rank); });
      outcomes[static_cast<std::size_t>(rank)] = run_rank(job, thread);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Outcome& outcome : outcomes) {
    if (outcome.means != outcomes.front().means) fail("the ranks do not agree.");
  }
  for (const Floats& mean : outcomes.front().means) write_floats(std::cout, mean);
  for (const Outcome& outcome : outcomes) write_floats(std::cout, outcome.residuals);
}

void print_payload(float rank, std::span<const Size> sizes) {
  std::size_t elements = 0;
  for (const Size& size : sizes) {
    const low_rank::Shape shape = low_rank::shape_of(size.n0, size.n1, rank);
    elements += size.n1 == 0 ? size.n0 : shape.p() + shape.q();
  }
  fmt::print("{}\n", elements);
}

double best_milliseconds(const std::function<void()>& body) {
  using Clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 10; ++i) {
    const Clock::time_point begin = Clock::now();
    body();
    best = std::min(best, std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  return best;
}

// All matrices of a gradient, in memory of its own.
struct Bench {
  Floats grad, e, p, q;
  std::vector<low_rank::Factors> table;

  Bench(float rank, std::span<const Size> sizes) {
    std::size_t n = 0, np = 0, nq = 0;
    for (const Size& size : sizes) {
      const low_rank::Shape shape = low_rank::shape_of(size.n0, size.n1, rank);
      low_rank::Factors f{.row = {}, .shape = shape};
      f.row.n = size.n0 * size.n1;
      table.push_back(f);
      n += f.row.n;
      np += shape.p();
      nq += shape.q();
    }
    grad.resize(n);
    for (std::size_t i = 0; i < n; ++i)
      grad[i] = unit_float(static_cast<std::uint32_t>(mix64(i))) - 0.5f;
    e.resize(n);
    p.resize(np);
    q.resize(nq);
    n = np = nq = 0;
    for (low_rank::Factors& f : table) {
      f.row.grad = f.row.out = grad.data() + n;
      f.row.e_in = f.row.e_out = e.data() + n;
      f.row.layer = n;
      f.p = p.data() + np;
      f.q = q.data() + nq;
      n += f.row.n;
      np += f.shape.p();
      nq += f.shape.q();
    }
  }

  void step() {
    const Feedback classic = feedback::kClassic;
    for (const low_rank::Factors& f : table)
      low_rank::reseed_zero_columns(f.q, f.shape.n1, f.shape.rank, {.seed = 1, .rank = kShared},
                                    f.row.layer);
    low_rank::fold_and_project(table, classic, low_rank::Side::p, {});
    for (const low_rank::Factors& f : table)
      low_rank::orthonormalize(f.p, f.shape.n0, f.shape.rank);
    low_rank::project(table, classic, low_rank::Side::q, {});
    low_rank::rebuild(table, classic, low_rank::ResidualUpdate::now, {});
  }

  void products() {
    low_rank::project(table, feedback::kClassic, low_rank::Side::p, {});
    low_rank::project(table, feedback::kClassic, low_rank::Side::q, {});
  }
};

void print_time(float rank, std::span<const Size> sizes) {
  Bench bench(rank, sizes);
  const double step = best_milliseconds([&] { bench.step(); });
  fmt::print("{:.2f} {:.2f}\n", step, best_milliseconds([&] { bench.products(); }));
}

int main_of(std::span<const std::string> words) {
  if (words.size() >= 5 && words[0] == "run") {
    run(read_job(words.subspan(1)));
  } else if (words.size() >= 3 && words[0] == "payload") {
    print_payload(std::stof(words[1]), parse_sizes(words.subspan(2)));
  } else if (words.size() >= 3 && words[0] == "time") {
    print_time(std::stof(words[1]), parse_sizes(words.subspan(2)));
  } else {
    fail<JobError>(
        "parity_powersgd run WORLD STEPS RANK SHAPE... | payload RANK SHAPE... | time ...");
  }
  return 0;
}

}  // namespace
}  // namespace terse

int main(int count, char** words) {
  try {
    return terse::main_of(std::vector<std::string>(words + 1, words + count));
  } catch (const std::exception& error) {
    fmt::print(stderr, "parity_powersgd: {}\n", error.what());
    return 1;
  }
}
