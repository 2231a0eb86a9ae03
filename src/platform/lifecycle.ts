// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from "node:v8";

/**
 * Keeps a process small that makes few objects: without it V8 lets the young generation grow to 16 MiB a half, touched and
 * not used. To be called before anything large is imported; later it has no effect.
 */
export const keepSmall = (): void => {
  setFlagsFromString("--max-semi-space-size=1");
  setFlagsFromString("--semi-space-growth-factor=1");
};

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once. */
export const stopSignal = (): Promise<void> =>
  new Promise((resolve) => {
    let asked = false;
    const end = (): void => {
      if (asked) process.exit(1);
      asked = true;
      resolve();
    };
    process.on("SIGINT", end);
    process.on("SIGTERM", end);
  });

/** A signal that is aborted at the first SIGINT or SIGTERM. */
export const abortSignal = (): AbortSignal => {
  const controller = new AbortController();
  void stopSignal().then(() => controller.abort());
  return controller.signal;
};
