// SPDX-License-Identifier: MIT
// handlers/dir_listing_page.h: a listing as a page for people and as JSON for programs.
#pragma once

#include <string>
#include <string_view>

#include "handlers/dir_listing.h"

namespace uvhttpd {

// A complete HTML document in UTF-8, without scripts. The entries stand as they are; `order` says
// how they were sorted. `url_path` is decoded and begins and ends with "/". With `has_parent` the
// directories above are linked. Links are relative to a URL that ends in a slash.
std::string render_html(const Listing& listing, std::string_view url_path, ListingOrder order,
                        bool has_parent);

// An array of {"name", "type": "directory" or "file", "size": octets, null of directories,
// "mtime": "2024-05-06T07:08:09Z", "url": a relative reference}. Octets of a name that are not
// UTF-8 become U+FFFD; the url has them all.
std::string render_json(const Listing& listing);

}  // namespace uvhttpd
