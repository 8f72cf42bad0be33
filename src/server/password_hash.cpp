// SPDX-License-Identifier: MIT
#include "server/password_hash.h"

#include <crypt.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>

#include "base/text.h"

namespace uvhttpd {
namespace {

constexpr std::uint64_t kMinBcryptCost = 4;
constexpr std::uint64_t kMaxBcryptCost = 14;
constexpr std::uint64_t kMinShaRounds = 1'000;
constexpr std::uint64_t kMaxShaRounds = 1'000'000;
constexpr std::uint64_t kMaxYescryptBytes = 64 << 20;

constexpr std::size_t kBcryptDigits = 53;  // salt and hash
constexpr std::size_t kMaxYescryptSalt = 86;
constexpr std::size_t kMaxShaSalt = 16;
constexpr std::size_t kYescryptDigits = 43;
constexpr std::size_t kSha512Digits = 86;
constexpr std::size_t kSha256Digits = 43;

// What `uvhttpd passwd` asks of the methods whose own default is too cheap by now.
constexpr unsigned long kNewBcryptCost = 11;
constexpr unsigned long kNewSha512Rounds = 100'000;

// The digits of crypt's own base 64, in order; or -1.
int digit_value(char c) {
  constexpr std::string_view kDigits =
      "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

bool are_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return digit_value(c) >= 0; });
}

Result<void> refusal(std::string_view what) { return Unexpected(Error{std::string(what), 0}); }

// "11$", then 53 digits.
Result<void> check_bcrypt(std::string_view rest) {
  const auto cost = parse_decimal(rest.substr(0, 2));
  if (!cost || rest.size() != kBcryptDigits + 3 || rest[2] != '$' || !are_digits(rest.substr(3))) {
    return refusal("a bcrypt hash that is not whole");
  }
  if (*cost < kMinBcryptCost || *cost > kMaxBcryptCost) {
    return refusal("a bcrypt hash with a cost that is not from 4 to 14");
  }
  return {};
}

// "j9T": the flavour all present hashes have, then the logarithm of how many blocks, less one, and
// their size, less one, each in one digit as all up to 64 MiB are.
bool is_costly_yescrypt(std::string_view parameters) {
  constexpr int kLastOfOneDigit = 47;
  if (parameters.size() != 3 || parameters[0] != 'j') return true;
  const int blocks = digit_value(parameters[1]);
  const int size = digit_value(parameters[2]);
  if (blocks < 0 || size < 0 || blocks >= kLastOfOneDigit || size > kLastOfOneDigit) return true;
  const std::uint64_t bytes =
      (std::uint64_t{128} << (blocks + 1)) * static_cast<std::uint64_t>(size + 1);
  return bytes > kMaxYescryptBytes;
}

// "j9T$salt$hash"
Result<void> check_yescrypt(std::string_view rest) {
  const std::size_t salt = rest.find('$');
  const std::size_t digits = salt == std::string_view::npos ? salt : rest.find('$', salt + 1);
  if (digits == std::string_view::npos || digits - salt - 1 > kMaxYescryptSalt ||
      rest.size() - digits - 1 != kYescryptDigits ||
      !are_digits(rest.substr(salt + 1, digits - salt - 1)) ||
      !are_digits(rest.substr(digits + 1))) {
    return refusal("a yescrypt hash that is not whole");
  }
  if (is_costly_yescrypt(rest.substr(0, salt))) {
    return refusal("a yescrypt hash that takes more than 64 MiB");
  }
  return {};
}

// "salt$hash", or "rounds=5000$salt$hash"
Result<void> check_sha(std::string_view rest, std::size_t hash_digits) {
  constexpr std::string_view kRounds = "rounds=";
  if (rest.starts_with(kRounds)) {
    const std::size_t end = std::min(rest.find('$'), rest.size() - 1);
    const auto rounds = parse_decimal(rest.substr(kRounds.size(), end - kRounds.size()));
    if (!rounds || rest[kRounds.size()] == '0' || *rounds < kMinShaRounds ||
        *rounds > kMaxShaRounds) {
      return refusal("a SHA-2 hash with rounds that are not from 1000 to 1000000");
    }
    rest.remove_prefix(end + 1);
  }
  const std::size_t salt_bytes = rest.find('$');
  if (salt_bytes == std::string_view::npos || salt_bytes == 0 || salt_bytes > kMaxShaSalt ||
      rest.size() - salt_bytes - 1 != hash_digits || !are_digits(rest.substr(salt_bytes + 1)) ||
      std::any_of(rest.begin(), rest.end(), [](char c) { return is_control(c) || c == ' '; })) {
    return refusal("a SHA-2 hash that is not whole");
  }
  return {};
}

bool are_equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned>(a[i] ^ b[i]);
  }
  return difference == 0;
}

// What crypt_rn works in: it holds the password afterwards.
struct WipeCryptData {
  void operator()(crypt_data* data) const {
    ::explicit_bzero(data, sizeof *data);
    delete data;
  }
};

// Nullopt, and errno says why, when libcrypt does not take it.
std::optional<std::string> crypt_with(const Secret& password, const char* setting) {
  const std::unique_ptr<crypt_data, WipeCryptData> data(new crypt_data());
  const char* hash =
      ::crypt_rn(password.c_str(), setting, data.get(), static_cast<int>(sizeof *data));
  if (hash == nullptr) return std::nullopt;
  return std::string(hash);
}

struct NewHash {
  const char* prefix;
  unsigned long cost;  // 0: libcrypt's default
};

NewHash new_hash(PasswordMethod method) {
  switch (method) {
    case PasswordMethod::yescrypt: return {"$y$", 0};
    // What Apache and its htpasswd call it.
    case PasswordMethod::bcrypt: return {"$2y$", kNewBcryptCost};
    case PasswordMethod::sha512: return {"$6$", kNewSha512Rounds};
  }
  return {"$y$", 0};
}

Result<void> check_new_password(std::string_view password, PasswordMethod method) {
  if (password.empty()) return refusal("the password is empty");
  if (std::any_of(password.begin(), password.end(), is_control)) {
    return refusal("the password has control characters, which no browser sends");
  }
  if (method == PasswordMethod::bcrypt && password.size() > kMaxBcryptBytes) {
    return refusal("the password is longer than the 72 octets that bcrypt looks at");
  }
  if (password.size() > kMaxPasswordBytes) return refusal("the password is longer than 511 octets");
  return {};
}

}  // namespace

Result<void> check_password_hash(std::string_view hash) {
  const auto rest = [hash](std::string_view prefix) { return hash.substr(prefix.size()); };
  for (const std::string_view prefix : {"$2y$", "$2b$", "$2a$"}) {
    if (hash.starts_with(prefix)) return check_bcrypt(rest(prefix));
  }
  if (hash.starts_with("$y$")) return check_yescrypt(rest("$y$"));
  if (hash.starts_with("$6$")) return check_sha(rest("$6$"), kSha512Digits);
  if (hash.starts_with("$5$")) return check_sha(rest("$5$"), kSha256Digits);
  if (hash.starts_with("$apr1$") || hash.starts_with("$1$")) {
    return refusal("an MD5 hash, which is guessed too fast");
  }
  if (hash.starts_with("{SHA}")) {
    return refusal("a SHA-1 hash without salt, which is guessed too fast");
  }
  constexpr std::size_t kDesDigits = 13;
  if (hash.size() == kDesDigits && are_digits(hash)) {
    return refusal("what looks like a DES hash, which is guessed too fast");
  }
  return refusal("a password in the clear, or a hash of a kind that is not known here");
}

bool is_password(const Secret& password, const std::string& hash) {
  if (password.size() > kMaxPasswordBytes) return false;
  const std::optional<std::string> made = crypt_with(password, hash.c_str());
  return made && are_equal_in_constant_time(*made, hash);
}

Result<std::string> hash_password(const Secret& password, PasswordMethod method) {
  TRY(check_new_password(password.view(), method));
  const NewHash wanted = new_hash(method);
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  if (::crypt_gensalt_rn(wanted.prefix, wanted.cost, nullptr, 0, setting, sizeof setting) ==
      nullptr) {
    return Unexpected(Error::from_errno(errno, "making a salt"));
  }
  std::optional<std::string> hash = crypt_with(password, setting);
  if (!hash) return Unexpected(Error::from_errno(errno, "hashing the password"));
  return *std::move(hash);
}

}  // namespace uvhttpd
