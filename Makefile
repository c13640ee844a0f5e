# scout_ir: PGXS builds the extension; CMake (CMakeLists.txt) builds the pure core and its tests.
#   make && make install          with any PostgreSQL 15+: PG_CONFIG=/path/to/pg_config
# GNUmakefile adds the targets of this repository: make demo, make check.

EXTENSION    = scout_ir
EXTVERSION   = 0.1.0
MODULE_big   = scout_ir
SOURCES      = $(sort $(wildcard src/*/*.cpp))
OBJS         = $(SOURCES:.cpp=.o)

# The install script is put together from the files of each capability, in this order.
INSTALL_SQL  = sql/$(EXTENSION)--$(EXTVERSION).sql
SQL_PARTS    = $(addprefix sql/, $(addsuffix .sql, \
                extension/schemas extension/version extension/pipeline extension/registry audit jobs \
                layout/layout layout/adoption layout/create_pipeline \
                intake pause \
                load/load load/circuit_breaker load/reports \
                rules/contract rules/quality_rules rules/report rules/alerts \
                recovery/recovery recovery/dead_letters \
                proof/fingerprint proof/reconcile proof/reconcile_search proof/compare_layers \
                freshness/pipeline freshness/datasets freshness/freshness freshness/alerts \
                gold/views gold/refresh gold/freshness gold/chain gold/alerts \
                linking \
                alerts/alerts alerts/runbook_views \
                sessions/protection sessions/locks sessions/emergency_reset \
                verification supervisor maintenance tiers \
                extension/privileges))
DATA         = $(sort $(wildcard sql/$(EXTENSION)--*--*.sql))
DATA_built   = $(INSTALL_SQL)
EXTRA_CLEAN  = $(INSTALL_SQL)

REGRESS      = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=build/regress
ISOLATION    = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=build/isolation

PG_CONFIG   ?= pg_config
PG_CPPFLAGS  = -Isrc -DSCOUT_IR_VERSION='"$(EXTVERSION)"'
PG_CXXFLAGS  = -std=c++17 -Wall -Wextra -Werror -Wno-register
SHLIB_LINK   = -lstdc++
PGXS        := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The server's headers are not ours to warn about.
override BITCODE_CXXFLAGS += -std=c++17
override CPPFLAGS := $(patsubst -I$(includedir_server),-isystem $(includedir_server),$(CPPFLAGS))

$(OBJS): $(wildcard src/*/*.hpp)
$(OBJS:.o=.bc): $(wildcard src/*/*.hpp)

$(INSTALL_SQL): $(SQL_PARTS) Makefile
	printf '%s\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit' | cat - $(SQL_PARTS) > $@
