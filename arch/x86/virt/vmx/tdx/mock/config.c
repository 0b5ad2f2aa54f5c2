// SPDX-License-Identifier: GPL-2.0
/* The mock TDX module: its configuration and its fault plan, from text */
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <asm/tdx.h>

#include "model.h"

/**
 * tdx_mock_default_config() - a module as TDX-capable servers have it
 * @config: out
 */
void tdx_mock_default_config(struct tdx_mock_config *config)
{
	*config = (struct tdx_mock_config) {
		.major		= 1,
		.minor		= 5,
		.update		= 20,
		.features0	= TDX_FEATURES0_TD_PRESERVING | TDX_FEATURES0_NO_RBP_MOD |
				  BIT_ULL(20) /* topology enumeration, for KVM */,
		.max_tdmrs	= TDX_MOCK_MAX_TDMRS,
		.max_rsvd	= TDX_MOCK_MAX_RSVD,
		.pamt_entry	= { 16, 16, 16 },
		.tdmr_step	= SZ_1G,
		.hv		= 1,
		.nr_keyids	= 32,
		.updates	= 8,
		.opt_in_versions = 1,
		.spdm_pages	= 4,
		.quote_size	= 100 * SZ_1K,
	};
}

/* Options that are a number: a suffix K, M or G is taken, and 0x for base 16 */
static const struct number_option {
	const char *name;
	size_t offset;
	u64 min;
	u64 max;
} number_options[] = {
#define FIELD(_field) offsetof(struct tdx_mock_config, _field)
	{ "features",	FIELD(features0),		0, U64_MAX },
	{ "keyids",	FIELD(nr_keyids),		1, TDX_MOCK_MAX_KEYIDS },
	{ "max_tdmrs",	FIELD(max_tdmrs),		1, TDX_MOCK_MAX_TDMRS },
	{ "max_rsvd",	FIELD(max_rsvd),		1, TDX_MOCK_MAX_RSVD },
	{ "pamt_4k",	FIELD(pamt_entry[TDX_PS_4K]),	1, SZ_4K },
	{ "pamt_2m",	FIELD(pamt_entry[TDX_PS_2M]),	1, SZ_4K },
	{ "pamt_1g",	FIELD(pamt_entry[TDX_PS_1G]),	1, SZ_4K },
	{ "tdmr_step",	FIELD(tdmr_step),		SZ_4K, U64_MAX },
	{ "hv",		FIELD(hv),			0, U16_MAX },
	{ "min_hv",	FIELD(min_hv),			0, U16_MAX },
	{ "updates",	FIELD(updates),			0, U32_MAX },
	{ "opt_in_versions", FIELD(opt_in_versions),	0, 1 },
	{ "pool",	FIELD(pool),			0, U32_MAX },
	{ "pool_after",	FIELD(pool_after),		0, U32_MAX },
	{ "ext_init",	FIELD(ext_init),		0, 1 },
	{ "ext_old",	FIELD(ext_old),			0, 1 },
	{ "ext_step",	FIELD(ext_step),		0, U32_MAX },
	{ "ext_init_steps", FIELD(ext_init_steps),	0, U32_MAX },
	{ "spdm_pages",	FIELD(spdm_pages),		1, 512 },
	{ "quote_size",	FIELD(quote_size),		MOCK_MIN_QUOTE_SIZE, U32_MAX },
	{ "quote_steps", FIELD(quote_steps),		0, U32_MAX },
	{ "wb_steps",	FIELD(wb_steps),		0, U32_MAX },
#undef FIELD
};

static int parse_number(const char *text, u64 min, u64 max, u64 *number)
{
	char *end;

	/* memparse() takes no digit at all for 0 */
	if (!isdigit(*text))
		return -EINVAL;

	*number = memparse(text, &end);
	if (*end || *number < min || *number > max)
		return -EINVAL;

	return 0;
}

/* MAJOR.MINOR.UPDATE */
static int parse_version(struct tdx_mock_config *config, char *text)
{
	const char *major = strsep(&text, ".");
	const char *minor = strsep(&text, ".");

	if (!minor || !text)
		return -EINVAL;

	return parse_number(major, 0, U16_MAX, &config->major) ?:
	       parse_number(minor, 0, U16_MAX, &config->minor) ?:
	       parse_number(text, 0, U16_MAX, &config->update);
}

/* Status codes that have a name in a fault plan; any may be given as number */
static const struct {
	const char *name;
	u64 status;
} status_names[] = {
	{ "INTERRUPTED_RESUMABLE",	TDX_INTERRUPTED_RESUMABLE },
	{ "OPERAND_INVALID",		TDX_OPERAND_INVALID },
	{ "OPERAND_BUSY",		TDX_OPERAND_BUSY },
	{ "PREVIOUS_TLB_EPOCH_BUSY",	TDX_PREVIOUS_TLB_EPOCH_BUSY },
	{ "SYS_BUSY",			TDX_SYS_BUSY },
	{ "RND_NO_ENTROPY",		TDX_RND_NO_ENTROPY },
	{ "VMFAILINVALID",		TDX_SEAMCALL_VMFAILINVALID },
	{ "GP",				TDX_SEAMCALL_GP },
	{ "UD",				TDX_SEAMCALL_UD },
};

static const struct {
	const char *name;
	u8 offset;
} register_names[] = {
	{ "rcx",	offsetof(struct tdx_module_args, rcx) },
	{ "rdx",	offsetof(struct tdx_module_args, rdx) },
	{ "r8",		offsetof(struct tdx_module_args, r8) },
	{ "r9",		offsetof(struct tdx_module_args, r9) },
	{ "r10",	offsetof(struct tdx_module_args, r10) },
	{ "r11",	offsetof(struct tdx_module_args, r11) },
};

static int parse_status(struct tdx_mock_fault *fault, const char *text)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(status_names); i++) {
		if (!strcmp(text, status_names[i].name)) {
			fault->value = status_names[i].status;
			return 0;
		}
	}

	return kstrtou64(text, 0, &fault->value);
}

/* rcx=0x1234: what the register holds after the call */
static int parse_output(struct tdx_mock_fault *fault, char *text)
{
	const char *name = strsep(&text, "=");

	for (unsigned int i = 0; i < ARRAY_SIZE(register_names); i++) {
		if (!strcmp(name, register_names[i].name)) {
			fault->is_output = true;
			fault->reg = register_names[i].offset;
			return kstrtou64(text, 0, &fault->value);
		}
	}

	return -EINVAL;
}

/* LEAF:NTH:STATUS[:COUNT] or LEAF:NTH:REGISTER=VALUE[:COUNT] */
static int parse_fault(struct tdx_mock_config *config, char *text)
{
	struct tdx_mock_fault fault = { .count = 1 };
	char *leaf = strsep(&text, ":");
	char *nth = strsep(&text, ":");
	char *what = strsep(&text, ":");
	u64 number = 0;
	int ret;

	if (!what || config->nr_faults == TDX_MOCK_MAX_FAULTS)
		return -EINVAL;

	fault.leaf = tdx_mock_leaf_by_name(leaf);
	if (fault.leaf == U64_MAX)
		return -EINVAL;

	ret = parse_number(nth, 1, U32_MAX, &number);
	fault.first = number;
	if (!ret && text) {
		ret = parse_number(text, 1, U32_MAX, &number);
		fault.count = number;
	}
	if (!ret)
		ret = strchr(what, '=') ? parse_output(&fault, what) : parse_status(&fault, what);
	if (!ret)
		config->faults[config->nr_faults++] = fault;

	return ret;
}

static int parse_option(struct tdx_mock_config *config, const char *key, char *value)
{
	if (!strcmp(key, "on") && !value)
		return 0;

	if (!strcmp(key, "absent") && !value) {
		config->absent = true;
		return 0;
	}

	if (!value)
		return -EINVAL;

	if (!strcmp(key, "version"))
		return parse_version(config, value);
	if (!strcmp(key, "fault"))
		return parse_fault(config, value);

	for (unsigned int i = 0; i < ARRAY_SIZE(number_options); i++) {
		const struct number_option *option = &number_options[i];

		if (!strcmp(key, option->name))
			return parse_number(value, option->min, option->max,
					    (u64 *)((u8 *)config + option->offset));
	}

	return -EINVAL;
}

/**
 * tdx_mock_parse_config() - read a configuration
 * @config:	the configuration to change, from tdx_mock_default_config() or
 *		of a module that is to be updated
 * @text:	options as tdx_mock= takes them, see
 *		Documentation/arch/x86/tdx-mock.rst; written to
 * @bad:	out, on error: name of the option that could not be read
 *
 * Context: any.
 * Return: 0, or -EINVAL with @config in an unknown state.
 */
int tdx_mock_parse_config(struct tdx_mock_config *config, char *text, const char **bad)
{
	char *option;

	while ((option = strsep(&text, ","))) {
		char *value = option;

		*bad = strsep(&value, "=");
		if (parse_option(config, *bad, value))
			return -EINVAL;
	}

	*bad = "tdmr_step";
	if (!IS_ALIGNED(config->tdmr_step, SZ_4K))
		return -EINVAL;

	return 0;
}
