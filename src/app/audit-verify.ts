// SPDX-License-Identifier: Apache-2.0
import { createReadStream, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { ground, hashOfRow } from "../access/audit.ts";
import type { AuditRow } from "../access/audit.ts";
import { publicKeyOf, readHead } from "../access/heads.ts";
import type { Head } from "../access/heads.ts";
import { AppError } from "../platform/errors.ts";
import { auditKey } from "./access.ts";
import { operate } from "./operate.ts";

/** The signed heads of files and folders; what is no head by this key is named. */
export const headsIn = (paths: readonly string[], key: string | undefined): { heads: Head[]; refused: string[] } => {
  const files = paths.flatMap((path) =>
    statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => /^layang-audit-.*\.json$/.test(name))
          .toSorted()
          .map((name) => join(path, name))
      : [path],
  );
  const heads: Head[] = [];
  const refused: string[] = [];
  for (const file of files) {
    const head = readHead(readFileSync(file, "utf8"), key);
    if (head === undefined) refused.push(file);
    else heads.push(head);
  }
  return { heads, refused };
};

export interface Verified {
  readonly rows: number;
  readonly last: { readonly row: number; readonly hash: string } | null;
  readonly heads: number;
}

/**
 * Computes the chain of exported rows anew, and compares it with heads. @throws AppError AUDIT_BROKEN with the first row that
 * does not fit.
 */
export const verifyLines = async (lines: AsyncIterable<string>, heads: readonly Head[]): Promise<Verified> => {
  const wanted = new Map<number, Set<string>>();
  for (const { row, hash } of heads) wanted.set(row, (wanted.get(row) ?? new Set()).add(hash));
  const broken = (row: number, why: string): never => {
    throw new AppError("AUDIT_BROKEN", `row ${row} of the audit log ${why}`);
  };
  let hash = ground;
  let rows = 0;
  for await (const line of lines) {
    if (line.trim() === "") continue;
    const row = JSON.parse(line) as AuditRow;
    rows++;
    if (row.id !== rows) broken(rows, "is missing");
    if (hashOfRow(hash, row) !== row.hash) broken(rows, "does not fit its hash");
    hash = row.hash;
    for (const head of wanted.get(rows) ?? []) {
      if (head !== hash) broken(rows, "is not what it was when its signed head left the node");
    }
    wanted.delete(rows);
  }
  const missing = [...wanted.keys()].toSorted((a, b) => a - b)[0];
  if (missing !== undefined) broken(missing, "was there when its signed head left the node, and is gone");
  return { rows, last: rows === 0 ? null : { row: rows, hash }, heads: heads.length };
};

/** Verifies the node's log, or an exported file, against heads kept elsewhere. */
export const verifyAuditLog = async (
  file: string | undefined,
  data: string | undefined,
  options: {
    readonly exported?: string | undefined;
    readonly heads: readonly string[];
    readonly key?: string | undefined;
  },
): Promise<Verified & { readonly refused: readonly string[] }> => {
  const machine = operate(file, data);
  const folder = join(machine.data, "access");
  const key = options.key ?? (existsSync(join(folder, "audit.key")) ? publicKeyOf(auditKey(folder)) : undefined);
  const configured = machine.settings.config.audit.folder;
  const places =
    options.heads.length > 0
      ? options.heads
      : configured !== undefined && existsSync(machine.settings.path(configured))
        ? [machine.settings.path(configured)]
        : [];
  const { heads, refused } = headsIn(places, key);
  if (refused[0] !== undefined) throw new AppError("AUDIT_BROKEN", `${refused[0]} is no head that this node signed`);
  const source =
    options.exported === undefined
      ? Readable.from([await machine.text("/api/v1/desk/audit/export")])
      : createReadStream(options.exported);
  const lines = createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY });
  return { ...(await verifyLines(lines, heads)), refused };
};
