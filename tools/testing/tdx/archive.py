# SPDX-License-Identifier: GPL-2.0
"""Files that the guest gets: newc cpio archives and TDX module update images."""

import stat
import struct

PAGE_SIZE = 4096


class Cpio:
    """A cpio archive in the newc format, which the kernel unpacks as rootfs."""

    def __init__(self):
        self.blob = bytearray()
        self.inode = 0

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        self.inode += 1
        path = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(path), 0)
        self.blob += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        self._pad()
        self.blob += data
        self._pad()

    def _pad(self):
        # The kernel also wants the next archive of several to start aligned.
        self.blob += bytes(-len(self.blob) % 4)

    def directory(self, name):
        self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o755):
        self._entry(name, stat.S_IFREG | mode, data)

    def symlink(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def console(self, name):
        self._entry(name, stat.S_IFCHR | 0o600, rdev=(5, 1))

    def finish(self):
        self._entry("TRAILER!!!", 0)
        return bytes(self.blob)


def update_image(config):
    """Return a struct tdx_image whose module is a mock configured by @config.

    The layout is that of arch/x86/virt/vmx/tdx/seamldr.c: a header page, one
    sigstruct page, then the pages of the module.
    """
    module = b"TDX-MOCK-MODULE\n" + config.encode() + b"\0"
    module += bytes(-len(module) % PAGE_SIZE)
    header = struct.pack("<HH8sII", 0x200, 0, b"TDX-BLOB", 1, len(module) // PAGE_SIZE)
    return header.ljust(PAGE_SIZE, b"\0") + bytes(PAGE_SIZE) + module
