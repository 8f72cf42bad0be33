// SPDX-License-Identifier: MIT
#include "io/tls_context.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/assert.h"
#include "base/text.h"
#include "io/tls_files.h"

namespace uvhttpd {
namespace {

// For TLS 1.2: forward secrecy and authenticated encryption only. Whatever is listed is good, so
// the peer, which knows its own hardware, chooses.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr int kSecurityLevel = 2;              // 112 bits: no RSA below 2048, no SHA-1
constexpr long kSessionSeconds = 2 * 60 * 60;  // how long a client certificate's verdict is kept

constexpr std::uint64_t kOptions = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ENABLE_KTLS |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;

// RFC 6066 section 3; "" when there is none. One that is malformed the library refuses itself.
std::string server_name_of(SSL* ssl) {
  const unsigned char* octets = nullptr;
  std::size_t size = 0;
  if (::SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &octets, &size) != 1) return {};
  constexpr std::size_t kHead = 5;  // list length, type, name length
  constexpr unsigned char kHostName = 0;
  if (size <= kHead || octets[2] != kHostName) return {};
  const std::size_t length = static_cast<std::size_t>(octets[3]) << 8 | octets[4];
  if (length > size - kHead || length > TLSEXT_MAXLEN_host_name) return {};
  std::string name = to_lower({reinterpret_cast<const char*>(octets) + kHead, length});
  if (name.find('\0') != std::string::npos) return {};
  if (name.ends_with('.')) name.pop_back();
  return name;
}

int min_version(config::TlsVersion version) {
  return version == config::TlsVersion::tls1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

int verify_mode(const config::Tls& tls) {
  if (tls.client_ca.empty()) return SSL_VERIFY_NONE;
  return tls.client_required ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER;
}

}  // namespace

void FreeSsl::operator()(ssl_st* ssl) const { ::SSL_free(ssl); }
void TlsContext::FreeContext::operator()(ssl_ctx_st* context) const { ::SSL_CTX_free(context); }

struct TlsContext::Callbacks {
  static const TlsContext& of(SSL* ssl) {
    return *static_cast<const TlsContext*>(SSL_CTX_get_app_data(::SSL_get_SSL_CTX(ssl)));
  }

  // Before anything is decided: the version, the certificate and whether a ticket will do depend on
  // the site. SSL_set_SSL_CTX takes over certificates, but no settings.
  static int on_client_hello(SSL* ssl, int*, void*) {
    const TlsContext& self = of(ssl);
    TlsInfo& info = *static_cast<TlsInfo*>(SSL_get_app_data(ssl));
    info.server_name = server_name_of(ssl);
    info.site = self.site_for(info.server_name);
    info.client_ca = self.client_cas_[info.site];
    SSL_CTX* chosen = self.sites_[info.site].get();
    ::SSL_set_SSL_CTX(ssl, chosen);
    ::SSL_set_min_proto_version(ssl, static_cast<int>(SSL_CTX_get_min_proto_version(chosen)));
    ::SSL_set_verify(ssl, ::SSL_CTX_get_verify_mode(chosen), nullptr);
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  // Only acknowledges a name that was used.
  static int on_server_name(SSL* ssl, int*, void*) {
    const TlsContext& self = of(ssl);
    const TlsInfo& info = *static_cast<const TlsInfo*>(SSL_get_app_data(ssl));
    return self.find(info.server_name) != nullptr ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
  }

  static int on_protocols(SSL*, const unsigned char** out, unsigned char* out_size,
                          const unsigned char* offered, unsigned offered_size, void* context) {
    for (const std::string& ours : static_cast<const TlsContext*>(context)->protocols_) {
      for (unsigned at = 0; at < offered_size; at += 1U + offered[at]) {
        const std::string_view name(reinterpret_cast<const char*>(offered) + at + 1, offered[at]);
        if (name != ours) continue;
        *out = offered + at + 1;
        *out_size = offered[at];
        return SSL_TLSEXT_ERR_OK;
      }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int encrypt) {
    TlsTickets& tickets = *of(ssl).tickets_;
    if (encrypt == 1) return tickets.seal(name, iv, cipher, mac) ? 1 : -1;
    switch (tickets.open(name, iv, cipher, mac)) {
      case TlsTickets::Opened::unknown: return 0;
      case TlsTickets::Opened::current: return 1;
      case TlsTickets::Opened::older: return 2;  // and a new ticket is sent
    }
    return 0;
  }

  // A session outlives the handshake in which the certificate of its client was good: one whose
  // certificate has expired since begins anew, and its client shows what it has.
  static SSL_TICKET_RETURN on_opened_ticket(SSL*, SSL_SESSION* session, const unsigned char*,
                                            std::size_t, SSL_TICKET_STATUS status, void*) {
    const bool is_renewed = status == SSL_TICKET_SUCCESS_RENEW;
    if (status != SSL_TICKET_SUCCESS && !is_renewed) return SSL_TICKET_RETURN_IGNORE_RENEW;
    const X509* client = ::SSL_SESSION_get0_peer(session);
    if (client != nullptr && ::X509_cmp_current_time(::X509_get0_notAfter(client)) <= 0) {
      return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return is_renewed ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
  }
};

class TlsContext::Builder {
 public:
  Builder(TlsContext& context, const Settings& settings, std::vector<TlsFault>& warnings)
      : context_(context), settings_(settings), warnings_(warnings), files_(faults_, warnings) {}

  std::vector<TlsFault> run() {
    context_.protocols_ = settings_.protocols;
    context_.tickets_ = settings_.tickets;
    for (const TlsSite& site : settings_.sites) add(site);
    return std::move(faults_);
  }

 private:
  using ContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;

  void add(const TlsSite& site) {
    const std::size_t index = context_.sites_.size();
    if (site.hosts.empty()) context_.default_ = index;
    for (const std::string& host : site.hosts) {
      if (host.starts_with("*.")) {
        context_.wildcard_.emplace(host.substr(1), index);
      } else {
        context_.exact_.emplace(host, index);
      }
    }
    context_.client_cas_.push_back(site.tls->client_ca);
    const std::size_t faults = faults_.size();
    const std::size_t warnings = warnings_.size();
    context_.materials_.push_back(files_.read(site));
    context_.sites_.push_back(make(site, *context_.materials_.back()));
    refuse_since(warnings);
    if (faults_.size() > faults && settings_.renewal.in_use != nullptr) keep(index, site, faults);
  }

  ContextPtr make(const TlsSite& site, const TlsMaterial& material) {
    ContextPtr made(::SSL_CTX_new(::TLS_server_method()));
    ASSERT(made != nullptr);
    set_up(made.get(), *site.tls);
    files_.use(made.get(), material);
    set_session_scope(made.get(), site, material.trusted_text);
    return made;
  }

  // Makes faults of the warnings behind the first so many.
  void refuse_since(std::size_t first) {
    if (!settings_.renewal.refuses) return;
    const auto begin = warnings_.begin() + static_cast<std::ptrdiff_t>(first);
    const auto refused = std::stable_partition(
        begin, warnings_.end(),
        [this](const TlsFault& warning) { return !settings_.renewal.refuses(warning); });
    std::move(refused, warnings_.end(), std::back_inserter(faults_));
    warnings_.erase(refused, warnings_.end());
  }

  void keep(std::size_t index, const TlsSite& site, std::size_t first_fault) {
    const auto begin = faults_.begin() + static_cast<std::ptrdiff_t>(first_fault);
    context_.kept_.push_back({index, {begin, faults_.end()}});
    faults_.erase(begin, faults_.end());
    ASSERT(index < settings_.renewal.in_use->materials_.size());
    context_.materials_[index] = settings_.renewal.in_use->materials_[index];
    context_.sites_[index] = make(site, *context_.materials_[index]);
  }

  void set_up(SSL_CTX* made, const config::Tls& tls) {
    ::SSL_CTX_set_options(made, kOptions);
    ::SSL_CTX_clear_options(made, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // One system call a record instead of two.
    ::SSL_CTX_set_read_ahead(made, 1);
    ::SSL_CTX_set_security_level(made, kSecurityLevel);
    ASSERT(SSL_CTX_set_min_proto_version(made, min_version(tls.min_version)) == 1);
    ASSERT(SSL_CTX_set_max_proto_version(made, 0) == 1);
    ASSERT(::SSL_CTX_set_cipher_list(made, kCiphers12) == 1);
    ASSERT(::SSL_CTX_set_ciphersuites(made, kCiphers13) == 1);
    ASSERT(SSL_CTX_set1_groups_list(made, kGroups) == 1);
    ::SSL_CTX_set_verify(made, verify_mode(tls), nullptr);
    SSL_CTX_set_app_data(made, &context_);
    ::SSL_CTX_set_client_hello_cb(made, Callbacks::on_client_hello, nullptr);
    SSL_CTX_set_tlsext_servername_callback(made, Callbacks::on_server_name);
    ::SSL_CTX_set_alpn_select_cb(made, Callbacks::on_protocols, &context_);
    // Sessions are in tickets only: nothing is kept here for peers.
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_timeout(made, kSessionSeconds);
    ::SSL_CTX_set_tlsext_ticket_key_evp_cb(made, Callbacks::on_ticket);
    ASSERT(::SSL_CTX_set_session_ticket_cb(made, nullptr, Callbacks::on_opened_ticket, nullptr) ==
           1);
    ::SSL_CTX_set_max_early_data(made, 0);
  }

  // A session is taken up again by the site only that began it, also after a reload, and only while
  // it trusts the same certificates of clients.
  void set_session_scope(SSL_CTX* made, const TlsSite& site, std::string_view trusted) {
    std::string scope = site.tls->client_required ? "required" : "optional";
    for (const std::string& host : site.hosts) scope += '\n' + host;
    scope += '\0';
    scope += trusted;
    const std::array<unsigned char, 32> digest = sha256(scope);
    ASSERT(::SSL_CTX_set_session_id_context(made, digest.data(), digest.size()) == 1);
  }

  TlsContext& context_;
  const Settings& settings_;
  std::vector<TlsFault>& warnings_;
  std::vector<TlsFault> faults_;
  TlsFiles files_;
};

Result<std::shared_ptr<const TlsContext>, std::vector<TlsFault>> TlsContext::build(
    const Settings& settings, std::vector<TlsFault>& warnings) {
  ASSERT(!settings.sites.empty() && settings.tickets != nullptr);
  const std::shared_ptr<TlsContext> context(new TlsContext);
  std::vector<TlsFault> faults = Builder(*context, settings, warnings).run();
  if (!faults.empty()) return Unexpected(std::move(faults));
  return std::shared_ptr<const TlsContext>(context);
}

std::size_t TlsContext::site_for(std::string_view server_name) const {
  const std::size_t* found = find(server_name);
  return found != nullptr ? *found : default_;
}

const std::size_t* TlsContext::find(std::string_view server_name) const {
  if (const auto found = exact_.find(server_name); found != exact_.end()) return &found->second;
  for (std::size_t dot = server_name.find('.'); dot != std::string_view::npos;
       dot = server_name.find('.', dot + 1)) {
    const auto found = wildcard_.find(server_name.substr(dot));
    if (found != wildcard_.end()) return &found->second;
  }
  return nullptr;
}

SslPtr TlsContext::open(TlsInfo& info) const {
  SslPtr ssl(::SSL_new(sites_[default_].get()));
  ASSERT(ssl != nullptr);
  SSL_set_app_data(ssl.get(), &info);
  ::SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace uvhttpd
