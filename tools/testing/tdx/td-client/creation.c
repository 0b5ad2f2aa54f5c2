// SPDX-License-Identifier: GPL-2.0
/* Creating TDs: what KVM and the TDX module take, what they refuse, in which order */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include "kvm.h"
#include "test.h"

/* The class of a TDX module's status; the rest is detail */
#define STATUS_MASK		0xffffffff00000000ULL
#define OPERAND_INVALID		0xc000010000000000ULL

static const struct script nothing;

static void refused(struct td *td, struct params *params, int err, bool by_module)
{
	check_eq(td_init(td, params), err);
	check_eq(td->hw_error & STATUS_MASK, by_module ? OPERAND_INVALID : 0);
	td_default_params(td, params);
}

/* An error leaves nothing behind: the same VM becomes a TD with better parameters */
static void accepted(struct td *td)
{
	check_eq(td_init(td, NULL), 0);
}

static void plain(void)
{
	struct td td;

	for (int i = 0; i < 3; i++) {
		td_build(&td, &nothing, 1);
		td_run_to_end(&td, 0);
		td_destroy(&td);
	}
}

/* Each state in which a VM can be given up */
static void given_up(void)
{
	struct td td;

	td_create(&td);
	td_destroy(&td);

	td_create(&td);
	check_eq(td_init(&td, NULL), 0);
	td_destroy(&td);

	td_create(&td);
	check_eq(td_init(&td, NULL), 0);
	check_eq(td_create_vcpu(&td, 0), 0);
	td_destroy(&td);

	td_create(&td);
	check_eq(td_init(&td, NULL), 0);
	check_eq(td_create_vcpu(&td, 0), 0);
	check_eq(td_init_vcpu(&td, 0, 0), 0);
	td_destroy(&td);

	td_create(&td);
	check_eq(td_init(&td, NULL), 0);
	td_add_slot(&td);
	check_eq(td_create_vcpu(&td, 0), 0);
	check_eq(td_init_vcpu(&td, 0, 0), 0);
	check_eq(td_set_private(&td, 0, TD_MEMORY, true), 0);
	check_eq(td_add_page(&td, GPA_DATA, td_data_page(), true), 0);
	td_destroy(&td);

	td_build(&td, &nothing, 1);
	td_destroy(&td);
}

static void bad_attributes(void)
{
	struct caps caps = {};
	struct params params;
	struct td td;

	td_create(&td);
	check_eq(td_capabilities(&td, &caps), 0);
	td_default_params(&td, &params);
	for (int bit = 0; bit < 64; bit++) {
		if (caps.caps.supported_attrs & 1ULL << bit)
			continue;
		params.vm.attributes = 1ULL << bit;
		refused(&td, &params, -EINVAL, false);
	}
	accepted(&td);
}

static void bad_xfam(void)
{
	struct caps caps = {};
	struct params params;
	struct td td;

	td_create(&td);
	check_eq(td_capabilities(&td, &caps), 0);
	td_default_params(&td, &params);
	for (int bit = 0; bit < 64; bit++) {
		if (caps.caps.supported_xfam & 1ULL << bit)
			continue;
		params.vm.xfam |= 1ULL << bit;
		refused(&td, &params, -EINVAL, false);
	}
	accepted(&td);
}

static void bad_cpuid(void)
{
	struct params params;
	struct td td;

	td_create(&td);
	td_default_params(&td, &params);

	/* The leaf that has the GPA width is missing */
	params.vm.cpuid.nent = 0;
	refused(&td, &params, -EINVAL, false);

	/* A width that there is not */
	params.entries[0].eax = 47 << 16;
	refused(&td, &params, -EINVAL, false);

	/* A leaf that is not configurable */
	params.entries[1].function = 1;
	params.vm.cpuid.nent = 2;
	refused(&td, &params, -EINVAL, false);

	/* The same leaf twice */
	params.entries[1] = params.entries[0];
	params.vm.cpuid.nent = 2;
	refused(&td, &params, -EINVAL, false);

	params.vm.cpuid.padding = 1;
	refused(&td, &params, -EINVAL, false);

	params.vm.cpuid.nent = 257;
	refused(&td, &params, -E2BIG, false);

	/* Bits that are not configurable, which only the module knows */
	params.entries[0].edx = 1U << 31;
	refused(&td, &params, -EINVAL, true);
	accepted(&td);
}

static void bad_rest(void)
{
	struct params params;
	struct td td;

	td_create(&td);
	td_default_params(&td, &params);
	check_eq(td_command(&td, td.fd, KVM_TDX_INIT_VM, 1, (uint64_t)&params), -EINVAL);
	check_eq(td_command(&td, td.fd, KVM_TDX_INIT_VM, 0, 0), -EFAULT);
	params.vm.reserved[11] = 1;
	refused(&td, &params, -EINVAL, false);

	/* Slower than the TSC of any TD, which only the module knows */
	check_eq(ioctl(td.fd, KVM_SET_TSC_KHZ, 25000), 0);
	refused(&td, &params, -EINVAL, true);
	check_eq(ioctl(td.fd, KVM_SET_TSC_KHZ, TSC_KHZ), 0);
	accepted(&td);
}

/* What is supported is also taken */
static void good_params(void)
{
	struct caps caps = {};
	struct params params;
	struct td td;

	td_create(&td);
	check_eq(td_capabilities(&td, &caps), 0);
	td_default_params(&td, &params);
	params.vm.attributes = caps.caps.supported_attrs;
	params.vm.xfam = caps.caps.supported_xfam;
	check_eq(td_init(&td, &params), 0);
}

static void twice(void)
{
	struct td td;

	td_create(&td);
	check_eq(td_init(&td, NULL), 0);
	check_eq(td_init(&td, NULL), -EINVAL);
	check_eq(td_create_vcpu(&td, 0), 0);
	check_eq(td_init_vcpu(&td, 0, 0), 0);
	check_eq(td_command(&td, td.vcpu[0].fd, KVM_TDX_INIT_VCPU, 0, 0), -EINVAL);
	check_eq(td_finalize(&td), 0);
	check_eq(td_finalize(&td), -EINVAL);
}

static void before_init(void)
{
	struct td td;

	td_create(&td);
	check_eq(td_create_vcpu(&td, 0), -EIO);
	check_eq(td_finalize(&td), -EINVAL);
	check_eq(td_init(&td, NULL), 0);
	check_eq(td_create_vcpu(&td, 0), 0);
}

static void before_vcpu_init(void)
{
	struct td td;

	td_create(&td);
	check_eq(td_init(&td, NULL), 0);
	td_add_slot(&td);
	check_eq(td_create_vcpu(&td, 0), 0);
	check_eq(td_set_private(&td, 0, TD_MEMORY, true), 0);
	check_eq(td_add_page(&td, GPA_DATA, td_data_page(), true), -EINVAL);
	check_eq(td_run(&td, 0), -EINVAL);
	check_eq(td_command(&td, td.vcpu[0].fd, KVM_TDX_INIT_VCPU, 1, 0), -EINVAL);
	check_eq(td_init_vcpu(&td, 0, GPA_SCRIPT), 0);
	check_eq(td_run(&td, 0), -EINVAL);
	check_eq(td_add_page(&td, GPA_SCRIPT, nothing.step, true), 0);
	check_eq(td_finalize(&td), 0);
	td_run_to_end(&td, 0);
}

static void after_finalize(void)
{
	struct td td;

	td_build(&td, &nothing, 1);
	check_eq(td_add_page(&td, GPA_LATER, td_data_page(), true), -EINVAL);
	check_eq(td_init(&td, NULL), -EINVAL);
	check_eq(td_create_vcpu(&td, 1), -EIO);
	td_run_to_end(&td, 0);
}

static void bad_memory(void)
{
	struct kvm_tdx_init_mem_region region = { .source_addr = (uint64_t)td_data_page() };
	struct utsname uts;
	struct td td;
	int fd;

	td_create(&td);
	check_eq(td_init(&td, NULL), 0);
	td_add_slot(&td);
	check_eq(td_create_vcpu(&td, 0), 0);
	check_eq(td_init_vcpu(&td, 0, 0), 0);
	fd = td.vcpu[0].fd;
	check_eq(td_set_private(&td, 0, GPA_SHARED, true), 0);

	check_eq(td_add_page(&td, GPA_DATA + 8, td_data_page(), true), -EINVAL);
	check_eq(td_add_page(&td, GPA_DATA, td_data_page() + 8, true), -EINVAL);
	check_eq(td_add_page(&td, GPA_DATA | TD_SHARED, td_data_page(), true), -EINVAL);
	/* No source is what Linux 7.2 does not support, and what later ones call invalid */
	check_eq(uname(&uts), 0);
	check_eq(td_add_page(&td, GPA_DATA, NULL, true),
		 strncmp(uts.release, "7.2.", 4) ? -EINVAL : -EOPNOTSUPP);
	check_eq(td_add_page(&td, GPA_DATA, (void *)PAGE, true), -EFAULT);
	check_eq(td_add_page(&td, GPA_SHARED, td_data_page(), true), -EINVAL);
	check_eq(td_add_page(&td, TD_MEMORY, td_data_page(), true), -EINVAL);
	check_eq(td_command(&td, fd, KVM_TDX_INIT_MEM_REGION, 2, (uint64_t)&region), -EINVAL);
	check_eq(td_command(&td, fd, KVM_TDX_INIT_MEM_REGION, 0, (uint64_t)&region), -EINVAL);
	check_eq(td_command(&td, fd, KVM_TDX_INIT_MEM_REGION, 0, 0), -EFAULT);

	check_eq(td_add_page(&td, GPA_DATA, td_data_page(), true), 0);
	check(td_add_page(&td, GPA_DATA, td_data_page(), true) < 0);
	check_eq(td_finalize(&td), 0);
}

static void vcpus(void)
{
	struct script script = {};
	struct td td;
	int max;

	td_create(&td);
	max = ioctl(td.fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
	td_destroy(&td);
	if (max != TD_MAX_VCPUS)
		test_skip("wants a machine with two CPUs");

	tdvmcall(&script, EXIT_IO, 4, 1, 0x10, 0x5eed);
	td_build(&td, &script, max);
	check_eq(ioctl(td.fd, KVM_CREATE_VCPU, max), -1);
	check_eq(errno, EINVAL);

	for (int id = 0; id < max; id++) {
		check_eq(td_run(&td, id), KVM_EXIT_IO);
		check_eq(td.vcpu[id].run->io.port, 0x10);
	}
	for (int id = max - 1; id >= 0; id--)
		td_run_to_end(&td, id);
}

/* A TD wants the local APICs in the kernel and nothing else */
static void no_irqchip(void)
{
	struct td td = {};
	int fd = ioctl(kvm(), KVM_CREATE_VM, KVM_X86_TDX_VM);

	check(fd >= 0);
	td.fd = fd;
	check_eq(ioctl(fd, KVM_SET_TSC_KHZ, TSC_KHZ), 0);
	check_eq(td_init(&td, NULL), 0);
	check_eq(td_create_vcpu(&td, 0), -EINVAL);
}

static void get_cpuid(void)
{
	struct {
		struct kvm_cpuid2 cpuid;
		struct kvm_cpuid_entry2 entries[256];
	} list = {};
	uint64_t data = (uint64_t)&list;
	bool width = false;
	struct td td;

	td_create(&td);
	check_eq(td_init(&td, NULL), 0);
	check_eq(td_create_vcpu(&td, 0), 0);
	check_eq(td_init_vcpu(&td, 0, 0), 0);

	check_eq(td_command(&td, td.vcpu[0].fd, KVM_TDX_GET_CPUID, 0, data), -E2BIG);
	check(list.cpuid.nent > 0);
	check(list.cpuid.nent <= 256);
	check_eq(td_command(&td, td.vcpu[0].fd, KVM_TDX_GET_CPUID, 0, data), 0);
	for (unsigned int i = 0; i < list.cpuid.nent; i++) {
		if (list.entries[i].function == 0x80000008)
			width = (list.entries[i].eax >> 16 & 0xff) == 48;
	}
	check(width);

	check_eq(td_finalize(&td), 0);
	check_eq(td_command(&td, td.vcpu[0].fd, KVM_TDX_GET_CPUID, 0, data), -EINVAL);
}

const struct test creation_tests[] = {
	{ "creation-plain", plain },
	{ "creation-given-up", given_up },
	{ "creation-good-params", good_params },
	{ "creation-bad-attributes", bad_attributes },
	{ "creation-bad-xfam", bad_xfam },
	{ "creation-bad-cpuid", bad_cpuid },
	{ "creation-bad-rest", bad_rest },
	{ "creation-bad-memory", bad_memory },
	{ "creation-twice", twice },
	{ "creation-before-init", before_init },
	{ "creation-before-vcpu-init", before_vcpu_init },
	{ "creation-after-finalize", after_finalize },
	{ "creation-vcpus", vcpus },
	{ "creation-no-irqchip", no_irqchip },
	{ "creation-get-cpuid", get_cpuid },
	{ }
};
