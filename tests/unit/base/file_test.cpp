// SPDX-License-Identifier: MIT
// unit/base/file_test.cpp: nothing above a directory is reached, by openat2 and without it.
#include "base/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "support/temp_dir.h"

namespace uvhttpd {
namespace {

using tests::TempDir;

// root/ with files, directories and links, and outside/ next to it.
class Tree {
 public:
  Tree() {
    top_.write("outside/secret", "secret");
    top_.write("root/file", "in file");
    top_.write("root/dir/inner", "in inner");
    top_.write("root/dir/deep/leaf", "in leaf");
    top_.write("root/..dots", "in dots");
    ::mkfifo((root() + "/fifo").c_str(), 0600);
    make_socket("root/socket");
    make_links();
  }

  std::string root() const { return top_ / "root"; }
  const TempDir& top() const { return top_; }

 private:
  void make_links() const {
    link("to_file", "file");
    link("to_dir", "dir");
    link("to_inner", "dir/inner");
    link("dir/up_file", "../file");
    link("dir/deep/up", "../..");
    link("dot", ".");
    link("dots_inside", "./dir/../dir/./deep/../inner");
    link("slash_dir", "dir/");
    link("slash_file", "file/");
    link("absolute_outside", top_ / "outside/secret");
    link("absolute_inside", root() + "/file");
    link("absolute_dir", root() + "/dir");
    link("parent", "..");
    link("escape", "../outside/secret");
    link("escape_dir", "../outside");
    link("escape_and_back", "../root/file");
    link("dir/escape_deep", "../../outside/secret");
    link("dangling", "missing");
    link("loop", "loop");
    link("loop_a", "loop_b");
    link("loop_b", "loop_a");
    link("to_fifo", "fifo");
    for (int i = 1; i <= 41; ++i) {
      link("chain" + std::to_string(i), i == 1 ? "file" : "chain" + std::to_string(i - 1));
    }
  }
  void link(const std::string& name, const std::string& target) const {
    std::filesystem::create_symlink(target, top_ / ("root/" + name));
  }
  void make_socket(const std::string& name) const {
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (top_ / name).c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }

  TempDir top_;
};

// What was found: the content of a file, the kind of anything else.
std::string describe(int fd, const FileInfo& info) {
  if (info.is_directory()) return "directory";
  if (!info.is_regular()) return "special";
  const Result<std::string> content = read_file(fd, info.size, 100);
  return content ? *content : content.error().message;
}

constexpr int kReading = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

std::string error_name(int code) { return ::strerrorname_np(code); }

std::string opened(const Directory& directory, std::string_view path, SymlinkPolicy policy) {
  const Result<OpenedFile> file = directory.open_below(path, policy);
  return file ? describe(file->fd.get(), file->info) : error_name(file.error().os_error);
}

std::string walked(const Directory& directory, std::string_view path, SymlinkPolicy policy) {
  const int result = open_by_walking(directory.fd(), path, kReading, policy);
  if (result < 0) return error_name(-result);
  const UniqueFd fd(result);
  struct stat status {};
  REQUIRE(::fstat(fd.get(), &status) == 0);
  return describe(fd.get(), FileInfo::from(status));
}

struct Row {
  std::string path;
  std::string_view inside;
  std::string_view deny;
  std::string_view follow;  // empty: the path is none that `follow` is meant for
};

const Row kRows[] = {
    {"", "directory", "directory", "directory"},
    {"file", "in file", "in file", "in file"},
    {"dir", "directory", "directory", "directory"},
    {"dir/inner", "in inner", "in inner", "in inner"},
    {"dir/deep/leaf", "in leaf", "in leaf", "in leaf"},
    {"..dots", "in dots", "in dots", "in dots"},
    {"missing", "ENOENT", "ENOENT", "ENOENT"},
    {"missing/file", "ENOENT", "ENOENT", "ENOENT"},
    {"dir/missing", "ENOENT", "ENOENT", "ENOENT"},
    {"file/inner", "ENOTDIR", "ENOTDIR", "ENOTDIR"},
    {std::string(256, 'x'), "ENAMETOOLONG", "ENAMETOOLONG", "ENAMETOOLONG"},
    {std::string(255, 'x'), "ENOENT", "ENOENT", "ENOENT"},

    {"fifo", "special", "special", "special"},
    {"socket", "ENXIO", "ENXIO", "ENXIO"},
    {"fifo/x", "ENOTDIR", "ENOTDIR", "ENOTDIR"},

    {"to_file", "in file", "ELOOP", "in file"},
    {"to_dir", "directory", "ELOOP", "directory"},
    {"to_dir/inner", "in inner", "ELOOP", "in inner"},
    {"to_inner", "in inner", "ELOOP", "in inner"},
    {"to_fifo", "special", "ELOOP", "special"},
    {"dir/up_file", "in file", "ELOOP", "in file"},
    {"dir/deep/up", "directory", "ELOOP", "directory"},
    {"dir/deep/up/file", "in file", "ELOOP", "in file"},
    {"dir/deep/up/dir/deep/up/to_dir/inner", "in inner", "ELOOP", "in inner"},
    {"dot", "directory", "ELOOP", "directory"},
    {"dot/dot/dot/file", "in file", "ELOOP", "in file"},
    {"dots_inside", "in inner", "ELOOP", "in inner"},
    {"slash_dir", "directory", "ELOOP", "directory"},
    {"slash_dir/inner", "in inner", "ELOOP", "in inner"},
    {"slash_file", "ENOTDIR", "ELOOP", "ENOTDIR"},
    {"to_file/x", "ENOTDIR", "ELOOP", "ENOTDIR"},
    {"dangling", "ENOENT", "ELOOP", "ENOENT"},
    {"dangling/x", "ENOENT", "ELOOP", "ENOENT"},
    {"loop", "ELOOP", "ELOOP", "ELOOP"},
    {"loop/x", "ELOOP", "ELOOP", "ELOOP"},
    {"loop_a", "ELOOP", "ELOOP", "ELOOP"},
    {"chain39", "in file", "ELOOP", "in file"},
    {"chain40", "in file", "ELOOP", "in file"},
    {"chain41", "ELOOP", "ELOOP", "ELOOP"},

    {"absolute_outside", "EXDEV", "ELOOP", "secret"},
    {"absolute_inside", "EXDEV", "ELOOP", "in file"},
    {"absolute_dir/inner", "EXDEV", "ELOOP", "in inner"},
    {"parent", "EXDEV", "ELOOP", "directory"},
    {"parent/outside/secret", "EXDEV", "ELOOP", "secret"},
    {"escape", "EXDEV", "ELOOP", "secret"},
    {"escape_dir", "EXDEV", "ELOOP", "directory"},
    {"escape_dir/secret", "EXDEV", "ELOOP", "secret"},
    {"escape_and_back", "EXDEV", "ELOOP", "in file"},
    {"dir/escape_deep", "EXDEV", "ELOOP", "secret"},
    {"to_dir/escape_deep", "EXDEV", "ELOOP", "secret"},

    // No caller gives these; they are kept inside all the same.
    {"..", "EXDEV", "EXDEV", ""},
    {"../outside/secret", "EXDEV", "EXDEV", ""},
    {"../root/file", "EXDEV", "EXDEV", ""},
    {"dir/../..", "EXDEV", "EXDEV", ""},
    {"dir/../../outside/secret", "EXDEV", "EXDEV", ""},
    {"dir/..", "directory", "directory", ""},
    {"dir/../file", "in file", "in file", ""},
    {"dir/deep/../../file", "in file", "in file", ""},
    {"to_dir/../file", "in file", "ELOOP", ""},
    {"dir/deep/up/..", "EXDEV", "ELOOP", ""},
    {"file/..", "ENOTDIR", "ENOTDIR", ""},
    {"missing/..", "ENOENT", "ENOENT", ""},
    {".", "directory", "directory", ""},
    {"./file", "in file", "in file", ""},
    {"dir/.", "directory", "directory", ""},
    {"file/.", "ENOTDIR", "ENOTDIR", ""},
    {"dir/./inner", "in inner", "in inner", ""},
    {"dir//inner", "in inner", "in inner", ""},
    {"dir/", "directory", "directory", ""},
    {"dir///", "directory", "directory", ""},
    {"file/", "ENOTDIR", "ENOTDIR", ""},
    {"missing/", "ENOENT", "ENOENT", ""},
    {"to_dir/", "directory", "ELOOP", ""},
    {"to_file/", "ENOTDIR", "ELOOP", ""},
    {"/", "EXDEV", "EXDEV", "EXDEV"},
    {"/file", "EXDEV", "EXDEV", "EXDEV"},
    {"/etc/passwd", "EXDEV", "EXDEV", "EXDEV"},
};

Directory open_directory(const std::string& path) {
  Result<Directory> directory = Directory::open(path);
  REQUIRE(directory.has_value());
  return *std::move(directory);
}

}  // namespace

TEST_CASE("open_below opens what is below, under each policy") {
  const Tree tree;
  const Directory root = open_directory(tree.root());
  for (const Row& row : kRows) {
    CAPTURE(row.path);
    CHECK(opened(root, row.path, SymlinkPolicy::inside) == row.inside);
    CHECK(opened(root, row.path, SymlinkPolicy::deny) == row.deny);
    if (!row.follow.empty()) CHECK(opened(root, row.path, SymlinkPolicy::follow) == row.follow);
  }
}

TEST_CASE("open_by_walking finds the same without openat2") {
  const Tree tree;
  const Directory root = open_directory(tree.root());
  for (const Row& row : kRows) {
    CAPTURE(row.path);
    CHECK(walked(root, row.path, SymlinkPolicy::inside) == row.inside);
    CHECK(walked(root, row.path, SymlinkPolicy::deny) == row.deny);
  }
}

TEST_CASE("locate_below finds the same as open_below, and what cannot be read too") {
  const Tree tree;
  const Directory root = open_directory(tree.root());
  for (const Row& row : kRows) {
    for (const SymlinkPolicy policy : {SymlinkPolicy::inside, SymlinkPolicy::deny}) {
      CAPTURE(row.path);
      CAPTURE(static_cast<int>(policy));
      const Result<OpenedFile> located = root.locate_below(row.path, policy);
      const Result<OpenedFile> file = root.open_below(row.path, policy);
      const UniqueFd handle(open_by_walking(root.fd(), row.path, O_PATH | O_CLOEXEC, policy));
      CHECK(static_cast<bool>(handle) == located.has_value());
      if (!located) {
        CHECK(located.error().os_error == file.error().os_error);
        continue;
      }
      struct stat status {};
      REQUIRE(::fstat(handle.get(), &status) == 0);
      CHECK(FileInfo::from(status) == located->info);
      if (file) {
        CHECK(file->info == located->info);
      } else {
        CHECK(S_ISSOCK(located->info.mode));
      }
    }
  }
}

TEST_CASE("A path too long for the kernel is refused by both") {
  const Tree tree;
  const Directory root = open_directory(tree.root());
  std::string path;
  while (path.size() < 5000) path += "dot/";
  path += "file";
  CHECK(opened(root, path, SymlinkPolicy::inside) == "ENAMETOOLONG");
  CHECK(walked(root, path, SymlinkPolicy::inside) == "ENAMETOOLONG");
}

TEST_CASE("Deep directories are found by both") {
  const TempDir top;
  std::string path = "d";
  for (int depth = 1; depth < 200; ++depth) path += "/d";
  top.write(path + "/leaf", "deep");
  const Directory root = open_directory(top / ".");
  CHECK(opened(root, path + "/leaf", SymlinkPolicy::inside) == "deep");
  CHECK(walked(root, path + "/leaf", SymlinkPolicy::inside) == "deep");
}

TEST_CASE("Descriptors are closed on exec and none is left behind") {
  const Tree tree;
  const Directory root = open_directory(tree.root());
  const auto lowest_free = [] { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get(); };
  const int before = lowest_free();
  for (const Row& row : kRows) {
    const Result<OpenedFile> file = root.open_below(row.path, SymlinkPolicy::inside);
    if (file) CHECK((::fcntl(file->fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    const UniqueFd fd(open_by_walking(root.fd(), row.path, kReading, SymlinkPolicy::inside));
    if (fd) CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(lowest_free() == before);
}

TEST_CASE("Only a directory can be opened as one") {
  const Tree tree;
  CHECK(Directory::open(tree.root() + "/file").error().os_error == ENOTDIR);
  CHECK(Directory::open(tree.root() + "/missing").error().os_error == ENOENT);
  CHECK(open_directory(tree.root()).path() == tree.root());
  CHECK(opened(open_directory(tree.root() + "/to_dir"), "inner", SymlinkPolicy::deny) ==
        "in inner");
}

TEST_CASE("A directory that was replaced is opened anew") {
  const Tree tree;
  Directory root = open_directory(tree.root());
  std::filesystem::rename(tree.root(), tree.top() / "old");
  tree.top().write("root/file", "in the new file");
  CHECK(opened(root, "file", SymlinkPolicy::inside) == "in file");
  root.reopen_if_replaced();
  CHECK(opened(root, "file", SymlinkPolicy::inside) == "in the new file");
}

TEST_CASE("A link to a directory that points elsewhere now is followed") {
  const TempDir top;
  for (const char* version : {"v1", "v2"}) {
    top.write(std::string(version) + "/file", version);
  }
  std::filesystem::create_symlink("v1", top / "current");
  Directory root = open_directory(top / "current");
  std::filesystem::create_symlink("v2", top / "next");
  std::filesystem::rename(top / "next", top / "current");
  CHECK(opened(root, "file", SymlinkPolicy::inside) == "v1");
  root.reopen_if_replaced();
  CHECK(opened(root, "file", SymlinkPolicy::inside) == "v2");
}

TEST_CASE("A directory that is still there, or gone, stays as it is") {
  const Tree tree;
  Directory root = open_directory(tree.root());
  const int fd = root.fd();
  root.reopen_if_replaced();
  CHECK(root.fd() == fd);
  std::filesystem::rename(tree.root(), tree.top() / "old");
  root.reopen_if_replaced();
  CHECK(opened(root, "file", SymlinkPolicy::inside) == "in file");
  tree.top().write("root", "no directory");
  root.reopen_if_replaced();
  CHECK(opened(root, "file", SymlinkPolicy::inside) == "in file");
}

TEST_CASE("FileInfo notices a change") {
  const Tree tree;
  const Directory root = open_directory(tree.root());
  const FileInfo before = root.open_below("file", SymlinkPolicy::inside)->info;
  CHECK(before == root.open_below("file", SymlinkPolicy::inside)->info);
  CHECK(before.size == 7);
  tree.top().write("root/file", "in file!");
  const FileInfo grown = root.open_below("file", SymlinkPolicy::inside)->info;
  CHECK(grown != before);
  CHECK(grown.inode == before.inode);
  tree.top().write("root/new", "in file!");
  std::filesystem::rename(tree.root() + "/new", tree.root() + "/file");
  CHECK(root.open_below("file", SymlinkPolicy::inside)->info.inode != before.inode);
}

TEST_CASE("reason_not_opened blames the sandbox only where permissions are no hindrance") {
  const Tree tree;
  const std::string file = tree.root() + "/file";
  CHECK(reason_not_opened(file, EACCES).find("a sandbox leaves it out") != std::string::npos);
  CHECK(reason_not_opened(file, EMFILE) == "Too many open files");
  CHECK(reason_not_opened(tree.root() + "/none", EACCES) ==
        "Permission denied (as user " + acting_user() + ")");
  CHECK(reason_not_opened(tree.root() + "/none", ENOENT) == "No such file or directory");
}

TEST_CASE("read_file reads all of a file, within its limit") {
  const Tree tree;
  const Directory root = open_directory(tree.root());
  const Result<OpenedFile> file = root.open_below("file", SymlinkPolicy::inside);
  const int fd = file->fd.get();
  CHECK(*read_file(fd, 7, 7) == "in file");
  CHECK(*read_file(fd, 7, 100) == "in file");
  CHECK(*read_file(fd, 3, 100) == "in ");
  CHECK(read_file(fd, 0, 0)->empty());
  CHECK(read_file(fd, 7, 6).error().os_error == EFBIG);
  CHECK(read_file(fd, 8, 100).error().os_error == EIO);
  CHECK(read_file(root.open_below("dir", SymlinkPolicy::inside)->fd.get(), 1, 1).error().os_error ==
        EISDIR);
}

}  // namespace uvhttpd
