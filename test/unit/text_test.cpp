#include "core/text.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace scout::core;
using namespace std::string_view_literals;

BOOST_AUTO_TEST_SUITE(text_suite)

BOOST_AUTO_TEST_CASE(trim_takes_ascii_white_space_only) {
    BOOST_TEST(trim("") == "");
    BOOST_TEST(trim(" \t\n\r\f\v") == "");
    BOOST_TEST(trim("a") == "a");
    BOOST_TEST(trim("  a b\t") == "a b");
    BOOST_TEST(trim("\0 a \0"sv) == "\0 a \0"sv);
    BOOST_TEST(trim("\xC2\xA0"
                    "a") ==
               "\xC2\xA0"
               "a");
    BOOST_TEST(trim("\x85") == "\x85");
}

BOOST_AUTO_TEST_CASE(fold_changes_ascii_capitals_only) {
    for (int c = -128; c < 128; c++) {
        const bool capital = c >= 'A' && c <= 'Z';
        BOOST_TEST(fold(static_cast<char>(c)) == static_cast<char>(capital ? c + 32 : c));
    }
}

BOOST_AUTO_TEST_CASE(equal_folded_compares_whole_texts) {
    BOOST_TEST(equal_folded("", ""));
    BOOST_TEST(equal_folded("Missing_Field", "MISSING_FIELD"));
    BOOST_TEST(!equal_folded("missing_field", "missing_fields"));
    BOOST_TEST(!equal_folded("a", ""));
    BOOST_TEST(!equal_folded("a\0b"sv, "a\0c"sv));
    BOOST_TEST(!equal_folded("[", "{"), "only letters have a case");
    BOOST_TEST(!equal_folded("\xC3\x84", "\xC3\xA4"), "letters beyond ASCII keep theirs");
}

BOOST_AUTO_TEST_CASE(clip_leaves_whole_characters) {
    BOOST_TEST(clip("", 0) == "");
    BOOST_TEST(clip("abc", 3) == "abc");
    BOOST_TEST(clip("abc", 2) == "ab");
    BOOST_TEST(clip("abc", 0) == "");
    const std::string_view mixed = "a\xC3\xA9\xE6\x9D\xB1\xF0\x9F\x98\x80z";  // 1, 2, 3, 4 and 1 bytes
    const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (size_t most = 0; most < std::size(ends); most++) BOOST_TEST(clip(mixed, most).size() == ends[most]);
    BOOST_TEST(clip("\x80\x80\x80", 2) == "", "what is no UTF-8 ends all the same");
}

BOOST_AUTO_TEST_SUITE_END()
