// SPDX-License-Identifier: MIT
// handlers/representation.h: what a path of a static site stands for: a file, in each content
// coding it can be answered with.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "http/conditional.h"
#include "http/negotiate.h"
#include "http/response_encoder.h"

namespace uvhttpd {

// One content coding of a file, with the fields of its answers.
struct Representation {
  // Where its octets come from.
  enum class Form : std::uint8_t {
    stored,    // a file, sent as it is: the one asked for, or a precompressed sibling of it
    made,      // coded once, then kept in memory
    streamed,  // coded anew for each answer, so that its length is not known before
  };
  Form form = Form::stored;
  std::string path;      // of the file below the root; of what is made, the file it is made from
  std::string url_path;  // of the file asked for, as patterns of the configuration see it
  FileInfo info;         // of the file at `path`
  // Stored: absent when the file is too large to keep. Made: absent until it has been made.
  std::shared_ptr<const std::string> content;
  std::uint64_t hash = 0;  // of `content`, when there is one
  // The file was last changed long before it was looked at, so that a later change shows in its
  // times.
  bool is_settled = false;
  std::string etag;
  std::optional<std::int64_t> last_modified;
  // The fields of a 200, and the same as lines, also those of a 304. The values are in `texts`.
  std::vector<http::ResponseField> fields;
  std::string prepared;
  std::string prepared_unchanged;
  std::list<std::string> texts;

  http::Validators validators() const { return {etag, last_modified}; }
  // Not for what has no length yet.
  std::uint64_t length() const { return content ? content->size() : info.size; }
  void add(std::string_view name, std::string value) {
    texts.push_back(std::move(value));
    fields.push_back({name, texts.back()});
  }
  // All fields are there: writes the lines.
  void prepare();
  // What a 304 leaves out (RFC 9110 section 15.4.5).
  static bool describes_content(std::string_view name) {
    return name == "Content-Type" || name == "Content-Encoding" || name == "Accept-Ranges";
  }
};

constexpr unsigned bit_of(http::Coding coding) { return 1u << static_cast<unsigned>(coding); }

// Belongs to one loop. The representations that are there do not change but for being settled;
// variants are added, or given up, as they are asked for. Who uses a representation shares it.
struct CachedFile {
  std::array<std::shared_ptr<Representation>, http::kCodings> representations;  // by http::Coding
  unsigned siblings = 0;  // a bit for each coding that lies beside the file
  unsigned makeable = 0;  // likewise, for those that can be made on demand
  bool varies = false;    // answers depend on Accept-Encoding
  TimePoint checked{};    // when it was last looked at

  const std::shared_ptr<Representation>& in(http::Coding coding) const {
    return representations[static_cast<std::size_t>(coding)];
  }
  const Representation& identity() const { return *in(http::Coding::identity); }
  // What it occupies.
  std::size_t memory() const;
};

}  // namespace uvhttpd
