// SPDX-License-Identifier: MIT
#include "handlers/server_status.h"

#include <unistd.h>

#include <utility>
#include <variant>

#include "server/runtime.h"

namespace uvhttpd {
namespace {

// What is over is read before what has begun, and may still be ahead of it.
std::uint64_t difference(std::uint64_t begun, std::uint64_t over) {
  return begun > over ? begun - over : 0;
}

ServerStatus::Counts counts_of(const WorkerFigures& figures) {
  ServerStatus::Counts counts;
  counts.sent_bytes = figures.sent_bytes.value();
  counts.unanswered = figures.unanswered.value();
  std::uint64_t over = counts.unanswered;
  for (std::size_t i = 0; i < counts.answers.size(); ++i) {
    counts.answers[i] = figures.answers[i].value();
    over += counts.answers[i];
  }
  counts.requests = figures.requests.value();
  counts.in_flight = difference(counts.requests, over);
  const std::uint64_t closed = figures.connections_closed.value();
  counts.accepted = figures.connections_accepted.value();
  counts.open_connections = difference(counts.accepted, closed);
  return counts;
}

std::string name_of(const config::Site& site) {
  return site.hosts.empty() ? "default" : site.hosts.front();
}

std::vector<ServerStatus::Places> places_of(const config::Config& config,
                                            const Activity& activity) {
  std::vector<ServerStatus::Places> all;
  for (const config::Site& site : config.sites) {
    for (const config::Route& route : site.routes) {
      const auto* cgi = std::get_if<config::CgiHandler>(&route.handler);
      if (cgi == nullptr) continue;
      ServerStatus::Places& places = all.emplace_back();
      places.site = name_of(site);
      places.route = route.path.text;
      places.most_running = cgi->max_running;
      places.most_waiting = cgi->queue;
      const auto taken = activity.find_places(route_identity(site, route));
      if (!taken) continue;
      places.running = taken->running;
      places.waiting = taken->waiting;
    }
  }
  return all;
}

ServerStatus::Upstream upstream_of(const UpstreamFigures& figures) {
  ServerStatus::Upstream upstream;
  upstream.name = figures.name;
  upstream.workers = figures.workers_by_state();
  upstream.active = figures.active;
  upstream.idle = figures.idle;
  upstream.requests = figures.requests;
  upstream.failures = figures.failures;
  return upstream;
}

}  // namespace

ServerStatus::Counts& ServerStatus::Counts::operator+=(const Counts& other) {
  open_connections += other.open_connections;
  accepted += other.accepted;
  in_flight += other.in_flight;
  requests += other.requests;
  for (std::size_t i = 0; i < answers.size(); ++i) answers[i] += other.answers[i];
  unanswered += other.unanswered;
  sent_bytes += other.sent_bytes;
  return *this;
}

ServerStatus::Counts ServerStatus::total() const {
  Counts sum;
  for (const Worker& worker : workers) sum += worker.counts;
  return sum;
}

ServerStatus read_status(const Activity& activity, const config::Config& config) {
  ServerStatus status;
  status.pid = ::getpid();
  status.life = activity.life();
  for (const WorkerFigures* worker : activity.workers()) {
    status.workers.push_back({worker->number, counts_of(*worker)});
  }
  status.places = places_of(config, activity);
  for (Program& program : activity.programs()) {
    const Duration age = age_of(program.started);
    status.programs.push_back({std::move(program), age});
  }
  for (const auto& upstream : activity.upstreams()) {
    status.upstreams.push_back(upstream_of(*upstream));
  }
  return status;
}

}  // namespace uvhttpd
