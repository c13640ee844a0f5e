\echo Use "CREATE EXTENSION scout_ir_test" to load this file. \quit

CREATE FUNCTION scout_ir_test.throw_core_error(
    sqlstate text, message text, detail text DEFAULT '', hint text DEFAULT '') RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'scout_test_throw_core_error';
CREATE FUNCTION scout_ir_test.throw_runtime_error(message text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'scout_test_throw_runtime_error';
CREATE FUNCTION scout_ir_test.throw_bad_alloc() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_throw_bad_alloc';
CREATE FUNCTION scout_ir_test.throw_number() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_throw_number';

-- The server's own error, raised below a frame that owns a C++ object.
CREATE FUNCTION scout_ir_test.guarded_division() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_guarded_division';
CREATE FUNCTION scout_ir_test.guarded_report() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_guarded_report';
CREATE FUNCTION scout_ir_test.guarded_success() RETURNS integer
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_guarded_success';
CREATE FUNCTION scout_ir_test.guarded_throw() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_guarded_throw';
CREATE FUNCTION scout_ir_test.plain_report() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_plain_report';

-- own(): an object that lives in a memory context.
CREATE FUNCTION scout_ir_test.own_then_report() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_own_then_report';
CREATE FUNCTION scout_ir_test.own_then_throw() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_own_then_throw';
CREATE FUNCTION scout_ir_test.own_then_reset() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_own_then_reset';
CREATE FUNCTION scout_ir_test.own_throwing_constructor() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_own_throwing_constructor';

-- attempt(): a subtransaction. Runs the SQL text in it; returns NULL or the SQLSTATE of its error.
CREATE FUNCTION scout_ir_test.attempt_sql(sql text, keep boolean DEFAULT true) RETURNS text
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'scout_test_attempt_sql';
-- The same with a C++ exception inside: what is one of core, runtime, bad_alloc, number.
CREATE FUNCTION scout_ir_test.attempt_throw(what text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'scout_test_attempt_throw';

-- The same inside an action (SCOUT_ACTION).
CREATE FUNCTION scout_ir_test.action_report() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_action_report';
CREATE FUNCTION scout_ir_test.action_guarded() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_action_guarded';
CREATE FUNCTION scout_ir_test.action_throw() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_action_throw';

-- Runs a query of one bigint by a plan that is kept.
CREATE FUNCTION scout_ir_test.read_cached(sql text) RETURNS bigint
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'scout_test_read_cached';

-- C++ objects that exist now, and that were destroyed since the backend started.
CREATE FUNCTION scout_ir_test.alive() RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'scout_test_alive';
CREATE FUNCTION scout_ir_test.destroyed() RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'scout_test_destroyed';

-- No memory for the callbacks of a commit that the session registers between these two calls.
CREATE FUNCTION scout_ir_test.restore_after_commit() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_restore_after_commit';
CREATE FUNCTION scout_ir_test.exhaust_at_commit() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_exhaust_at_commit';

-- Adds the trial capability to this session; `size` instead of that of its Capability.
CREATE FUNCTION scout_ir_test.add_trial(size integer DEFAULT NULL) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_add_trial';
-- The pause that was lifted last, as the trial capability was told.
CREATE FUNCTION scout_ir_test.last_lifted() RETURNS text
LANGUAGE c AS 'MODULE_PATHNAME', 'scout_test_last_lifted';
