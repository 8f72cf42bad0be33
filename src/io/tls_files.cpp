// SPDX-License-Identifier: MIT
#include "io/tls_files.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/assert.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace uvhttpd {
namespace {

constexpr std::uint64_t kMaxFile = 4 << 20;  // a list of all public authorities has 200 KiB

struct FreeBio {
  void operator()(BIO* bio) const { ::BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

// What the library has to say about the last call: its first word is the cause.
std::string library_reason() {
  const unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  const char* reason = ::ERR_reason_error_string(code);
  return reason != nullptr ? reason : "no reason given";
}

Bio memory(const std::string& content) {
  Bio bio(::BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
  ASSERT(bio != nullptr);
  return bio;
}

struct NamedContent {
  const std::string& path;
  const std::string& content;
};

template <class T, void (*free)(T*), class Decode>
bool is_in_der(const std::string& content, Decode decode) {
  const auto* at = reinterpret_cast<const unsigned char*>(content.data());
  T* object = decode(nullptr, &at, static_cast<long>(content.size()));
  free(object);
  ::ERR_clear_error();
  return object != nullptr;
}

bool is_pkcs12(const std::string& content) {
  return is_in_der<PKCS12, ::PKCS12_free>(content, ::d2i_PKCS12);
}

// Of a file without any in PEM.
std::string why_no_certificate(const NamedContent& file) {
  if (is_in_der<X509, ::X509_free>(file.content, ::d2i_X509)) {
    return "is in DER, but PEM is needed: openssl x509 -inform DER -in " + file.path;
  }
  if (is_pkcs12(file.content)) {
    return "is in PKCS#12, but PEM is needed: openssl pkcs12 -nokeys -in " + file.path;
  }
  const bool has_key = file.content.find("PRIVATE KEY-----") != std::string::npos;
  return std::string("no certificate in it") + (has_key ? ", but a private key" : "");
}

std::string why_no_key(const NamedContent& file) {
  if (is_in_der<EVP_PKEY, ::EVP_PKEY_free>(file.content, ::d2i_AutoPrivateKey)) {
    return "is in DER, but PEM is needed: openssl pkey -inform DER -in " + file.path;
  }
  if (is_pkcs12(file.content)) {
    return "is in PKCS#12, but PEM is needed: openssl pkcs12 -nocerts -noenc -in " + file.path;
  }
  const bool has_certificate = file.content.find("CERTIFICATE-----") != std::string::npos;
  return std::string("no private key in it") + (has_certificate ? ", but a certificate" : "");
}

// All certificates of the file; what is wrong with it is told in `reason`.
std::vector<Certificate> certificates_in(const NamedContent& file, std::string& reason) {
  const Bio bio = memory(file.content);
  std::vector<Certificate> all;
  ::ERR_clear_error();
  while (X509* next = ::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    all.emplace_back(next);
  }
  const bool is_over = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!is_over) {
    reason = "not a certificate in PEM: " + library_reason();
  } else if (all.empty()) {
    reason = why_no_certificate(file);
  }
  ::ERR_clear_error();
  return all;
}

// The library would ask the terminal for a password.
int refuse_password(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

PrivateKey key_in(const NamedContent& file, std::string& reason) {
  const Bio bio = memory(file.content);
  bool is_encrypted = false;
  ::ERR_clear_error();
  PrivateKey key(::PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, &is_encrypted));
  if (key == nullptr) {
    const bool is_missing = file.content.find("PRIVATE KEY-----") == std::string::npos;
    reason = is_encrypted ? "the key is encrypted, and nobody is there to enter a password"
             : is_missing ? why_no_key(file)
                          : "not a private key in PEM: " + library_reason();
  }
  ::ERR_clear_error();
  return key;
}

std::string text_of(const ASN1_TIME* time) {
  const Bio bio(::BIO_new(::BIO_s_mem()));
  ::ASN1_TIME_print_ex(bio.get(), time, ASN1_DTFLGS_ISO8601);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

// The certificate that the key belongs to, or nullptr.
const X509* owner_of(const EVP_PKEY* key, const std::vector<Certificate>& chain) {
  const auto found = std::find_if(chain.begin(), chain.end(), [key](const Certificate& each) {
    return ::X509_check_private_key(each.get(), key) == 1;
  });
  ::ERR_clear_error();
  return found != chain.end() ? found->get() : nullptr;
}

// Of a key that the library would refuse for its size; 0: it is large enough.
int bits_of_weak_key(const X509* certificate) {
  constexpr int kSecurityBits = 112;  // of its security level 2
  const EVP_PKEY* key = ::X509_get0_pubkey(certificate);
  if (key == nullptr || ::EVP_PKEY_get_security_bits(key) >= kSecurityBits) return 0;
  return ::EVP_PKEY_get_bits(key);
}

bool is_for(X509* certificate, const std::string& host) {
  if (host.starts_with('[')) {
    return ::X509_check_ip_asc(certificate, host.substr(1, host.size() - 2).c_str(), 0) == 1;
  }
  if (::X509_check_ip_asc(certificate, host.c_str(), 0) == 1) return true;
  // A wildcard's certificate holds for whatever is in the place of the asterisk.
  const std::string name = host.starts_with('*') ? "any-name" + host.substr(1) : host;
  return ::X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1;
}

}  // namespace

void FreeTlsObject::operator()(X509* certificate) const { ::X509_free(certificate); }
void FreeTlsObject::operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }

std::array<unsigned char, 32> sha256(std::string_view octets) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  ASSERT(::EVP_Digest(octets.data(), octets.size(), digest.data(), &size, ::EVP_sha256(),
                      nullptr) == 1);
  return digest;
}

std::string subject_of(const X509* certificate) {
  const Bio bio(::BIO_new(::BIO_s_mem()));
  ::X509_NAME_print_ex(bio.get(), ::X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::optional<std::string> TlsFiles::read(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) {
    const int error = errno;
    fault(path, reason_not_opened(path, error), error == ENOENT ? 0 : error);
    return std::nullopt;
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    const int error = errno;
    fault(path, std::generic_category().message(error), error);
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) {
    fault(path, "not a file");
    return std::nullopt;
  }
  Result<std::string> content =
      read_file(file.get(), static_cast<std::uint64_t>(status.st_size), kMaxFile);
  if (!content) {
    fault(path, content.error().message, content.error().os_error);
    return std::nullopt;
  }
  return std::move(*content);
}

std::shared_ptr<const TlsMaterial> TlsFiles::read(const TlsSite& site) {
  const auto material = std::make_shared<TlsMaterial>();
  for (const config::KeyPair& pair : site.tls->key_pairs) read_key_pair(site, pair, *material);
  if (!site.tls->client_ca.empty()) read_client_ca(site.tls->client_ca, *material);
  return material;
}

void TlsFiles::read_key_pair(const TlsSite& site, const config::KeyPair& pair,
                             TlsMaterial& material) {
  std::vector<Certificate> chain;
  std::string reason;
  if (const std::optional<std::string> content = read(pair.certificate)) {
    chain = certificates_in({pair.certificate, *content}, reason);
    if (!reason.empty()) {
      fault(pair.certificate, reason);
      chain.clear();
    }
  }
  PrivateKey key;
  if (std::optional<std::string> content = read(pair.key)) {
    key = key_in({pair.key, *content}, reason = {});
    ::OPENSSL_cleanse(content->data(), content->size());
    if (key == nullptr) fault(pair.key, reason);
  }
  if (chain.empty()) return;
  X509* leaf = chain.front().get();
  const X509* owner = key != nullptr ? owner_of(key.get(), chain) : leaf;
  if (owner != nullptr && owner != leaf) {
    return fault(pair.certificate, "the certificate of " + subject_of(owner) + ", which the key " +
                                       pair.key + " belongs to, must be the first in it");
  }
  for (const Certificate& each : chain) check_time(pair.certificate, each.get());
  check_hosts(pair.certificate, leaf, site.hosts);
  check_uses(pair.certificate, leaf);
  if (key == nullptr) return;
  if (owner == nullptr) {
    return fault(pair.key, "the key does not belong to the certificate " + pair.certificate);
  }
  for (const Certificate& each : chain) {
    const int bits = bits_of_weak_key(each.get());
    if (bits == 0) continue;
    return fault(pair.certificate, "the key of " + subject_of(each.get()) + " has " +
                                       std::to_string(bits) +
                                       " bits: RSA needs 2048, an elliptic curve 224");
  }
  check_curve(pair.key, key.get());
  const int kind = ::EVP_PKEY_get_base_id(key.get());
  for (const TlsMaterial::Pair& other : material.pairs) {
    if (::EVP_PKEY_get_base_id(other.key.get()) != kind) continue;
    return fault(pair.certificate, "a second certificate with the same kind of key");
  }
  material.pairs.push_back({pair.certificate, std::move(chain), std::move(key)});
}

void TlsFiles::read_client_ca(const std::string& path, TlsMaterial& material) {
  std::optional<std::string> content = read(path);
  if (!content) return;
  std::string reason;
  std::vector<Certificate> trusted = certificates_in({path, *content}, reason);
  if (!reason.empty()) return fault(path, reason);
  for (const Certificate& each : trusted) check_time(path, each.get());
  const bool has_authority =
      std::any_of(trusted.begin(), trusted.end(),
                  [](const Certificate& each) { return ::X509_check_ca(each.get()) != 0; });
  if (!has_authority) {
    doubt(path,
          "no certificate of an authority in it: only clients with these very certificates "
          "are let in");
  }
  if (content->find("-----BEGIN X509 CRL-----") != std::string::npos) {
    doubt(path, "a revocation list in it is not used");
  }
  material.trusted = std::move(trusted);
  material.trusted_text = std::move(*content);
}

void TlsFiles::use(SSL_CTX* context, const TlsMaterial& material) {
  for (const TlsMaterial::Pair& pair : material.pairs) use(context, pair);
  if (material.trusted.empty()) return;
  X509_STORE* store = ::SSL_CTX_get_cert_store(context);
  ::X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  for (const Certificate& each : material.trusted) {
    ::X509_STORE_add_cert(store, each.get());
    ::SSL_CTX_add_client_CA(context, each.get());
  }
}

void TlsFiles::use(SSL_CTX* context, const TlsMaterial::Pair& pair) {
  STACK_OF(X509)* others = sk_X509_new_null();
  for (std::size_t i = 1; i < pair.chain.size(); ++i) sk_X509_push(others, pair.chain[i].get());
  // Takes references of its own.
  if (::SSL_CTX_use_cert_and_key(context, pair.chain.front().get(), pair.key.get(), others, 1) !=
      1) {
    fault(pair.file, library_reason());
  }
  sk_X509_free(others);
}

void TlsFiles::check_time(const std::string& path, const X509* certificate) {
  const ASN1_TIME* begin = ::X509_get0_notBefore(certificate);
  const ASN1_TIME* end = ::X509_get0_notAfter(certificate);
  std::string reason;
  if (::X509_cmp_current_time(begin) > 0) reason = "is not valid before " + text_of(begin);
  if (::X509_cmp_current_time(end) < 0) reason = "has expired at " + text_of(end);
  if (reason.empty()) return;
  warnings_.push_back({path, "the certificate of " + subject_of(certificate) + " " + reason,
                       TlsFault::Kind::expired});
}

void TlsFiles::check_hosts(const std::string& path, X509* certificate,
                           std::span<const std::string> hosts) {
  std::string missing;
  for (const std::string& host : hosts) {
    if (is_for(certificate, host)) continue;
    if (!missing.empty()) missing += ", ";
    missing += host;
  }
  if (missing.empty()) return;
  warnings_.push_back({path, "the certificate is not for " + missing, TlsFault::Kind::wrong_host});
}

// What clients look at besides (RFC 5280 section 4.2.1.12, RFC 9110 section 4.3.4).
void TlsFiles::check_uses(const std::string& path, X509* certificate) {
  constexpr std::uint32_t kServers = XKU_SSL_SERVER | XKU_ANYEKU;
  if ((::X509_get_extended_key_usage(certificate) & kServers) == 0) {
    doubt(path, "the certificate is not for servers: its extended key usage lacks serverAuth");
  }
  if (::X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) < 0) {
    doubt(path, "the certificate has no subjectAltName: browsers look for their host nowhere else");
  }
}

// RFC 8446 section 4.2.3.
void TlsFiles::check_curve(const std::string& path, const EVP_PKEY* key) {
  constexpr std::string_view kKnown[] = {"prime256v1", "secp384r1", "secp521r1",
                                         "P-256",      "P-384",     "P-521"};
  char name[64] = "";
  std::size_t length = 0;
  if (::EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
      ::EVP_PKEY_get_group_name(key, name, sizeof name, &length) != 1) {
    return;
  }
  const std::string_view curve(name, length);
  if (std::find(std::begin(kKnown), std::end(kKnown), curve) != std::end(kKnown)) return;
  doubt(path,
        "the key is on the curve " + std::string(curve) + ", which clients of TLS 1.3 do not take");
}

}  // namespace uvhttpd
