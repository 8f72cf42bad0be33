# SPDX-License-Identifier: MIT
# A form as it was sent and as it decodes, as a page.

{ for (i = 1; i <= NF; i++) DATA[++length_] = HEX[$i] }

function put_field(name, value) {
    printf "<span class=\"field\">%s:</span> ", name
    put_html_string(value)
    printf "\n"
}

function put_message(post,    path) {
    path = ENVIRON["SCRIPT_NAME"] ENVIRON["PATH_INFO"]
    print "<section class=\"part\" aria-labelledby=\"sent\">"
    print "<h2 id=\"sent\">As it was sent</h2>"
    print "<div>"
    print "<div class=\"message request\">"
    print "<p class=\"message-name\">Request</p>"
    printf "<pre><span class=\"start\">"
    put_html_string(ENVIRON["REQUEST_METHOD"] " " path)
    if (ENVIRON["QUERY_STRING"] != "") {
        printf "?<mark id=\"raw-query\">"
        put_html_string(ENVIRON["QUERY_STRING"])
        printf "</mark>"
    }
    printf " "
    put_html_string(ENVIRON["SERVER_PROTOCOL"])
    printf "</span>\n"
    put_field("Host", ENVIRON["HTTP_HOST"])
    if (post) {
        put_field("Content-Type", ENVIRON["CONTENT_TYPE"])
        put_field("Content-Length", ENVIRON["CONTENT_LENGTH"])
        if (length_) {
            printf "\n<mark id=\"raw-body\">"
            put_html(DATA, 1, length_)
            printf "</mark>"
        }
    }
    print "</pre>"
    print "</div>"
    print "<p class=\"note\">Other fields are left out here; <a href=\"/cgi-bin/echo\">the echo program</a> shows them all.</p>"
    print "</div>"
    print "</section>"
}

function put_pair(from, to,    equals, name, value, names, values) {
    equals = find(DATA, from, to, 61)
    names = decode(DATA, from, equals - 1, name)
    values = decode(DATA, equals + 1, to, value)
    printf "<tr>\n<th scope=\"row\">"
    put_html(name, 1, names)
    printf "</th>\n<td class=\"raw\" data-label=\"Sent\"><code>"
    put_html(DATA, equals + 1, to)
    printf "</code></td>\n<td class=\"decoded\" data-label=\"Decoded\"><bdi>"
    put_html(value, 1, values)
    printf "</bdi></td>\n<td class=\"number\" data-label=\"Octets\">%d</td>\n</tr>\n", values
}

function put_pairs(    from, to, rows) {
    print "<section class=\"part\" aria-labelledby=\"decoded\">"
    print "<h2 id=\"decoded\">As it decodes</h2>"
    print "<div>"
    rows = 0
    for (from = 1; from <= length_; from = to + 1) {
        to = find(DATA, from, length_, 38)
        if (to == from) continue
        if (++rows > 100) break
        if (rows == 1) {
            print "<table class=\"pairs\">"
            print "<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Sent</th><th scope=\"col\">Decoded</th><th scope=\"col\" class=\"number\">Octets</th></tr></thead>"
            print "<tbody>"
        }
        put_pair(from, to - 1)
    }
    if (rows) {
        print "</tbody>"
        print "</table>"
        if (rows > 100) print "<p class=\"note\">The first 100 pairs are shown.</p>"
    } else {
        print "<p>Nothing was sent: there are no pairs to decode.</p>"
    }
    if (MALFORMED) {
        printf "<p class=\"note\" id=\"malformed\">%d percent sign%s not followed by two hexadecimal digits: left as sent.</p>\n", MALFORMED, (MALFORMED == 1 ? " is" : "s are")
    }
    print "</div>"
    print "</section>"
}

END {
    post = ENVIRON["REQUEST_METHOD"] == "POST"
    put_head("200 OK", "text/html; charset=utf-8", "")
    if (ENVIRON["REQUEST_METHOD"] == "HEAD") exit
    page_begin("The form you sent", "200 OK", "")
    if (post) print "<p class=\"lead\">The fields came in the body of a POST request; the target has no query.</p>"
    else print "<p class=\"lead\">The fields came in the query of a GET request; it has no body.</p>"
    print "<p><a class=\"button\" href=\"/forms.html\">Back to the forms</a></p>"
    print "</div>"
    put_message(post)
    if (!post) length_ = from_string(ENVIRON["QUERY_STRING"], DATA)
    if (post && length_ && tolower(ENVIRON["CONTENT_TYPE"]) !~ /^application\/x-www-form-urlencoded[ \t]*(;|$)/) {
        print "<section class=\"part\" aria-labelledby=\"decoded\">"
        print "<h2 id=\"decoded\">As it decodes</h2>"
        print "<p>Only <code>application/x-www-form-urlencoded</code> is decoded; this body is shown as it came.</p>"
        print "</section>"
    } else {
        put_pairs()
    }
    page_end()
}
