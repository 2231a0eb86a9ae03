// SPDX-License-Identifier: Apache-2.0

/**
 * A row of the flow table in memory, in two halves of 32 words. What every packet needs lies in the first half, so that most
 * rows, which have one packet or a few alike, take two cache lines; the second is written and read only by rows that need it.
 * All numbers are word offsets inside their half.
 */
export const ENTRY_WORDS = 32;
export const ENTRY_SHIFT = 5;

/** The key: HASH to SIGNATURE + 1, and VICTIM where it is a quoted destination. */
export const HASH = 0;
export const SRC = 1;
/** protocol (8 bits) | class (8) | dst_port (16). */
export const META = 5;
/** presence (8 bits, see HAS) | inner_protocol (8) | inner_port (16). */
export const EXTRA = 6;
export const SIGNATURE = 7;

export const PACKETS = 9;
/** A Float64 (two words, at an even offset). */
export const BYTES = 10;
/** Microseconds since the start of the interval. */
export const FIRST = 12;
export const LAST = 13;
/** ttl_min (8 bits) | ttl_max (8) | tcp_flags (8). */
export const TTL = 14;
/** udp_length_min (16 bits) | udp_length_max (16). */
export const UDP = 15;

/** Distinct dark addresses: up to 16, so many tokens, four in TOKEN_LIST and the rest in MORE_TOKENS; SMALL + slot; or BIG + slot. */
export const TOKENS = 16;
/** Distinct source ports: up to 4, so many 16-bit values from SRC_LIST; or SMALL + slot. */
export const SRC_PORTS = 17;
/** The marked bits that every packet so far had (bit n counts in COUNTERS + n), or COUNTED: the counters of the second half hold. */
export const MARKS = 18;
export const SRC_LIST = 19;
export const SAMPLE_PORTS = 21;
export const SAMPLE_TIMES = 23;
/** Where the entry stands in the index. */
export const PLACE = 27;
export const TOKEN_LIST = 28;

/** Of the second half. Only rows with a quoted destination have a victim here. */
export const MORE_TOKENS = 0;
export const VICTIM = 12;
/** Backscatter with ports: as SRC_PORTS and SRC_LIST. Other rows have one destination port, or none. */
export const DST_PORTS = 16;
export const DST_LIST = 17;
/** Twelve counters in the order of their bits in a packet's facts: marks, spoof reasons, the mismatch. */
export const COUNTERS = 19;
export const COUNTED_BITS = 12;

export const INLINE_TOKENS = 16;
/** Of those, in the first half. */
export const NEAR_TOKENS = 4;
export const INLINE_PORTS = 4;
export const SAMPLES = 4;
export const SMALL = 1 << 28;
export const BIG = 1 << 29;
export const SLOT_MASK = SMALL - 1;
export const COUNTED = 1 << 30;

/** Presence bits of EXTRA. */
export const HAS = {
  port: 1 << 24,
  /** Of a row with ports: it is backscatter. */
  victim: 1 << 25,
  signature: 1 << 26,
  inner: 1 << 27,
  innerPort: 1 << 28,
  /** The victim is the quoted destination, not the source. */
  innerVictim: 1 << 29,
} as const;
