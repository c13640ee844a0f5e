#include "jobs/chunks.hpp"

#include "extension/installed.hpp"
#include "pg/spi.hpp"

namespace scout::jobs {

void add_chunks(int64 job, const pg::Array<Chunk> &chunks) {
    static pg::Statement insert(
        "INSERT INTO scout_internal.job_chunks (job_id, chunk_no, first_id, last_id, object)"
        " SELECT $1, c.n, c.first_id, c.last_id, c.object"
        " FROM unnest($2::bigint[], $3::bigint[], $4::text[])"
        " WITH ORDINALITY c(first_id, last_id, object, n)");
    pg::Column first(INT8OID, chunks.size()), last(INT8OID, chunks.size()), object(TEXTOID, chunks.size());
    for (const Chunk &c : chunks) {
        first.add(Int64GetDatum(c.first));
        last.add(Int64GetDatum(c.last));
        c.object != nullptr ? object.add_text(c.object) : object.add_null();
    }
    pg::AsRole owner(extension::extension_owner());
    insert.run({pg::int8(job), first.param(), last.param(), object.param()});
    owner.end();
}

bool claim_chunk(int64 job, Chunk &chunk) {
    static pg::Statement next(
        "SELECT c.chunk_no, c.first_id, c.last_id, c.object FROM scout_internal.job_chunks c"
        " WHERE c.job_id = $1"
        " ORDER BY c.chunk_no LIMIT 1 FOR UPDATE SKIP LOCKED",
        pg::Plan::in_order);
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows = next.run({pg::int8(job)});
    owner.end();
    const bool found = rows.count() > 0;
    if (found)
        chunk = {rows.int8(0, 1), rows.int8(0, 2), rows.int8(0, 3),
                 rows.is_null(0, 4) ? nullptr : pg::c_string(rows.text(0, 4))};
    rows.free();
    return found;
}

void finish_chunk(int64 job, const Chunk &chunk) {
    static pg::Statement remove("DELETE FROM scout_internal.job_chunks WHERE job_id = $1 AND chunk_no = $2",
                                pg::Plan::by_index);
    pg::AsRole owner(extension::extension_owner());
    remove.run({pg::int8(job), pg::int8(chunk.number)});
    owner.end();
}

void shorten_chunk(int64 job, const Chunk &chunk, int64 new_first) {
    static pg::Statement shorten(
        "UPDATE scout_internal.job_chunks SET first_id = $3 WHERE job_id = $1 AND chunk_no = $2",
        pg::Plan::by_index);
    pg::AsRole owner(extension::extension_owner());
    shorten.run({pg::int8(job), pg::int8(chunk.number), pg::int8(new_first)});
    owner.end();
}

}  // namespace scout::jobs
