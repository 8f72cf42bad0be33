// SPDX-License-Identifier: MIT
// config/read_tls.cpp: what the file says about certificates, and whether listeners and sites fit.
#include <algorithm>
#include <set>

#include "config/readers.h"
#include "config/values.h"

namespace uvhttpd::config {
namespace {

constexpr std::size_t kMaxKeyPairs = 8;  // of a site: there are not more kinds of keys
constexpr const char* kHstsForm = "\"max-age=31536000; includeSubDomains\" is a year";

// One file or several, which have to be there.
std::vector<std::string> read_files(TableReader& tls, Reading& reading, std::string_view key) {
  std::vector<std::string> files;
  const Node* node = tls.find(key);
  if (node == nullptr) return files;
  std::set<std::string> seen;
  const auto read_one = [&](const Node& element) {
    if (element.integer_too_large) return;
    Read<std::string> file = as_text(element);
    if (file) file = reading.path()(*file);
    if (!file) {
      tls.complain_about(element, key, std::move(file).error());
    } else if (!seen.insert(*file).second) {
      tls.complain_about(element, key, {"names " + in_quotes(*file) + " twice"});
    } else {
      reading.check_file(element.value, key, *file);
      files.push_back(*std::move(file));
    }
  };
  if (node->kind == Node::Kind::string) {
    read_one(*node);
  } else if (node->kind != Node::Kind::array) {
    tls.complain_about(
        *node, key,
        {"must be a string or an array of strings, not " + std::string(description(*node))});
  } else if (node->children.empty()) {
    tls.complain_about(*node, key, {"names no file"});
  } else if (node->children.size() > kMaxKeyPairs) {
    tls.complain_about(*node, key, {"names more than " + std::to_string(kMaxKeyPairs) + " files"});
  } else {
    for (const Node& element : node->children) read_one(element);
  }
  return files;
}

std::size_t count_of(const Node& files) {
  return files.kind == Node::Kind::array ? files.children.size() : 1;
}

void read_key_pairs(TableReader& tls, Reading& reading, Tls& read) {
  const std::vector<std::string> certificates = read_files(tls, reading, "certificate");
  const std::vector<std::string> keys = read_files(tls, reading, "key");
  for (const std::string_view key : {"certificate", "key"}) {
    if (tls.has(key)) continue;
    tls.faults().add(tls.table().value, "`tls` needs " + in_quotes(key),
                     "certificate = \"fullchain.pem\", key = \"privkey.pem\"");
  }
  const Node* certificate = tls.find("certificate");
  const Node* key = tls.find("key");
  if (certificate == nullptr || key == nullptr) return;
  if (count_of(*certificate) != count_of(*key)) {
    tls.complain_about(*key, "key",
                       {"has " + std::to_string(count_of(*key)) + " for the " +
                            std::to_string(count_of(*certificate)) + " of `certificate`",
                        "each certificate has its key at the same place"});
  }
  for (std::size_t i = 0; i < std::min(certificates.size(), keys.size()); ++i) {
    read.key_pairs.push_back({certificates[i], keys[i]});
  }
}

void read_client_certificates(TableReader& tls, Reading& reading, Tls& read) {
  constexpr std::array<Choice<bool>, 2> kWishes{{{"required", true}, {"optional", false}}};
  const TextParser parse = reading.path();
  tls.read_text("client_ca", read.client_ca, [&](std::string_view text) {
    return text.empty() ? Read<std::string>(std::string()) : parse(text);
  });
  reading.check_file(tls.span_of("client_ca"), "client_ca", read.client_ca);
  const bool has_wish = tls.read("client_certificate", read.client_required,
                                 [&](const Node& node) { return as_choice(node, kWishes); });
  const Node* client_ca = tls.find("client_ca");
  const bool has_ca = client_ca != nullptr && !client_ca->text.empty();
  const bool is_faulty = client_ca != nullptr && client_ca->kind != Node::Kind::string;
  if (!has_wish || has_ca || is_faulty) return;
  tls.faults().add(tls.span_of("client_certificate"),
                   "`client_certificate` needs `client_ca`, the authorities that are believed",
                   "client_ca = \"clients.pem\"");
}

// The lower-case name of a directive of Strict-Transport-Security.
Read<std::string_view> parse_directive(std::string_view text) {
  constexpr std::array<std::string_view, 3> kNames{"max-age", "includesubdomains", "preload"};
  const std::size_t equals = text.find('=');
  const bool has_value = equals != std::string_view::npos;
  const std::string_view written = trim_ows(text.substr(0, equals));
  const auto* name = std::find(kNames.begin(), kNames.end(), to_lower(written));
  if (name == kNames.end()) {
    return complain("knows max-age, includeSubDomains and preload, not " + in_quotes(text),
                    kHstsForm);
  }
  if (name != kNames.begin()) {
    if (!has_value) return *name;
    return complain("has a value for " + in_quotes(written) + ", which takes none", kHstsForm);
  }
  const std::string_view age = has_value ? trim_ows(text.substr(equals + 1)) : "";
  if (parse_decimal(age)) return *name;
  return complain("must have a number of seconds as `max-age`, not " + in_quotes(age), kHstsForm);
}

// RFC 6797 section 6.1; empty: none.
Read<std::string> parse_hsts(std::string_view text) {
  std::set<std::string_view> seen;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view directive = trim_ows(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (directive.empty()) continue;
    const Read<std::string_view> name = parse_directive(directive);
    if (!name) return Unexpected(name.error());
    if (!seen.insert(*name).second) return complain("says " + in_quotes(*name) + " twice");
  }
  if (!text.empty() && seen.count("max-age") == 0) return complain("needs `max-age`", kHstsForm);
  return parse_field_value(text);
}

const Node* member_of(const Node& table, std::string_view name) {
  const auto found = std::find_if(table.children.begin(), table.children.end(),
                                  [&](const Node& member) { return member.name == name; });
  return found == table.children.end() ? nullptr : &*found;
}

// The members of that name in an array of tables.
std::vector<const Node*> members_of(TableReader& root, std::string_view tables,
                                    std::string_view name) {
  std::vector<const Node*> members;
  const Node* array = root.find(tables);
  if (array == nullptr || array->kind != Node::Kind::array) return members;
  for (const Node& table : array->children) {
    if (table.kind != Node::Kind::table) continue;
    if (const Node* member = member_of(table, name)) members.push_back(member);
  }
  return members;
}

// Anything but false: what has been reported may be meant so.
bool is_wanted(const Node* node) { return node->kind != Node::Kind::boolean || node->boolean; }

}  // namespace

void read_tls(TableReader& table, Reading& reading, std::optional<Tls>& tls) {
  constexpr std::array<Choice<TlsVersion>, 2> kVersions{
      {{"1.2", TlsVersion::tls1_2}, {"1.3", TlsVersion::tls1_3}}};
  const Node* node = table.find_table("tls");
  if (node == nullptr) return;
  Tls read;
  TableReader reader(*node, "`tls`", table.faults());
  read_key_pairs(reader, reading, read);
  read_client_certificates(reader, reading, read);
  reader.read("min_version", read.min_version,
              [&](const Node& value) { return as_choice(value, kVersions); });
  reader.read_text("hsts", read.hsts, parse_hsts);
  read.client_ca_line = reader.line_of("client_ca");
  read.hsts_line = reader.line_of("hsts");
  reader.report_unknown();
  tls = std::move(read);
}

void check_tls(TableReader& root, Faults& faults) {
  const std::vector<const Node*> listeners = members_of(root, "listener", "tls");
  const std::vector<const Node*> sites = members_of(root, "site", "tls");
  const bool has_listener = std::any_of(listeners.begin(), listeners.end(), is_wanted);
  if (!has_listener) {
    for (const Node* site : sites) {
      faults.warn(site->value, "`tls` is of no use here: no listener has `tls = true`");
    }
  } else if (sites.empty()) {
    for (const Node* listener : listeners) {
      if (!is_wanted(listener)) continue;
      faults.add(listener->value, "`tls` needs a certificate, but no site has `tls`",
                 "in a [[site]]: tls = { certificate = \"fullchain.pem\", key = \"privkey.pem\" }");
    }
  }
  const std::vector<const Node*> proxies = members_of(root, "listener", "trusted_proxies");
  const bool has_proxy = std::any_of(proxies.begin(), proxies.end(),
                                     [](const Node* list) { return !list->children.empty(); });
  const std::vector<const Node*> prefaced = members_of(root, "listener", "proxy_protocol");
  const bool has_preface = std::any_of(prefaced.begin(), prefaced.end(), is_wanted);
  if (has_listener || has_proxy || has_preface) return;
  for (const Node* redirect : members_of(root, "site", "redirect_https")) {
    if (!is_wanted(redirect)) continue;
    faults.warn(redirect->value,
                "`redirect_https` leads to where nothing listens: no listener has `tls = true`",
                "a proxy in front that speaks TLS has to be named in `trusted_proxies`");
  }
}

}  // namespace uvhttpd::config
