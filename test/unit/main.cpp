#define BOOST_TEST_MODULE scout_core
#include <boost/test/unit_test.hpp>
