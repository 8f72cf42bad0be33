// SPDX-License-Identifier: MIT
// unit/handlers/static_coding_test.cpp: files compressed on the way, kept or streamed.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "http/content_coder.h"
#include "unit/handlers/served_files.h"

namespace uvhttpd::tests {
namespace {

using http::Coding;

constexpr std::size_t kTextBytes = 20'000;
constexpr const char* kGzip = "Accept-Encoding: gzip\r\n";

std::string coded(Coding coding, const std::string& text) {
  Result<std::string> made = http::encode_whole(coding, text);
  REQUIRE(made.has_value());
  return *made;
}

TEST_CASE("A file that gains by it is answered in the coding that the client likes best") {
  Files files;
  files.root.write("a.txt", text_of(kTextBytes));
  files.serve();
  const std::string plain = files.get("/a.txt").field("ETag");
  struct Row {
    std::string name;
    std::string accepted;
    Coding coding;
  };
  const Row rows[] = {
      {"no field", "", Coding::identity},
      {"gzip", kGzip, Coding::gzip},
      {"br", "Accept-Encoding: br\r\n", Coding::brotli},
      {"zstd", "Accept-Encoding: zstd\r\n", Coding::zstd},
      {"a browser", "Accept-Encoding: gzip, deflate, br, zstd\r\n", Coding::zstd},
      {"by quality", "Accept-Encoding: zstd;q=0.1, gzip;q=0.9\r\n", Coding::gzip},
      {"anything", "Accept-Encoding: *\r\n", Coding::zstd},
      {"no gzip, in capitals", "Accept-Encoding: GZIP;Q=0\r\n", Coding::identity},
      {"identity above all", "Accept-Encoding: gzip;q=0.5, identity\r\n", Coding::identity},
      {"none of ours", "Accept-Encoding: compress\r\n", Coding::identity},
  };
  std::set<std::string> tags;
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const bool is_plain = row.coding == Coding::identity;
    const Answer answer = files.get("/a.txt", row.accepted);
    CHECK(answer.status == 200);
    CHECK(
        (answer.body == (is_plain ? text_of(kTextBytes) : coded(row.coding, text_of(kTextBytes)))));
    CHECK(answer.field("Content-Encoding") == (is_plain ? "" : http::coding_name(row.coding)));
    CHECK(answer.field("Content-Length") == std::to_string(answer.body.size()));
    CHECK(answer.field("Content-Type") == "text/plain; charset=utf-8");
    CHECK(answer.field("Vary") == "Accept-Encoding");
    const std::string etag = answer.field("ETag");
    CHECK((etag == plain) == is_plain);
    tags.insert(etag);
    // The same head, the same again, and the tag is known again.
    CHECK(without_dates(files.head("/a.txt", row.accepted).head) == without_dates(answer.head));
    CHECK(without_dates(files.get("/a.txt", row.accepted).head) == without_dates(answer.head));
    const Answer same = files.get("/a.txt", row.accepted + "If-None-Match: " + etag + "\r\n");
    CHECK(same.status == 304);
    CHECK(same.field("ETag") == etag);
    CHECK(same.field("Vary") == "Accept-Encoding");
    const Answer part = files.get("/a.txt", row.accepted + "Range: bytes=5-14\r\n");
    CHECK(part.status == 206);
    CHECK((part.body == answer.body.substr(5, 10)));
    CHECK(part.field("Content-Range") == "bytes 5-14/" + std::to_string(answer.body.size()));
  }
  CHECK(tags.size() == http::kCodings);
}

TEST_CASE("HEAD of a variant that nobody has asked for yet has the variant's length") {
  Files files;
  files.root.write("a.txt", text_of(kTextBytes));
  files.serve();
  const Answer head = files.head("/a.txt", kGzip);
  CHECK(head.field("Content-Length") ==
        std::to_string(coded(Coding::gzip, text_of(kTextBytes)).size()));
  CHECK(head.field("Content-Encoding") == "gzip");
}

TEST_CASE("The tag of a variant is known before it has been made") {
  Files files;
  files.root.write("a.txt", text_of(kTextBytes));
  files.serve();
  const std::string etag = files.get("/a.txt", kGzip).field("ETag");
  TestServer other("[[site]]\nroot = \"" + files.root.path() + "\"\n", {}, build_real);
  TestClient client(other, "GET /a.txt HTTP/1.1\r\nHost: a\r\n" + std::string(kGzip) +
                               "If-None-Match: " + etag + "\r\n\r\n");
  // At once, so nothing was made for it.
  CHECK(answer_in(client.take()).status == 304);
}

TEST_CASE("What does not gain is sent as it is") {
  Files files;
  files.root.write("noise.txt", noise_of(5000));
  files.root.write("small.txt", text_of(255));
  files.root.write("image.png", text_of(5000));
  files.root.write("unknown", text_of(5000));
  files.serve();
  for (const std::string target : {"/noise.txt", "/small.txt", "/image.png", "/unknown"}) {
    CAPTURE(target);
    for (int i = 0; i < 2; ++i) {
      const Answer answer = files.get(target, kGzip);
      CHECK(answer.status == 200);
      CHECK_FALSE(answer.has("Content-Encoding"));
      CHECK(answer.field("ETag") == files.get(target).field("ETag"));
    }
  }
  CHECK_FALSE(files.get("/image.png", kGzip).has("Vary"));
  CHECK_FALSE(files.get("/small.txt", kGzip).has("Vary"));
}

TEST_CASE("`compress` says which codings are made, and which of equals is preferred") {
  Files files;
  files.root.write("a.txt", text_of(kTextBytes));
  const std::string all = "Accept-Encoding: gzip, br, zstd\r\n";
  SUBCASE("br before gzip") {
    files.serve("", "compress = [\"br\", \"gzip\"]");
    CHECK(files.get("/a.txt", all).field("Content-Encoding") == "br");
    CHECK_FALSE(files.get("/a.txt", "Accept-Encoding: zstd\r\n").has("Content-Encoding"));
  }
  SUBCASE("gzip before br") {
    files.serve("", "compress = [\"gzip\", \"br\"]");
    CHECK(files.get("/a.txt", all).field("Content-Encoding") == "gzip");
  }
  SUBCASE("none") {
    files.serve("", "compress = []");
    const Answer answer = files.get("/a.txt", all);
    CHECK_FALSE(answer.has("Content-Encoding"));
    CHECK_FALSE(answer.has("Vary"));
  }
}

TEST_CASE("A precompressed sibling comes before what would have to be made") {
  Files files;
  files.root.write("a.txt", text_of(kTextBytes));
  files.root.write("a.txt.gz", "packed");
  files.serve();
  CHECK(files.get("/a.txt", "Accept-Encoding: gzip, br, zstd\r\n").body == "packed");
  // But not before what the client likes better.
  CHECK(files.get("/a.txt", "Accept-Encoding: gzip;q=0.5, br\r\n").field("Content-Encoding") ==
        "br");
}

TEST_CASE("A variant is that of the content there is") {
  Files files;
  files.root.write("a.txt", text_of(kTextBytes));
  files.serve("[cache]\nrevalidate = \"0s\"\n");
  const Answer before = files.get("/a.txt", kGzip);
  files.root.write("a.txt", "!" + text_of(kTextBytes - 1));
  const Answer after = files.get("/a.txt", kGzip);
  CHECK((after.body == coded(Coding::gzip, "!" + text_of(kTextBytes - 1))));
  CHECK(after.field("ETag") != before.field("ETag"));
}

TEST_CASE("Many who ask for a variant at once all get it") {
  Files files;
  files.root.write("a.txt", text_of(kTextBytes));
  files.serve();
  const std::string request = "GET /a.txt HTTP/1.1\r\nHost: a\r\n" + std::string(kGzip) + "\r\n";
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<TestClient>(*files.server, request));
  }
  clients[3]->go_away();
  clients[0]->go_away();
  const std::string body = coded(Coding::gzip, text_of(kTextBytes));
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (i == 0 || i == 3) continue;
    CAPTURE(i);
    CHECK(files.server->wait_until([&] {
      clients[i]->pump();
      const std::vector<Answer> answers = answers_in(clients[i]->received());
      return answers.size() == 1 && answers[0].is_whole && answers[0].body == body;
    }));
  }
}

TEST_CASE("The server may end while a variant is made") {
  Files files;
  files.root.write("a.txt", text_of(1 << 20));
  files.serve();
  TestClient client(*files.server,
                    "GET /a.txt HTTP/1.1\r\nHost: a\r\n" + std::string(kGzip) + "\r\n");
  CHECK(client.received().empty());
}

TEST_CASE("A file too large to keep is coded while it is sent") {
  Files files;
  const std::string text = text_of(1'000'000);
  files.root.write("a.txt", text);
  files.serve("[cache]\nfile_bytes = 1000\n");
  const Answer answer = files.get("/a.txt", kGzip);
  CHECK(answer.field("Content-Encoding") == "gzip");
  CHECK(answer.field("Transfer-Encoding") == "chunked");
  CHECK(answer.field("Vary") == "Accept-Encoding");
  CHECK_FALSE(answer.has("Accept-Ranges"));
  CHECK(answer.is_whole);
  CHECK(answer.body.size() < text.size() / 4);
  CHECK(answer.body.starts_with("\x1f\x8b"));
  const std::string etag = answer.field("ETag");
  CHECK(etag.starts_with("W/"));

  SUBCASE("which its tag says again") {
    CHECK(files.status("/a.txt", std::string(kGzip) + "If-None-Match: " + etag + "\r\n") == 304);
  }
  SUBCASE("not for who asks for ranges") {
    const Answer part = files.get("/a.txt", std::string(kGzip) + "Range: bytes=10-19\r\n");
    CHECK(part.status == 206);
    CHECK(part.body == text.substr(10, 10));
    CHECK_FALSE(part.has("Content-Encoding"));
    CHECK(part.field("Vary") == "Accept-Encoding");
  }
  SUBCASE("not for who knows no chunks") {
    TestClient client(*files.server, "GET /a.txt HTTP/1.0\r\n" + std::string(kGzip) + "\r\n");
    const Answer old = answer_in(client.take());
    CHECK_FALSE(old.has("Content-Encoding"));
    CHECK(old.field("Content-Length") == "1000000");
  }
  SUBCASE("and HEAD says nothing of its length") {
    const Answer head = files.head("/a.txt", kGzip);
    CHECK(head.field("Content-Encoding") == "gzip");
    CHECK(head.field("ETag") == etag);
    CHECK_FALSE(head.has("Content-Length"));
  }
}

TEST_CASE("A file that is written to while it is coded breaks the connection off") {
  Files files;
  files.root.write("a.txt", noise_of(2 << 20));
  files.serve("[cache]\nfile_bytes = 1000\n");
  TestClient client(*files.server,
                    "GET /a.txt HTTP/1.1\r\nHost: a\r\n" + std::string(kGzip) + "\r\n",
                    [](Wire& wire) { wire.window = 100'000; });
  CHECK(files.server->wait_until([&] {
    client.pump();
    return client.received().size() >= 100'000;
  }));
  SUBCASE("in its place") { files.root.write("a.txt", std::string(2 << 20, 'x')); }
  SUBCASE("made shorter") { std::filesystem::resize_file(files.root / "a.txt", 10); }
  client.open_window(SIZE_MAX);
  CHECK(files.server->wait_until([&] {
    client.pump();
    return client.is_closed();
  }));
  CHECK_FALSE(answer_in(client.received()).is_whole);
}

TEST_CASE("Without a cache every file is coded while it is sent") {
  Files files;
  files.root.write("a.txt", text_of(kTextBytes));
  files.serve("[cache]\nmemory = 0\n");
  const Answer answer = files.get("/a.txt", kGzip);
  CHECK(answer.field("Content-Encoding") == "gzip");
  CHECK(answer.is_whole);
}

}  // namespace
}  // namespace uvhttpd::tests
