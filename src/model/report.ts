// SPDX-License-Identifier: Apache-2.0
import type { UndecodedKind } from "./packets.ts";

/** Addresses of the whole IPv4 space: a sensor that says that it watches more watches IPv6, and how many IPv4 addresses beside it is not told. */
export const IPV4_SPACE = 2 ** 32;

/** The truth a batch carries about itself. Counters are of this batch alone (since the one before), so that sums are right. */
export interface SensorReport {
  /** Event time that the sensor has passed: no later batch of live capture brings rows before it. Microseconds UTC. */
  readonly watermark: number;
  /** The sensor's clock when the batch was closed, microseconds UTC. */
  readonly closedAt: number;
  /** Sensor clock minus node clock as measured at the last exchange, microseconds; null before the first. */
  readonly clockOffset: number | null;
  /** Packets taken from the capture; the sum of the next four. */
  readonly read: number;
  /** Made a flow. */
  readonly counted: number;
  /** Decoded, but not from outside to a declared dark prefix. */
  readonly notDark: number;
  readonly undecoded: Readonly<Partial<Record<UndecodedKind, number>>>;
  /** Left out because a dark address that speaks was retired. */
  readonly retired: number;
  readonly droppedByKernel: number;
  readonly droppedByInterface: number;
  /** How many IPv4 dark addresses were in force; more than `IPV4_SPACE`: it watches IPv6 alone (of sensors of an earlier version: IPv6 beside others). */
  readonly darkAddresses: number;
  /** Bytes waiting in the spool, and batches lost for want of room since the last batch. */
  readonly spoolBytes: number;
  readonly spoolLost: number;
  readonly degraded: boolean;
}
