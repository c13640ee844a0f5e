// How a function of a capability asks for its work to be done by workers.
//
// wait => false: the job row is written in the caller's transaction and its worker starts at the commit.
// wait => true: nothing is written here. The request goes to a worker in shared memory (pg/handover.hpp);
// the caller waits, shows progress, and reads the counts from the job's row. Its cancel cancels the job.
// In a transaction block, or once the transaction has written, the worker could not see what the caller
// has done, nor the caller end before it: there the work is done in the caller's transaction.
#pragma once

#include "jobs/store.hpp"
#include "pg/worker.hpp"

namespace scout::jobs {

// Must the work be done in the caller's transaction? Says so in a NOTICE, but for a single batch.
bool runs_here(const char *what);

struct Outcome {
    int64 job;
    const char *state;  // "queued", or how it ended
    Progress counts;
    TimestampTz started, finished;
};

// Needs a Session with the caller's own role. With `wait` a job that fails, is cancelled or loses its
// workers raises what the worker met, or 57014, or 57P01; the job's number is in the detail.
Outcome submit(const Request &request, bool wait);

// Waits for a job of whatever origin, showing progress; at most `timeout_ms` (-1: for ever). False if
// time is up. Does not raise what the job met. `worker` is the process that the job was handed to: if it
// dies before it registers, the job is left queued.
bool await(int64 job, int64 timeout_ms, Record &record, BackgroundWorkerHandle *worker = nullptr);

// 1 to scout_ir.max_workers.
int workers_argument(FunctionCallInfo fcinfo, int number, const char *name = "workers");

}  // namespace scout::jobs
