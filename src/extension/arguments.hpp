// Checks of arguments that capabilities share and that speak of events; pg/arguments.hpp has the general
// ones.
#pragma once

#include "pg/arguments.hpp"

namespace scout::extension {

// How many events make a batch.
int batch_size_argument(FunctionCallInfo fcinfo, int number);

struct Window {
    TimestampTz start, end;  // half-open
};

// Arguments `first` and `first + 1`, start_ts and end_ts: finite or infinite, start before end.
Window window_argument(FunctionCallInfo fcinfo, int first);

// Refuses a window on ingested_at that has not begun: nothing can be in it.
void refuse_future(const Window &window);

}  // namespace scout::extension
