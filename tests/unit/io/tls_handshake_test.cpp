// SPDX-License-Identifier: MIT
// unit/io/tls_handshake_test.cpp: what two peers agree on, and whom we turn away.
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <thread>

#include "support/tls_peers.h"

namespace uvhttpd::tests {
namespace {

constexpr int kVersions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

// One site with one certificate.
struct OneSite {
  TestCertificate certificate{{"a.example", "DNS:a.example"}};
  TestSites sites;
  explicit OneSite(config::Tls tls = {}) {
    sites.add({"a.example"}, {&certificate}, std::move(tls));
  }
};

TEST_CASE("TLS 1.2 and 1.3 are spoken, with strong ciphers only") {
  OneSite one;
  TlsPair old(one.sites.build(), {.version = TLS1_2_VERSION});
  REQUIRE(old.shake());
  CHECK(old.owner.info().version == "TLSv1.2");
  CHECK(old.owner.info().cipher.starts_with("ECDHE-ECDSA-"));
  CHECK_FALSE(old.owner.info().has_client_certificate);
  CHECK(old.owner.info().client_verify == "NONE");
  TlsPair recent(one.sites.build(), {});
  REQUIRE(recent.shake());
  CHECK(recent.owner.info().version == "TLSv1.3");
  CHECK(recent.owner.info().cipher.starts_with("TLS_"));
}

TEST_CASE("What is too old is refused with an alert") {
  OneSite one;
  TlsPair old(one.sites.build(), {.version = TLS1_1_VERSION});
  CHECK(old.fails());
  CHECK(old.owner.result.error == EPROTO);
  CHECK(old.client.failure.find("protocol version") != std::string::npos);
  for (const char* ciphers : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"}) {
    CAPTURE(ciphers);
    TlsPair weak(one.sites.build(), {});
    SSL_CTX* context = ::SSL_CTX_new(::TLS_client_method());
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    ::SSL_CTX_set_security_level(context, 0);
    REQUIRE(::SSL_CTX_set_cipher_list(context, ciphers) == 1);
    SSL* ssl = ::SSL_new(context);
    BIO* output = ::BIO_new(::BIO_s_mem());
    ::SSL_set_bio(ssl, ::BIO_new(::BIO_s_mem()), output);
    ::SSL_connect(ssl);
    char* hello = nullptr;
    const long size = BIO_get_mem_data(output, &hello);
    send_text(weak.theirs, {hello, static_cast<std::size_t>(size)});
    weak.owner.start();
    CHECK(run_until(weak.loop, [&] { return weak.owner.has_failed; }));
    CHECK(weak.owner.info().failure == "no shared cipher");
    ::SSL_free(ssl);
    ::SSL_CTX_free(context);
  }
}

TEST_CASE("A site's own least version holds for its names only") {
  const TestCertificate certificate({"x", "DNS:old.example, DNS:new.example"});
  TestSites sites;
  config::Tls strict;
  strict.min_version = config::TlsVersion::tls1_3;
  sites.add({"new.example"}, {&certificate}, strict);
  sites.add({"old.example"}, {&certificate});
  const auto context = sites.build();
  TlsPair refused(context, {.version = TLS1_2_VERSION, .server_name = "new.example"});
  CHECK(refused.fails());
  TlsPair taken(context, {.version = TLS1_2_VERSION, .server_name = "old.example"});
  CHECK(taken.shake());
  CHECK(taken.owner.info().site == 1);
}

TEST_CASE("The server name decides which certificate is shown") {
  const TestCertificate exact({"exact", "DNS:a.example"});
  const TestCertificate wildcard({"wildcard", "DNS:*.a.example"});
  const TestCertificate rest({"rest"});
  TestSites sites;
  sites.add({}, {&rest});
  sites.add({"a.example"}, {&exact});
  sites.add({"*.a.example"}, {&wildcard});
  const auto context = sites.build();
  struct Row {
    const char* asked;
    const char* shown;
    const char* seen;
    std::size_t site;
  };
  for (const int version : kVersions) {
    for (const Row& row :
         {Row{"a.example", "exact", "a.example", 1}, Row{"A.Example", "exact", "a.example", 1},
          Row{"b.a.example", "wildcard", "b.a.example", 2},
          Row{"other.example", "rest", "other.example", 0}, Row{"", "rest", "", 0}}) {
      CAPTURE(row.asked);
      CAPTURE(version);
      TlsPair pair(context, {.version = version, .server_name = row.asked});
      REQUIRE(pair.shake());
      CHECK(pair.client.server_certificate() == row.shown);
      CHECK(pair.owner.info().server_name == row.seen);
      CHECK(pair.owner.info().site == row.site);
    }
  }
}

TEST_CASE("The client's signature algorithms choose between ECDSA and RSA") {
  const TestCertificate ecdsa({"ecdsa", "DNS:a.example"});
  const TestCertificate rsa({"rsa", "DNS:a.example", KeyKind::rsa});
  TestSites sites;
  sites.add({"a.example"}, {&rsa, &ecdsa});
  const auto context = sites.build();
  for (const int version : kVersions) {
    CAPTURE(version);
    TlsPair first(context, {.version = version, .signatures = "ECDSA+SHA256"});
    REQUIRE(first.shake());
    CHECK(first.client.server_certificate() == "ecdsa");
    TlsPair second(context, {.version = version, .signatures = "RSA-PSS+SHA256:RSA+SHA256"});
    REQUIRE(second.shake());
    CHECK(second.client.server_certificate() == "rsa");
  }
}

TEST_CASE("A client that offers only other protocols is turned away") {
  OneSite one;
  const auto context = one.sites.build();
  TlsPair other(context, {.protocols = std::string("\x02h2", 3)});
  CHECK(other.fails());
  CHECK(other.client.failure.find("no application protocol") != std::string::npos);
  TlsPair both(context, {.protocols = std::string("\x02h2\x06test/1", 10)});
  REQUIRE(both.shake());
  CHECK(both.owner.info().protocol == "test/1");
  TlsPair none(context, {});
  REQUIRE(none.shake());
  CHECK(none.owner.info().protocol.empty());
}

// Shakes, has the client keep a ticket, and says whether a session was resumed.
struct Visit {
  bool is_resumed = false;
  bool has_client_certificate = false;
  std::string subject;
  SSL_SESSION* session = nullptr;  // to be freed
};
Visit visit(std::shared_ptr<const TlsContext> context, TlsClient::Options options) {
  TlsPair pair(std::move(context), options);
  REQUIRE(pair.shake());
  pair.owner.queue.append("x");
  pair.owner.send();
  REQUIRE(pair.until([&] { return pair.client.got == "x"; }));
  Visit result{pair.owner.info().is_resumed, pair.owner.info().has_client_certificate,
               pair.owner.info().client_subject, pair.client.session()};
  if (result.session != nullptr) ::SSL_SESSION_up_ref(result.session);
  return result;
}

TEST_CASE("A ticket is good after a reload, and until its key is gone") {
  OneSite one;
  for (const int version : kVersions) {
    CAPTURE(version);
    const Visit first = visit(one.sites.build(), {.version = version, .server_name = "a.example"});
    CHECK_FALSE(first.is_resumed);
    REQUIRE(first.session != nullptr);
    const TlsClient::Options again{
        .version = version, .server_name = "a.example", .session = first.session};
    for (int rotations = 0; rotations < 4; ++rotations) {
      CAPTURE(rotations);
      // A client takes a ticket of TLS 1.3 once: each visit has the first one's.
      SSL_SESSION* copy = ::SSL_SESSION_dup(first.session);
      TlsClient::Options options = again;
      options.session = copy;
      const Visit next = visit(one.sites.build(), options);
      CHECK(next.is_resumed == (rotations < 3));
      ::SSL_SESSION_free(next.session);
      ::SSL_SESSION_free(copy);
      one.sites.tickets->rotate();
    }
    ::SSL_SESSION_free(first.session);
  }
}

TEST_CASE("A client's certificate is asked for where the site says so") {
  const TestCertificate authority({"authority", "", KeyKind::ecdsa, -3600, 86400, nullptr, true});
  const TestCertificate stranger({"stranger", "", KeyKind::ecdsa, -3600, 86400, nullptr, true});
  const TestCertificate ours({"M\xc3\xbcller, A", "", KeyKind::ecdsa, -3600, 86400, &authority});
  const TestCertificate old({"old", "", KeyKind::ecdsa, -7200, -3600, &authority});
  const TestCertificate theirs({"theirs", "", KeyKind::ecdsa, -3600, 86400, &stranger});
  const TestCertificate server({"server", "DNS:required.example, DNS:optional.example"});
  TestSites sites;
  config::Tls tls;
  tls.client_ca = sites.file("ca.pem", authority.pem());
  sites.add({"required.example"}, {&server}, tls);
  tls.client_required = false;
  sites.add({"optional.example"}, {&server}, tls);
  sites.add({}, {&server});
  const auto context = sites.build();
  struct Row {
    const char* name;
    const char* host;
    const TestCertificate* certificate;
    bool is_let_in;
    bool is_known;
  };
  const std::vector<Row> rows{
      {"required and given", "required.example", &ours, true, true},
      {"required and missing", "required.example", nullptr, false, false},
      {"required and of a stranger", "required.example", &theirs, false, false},
      {"required and expired", "required.example", &old, false, false},
      {"optional and given", "optional.example", &ours, true, true},
      {"optional and missing", "optional.example", nullptr, true, false},
      {"optional and of a stranger", "optional.example", &theirs, false, false},
      {"not asked for", "open.example", &ours, true, false},
  };
  for (const int version : kVersions) {
    for (const Row& row : rows) {
      CAPTURE(row.name);
      CAPTURE(version);
      TlsPair pair(context,
                   {.version = version, .server_name = row.host, .certificate = row.certificate});
      if (!row.is_let_in) {
        CHECK(pair.fails());
        CHECK_FALSE(pair.client.failure.empty());
        CHECK_FALSE(pair.owner.info().failure.empty());
        continue;
      }
      REQUIRE(pair.shake());
      const TlsInfo& info = pair.owner.info();
      CHECK(info.has_client_certificate == row.is_known);
      CHECK(info.client_verify == (row.is_known ? "SUCCESS" : "NONE"));
      if (!row.is_known) continue;
      CHECK(info.client_subject == "CN=M\\C3\\BCller\\, A");
      CHECK(info.client_serial == "1234");
      CHECK(info.client_fingerprint.size() == 64);
    }
  }
}

TEST_CASE("A resumed session has the certificate of its client, for the same site only") {
  const TestCertificate authority({"authority", "", KeyKind::ecdsa, -3600, 86400, nullptr, true});
  const TestCertificate ours({"ours", "", KeyKind::ecdsa, -3600, 86400, &authority});
  const TestCertificate server({"server", "DNS:a.example, DNS:b.example"});
  TestSites sites;
  config::Tls tls;
  tls.client_ca = sites.file("ca.pem", authority.pem());
  tls.client_required = false;
  sites.add({"a.example"}, {&server}, tls);
  sites.add({"b.example"}, {&server}, tls);
  for (const int version : kVersions) {
    CAPTURE(version);
    const Visit first = visit(
        sites.build(), {.version = version, .server_name = "a.example", .certificate = &ours});
    REQUIRE(first.session != nullptr);
    SSL_SESSION* copies[] = {::SSL_SESSION_dup(first.session), ::SSL_SESSION_dup(first.session),
                             ::SSL_SESSION_dup(first.session)};
    const Visit again = visit(
        sites.build(), {.version = version, .server_name = "a.example", .session = copies[0]});
    CHECK(again.is_resumed);
    CHECK(again.has_client_certificate);
    CHECK(again.subject == "CN=ours");
    const Visit elsewhere = visit(
        sites.build(), {.version = version, .server_name = "b.example", .session = copies[1]});
    CHECK_FALSE(elsewhere.is_resumed);
    CHECK_FALSE(elsewhere.has_client_certificate);
    // Other certificates are trusted now.
    const std::string before = sites.directory.read("ca.pem");
    sites.file("ca.pem", server.pem());
    const Visit later = visit(
        sites.build(), {.version = version, .server_name = "a.example", .session = copies[2]});
    CHECK_FALSE(later.is_resumed);
    sites.file("ca.pem", before);
    for (SSL_SESSION* copy : copies) ::SSL_SESSION_free(copy);
    for (SSL_SESSION* kept : {first.session, again.session, elsewhere.session, later.session}) {
      ::SSL_SESSION_free(kept);
    }
  }
}

TEST_CASE("A session ends with the certificate of its client") {
  constexpr long kLife = 5;
  const TestCertificate authority({"authority", "", KeyKind::ecdsa, -3600, 86400, nullptr, true});
  const TestCertificate ours({"ours", "", KeyKind::ecdsa, -3600, kLife, &authority});
  const TestCertificate server({"server", "DNS:a.example"});
  TestSites sites;
  config::Tls tls;
  tls.client_ca = sites.file("ca.pem", authority.pem());
  sites.add({"a.example"}, {&server}, tls);
  std::map<int, SSL_SESSION*> sessions;
  for (const int version : kVersions) {
    CAPTURE(version);
    sessions[version] =
        visit(sites.build(), {.version = version, .server_name = "a.example", .certificate = &ours})
            .session;
    REQUIRE(sessions[version] != nullptr);
  }
  const ASN1_TIME* end = ::X509_get0_notAfter(ours.certificate.get());
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto is_over = [end] { return ::X509_cmp_current_time(end) < 0; };
  while (!is_over() && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  REQUIRE(is_over());
  for (const auto& [version, session] : sessions) {
    const int shown = version;
    CAPTURE(shown);
    TlsPair late(
        sites.build(),
        {.version = version, .server_name = "a.example", .certificate = &ours, .session = session});
    CHECK(late.fails());
    CHECK_FALSE(late.owner.info().is_established);
    ::SSL_SESSION_free(session);
  }
}

TEST_CASE("Handshakes under way are counted") {
  std::atomic<std::uint64_t> count{0};
  {
    std::optional<HandshakePlace> first = HandshakePlace::take(count, 2);
    std::optional<HandshakePlace> second = HandshakePlace::take(count, 2);
    CHECK(first);
    CHECK(second);
    CHECK_FALSE(HandshakePlace::take(count, 2));
    CHECK(HandshakePlace::take(count, 0));
    CHECK(count == 2);
  }
  CHECK(count == 0);
  OneSite one;
  const auto context = one.sites.build();
  {
    TlsPair done(context, {}, {.place = *HandshakePlace::take(count, 1)});
    CHECK(count == 1);
    REQUIRE(done.shake());
    CHECK(count == 0);
    TlsPair plain(context, {}, {.place = *HandshakePlace::take(count, 1)});
    send_text(plain.theirs, "G");
    plain.owner.start();
    CHECK(run_until(plain.loop, [&] { return plain.owner.info().is_plain; }));
    CHECK(count == 0);
    TlsPair silent(context, {}, {.place = *HandshakePlace::take(count, 1)});
    CHECK(count == 1);
  }
  CHECK(count == 0);
}

}  // namespace
}  // namespace uvhttpd::tests
