#pragma once
#include <boost/serialization/version.hpp>
#include <memory>

#include "archive.hpp"
#include "plan/walk_archive.hpp"
#include "training/checkpoint.hpp"

// Members that a later version adds go behind the others, read `if (version >= ..)`, with BOOST_CLASS_VERSION.
namespace boost::serialization {

template <class Archive>
void serialize(Archive& archive, tattn::training::Evaluation& x, unsigned /*version*/) {
  archive& x.loss& x.gradient;
}

template <class Archive>
void serialize(Archive& archive, tattn::training::Point& x, unsigned /*version*/) {
  archive& x.weights& x.value;
}

template <class Archive>
void serialize(Archive& archive, tattn::training::CurvaturePair& x, unsigned /*version*/) {
  archive& x.step& x.change;
}

template <class Archive>
void serialize(Archive& archive, tattn::training::OptimizerState& x, unsigned /*version*/) {
  archive& x.steps& x.mean& x.variance& x.curvature;
}

template <class Archive>
void serialize(Archive& archive, tattn::training::OptimizerSettings& x, unsigned /*version*/) {
  archive& x.kind& x.learning_rate;
}

template <class Archive>
void serialize(Archive& archive, tattn::training::WatchState& x, unsigned /*version*/) {
  archive& x.step& x.bound& x.weights& x.error& x.seed;
}

template <class Archive>
void serialize(Archive& archive, tattn::Cost& x, unsigned /*version*/) {
  archive& x.seconds& x.flops& x.bytes_communicated& x.bytes_memory;
}

template <class Archive>
void serialize(Archive& archive, tattn::Plan& x, unsigned /*version*/) {
  tattn::plan::Walk walk;
  if (x.walk) walk = *x.walk;
  archive& x.method& x.reason& walk& x.features& x.degree& x.score_bound& x.measured_error& x.certified_error;
  archive& x.in_double& x.slice_groups& x.sequence_blocks& x.feature_groups;
  archive& x.forward& x.gradient& x.exact_seconds& x.polynomial_seconds;
  if (x.method == tattn::Method::polynomial) x.walk = std::make_shared<const tattn::plan::Walk>(std::move(walk));
}

template <class Archive>
void serialize(Archive& archive, tattn::training::TrainState& x, unsigned version) {
  archive& x.point& x.optimizer& x.plan& x.planned& x.watch& x.replans& x.seconds;
  if (version >= 1) archive& x.watch_seconds& x.replan_seconds;
}

template <class Archive>
void serialize(Archive& archive, tattn::training::TrainSettings& x, unsigned /*version*/) {
  archive& x.optimizer& x.method& x.tolerance& x.certified& x.degree& x.features& x.scale& x.causal;
}

template <class Archive>
void serialize(Archive& archive, tattn::training::Checkpoint& x, unsigned /*version*/) {
  archive& x.settings& x.problem_digest& x.state;
}

}  // namespace boost::serialization

BOOST_CLASS_VERSION(tattn::training::TrainState, 1)
