// The capabilities that this library is made of; registry.hpp is for those who use them.
#pragma once

#include "extension/capability.hpp"

namespace scout::extension {

List<const Capability *> listed_capabilities();

}  // namespace scout::extension
