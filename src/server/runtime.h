// SPDX-License-Identifier: MIT
// server/runtime.h: what one worker built from one configuration. Immutable once built but for what
// handlers keep inside; exchanges hold on to it, so that a reload never takes it from under them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <typeindex>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "config/config.h"
#include "io/event_loop.h"
#include "io/socket.h"
#include "server/activity.h"
#include "server/authenticator.h"
#include "server/published_roots.h"
#include "server/site.h"

namespace uvhttpd {

// Objects that handlers share, one of each type: a cache, say.
class SharedObjects {
 public:
  // The object of that type; made with the arguments when it is asked for first.
  template <class T, class... Args>
  std::shared_ptr<T> get(Args&&... args) {
    std::shared_ptr<void>& object = objects_[std::type_index(typeid(T))];
    if (!object) object = std::make_shared<T>(std::forward<Args>(args)...);
    return std::static_pointer_cast<T>(object);
  }

 private:
  std::map<std::type_index, std::shared_ptr<void>> objects_;
};

// What a handler is built with; outlives it, but for `site` and `config`, which live as long as the
// runtime.
struct HandlerContext {
  EventLoop& loop;
  Log& log;
  const config::Config& config;
  const config::Site& site;
  SharedObjects& shared;   // by the handlers of this runtime
  SharedObjects& lasting;  // by those of all runtimes of the worker, one after the other
  Activity& activity;      // the whole process's
  unsigned workers =
      1;  // the share of a worker in what is counted for the whole process is 1/workers
  bool serves = true;  // requests will come: what is looked after beforehand may begin
};

struct BuiltHandler {
  std::unique_ptr<Handler> handler;
  std::string name;
  std::vector<std::string> methods;  // that it takes; empty: all
  bool executes = false;
  // It has other servers answer: a rehearsal must not call it, and any field may come from there.
  bool asks_others = false;
};
// How handlers are made; app/handler_table.cpp has it.
using BuildHandler = Result<BuiltHandler> (*)(const config::Route& route,
                                              const HandlerContext& context);

// What a route is called in tables that outlive a configuration: by its site, methods and pattern.
std::string route_identity(const config::Site& site, const config::Route& route);

class Runtime {
 public:
  // `serves`: as in HandlerContext. Without `rate_limiters` no request is counted, without
  // `lasting` nothing is taken over from a runtime before; they need not outlive it.
  static Result<std::shared_ptr<Runtime>> build(std::shared_ptr<const config::Config> config,
                                                BuildHandler build_handler, EventLoop& loop,
                                                Log& log, Activity& activity, unsigned workers,
                                                bool serves = true,
                                                RateLimiters* rate_limiters = nullptr,
                                                SharedObjects* lasting = nullptr);

  // The site of the host (lower case, without port), the default site, or nullptr. An exact name
  // beats a wildcard, a longer wildcard a shorter.
  const SiteRuntime* find_site(std::string_view host) const;
  // ":8443", or "" for the usual one: where a client that reached this address finds https. Of the
  // listeners with TLS the one with the address itself, then a wildcard that takes it, then port
  // 443, then the first. Lives as long as the runtime.
  std::string_view https_port(const PeerAddress& reached) const;
  const config::Config& config() const { return *config_; }

  // Puts `replace(route, its handler)` in the place of each handler. Before the first request.
  template <class Replace>
  void replace_handlers(Replace&& replace) {
    for (const std::unique_ptr<SiteRuntime>& site : sites_) {
      for (RouteRuntime& route : site->routes) {
        route.handler = replace(route, std::move(route.handler));
      }
    }
  }

 private:
  explicit Runtime(std::shared_ptr<const config::Config> config) : config_(std::move(config)) {}
  Result<void> protect(RouteRuntime& route, const PublishedRoots& roots, EventLoop& loop, Log& log);
  void find_https_ports();

  struct HttpsPort {
    PeerAddress address;
    bool is_usual = false;
    std::string suffix;
  };
  struct HashText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::shared_ptr<const config::Config> config_;
  std::map<std::string, std::unique_ptr<Authenticator>> authenticators_;  // by their files
  std::vector<HttpsPort> https_ports_;  // of the listeners with TLS, in the order of the file
  std::vector<std::unique_ptr<SiteRuntime>> sites_;
  std::unordered_map<std::string, const SiteRuntime*, HashText, std::equal_to<>> exact_;
  std::unordered_map<std::string, const SiteRuntime*, HashText, std::equal_to<>>
      wildcard_;  // ".example.org"
  const SiteRuntime* default_site_ = nullptr;
};

}  // namespace uvhttpd
