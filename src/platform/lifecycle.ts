// SPDX-License-Identifier: Apache-2.0

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
