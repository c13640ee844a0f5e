#include "core/error.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace scout::core;

BOOST_AUTO_TEST_SUITE(error_suite)

BOOST_AUTO_TEST_CASE(carries_what_a_report_needs) {
    const Error error("22023", "no such rule", "Its name is \"X\".", "See the list of rules.");
    BOOST_TEST(std::string(error.sqlstate()) == "22023");
    BOOST_TEST(std::string(error.what()) == "no such rule");
    BOOST_TEST(error.detail() == "Its name is \"X\".");
    BOOST_TEST(error.hint() == "See the list of rules.");
}

BOOST_AUTO_TEST_CASE(detail_and_hint_are_optional) {
    const Error error("XX000", "");
    BOOST_TEST(std::string(error.what()).empty());
    BOOST_TEST(error.detail().empty());
    BOOST_TEST(error.hint().empty());
}

BOOST_AUTO_TEST_CASE(is_caught_as_a_standard_exception_and_survives_its_source) {
    std::string sqlstate;
    try {
        Error error("22003", "out of range");
        throw Error(error);
    } catch (const std::exception &caught) {
        sqlstate = dynamic_cast<const Error &>(caught).sqlstate();
        BOOST_TEST(std::string(caught.what()) == "out of range");
    }
    BOOST_TEST(sqlstate == "22003");
}

BOOST_AUTO_TEST_SUITE_END()
