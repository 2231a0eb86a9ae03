// SPDX-License-Identifier: Apache-2.0
import { Registry, collectDefaultMetrics } from "prom-client";

export { Counter, Gauge, Histogram, Registry } from "prom-client";

/** A registry of its own for each process role, so that two nodes in one test do not share counters. */
export const createMetrics = (): Registry => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "layang_" });
  return registry;
};
