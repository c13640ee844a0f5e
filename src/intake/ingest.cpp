// ingest_event(), ingest_events(): intake for callers that want an answer per event.
//
// The rows go through the same trigger as any other insert; it reports each row to an observer
// while the one INSERT of the call runs. Event ids are drawn beforehand, so that an outcome belongs
// to its element also where a trigger of the user's drops rows.

#include "extension/pipeline.hpp"
#include "intake/event_state.hpp"
#include "intake/intake.hpp"
#include "intake/pending.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::intake {

namespace {

struct Element {
    int64 event_id = 0;  // 0: refused before the insert
    int64 known_as = 0;
    EventHash hash = {};
    bool seen = false;  // by the intake trigger
    const char *reason = nullptr;
};

struct Request {
    Datum type, source;
};

Request request(FunctionCallInfo fcinfo) {
    pg::refuse_null(fcinfo, 0, "the event", "Give it as jsonb.");
    pg::refuse_null(fcinfo, 1, "event_type");
    pg::refuse_null(fcinfo, 2, "source_system");
    return {PG_GETARG_DATUM(1), PG_GETARG_DATUM(2)};
}

void draw_ids(pg::Array<Element> &elements, size_t wanted) {
    static pg::Statement draw(
        "SELECT nextval(s.id) FROM generate_series(1, $1),"  // the sequence is looked up once, not per row
        " (SELECT pg_get_serial_sequence('scout.bronze_events', 'event_id')::regclass AS id OFFSET 0) s");
    pg::Rows rows = draw.run({pg::int4(static_cast<int32>(wanted))});
    uint64 next = 0;
    for (Element &e : elements)
        if (e.reason == nullptr) e.event_id = rows.int8(next++, 1);
    rows.free();
}

// Inserts and fills the outcome of every element. Needs a Session as the owner.
void insert(pg::Array<Element> &elements, pg::Column &documents, size_t wanted, const Request &r) {
    static pg::Statement statement(
        "INSERT INTO scout.bronze_events (event_id, event_type, source_system, event_data) OVERRIDING SYSTEM VALUE"
        " SELECT e.id, $3, $4, e.data FROM unnest($1::bigint[], $2::jsonb[]) AS e(id, data)");
    draw_ids(elements, wanted);
    pg::Column ids(INT8OID, wanted);
    for (const Element &e : elements)
        if (e.event_id != 0) ids.add(Int64GetDatum(e.event_id));

    IntakeObserver observer;
    IntakeObserver *outer = observe_intake(&observer);
    try {
        pg::guarded([&] {
            statement.run(
                {ids.param(), documents.param(), pg::datum(TEXTOID, r.type), pg::datum(TEXTOID, r.source)});
        });
    } catch (...) {
        observe_intake(outer);
        throw;
    }
    observe_intake(outer);

    // Those of rows that a trigger inserted stand between ours.
    const auto by_id = [](const IntakeOutcome &a, const IntakeOutcome &b) { return a.event_id < b.event_id; };
    pg::Array<IntakeOutcome> &outcomes = observer.outcomes;
    std::sort(outcomes.begin(), outcomes.end(), by_id);
    for (Element &e : elements) {
        if (e.event_id == 0) continue;
        const IntakeOutcome *o =
            std::lower_bound(outcomes.begin(), outcomes.end(), IntakeOutcome{e.event_id, 0, {}}, by_id);
        if (o != outcomes.end() && o->event_id == e.event_id) {
            e.known_as = o->known_as;
            e.hash = o->hash;
            e.seen = true;
        }
        if (!e.seen)
            e.reason = "a trigger on bronze_events dropped the row";
        else if (e.known_as != 0)
            e.reason = psprintf("event " INT64_FORMAT " has this content and is %s", e.known_as,
                                event_state(e.known_as, e.hash));
    }
}

void emit(pg::Result &result, const Element &e) {
    const bool accepted = e.reason == nullptr;
    if (accepted)
        result.int8(e.event_id);
    else if (e.known_as != 0)
        result.int8(e.known_as);
    else
        result.null();
    result.boolean(accepted).boolean(e.known_as != 0).text_or_null(e.reason);
    result.end_row();
}

}  // namespace

}  // namespace scout::intake

SCOUT_INTAKE(scout_ingest_event, 3) {
    using namespace scout;
    intake::Request r = intake::request(fcinfo);
    Jsonb *event = PG_GETARG_JSONB_P(0);
    if (!JsonContainerIsObject(&event->root) || JsonContainerIsScalar(&event->root))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("an event must be a JSON object"),
                errhint("For an array of events use scout.ingest_events(...)."));
    pg::Result result(fcinfo);
    pg::Session session(extension::require_intake_tables());
    pg::Array<intake::Element> elements;
    elements.push({});
    pg::Column documents(JSONBOID, 1);
    documents.add(JsonbPGetDatum(event));
    intake::insert(elements, documents, 1, r);
    intake::emit(result, elements[0]);
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_INTAKE(scout_ingest_events, 3) {
    using namespace scout;
    intake::Request r = intake::request(fcinfo);
    Jsonb *events = PG_GETARG_JSONB_P(0);
    if (!JsonContainerIsArray(&events->root) || JsonContainerIsScalar(&events->root))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("ingest_events expects a JSON array of events"),
                errhint("For a single event use scout.ingest_event(...)."));
    pg::Result result(fcinfo);
    pg::Session session(extension::require_intake_tables());
    pg::Array<intake::Element> elements;
    pg::Column documents(JSONBOID, JsonContainerSize(&events->root));
    size_t wanted = 0;
    JsonbIterator *iterator = JsonbIteratorInit(&events->root);
    JsonbValue value;
    (void)JsonbIteratorNext(&iterator, &value, true);
    while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM) {
        CHECK_FOR_INTERRUPTS();
        intake::Element e;
        if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data)) {
            documents.add(JsonbPGetDatum(JsonbValueToJsonb(&value)));
            wanted++;
        } else {
            e.reason = "an event must be a JSON object";
        }
        elements.push(e);
    }
    if (wanted > 0) intake::insert(elements, documents, wanted, r);
    int ordinal = 0;
    for (const intake::Element &e : elements) {
        result.int4(++ordinal);
        intake::emit(result, e);
    }
    session.end();
    return static_cast<Datum>(0);
}

SCOUT_FUNCTION(scout_unflushed_events, 0) {
    using namespace scout;
    pg::Result result(fcinfo);
    const auto *events = intake::buffered_events();
    if (events != nullptr)
        for (const intake::PendingEvent &e : *events)
            if (e.flushed == 0) {
                result.int8(e.event_id).text(e.source);
                result.end_row();
            }
    return static_cast<Datum>(0);
}
