// SPDX-License-Identifier: GPL-2.0
/* The mock TDX module: virtual CPUs of TDs */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/limits.h>
#include <linux/pfn.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <asm/vmx.h>

#include "td.h"

/* Fields of a vCPU: class and number, as the host names them */
#define FIELD_STATE_DETAILS	((17ULL << 56) | 0x100)
#define FIELD_PEND_NMI		((32ULL << 56) | 11)

/* What the host may write: the fields, and which of their bits */
static const struct vp_field {
	u64 id;
	size_t offset;
	u64 writable;
} vp_fields[] = {
#define FIELD(_field) offsetof(struct mock_vcpu, _field)
	/* Fields of the VMCS go by their encoding: class 0 */
	{ POSTED_INTR_NV,	     FIELD(notification_vector), GENMASK_ULL(7, 0) },
	{ POSTED_INTR_DESC_ADDR,     FIELD(pi_desc_pa),		 GENMASK_ULL(51, 6) },
	{ SHARED_EPT_POINTER,	     FIELD(shared_eptp),	 GENMASK_ULL(51, 12) },
	{ PIN_BASED_VM_EXEC_CONTROL, FIELD(pin_controls),	 PIN_BASED_POSTED_INTR },
	{ FIELD_PEND_NMI,	     FIELD(pend_nmi),		 BIT_ULL(0) },
#undef FIELD
};

/* The vCPU of a TDVPR, and its TD if that is in one of @states */
static u64 find_vcpu(struct tdx_mock *mock, unsigned int operand, u64 pa, unsigned int states,
		     struct mock_td **td, struct mock_vcpu **vcpu)
{
	const struct mock_frame *frame;
	u64 status;

	status = mock_find_page(mock, operand, pa, MOCK_PT_TDVPR, &frame);
	if (status)
		return status;

	status = mock_find_td_in(mock, operand, PFN_PHYS(frame->owner), states, td);
	if (status)
		return status;

	if (!mock_page_is_intact(mock, pa)) {
		mock_audit_page(mock, pa);
		return TDX_NON_RECOVERABLE_VCPU;
	}

	*vcpu = mock_page_content(pa);
	return TDX_SUCCESS;
}

/* A vCPU is associated with the CPU that has used it, until that flushes it */
static u64 associate(struct mock_td *td, struct mock_vcpu *vcpu, unsigned int cpu)
{
	if (vcpu->is_associated)
		return vcpu->cpu == cpu ? TDX_SUCCESS : MOCK_VCPU_ASSOCIATED;

	vcpu->is_associated = true;
	vcpu->cpu = cpu;
	td->nr_associated++;
	return TDX_SUCCESS;
}

u64 mock_vp_create(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 pa = call->args->rcx;
	struct mock_td *td;
	u64 status;

	status = mock_find_td_in(mock, MOCK_OPERAND_RDX, call->args->rdx, MOCK_TD_IN(INITIALIZED),
				 &td);
	if (!status)
		status = mock_check_page(mock, MOCK_OPERAND_RCX, pa);
	if (status)
		return status;

	mock_add_td_page(mock, td, pa, MOCK_PT_TDVPR);
	memset(phys_to_virt(pa), 0, PAGE_SIZE);
	mock_stamp_page(mock, pa);
	return TDX_SUCCESS;
}

u64 mock_vp_addcx(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 pa = call->args->rcx;
	struct mock_vcpu *vcpu;
	struct mock_td *td;
	u64 status;

	status = find_vcpu(mock, MOCK_OPERAND_RDX, call->args->rdx, MOCK_TD_IN(INITIALIZED), &td,
			   &vcpu);
	if (status)
		return status;
	if (vcpu->state != MOCK_VCPU_UNINITIALIZED)
		return MOCK_VCPU_STATE_INCORRECT;
	if (vcpu->nr_tdcx_pages == MOCK_NR_TDVPS_PAGES)
		return MOCK_TDCX_NUM_INCORRECT;

	status = mock_check_page(mock, MOCK_OPERAND_RCX, pa);
	if (status)
		return status;

	mock_add_td_page(mock, td, pa, MOCK_PT_TDCX);
	mock_stamp_page(mock, pa);
	vcpu->nr_tdcx_pages++;
	return TDX_SUCCESS;
}

u64 mock_vp_init(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct tdx_module_args *args = call->args;
	struct mock_vcpu *vcpu;
	struct mock_td *td;
	u64 status;

	status = find_vcpu(mock, MOCK_OPERAND_RCX, args->rcx, MOCK_TD_IN(INITIALIZED), &td, &vcpu);
	if (status)
		return status;
	if (vcpu->state != MOCK_VCPU_UNINITIALIZED)
		return MOCK_VCPU_STATE_INCORRECT;
	if (vcpu->nr_tdcx_pages != MOCK_NR_TDVPS_PAGES)
		return MOCK_TDCX_NUM_INCORRECT;
	if (td->nr_vcpus == td->max_vcpus)
		return MOCK_MAX_VCPUS_EXCEEDED;

	/* The x2APIC ID, of which version 0 knows nothing */
	if (call->version && args->r8 > U32_MAX)
		return mock_operand_invalid(MOCK_OPERAND_R8);

	td->nr_vcpus++;
	vcpu->script = args->rdx;
	vcpu->state = MOCK_VCPU_READY;
	return associate(td, vcpu, call->cpu);
}

u64 mock_vp_enter(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_vcpu *vcpu;
	struct mock_td *td;
	u64 status;

	status = find_vcpu(mock, MOCK_OPERAND_RCX, call->args->rcx, MOCK_TD_IN(RUNNABLE), &td,
			   &vcpu);
	if (status)
		return status;
	if (vcpu->state != MOCK_VCPU_READY)
		return MOCK_VCPU_STATE_INCORRECT;
	status = associate(td, vcpu, call->cpu);
	if (status)
		return status;

	return mock_run_guest(mock, td, vcpu, call->args);
}

u64 mock_vp_flush(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct mock_vcpu *vcpu;
	struct mock_td *td;
	u64 status;

	status = find_vcpu(mock, MOCK_OPERAND_RCX, call->args->rcx, MOCK_TD_IN_USE, &td, &vcpu);
	if (status)
		return status;
	if (!vcpu->is_associated || vcpu->cpu != call->cpu)
		return TDX_VCPU_NOT_ASSOCIATED;

	vcpu->is_associated = false;
	td->nr_associated--;
	return TDX_SUCCESS;
}

static const struct vp_field *find_field(u64 id)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(vp_fields); i++) {
		if (vp_fields[i].id == (id & ~MOCK_FIELD_IGNORED))
			return &vp_fields[i];
	}

	return NULL;
}

static u64 *field_value(struct mock_vcpu *vcpu, const struct vp_field *field)
{
	return (void *)vcpu + field->offset;
}

/* The vCPU whose fields are to be read or written, on the CPU that may do so */
static u64 open_vcpu(struct tdx_mock *mock, struct tdx_mock_call *call, struct mock_vcpu **vcpu)
{
	struct mock_td *td;
	u64 status;

	status = find_vcpu(mock, MOCK_OPERAND_RCX, call->args->rcx, MOCK_TD_IN_USE, &td, vcpu);
	if (status)
		return status;
	if ((*vcpu)->state == MOCK_VCPU_UNINITIALIZED)
		return MOCK_VCPU_STATE_INCORRECT;

	return associate(td, *vcpu, call->cpu);
}

u64 mock_vp_rd(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct tdx_module_args *args = call->args;
	const struct vp_field *field = find_field(args->rdx);
	struct mock_vcpu *vcpu;
	u64 status;

	args->r8 = 0;
	status = open_vcpu(mock, call, &vcpu);
	if (status)
		return status;

	/* What is posted to a vCPU it takes when it is entered: nothing is ever pending */
	if ((args->rdx & ~MOCK_FIELD_IGNORED) == FIELD_STATE_DETAILS)
		return TDX_SUCCESS;
	if (!field)
		return MOCK_METADATA_FIELD_ID_INCORRECT | MOCK_OPERAND_RDX;

	args->r8 = *field_value(vcpu, field);
	return TDX_SUCCESS;
}

u64 mock_vp_wr(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct tdx_module_args *args = call->args;
	const struct vp_field *field = find_field(args->rdx);
	u64 data = args->r8 & args->r9;
	u64 *value, former;
	struct mock_vcpu *vcpu;
	u64 status;

	args->r8 = 0;
	status = open_vcpu(mock, call, &vcpu);
	if (status)
		return status;
	if ((args->rdx & ~MOCK_FIELD_IGNORED) == FIELD_STATE_DETAILS)
		return MOCK_METADATA_FIELD_NOT_WRITABLE | MOCK_OPERAND_RDX;
	if (!field)
		return MOCK_METADATA_FIELD_ID_INCORRECT | MOCK_OPERAND_RDX;
	if (!(args->r9 & field->writable))
		return MOCK_METADATA_FIELD_NOT_WRITABLE | MOCK_OPERAND_RDX;
	if (data & ~field->writable)
		return MOCK_METADATA_VALUE_NOT_VALID | MOCK_OPERAND_R8;

	value = field_value(vcpu, field);
	former = *value;
	*value = (former & ~args->r9) | data;
	args->r8 = former;
	return TDX_SUCCESS;
}
