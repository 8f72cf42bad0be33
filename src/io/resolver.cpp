// SPDX-License-Identifier: MIT
#include "io/resolver.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace uvhttpd {
namespace {

// RFC 6761 section 6.3 and what is usual in /etc/hosts. On a machine without a network these have
// addresses all the same, of kinds that no interface but the loopback has.
bool is_loopback_name(const std::string& host) {
  return host == "localhost" || host.starts_with("localhost.") || host.ends_with(".localhost") ||
         host == "ip6-localhost" || host == "ip6-loopback";
}

}  // namespace

struct Resolver::Job {
  uv_getaddrinfo_t request;
  EventLoop* loop;
  Resolver* resolver;  // absent once it has gone
};

std::vector<SocketAddress> distinct_addresses(const addrinfo* found) {
  std::vector<SocketAddress> distinct;
  for (; found != nullptr && distinct.size() < kMaxResolvedAddresses; found = found->ai_next) {
    if (found->ai_addr == nullptr || found->ai_addrlen > sizeof(sockaddr_storage)) continue;
    SocketAddress address;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.length = found->ai_addrlen;
    if (std::find(distinct.begin(), distinct.end(), address) == distinct.end()) {
      distinct.push_back(address);
    }
  }
  return distinct;
}

Resolver::Resolver(EventLoop& loop, std::string host, std::uint16_t port, Callback done,
                   void* owner)
    : loop_(loop), host_(std::move(host)), port_(port), done_(done), owner_(owner) {}

Resolver::~Resolver() {
  if (job_ == nullptr) return;
  job_->resolver = nullptr;
  // Refused once the look-up has begun: then it ends by itself and tells nobody.
  uv_cancel(reinterpret_cast<uv_req_t*>(&job_->request));
}

void Resolver::start() {
  if (job_ != nullptr) return;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (is_loopback_name(host_) ? 0 : AI_ADDRCONFIG);
  job_ = new Job{{}, &loop_, this};
  job_->request.data = job_;
  loop_.work_began();
  const int failure = uv_getaddrinfo(loop_.raw(), &job_->request, on_found, host_.c_str(),
                                     std::to_string(port_).c_str(), &hints);
  ASSERT(failure == 0);
}

void Resolver::on_found(uv_getaddrinfo_t* request, int status, addrinfo* found) {
  Job* job = static_cast<Job*>(request->data);
  Resolver* resolver = job->resolver;
  job->loop->work_ended();
  delete job;
  if (resolver != nullptr) {
    resolver->job_ = nullptr;
    resolver->take(status, found);
  }
  uv_freeaddrinfo(found);
  if (resolver != nullptr) resolver->done_(resolver->owner_);
}

void Resolver::take(int status, const addrinfo* found) {
  std::vector<SocketAddress> distinct = distinct_addresses(found);
  if (status != 0) {
    error_ = Error{"resolving " + host_ + ": " + uv_strerror(status)};
  } else if (distinct.empty()) {
    error_ = Error{"resolving " + host_ + ": no addresses"};
  } else {
    addresses_ = std::move(distinct);
    error_.reset();
  }
}

}  // namespace uvhttpd
