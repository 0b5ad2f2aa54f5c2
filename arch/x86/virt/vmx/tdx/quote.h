/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _X86_VIRT_TDX_QUOTE_H
#define _X86_VIRT_TDX_QUOTE_H

#include <linux/mutex.h>
#include <linux/types.h>

/* HPA_LINKED_LIST: pages in a node, the last entry of which leads to the next node */
#define TDX_PAGES_PER_NODE	511

extern struct mutex tdx_quote_lock;

u64 tdx_hpa_linked_list(u64 *nodes, const void *buf, unsigned int nr_pages);
void tdx_quote_init(u64 features);

#endif /* _X86_VIRT_TDX_QUOTE_H */
