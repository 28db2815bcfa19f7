#include "io/open_library.hpp"

#include "io/hdf5.hpp"
#include "tattn/error.hpp"

namespace tattn::io {

void open_without_cleanup() {
  if (H5dont_atexit() < 0 || H5open() < 0) throw Error(Status::failed, "HDF5 cannot be opened");
}

}  // namespace tattn::io
