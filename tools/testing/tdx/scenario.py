# SPDX-License-Identifier: GPL-2.0
"""Boot scenarios: reading their table, booting one, judging what happened."""

import re
import textwrap
from dataclasses import dataclass, field

from archive import Cpio, update_image
from machine import MachineError, Shape, choose

# kunit.enable=0: the same kernel runs KUnit and the scenarios.
# printk.devkmsg=on: what the guest reports must not be rate limited.
# kvm_intel.tdx=1: KVM leaves TDX alone unless told otherwise.
CMDLINE = ("nohibernate kunit.enable=0 oops=panic panic=-1 printk.devkmsg=on printk.time=1 "
           "kvm_intel.tdx=1")

# A line like these fails a scenario that does not allow it.
TROUBLE = re.compile(
    r"\bWARNING:|\bBUG:|\bBUG at |Oops|Kernel panic|KASAN|UBSAN|possible deadlock"
    r"|scheduling while atomic|unreferenced object|Call Trace|general protection fault"
    r"|detected (?:expedited )?stall|unchecked MSR access|blocked for more than|printk messages dropped")

RESTART = "reboot: Restarting system"

# Lines that the guest's commands have printed.
PIPED = "tdx-guest: | "

# What the mock says when the machine goes down, after the last SEAMCALL.
LAST_WORDS = re.compile(r"tdx_mock: module (\S+) after ([0-9]+) SEAMCALLs, (?:ledger )?(.*)")

# As a leaf: the SEAMCALLs from the guest's end on, which the reboot makes.
REBOOT = "REBOOT"

FIELDS = ("what", "slow", "mock", "machine", "cmdline", "image", "timeout", "ledger",
          "guest", "log", "nolog", "allow", "calls", "module")
MULTI = ("guest", "log", "nolog", "allow", "calls", "module")

COMPARE = {"": int.__eq__, ">=": int.__ge__, "<=": int.__le__}


class TableError(Exception):
    """The table of scenarios is wrong; the text names the line."""


@dataclass
class Call:
    """How often a leaf is to be called."""
    leaf: str
    op: str
    count: int

    def __str__(self):
        return " ".join(filter(None, (self.leaf, self.op, str(self.count))))


@dataclass
class Scenario:
    """One stanza of the table."""
    name: str
    what: str = ""
    slow: bool = False
    mock: str = "on"
    shape: Shape = field(default_factory=Shape)
    cmdline: str = ""
    image: str = ""
    timeout: float = 30
    ledger: str = ""
    guest: str = ""
    log: list = field(default_factory=list)
    nolog: list = field(default_factory=list)
    allow: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    module: list = field(default_factory=list)


def parse(path):
    """Return the scenarios of the table in the file @path, in order."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()

    scenarios, name, stanza, key = [], None, {}, None

    def fail(number, text):
        raise TableError(f"{path}:{number}: {text}")

    def finish():
        if name is not None:
            scenarios.append(_scenario(name, stanza, fail))

    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            # Blank lines matter inside a shell script only.
            if key == "guest":
                stanza[key].append((number, ""))
            continue
        if line[0].isspace():
            if key is None:
                fail(number, "continues no field")
            if key not in MULTI:
                fail(number, f"{key} takes one line")
            stanza[key].append((number, line))
            continue
        key = None
        if line.startswith("["):
            match = re.fullmatch(r"\[([a-z0-9-]+)\]\s*", line)
            if not match:
                fail(number, f"not a scenario's name: {line}")
            finish()
            name, stanza = match[1], {"": [(number, "")]}
            if name in (scenario.name for scenario in scenarios):
                fail(number, f"second scenario named {name}")
            continue
        match = re.fullmatch(r"(\w+)\s*=\s*(.*?)\s*", line)
        if not match:
            fail(number, f"neither [name] nor field = value: {line}")
        if name is None:
            fail(number, "before the first [name]")
        key, value = match.groups()
        if key not in FIELDS:
            fail(number, f"no such field: {key} (there are {', '.join(FIELDS)})")
        if key in stanza:
            fail(number, f"second {key} in [{name}]")
        stanza[key] = [(number, value)] if value or key not in MULTI else []
    finish()
    if not scenarios:
        fail(len(lines), "no scenarios")
    return scenarios


def _scenario(name, stanza, fail):
    """Make a checked scenario of the (line number, text) pairs in @stanza."""
    scenario = Scenario(name)
    number = stanza.pop("")[0][0]
    if "what" not in stanza:
        fail(number, f"[{name}] does not say what it shows")
    for key, items in stanza.items():
        if key == "guest":
            scenario.guest = textwrap.dedent("\n".join(text for _, text in items)).strip() + "\n"
            continue
        items = [(at, text.strip()) for at, text in items]
        if not items or not all(text for _, text in items):
            fail(items[0][0] if items else number, f"{key} in [{name}] is empty")
        at, text = items[0]
        if key == "machine":
            try:
                scenario.shape = Shape.parse(text)
            except MachineError as error:
                fail(at, error)
        elif key == "slow":
            if text != "yes":
                fail(at, f"slow is yes or not there, not {text!r}")
            scenario.slow = True
        elif key == "timeout":
            if not re.fullmatch(r"[1-9][0-9]*", text):
                fail(at, f"timeout wants seconds, not {text!r}")
            scenario.timeout = int(text)
        elif key == "ledger":
            scenario.ledger = _regex(at, text, fail).pattern
        elif key in ("log", "nolog", "allow"):
            setattr(scenario, key, [_regex(at, text, fail) for at, text in items])
        elif key == "calls":
            scenario.calls = [_call(at, text, fail) for at, text in items]
        elif key == "module":
            for at, text in items:
                if len(text.split(None, 1)) != 2:
                    fail(at, f"module wants key value, not {text!r}")
                scenario.module.append(tuple(text.split(None, 1)))
        else:
            setattr(scenario, key, text)
    if not scenario.ledger:
        scenario.ledger = "none" if scenario.mock == "off" else "clean"
    if scenario.ledger == "none" and (scenario.calls or scenario.module):
        fail(number, f"[{name}] expects no mock, yet counts calls or reads its state")
    return scenario


def _regex(number, text, fail):
    try:
        return re.compile(text)
    except re.error as error:
        return fail(number, f"bad regex {text!r}: {error}")


def _call(number, text, fail):
    match = re.fullmatch(r"([A-Z][A-Z0-9._]*)\s+(>=|<=|)\s*([0-9]+)", text)
    if not match:
        fail(number, f"calls wants LEAF [>=|<=] COUNT, not {text!r}")
    return Call(match[1], match[2], int(match[3]))


class Log:
    """What the output of a boot says."""

    def __init__(self, text):
        lines = [re.sub(r"^\[ *[0-9.]+\](\[[^\]]*\])? ", "", line.rstrip("\r"))
                 for line in text.split("\n")]
        self.lines = [line for line in lines if line]
        self.guest = [line[len("tdx-guest: "):] for line in self.lines
                      if line.startswith("tdx-guest: ")]

    def report(self, name):
        """Return the lines of the mock's report @name, or None without one."""
        if self.guest.count("have " + name) != 1:
            return None
        return [line[len(name) + 2:] for line in self.guest if line.startswith(name + ": ")]

    def calls(self):
        """Return how often each leaf was called."""
        counts = {}
        for line in self.report("calls") or []:
            leaf, _, count = line.rpartition(" ")
            if not leaf or not count.isdigit() or leaf in counts:
                raise ValueError(f"calls: cannot read {line!r}")
            counts[leaf] = int(count)
        last = self.last_words()
        if last:
            counts[REBOOT] = int(last[2]) - sum(counts.values())
        return counts

    def last_words(self):
        """Return how the mock summed up the machine, or None."""
        found = list(filter(None, map(LAST_WORDS.match, self.lines)))
        return found[0] if len(found) == 1 else None


def boot(scenario, kernel, initramfs, log, on_line=None):
    """Boot @scenario, output to the file @log, and return the outcome."""
    files = Cpio()
    if scenario.guest:
        files.file("scenario", scenario.guest.encode(), 0o644)
    if scenario.image:
        files.file("image", update_image(scenario.image), 0o644)
    mock = "" if scenario.mock == "off" else "tdx_mock=" + scenario.mock
    cmdline = " ".join(filter(None, (CMDLINE, mock, scenario.cmdline)))
    machine = choose(scenario.shape)
    return machine.boot(kernel, initramfs, files.finish(), cmdline, log, scenario.timeout, on_line)


def judge(scenario, outcome):
    """Return the reasons why @outcome is not what @scenario expects."""
    log = Log(outcome.log)
    return ([outcome.why] if outcome.why else []) + [
        reason for check in (_trouble, _course, _patterns, _mock)
        for reason in check(scenario, log)]


def unsound(outcome):
    """Return the reasons why @outcome is wrong for any kernel that runs to its end."""
    log = Log(outcome.log)
    reasons = [outcome.why] if outcome.why else []
    reasons += _trouble(Scenario("any"), log)
    if RESTART not in log.lines:
        reasons.append("the kernel did not restart at its end")
    return reasons


def _trouble(scenario, log):
    bad = [line for line in log.lines
           if TROUBLE.search(line) and not any(allow.search(line) for allow in scenario.allow)]
    if bad:
        more = f" (and {len(bad) - 1} more such lines)" if len(bad) > 1 else ""
        yield f"trouble: {bad[0].strip()}{more}"


def _course(_scenario, log):
    """The guest started, ran its commands, ended, and the kernel restarted."""
    if log.guest.count("begin") != 1:
        yield "the guest did not start once"
        return
    status = [line for line in log.guest if line.startswith("status ")]
    if len(status) != 1:
        yield "the guest's commands did not end"
    elif status[0] != "status 0":
        said = [line[2:] for line in log.guest if line.startswith("| ")]
        last = f": {said[-1]}" if said else ""
        yield f"the guest's commands failed, {status[0]}{last}"
    if log.guest.count("end") != 1 or log.guest[-1] != "end":
        yield "the guest's end marker is missing"
        return
    end = log.lines.index("tdx-guest: end")
    if RESTART not in log.lines[end:]:
        yield "the kernel did not restart after the guest's end"


def _patterns(scenario, log):
    # What the guest's commands print goes through a pipe: the kernel may be ahead of it.
    everything = kernel = 0
    for regex in scenario.log:
        found = [i for i, line in enumerate(log.lines) if regex.search(line)]
        after = [i for i in found
                 if i >= (everything if log.lines[i].startswith(PIPED) else kernel)]
        if after:
            everything = max(everything, after[0] + 1)
            if not log.lines[after[0]].startswith(PIPED):
                kernel = after[0] + 1
        elif found:
            yield f"log: out of order: {regex.pattern}"
        else:
            yield f"log: no line matches: {regex.pattern}"
    for regex in scenario.nolog:
        for line in log.lines:
            if regex.search(line):
                yield f"log: must not be there: {line.strip()}"
                break


def _mock(scenario, log):
    reports = {name: log.report(name) for name in ("calls", "ledger", "module")}
    if scenario.ledger == "none":
        if any(report is not None for report in reports.values()) or log.last_words():
            yield "the mock runs, and must not"
        elif log.guest.count("no ledger") != 1:
            yield "the guest did not look for the mock"
        return
    missing = [name for name, report in reports.items() if report is None]
    if missing:
        yield f"no report on {', '.join(missing)}: is the mock running?"
        return
    last = log.last_words()
    if not last:
        yield "the mock did not report at the end"
        return

    ledger = reports["ledger"]
    if not ledger or not re.fullmatch(scenario.ledger, ledger[0]) or (
            scenario.ledger == "clean" and len(ledger) > 1):
        yield f"ledger: wanted {scenario.ledger}, got {'; '.join(ledger[:4])}"
    if not re.fullmatch(scenario.ledger, last[3]):
        yield f"ledger: wanted {scenario.ledger}, got {last[3]} at the end"

    try:
        counts = log.calls()
    except ValueError as error:
        yield str(error)
    else:
        for call in scenario.calls:
            if not COMPARE[call.op](counts.get(call.leaf, 0), call.count):
                yield f"calls: wanted {call}, got {counts.get(call.leaf, 0)}"

    for key, value in scenario.module:
        got = [line.partition(" ")[2] for line in reports["module"]
               if line.partition(" ")[0] == key]
        if got != [value]:
            yield f"module: wanted {key} {value}, got {', '.join(got) or 'nothing'}"
