// Translates a job into the options of the lower layers, which do not know Job.
#pragma once

#include "terse/comm/reducer/make_plan.h"
#include "terse/comm/transport/communicator.h"
#include "terse/config/job.h"
#include "terse/data/dataset.h"
#include "terse/data/loader.h"
#include "terse/models/options.h"

namespace terse {

CommunicatorOptions communicator_options(const Job& job);
CompressionOptions compression_of(const Job& job);
ModelOptions model_options(const Job& job, const Dataset& data);
LoaderOptions loader_options(const Job& job, int rank, int world);

}  // namespace terse
