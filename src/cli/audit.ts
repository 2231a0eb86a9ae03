// SPDX-License-Identifier: Apache-2.0
import { operate } from "../app/operate.ts";
import { text, texts, usageError } from "./command.ts";
import type { Command, Option } from "./command.ts";

const config: Option = { type: "string", short: "c", value: "FILE", doc: "the node's configuration file (YAML)" };
const data: Option = { type: "string", value: "DIR", doc: "data folder instead of the configured one" };

export const verify: Command = {
  summary: "check the audit log against its hashes and the heads that left the node",
  usage: "[--heads PATH] [--key KEY] [--export FILE] [--config FILE]",
  text: "Without --heads, those of the configured folder. A log that was rewritten with all its hashes still differs from a head that was kept elsewhere; without heads, only an unskilled change is seen. Exit code 0: every row fits its hash, and every head that was there; 1 with AUDIT_BROKEN: one does not. So 0 without heads says little, and a word about that stands on standard error.",
  options: {
    heads: { type: "string", multiple: true, value: "PATH", doc: "file or folder with signed heads" },
    key: { type: "string", value: "KEY", doc: "the node's public key, where the heads are checked elsewhere" },
    export: { type: "string", value: "FILE", doc: "an exported log instead of the node's own" },
    config,
    data,
  },
  examples: ["layang node audit verify", "layang node audit verify --heads /mnt/elsewhere/heads"],
  run: async (parsed) => {
    if (parsed.paths.length > 0) throw usageError("node audit verify takes no path; did you mean --heads?");
    const { verifyAuditLog } = await import("../app/audit-verify.ts");
    const { rows, last, heads } = await verifyAuditLog(text(parsed, "config"), text(parsed, "data"), {
      exported: text(parsed, "export"),
      heads: texts(parsed, "heads"),
      key: text(parsed, "key"),
    });
    process.stdout.write(
      `${rows} rows fit their hashes and ${heads} signed heads${last === null ? "" : `; the newest is row ${last.row}, ${last.hash}`}.\n`,
    );
    if (heads === 0)
      process.stderr.write("No head was there to compare with: who rewrote everything would not be seen.\n");
    return 0;
  },
};

export const exportLog: Command = {
  summary: "print the audit log as JSON lines",
  usage: "[--from TIME] [--to TIME] [--config FILE]",
  options: {
    from: { type: "string", value: "TIME", doc: "rows from this time on (RFC 3339)" },
    to: { type: "string", value: "TIME", doc: "rows before this time" },
    config,
    data,
  },
  examples: ["layang node audit export > audit.jsonl"],
  run: async (parsed) => {
    const query = new URLSearchParams();
    for (const name of ["from", "to"]) {
      const value = text(parsed, name);
      if (value !== undefined) query.set(name, value);
    }
    process.stdout.write(
      await operate(text(parsed, "config"), text(parsed, "data")).text(`/api/v1/desk/audit/export?${query.toString()}`),
    );
    return 0;
  },
};
