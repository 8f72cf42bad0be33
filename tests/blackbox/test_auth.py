# SPDX-License-Identifier: MIT
"""`auth` (RFC 7617) with the files that htpasswd, openssl and `uvhttpd passwd` make, and `uvhttpd passwd` itself."""
import base64
import concurrent.futures
import json
import os
import pty
import re
import shutil
import subprocess
import termios

import pytest

import upstreams
import wire
from conftest import BINARY
from sites import put
from wire import wait_until

CONFIG = """
[server]
workers = 1
[access_log]
path = "access.log"
[[site]]
root = "www"
error_pages = { 401 = "/401.html" }

[[site.route]]
path = "/staff/*"
handler = "static"
auth = { realm = "Staff only", users = "users" }

[[site.route]]
path = "/cgi-bin/*"
handler = "cgi"
root = "cgi-bin"
auth = { realm = "Programs", users = "users" }

[[site.route]]
path = "/to-staff"
handler = "cgi"
program = "cgi-bin/to-staff"
"""
FILES = {"www/index.html": "for all", "www/401.html": "who are you?", "www/staff/index.html": "for staff",
         "cgi-bin/environ": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nenv\n",
         "cgi-bin/to-staff": "#!/bin/sh\nprintf 'Location: /staff/\\n\\n'\n"}
CHALLENGE = 'Basic realm="Staff only", charset="UTF-8"'


def put_files(tmp):
    for path, content in FILES.items():
        put(tmp / path, content)


def basic(user, password):
    return [("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())]


def htpasswd(*options):
    return subprocess.run(["htpasswd", "-nb", *options], check=True, text=True, capture_output=True).stdout.strip() + "\n"


@pytest.fixture
def passwd(uvhttpd):
    """passwd(user, password, *options) gives the line that `uvhttpd passwd` prints."""
    def run(user, password, *options):
        made = subprocess.run([BINARY, "passwd", user, *options], input=password + "\n", text=True, capture_output=True)
        assert made.returncode == 0 and not made.stderr, made.stderr
        return made.stdout
    return run


@pytest.fixture
def start(server, tmp_path):
    """start(users) starts a server whose users are these lines."""
    def run(users, config=CONFIG):
        put_files(tmp_path)
        put(tmp_path / "users", users)
        return server(config)
    return run


def status(running, fields=(), target="/staff/"):
    return running.fetch(target, fields=fields).status


class TestFiles:
    @pytest.mark.parametrize("options", [["-B"], ["-B", "-C", "10"], ["-5"], ["-2"], ["-5", "-r", "20000"]],
                             ids=lambda options: " ".join(options))
    def test_htpasswd_makes_lines_that_are_taken(self, start, options):
        if not shutil.which("htpasswd"):
            pytest.skip("apache2-utils is not here")
        running = start(htpasswd(*options, "alice", "se cret"))
        assert status(running, basic("alice", "se cret")) == 200
        assert status(running, basic("alice", "secret")) == 401

    def test_openssl_makes_hashes_that_are_taken(self, start):
        hashed = subprocess.run(["openssl", "passwd", "-6", "secret"], check=True, text=True, capture_output=True).stdout
        running = start("alice:" + hashed)
        assert status(running, basic("alice", "secret")) == 200
        assert status(running, basic("alice", "Secret")) == 401

    @pytest.mark.parametrize("method, start_of_hash", [("yescrypt", "$y$"), ("bcrypt", "$2y$"), ("sha512", "$6$")])
    def test_passwd_makes_lines_that_are_taken(self, start, passwd, method, start_of_hash):
        line = passwd("älice", "sécret", "--method", method)
        assert line.startswith("älice:" + start_of_hash) and line.endswith("\n")
        running = start(line)
        assert status(running, basic("älice", "sécret")) == 200
        assert status(running, basic("älice", "secret")) == 401

    @pytest.mark.parametrize("option, what", [("-m", "an MD5 hash"), ("-s", "a SHA-1 hash"), ("-d", "a DES hash")])
    def test_weak_hashes_are_refused_with_file_and_line(self, uvhttpd, tmp_path, option, what):
        if not shutil.which("htpasswd"):
            pytest.skip("apache2-utils is not here")
        put_files(tmp_path)
        put(tmp_path / "users", "# one is too weak\n" + htpasswd(option, "alice", "secret"))
        file = put(tmp_path / "uvhttpd.toml", CONFIG + '[[listener]]\naddress = "127.0.0.1:0"\n')
        ended = uvhttpd("-c", file)
        assert ended.returncode != 0
        assert re.search(rf'users:2: the user "alice" has .*{what}.*uvhttpd passwd', ended.stderr), ended.stderr

    def test_a_file_without_users_is_a_warning_of_check(self, uvhttpd, tmp_path, passwd):
        put_files(tmp_path)
        file = put(tmp_path / "uvhttpd.toml", CONFIG)
        for content, warns in (("# nobody yet\n", True), (passwd("alice", "secret"), False)):
            put(tmp_path / "users", content)
            ended = uvhttpd("check", "-c", file)
            assert ended.returncode == 0, ended.stderr
            assert ("users: warning: no user in it" in ended.stderr) == warns, ended.stderr

    def test_a_byte_order_mark_is_named(self, uvhttpd, tmp_path, passwd):
        put_files(tmp_path)
        put(tmp_path / "users", "\ufeff" + passwd("alice", "secret"))
        ended = uvhttpd("check", "-c", put(tmp_path / "uvhttpd.toml", CONFIG))
        assert ended.returncode == 2 and "users:1: begins with a byte order mark (UTF-8 BOM)" in ended.stderr, ended.stderr

    def test_a_file_that_could_be_fetched_is_refused(self, uvhttpd, tmp_path, passwd):
        put_files(tmp_path)
        put(tmp_path / "www/sec/there", "")
        (tmp_path / "link").symlink_to("www/sec")
        for name, is_refused in (("www/users", True), ("www/.htpasswd", False), ("link/users", True)):
            put(tmp_path / name, passwd("alice", "secret"))
            file = put(tmp_path / "uvhttpd.toml", CONFIG.replace('users = "users"', f'users = "{name}"'))
            asked = uvhttpd("explain", "-c", file, "http://a/staff/")
            assert (asked.returncode != 0) == is_refused, asked.stderr
            assert ("could be fetched" in asked.stderr) == is_refused


class TestAnswers:
    @pytest.fixture
    def running(self, start, passwd):
        return start(passwd("alice", "secret", "--method", "sha512"))

    def test_who_says_nothing_or_something_else_is_asked(self, running):
        for fields in ([], basic("alice", "wrong"), basic("eve", "secret"), basic("", ""), [("Authorization", "Basic")],
                       [("Authorization", "Basic alice:secret")], [("Authorization", "Bearer abc")],
                       basic("alice", "secret") * 2, basic("alice", "secret" + "x" * 2000)):
            answer = running.fetch("/staff/", fields=fields)
            assert answer.status == 401, fields
            assert answer.get("WWW-Authenticate") == CHALLENGE
            assert answer.body == b"who are you?"

    def test_who_has_the_password_is_let_in(self, running):
        for scheme in ("Basic", "basic", "BASIC"):
            field = scheme + basic("alice", "secret")[0][1][5:]
            answer = running.fetch("/staff/", fields=[("Authorization", field)])
            assert (answer.status, answer.body) == (200, b"for staff")
        assert running.fetch("/").status == 200

    def test_curl_is_let_in(self, running):
        def curl(*options):
            ran = subprocess.run(["curl", "-sS", "-w", "%{http_code}", "-o", os.devnull, *options,
                                  f"http://127.0.0.1:{running.port}/staff/"], text=True, capture_output=True, timeout=60)
            assert ran.returncode == 0, ran.stderr
            return ran.stdout
        assert curl("-u", "alice:secret") == "200"
        assert curl("--anyauth", "-u", "alice:secret") == "200"
        assert curl("-u", "alice:wrong") == "401"
        assert curl() == "401"

    def test_there_is_no_way_round(self, running):
        with running.client() as client:
            for target in ("/staff", "/staff/", "//staff/", "/x/../staff/", "/%73taff/", "/staff/none", "/staff/?x",
                           f"http://127.0.0.1:{running.port}/staff/", "/to-staff"):
                answer = client.request(target)
                assert answer.status != 200 and b"for staff" not in answer.body, target
        for method in ("HEAD", "POST", "PUT", "DELETE"):
            assert running.fetch("/staff/", method=method).status in (401, 405)

    def test_an_internal_redirect_shows_the_same_credentials(self, running):
        assert running.fetch("/to-staff").status == 401
        assert running.fetch("/to-staff", fields=basic("alice", "secret")).body == b"for staff"

    def test_a_program_knows_who_asks_and_not_the_password(self, running):
        answer = running.fetch("/cgi-bin/environ", fields=basic("alice", "secret"))
        variables = dict(line.split("=", 1) for line in answer.body.decode().splitlines())
        assert variables["REMOTE_USER"] == "alice"
        assert variables["AUTH_TYPE"] == "Basic"
        assert "HTTP_AUTHORIZATION" not in variables
        assert b"secret" not in answer.body

    def test_an_upstream_does_not_get_the_password_that_was_for_us(self, start, passwd, upstream):
        up = upstream(upstreams.serving(upstreams.mirror))
        running = start(passwd("alice", "secret", "--method", "sha512"), "[[site]]\n" +
                        upstreams.route(up, 'auth = { realm = "Application", users = "users" }', "/ours/*") + upstreams.route(up))
        ours = upstreams.Request(running.fetch("/ours/", fields=basic("alice", "secret")).body)
        assert ours.get("Authorization") is None
        theirs = upstreams.Request(running.fetch("/", fields=basic("alice", "secret")).body)
        assert theirs.get("Authorization") == basic("alice", "secret")[0][1]

    def test_nor_does_a_program_behind_scgi(self, start, passwd, upstream):
        def behave(connection):
            length = int(connection.read_until(b":")[:-1])
            connection.send(b"Content-Type: text/plain\n\n" + connection.read(length))
            connection.finish()

        address = upstream(behave).url.removeprefix("http://")
        keys = f'handler = "scgi"\nupstream = "{address}"\n'
        running = start(passwd("alice", "secret", "--method", "sha512"), f'[[site]]\n[[site.route]]\npath = "/ours/*"\n{keys}'
                        f'auth = {{ realm = "Application", users = "users" }}\n[[site.route]]\npath = "/*"\n{keys}')
        ours = running.fetch("/ours/", fields=basic("alice", "secret")).body
        assert b"REMOTE_USER\0alice\0" in ours and b"HTTP_AUTHORIZATION" not in ours
        assert b"HTTP_AUTHORIZATION\0Basic " in running.fetch("/", fields=basic("alice", "secret")).body

    def test_wrong_passwords_are_logged_with_the_address(self, running):
        fields = basic('al"ice', "guess") + [("X-Forwarded-For", "203.0.113.9")]
        assert running.fetch("/staff/", fields=fields).status == 401
        running.wait_for_log(r'info auth: 127\.0\.0\.1: wrong user or password, as "al\\x22ice" \(request \S+\)')
        assert "guess" not in running.log_text()

    def test_the_access_log_has_the_user(self, running):
        running.fetch("/staff/", fields=basic("alice", "secret"))
        running.fetch("/staff/", fields=basic("alice", "wrong"))
        log = running.tmp / "access.log"
        lines = wait_until(lambda: (lambda found: found if len(found) == 2 else None)(log.read_text().splitlines()))
        assert re.match(r'127\.0\.0\.1 - alice \[[^]]+\] "GET /staff/ HTTP/1\.1" 200 ', lines[0])
        assert re.match(r'127\.0\.0\.1 - - \[[^]]+\] "GET /staff/ HTTP/1\.1" 401 ', lines[1])

    def test_explain_says_what_is_asked_for(self, running, uvhttpd):
        text = uvhttpd("explain", "-c", running.file, "http://a/staff/").stdout
        assert re.search(r'^  auth      "Staff only", for the users in \S+/users$', text, re.MULTILINE)
        assert re.search(r"^  answer    401 Unauthorized.*\n  because   auth in line [0-9]+$", text, re.MULTILINE)
        known = uvhttpd("explain", "-c", running.file, "http://a/staff/", "-H", ": ".join(basic("alice", "secret")[0])).stdout
        assert re.search(r'^  auth      "Staff only", for the users in \S+/users; "alice" is let in$', known, re.MULTILINE)
        written = running.file.read_text()
        put(running.file, written.replace("Staff only", 'a \\"b\\" \\\\c'))
        odd = uvhttpd("explain", "-c", running.file, "http://a/staff/").stdout
        assert '  auth      "a \\"b\\" \\\\c", for' in odd and '    WWW-Authenticate: Basic realm="a \\"b\\" \\\\c", charset="UTF-8"  ' in odd
        put(running.file, written)
        assert re.search(r"^    WWW-Authenticate: .*  auth in line [0-9]+$", text, re.MULTILINE)
        said = json.loads(uvhttpd("explain", "-c", running.file, "--json", "http://a/staff/", "-H",
                                  ": ".join(basic("alice", "secret")[0])).stdout)
        assert said["status"] == 200 and said["user"] == "alice" and said["because"] is None
        assert said["auth"] == {"realm": "Staff only", "users": str(running.tmp / "users")}
        assert json.loads(uvhttpd("explain", "-c", running.file, "--json", "http://a/").stdout)["auth"] is None

    def test_an_expectation_may_be_that_somebody_is_asked(self, running, uvhttpd):
        file = put(running.tmp / "expect.toml", CONFIG + '[[expect]]\nrequest = "GET http://a/staff/"\nstatus = 401\n')
        checked = uvhttpd("check", "-c", file)
        assert checked.returncode == 0, checked.stderr


class TestUnderLoad:
    def test_guesses_hold_nobody_else_up(self, start, passwd):
        running = start(passwd("alice", "secret"))
        assert status(running, basic("alice", "secret")) == 200

        def guess(number):
            answer = running.fetch("/staff/", fields=basic("alice", f"wrong{number}"))
            assert answer.status == 401 or (answer.status == 503 and answer.get("Retry-After") == "5")
            return answer.status

        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            guesses = [pool.submit(guess, number) for number in range(100)]
            rounds = 0
            while not all(each.done() for each in guesses):
                assert status(running, target="/") == 200
                # Who has been let in lately is known.
                assert status(running, basic("alice", "secret")) == 200
                rounds += 1
            assert 401 in [each.result() for each in guesses]
        assert rounds > 5

    def test_clients_that_go_leave_nothing_behind(self, start, passwd):
        running = start(passwd("alice", "secret"))
        for number in range(200):
            client = running.client()
            client.send(wire.request("/staff/", fields=basic("alice", f"wrong{number}")))
            client.reset()
        wait_until(lambda: status(running, basic("alice", "secret")) == 200)


class TestChanges:
    def test_a_file_that_changes_counts_from_then_on(self, start, passwd):
        running = start(passwd("alice", "secret", "--method", "sha512"))
        users = running.tmp / "users"
        assert status(running, basic("alice", "secret")) == 200
        put(running.tmp / "new", passwd("bob", "word", "--method", "sha512"))
        (running.tmp / "new").replace(users)
        wait_until(lambda: status(running, basic("alice", "secret")) == 401)
        assert status(running, basic("bob", "word")) == 200

    def test_what_cannot_be_read_changes_nothing(self, start, passwd):
        line = passwd("alice", "secret", "--method", "sha512")
        running = start(line)
        users = running.tmp / "users"
        users.write_text("alice:secret\n")
        wait_until(lambda: status(running, basic("alice", "secret")) == 200 and "users:1: " in running.log_text())
        assert len(re.findall("stay in force", running.log_text())) == 1
        assert "alice:secret" not in running.log_text()
        assert "Reload refused" in running.reload()
        assert status(running, basic("alice", "secret")) == 200
        users.write_text(line)
        assert "Reloaded" in running.reload()

    def test_a_file_that_is_gone_lets_nobody_in(self, start, passwd):
        line = passwd("alice", "secret", "--method", "sha512")
        running = start(line)
        assert status(running, basic("alice", "secret")) == 200
        (running.tmp / "users").unlink()
        wait_until(lambda: status(running, basic("alice", "secret")) == 401)
        running.wait_for_log("users: there is no such file any more: nobody is let in")
        (running.tmp / "users").write_text(line)
        wait_until(lambda: status(running, basic("alice", "secret")) == 200)

    def test_a_site_may_ask_for_all_and_a_route_not(self, start, passwd):
        running = start(passwd("alice", "secret", "--method", "sha512"), """
[[site]]
root = "www"
auth = { realm = "All", users = "users" }
[[site.route]]
path = "/open"
handler = "respond"
body = "open"
auth = false
[[site.route]]
path = "/post"
handler = "respond"
body = "post"
methods = ["POST"]
""")
        assert running.fetch("/open").body == b"open"
        for target in ("/", "/index.html", "/none", "/401.html", "/staff/"):
            assert status(running, target=target) == 401
            assert status(running, basic("alice", "secret"), target) in (200, 404)
        assert running.fetch("/post", method="POST").status == 401


class TestPasswd:
    @pytest.mark.parametrize("user, password, what", [
        ("alice", "", "the password is empty"), ("a:b", "x", "colon"), ("", "x", ""), ("a\tb", "x", "control"),
        ("#a", "x", "comment"), ("a" * 256, "x", "255"), ("alice", "a\tb", "control"), ("alice", "a" * 512, "511")])
    def test_what_could_not_work_is_refused(self, user, password, what):
        made = subprocess.run([BINARY, "passwd", user], input=password + "\n", text=True, capture_output=True)
        assert (made.returncode, made.stdout) == (2, "")
        assert made.stderr.startswith("uvhttpd: ") and what in made.stderr

    def test_bcrypt_gets_no_more_than_it_looks_at(self, passwd):
        assert passwd("alice", "a" * 72, "--method", "bcrypt")
        made = subprocess.run([BINARY, "passwd", "alice", "--method", "bcrypt"], input="a" * 73, text=True, capture_output=True)
        assert made.returncode == 2 and "72" in made.stderr

    def test_the_line_may_end_as_it_likes(self, start):
        endings = {"a": "", "b": "\n", "c": "\r\n", "d": "\nmore\n"}
        lines = [subprocess.run([BINARY, "passwd", user, "--method", "sha512"], input=("secret" + ending).encode(), check=True,
                                capture_output=True).stdout.decode() for user, ending in endings.items()]
        running = start("".join(lines))
        assert [status(running, basic(user, "secret")) for user in endings] == [200] * 4

    @pytest.mark.parametrize("method", ["md5", "plain", ""])
    def test_other_methods_are_unknown(self, uvhttpd, method):
        assert uvhttpd("passwd", "alice", "--method", method).returncode == 2

    def talk(self, *lines):
        """What is seen on a terminal on which the lines are typed, one at each question, and the exit status."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(BINARY, [BINARY, "passwd", "alice", "--method", "sha512"])
        seen = b""

        def read_until(mark):
            nonlocal seen
            while not re.search(mark, seen):
                try:
                    seen += os.read(terminal, 1000)
                except OSError:  # the other end is closed
                    return
        for mark, line in zip((rb"Password of alice: ", rb"Once more: "), lines):
            read_until(mark)
            # Echo goes off behind the question; TCSAFLUSH would throw away what is typed before.
            wait_until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO)
            os.write(terminal, line)
        read_until(rb"(?!)")
        os.close(terminal)
        return seen.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_a_terminal_is_asked_twice_and_shows_nothing(self):
        seen, ended = self.talk(b"secret\n", b"secret\n")
        assert ended == 0 and re.search(r"alice:\$6\$rounds=100000\$\S+\r\n$", seen), seen
        assert "secret" not in seen

    def test_two_that_differ_are_refused(self):
        seen, ended = self.talk(b"secret\n", b"secert\n")
        assert ended == 2 and "not the same" in seen and "$6$" not in seen

    def test_an_interrupt_ends_it(self):
        seen, ended = self.talk(b"secr\x03")
        assert ended == 1 and "$6$" not in seen
