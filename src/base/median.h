// The median of some numbers.
#pragma once

#include <vector>

namespace terse {

// The mean of the two middle values where their number is even; NaN where there are none.
double median(std::vector<double> values);

}  // namespace terse
