// SPDX-License-Identifier: Apache-2.0

/**
 * What an operator or caller can mend. Every code has a paragraph in docs/errors.md (a test holds both lists together);
 * `exit` is the process's exit code when the error ends a command: 2 wrong use or input, 1 anything else; `status` the HTTP
 * status when it answers a request.
 */
export const errorCodes = {
  USAGE: { exit: 2, status: 400 },
  CONFIG_INVALID: { exit: 2, status: 500 },
  CONFIG_UNREADABLE: { exit: 2, status: 500 },
  NODE_TOO_OLD: { exit: 2, status: 500 },
  CAPTURE_NOT_FOUND: { exit: 2, status: 400 },
  CAPTURE_NOT_A_CAPTURE: { exit: 2, status: 400 },
} as const satisfies Record<string, { exit: 1 | 2; status: number }>;
export type ErrorCode = keyof typeof errorCodes;

export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  /** `message` is one line that says what happened and what to do. */
  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
  get exit(): 1 | 2 {
    return errorCodes[this.code].exit;
  }
  get status(): number {
    return errorCodes[this.code].status;
  }
}
