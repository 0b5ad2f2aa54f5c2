# SPDX-License-Identifier: GPL-2.0
"""How much larger the series makes a kernel that has neither KUnit nor the mock.

The C files that the exported patches touch or bring are compiled once more, as
the test kernel's build does it but without tests and mock: as they are in the
base, and as they are in the series.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import tarfile

import place

OUT = os.path.join(place.ROOT, "build", "sizes")
TEST_ONLY = ("KUNIT", "INTEL_TDX_KUNIT_TEST", "INTEL_TDX_MOCK")
# Sections that stay in memory; __init ones do not. Strings of __init code do.
RESIDENT = re.compile(r"\.(text|rodata|data|bss)\b|__bug_table")
BOOT_ONLY = re.compile(r"\.init\.")
# "  [ 1] .text  PROGBITS  0000000000000000 000040 000123 00  AX  0   0 16"
SECTION = re.compile(r"\s*\[ *\d+\] (\S+)\s+\S+\s+[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) [0-9a-f]+ +([A-Za-z]*A)")
# "tdx_ext_init      -     512    +512"
SYMBOL = re.compile(r"(\S+)\s+(\d+|-)\s+(\d+|-)\s+([+-]\d+)")


class SizeError(Exception):
    """The sizes cannot be found out."""


def run(*command, cwd=None):
    """Return what @command prints."""
    try:
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise SizeError(f"cannot run {command[0]}: {error.strerror}") from None
    if done.returncode:
        raise SizeError(f"{' '.join(command[:4])}: {done.stderr.strip()[-400:]}")
    return done.stdout


def git(*command):
    return run("git", "-C", place.ktree(), *command)


def last_exported():
    """Return the commit of the last patch that goes to a mailing list."""
    series = os.path.join(place.ROOT, "series")
    last = ""
    for name in sorted(name for name in os.listdir(series) if name.endswith(".patch")):
        with open(os.path.join(series, name), encoding="utf-8") as file:
            if "\nExport: no\n" in file.read().partition("\n\n")[0] + "\n":
                break
        last = "refs/series/" + name[:-len(".patch")]
    return git("rev-parse", "--verify", last).strip()


def product(base, series):
    """Return the C files that are to be measured."""
    paths = git("diff", "--name-only", base, series, "--", "*.c").split()
    return [path for path in paths if not re.search(r"/(mock|tests)/", path)]


def checkout(commit, files, changed, root):
    """Put @files of @commit, what is around them and the @changed headers below @root."""
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    # KVM's files include "../lapic.h" and the like
    wanted = {os.path.dirname(os.path.dirname(path)) for path in files} | set(changed)
    have = [path for path in sorted(wanted) if git("ls-tree", "--name-only", commit, path)]
    archive = os.path.join(root, "tar")
    git("archive", "-o", archive, "--format=tar", commit, "--", *have)
    with tarfile.open(archive) as tar:
        tar.extractall(root)
    with open(os.path.join(root, "product.h"), "w", encoding="ascii") as file:
        file.writelines(f"#undef CONFIG_{name}\n" for name in TEST_ONLY)


def compile_in(root, path, commands):
    """Compile @path as it is below @root, and return the object."""
    command = shlex.split(commands[path])
    target = os.path.join(root, path[:-1] + "o")
    command = [word for word in command[:-1] if not word.startswith("-Wp,-MMD")]
    command[command.index("-o") + 1] = target
    first = command.index("-nostdinc")
    command[first:first] = [f"-I{root}/arch/x86/include", f"-I{root}/include"]
    run(*command, "-include", os.path.join(root, "product.h"), os.path.join(root, path),
        cwd=place.build())
    return target


def sections(path):
    """Return the bytes of object @path that stay in memory, and those that do not."""
    found = [(match[1], int(match[2], 16))
             for match in map(SECTION.match, run("readelf", "-SW", path).splitlines()) if match]
    return tuple(sum(size for section, size in found if kind.match(section))
                 for kind in (RESIDENT, BOOT_ONLY))


def symbols(old, new):
    """Return (name, size in @old, size in @new) of what differs, by bloat-o-meter.

    Not of what keeps exported symbols in the object and is dropped by the linker.
    """
    text = run(os.path.join(place.ktree(), "scripts/bloat-o-meter"), old, new)
    found = [match for match in map(SYMBOL.fullmatch, map(str.rstrip, text.splitlines())) if match]
    return [(match[1], *(0 if size == "-" else int(size) for size in match.group(2, 3)))
            for match in found if "_addressable_" not in match[1]]


def measure():
    """Return the sizes of objects and the symbols that differ, in the base and in the series.

    An object is a row of path, resident and boot-only bytes in the base, and the
    same two in the series.
    """
    series = last_exported()
    files = product("base", series)
    changed = git("diff", "--name-only", "base", series, "--", "*.h").split()
    try:
        with open(os.path.join(place.build(), "compile_commands.json"), encoding="utf-8") as file:
            commands = {os.path.relpath(item["file"], place.ktree()): item["command"]
                        for item in json.load(file)}
    except (OSError, ValueError) as error:
        raise SizeError(f"no commands of the kernel build: {error}") from None
    missing = [path for path in files if path not in commands]
    if missing:
        raise SizeError(f"not in the kernel build: {', '.join(missing)}")

    rows = {path: [path] for path in files}
    merged = []
    for name, commit in (("base", "base"), ("series", series)):
        root = os.path.join(OUT, name)
        checkout(commit, files, changed, root)
        objects = {path: compile_in(root, path, commands)
                   for path in files if os.path.exists(os.path.join(root, path))}
        for path, row in rows.items():
            row += sections(objects[path]) if path in objects else (0, 0)
        merged.append(os.path.join(root, "all.o"))
        run("ld", "-r", "-o", merged[-1], *objects.values())
    return list(rows.values()), symbols(*merged)
