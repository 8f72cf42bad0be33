// SPDX-License-Identifier: MIT
// io/tls_files.h: reads certificates and keys, and says what is wrong with them.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "io/tls_context.h"

struct x509_st;

namespace uvhttpd {

std::array<unsigned char, 32> sha256(std::string_view octets);

// As RFC 2253 writes it, in ASCII.
std::string subject_of(const x509_st* certificate);

// For one TlsContext that is being built. Faults go to the two lists.
class TlsFiles {
 public:
  TlsFiles(std::vector<TlsFault>& faults, std::vector<TlsFault>& warnings)
      : faults_(faults), warnings_(warnings) {}

  void use_key_pairs(ssl_ctx_st* context, const TlsSite& site);
  // Has certificates of clients checked against those in the file, each of which is trusted as it
  // is, also one that is not its own issuer. Returns what was read; "" when there is none.
  std::string use_client_ca(ssl_ctx_st* context, const config::Tls& tls);

 private:
  std::optional<std::string> read(const std::string& path);
  void use_key_pair(ssl_ctx_st* context, const TlsSite& site, const config::KeyPair& pair,
                    std::vector<int>& kinds);
  void check_time(const std::string& path, const x509_st* certificate);
  void check_hosts(const std::string& path, x509_st* certificate,
                   std::span<const std::string> hosts);
  void fault(const std::string& path, std::string reason) {
    faults_.push_back({path, std::move(reason), TlsFault::Kind::unusable});
  }

  std::vector<TlsFault>& faults_;
  std::vector<TlsFault>& warnings_;
};

}  // namespace uvhttpd
