// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { once } from "node:events";

const MOST_BYTES = 1 << 20;
const MOST_KEPT = 2_000;

const textOf = (file: string): string => file.replace(/eml$/, "txt");

export interface Mailbox {
  readonly port: number;
  /** Where the letters lie: each as it came over SMTP (`.eml`), and beside it what a reader would see of it (`.txt`). */
  readonly folder: string;
  close(): Promise<void>;
}

/**
 * A real mail server on loopback that takes every letter and keeps it: nothing leaves the machine. Names of files begin
 * with the time of arrival by `now` (microseconds UTC); the oldest go when there are many.
 */
export const openMailbox = async (folder: string, now = () => Date.now() * 1000): Promise<Mailbox> => {
  const { SMTPServer } = await import("smtp-server");
  const { simpleParser } = await import("mailparser");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let number = 0;
  let kept = readdirSync(folder)
    .filter((name) => name.endsWith(".eml"))
    .toSorted();
  const server = new SMTPServer({
    name: "simulated.invalid",
    disabledCommands: ["AUTH", "STARTTLS"],
    size: MOST_BYTES,
    disableReverseLookup: true,
    onData: (stream, session, callback) => {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("error", (error) => callback(error));
      stream.on("end", () => {
        if (stream.sizeExceeded) return callback(new Error("552 too large"));
        const to = session.envelope.rcptTo.map(({ address }) => address.replaceAll(/[^\w@.+-]/g, "_"))[0] ?? "nobody";
        const name = `${new Date(now() / 1000).toISOString().replaceAll(/[:.]/g, "-")}-${String(number++).padStart(5, "0")}-${to}.eml`;
        // Acknowledged when it is on disk, whole.
        const file = join(folder, name);
        const bytes = Buffer.concat(parts);
        void writeFile(`${file}.part`, bytes, { mode: 0o600 })
          .then(() => rename(`${file}.part`, file))
          .then(async () => {
            const { subject = "", text = "" } = await simpleParser(bytes);
            await writeFile(textOf(file), `${subject}\n\n${text}`, { mode: 0o600 });
          })
          .then(
            () => {
              kept.push(name);
              for (const old of kept.slice(0, Math.max(0, kept.length - MOST_KEPT))) {
                rmSync(join(folder, old), { force: true });
                rmSync(textOf(join(folder, old)), { force: true });
              }
              kept = kept.slice(-MOST_KEPT);
              callback();
            },
            (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
          );
      });
    },
  });
  // A client that breaks off is its own affair.
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  return {
    port,
    folder,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
};
