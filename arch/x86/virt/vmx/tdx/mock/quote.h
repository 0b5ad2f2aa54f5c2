/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Quotes of the mock TDX module.  For user space, too: whoever has a TD ask for
 * a quote can check it.  Nothing of it is signed.
 */
#ifndef _X86_VIRT_TDX_MOCK_QUOTE_H
#define _X86_VIRT_TDX_MOCK_QUOTE_H

#include <linux/types.h>

#define TDX_MOCK_MRTD_LEN		48
#define TDX_MOCK_REPORT_DATA_LEN	64

/*
 * A quote: this header, then filler, then 8 bytes of checksum over all bytes
 * before, the lowest byte first.
 */
struct tdx_mock_quote {
	__u64 magic;
	__u32 version;
	__u32 len;			/* bytes of the quote, all included */
	__u64 key;			/* goes up by 1 with each TDH.QUOTE.INIT */
	__u8 mrtd[TDX_MOCK_MRTD_LEN];
	__u8 report_data[TDX_MOCK_REPORT_DATA_LEN];
};

#define TDX_MOCK_QUOTE_MAGIC		0x45544f55514b434dULL	/* "MCKQUOTE" */
#define TDX_MOCK_QUOTE_VERSION		1
#define TDX_MOCK_QUOTE_CHECKSUM_LEN	8

/* Byte of filler at @offset of the quote */
static inline __u8 tdx_mock_quote_filler(__u32 offset)
{
	return (offset * 2654435761U) >> 24;
}

#define TDX_MOCK_CHECKSUM_START		0xcbf29ce484222325ULL

/* Checksum of one byte more */
static inline __u64 tdx_mock_checksum(__u64 sum, __u8 byte)
{
	return (sum ^ byte) * 0x100000001b3ULL;
}

#endif /* _X86_VIRT_TDX_MOCK_QUOTE_H */
