/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TDX_HOST_ORACLE_H
#define _TDX_HOST_ORACLE_H

#include <asm/tdx.h>

#include "host.h"

/* Arrays that a machine has, and in place of one: none */
#define HOST_ARRAYS	4
#define NO_ARRAY	HOST_ARRAYS

/**
 * struct oracle_step - what the kernel is asked to do
 * @array:	number of the array that it is done with, or NO_ARRAY
 * @nr_pages:	4 KB pages of that array
 * @rcx:	what is to be in RCX: function id, or session
 */
struct oracle_step {
	unsigned int array;
	unsigned int nr_pages;
	u64 rcx;
};

/**
 * struct host_answer - how a call is answered
 * @dropped:	the module does not get to see it, and no register changes
 * @lies:	the status is @status, whatever the module has said
 * @status:	of a call that is dropped, or lied about
 * @reg:	output register, as index into struct tdx_module_args: 0 is RCX
 * @reg_keep:	bits that the register keeps
 * @reg_xor:	bits that are then flipped; neither has an effect on inputs
 * @aux_entry:	entry of the aux page, for a call that has one
 * @aux_xor:	bits of that entry that are flipped
 *
 * The CPU refuses to make a call, or the module has no entropy: such a call is
 * always dropped.
 */
struct host_answer {
	bool dropped;
	bool lies;
	u64 status;
	u8 reg;
	u64 reg_keep;
	u64 reg_xor;
	u16 aux_entry;
	u64 aux_xor;
};

extern const struct host_answer oracle_honest;

/* Decides on the answer to each call; @leaf is all there is in RAX */
typedef void (*oracle_disturb_t)(u64 leaf, struct host_answer *answer);

void oracle_start(phys_addr_t tdr_pa, oracle_disturb_t disturb);
void oracle_next_step(struct oracle_step step);
void oracle_new_array(unsigned int array);
void oracle_stop(void);

int oracle_output(u64 leaf);
unsigned int oracle_nr_disturbed(void);
bool oracle_is_undisturbed(void);
bool oracle_is_disputed(phys_addr_t pa);
unsigned long oracle_nr_disputed(void);
unsigned long oracle_nr_claimed(void);
unsigned long oracle_nr_lent(unsigned int array);
bool oracle_has_quote_in_flight(void);
unsigned int oracle_nr_calls(u64 leaf);
u64 oracle_last_status(void);
u64 oracle_last_rcx(void);
bool oracle_has_good_report(void);
u64 oracle_pool_size(void);
bool oracle_wants_init(void);
u64 oracle_quote_size(void);

#endif /* _TDX_HOST_ORACLE_H */
