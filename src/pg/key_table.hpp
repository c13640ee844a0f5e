// A table of unique keys below SQL: (key bytea UNIQUE, value bigint NOT NULL). One descent of the index per
// lookup and per insert, where a statement costs several times as much.
//
// Only for a plain table. Where the executor would have to honour anything else (partitions, triggers, rules,
// row security, further columns or indexes, domains, checks), find() and insert() refuse, and the caller uses
// SQL.
#pragma once

#include "pg/postgres.hpp"

namespace scout::pg {

class KeyTable {
public:
    struct Entry {
        bytea *key;
        int64 value;
    };

    // Names of the columns.
    constexpr KeyTable(const char *key, const char *value) : key_name_(key), value_name_(value) {}

    // The value of a key whose row is committed or this transaction's own, whatever the snapshot; a row that
    // another transaction is still inserting does not count. 0: no such key. False: ask SQL.
    bool find(Oid relation, bytea *key, int64 &value);

    // Inserts keys in the given order; sorted, so that two transactions cannot deadlock. Waits for a
    // transaction that is inserting the same key, raises 23505 where it commits. False: use SQL. The caller
    // has switched to the table's owner.
    bool insert(Oid relation, const Entry *entries, size_t count);

private:
    Relation open(Oid relation);
    void look_at(Relation table);

    const char *key_name_, *value_name_;
    // What the catalogue said; relation_ is InvalidOid again as soon as that may have changed.
    Oid relation_ = InvalidOid, index_ = InvalidOid;
    AttrNumber key_ = 0, value_ = 0;
    bool watching_ = false;
};

}  // namespace scout::pg
