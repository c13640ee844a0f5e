// Keyed fingerprints of rows: what a proof by sums stands on.
//
// Two multisets of rows are equal if, for a key that nobody could know beforehand, the sums of the
// fingerprints of their rows are equal modulo the prime p = 2^61 - 1. If they differ, the sums agree
// with a probability of about 1/p: in sum(weight * fingerprint) at least one weight is not 0 modulo
// p, and for it only one value of its fingerprint balances the rest. That holds however many
// differences there are, and however they were chosen without the key, because SipHash is a
// pseudo-random function: rows cannot be made up so that they cancel out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace scout::core {

// SipHash with one round per word and three at the end (Aumasson, Bernstein: SipHash, 2012).
class SipHash {
public:
    SipHash(uint64_t k0, uint64_t k1)
        : v0_(0x736f6d6570736575 ^ k0),
          v1_(0x646f72616e646f6d ^ k1),
          v2_(0x6c7967656e657261 ^ k0),
          v3_(0x7465646279746573 ^ k1) {}

    void word(uint64_t w) {
        v3_ ^= w;
        round();
        v0_ ^= w;
    }

    // The length comes first, so that no two sequences of values read the same.
    void bytes(const char *data, size_t size) {
        word(size);
        uint64_t w;
        for (; size >= sizeof w; data += sizeof w, size -= sizeof w) {
            std::memcpy(&w, data, sizeof w);
            word(w);
        }
        if (size > 0) {
            w = 0;
            std::memcpy(&w, data, size);
            word(w);
        }
    }

    uint64_t finish() {
        v2_ ^= 0xff;
        round();
        round();
        round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

private:
    static uint64_t rotate(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }
    void round() {
        v0_ += v1_;
        v1_ = rotate(v1_, 13) ^ v0_;
        v0_ = rotate(v0_, 32);
        v2_ += v3_;
        v3_ = rotate(v3_, 16) ^ v2_;
        v0_ += v3_;
        v3_ = rotate(v3_, 21) ^ v0_;
        v2_ += v1_;
        v1_ = rotate(v1_, 17) ^ v2_;
        v2_ = rotate(v2_, 32);
    }

    uint64_t v0_, v1_, v2_, v3_;
};

constexpr uint64_t fingerprint_prime = (uint64_t{1} << 61) - 1;

// Any 64 bits, modulo the prime.
constexpr uint64_t fold_fingerprint(uint64_t hash) {
    const uint64_t r = (hash & fingerprint_prime) + (hash >> 61);
    return r >= fingerprint_prime ? r - fingerprint_prime : r;
}

__extension__ typedef unsigned __int128 uint128;

// weight * fingerprint modulo the prime, for a fingerprint below it and a weight below 2^61.
constexpr uint64_t weigh_fingerprint(uint64_t fingerprint, uint64_t weight) {
    const uint128 product = static_cast<uint128>(fingerprint) * weight;
    const uint64_t r =
        static_cast<uint64_t>(product & fingerprint_prime) + static_cast<uint64_t>(product >> 61);
    return r >= fingerprint_prime ? r - fingerprint_prime : r;
}

}  // namespace scout::core
