// SPDX-License-Identifier: MIT
// unit/handlers/static_comforts_test.cpp: single-page apps, addresses without extensions, listings,
// and what is kept from clients.
#include <doctest/doctest.h>

#include <filesystem>

#include "unit/handlers/served_files.h"

namespace uvhttpd::tests {
namespace {

bool holds(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

TEST_CASE("`fallback` answers the addresses of an application, not the parts of its pages") {
  Files files;
  files.root.write("app.html", "the app");
  files.root.write("main.js", "script");
  files.root.write("assets/a.css", "style");
  files.root.write(".env", "secret");
  files.serve("",
              "fallback = \"/app.html\"\n"
              "cache_control = { \"*.html\" = \"no-cache\", \"/assets/*\" = \"immutable\" }");
  const std::string page = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";
  struct Row {
    std::string name;
    std::string target;
    std::string accept;
    unsigned status;
    std::string body;
  };
  const Row rows[] = {
      {"a file", "/main.js", "", 200, "script"},
      {"the first page", "/", "", 200, "the app"},
      {"a deep link", "/users/7/edit?tab=2", page, 200, "the app"},
      {"without Accept", "/users/7", "", 200, "the app"},
      {"a name with a dot", "/users/john.doe", "", 200, "the app"},
      {"a page", "/old/page.html", "", 200, "the app"},
      {"a directory without an index", "/assets/", "", 200, "the app"},
      {"below a file", "/main.js/x", "", 200, "the app"},
      {"a script that is missing", "/missing.js", "Accept: */*\r\n", 404, ""},
      {"a picture that is missing", "/assets/x.png", "Accept: image/*\r\n", 404, ""},
      {"a document that somebody goes to", "/reports/x.pdf", page, 200, "the app"},
      {"what is hidden", "/.env", page, 404, ""},
      {"what is hidden and missing", "/.git/config", page, 404, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Answer answer = files.get(row.target, row.accept);
    CHECK(answer.status == row.status);
    if (row.status != 200) continue;
    CHECK(answer.body == row.body);
    if (row.body == "the app") CHECK(answer.field("Cache-Control") == "no-cache");
  }
  SUBCASE("where the Accept field decides, the answer says so") {
    CHECK(files.get("/missing.js", "Accept: */*\r\n").field("Vary") == "Accept");
    CHECK(files.get("/missing.js", page).field("Vary") == "Accept");
    CHECK_FALSE(files.get("/users/7", page).has("Vary"));
  }
  SUBCASE("its tag is the file's") {
    const std::string etag = files.get("/app.html").field("ETag");
    CHECK(files.status("/users/7", "If-None-Match: " + etag + "\r\n") == 304);
  }
  SUBCASE(
      "types of the configuration count, and a client that wants no page is none that asks for "
      "one") {
    files.serve("[types]\n\".part\" = \"application/x-part\"\n", "fallback = \"/app.html\"");
    CHECK(files.status("/missing.part", "Accept: */*\r\n") == 404);
    CHECK(files.status("/missing.js", "Accept: text/html;q=0, */*\r\n") == 404);
    CHECK(files.status("/missing.js", "Accept: text/html\r\n") == 200);
  }
  SUBCASE("when it has become a directory, nothing is found") {
    std::filesystem::remove(files.root / "app.html");
    std::filesystem::create_directory(files.root / "app.html");
    files.serve("", "fallback = \"/app.html\"");
    CHECK(files.status("/users/7") == 404);
  }
  SUBCASE("when it is missing itself, nothing is found") {
    std::filesystem::remove(files.root / "app.html");
    files.serve("", "fallback = \"/app.html\"");
    CHECK(files.status("/users/7") == 404);
    CHECK(files.status("/app.html") == 404);
  }
}

TEST_CASE("`clean_urls` finds a page by its name") {
  Files files;
  files.root.write("about.html", "about");
  files.root.write("both", "file");
  files.root.write("both.html", "page");
  files.root.write("docs.html", "docs page");
  files.root.write("docs/a.html", "a");
  files.root.write("only/index.html", "index");
  files.root.write("b c.html", "space");
  SUBCASE("when it is on") {
    files.serve("", "clean_urls = true\ncache_control = { \"*.html\" = \"no-cache\" }");
    struct Row {
      std::string target;
      unsigned status;
      std::string body;
      std::string location;  // Content-Location
    };
    const Row rows[] = {
        {"/about", 200, "about", "/about.html"},
        {"/about.html", 200, "about", ""},
        {"/both", 200, "file", ""},
        {"/docs", 200, "docs page", "/docs.html"},
        {"/docs/a", 200, "a", "/docs/a.html"},
        {"/b%20c", 200, "space", "/b%20c.html"},
        {"/only", 301, "", ""},
        {"/only/", 200, "index", ""},
        {"/about/", 404, "", ""},
        {"/missing", 404, "", ""},
        {"/.about", 404, "", ""},
    };
    for (const Row& row : rows) {
      CAPTURE(row.target);
      const Answer answer = files.get(row.target);
      CHECK(answer.status == row.status);
      CHECK(answer.field("Content-Location") == row.location);
      if (row.status != 200) continue;
      CHECK(answer.body == row.body);
      if (row.location.empty()) continue;
      CHECK(answer.field("Content-Type") == "text/html; charset=utf-8");
      CHECK(answer.field("Cache-Control") == "no-cache");
      const Answer same = files.get(row.target, "If-None-Match: " + answer.field("ETag") + "\r\n");
      CHECK(same.status == 304);
      CHECK(same.field("Content-Location") == row.location);
    }
  }
  SUBCASE("not otherwise") {
    files.serve();
    CHECK(files.status("/about") == 404);
    CHECK(files.status("/docs") == 301);
  }
}

TEST_CASE("What is kept from clients is not there for them, and the log names the key") {
  Files files;
  for (const char* name : {".env", "a.html~", "x.php", "index.php", "lib/x.php.gz", "a.html",
                           "cgi-bin/tool", "cgi-bin/data.txt", "cgi-binary/a"}) {
    files.root.write(name, "SECRET");
  }
  std::filesystem::create_symlink("x.php", files.root / "source.txt");
  std::filesystem::create_symlink("cgi-bin/tool", files.root / "tool");
  const std::string routes =
      "index = [\"index.html\", \"index.php\"]\n"
      "[[site.route]]\npath = \"/run/*.php\"\nhandler = \"cgi\"\nroot = \"" +
      files.root.path() + "\"\n[[site.route]]\npath = \"/tools/*\"\nhandler = \"cgi\"\nroot = \"" +
      (files.root / "cgi-bin") + "\"\n";
  struct Row {
    std::string target;
    std::string key;  // "": served
  };
  const Row rows[] = {
      {"/a.html", ""},
      {"/cgi-binary/a", ""},
      {"/.env", "hidden_files"},
      {"/a.html~", "hidden_files"},
      {"/x.php", "source_files"},
      {"/lib/x.php.gz", "source_files"},
      {"/", "source_files"},
      {"/cgi-bin/tool", "source_files"},
      {"/cgi-bin/data.txt", "source_files"},
      {"/tool", "source_files"},
  };
  SUBCASE("by default") {
    files.serve("", routes);
    for (const Row& row : rows) {
      CAPTURE(row.target);
      const std::string before = files.server->error_log();
      const Answer answer = files.get(row.target);
      CHECK(answer.status == (row.key.empty() ? 200 : 404));
      const std::string logged = files.server->error_log().substr(before.size());
      CHECK(holds(logged, row.key + ": ") == !row.key.empty());
      CHECK(holds(answer.body, "SECRET") == row.key.empty());
    }
  }
  SUBCASE("unless it is to be served") {
    files.serve("", "hidden_files = true\nsource_files = true\n" + routes);
    for (const Row& row : rows) {
      CAPTURE(row.target);
      CHECK(files.status(row.target) == 200);
    }
  }
}

TEST_CASE("A source is not sent as the compressed form of another file") {
  Files files;
  files.root.write("page.html", "page");
  files.root.write("cgi-bin/x", "SECRET");
  std::filesystem::create_symlink("cgi-bin/x", files.root / "page.html.gz");
  files.serve("", "[[site.route]]\npath = \"/run/*\"\nhandler = \"cgi\"\nroot = \"" +
                      (files.root / "cgi-bin") + "\"\n");
  CHECK(files.get("/page.html", "Accept-Encoding: gzip\r\n").body == "page");
}

TEST_CASE("Addresses of a route with its own root are those that clients ask for") {
  Files files;
  files.root.write("favicon.ico", "icon");
  files.root.write("dir/a.css", "style");
  files.root.write("about.html", "about");
  const auto own = [&](const std::string& path, const std::string& keys) {
    return "[[site.route]]\npath = \"" + path + "\"\nhandler = \"static\"\nroot = \"" +
           files.root.path() + "\"\n" + keys + "\n";
  };
  TestServer server("[[site]]\n" +
                        own("/favicon.ico", "cache_control = { \"/favicon.ico\" = \"a\" }") +
                        own("/dir/*.css", "cache_control = { \"/dir/*\" = \"b\" }") +
                        own("/about", "clean_urls = true") +
                        own("/deep/*", "cache_control = { \"/deep/dir/*\" = \"c\" }"),
                    {}, build_real);
  CHECK(ask(server, "/favicon.ico").field("Cache-Control") == "a");
  CHECK(ask(server, "/dir/a.css").field("Cache-Control") == "b");
  CHECK(ask(server, "/about").field("Content-Location") == "/about.html");
  CHECK(ask(server, "/deep/dir/a.css").field("Cache-Control") == "c");
}

TEST_CASE("Fields by path are those of the file that answers") {
  Files files;
  files.root.write("index.html", "x");
  files.root.write("a.txt", "x");
  files.serve(
      "",
      "headers = { X-All = \"1\", \"*.html\" = { X-Page = \"1\", Cache-Control = \"a\" } }\n"
      "cache_control = { \"/*\" = \"b\" }\n"
      "[[site.route]]\npath = \"/*\"\nhandler = \"static\"\n"
      "headers = { \"/a.txt\" = { X-All = \"2\" } }");
  const Answer page = files.get("/");
  CHECK(page.field("X-All") == "1");
  CHECK(page.field("X-Page") == "1");
  CHECK(page.field("Cache-Control") == "a");
  CHECK_FALSE(holds(page.head, "Cache-Control: b"));
  CHECK(files.get("/", "If-None-Match: *\r\n").field("X-Page") == "1");
  const Answer text = files.get("/a.txt");
  CHECK(text.field("X-All") == "2");
  CHECK_FALSE(text.has("X-Page"));
  CHECK(text.field("Cache-Control") == "b");
}

TEST_CASE("A directory without an index is listed where that is allowed") {
  Files files;
  files.root.write("docs/a.txt", "x");
  files.root.write("docs/<b>.txt", "xy");
  files.root.write("docs/.hidden", "x");
  files.root.write("docs/sub/c", "x");
  files.root.write("full/index.html", "index");
  SUBCASE("as a page") {
    files.serve("", "listing = true\ncache_control = { \"/docs/*\" = \"no-cache\" }");
    const Answer answer = files.get("/docs/");
    CHECK(answer.status == 200);
    CHECK(answer.field("Content-Type") == "text/html; charset=utf-8");
    CHECK(answer.field("Vary") == "Accept, Accept-Encoding");
    CHECK(answer.field("Cache-Control") == "no-cache");
    CHECK(holds(answer.body, "a.txt"));
    CHECK(holds(answer.body, "&lt;b&gt;.txt"));
    CHECK(holds(answer.body, "href=\"sub/\""));
    CHECK_FALSE(holds(answer.body, ".hidden"));
    CHECK(without_dates(files.head("/docs/").head) == without_dates(answer.head));
    const Answer same = files.get("/docs/", "If-None-Match: " + answer.field("ETag") + "\r\n");
    CHECK(same.status == 304);
    CHECK(same.field("Vary") == "Accept, Accept-Encoding");
    CHECK(same.field("Cache-Control") == "no-cache");
  }
  SUBCASE("as JSON for who prefers that") {
    files.serve("", "listing = true");
    const Answer answer = files.get("/docs/", "Accept: application/json\r\n");
    CHECK(answer.field("Content-Type") == "application/json");
    CHECK(answer.body.starts_with("["));
    CHECK(holds(answer.body, "\"a.txt\""));
  }
  SUBCASE("compressed for who takes that") {
    for (int i = 0; i < 200; ++i) files.root.write("docs/file-" + std::to_string(i), "x");
    files.serve("", "listing = true");
    const Answer answer = files.get("/docs/", "Accept-Encoding: gzip\r\n");
    CHECK(answer.field("Content-Encoding") == "gzip");
    CHECK(answer.field("Content-Length") == std::to_string(answer.body.size()));
    CHECK(answer.field("ETag") != files.get("/docs/").field("ETag"));
  }
  SUBCASE("but its index comes first, and its address ends in a slash") {
    files.serve("", "listing = true");
    CHECK(files.get("/full/").body == "index");
    CHECK(files.get("/docs").field("Location") == "/docs/");
    CHECK(files.status("/missing/") == 404);
  }
  SUBCASE("not otherwise") {
    files.serve();
    CHECK(files.status("/docs/") == 404);
  }
}

TEST_CASE("A client that goes while its listing is made leaves nothing behind") {
  Files files;
  files.root.write("a.txt", "x");
  files.serve("", "listing = true");
  for (int i = 0; i < 40; ++i) {
    TestClient client(*files.server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.go_away();
  }
  CHECK(files.server->wait_until([&] { return files.status("/") == 200; }));
}

}  // namespace
}  // namespace uvhttpd::tests
