// SPDX-License-Identifier: MIT
// unit/io/tls_context_test.cpp: what is read, what is refused and for which reason.
#include "io/tls_context.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/tls_peers.h"

namespace uvhttpd::tests {
namespace {

std::vector<TlsFault> faults_of(TestSites& sites) {
  auto built = sites.try_build();
  return built ? std::vector<TlsFault>() : built.error();
}

TEST_CASE("TlsContext names each file that it cannot use, and why") {
  const TestCertificate good({"good", "DNS:a.example"});
  const TestCertificate other({"other", "DNS:a.example"});
  const TestCertificate weak({"weak", "DNS:a.example", KeyKind::weak_rsa});
  std::string broken = good.pem();
  broken.replace(broken.size() / 2, 8, "????????");
  std::string broken_key = good.key_pem();
  broken_key.replace(broken_key.size() / 2, 8, "????????");
  struct Row {
    const char* name;
    std::string certificate;
    std::string key;
    const char* file;
    const char* reason;
  };
  const std::vector<Row> rows{
      {"a key of another certificate", good.pem(), other.key_pem(), "key",
       "does not belong to the certificate"},
      {"an encrypted key", good.pem(), good.key_pem("word"), "key", "encrypted"},
      {"a broken certificate", broken, good.key_pem(), "pem", "not a certificate in PEM"},
      {"a broken key", good.pem(), broken_key, "key", "not a private key in PEM"},
      {"an empty certificate", "", good.key_pem(), "pem", "no certificate in it"},
      {"an empty key", good.pem(), "", "key", "no private key in it"},
      {"a key for a certificate", good.key_pem(), good.key_pem(), "pem", "no certificate in it"},
      {"a certificate for a key", good.pem(), good.pem(), "key", "no private key in it"},
      {"a key that is too weak", weak.pem(), weak.key_pem(), "pem",
       "has 1024 bits: RSA needs 2048"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    TestSites sites;
    config::Tls tls;
    tls.key_pairs = {{sites.file("pem", row.certificate), sites.file("key", row.key)}};
    sites.add({"a.example"}, {}, tls);
    const std::vector<TlsFault> faults = faults_of(sites);
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].file == sites.directory / row.file);
    CAPTURE(faults[0].reason);
    CHECK(faults[0].reason.find(row.reason) != std::string::npos);
    CHECK(faults[0].kind == TlsFault::Kind::unusable);
  }
}

TEST_CASE("TlsContext tells of all faults, not only of the first") {
  const TestCertificate good({"good", "DNS:a.example"});
  TestSites sites;
  config::Tls tls;
  tls.key_pairs = {{sites.directory / "missing.pem", sites.directory / "missing.key"}};
  tls.client_ca = sites.file("empty", "");
  sites.add({"a.example"}, {}, tls);
  tls.key_pairs = {{sites.file("a.pem", good.pem()), sites.directory.path()}};
  tls.client_ca.clear();
  sites.add({}, {}, tls);
  const std::vector<TlsFault> faults = faults_of(sites);
  REQUIRE(faults.size() == 4);
  CHECK(faults[0].file == sites.directory / "missing.pem");
  CHECK(faults[0].reason == "No such file or directory");
  CHECK(faults[1].file == sites.directory / "missing.key");
  CHECK(faults[2].file == sites.directory / "empty");
  CHECK(faults[2].reason == "no certificate in it");
  CHECK(faults[3].file == sites.directory.path());
  CHECK(faults[3].reason == "not a file");
}

TEST_CASE("TlsContext tells of a file that it may not read") {
  if (::geteuid() == 0) return;  // who may read everything
  const TestCertificate good({"good", "DNS:a.example"});
  TestSites sites;
  sites.add({"a.example"}, {&good});
  REQUIRE(::chmod((sites.directory / "1.key").c_str(), 0) == 0);
  const std::vector<TlsFault> faults = faults_of(sites);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].file == sites.directory / "1.key");
  CHECK(faults[0].reason.starts_with("Permission denied (as user "));
}

TEST_CASE("TlsContext refuses two certificates with keys of one kind") {
  const TestCertificate first({"first", "DNS:a.example"});
  const TestCertificate second({"second", "DNS:a.example"});
  TestSites sites;
  sites.add({"a.example"}, {&first, &second});
  const std::vector<TlsFault> faults = faults_of(sites);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].file == sites.directory / "2.pem");
  CHECK(faults[0].reason == "a second certificate with the same kind of key");
}

TEST_CASE("TlsContext warns of certificates that peers are going to refuse") {
  const TestCertificate old({"old", "DNS:a.example", KeyKind::ecdsa, -7200, -3600});
  const TestCertificate early({"early", "DNS:a.example", KeyKind::rsa, 3600, 7200});
  const TestCertificate foreign({"foreign", "DNS:b.example, DNS:*.d.example, IP:192.0.2.1"});
  TestSites sites;
  sites.add({"a.example"}, {&old, &early});
  sites.add({"b.example", "c.example", "*.d.example", "*.e.example", "192.0.2.1", "[::1]"},
            {&foreign});
  sites.build();
  REQUIRE(sites.warnings.size() == 3);
  CHECK(sites.warnings[0].file == sites.directory / "1.pem");
  CHECK(sites.warnings[0].kind == TlsFault::Kind::expired);
  CHECK(sites.warnings[0].reason.starts_with("the certificate of CN=old has expired at "));
  CHECK(sites.warnings[1].file == sites.directory / "2.pem");
  CHECK(sites.warnings[1].kind == TlsFault::Kind::expired);
  CHECK(sites.warnings[1].reason.starts_with("the certificate of CN=early is not valid before "));
  CHECK(sites.warnings[2].file == sites.directory / "3.pem");
  CHECK(sites.warnings[2].kind == TlsFault::Kind::wrong_host);
  CHECK(sites.warnings[2].reason == "the certificate is not for c.example, *.e.example, [::1]");
}

TEST_CASE("TlsContext warns of certificates that some peers are going to refuse") {
  const TestCertificate nameless({"nameless"});
  const TestCertificate of_clients(
      {.name = "clients", .hosts = "DNS:a.example", .uses = "clientAuth"});
  const TestCertificate of_all(
      {.name = "all", .hosts = "DNS:a.example", .uses = "serverAuth, clientAuth"});
  const TestCertificate unusual(
      {.name = "unusual", .hosts = "DNS:a.example", .kind = KeyKind::unusual_curve});
  const TestCertificate authority({.name = "authority", .is_authority = true});
  struct Row {
    const char* name;
    const TestCertificate* certificate;
    std::string trusted;
    std::string file;
    std::string reason;
  };
  const std::vector<Row> rows{
      {"no name but the common one", &nameless, "", "1.pem", "no subjectAltName"},
      {"for clients", &of_clients, "", "1.pem", "lacks serverAuth"},
      {"for both", &of_all, authority.pem(), "", ""},
      {"an unusual curve", &unusual, "", "1.key", "on the curve secp256k1, "},
      {"clients without an authority", &of_all, of_clients.pem(), "trusted",
       "no certificate of an authority"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    TestSites sites;
    config::Tls tls;
    if (!row.trusted.empty()) tls.client_ca = sites.file("trusted", row.trusted);
    sites.add({}, {row.certificate}, tls);
    sites.build();
    REQUIRE(sites.warnings.size() == (row.reason.empty() ? 0 : 1));
    if (row.reason.empty()) continue;
    CHECK(sites.warnings[0].kind == TlsFault::Kind::doubtful);
    CHECK(sites.warnings[0].file == sites.directory / row.file);
    CHECK(sites.warnings[0].reason.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("TlsContext keeps of another what cannot be read again, a site at a time") {
  const TestCertificate first({"first", "DNS:a.example"});
  const TestCertificate second({"second", "DNS:b.example"});
  TestSites sites;
  sites.add({"a.example"}, {&first});
  sites.add({"b.example"}, {&second});
  const auto build_again = [&](const TlsRenewal& renewal) {
    return TlsContext::build({sites.sites, {"test/1"}, sites.tickets, renewal}, sites.warnings);
  };
  const std::shared_ptr<const TlsContext> in_use = sites.build();
  CHECK(in_use->kept().empty());
  sites.file("1.key", "nothing of use");
  CHECK_FALSE(build_again({}).has_value());
  const auto once = build_again({in_use, {}});
  REQUIRE(once.has_value());
  REQUIRE((*once)->kept().size() == 1);
  CHECK((*once)->kept()[0].site == 0);
  REQUIRE((*once)->kept()[0].faults.size() == 1);
  CHECK((*once)->kept()[0].faults[0].file == sites.directory / "1.key");
  // What was kept once can be kept again.
  const auto twice = build_again({*once, {}});
  REQUIRE(twice.has_value());
  CHECK((*twice)->kept().size() == 1);
}

TEST_CASE("TlsContext keeps what the renewal refuses to replace") {
  const TestCertificate old({"old", "DNS:a.example", KeyKind::ecdsa, -7200, -3600});
  TestSites sites;
  sites.add({"a.example"}, {&old});
  const std::shared_ptr<const TlsContext> in_use = sites.build();
  REQUIRE(sites.warnings.size() == 1);
  sites.warnings.clear();
  const auto refuses = [](const TlsFault& fault) { return fault.kind == TlsFault::Kind::expired; };
  const auto built = TlsContext::build({sites.sites, {"test/1"}, sites.tickets, {in_use, refuses}},
                                       sites.warnings);
  REQUIRE(built.has_value());
  CHECK((*built)->kept().size() == 1);
  CHECK(sites.warnings.empty());
}

TEST_CASE("TlsContext chooses a site by name as requests are routed") {
  const TestCertificate good({"good"});
  TestSites sites;
  sites.add({"a.example", "*.a.example"}, {&good});
  sites.add({"*.deep.a.example", "b.a.example"}, {&good});
  sites.add({}, {&good});
  const std::shared_ptr<const TlsContext> context = sites.build();
  struct Row {
    const char* name;
    std::size_t site;
  };
  for (const Row& row :
       {Row{"a.example", 0}, Row{"x.a.example", 0}, Row{"b.a.example", 1}, Row{"x.b.a.example", 0},
        Row{"x.deep.a.example", 1}, Row{"y.x.deep.a.example", 1}, Row{"deep.a.example", 0},
        Row{"", 2}, Row{"example", 2}, Row{".", 2}}) {
    CAPTURE(row.name);
    CHECK(context->site_for(row.name) == row.site);
  }
  TestSites without_default;
  without_default.add({"a.example"}, {&good});
  without_default.add({"b.example"}, {&good});
  CHECK(without_default.build()->site_for("c.example") == 0);
}

}  // namespace
}  // namespace uvhttpd::tests
