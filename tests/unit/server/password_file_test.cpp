// SPDX-License-Identifier: MIT
// unit/server/password_file_test.cpp: files of users and passwords, and what follows when they
// change.
#include "server/password_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <vector>

#include "support/temp_dir.h"
#include "unit/server/passwords.h"

namespace uvhttpd::tests {
namespace {

constexpr TimePoint kStart{Duration{1'000'000}};

// A file that is looked at a while later each time.
struct Sample {
  TempDir directory;
  Log log;
  std::vector<std::string> lines;  // of the log
  TimePoint now = kStart;

  Sample() {
    log.keep_in(lines);
    directory.write("users", alice_and_bob());
  }
  std::string path() const { return directory / "users"; }
  Result<PasswordFile> open() const { return PasswordFile::open(path(), now); }
  // As editors and `mv` do: another file in the old one's place.
  void replace(std::string_view content) const {
    directory.write("new", content);
    std::filesystem::rename(directory / "new", path());
  }
  void refresh(PasswordFile& file, Duration later = PasswordFile::kLookEvery) {
    now += later;
    file.refresh(now, log);
  }
};

TEST_CASE("A password file says which hash a user has") {
  Sample sample;
  sample.directory.write("users", "# staff\n\n" + line_for("bob", kHashOfWord) + "  \n" +
                                      "alice:" + std::string(kHashOfSecret) + ":a comment\r\n" +
                                      "an na:" + std::string(kHashOfWord) + "  ");
  const auto file = sample.open();
  REQUIRE(file.has_value());
  CHECK(file->hash_of("alice") == kHashOfSecret);
  CHECK(file->hash_of("bob") == kHashOfWord);
  CHECK(file->hash_of("an na") == kHashOfWord);
  CHECK_FALSE(file->hash_of("").has_value());
  CHECK_FALSE(file->hash_of("ali").has_value());
  CHECK_FALSE(file->hash_of("alices").has_value());
  CHECK_FALSE(file->hash_of("# staff").has_value());
  CHECK(file->first_hash() == kHashOfWord);
}

TEST_CASE("A password file may have no users") {
  Sample sample;
  sample.directory.write("users", "# nobody yet\n");
  const auto file = sample.open();
  REQUIRE(file.has_value());
  CHECK(file->first_hash().empty());
}

TEST_CASE("A fault of a password file is named with file and line, and without the hash") {
  struct Row {
    std::string name;
    std::string content;
    std::string error;
  };
  const std::string good = line_for("alice", kHashOfSecret);
  const Row rows[] = {
      {"no colon", good + "\nbob\n", ":3: not a line of the form user:hash"},
      {"no user", ":" + std::string(kHashOfSecret), ":1: not a line of the form user:hash"},
      {"a plain password", good + "bob:hunter2\n",
       ":2: the user \"bob\" has a password in the clear, or a hash of a kind that is not known "
       "here; `uvhttpd passwd` makes a line that is accepted"},
      {"MD5", "bob:$apr1$e1Pst7hW$0hT7XothBvt8zSp5NHwjf1",
       ":1: the user \"bob\" has an MD5 hash, which is guessed too fast; `uvhttpd passwd` makes a "
       "line that is accepted"},
      {"a control character", "b\tb:" + std::string(kHashOfSecret),
       ":1: the name of the user has control characters"},
      {"NUL", std::string("b\0b:", 4) + std::string(kHashOfSecret),
       ":1: the name of the user has control characters"},
      {"a user twice", "bob:" + std::string(kHashOfWord) + "\n" + good + good,
       ":3: the user \"alice\" is there before"},
      {"a line that is cut off", good.substr(0, 30), ":1: the user \"alice\" has a bcrypt hash"},
      {"too large", std::string(PasswordFile::kMaxBytes + 1, '\n'), ": larger than 1 MiB"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Sample sample;
    sample.directory.write("users", row.content);
    const auto file = sample.open();
    REQUIRE_FALSE(file.has_value());
    CHECK(file.error().message.starts_with(sample.path() + row.error));
    CHECK(file.error().message.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("What is no file of passwords is named") {
  Sample sample;
  CHECK(PasswordFile::open(sample.directory / "none", kStart).error().message ==
        sample.directory / "none" + ": No such file or directory");
  CHECK(PasswordFile::open(sample.directory.path(), kStart).error().message ==
        sample.directory.path() + ": not a regular file");
  REQUIRE(::mkfifo((sample.directory / "pipe").c_str(), 0600) == 0);
  CHECK(PasswordFile::open(sample.directory / "pipe", kStart).error().message ==
        sample.directory / "pipe" + ": not a regular file");
}

TEST_CASE("A password file that has changed is read again") {
  Sample sample;
  auto file = sample.open();
  REQUIRE(file.has_value());
  const std::uint64_t version = file->version();
  SUBCASE("when another takes its place") { sample.replace(line_for("bob", kHashOfSecret)); }
  SUBCASE("when it is written over") {
    sample.directory.write("users", line_for("bob", kHashOfSecret));
  }
  sample.refresh(*file);
  CHECK(file->hash_of("bob") == kHashOfSecret);
  CHECK_FALSE(file->hash_of("alice").has_value());
  CHECK(file->version() != version);
  CHECK(sample.lines.empty());
}

TEST_CASE("A password file is looked at once a second at most") {
  Sample sample;
  auto file = sample.open();
  REQUIRE(file.has_value());
  sample.replace(line_for("bob", kHashOfWord));
  sample.refresh(*file, PasswordFile::kLookEvery - Duration{1});
  CHECK(file->hash_of("alice").has_value());
  sample.refresh(*file, Duration{1});
  CHECK_FALSE(file->hash_of("alice").has_value());
}

TEST_CASE("A password file that has not changed keeps its version") {
  Sample sample;
  auto file = sample.open();
  REQUIRE(file.has_value());
  const std::uint64_t version = file->version();
  sample.refresh(*file);
  CHECK(file->version() == version);
}

TEST_CASE("While a password file cannot be used its old users stay, and the log says so once") {
  Sample sample;
  auto file = sample.open();
  REQUIRE(file.has_value());
  std::string what;
  SUBCASE("because of a line") {
    sample.replace("alice:hunter2\n");
    what = sample.path() + ":1: the user \"alice\" has a password in the clear";
  }
  SUBCASE("because its place is another file's") {
    std::filesystem::remove(sample.path());
    REQUIRE(::mkfifo(sample.path().c_str(), 0600) == 0);
    what = sample.path() + ": not a regular file";
  }
  SUBCASE("because it is too large") {
    sample.replace(std::string(PasswordFile::kMaxBytes + 1, '\n'));
    what = sample.path() + ": larger than 1 MiB";
  }
  for (int i = 0; i < 3; ++i) sample.refresh(*file);
  CHECK(file->hash_of("alice") == kHashOfSecret);
  REQUIRE(sample.lines.size() == 1);
  CHECK(sample.lines.front().find(what) != std::string::npos);

  sample.replace(line_for("alice", kHashOfWord));
  sample.refresh(*file);
  CHECK(file->hash_of("alice") == kHashOfWord);

  sample.replace("x");
  sample.refresh(*file);
  CHECK(sample.lines.size() == 2);
}

TEST_CASE("Each new reason why a password file cannot be used is logged") {
  Sample sample;
  auto file = sample.open();
  REQUIRE(file.has_value());
  for (const char* fault : {"x", "y\nx", "alice:hunter2\n"}) {
    sample.replace(fault);
    for (int i = 0; i < 2; ++i) sample.refresh(*file);
  }
  CHECK(sample.lines.size() == 2);  // the first two have the same fault in the same line
  CHECK(file->hash_of("alice") == kHashOfSecret);
}

TEST_CASE("A password file that is gone when it is looked at again lets nobody in") {
  Sample sample;
  auto file = sample.open();
  REQUIRE(file.has_value());
  std::filesystem::remove(sample.path());
  sample.refresh(*file);
  CHECK(file->hash_of("alice").has_value());
  for (int i = 0; i < 3; ++i) sample.refresh(*file);
  CHECK_FALSE(file->hash_of("alice").has_value());
  CHECK(file->first_hash().empty());
  REQUIRE(sample.lines.size() == 1);
  CHECK(sample.lines.front().find("nobody is let in") != std::string::npos);

  sample.directory.write("users", line_for("alice", kHashOfWord));
  sample.refresh(*file);
  CHECK(file->hash_of("alice") == kHashOfWord);
  std::filesystem::remove(sample.path());
  for (int i = 0; i < 2; ++i) sample.refresh(*file);
  CHECK(sample.lines.size() == 2);
}

TEST_CASE("A password file that has become empty is believed when it stays so") {
  Sample sample;
  auto file = sample.open();
  REQUIRE(file.has_value());
  sample.directory.write("users", "");
  sample.refresh(*file);
  CHECK(file->hash_of("alice").has_value());
  sample.refresh(*file);
  CHECK_FALSE(file->hash_of("alice").has_value());
  CHECK(file->first_hash().empty());
}

TEST_CASE("A password file that became empty long ago is believed at once") {
  Sample sample;
  auto file = sample.open();
  REQUIRE(file.has_value());
  sample.directory.write("users", "");
  sample.directory.set_modified("users", 1'700'000'000);
  sample.refresh(*file);
  CHECK_FALSE(file->hash_of("alice").has_value());
}

}  // namespace
}  // namespace uvhttpd::tests
