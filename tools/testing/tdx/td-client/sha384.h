/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TD_CLIENT_SHA384_H
#define TD_CLIENT_SHA384_H

#include <stddef.h>
#include <stdint.h>

#define SHA384_BYTES	48

struct sha384 {
	uint64_t state[8];
	uint64_t bytes;
};

void sha384_start(struct sha384 *hash);
void sha384_add(struct sha384 *hash, const void *data, size_t bytes);
void sha384_end(struct sha384 *hash, uint8_t *digest);

#endif /* TD_CLIENT_SHA384_H */
