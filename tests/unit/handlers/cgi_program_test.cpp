// SPDX-License-Identifier: MIT
// unit/handlers/cgi_program_test.cpp: which program answers a path, and spooled bodies on a real
// disk.
#include "handlers/cgi_program.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace uvhttpd {
namespace {

namespace fs = std::filesystem;

class Tree {
 public:
  Tree() {
    std::string name = "/tmp/uvhttpd-programs-XXXXXX";
    path_ = ::mkdtemp(name.data());
    fs::create_directories(path_ + "/root/deep/er");
    fs::create_directories(path_ + "/root/.hidden");
    fs::create_directories(path_ + "/root/dir.cgi");
    fs::create_directories(path_ + "/outside");
    for (const char* program : {"root/prog", "root/deep/er/prog.cgi", "root/.dot",
                                "root/.hidden/prog", "root/dir.cgi/readme.txt", "outside/prog"}) {
      write(program, 0755);
    }
    write("root/plain", 0644);
    write("root/script.py", 0644);
    fs::create_symlink("../outside/prog", path_ + "/root/escape");
    fs::create_symlink("prog", path_ + "/root/alias");
    REQUIRE(::mkfifo((path_ + "/root/fifo").c_str(), 0755) == 0);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  void write(const std::string& name, mode_t mode) {
    std::ofstream(path_ + "/" + name) << "#!/bin/sh\n";
    ::chmod((path_ + "/" + name).c_str(), mode);
  }
  std::string path_;
};

using Kind = config::PathPattern::Kind;

config::PathPattern prefix(const std::string& text) { return {Kind::prefix, text + "*", text, ""}; }
config::PathPattern extension(const std::string& text) {
  return {Kind::extension, "*" + text, "", text};
}

// "filename SCRIPT_NAME|PATH_INFO", or the status; `matched` as routing gives it.
std::string found(const config::PathPattern& pattern, const config::CgiHandler& handler,
                  const std::string& path) {
  Result<CgiPrograms> programs = CgiPrograms::open(pattern, handler, config::Symlinks::inside);
  REQUIRE(programs.has_value());
  std::string_view matched = std::string_view(path).substr(1);
  if (pattern.kind == Kind::prefix) {
    matched = path.size() < pattern.prefix.size()
                  ? std::string_view{}
                  : std::string_view(path).substr(pattern.prefix.size());
  }
  const auto program = programs->find(path, matched);
  if (!program) return std::to_string(program.error().status);
  CHECK(program->script_name + program->path_info == path);
  const fs::path directory =
      fs::read_symlink("/proc/self/fd/" + std::to_string(program->directory.get()));
  CHECK(fs::equivalent(directory, fs::path(program->filename).parent_path()));
  return fs::path(program->filename).filename().string() + " " + program->script_name + "|" +
         program->path_info + (program->interpreter.empty() ? "" : " by " + program->interpreter);
}

struct Row {
  const char* path;
  const char* found;
};

}  // namespace

TEST_CASE("the first segment that is a file is the program, the rest PATH_INFO") {
  const Tree tree;
  config::CgiHandler handler;
  handler.root = tree / "root";
  handler.own_root = true;
  handler.interpreter[".py"] = "/usr/bin/python3";
  const Row rows[] = {
      {"/cgi/prog", "prog /cgi/prog|"},
      {"/cgi/prog/", "prog /cgi/prog|/"},
      {"/cgi/prog/a/.b/c.cgi", "prog /cgi/prog|/a/.b/c.cgi"},
      {"/cgi/deep/er/prog.cgi/x", "prog.cgi /cgi/deep/er/prog.cgi|/x"},
      {"/cgi/alias/x", "alias /cgi/alias|/x"},
      {"/cgi/script.py", "script.py /cgi/script.py| by /usr/bin/python3"},
      {"/cgi/plain", "403"},
      {"/cgi/none", "404"},
      {"/cgi/none/prog", "404"},
      {"/cgi", "404"},
      {"/cgi/", "404"},
      {"/cgi/deep", "404"},
      {"/cgi/deep/er/", "404"},
      {"/cgi/.dot", "404"},
      {"/cgi/.hidden/prog", "404"},
      {"/cgi/escape", "404"},
      {"/cgi/fifo", "404"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    CHECK(found(prefix("/cgi/"), handler, row.path) == row.found);
  }
}

TEST_CASE("a root of the site is looked up with the whole path") {
  const Tree tree;
  config::CgiHandler handler;
  handler.root = tree / "root";
  CHECK(found(prefix("/deep/"), handler, "/deep/er/prog.cgi/x") == "prog.cgi /deep/er/prog.cgi|/x");
  CHECK(found(extension(".cgi"), handler, "/deep/er/prog.cgi/x") ==
        "prog.cgi /deep/er/prog.cgi|/x");
}

TEST_CASE("an extension pattern runs nothing that has another extension") {
  const Tree tree;
  config::CgiHandler handler;
  handler.root = tree / "root";
  CHECK(found(extension(".cgi"), handler, "/prog/x.cgi") == "404");
  CHECK(found(extension(".cgi"), handler, "/dir.cgi/readme.txt") == "404");
}

TEST_CASE("one program may answer a whole route") {
  const Tree tree;
  config::CgiHandler handler;
  handler.program = tree / "root/prog";
  CHECK(found(prefix("/app/"), handler, "/app/a/b") == "prog /app|/a/b");
  CHECK(found(prefix("/app/"), handler, "/app/") == "prog /app|/");
  CHECK(found(prefix("/app/"), handler, "/app") == "prog /app|");
  CHECK(found(prefix("/"), handler, "/a/b") == "prog |/a/b");
  CHECK(found({Kind::exact, "/app", "/app", ""}, handler, "/app") == "prog /app|");
  CHECK(found(extension(".x"), handler, "/a.x/b") == "prog /a.x|/b");
  CHECK(found(extension(".x"), handler, "/c/a.x") == "prog /c/a.x|");
  handler.program = tree / "root/escape";
  CHECK(found(prefix("/app/"), handler, "/app/a") == "escape /app|/a");
  handler.program = tree / "root/none";
  CHECK(found(prefix("/app/"), handler, "/app/a") == "404");
}

TEST_CASE("a directory that takes the root's place is found") {
  const Tree tree;
  config::CgiHandler handler;
  handler.root = tree / "root";
  const config::PathPattern pattern = prefix("/");
  Result<CgiPrograms> programs = CgiPrograms::open(pattern, handler, config::Symlinks::inside);
  REQUIRE(programs.has_value());
  CHECK(programs->find("/prog", "prog").has_value());
  fs::rename(tree / "root", tree / "old");
  fs::rename(tree / "outside", tree / "root");
  CHECK(programs->find("/prog", "prog").has_value());
  CHECK_FALSE(programs->find("/alias", "alias").has_value());
}

TEST_CASE("a missing root is an error") {
  config::CgiHandler handler;
  handler.root = "/no/such/directory";
  CHECK_FALSE(CgiPrograms::open(prefix("/"), handler, config::Symlinks::inside).has_value());
}

}  // namespace uvhttpd
