# SPDX-License-Identifier: MIT
"""An authority of our own and the certificates that it issues, made by the `openssl` command."""
import datetime
import pathlib
import subprocess
import typing

KINDS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"]}
OF_SERVERS, OF_CLIENTS = "extendedKeyUsage = serverAuth", "extendedKeyUsage = clientAuth"
OF_LEAVES = "basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature"
OF_AUTHORITIES = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign"

CONFIG = """
[req]
distinguished_name = names
prompt = no
[names]
[ca]
default_ca = authority
[authority]
database = {home}/index.txt
new_certs_dir = {home}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
"""


class Pair(typing.NamedTuple):
    """The paths of a chain, which begins with the certificate itself, and of its key."""
    certificate: pathlib.Path
    key: pathlib.Path

    def __str__(self):
        return f'certificate = "{self.certificate}", key = "{self.key}"'


def run(*arguments):
    ended = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, check=False)
    assert ended.returncode == 0, ended.stdout.decode(errors="replace")
    return ended.stdout


class Authority:
    """Signs certificates; its own is .certificate."""

    def __init__(self, home, name="Test authority", issuer=None):
        self.home = pathlib.Path(home)
        self.home.mkdir()
        (self.home / "index.txt").touch()
        self.config = self.home / "openssl.cnf"
        self.config.write_text(CONFIG.format(home=self.home), encoding="ascii")
        self.certificate, self.key = self.home / "ca.pem", self.home / "ca.key"
        self.chain = ""  # what servers send behind the certificates that it issues
        self.make_request(self.key, f"/CN={name}", "ec")
        (issuer or self).sign(self.home / "request.pem", self.certificate, OF_AUTHORITIES)
        if issuer:
            self.chain = self.certificate.read_text() + issuer.chain

    def issue(self, name, hosts=(), kind="ec", days=(-1, 30), purpose=OF_SERVERS, subject=None):
        """A certificate for the hosts, valid from and until so many days from now; its files begin with `name`."""
        pair = Pair(self.home / f"{name}.pem", self.home / f"{name}.key")
        self.make_request(pair.key, subject or f"/CN={hosts[0] if hosts else name}", kind)
        alternatives = [f"IP:{host}" if host.replace(".", "").isdigit() else f"DNS:{host}" for host in hosts]
        names = [f"subjectAltName = {', '.join(alternatives)}"] if hosts else []
        self.sign(self.home / "request.pem", pair.certificate, "\n".join([OF_LEAVES, purpose, *names]), days)
        pair.certificate.write_text(pair.certificate.read_text() + self.chain)
        return pair

    def make_request(self, key, subject, kind):
        run("req", "-new", "-config", self.config, *KINDS[kind], "-noenc", "-keyout", key, "-utf8", "-subj", subject,
            "-out", self.home / "request.pem")

    def sign(self, request, certificate, extensions, days=(-1, 30)):
        (self.home / "extensions.cnf").write_text(
            f"{extensions}\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n", encoding="ascii")
        first, last = ((datetime.datetime.utcnow() + datetime.timedelta(each)).strftime("%Y%m%d%H%M%SZ") for each in days)
        by = ["-cert", self.certificate, "-keyfile", self.key] if self.certificate.exists() else ["-selfsign", "-keyfile", self.key]
        run("ca", "-batch", "-config", self.config, *by, "-preserveDN", "-notext", "-in", request, "-out", certificate,
            "-extfile", self.home / "extensions.cnf", "-startdate", first, "-enddate", last)


def fingerprint(path):
    """The SHA-256 of the first certificate in the file, hexadecimal."""
    return run("x509", "-in", path, "-noout", "-fingerprint", "-sha256").decode().strip().partition("=")[2].replace(":", "").lower()
