// SPDX-License-Identifier: MIT
// config/readers.h: the parts of a Config, each read from its table of the file. A reader reports
// all it finds wrong and leaves the default where a value is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  void check_directory(Span at, std::string_view key, const std::string& path,
                       const std::string& hint = {}) const;
  // Of a file below a root; nothing if that is no directory to read, which has been reported then.
  void check_below(Span at, std::string_view key, const std::string& root, const std::string& path,
                   const std::string& hint = {}) const;
  void check_program(Span at, std::string_view key, const std::string& path) const;
  void check_file(Span at, std::string_view key, const std::string& path) const;
  void check_exists(Span at, std::string_view key, const std::string& path) const;
  // Whether one of the directories that the absolute path leads through is closed to accounts that
  // neither own it nor are in its group. False when the disk is not looked at.
  bool is_out_of_reach(const std::string& path) const;
  // A path of the file as an absolute one.
  TextParser path() const;

 private:
  struct Wanted {
    unsigned type;  // S_IFDIR, S_IFREG
    const char* other_type;
    int access;  // R_OK, X_OK
    const char* no_access;
    std::string hint = {};
  };
  void check(Span at, std::string_view key, const std::string& path, const Wanted& wanted) const;
};

void read_server(const Node& table, Reading& reading, Server& server);
void read_limits(const Node& table, Reading& reading, Limits& limits);
void read_access_log(const Node& table, Reading& reading, AccessLog& log);
void read_cache(const Node& table, Reading& reading, Cache& cache);
void read_types(TableReader& root, std::map<std::string, std::string>& types);
void read_listeners(TableReader& root, Reading& reading, std::vector<Listener>& listeners);
void read_sites(TableReader& root, Reading& reading, const Limits& limits,
                std::vector<Site>& sites);
// `sites` are all of the file.
void read_expectations(TableReader& root, Reading& reading, const std::vector<Site>& sites,
                       std::vector<Expect>& expectations);

// Of one site, all of whose other keys have been read.
void read_routes(TableReader& site_table, Reading& reading, Site& site);
// The keys of the handlers that hand requests on, for a route of that pattern.
FastCgiHandler read_fastcgi(TableReader& table, Reading& reading, const Site& site,
                            const PathPattern& pattern);
ScgiHandler read_scgi(TableReader& table, Reading& reading, const Site& site,
                      const PathPattern& pattern);
ProxyHandler read_proxy(TableReader& table, const PathPattern& pattern);
// The keys of FileRules but root, which sites and routes share.
void read_file_rules(TableReader& table, FileRules& rules);
void read_headers(TableReader& table, Fields& headers, std::vector<PatternFields>& by_path);
// Of a program's environment: names and values.
void read_variables(TableReader& table, std::string_view key,
                    std::vector<std::pair<std::string, std::string>>& variables);
// Leaves what there is if the table has no `cors`.
void read_cors(TableReader& table, std::optional<Cors>& cors);
void read_body_bytes(TableReader& table, std::string_view key, Bytes& bytes);
void read_send_rate(TableReader& table, Bytes& bytes);
// Leaves nothing of what there is if the table has `allow` or `deny`.
void read_access(TableReader& table, Access& access);
// Leaves the lines of keys that the table does not have.
void read_key_lines(const TableReader& table, KeyLines& lines);
// Each leaves what there is if the table has no such key, and takes it away where that is false.
void read_auth(TableReader& table, Reading& reading, std::optional<Auth>& auth);
void read_rate_limit(TableReader& table, std::optional<RateLimit>& limit);
void read_tls(TableReader& table, Reading& reading, std::optional<Tls>& tls);
// A route whose pattern and methods are known, and where its pattern stands.
struct Placed {
  const Route* route;
  Span at;
};
// Warns of the routes in `earlier`, which stand before `route`, that take some of its requests and
// have not its own `auth`, `allow` and `deny`. All are of the site.
void check_own_rules(const Site& site, const std::vector<Placed>& earlier, const Placed& route,
                     Faults& faults);
// What listeners and sites that have been read say of TLS has to fit together.
void check_tls(TableReader& root, Faults& faults);
// A route with what it has of its site, all of whose other keys have been read.
Route route_of(const Site& site);

}  // namespace uvhttpd::config
