// SPDX-License-Identifier: MIT
// unit/http/sample_request.h: request heads written down in a test, and a source of odd values.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"

namespace uvhttpd::http::test {

struct Line {
  FieldName name;
  std::string_view value;
};

// A request with these field lines; owns the list of fields, not the values.
class SampleRequest {
 public:
  SampleRequest(Method method, const std::vector<Line>& lines) {
    for (const Line& line : lines) fields_.push_back({line.name, "Name", line.value});
    head_.method = method;
    head_.fields = FieldList(fields_);
  }
  SampleRequest(const SampleRequest&) = delete;
  SampleRequest& operator=(const SampleRequest&) = delete;

  const RequestHead& head() const { return head_; }

 private:
  std::vector<Field> fields_;
  RequestHead head_;
};

// Values put together at random from `pieces`, the same ones in each run.
class OddValues {
 public:
  explicit OddValues(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}

  std::string next() {
    std::string value;
    for (auto count = random_() % 8; count > 0; --count)
      value += pieces_[random_() % pieces_.size()];
    return value;
  }

 private:
  std::vector<std::string> pieces_;
  std::mt19937 random_{20240229};
};

}  // namespace uvhttpd::http::test
