#pragma once
// Vectors live in arrays, so instruction sets whose vectors have no size at compile time cannot take part;
// machines that have them also have a sized one.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
