# SPDX-License-Identifier: GPL-2.0
"""What results are of: a commit, and what has changed since."""

import hashlib
import os
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))


def _git(*arguments):
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, stdout=subprocess.PIPE).stdout


def revision():
    """Return what this repository is at: its commit, and a hash of uncommitted changes if there are any."""
    commit = _git("rev-parse", "--short", "HEAD").decode().strip()
    changes = _git("diff", "--binary", "HEAD")
    for path in _git("ls-files", "-z", "--others", "--exclude-standard").split(b"\0")[:-1]:
        with open(os.path.join(os.fsencode(ROOT), path), "rb") as file:
            changes += path + file.read()
    return commit + (f"-{hashlib.sha1(changes).hexdigest()[:8]}" if changes else "")
