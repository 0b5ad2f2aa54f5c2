/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TDX_HOST_MACHINE_H
#define _TDX_HOST_MACHINE_H

#include "oracle.h"

/**
 * struct machine_setup - the module, and how memory is
 * @memory:		4 KB pages that there are, up to HOST_FEW_PAGES
 * @vmalloc:		and that vmalloc() has; 0: enough for quotes of 8 pages
 * @has_extensions:	are there any?
 * @pool:		pages that the extensions want
 * @init:		do they want to be initialized?
 * @old:		is their metadata known by the older ids?
 * @step:		pages that are taken before TDH.EXT.MEM.ADD is interrupted; 0: all
 * @init_steps:		how often TDH.EXT.INIT is interrupted
 * @object_pages:	pages that an object is made of
 * @quote_size:		bytes of a quote; 0: it makes none
 * @quote_steps:	how often a quote is interrupted
 * @max_order:		order of the largest block that the allocator has
 */
struct machine_setup {
	unsigned int memory;
	unsigned int vmalloc;
	bool has_extensions;
	unsigned int pool;
	bool init;
	bool old;
	unsigned int step;
	unsigned int init_steps;
	unsigned int object_pages;
	unsigned int quote_size;
	unsigned int quote_steps;
	unsigned int max_order;
};

void machine_start(const struct machine_setup *setup, oracle_disturb_t disturb);
void machine_end(void);

/* Steps: each does one thing, and checks what has become of all pages */
bool machine_boot(void);
void machine_update(const struct machine_setup *setup);
void machine_create_array(unsigned int n, unsigned int nr_pages, bool in_steps);
void machine_create_session(unsigned int n, u32 function_id);
void machine_delete_session(unsigned int n, u64 id_xor);
void machine_release_array(unsigned int n);
void machine_get_quote(size_t report_len);

#endif /* _TDX_HOST_MACHINE_H */
