// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm_para.h>

#include "kvm.h"
#include "test.h"

/* CPUID leaf whose EAX bits 23:16 KVM takes for the GPA width of a TD */
#define CPUID_ADDRESS_SIZES	0x80000008
#define GPA_WIDTH		48

/* Interrupts that user space could route to an I/O APIC of its own; a TD wants that */
#define NR_ROUTES		24

/* Return the result of a system call as 0 or more, or -errno */
static int result(int value)
{
	return value < 0 ? -errno : value;
}

/**
 * kvm() - KVM itself
 *
 * Return: the file descriptor, the same for all of a process.
 */
int kvm(void)
{
	static int fd = -1;

	if (fd < 0) {
		fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
		check(fd >= 0);
		check_eq(ioctl(fd, KVM_GET_API_VERSION, 0), KVM_API_VERSION);
	}
	return fd;
}

static size_t run_size(void)
{
	int size = ioctl(kvm(), KVM_GET_VCPU_MMAP_SIZE, 0);

	check(size >= (int)sizeof(struct kvm_run));
	return size;
}

static void enable(struct td *td, unsigned int cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	check_eq(result(ioctl(td->fd, KVM_ENABLE_CAP, &enable)), 0);
}

/**
 * td_create() - create a VM that is to be a TD
 * @td: out
 */
void td_create(struct td *td)
{
	memset(td, 0, sizeof(*td));
	td->gmem = -1;
	for (unsigned int id = 0; id < TD_MAX_VCPUS; id++)
		td->vcpu[id].fd = -1;

	td->fd = ioctl(kvm(), KVM_CREATE_VM, KVM_X86_TDX_VM);
	check(td->fd >= 0);
	check_eq(result(ioctl(td->fd, KVM_SET_TSC_KHZ, TSC_KHZ)), 0);
	enable(td, KVM_CAP_SPLIT_IRQCHIP, NR_ROUTES);
	enable(td, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS);
	enable(td, KVM_CAP_EXIT_HYPERCALL, 1 << KVM_HC_MAP_GPA_RANGE);
}

/**
 * td_command() - KVM_MEMORY_ENCRYPT_OP
 * @td:		the TD; its @hw_error becomes that of the command
 * @fd:		of the VM or of a vCPU
 * @id:		KVM_TDX_*
 * @flags:	of the command
 * @data:	of the command
 *
 * Return: 0 or -errno.
 */
int td_command(struct td *td, int fd, unsigned int id, unsigned int flags, uint64_t data)
{
	struct kvm_tdx_cmd command = { .id = id, .flags = flags, .data = data };
	int err = result(ioctl(fd, KVM_MEMORY_ENCRYPT_OP, &command));

	td->hw_error = command.hw_error;
	return err;
}

/**
 * td_capabilities() - what KVM and the TDX module offer
 * @td:		the TD
 * @caps:	out
 *
 * Return: 0 or -errno.
 */
int td_capabilities(struct td *td, struct caps *caps)
{
	caps->caps.cpuid.nent = TD_MAX_CPUIDS;
	return td_command(td, td->fd, KVM_TDX_CAPABILITIES, 0, (uint64_t)caps);
}

/**
 * td_default_params() - parameters of a TD that the module takes
 * @td:		the TD
 * @params:	out: no attributes, least XFAM, CPUID bits all 0, IDs that tell apart
 */
void td_default_params(struct td *td, struct params *params)
{
	struct caps caps = {};

	check_eq(td_capabilities(td, &caps), 0);
	memset(params, 0, sizeof(*params));
	params->vm.xfam = caps.caps.supported_xfam & 3;
	memset(params->vm.mrconfigid, 0xc1, sizeof(params->vm.mrconfigid));
	memset(params->vm.mrowner, 0x07, sizeof(params->vm.mrowner));
	memset(params->vm.mrownerconfig, 0xc0, sizeof(params->vm.mrownerconfig));

	for (unsigned int i = 0; i < caps.caps.cpuid.nent; i++) {
		if (caps.entries[i].function != CPUID_ADDRESS_SIZES)
			continue;
		params->entries[0].function = CPUID_ADDRESS_SIZES;
		params->entries[0].eax = GPA_WIDTH << 16;
		params->vm.cpuid.nent = 1;
	}
	check_eq(params->vm.cpuid.nent, 1);
}

/**
 * td_init() - KVM_TDX_INIT_VM: make the VM a TD, with a key of its own
 * @td:		the TD
 * @params:	of the TD; NULL for the default
 *
 * Return: 0 or -errno.
 */
int td_init(struct td *td, struct params *params)
{
	struct params defaults;

	if (!params) {
		td_default_params(td, &defaults);
		params = &defaults;
	}
	return td_command(td, td->fd, KVM_TDX_INIT_VM, 0, (uint64_t)params);
}

/**
 * td_create_vcpu() - KVM_CREATE_VCPU
 * @td: the TD
 * @id: of the vCPU, from 0 on
 *
 * Return: 0 or -errno.
 */
int td_create_vcpu(struct td *td, unsigned int id)
{
	struct vcpu *vcpu = &td->vcpu[id];

	vcpu->fd = ioctl(td->fd, KVM_CREATE_VCPU, id);
	if (vcpu->fd < 0)
		return -errno;

	vcpu->run = mmap(NULL, run_size(), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	check(vcpu->run != MAP_FAILED);
	return 0;
}

/**
 * td_init_vcpu() - CPUID for the vCPU, then KVM_TDX_INIT_VCPU
 * @td:		the TD
 * @id:		of the vCPU
 * @rcx:	its initial RCX
 *
 * Return: 0 or -errno.
 */
int td_init_vcpu(struct td *td, unsigned int id, uint64_t rcx)
{
	/* KVM wants it to know x2APIC, the mode of its APIC, and GPAs with the shared bit */
	struct {
		struct kvm_cpuid2 cpuid;
		struct kvm_cpuid_entry2 entries[4];
	} model = {
		.cpuid.nent = 4,
		.entries = {
			{ .function = 0, .eax = 1 },
			{ .function = 1, .eax = 0xc06f2, .ecx = 1 << 21 },
			{ .function = 0x80000000, .eax = CPUID_ADDRESS_SIZES },
			{ .function = CPUID_ADDRESS_SIZES, .eax = GPA_WIDTH << 16 | GPA_WIDTH },
		},
	};
	int fd = td->vcpu[id].fd;

	check_eq(result(ioctl(fd, KVM_SET_CPUID2, &model)), 0);
	return td_command(td, fd, KVM_TDX_INIT_VCPU, 0, rcx);
}

/**
 * td_add_slot() - give the TD TD_MEMORY bytes of memory, none of it private yet
 * @td: the TD
 */
void td_add_slot(struct td *td)
{
	struct kvm_create_guest_memfd gmem = { .size = TD_MEMORY };
	struct kvm_userspace_memory_region2 region = {
		.flags = KVM_MEM_GUEST_MEMFD,
		.memory_size = TD_MEMORY,
	};

	td->gmem = ioctl(td->fd, KVM_CREATE_GUEST_MEMFD, &gmem);
	check(td->gmem >= 0);
	td->shared = mmap(NULL, TD_MEMORY, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(td->shared != MAP_FAILED);
	region.userspace_addr = (uint64_t)td->shared;
	region.guest_memfd = td->gmem;
	check_eq(result(ioctl(td->fd, KVM_SET_USER_MEMORY_REGION2, &region)), 0);
}

/**
 * td_set_private() - KVM_SET_MEMORY_ATTRIBUTES
 * @td:		the TD
 * @gpa:	of the range
 * @size:	of the range in bytes
 * @private:	whether it is to be private
 *
 * Return: 0 or -errno.
 */
int td_set_private(struct td *td, uint64_t gpa, uint64_t size, bool private)
{
	struct kvm_memory_attributes attributes = {
		.address = gpa,
		.size = size,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};

	return result(ioctl(td->fd, KVM_SET_MEMORY_ATTRIBUTES, &attributes));
}

/**
 * td_add_page() - KVM_TDX_INIT_MEM_REGION of one page
 * @td:		the TD, whose first vCPU is initialized
 * @gpa:	where it goes
 * @source:	its content, page aligned
 * @measure:	whether the content is measured
 *
 * Return: 0 or -errno.
 */
int td_add_page(struct td *td, uint64_t gpa, const void *source, bool measure)
{
	struct kvm_tdx_init_mem_region region = {
		.source_addr = (uint64_t)source,
		.gpa = gpa,
		.nr_pages = 1,
	};

	return td_command(td, td->vcpu[0].fd, KVM_TDX_INIT_MEM_REGION,
			  measure ? KVM_TDX_MEASURE_MEMORY_REGION : 0, (uint64_t)&region);
}

/**
 * td_finalize() - KVM_TDX_FINALIZE_VM
 * @td: the TD
 *
 * Return: 0 or -errno.
 */
int td_finalize(struct td *td)
{
	return td_command(td, td->fd, KVM_TDX_FINALIZE_VM, 0, 0);
}

/**
 * td_run() - KVM_RUN
 * @td: the TD
 * @id: of the vCPU
 *
 * Return: the exit reason, KVM_EXIT_*, or -errno.
 */
int td_run(struct td *td, unsigned int id)
{
	int err = result(ioctl(td->vcpu[id].fd, KVM_RUN, 0));

	/* With KVM_EXIT_MEMORY_FAULT the call fails, too */
	if (err == -EFAULT && td->vcpu[id].run->exit_reason == KVM_EXIT_MEMORY_FAULT)
		return KVM_EXIT_MEMORY_FAULT;
	return err ? err : (int)td->vcpu[id].run->exit_reason;
}

/**
 * td_run_to_port() - run a vCPU until it writes to a port
 * @td:		the TD
 * @id:		of the vCPU
 * @port:	the port
 *
 * Fails the test if the vCPU exits for something else, as it does if an
 * expectation of the script is not met.
 */
void td_run_to_port(struct td *td, unsigned int id, uint16_t port)
{
	const struct kvm_run *run = td->vcpu[id].run;
	int reason = td_run(td, id);

	if (reason == KVM_EXIT_SYSTEM_EVENT)
		test_fail(__FILE__, __LINE__, "the guest stopped at step %llu of its script",
			  run->system_event.data[FATAL_ERROR_R12]);
	check_eq(reason, KVM_EXIT_IO);
	check_eq(run->io.direction, KVM_EXIT_IO_OUT);
	check_eq(run->io.port, port);
}

/**
 * td_run_to_end() - run a vCPU to the end of its script
 * @td:		the TD
 * @id:		of the vCPU
 *
 * Fails the test as td_run_to_port() does.
 */
void td_run_to_end(struct td *td, unsigned int id)
{
	td_run_to_port(td, id, TDX_MOCK_DONE_PORT);
}

/**
 * td_destroy() - close all that there is of a TD
 * @td: the TD
 */
void td_destroy(struct td *td)
{
	for (unsigned int id = 0; id < TD_MAX_VCPUS; id++) {
		if (td->vcpu[id].fd < 0)
			continue;
		munmap(td->vcpu[id].run, run_size());
		close(td->vcpu[id].fd);
	}
	if (td->gmem >= 0)
		close(td->gmem);
	if (td->shared)
		munmap(td->shared, TD_MEMORY);
	close(td->fd);
}

/**
 * td_data_page() - a page with content
 *
 * Return: the page: 512 different numbers of 8 bytes.
 */
const uint8_t *td_data_page(void)
{
	static uint64_t page[PAGE / 8] __attribute__((aligned(PAGE)));

	for (unsigned int i = 0; i < PAGE / 8; i++)
		page[i] = 0xda7a000000000000 + i;
	return (uint8_t *)page;
}

/**
 * td_build() - a TD that is ready to run
 * @td:		out
 * @script:	what its vCPUs run
 * @vcpus:	how many there are
 */
void td_build(struct td *td, const struct script *script, unsigned int vcpus)
{
	td_create(td);
	check_eq(td_init(td, NULL), 0);
	td_add_slot(td);
	for (unsigned int id = 0; id < vcpus; id++) {
		check_eq(td_create_vcpu(td, id), 0);
		check_eq(td_init_vcpu(td, id, GPA_SCRIPT +
				      script->entry[id] * sizeof(script->step[0])), 0);
	}
	check_eq(td_set_private(td, 0, GPA_SHARED, true), 0);
	check_eq(td_add_page(td, GPA_SCRIPT, script->step, true), 0);
	check_eq(td_add_page(td, GPA_DATA, td_data_page(), true), 0);
	check_eq(td_finalize(td), 0);
}

/**
 * td_step() - append a step to a script
 * @script:	the script
 * @op:		of the step
 * @args:	its operands
 * @count:	how many they are
 */
void td_step(struct script *script, enum tdx_mock_op op, const uint64_t *args, unsigned int count)
{
	struct tdx_mock_step *step = &script->step[script->count++];

	check(script->count < sizeof(script->step) / sizeof(script->step[0]));
	step->op = op;
	for (unsigned int i = 0; i < count; i++)
		step->arg[i] = args[i];
}
