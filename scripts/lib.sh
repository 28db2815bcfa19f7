# shellcheck shell=bash
# What the scripts beside this file share; each of them sources it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Lets mpirun start more ranks than there are cores and leaves them unbound, so that two jobs at once do
# not meet on one core. What the caller has set stays. Open MPI refuses root unless told twice.
export OMPI_MCA_rmaps_base_oversubscribe=${OMPI_MCA_rmaps_base_oversubscribe:-1}
export OMPI_MCA_hwloc_base_binding_policy=${OMPI_MCA_hwloc_base_binding_policy:-none}
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

step() { printf '\n== %s\n' "$*"; }

# build PRESET [TARGET...]: configures and builds in build/PRESET.
build() {
  local preset=$1
  shift
  step "Building ($preset)"
  (cd "$root" && cmake --preset "$preset" --log-level=WARNING && cmake --build --preset "$preset" ${1:+--target "$@"})
}
