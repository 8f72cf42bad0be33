# SPDX-License-Identifier: MIT
# Octets, percent-encoding, UTF-8, HTML and the page frame, for mawk and gawk with LC_ALL=C.
#
# Text from outside is held as arrays of octet values, 1 to n, and leaves only through
# put_html or put_json: nothing unescaped can be printed by mistake.

BEGIN {
    for (i_ = 0; i_ < 256; i_++) {
        CHR[i_] = i_ ? sprintf("%c", i_) : ""
        ORD[CHR[i_]] = i_
        HEX[sprintf("%02x", i_)] = i_
        HEX[sprintf("%02X", i_)] = i_
    }
}

# Fills `octets` with those of the string; returns how many.
function from_string(text, octets,    n, i) {
    n = length(text)
    for (i = 1; i <= n; i++) octets[i] = ORD[substr(text, i, 1)]
    return n
}

# The same from hexadecimal digits without spaces.
function from_hex(text, octets,    n, i) {
    n = int(length(text) / 2)
    for (i = 1; i <= n; i++) octets[i] = HEX[substr(text, 2 * i - 1, 2)]
    return n
}

# Hexadecimal digits of octets[from..to].
function to_hex(octets, from, to,    i, text) {
    text = ""
    for (i = from; i <= to; i++) text = text sprintf("%02x", octets[i])
    return text
}

# Position of an octet in octets[from..to], or to + 1.
function find(octets, from, to, wanted,    i) {
    for (i = from; i <= to; i++) if (octets[i] == wanted) return i
    return to + 1
}

# Decodes octets[from..to] of a form (percent-encoding, plus for space) into `out`; returns how many.
# A percent sign without two hexadecimal digits stays as it is and is counted in MALFORMED.
function decode(octets, from, to, out,    n, i, pair) {
    n = 0
    for (i = from; i <= to; i++) {
        if (octets[i] == 43) {
            out[++n] = 32
        } else if (octets[i] == 37) {
            pair = ""
            if (i + 2 <= to) pair = tolower(CHR[octets[i + 1]] CHR[octets[i + 2]])
            if (length(pair) == 2 && pair in HEX) {
                out[++n] = HEX[pair]
                i += 2
            } else {
                out[++n] = 37
                MALFORMED++
            }
        } else {
            out[++n] = octets[i]
        }
    }
    return n
}

# Length of the well-formed UTF-8 sequence at octets[i], or 0.
function utf8(octets, i, to,    first, n, low, high, j) {
    first = octets[i]
    low = 128
    high = 191
    if (first < 128) return 1
    else if (first >= 194 && first <= 223) n = 2
    else if (first >= 224 && first <= 239) n = 3
    else if (first >= 240 && first <= 244) n = 4
    else return 0
    if (first == 224) low = 160
    if (first == 237) high = 159
    if (first == 240) low = 144
    if (first == 244) high = 143
    if (i + n - 1 > to) return 0
    if (octets[i + 1] < low || octets[i + 1] > high) return 0
    for (j = i + 2; j < i + n; j++) if (octets[j] < 128 || octets[j] > 191) return 0
    return n
}

# Prints octets[from..to] as HTML text. Line ends stay; other controls and octets that
# are not UTF-8 are shown by their number.
function put_html(octets, from, to,    i, n, c) {
    for (i = from; i <= to; i++) {
        c = octets[i]
        if (c == 38) printf "&amp;"
        else if (c == 60) printf "&lt;"
        else if (c == 62) printf "&gt;"
        else if (c == 34) printf "&quot;"
        else if (c == 39) printf "&#39;"
        else if (c == 13 && i < to && octets[i + 1] == 10) continue
        else if (c == 10) printf "\n"
        else if (c >= 32 && c < 127) printf "%s", CHR[c]
        else {
            n = c < 128 ? 0 : utf8(octets, i, to)
            if (n == 2 && c == 194 && octets[i + 1] < 160) n = 0
            if (!n) printf "<span class=\"octet\">%02X</span>", c
            else {
                while (n-- > 1) printf "%s", CHR[octets[i++]]
                printf "%s", CHR[octets[i]]
            }
        }
    }
}

function put_html_string(text,    octets) {
    put_html(octets, 1, from_string(text, octets))
}

# Prints octets[1..to] as a JSON string, quotes included; what is not UTF-8 becomes U+FFFD.
function put_json(octets, to,    i, n, c) {
    printf "\""
    for (i = 1; i <= to; i++) {
        c = octets[i]
        if (c == 34 || c == 92) printf "\\%s", CHR[c]
        else if (c < 32 || c == 127) printf "\\u%04x", c
        else if (c < 128) printf "%s", CHR[c]
        else {
            n = utf8(octets, i, to)
            if (!n) printf "\\ufffd"
            else {
                while (n-- > 1) printf "%s", CHR[octets[i++]]
                printf "%s", CHR[octets[i]]
            }
        }
    }
    printf "\""
}

function put_json_string(text,    octets) {
    put_json(octets, from_string(text, octets))
}

# Prints octets[1..to] as plain text, controls and what is not UTF-8 as \xNN.
function put_text(octets, to,    i, n, c) {
    for (i = 1; i <= to; i++) {
        c = octets[i]
        if (c == 13 && i < to && octets[i + 1] == 10) continue
        n = (c >= 32 && c != 127) || c == 9 || c == 10 ? utf8(octets, i, to) : 0
        if (!n) printf "\\x%02X", c
        else {
            while (n-- > 1) printf "%s", CHR[octets[i++]]
            printf "%s", CHR[octets[i]]
        }
    }
}

function put_text_string(text,    octets) {
    put_text(octets, from_string(text, octets))
}

# The head of an answer, up to and with the empty line.
function put_head(status, type, field) {
    print "Status: " status
    print "Content-Type: " type
    print "Cache-Control: no-store"
    if (field != "") print field
    print ""
}

function link_to(target, text, current) {
    printf "<li><a href=\"%s\"%s>%s</a></li>\n", target, (target == current ? " aria-current=\"page\"" : ""), text
}

# The frame of a page, the same as that of the pages which are files.
function page_begin(title, status, current) {
    print "<!DOCTYPE html>"
    print "<html lang=\"en\">"
    print "<head>"
    print "<meta charset=\"utf-8\">"
    print "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    print "<meta name=\"color-scheme\" content=\"light dark\">"
    print "<title>" title " · uvhttpd</title>"
    print "<link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">"
    print "<link rel=\"stylesheet\" href=\"/css/style.css\">"
    print "</head>"
    print "<body>"
    print "<a class=\"skip\" href=\"#main\">Skip to the content</a>"
    print "<header class=\"top\">"
    print "<div class=\"wrap\">"
    print "<a class=\"brand\" href=\"/\"><img src=\"/favicon.svg\" alt=\"\" width=\"28\" height=\"28\">uvhttpd</a>"
    print "<nav aria-label=\"Pages\">"
    print "<ul>"
    link_to("/", "Overview", current)
    link_to("/forms.html", "Forms", current)
    link_to("/downloads.html", "Downloads", current)
    link_to("/cgi-bin/session", "Session", current)
    print "</ul>"
    print "</nav>"
    print "</div>"
    print "</header>"
    print "<main id=\"main\" tabindex=\"-1\">"
    print "<div class=\"wrap\">"
    print "<div class=\"opening\">"
    print "<p class=\"status-line\">HTTP/1.1 <strong>" status "</strong></p>"
    print "<h1>" title "</h1>"
}

function page_end() {
    print "</div>"
    print "</main>"
    print "<footer class=\"bottom\">"
    print "<div class=\"wrap\">"
    print "<p>This page was written by a CGI program for this request.</p>"
    print "<p><a href=\"/cgi-bin/echo\">The request your browser just sent</a></p>"
    print "</div>"
    print "</footer>"
    print "</body>"
    print "</html>"
}
