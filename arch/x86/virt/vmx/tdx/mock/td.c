// SPDX-License-Identifier: GPL-2.0
/* The mock TDX module: TDs, from their creation to what they are configured to be */
#include <linux/bitfield.h>
#include <linux/build_bug.h>
#include <linux/io.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <asm/vmx.h>

#include "td.h"

/* TD_PARAMS, the operand of TDH.MNG.INIT */
struct mock_td_params {
	u64 attributes;
	u64 xfam;
	u16 max_vcpus;
	u8 reserved0[6];
	u64 eptp_controls;
	u64 exec_controls;
	u16 tsc_frequency;		/* in units of 25 MHz */
	u8 reserved1[38];
	u64 mrconfigid[6];
	u64 mrowner[6];
	u64 mrownerconfig[6];
	u64 reserved2[4];
	u32 cpuid_config[4];
	u8 reserved3[768 - 16];
};

static_assert(sizeof(struct mock_td_params) == SZ_1K);

/* EXEC_CONTROLS */
#define EXEC_MAX_GPAW		BIT_ULL(0)
#define EXEC_FLEXIBLE_PENDING_VE BIT_ULL(1)
#define EXEC_NO_RBP_MOD		BIT_ULL(2)

#define SHARED_BIT		47
#define SHARED_BIT_MAX_GPAW	51

#define XFAM_AVX		BIT_ULL(2)
#define XFAM_AVX512		GENMASK_ULL(7, 5)

#define TSC_UNIT_KHZ		25000
#define MIN_TSC_FREQUENCY	(100 * 1000 / TSC_UNIT_KHZ)
#define MAX_TSC_FREQUENCY	(10 * 1000 * 1000 / TSC_UNIT_KHZ)

#define FIELD_TSC_OFFSET	((17ULL << 56) | 10)
#define FIELD_TSC_MULTIPLIER	((17ULL << 56) | 11)
#define FIELD_CPUID_VALUES	(20ULL << 56)

/* CPUID_VALUES: which leaf, which sub-leaf, and which half of the four registers */
#define CPUID_FIELD_LEAF_31	BIT(16)
#define CPUID_FIELD_LEAF	GENMASK(15, 9)
#define CPUID_FIELD_NO_SUBLEAF	GENMASK(8, 1)
#define CPUID_FIELD_SUBLEAF	GENMASK(7, 1)
#define CPUID_FIELD_HIGH	BIT(0)

/**
 * mock_find_page() - a page that the module holds
 * @mock:	the module
 * @operand:	id of the operand that holds @pa
 * @pa:		physical address of the page, as the host gives it
 * @type:	page type that it has to be of
 * @frame:	out: its entry in the ledger
 *
 * Return: TDX_SUCCESS, or the status to answer.
 */
u64 mock_find_page(struct tdx_mock *mock, unsigned int operand, u64 pa, u8 type,
		   const struct mock_frame **frame)
{
	if (pa & MOCK_PA_RESERVED)
		return mock_operand_invalid(operand);

	*frame = mock_frame(mock, pa);
	if (!*frame)
		return MOCK_OPERAND_ADDR_RANGE_ERROR | operand;
	if ((*frame)->type != type)
		return TDX_PAGE_METADATA_INCORRECT | operand;

	return TDX_SUCCESS;
}

/**
 * mock_find_td() - the TD of a TDR
 * @mock:	the module
 * @operand:	id of the operand that holds @pa
 * @pa:		physical address of the TDR, as the host gives it
 * @td:		out: the TD
 *
 * Return: TDX_SUCCESS, or the status to answer.
 */
u64 mock_find_td(struct tdx_mock *mock, unsigned int operand, u64 pa, struct mock_td **td)
{
	const struct mock_frame *frame;
	u64 status;

	status = mock_find_page(mock, operand, pa, MOCK_PT_TDR, &frame);
	if (status)
		return status;

	if (!mock_page_is_intact(mock, pa)) {
		mock_audit_page(mock, pa);
		return TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE;
	}

	*td = mock_page_content(pa);
	return TDX_SUCCESS;
}

/**
 * mock_find_td_in() - the TD of a TDR, if it has come so far
 * @mock:	the module
 * @operand:	id of the operand that holds @pa
 * @pa:		physical address of the TDR, as the host gives it
 * @states:	MOCK_TD_IN() of operation states, one or several
 * @td:		out: the TD
 *
 * Return: TDX_SUCCESS, or the status to answer.
 */
u64 mock_find_td_in(struct tdx_mock *mock, unsigned int operand, u64 pa, unsigned int states,
		    struct mock_td **td)
{
	u64 status = mock_find_td(mock, operand, pa, td);

	if (status || (states & BIT((*td)->state)))
		return status;

	if ((*td)->state < MOCK_TD_UNALLOCATED || (*td)->state > MOCK_TD_RUNNABLE)
		return MOCK_TD_KEYS_NOT_CONFIGURED;
	return (*td)->state == MOCK_TD_UNALLOCATED ? MOCK_TDCS_NOT_ALLOCATED :
						     MOCK_OP_STATE_INCORRECT;
}

/**
 * mock_add_td_page() - a TD gets a page of the host's
 * @mock:	the module
 * @td:		the TD
 * @pa:		physical address of a page that mock_check_page() has let pass
 * @type:	page type, as TDH.PHYMEM.PAGE.RDMD tells it
 */
void mock_add_td_page(struct tdx_mock *mock, struct mock_td *td, u64 pa, u8 type)
{
	mock_own_td_page(mock, pa, type, td->pa);
	td->nr_pages++;
}

u64 mock_mng_create(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 pa = call->args->rcx;
	struct mock_td *td;
	u64 status;

	status = mock_check_page(mock, MOCK_OPERAND_RCX, pa);
	if (!status)
		status = mock_assign_hkid(mock, call->args->rdx);
	if (status)
		return status;

	mock_own_td_page(mock, pa, MOCK_PT_TDR, 0);
	memset(phys_to_virt(pa), 0, PAGE_SIZE);
	mock_stamp_page(mock, pa);

	td = mock_page_content(pa);
	td->pa = pa;
	td->keyid = call->args->rdx;
	td->state = MOCK_TD_HKID_ASSIGNED;
	return TDX_SUCCESS;
}

u64 mock_mng_addcx(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	u64 pa = call->args->rcx;
	struct mock_td *td;
	u64 status;

	status = mock_find_td(mock, MOCK_OPERAND_RDX, call->args->rdx, &td);
	if (status)
		return status;
	if (td->state < MOCK_TD_UNALLOCATED || td->state > MOCK_TD_RUNNABLE)
		return MOCK_TD_KEYS_NOT_CONFIGURED;
	if (td->state != MOCK_TD_UNALLOCATED)
		return MOCK_TDCX_NUM_INCORRECT;

	status = mock_check_page(mock, MOCK_OPERAND_RCX, pa);
	if (status)
		return status;

	mock_add_td_page(mock, td, pa, MOCK_PT_TDCX);
	if (td->nr_tdcs_pages == MOCK_TDCS_SEPT_ROOT) {
		td->sept_root = pa;
		mock_sept_start(mock, pa);
	} else {
		mock_stamp_page(mock, pa);
	}
	if (++td->nr_tdcs_pages == MOCK_NR_TDCS_PAGES)
		td->state = MOCK_TD_UNINITIALIZED;
	return TDX_SUCCESS;
}

static bool reserved_are_zero(const struct mock_td_params *params)
{
	return !memchr_inv(params->reserved0, 0, sizeof(params->reserved0)) &&
	       !memchr_inv(params->reserved1, 0, sizeof(params->reserved1)) &&
	       !memchr_inv(params->reserved2, 0, sizeof(params->reserved2)) &&
	       !memchr_inv(params->reserved3, 0, sizeof(params->reserved3));
}

static bool xfam_is_valid(u64 xfam)
{
	if ((xfam & ~MOCK_XFAM_FIXED0) || (~xfam & MOCK_XFAM_FIXED1))
		return false;

	/* AVX-512 is all of it or nothing, and needs AVX */
	return !(xfam & XFAM_AVX512) ||
	       ((xfam & XFAM_AVX512) == XFAM_AVX512 && (xfam & XFAM_AVX));
}

static bool exec_controls_are_valid(struct tdx_mock *mock, u64 controls)
{
	u64 valid = EXEC_MAX_GPAW | EXEC_FLEXIBLE_PENDING_VE;

	if (mock->config.features0 & TDX_FEATURES0_NO_RBP_MOD)
		valid |= EXEC_NO_RBP_MOD;

	return !(controls & ~valid);
}

static bool eptp_controls_are_valid(const struct mock_td_params *params)
{
	switch (params->eptp_controls) {
	case VMX_EPTP_MT_WB | VMX_EPTP_PWL_4:
		return !(params->exec_controls & EXEC_MAX_GPAW);
	case VMX_EPTP_MT_WB | VMX_EPTP_PWL_5:
		return true;
	default:
		return false;
	}
}

static bool cpuid_config_is_valid(const u32 *config)
{
	return !config[0] && !(config[1] & ~MOCK_CPUID_CONFIG_EBX) && !config[2] && !config[3];
}

static u64 check_params(struct tdx_mock *mock, const struct mock_td_params *params,
			struct tdx_module_args *args)
{
	if (!reserved_are_zero(params))
		return mock_operand_invalid(MOCK_OPERAND_RDX);
	if ((params->attributes & ~MOCK_ATTRIBUTES_FIXED0) ||
	    (~params->attributes & MOCK_ATTRIBUTES_FIXED1))
		return mock_operand_invalid(MOCK_OPERAND_ATTRIBUTES);
	if (!xfam_is_valid(params->xfam))
		return mock_operand_invalid(MOCK_OPERAND_XFAM);
	if (!params->max_vcpus || params->max_vcpus > MOCK_MAX_VCPUS)
		return mock_operand_invalid(MOCK_OPERAND_MAX_VCPUS);
	if (!exec_controls_are_valid(mock, params->exec_controls))
		return mock_operand_invalid(MOCK_OPERAND_EXEC_CONTROLS);
	if (!eptp_controls_are_valid(params))
		return mock_operand_invalid(MOCK_OPERAND_EPTP_CONTROLS);
	if (params->tsc_frequency < MIN_TSC_FREQUENCY || params->tsc_frequency > MAX_TSC_FREQUENCY)
		return mock_operand_invalid(MOCK_OPERAND_TSC_FREQUENCY);

	if (!cpuid_config_is_valid(params->cpuid_config)) {
		args->rcx = MOCK_CPUID_CONFIG_LEAF;
		return mock_operand_invalid(MOCK_OPERAND_CPUID_CONFIG);
	}

	return TDX_SUCCESS;
}

/* The frequency that a TD sees over that of the machine, with 48 bits of fraction */
static u64 tsc_multiplier(struct tdx_mock *mock, u64 khz)
{
	return (khz << 32) / (mock->platform.tsc_khz ?: khz) << 16;
}

u64 mock_mng_init(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct tdx_module_args *args = call->args;
	const struct mock_td_params *params;
	struct mock_td *td;
	u64 status;

	status = mock_find_td_in(mock, MOCK_OPERAND_RCX, args->rcx, MOCK_TD_IN(UNINITIALIZED),
				 &td);
	args->rcx = 0;
	if (status)
		return status;

	params = mock_operand(mock, args->rdx, sizeof(*params), sizeof(*params));
	if (!params)
		return mock_operand_invalid(MOCK_OPERAND_RDX);
	status = check_params(mock, params, args);
	if (status)
		return status;

	td->attributes = params->attributes;
	td->xfam = params->xfam;
	td->max_vcpus = params->max_vcpus;
	td->nr_levels = (params->eptp_controls & VMX_EPTP_PWL_MASK) == VMX_EPTP_PWL_5 ? 5 : 4;
	td->shared_bit = params->exec_controls & EXEC_MAX_GPAW ? SHARED_BIT_MAX_GPAW : SHARED_BIT;
	td->tsc_multiplier = tsc_multiplier(mock, (u64)params->tsc_frequency * TSC_UNIT_KHZ);
	memcpy(td->cpuid, params->cpuid_config, sizeof(td->cpuid));
	memcpy(td->mrconfigid, params->mrconfigid, sizeof(td->mrconfigid));
	memcpy(td->mrowner, params->mrowner, sizeof(td->mrowner));
	memcpy(td->mrownerconfig, params->mrownerconfig, sizeof(td->mrownerconfig));
	sha384_init(&td->mrtd_ctx);
	td->state = MOCK_TD_INITIALIZED;
	return TDX_SUCCESS;
}

/* What a TD sees of CPUID: EAX, EBX, ECX, EDX.  Returns false for other leaves. */
static bool td_cpuid(struct tdx_mock *mock, const struct mock_td *td, u32 leaf, bool no_subleaf,
		     u32 subleaf, u32 *regs)
{
	memset(regs, 0, 4 * sizeof(*regs));

	if (leaf == TDX_CPUID_LEAF_ID) {
		memcpy(&regs[1], TDX_IDENT, 4);
		memcpy(&regs[3], &TDX_IDENT[4], 4);
		memcpy(&regs[2], &TDX_IDENT[8], 4);
		return !no_subleaf && !subleaf;
	}

	switch (leaf) {
	case 0:
		regs[0] = TDX_CPUID_LEAF_ID;
		memcpy(&regs[1], "Genu", 4);
		memcpy(&regs[3], "ineI", 4);
		memcpy(&regs[2], "ntel", 4);
		break;
	case 0x80000000:
		regs[0] = MOCK_CPUID_CONFIG_LEAF;
		break;
	case MOCK_CPUID_CONFIG_LEAF:
		memcpy(regs, td->cpuid, sizeof(td->cpuid));
		/* Widths of a physical address: the machine's, the guest's */
		regs[0] |= (td->shared_bit + 1) << 16 | mock->platform.phys_bits;
		break;
	default:
		return false;
	}

	return no_subleaf;
}

static bool read_cpuid_field(struct tdx_mock *mock, const struct mock_td *td, u64 field, u64 *value)
{
	bool no_subleaf = (field & CPUID_FIELD_NO_SUBLEAF) == CPUID_FIELD_NO_SUBLEAF;
	u32 leaf = FIELD_GET(CPUID_FIELD_LEAF, field);
	u32 regs[4];

	if (field & CPUID_FIELD_LEAF_31)
		leaf |= BIT(31);
	if (!td_cpuid(mock, td, leaf, no_subleaf, FIELD_GET(CPUID_FIELD_SUBLEAF, field), regs))
		return false;

	*value = field & CPUID_FIELD_HIGH ? regs[2] | (u64)regs[3] << 32 :
					    regs[0] | (u64)regs[1] << 32;
	return true;
}

static bool read_td_field(struct tdx_mock *mock, const struct mock_td *td, u64 field, u64 *value)
{
	if ((field & MOCK_FIELD_CLASS) == FIELD_CPUID_VALUES)
		return read_cpuid_field(mock, td, field, value);

	switch (field) {
	case FIELD_TSC_OFFSET:
		/* There is no code in the TD that would read a TSC */
		*value = 0;
		return true;
	case FIELD_TSC_MULTIPLIER:
		*value = td->tsc_multiplier;
		return true;
	default:
		return false;
	}
}

u64 mock_mng_rd(struct tdx_mock *mock, struct tdx_mock_call *call)
{
	struct tdx_module_args *args = call->args;
	struct mock_td *td;
	u64 status;

	args->r8 = 0;
	status = mock_find_td_in(mock, MOCK_OPERAND_RCX, args->rcx, MOCK_TD_IN_USE, &td);
	if (status)
		return status;

	if (!read_td_field(mock, td, args->rdx & ~MOCK_FIELD_IGNORED, &args->r8))
		return MOCK_METADATA_FIELD_ID_INCORRECT | MOCK_OPERAND_RDX;

	return TDX_SUCCESS;
}
