// SPDX-License-Identifier: MIT
#include "handlers/wire/origin_fields.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace uvhttpd::wire {
namespace {

constexpr std::array<std::string_view, 3> kPrefixes{"x-forwarded-", "ssl-client-", "x-ssl-client-"};
constexpr std::array<std::string_view, 17> kNames{"cf-connecting-ip",
                                                  "client-ip",
                                                  "fastly-client-ip",
                                                  "forwarded",
                                                  "front-end-https",
                                                  "remote-user",
                                                  "true-client-ip",
                                                  "x-auth-request-email",
                                                  "x-auth-request-user",
                                                  "x-authenticated-user",
                                                  "x-client-ip",
                                                  "x-cluster-client-ip",
                                                  "x-original-forwarded-for",
                                                  "x-real-ip",
                                                  "x-remote-user",
                                                  "x-url-scheme",
                                                  "x-webauth-user"};

char folded(char c) {
  const char lower = ascii_lower(c);
  return is_digit(lower) || (lower >= 'a' && lower <= 'z') ? lower : '-';
}

}  // namespace

std::string folded(std::string_view name) {
  std::string text(name);
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return folded(c); });
  return text;
}

bool folds_to(std::string_view name, std::string_view folded_name) {
  return name.size() == folded_name.size() &&
         std::equal(name.begin(), name.end(), folded_name.begin(),
                    [](char c, char wanted) { return folded(c) == wanted; });
}

bool says_who_asks(std::string_view field_name) {
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view name) { return folds_to(field_name, name); }) ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](std::string_view prefix) {
           return folds_to(field_name.substr(0, prefix.size()), prefix);
         });
}

}  // namespace uvhttpd::wire
