// Matching texts with the catalogue: each text once, set by set, never all texts with all products.
//
// The trigrams are those of pg_trgm, so that its similarity() says the same of a match as confidence does;
// the search is our own (trigrams.hpp).

#include "linking/match.hpp"

#include "extension/installed.hpp"
#include "linking/trigrams.hpp"
#include "pg/spi.hpp"

extern "C" {
#include "catalog/pg_collation.h"
}

namespace scout::linking {

namespace {

// Names may be longer than an index row.
#define HASH(t) \
    "sha256(convert_to(jsonb_build_array(" t ".id, " t ".name, " t ".brand)::text, getdatabaseencoding()))"

pg::Statement exact(
    "SELECT e.ord, e.product_key, e.method, e.confidence"
    " FROM scout_internal.exact_product_matches($1, $2, $3) e");

pg::Statement remembered(
    "SELECT t.ord, k.product_key, 4, k.confidence"
    " FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS t(id, name, brand, ord)"
    " JOIN scout_internal.product_links k ON k.product_hash = " HASH(
        "t") " WHERE k.method = 'similar' AND k.confidence >= $4");

pg::Statement still_there(
    "SELECT p.product_key::bigint FROM scout.dim_product p WHERE p.product_key = ANY ($1) ORDER BY 1");

// By OID: its name may belong to somebody else's function by now. Who owns a trusted extension can add
// functions to it, but none in C.
pg::Statement trigrams(
    "SELECT (SELECT p.oid::bigint FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid"
    "  WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass "
    "   AND d.refobjid = e.oid"
    "   AND d.deptype = 'e' AND p.proname = 'show_trgm' AND p.proargtypes::text = 'text'::regtype::oid::text"
    "   AND p.prorettype = 'text[]'::regtype AND p.prolang = (SELECT l.oid FROM pg_language l"
    "    WHERE l.lanname = 'c'))"
    " FROM pg_extension e WHERE e.extname = 'pg_trgm'");

// In the order of the key, so that two calls do not wait for each other in a circle.
pg::Statement keep_links(
    "INSERT INTO scout_internal.product_links AS k (product_hash, product_id, product_name, brand_name, product_key,"
    "  method, confidence)"
    " SELECT " HASH("t") " AS hash, t.id, t.name, t.brand, t.product_key, t.method, t.confidence"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::real[])"
    "  AS t(id, name, brand, product_key, method, confidence) ORDER BY hash"
    " ON CONFLICT (product_hash) DO UPDATE SET product_key = excluded.product_key, method = excluded.method,"
    "  confidence = excluded.confidence, linked_at = excluded.linked_at"
    " WHERE (k.product_key, k.method, k.confidence) IS DISTINCT FROM"
    "  (excluded.product_key, excluded.method, excluded.confidence)");

// The texts without a match, as parameters; a row's `ord` is a position in `which`, from 1.
struct Open {
    pg::Array<size_t> which;
    pg::Param ids, names, brands;
};

Open open_texts(const pg::Array<Text> &texts, bool named) {
    Open open{};
    for (size_t i = 0; i < texts.size(); i++)
        if (texts[i].method == Method::none && (!named || !texts[i].name.empty())) open.which.push(i);
    const size_t n = open.which.size();
    pg::Column ids(TEXTOID, n), names(TEXTOID, n), brands(TEXTOID, n);
    for (size_t i : open.which) {
        ids.add_text(texts[i].id);
        names.add_text(texts[i].name);
        brands.add_text(texts[i].brand);
    }
    open.ids = ids.param();
    open.names = names.param();
    open.brands = brands.param();
    return open;
}

float real(const pg::Rows &rows, uint64 row, int column) {
    bool null;
    const Datum d = rows.value(row, column, null);
    return null ? 0 : DatumGetFloat4(d);
}

// Rows of ord, product_key, method, confidence.
void apply_matches(pg::Array<Text> &texts, const Open &open, const pg::Rows &rows) {
    for (uint64 i = 0; i < rows.count(); i++) {
        Text &t = texts[open.which[static_cast<size_t>(rows.int8(i, 1)) - 1]];
        t.product_key = rows.int8(i, 2);
        t.method = static_cast<Method>(rows.int4(i, 3));
        t.confidence = real(rows, i, 4);
    }
}

}  // namespace

const char *name_of(Method method) {
    switch (method) {
        case Method::id: return "id";
        case Method::name_and_brand: return "name and brand";
        case Method::name: return "name";
        case Method::similar: return "similar";
        default: return "none";
    }
}

void read_texts(pg::Array<Text> &texts) {
    static pg::Statement unlinked(
        "SELECT l.product_id::text, coalesce(l.product_name::text, ''), coalesce(l.brand_name::text, ''),"
        " count(*) FROM scout.silver_line_items l WHERE l.product_key IS NULL GROUP BY 1, 2, 3");
    unlinked.each({}, [&texts](const pg::Row &row) {
        texts.push({pg::keep(row.text(1)), pg::keep(row.text(2)), pg::keep(row.text(3)), row.int8(4), 0, 0,
                    Method::none, false});
    });
}

void match_exactly(pg::Array<Text> &texts) {
    const Open open = open_texts(texts, false);
    if (open.which.empty()) return;
    pg::Rows rows = exact.run({open.ids, open.names, open.brands});
    apply_matches(texts, open, rows);
    rows.free();
}

void match_as_before(pg::Array<Text> &texts, float similarity) {
    const Open open = open_texts(texts, true);
    if (open.which.empty()) return;
    pg::AsRole owner(extension::extension_owner());
    pg::Rows rows =
        remembered.run({open.ids, open.names, open.brands, pg::datum(FLOAT4OID, Float4GetDatum(similarity))});
    owner.end();
    apply_matches(texts, open, rows);
    rows.free();

    pg::Array<int64> wanted, there;
    for (size_t i : open.which)
        if (texts[i].method != Method::none) wanted.push(texts[i].product_key);
    if (wanted.empty()) return;
    rows = still_there.run({pg::int8_array(wanted.begin(), wanted.size())});
    for (uint64 i = 0; i < rows.count(); i++) there.push(rows.int8(i, 1));
    rows.free();
    for (size_t i : open.which) {
        Text &t = texts[i];
        t.known = t.method != Method::none && std::binary_search(there.begin(), there.end(), t.product_key);
        if (!t.known) t.method = Method::none;
    }
}

bool match_by_similarity(pg::Array<Text> &texts, float similarity, bool any_brand) {
    pg::Rows installed = trigrams.read();
    if (installed.count() == 0) return false;
    if (installed.is_null(0, 1))
        ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                errmsg("extension \"pg_trgm\" has no function show_trgm(text) in C"),
                errhint("Make it anew: DROP EXTENSION pg_trgm; CREATE EXTENSION pg_trgm"));
    FmgrInfo show_trgm;
    fmgr_info(static_cast<Oid>(installed.int8(0, 1)), &show_trgm);
    installed.free();
    const Open open = open_texts(texts, true);
    if (open.which.empty()) return true;
    pg::Workspace workspace("scout_ir trigrams");
    Catalogue catalogue;
    pg::Cursor products(
        "SELECT p.product_key::bigint, scout_internal.normal_name(coalesce(p.brand_name, '')),"
        " p.product_name::text FROM scout.dim_product p"
        " WHERE p.product_name IS NOT NULL AND p.product_key IS NOT NULL ORDER BY 1",
        {}, true);
    for (pg::Rows rows = products.fetch(1000); rows.count() > 0; rows = products.fetch(1000)) {
        CHECK_FOR_INTERRUPTS();
        for (uint64 i = 0; i < rows.count(); i++) {
            bool null;
            const Datum name = rows.value(i, 3, null);
            if (null) continue;
            const Datum trigrams_of_name = FunctionCall1Coll(&show_trgm, DEFAULT_COLLATION_OID, name);
            catalogue.add(rows.int8(i, 1), any_brand ? "" : rows.text(i, 2), trigrams_of_name);
            pfree(DatumGetPointer(trigrams_of_name));
        }
        rows.free();
    }
    products.close();
    catalogue.build(similarity);
    pg::Cursor cursor(
        "SELECT t.ord, scout_internal.normal_name(t.brand), t.name"
        " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t(name, brand, ord)",
        {open.names, open.brands}, true);
    for (pg::Rows rows = cursor.fetch(1000); rows.count() > 0; rows = cursor.fetch(1000)) {
        CHECK_FOR_INTERRUPTS();
        for (uint64 i = 0; i < rows.count(); i++) {
            bool null;
            const Datum name = rows.value(i, 3, null);
            if (null) continue;
            const Datum trigrams_of_name = FunctionCall1Coll(&show_trgm, DEFAULT_COLLATION_OID, name);
            Similar best;
            const bool found = catalogue.find(rows.text(i, 2), trigrams_of_name, best);
            pfree(DatumGetPointer(trigrams_of_name));
            if (!found) continue;
            Text &t = texts[open.which[static_cast<size_t>(rows.int8(i, 1)) - 1]];
            t.product_key = catalogue[best.product].key;
            t.method = Method::similar;
            t.confidence = best.similarity;
        }
        rows.free();
    }
    cursor.close();
    workspace.leave();
    return true;
}

void remember(const pg::Array<Text> &texts) {
    const size_t n = texts.size();
    pg::Column ids(TEXTOID, n), names(TEXTOID, n), brands(TEXTOID, n), keys(INT8OID, n), methods(TEXTOID, n),
        confidences(FLOAT4OID, n);
    for (const Text &t : texts) {
        if (t.method == Method::none || t.known) continue;
        ids.add_text(t.id);
        names.add_text(t.name);
        brands.add_text(t.brand);
        keys.add(Int64GetDatum(t.product_key));
        methods.add_text(name_of(t.method));
        confidences.add(Float4GetDatum(t.confidence));
    }
    pg::AsRole owner(extension::extension_owner());
    keep_links.run(
        {ids.param(), names.param(), brands.param(), keys.param(), methods.param(), confidences.param()});
    owner.end();
}

}  // namespace scout::linking
