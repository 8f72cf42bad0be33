// SPDX-License-Identifier: MIT
// config/read_own_rules.cpp: whether what a route says of who is let in holds for all its paths.
#include <algorithm>
#include <span>

#include "config/readers.h"

namespace uvhttpd::config {
namespace {

using Methods = std::vector<std::string>;  // empty: all

bool has(const Methods& methods, const std::string& method) {
  return methods.empty() || std::find(methods.begin(), methods.end(), method) != methods.end();
}

// Nullopt: none.
std::optional<Methods> common_methods(const Methods& one, const Methods& other) {
  if (one.empty()) return other;
  Methods both;
  std::copy_if(one.begin(), one.end(), std::back_inserter(both),
               [&](const std::string& method) { return has(other, method); });
  return both.empty() ? std::nullopt : std::optional(std::move(both));
}

// What the configuration itself says is no answer to protect.
bool answers_from_files_or_programs(const Route& route) {
  return !std::holds_alternative<RedirectHandler>(route.handler) &&
         !std::holds_alternative<RespondHandler>(route.handler) &&
         !std::holds_alternative<StatusHandler>(route.handler);
}

// Whether "*.ext" of the route also takes paths that go on behind the name of a program.
bool takes_path_info(const Route& route) {
  const auto runs = [](const ScriptRules& rules) {
    return !rules.root.empty() && !rules.split.empty();
  };
  if (const auto* fastcgi = std::get_if<FastCgiHandler>(&route.handler)) {
    return runs(fastcgi->script);
  }
  if (const auto* scgi = std::get_if<ScgiHandler>(&route.handler)) return runs(scgi->script);
  return std::holds_alternative<CgiHandler>(route.handler);
}

// Requests of a route that one before it answers.
struct Taken {
  PathPattern paths;  // those with an extension below a directory
  bool with_path_info = false;
  Methods methods;
};

std::optional<Taken> taken_by(const Route& earlier, const Route& route) {
  const PathPattern& outer = earlier.path;
  const PathPattern& inner = route.path;
  const bool is_wider = outer.kind == PathPattern::Kind::extension &&
                        inner.kind == PathPattern::Kind::prefix &&
                        inner.prefix.starts_with(outer.prefix);
  if (!is_wider || !answers_from_files_or_programs(earlier)) return std::nullopt;
  auto methods = common_methods(earlier.methods, route.methods);
  if (!methods) return std::nullopt;
  const std::string directory = inner.prefix == "/" ? "" : inner.prefix;
  return Taken{
      {outer.kind, directory + "*" + outer.extension, inner.prefix, outer.extension},
      takes_path_info(earlier),
      *std::move(methods),
  };
}

bool takes_paths(const Route& route, const Taken& taken) {
  const PathPattern& path = route.path;
  if (!taken.paths.prefix.starts_with(path.prefix)) return false;
  switch (path.kind) {
    case PathPattern::Kind::exact: return false;
    case PathPattern::Kind::prefix: return true;
    case PathPattern::Kind::extension: break;
  }
  return std::string_view(taken.paths.extension).ends_with(path.extension) &&
         (!taken.with_path_info || takes_path_info(route));
}

// Whether the routes leave none of it.
bool is_gone_behind(std::span<const Placed> routes, const Taken& taken) {
  const auto is_gone = [&](const auto& takes_method) {
    return std::any_of(routes.begin(), routes.end(), [&](const Placed& before) {
      return takes_paths(*before.route, taken) && takes_method(before.route->methods);
    });
  };
  if (taken.methods.empty()) return is_gone([](const Methods& methods) { return methods.empty(); });
  return std::all_of(taken.methods.begin(), taken.methods.end(), [&](const std::string& method) {
    return is_gone([&](const Methods& methods) { return has(methods, method); });
  });
}

bool have_same_users(const std::optional<Auth>& one, const std::optional<Auth>& other) {
  return one.has_value() == other.has_value() && (!one || one->users == other->users);
}

bool are_same(const Access& one, const Access& other) {
  const auto same = [](const std::vector<Network>& some, const std::vector<Network>& others) {
    return std::is_permutation(some.begin(), some.end(), others.begin(), others.end());
  };
  return same(one.allow, other.allow) && same(one.deny, other.deny);
}

// `auth = false`, `allow = []` or `deny = []` in the earlier route says that it is open on purpose.
bool loses_auth(const Site& site, const Route& earlier, const Route& route) {
  if (!route.auth || have_same_users(route.auth, site.auth)) return false;
  const bool is_meant = !earlier.auth && earlier.key_lines.auth != site.key_lines.auth;
  return !is_meant && !have_same_users(route.auth, earlier.auth);
}

bool loses_access(const Site& site, const Route& earlier, const Route& route) {
  if (are_same(route.access, site.access) || are_same(route.access, earlier.access)) return false;
  const bool has_own = earlier.key_lines.allow != site.key_lines.allow ||
                       earlier.key_lines.deny != site.key_lines.deny;
  return !has_own || !are_same(earlier.access, {});
}

// The keys of the route that the earlier one does without.
std::vector<std::string> lost_keys(const Site& site, const Route& earlier, const Route& route) {
  std::vector<std::string> keys;
  if (loses_auth(site, earlier, route)) keys.emplace_back("`auth`");
  if (!loses_access(site, earlier, route)) return keys;
  if (!route.access.allow.empty()) keys.emplace_back("`allow`");
  if (!route.access.deny.empty()) keys.emplace_back("`deny`");
  return keys;
}

// "`auth` and `deny` of this route do".
std::string subject_of(const std::vector<std::string>& keys) {
  std::string text = keys[0];
  for (std::size_t i = 1; i < keys.size(); ++i) {
    text += (i + 1 == keys.size() ? " and " : ", ") + keys[i];
  }
  return text + (keys.size() == 1 ? " of this route does" : " of this route do");
}

}  // namespace

void check_own_rules(const Site& site, const std::vector<Placed>& earlier, const Placed& route,
                     Faults& faults) {
  for (std::size_t i = 0; i < earlier.size(); ++i) {
    const Placed& other = earlier[i];
    const std::vector<std::string> keys = lost_keys(site, *other.route, *route.route);
    if (keys.empty()) continue;
    const std::optional<Taken> taken = taken_by(*other.route, *route.route);
    if (!taken || is_gone_behind(std::span(earlier).first(i), *taken)) continue;
    const std::string paths = in_quotes(taken->paths.text);
    const std::string& pattern = other.route->path.text;
    std::string hint = "the other is in line " + std::to_string(faults.line_of(other.at.start)) +
                       ": give it the same";
    if (pattern != taken->paths.text) {
      hint += ", or put a route for " + paths + " that has it in front";
    }
    faults.warn(route.at,
                subject_of(keys) + " not hold for " + paths + ": " + in_quotes(pattern) +
                    " before it takes them",
                std::move(hint));
  }
}

}  // namespace uvhttpd::config
