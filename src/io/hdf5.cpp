#include "io/hdf5.hpp"

#include "tattn/error.hpp"

namespace tattn::io {
namespace {

struct Lines {
  std::string innermost, outermost;
};

herr_t collect(unsigned /*depth*/, const H5E_error2_t* error, void* data) {
  auto& lines = *static_cast<Lines*>(data);
  if (error->desc == nullptr) return 0;
  if (lines.innermost.empty()) lines.innermost = error->desc;
  lines.outermost = error->desc;
  return 0;
}

/// HDF5 passes on what the system says, which may hold line ends.
std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  return text;
}

}  // namespace

QuietHdf5::QuietHdf5() {
  H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

QuietHdf5::~QuietHdf5() {
  H5Eset_auto2(H5E_DEFAULT, print_, data_);
}

void throw_hdf5(const char* call) {
  Lines lines;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &lines);
  std::string message = call;
  if (!lines.outermost.empty()) message += ": " + lines.outermost;
  if (lines.innermost != lines.outermost) message += " (" + lines.innermost + ")";
  throw Error(Status::failed, one_line(message));
}

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    reset();
    id_ = std::exchange(other.id_, H5I_INVALID_HID);
    close_ = other.close_;
  }
  return *this;
}

void Handle::close(const char* call) {
  const hid_t id = std::exchange(id_, H5I_INVALID_HID);
  checked(call, [&] { return close_(id); });
}

void Handle::reset() noexcept {
  if (id_ < 0) return;
  const QuietHdf5 quiet;
  close_(std::exchange(id_, H5I_INVALID_HID));
}

}  // namespace tattn::io
