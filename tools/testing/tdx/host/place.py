# SPDX-License-Identifier: GPL-2.0
"""Where things are, and how they are built."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))

# pylint: disable=wrong-import-position
from revision import ROOT, revision

OUT = os.environ.get("OUT") or os.path.join(ROOT, "build", "host")
CORPUS = os.path.join(HERE, "corpus")
TDX = os.path.join(ROOT, "arch", "x86", "virt", "vmx", "tdx")
TIMEOUT = 900       # seconds

# The make that this may be run by shares its job slots with those that it knows of, not with ours.
os.environ.pop("MAKEFLAGS", None)


def ktree():
    return os.environ.get("KTREE") or sys.exit("KTREE is not set: it names the patched kernel tree")


def make(*arguments):
    """Return what make prints; its failure is ours."""
    ktree()
    done = subprocess.run(["make", "--no-print-directory", f"-j{os.cpu_count()}", "-C", HERE, *arguments],
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def product():
    """Return the names of the product's files, which the Makefile has."""
    return make("product").split()


def run_tests(*command, **options):
    """Run a program of tests, which take seconds, to its end."""
    try:
        return subprocess.run(command, check=False, timeout=TIMEOUT, **options)
    except subprocess.TimeoutExpired:
        sys.exit(f"the tests have not ended in {TIMEOUT} s")


def said(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


class Results:
    """What a run leaves for a page of results: nothing, not even the old ones, if it comes to no end."""

    def __init__(self, name):
        self.path = os.path.join(OUT, name + ".json")
        if os.path.exists(self.path):
            os.unlink(self.path)
        # Of what is there now, whatever is edited or committed while it runs.
        self.about = {"revision": revision(),
                      "base": said("make", "--no-print-directory", "-s", "-C", ktree(), "kernelversion")}

    def write(self, results):
        with open(self.path, "w", encoding="ascii") as file:
            json.dump({**self.about, **results}, file, indent=1)
            file.write("\n")
