// SPDX-License-Identifier: Apache-2.0
import { AppError } from "../platform/errors.ts";
import type { Logger } from "../platform/log.ts";

/** What an engine or the program itself failed in: how it came to that is worth keeping. */
const faults = /^(?:INTERNAL$|STORE_|DESK_)/;

/**
 * Writes down a request that ended in a status of 500 or more. What was refused in one clear line is that line, for a person to mend; of a fault
 * the log has the way there too.
 */
export const requestFault =
  (log: Logger) =>
  (error: unknown, { id, url }: { readonly id: string; readonly url: string }): void => {
    if (error instanceof AppError && !faults.test(error.code)) {
      log.warn({ request: id, url, code: error.code }, error.message);
    } else log.error({ err: error, request: id, url }, "a request failed");
  };
