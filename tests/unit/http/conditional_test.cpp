// SPDX-License-Identifier: MIT
// unit/http/conditional_test.cpp: conditional requests, RFC 9110 section 13.
#include "http/conditional.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sample_request.h"

namespace uvhttpd::http {
namespace {

using test::Line;
using test::SampleRequest;

constexpr std::string_view kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr std::string_view kExact = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr std::string_view kAfter = "Sun, 06 Nov 1994 08:49:38 GMT";
constexpr std::string_view kFuture = "Fri, 31 Dec 9999 23:59:59 GMT";
constexpr std::int64_t kModified = 784111777;
constexpr std::int64_t kNow = 1'700'000'000;

constexpr Validators kCurrent{"\"a\"", kModified};

constexpr auto kIfMatch = FieldName::if_match;
constexpr auto kIfNoneMatch = FieldName::if_none_match;
constexpr auto kIfModified = FieldName::if_modified_since;
constexpr auto kIfUnmodified = FieldName::if_unmodified_since;
constexpr auto kIfRange = FieldName::if_range;

std::string_view evaluated(Method method, const std::vector<Line>& lines,
                           const Validators& validators = kCurrent) {
  const SampleRequest request(method, lines);
  switch (evaluate_preconditions(request.head(), validators, kNow)) {
    case Precondition::proceed: return "proceed";
    case Precondition::not_modified: return "304";
    case Precondition::failed: return "412";
  }
  return "none";
}

struct Row {
  std::string_view name;
  Method method;
  std::vector<Line> lines;
  std::string_view outcome;
  Validators validators = kCurrent;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(evaluated(row.method, row.lines, row.validators) == row.outcome);
  }
}

constexpr Validators kWeak{"W/\"a\"", kModified};
constexpr Validators kNoTag{"", kModified};
constexpr Validators kNoDate{"\"a\"", std::nullopt};
constexpr Validators kNothing{};

}  // namespace

TEST_CASE("A request without preconditions proceeds") {
  for (const Method method :
       {Method::get, Method::head, Method::post, Method::put, Method::other}) {
    CHECK(evaluated(method, {}) == "proceed");
    CHECK(evaluated(method, {}, kNothing) == "proceed");
  }
}

TEST_CASE("If-Match compares strongly, section 13.1.1") {
  check({
      {"the tag", Method::put, {{kIfMatch, "\"a\""}}, "proceed"},
      {"another tag", Method::put, {{kIfMatch, "\"b\""}}, "412"},
      {"in a list", Method::put, {{kIfMatch, "\"b\", \"a\""}}, "proceed"},
      {"on the second line", Method::put, {{kIfMatch, "\"b\""}, {kIfMatch, "\"a\""}}, "proceed"},
      {"weak in the field", Method::put, {{kIfMatch, "W/\"a\""}}, "412"},
      {"weak on both sides", Method::put, {{kIfMatch, "W/\"a\""}}, "412", kWeak},
      {"weak here", Method::put, {{kIfMatch, "\"a\""}}, "412", kWeak},
      {"no tag here", Method::put, {{kIfMatch, "\"a\""}}, "412", kNoTag},
      {"the empty tag, no tag here", Method::put, {{kIfMatch, "\"\""}}, "412", kNoTag},
      {"star", Method::put, {{kIfMatch, "*"}}, "proceed"},
      {"star, no validators", Method::put, {{kIfMatch, " * "}}, "proceed", kNothing},
      {"case", Method::put, {{kIfMatch, "\"A\""}}, "412"},
      {"GET, another tag", Method::get, {{kIfMatch, "\"b\""}}, "412"},
      {"GET, the tag", Method::get, {{kIfMatch, "\"a\""}}, "proceed"},
      {"empty", Method::get, {{kIfMatch, ""}}, "412"},
      {"malformed", Method::get, {{kIfMatch, "a"}}, "412"},
      {"malformed after the tag", Method::get, {{kIfMatch, "\"a\", b"}}, "412"},
      {"malformed before the tag", Method::get, {{kIfMatch, "b, \"a\""}}, "412"},
      {"malformed line beside it", Method::get, {{kIfMatch, "b"}, {kIfMatch, "\"a\""}}, "412"},
      {"star and a tag", Method::get, {{kIfMatch, "*, \"b\""}}, "412"},
      {"star and the tag", Method::get, {{kIfMatch, "*, \"a\""}}, "412"},
      {"star on one line, tag on another",
       Method::get,
       {{kIfMatch, "\"a\""}, {kIfMatch, "*"}},
       "412"},
  });
}

TEST_CASE("If-None-Match compares weakly, section 13.1.2") {
  check({
      {"the tag", Method::get, {{kIfNoneMatch, "\"a\""}}, "304"},
      {"HEAD", Method::head, {{kIfNoneMatch, "\"a\""}}, "304"},
      {"PUT", Method::put, {{kIfNoneMatch, "\"a\""}}, "412"},
      {"POST", Method::post, {{kIfNoneMatch, "\"a\""}}, "412"},
      {"another tag", Method::get, {{kIfNoneMatch, "\"b\""}}, "proceed"},
      {"weak in the field", Method::get, {{kIfNoneMatch, "W/\"a\""}}, "304"},
      {"weak here", Method::get, {{kIfNoneMatch, "\"a\""}}, "304", kWeak},
      {"weak on both sides", Method::get, {{kIfNoneMatch, "W/\"a\""}}, "304", kWeak},
      {"star", Method::get, {{kIfNoneMatch, "*"}}, "304"},
      {"star, PUT", Method::put, {{kIfNoneMatch, "*"}}, "412"},
      {"star, no validators", Method::get, {{kIfNoneMatch, "*"}}, "304", kNothing},
      {"star twice", Method::get, {{kIfNoneMatch, "*"}, {kIfNoneMatch, "*"}}, "304"},
      {"no tag here", Method::get, {{kIfNoneMatch, "\"a\""}}, "proceed", kNoTag},
      {"the empty tag, no tag here", Method::get, {{kIfNoneMatch, "\"\""}}, "proceed", kNoTag},
      {"empty", Method::get, {{kIfNoneMatch, ""}}, "proceed"},
  });
}

TEST_CASE("Entity-tag lists are read by the grammar, sections 5.6.1 and 8.8.3") {
  const Validators comma{"\"a,b\""};
  const Validators odd{"\"W/*\\\xe4\""};
  check({
      {"last of three", Method::get, {{kIfNoneMatch, "\"x\", W/\"y\",\"a\""}}, "304"},
      {"empty members", Method::get, {{kIfNoneMatch, ", ,,\"x\",, \"a\",,"}}, "304"},
      {"tabs", Method::get, {{kIfNoneMatch, "\"x\"\t,\t\"a\"\t"}}, "304"},
      {"an empty line", Method::get, {{kIfNoneMatch, ""}, {kIfNoneMatch, "\"a\""}}, "304"},
      {"comma inside", Method::get, {{kIfNoneMatch, "\"x\", \"a,b\""}}, "304", comma},
      {"half of a tag with a comma", Method::get, {{kIfNoneMatch, "\"a,b\""}}, "proceed"},
      {"tag inside another's commas", Method::get, {{kIfNoneMatch, "\"x,\",a,\",y\""}}, "proceed"},
      {"star inside", Method::get, {{kIfNoneMatch, "\"*\""}}, "proceed"},
      {"any octets inside", Method::get, {{kIfNoneMatch, "\"W/*\\\xe4\""}}, "304", odd},
      {"a prefix of the tag", Method::get, {{kIfNoneMatch, "\"\""}}, "proceed"},
      {"a longer tag", Method::get, {{kIfNoneMatch, "\"aa\""}}, "proceed"},
  });
}

TEST_CASE("A malformed member of If-None-Match matches nothing and ends its line") {
  for (const std::string_view malformed :
       {"a",       "\"a",       "a\"",      "\"",         "W/",          "W/a",
        "w/\"a\"", "W/ \"a\"",  "W /\"a\"", "\"b\"\"a\"", "\"b\" \"a\"", "\"a\"b",
        "\"a\" b", "\"a\";q=1", "'a'",      "**",         "*a",          "* *",
        "\"a b\"", "\"\x7f\"",  "\"\x01\"", "W/*",        "WW/\"a\""}) {
    CAPTURE(malformed);
    const std::string before = "\"a\", " + std::string(malformed);
    const std::string after = std::string(malformed) + ", \"a\"";
    CHECK(evaluated(Method::get, {{kIfNoneMatch, malformed}}) == "proceed");
    CHECK(evaluated(Method::get, {{kIfNoneMatch, after}}) == "proceed");
    CHECK(evaluated(Method::get, {{kIfNoneMatch, before}}) == "304");
    CHECK(evaluated(Method::get, {{kIfNoneMatch, malformed}, {kIfNoneMatch, "\"a\""}}) == "304");
    CHECK(evaluated(Method::get, {{kIfNoneMatch, malformed}, {kIfNoneMatch, "*"}}) == "proceed");
  }
  CHECK(evaluated(Method::get, {{kIfNoneMatch, "*, \"b\""}}) == "proceed");
  CHECK(evaluated(Method::get, {{kIfNoneMatch, "*, \"a\""}}) == "304");
}

TEST_CASE("If-Modified-Since is for GET and HEAD, section 13.1.3") {
  check({
      {"before", Method::get, {{kIfModified, kBefore}}, "proceed"},
      {"exactly", Method::get, {{kIfModified, kExact}}, "304"},
      {"after", Method::get, {{kIfModified, kAfter}}, "304"},
      {"in the future", Method::get, {{kIfModified, kFuture}}, "304"},
      {"HEAD", Method::head, {{kIfModified, kExact}}, "304"},
      {"POST", Method::post, {{kIfModified, kExact}}, "proceed"},
      {"PUT", Method::put, {{kIfModified, kExact}}, "proceed"},
      {"RFC 850", Method::get, {{kIfModified, "Sunday, 06-Nov-94 08:49:37 GMT"}}, "304"},
      {"asctime", Method::get, {{kIfModified, "Sun Nov  6 08:49:37 1994"}}, "304"},
      {"no date", Method::get, {{kIfModified, "yesterday"}}, "proceed"},
      {"empty", Method::get, {{kIfModified, ""}}, "proceed"},
      {"twice", Method::get, {{kIfModified, kExact}, {kIfModified, kExact}}, "proceed"},
      {"no date here", Method::get, {{kIfModified, kExact}}, "proceed", kNoDate},
  });
}

TEST_CASE("If-Unmodified-Since is for every method, section 13.1.4") {
  check({
      {"before", Method::put, {{kIfUnmodified, kBefore}}, "412"},
      {"exactly", Method::put, {{kIfUnmodified, kExact}}, "proceed"},
      {"after", Method::put, {{kIfUnmodified, kAfter}}, "proceed"},
      {"GET, before", Method::get, {{kIfUnmodified, kBefore}}, "412"},
      {"GET, exactly", Method::get, {{kIfUnmodified, kExact}}, "proceed"},
      {"no date", Method::put, {{kIfUnmodified, "yesterday"}}, "proceed"},
      {"twice", Method::put, {{kIfUnmodified, kBefore}, {kIfUnmodified, kBefore}}, "proceed"},
      {"no date here", Method::put, {{kIfUnmodified, kBefore}}, "proceed", kNoDate},
  });
}

TEST_CASE("Preconditions are looked at in the order of section 13.2.2") {
  check({
      {"If-Match hides If-Unmodified-Since",
       Method::put,
       {{kIfUnmodified, kBefore}, {kIfMatch, "\"a\""}},
       "proceed"},
      {"a false If-Match is not rescued",
       Method::put,
       {{kIfUnmodified, kAfter}, {kIfMatch, "\"b\""}},
       "412"},
      {"If-None-Match hides If-Modified-Since",
       Method::get,
       {{kIfModified, kAfter}, {kIfNoneMatch, "\"b\""}},
       "proceed"},
      {"even when it is malformed",
       Method::get,
       {{kIfModified, kAfter}, {kIfNoneMatch, "b"}},
       "proceed"},
      {"even when it is empty",
       Method::get,
       {{kIfModified, kAfter}, {kIfNoneMatch, ""}},
       "proceed"},
      {"If-None-Match decides although modified",
       Method::get,
       {{kIfModified, kBefore}, {kIfNoneMatch, "\"a\""}},
       "304"},
      {"If-Match before If-None-Match",
       Method::get,
       {{kIfNoneMatch, "\"a\""}, {kIfMatch, "\"b\""}},
       "412"},
      {"If-None-Match after If-Match",
       Method::get,
       {{kIfNoneMatch, "\"a\""}, {kIfMatch, "\"a\""}},
       "304"},
      {"If-Unmodified-Since before If-None-Match",
       Method::get,
       {{kIfNoneMatch, "\"a\""}, {kIfUnmodified, kBefore}},
       "412"},
      {"If-Modified-Since after If-Match",
       Method::get,
       {{kIfModified, kExact}, {kIfMatch, "\"a\""}},
       "304"},
      {"both dates hold",
       Method::get,
       {{kIfModified, kBefore}, {kIfUnmodified, kAfter}},
       "proceed"},
  });
}

TEST_CASE("CONNECT, OPTIONS and TRACE have no preconditions, section 13.2.1") {
  for (const Method method : {Method::connect, Method::options, Method::trace}) {
    CHECK(evaluated(method, {{kIfMatch, "\"b\""}}) == "proceed");
    CHECK(evaluated(method, {{kIfNoneMatch, "*"}}) == "proceed");
    CHECK(evaluated(method, {{kIfUnmodified, kBefore}}) == "proceed");
  }
}

TEST_CASE("If-Range holds only for a strong validator, section 13.1.5") {
  struct RangeRow {
    std::string_view name;
    std::vector<Line> lines;
    bool holds;
    Validators validators = kCurrent;
    std::int64_t now = kNow;
  };
  const RangeRow rows[] = {
      {"no field", {}, true},
      {"the tag", {{kIfRange, "\"a\""}}, true},
      {"another tag", {{kIfRange, "\"b\""}}, false},
      {"weak in the field", {{kIfRange, "W/\"a\""}}, false},
      {"weak here", {{kIfRange, "\"a\""}}, false, kWeak},
      {"weak on both sides", {{kIfRange, "W/\"a\""}}, false, kWeak},
      {"no tag here", {{kIfRange, "\"a\""}}, false, kNoTag},
      {"a list of tags", {{kIfRange, "\"a\", \"a\""}}, false},
      {"star", {{kIfRange, "*"}}, false},
      {"empty", {{kIfRange, ""}}, false},
      {"empty, no validators", {{kIfRange, ""}}, false, kNothing},
      {"twice", {{kIfRange, "\"a\""}, {kIfRange, "\"a\""}}, false},
      {"malformed tag", {{kIfRange, "\"a"}}, false},
      {"the date", {{kIfRange, kExact}}, true},
      {"an earlier date", {{kIfRange, kBefore}}, false},
      {"a later date", {{kIfRange, kAfter}}, false},
      {"the date in RFC 850 format", {{kIfRange, "Sunday, 06-Nov-94 08:49:37 GMT"}}, true},
      {"no date", {{kIfRange, "yesterday"}}, false},
      {"no date, no validators", {{kIfRange, "yesterday"}}, false, kNothing},
      {"no date here", {{kIfRange, kExact}}, false, kNoDate},
      {"modified in this second", {{kIfRange, kExact}}, false, kCurrent, kModified},
      {"modified a second ago", {{kIfRange, kExact}}, true, kCurrent, kModified + 1},
      {"modified in the future", {{kIfRange, kExact}}, false, kCurrent, kModified - 5},
  };
  for (const RangeRow& row : rows) {
    CAPTURE(row.name);
    const SampleRequest request(Method::get, row.lines);
    CHECK(if_range_holds(request.head(), row.validators, row.now) == row.holds);
  }
}

TEST_CASE("Random preconditions neither crash nor match a tag that is not there") {
  test::OddValues values({"\"x\"", "\"", "W/", "w/", ",", ", ", "\t", " ", "x", "\"y", "y\"",
                          "\xff", "\x01", "Sun, 06 Nov 1994 08:49:37 GMT"});
  for (int i = 0; i < 20000; ++i) {
    const std::string first = values.next();
    const std::string second = values.next();
    CAPTURE(first);
    CAPTURE(second);
    REQUIRE(evaluated(Method::get, {{kIfNoneMatch, first}, {kIfNoneMatch, second}}) == "proceed");
    REQUIRE(evaluated(Method::get, {{kIfMatch, first}, {kIfMatch, second}}) == "412");
    (void)evaluated(Method::get, {{kIfModified, first}, {kIfUnmodified, second}});
    const SampleRequest request(Method::get, {{kIfRange, first}});
    (void)if_range_holds(request.head(), kCurrent, kNow);
  }
}

}  // namespace uvhttpd::http
