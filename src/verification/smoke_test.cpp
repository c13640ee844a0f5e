// smoke_test(): does an event get through?
//
// One event goes into bronze by a call of the pipeline's owner, is loaded into silver like any other, is
// delivered a second time, and the gold views are computed with it. All of that happens in one subtransaction
// that is always rolled back: neither commit nor crash leaves anything of it but numbers drawn from
// sequences. What capabilities count in memory is put back.
//
// Each check has a subtransaction of its own within: what it fails with is its outcome, never an error of the
// call. Only cancel and shutdown go up. Waits for locks are bounded; one that ran out is "unknown", for it
// says nothing about the pipeline.
//
// Only this event is loaded, whatever waits, and also while loading is paused: a pause keeps pending events
// where they are, and this one was never pending. FLIGHT is taken as by a load and given back with the
// rollback.

#include "audit/caller.hpp"
#include "extension/pipeline.hpp"
#include "extension/registry.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::verification {

namespace {

constexpr int64 silver_limit_ms = 60'000;  // the runbook's: processing in less than 60 seconds

pg::Statement ingest(
    "SELECT i.event_id, i.accepted, i.reason"
    " FROM scout.ingest_event(scout_internal.smoke_test_event(), source_system => 'scout_ir smoke test') i");

pg::Statement ingest_again(
    "SELECT i.accepted, i.duplicate, i.reason FROM scout.bronze_events b,"
    " scout.ingest_event(b.event_data || '{\"metadata\": {\"delivery\": 2}}',"
    " b.event_type, b.source_system) i"
    " WHERE b.event_id = $1");

pg::Statement letter(
    "SELECT coalesce(d.last_error_code, d.error_code), coalesce(d.last_error_message, d.error_message, '')"
    " FROM scout.bronze_events_dlq d WHERE d.event_id = $1");

pg::Statement in_silver("SELECT FROM scout.silver_transactions t WHERE t.source_event_id = $1");

pg::Statement different_lines(
    "SELECT count(*) FROM (SELECT i.item, i.line FROM scout.bronze_events b,"
    "  jsonb_array_elements(b.event_data -> 'items') WITH ORDINALITY i(item, line) WHERE b.event_id = $1) e"
    " FULL JOIN (SELECT l.* FROM scout.silver_line_items l"
    " JOIN scout.silver_transactions t USING (transaction_id)"
    "  WHERE t.source_event_id = $1) l ON l.line_sequence = e.line"
    " WHERE (l.product_id, l.quantity, l.unit_price, l.line_amount) IS DISTINCT FROM"
    "  (e.item ->> 'product_id', (e.item ->> 'qty')::numeric, (e.item ->> 'unit_price')::numeric,"
    "   (e.item ->> 'line_amount')::numeric)");

// Of other owners' views refresh_gold_platinum() keeps away, too.
pg::Statement gold_views(
    "SELECT c.relname::text, rtrim(pg_get_viewdef(c.oid), ';') FROM pg_class c"
    " WHERE c.relkind = 'm' AND c.relnamespace = 'scout'::regnamespace AND c.relowner = $1::bigint::oid"
    " ORDER BY 1");

struct Check {
    const char *name;
    const char *status = "ok";
    int64 value = 0, threshold = 0;  // thousandths
    bool valued = false;
    const char *message = "";
    const char *sqlstate = nullptr;

    void judge(bool good, int64 found, int64 wanted, const char *text) {
        status = good ? "ok" : "critical";
        value = found;
        threshold = wanted;
        valued = true;
        message = text;
    }
};

// Thousandths are to one what microseconds are to a millisecond.
Datum number(int64 thousandths) {
    return DirectFunctionCall1(numeric_trim_scale, pg::numeric_milliseconds(thousandths));
}

bool ran_out_of_time(int sqlstate) {
    return sqlstate == ERRCODE_LOCK_NOT_AVAILABLE || sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED ||
           sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

class SmokeTest {
public:
    void run(bool with_gold);
    void emit(pg::Result &result) const;

private:
    template <typename Body>
    void check(const char *name, Body body, bool possible = true) {
        Check c{name};
        if (!possible) {
            c.status = "unknown";
            c.message = "not tried: a check before it failed";
        } else if (ErrorData *error = pg::attempt_step([&] { as_owner(c, body); })) {
            c.status = ran_out_of_time(error->sqlerrcode) ? "unknown" : "critical";
            c.message = error->message;
            c.sqlstate = unpack_sql_state(error->sqlerrcode);
        }
        checks_.push(c);
    }
    // Nothing that names the pipeline's tables is planned as anyone above their owner.
    template <typename Body>
    static void as_owner(Check &c, Body body) {
        MemoryContext context = CurrentMemoryContext;  // that of the session ends with it
        pg::Session session(extension::require_pipeline());
        body(c);
        c.message = MemoryContextStrdup(context, c.message);
        session.end();
    }
    void event_in(Check &c);
    void event_in_silver(Check &c);
    void line_fidelity(Check &c) const;
    void duplicate_refused(Check &c) const;
    void gold_computable(Check &c) const;

    int64 event_id_ = 0;
    bool loaded_ = false;
    pg::Array<Check> checks_{CurrentMemoryContext};
};

void SmokeTest::event_in(Check &c) {
    pg::Rows rows = ingest.run();
    const bool accepted = rows.boolean(0, 2);
    if (accepted) event_id_ = rows.int8(0, 1);
    c.judge(accepted, accepted ? 1000 : 0, 1000,
            accepted ? "bronze took the event" : pg::c_string(rows.text(0, 3)));
}

void SmokeTest::event_in_silver(Check &c) {
    const TimestampTz started = GetCurrentTimestamp();
    extension::load_event(event_id_);
    const int64 ms = (GetCurrentTimestamp() - started) / 1000;
    loaded_ = in_silver.run({pg::int8(event_id_)}).count() == 1;
    const char *why = "the event is neither in silver nor in the dead-letter queue";
    if (!loaded_) {
        pg::Rows rows = letter.run({pg::int8(event_id_)});
        if (rows.count() > 0)
            why = psprintf("dead-lettered: %s, %s", pg::c_string(rows.text(0, 1)),
                           pg::c_string(rows.text(0, 2)));
    }
    c.judge(loaded_ && ms <= silver_limit_ms, ms, silver_limit_ms,
            !loaded_               ? why
            : ms > silver_limit_ms ? "loading one event takes too long"
                                   : "seconds to load the event");
    c.valued = loaded_;
}

void SmokeTest::line_fidelity(Check &c) const {
    const int64 different = different_lines.run({pg::int8(event_id_)}).int8(0, 1);
    c.judge(different == 0, different * 1000, 0,
            different == 0 ? "the lines in silver are those of the event" : "lines differ from the event");
}

void SmokeTest::duplicate_refused(Check &c) const {
    pg::Rows rows = ingest_again.run({pg::int8(event_id_)});
    const bool refused = rows.count() == 1 && !rows.boolean(0, 1) && rows.boolean(0, 2);
    c.judge(refused, refused ? 1000 : 0, 1000,
            refused ? "a second delivery was skipped" : "a second delivery was accepted");
}

void SmokeTest::gold_computable(Check &c) const {
    const Oid owner = extension::require_pipeline();
    pg::Rows views = gold_views.run({pg::int8(owner)});
    int64 computed = 0;
    const char *failed = nullptr;
    for (uint64 i = 0; i < views.count(); i++) {
        CHECK_FOR_INTERRUPTS();
        // Of the whole row, so that every column is computed.
        const char *query =
            psprintf("SELECT count(scout_ir_row) FROM (%s) AS scout_ir_row", pg::c_string(views.text(i, 2)));
        ErrorData *error = pg::attempt_step([&] {
            pg::Session session(owner);
            (void)pg::run_text(query);
            session.end();
        });
        computed += error == nullptr;
        if (error != nullptr && failed == nullptr)
            failed = psprintf("%s: %s", pg::c_string(views.text(i, 1)), error->message);
    }
    const auto total = static_cast<int64>(views.count());
    c.judge(failed == nullptr, computed * 1000, total * 1000,
            failed != nullptr ? failed : "gold views computed");
}

void SmokeTest::run(bool with_gold) {
    ErrorData *error = nullptr;
    const auto checks = [&] {
        check("event_in", [this](Check &c) { event_in(c); });
        check(
            "event_in_silver", [this](Check &c) { event_in_silver(c); }, event_id_ != 0);
        check(
            "line_fidelity", [this](Check &c) { line_fidelity(c); }, loaded_);
        check(
            "duplicate_refused", [this](Check &c) { duplicate_refused(c); }, event_id_ != 0);
        if (with_gold) check("gold_computable", [this](Check &c) { gold_computable(c); });
    };
    extension::keep_counts_in([&] { error = pg::attempt_step(checks, false); });
    if (error != nullptr) ReThrowError(error);
}

void SmokeTest::emit(pg::Result &result) const {
    for (const Check &c : checks_) {
        audit::Json details;
        details.add("message", c.message);
        if (c.sqlstate != nullptr) details.add("sqlstate", c.sqlstate);
        result.text(c.name).text(c.status);
        if (c.valued)
            result.datum(number(c.value)).datum(number(c.threshold));
        else
            result.null().null();
        result.datum(DirectFunctionCall1(jsonb_in, CStringGetDatum(details.text())));
        result.end_row();
    }
}

}  // namespace

}  // namespace scout::verification

SCOUT_FUNCTION(scout_smoke_test, 1) {
    using namespace scout;
    const bool with_gold = pg::flag(fcinfo, 0, "with_gold");
    PreventCommandIfReadOnly("smoke_test()");
    pg::Result result(fcinfo);
    pg::Session session;
    pg::limit_lock_waits(5 * pg::second_ms);
    verification::SmokeTest test;
    test.run(with_gold);
    test.emit(result);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_FUNCTION(scout_library_preloaded, 0) {
    // Readers may not see the setting itself.
    const char *libraries = shared_preload_libraries_string;
    PG_RETURN_BOOL(libraries != nullptr && strstr(libraries, "scout_ir") != nullptr);
}
