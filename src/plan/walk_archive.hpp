#pragma once
#include "plan/monomial_walk.hpp"

namespace boost::serialization {

template <class Archive>
void serialize(Archive& archive, tattn::plan::Walk& walk, unsigned /*version*/) {
  archive& walk.dim& walk.parent& walk.variable& walk.degree& walk.coefficient& walk.weight& walk.owned;
}

}  // namespace boost::serialization
