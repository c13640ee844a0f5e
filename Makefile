# scout_ir: PGXS builds the extension; CMake (CMakeLists.txt) builds the pure core and its tests.
#   make && make install          with any PostgreSQL 15+: PG_CONFIG=/path/to/pg_config
#   make EXTRA_CXXFLAGS=-Werror   flags that are not for everybody: CI's, coverage
#   make -f ../Makefile           out of tree, in the current folder
# GNUmakefile adds the targets of this repository: make demo, make check, make bench.

here        := $(dir $(firstword $(MAKEFILE_LIST)))

EXTENSION    = scout_ir
EXTVERSION   = 0.1.0
# Of the catalogue that the library works with: sql/extension/version.sql and src/extension/fit.hpp.
CATALOGUE    = 1
MODULE_big   = scout_ir
OBJS         = $(patsubst $(here)%.cpp,%.o,$(sort $(wildcard $(here)src/*/*.cpp)))
DEPENDENCIES = $(OBJS:.o=.d)

# The install script is put together from the files of each capability, in this order.
INSTALL_SQL  = sql/$(EXTENSION)--$(EXTVERSION).sql
SQL_PARTS    = $(addprefix $(here)sql/, $(addsuffix .sql, \
                extension/schemas extension/schema_findings extension/version extension/locks extension/pipeline extension/registry \
                audit jobs \
                layout/layout layout/adoption layout/create_pipeline \
                intake pause \
                load/load load/circuit_breaker load/reports \
                rules/contract rules/quality_rules rules/silver_counts rules/report rules/report_parts rules/alerts \
                recovery/recovery recovery/dead_letters \
                proof/fingerprint proof/reconcile proof/reconcile_parts proof/reconcile_search proof/compare_layers \
                freshness/limits freshness/pipeline freshness/datasets freshness/freshness freshness/alerts \
                gold/views gold/refresh gold/freshness gold/freshness_parts gold/chain gold/alerts \
                linking \
                alerts/alerts alerts/runbook_views \
                sessions/protection sessions/locks sessions/emergency_reset \
                verification supervisor maintenance tiers \
                extension/privileges))
DATA         = $(patsubst $(here)%,%,$(sort $(wildcard $(here)sql/updates/$(EXTENSION)--*--*.sql)))
DATA_built   = $(INSTALL_SQL)
EXTRA_CLEAN  = $(INSTALL_SQL) $(DEPENDENCIES)

REGRESS      = $(sort $(patsubst $(here)test/sql/%.sql,%,$(wildcard $(here)test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=build/regress
ISOLATION    = $(sort $(patsubst $(here)test/isolation/specs/%.spec,%,$(wildcard $(here)test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=build/isolation

PG_CONFIG   ?= pg_config
PG_CPPFLAGS  = -I$(here)src -DSCOUT_IR_VERSION='"$(EXTVERSION)"' -DSCOUT_IR_CATALOGUE=$(CATALOGUE)
PG_CXXFLAGS  = -std=c++17 -Wall -Wextra -Wformat=2 -Wformat-security -Werror=format-nonliteral -Wno-register \
               -fvisibility=hidden -MMD -MP $(EXTRA_CXXFLAGS)
SHLIB_LINK   = -lstdc++
# No bitcode: PostgreSQL's JIT aborts where it inlines C++ (llvmjit_inline.cpp takes every symbol for a
# function), and with it the whole cluster restarts. A call of ours is too much work to gain from inlining.
override with_llvm := no
PGXS        := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The server's headers are not ours to warn about.
override CPPFLAGS := $(patsubst -I$(includedir_server),-isystem $(includedir_server),$(CPPFLAGS))

# Out of tree, sources alone come from the checkout: what an earlier build left in it is not for this one.
override VPATH :=
vpath %.cpp $(here)
vpath %.control $(here)

folders = $(sort $(dir $(OBJS) $(INSTALL_SQL)))
$(OBJS) $(INSTALL_SQL): | $(folders)
$(folders):
	mkdir -p $@

-include $(DEPENDENCIES)

# Where the versions are compiled in.
src/extension/fit.o src/extension/module.o src/jobs/worker.o src/supervisor/launcher.o: $(here)Makefile

$(INSTALL_SQL): $(SQL_PARTS) $(here)Makefile
	printf '%s\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit' | cat - $(SQL_PARTS) > $@
