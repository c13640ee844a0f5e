#include "pg/wrapper.hpp"

#include "core/text.hpp"
#include "pg/product.hpp"

extern "C" {
#include "utils/regproc.h"
}

namespace scout::pg {

Product product{"", "", ""};
void (*entry_check)() = nullptr;

void refuse_arguments(FunctionCallInfo fcinfo, int expected) {
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("function %s does not fit its library", format_procedure(fcinfo->flinfo->fn_oid)),
            errdetail("It has %d arguments, the library expects %d.", PG_NARGS(), expected),
            errhint("Update the extension, or reconnect if it has just been updated."));
    pg_unreachable();
}

namespace {

template <size_t size>
void copy(char (&to)[size], const char *from) noexcept {
    const std::string_view text = core::clip(from, size - 1);
    std::memcpy(to, text.data(), text.size());
    to[text.size()] = '\0';
}

}  // namespace

void CaughtError::set(int state, const char *text, const char *detail_text, const char *hint_text) noexcept {
    sqlstate = state;
    copy(message, text);
    copy(detail, detail_text);
    copy(hint, hint_text);
}

void CaughtError::capture() noexcept {
    server = nullptr;
    try {
        throw;
    } catch (const ServerError &error) {
        server = error.data();
    } catch (const core::Error &error) {
        const char *s = error.sqlstate();
        set(MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4]), error.what(), error.detail().c_str(),
            error.hint().c_str());
    } catch (const std::bad_alloc &) {
        set(ERRCODE_OUT_OF_MEMORY, "out of memory", "", "");
    } catch (const std::exception &error) {
        set(ERRCODE_INTERNAL_ERROR, error.what(), "", "");
    } catch (...) {
        set(ERRCODE_INTERNAL_ERROR, "unknown C++ exception", "", "");
    }
}

void CaughtError::report() const {
    if (server != nullptr) ReThrowError(server);
    ereport(ERROR, errcode(sqlstate), errmsg_internal("%s", message),
            detail[0] != '\0' ? errdetail_internal("%s", detail) : 0,
            hint[0] != '\0' ? errhint("%s", hint) : 0);
    pg_unreachable();
}

}  // namespace scout::pg
