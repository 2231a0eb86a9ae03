// SPDX-License-Identifier: Apache-2.0

/**
 * A row of the flow table in memory: 64 words of one Int32Array, so that a packet touches one to four cache lines. Three
 * views lie over the same bytes. All numbers are word offsets inside the entry.
 */
export const ENTRY_WORDS = 64;
export const ENTRY_SHIFT = 6;

/** The key: HASH to VICTIM + 3. */
export const HASH = 0;
export const SRC = 1;
/** protocol (8 bits) | class (8) | dst_port (16). */
export const META = 5;
/** presence (8 bits, see HAS) | inner_protocol (8) | inner_port (16). */
export const EXTRA = 6;
export const SIGNATURE = 7;
/** Four words; of the key only when it is a quoted destination, else the source or unused. */
export const VICTIM = 9;

export const PACKETS = 13;
/** A Float64 (two words, at an even offset). */
export const BYTES = 14;
/** Microseconds since the start of the interval. */
export const FIRST = 16;
export const LAST = 17;
/** ttl_min (8 bits) | ttl_max (8) | tcp_flags (8). */
export const TTL = 18;
/** udp_length_min (16 bits) | udp_length_max (16). */
export const UDP = 19;
/** Distinct dark addresses: up to 16, so many tokens from TOKEN_LIST; SMALL + slot; or BIG + slot. */
export const TOKENS = 20;
/** Distinct source ports: up to 4, so many 16-bit values from SRC_LIST; or SMALL + slot. DST_PORTS the same. */
export const SRC_PORTS = 21;
export const DST_PORTS = 22;
export const SRC_LIST = 23;
export const DST_LIST = 25;
/** Where the entry stands in the index. */
export const PLACE = 27;
export const MISMATCHES = 28;
export const SAMPLE_PORTS = 29;
export const TOKEN_LIST = 32;
export const SAMPLE_TIMES = 48;
/** Eleven counters in the order of their bits in a packet's facts: marks, then spoof reasons. */
export const COUNTERS = 52;
export const COUNTERS_END = 63;
export const MIRAI = 52;
export const ZMAP = 53;
export const MASSCAN = 54;
export const STATELESS = 55;
export const SPOOFS = 56;

export const INLINE_TOKENS = 16;
export const INLINE_PORTS = 4;
export const SAMPLES = 4;
export const SMALL = 1 << 28;
export const BIG = 1 << 29;
export const SLOT_MASK = SMALL - 1;

/** Presence bits of EXTRA. */
export const HAS = {
  port: 1 << 24,
  victim: 1 << 25,
  signature: 1 << 26,
  inner: 1 << 27,
  innerPort: 1 << 28,
  /** The victim is the quoted destination, not the source. */
  innerVictim: 1 << 29,
} as const;
