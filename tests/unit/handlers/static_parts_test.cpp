// SPDX-License-Identifier: MIT
// unit/handlers/static_parts_test.cpp: several ranges at once, and tags that tell contents apart.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <filesystem>
#include <vector>

#include "unit/handlers/served_files.h"

namespace uvhttpd::tests {
namespace {

const std::vector<std::string>& ways() {
  static const std::vector<std::string> kWays = {"", "[cache]\nfile_bytes = 10\n"};
  return kWays;
}

struct Part {
  std::string content_type;
  std::string content_range;
  std::string body;
};

// The value of a field in a part's head.
std::string field_of(const std::string& head, const std::string& name) {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

// The parts of a multipart answer, read as RFC 2046 section 5.1.1 has them.
std::vector<Part> parts_of(const Answer& answer) {
  const std::string type = answer.field("Content-Type");
  const std::string start = "multipart/byteranges; boundary=";
  REQUIRE(type.starts_with(start));
  const std::string delimiter = "\r\n--" + type.substr(start.size());
  const std::string body = "\r\n" + answer.body;
  std::vector<Part> parts;
  std::size_t at = body.find(delimiter);
  REQUIRE(at == 0);
  while (body.compare(at + delimiter.size(), 2, "--") != 0) {
    const std::size_t head = at + delimiter.size();
    const std::size_t content = body.find("\r\n\r\n", head) + 4;
    at = body.find(delimiter, content);
    REQUIRE(at != std::string::npos);
    const std::string fields = body.substr(head, content - head);
    parts.push_back({field_of(fields, "Content-Type"), field_of(fields, "Content-Range"),
                     body.substr(content, at - content)});
  }
  CHECK(body.substr(at) == delimiter + "--\r\n");
  return parts;
}

TEST_CASE("Several ranges are answered in parts, from memory and from the file") {
  for (const std::string& way : ways()) {
    CAPTURE(way);
    Files files;
    const std::string text = text_of(100'000);
    files.root.write("a.txt", text);
    files.root.set_modified("a.txt", kLongAgo);
    files.serve(way, "compress = []");
    const Answer answer = files.get("/a.txt", "Range: bytes=50000-50009, 0-0, -30\r\n");
    CHECK(answer.status == 206);
    CHECK_FALSE(answer.has("Content-Range"));
    CHECK(answer.field("Content-Length") == std::to_string(answer.body.size()));
    CHECK(answer.has("ETag"));
    const std::vector<Part> parts = parts_of(answer);
    REQUIRE(parts.size() == 3);
    CHECK(parts[0].body == text.substr(50'000, 10));
    CHECK(parts[0].content_range == "bytes 50000-50009/100000");
    CHECK(parts[0].content_type == "text/plain; charset=utf-8");
    CHECK(parts[1].body == text.substr(0, 1));
    CHECK(parts[2].body == text.substr(99'970));

    SUBCASE("with another boundary each time") {
      CHECK(files.get("/a.txt", "Range: bytes=50000-50009, 0-0, -30\r\n").field("Content-Type") !=
            answer.field("Content-Type"));
    }
    SUBCASE("but as one range when they overlap") {
      const Answer one = files.get("/a.txt", "Range: bytes=0-99, 50-199\r\n");
      CHECK(one.status == 206);
      CHECK(one.field("Content-Range") == "bytes 0-199/100000");
      CHECK(one.body == text.substr(0, 200));
    }
    SUBCASE("and whole when there are too many") {
      std::string ranges = "Range: bytes=0-0";
      for (int i = 1; i < 2000; ++i) ranges += "," + std::to_string(i * 40) + "-";
      CHECK(files.get("/a.txt", ranges + "\r\n").status == 200);
    }
  }
}

TEST_CASE("Large parts come whole through a narrow window") {
  Files files;
  const std::string noise = noise_of(3 << 20);
  files.root.write("a.bin", noise);
  files.serve();
  TestClient client(
      *files.server,
      "GET /a.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=1000000-1999999,0-899999\r\n\r\n",
      [](Wire& wire) { wire.send.most = 70'000; });
  const std::vector<Part> parts = parts_of(answer_in(client.take()));
  REQUIRE(parts.size() == 2);
  CHECK((parts[0].body == noise.substr(1'000'000, 1'000'000)));
  CHECK((parts[1].body == noise.substr(0, 900'000)));
}

// Writes into the file as it is, without making it shorter first.
void overwrite(const std::string& path, const std::string& content) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(::pwrite(fd.get(), content.data(), content.size(), 0) ==
          static_cast<ssize_t>(content.size()));
}

TEST_CASE("A large file that is overwritten while it is sent breaks the connection off") {
  Files files;
  files.root.write("large.bin", std::string(1 << 20, 'a'));
  files.root.set_modified("large.bin", kLongAgo);
  files.serve("[cache]\nfile_bytes = 10\n");
  std::string fields;
  SUBCASE("whole") { fields = ""; }
  SUBCASE("in a range") { fields = "Range: bytes=10-\r\n"; }
  SUBCASE("in parts") { fields = "Range: bytes=0-299999,500000-900000\r\n"; }
  TestClient client(*files.server, "GET /large.bin HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n",
                    [](Wire& wire) { wire.window = 1000; });
  overwrite(files.root / "large.bin", std::string(1 << 20, 'b'));
  client.open_window(SIZE_MAX);
  CHECK(client.is_closed());
  CHECK_FALSE(answer_in(client.received()).is_whole);
}

TEST_CASE("A large file that is replaced while it is sent goes on as it was") {
  Files files;
  files.root.write("large.bin", std::string(1 << 20, 'a'));
  files.root.write("new", std::string(1 << 20, 'b'));
  files.serve("[cache]\nfile_bytes = 10\n");
  TestClient client(*files.server, "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n",
                    [](Wire& wire) { wire.window = 1000; });
  std::filesystem::rename(files.root / "new", files.root / "large.bin");
  client.open_window(SIZE_MAX);
  const Answer answer = answer_in(client.received());
  CHECK(answer.is_whole);
  CHECK((answer.body == std::string(1 << 20, 'a')));
}

TEST_CASE("Contents written in the same moment, with the same times, have different tags") {
  Files files;
  files.serve("[cache]\nrevalidate = \"0s\"\n");
  std::string before;
  for (int i = 0; i < 50; ++i) {
    const std::string content = std::to_string(100 + i);
    files.root.write("a.txt", content);
    files.root.set_modified("a.txt", 1);
    const Answer answer = files.get("/a.txt");
    CHECK(answer.body == content);
    CHECK(answer.field("ETag") != before);
    before = answer.field("ETag");
  }
}

TEST_CASE("The same content has the same tag, whenever and wherever it was written") {
  Files files;
  files.root.write("a.txt", "content");
  files.root.write("b/c.txt", "content");
  files.root.set_modified("a.txt", kLongAgo);
  files.serve();
  CHECK(files.get("/a.txt").field("ETag") == files.get("/b/c.txt").field("ETag"));
}

TEST_CASE("The tag of a large file is weak until a further change would show in its times") {
  Files files;
  files.root.write("large.bin", noise_of(100'000));
  files.serve("[cache]\nfile_bytes = 10\nrevalidate = \"0s\"\n");
  const std::string weak = files.get("/large.bin").field("ETag");
  CHECK(weak.starts_with("W/"));
  CHECK(files.server->wait_until(
      [&] { return files.get("/large.bin").field("ETag") == weak.substr(2); }));
  CHECK(files.status("/large.bin", "If-None-Match: " + weak + "\r\n") == 304);
  CHECK(files.status("/large.bin", "If-Range: " + weak.substr(2) + "\r\nRange: bytes=0-1\r\n") ==
        206);
}

}  // namespace
}  // namespace uvhttpd::tests
