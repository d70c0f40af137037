// The table of all job keys: a Boost.Program_options description bound to a Job. Parser, help,
// validation and run record iterate over its rows.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <string>
#include <vector>

#include "terse/base/error.h"
#include "terse/config/job.h"

namespace terse {

// A value that a key does not accept. what() ends a sentence: `must be a whole number from 1 to 8,
// not "9"`.
class BadValue : public Error {
 public:
  BadValue(std::string key, const std::string& reason) : Error(reason), key_(std::move(key)) {}
  const std::string& key() const { return key_; }

 private:
  std::string key_;
};

// One field of the bound Job.
class Field : public boost::program_options::value_semantic {
 public:
  virtual const std::string& allowed() const = 0;
  virtual std::string text() const = 0;                    // canonical
  virtual void assign(const std::string& text) const = 0;  // throws BadValue
};

// Rows refer to the Job, which must outlive the table. Its values at construction are the defaults.
class OptionTable {
 public:
  explicit OptionTable(Job& job);

  const boost::program_options::options_description& description() const { return description_; }
  std::vector<std::string> keys() const;  // in table order
  std::vector<std::string> sections() const;
  bool contains(const std::string& key) const;
  const Field& field(const std::string& key) const;  // the key must be known
  const std::string& meaning(const std::string& key) const;

 private:
  boost::program_options::options_description description_;
};

}  // namespace terse
