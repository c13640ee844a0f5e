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

// For one statement over all of these relations. What an owner, of them or of what a view among them reads,
// has attached runs as he or as somebody below him, never as somebody above or beside him:
//   - as the owner who may read all of them and whose rights each other owner has;
//   - where there is none, as the present role, which gives the statement itself, unless it is above one of
//     the owners, beside one of several, or has the rights of the pipeline's owner: 42501 with a way out.
// 55000 where an owner may not read his own relation: it would be for him to choose who looks.
Oid reader_of(const Oid *relations, size_t count);

// For a relation that somebody registered and the caller has not named: as the owner, or as the caller where
// each owner has his rights or the pipeline's owner's. Else it is 42501 before anything is planned: an owner
// could have his code run as everybody who looks, by taking away their privilege.
Oid reader_of_registered(Oid relation);

// As whom a statement that the present role gives is to run, now and later: as that role; a superuser's as
// reader_of() what it names, and so that of a role which may use the server's files or programs. 42501 where
// that is such a role again: nobody runs SQL as one for others. Needs a Session.
Oid registrant(const char *statement);

// The same, at each run: a role that is gone is 42704, and one that has become such a role since is 42501.
Oid role_of_registrant(const char *name);

}  // namespace scout::extension
