# scout_ir: PGXS builds the extension; CMake (CMakeLists.txt) builds the pure core and its tests.
#   make && make install          with any PostgreSQL 15+: PG_CONFIG=/path/to/pg_config
#   make EXTRA_CXXFLAGS=-Werror   flags that are not for everybody: CI's, coverage
#   make -f ../Makefile           out of tree, in the current folder
# GNUmakefile adds the targets of this repository: make demo, make check, make bench.

here        := $(dir $(firstword $(MAKEFILE_LIST)))

EXTENSION    = scout_ir
EXTVERSION   = 0.1.0
MODULE_big   = scout_ir
OBJS         = $(patsubst $(here)%.cpp,%.o,$(sort $(wildcard $(here)src/*/*.cpp)))
BITCODE      = $(OBJS:.o=.bc)
DEPENDENCIES = $(OBJS:.o=.d) $(BITCODE:=.d)

# The install script is assembled from one file per capability, in the order of their numbers.
INSTALL_SQL  = sql/$(EXTENSION)--$(EXTVERSION).sql
SQL_PARTS    = $(sort $(wildcard $(here)sql/[0-9][0-9]_*.sql))
DATA         = $(patsubst $(here)%,%,$(sort $(wildcard $(here)sql/$(EXTENSION)--*--*.sql)))
DATA_built   = $(INSTALL_SQL)
EXTRA_CLEAN  = $(INSTALL_SQL) $(DEPENDENCIES)

REGRESS      = $(sort $(patsubst $(here)test/sql/%.sql,%,$(wildcard $(here)test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=build/regress
ISOLATION    = $(sort $(patsubst $(here)test/isolation/specs/%.spec,%,$(wildcard $(here)test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=build/isolation

PG_CONFIG   ?= pg_config
PG_CPPFLAGS  = -I$(here)src -DSCOUT_IR_VERSION='"$(EXTVERSION)"'
PG_CXXFLAGS  = -std=c++17 -Wall -Wextra -Wformat=2 -Wno-register -fvisibility=hidden -MMD -MP $(EXTRA_CXXFLAGS)
SHLIB_LINK   = -lstdc++
PGXS        := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The server's headers are not ours to warn about.
override CPPFLAGS := $(patsubst -I$(includedir_server),-isystem $(includedir_server),$(CPPFLAGS))
override BITCODE_CXXFLAGS += -std=c++17 -MMD -MP -MF $@.d

# Out of tree, sources alone come from the checkout: what an earlier build left in it is not for this one.
override VPATH :=
vpath %.cpp $(here)
vpath %.control $(here)

folders = $(sort $(dir $(OBJS) $(INSTALL_SQL)))
$(OBJS) $(BITCODE) $(INSTALL_SQL): | $(folders)
$(folders):
	mkdir -p $@

-include $(DEPENDENCIES)

$(INSTALL_SQL): $(SQL_PARTS) $(here)Makefile
	printf '%s\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit' | cat - $(SQL_PARTS) > $@
