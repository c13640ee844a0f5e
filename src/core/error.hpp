// The exception of the pure core and of C++ above the server: it carries what PostgreSQL's error
// report needs. `sqlstate` is the five characters of an error class (source: PostgreSQL manual,
// Appendix A).
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace scout::core {

class Error : public std::runtime_error {
public:
    Error(const char (&sqlstate)[6], const std::string &message, std::string detail = {},
          std::string hint = {})
        : std::runtime_error(message), detail_(std::move(detail)), hint_(std::move(hint)) {
        for (int i = 0; i < 6; i++) sqlstate_[i] = sqlstate[i];
    }

    const char *sqlstate() const noexcept { return sqlstate_; }
    const std::string &detail() const noexcept { return detail_; }
    const std::string &hint() const noexcept { return hint_; }

private:
    char sqlstate_[6];
    std::string detail_, hint_;
};

}  // namespace scout::core
