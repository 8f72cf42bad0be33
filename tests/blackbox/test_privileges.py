# SPDX-License-Identifier: MIT
"""`server.user`: what root does for it before it becomes that, and what it must not be led to do."""
import os
import pathlib
import pwd
import stat
import tempfile

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
CONFIG = """
[server]
user = "nobody"
log = "{error}"
[access_log]
path = "{access}"
[[listener]]
address = "127.0.0.1:0"
[[site]]
[[site.route]]
path = "/*"
handler = "respond"
body = "an answer"
"""


@pytest.fixture
def place():
    """A directory that every user may enter, with one of nobody's own and a secret of root's."""
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        (directory / "theirs").mkdir()
        os.chown(directory / "theirs", pwd.getpwnam("nobody").pw_uid, -1)
        (directory / "ours").mkdir()
        secret = directory / "secret"
        secret.write_text("root only\n", encoding="ascii")
        secret.chmod(0o600)
        yield directory


def owner(path):
    return pwd.getpwuid(path.stat().st_uid).pw_name


def is_untouched(secret):
    status = secret.stat()
    return (secret.read_text(encoding="ascii"), status.st_uid, stat.S_IMODE(status.st_mode)) == ("root only\n", 0, 0o600)


@pytest.mark.parametrize("directory", ["theirs", "ours"])
def test_logs_are_made_for_the_user(server, place, directory):
    logs = [place / directory / name for name in ("error.log", "access.log")]
    running = server(tmp=place, text=CONFIG.format(error=logs[0], access=logs[1]))
    assert running.fetch("/x").status == 200
    running.stop()
    assert [owner(log) for log in logs] == ["nobody", "nobody"]
    assert "GET /x" in logs[1].read_text(encoding="ascii") and "stopping" in logs[0].read_text(encoding="ascii")


def test_a_log_of_roots_in_roots_directory_is_given_to_the_user(server, place):
    log = place / "ours/access.log"
    log.touch(0o600)
    running = server(tmp=place, text=CONFIG.format(error="stderr", access=log))
    running.stop()
    assert owner(log) == "nobody"


def test_a_link_that_root_has_made_is_followed(server, place):
    log = place / "ours/access.log"
    log.symlink_to(place / "ours/real.log")
    (place / "ours/real.log").touch()
    running = server(tmp=place, text=CONFIG.format(error="stderr", access=log))
    running.stop()
    assert owner(place / "ours/real.log") == "nobody"


@pytest.mark.parametrize("which", ["error", "access"])
@pytest.mark.parametrize("path, link, target", [
    ("theirs/x.log", "theirs/x.log", "../secret"), ("theirs/x.log", "theirs/x.log", "../ours/made"),
    ("theirs/logs/x.log", "theirs/logs", "../ours"), ("ours/x.log", "ours/x.log", "../theirs/y.log")])
def test_a_link_that_the_user_may_have_made_leads_root_to_nothing(uvhttpd, place, which, path, link, target):
    (place / "ours/x.log").write_text("", encoding="ascii")
    if link == "ours/x.log":
        (place / "ours/x.log").unlink()
        (place / "theirs/y.log").symlink_to("../secret")
    (place / link).symlink_to(target)
    logs = {"error": "stderr", "access": "off", which: place / path}
    file = place / "uvhttpd.toml"
    file.write_text(CONFIG.format(**logs), encoding="utf-8")
    result = uvhttpd("-c", file)
    assert result.returncode == 1 and "as the user nobody, who could replace it" in result.stderr, result.stderr
    assert is_untouched(place / "secret") and not (place / "ours/made").exists()
    if (place / "ours/x.log").exists():
        assert (place / "ours/x.log").stat().st_uid == 0


def test_a_directory_of_the_users_own_is_theirs_whatever_its_mode(uvhttpd, place):
    (place / "theirs/x.log").symlink_to("../secret")
    (place / "theirs").chmod(0o555)
    file = place / "uvhttpd.toml"
    file.write_text(CONFIG.format(error="stderr", access=place / "theirs/x.log"), encoding="utf-8")
    result = uvhttpd("-c", file)
    assert result.returncode == 1 and "as the user nobody, who could replace it" in result.stderr, result.stderr
    assert is_untouched(place / "secret")


def test_everybody_may_connect_to_a_unix_socket(server, place):
    running = server(tmp=place, text=CONFIG.format(error="stderr", access="off").replace("127.0.0.1:0", f"unix:{place}/socket"))
    assert stat.S_IMODE((place / "socket").stat().st_mode) == 0o666
    running.stop()


@pytest.mark.parametrize("text, is_valid, says", [
    ('log = "{place}/none/x.log"', True, "there is no directory {place}/none: a start fails unless it is made before"),
    ('log = "{place}/ours"', False, "a directory, where a file is to be made"),
    ('user = "no-such-user"', True, "server.user: no user no-such-user: a start fails here"),
    ('group = "no-such-group"', True, "server.group: no group no-such-group: a start fails here"),
    ('\n[[listener]]\naddress = "unix:{place}/none/socket"', True, "there is no directory {place}/none")])
def test_check_tells_what_a_start_would_fail_of(uvhttpd, place, text, is_valid, says):
    file = place / "uvhttpd.toml"
    file.write_text(f'[server]\n{text.format(place=place)}\n[[site]]\nroot = "{place}"\n', encoding="utf-8")
    result = uvhttpd("check", "-c", file)
    assert (result.returncode == 0) == is_valid and says.format(place=place) in result.stderr, result.stderr
