// SPDX-License-Identifier: GPL-2.0
/* What KVM says it can do for a TD */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm.h"
#include "test.h"

static void vm_type(void)
{
	int types = ioctl(kvm(), KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES);

	check(types > 0);
	check(types & (1 << KVM_X86_TDX_VM));
}

static void report(void)
{
	struct caps caps;
	struct td td;

	td_create(&td);
	memset(&caps, 0, sizeof(caps));
	check_eq(td_capabilities(&td, &caps), 0);
	test_note("attributes %#llx, XFAM %#llx, %u CPUID leaves",
		  caps.caps.supported_attrs, caps.caps.supported_xfam, caps.caps.cpuid.nent);

	/* x87 and SSE, without which no CPU runs 64-bit code */
	check_eq(caps.caps.supported_xfam & 3, 3);
	check(caps.caps.cpuid.nent >= 1);
	check(caps.caps.cpuid.nent <= TD_MAX_CPUIDS);
}

static void no_room(void)
{
	struct caps caps;
	struct td td;

	td_create(&td);
	memset(&caps, 0, sizeof(caps));
	check_eq(td_command(&td, td.fd, KVM_TDX_CAPABILITIES, 0, (uint64_t)&caps), -E2BIG);
}

static void wrong_call(void)
{
	struct kvm_tdx_cmd command = { .id = KVM_TDX_CAPABILITIES, .hw_error = 1 };
	struct caps caps;
	struct td td;

	td_create(&td);
	memset(&caps, 0, sizeof(caps));
	caps.caps.cpuid.nent = TD_MAX_CPUIDS;
	check_eq(td_command(&td, td.fd, KVM_TDX_CAPABILITIES, 1, (uint64_t)&caps), -EINVAL);
	check_eq(td_command(&td, td.fd, KVM_TDX_CAPABILITIES, 0, 0), -EFAULT);
	check_eq(td_command(&td, td.fd, KVM_TDX_CMD_NR_MAX, 0, 0), -EINVAL);

	command.data = (uint64_t)&caps;
	check_eq(ioctl(td.fd, KVM_MEMORY_ENCRYPT_OP, &command), -1);
	check_eq(errno, EINVAL);
}

/* A TD has as many vCPUs as the machine has CPUs, whatever the module could do */
static void max_vcpus(void)
{
	struct td td;
	int vcpus;

	td_create(&td);
	vcpus = ioctl(td.fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	test_note("%d vCPUs", vcpus);
	check(vcpus >= 1);
	check(vcpus < ioctl(kvm(), KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS));
}

const struct test capability_tests[] = {
	{ "capabilities-vm-type", vm_type },
	{ "capabilities-report", report },
	{ "capabilities-no-room", no_room },
	{ "capabilities-wrong-call", wrong_call },
	{ "capabilities-max-vcpus", max_vcpus },
	{ }
};
