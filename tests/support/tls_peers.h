// SPDX-License-Identifier: MIT
// support/tls_peers.h: both ends of an encrypted stream: a client whose octets on the wire the test
// has in its hands, and an owner that uses the transport as a server does.
#pragma once

#include <doctest/doctest.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/tls_transport.h"
#include "support/run_until.h"
#include "support/socket_pairs.h"
#include "support/temp_dir.h"
#include "support/tls_certificates.h"

namespace uvhttpd::tests {

// Files and a configuration for sites that are added one after another.
class TestSites {
 public:
  void add(std::vector<std::string> hosts, const std::vector<const TestCertificate*>& pairs,
           config::Tls tls = {}) {
    for (const TestCertificate* pair : pairs) {
      const std::string name = std::to_string(++files_);
      directory.write(name + ".pem", pair->pem());
      directory.write(name + ".key", pair->key_pem());
      tls.key_pairs.push_back({directory / (name + ".pem"), directory / (name + ".key")});
    }
    settings_.push_back(std::make_unique<config::Tls>(std::move(tls)));
    sites.push_back({std::move(hosts), settings_.back().get()});
  }
  std::string file(const std::string& name, const std::string& content) {
    directory.write(name, content);
    return directory / name;
  }
  Result<std::shared_ptr<const TlsContext>, std::vector<TlsFault>> try_build() {
    return TlsContext::build({sites, {"test/1"}, tickets}, warnings);
  }
  std::shared_ptr<const TlsContext> build() {
    auto built = try_build();
    if (!built) FAIL(built.error().front().file << ": " << built.error().front().reason);
    return *built;
  }

  TempDir directory;
  std::vector<TlsSite> sites;
  std::vector<TlsFault> warnings;
  std::shared_ptr<TlsTickets> tickets = std::make_shared<TlsTickets>();

 private:
  int files_ = 0;
  std::vector<std::unique_ptr<config::Tls>> settings_;
};

class TlsClient {
 public:
  struct Options {
    int version = 0;  // 0: any
    std::string server_name = {};
    std::string protocols = {};  // of ALPN, as on the wire: "\x06test/1"
    const char* signatures = nullptr;
    const TestCertificate* certificate = nullptr;
    SSL_SESSION* session = nullptr;
  };

  explicit TlsClient(const Options& options) : context_(::SSL_CTX_new(::TLS_client_method())) {
    ::SSL_CTX_set_security_level(context_.get(), 0);
    ::SSL_CTX_set_session_cache_mode(context_.get(),
                                     SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ::SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION* session) {
      static_cast<TlsClient*>(SSL_get_app_data(ssl))->session_.reset(session);
      return 1;
    });
    ssl_.reset(::SSL_new(context_.get()));
    SSL_set_app_data(ssl_.get(), this);
    if (options.version != 0) {
      SSL_set_min_proto_version(ssl_.get(), options.version);
      SSL_set_max_proto_version(ssl_.get(), options.version);
    }
    if (!options.server_name.empty()) {
      SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str());
    }
    if (!options.protocols.empty()) {
      ::SSL_set_alpn_protos(ssl_.get(),
                            reinterpret_cast<const unsigned char*>(options.protocols.data()),
                            static_cast<unsigned>(options.protocols.size()));
    }
    if (options.signatures != nullptr) SSL_set1_sigalgs_list(ssl_.get(), options.signatures);
    if (options.certificate != nullptr) {
      ::SSL_use_certificate(ssl_.get(), options.certificate->certificate.get());
      ::SSL_use_PrivateKey(ssl_.get(), options.certificate->key.get());
    }
    if (options.session != nullptr) ::SSL_set_session(ssl_.get(), options.session);
    input_ = ::BIO_new(::BIO_s_mem());
    output_ = ::BIO_new(::BIO_s_mem());
    BIO_set_mem_eof_return(input_, -1);
    ::SSL_set_bio(ssl_.get(), input_, output_);
    ::SSL_set_connect_state(ssl_.get());
    step();
  }

  // Otherwise the library takes a session that was not closed for spoiled.
  ~TlsClient() { ::SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // Octets from the server.
  void take(std::string_view octets) {
    ::BIO_write(input_, octets.data(), static_cast<int>(octets.size()));
    step();
  }
  void write(std::string_view text) {
    REQUIRE(::SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) ==
            static_cast<int>(text.size()));
  }
  // Octets for the server.
  std::string wire() {
    std::string octets(::BIO_ctrl_pending(output_), '\0');
    if (!octets.empty()) {
      octets.resize(static_cast<std::size_t>(
          ::BIO_read(output_, octets.data(), static_cast<int>(octets.size()))));
    }
    return octets;
  }
  void close() { ::SSL_shutdown(ssl_.get()); }

  bool is_established() const { return ::SSL_is_init_finished(ssl_.get()) == 1; }
  bool has_seen_close() const {
    return (::SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  std::string server_certificate() const {
    const CertificatePtr certificate(::SSL_get1_peer_certificate(ssl_.get()));
    if (certificate == nullptr) return {};
    std::array<char, 256> name{};
    ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate.get()), NID_commonName,
                                name.data(), name.size());
    return name.data();
  }
  SSL* ssl() const { return ssl_.get(); }
  SSL_SESSION* session() const { return session_.get(); }

  std::string got;
  std::string failure;  // the first, in the library's words

 private:
  void step() {
    ::ERR_clear_error();
    int result = is_established() ? 1 : ::SSL_do_handshake(ssl_.get());
    std::array<char, 16384> octets;
    while (result > 0 && is_established()) {
      result = ::SSL_read(ssl_.get(), octets.data(), static_cast<int>(octets.size()));
      if (result > 0) got.append(octets.data(), static_cast<std::size_t>(result));
    }
    const unsigned long code = ::ERR_peek_error();
    if (code != 0 && failure.empty()) failure = ::ERR_reason_error_string(code);
    ::ERR_clear_error();
  }

  struct Free {
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { ::SSL_free(ssl); }
    void operator()(SSL_SESSION* session) const { ::SSL_SESSION_free(session); }
  };
  std::unique_ptr<SSL_SESSION, Free> session_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  BIO* input_ = nullptr;
  BIO* output_ = nullptr;
};

// Reads whenever it is told to while `is_reading`, sends what is in `queue`.
class TlsOwner {
 public:
  TlsOwner(EventLoop& loop, UniqueFd socket, std::shared_ptr<const TlsContext> context,
           TlsTransport::Options options = {})
      : transport(std::in_place, loop, std::move(socket), on_ready, this, std::move(context),
                  std::move(options)) {
    ::signal(SIGPIPE, SIG_IGN);  // as the program does
  }

  void start() {
    receive();
    update();
  }
  void receive() {
    std::string room(room_bytes, '\0');
    result = transport->receive({room.data(), room.size()});
    CHECK((result.bytes == 0 || result.kind == IoResult::Kind::done));
    got.append(room.data(), result.bytes);
    has_ended = has_ended || result.kind == IoResult::Kind::end;
    has_failed = has_failed || result.kind == IoResult::Kind::failed;
  }
  void send() {
    const IoResult sent = transport->send(queue, 1 << 18);
    is_blocked = sent.kind == IoResult::Kind::blocked;
    was_blocked = was_blocked || is_blocked;
    if (sent.kind == IoResult::Kind::failed) {
      has_failed = true;
      result = sent;
    }
  }
  void update() {
    const bool is_over = has_ended || has_failed;
    transport->want((is_reading && !is_over ? ready::kReadable : ready::kNothing) |
                    (is_blocked && !has_failed ? ready::kWritable : ready::kNothing));
  }
  const TlsInfo& info() const { return *transport->tls(); }

  bool is_reading = true;
  bool is_blocked = false;
  bool was_blocked = false;
  bool has_ended = false;
  bool has_failed = false;
  std::size_t room_bytes = 64 << 10;
  int callbacks = 0;
  unsigned seen = ready::kNothing;
  IoResult result;
  std::string got;
  SendQueue queue;
  std::optional<TlsTransport> transport;

 private:
  static void on_ready(void* owner, unsigned now) {
    auto* self = static_cast<TlsOwner*>(owner);
    ++self->callbacks;
    self->seen |= now;
    if ((now & ready::kGone) != 0) self->has_failed = true;
    if ((now & ready::kReadable) != 0) self->receive();
    if (!self->queue.empty() && !self->has_failed) self->send();
    self->update();
  }
};

// Both ends, over TCP.
struct TlsPair {
  TlsPair(std::shared_ptr<const TlsContext> context, const TlsClient::Options& client_options,
          TlsTransport::Options options = {}, SocketPair pair = prompt(tcp_pair()))
      : theirs(std::move(pair.theirs)),
        owner(loop, std::move(pair.ours), std::move(context), std::move(options)),
        client(client_options) {}

  // As connections that a listener accepts are: small records do not wait for each other.
  static SocketPair prompt(SocketPair pair) {
    const int yes = 1;
    ::setsockopt(pair.ours.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ::setsockopt(pair.theirs.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return pair;
  }

  // What each has for the other changes hands.
  void exchange() {
    outgoing += client.wire();
    while (!outgoing.empty() && theirs) {
      const ssize_t sent =
          ::send(theirs.get(), outgoing.data(), outgoing.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) break;
      outgoing.erase(0, static_cast<std::size_t>(sent));
    }
    if (!theirs) return;
    std::array<char, 65536> octets;
    const ssize_t size = ::recv(theirs.get(), octets.data(), octets.size(), MSG_DONTWAIT);
    if (size > 0) client.take({octets.data(), static_cast<std::size_t>(size)});
    has_seen_fin = has_seen_fin || size == 0;
    has_seen_reset = has_seen_reset || (size < 0 && errno == ECONNRESET);
  }
  template <class Condition>
  bool until(Condition&& holds) {
    return run_until(loop, [&] {
      exchange();
      return holds();
    });
  }
  bool shake() {
    owner.start();
    return until([&] { return owner.info().is_established && client.is_established(); });
  }
  // Until both have had the chance to say something about it.
  bool fails() {
    owner.start();
    return until([&] { return owner.has_failed; }) && until([&] {
             if (owner.transport) owner.transport.reset();
             return has_seen_fin || has_seen_reset;
           });
  }

  EventLoop loop;
  UniqueFd theirs;
  TlsOwner owner;
  TlsClient client;
  std::string outgoing;
  bool has_seen_fin = false;
  bool has_seen_reset = false;
};

inline std::string pattern_octets(std::size_t size) {
  std::string octets(size, '\0');
  for (std::size_t i = 0; i < size; ++i) octets[i] = static_cast<char>('a' + i * 7 % 26);
  return octets;
}

}  // namespace uvhttpd::tests
