// SPDX-License-Identifier: MIT
// handlers/page_text.h: what the server's own pages are written with: their look, and texts,
// numbers and times as HTML shows them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace uvhttpd {

// The beginning of a document, up to within its style: colours (--page, --text, --dim, --link,
// --line, --row) for light and dark, and the body.
inline constexpr std::string_view kPageHead = R"(<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<style>
:root{--page:#fff;--text:#1f2328;--dim:#59636e;--link:#0a53b0;--line:#dfe3e8;--row:#f5f7f9}
@media(prefers-color-scheme:dark){
:root{--page:#15181c;--text:#e4e7ea;--dim:#9ba5b0;--link:#86b6ff;--line:#2b3138;--row:#1d2126}}
body{max-width:60rem;margin:0 auto;padding:2rem 1rem;background:var(--page);color:var(--text);
font:1rem/1.5 system-ui,sans-serif}
)";

// Text of an element, or of an attribute in quotes. Any octets: what is not UTF-8, no character of
// an HTML document, or would reorder the text, becomes U+FFFD; control characters become pictures.
void append_text(std::string& out, std::string_view text);

void append_number(std::string& out, std::uint64_t number);

// "512 B", "12.3 KiB": rounded to a tenth of the largest unit that has a whole one.
void append_human_size(std::string& out, std::uint64_t bytes);

// RFC 3339: "2024-05-06T07:08:09Z". Times outside the years 1 to 9999 are clamped.
using TimeText = std::array<char, 20>;
TimeText format_time(std::int64_t seconds);

}  // namespace uvhttpd
