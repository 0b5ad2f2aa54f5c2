# SPDX-License-Identifier: GPL-2.0
"""Machines that a test kernel can be booted on."""

import os
import re
import select
import shutil
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, fields

# A kernel that prints for ever must not fill the disk.
MAX_LOG = 4 << 20

SIZES = {"M": 1 << 20, "G": 1 << 30}


class MachineError(Exception):
    """The machine cannot be built as described or cannot be started."""


@dataclass
class Shape:
    """What a machine looks like to the kernel."""
    smp: int = 2
    packages: int = 1
    nodes: int = 1
    mem: str = "512M"

    @classmethod
    def parse(cls, text):
        """Make a shape from text like "smp=4,packages=2,nodes=2,mem=2G"."""
        types = {field.name: type(field.default) for field in fields(cls)}
        values = {}
        for item in filter(None, re.split(r"[,\s]+", text)):
            key, _, value = item.partition("=")
            if key not in types or key in values:
                raise MachineError(f"machine: {item!r} is not one of {', '.join(types)} once")
            try:
                values[key] = types[key](value)
            except ValueError:
                raise MachineError(f"machine: {key} wants a number, not {value!r}") from None
        shape = cls(**values)
        shape.check()
        return shape

    def check(self):
        if not re.fullmatch(r"[1-9][0-9]*[MG]", self.mem):
            raise MachineError(f"machine: mem wants a size like 512M or 2G, not {self.mem!r}")
        for name in ("packages", "nodes"):
            count = getattr(self, name)
            if count < 1 or self.smp < 1 or self.smp % count:
                raise MachineError(f"machine: {self.smp} CPUs cannot be spread on {count} {name}")
        if self.bytes() % self.nodes:
            raise MachineError(f"machine: {self.mem} cannot be spread on {self.nodes} nodes")

    def bytes(self):
        return int(self.mem[:-1]) * SIZES[self.mem[-1]]


@dataclass
class Outcome:
    """How a boot went. @why is empty when the machine ended on its own."""
    log: str
    seconds: float
    why: str = ""


class Machine:
    """A way to boot a kernel; subclasses say which command does it."""

    # What the kernel needs on its command line because of the machine.
    cmdline = ""

    def __init__(self, shape):
        self.shape = shape

    def command(self, kernel, initrd, cmdline):
        raise NotImplementedError

    def boot(self, kernel, initramfs, extra, cmdline, log, timeout, on_line=None):
        """Boot @kernel and wait for the machine's end.

        The archive @extra (bytes) is unpacked over the file @initramfs, if
        any. All output goes to the file @log, and by line to @on_line().
        """
        for path in filter(None, (kernel, initramfs)):
            if not os.path.exists(path):
                raise MachineError(f"no {path}: build it first")
        os.makedirs(os.path.dirname(log), exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix="tdx-initrd-") as initrd:
            if initramfs:
                with open(initramfs, "rb") as base:
                    blob = base.read()
                initrd.write(blob + bytes(-len(blob) % 4) + extra)
                initrd.flush()
            command = self.command(kernel, initramfs and initrd.name,
                                   f"{self.cmdline} {cmdline}")
            return Process(command, log, timeout, on_line).run()


class Process:
    """One running machine. stop_all() ends those that this program started."""

    running = set()
    lock = threading.Lock()
    stopping = False

    def __init__(self, command, log, timeout, on_line):
        self.command, self.log, self.timeout, self.on_line = command, log, timeout, on_line
        self.text = b""
        self.shown = 0

    @classmethod
    def stop_all(cls):
        with cls.lock:
            cls.stopping = True
            for process in cls.running:
                process.kill()

    def run(self):
        start = time.monotonic()
        with self.lock:
            if self.stopping:
                raise MachineError("interrupted")
            try:
                process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            except OSError as error:
                raise MachineError(f"cannot start {self.command[0]}: {error.strerror}") from None
            self.running.add(process)
        try:
            why = self._read(process, start + self.timeout)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            with self.lock:
                self.running.discard(process)
        if not why and process.returncode:
            why = f"{os.path.basename(self.command[0])} ended with status {process.returncode}"
        return Outcome(self.text.decode(errors="backslashreplace"), time.monotonic() - start, why)

    def _read(self, process, deadline):
        """Collect output until the machine ends; else say why that took too long."""
        pipe = process.stdout.fileno()
        with open(self.log, "wb", buffering=0) as log:
            while True:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([pipe], [], [], left)[0]:
                    return f"hung: no end after {self.timeout:g} s"
                chunk = os.read(pipe, 65536)
                if not chunk:
                    break
                log.write(chunk)
                self.text += chunk
                self._show()
                if len(self.text) > MAX_LOG:
                    return f"runaway: more than {MAX_LOG >> 20} MB of output"
        try:
            process.wait(max(1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return f"hung: no end after {self.timeout:g} s"
        return ""

    def _show(self):
        end = self.text.rfind(b"\n") + 1
        if self.on_line and end > self.shown:
            for line in self.text[self.shown:end].decode(errors="backslashreplace").splitlines():
                self.on_line(line)
            self.shown = end


class QemuTcg(Machine):
    """QEMU's own x86 emulation: runs anywhere, has no VMX."""

    name = "qemu-tcg"
    # The emulated CPU lacks two features that tdx_enable() insists on.
    cmdline = "console=ttyS0 setcpuid=movdir64b,ss"

    def command(self, kernel, initrd, cmdline):
        qemu = shutil.which("qemu-system-x86_64")
        if not qemu:
            raise MachineError("no qemu-system-x86_64: install qemu-system-x86")
        shape = self.shape
        command = [qemu, "-accel", "tcg", "-cpu", "max,vendor=GenuineIntel",
                   "-nodefaults", "-nographic", "-no-reboot", "-bios", "qboot.rom",
                   "-serial", "stdio", "-m", f"{shape.bytes() >> 20}M",
                   "-smp", f"{shape.smp},sockets={shape.packages},"
                           f"cores={shape.smp // shape.packages},threads=1",
                   "-kernel", kernel, "-append", cmdline]
        if initrd:
            command += ["-initrd", initrd]
        if shape.nodes > 1:
            size = shape.bytes() // shape.nodes
            cpus = shape.smp // shape.nodes
            for node in range(shape.nodes):
                first = node * cpus
                command += ["-object", f"memory-backend-ram,id=ram{node},size={size}",
                            "-numa", f"node,nodeid={node},memdev=ram{node},"
                                     f"cpus={first}-{first + cpus - 1}"]
        return command


def choose(shape):
    """Return the best machine of this @shape that this computer can run."""
    return QemuTcg(shape)
