# SPDX-License-Identifier: GPL-2.0
"""Where things are: KTREE and BUILD come from the top Makefile."""

import fcntl
import os
import re
import subprocess
import sys

from revision import ROOT

HERE = os.path.dirname(os.path.abspath(__file__))
LOGS = os.path.join(ROOT, "build", "logs")
SCENARIOS = os.path.join(HERE, "scenarios")


def setting(name, meaning):
    """Return the directory in the environment variable @name."""
    path = os.environ.get(name)
    if not path:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {name} is not set: it names {meaning}")
    return os.path.abspath(path)


def ktree():
    return setting("KTREE", "the patched kernel tree")


def build():
    return setting("BUILD", "the directory of the kernel build")


def bzimage():
    return os.path.join(build(), "arch", "x86", "boot", "bzImage")


def initramfs():
    return os.path.join(build(), "initramfs.cpio")


def base():
    """Return the version of the kernel that the series is on."""
    with open(os.path.join(ktree(), "Makefile"), encoding="ascii") as file:
        text = file.read()
    return ".".join(re.search(rf"^{name} = (\d+)$", text, re.M)[1]
                    for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL"))


def make(*command):
    """Run one of the scripts here; its failure is ours. Its output is not KTAP."""
    with subprocess.Popen([os.path.join(HERE, command[0]), *command[1:]], stdout=sys.stderr) as script:
        try:
            status = script.wait()
        except BaseException:
            # It ends what it has started.
            script.terminate()
            script.wait()
            raise
    if status:
        sys.exit(status)


def lock():
    """Return the lock of the kernel build, held: nobody builds another kernel under a machine that boots."""
    file = open(os.path.join(build(), ".lock"), "w", encoding="ascii")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file
