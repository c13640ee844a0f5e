// The work of a job that is left: rows of job_chunks, frozen when the job was asked for.
//
// A worker takes a chunk with SKIP LOCKED and gives up the lock only with its transaction. Commit: the
// chunk is gone (or smaller), its work is done. Abort, cancel, crash: the chunk is there for the next.
#pragma once

#include "pg/memory.hpp"

namespace scout::jobs {

struct Chunk {
    int64 number;
    int64 first, last;   // meaning is the kind's
    const char *object;  // nullptr: none
};

// All need a Session. Chunks are taken in the order in which they were added.
void add_chunks(int64 job, const pg::Array<Chunk> &chunks);  // numbers are given here
bool claim_chunk(int64 job, Chunk &chunk);                   // false: all are claimed or done
void finish_chunk(int64 job, const Chunk &chunk);
void shorten_chunk(int64 job, const Chunk &chunk, int64 new_first);

}  // namespace scout::jobs
