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

QEMU = "qemu-system-x86_64"

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
    vmx: int = 0

    @classmethod
    def parse(cls, text):
        """Make a shape from text like "smp=4,packages=2,nodes=2,mem=2G,vmx=1"."""
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
        if self.vmx not in (0, 1):
            raise MachineError(f"machine: vmx wants 0 or 1, not {self.vmx}")

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

    name = ""
    # What the kernel needs on its command line because of the machine.
    cmdline = ""

    def __init__(self, shape):
        self.shape = shape

    @classmethod
    def obstacle(cls, _shape):
        """Return why there can be no such machine of this shape here, or ""."""
        return ""

    def command(self, kernel, initrd, cmdline, tmp):
        """Return the command that runs the machine, its console on stdout.

        Files that it needs go to the directory @tmp.
        """
        raise NotImplementedError

    def ending(self, status, _tmp):
        """Return what is wrong with a command that ended with @status, or ""."""
        return f"{self.name} ended with status {status}" if status else ""

    def boot(self, kernel, initramfs, extra, cmdline, log, timeout, on_line=None):
        """Boot @kernel and wait for the machine's end.

        The archive @extra (bytes) is unpacked over the file @initramfs, if
        any. All output goes to the file @log, and by line to @on_line().
        """
        for path in filter(None, (kernel, initramfs)):
            if not os.path.exists(path):
                raise MachineError(f"no {path}: build it first")
        os.makedirs(os.path.dirname(log), exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="tdx-machine-") as tmp:
            initrd = initramfs and os.path.join(tmp, "initrd")
            if initrd:
                with open(initramfs, "rb") as base, open(initrd, "wb") as file:
                    blob = base.read()
                    file.write(blob + bytes(-len(blob) % 4) + extra)
            command = self.command(kernel, initrd, f"{self.cmdline} {cmdline}", tmp)
            process = Process(command, log, timeout, on_line)
            outcome = process.run()
            if not outcome.why:
                outcome.why = self.ending(process.status, tmp)
            return outcome


class Process:
    """One running machine. stop_all() ends those that this program started."""

    running = set()
    lock = threading.Lock()
    stopping = False

    def __init__(self, command, log, timeout, on_line):
        self.command, self.log, self.timeout, self.on_line = command, log, timeout, on_line
        self.text = b""
        self.shown = 0
        self.status = None

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
        self.status = process.returncode
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


class Qemu(Machine):
    """What the machines of QEMU have in common."""

    # Two features that tdx_enable() insists on may be missing.
    cmdline = "console=ttyS0 setcpuid=movdir64b,ss"
    accel = ()

    @classmethod
    def obstacle(cls, _shape):
        return "" if shutil.which(QEMU) else f"no {QEMU}: install qemu-system-x86"

    def command(self, kernel, initrd, cmdline, _tmp):
        shape = self.shape
        command = [QEMU, *self.accel, "-nodefaults", "-nographic", "-no-reboot",
                   "-bios", "qboot.rom", "-serial", "stdio", "-m", f"{shape.bytes() >> 20}M",
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


class QemuTcg(Qemu):
    """QEMU's own x86 emulation: runs anywhere, has no VMX."""

    name = "qemu-tcg"
    # With a thread per CPU, one boot in a hundred hangs under QEMU 7.2, where the kernel
    # switches to the TSC as clock. One thread takes less time, too: CPUs that wait for
    # each other do not spin.
    accel = ("-accel", "tcg,thread=single", "-cpu", "max,vendor=GenuineIntel")

    @classmethod
    def obstacle(cls, shape):
        return "it has no VMX" if shape.vmx else super().obstacle(shape)


class QemuKvm(Qemu):
    """QEMU on KVM of an Intel CPU that lets its guests have VMX."""

    name = "qemu-kvm"
    accel = ("-accel", "kvm", "-cpu", "host")

    @classmethod
    def obstacle(cls, shape):
        # A /dev/kvm says little: inside a virtual machine it may be there and run nothing.
        if " vmx " not in _contents("/proc/cpuinfo").replace("\n", " "):
            return "this computer's CPU has no VMX"
        if _contents("/sys/module/kvm_intel/parameters/nested").strip() not in ("Y", "1"):
            return "KVM of this computer gives its guests no VMX (kvm_intel.nested)"
        try:
            kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            return f"/dev/kvm: {error.strerror}"
        os.close(kvm)
        return super().obstacle(shape)


class Bochs(Machine):
    """An emulation of x86 with VMX in software: runs anywhere, slowly."""

    name = "bochs"
    # KVM takes no part of VMX for granted that this CPU lacks, but newer models have
    # an XSAVE that this kernel stumbles over. A triple fault ends Bochs, a reset does not.
    cmdline = "console=ttyS0,115200 setcpuid=movdir64b,ss reboot=t"
    cpu_model = "broadwell_ult"
    # Instructions per second of the machine's own time. Waiting for the serial port
    # and for timers costs fewer of them if there are few per second.
    ips = 10000000

    PATHS = {"bochs": "/usr/bin/bochs", "bochsbios": "/usr/share/bochs/BIOS-bochs-latest",
             "vgabios": "/usr/share/vgabios/vgabios.bin",
             "isolinux": "/usr/lib/ISOLINUX/isolinux.bin",
             "syslinux-common": "/usr/lib/syslinux/modules/bios/ldlinux.c32",
             "xorriso": "/usr/bin/xorriso"}

    @classmethod
    def obstacle(cls, shape):
        missing = [package for package, path in cls.PATHS.items() if not os.path.exists(path)]
        if missing:
            return f"install {' '.join(missing)}"
        if shape.smp < 2:
            return "the CPUID of a single CPU is one that the kernel warns of"
        return "it has one NUMA node" if shape.nodes > 1 else ""

    def command(self, kernel, initrd, cmdline, tmp):
        iso = self._iso(kernel, initrd, cmdline, tmp)
        shape = self.shape
        mem = shape.bytes() >> 20
        config = os.path.join(tmp, "bochsrc")
        with open(config, "w", encoding="ascii") as file:
            # No device with a host side: no sound, no network. The display goes to
            # a terminal that nobody sees; others open a window or a port.
            file.write(f"""\
plugin_ctrl: biosdev=0, speaker=0, parallel=0, gameport=0, sb16=0, es1370=0, ne2k=0, e1000=0
display_library: term
cpu: model={self.cpu_model}, count={shape.packages}:{shape.smp // shape.packages}:1, ips={self.ips}
cpu: ignore_bad_msrs=1, reset_on_triple_fault=0
memory: guest={mem}, host={mem}
romimage: file={self.PATHS["bochsbios"]}
vgaromimage: file={self.PATHS["vgabios"]}
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
clock: sync=none, time0=utc
com1: enabled=1, mode=file, dev=/proc/self/fd/3
log: {tmp}/devices
panic: action=fatal
""")
        # Debian's Bochs has a debugger, which waits for commands.
        with open(os.path.join(tmp, "debugger"), "w", encoding="ascii") as file:
            file.write("continue\n")
        return ["sh", "-c", f"TERM=vt100 exec bochs -q -f {config} -rc {tmp}/debugger "
                            f"3>&1 >{tmp}/output 2>&1"]

    def _iso(self, kernel, initrd, cmdline, tmp):
        """Make a CD that boots @kernel, and return its path."""
        root = os.path.join(tmp, "cd")
        os.mkdir(root)
        for path, name in ((self.PATHS["isolinux"], "isolinux.bin"),
                           (self.PATHS["syslinux-common"], "ldlinux.c32"), (kernel, "kernel")):
            shutil.copy(path, os.path.join(root, name))
        if initrd:
            os.rename(initrd, os.path.join(root, "initrd"))
            cmdline = f"initrd=/initrd {cmdline}"
        with open(os.path.join(root, "isolinux.cfg"), "w", encoding="ascii") as file:
            file.write(f"default tdx\nlabel tdx\nkernel /kernel\nappend {cmdline}\n")
        iso = os.path.join(tmp, "cd.iso")
        made = subprocess.run(
            ["xorriso", "-as", "mkisofs", "-quiet", "-o", iso, "-b", "isolinux.bin",
             "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", root],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False)
        if made.returncode:
            raise MachineError(f"xorriso: {made.stdout.strip()}")
        return iso

    def ending(self, status, tmp):
        said = _contents(os.path.join(tmp, "output")).rpartition("following message:\n")[2]
        # The kernel's restart; if it was none, its log lacks the line that says so.
        if "exception with no resolution" in said:
            return ""
        return f"bochs ended with status {status}: {said[:200].strip()}"


# The best first, for what is asked: speed where VMX is needed, else what runs anywhere.
MACHINES = {True: (QemuKvm, Bochs), False: (QemuTcg,)}


def _contents(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def choose(shape):
    """Return the best machine of this @shape that this computer can run.

    The environment variable MACHINE names another one.
    """
    machines = MACHINES[bool(shape.vmx)]
    wanted = os.environ.get("MACHINE")
    if wanted:
        known = {machine.name: machine for row in MACHINES.values() for machine in row}
        if wanted not in known:
            raise MachineError(f"MACHINE: no {wanted}, there are {', '.join(sorted(known))}")
        machines = (known[wanted],)
    obstacles = []
    for machine in machines:
        obstacle = machine.obstacle(shape)
        if not obstacle:
            return machine(shape)
        obstacles.append(f"{machine.name}: {obstacle}")
    raise MachineError("; ".join(obstacles))
