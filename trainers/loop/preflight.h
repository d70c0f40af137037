// What is checked before the first step. Every rank calls these in the same order, and all throw
// alike.
#pragma once

#include "terse/comm/transport/comm_thread.h"
#include "terse/config/job.h"
#include "terse/data/dataset.h"

namespace terse {

// Throws JobError naming the first key in which a rank's job differs from rank 0's, or its data.
// Paths may differ from machine to machine.
void require_same_job(const Job& job, const Dataset& data, CommThread& thread);

// Throws JobError where world.timeout is so short that a rank on this link could be taken for lost
// because its heartbeats queue behind its data.
void require_time_for_heartbeats(const CommThread& thread);

}  // namespace terse
