// SPDX-License-Identifier: MIT
// unit/server/password_hash_test.cpp: which hashes of passwords are taken, and what they say.
#include "server/password_hash.h"

#include <doctest/doctest.h>

#include "unit/server/passwords.h"

namespace uvhttpd::tests {
namespace {

const Secret kSecret(std::string_view("secret"));

std::string refusal_of(std::string_view hash) {
  const auto accepted = check_password_hash(hash);
  return accepted ? "" : accepted.error().message;
}

TEST_CASE("Passwords are checked against the hashes that other programs make") {
  struct Row {
    std::string name;
    std::string hash;
  };
  const Row rows[] = {
      {"bcrypt of htpasswd -B", std::string(kHashOfSecret)},
      {"bcrypt $2b$", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"},
      {"bcrypt $2a$", "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"},
      {"yescrypt", "$y$j75$abcdefgh$uMUXG79B2cFpoAYyDccUnsaH/aGTyBYMlnQidzyag01"},
      {"sha512-crypt of openssl passwd -6",
       "$6$CAEjDP4i2r.C7c32$l68HoahGPj4ChU5KJC7RkJTlFIr/1wlEHlPjCNZCvQ5xiOTrv.8wGACiUXUZPaqdr27D"
       "dO8bayfSHQ4IomVbb0"},
      {"sha512-crypt with rounds",
       "$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DR"
       "Y/x8v0/crpIjl8NJSAqXV/"},
      {"sha256-crypt of htpasswd -2",
       "$5$Evj6kGqqGhBsAILY$18R4UZKFf/JtStAp6/jm5EftuB6ILKNxYy/IiYAhAJ8"},
      {"sha256-crypt with rounds",
       "$5$rounds=1000$saltsalt$eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(refusal_of(row.hash) == "");
    CHECK(is_password(kSecret, row.hash));
    CHECK_FALSE(is_password(Secret(std::string_view("Secret")), row.hash));
    CHECK_FALSE(is_password(Secret(), row.hash));
    std::string other = row.hash;
    other.back() = other.back() == 'A' ? 'Q' : 'A';
    CHECK_FALSE(is_password(kSecret, other));
  }
}

TEST_CASE("Hashes that are weak, costly or not whole are refused for what they are") {
  const std::string bcrypt_rest = "$" + std::string(53, 'a');
  const std::string y_rest = "$" + std::string(22, 'a') + "$" + std::string(43, 'a');
  const std::string sha_rest = "$salt$" + std::string(86, 'a');
  struct Row {
    std::string name;
    std::string hash;
    std::string what;
  };
  const Row rows[] = {
      {"Apache's MD5", "$apr1$e1Pst7hW$0hT7XothBvt8zSp5NHwjf1", "an MD5 hash"},
      {"MD5", "$1$saltsalt$0hT7XothBvt8zSp5NHwjf1", "an MD5 hash"},
      {"SHA-1", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "a SHA-1 hash"},
      {"DES", "QnyPJf06SOTdE", "what looks like a DES hash"},
      {"the password itself", "secret", "a password in the clear"},
      {"nothing", "", "a password in the clear"},
      {"scrypt", "$7$CU..../....abc", "a password in the clear"},
      {"a locked user", "!", "a password in the clear"},
      {"bcrypt that is cut off", std::string(kHashOfSecret.substr(0, 59)), "a bcrypt hash that is"},
      {"bcrypt with more behind", std::string(kHashOfSecret) + "a", "a bcrypt hash that is"},
      {"bcrypt with a foreign digit", "$2y$04$" + std::string(52, 'a') + "=", "a bcrypt hash that"},
      {"bcrypt without a cost", "$2y$", "a bcrypt hash that is not whole"},
      {"bcrypt with a costly cost", "$2y$15" + bcrypt_rest, "a bcrypt hash with a cost"},
      {"bcrypt with a cheap cost", "$2y$03" + bcrypt_rest, "a bcrypt hash with a cost"},
      {"the bcrypt that is known to be wrong", "$2x$05" + bcrypt_rest, "a password in the clear"},
      {"yescrypt of 128 MiB", "$y$jCT" + y_rest, "a yescrypt hash that takes more"},
      {"yescrypt of a GiB", "$y$jFT" + y_rest, "a yescrypt hash that takes more"},
      {"yescrypt with more parameters", "$y$j9T0" + y_rest, "a yescrypt hash that takes more"},
      {"yescrypt of another flavour", "$y$/9T" + y_rest, "a yescrypt hash that takes more"},
      {"yescrypt without parameters", "$y$" + y_rest, "a yescrypt hash that takes more"},
      {"yescrypt that is cut off", "$y$j9T$aaaa$bbbb", "a yescrypt hash that is not whole"},
      {"only yescrypt's prefix", "$y$", "a yescrypt hash that is not whole"},
      {"sha512 with too many rounds", "$6$rounds=1000001" + sha_rest, "a SHA-2 hash with rounds"},
      {"sha512 with too few", "$6$rounds=999" + sha_rest, "a SHA-2 hash with rounds"},
      {"sha512 with a leading zero", "$6$rounds=05000" + sha_rest, "a SHA-2 hash with rounds"},
      {"sha512 with no number", "$6$rounds=" + sha_rest, "a SHA-2 hash with rounds"},
      {"sha512 with rounds only", "$6$rounds=5000", "a SHA-2 hash"},
      {"sha512 with a long salt", "$6$saltsaltsaltsalts$" + std::string(86, 'a'), "a SHA-2 hash"},
      {"sha512 without salt", "$6$$" + std::string(86, 'a'), "a SHA-2 hash that is not whole"},
      {"sha512 that is cut off", "$6$salt$aaaa", "a SHA-2 hash that is not whole"},
      {"sha256 as long as sha512", "$5" + sha_rest, "a SHA-2 hash that is not whole"},
      {"only a prefix", "$6$", "a SHA-2 hash that is not whole"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(refusal_of(row.hash).starts_with(row.what));
  }
}

TEST_CASE("A new hash is one that is taken, and is another each time") {
  for (const PasswordMethod method :
       {PasswordMethod::yescrypt, PasswordMethod::bcrypt, PasswordMethod::sha512}) {
    const auto hash = hash_password(kSecret, method);
    REQUIRE(hash.has_value());
    CAPTURE(*hash);
    CHECK(refusal_of(*hash) == "");
    CHECK(is_password(kSecret, *hash));
    CHECK(*hash != *hash_password(kSecret, method));
  }
}

TEST_CASE("Passwords that could not be shown again get no hash") {
  const auto refusal = [](std::string_view password, PasswordMethod method) {
    const auto hash = hash_password(Secret(password), method);
    return hash ? "" : hash.error().message;
  };
  CHECK(refusal("", PasswordMethod::yescrypt) == "the password is empty");
  CHECK(refusal("a\tb", PasswordMethod::yescrypt).find("control") != std::string::npos);
  CHECK(refusal(std::string(72, 'a'), PasswordMethod::bcrypt) == "");
  CHECK(refusal(std::string(73, 'a'), PasswordMethod::bcrypt).find("72") != std::string::npos);
  CHECK(refusal(std::string(511, 'a'), PasswordMethod::sha512) == "");
  CHECK(refusal(std::string(512, 'a'), PasswordMethod::sha512).find("511") != std::string::npos);
}

TEST_CASE("A password longer than libcrypt takes is wrong") {
  CHECK_FALSE(is_password(Secret(std::string(512, 'a')), std::string(kHashOfSecret)));
}

}  // namespace
}  // namespace uvhttpd::tests
