// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { afterAll, expect, it } from "vitest";
import { openSmtp } from "./smtp.ts";

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** A server that says `answer` at one step, and yes at the others; what it says to a letter. */
const said = async (step: "greeting" | "MAIL" | "RCPT" | "DATA", answer: string) => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
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

it.each([
  ["greeting", "554 5.7.1 no service for you", { outcome: "deferred" }],
  ["MAIL", "550 5.7.1 this sender may not", { outcome: "deferred" }],
  ["RCPT", "550 5.1.1 no such user", { outcome: "refused", mailbox: true }],
  ["RCPT", "550 no such user", { outcome: "refused", mailbox: true }],
  ["RCPT", "550 5.7.1 relaying denied", { outcome: "refused", mailbox: false }],
  ["RCPT", "552 5.2.2 mailbox full", { outcome: "refused", mailbox: false }],
  ["RCPT", "450 4.2.0 greylisted", { outcome: "deferred" }],
  ["DATA", "554 5.7.1 looks like spam", { outcome: "refused", mailbox: false }],
] as const)("takes a refusal at %s (%s) for what it is", async (step, answer, outcome) => {
  expect(await said(step, answer)).toMatchObject(outcome);
});
