// SPDX-License-Identifier: Apache-2.0
import type { AggregateRows, FlowRows } from "../model/flows.ts";
import { classes, marks, spoofReasons } from "../model/traffic.ts";
import { refuse } from "./refusal.ts";

const TOKENS = 1_024;
const REGISTERS = 4_096;
/** Leading zeros of 20 bits, plus 1. */
const HIGHEST_REGISTER = 21;
const SAMPLES = 4;

const must = (holds: boolean, reason: string): void => {
  if (!holds) refuse(reason);
};

/** Registers of one row: none or all of them, each in range. */
const checkRegisters = (values: Uint8Array, from: number, to: number, name: string): void => {
  must(to === from || to - from === REGISTERS, `${name} are neither 0 nor 4,096 bytes`);
  for (let i = from; i < to; i++) must((values[i] ?? 0) <= HIGHEST_REGISTER, `a register of ${name} is too high`);
};

/** Columns that count some of a row's packets. */
const parts = [...marks, ...spoofReasons.map((reason) => `spoof_${reason}` as const), "icmp_mismatches"] as const;

/** Refuses rows that no flow table could have made. Returns the packets in them. */
export const checkFlows = ({ count, columns: c }: FlowRows): number => {
  let packets = 0;
  let token = 0;
  let register = 0;
  let sample = 0;
  let port = 0;
  for (let i = 0; i < count; i++) {
    const first = c.first_seen.values[i] ?? 0;
    const last = c.last_seen.values[i] ?? 0;
    must(first <= last, "last_seen is before first_seen");
    must((c.class.values[i] ?? 255) < classes.length, "class is out of range");
    const seen = c.packets.values[i] ?? 0;
    must(seen >= 1, "a row without packets");
    packets += seen;
    const bytes = c.bytes.values[i] ?? -1;
    must(Number.isSafeInteger(bytes) && bytes >= 0, "bytes is not a whole number");
    must((c.ttl_min.values[i] ?? 0) <= (c.ttl_max.values[i] ?? 0), "ttl_min is above ttl_max");
    must(c.udp_length_min.present[i] === c.udp_length_max.present[i], "udp_length has one end");
    must(
      (c.udp_length_min.values[i] ?? 0) <= (c.udp_length_max.values[i] ?? 0),
      "udp_length_min is above udp_length_max",
    );
    const tokens = c.dst_tokens.ends[i] ?? 0;
    const registers = c.dst_registers.ends[i] ?? 0;
    must(tokens - token <= TOKENS, "more than 1,024 tokens");
    must(tokens === token || registers === register, "a row has tokens and registers");
    for (let k = token + 1; k < tokens; k++) {
      must((c.dst_tokens.values[k - 1] ?? 0) < (c.dst_tokens.values[k] ?? 0), "tokens are not ascending");
    }
    checkRegisters(c.dst_registers.values, register, registers, "dst_registers");
    const samples = c.sample_offsets.ends[i] ?? 0;
    const ports = c.sample_ports.ends[i] ?? 0;
    must(samples - sample <= SAMPLES, "more than four samples");
    must(ports === port || ports - port === samples - sample, "sample_ports do not belong to the samples");
    for (let k = sample; k < samples; k++) {
      must((c.sample_offsets.values[k] ?? 0) <= last - first, "a sample lies outside its row");
    }
    token = tokens;
    register = registers;
    sample = samples;
    port = ports;
  }
  for (const name of parts) {
    const { values } = c[name];
    for (let i = 0; i < count; i++) {
      if ((values[i] ?? 0) > (c.packets.values[i] ?? 0)) refuse(`${name} counts more than the row's packets`);
    }
  }
  return packets;
};

/** As `checkFlows`, for the rows of the last resort. */
export const checkAggregates = ({ count, columns: c }: AggregateRows): number => {
  let packets = 0;
  let register = 0;
  for (let i = 0; i < count; i++) {
    must((c.first_seen.values[i] ?? 0) <= (c.last_seen.values[i] ?? 0), "last_seen is before first_seen");
    must((c.class.values[i] ?? 255) < classes.length, "class is out of range");
    must((c.packets.values[i] ?? 0) >= 1, "a row without packets");
    packets += c.packets.values[i] ?? 0;
    const bytes = c.bytes.values[i] ?? -1;
    must(Number.isSafeInteger(bytes) && bytes >= 0, "bytes is not a whole number");
    const end = c.src_registers.ends[i] ?? 0;
    checkRegisters(c.src_registers.values, register, end, "src_registers");
    register = end;
  }
  return packets;
};
