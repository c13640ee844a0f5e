// What the fuzzers share: a check that stays on in every build and stops the fuzzer.
#pragma once

#include <cstdio>
#include <cstdlib>

#define INVARIANT(condition)                                                               \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                  \
        }                                                                                  \
    } while (false)
