// SPDX-License-Identifier: MIT
// unit/app/field_origin_test.cpp: who wrote a field.
#include "app/field_origin.h"

#include <doctest/doctest.h>

namespace uvhttpd::tests {
namespace {

config::PathPattern below(const std::string& prefix) {
  return {config::PathPattern::Kind::prefix, prefix + "*", prefix, ""};
}

TEST_CASE("field_origin names the part of the configuration, the handler or the server") {
  config::Site site;
  site.line = 3;
  site.headers = {{"X-Site", "s"}, {"X-Both", "site"}};
  site.headers_by_path = {{below("/a/"), {{"X-Path", "p"}}}};
  site.error_pages = {{404, "/404.html"}, {5, "/50x.html"}};
  config::StaticHandler files;
  files.files.cache_control = {{"*.html", "no-cache"}, {"*.a", "same"}, {"*.b", "same"}};
  config::Route route;
  route.line = 9;
  route.headers = {{"X-Both", "route"}};
  route.handler = files;
  route.cors = config::Cors{};
  RehearsedAnswer answer;
  answer.site = &site;
  answer.route = &route;
  answer.handler = "static";
  answer.answered_path = "/a/x";
  answer.status = 200;
  answer.checkpoint = Checkpoint::handler;

  struct Row {
    std::string name;
    std::string value;
    std::string origin;
  };
  const Row rows[] = {
      {"Date", "x", "the server"},
      {"Content-Length", "3", "the server"},
      {"Server", "uvhttpd", "server_header of [server]"},
      {"X-Site", "s", "headers of [[site]] in line 3"},
      {"x-both", "route", "headers of [[site.route]] in line 9"},
      {"Vary", "Origin", "cors"},
      {"X-Path", "p", "headers `/a/*` of [[site]] in line 3"},
      {"Cache-Control", "no-cache", "cache_control `*.html`"},
      {"Cache-Control", "same", "cache_control"},
      {"Access-Control-Allow-Origin", "*", "cors"},
      {"Content-Type", "text/html", "the handler static"},
      {"X-Path", "other", "the handler static"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.value);
    CHECK(field_origin(row.name, row.value, answer) == row.origin);
  }
  SUBCASE("of error pages the site's key") {
    answer.status = 404;
    CHECK(field_origin("Content-Type", "text/html", answer) == "error_pages of [[site]] in line 3");
    answer.status = 502;
    CHECK(field_origin("Content-Type", "text/html", answer) == "error_pages of [[site]] in line 3");
    answer.status = 403;
    CHECK(field_origin("Content-Type", "text/html", answer) == "the handler static");
  }
  SUBCASE("of answers before the handler the key that gave them") {
    site.redirect_https_line = 4;
    route.key_lines.auth = 11;
    answer.checkpoint = Checkpoint::https;
    CHECK(field_origin("Location", "https://a/", answer) == "redirect_https in line 4");
    answer.checkpoint = Checkpoint::user;
    CHECK(field_origin("WWW-Authenticate", "Basic", answer) == "auth in line 11");
    CHECK(field_origin("Content-Type", "text/html", answer) == "the server");
  }
  SUBCASE("of Strict-Transport-Security its key, unless another wrote it") {
    site.tls.emplace();
    site.tls->hsts = "max-age=60";
    site.tls->hsts_line = 5;
    CHECK(field_origin("Strict-Transport-Security", "max-age=60", answer) == "hsts in line 5");
    CHECK(field_origin("Strict-Transport-Security", "max-age=6", answer) == "the handler static");
  }
  SUBCASE("without a route the server, and no line that is not known") {
    answer.route = nullptr;
    site.line = 0;
    CHECK(field_origin("Allow", "GET", answer) == "the server");
    CHECK(field_origin("X-Site", "s", answer) == "headers of [[site]]");
  }
}

}  // namespace
}  // namespace uvhttpd::tests
