// Texts in the database's encoding, for what must mean the same in any database.
#pragma once

#include "pg/postgres.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace scout::pg {

// Does as_utf8() change anything here? SQL_ASCII says nothing of what its bytes mean: they stay.
inline bool converts_to_utf8() {
    const int encoding = GetDatabaseEncoding();
    return encoding != PG_UTF8 && encoding != PG_SQL_ASCII;
}

// The text itself, or a copy in the current context. 22P05 where a character has no equivalent.
inline std::string_view as_utf8(std::string_view text) {
    if (!converts_to_utf8() || text.empty()) return text;
    const char *converted = pg_server_to_any(text.data(), static_cast<int>(text.size()), PG_UTF8);
    return converted == text.data() ? text : std::string_view(converted);
}

// Copies a text into a field of fixed size; what does not fit is left out by whole characters.
template <size_t size>
void copy_clipped(char (&to)[size], const char *from) {
    const int length = pg_mbcliplen(from, static_cast<int>(strlen(from)), static_cast<int>(size) - 1);
    std::memcpy(to, from, static_cast<size_t>(length));
    to[length] = '\0';
}

}  // namespace scout::pg
