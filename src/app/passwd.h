// SPDX-License-Identifier: MIT
// app/passwd.h: `uvhttpd passwd`: a line for a file of users and passwords.
#pragma once

#include <map>
#include <string>

#include "server/password_hash.h"

namespace uvhttpd {

struct PasswdOptions {
  std::string user;
  std::string method = "yescrypt";  // one of password_methods()
};

// What the command line calls them.
inline std::map<std::string, PasswordMethod> password_methods() {
  return {{"yescrypt", PasswordMethod::yescrypt},
          {"bcrypt", PasswordMethod::bcrypt},
          {"sha512", PasswordMethod::sha512}};
}

// Asks for the password twice, without showing it, where standard input is a terminal; else reads
// it from there, up to the end of the line. Exit status: 0 when the line is on standard output, 1
// when it could not be made, 2 for a user or password that cannot be.
int passwd(const PasswdOptions& options);

}  // namespace uvhttpd
