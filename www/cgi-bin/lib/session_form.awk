# SPDX-License-Identifier: MIT
# Reads the form of the session page; prints "start HEX", "logout -" or "refused -".
# HEX is the name in hexadecimal: it goes into a file as it is, and no name can be mistaken for anything else.

{ for (i = 1; i <= NF; i++) DATA[++length_] = HEX[$i] }

# Text for one line: UTF-8 without controls.
function is_line(octets, n,    i, size) {
    for (i = 1; i <= n; i += size) {
        size = utf8(octets, i, n)
        if (!size || octets[i] < 32 || octets[i] == 127) return 0
        if (octets[i] == 194 && octets[i + 1] < 160) return 0
    }
    return 1
}

function is_blank(octets, n,    i) {
    for (i = 1; i <= n; i++) if (octets[i] != 32) return 0
    return 1
}

END {
    action = ""
    for (from = 1; from <= length_; from = to + 1) {
        to = find(DATA, from, length_, 38)
        equals = find(DATA, from, to - 1, 61)
        key = to_hex(DATA, from, equals - 1)
        if (key == "616374696f6e") action = to_hex(DATA, equals + 1, to - 1)        # action
        else if (key == "6e616d65") names = decode(DATA, equals + 1, to - 1, NAME_)  # name
    }
    if (action == "6c6f676f7574") print "logout -"
    else if (action == "7374617274" && names <= 120 && !is_blank(NAME_, names) && is_line(NAME_, names)) {
        print "start " to_hex(NAME_, 1, names)
    } else print "refused -"
}
