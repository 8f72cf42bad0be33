// SPDX-License-Identifier: MIT
// config/values.h: what a single value of the file may look like, whatever key it belongs to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/source.h"

namespace uvhttpd::config {

// "512", "16KiB", "10MB"; units B, KB, MB, GB (powers of 1000), KiB, MiB, GiB (of 1024).
Read<Bytes> parse_size(std::string_view text);
// "500ms", "15s", "2m", "1h".
Read<milliseconds> parse_duration(std::string_view text);
// The shortest text that the functions above read back to the same value.
std::string format_size(Bytes bytes);
std::string format_duration(milliseconds duration);

// "127.0.0.1:8080", "[::1]:8080", "unix:/path", "systemd:NAME". `directory` is what a relative
// socket path is relative to.
Read<Listener> parse_address(std::string_view text, const std::string& directory);
// What two listeners cannot have in common; empty for port 0, which is another one each time.
std::string identity_of(const Listener& listener);

// What follows "unix:": the socket's path, absolute and short enough to be one.
Read<std::string> parse_socket_path(std::string_view text, const std::string& directory);

// "10.0.0.0/8", "2001:db8::/32"; a single address is a network of itself. format_network gives the
// shortest text that reads back to the same.
Read<Network> parse_network(std::string_view text);
std::string format_network(const Network& network);

// An upstream of the handler "proxy": "http://HOST[:PORT][/base]", "http://unix:/path[:/base]".
Read<Upstream> parse_http_upstream(std::string_view text);
// One of "fastcgi" or "scgi", which `scheme` is: "HOST:PORT", "unix:/path", "SCHEME://" and either.
Read<Upstream> parse_script_upstream(std::string_view text, std::string_view scheme,
                                     const std::string& directory);
// The text that the two above read back to the same; the scheme is "http" or empty.
std::string format_upstream(const Upstream& upstream, std::string_view scheme);

// A name, "*.name" or an IP address, in the form in which Host fields are compared: lower case, no
// final dot, IPv6 in brackets.
Read<std::string> parse_host(std::string_view text);

Read<PathPattern> parse_pattern(std::string_view text);
// Whether every path that `inner` takes is also taken by `outer`. False when that depends on the
// files there are.
bool covers(const PathPattern& outer, const PathPattern& inner);
// Whether a request for `inner` always ends at `outer` when that comes first.
bool covers(const Route& outer, const Route& inner);

// RFC 9110 section 9.1, only methods that the parser knows.
Read<std::string> parse_method(std::string_view text);
// RFC 9110 section 5.1: any field name.
Read<std::string> parse_token(std::string_view text);
// RFC 9110 sections 5.1 and 5.5. Fields that frame the message are refused: they are the server's.
Read<std::string> parse_field_name(std::string_view text);
Read<std::string> parse_field_value(std::string_view text);
// The value of a field that goes to an upstream: its placeholders are known.
Read<std::string> parse_field_template(std::string_view text);
// "text/html; charset=utf-8".
Read<std::string> parse_media_type(std::string_view text);
// ".html".
Read<std::string> parse_extension(std::string_view text);
// The target of a redirect: its placeholders are known, its octets may stand in Location.
Read<std::string> parse_redirect_target(std::string_view text);
// "https://app.example.org" as browsers write it: lower case, no default port, no path; a wildcard
// "https://*.example.org"; "*" for all.
Read<std::string> parse_origin(std::string_view text);
// An http or https URL without fragment and user; one without a path gets "/".
Read<std::string> parse_url(std::string_view text);
// What a Host field may be: "example.org", "example.org:8443", "[::1]:8443"; as parse_host gives
// it.
Read<std::string> parse_host_and_port(std::string_view text);
// The target of a request as it is sent, with or without query: "/health?full".
Read<std::string> parse_request_target(std::string_view text);
// A content coding that files are compressed with: "br".
Read<std::string> parse_coding(std::string_view text);
// The name of an environment variable.
Read<std::string> parse_variable(std::string_view text);
// An absolute path below a root, without query: "/404.html".
Read<std::string> parse_url_path(std::string_view text);
// Likewise of a file, not a directory; empty: none.
Read<std::string> parse_file_path(std::string_view text);
// The name of a file within its directory: "index.html".
Read<std::string> parse_file_name(std::string_view text);
// The name of a user or group; empty: none.
Read<std::string> parse_account(std::string_view text);

// Absolute and lexically normal, without a slash at the end.
std::string absolute_path(const std::string& directory, std::string_view path);

}  // namespace uvhttpd::config
