// As whom a statement is parsed, planned and run that names a relation of users.
//
// Planning alone runs code: the planner folds the functions of extended statistics, of partial and of
// expression indexes, with the rights of whoever plans. Such objects belong to the relation's owner, or to
// whom he let. So no such statement is planned by anyone above its owner:
//   - a caller who has the owner's rights (a superuser, a member of the owner's role) looks as the owner;
//   - a caller who may read all of it, no row hidden by row security, also looks as the owner: he sees what
//     he would see, and nothing of the owner's runs with his rights;
//   - anybody else looks as himself: grants and policies hold, and what he may not read is an error. What
//     the owner's policies call then runs as he, as in any query of his.
// Always in a security-restricted operation (pg::Session), the owner himself, too.
#pragma once

#include "pg/memory.hpp"

namespace scout::extension {

// For the tables of the pipeline. Where there are none yet it is the present role; where their owners
// differ, or the owner cannot see all of his own rows, an error says so.
Oid pipeline_reader();

// For one statement over all of these relations: the owner of one of them, or of what a view among them
// reads, who may read all of them and is not above any other of these owners. 42501 with a way out where
// there is none and the present role is above one of them.
Oid reader_of(const Oid *relations, size_t count);

// As whom a statement that the present role gives is to run, now and later: as that role; a superuser's as
// reader_of() what it names, for a superuser is no one whom a worker should run SQL for. Needs a Session.
Oid registrant(const char *statement);

}  // namespace scout::extension
