// SPDX-License-Identifier: MIT
// unit/handlers/guarded_names_test.cpp: which names are those of backups.
#include "handlers/guarded_names.h"

#include <doctest/doctest.h>

namespace uvhttpd::tests {
namespace {

TEST_CASE("is_backup_name knows what editors and merges leave") {
  for (const char* name :
       {"a.php~", "~", "a.php.bak", "a.BAK", "a.orig", "a.Orig", "a.rej", "a.save", ".a.swp",
        "a.swo", "a.SWN", ".a.un~", "a.php.~1~", "#a.php#", "#a#", ".bak"}) {
    CAPTURE(name);
    CHECK(is_backup_name(name));
  }
}

TEST_CASE("is_backup_name lets other names be") {
  for (const char* name : {"", "a", "a.php", "bak", "abak", "a.bak.txt", "~a", "a~b", "original",
                           "a.origin", "#", "##", "#a", "a#", "c#", "a.old", "a.tmp", "save"}) {
    CAPTURE(name);
    CHECK_FALSE(is_backup_name(name));
  }
}

}  // namespace
}  // namespace uvhttpd::tests
