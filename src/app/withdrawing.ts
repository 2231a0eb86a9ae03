// SPDX-License-Identifier: Apache-2.0
import type { Released } from "../observe/released.ts";
import type { Logger } from "../platform/log.ts";
import type { SensorRegistry } from "../ship/registry.ts";
import type { FlowStore } from "../store/flows/store.ts";

export interface Withdrawing {
  readonly registry: Pick<SensorRegistry, "toWithdraw" | "withdrawn">;
  readonly store: Pick<FlowStore, "revoke">;
  readonly released: Pick<Released, "forget">;
  /** Resolves when the detectors have looked again at what they judged of the sensor since a time, or need not be waited for any longer. */
  readonly judged: (sensor: string, since: number) => Promise<unknown>;
  readonly isClosing: () => boolean;
  readonly log: Pick<Logger, "warn">;
}

/**
 * Takes the rows of revoked sensors, and everything computed from them, out of the store. One that fails holds none back that come behind it.
 * @throws what the first one failed with, when all had their turn.
 */
export const withdrawRevoked = async (options: Withdrawing): Promise<void> => {
  const { registry, store, released, log } = options;
  const failed: unknown[] = [];
  for (const { name, since } of registry.toWithdraw()) {
    try {
      await store.revoke(name, since);
    } catch (error) {
      failed.push(error);
      continue;
    }
    released.forget(since / 1000);
    await options.judged(name, since);
    // The mark goes when the detectors have looked again: a node that was killed meanwhile withdraws once more.
    if (options.isClosing()) return;
    registry.withdrawn(name, since);
    log.warn({ sensor: name, since: new Date(since / 1000).toISOString() }, "rows of a revoked sensor withdrawn");
  }
  if (failed.length > 0) throw failed[0];
};
