#pragma once
// Cases for the properties, drawn by RapidCheck. All ranks draw the same: main.cpp gives them one seed.
#include <optional>

#include "support/judge.hpp"

namespace tattn::test {

/// A small case of a random shape, scale and sometimes causal; of a given order where that is set, and
/// then never causal.
Case draw_case(std::optional<int> order = {});

/// A way to cut it, with 1 to 3 threads.
How draw_how();

/// Fails the property on every rank when rank 0 finds a difference. Collective over the world.
void require(const std::function<std::string()>& judge);

}  // namespace tattn::test
