// SPDX-License-Identifier: MIT
// server/password_hash.h: hashes of passwords as libcrypt makes them, and what of them we take.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace uvhttpd {

enum class PasswordMethod { yescrypt, bcrypt, sha512 };

// libcrypt takes no longer ones.
constexpr std::size_t kMaxPasswordBytes = 511;
// What bcrypt looks at.
constexpr std::size_t kMaxBcryptBytes = 72;

// Whether passwords may be checked against the hash: bcrypt ($2y$, $2b$, $2a$), yescrypt ($y$),
// sha512-crypt ($6$) or sha256-crypt ($5$), whole, and with a cost that keeps a check near a second
// and below 64 MiB. The error says of other hashes what they are, and nothing of what they hold.
Result<void> check_password_hash(std::string_view hash);

// Whether the password is the one behind the hash, which check_password_hash has accepted. Takes as
// long as the hash's cost says, and as much memory. May be called from any thread.
bool is_password(const Secret& password, const std::string& hash);

// A hash of the password with a new random salt. The error is that the password is too long for the
// method, empty or has control characters, or the kernel's.
Result<std::string> hash_password(const Secret& password, PasswordMethod method);

}  // namespace uvhttpd
