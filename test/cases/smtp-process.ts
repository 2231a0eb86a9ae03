// SPDX-License-Identifier: Apache-2.0
import { openSync, fsyncSync, writeSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

/**
 * A mail server in a process of its own. What it takes stands in a file, one Message-ID a line, before it says so; now and then it is slow,
 * or refuses for a while, as real ones do.
 */
const [file = ""] = process.argv.slice(2);
const log = openSync(file, "a");
let taken = 0;
const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS"],
  onData: (stream, _session, done) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const id = /^Message-ID: (<[^>]+>)/im.exec(Buffer.concat(chunks).toString("latin1"))?.[1] ?? "none";
      taken++;
      if (taken % 17 === 0) return done(Object.assign(new Error("try again"), { responseCode: 451 }));
      writeSync(log, `${id}\n`);
      fsyncSync(log);
      // A sender that dies now does not know that its letter arrived.
      setTimeout(() => done(), taken % 5 === 0 ? 25 : 0);
    });
  },
});
// Who is killed leaves its connections broken: that is no reason to end.
server.on("error", () => undefined);
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${(server.server.address() as AddressInfo).port}\n`);
});
