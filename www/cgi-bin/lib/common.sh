# SPDX-License-Identifier: MIT
# What the CGI programs share: octet-wise text, a bounded request body, small error pages.
# shellcheck shell=sh
# The programs set `here` to their own directory before they read this file.

: "${here:?}"
LC_ALL=C
export LC_ALL
umask 077

# shellcheck disable=SC2034
method=${REQUEST_METHOD:-GET}

# octets: the length of the request body as announced, or "bad".
octets() {
    case ${CONTENT_LENGTH:-0} in
        *[!0-9]* | ?????????????*) echo bad ;;
        *) echo "${CONTENT_LENGTH:-0}" ;;
    esac
}

# hex LENGTH: at most LENGTH octets of the request body as pairs of hexadecimal digits.
# Hexadecimal, because neither the shell nor every awk can hold a NUL.
hex() {
    if [ "$1" -gt 0 ]; then
        head -c "$1" | od -An -v -tx1
    fi
}

# drain LENGTH: reads and forgets a body of that length, so that its sender can finish.
drain() {
    if [ "$1" -gt 0 ]; then
        head -c "$1" >/dev/null
    fi
}

# run FILE.awk: runs it with the shared functions.
run() {
    awk -f "$here/lib/common.awk" -f "$here/lib/$1"
}

# refuse STATUS TEXT [FIELD]: an error page, and the end of the program.
refuse() {
    PAGE_STATUS=$1 PAGE_TEXT=$2 PAGE_FIELD=${3-} run refuse.awk </dev/null
    exit 0
}

# body_length LIMIT: sets `length`, or refuses a body that is too long.
body_length() {
    length=$(octets)
    if [ "$length" = bad ]; then
        refuse '400 Bad Request' 'The length of the request body is not a number.'
    fi
    if [ "$length" -gt "$1" ]; then
        drain "$length"
        refuse '413 Content Too Large' "This program reads at most $1 octets."
    fi
}
