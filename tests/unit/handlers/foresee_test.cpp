// SPDX-License-Identifier: MIT
// unit/handlers/foresee_test.cpp: handlers name the file or program behind an answer.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "handlers/cgi.h"
#include "server/rehearsal.h"
#include "unit/handlers/built_handlers.h"

namespace uvhttpd::tests {
namespace {

Result<BuiltHandler> build_any(const config::Route& route, const HandlerContext& context) {
  if (std::holds_alternative<config::CgiHandler>(route.handler)) return build_cgi(route, context);
  return build_real(route, context);
}

// A site with a file, its compressed sibling and two programs, of which one leaves a trace.
class Stage {
 public:
  Stage() {
    directory_.write("www/index.html", "index");
    directory_.write("www/a.css", "css");
    directory_.write("www/a.css.gz", "gz");
    directory_.write("www/.secret", "secret");
    directory_.write("cgi/echo", "#!/bin/sh\ntouch " + directory_ / "ran" + "\n");
    directory_.write("cgi/script.py", "print()");
    directory_.write("cgi/plain", "text");
    REQUIRE(::chmod((directory_ / "cgi/echo").c_str(), 0755) == 0);
    auto prepared = Rehearsal::prepare(
        config_of("[[site]]\nroot = \"" + directory_ / "www" +
                  "\"\n[[site.route]]\npath = \"/cgi/*\"\nhandler = \"cgi\"\nroot = \"" +
                  directory_ / "cgi" + "\"\ninterpreter = { \".py\" = \"/usr/bin/python3\" }\n" +
                  "[[site.route]]\npath = \"/old\"\nhandler = \"redirect\"\nto = \"/new\"\n"),
        build_any);
    REQUIRE(prepared.has_value());
    rehearsal_ = *std::move(prepared);
  }

  RehearsedAnswer ask(const std::string& path, config::Fields fields = {}) {
    auto url = http::parse_url("http://example.org" + path);
    REQUIRE(url.has_value());
    auto answer = rehearsal_->ask({"GET", *std::move(url), std::move(fields)});
    REQUIRE(answer.has_value());
    return *std::move(answer);
  }
  const TempDir& directory() const { return directory_; }

 private:
  TempDir directory_;
  std::unique_ptr<Rehearsal> rehearsal_;
};

TEST_CASE("Static files name the file they answer with") {
  Stage stage;
  const std::string root = stage.directory() / "www";
  CHECK(stage.ask("/").source.file == root + "/index.html");
  CHECK(stage.ask("/a.css").source.file == root + "/a.css");
  CHECK(stage.ask("/a.css", {{"Accept-Encoding", "gzip"}}).source.file == root + "/a.css.gz");
  CHECK(stage.ask("/missing").source.file == root + "/missing");
  CHECK(stage.ask("/missing").source.details == "which is missing");
  CHECK(stage.ask("/.secret").source.details.starts_with("which is refused: hidden_files: "));
  for (const std::string path : {"/a%2Fb", "/old"}) {
    CAPTURE(path);
    CHECK(stage.ask(path).source.file.empty());
  }
}

TEST_CASE("CGI names the program and does not run it") {
  Stage stage;
  const std::string root = stage.directory() / "cgi";
  const RehearsedAnswer answer = stage.ask("/cgi/echo/a/b");
  CHECK(answer.is_program);
  CHECK(answer.source.file == root + "/echo");
  CHECK(answer.source.details == "with PATH_INFO /a/b");
  CHECK(stage.ask("/cgi/script.py").source.details == "run by /usr/bin/python3");
  CHECK(stage.directory().read("ran").empty());
  CHECK(::access((stage.directory() / "ran").c_str(), F_OK) != 0);
}

TEST_CASE("CGI answers in a rehearsal where there is no program") {
  Stage stage;
  CHECK(stage.ask("/cgi/missing").status == 404);
  CHECK(stage.ask("/cgi/a%2Fb").status == 404);
  const RehearsedAnswer plain = stage.ask("/cgi/plain");
  CHECK(plain.status == 403);
  REQUIRE(plain.log_lines.size() == 1);
  CHECK(plain.log_lines[0].find("not executable") != std::string::npos);
}

}  // namespace
}  // namespace uvhttpd::tests
