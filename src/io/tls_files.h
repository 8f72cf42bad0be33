// SPDX-License-Identifier: MIT
// io/tls_files.h: reads certificates and keys, and says what is wrong with them.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "io/tls_context.h"

struct evp_pkey_st;
struct x509_st;

namespace uvhttpd {

std::array<unsigned char, 32> sha256(std::string_view octets);

// As RFC 2253 writes it, in ASCII.
std::string subject_of(const x509_st* certificate);

struct FreeTlsObject {
  void operator()(x509_st* certificate) const;
  void operator()(evp_pkey_st* key) const;
};
using Certificate = std::unique_ptr<x509_st, FreeTlsObject>;
using PrivateKey = std::unique_ptr<evp_pkey_st, FreeTlsObject>;

// What the files of a site say.
struct TlsMaterial {
  struct Pair {
    std::string file;  // the certificate's
    std::vector<Certificate> chain;
    PrivateKey key;
  };
  std::vector<Pair> pairs;
  std::vector<Certificate> trusted;  // that certificates of clients are checked against
  std::string trusted_text;          // that they were read from; "" when there are none
};

// For one TlsContext that is being built. Faults go to the two lists.
class TlsFiles {
 public:
  TlsFiles(std::vector<TlsFault>& faults, std::vector<TlsFault>& warnings)
      : faults_(faults), warnings_(warnings) {}

  // As much as can be used of it.
  std::shared_ptr<const TlsMaterial> read(const TlsSite& site);
  // Has certificates of clients checked against those that are trusted, each as it is, also one
  // that is not its own issuer.
  void use(ssl_ctx_st* context, const TlsMaterial& material);

 private:
  std::optional<std::string> read(const std::string& path);
  void read_key_pair(const TlsSite& site, const config::KeyPair& pair, TlsMaterial& material);
  void read_client_ca(const std::string& path, TlsMaterial& material);
  void use(ssl_ctx_st* context, const TlsMaterial::Pair& pair);
  void check_uses(const std::string& path, x509_st* certificate);
  void check_curve(const std::string& path, const evp_pkey_st* key);
  void check_time(const std::string& path, const x509_st* certificate);
  void check_hosts(const std::string& path, x509_st* certificate,
                   std::span<const std::string> hosts);
  void fault(const std::string& path, std::string reason, int os_error = 0) {
    faults_.push_back({path, std::move(reason), TlsFault::Kind::unusable, os_error});
  }
  void doubt(const std::string& path, std::string reason) {
    warnings_.push_back({path, std::move(reason), TlsFault::Kind::doubtful});
  }

  std::vector<TlsFault>& faults_;
  std::vector<TlsFault>& warnings_;
};

}  // namespace uvhttpd
