// SPDX-License-Identifier: MIT
#include "server/error_pages.h"

#include <array>

#include "server/media_types.h"
#include "server/symlink_policy.h"

namespace uvhttpd {
namespace {

std::string render(http::Status status, std::string_view explanation) {
  const std::string code = std::to_string(status);
  const std::string phrase(http::reason_phrase(status));
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<style>body{max-width:40rem;margin:0 auto;padding:3rem 1rem;"
         "font:1rem/1.5 "
         "system-ui,sans-serif}h1{font-size:1.5rem;line-height:1.25}</style>\n<title>" +
         code + " " + phrase + "</title>\n<h1>" + code + " " + phrase + "</h1>\n" +
         (explanation.empty() ? std::string() : "<p>" + std::string(explanation) + "</p>\n") +
         "</html>\n";
}

}  // namespace

ErrorPage plain_error_page(http::Status status, std::string_view explanation) {
  return {std::make_shared<const std::string>(render(status, explanation)),
          "text/html; charset=utf-8"};
}

ErrorPages::ErrorPages(const config::Config& config, const config::Site& site)
    : config_(config), site_(site) {
  const MediaTypes types(config, site.files.charset);
  for (const config::Site::ErrorPage& page : site.error_pages) {
    Entry& entry = (page.status < 10 ? classes_ : pages_)[page.status];
    entry.path = page.path.substr(1);
    entry.page.type = types.of(page.path, "text/html");
  }
}

ErrorPages::Entry* ErrorPages::find(http::Status status) {
  if (const auto exact = pages_.find(status); exact != pages_.end()) return &exact->second;
  if (const auto of_class = classes_.find(status / 100); of_class != classes_.end()) {
    return &of_class->second;
  }
  return nullptr;
}

const ErrorPage& ErrorPages::plain_page(http::Status status) {
  const auto found = plain_.find(status);
  return found != plain_.end() ? found->second
                               : plain_.emplace(status, plain_error_page(status)).first->second;
}

const ErrorPage& ErrorPages::page(http::Status status, TimePoint now) {
  Entry* entry = find(status);
  if (entry == nullptr) return plain_page(status);
  if (entry->looked_at <= now - config_.cache.revalidate) {
    look_at(*entry);
    entry->looked_at = now;
  }
  return entry->page.body ? entry->page : plain_page(status);
}

void ErrorPages::look_at(Entry& entry) const {
  entry.page.body = nullptr;
  const Result<Directory> root = Directory::open(site_.files.root);
  if (!root) return;
  const Result<OpenedFile> opened =
      root->open_below(entry.path, symlink_policy(site_.files.symlinks));
  if (!opened || !opened->info.is_regular()) return;
  Result<std::string> content = read_file(opened->fd.get(), opened->info.size, kMaxErrorPageBytes);
  if (content) entry.page.body = std::make_shared<const std::string>(std::move(*content));
}

}  // namespace uvhttpd
