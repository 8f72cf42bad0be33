# SPDX-License-Identifier: MIT
# An error page: PAGE_STATUS, PAGE_TEXT and an optional further field come from the program.

END {
    status = ENVIRON["PAGE_STATUS"]
    put_head(status, "text/html; charset=utf-8", ENVIRON["PAGE_FIELD"])
    if (ENVIRON["REQUEST_METHOD"] == "HEAD") exit
    page_begin(substr(status, 5), status, "")
    print "<p class=\"lead\">" ENVIRON["PAGE_TEXT"] "</p>"
    print "<p><a class=\"button\" href=\"/forms.html\">Back to the forms</a></p>"
    print "</div>"
    page_end()
}
