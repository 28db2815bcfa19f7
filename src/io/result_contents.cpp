#include "io/result_contents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "io/attributes.hpp"
#include "io/dataset.hpp"
#include "io/hdf5.hpp"
#include "io/input_file.hpp"

namespace tattn::io {
namespace {

/// The one number of dataset `name`.
double read_scalar(const std::string& path, hid_t file, const std::string& name) {
  const Handle dataset(TATTN_H5(H5Dopen2, file, name.c_str(), H5P_DEFAULT), H5Dclose);
  const Handle space(TATTN_H5(H5Dget_space, dataset.get()), H5Sclose);
  const Handle type(TATTN_H5(H5Dget_type, dataset.get()), H5Tclose);
  if (TATTN_H5(H5Sget_simple_extent_npoints, space.get()) != 1 || !float_type(type.get()))
    refuse_dataset(path, name, "is not one number of type float32 or float64");
  double value = 0;
  TATTN_H5(H5Dread, dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value);
  return value;
}

ResultContents inspect_here(const std::string& path) {
  ResultContents contents;
  blame_input(path, [&] {
    static_cast<void>(check_input_file(path));
    const Handle file = open_input_file(path);
    contents.datasets = link_names(file.get());
    contents.scale = read_scale(path, file.get());
    contents.causal = read_causal(path, file.get());
    if (contents.has("loss")) contents.loss = read_scalar(path, file.get(), "loss");
  });
  return contents;
}

/// One field a line; an empty line for what is not there.
std::string encode(const ResultContents& contents) {
  std::string text = contents.scale ? fmt::format("{}\n", *contents.scale) : "\n";
  text += contents.causal ? (*contents.causal ? "1\n" : "0\n") : "\n";
  text += contents.loss ? fmt::format("{}\n", *contents.loss) : "\n";
  for (const std::string& name : contents.datasets) text += name + "\n";
  return text;
}

ResultContents decode(const std::string& text) {
  ResultContents contents;
  std::istringstream lines(text);
  std::string line;
  if (std::getline(lines, line) && !line.empty()) contents.scale = std::strtod(line.c_str(), nullptr);
  if (std::getline(lines, line) && !line.empty()) contents.causal = line == "1";
  if (std::getline(lines, line) && !line.empty()) contents.loss = std::strtod(line.c_str(), nullptr);
  while (std::getline(lines, line)) contents.datasets.push_back(line);
  return contents;
}

}  // namespace

bool ResultContents::has(const std::string& dataset) const {
  return std::find(datasets.begin(), datasets.end(), dataset) != datasets.end();
}

ResultContents inspect_result(const Communicator& comm, const std::string& path) {
  std::string text;
  comm.agree([&] {
    if (comm.rank() == 0) text = encode(inspect_here(path));
  });
  return decode(comm.broadcast(text));
}

}  // namespace tattn::io
