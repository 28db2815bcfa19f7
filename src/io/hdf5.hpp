#pragma once
#include <hdf5.h>

#include <string>
#include <utility>

namespace tattn::io {

/// While it lives HDF5 prints nothing of its own: an error is said once, by us. The caller's own
/// setting comes back afterwards.
class QuietHdf5 {
 public:
  QuietHdf5();
  ~QuietHdf5();
  QuietHdf5(const QuietHdf5&) = delete;
  QuietHdf5& operator=(const QuietHdf5&) = delete;

 private:
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

/// Throws Error(Status::failed) with the call's name and what HDF5 says of it: outermost and innermost
/// line of its error stack. To be called before any other HDF5 call, since each empties the stack.
[[noreturn]] void throw_hdf5(const char* call);

template <class Call>
auto checked(const char* name, const Call& call) {
  const QuietHdf5 quiet;
  const auto result = call();
  if (result < 0) throw_hdf5(name);
  return result;
}

/// Owner of an HDF5 identifier. The destructor ignores a failing close; close() checks it.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] hid_t get() const { return id_; }

  /// Closes now and throws when that fails; `call` is the name for the message.
  void close(const char* call);

  /// Never closes it: for what HDF5 could only close by a collective call that one rank would fail alone.
  void abandon() noexcept { id_ = H5I_INVALID_HID; }

 private:
  void reset() noexcept;

  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// The HDF5 type of T in memory: float or double.
template <class T>
[[nodiscard]] hid_t native_type();
template <>
[[nodiscard]] inline hid_t native_type<float>() {
  return H5T_NATIVE_FLOAT;
}
template <>
[[nodiscard]] inline hid_t native_type<double>() {
  return H5T_NATIVE_DOUBLE;
}

}  // namespace tattn::io

/// Calls an HDF5 function, checks that the result is not negative, and returns it.
#define TATTN_H5(function, ...) ::tattn::io::checked(#function, [&] { return function(__VA_ARGS__); })
