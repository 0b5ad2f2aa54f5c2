// SPDX-License-Identifier: GPL-2.0
/*
 * The mock TDX module: what runs in a TD.
 *
 * There is no CPU that would run a TD.  TDH.VP.ENTER interprets the script of
 * the vCPU, see guest.h, until it comes to something that a real TD would exit
 * with.
 */
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/atomic.h>
#include <linux/bitfield.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/vmx.h>

#include "guest.h"
#include "td.h"

/*
 * After so many steps the host gets its CPU back.  It does as by an SMI: with an
 * external interrupt the host would run the handler of an interrupt that nothing
 * has raised.
 */
#define MAX_STEPS		64

/* The registers that a TDVMCALL of the script passes to the host and back */
#define TDVMCALL_REGISTERS	(TDX_R10 | TDX_R11 | TDX_R12 | TDX_R13 | TDX_R14 | TDX_R15)

/* Extended exit qualification of an EPT violation */
#define EXT_QUAL_ACCEPT		1
#define EXT_QUAL_PENDING	6
#define EXT_QUAL_ACCEPT_LEVEL	GENMASK_ULL(34, 32)

/* The shared EPT is an ordinary one */
#define EPT_PA			GENMASK_ULL(51, 12)
#define EPT_LARGE_PAGE		BIT_ULL(7)
#define EPT_INDEX_BITS		9

/* Posted-interrupt descriptor: 256 requests, then the bit ON */
struct pi_descriptor {
	unsigned long requests[4];
	unsigned long control;
	unsigned long reserved[3];
};

#define PI_ON			0

/* A vCPU between its entry and its exit, and the status to exit with */
struct guest {
	struct tdx_mock *mock;
	struct mock_td *td;
	struct mock_vcpu *vcpu;
	struct tdx_module_args *args;
	u64 status;
};

/*
 * Exits.  They all return false, for "the vCPU does not go on", and leave the
 * state of the guest where a return into it goes on.
 */
static bool exit_with(struct guest *guest, u64 reason, u64 qualification)
{
	*guest->args = (struct tdx_module_args) { .rcx = qualification };
	guest->status = reason;
	return false;
}

static bool exit_ept_violation(struct guest *guest, u64 gpa, u64 qualification, u64 extended)
{
	exit_with(guest, EXIT_REASON_EPT_VIOLATION, qualification);
	guest->args->rdx = extended;
	guest->args->r8 = gpa;
	return false;
}

static bool exit_triple_fault(struct guest *guest)
{
	guest->vcpu->state = MOCK_VCPU_DISABLED;
	return exit_with(guest, TDX_NON_RECOVERABLE_VCPU | EXIT_REASON_TRIPLE_FAULT, 0);
}

/* TDG.VP.VMCALL with @regs in R10 to R15 */
static bool exit_tdvmcall(struct guest *guest, const u64 *regs)
{
	struct tdx_module_args *args = guest->args;

	exit_with(guest, EXIT_REASON_TDCALL, TDVMCALL_REGISTERS);
	args->r10 = regs[0];
	args->r11 = regs[1];
	args->r12 = regs[2];
	args->r13 = regs[3];
	args->r14 = regs[4];
	args->r15 = regs[5];
	return false;
}

/* @access is one of EPT_VIOLATION_ACC_* */
static bool map_private(struct guest *guest, u64 gpa, u64 access, void **p)
{
	struct mock_sept_walk walk;
	u64 page_gpa = PAGE_ALIGN_DOWN(gpa);

	if (!mock_sept_walk(guest->mock, guest->td, gpa, 0, &walk)) {
		if (!walk.entry)
			return exit_triple_fault(guest);
		return exit_ept_violation(guest, page_gpa, access, 0);
	}

	switch (mock_sept_state(&walk)) {
	case MOCK_SEPT_PRESENT:
		*p = mock_sept_page(&walk) + offset_in_page(gpa);
		return true;
	case MOCK_SEPT_PENDING:
		return exit_ept_violation(guest, page_gpa, access, EXT_QUAL_PENDING);
	default:
		return exit_ept_violation(guest, page_gpa, access, 0);
	}
}

/* The tables are the host's and can change meanwhile, as under a real vCPU */
static bool map_shared(struct guest *guest, u64 gpa, u64 access, void **p)
{
	u64 needed = access == EPT_VIOLATION_ACC_WRITE ? VMX_EPT_WRITABLE_MASK :
							 VMX_EPT_READABLE_MASK;
	u64 used = VMX_EPT_ACCESS_BIT | (access == EPT_VIOLATION_ACC_WRITE ? VMX_EPT_DIRTY_BIT : 0);
	u64 table = guest->vcpu->shared_eptp;
	u64 allowed = VMX_EPT_RWX_MASK;

	for (unsigned int level = guest->td->nr_levels - 1; ; level--) {
		unsigned int shift = PAGE_SHIFT + level * EPT_INDEX_BITS;
		u64 *entries = mock_operand(guest->mock, table, PAGE_SIZE, PAGE_SIZE);
		const struct mock_frame *frame;
		u64 *at, entry, pa;

		if (!entries)
			return exit_with(guest, EXIT_REASON_EPT_MISCONFIG, 0);

		at = &entries[gpa >> shift & (BIT(EPT_INDEX_BITS) - 1)];
		entry = READ_ONCE(*at);
		/* MMIO is #VE, of which the script knows nothing */
		if (!(entry & (VMX_EPT_RWX_MASK | VMX_EPT_SUPPRESS_VE_BIT)))
			return exit_triple_fault(guest);

		allowed &= entry;
		if (!(allowed & needed))
			return exit_ept_violation(guest, gpa,
						  access | EPT_VIOLATION_RWX_TO_PROT(allowed), 0);

		table = entry & EPT_PA;
		if (level && !(entry & EPT_LARGE_PAGE))
			continue;

		pa = (table & ~(BIT_ULL(shift) - 1)) | (gpa & (BIT_ULL(shift) - 1));
		frame = mock_frame(guest->mock, pa);
		/* Shared memory that is private at the same time is a machine check */
		if (frame && (frame->flags & MOCK_FRAME_OWNED)) {
			mock_breach(guest->mock, TDX_MOCK_OWNED_PAGE_SHARED, PAGE_ALIGN_DOWN(pa));
			return exit_triple_fault(guest);
		}

		*p = mock_operand(guest->mock, pa, sizeof(u64), sizeof(u64));
		if (!*p)
			return exit_with(guest, EXIT_REASON_EPT_MISCONFIG, 0);

		atomic64_or(used, (atomic64_t *)at);
		return true;
	}
}

/* Memory at @gpa.  What is aligned to its size does not cross a page. */
static bool map(struct guest *guest, u64 gpa, u64 align, u64 access, void **p)
{
	if (!IS_ALIGNED(gpa, align))
		return exit_triple_fault(guest);
	if (mock_is_private_gpa(guest->td, gpa))
		return map_private(guest, gpa, access, p);
	if (gpa >> (guest->td->shared_bit + 1))
		return exit_triple_fault(guest);

	return map_shared(guest, gpa, access, p);
}

static bool do_accept(struct guest *guest, u64 gpa, u64 level)
{
	struct mock_sept_walk walk;

	if (level || !PAGE_ALIGNED(gpa) || !mock_is_private_gpa(guest->td, gpa)) {
		guest->vcpu->last_status = mock_operand_invalid(MOCK_OPERAND_RCX);
		return true;
	}

	if (mock_sept_walk(guest->mock, guest->td, gpa, 0, &walk)) {
		switch (mock_sept_state(&walk)) {
		case MOCK_SEPT_PENDING:
			mock_sept_accept(&walk);
			guest->vcpu->last_status = TDX_SUCCESS;
			return true;
		case MOCK_SEPT_PRESENT:
			guest->vcpu->last_status = MOCK_PAGE_ALREADY_ACCEPTED;
			return true;
		default:
			break;
		}
	}

	return exit_ept_violation(guest, gpa, EPT_VIOLATION_ACC_WRITE,
				  EXT_QUAL_ACCEPT | FIELD_PREP(EXT_QUAL_ACCEPT_LEVEL, level));
}

static bool do_expect(struct guest *guest, const u64 *arg)
{
	u64 found = arg[2] ? guest->vcpu->last_status : guest->vcpu->last_value;
	const u64 fatal_error[6] = {
		[1] = TDVMCALL_REPORT_FATAL_ERROR,
		[2] = guest->vcpu->step,
	};

	if ((found & arg[0]) == arg[1])
		return true;

	return exit_tdvmcall(guest, fatal_error);
}

/* The step at which the vCPU is.  Returns whether the vCPU goes on. */
static bool run_step(struct guest *guest, const struct tdx_mock_step *step)
{
	const u64 done[6] = {
		[1] = EXIT_REASON_IO_INSTRUCTION,
		[2] = sizeof(u32),
		[3] = true,			/* to write */
		[4] = TDX_MOCK_DONE_PORT,
		[5] = (u32)step->arg[0],
	};
	struct mock_vcpu *vcpu = guest->vcpu;
	const u64 *arg = step->arg;
	const u64 report_data[TDX_MOCK_REPORT_DATA_LEN / sizeof(u64)] = {
		arg[1], arg[2], arg[3], arg[4],
	};
	void *p;

	switch (step->op) {
	case TDX_MOCK_DONE:
		return exit_tdvmcall(guest, done);
	case TDX_MOCK_TDVMCALL:
		vcpu->step++;
		vcpu->in_tdvmcall = true;
		return exit_tdvmcall(guest, arg);
	case TDX_MOCK_ACCEPT:
		if (!do_accept(guest, arg[0], arg[1]))
			return false;
		break;
	case TDX_MOCK_READ:
		if (!map(guest, arg[0], sizeof(u64), EPT_VIOLATION_ACC_READ, &p))
			return false;
		vcpu->last_value = READ_ONCE(*(u64 *)p);
		break;
	case TDX_MOCK_WRITE:
		if (!map(guest, arg[0], sizeof(u64), EPT_VIOLATION_ACC_WRITE, &p))
			return false;
		WRITE_ONCE(*(u64 *)p, arg[1]);
		break;
	case TDX_MOCK_REPORT:
		if (!map(guest, arg[0], MOCK_REPORT_SIZE, EPT_VIOLATION_ACC_WRITE, &p))
			return false;
		mock_make_report(guest->td, report_data, p);
		break;
	case TDX_MOCK_EXPECT:
		if (!do_expect(guest, arg))
			return false;
		break;
	case TDX_MOCK_JUMP:
		vcpu->step = arg[0];
		return true;
	case TDX_MOCK_EXIT:
		/* What is above the exit reason is not the guest's to say */
		if ((u32)arg[0] == EXIT_REASON_TRIPLE_FAULT)
			return exit_triple_fault(guest);
		vcpu->step++;
		exit_with(guest, (u32)arg[0], arg[1]);
		guest->args->r9 = arg[2];
		return false;
	default:
		return exit_triple_fault(guest);
	}

	vcpu->step++;
	return true;
}

/* Get the step at which the vCPU is, with the last value where it wants it */
static bool fetch_step(struct guest *guest, struct tdx_mock_step *step)
{
	struct mock_vcpu *vcpu = guest->vcpu;
	u64 gpa = vcpu->script + vcpu->step * sizeof(*step);
	void *p;

	/* What is not private is not executed */
	if (!mock_is_private_gpa(guest->td, gpa))
		return exit_triple_fault(guest);
	if (!map(guest, gpa, sizeof(*step), EPT_VIOLATION_ACC_INSTR, &p))
		return false;

	memcpy(step, p, sizeof(*step));
	if (step->flags > ARRAY_SIZE(step->arg))
		return exit_triple_fault(guest);
	if (step->flags)
		step->arg[step->flags - 1] = vcpu->last_value;
	return true;
}

/* An interrupt handler that does nothing but end the interrupt takes no step */
static void take_interrupts(struct guest *guest)
{
	struct pi_descriptor *pi = mock_operand(guest->mock, guest->vcpu->pi_desc_pa, sizeof(*pi),
						sizeof(*pi));

	guest->vcpu->pend_nmi = 0;
	if (!pi || !(guest->vcpu->pin_controls & PIN_BASED_POSTED_INTR))
		return;

	clear_bit(PI_ON, &pi->control);
	for (unsigned int i = 0; i < ARRAY_SIZE(pi->requests); i++)
		xchg(&pi->requests[i], 0);
}

/**
 * mock_run_guest() - let a vCPU run until it exits
 * @mock:	the module
 * @td:		a TD that is runnable
 * @vcpu:	the vCPU
 * @args:	registers of TDH.VP.ENTER, in and out
 *
 * Return: the status of TDH.VP.ENTER, with the exit reason.
 */
u64 mock_run_guest(struct tdx_mock *mock, struct mock_td *td, struct mock_vcpu *vcpu,
		   struct tdx_module_args *args)
{
	struct guest guest = { mock, td, vcpu, args };
	struct tdx_mock_step step;

	if (vcpu->in_tdvmcall) {
		vcpu->last_status = args->r10;
		vcpu->last_value = args->r11;
		vcpu->in_tdvmcall = false;
	}
	take_interrupts(&guest);

	for (unsigned int i = 0; i < MAX_STEPS; i++) {
		if (!fetch_step(&guest, &step) || !run_step(&guest, &step))
			return guest.status;
	}

	exit_with(&guest, EXIT_REASON_OTHER_SMI, 0);
	return guest.status;
}
