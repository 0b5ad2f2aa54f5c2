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
# The machine to boot: bochs, qemu-tcg or qemu-kvm; by itself the best that does.
MACHINE ?=
export MACHINE
KTREE  = $(shell $S/fetch --path '$(SRC)')

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help tree run run-td test test-debug test-rt host fuzz coverage mutate bench report check series apply \
	refresh clean distclean

help:		## this text
	@sed -n -e 's/$$(BASE)/$(BASE)/' -e 's/^\([a-z-]*\):[^#]*## */  \1\t/p' Makefile | expand -t 14
	@echo
	@echo '  BASE=7.2 or 7.3 chooses the kernel, KDIR=<dir> one of yours (tree, run and test only read it).'
	@echo '  ARGS="..." goes to run, run-td, test, test-debug, test-rt, fuzz, mutate and check. MACHINE=bochs,'
	@echo '  qemu-tcg or qemu-kvm chooses what is booted; by itself that is the best that this computer has.'

tree:		## build/linux-$(BASE): the kernel, a commit per patch of the series on top
	@$S/deps build
	@$S/apply '$(SRC)'

run: tree	## boot the patched kernel on the mock TDX module
	@$S/deps build qemu
	@KTREE='$(KTREE)' BUILD='$(KTREE:$(CURDIR)/build/linux-%=$(CURDIR)/build/kernel-%)' $T/run $(ARGS)

run-td: tree	## create, run and destroy a TD in the patched kernel, in a machine with VMX
	@$S/deps build qemu bochs
	@KTREE='$(KTREE)' BUILD='$(KTREE:$(CURDIR)/build/linux-%=$(CURDIR)/build/kernel-%)' $T/run --td $(ARGS)

test: tree	## KUnit suites, then boot scenarios on the mock TDX module
test-debug: tree ## the same on a kernel with sanitizers, leak and lock checking: slow
test-rt: tree	## the same as test-debug with PREEMPT_RT
test test-debug test-rt:
	@$S/deps build qemu bochs
	@KTREE='$(KTREE)' BUILD='$(KTREE:$(CURDIR)/build/linux-%=$(CURDIR)/build/kernel-%)$(@:test%=%)' \
		$T/test $(patsubst test-%,--%,$(@:test=)) $(ARGS)

host: tree	## the core as a program in user space: KUnit suites and all faults, with sanitizers
	@$(MAKE) -j"$$(nproc)" -C $T/host KTREE='$(KTREE)' check

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

report:		## results of the last runs on one page: text, and build/report.html
	@$T/report

check:		## what a reviewer would ask for: applies, builds patch by patch, checkpatch, sparse, ...
	@$S/deps build check
	@$S/check $(ARGS) $(if $(findstring command,$(origin BASE) $(origin KDIR)),'$(SRC)')

series: tree	## patches for the mailing list, in build/series-$(BASE)
	@$S/export '$(SRC)'

apply:		## put the series on the tree KDIR=<dir> that you have
	@$S/apply $(if $(KDIR),--in-place) '$(SRC)'

refresh:	## take edits made in build/linux-$(BASE) back to this repository
	@$S/refresh '$(SRC)'

clean:		## remove what was built; keep downloads and kernel trees
	@rm -rf build/kernel-* build/check-* build/series-* build/logs build/sizes build/report.html build/tmp.* build/host

distclean:	## remove build/
	@rm -rf build
