// SPDX-License-Identifier: MIT
// unit/handlers/cgi_confinement_test.cpp: what programs are left, and what a lack of means does to
// that.
#include "handlers/cgi_confinement.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "support/in_child.h"
#include "support/temp_dir.h"

namespace uvhttpd {
namespace {

constexpr std::size_t kMostFree = 6;  // descriptors

enum Outcome { as_ever = 0, not_prepared, other_error, lost, less };

// Of a program whose route has news when `free` descriptors are left, then, when these do not
// suffice, with enough.
Outcome after_news(const std::string& directory, const std::string& secret, std::size_t free,
                   bool& was_refused) {
  const std::string root = directory + "/www";
  std::filesystem::create_directory(root);
  config::Config config;
  config.file = secret;
  config::CgiHandler handler;
  handler.program = "/bin/true";
  auto confinement = CgiConfinement::prepare(handler, false, root, config);
  if (!confinement) return not_prepared;
  std::filesystem::rename(root, directory + "/before");
  std::filesystem::create_directory(root);

  std::vector<UniqueFd> used = tests::all_descriptors();
  used.resize(used.size() - free);
  Result<const ChildConfinement*> current = confinement->current();
  used.clear();
  if (!current) {
    was_refused = true;
    if (current.error().os_error != EMFILE) return other_error;
    current = confinement->current();
    if (!current) return lost;
  }
  const UniqueFd ruleset(::dup((*current)->ruleset));
  if (!restrict_self(ruleset)) return lost;
  for (const std::string& path : {root, std::string("/usr/bin"), std::string("/etc/passwd")}) {
    if (!UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC))) return less;
  }
  return as_ever;
}

}  // namespace

TEST_CASE("A lack of descriptors takes no rights from programs, it refuses one") {
  if (landlock_abi() == 0) {
    MESSAGE("no Landlock in this kernel");
    return;
  }
  if (tests::kSanitizerNeedsDescriptors) {
    MESSAGE("a sanitizer that needs descriptors itself");
    return;
  }
  constexpr int kRefused = 100;
  // With a secret in it, /usr is given piece by piece.
  for (const std::string secret : {"", "/usr/share/of-this-test/uvhttpd.toml"}) {
    bool was_any_refused = false;
    for (std::size_t free = 0; free <= kMostFree; ++free) {
      CAPTURE(secret);
      CAPTURE(free);
      const tests::TempDir dir;
      const tests::ChildEnd end = tests::in_child([&] {
        bool was_refused = false;
        const Outcome outcome = after_news(dir.path(), secret, free, was_refused);
        return static_cast<int>(outcome) + (was_refused ? kRefused : 0);
      });
      CHECK(end.status % kRefused == as_ever);
      was_any_refused = was_any_refused || end.status >= kRefused;
    }
    CHECK(was_any_refused);
  }
}

}  // namespace uvhttpd
