#include "core/fingerprint.hpp"

#include <boost/test/unit_test.hpp>

#include <initializer_list>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace scout::core;

namespace {

constexpr uint64_t k0 = 0x0706050403020100, k1 = 0x0f0e0d0c0b0a0908;

uint64_t hash_words(std::initializer_list<uint64_t> words) {
    SipHash hash(k0, k1);
    for (uint64_t w : words) hash.word(w);
    return hash.finish();
}

uint64_t hash_texts(std::initializer_list<std::string> texts) {
    SipHash hash(k0, k1);
    for (const std::string &t : texts) hash.bytes(t.data(), t.size());
    return hash.finish();
}

// The sum modulo the prime of weighted ids, as SQL makes it.
uint64_t sum_of(const std::vector<std::pair<uint64_t, uint64_t>> &weighted) {
    uint64_t sum = 0;
    for (auto [id, weight] : weighted) {
        SipHash hash(k0, k1);
        hash.word(id);
        sum = (sum + weigh_fingerprint(fold_fingerprint(hash.finish()), weight)) % fingerprint_prime;
    }
    return sum;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fingerprint_suite)

// Test vectors of SipHash-1-3 as other implementations publish them: key 00..0f, input 00 01 02 ...,
// whose last word holds the length in its highest byte.
BOOST_AUTO_TEST_CASE(siphash_agrees_with_the_published_vectors) {
    BOOST_TEST(hash_words({0x0000000000000000}) == 0xabac0158050fc4dcU);
    BOOST_TEST(hash_words({0x0100000000000000}) == 0xc9f49bf37d57ca93U);
}

BOOST_AUTO_TEST_CASE(values_do_not_run_into_each_other) {
    BOOST_TEST(hash_texts({"ab", "c"}) != hash_texts({"a", "bc"}));
    BOOST_TEST(hash_texts({"", "a"}) != hash_texts({"a", ""}));
    BOOST_TEST(hash_texts({"a"}) != hash_texts({std::string("a\0", 2)}));
    BOOST_TEST(hash_texts({"12345678"}) != hash_texts({"12345678", ""}));
    BOOST_TEST(hash_texts({""}) != hash_texts({}));
}

BOOST_AUTO_TEST_CASE(every_length_and_byte_counts) {
    std::set<uint64_t> seen;
    std::string text;
    for (int i = 0; i < 40; i++, text += 'x') BOOST_TEST(seen.insert(hash_texts({text})).second);
    for (size_t i = 0; i < text.size(); i++) {
        std::string other = text;
        other[i] = 'y';
        BOOST_TEST(seen.insert(hash_texts({other})).second);
    }
}

BOOST_AUTO_TEST_CASE(the_key_decides) {
    SipHash a(1, 2), b(2, 1);
    a.word(7);
    b.word(7);
    BOOST_TEST(a.finish() != b.finish());
}

BOOST_AUTO_TEST_CASE(folding_is_modulo_the_prime) {
    for (uint64_t x : {uint64_t{0}, uint64_t{1}, fingerprint_prime - 1, fingerprint_prime,
                       fingerprint_prime + 1, 2 * fingerprint_prime, ~uint64_t{0}})
        BOOST_TEST(fold_fingerprint(x) == x % fingerprint_prime);
}

BOOST_AUTO_TEST_CASE(weighing_is_multiplication_modulo_the_prime) {
    const uint64_t top = fingerprint_prime - 1;
    BOOST_TEST(weigh_fingerprint(top, 0) == 0U);
    BOOST_TEST(weigh_fingerprint(0, 5) == 0U);
    BOOST_TEST(weigh_fingerprint(top, 1) == top);
    BOOST_TEST(weigh_fingerprint(top, 2) == fingerprint_prime - 2);  // -1 * 2
    BOOST_TEST(weigh_fingerprint(top, 2147483647) == fingerprint_prime - 2147483647);
    BOOST_TEST(weigh_fingerprint(uint64_t{1} << 60, 2) == 1U);  // 2^61 = 1
}

// What reconcile() relies on: the same rows in any order agree; one lost and one doubled do not.
BOOST_AUTO_TEST_CASE(sums_tell_multisets_apart) {
    BOOST_TEST(sum_of({{1, 1}, {2, 1}, {3, 1}}) == sum_of({{3, 1}, {1, 1}, {2, 1}}));
    BOOST_TEST(sum_of({{1, 2}, {2, 3}}) == sum_of({{1, 1}, {2, 1}, {2, 1}, {1, 1}, {2, 1}}));
    BOOST_TEST(sum_of({{1, 1}, {2, 1}, {3, 1}}) != sum_of({{1, 1}, {3, 1}, {3, 1}}));
    BOOST_TEST(sum_of({{1, 1}, {4, 1}}) != sum_of({{2, 1}, {3, 1}}));
    BOOST_TEST(sum_of({{1, 2}, {2, 3}}) != sum_of({{1, 3}, {2, 2}}));
    BOOST_TEST(sum_of({{1, 0}, {2, 1}}) == sum_of({{2, 1}}));
}

BOOST_AUTO_TEST_SUITE_END()
