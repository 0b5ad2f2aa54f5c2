# SPDX-License-Identifier: GPL-2.0
"""Lists of what is missing, each entry with the reason why that is all right.

An entry is a line "FILE: SOURCE LINE", a line that says what of it is missing,
and a reason; entries are apart by an empty line. What a line is matters, not
where it is, and an entry for nothing is an error.
"""

import collections
import os

from place import HERE

Finding = collections.namedtuple("Finding", "file text what")


def read(name):
    """Return the reasons in the file @name, by Finding. Without a file there are none."""
    path, reasons = os.path.join(HERE, name), {}
    if not os.path.exists(path):
        return reasons
    with open(path, encoding="ascii") as file:
        blocks = "".join(line for line in file if not line.startswith("#")).split("\n\n")
    for block in filter(None, map(str.strip, blocks)):
        place, what, *reason = block.split("\n")
        file, _, text = place.partition(": ")
        if not reason:
            raise SystemExit(f"{name}: no reason for {place}")
        reasons[Finding(file, text.strip(), what.strip())] = " ".join(map(str.strip, reason))
    return reasons


def judge(name, findings, files):
    """Print what in @files has no excuse, and what excuses nothing. Return the number of both."""
    reasons = {finding: reason for finding, reason in read(name).items() if finding.file in files}
    wrong = 0
    for finding in sorted(set(findings)):
        if finding not in reasons:
            print(f"{finding.file}: {finding.text}\n{finding.what}\nno reason in {name}\n")
            wrong += 1
    for finding in sorted(set(reasons) - set(findings)):
        print(f"{name} has a reason for what is not missing:\n"
              f"{finding.file}: {finding.text}\n{finding.what}\n")
        wrong += 1
    return wrong
