// Blocking collectives between steps, for what all ranks decide together. Every rank calls them in
// the same order.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "terse/comm/transport/comm_thread.h"

namespace terse {

// Runs `action` on every rank. If it throws Error on any, all ranks throw: the error of the lowest
// such rank, with that rank's number in the sentence, as a JobError if it was one. PeerLost is
// rethrown at once: the world has ended.
void all_or_throw(CommThread& thread, const std::function<void()>& action);

std::vector<std::string> gather_text(CommThread& thread, std::string_view mine);

// Every rank's values, in rank order.
std::vector<std::vector<double>> gather_values(CommThread& thread, std::span<const double> mine);

// Element-wise sum over ranks, in rank order. Throws Error if ranks pass different numbers of
// values.
std::vector<double> sum_values(CommThread& thread, std::span<const double> mine);

}  // namespace terse
