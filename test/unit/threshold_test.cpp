#include "core/threshold.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace scout::core;

namespace {

Threshold threshold(std::string_view text) {
    Threshold out;
    BOOST_TEST_REQUIRE(parse_threshold(text, out), text);
    return out;
}

std::string canonical(std::string_view text) {
    char buffer[threshold_text_size];
    return std::string(format_threshold(threshold(text), buffer));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(threshold_suite)

BOOST_AUTO_TEST_CASE(spellings_are_read_and_written_back) {
    const char *pairs[][2] = {{"> 0", "> 0"},     {">0", "> 0"},         {" >=  10 ", ">= 10"},
                              {"<1", "< 1"},      {"<= 2.50", "<= 2.5"}, {"= 3", "= 3"},
                              {"== 3", "= 3"},    {"<> 0", "!= 0"},      {"!=0", "!= 0"},
                              {"> 5%", "> 5%"},   {"> 5 %", "> 5%"},     {">100%", "> 100%"},
                              {"never", "never"}, {" NEVER ", "never"},  {"> 1e3", "> 1000"}};
    for (auto &[given, wanted] : pairs) {
        BOOST_TEST(canonical(given) == wanted);
        BOOST_TEST(canonical(wanted) == wanted);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_threshold_is_refused) {
    for (const char *text :
         {"", " ", "0", "5%", ">", "> %", "> -1", "> NaN", "> Infinity", "> 101%", "=> 3", ">> 3", "> 1 2",
          "> 0; DROP", "never 0", "between 1 and 2", "> 1e20", "!3", "> 5%%"}) {
        Threshold out = threshold("> 7");
        BOOST_TEST(!parse_threshold(text, out), text);
        BOOST_TEST(canonical("> 7") == "> 7");
        BOOST_TEST((out.value == Decimal::of(7)));  // left alone
    }
}

BOOST_AUTO_TEST_CASE(counts_and_percentages_are_exact) {
    BOOST_TEST(!threshold("> 0").reached(0, 10));
    BOOST_TEST(threshold("> 0").reached(1, 0));
    BOOST_TEST(threshold(">= 2").reached(2, 2));
    BOOST_TEST(!threshold("never").reached(INT64_MAX, INT64_MAX));
    BOOST_TEST(threshold("< 1").reached(0, 0));
    BOOST_TEST(threshold("!= 3").reached(4, 9));
    BOOST_TEST(!threshold("> 5%").reached(5, 100));
    BOOST_TEST(threshold("> 5%").reached(6, 100));
    BOOST_TEST(!threshold("> 33.3333%").reached(333333, 1000000));
    BOOST_TEST(threshold("> 33.3333%").reached(333334, 1000000));
    BOOST_TEST(!threshold("> 5%").reached(0, 0));
    BOOST_TEST(threshold(">= 100%").reached(INT64_MAX, INT64_MAX));
}

BOOST_AUTO_TEST_CASE(a_warning_above_the_error_is_seen) {
    BOOST_TEST(hides_warning(threshold("> 10"), threshold("> 5")));
    BOOST_TEST(hides_warning(threshold(">= 10%"), threshold("> 5%")));
    BOOST_TEST(hides_warning(threshold("< 5"), threshold("< 10")));
    BOOST_TEST(!hides_warning(threshold("> 5"), threshold("> 5")));
    BOOST_TEST(!hides_warning(threshold("> 5"), threshold("> 10")));
    BOOST_TEST(!hides_warning(threshold("> 10"), threshold("> 5%")));
    BOOST_TEST(!hides_warning(threshold("> 10"), threshold("< 5")));
    BOOST_TEST(!hides_warning(threshold("never"), threshold("> 5")));
    BOOST_TEST(!hides_warning(threshold("> 5"), threshold("never")));
}

BOOST_AUTO_TEST_SUITE_END()
