# SPDX-License-Identifier: MIT
"""Network namespaces that stand for machines on one switch, for tests that are root."""
import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def ip(*arguments):
    result = subprocess.run(["ip", *arguments], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0, f"ip {' '.join(arguments)}: {result.stdout}"


class Network:
    """The switch, in a namespace of its own, and what is plugged into it; the host has nothing of either."""

    def __init__(self):
        self.prefix = f"uvhttpd-{os.getpid()}"
        self.names = []
        self.switch = self.add("switch")
        ip("-n", self.switch, "link", "add", "switch", "type", "bridge", "forward_delay", "0")
        ip("-n", self.switch, "link", "set", "switch", "up")

    def add(self, name):
        full = f"{self.prefix}-{name}"
        ip("netns", "add", full)
        self.names.append(full)
        ip("-n", full, "link", "set", "lo", "up")
        return full

    def machine(self, name, address):
        full = self.add(name)
        ip("-n", self.switch, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", full)
        ip("-n", self.switch, "link", "set", name, "master", "switch", "up")
        ip("-n", full, "address", "add", f"{address}/24", "dev", "eth0")
        ip("-n", full, "link", "set", "eth0", "up")
        return Machine(self, name, full, address)

    def remove(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Machine:
    def __init__(self, network, name, namespace, address):
        self.network, self.name, self.namespace, self.address = network, name, namespace, address
        # In front of a command, runs it there; the process is that of the command.
        self.prefix = ("nsenter", f"--net=/run/netns/{namespace}")

    def unplug(self):
        ip("-n", self.network.switch, "link", "set", self.name, "down")

    def plug_in(self):
        ip("-n", self.network.switch, "link", "set", self.name, "up")

    def enter(self):
        """The calling thread makes its sockets there from now on."""
        with open(f"/run/netns/{self.namespace}", "rb") as namespace:
            enter(namespace)

    @contextlib.contextmanager
    def entered(self):
        with open("/proc/thread-self/ns/net", "rb") as before:
            self.enter()
            try:
                yield
            finally:
                enter(before)


def enter(namespace):
    if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
