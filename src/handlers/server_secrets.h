// SPDX-License-Identifier: MIT
// handlers/server_secrets.h: what is nobody's business but the server's, its programs' least of
// all.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/config.h"

namespace uvhttpd {

// Those of private keys and files of passwords, as the configuration names them, to which links
// lead: one that is turned leads to another secret.
std::set<std::string> directories_of_secrets(const config::Config& config);

// The configuration, /etc/uvhttpd, private keys and files of passwords. Whoever writes keys and
// passwords leaves others beside them: the key before, the copy of an editor. So their directory is
// a secret with all that it holds, and so is each that a link to them, or to that directory, lies
// in. Where programs need the directory, what has a name like the file's is a secret in it:
// "users~", ".users.swp", "privkey2.pem" beside "privkey1.pem". So it is beside the configuration.
//
// Links are followed when it is made; names are compared when it is asked.
class ServerSecrets {
 public:
  // `needed`: files and directories that programs cannot do without, nor without the directories
  // that those are in. They need roots, too, with all directories in there but hidden ones, and
  // what /usr and /usr/local consist of.
  ServerSecrets(const config::Config& config, const std::vector<std::string>& needed);

  // The path is a secret, is below one or leads to one.
  bool include(const std::string& path) const;
  // One of them is, or would be, somewhere below the path or below where it leads.
  bool are_below(const std::string& path) const;

 private:
  // How alike names are is seen without what copies have in front, and without numbers.
  struct Name {
    explicit Name(const std::string& path);
    bool is_like(const Name& secret) const;
    std::string bare;
    std::string unnumbered;
  };
  struct Likeness {
    std::string directory;
    Name name;
  };

  void add(const std::string& file);
  bool is_like_one(const std::string& path) const;

  std::vector<std::string> paths_;  // with all that is below them
  std::vector<Likeness> likenesses_;
};

}  // namespace uvhttpd
