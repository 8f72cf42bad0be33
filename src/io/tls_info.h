// SPDX-License-Identifier: MIT
// io/tls_info.h: what is known of the encryption of one stream.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace uvhttpd {

struct TlsInfo {
  bool is_established = false;  // the handshake is complete
  // The peer spoke something else than TLS: octets go through as they come, in both directions.
  bool is_plain = false;
  std::size_t site = 0;        // index of the TlsSite whose certificate and settings are used
  std::string_view client_ca;  // by which the site judges client certificates; "": asks for none
  std::string server_name;     // that the peer asked for (RFC 6066 section 3), lower case; "": none
  std::string_view version;    // "TLSv1.3"
  std::string_view cipher;     // "TLS_AES_128_GCM_SHA256"
  std::string_view protocol;   // agreed on by ALPN (RFC 7301); "": none was asked for
  bool is_resumed = false;
  bool has_client_certificate = false;
  std::string client_verify = "NONE";  // "SUCCESS" with a certificate: others are not let in
  std::string client_subject;          // RFC 2253
  std::string client_serial;           // hexadecimal
  std::string client_fingerprint;      // SHA-256 of the certificate, hexadecimal
  // For logs, as the library says it: why the handshake failed, and what of that is about the
  // peer's certificate; "": nothing.
  std::string_view failure;
  std::string_view certificate_fault;
};

}  // namespace uvhttpd
