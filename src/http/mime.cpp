// SPDX-License-Identifier: MIT
// http/mime.cpp: the table of media types: the IANA registry first, else what is usual.
#include "http/mime.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "base/text.h"

namespace uvhttpd::http {
namespace {

struct Known {
  std::string_view extension;  // lower case, without the dot
  std::string_view type;
};

constexpr bool operator<(const Known& known, std::string_view extension) {
  return known.extension < extension;
}

// Sources of programs are text/plain, so that a browser shows them. ".ts" is a part of a video
// stream: that one has to play.
// clang-format off
constexpr Known kKnown[] = {
    {"3g2", "video/3gpp2"},
    {"3gp", "video/3gpp"},
    {"3mf", "model/3mf"},
    {"7z", "application/x-7z-compressed"},
    {"a", "application/octet-stream"},
    {"aac", "audio/aac"},
    {"adoc", "text/plain"},
    {"ai", "application/postscript"},
    {"aif", "audio/aiff"},
    {"aiff", "audio/aiff"},
    {"amr", "audio/amr"},
    {"apk", "application/vnd.android.package-archive"},
    {"apng", "image/apng"},
    {"appcache", "text/cache-manifest"},
    {"arrow", "application/vnd.apache.arrow.file"},
    {"asc", "text/plain"},
    {"asf", "video/x-ms-asf"},
    {"asm", "text/plain"},
    {"atom", "application/atom+xml"},
    {"au", "audio/basic"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"avifs", "image/avif"},
    {"awk", "text/plain"},
    {"azw3", "application/vnd.amazon.mobi8-ebook"},
    {"bash", "text/plain"},
    {"bat", "text/plain"},
    {"bin", "application/octet-stream"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"c", "text/plain"},
    {"cab", "application/vnd.ms-cab-compressed"},
    {"cbor", "application/cbor"},
    {"cc", "text/plain"},
    {"cer", "application/pkix-cert"},
    {"cfg", "text/plain"},
    {"cjs", "text/javascript"},
    {"class", "application/octet-stream"},
    {"clj", "text/plain"},
    {"cmake", "text/plain"},
    {"conf", "text/plain"},
    {"cpio", "application/x-cpio"},
    {"cpp", "text/plain"},
    {"crl", "application/pkix-crl"},
    {"crt", "application/x-x509-ca-cert"},
    {"cs", "text/plain"},
    {"csh", "text/plain"},
    {"csr", "application/pkcs10"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"cur", "image/vnd.microsoft.icon"},
    {"cxx", "text/plain"},
    {"dart", "text/plain"},
    {"dat", "application/octet-stream"},
    {"db", "application/vnd.sqlite3"},
    {"deb", "application/vnd.debian.binary-package"},
    {"der", "application/x-x509-ca-cert"},
    {"diff", "text/plain"},
    {"djv", "image/vnd.djvu"},
    {"djvu", "image/vnd.djvu"},
    {"dll", "application/vnd.microsoft.portable-executable"},
    {"dmg", "application/x-apple-diskimage"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"dot", "application/msword"},
    {"dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template"},
    {"dtd", "application/xml-dtd"},
    {"ear", "application/java-archive"},
    {"el", "text/plain"},
    {"eml", "message/rfc822"},
    {"env", "text/plain"},
    {"eot", "application/vnd.ms-fontobject"},
    {"eps", "application/postscript"},
    {"epub", "application/epub+zip"},
    {"erl", "text/plain"},
    {"ex", "text/plain"},
    {"exe", "application/vnd.microsoft.portable-executable"},
    {"exs", "text/plain"},
    {"f90", "text/plain"},
    {"fish", "text/plain"},
    {"flac", "audio/flac"},
    {"flv", "video/x-flv"},
    {"geojson", "application/geo+json"},
    {"gif", "image/gif"},
    {"glb", "model/gltf-binary"},
    {"glsl", "text/plain"},
    {"gltf", "model/gltf+json"},
    {"gml", "application/gml+xml"},
    {"go", "text/plain"},
    {"gpg", "application/pgp-encrypted"},
    {"gpkg", "application/geopackage+sqlite3"},
    {"gpx", "application/gpx+xml"},
    {"gradle", "text/plain"},
    {"groovy", "text/plain"},
    {"gv", "text/vnd.graphviz"},
    {"gz", "application/gzip"},
    {"h", "text/plain"},
    {"har", "application/json"},
    {"heic", "image/heic"},
    {"heif", "image/heif"},
    {"hh", "text/plain"},
    {"hpp", "text/plain"},
    {"hs", "text/plain"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"hxx", "text/plain"},
    {"ico", "image/vnd.microsoft.icon"},
    {"ics", "text/calendar"},
    {"ifb", "text/calendar"},
    {"img", "application/octet-stream"},
    {"importmap", "application/importmap+json"},
    {"ini", "text/plain"},
    {"ipynb", "application/x-ipynb+json"},
    {"iso", "application/x-iso9660-image"},
    {"jar", "application/java-archive"},
    {"java", "text/plain"},
    {"jfif", "image/jpeg"},
    {"jl", "text/plain"},
    {"jnlp", "application/x-java-jnlp-file"},
    {"jp2", "image/jp2"},
    {"jpe", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"json5", "application/json5"},
    {"jsonl", "application/jsonl"},
    {"jsonld", "application/ld+json"},
    {"jsx", "text/plain"},
    {"jxl", "image/jxl"},
    {"kml", "application/vnd.google-earth.kml+xml"},
    {"kmz", "application/vnd.google-earth.kmz"},
    {"kt", "text/plain"},
    {"kts", "text/plain"},
    {"ktx", "image/ktx"},
    {"ktx2", "image/ktx2"},
    {"less", "text/plain"},
    {"lisp", "text/plain"},
    {"lock", "text/plain"},
    {"log", "text/plain"},
    {"lua", "text/plain"},
    {"lz", "application/x-lzip"},
    {"m", "text/plain"},
    {"m2ts", "video/mp2t"},
    {"m3u", "audio/mpegurl"},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4b", "audio/mp4"},
    {"m4s", "video/iso.segment"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"markdown", "text/markdown"},
    {"mathml", "application/mathml+xml"},
    {"md", "text/markdown"},
    {"md5", "text/plain"},
    {"meta4", "application/metalink4+xml"},
    {"mht", "multipart/related"},
    {"mhtml", "multipart/related"},
    {"mid", "audio/midi"},
    {"midi", "audio/midi"},
    {"mjs", "text/javascript"},
    {"mka", "audio/matroska"},
    {"mkd", "text/markdown"},
    {"mkv", "video/matroska"},
    {"mm", "text/plain"},
    {"mobi", "application/x-mobipocket-ebook"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mp4v", "video/mp4"},
    {"mpd", "application/dash+xml"},
    {"mpe", "video/mpeg"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"mpga", "audio/mpeg"},
    {"msi", "application/x-msi"},
    {"mtl", "model/mtl"},
    {"mvt", "application/vnd.mapbox-vector-tile"},
    {"n3", "text/n3"},
    {"ndjson", "application/x-ndjson"},
    {"nim", "text/plain"},
    {"nix", "text/plain"},
    {"nq", "application/n-quads"},
    {"nt", "application/n-triples"},
    {"o", "application/octet-stream"},
    {"obj", "model/obj"},
    {"odf", "application/vnd.oasis.opendocument.formula"},
    {"odg", "application/vnd.oasis.opendocument.graphics"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"ogx", "application/ogg"},
    {"opus", "audio/ogg"},
    {"osdx", "application/opensearchdescription+xml"},
    {"otf", "font/otf"},
    {"oxps", "application/oxps"},
    {"p10", "application/pkcs10"},
    {"p12", "application/pkcs12"},
    {"parquet", "application/vnd.apache.parquet"},
    {"pas", "text/plain"},
    {"patch", "text/plain"},
    {"pbm", "image/x-portable-bitmap"},
    {"pdf", "application/pdf"},
    {"pem", "application/pem-certificate-chain"},
    {"pfx", "application/pkcs12"},
    {"pgm", "image/x-portable-graymap"},
    {"pgp", "application/pgp-encrypted"},
    {"php", "text/plain"},
    {"pl", "text/plain"},
    {"pls", "audio/x-scpls"},
    {"pm", "text/plain"},
    {"pmtiles", "application/vnd.pmtiles"},
    {"png", "image/png"},
    {"ppm", "image/x-portable-pixmap"},
    {"pps", "application/vnd.ms-powerpoint"},
    {"ppsx", "application/vnd.openxmlformats-officedocument.presentationml.slideshow"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"properties", "text/plain"},
    {"proto", "text/plain"},
    {"ps", "application/postscript"},
    {"ps1", "text/plain"},
    {"psd", "image/vnd.adobe.photoshop"},
    {"py", "text/plain"},
    {"pyc", "application/octet-stream"},
    {"qt", "video/quicktime"},
    {"r", "text/plain"},
    {"rar", "application/vnd.rar"},
    {"rb", "text/plain"},
    {"rdf", "application/rdf+xml"},
    {"rpm", "application/x-rpm"},
    {"rq", "application/sparql-query"},
    {"rs", "text/plain"},
    {"rss", "application/rss+xml"},
    {"rst", "text/plain"},
    {"rtf", "application/rtf"},
    {"rtx", "text/richtext"},
    {"s", "text/plain"},
    {"sass", "text/plain"},
    {"scala", "text/plain"},
    {"scm", "text/plain"},
    {"scss", "text/plain"},
    {"sed", "text/plain"},
    {"sh", "text/plain"},
    {"sha1", "text/plain"},
    {"sha256", "text/plain"},
    {"sha512", "text/plain"},
    {"shtml", "text/html"},
    {"sig", "application/pgp-signature"},
    {"snd", "audio/basic"},
    {"so", "application/octet-stream"},
    {"spx", "audio/ogg"},
    {"sql", "text/plain"},
    {"sqlite", "application/vnd.sqlite3"},
    {"sqlite3", "application/vnd.sqlite3"},
    {"srt", "text/plain"},
    {"step", "model/step"},
    {"stl", "model/stl"},
    {"stp", "model/step"},
    {"svelte", "text/plain"},
    {"svg", "image/svg+xml"},
    {"swf", "application/x-shockwave-flash"},
    {"swift", "text/plain"},
    {"tar", "application/x-tar"},
    {"tbz2", "application/x-bzip2"},
    {"tcl", "text/plain"},
    {"tex", "text/plain"},
    {"text", "text/plain"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", "text/plain"},
    {"topojson", "application/json"},
    {"torrent", "application/x-bittorrent"},
    {"ts", "video/mp2t"},
    {"tsv", "text/tab-separated-values"},
    {"tsx", "text/plain"},
    {"ttc", "font/collection"},
    {"ttf", "font/ttf"},
    {"ttl", "text/turtle"},
    {"ttml", "application/ttml+xml"},
    {"txt", "text/plain"},
    {"txz", "application/x-xz"},
    {"tzst", "application/zstd"},
    {"usdz", "model/vnd.usdz+zip"},
    {"v", "text/plain"},
    {"vb", "text/plain"},
    {"vcf", "text/vcard"},
    {"vhd", "text/plain"},
    {"vim", "text/plain"},
    {"vsd", "application/vnd.visio"},
    {"vtt", "text/vtt"},
    {"vue", "text/plain"},
    {"war", "application/java-archive"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webapp", "application/x-web-app-manifest+json"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"wgsl", "text/wgsl"},
    {"whl", "application/zip"},
    {"wma", "audio/x-ms-wma"},
    {"wmv", "video/x-ms-wmv"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"wsdl", "application/wsdl+xml"},
    {"xbm", "image/x-xbitmap"},
    {"xht", "application/xhtml+xml"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xlt", "application/vnd.ms-excel"},
    {"xml", "application/xml"},
    {"xpi", "application/x-xpinstall"},
    {"xpm", "image/x-xpixmap"},
    {"xps", "application/vnd.ms-xpsdocument"},
    {"xsd", "application/xml"},
    {"xsl", "application/xslt+xml"},
    {"xslt", "application/xslt+xml"},
    {"xspf", "application/xspf+xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yang", "application/yang"},
    {"yml", "application/yaml"},
    {"z", "application/x-compress"},
    {"zig", "text/plain"},
    {"zip", "application/zip"},
    {"zsh", "text/plain"},
    {"zst", "application/zstd"},
};
// clang-format on
constexpr std::size_t kLongest = 11;

constexpr bool is_in_order() {
  for (std::size_t i = 1; i < std::size(kKnown); ++i) {
    if (!(kKnown[i - 1] < kKnown[i].extension)) return false;
  }
  return true;
}
static_assert(is_in_order(), "media_type_of searches by halves");

constexpr bool is_usable() {
  for (const Known& known : kKnown) {
    if (known.extension.empty() || known.extension.size() > kLongest) return false;
    for (const char c : known.extension) {
      if (ascii_lower(c) != c) return false;
    }
  }
  return true;
}
static_assert(is_usable(), "extensions are compared in lower case, in a buffer of kLongest");

// Types that compress well, besides text/*. Most office documents, archives, images, audio and
// video are compressed already.
constexpr std::string_view kCompressible[] = {
    "application/cbor",
    "application/ecmascript",
    "application/javascript",
    "application/json",
    "application/json-seq",
    "application/json5",
    "application/jsonl",
    "application/n-quads",
    "application/n-triples",
    "application/postscript",
    "application/rtf",
    "application/sparql-query",
    "application/sql",
    "application/toml",
    "application/trig",
    "application/vnd.apple.mpegurl",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-font-otf",
    "application/x-font-ttf",
    "application/x-java-jnlp-file",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-sh",
    "application/x-yaml",
    "application/xml",
    "application/xml-dtd",
    "application/yaml",
    "application/yang",
    "audio/mpegurl",  // lists of files to play
    "audio/x-mpegurl",
    "audio/x-scpls",
    "font/collection",
    "font/otf",
    "font/sfnt",
    "font/ttf",
    "message/rfc822",
    "model/mtl",
    "model/obj",
    "model/step",
    "multipart/related",  // pages saved with all that belongs to them
};
constexpr std::string_view kCompressibleSuffixes[] = {"+json", "+xml", "+yaml"};

bool starts_ignoring_case(std::string_view text, std::string_view with) {
  return equals_ignoring_case(text.substr(0, with.size()), with);
}

bool ends_ignoring_case(std::string_view text, std::string_view with) {
  return text.size() >= with.size() &&
         equals_ignoring_case(text.substr(text.size() - with.size()), with);
}

}  // namespace

std::string_view media_type_of(std::string_view extension) {
  if (!extension.starts_with('.') || extension.size() > kLongest + 1) return {};
  extension.remove_prefix(1);
  char lower[kLongest];
  std::transform(extension.begin(), extension.end(), lower, ascii_lower);
  const std::string_view wanted(lower, extension.size());
  const Known* found = std::lower_bound(std::begin(kKnown), std::end(kKnown), wanted);
  return found != std::end(kKnown) && found->extension == wanted ? found->type : std::string_view();
}

bool takes_charset(std::string_view media_type) {
  return starts_ignoring_case(media_type, "text/") &&
         media_type.find(';') == std::string_view::npos;
}

bool is_compressible(std::string_view media_type) {
  const std::string_view type = trim_ows(media_type.substr(0, media_type.find(';')));
  const auto is_type = [type](std::string_view known) { return equals_ignoring_case(type, known); };
  const auto is_end = [type](std::string_view suffix) { return ends_ignoring_case(type, suffix); };
  return starts_ignoring_case(type, "text/") ||
         std::any_of(std::begin(kCompressibleSuffixes), std::end(kCompressibleSuffixes), is_end) ||
         std::any_of(std::begin(kCompressible), std::end(kCompressible), is_type);
}

}  // namespace uvhttpd::http
