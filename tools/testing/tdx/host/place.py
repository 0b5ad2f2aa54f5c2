# SPDX-License-Identifier: GPL-2.0
"""Where things are, and how they are built."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, *[os.pardir] * 4))
OUT = os.environ.get("OUT") or os.path.join(ROOT, "build", "host")
CORPUS = os.path.join(HERE, "corpus")
TDX = os.path.join(ROOT, "arch", "x86", "virt", "vmx", "tdx")


def make(*arguments):
    """Return what make prints; its failure is ours."""
    if not os.environ.get("KTREE"):
        sys.exit("KTREE is not set: it names the patched kernel tree")
    done = subprocess.run(["make", "--no-print-directory", "-C", HERE, *arguments],
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def product():
    """Return the names of the product's files, which the Makefile has."""
    return make("product").split()


def said(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def results_path(name):
    return os.path.join(OUT, name + ".json")


def forget_results(name):
    """A run that comes to no end leaves no results, not even old ones."""
    if os.path.exists(results_path(name)):
        os.unlink(results_path(name))


def write_results(name, results):
    """Leave @results for a page of results, with what they are about."""
    about = {"revision": said("git", "-C", ROOT, "describe", "--always", "--dirty"),
             "base": said("make", "--no-print-directory", "-s", "-C", os.environ["KTREE"],
                          "kernelversion")}
    with open(results_path(name), "w", encoding="ascii") as file:
        json.dump({**about, **results}, file, indent=1)
        file.write("\n")
