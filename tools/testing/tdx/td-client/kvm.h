/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TD, as KVM's user-space API offers it: one function per step of its life.
 *
 * What a test may expect to fail returns 0 or -errno. All else fails the test.
 */
#ifndef TD_CLIENT_KVM_H
#define TD_CLIENT_KVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kvm.h>

#include "guest.h"

#define PAGE		4096UL
#define TD_MEMORY	(1UL << 20)		/* one slot, from GPA 0 on */
#define TD_SHARED	(1ULL << 47)		/* GPA bit, with a GPA width of 48 bits */
#define TSC_KHZ		1000000			/* that of an emulated machine is too slow */
#define TD_MAX_VCPUS	2
#define TD_MAX_CPUIDS	80			/* no module has more that are configurable */

/* GPAs in the slot. What is measured at creation: the script, and a page of data */
#define GPA_SCRIPT	0x10000UL
#define GPA_DATA	0x20000UL
/* Not there at creation */
#define GPA_LATER	0x40000UL
/* Not private */
#define GPA_SHARED	0x80000UL
/* Outside the slot */
#define GPA_MMIO	0x40000000UL

/* TDG.VP.VMCALL: sub-functions in R11 that are not exit reasons, status in R10 */
#define TDVMCALL_GET_INFO	0x10000
#define TDVMCALL_MAP_GPA	0x10001
#define TDVMCALL_GET_QUOTE	0x10002
#define TDVMCALL_FATAL_ERROR	0x10003
#define TDVMCALL_EVENT_NOTIFY	0x10004
#define TDVMCALL_SUCCESS	0ULL
#define TDVMCALL_RETRY		1ULL
#define TDVMCALL_INVALID	0x8000000000000000ULL
#define TDVMCALL_ALIGN_ERROR	0x8000000000000002ULL
#define TDVMCALL_UNSUPPORTED	0x8000000000000003ULL

/* VMX exit reasons, which are also sub-functions of TDG.VP.VMCALL */
#define EXIT_TRIPLE_FAULT	2
#define EXIT_SMI		6
#define EXIT_CPUID		10
#define EXIT_HLT		12
#define EXIT_IO			30
#define EXIT_RDMSR		31
#define EXIT_WRMSR		32
#define EXIT_MMIO		48

/* Where a fatal error that the guest reports has the guest's R12 */
#define FATAL_ERROR_R12		12

struct caps {
	struct kvm_tdx_capabilities caps;
	struct kvm_cpuid_entry2 entries[TD_MAX_CPUIDS];
};

struct params {
	struct kvm_tdx_init_vm vm;
	struct kvm_cpuid_entry2 entries[TD_MAX_CPUIDS];
};

struct vcpu {
	int fd;
	struct kvm_run *run;
};

struct td {
	int fd;
	int gmem;
	uint8_t *shared;		/* the slot's memory where it is not private */
	struct vcpu vcpu[TD_MAX_VCPUS];
	uint64_t hw_error;		/* of the last KVM_MEMORY_ENCRYPT_OP */
};

/* The guest's program, one page of it; what is not filled is TDX_MOCK_DONE */
struct script {
	struct tdx_mock_step step[PAGE / sizeof(struct tdx_mock_step)]
		__attribute__((aligned(PAGE)));
	unsigned int count;
	unsigned int entry[TD_MAX_VCPUS];	/* the step that a vCPU starts at */
};

int kvm(void);

void td_create(struct td *td);
int td_command(struct td *td, int fd, unsigned int id, unsigned int flags, uint64_t data);
int td_capabilities(struct td *td, struct caps *caps);
void td_default_params(struct td *td, struct params *params);
int td_init(struct td *td, struct params *params);
int td_create_vcpu(struct td *td, unsigned int id);
int td_init_vcpu(struct td *td, unsigned int id, uint64_t rcx);
void td_add_slot(struct td *td);
int td_set_private(struct td *td, uint64_t gpa, uint64_t size, bool private);
int td_add_page(struct td *td, uint64_t gpa, const void *source, bool measure);
int td_finalize(struct td *td);
int td_run(struct td *td, unsigned int id);
void td_run_to_port(struct td *td, unsigned int id, uint16_t port);
void td_run_to_end(struct td *td, unsigned int id);
void td_destroy(struct td *td);

/* All of it: a TD with vCPUs that run @script, and a data page, ready to run */
void td_build(struct td *td, const struct script *script, unsigned int vcpus);
const uint8_t *td_data_page(void);

/* A script's TDVMCALL, and what it expects of the last one or of the last read */
#define tdvmcall(_script, _function, ...) step(_script, TDX_MOCK_TDVMCALL, 0, _function, __VA_ARGS__)
#define expect_status(_script, _status) step(_script, TDX_MOCK_EXPECT, ~0ULL, _status, 1)
#define expect_value(_script, _value)	step(_script, TDX_MOCK_EXPECT, ~0ULL, _value)

void td_step(struct script *script, enum tdx_mock_op op, const uint64_t *args, unsigned int count);
#define step(_script, _op, ...)							\
	td_step(_script, _op, (const uint64_t []){ __VA_ARGS__ },		\
		sizeof((uint64_t []){ __VA_ARGS__ }) / sizeof(uint64_t))

#endif /* TD_CLIENT_KVM_H */
