// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * What an operator or caller can mend. Every code has a paragraph in docs/errors.md (a test holds both lists together);
 * `exit` is the process's exit code when the error ends a command: 2 wrong use or input, 1 anything else; `status` the HTTP
 * status when it answers a request.
 */
export const errorCodes = {
  USAGE: { exit: 2, status: 400 },
  CONFIG_INVALID: { exit: 2, status: 500 },
  CONFIG_UNREADABLE: { exit: 2, status: 500 },
  FILE_UNUSABLE: { exit: 2, status: 500 },
  FOLDER_MISSING: { exit: 2, status: 500 },
  SYSTEM_REFUSED: { exit: 1, status: 500 },
  NODE_TOO_OLD: { exit: 2, status: 500 },
  DATA_NOT_FOUND: { exit: 2, status: 500 },
  CAPTURE_NOT_FOUND: { exit: 2, status: 400 },
  CAPTURE_NOT_A_CAPTURE: { exit: 2, status: 400 },
  CAPTURE_LIVE_FAILED: { exit: 1, status: 500 },
  SENSOR_NAME: { exit: 2, status: 400 },
  SENSOR_EXISTS: { exit: 2, status: 409 },
  SENSOR_UNKNOWN: { exit: 2, status: 403 },
  SENSOR_REVOKED: { exit: 1, status: 403 },
  SENSOR_STATE: { exit: 1, status: 500 },
  SENSOR_NOT_ENROLLED: { exit: 2, status: 403 },
  NODE_INSECURE: { exit: 2, status: 400 },
  NODE_UNREACHABLE: { exit: 1, status: 502 },
  TOKEN_INVALID: { exit: 2, status: 403 },
  TOKEN_EXPIRED: { exit: 2, status: 403 },
  SIGNATURE_INVALID: { exit: 1, status: 401 },
  REQUEST_INVALID: { exit: 1, status: 400 },
  BATCH_INVALID: { exit: 1, status: 400 },
  BATCH_VERSION: { exit: 1, status: 400 },
  BATCH_TOO_LARGE: { exit: 1, status: 413 },
  SEQUENCE_TOO_OLD: { exit: 1, status: 409 },
  SEQUENCE_REUSED: { exit: 1, status: 409 },
  DOOR_BUSY: { exit: 1, status: 503 },
  STORE_ENGINE_MISSING: { exit: 2, status: 500 },
  STORE_UNAVAILABLE: { exit: 1, status: 503 },
  STORE_FAILED: { exit: 1, status: 500 },
  STORE_QUERY_UNWANTED: { exit: 1, status: 503 },
  STORE_QUERY_LIMIT: { exit: 1, status: 503 },
  STORE_ROWS_LOST: { exit: 1, status: 500 },
  STORE_PREFIXES: { exit: 2, status: 500 },
  DESK_ENGINE_MISSING: { exit: 2, status: 500 },
  DESK_UNAVAILABLE: { exit: 1, status: 503 },
  DESK_NEWER: { exit: 2, status: 500 },
  DETECTOR_INVALID: { exit: 2, status: 400 },
  SERIES_INVALID: { exit: 2, status: 400 },
  OPENPGP_KEY: { exit: 2, status: 400 },
  CHANGED: { exit: 1, status: 409 },
  ATTACHMENT_TOO_LARGE: { exit: 2, status: 413 },
  LINK_ENDED: { exit: 2, status: 410 },
  MAIL_INVALID: { exit: 2, status: 400 },
  ORGANISATION_EXISTS: { exit: 2, status: 409 },
  NETWORK_INVALID: { exit: 2, status: 400 },
  CONSTITUENCY_INVALID: { exit: 2, status: 400 },
  CHANGE_DECIDED: { exit: 2, status: 409 },
  CLAIM_UNPROVEN: { exit: 2, status: 409 },
  EGRESS_REFUSED: { exit: 2, status: 502 },
  EGRESS_FAILED: { exit: 1, status: 502 },
  BACKUP_FAILED: { exit: 1, status: 500 },
  BACKUP_INVALID: { exit: 2, status: 400 },
  NODE_RUNNING: { exit: 2, status: 409 },
  QUERY_PARAMETER: { exit: 2, status: 400 },
  QUERY_PERIOD: { exit: 2, status: 400 },
  NOT_FOUND: { exit: 2, status: 404 },
  METHOD_NOT_ALLOWED: { exit: 2, status: 405 },
  ACCESS_TOKEN: { exit: 2, status: 401 },
  ACCESS_HOST: { exit: 2, status: 421 },
  ACCESS_ORIGIN: { exit: 2, status: 403 },
  ACCESS_SIGN_IN: { exit: 2, status: 401 },
  ACCESS_DENIED: { exit: 2, status: 403 },
  ACCESS_PROOF: { exit: 2, status: 403 },
  LOGIN_REFUSED: { exit: 2, status: 401 },
  LOGIN_LIMIT: { exit: 1, status: 429 },
  FACTOR_REFUSED: { exit: 2, status: 401 },
  PASSWORD_WEAK: { exit: 2, status: 400 },
  LINK_INVALID: { exit: 2, status: 403 },
  MAIL_TAKEN: { exit: 2, status: 409 },
  PERSON_UNKNOWN: { exit: 2, status: 404 },
  PROVIDER_FAILED: { exit: 1, status: 502 },
  PROVIDER_UNBOUND: { exit: 2, status: 403 },
  AUDIT_BROKEN: { exit: 1, status: 500 },
  BODY_INVALID: { exit: 2, status: 400 },
  BODY_TOO_LARGE: { exit: 2, status: 413 },
  BODY_TYPE: { exit: 2, status: 415 },
  NOT_ACCEPTABLE: { exit: 2, status: 406 },
  INTERNAL: { exit: 1, status: 500 },
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

/** Codes of the system that speak of a path as it was given, not of the machine's state. */
const ofPaths = new Set("ENOENT EACCES EPERM EISDIR ENOTDIR EEXIST ELOOP EROFS ENAMETOOLONG".split(" "));

/** The name of a user, where the machine's own list has it. */
const userName = (uid: number): string => {
  try {
    const line = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .find((one) => one.split(":")[2] === String(uid));
    if (line !== undefined) return line.split(":")[0] ?? "";
  } catch {
    // a machine without one
  }
  return `user number ${uid}`;
};
/** Whose it is that may not be used: the path, or the nearest folder above it that can be looked at. "" where that says nothing. */
const whose = (path: string): string => {
  for (let at = path; ; at = dirname(at)) {
    try {
      const { uid } = statSync(at);
      if (uid === process.getuid?.()) return `: check the rights of ${at}`;
      const user = userName(uid);
      return `: ${at} belongs to ${user}; run this as ${user}, or name another path`;
    } catch {
      if (dirname(at) === at) return "";
    }
  }
};

/** A refusal of the operating system (a path, a port, a full disk) as what the operator can mend; undefined for anything else. */
export const systemRefusal = (error: unknown): AppError | undefined => {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall, path, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === undefined || syscall === undefined) return undefined;
  if (code === "EADDRINUSE" && port !== undefined) {
    return new AppError(
      "SYSTEM_REFUSED",
      `port ${port}${address === undefined ? "" : ` of ${address}`} is taken by another program, perhaps another node or the demo (${code}): name another in the configuration`,
    );
  }
  // Of a socket in a folder the path is its address.
  const file = path ?? (port === undefined && address?.startsWith("/") === true ? address : undefined);
  const what = file ?? (port === undefined ? "the system" : `${address ?? "port"}:${port}`);
  const fault = file !== undefined && ofPaths.has(code) ? "FILE_UNUSABLE" : "SYSTEM_REFUSED";
  const hint = file !== undefined && (code === "EACCES" || code === "EPERM") ? whose(file) : "";
  return new AppError(fault, `${what}: ${syscall} was refused (${code})${hint}`);
};
