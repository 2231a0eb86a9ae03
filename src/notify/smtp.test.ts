// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { afterAll, expect, it } from "vitest";
import { leaseFor } from "./outbox.ts";
import { isWrongAddress, openSmtp, patience } from "./smtp.ts";

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** What is made of a letter to a server that `talk` speaks for. */
const sentTo = async (talk: (socket: Socket) => void) => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    talk(socket);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const smtp = openSmtp({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    tls: "none",
    user: null,
    password: null,
    connections: 1,
  });
  const sent = await smtp.send("desk@node.example", "abuse@isp.example", "Subject: x\r\n\r\nx\r\n");
  smtp.close();
  return sent;
};

/** A server that says `answer` at one step, and yes at the others; what it says to a letter. */
const said = (step: "greeting" | "MAIL" | "RCPT" | "DATA", answer: string) =>
  sentTo((socket) => {
    socket.write(step === "greeting" ? `${answer}\r\n` : "220 ready\r\n");
    socket.on("data", (chunk) => {
      for (const line of chunk.toString().split("\r\n").slice(0, -1)) {
        const word = line.slice(0, 4).toUpperCase();
        if (word === "QUIT") socket.end("221 bye\r\n");
        else if (word === step) socket.write(`${answer}\r\n`);
        else if (["EHLO", "HELO", "MAIL", "RCPT", "RSET"].includes(word)) socket.write("250 yes\r\n");
      }
    });
  });

/** A server that hangs up at one step, `.` being the end of the letter. */
const hungUpAt = (step: "RCPT" | "DATA" | ".") =>
  sentTo((socket) => {
    socket.write("220 ready\r\n");
    socket.on("data", (chunk) => {
      for (const line of chunk.toString().split("\r\n").slice(0, -1)) {
        const word = line.slice(0, 4).toUpperCase();
        if (word === step) socket.destroy();
        else if (word === "DATA") socket.write("354 go on\r\n");
        else if (["EHLO", "MAIL", "RCPT"].includes(word)) socket.write("250 yes\r\n");
      }
    });
  });

it.each([
  ["RCPT", "deferred"],
  ["DATA", "deferred"],
  [".", "unknown"],
] as const)("knows of a line that breaks at %s whether the letter may have arrived", async (step, outcome) => {
  expect(await hungUpAt(step)).toMatchObject({ outcome });
});

it("waits for a server that looks at the whole letter as long as RFC 5321 asks, and holds it longer than that", () => {
  expect(patience).toBeGreaterThanOrEqual(10 * 60_000);
  expect(leaseFor).toBeGreaterThan(patience * 1_000);
});

it.each([
  ["5.1.1", true],
  ["550 5.4.4 unrouteable", true],
  ["550 no such user", true],
  ["4.4.7", false],
  ["4.2.2", false],
  ["550 5.2.2 full", false],
  ["550 5.7.1 client 5.1.20.3 is listed", false],
  ["554 refused: 5.1.20.3 is listed", true],
] as const)("reads in %s whether the address is wrong: %s", (answer, wrong) => {
  expect(isWrongAddress(answer)).toBe(wrong);
});

it.each([
  ["greeting", "554 5.7.1 no service for you", { outcome: "deferred", server: true }],
  ["MAIL", "550 5.7.1 this sender may not", { outcome: "deferred", server: true }],
  ["RCPT", "550 5.1.1 no such user", { outcome: "refused", mailbox: true }],
  ["RCPT", "550 no such user", { outcome: "refused", mailbox: true }],
  ["RCPT", "550 5.7.1 relaying denied", { outcome: "refused", mailbox: false }],
  ["RCPT", "552 5.2.2 mailbox full", { outcome: "refused", mailbox: false }],
  ["RCPT", "450 4.2.0 greylisted", { outcome: "deferred" }],
  ["DATA", "554 5.7.1 looks like spam", { outcome: "refused", mailbox: false }],
] as const)("takes a refusal at %s (%s) for what it is", async (step, answer, outcome) => {
  expect(await said(step, answer)).toMatchObject(outcome);
});

it("tells a server that is not there from one that does not want this letter now", async () => {
  const gone = openSmtp({ host: "127.0.0.1", port: 1, tls: "none", user: null, password: null, connections: 1 });
  expect(await gone.send("desk@node.example", "abuse@isp.example", "Subject: x\r\n\r\nx\r\n")).toMatchObject({
    outcome: "deferred",
    server: true,
  });
  gone.close();
  expect(await said("RCPT", "450 4.2.0 greylisted")).not.toHaveProperty("server");
});
