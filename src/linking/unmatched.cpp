// unmatched_products(): what linking could not match, and what comes closest. Reads only, in the snapshot of
// the calling query, as extension::pipeline_reader().

#include "extension/pipeline.hpp"
#include "extension/sight.hpp"
#include "linking/match.hpp"
#include "pg/arguments.hpp"
#include "pg/guard.hpp"
#include "pg/result.hpp"
#include "pg/spi.hpp"

namespace scout::linking {

namespace {

constexpr float least_similarity = 0.3F;  // below, a candidate is no help

pg::Statement unlinked(
    "SELECT l.product_id::text, l.product_name::text, l.brand_name::text, count(*), "
    "sum(l.line_amount)::numeric"
    " FROM scout.silver_line_items l WHERE l.product_key IS NULL"
    " GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT $1");

pg::Statement product(
    "SELECT p.product_id::text, p.product_name::text FROM scout.dim_product p WHERE p.product_key = $1");

}  // namespace

}  // namespace scout::linking

SCOUT_FUNCTION(scout_unmatched_products, 1) {
    using namespace scout;
    using namespace scout::linking;
    pg::refuse_null(fcinfo, 0, "max_products", "Leave it out for the 50 products with the most line items.");
    const int most = PG_GETARG_INT32(0);
    if (most < 1 || most > 10000)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("max_products must be from 1 to 10000, not %d", most),
                errhint("Leave it out for the 50 products with the most line items."));
    pg::Result result(fcinfo);
    (void)extension::require_pipeline();
    pg::Session session(extension::pipeline_reader());
    pg::Rows rows = unlinked.read({pg::int4(most)});
    pg::Array<Text> texts;
    for (uint64 i = 0; i < rows.count(); i++)
        texts.push(
            {rows.text(i, 1), rows.text(i, 2), rows.text(i, 3), rows.int8(i, 4), 0, 0, Method::none, false});
    (void)match_by_similarity(texts, least_similarity, true);
    for (uint64 i = 0; i < rows.count(); i++) {
        CHECK_FOR_INTERRUPTS();
        for (int column = 1; column <= 5; column++) {
            bool null;
            const Datum value = rows.value(i, column, null);
            null ? result.null() : result.datum(value);
        }
        const Text &t = texts[i];
        pg::Rows candidate;
        if (t.method != Method::none) candidate = product.read({pg::int8(t.product_key)});
        if (candidate.count() == 0) {
            result.null().null().null().null();
        } else {
            result.int8(t.product_key).text(candidate.text(0, 1)).text(candidate.text(0, 2));
            result.datum(Float4GetDatum(t.confidence));
        }
        result.end_row();
        candidate.free();
    }
    session.end();
    return static_cast<Datum>(0);
}
