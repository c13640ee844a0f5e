#include "supervisor/feedback.hpp"

#include "pg/encoding.hpp"

namespace scout::supervisor {

Feedback *make_feedback(dsm_handle &handle) {
    dsm_segment *segment = dsm_create(sizeof(Feedback), 0);
    dsm_pin_mapping(segment);
    handle = dsm_segment_handle(segment);
    auto *feedback = static_cast<Feedback *>(dsm_segment_address(segment));
    std::memset(static_cast<void *>(feedback), 0, sizeof *feedback);
    pg_atomic_init_u32(&feedback->outcome, 0);
    return feedback;
}

Feedback *attach_feedback(dsm_handle handle) {
    dsm_segment *segment = dsm_attach(handle);
    if (segment == nullptr) return nullptr;
    dsm_pin_mapping(segment);
    return static_cast<Feedback *>(dsm_segment_address(segment));
}

void leave_feedback(Feedback *feedback, Outcome outcome, const char *task, const ErrorData *error) {
    strlcpy(feedback->task, task, sizeof feedback->task);
    feedback->sqlstate = error != nullptr ? error->sqlerrcode : 0;
    pg::copy_clipped(feedback->message, error != nullptr && error->message != nullptr ? error->message : "");
    pg_write_barrier();
    pg_atomic_write_u32(&feedback->outcome, static_cast<uint32>(outcome));
}

}  // namespace scout::supervisor
