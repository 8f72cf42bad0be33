// SPDX-License-Identifier: MIT
// support/tls_certificates.h: certificates and keys as a test needs them, made on the spot.
#pragma once

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace uvhttpd::tests {

struct FreeOpenSsl {
  void operator()(X509* certificate) const { ::X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { ::BIO_free_all(bio); }
};
using CertificatePtr = std::unique_ptr<X509, FreeOpenSsl>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeOpenSsl>;
using BioPtr = std::unique_ptr<BIO, FreeOpenSsl>;

enum class KeyKind { ecdsa, rsa, weak_rsa, unusual_curve };

inline KeyPtr make_key(KeyKind kind) {
  KeyPtr key;
  switch (kind) {
    case KeyKind::ecdsa: key.reset(::EVP_EC_gen("P-256")); break;
    case KeyKind::unusual_curve: key.reset(::EVP_EC_gen("secp256k1")); break;
    case KeyKind::rsa: key.reset(::EVP_RSA_gen(2048)); break;
    case KeyKind::weak_rsa: key.reset(::EVP_RSA_gen(1024)); break;
  }
  REQUIRE(key != nullptr);
  return key;
}

inline std::string text_in(const BioPtr& bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

struct TestCertificate {
  struct Wanted {
    std::string name = {};   // common name
    std::string hosts = {};  // "DNS:a.example, IP:127.0.0.1"; empty: none
    KeyKind kind = KeyKind::ecdsa;
    long begins = -3600;  // seconds from now
    long ends = 86400;
    const TestCertificate* issuer = nullptr;  // absent: itself
    bool is_authority = false;
    std::string uses = {};  // of its extended key usage: "serverAuth"; empty: none is named
  };

  explicit TestCertificate(const Wanted& wanted)
      : key(make_key(wanted.kind)), certificate(::X509_new()) {
    X509* made = certificate.get();
    const TestCertificate& issuer = wanted.issuer != nullptr ? *wanted.issuer : *this;
    ::X509_set_version(made, X509_VERSION_3);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(made), 0x1234);
    ::X509_gmtime_adj(X509_getm_notBefore(made), wanted.begins);
    ::X509_gmtime_adj(X509_getm_notAfter(made), wanted.ends);
    ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(wanted.name.c_str()), -1,
                                 -1, 0);
    ::X509_set_issuer_name(made, ::X509_get_subject_name(issuer.certificate.get()));
    ::X509_set_pubkey(made, key.get());
    extend(issuer, NID_basic_constraints, wanted.is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!wanted.uses.empty()) extend(issuer, NID_ext_key_usage, wanted.uses.c_str());
    if (!wanted.hosts.empty()) extend(issuer, NID_subject_alt_name, wanted.hosts.c_str());
    REQUIRE(::X509_sign(made, issuer.key.get(), ::EVP_sha256()) > 0);
  }

  std::string pem() const {
    const BioPtr bio(::BIO_new(::BIO_s_mem()));
    REQUIRE(::PEM_write_bio_X509(bio.get(), certificate.get()) == 1);
    return text_in(bio);
  }
  std::string key_pem(const char* password = nullptr) const {
    const BioPtr bio(::BIO_new(::BIO_s_mem()));
    REQUIRE(::PEM_write_bio_PKCS8PrivateKey(
                bio.get(), key.get(), password != nullptr ? ::EVP_aes_256_cbc() : nullptr, password,
                password != nullptr ? 4 : 0, nullptr, nullptr) == 1);
    return text_in(bio);
  }

  KeyPtr key;
  CertificatePtr certificate;

 private:
  void extend(const TestCertificate& issuer, int nid, const char* value) {
    X509V3_CTX context{};
    ::X509V3_set_ctx(&context, issuer.certificate.get(), certificate.get(), nullptr, nullptr, 0);
    X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    REQUIRE(extension != nullptr);
    ::X509_add_ext(certificate.get(), extension, -1);
    ::X509_EXTENSION_free(extension);
  }
};

}  // namespace uvhttpd::tests
