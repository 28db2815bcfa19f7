#pragma once

/// CLI11's classes by name alone: its own header takes seconds to compile.
namespace CLI {

class App;
class Option;
class Range;
class Validator;

}  // namespace CLI
