# SPDX-License-Identifier: MIT
"""What is installed, and what systemd says of the units without starting them."""
import os
import pathlib
import stat
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ["UVHTTPD_BINARY"]).resolve()


def run(*command, **more):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **more)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    tree = tmp_path_factory.mktemp("installed")
    result = run("meson", "install", "-C", BINARY.parent.parent, "--no-rebuild", "--quiet",
                 env=dict(os.environ, DESTDIR=str(tree)))
    assert result.returncode == 0, result.stdout + result.stderr
    return tree


def test_meson_installs_everything_that_a_package_needs(installed):
    for name in ["usr/sbin/uvhttpd", "etc/uvhttpd/uvhttpd.toml", "usr/lib/systemd/system/uvhttpd.service",
                 "usr/lib/systemd/system/uvhttpd.socket", "usr/lib/sysusers.d/uvhttpd.conf",
                 "usr/share/man/man8/uvhttpd.8", "usr/share/uvhttpd/www/index.html"]:
        assert (installed / name).is_file(), name


def test_installed_site_is_the_one_of_the_repository_with_its_executable_bits(installed):
    def content(root):
        return {path.relative_to(root): (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))
                for path in root.rglob("*") if path.is_file()}
    assert content(installed / "usr/share/uvhttpd/www") == content(ROOT / "www")


def test_installed_units_are_those_of_the_repository(installed):
    for unit in ["uvhttpd.service", "uvhttpd.socket"]:
        assert (installed / "usr/lib/systemd/system" / unit).read_text() == (ROOT / "systemd" / unit).read_text()


def test_installed_configuration_is_valid_where_it_is_installed(installed, tmp_path):
    text = (installed / "etc/uvhttpd/uvhttpd.toml").read_text()
    moved = tmp_path / "uvhttpd.toml"
    moved.write_text(text.replace('"/usr/share/', f'"{installed}/usr/share/'))
    result = run(BINARY, "check", "-c", moved)
    assert result.returncode == 0, result.stdout + result.stderr


def test_systemd_finds_nothing_to_say_about_the_units(tmp_path):
    # Unknown keys and values only warn: silence is what counts. The program must exist.
    for unit in ["uvhttpd.service", "uvhttpd.socket"]:
        text = (ROOT / "systemd" / unit).read_text()
        (tmp_path / unit).write_text(text.replace("/usr/sbin/uvhttpd", str(BINARY)))
    result = run("systemd-analyze", "--man=no", "verify", tmp_path / "uvhttpd.service", tmp_path / "uvhttpd.socket")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_service_exposure_is_2_0_or_better():
    result = run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager",
                 ROOT / "systemd/uvhttpd.service")
    assert result.returncode == 0, result.stdout + result.stderr


def test_man_page_has_no_formatting_warnings():
    result = run("groff", "-mandoc", "-Tutf8", "-ww", "-z", ROOT / "docs/man/uvhttpd.8")
    assert (result.returncode, result.stderr) == (0, "")
