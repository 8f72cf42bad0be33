# SPDX-License-Identifier: MIT
# The request line, the header fields and the body, from the CGI environment.

{ for (i = 1; i <= NF; i++) BODY[++body_length] = HEX[$i] }

# HTTP_ACCEPT_LANGUAGE is Accept-Language.
function field_name(variable,    parts, n, i, name) {
    n = split(tolower(variable), parts, "_")
    name = ""
    for (i = 1; i <= n; i++) {
        name = name (i > 1 ? "-" : "") toupper(substr(parts[i], 1, 1)) substr(parts[i], 2)
    }
    return name
}

function add_field(name, value) {
    if (name == "Cookie" || name == "Authorization" || name == "Proxy-Authorization") value = "(not shown)"
    NAME[++fields] = name
    VALUE[fields] = value
}

# Host first, the others by name.
function before(a, b) {
    if (a == "Host") return b != "Host"
    if (b == "Host") return 0
    return a < b
}

function collect(    variable, i, j, name, value) {
    for (variable in ENVIRON) {
        if (variable ~ /^HTTP_CONTENT_(TYPE|LENGTH)$/) continue
        if (variable ~ /^HTTP_[A-Z0-9][A-Z0-9_]*$/) add_field(field_name(substr(variable, 6)), ENVIRON[variable])
    }
    if (ENVIRON["CONTENT_TYPE"] != "") add_field("Content-Type", ENVIRON["CONTENT_TYPE"])
    if (ENVIRON["CONTENT_LENGTH"] != "") add_field("Content-Length", ENVIRON["CONTENT_LENGTH"])
    for (i = 2; i <= fields; i++) {
        name = NAME[i]
        value = VALUE[i]
        for (j = i - 1; j > 0 && before(name, NAME[j]); j--) {
            NAME[j + 1] = NAME[j]
            VALUE[j + 1] = VALUE[j]
        }
        NAME[j + 1] = name
        VALUE[j + 1] = value
    }
}

function target(    text) {
    if (ENVIRON["REQUEST_URI"] != "") return ENVIRON["REQUEST_URI"]
    text = ENVIRON["SCRIPT_NAME"] ENVIRON["PATH_INFO"]
    if (ENVIRON["QUERY_STRING"] != "") text = text "?" ENVIRON["QUERY_STRING"]
    return text
}

function put_variables_json(    n, i, names) {
    n = split(VARIABLES, names, " ")
    for (i = 1; i <= n; i++) {
        printf "%s\n    \"%s\": ", (i > 1 ? "," : ""), names[i]
        put_json_string(ENVIRON[names[i]])
    }
}

END {
    VARIABLES = "GATEWAY_INTERFACE SERVER_SOFTWARE SERVER_NAME SERVER_PORT REMOTE_ADDR REMOTE_PORT SCRIPT_NAME PATH_INFO QUERY_STRING"
    protocol = ENVIRON["SERVER_PROTOCOL"] == "" ? "HTTP/1.1" : ENVIRON["SERVER_PROTOCOL"]
    line = ENVIRON["REQUEST_METHOD"] " " target() " " protocol
    json = ("&" ENVIRON["QUERY_STRING"] "&") ~ /&format=json&/
    put_head("200 OK", json ? "application/json" : "text/plain; charset=utf-8", "")
    if (ENVIRON["REQUEST_METHOD"] == "HEAD") exit
    collect()
    if (json) {
        printf "{\n  \"line\": "
        put_json_string(line)
        printf ",\n  \"fields\": ["
        for (i = 1; i <= fields; i++) {
            printf "%s\n    [", (i > 1 ? "," : "")
            put_json_string(NAME[i])
            printf ", "
            put_json_string(VALUE[i])
            printf "]"
        }
        printf "\n  ],\n  \"body\": "
        put_json(BODY, body_length)
        printf ",\n  \"variables\": {"
        put_variables_json()
        printf "\n  }\n}\n"
    } else {
        put_text_string(line)
        printf "\n"
        for (i = 1; i <= fields; i++) {
            printf "%s: ", NAME[i]
            put_text_string(VALUE[i])
            printf "\n"
        }
        printf "\n"
        put_text(BODY, body_length)
        if (body_length) printf "\n"
    }
}
