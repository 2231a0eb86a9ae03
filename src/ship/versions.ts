// SPDX-License-Identifier: Apache-2.0
import type { aggregateColumns, flowColumns } from "../model/flows.ts";

type FlowName = keyof typeof flowColumns;
type AggregateName = keyof typeof aggregateColumns;
/** Which columns a version of the batch format carries, in the order of its bytes. A published list never changes. */
export interface Layout {
  readonly flows: readonly FlowName[];
  readonly aggregates: readonly AggregateName[];
}

/** The version this program writes. A node reads it and the two before it. */
export const BATCH_VERSION = 3;

const key = ["first_seen", "last_seen", "src", "victim", "protocol", "dst_port", "class", "signature"] as const;
const inner = ["inner_protocol", "inner_port", "icmp_mismatches"] as const;
const sums = ["packets", "bytes", "dst_count", "dst_tokens"] as const;
const rest = [
  "sample_offsets",
  "sample_ports",
  "src_port_count",
  "dst_port_count",
  "ttl_min",
  "ttl_max",
  "tcp_flags",
  "mirai",
  "zmap",
  "masscan",
  "stateless",
  "spoof_protocol",
  "spoof_ttl",
  "spoof_fragment",
  "spoof_last_octet",
  "spoof_same",
  "spoof_port_zero",
  "spoof_udp_80",
  "udp_length_min",
  "udp_length_max",
] as const;

/**
 * 1: ICMP errors without the packet they quote; a row counts at most 1,024 dark addresses. 2: with both, but a storm of
 * sources has no aggregate rows. 3: all of it. What an older version lacks is read as absent, 0 or empty.
 */
export const layouts: Readonly<Record<number, Layout>> = {
  1: { flows: [...key, ...sums, ...rest], aggregates: [] },
  2: { flows: [...key, ...inner, ...sums, "dst_registers", ...rest], aggregates: [] },
  3: {
    flows: [...key, ...inner, ...sums, "dst_registers", ...rest],
    aggregates: [
      "first_seen",
      "last_seen",
      "protocol",
      "dst_port",
      "class",
      "packets",
      "bytes",
      "src_count",
      "src_registers",
    ],
  },
};
