// SPDX-License-Identifier: MIT
// config/readers.h: the parts of a Config, each read from its table of the file. A reader reports
// all it finds wrong and leaves the default where a value is.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "config/document.h"
#include "config/source.h"
#include "config/table_reader.h"

namespace uvhttpd::config {

// What all readers share while one file is read.
class Reading {
 public:
  Faults& faults;
  const std::string directory;  // relative paths start here
  const bool check_disk;

  Reading(Faults& all_faults, std::string in_directory, bool checks_disk)
      : faults(all_faults), directory(std::move(in_directory)), check_disk(checks_disk) {}

  // Each reports at `at`, as a fault of the key, what does not suit the path.
  bool check_directory(Span at, std::string_view key, const std::string& path) const;
  void check_file(Span at, std::string_view key, const std::string& path) const;
  void check_program(Span at, std::string_view key, const std::string& path) const;
  // A path of the file as an absolute one.
  TextParser path() const;

 private:
  struct Wanted {
    unsigned type;  // S_IFDIR, S_IFREG
    const char* other_type;
    int access;  // R_OK, X_OK
    const char* no_access;
  };
  bool check(Span at, std::string_view key, const std::string& path, Wanted wanted) const;
};

void read_server(const Node& table, Reading& reading, Server& server);
void read_limits(const Node& table, Reading& reading, Limits& limits);
void read_access_log(const Node& table, Reading& reading, AccessLog& log);
void read_cache(const Node& table, Reading& reading, Cache& cache);
void read_types(TableReader& root, std::map<std::string, std::string>& types);
void read_listeners(TableReader& root, Reading& reading, std::vector<Listener>& listeners);
void read_sites(TableReader& root, Reading& reading, const Limits& limits,
                std::vector<Site>& sites);

// Of one site, all of whose other keys have been read.
void read_routes(TableReader& site_table, Reading& reading, Site& site);
// The keys of FileRules but root, which sites and routes share.
void read_file_rules(TableReader& table, FileRules& rules);
void read_headers(TableReader& table, Fields& headers);
void read_body_bytes(TableReader& table, std::string_view key, Bytes& bytes);

}  // namespace uvhttpd::config
