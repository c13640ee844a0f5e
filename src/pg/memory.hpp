// Memory by MemoryContext.
//
// Array is a growable array whose storage belongs to a context and whose destructor is trivial, so
// that a longjmp may pass over it. own() places a real C++ object in a context and destroys it when
// the context is reset or deleted, on commit, error and abort alike.
#pragma once

#include "pg/postgres.hpp"

namespace scout::pg {

template <typename T>
class Array {
    static_assert(alignof(T) <= MAXIMUM_ALIGNOF, "palloc aligns to MAXIMUM_ALIGNOF");
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>,
                  "an Array may be passed over by a longjmp");

public:
    Array() = default;
    explicit Array(MemoryContext context) : context_(context) {}

    T &push(const T &value) {
        if (size_ == capacity_) grow(capacity_ == 0 ? 16 : capacity_ * 2);
        data_[size_] = value;
        return data_[size_++];
    }
    // Room for `count` more elements, to be filled by the caller; valid until the next growth.
    T *extend(size_t count) {
        if (size_ + count > capacity_) grow(std::max({size_ + count, capacity_ * 2, size_t{16}}));
        size_ += count;
        return data_ + size_ - count;
    }
    // Saves growing, which copies into memory that the process touches for the first time.
    void reserve(size_t capacity) {
        if (capacity > capacity_) grow(capacity);
    }
    T *begin() { return data_; }
    T *end() { return data_ + size_; }
    const T *begin() const { return data_; }
    const T *end() const { return data_ + size_; }
    T &operator[](size_t i) { return data_[i]; }
    const T &operator[](size_t i) const { return data_[i]; }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    void truncate(size_t size) { size_ = size; }

private:
    void grow(size_t capacity) {
        if (context_ == nullptr) context_ = CurrentMemoryContext;
        Size bytes = capacity * sizeof(T);
        data_ =
            static_cast<T *>(data_ == nullptr ? MemoryContextAllocExtended(context_, bytes, MCXT_ALLOC_HUGE)
                                              : repalloc_huge(data_, bytes));
        capacity_ = capacity;
    }

    MemoryContext context_ = nullptr;
    T *data_ = nullptr;
    size_t size_ = 0, capacity_ = 0;
};

// Constructs a T in `context`; the context's reset runs its destructor. If the constructor throws,
// nothing is registered and the memory stays with the context.
template <typename T, typename... Args>
T *own(MemoryContext context, Args &&...args) {
    struct Holder {
        MemoryContextCallback callback;
        T object;
    };
    auto *holder = static_cast<Holder *>(MemoryContextAllocZero(context, sizeof(Holder)));
    T *object = new (&holder->object) T(std::forward<Args>(args)...);
    holder->callback.func = [](void *argument) { static_cast<T *>(argument)->~T(); };
    holder->callback.arg = object;
    MemoryContextRegisterResetCallback(context, &holder->callback);
    return object;
}

// A child context that is current from enter() to leave(); an error leaves it to the parent's reset.
class Workspace {
public:
    explicit Workspace(const char *name)
        : context_(AllocSetContextCreateInternal(CurrentMemoryContext, name, ALLOCSET_DEFAULT_SIZES)),
          outer_(MemoryContextSwitchTo(context_)) {}
    MemoryContext context() const { return context_; }
    void clear() { MemoryContextReset(context_); }
    void leave() {
        MemoryContextSwitchTo(outer_);
        MemoryContextDelete(context_);
    }

private:
    MemoryContext context_, outer_;
};

// A copy in the current context.
inline std::string_view keep(std::string_view text) {
    auto *copy = static_cast<char *>(palloc(text.size() + 1));
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    return {copy, text.size()};
}

// The bytes of a text, detoasted; a view into it where it is not toasted.
inline std::string_view text_view(Datum d) {
    struct varlena *t = PG_DETOAST_DATUM_PACKED(d);
    return {VARDATA_ANY(t), static_cast<size_t>(VARSIZE_ANY_EXHDR(t))};
}

inline const char *c_string(std::string_view text) {
    return keep(text).data();
}

}  // namespace scout::pg
