#pragma once
#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/deque.hpp>
#include <boost/serialization/vector.hpp>
#include <optional>
#include <sstream>
#include <string>

namespace boost::serialization {

/// Boost 1.74 knows its own optional only.
template <class Archive, class T>
void save(Archive& archive, const std::optional<T>& value, unsigned /*version*/) {
  const bool some = value.has_value();
  archive << some;
  if (some) archive << *value;
}
template <class Archive, class T>
void load(Archive& archive, std::optional<T>& value, unsigned /*version*/) {
  bool some = false;
  archive >> some;
  value.reset();
  if (some) archive >> value.emplace();
}
template <class Archive, class T>
void serialize(Archive& archive, std::optional<T>& value, unsigned version) {
  split_free(archive, value, version);
}

}  // namespace boost::serialization

namespace tattn {

/// A value as bytes, for other ranks of this run or for later ones on the same kind of machine.
template <class T>
[[nodiscard]] std::string pack(const T& value) {
  std::ostringstream text;
  {
    boost::archive::binary_oarchive archive(text);
    archive << value;
  }
  return text.str();
}

/// What pack was given. Throws boost::archive::archive_exception for bytes that it did not make, and may take
/// much memory before: check their digest first.
template <class T>
[[nodiscard]] T unpack(const std::string& bytes) {
  std::istringstream text(bytes);
  boost::archive::binary_iarchive archive(text);
  T value;
  archive >> value;
  return value;
}

}  // namespace tattn
