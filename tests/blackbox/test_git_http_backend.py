# SPDX-License-Identifier: MIT
"""A real program behind CGI: git clone, fetch and push through `git http-backend`."""
import os
import pathlib
import subprocess

import pytest

import wire

BACKEND = pathlib.Path("/usr/lib/git-core/git-http-backend")

CONFIG = """
[server]
workers = 2
[limits]
body_bytes = "64MiB"
[[site]]
[[site.route]]
path = "/git/*"
handler = "cgi"
program = "{backend}"
env = {{ GIT_PROJECT_ROOT = "{root}", GIT_HTTP_EXPORT_ALL = "1", HOME = "{root}" }}
"""


class Git:
    """Runs git with no configuration but its own, and returns what it says, its HTTP messages among it."""

    def __init__(self, home):
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1",
                            "GIT_TERMINAL_PROMPT": "0", "LANG": "C", "GIT_TRACE_CURL": "1",
                            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
                            "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"}

    def __call__(self, *arguments, cwd=None):
        result = subprocess.run(["git", *map(str, arguments)], cwd=cwd, env=self.environment, text=True, errors="replace",
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=2 * wire.DEADLINE)
        assert result.returncode == 0, result.stdout
        return result.stdout


@pytest.fixture
def git(tmp_path):
    return Git(tmp_path)


@pytest.fixture
def hosted(server, git, tmp_path):
    """The address of a repository with one commit, and the repository itself."""
    bare = tmp_path / "repositories" / "project.git"
    git("init", "--bare", "--initial-branch=main", bare)
    git("config", "http.receivepack", "true", cwd=bare)
    seed = tmp_path / "seed"
    git("init", "--initial-branch=main", seed)
    (seed / "README").write_text("hello\n")
    commit(git, seed, "first")
    git("push", bare, "main", cwd=seed)
    running = server(CONFIG.format(backend=BACKEND, root=tmp_path / "repositories"))
    return f"http://127.0.0.1:{running.port}/git/project.git", bare


def commit(git, work, message):
    git("add", "-A", cwd=work)
    git("commit", "-m", message, cwd=work)


def tip(git, repository, reference="main"):
    return git("rev-parse", reference, cwd=repository).strip()


def test_a_repository_is_cloned(git, hosted, tmp_path):
    url, bare = hosted
    work = tmp_path / "work"
    git("clone", url, work)
    assert (work / "README").read_text() == "hello\n"
    assert tip(git, work) == tip(git, bare)
    git("fsck", "--strict", cwd=work)


def test_small_and_large_pushes_arrive(git, hosted, tmp_path):
    url, bare = hosted
    work = tmp_path / "work"
    git("clone", url, work)
    (work / "small").write_text("small\n")
    commit(git, work, "small")
    git("push", "origin", "main", cwd=work)
    assert tip(git, bare) == tip(git, work)
    # More than http.postBuffer (1 MiB), so git sends it chunked.
    (work / "large").write_bytes(os.urandom(5 << 20))
    commit(git, work, "large")
    assert "Transfer-Encoding: chunked" in git("push", "origin", "main", cwd=work)
    assert tip(git, bare) == tip(git, work)
    git("fsck", "--strict", cwd=bare)


def test_many_commits_are_fetched_and_some_left_out(git, hosted, tmp_path):
    url, bare = hosted
    seed = tmp_path / "seed"
    for number in range(50):
        (seed / f"file{number}").write_bytes(os.urandom(20_000))
        commit(git, seed, f"commit {number}")
    git("push", bare, "main", cwd=seed)
    shallow = tmp_path / "shallow"
    git("clone", "--depth=1", url, shallow)
    assert git("rev-list", "--count", "HEAD", cwd=shallow).strip() == "1"
    git("fetch", "--unshallow", cwd=shallow)
    assert git("rev-list", "--count", "HEAD", cwd=shallow).strip() == "51"
    git("fsck", "--strict", cwd=shallow)


def test_a_shallow_clone_fetches_one_commit_more_and_pushes(git, hosted, tmp_path):
    url, bare = hosted
    seed, shallow = tmp_path / "seed", tmp_path / "shallow"
    git("clone", "--depth=1", url, shallow)
    for number in range(3):
        (seed / "README").write_text(f"{number}\n")
        commit(git, seed, f"commit {number}")
    git("push", bare, "main", cwd=seed)
    git("fetch", "--depth=1", "origin", "main", cwd=shallow)
    assert tip(git, shallow, "FETCH_HEAD") == tip(git, bare)
    assert git("rev-list", "--count", "FETCH_HEAD", cwd=shallow).strip() == "1"
    git("reset", "--hard", "FETCH_HEAD", cwd=shallow)
    (shallow / "more").write_text("more\n")
    commit(git, shallow, "from the shallow one")
    git("push", "origin", "main", cwd=shallow)
    assert tip(git, bare) == tip(git, shallow)
    git("fsck", "--strict", cwd=bare)


def test_a_compressed_request_is_understood(git, hosted, tmp_path):
    """git sends long negotiations with Content-Encoding: gzip."""
    url, bare = hosted
    work, seed = tmp_path / "work", tmp_path / "seed"
    git("clone", url, work)
    # Newer than all that both sides know, so that there is much to negotiate.
    git.environment["GIT_COMMITTER_DATE"] = "2099-01-01T00:00:00Z"
    for number in range(100):
        (work / "README").write_text(f"{number}\n")
        commit(git, work, f"commit {number}")
    (seed / "other").write_text("other\n")
    commit(git, seed, "other")
    git("push", bare, "main", cwd=seed)
    assert "Content-Encoding: gzip" in git("fetch", "origin", cwd=work)
    assert tip(git, work, "origin/main") == tip(git, bare)


@pytest.mark.filter
def test_a_repository_is_shared_by_umask_and_not_by_core_shared_repository(git, hosted, tmp_path):
    """That wants new directories with the set-group-ID bit, which programs may not set; they inherit it all the same."""
    url, bare = hosted
    for directory in [bare, *(path for path in bare.rglob("*") if path.is_dir())]:
        directory.chmod(0o2775)
    work = tmp_path / "work"
    git("clone", url, work)
    git("config", "core.sharedRepository", "group", cwd=bare)
    (work / "more").write_text("more\n")
    commit(git, work, "more")
    with pytest.raises(AssertionError, match="Operation not permitted"):
        git("push", "origin", "main", cwd=work)
    git("config", "core.sharedRepository", "umask", cwd=bare)
    git("push", "origin", "main", cwd=work)
    assert tip(git, bare) == tip(git, work)
    assert all(path.stat().st_mode & 0o2000 for path in (bare / "objects").iterdir())
