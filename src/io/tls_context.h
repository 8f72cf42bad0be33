// SPDX-License-Identifier: MIT
// io/tls_context.h: the certificates and settings for the names of a server.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "io/tls_info.h"
#include "io/tls_tickets.h"

struct ssl_st;
struct ssl_ctx_st;

namespace uvhttpd {

struct TlsFault {
  enum class Kind : std::uint8_t {
    unusable,    // nothing can be served with it
    expired,     // or not yet valid: peers will refuse the certificate
    wrong_host,  // peers that ask for one of the site's hosts will
    doubtful,    // some peers will
  };
  std::string file;    // the bad one
  std::string reason;  // "the key does not belong to the certificate /etc/ssl/a.pem"
  Kind kind = Kind::unusable;
  // Why the system did not give the file, which may pass without it being touched: a lack of
  // descriptors, say. 0: it is missing, or what is in it is at fault.
  int os_error = 0;
};

struct TlsSite {
  std::vector<std::string> hosts;    // as of config::Site; empty: for all other names
  const config::Tls* tls = nullptr;  // must outlive build() only
};

struct TlsMaterial;
class TlsContext;

// Where files are read again while a server runs.
struct TlsRenewal {
  // Of the same sites. Each whose new files cannot be used goes on with what it has there. Absent:
  // that is an error.
  std::shared_ptr<const TlsContext> in_use;
  // Of the faults that are warnings otherwise, those with which a file is not used. May be empty.
  std::function<bool(const TlsFault&)> refuses;
};

// A site that goes on with what it had, and why.
struct TlsKept {
  std::size_t site = 0;  // its place in Settings::sites
  std::vector<TlsFault> faults;
};

struct FreeSsl {
  void operator()(ssl_st* ssl) const;
};
using SslPtr = std::unique_ptr<ssl_st, FreeSsl>;

// Immutable once built; threads share it. Streams keep the one they began with.
class TlsContext {
 public:
  struct Settings {
    std::span<const TlsSite> sites;  // in the order of the file; never empty
    // That are spoken inside, the preferred first: a peer which offers protocols, but none of
    // these, is turned away (RFC 7301 section 3.2).
    std::vector<std::string> protocols;
    std::shared_ptr<TlsTickets> tickets;
    TlsRenewal renewal = {};
  };

  // Reads all files. Gives every fault that makes something unusable, not only the first. Faults
  // of the other kinds go to `warnings`: an operator may need the server up in spite of them.
  static Result<std::shared_ptr<const TlsContext>, std::vector<TlsFault>> build(
      const Settings& settings, std::vector<TlsFault>& warnings);

  // With TlsRenewal::in_use: the sites that have nothing new.
  const std::vector<TlsKept>& kept() const { return kept_; }
  std::size_t site_count() const { return sites_.size(); }

  // The site for a server name in lower case: an exact host beats a wildcard, a longer wildcard a
  // shorter one. An unknown or empty name is for the site without hosts, else for the first.
  std::size_t site_for(std::string_view server_name) const;

  // The server's side of a new stream, which has no BIO yet. The context must outlive it; `info`,
  // too: site and server name are written to it when the peer's first message is there.
  SslPtr open(TlsInfo& info) const;

 private:
  class Builder;
  struct FreeContext {
    void operator()(ssl_ctx_st* context) const;
  };
  struct Callbacks;

  TlsContext() = default;
  const std::size_t* find(std::string_view server_name) const;

  std::vector<std::unique_ptr<ssl_ctx_st, FreeContext>> sites_;
  std::vector<std::shared_ptr<const TlsMaterial>> materials_;  // of the sites, in the same order
  std::vector<TlsKept> kept_;
  std::vector<std::string> client_cas_;  // likewise
  std::map<std::string, std::size_t, std::less<>> exact_;
  std::map<std::string, std::size_t, std::less<>> wildcard_;  // ".example.org"
  std::size_t default_ = 0;
  std::vector<std::string> protocols_;
  std::shared_ptr<TlsTickets> tickets_;
};

}  // namespace uvhttpd
