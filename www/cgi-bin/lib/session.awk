# SPDX-License-Identifier: MIT
# The page of a session, or of none yet.

function put_start_form(label, button) {
    print "<form class=\"card\" action=\"/cgi-bin/session\" method=\"post\">"
    print "<input type=\"hidden\" name=\"action\" value=\"start\">"
    print "<p class=\"control\"><label for=\"name\">" label "</label>"
    print "<input id=\"name\" name=\"name\" required maxlength=\"40\" autocomplete=\"nickname\"></p>"
    print "<p><button type=\"submit\">" button "</button></p>"
    print "</form>"
}

function put_field(name, value) {
    printf "<span class=\"field\">%s:</span> %s\n", name, value
}

END {
    put_head("200 OK", "text/html; charset=utf-8", "")
    if (ENVIRON["REQUEST_METHOD"] == "HEAD") exit
    id = ENVIRON["SESSION_ID"]
    if (id == "") {
        page_begin("No session yet", "200 OK", "/cgi-bin/session")
        print "<p class=\"lead\">Your browser sent no cookie that this server knows. Give a name, and a session begins.</p>"
        print "</div>"
        print "<section class=\"part\" aria-labelledby=\"begin\">"
        print "<h2 id=\"begin\">Begin</h2>"
        put_start_form("Your name", "Start the session")
        print "</section>"
    } else {
        n = from_hex(ENVIRON["SESSION_NAME"], NAME_)
        page_begin("Your session", "200 OK", "/cgi-bin/session")
        printf "<p class=\"lead\">Hello, <bdi id=\"session-name\">"
        put_html(NAME_, 1, n)
        printf "</bdi>. You have seen this page <strong id=\"session-visits\">%d</strong> time%s in this session.</p>\n", ENVIRON["SESSION_VISITS"], (ENVIRON["SESSION_VISITS"] == 1 ? "" : "s")
        print "<div class=\"row\">"
        print "<a class=\"button\" href=\"/cgi-bin/session\">Visit again</a>"
        print "<form action=\"/cgi-bin/session\" method=\"post\">"
        print "<input type=\"hidden\" name=\"action\" value=\"logout\">"
        print "<button class=\"quiet\" type=\"submit\">Log out</button>"
        print "</form>"
        print "</div>"
        print "</div>"
        print "<section class=\"part\" aria-labelledby=\"begin\">"
        print "<h2 id=\"begin\">Another name</h2>"
        put_start_form("New name", "Change the name")
        print "</section>"
    }
    print "<section class=\"part\" aria-labelledby=\"cookie\">"
    print "<h2 id=\"cookie\">The cookie</h2>"
    print "<div>"
    print "<p>HTTP keeps no memory between requests. A cookie supplies one: the server sends a random identifier once, the browser returns it with every later request, and name and counter stay with the server under that identifier.</p>"
    print "<div class=\"messages\">"
    print "<div class=\"message response\">"
    print "<p class=\"message-name\">Response to the form</p>"
    printf "<pre><span class=\"start\">HTTP/1.1 303 See Other</span>\n"
    put_field("Location", "/cgi-bin/session")
    put_field("Set-Cookie", "uvhttpd_session=" (id == "" ? "&lt;32 random digits&gt;" : substr(id, 1, 6) "…") "; Path=/cgi-bin/; HttpOnly; SameSite=Lax")
    print "</pre>"
    print "</div>"
    print "<div class=\"message request\">"
    print "<p class=\"message-name\">Every request after it</p>"
    printf "<pre><span class=\"start\">GET /cgi-bin/session HTTP/1.1</span>\n"
    put_field("Cookie", "uvhttpd_session=" (id == "" ? "&lt;32 random digits&gt;" : substr(id, 1, 6) "…"))
    print "</pre>"
    print "</div>"
    print "</div>"
    print "<p class=\"note\"><code>HttpOnly</code> hides the cookie from scripts, <code>SameSite=Lax</code> keeps other sites from using it in forms. A session ends with the logout, or after an hour without a visit.</p>"
    print "</div>"
    print "</section>"
    page_end()
}
