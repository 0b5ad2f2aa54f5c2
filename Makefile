# SPDX-License-Identifier: GPL-2.0-only
# Targets call scripts; "make help" lists them.

BASE  ?= 7.2
KDIR  ?=
ARGS  ?=
FUZZ_TIME ?= 60

# What the series goes on: Debian's source of kernel BASE, or a tree that the user has.
SRC   := $(if $(KDIR),$(abspath $(KDIR)),$(BASE))
S     := tools/series
T     := tools/testing/tdx
KTREE  = $(shell $S/fetch --path '$(SRC)')

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help tree run test test-debug host fuzz coverage mutate bench check series apply refresh clean distclean

help:		## this text
	@sed -n -e 's/$$(BASE)/$(BASE)/' -e 's/^\([a-z-]*\):[^#]*## */  \1\t/p' Makefile | expand -t 14
	@echo
	@echo '  BASE=7.2 or 7.3 chooses the kernel, KDIR=<dir> one of yours (tree, run and test only read it).'
	@echo '  ARGS="..." goes to run, test, test-debug, fuzz, mutate and check.'

tree:		## build/linux-$(BASE): the kernel, a commit per patch of the series on top
	@$S/deps build
	@$S/apply '$(SRC)'

run: tree	## boot the patched kernel on the mock TDX module
	@$S/deps build qemu
	@KTREE='$(KTREE)' BUILD='$(KTREE:$(CURDIR)/build/linux-%=$(CURDIR)/build/kernel-%)' $T/run $(ARGS)

test: tree	## KUnit suites, then boot scenarios on the mock TDX module
	@$S/deps build qemu
	@KTREE='$(KTREE)' BUILD='$(KTREE:$(CURDIR)/build/linux-%=$(CURDIR)/build/kernel-%)' $T/test $(ARGS)

test-debug: tree ## the same on a kernel with sanitizers, leak and lock checking: slow
	@$S/deps build qemu
	@KTREE='$(KTREE)' BUILD='$(KTREE:$(CURDIR)/build/linux-%=$(CURDIR)/build/kernel-%)-debug' $T/test --debug $(ARGS)

host: tree	## the core as a program in user space: KUnit suites and all faults, with sanitizers
	@$(MAKE) -C $T/host KTREE='$(KTREE)' check

fuzz: tree	## fuzz the core for FUZZ_TIME seconds
	@$S/deps fuzz
	@KTREE='$(KTREE)' $T/host/fuzz --time $(FUZZ_TIME) $(ARGS)

coverage: tree	## lines and branches of the core that host gets to
	@KTREE='$(KTREE)' $T/host/coverage

mutate: tree	## break the core in small ways: does host notice?
	@KTREE='$(KTREE)' $T/host/mutate $(ARGS)

bench: tree	## costs of the extensions, in instructions and bytes, against their limits
	@$S/deps build qemu
	@KTREE='$(KTREE)' BUILD='$(KTREE:$(CURDIR)/build/linux-%=$(CURDIR)/build/kernel-%)' $T/bench $(ARGS)

check:		## what a reviewer would ask for: applies, builds patch by patch, checkpatch, sparse, ...
	@$S/deps build check
	@$S/check $(ARGS)

series: tree	## patches for the mailing list, in build/series-$(BASE)
	@$S/export '$(SRC)'

apply:		## put the series on the tree KDIR=<dir> that you have
	@$S/apply $(if $(KDIR),--in-place) '$(SRC)'

refresh:	## take edits made in build/linux-$(BASE) back to this repository
	@$S/refresh '$(SRC)'

clean:		## remove what was built; keep downloads and kernel trees
	@rm -rf build/kernel-* build/check-* build/series-* build/host build/logs build/tmp.* build/initramfs.cpio.gz

distclean:	## remove build/
	@rm -rf build
