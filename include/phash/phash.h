/* phash/phash.h: everything this build of libphash offers. */
#ifndef PHASH_PHASH_H
#define PHASH_PHASH_H

#include <phash/bits.h>
#include <phash/cpu.h>
#include <phash/exchange.h>
#include <phash/features.h>
#include <phash/hash.h>
#include <phash/index.h>
#include <phash/pdq.h>
#include <phash/status.h>
#include <phash/version.h>

#if PHASH_HAS_BANK
#include <phash/bank.h>
#endif
#if PHASH_HAS_DECODE
#include <phash/decode.h>
#endif

#endif
