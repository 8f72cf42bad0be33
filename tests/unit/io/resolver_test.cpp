// SPDX-License-Identifier: MIT
// unit/io/resolver_test.cpp: names that are found, names that are not, owners that do not wait.
#include "io/resolver.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "support/run_until.h"

namespace uvhttpd::tests {
namespace {

struct Owner {
  int done = 0;
  static void on_done(void* self) { ++static_cast<Owner*>(self)->done; }
};

// A label longer than 63 octets: nobody is asked, so that the answer comes at once.
const std::string kNoName = std::string(64, 'a') + ".invalid";

std::vector<std::string> texts(const std::vector<SocketAddress>& addresses) {
  std::vector<std::string> all;
  for (const SocketAddress& address : addresses) all.push_back(address.text());
  return all;
}

bool names_loopback(const Resolver& resolver, std::uint16_t port) {
  const std::string end = ":" + std::to_string(port);
  const std::vector<std::string> found = texts(resolver.addresses());
  return !found.empty() && std::all_of(found.begin(), found.end(), [&](const std::string& text) {
    return text == "127.0.0.1" + end || text == "[::1]" + end;
  });
}

// A process that can open nothing, not even /etc/hosts.
class NoMoreFiles {
 public:
  NoMoreFiles() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit none{0, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  NoMoreFiles(const NoMoreFiles&) = delete;
  NoMoreFiles& operator=(const NoMoreFiles&) = delete;
  ~NoMoreFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// A list as the system's resolver hands it out.
class Found {
 public:
  void add(const std::string& literal, std::uint16_t port) {
    auto entry = std::make_unique<Entry>();
    entry->address = *SocketAddress::of_ip(literal, port);
    entry->info.ai_addr = reinterpret_cast<sockaddr*>(&entry->address.storage);
    entry->info.ai_addrlen = entry->address.length;
    if (!entries_.empty()) entries_.back()->info.ai_next = &entry->info;
    entries_.push_back(std::move(entry));
  }
  const addrinfo* first() const { return entries_.empty() ? nullptr : &entries_.front()->info; }

 private:
  struct Entry {
    addrinfo info{};
    SocketAddress address{};
  };
  std::vector<std::unique_ptr<Entry>> entries_;
};

TEST_CASE("Resolver finds the loopback addresses of localhost, with the port") {
  EventLoop loop;
  Owner owner;
  Resolver resolver(loop, "localhost", 9000, Owner::on_done, &owner);
  CHECK_FALSE(resolver.is_running());
  CHECK(resolver.addresses().empty());
  resolver.start();
  CHECK(resolver.is_running());
  CHECK(run_until(loop, [&] { return owner.done == 1; }));
  CHECK_FALSE(resolver.is_running());
  CHECK_FALSE(resolver.error().has_value());
  CHECK(names_loopback(resolver, 9000));
}

TEST_CASE("Resolver that is started twice looks once") {
  EventLoop loop;
  Owner owner;
  Resolver resolver(loop, "localhost", 9000, Owner::on_done, &owner);
  resolver.start();
  resolver.start();
  CHECK(run_until(loop, [&] { return !resolver.is_running(); }));
  CHECK(owner.done == 1);
}

TEST_CASE("Resolver says which name it did not find") {
  EventLoop loop;
  Owner owner;
  Resolver resolver(loop, kNoName, 80, Owner::on_done, &owner);
  resolver.start();
  CHECK(run_until(loop, [&] { return owner.done == 1; }));
  REQUIRE(resolver.error().has_value());
  CHECK(resolver.error()->message.starts_with("resolving " + kNoName + ": "));
  CHECK(resolver.addresses().empty());
}

TEST_CASE("Resolver keeps what it knew when a later look fails, until one succeeds again") {
  EventLoop loop;
  Owner owner;
  Resolver resolver(loop, "localhost", 9000, Owner::on_done, &owner);
  resolver.start();
  REQUIRE(run_until(loop, [&] { return owner.done == 1; }));
  {
    const NoMoreFiles none;
    resolver.start();
    REQUIRE(run_until(loop, [&] { return owner.done == 2; }));
  }
  CHECK(resolver.error().has_value());
  CHECK(names_loopback(resolver, 9000));
  resolver.start();
  REQUIRE(run_until(loop, [&] { return owner.done == 3; }));
  CHECK_FALSE(resolver.error().has_value());
  CHECK(names_loopback(resolver, 9000));
}

TEST_CASE("Resolver that dies while it looks calls nobody") {
  Owner owner;
  {
    EventLoop loop;
    auto resolver = std::make_unique<Resolver>(loop, "localhost", 80, Owner::on_done, &owner);
    resolver->start();
    resolver.reset();
    // The loop's destructor waits for what is left.
  }
  CHECK(owner.done == 0);
}

TEST_CASE("Resolver may die in its own callback, or be started again there") {
  EventLoop loop;
  struct Chain {
    std::unique_ptr<Resolver> resolver{};
    int done = 0;
    static void on_done(void* self) {
      auto* chain = static_cast<Chain*>(self);
      if (++chain->done < 3) {
        chain->resolver->start();
      } else {
        chain->resolver.reset();
      }
    }
  } chain;
  chain.resolver = std::make_unique<Resolver>(loop, "localhost", 80, Chain::on_done, &chain);
  chain.resolver->start();
  CHECK(run_until(loop, [&] { return chain.resolver == nullptr; }));
  CHECK(chain.done == 3);
}

TEST_CASE("distinct_addresses keeps the order and drops what comes again") {
  Found found;
  CHECK(distinct_addresses(found.first()).empty());
  found.add("10.0.0.2", 80);
  found.add("::1", 80);
  found.add("10.0.0.2", 80);
  found.add("10.0.0.1", 80);
  found.add("::1", 80);
  CHECK(texts(distinct_addresses(found.first())) ==
        std::vector<std::string>{"10.0.0.2:80", "[::1]:80", "10.0.0.1:80"});
}

TEST_CASE("distinct_addresses takes no more than its limit") {
  Found found;
  for (unsigned i = 0; i < kMaxResolvedAddresses + 5; ++i) {
    found.add("10.0.0." + std::to_string(i), 80);
  }
  const std::vector<SocketAddress> taken = distinct_addresses(found.first());
  CHECK(taken.size() == kMaxResolvedAddresses);
  CHECK(taken.back().text() == "10.0.0.15:80");
}

}  // namespace
}  // namespace uvhttpd::tests
