// SPDX-License-Identifier: MIT
// unit/handlers/static_files_test.cpp: files of a directory, as they are and as they change.
#include "handlers/static_files.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <ctime>
#include <filesystem>

#include "http/date.h"
#include "unit/handlers/served_files.h"

namespace uvhttpd::tests {
namespace {

constexpr const char* kLongAgoDate = "Tue, 14 Nov 2023 22:13:20 GMT";

// How files get to the client.
struct Way {
  std::string name;
  std::string cache;
};
const std::vector<Way>& ways() {
  static const std::vector<Way> kWays = {
      {"from memory", "[cache]\nrevalidate = \"1h\"\n"},
      {"from memory, looked at each time", "[cache]\nrevalidate = \"0s\"\n"},
      {"from the file", "[cache]\nfile_bytes = 0\nrevalidate = \"1h\"\n"},
      {"without a cache", "[cache]\nmemory = 0\n"},
  };
  return kWays;
}

// The tag without what says that it is weak.
std::string opaque_tag(const Answer& answer) {
  const std::string tag = answer.field("ETag");
  return tag.starts_with("W/") ? tag.substr(2) : tag;
}

TEST_CASE("StaticFiles answers with the file and everything that describes it") {
  for (const Way& way : ways()) {
    CAPTURE(way.name);
    Files files;
    files.root.write("a.html", "<p>hello");
    files.root.set_modified("a.html", kLongAgo);
    files.serve(way.cache);
    for (int i = 0; i < 2; ++i) {
      const Answer answer = files.get("/a.html");
      CHECK(answer.status == 200);
      CHECK(answer.body == "<p>hello");
      CHECK(answer.field("Content-Length") == "8");
      CHECK(answer.field("Content-Type") == "text/html; charset=utf-8");
      CHECK(answer.field("Last-Modified") == kLongAgoDate);
      CHECK(answer.field("Accept-Ranges") == "bytes");
      CHECK(opaque_tag(answer).starts_with('"'));
      CHECK(answer.field("ETag").ends_with('"'));
      CHECK_FALSE(answer.has("Vary"));
      CHECK_FALSE(answer.has("Content-Encoding"));
    }
  }
}

TEST_CASE("StaticFiles answers HEAD with the head of GET") {
  for (const Way& way : ways()) {
    CAPTURE(way.name);
    Files files;
    files.root.write("a.txt", "hello");
    files.serve(way.cache);
    const Answer answer = files.get("/a.txt");
    CHECK(without_dates(ask(*files.server, "/a.txt", "", "HEAD").head) ==
          without_dates(answer.head));
  }
}

TEST_CASE("StaticFiles takes GET and HEAD only") {
  Files files;
  files.root.write("a.txt", "hello");
  files.serve();
  const Answer answer = ask(*files.server, "/a.txt", "Content-Length: 0\r\n", "POST");
  CHECK(answer.status == 405);
  CHECK(answer.field("Allow") == "GET, HEAD, OPTIONS");
}

TEST_CASE("StaticFiles evaluates conditions") {
  for (const Way& way : ways()) {
    CAPTURE(way.name);
    Files files;
    files.root.write("a.txt", "hello");
    files.root.set_modified("a.txt", kLongAgo);
    files.serve(way.cache, "cache_control = { \"*.txt\" = \"no-cache\" }");
    const std::string etag = files.get("/a.txt").field("ETag");
    struct Row {
      std::string name;
      std::string fields;
      unsigned status;
    };
    // Of a large file that has just been written the tag is weak: good for a 304, not for If-Match.
    const bool is_weak = etag.starts_with("W/");
    const std::string before = "Mon, 13 Nov 2023 22:13:20 GMT";
    const Row rows[] = {
        {"the same tag", "If-None-Match: " + etag + "\r\n", 304},
        {"one of many tags", "If-None-Match: \"x\", " + etag + "\r\n", 304},
        {"the tag as a weak one", "If-None-Match: " + (is_weak ? etag : "W/" + etag) + "\r\n", 304},
        {"any tag", "If-None-Match: *\r\n", 304},
        {"another tag", "If-None-Match: \"x\"\r\n", 200},
        {"not modified since", "If-Modified-Since: " + std::string(kLongAgoDate) + "\r\n", 304},
        {"modified since", "If-Modified-Since: " + before + "\r\n", 200},
        {"the tag hides the date",
         "If-None-Match: \"x\"\r\nIf-Modified-Since: " + std::string(kLongAgoDate) + "\r\n", 200},
        {"the tag that must match", "If-Match: " + etag + "\r\n", is_weak ? 412u : 200u},
        {"a tag that does not match", "If-Match: \"x\"\r\n", 412},
        {"not to be modified since", "If-Unmodified-Since: " + before + "\r\n", 412},
    };
    for (const Row& row : rows) {
      CAPTURE(row.name);
      const Answer answer = files.get("/a.txt", row.fields);
      CHECK(answer.status == row.status);
      if (row.status != 304) continue;
      CHECK(answer.field("ETag") == etag);
      CHECK(answer.field("Last-Modified") == kLongAgoDate);
      CHECK(answer.field("Cache-Control") == "no-cache");
      CHECK(answer.has("Date"));
      CHECK_FALSE(answer.has("Content-Type"));
      CHECK_FALSE(answer.has("Content-Length"));
    }
  }
}

TEST_CASE("StaticFiles answers ranges") {
  for (const Way& way : ways()) {
    CAPTURE(way.name);
    Files files;
    files.root.write("a.txt", "0123456789");
    files.root.set_modified("a.txt", kLongAgo);
    files.serve(way.cache);
    const std::string etag = files.get("/a.txt").field("ETag");
    struct Row {
      std::string name;
      std::string fields;
      unsigned status;
      std::string body;
      std::string content_range;
    };
    const Row rows[] = {
        {"the beginning", "Range: bytes=0-3\r\n", 206, "0123", "bytes 0-3/10"},
        {"the rest", "Range: bytes=7-\r\n", 206, "789", "bytes 7-9/10"},
        {"the end", "Range: bytes=-2\r\n", 206, "89", "bytes 8-9/10"},
        {"more than there is", "Range: bytes=8-99999999999999999999\r\n", 206, "89",
         "bytes 8-9/10"},
        {"an unknown unit", "Range: lines=0-3\r\n", 200, "0123456789", ""},
        {"malformed", "Range: bytes=3-1\r\n", 200, "0123456789", ""},
        {"two fields", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n", 200, "0123456789", ""},
        {"of this very date", "Range: bytes=0-3\r\nIf-Range: " + std::string(kLongAgoDate) + "\r\n",
         206, "0123", "bytes 0-3/10"},
        {"of another file", "Range: bytes=0-3\r\nIf-Range: \"x\"\r\n", 200, "0123456789", ""},
    };
    for (const Row& row : rows) {
      CAPTURE(row.name);
      const Answer answer = files.get("/a.txt", row.fields);
      CHECK(answer.status == row.status);
      CHECK(answer.body == row.body);
      CHECK(answer.field("Content-Range") == row.content_range);
      CHECK(answer.field("Content-Type") == "text/plain; charset=utf-8");
      CHECK(answer.field("ETag") == etag);
    }
    SUBCASE("of this very file, if its tag is strong") {
      const Answer answer = files.get("/a.txt", "Range: bytes=0-3\r\nIf-Range: " + etag + "\r\n");
      CHECK(answer.status == (etag.starts_with("W/") ? 200 : 206));
    }
    SUBCASE("but none that lies behind the end") {
      const Answer answer = files.get("/a.txt", "Range: bytes=10-\r\n");
      CHECK(answer.status == 416);
      CHECK(answer.field("Content-Range") == "bytes */10");
    }
    SUBCASE("but not to HEAD") {
      const Answer answer = ask(*files.server, "/a.txt", "Range: bytes=0-3\r\n", "HEAD");
      CHECK(answer.status == 200);
      CHECK(answer.field("Content-Length") == "10");
    }
    SUBCASE("but 304 comes first") {
      CHECK(files.get("/a.txt", "Range: bytes=0-3\r\nIf-None-Match: " + etag + "\r\n").status ==
            304);
    }
  }
}

TEST_CASE("StaticFiles serves an empty file") {
  for (const Way& way : ways()) {
    CAPTURE(way.name);
    Files files;
    files.root.write("empty", "");
    files.serve(way.cache);
    const Answer answer = files.get("/empty");
    CHECK(answer.status == 200);
    CHECK(answer.field("Content-Length") == "0");
    CHECK(answer.field("Content-Type") == "application/octet-stream");
    CHECK(files.get("/empty", "Range: bytes=0-\r\n").status == 416);
  }
}

void write_siblings(const Files& files) {
  for (const char* name : {"a.js", "a.js.gz", "a.js.br", "a.js.zst"}) {
    files.root.write(name, std::string("content of ") + name);
    files.root.set_modified(name, kLongAgo);
  }
}

TEST_CASE("StaticFiles answers with the compressed sibling that the client likes best") {
  for (const Way& way : ways()) {
    CAPTURE(way.name);
    Files files;
    write_siblings(files);
    files.serve(way.cache);
    struct Row {
      std::string name;
      std::string accepted;
      std::string coding;
      std::string body;
    };
    const Row rows[] = {
        {"no field", "", "", "content of a.js"},
        {"nothing", "Accept-Encoding: \r\n", "", "content of a.js"},
        {"gzip", "Accept-Encoding: gzip\r\n", "gzip", "content of a.js.gz"},
        {"a browser", "Accept-Encoding: gzip, deflate, br, zstd\r\n", "zstd",
         "content of a.js.zst"},
        {"br before gzip", "Accept-Encoding: gzip, br\r\n", "br", "content of a.js.br"},
        {"by quality", "Accept-Encoding: zstd;q=0.1, gzip;q=0.9\r\n", "gzip", "content of a.js.gz"},
        {"none of ours", "Accept-Encoding: compress\r\n", "", "content of a.js"},
    };
    std::vector<std::string> tags;
    for (const Row& row : rows) {
      CAPTURE(row.name);
      const Answer answer = files.get("/a.js", row.accepted);
      CHECK(answer.body == row.body);
      CHECK(answer.field("Content-Encoding") == row.coding);
      CHECK(answer.field("Content-Type") == "text/javascript; charset=utf-8");
      CHECK(answer.field("Vary") == "Accept-Encoding");
      const std::string etag = answer.field("ETag");
      CHECK(answer.field("Content-Length") == std::to_string(row.body.size()));

      const Answer same = files.get("/a.js", row.accepted + "If-None-Match: " + etag + "\r\n");
      CHECK(same.status == 304);
      CHECK(same.field("Vary") == "Accept-Encoding");
      CHECK(same.field("ETag") == etag);

      const Answer part = files.get("/a.js", row.accepted + "Range: bytes=1-3\r\n");
      CHECK(part.status == 206);
      CHECK(part.body == "ont");
      CHECK(part.field("Vary") == "Accept-Encoding");
      CHECK(part.field("Content-Encoding") == row.coding);

      const Answer head = ask(*files.server, "/a.js", row.accepted, "HEAD");
      CHECK(without_dates(head.head) == without_dates(answer.head));
    }
    // The tag of one coding never stands for another.
    const std::string plain = files.get("/a.js").field("ETag");
    const std::string packed = files.get("/a.js", "Accept-Encoding: gzip\r\n").field("ETag");
    CHECK(plain != packed);
    CHECK(files.get("/a.js", "Accept-Encoding: gzip\r\nIf-None-Match: " + plain + "\r\n").status ==
          200);
  }
}

TEST_CASE("StaticFiles does not take every file for a sibling") {
  Files files;
  files.root.write("a.js", "plain");
  files.root.set_modified("a.js", kLongAgo);
  const std::string gzip = "Accept-Encoding: gzip\r\n";
  SUBCASE("not one that is older than the file") {
    files.root.write("a.js.gz", "packed");
    files.root.set_modified("a.js.gz", kLongAgo - 1);
    files.serve();
    const Answer answer = files.get("/a.js", gzip);
    CHECK(answer.body == "plain");
    CHECK_FALSE(answer.has("Vary"));
  }
  SUBCASE("not a directory") {
    std::filesystem::create_directory(files.root / "a.js.gz");
    files.serve();
    CHECK(files.get("/a.js", gzip).body == "plain");
  }
  SUBCASE("not a link that leads out of the root") {
    std::filesystem::create_symlink("/etc/hostname", files.root / "a.js.gz");
    files.serve();
    CHECK(files.get("/a.js", gzip).body == "plain");
  }
  SUBCASE("none where they are not wanted") {
    files.root.write("a.js.gz", "packed");
    files.serve("", "precompressed = false");
    const Answer answer = files.get("/a.js", gzip);
    CHECK(answer.body == "plain");
    CHECK_FALSE(answer.has("Vary"));
  }
  SUBCASE("nor without its file") {
    files.root.write("b.js.gz", "packed");
    files.serve();
    CHECK(files.get("/b.js", gzip).status == 404);
    CHECK(files.get("/b.js.gz", gzip).body == "packed");
  }
}

TEST_CASE("A sibling of a directory's index is found too") {
  Files files;
  files.root.write("index.html", "plain");
  files.root.write("index.html.gz", "packed");
  files.serve();
  const Answer answer = files.get("/", "Accept-Encoding: gzip\r\n");
  CHECK(answer.body == "packed");
  CHECK(answer.field("Content-Type") == "text/html; charset=utf-8");
}

TEST_CASE("StaticFiles notices a changed file after `revalidate`, not before") {
  Files files;
  files.root.write("a.txt", "old");
  files.root.set_modified("a.txt", kLongAgo);
  SUBCASE("at once when that is 0") {
    files.serve("[cache]\nrevalidate = \"0s\"\n");
    const std::string etag = files.get("/a.txt").field("ETag");
    files.root.write("a.txt", "new");
    const Answer answer = files.get("/a.txt");
    CHECK(answer.body == "new");
    CHECK(answer.field("ETag") != etag);
  }
  SUBCASE("when the time has passed") {
    files.serve("[cache]\nrevalidate = \"50ms\"\n");
    CHECK(files.get("/a.txt").body == "old");
    files.root.write("a.txt", "new");
    CHECK(files.server->wait_until([&] { return files.get("/a.txt").body == "new"; }));
  }
  SUBCASE("not while it is fresh") {
    files.serve("[cache]\nrevalidate = \"1h\"\n");
    CHECK(files.get("/a.txt").body == "old");
    files.root.write("a.txt", "new");
    CHECK(files.get("/a.txt").body == "old");
  }
  SUBCASE("also when it is gone, and back") {
    files.serve("[cache]\nrevalidate = \"0s\"\n");
    CHECK(files.status("/a.txt") == 200);
    std::filesystem::remove(files.root / "a.txt");
    CHECK(files.status("/a.txt") == 404);
    files.root.write("a.txt", "back");
    CHECK(files.get("/a.txt").body == "back");
  }
  SUBCASE("also when only its sibling has changed") {
    files.root.write("a.txt.gz", "packed");
    files.serve("[cache]\nrevalidate = \"0s\"\n");
    CHECK(files.get("/a.txt", "Accept-Encoding: gzip\r\n").body == "packed");
    files.root.write("a.txt.gz", "repacked");
    CHECK(files.get("/a.txt", "Accept-Encoding: gzip\r\n").body == "repacked");
    std::filesystem::remove(files.root / "a.txt.gz");
    CHECK(files.get("/a.txt", "Accept-Encoding: gzip\r\n").body == "old");
  }
}

TEST_CASE("A file that appears where nothing was is noticed after `revalidate`, not before") {
  Files files;
  SUBCASE("at once when that is 0") {
    files.serve("[cache]\nrevalidate = \"0s\"\n");
    CHECK(files.status("/a.txt") == 404);
    files.root.write("a.txt", "new");
    CHECK(files.get("/a.txt").body == "new");
  }
  SUBCASE("when the time has passed") {
    files.serve("[cache]\nrevalidate = \"50ms\"\n");
    CHECK(files.status("/a.txt") == 404);
    files.root.write("a.txt", "new");
    CHECK(files.server->wait_until([&] { return files.status("/a.txt") == 200; }));
  }
  SUBCASE("not while nothing is fresh, which says nothing of other paths") {
    files.serve("[cache]\nrevalidate = \"1h\"\n");
    CHECK(files.status("/a.txt") == 404);
    files.root.write("a.txt", "new");
    files.root.write("b.txt", "new");
    CHECK(files.status("/a.txt") == 404);
    CHECK(files.status("/b.txt") == 200);
  }
}

TEST_CASE("StaticFiles follows its root's path to another directory") {
  Files files;
  files.root.write("v1/a.txt", "one");
  files.root.write("v2/a.txt", "two");
  std::filesystem::create_symlink("v1", files.root / "current");
  TestServer server(
      "[cache]\nrevalidate = \"0s\"\n[[site]]\nroot = \"" + (files.root / "current") + "\"\n", {},
      build_real);
  CHECK(ask(server, "/a.txt").body == "one");
  std::filesystem::remove(files.root / "current");
  CHECK(ask(server, "/a.txt").body == "one");
  std::filesystem::create_symlink("v2", files.root / "current");
  CHECK(ask(server, "/a.txt").body == "two");
}

TEST_CASE("A large file that was replaced since the last look is not served as what it was") {
  Files files;
  files.root.write("large", std::string(100'000, 'a'));
  files.root.write("new", std::string(100'000, 'b'));
  files.serve("[cache]\nfile_bytes = 10\nrevalidate = \"1h\"\n");
  REQUIRE(files.status("/large") == 200);
  SUBCASE("replaced: as what it is") {
    std::filesystem::rename(files.root / "new", files.root / "large");
    const Answer answer = files.get("/large");
    CHECK(answer.status == 200);
    CHECK((answer.body == std::string(100'000, 'b')));
    CHECK((files.get("/large").body == std::string(100'000, 'b')));
  }
  SUBCASE("removed: not found") {
    std::filesystem::remove(files.root / "large");
    CHECK(files.status("/large") == 404);
  }
}

TEST_CASE("StaticFiles sends a huge file in pieces") {
  Files files;
  std::string content(3 << 20, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 >> 5);
  files.root.write("huge.bin", content);
  files.serve();
  TestClient client(*files.server, "GET /huge.bin HTTP/1.1\r\nHost: a\r\n\r\n",
                    [](Wire& wire) { wire.send.most = 70'000; });
  const Answer answer = answer_in(client.take());
  CHECK(answer.field("Content-Length") == std::to_string(content.size()));
  CHECK((answer.body == content));
  CHECK((files.get("/huge.bin", "Range: bytes=1000000-2000000\r\n").body ==
         content.substr(1'000'000, 1'000'001)));
}

TEST_CASE("A file that shrinks while it is sent breaks the connection off") {
  Files files;
  files.root.write("large", std::string(1 << 20, 'x'));
  files.serve("[cache]\nfile_bytes = 10\n");
  TestClient client(*files.server,
                    "GET /large HTTP/1.1\r\nHost: a\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\n",
                    [](Wire& wire) { wire.window = 1000; });
  std::filesystem::resize_file(files.root / "large", 500'000);
  client.open_window(SIZE_MAX);
  CHECK(client.is_closed());
  const Answer answer = answer_in(client.received());
  CHECK(answer.field("Content-Length") == "1048576");
  CHECK(answer.body.size() <= 500'000);
  CHECK_FALSE(answer.is_whole);
}

TEST_CASE("A small file that shrinks before it leaves is sent as it was, and the next as it is") {
  Files files;
  files.root.write("small", "0123456789");
  files.serve("[cache]\nmemory = 0\n");
  TestClient client(*files.server, "GET /small HTTP/1.1\r\nHost: a\r\n\r\nGET /sma",
                    [](Wire& wire) {
                      wire.send.blocked_at = 1;
                      wire.window = 0;
                    });
  std::filesystem::resize_file(files.root / "small", 3);
  client.open_window(SIZE_MAX);
  client.send("ll HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::vector<Answer> answers = answers_in(client.received());
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].body == "0123456789");
  CHECK(answers[1].body == "012");
}

TEST_CASE("What is no regular file is not found, and nobody waits for it") {
  Files files;
  REQUIRE(::mkfifo((files.root / "fifo").c_str(), 0600) == 0);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = files.root / "socket";
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  std::filesystem::create_symlink("/dev/zero", files.root / "device");
  std::filesystem::create_symlink("loop", files.root / "loop");
  std::filesystem::create_symlink("nowhere", files.root / "dangling");
  files.serve("", "symlinks = \"follow\"");
  for (const std::string target :
       {"/fifo", "/socket", "/device", "/loop", "/dangling", "/fifo/", "/none/x"}) {
    CAPTURE(target);
    CHECK(files.status(target) == 404);
  }
}

TEST_CASE("Hidden files are not there, but .well-known is") {
  Files files;
  for (const char* name :
       {".htaccess", ".git/config", "a/.b/c", ".well-known/x", ".well-known/.y", "a..b", "..c"}) {
    files.root.write(name, "x");
  }
  struct Row {
    std::string target;
    bool is_hidden;
  };
  const Row rows[] = {
      {"/.htaccess", true},
      {"/.git/config", true},
      {"/a/.b/c", true},
      {"/%2egit/config", true},
      {"/.well-known/x", false},
      {"/.well-known/.y", true},
      {"/a..b", false},
      {"/..c", true},
      {"/.well-known/../.htaccess", true},
  };
  SUBCASE("by default") {
    files.serve();
    for (const Row& row : rows) {
      CAPTURE(row.target);
      CHECK(files.status(row.target) == (row.is_hidden ? 404 : 200));
    }
  }
  SUBCASE("unless they are wanted") {
    files.serve("", "hidden_files = true");
    for (const Row& row : rows) {
      CAPTURE(row.target);
      CHECK(files.status(row.target) == 200);
    }
  }
}

TEST_CASE("A path is decoded once, and an encoded slash is none") {
  Files files;
  files.root.write("a/b", "x");
  files.root.write("with space", "x");
  files.root.write("100%", "x");
  files.root.write("%41", "x");
  files.root.write("\xc3\xa9", "x");
  files.serve();
  CHECK(files.status("/a/b") == 200);
  CHECK(files.status("/a%2Fb") == 404);
  CHECK(files.status("/a%2fb") == 404);
  CHECK(files.status("/%61/b") == 200);
  CHECK(files.status("/with%20space") == 200);
  CHECK(files.status("/with+space") == 404);
  CHECK(files.status("/100%25") == 200);
  CHECK(files.status("/%2541") == 200);
  CHECK(files.status("/%41") == 404);
  CHECK(files.status("/%C3%A9") == 200);
}

TEST_CASE("No path leads out of the root") {
  Files files;
  files.root.write("secret", "x");
  files.root.write("www/a", "x");
  TestServer server("[[site]]\nroot = \"" + (files.root / "www") + "\"\n", {}, build_real);
  for (const std::string target : {"/../secret", "/%2e%2e/secret", "/a/../../secret",
                                   "/..%2fsecret", "/.%2e/secret", "/%5c../secret"}) {
    CAPTURE(target);
    const Answer answer = ask(server, target);
    CHECK(answer.status >= 400);
    CHECK(answer.status < 500);
  }
}

TEST_CASE("Symbolic links are followed as the policy says") {
  struct Row {
    std::string policy;
    unsigned inside;
    unsigned outside;
  };
  const Row rows[] = {{"inside", 200, 404}, {"deny", 404, 404}, {"follow", 200, 200}};
  for (const Row& row : rows) {
    CAPTURE(row.policy);
    Files files;
    files.root.write("outside/secret", "x");
    files.root.write("www/file", "x");
    files.root.write("www/dir/file", "x");
    std::filesystem::create_symlink("file", files.root / "www/inside");
    std::filesystem::create_symlink("dir", files.root / "www/inside_dir");
    std::filesystem::create_symlink("../outside/secret", files.root / "www/outside");
    std::filesystem::create_symlink("../outside", files.root / "www/outside_dir");
    std::filesystem::create_symlink(files.root / "outside/secret", files.root / "www/absolute");
    TestServer server(
        "[[site]]\nroot = \"" + (files.root / "www") + "\"\nsymlinks = \"" + row.policy + "\"\n",
        {}, build_real);
    CHECK(ask(server, "/file").status == 200);
    CHECK(ask(server, "/inside").status == row.inside);
    CHECK(ask(server, "/inside_dir/file").status == row.inside);
    CHECK(ask(server, "/outside").status == row.outside);
    CHECK(ask(server, "/outside_dir/secret").status == row.outside);
    CHECK(ask(server, "/absolute").status == row.outside);
  }
}

TEST_CASE("A directory without its slash is redirected to it, on this host and with the query") {
  Files files;
  files.root.write("docs/index.html", "x");
  files.root.write("evil.example/index.html", "x");
  files.root.write("a b/c?d/index.html", "x");
  files.serve();
  struct Row {
    std::string target;
    std::string location;
  };
  const Row rows[] = {
      {"/docs", "/docs/"},
      {"/docs?x=1&y=%20", "/docs/?x=1&y=%20"},
      {"/docs?", "/docs/?"},
      {"//evil.example", "/evil.example/"},
      {"///evil.example", "/evil.example/"},
      {"/./evil.example", "/evil.example/"},
      {"/x/..//evil.example", "/evil.example/"},
      {"/a%20b/c%3Fd", "/a%20b/c%3Fd/"},
      {"/%64ocs", "/docs/"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.target);
    const Answer answer = files.get(row.target);
    CHECK(answer.status == 301);
    CHECK(answer.field("Location") == row.location);
  }
  CHECK(ask(*files.server, "http://other.example/docs").field("Location") == "/docs/");
}

TEST_CASE("A directory is answered with the first of its indexes") {
  Files files;
  files.root.write("both/index.html", "html");
  files.root.write("both/index.txt", "txt");
  files.root.write("second/index.txt", "txt");
  files.root.write("none/a", "x");
  std::filesystem::create_directories(files.root / "odd/index.html");
  files.root.write("odd/index.txt", "txt");
  files.serve("", "index = [\"index.html\", \"index.txt\"]");
  CHECK(files.get("/both/").body == "html");
  CHECK(files.get("/second/").body == "txt");
  CHECK(files.get("/odd/").body == "txt");
  CHECK(files.get("/second/").field("Content-Type") == "text/plain; charset=utf-8");
  CHECK(files.status("/none/") == 404);
  CHECK(files.status("/") == 404);
}

TEST_CASE("A file has no slash at its end") {
  Files files;
  files.root.write("a.txt", "x");
  files.serve();
  CHECK(files.status("/a.txt/") == 404);
  CHECK(files.status("/a.txt/b") == 404);
}

TEST_CASE(
    "Types come from the configuration, then from the table, with the charset where it belongs") {
  Files files;
  for (const char* name : {"a.html", "a.JS", "a.json", "a.png", "a.own", "a.xyzzy", "README",
                           ".well-known/x", "d.html/plain"}) {
    files.root.write(name, "x");
  }
  struct Row {
    std::string target;
    std::string type;
  };
  SUBCASE("utf-8 by default") {
    files.serve("[types]\n\".own\" = \"text/x-own\"\n\".png\" = \"image/x-mine\"\n");
    const Row rows[] = {
        {"/a.html", "text/html; charset=utf-8"}, {"/a.JS", "text/javascript; charset=utf-8"},
        {"/a.json", "application/json"},         {"/a.png", "image/x-mine"},
        {"/a.own", "text/x-own; charset=utf-8"}, {"/a.xyzzy", "application/octet-stream"},
        {"/README", "application/octet-stream"}, {"/d.html/plain", "application/octet-stream"},
    };
    for (const Row& row : rows) {
      CAPTURE(row.target);
      CHECK(files.get(row.target).field("Content-Type") == row.type);
    }
  }
  SUBCASE("another one") {
    files.serve("", "charset = \"iso-8859-1\"");
    CHECK(files.get("/a.html").field("Content-Type") == "text/html; charset=iso-8859-1");
  }
  SUBCASE("none") {
    files.serve("", "charset = \"\"");
    CHECK(files.get("/a.html").field("Content-Type") == "text/html");
  }
}

TEST_CASE("Last-Modified is never later than Date") {
  Files files;
  files.root.write("future", "x");
  files.root.set_modified("future", std::time(nullptr) + 3'600);
  files.root.write("now", "x");
  files.serve("[cache]\nrevalidate = \"0s\"\n");
  const Answer future =
      files.get("/future", "If-Modified-Since: " + std::string(kLongAgoDate) + "\r\n");
  CHECK(future.status == 200);
  CHECK_FALSE(future.has("Last-Modified"));
  CHECK(future.has("ETag"));
  const Answer now = files.get("/now");
  const auto date = http::parse_date(now.field("Date"), 0);
  REQUIRE(date.has_value());
  if (now.has("Last-Modified")) {
    const auto modified = http::parse_date(now.field("Last-Modified"), 0);
    REQUIRE(modified.has_value());
    CHECK(*modified <= *date);
  }
}

TEST_CASE("Cache-Control is that of the first pattern that fits") {
  Files files;
  for (const char* name : {"a.html", "assets/a.css", "assets/a.html", "b.css"})
    files.root.write(name, "x");
  files.serve("", "cache_control = { \"*.html\" = \"no-cache\", \"/assets/*\" = \"immutable\" }");
  CHECK(files.get("/a.html").field("Cache-Control") == "no-cache");
  CHECK(files.get("/assets/a.css").field("Cache-Control") == "immutable");
  CHECK(files.get("/assets/a.html").field("Cache-Control") == "no-cache");
  CHECK_FALSE(files.get("/b.css").has("Cache-Control"));
}

TEST_CASE("A configured field takes the place of the file's own, in every answer") {
  Files files;
  files.root.write("a.html", "hello");
  files.serve("",
              "headers = { Cache-Control = \"no-store\", X-Own = \"yes\" }\n"
              "cache_control = { \"/*\" = \"no-cache\" }");
  const Answer answer = files.get("/a.html");
  CHECK(answer.field("Cache-Control") == "no-store");
  CHECK(answer.head.find("no-cache") == std::string::npos);
  const Answer same = files.get("/a.html", "If-None-Match: *\r\n");
  CHECK(same.status == 304);
  CHECK(same.field("Cache-Control") == "no-store");
  CHECK(same.field("X-Own") == "yes");
}

TEST_CASE("A route's own root stands for what its * matched") {
  Files files;
  files.root.write("site/a", "site");
  files.root.write("manual/a", "manual");
  files.root.write("manual/sub/index.html", "index");
  TestServer server("[[site]]\nroot = \"" + (files.root / "site") +
                        "\"\n[[site.route]]\npath = \"/docs/*\"\nhandler = \"static\"\nroot = \"" +
                        (files.root / "manual") + "\"\n",
                    {}, build_real);
  CHECK(ask(server, "/a").body == "site");
  CHECK(ask(server, "/docs/a").body == "manual");
  CHECK(ask(server, "/docs/sub/").body == "index");
  CHECK(ask(server, "/docs/sub").field("Location") == "/docs/sub/");
  CHECK(ask(server, "/docs").field("Location") == "/docs/");
  // The same path of two roots is not the same file.
  CHECK(ask(server, "/a").body == "site");
}

TEST_CASE("Contents in memory keep to their bound") {
  Files files;
  for (int i = 0; i < 50; ++i) files.root.write(std::to_string(i), std::string(10'000, 'x'));
  files.serve("[cache]\nmemory = \"64KiB\"\nrevalidate = \"1h\"\n");
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 50; ++i) {
      CHECK(files.get("/" + std::to_string(i)).body.size() == 10'000);
    }
  }
  // The one asked for last is remembered, the first is not.
  std::filesystem::remove(files.root / "49");
  std::filesystem::remove(files.root / "0");
  CHECK(files.status("/49") == 200);
  CHECK(files.status("/0") == 404);
}

}  // namespace
}  // namespace uvhttpd::tests
