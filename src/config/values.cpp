// SPDX-License-Identifier: MIT
#include "config/values.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/text.h"

namespace uvhttpd::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
// Larger units first: the first that divides a value is the one to write it with.
constexpr std::array<Unit, 7> kSizeUnits{{{"GiB", 1 << 30},
                                          {"MiB", 1 << 20},
                                          {"KiB", 1 << 10},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"KB", 1'000},
                                          {"B", 1}}};
constexpr std::array<Unit, 4> kDurationUnits{
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

constexpr std::array<std::string_view, 33> kMethods{
    "GET",       "HEAD",     "POST",      "PUT",        "DELETE",     "OPTIONS", "PATCH",
    "TRACE",     "CONNECT",  "ACL",       "BIND",       "CHECKOUT",   "COPY",    "LINK",
    "LOCK",      "M-SEARCH", "MERGE",     "MKACTIVITY", "MKCALENDAR", "MKCOL",   "MOVE",
    "NOTIFY",    "PROPFIND", "PROPPATCH", "PURGE",      "REBIND",     "REPORT",  "SEARCH",
    "SUBSCRIBE", "UNBIND",   "UNLINK",    "UNLOCK",     "UNSUBSCRIBE"};

// What only the answer itself can know: its framing, its coding, its range, its validators.
constexpr std::array<std::string_view, 14> kFramingFields{
    "connection", "content-length",    "keep-alive",    "te",
    "trailer",    "upgrade",           "date",          "accept-ranges",
    "allow",      "transfer-encoding", "content-range", "content-encoding",
    "etag",       "last-modified"};

constexpr std::size_t kMaxText = 4096;  // of a path, a field value, a redirect's target
constexpr std::size_t kMaxFileName = 255;

bool is_token_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

// The number in front and the factor of the unit behind it; nullopt if there is no such unit or the
// product does not fit.
template <std::size_t N>
std::optional<std::uint64_t> scaled(std::string_view text, const std::array<Unit, N>& units) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<std::uint64_t> number = parse_decimal(text.substr(0, digits));
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [&](const Unit& u) { return u.name == text.substr(digits); });
  if (!number || unit == units.end() || *number > UINT64_MAX / unit->factor) return std::nullopt;
  return *number * unit->factor;
}

// Why a path can never be that of a request, which is decoded and without dot segments.
std::optional<Complaint> path_complaint(std::string_view path) {
  if (path.size() > kMaxText) return Complaint{"is longer than 4096 octets"};
  if (has_control(path)) return Complaint{"has a control character in it"};
  if (path.find_first_of("?#") != std::string_view::npos) {
    return Complaint{"is a path, without `?` or `#` and what follows them"};
  }
  for (std::size_t i = path.find('%'); i != std::string_view::npos; i = path.find('%', i + 1)) {
    if (i + 2 < path.size() && hex_value(path[i + 1]) >= 0 && hex_value(path[i + 2]) >= 0) {
      return Complaint{"is compared with the decoded path: write the character itself for " +
                       in_quotes(path.substr(i, 3))};
    }
  }
  for (std::string_view rest = path; !rest.empty();) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    if (rest.substr(0, end) == "." || rest.substr(0, end) == "..") {
      return Complaint{"has a segment `.` or `..`, which no request has left when it is compared"};
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

using Names = std::vector<std::string_view>;

// Why `text` has placeholders that mean nothing; `list` is how the message tells the known ones.
std::optional<Complaint> placeholder_complaint(std::string_view text, const Names& known,
                                               const char* list) {
  for (std::size_t open = text.find('{'); open != std::string_view::npos;
       open = text.find('{', open + 1)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return Complaint{"has a `{` without its `}`"};
    const std::string_view name = text.substr(open + 1, close - open - 1);
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = nearest(name, known);
    return Complaint{"has an unknown placeholder " + in_quotes(text.substr(open, close - open + 1)),
                     meant ? "did you mean `{" + std::string(*meant) + "}`?" : list};
  }
  return std::nullopt;
}

}  // namespace

Read<Bytes> parse_size(std::string_view text) {
  if (const auto bytes = parse_decimal(text)) return *bytes;
  if (const auto bytes = scaled(text, kSizeUnits)) return *bytes;
  return complain("is no size: " + in_quotes(text),
                  "a number of bytes, or a number with B, KB, MB, GB, KiB, MiB or GiB: \"16KiB\"");
}

Read<milliseconds> parse_duration(std::string_view text) {
  const auto duration = scaled(text, kDurationUnits);
  if (duration && *duration <= static_cast<std::uint64_t>(milliseconds::max().count())) {
    return milliseconds(static_cast<milliseconds::rep>(*duration));
  }
  return complain("is no duration: " + in_quotes(text),
                  "a number of seconds, or a whole number with ms, s, m or h: \"15s\"");
}

std::string format_size(Bytes bytes) {
  for (const Unit& unit : kSizeUnits) {
    if (unit.factor > 1 && bytes >= unit.factor && bytes % unit.factor == 0) {
      return std::to_string(bytes / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(bytes);
}

std::string format_duration(milliseconds duration) {
  const auto count = static_cast<std::uint64_t>(duration.count());
  for (const Unit& unit : kDurationUnits) {
    const bool shorter = unit.factor <= 1000 || count > unit.factor;  // "60s", but "2m"
    if (shorter && count % unit.factor == 0) {
      return std::to_string(count / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(count) + "ms";
}

Read<PathPattern> parse_pattern(std::string_view text) {
  constexpr const char* kForms = "\"/exact\", \"/prefix/*\", \"*.ext\" or \"/dir/*.ext\"";
  if (text.empty() || (text[0] != '/' && !text.starts_with("*."))) {
    return complain("must begin with `/` or `*.`, not " + in_quotes(text), kForms);
  }
  if (auto complaint = path_complaint(text)) return Unexpected(*std::move(complaint));
  PathPattern pattern;
  pattern.text = text;
  const std::size_t star = text.find('*');
  if (star == std::string_view::npos) {
    pattern.kind = PathPattern::Kind::exact;
    pattern.prefix = text;
    return pattern;
  }
  const std::string_view after = text.substr(star + 1);
  pattern.prefix = text.substr(0, star);
  if (after.find('*') != std::string_view::npos) return complain("may have one `*` only", kForms);
  if (star > 0 && text[star - 1] != '/') return complain("must have its `*` after a `/`", kForms);
  if (after.empty()) {
    pattern.kind = PathPattern::Kind::prefix;
    return pattern;
  }
  if (after.size() < 2 || after[0] != '.' || after.find('/') != std::string_view::npos) {
    return complain("may go on behind `*` only with an extension", kForms);
  }
  pattern.kind = PathPattern::Kind::extension;
  pattern.extension = after;
  return pattern;
}

bool covers(const PathPattern& outer, const PathPattern& inner) {
  using Kind = PathPattern::Kind;
  const std::string_view path = inner.prefix;
  switch (outer.kind) {
    case Kind::exact: return inner.kind == Kind::exact && path == outer.prefix;
    case Kind::prefix: return path.starts_with(outer.prefix) || outer.prefix == "/";
    case Kind::extension: break;
  }
  if (inner.kind == Kind::extension) {
    return (outer.prefix.empty() || outer.prefix == path) &&
           std::string_view(inner.extension).ends_with(outer.extension);
  }
  if (inner.kind != Kind::exact || !path.ends_with(outer.extension)) return false;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::string_view directory = path.substr(0, path.size() - name.size());
  return name.size() > outer.extension.size() &&
         (outer.prefix.empty() || directory == outer.prefix);
}

bool covers(const Route& outer, const Route& inner) {
  if (!covers(outer.path, inner.path)) return false;
  if (outer.methods.empty()) return true;
  const auto taken = [&](const std::string& method) {
    return std::find(outer.methods.begin(), outer.methods.end(), method) != outer.methods.end();
  };
  return !inner.methods.empty() && std::all_of(inner.methods.begin(), inner.methods.end(), taken);
}

Read<std::string> parse_method(std::string_view text) {
  if (std::find(kMethods.begin(), kMethods.end(), text) != kMethods.end()) return std::string(text);
  const auto meant = nearest(text, {kMethods.begin(), kMethods.end()});
  return complain("names a method that this server does not know: " + in_quotes(text),
                  meant ? "did you mean `" + std::string(*meant) + "`?" : "");
}

Read<std::string> parse_token(std::string_view text) {
  if (is_token(text)) return std::string(text);
  return complain("has a field name that is no token: " + in_quotes(text));
}

Read<std::string> parse_field_name(std::string_view text) {
  if (Read<std::string> token = parse_token(text); !token) return token;
  const std::string lower = to_lower(text);
  if (lower == "server") {
    return complain("cannot set `Server`", "use `server_header` in [server]");
  }
  if (std::find(kFramingFields.begin(), kFramingFields.end(), lower) != kFramingFields.end()) {
    return complain("cannot set " + in_quotes(text) + ", which is the server's own");
  }
  return std::string(text);
}

Read<std::string> parse_field_value(std::string_view text) {
  if (text.size() > kMaxText) return complain("is longer than 4096 octets");
  if (trim_ows(text) != text) return complain("begins or ends with a space or tab");
  const auto bad = [](char c) { return is_control(c) && c != '\t'; };
  if (std::any_of(text.begin(), text.end(), bad)) {
    return complain("has a control character in it, which no field value may have");
  }
  return std::string(text);
}

Read<std::string> parse_field_template(std::string_view text) {
  if (auto complaint = placeholder_complaint(
          text,
          {"client", "host", "scheme", "upstream", "request_id", "user", "client_verify",
           "client_subject", "client_serial", "client_fingerprint"},
          "{client}, {host}, {scheme}, {upstream}, {request_id}, {user}, {client_verify}, "
          "{client_subject}, {client_serial} and {client_fingerprint} are known")) {
    return Unexpected(*std::move(complaint));
  }
  return parse_field_value(text);
}

Read<std::string> parse_media_type(std::string_view text) {
  const std::string_view type = trim_ows(text.substr(0, text.find(';')));
  const std::size_t slash = type.find('/');
  if (slash == std::string_view::npos || !is_token(type.substr(0, slash)) ||
      !is_token(type.substr(slash + 1))) {
    return complain("is no media type: " + in_quotes(text), "such as \"text/plain\"");
  }
  return parse_field_value(text);
}

Read<std::string> parse_extension(std::string_view text) {
  const bool bad = text.size() < 2 || text[0] != '.' || has_control(text) ||
                   text.find_first_of("/* ") != std::string_view::npos;
  if (bad)
    return complain("has a key that is no extension: " + in_quotes(text), "such as \".html\"");
  return std::string(text);
}

Read<std::string> parse_redirect_target(std::string_view text) {
  if (text.empty()) return complain("must not be empty");
  if (text.size() > kMaxText) return complain("is longer than 4096 octets");
  if (auto complaint = placeholder_complaint(text, {"path", "query", "host", "scheme"},
                                             "{path}, {query}, {host} and {scheme} are known")) {
    return Unexpected(*std::move(complaint));
  }
  const auto bad = [](char c) {
    return c <= 0x20 || c >= 0x7f ||
           std::string_view("\"<>\\^`|").find(c) != std::string_view::npos;
  };
  if (const auto found = std::find_if(text.begin(), text.end(), bad); found != text.end()) {
    return complain(
        "has a character that a URL cannot have: " + in_quotes(std::string_view(&*found, 1)),
        "percent-encode it");
  }
  const std::size_t scheme_end = text.find("://");
  const bool absolute = scheme_end != std::string_view::npos;
  if (absolute || text.starts_with("//")) {
    const std::string_view rest = text.substr(absolute ? scheme_end + 3 : 2);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    if (authority.find("{path}") != std::string_view::npos ||
        authority.find("{query}") != std::string_view::npos) {
      return complain("lets a request choose the host: " + in_quotes(text),
                      "put a `/` in front of the placeholder");
    }
  }
  if (text[0] != '/' && !absolute) {
    return complain("must begin with `/` or be a whole URL", "such as \"https://{host}/{path}\"");
  }
  return std::string(text);
}

Read<std::string> parse_coding(std::string_view text) {
  constexpr std::array<std::string_view, 3> kCodings{"zstd", "br", "gzip"};
  if (std::find(kCodings.begin(), kCodings.end(), text) != kCodings.end()) return std::string(text);
  // As files and programs are called.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kOtherNames{
      {{"brotli", "br"}, {"zst", "zstd"}, {"gz", "gzip"}}};
  std::vector<std::string_view> candidates{kCodings.begin(), kCodings.end()};
  for (const auto& [name, coding] : kOtherNames) candidates.push_back(name);
  auto meant = nearest(to_lower(text), candidates);
  for (const auto& [name, coding] : kOtherNames) {
    if (meant == name) meant = coding;
  }
  return complain("knows \"zstd\", \"br\" and \"gzip\", not " + in_quotes(text),
                  meant ? "did you mean \"" + std::string(*meant) + "\"?" : "");
}

Read<std::string> parse_variable(std::string_view text) {
  const auto fits = [](char c) {
    return is_token_char(c) &&
           (is_digit(c) || c == '_' || ascii_lower(c) != c || (c >= 'a' && c <= 'z'));
  };
  if (text.empty() || is_digit(text[0]) || !std::all_of(text.begin(), text.end(), fits)) {
    return complain("has a name that no environment variable can have: " + in_quotes(text),
                    "letters, digits and `_`");
  }
  return std::string(text);
}

Read<std::string> parse_url_path(std::string_view text) {
  if (text.empty() || text[0] != '/')
    return complain("must begin with `/`, not " + in_quotes(text));
  if (auto complaint = path_complaint(text)) return Unexpected(*std::move(complaint));
  return std::string(text);
}

Read<std::string> parse_file_path(std::string_view text) {
  if (text.empty()) return std::string();
  if (text.ends_with('/')) return complain("must be a file, not a directory: " + in_quotes(text));
  return parse_url_path(text);
}

Read<std::string> parse_file_name(std::string_view text) {
  const bool bad = text.empty() || text == "." || text == ".." || text.size() > kMaxFileName ||
                   text.find('/') != std::string_view::npos;
  if (bad) return complain("has something that is no name of a file: " + in_quotes(text));
  return std::string(text);
}

Read<std::string> parse_account(std::string_view text) {
  for (const char c : text) {
    if (c <= 0x20 || c == 0x7f || c == ':' || c == '/') {
      return complain("is no name of an account: " + in_quotes(text));
    }
  }
  return std::string(text);
}

std::string absolute_path(const std::string& directory, std::string_view path) {
  std::string normal = (std::filesystem::path(directory) / path).lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

}  // namespace uvhttpd::config
