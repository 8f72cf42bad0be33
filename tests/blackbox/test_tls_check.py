# SPDX-License-Identifier: MIT
"""TLS: what `check` says about certificates, how `explain` takes https, and that a server with bad files does not start."""
import json
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

import certificates
from conftest import BINARY
from sites import put, site

CONFIG = """
[[listener]]
address = "127.0.0.1:8443"
tls = true
[[listener]]
address = "127.0.0.1:8080"
[[site]]
hosts = ["localhost"]
root = "www"
tls = {{ certificate = "cert.pem", key = "key.pem"{more} }}
"""
BROKEN = "-----BEGIN {0}-----\nMIIBaaaa\n-----END {0}-----\n"


@pytest.fixture
def files(tmp_path, localhost):
    """Those that a configuration names; a test spoils them."""
    site(tmp_path, {"a.txt": "a"})
    put(tmp_path / "cert.pem", localhost.certificate.read_bytes())
    put(tmp_path / "key.pem", localhost.key.read_bytes())
    return tmp_path


@pytest.fixture
def check(uvhttpd, files):
    """check(more) of a configuration with these further keys: its status and what it says."""
    def run(more=""):
        put(files / "uvhttpd.toml", CONFIG.format(more=more))
        result = uvhttpd("check", "-c", files / "uvhttpd.toml")
        return result.returncode, result.stdout + result.stderr
    return run


def test_good_files_are_good(check):
    status, said = check()
    assert status == 0 and "warning" not in said, said


@pytest.mark.parametrize("file, content, reason", [
    ("cert.pem", "", "no certificate"), ("cert.pem", "no PEM at all\n", "no certificate"),
    ("cert.pem", BROKEN.format("CERTIFICATE"), "not a certificate"),
    ("cert.pem", b"\x30\x82\x01\x0a" * 100, "no certificate"),
    ("key.pem", "", "no private key"), ("key.pem", BROKEN.format("PRIVATE KEY"), "not a private key"),
    ("key.pem", BROKEN.format("ENCRYPTED PRIVATE KEY"), "key"),
])
def test_broken_files_are_named(check, files, file, content, reason):
    put(files / file, content)
    status, said = check()
    assert status == 2 and re.search(rf"{file}.*{reason}", said), said


def test_all_broken_files_are_named_at_once(check, files):
    for file in ("cert.pem", "key.pem", "ca.pem"):
        put(files / file, "nothing of use\n")
    status, said = check(', client_ca = "ca.pem"')
    assert status == 2
    for file in ("cert.pem", "key.pem", "ca.pem"):
        assert re.search(rf"{file}.*no (certificate|private key)", said), said


def test_a_key_that_does_not_match_is_named(check, files, authority):
    put(files / "key.pem", authority.issue("other", ["localhost"]).key.read_bytes())
    status, said = check()
    assert status == 2 and re.search(r"key\.pem.*does not belong to", said), said


def test_a_key_with_a_password_is_named(check, files):
    certificates.run("pkcs8", "-topk8", "-in", files / "key.pem", "-out", files / "secret.pem", "-passout", "pass:secret")
    (files / "secret.pem").replace(files / "key.pem")
    status, said = check()
    assert status == 2 and re.search(r"key\.pem.*encrypted", said), said


@pytest.mark.parametrize("file, made, told", [
    ("cert.pem", ["x509", "-outform", "DER"], "is in DER, but PEM is needed: openssl x509 -inform DER -in"),
    ("cert.pem", ["pkcs12", "-export", "-inkey", "key.pem", "-passout", "pass:"],
     "is in PKCS#12, but PEM is needed: openssl pkcs12 -nokeys -in"),
    ("key.pem", ["pkey", "-outform", "DER"], "is in DER, but PEM is needed: openssl pkey -inform DER -in"),
    ("key.pem", ["pkcs12", "-export", "-nocerts", "-passout", "pass:"],
     "is in PKCS#12, but PEM is needed: openssl pkcs12 -nocerts -noenc -in"),
], ids=["a certificate in DER", "a certificate in PKCS12", "a key in DER", "a key in PKCS12"])
def test_files_in_other_formats_are_told_how_to_become_pem(check, files, file, made, told):
    made = [str(files / each) if each.endswith(".pem") else each for each in made]
    certificates.run(*made, "-in", files / file, "-out", files / "other")
    (files / "other").replace(files / file)
    status, said = check()
    assert status == 2 and f"{file}: {told} {files / file}" in said, said


def test_a_certificate_and_a_key_that_are_exchanged_are_named(check, files):
    (files / "cert.pem").rename(files / "aside")
    (files / "key.pem").rename(files / "cert.pem")
    (files / "aside").rename(files / "key.pem")
    status, said = check()
    assert status == 2, said
    assert "cert.pem: no certificate in it, but a private key" in said, said
    assert "key.pem: no private key in it, but a certificate" in said, said


def test_a_chain_that_does_not_begin_with_the_certificate_of_the_key_is_named(check, files, authority):
    put(files / "cert.pem", authority.certificate.read_text() + (files / "cert.pem").read_text())
    status, said = check()
    assert status == 2 and re.search(r"cert\.pem: the certificate of CN=localhost, which the key .*key\.pem belongs to, "
                                     "must be the first in it", said), said
    assert "warning" not in said, said


@pytest.mark.parametrize("kind, bits", [("rsa:1024", 1024), ("rsa:2048", 0)])
def test_a_key_that_is_too_small_is_told_what_is_enough(check, files, kind, bits):
    certificates.run("req", "-x509", "-newkey", kind, "-noenc", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                     "-keyout", files / "key.pem", "-out", files / "cert.pem")
    status, said = check()
    assert status == (2 if bits else 0), said
    assert (f"the key of CN=localhost has {bits} bits: RSA needs 2048, an elliptic curve 224" in said) == bool(bits), said


def test_a_revocation_list_that_is_not_used_is_named(check, files, authority):
    put(files / "ca.pem", authority.certificate.read_bytes())
    status, said = check(', client_ca = "ca.pem"')
    assert status == 0 and "warning" not in said, said
    put(files / "ca.pem", authority.certificate.read_text() + BROKEN.format("X509 CRL"))
    status, said = check(', client_ca = "ca.pem"')
    assert status == 0 and re.search(r"ca\.pem: warning: a revocation list in it is not used", said), said


@pytest.mark.parametrize("file", ["cert.pem", "key.pem"])
def test_a_missing_file_is_named(check, files, file):
    (files / file).unlink()
    status, said = check()
    assert status == 2 and re.search(rf"{file}.*No such file", said, re.DOTALL | re.IGNORECASE), said


def test_a_missing_file_hides_no_faults_of_other_sites(uvhttpd, files):
    (files / "key.pem").unlink()
    put(files / "other.pem", "")
    put(files / "uvhttpd.toml", CONFIG.format(more="") +
        '[[site]]\nhosts = ["other.test"]\nroot = "www"\ntls = { certificate = "other.pem", key = "other.pem" }\n')
    said = uvhttpd("check", "-c", files / "uvhttpd.toml").stderr
    assert len(re.findall(r"key\.pem", said)) >= 1 and "no certificate in it" in said and "no private key in it" in said, said
    assert len(re.findall("No such file", said)) == 1, said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_key_that_may_not_be_read_is_named(files):
    put(files / "uvhttpd.toml", CONFIG.format(more=""))
    (files / "key.pem").chmod(0o600)
    # The directories above are root's alone; nobody is let through them meanwhile.
    as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    opened = [each for each in [files, *files.parents] if not each.stat().st_mode & 0o005 == 0o005]
    modes = [(each, each.stat().st_mode) for each in opened]
    try:
        for each, mode in modes:
            each.chmod(mode | 0o055)
        result = subprocess.run([*as_nobody, BINARY, "check", "-c", files / "uvhttpd.toml"], text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", check=False)
    finally:
        for each, mode in modes:
            each.chmod(mode)
    assert result.returncode == 2, result.stdout
    assert re.search(r"key\.pem.*Permission denied", result.stdout, re.DOTALL | re.IGNORECASE), result.stdout


@pytest.fixture
def open_to_all():
    """A directory that every user may enter, with the same files."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        path.chmod(0o755)
        yield path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
class TestAsTheUserWhoServes:
    @pytest.fixture
    def install(self, open_to_all, files):
        """install(user, name, mode): the files, one of which has the mode; the path of the configuration."""
        def put_files(user, name, mode):
            site(open_to_all, {"a.txt": "the file a"})
            for each in "cert.pem", "key.pem":
                put(open_to_all / each, (files / each).read_bytes()).chmod(0o644)
            (open_to_all / name).chmod(mode)
            text = CONFIG.format(more="").replace(":8443", ":0").replace(":8080", ":0")
            return put(open_to_all / "uvhttpd.toml", f'[server]\nuser = "{user}"\n{text}')
        return put_files

    def test_check_and_start_name_the_file_the_user_and_the_reason(self, uvhttpd, install):
        file = install("nobody", "key.pem", 0o600)
        for arguments in ("check", "-c", file), ("-c", file):
            result = uvhttpd(*arguments)
            assert result.returncode == 2, result.stderr
            assert re.search(r"key\.pem: (error: )?Permission denied \(as user nobody\)", result.stderr), result.stderr

    def test_check_goes_on_with_a_user_whom_there_is_not(self, uvhttpd, install):
        result = uvhttpd("check", "-c", install("no-such-user", "key.pem", 0o600))
        assert result.returncode == 0 and "is valid" in result.stderr, result.stderr
        assert "warning: server.user: no user no-such-user: a start fails here" in result.stderr, result.stderr

    def test_check_by_an_ordinary_user_does_not_ask_who_serves(self, install):
        file = install("root", "www", 0o755)
        as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        result = subprocess.run([*as_nobody, BINARY, "check", "-c", file], capture_output=True, text=True, cwd="/", check=False)
        assert result.returncode == 0 and "warning" not in result.stderr, result.stderr

    def test_a_root_that_the_user_may_not_enter_is_a_warning(self, server, uvhttpd, install, open_to_all):
        file = install("nobody", "www", 0o700)
        result = uvhttpd("check", "-c", file)
        warning = r"www: (warning: )?the user nobody may not read or enter this root"
        assert result.returncode == 0 and re.search(warning, result.stderr), result.stderr
        running = server(tmp=open_to_all, arguments=["-c", str(file)], listeners=2)
        running.wait_for_log(warning)
        running.stop()


@pytest.mark.parametrize("root, key, links, is_refused", [
    ("www", "www/d.key", {}, True), ("www", "keys/d.key", {}, False),
    ("www", "www/.keys/d.key", {}, False), ("www", "www/.well-known/d.key", {}, True),
    ("www", "sec/d.key", {"sec": "www/keys"}, True), ("www", "sec/d.key", {"sec": "www/.keys"}, False),
    ("rl", "www/keys/d.key", {"rl": "www"}, True), ("rl", "rl/d.key", {"rl": "www"}, True),
    ("rl", "keys/d.key", {"rl": "www"}, False),
])
def test_a_key_that_could_be_fetched_is_refused_whatever_links_lead_to_it(uvhttpd, files, root, key, links, is_refused):
    for name, target in links.items():
        put(files / target / "there", "")
        (files / name).symlink_to(target)
    put(files / key, (files / "key.pem").read_bytes())
    put(files / "uvhttpd.toml", CONFIG.format(more="").replace('root = "www"', f'root = "{root}"').replace("key.pem", key))
    result = uvhttpd("check", "-c", files / "uvhttpd.toml")
    assert result.returncode == (2 if is_refused else 0), result.stderr
    assert ("could be fetched" in result.stderr) == is_refused, result.stderr


@pytest.mark.parametrize("days, reason", [((-30, -2), "has expired at"), ((2, 30), "is not valid before")], ids=["old", "early"])
def test_a_certificate_that_is_not_valid_now_is_named(check, files, authority, days, reason):
    pair = authority.issue("of-another-time", ["localhost"], days=days)
    put(files / "cert.pem", pair.certificate.read_bytes())
    put(files / "key.pem", pair.key.read_bytes())
    status, said = check()
    assert status == 2 and re.search(rf"cert\.pem: .*{reason}", said) and "warning" not in said, said


def test_a_certificate_for_another_host_is_a_warning(check, files, authority):
    pair = authority.issue("elsewhere", ["elsewhere.test"])
    put(files / "cert.pem", pair.certificate.read_bytes())
    put(files / "key.pem", pair.key.read_bytes())
    status, said = check()
    assert status == 0 and re.search(r"cert\.pem: warning: .*not for localhost", said), said


def test_a_certificate_that_is_not_for_servers_is_a_warning(check, files, authority):
    pair = authority.issue("for-clients", ["localhost"], purpose=certificates.OF_CLIENTS)
    put(files / "cert.pem", pair.certificate.read_bytes())
    put(files / "key.pem", pair.key.read_bytes())
    status, said = check()
    assert status == 0 and re.search(r"cert\.pem: warning: .*serverAuth", said), said


def test_a_file_of_authorities_with_none_in_it_is_a_warning(check, files, authority):
    put(files / "ca.pem", authority.issue("no-authority", purpose=certificates.OF_CLIENTS).certificate.read_bytes())
    status, said = check(', client_ca = "ca.pem"')
    assert status == 0 and re.search(r"ca\.pem: warning: no certificate of an authority", said), said


def test_an_empty_file_of_authorities_is_named(check, files):
    put(files / "ca.pem", "")
    status, said = check(', client_ca = "ca.pem"')
    assert status == 2 and re.search(r"ca\.pem.*no certificate", said), said


def test_two_certificates_with_keys_of_one_kind_are_named(uvhttpd, files, authority):
    pair = authority.issue("second", ["localhost"])
    put(files / "uvhttpd.toml", CONFIG.format(more="").replace('"cert.pem"', f'["cert.pem", "{pair.certificate}"]')
        .replace('"key.pem"', f'["key.pem", "{pair.key}"]'))
    result = uvhttpd("check", "-c", files / "uvhttpd.toml")
    assert result.returncode == 2 and re.search(r"second\.pem.*kind of key", result.stderr), result.stderr


def test_faults_are_in_json_too(uvhttpd, files):
    put(files / "key.pem", "")
    put(files / "uvhttpd.toml", CONFIG.format(more=""))
    result = uvhttpd("check", "--json", "-c", files / "uvhttpd.toml")
    assert result.returncode == 2 and "no private key" in json.dumps(json.loads(result.stdout))


def test_a_server_with_a_bad_key_does_not_start(uvhttpd, files):
    put(files / "key.pem", "")
    put(files / "uvhttpd.toml", CONFIG.format(more=""))
    result = uvhttpd("-c", files / "uvhttpd.toml")
    assert result.returncode == 2 and re.search(r"key\.pem.*no private key", result.stderr), result.stderr


def test_a_server_with_an_expired_certificate_starts_and_says_so(server, files, authority):
    pair = authority.issue("late", ["localhost"], days=(-30, -2))
    put(files / "cert.pem", pair.certificate.read_bytes())
    put(files / "key.pem", pair.key.read_bytes())
    running = server(CONFIG.format(more="").replace(":8443", ":0").replace(":8080", ":0"), listeners=2)
    running.wait_for_log(r"cert\.pem.*expired")


# --- explain ---

@pytest.fixture
def explain(uvhttpd, files):
    def run(url, *arguments, more=""):
        put(files / "uvhttpd.toml", CONFIG.format(more=more))
        result = uvhttpd("explain", "-c", files / "uvhttpd.toml", *arguments, url)
        assert result.returncode == 0, result.stderr
        return result.stdout
    return run


def test_explain_names_the_listener_that_speaks_tls(explain):
    encrypted, plain = explain("https://localhost:8443/a.txt"), explain("http://localhost:8080/a.txt")
    assert "127.0.0.1:8443" in encrypted and "127.0.0.1:8080" not in encrypted
    assert "127.0.0.1:8080" in plain and "127.0.0.1:8443" not in plain


def test_explain_shows_fields_of_encrypted_answers_only_there(explain):
    more = ', hsts = "max-age=60"'
    assert "Strict-Transport-Security" in explain("https://localhost:8443/a.txt", more=more)
    assert "Strict-Transport-Security" not in explain("http://localhost:8080/a.txt", more=more)


def test_explain_in_json_says_whether_it_is_encrypted(explain):
    told = json.loads(explain("https://localhost:8443/a.txt", "--json"))
    assert "127.0.0.1:8443" in json.dumps(told)


def test_explain_names_the_key_of_tls_behind_an_answer_and_a_field(explain, files, authority):
    encrypted = explain("https://localhost:8443/a.txt", more=', hsts = "max-age=60"')
    assert re.search(r"^    Strict-Transport-Security: max-age=60 +hsts in line \d+$", encrypted, re.M), encrypted
    put(files / "ca.pem", authority.certificate.read_bytes())
    refused = explain("https://localhost:8443/a.txt", more=', client_ca = "ca.pem"')
    assert re.search(r"^  answer +403 .*\n  because +client_ca in line \d+: the client has no certificate$", refused, re.M), refused


def test_explain_names_redirect_https(explain, uvhttpd, files):
    explain("http://localhost:8080/a.txt")
    file = files / "uvhttpd.toml"
    put(file, file.read_text().replace("[[site]]\n", "[[site]]\nredirect_https = true\n"))
    line = file.read_text().splitlines().index("redirect_https = true") + 1
    for method, status in ("GET", 301), ("POST", 308):
        said = json.loads(uvhttpd("explain", "-c", file, "--json", method, "http://localhost:8080/a.txt").stdout)
        assert said["status"] == status and said["because"] == f"redirect_https in line {line}"
        assert {field["name"]: field["from"] for field in said["fields"]}["Location"] == said["because"]


def test_plain_http_to_a_listener_with_tls_is_explained_as_it_is_answered(explain):
    said = explain("http://localhost:8443/a.txt")
    assert re.search(r"^  listener +127\.0\.0\.1:8443, which takes only https$", said, re.M), said
    assert re.search(r"^  answer +400 .*\n  because +tls of the listener 127\.0\.0\.1:8443: plain HTTP is refused there$", said, re.M), said


def test_https_to_a_listener_without_tls_has_no_answer(explain, uvhttpd, files):
    explain("http://localhost:8080/a.txt")
    result = uvhttpd("explain", "-c", files / "uvhttpd.toml", "https://localhost:8080/a.txt")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "uvhttpd: no answer: the listener 127.0.0.1:8080 has no TLS\n"


def test_expectations_meet_the_listener_of_their_port(uvhttpd, files):
    test = '\n[[expect]]\nrequest = "{}"\nstatus = {}\n'
    put(files / "uvhttpd.toml", CONFIG.format(more="") + test.format("http://localhost:8443/a.txt", 400) +
        test.format("https://localhost:8443/a.txt", 200) + test.format("https://localhost/a.txt", 200))
    result = uvhttpd("check", "-c", files / "uvhttpd.toml")
    assert result.returncode == 0, result.stderr
    put(files / "uvhttpd.toml", CONFIG.format(more="") + test.format("https://localhost:8080/a.txt", 200))
    result = uvhttpd("check", "-c", files / "uvhttpd.toml")
    assert result.returncode == 2 and "the listener 127.0.0.1:8080 has no TLS" in result.stderr, result.stderr
