// SPDX-License-Identifier: MIT
// unit/http/mime_test.cpp: media types by extension.
#include "http/mime.h"

#include <doctest/doctest.h>

#include <string>

namespace uvhttpd::http {

TEST_CASE("media_type_of knows what the web is made of") {
  struct Row {
    std::string_view extension;
    std::string_view type;
  };
  const Row rows[] = {
      {".html", "text/html"},
      {".htm", "text/html"},
      {".css", "text/css"},
      {".js", "text/javascript"},
      {".mjs", "text/javascript"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".wasm", "application/wasm"},
      {".xml", "application/xml"},
      {".txt", "text/plain"},
      {".md", "text/markdown"},
      {".csv", "text/csv"},
      {".c", "text/plain"},
      {".cpp", "text/plain"},
      {".py", "text/plain"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".gif", "image/gif"},
      {".webp", "image/webp"},
      {".avif", "image/avif"},
      {".svg", "image/svg+xml"},
      {".ico", "image/vnd.microsoft.icon"},
      {".woff", "font/woff"},
      {".woff2", "font/woff2"},
      {".mp3", "audio/mpeg"},
      {".ogg", "audio/ogg"},
      {".mp4", "video/mp4"},
      {".webm", "video/webm"},
      {".m3u8", "application/vnd.apple.mpegurl"},
      {".ts", "video/mp2t"},
      {".mpd", "application/dash+xml"},
      {".pdf", "application/pdf"},
      {".zip", "application/zip"},
      {".gz", "application/gzip"},
      {".7z", "application/x-7z-compressed"},
      {".3gp", "video/3gpp"},
      {".zst", "application/zstd"},
      {".jxl", "image/jxl"},
      {".opus", "audio/ogg"},
      {".m4s", "video/iso.segment"},
      {".vtt", "text/vtt"},
      {".jsonl", "application/jsonl"},
      {".geojson", "application/geo+json"},
      {".importmap", "application/importmap+json"},
      {".ics", "text/calendar"},
      {".epub", "application/epub+zip"},
      {".sha256", "text/plain"},
      {".whl", "application/zip"},
      {".pmtiles", "application/vnd.pmtiles"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.extension);
    CHECK(media_type_of(row.extension) == row.type);
  }
}

TEST_CASE("media_type_of takes extensions in any case") {
  CHECK(media_type_of(".HTML") == "text/html");
  CHECK(media_type_of(".JpG") == "image/jpeg");
  CHECK(media_type_of(".WebManifest") == "application/manifest+json");
}

TEST_CASE("media_type_of is empty for what it does not know") {
  for (const std::string_view extension :
       {"", ".", "..", "html", "html.", ".htmlx", ".ht", "..html", ".html ", ".unknown", ".\xff",
        ".webmanifests", ".a-very-long-extension-indeed"}) {
    CAPTURE(extension);
    CHECK(media_type_of(extension).empty());
  }
  CHECK(media_type_of(std::string_view(".html\0", 6)).empty());
  CHECK(media_type_of(std::string(100000, '.')).empty());
}

TEST_CASE("Every type is type/subtype in lower case without parameters") {
  int known = 0;
  const auto check = [&](const std::string& extension) {
    const std::string_view type = media_type_of(extension);
    if (type.empty()) return;
    ++known;
    CAPTURE(extension);
    CHECK(type.find('/') == type.rfind('/'));
    CHECK(type.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789/+-.") == type.npos);
  };
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (const char a : kLetters) {
    check({'.', a});
    for (const char b : kLetters) {
      check({'.', a, b});
      for (const char c : kLetters) check({'.', a, b, c});
    }
  }
  CHECK(known > 150);
}

TEST_CASE("What is written as text is compressible, and what nobody compressed yet") {
  for (const std::string_view type : {"text/html",
                                      "text/plain",
                                      "text/css",
                                      "text/javascript",
                                      "text/calendar",
                                      "text/anything",
                                      "application/javascript",
                                      "application/json",
                                      "application/ld+json",
                                      "application/jsonl",
                                      "application/manifest+json",
                                      "application/geo+json",
                                      "application/xml",
                                      "application/rss+xml",
                                      "application/xhtml+xml",
                                      "application/dash+xml",
                                      "application/vnd.apple.mpegurl",
                                      "image/svg+xml",
                                      "model/gltf+json",
                                      "application/wasm",
                                      "application/yaml",
                                      "font/ttf",
                                      "font/otf",
                                      "font/sfnt",
                                      "font/collection",
                                      "application/vnd.ms-fontobject",
                                      "message/rfc822",
                                      "Text/HTML",
                                      "APPLICATION/JSON",
                                      "Image/SVG+XML",
                                      "text/html; charset=utf-8",
                                      "application/json;charset=utf-8",
                                      "image/svg+xml ; x=y"}) {
    CAPTURE(type);
    CHECK(is_compressible(type));
  }
}

TEST_CASE("What is compressed already or unknown is not compressible") {
  for (const std::string_view type :
       {"font/woff",
        "font/woff2",
        "image/png",
        "image/jpeg",
        "image/avif",
        "image/webp",
        "image/jxl",
        "audio/mpeg",
        "audio/ogg",
        "video/mp4",
        "video/mp2t",
        "video/iso.segment",
        "application/zip",
        "application/gzip",
        "application/zstd",
        "application/pdf",
        "application/epub+zip",
        "application/octet-stream",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "",
        ";",
        "text",
        "textile/wool",
        "json",
        "+jso",
        "application/jsonx",
        "application/x+json5",
        "image/png; a=text/html",
        "image/png;+json",
        "application/pdf; x=application/json"}) {
    CAPTURE(type);
    CHECK_FALSE(is_compressible(type));
  }
}

TEST_CASE("A charset belongs on text, JavaScript included") {
  for (const std::string_view type :
       {"text/html", "text/plain", "text/css", "text/javascript", "Text/HTML", "text/csv"}) {
    CAPTURE(type);
    CHECK(takes_charset(type));
  }
}

TEST_CASE("A charset does not belong on what names its encoding itself, or is not text") {
  for (const std::string_view type :
       {"application/json", "application/xml", "image/svg+xml", "image/png", "font/woff2", "",
        "text", "textile/wool", "text/html; charset=iso-8859-1", "text/plain;format=flowed"}) {
    CAPTURE(type);
    CHECK_FALSE(takes_charset(type));
  }
}

}  // namespace uvhttpd::http
