// SPDX-License-Identifier: MIT
// unit/http/negotiate_test.cpp: Accept-Encoding, RFC 9110 section 12.5.3.
#include "http/negotiate.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sample_request.h"

namespace uvhttpd::http {
namespace {

constexpr unsigned kAll = 0b1111;
constexpr unsigned kGzip = 1U << static_cast<unsigned>(Coding::gzip);
constexpr unsigned kBrotli = 1U << static_cast<unsigned>(Coding::brotli);
constexpr unsigned kZstd = 1U << static_cast<unsigned>(Coding::zstd);

AcceptedCodings accepted(const std::vector<std::string_view>& lines) {
  std::vector<test::Line> fields;
  for (const std::string_view line : lines) fields.push_back({FieldName::accept_encoding, line});
  return AcceptedCodings::from(test::SampleRequest(Method::get, fields).head());
}

std::string_view chosen(const std::vector<std::string_view>& lines, unsigned ready = kAll) {
  return coding_name(choose_coding(accepted(lines), {{}, ready, 0}));
}

unsigned gzip_quality(std::string_view line) { return accepted({line}).quality(Coding::gzip); }

}  // namespace

TEST_CASE("Without Accept-Encoding identity is chosen") {
  CHECK_FALSE(accepted({}).field_present());
  CHECK(accepted({}).quality(Coding::identity) == 1000);
  CHECK(chosen({}) == "identity");
}

TEST_CASE("An empty Accept-Encoding takes identity only") {
  for (const std::string_view line : {"", " ", ",", " ,\t, "}) {
    CAPTURE(line);
    CHECK(accepted({line}).field_present());
    CHECK(accepted({line}).quality(Coding::gzip) == 0);
    CHECK(accepted({line}).quality(Coding::identity) > 0);
    CHECK(chosen({line}) == "identity");
  }
}

TEST_CASE("Weights are read in thousandths, section 12.4.2") {
  struct Row {
    std::string_view line;
    unsigned quality;
  };
  const Row rows[] = {
      {"gzip", 1000},         {"gzip;q=1", 1000},        {"gzip;q=1.", 1000},
      {"gzip;q=1.000", 1000}, {"gzip;q=0.5", 500},       {"gzip;q=0.05", 50},
      {"gzip;q=0.005", 5},    {"gzip;q=0.999", 999},     {"gzip;q=0.", 0},
      {"gzip;q=0", 0},        {"gzip;q=0.000", 0},       {"gzip;Q=0.5", 500},
      {"GZIP;Q=0", 0},        {"gzip \t;\t q=0.5", 500}, {"\tgzip;q=0.5\t", 500},
      {"x-gzip;q=0.25", 250}, {"X-GZip", 1000},
  };
  for (const Row& row : rows) {
    CAPTURE(row.line);
    CHECK(gzip_quality(row.line) == row.quality);
  }
}

TEST_CASE("A malformed member is ignored, and its neighbours are not") {
  for (const std::string_view member :
       {"gzip;q=1.001",   "gzip;q=2",    "gzip;q=0.1234", "gzip;q=.5", "gzip;q=-1",
        "gzip;q=",        "gzip;q",      "gzip;",         "gzip;q=a",  "gzip;q=0.a",
        "gzip;q=0,5",     "gzip;q =0.5", "gzip;q= 0.5",   "gzip;w=1",  "gzip;q=0.5;x=1",
        "gzip;x=1;q=0.5", "gzip q=1",    "gz ip",         "\"gzip\"",  ";q=1",
        "gzip;q=10",      "gzip;q=00",   "gzip;q=0.5 0",  "gzip;;q=1"}) {
    CAPTURE(member);
    // The comma of "q=0,5" makes two members of it; the first is well formed.
    CHECK(gzip_quality(member) == 0);
    const std::string line = std::string(member) + ", br;q=0.7";
    CHECK(accepted({line}).quality(Coding::brotli) == 700);
    const std::string other_way = "br;q=0.7," + std::string(member);
    CHECK(accepted({other_way}).quality(Coding::brotli) == 700);
  }
}

TEST_CASE("A star covers the codings that are not named") {
  CHECK(accepted({"*"}).quality(Coding::gzip) == 1000);
  CHECK(accepted({"*;q=0.5"}).quality(Coding::zstd) == 500);
  CHECK(accepted({"*;q=0.5"}).quality(Coding::identity) == 500);
  CHECK(accepted({"gzip;q=0, *;q=0.5"}).quality(Coding::gzip) == 0);
  CHECK(accepted({"*;q=0, gzip;q=0.2"}).quality(Coding::gzip) == 200);
  CHECK(accepted({"*;q=0"}).quality(Coding::identity) == 0);
  CHECK(accepted({"*;q=0, identity;q=0.1"}).quality(Coding::identity) == 100);
  CHECK(accepted({"gzip;q=x, *;q=0.3"}).quality(Coding::gzip) == 300);
}

TEST_CASE("Identity is acceptable unless it is excluded") {
  CHECK(accepted({"gzip"}).quality(Coding::identity) > 0);
  CHECK(accepted({"identity;q=0"}).quality(Coding::identity) == 0);
  CHECK(accepted({"identity;q=0.5"}).quality(Coding::identity) == 500);
  CHECK(accepted({"deflate, compress"}).quality(Coding::identity) > 0);
}

TEST_CASE("Several field lines are one list") {
  CHECK(chosen({"gzip;q=0.5", "", "br;q=0.6"}) == "br");
  CHECK(chosen({"zstd;q=0", "*"}) == "br");
}

TEST_CASE("The highest quality counts when a coding is named twice") {
  CHECK(gzip_quality("gzip;q=0.2, gzip;q=0.8") == 800);
  CHECK(gzip_quality("gzip;q=0.8, gzip;q=0.2") == 800);
  CHECK(gzip_quality("x-gzip;q=0.3, gzip;q=0.1") == 300);
  CHECK(accepted({"*;q=0.1", "*;q=0.4"}).quality(Coding::zstd) == 400);
}

TEST_CASE("choose_coding takes the highest quality, then the better coding") {
  struct Row {
    std::string_view name;
    std::string_view line;
    unsigned available;
    std::string_view coding;
  };
  const Row rows[] = {
      {"a browser", "gzip, deflate, br, zstd", kAll, "zstd"},
      {"a browser, no zstd here", "gzip, deflate, br, zstd", kGzip | kBrotli, "br"},
      {"a browser, gzip only here", "gzip, deflate, br, zstd", kGzip, "gzip"},
      {"a browser, nothing here", "gzip, deflate, br, zstd", 0, "identity"},
      {"weights before taste", "gzip;q=1.0, br;q=0.9, zstd;q=0.1", kAll, "gzip"},
      {"weights before the rest's taste", "gzip;q=0.5, br;q=0.9", kAll, "br"},
      {"any weight is better than unnamed identity", "gzip;q=0.001", kAll, "gzip"},
      {"identity preferred", "identity, gzip;q=0.5", kAll, "identity"},
      {"identity on a par", "identity, gzip", kAll, "gzip"},
      {"identity excluded", "identity;q=0, gzip;q=0.1", kAll, "gzip"},
      {"only identity", "identity", kAll, "identity"},
      {"star", "*", kAll, "zstd"},
      {"star, gzip here", "*", kGzip, "gzip"},
      {"star preferred, identity among it", "gzip;q=0.2, *;q=0.5", kGzip, "identity"},
      {"nothing acceptable", "*;q=0", kAll, "identity"},
      {"nothing acceptable by name", "identity;q=0, gzip;q=0, br;q=0, zstd;q=0", kAll, "identity"},
      {"nothing acceptable is here", "identity;q=0, br", kGzip, "identity"},
      {"unknown codings", "deflate, compress, dcb", kAll, "identity"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(chosen({row.line}, row.available) == row.coding);
  }
}

TEST_CASE("choose_coding takes what is ready, then what is preferred, among equals") {
  struct Row {
    std::string_view name;
    std::string_view line;
    std::vector<Coding> preference;
    unsigned ready;
    unsigned makeable;
    std::string_view coding;
  };
  const Coding g = Coding::gzip;
  const Coding b = Coding::brotli;
  const Coding z = Coding::zstd;
  const std::string_view all = "gzip, br, zstd";
  const Row rows[] = {
      {"the order given", all, {b, g, z}, kAll, 0, "br"},
      {"the order given, to be made", all, {g, b, z}, 0, kAll, "gzip"},
      {"the first of the order is not here", all, {b, g, z}, kGzip | kZstd, 0, "gzip"},
      {"the first of the order is not accepted", "gzip, zstd", {b, g, z}, kAll, 0, "gzip"},
      {"ready before preferred", all, {z, b, g}, kGzip, kAll, "gzip"},
      {"preferred among the ready", all, {z, g, b}, kGzip | kBrotli, kAll, "gzip"},
      {"quality before ready", "gzip;q=0.5, br;q=0.6", {}, kGzip, kBrotli, "br"},
      {"quality before preferred", "gzip;q=0.5, br;q=0.6", {g}, 0, kAll, "br"},
      {"what is not in the order comes last", all, {g}, kAll, 0, "gzip"},
      {"what is not in the order has the usual one", "br, zstd", {g}, kAll, 0, "zstd"},
      {"what is not in the order is still taken", "br", {g}, kAll, 0, "br"},
      {"no order", all, {}, kGzip, kZstd, "gzip"},
      {"no order, all to be made", all, {}, 0, kAll, "zstd"},
      {"identity in the order changes nothing", all, {Coding::identity, g}, kAll, 0, "gzip"},
      {"a coding twice in the order", all, {g, b, g}, kAll, 0, "gzip"},
      {"identity on a par with what is to be made", "identity, br", {}, 0, kBrotli, "br"},
      {"identity better than what is ready", "br;q=0.9, identity", {b}, kBrotli, 0, "identity"},
      {"identity better than one, worse than another",
       "br;q=0.2, gzip, identity;q=0.5",
       {b},
       kBrotli,
       kGzip,
       "gzip"},
      {"identity excluded, the rest to be made", "identity;q=0, *", {b}, 0, kAll, "br"},
      {"identity excluded, nothing here", "identity;q=0, *", {b}, 0, 0, "identity"},
      {"everything excluded", "*;q=0", {b}, kAll, kAll, "identity"},
      {"without a field's word", "", {b}, kAll, kAll, "identity"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const CodingChoices choices{row.preference, row.ready, row.makeable};
    CHECK(coding_name(choose_coding(accepted({row.line}), choices)) == row.coding);
  }
}

TEST_CASE("Odd fields are read as they are meant") {
  struct Row {
    std::string_view name;
    std::vector<std::string_view> lines;
    std::string_view coding;
  };
  const Row rows[] = {
      {"capitals", {"GZIP;Q=0, BR;Q=1.000"}, "br"},
      {"tabs", {"\tgzip\t;\tq=0.5\t,\tbr\t;\tq=0.4\t"}, "gzip"},
      {"spaces around the semicolon", {"gzip ; q=0.5, br ; q=0.4"}, "gzip"},
      {"empty members", {",, ,gzip,,"}, "gzip"},
      {"three digits", {"gzip;q=1.000, br;q=0.999"}, "gzip"},
      {"several lines", {"deflate", "br;q=0.1", "identity;q=0"}, "br"},
      {"a refusal on another line", {"*", "zstd;q=0", "br;q=0.000"}, "gzip"},
      {"the old name", {"x-gzip"}, "gzip"},
      {"the old name refused", {"x-gzip;q=0, *"}, "zstd"},
      {"a name that only begins like one", {"gzipped, brotli, zstd2"}, "identity"},
      {"other parameters", {"zstd;level=3, br;q=1;x=y, gzip;q=0.1"}, "gzip"},
      {"a star with a weight", {"*;q=0.1"}, "zstd"},
      {"a star in a name", {"gz*"}, "identity"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(chosen(row.lines) == row.coding);
  }
}

TEST_CASE("Ten thousand members are read to the last") {
  std::string line;
  for (int i = 0; i < 10'000; ++i) line += "deflate;q=0.5,";
  CHECK(chosen({line + "br;q=0.1"}) == "br");
  std::string commas(10'000, ',');
  CHECK(chosen({commas + "gzip" + commas}) == "gzip");
}

TEST_CASE("Whatever Accept-Encoding says, what is chosen is available") {
  test::OddValues values({"gzip", "br", "zstd", "*", "identity", "x-gzip", ";q=", "0", ".", "5",
                          "1", ",", ", ", ";", "=", "\xff"});
  for (int i = 0; i < 20000; ++i) {
    const std::string first = values.next();
    const std::string second = values.next();
    const AcceptedCodings codings = accepted({first, second});
    for (unsigned available = 0; available <= kAll; ++available) {
      const Coding order[] = {Coding::gzip, Coding::zstd};
      const CodingChoices choices{order, available & 0b0110, available & 0b1100};
      const Coding coding = choose_coding(codings, choices);
      const bool is_available = ((available | 1) >> static_cast<unsigned>(coding) & 1) != 0;
      const bool is_acceptable = coding == Coding::identity || codings.quality(coding) > 0;
      CAPTURE(first);
      CAPTURE(second);
      CAPTURE(available);
      REQUIRE(is_available);
      REQUIRE(is_acceptable);
    }
  }
}

}  // namespace uvhttpd::http
