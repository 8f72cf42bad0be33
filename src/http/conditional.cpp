// SPDX-License-Identifier: MIT
// http/conditional.cpp: entity-tag lists, and the order in which preconditions are looked at.
#include "http/conditional.h"

#include <algorithm>

#include "http/date.h"

namespace uvhttpd::http {
namespace {

constexpr std::string_view kWeakPrefix = "W/";

// etagc of section 8.8.3: visible octets but the quote, and everything beyond ASCII.
constexpr bool is_tag_octet(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet > 0x20 && octet != '"' && octet != 0x7f;
}

// The length of the entity tag at the front of `text`, 0 when there is none.
std::size_t tag_length(std::string_view text) {
  std::size_t at = text.starts_with(kWeakPrefix) ? kWeakPrefix.size() : 0;
  if (at >= text.size() || text[at] != '"') return 0;
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (!is_tag_octet(text[at])) return 0;
  }
  return 0;
}

std::string_view opaque_part(std::string_view tag) {
  return tag.starts_with(kWeakPrefix) ? tag.substr(kWeakPrefix.size()) : tag;
}

// Section 8.8.3.2.
enum class Comparison { strong, weak };
bool same_tag(std::string_view a, std::string_view b, Comparison comparison) {
  if (comparison == Comparison::weak) return opaque_part(a) == opaque_part(b);
  return a == b && !a.starts_with(kWeakPrefix);
}

// The members of one field line of `"*" / #entity-tag`.
class TagLine {
 public:
  enum class Kind { tag, star, malformed, end };
  struct Member {
    Kind kind;
    std::string_view tag{};
  };

  explicit TagLine(std::string_view line) : rest_(line) {}

  Member next() {
    skip(" \t,");
    if (rest_.empty()) return {Kind::end};
    const bool star = rest_.front() == '*';
    const std::size_t length = star ? 1 : tag_length(rest_);
    const std::string_view member = rest_.substr(0, length);
    rest_.remove_prefix(length);
    skip(" \t");
    if (length == 0 || (!rest_.empty() && rest_.front() != ',')) {
      rest_ = {};
      return {Kind::malformed};
    }
    return {star ? Kind::star : Kind::tag, member};
  }

 private:
  void skip(std::string_view octets) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(octets), rest_.size()));
  }

  std::string_view rest_;
};

// What all lines of an entity-tag field say about one tag.
struct TagField {
  bool lists_it = false;
  bool has_star = false;
  bool has_tags = false;
  bool is_malformed = false;

  bool is_star() const { return has_star && !has_tags && !is_malformed; }
  bool is_valid() const { return !is_malformed && !(has_star && has_tags); }
};

TagField read_tags(const FieldList& fields, FieldName name, std::string_view wanted,
                   Comparison comparison) {
  TagField seen;
  fields.for_each(name, [&](std::string_view value) {
    TagLine line(value);
    for (auto member = line.next(); member.kind != TagLine::Kind::end; member = line.next()) {
      switch (member.kind) {
        case TagLine::Kind::star: seen.has_star = true; break;
        case TagLine::Kind::malformed: seen.is_malformed = true; break;
        default:
          seen.has_tags = true;
          seen.lists_it = seen.lists_it || same_tag(member.tag, wanted, comparison);
      }
    }
  });
  return seen;
}

// The field's value when it has exactly one line.
std::optional<std::string_view> only_value(const FieldList& fields, FieldName name) {
  std::optional<std::string_view> only;
  int lines = 0;
  fields.for_each(name, [&](std::string_view value) {
    only = value;
    ++lines;
  });
  return lines == 1 ? only : std::nullopt;
}

std::optional<std::int64_t> only_date(const FieldList& fields, FieldName name,
                                      std::int64_t now_seconds) {
  const std::optional<std::string_view> value = only_value(fields, name);
  return value ? parse_date(*value, now_seconds) : std::nullopt;
}

bool if_match_holds(const FieldList& fields, const Validators& validators) {
  const TagField tags = read_tags(fields, FieldName::if_match, validators.etag, Comparison::strong);
  return tags.is_valid() && (tags.lists_it || tags.is_star());
}

bool if_none_match_holds(const FieldList& fields, const Validators& validators) {
  const TagField tags =
      read_tags(fields, FieldName::if_none_match, validators.etag, Comparison::weak);
  return !tags.lists_it && !tags.is_star();
}

bool if_unmodified_since_holds(const FieldList& fields, const Validators& validators,
                               std::int64_t now_seconds) {
  if (!validators.last_modified) return true;
  const auto date = only_date(fields, FieldName::if_unmodified_since, now_seconds);
  return !date || *validators.last_modified <= *date;
}

bool if_modified_since_holds(const FieldList& fields, const Validators& validators,
                             std::int64_t now_seconds) {
  if (!validators.last_modified) return true;
  const auto date = only_date(fields, FieldName::if_modified_since, now_seconds);
  return !date || *validators.last_modified > *date;
}

}  // namespace

Precondition evaluate_preconditions(const RequestHead& request, const Validators& validators,
                                    std::int64_t now_seconds) {
  const Method method = request.method;
  if (method == Method::connect || method == Method::options || method == Method::trace) {
    return Precondition::proceed;
  }
  const FieldList& fields = request.fields;
  const bool may_proceed = fields.has(FieldName::if_match)
                               ? if_match_holds(fields, validators)
                               : if_unmodified_since_holds(fields, validators, now_seconds);
  if (!may_proceed) return Precondition::failed;

  const bool reads = method == Method::get || method == Method::head;
  if (fields.has(FieldName::if_none_match)) {
    if (if_none_match_holds(fields, validators)) return Precondition::proceed;
    return reads ? Precondition::not_modified : Precondition::failed;
  }
  if (reads && !if_modified_since_holds(fields, validators, now_seconds)) {
    return Precondition::not_modified;
  }
  return Precondition::proceed;
}

bool if_range_holds(const RequestHead& request, const Validators& validators,
                    std::int64_t now_seconds) {
  if (!request.fields.has(FieldName::if_range)) return true;
  const std::optional<std::string_view> value = only_value(request.fields, FieldName::if_range);
  if (!value) return false;
  if (const std::size_t length = tag_length(*value); length != 0) {
    return length == value->size() && same_tag(*value, validators.etag, Comparison::strong);
  }
  const std::optional<std::int64_t> date = parse_date(*value, now_seconds);
  return date && date == validators.last_modified && *date < now_seconds;
}

}  // namespace uvhttpd::http
