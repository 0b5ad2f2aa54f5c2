# SPDX-License-Identifier: GPL-2.0
"""Where things are: KTREE and BUILD come from the top Makefile."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
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


def make(*command):
    """Run one of the scripts here; its failure is ours. Its output is not KTAP."""
    status = subprocess.run([os.path.join(HERE, command[0]), *command[1:]],
                            stdout=sys.stderr, check=False).returncode
    if status:
        sys.exit(status)
