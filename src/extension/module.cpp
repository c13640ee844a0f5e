// The shared library: magic block, _PG_init, and the door for another library's capability.
#include "extension/fit.hpp"
#include "extension/registry.hpp"
#include "pg/product.hpp"
#include "pg/wrapper.hpp"

extern "C" {
PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
PGDLLEXPORT void scout_register_capability(const scout::extension::Capability *capability, size_t size);

void _PG_init(void) {
    scout::pg::product = {"scout_ir", "$libdir/scout_ir", "scout_"};
    scout::pg::entry_check = scout::extension::require_fit;
    scout::extension::load_capabilities();
}

// For the _PG_init of another library, which finds it by load_external_function(): its capability is one like
// those of capabilities.cpp, but that its settings have a prefix of their own. `size` is sizeof(Capability)
// as that library was compiled: it has to be built from the headers of this version.
void scout_register_capability(const scout::extension::Capability *capability, size_t size) {
    if (size != sizeof *capability)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("a capability was built for another version of scout_ir"),
                errhint("Build its library again, with the headers of scout_ir %s.", SCOUT_IR_VERSION));
    scout::extension::add_capability(capability);
}
}
