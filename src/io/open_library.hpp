#pragma once

namespace tattn::io {

/// Opens HDF5 so that it does not clean up as the program ends: every handle here has an owner, and of a file
/// that could not be closed (full disk) HDF5 1.10 frees half, and follows it in MPI_Finalize. To be called by a
/// program before MPI_Init; afterwards it has no effect. Not collective.
void open_without_cleanup();

}  // namespace tattn::io
