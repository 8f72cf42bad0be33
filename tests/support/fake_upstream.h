// SPDX-License-Identifier: MIT
// support/fake_upstream.h: a server on a real loopback socket that does what a list of steps says.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "io/socket.h"

namespace uvhttpd::tests {

// One thing that an upstream does with one connection.
struct Step {
  enum class Kind : std::uint8_t {
    expect,  // waits until `text` has come, and forgets all up to its end
    send,
    wait,   // until release()
    end,    // sends no more, but still reads
    close,  // what is unread is read before
    reset,
    deaf,  // reads nothing from now on
    hear,  // reads again
  };
  Kind kind;
  std::string text{};
};
using Steps = std::vector<Step>;

inline Step expect(std::string text) { return {Step::Kind::expect, std::move(text)}; }
inline Step send(std::string text) { return {Step::Kind::send, std::move(text)}; }
inline Step wait() { return {Step::Kind::wait}; }
inline Step end_output() { return {Step::Kind::end}; }
inline Step close_it() { return {Step::Kind::close}; }
inline Step reset_it() { return {Step::Kind::reset}; }
inline Step be_deaf() { return {Step::Kind::deaf}; }
inline Step hear_again() { return {Step::Kind::hear}; }

// One that the upstream has accepted.
class FakeConnection {
 public:
  FakeConnection(UniqueFd fd, Steps steps) : fd_(std::move(fd)), steps_(std::move(steps)) {}

  void turn() {
    read();
    while (at_ < steps_.size() && take(steps_[at_])) ++at_;
  }
  void release() { ++released_; }

  // All that has come.
  const std::string& received() const { return received_; }
  bool has_played() const { return at_ == steps_.size(); }
  // The peer has sent all it will, or has reset the connection.
  bool is_ended() const { return is_ended_; }
  bool is_reset() const { return is_reset_; }

 private:
  void read() {
    char bytes[65536];
    while (fd_ && !is_deaf_ && !is_ended_) {
      const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) {
        is_ended_ = true;
        is_reset_ = got < 0;
        return;
      }
      received_.append(bytes, static_cast<std::size_t>(got));
    }
  }

  // False when it must be tried again.
  bool take(Step& step) {
    switch (step.kind) {
      case Step::Kind::expect: {
        const std::size_t found = received_.find(step.text, looked_at_);
        if (found == std::string::npos) return false;
        looked_at_ = found + step.text.size();
        return true;
      }
      case Step::Kind::send: return write(step.text);
      case Step::Kind::wait:
        if (released_ == 0) return false;
        --released_;
        return true;
      case Step::Kind::end: ::shutdown(fd_.get(), SHUT_WR); return true;
      case Step::Kind::close: fd_.reset(); return true;
      case Step::Kind::reset: {
        const linger at_once{1, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        fd_.reset();
        return true;
      }
      case Step::Kind::deaf: is_deaf_ = true; return true;
      case Step::Kind::hear: is_deaf_ = false; return true;
    }
    return true;
  }

  bool write(std::string& text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) return errno != EAGAIN;  // nobody is there to be told any more
      text.erase(0, static_cast<std::size_t>(sent));
    }
    return true;
  }

  UniqueFd fd_;
  Steps steps_;
  std::size_t at_ = 0;
  std::string received_;
  std::size_t looked_at_ = 0;
  int released_ = 0;
  bool is_deaf_ = false;
  bool is_ended_ = false;
  bool is_reset_ = false;
};

// Does what it can in each turn(), which the test calls while its loop turns. Connections beyond
// the lists of steps are accepted, read and left alone.
class FakeUpstream {
 public:
  FakeUpstream() { listen(); }
  FakeUpstream(const FakeUpstream&) = delete;
  FakeUpstream& operator=(const FakeUpstream&) = delete;

  // "127.0.0.1:34567"
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }

  // What is done with the next connection that has none yet.
  FakeUpstream& play(Steps steps) {
    plans_.push_back(std::move(steps));
    return *this;
  }
  // Connections are refused, until listen().
  void refuse() { listener_.reset(); }
  void listen() {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    // Connections inherit it: one that is not read from is soon full.
    const int small = 64 << 10;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0);
    REQUIRE(::listen(listener_.get(), 64) == 0);
    port_ = local_address(listener_.get()).port;
  }

  void turn() {
    while (listener_) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) break;
      Steps steps;
      if (!plans_.empty()) {
        steps = std::move(plans_.front());
        plans_.pop_front();
      }
      connections_.push_back(std::make_unique<FakeConnection>(std::move(fd), std::move(steps)));
    }
    for (const auto& connection : connections_) connection->turn();
  }

  std::size_t accepted() const { return connections_.size(); }
  FakeConnection& operator[](std::size_t number) {
    REQUIRE(number < connections_.size());
    return *connections_[number];
  }

 private:
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::deque<Steps> plans_;
  std::vector<std::unique_ptr<FakeConnection>> connections_;
};

}  // namespace uvhttpd::tests
