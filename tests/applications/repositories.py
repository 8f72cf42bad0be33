# SPDX-License-Identifier: MIT
"""A Git repository for the programs that show or serve one."""
import os
import subprocess

import wire

AUTHOR = {"GIT_AUTHOR_NAME": "Ada Author", "GIT_AUTHOR_EMAIL": "ada@example.org", "GIT_COMMITTER_NAME": "Ada Author",
          "GIT_COMMITTER_EMAIL": "ada@example.org", "GIT_AUTHOR_DATE": "2024-05-06T07:08:09Z",
          "GIT_COMMITTER_DATE": "2024-05-06T07:08:09Z"}


def git(home, *arguments, cwd=None):
    """Runs git with no configuration but its own, and returns what it says."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LANG": "C",
                   **AUTHOR}
    result = subprocess.run(["git", *map(str, arguments)], cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=wire.DEADLINE)
    assert result.returncode == 0, result.stdout
    return result.stdout.strip()


def make_repository(tmp, name="project.git"):
    """tmp/repositories/NAME, bare, with two commits, and the directory tmp/seed they came from."""
    bare, seed = tmp / "repositories" / name, tmp / "seed"
    git(tmp, "init", "--bare", "--initial-branch=main", bare)
    git(tmp, "config", "http.receivepack", "true", cwd=bare)
    (bare / "description").write_text("A project for the test\n")
    git(tmp, "init", "--initial-branch=main", seed)
    for subject, content in (("The first commit", "one\n"), ("The second commit", "one\ntwo <&>\n")):
        (seed / "README").write_text(content)
        (seed / "sub").mkdir(exist_ok=True)
        (seed / "sub" / "data.bin").write_bytes(bytes(range(256)))
        git(tmp, "add", "-A", cwd=seed)
        git(tmp, "commit", "-m", subject, cwd=seed)
    git(tmp, "push", bare, "main", cwd=seed)
    return bare, seed
