// The median.
#pragma once

#include <vector>

namespace terse {

// The mean of the two middle values if their number is even; NaN if there are none.
double median(std::vector<double> values);

}  // namespace terse
