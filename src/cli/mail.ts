// SPDX-License-Identifier: Apache-2.0
import { text, usageError } from "./command.ts";
import type { Command } from "./command.ts";

export const mail: Command = {
  summary: "take a mail from standard input: for the mail server beside a node",
  usage: "[--config FILE] [--data DIR] < MESSAGE",
  text: "Replies and delivery reports land on their cases. Works whether the node runs or not; answers when the mail is on disk.",
  options: {
    config: { type: "string", short: "c", value: "FILE", doc: "the node's configuration file (YAML)" },
    data: { type: "string", value: "DIR", doc: "data folder instead of the configured one" },
  },
  examples: [
    "layang node mail < message.eml",
    '# /etc/aliases of the mail server\ndesk: "|layang node mail --config /etc/layang.yaml"',
  ],
  run: async (parsed) => {
    if (parsed.paths.length > 0) throw usageError("node mail takes no path: the mail comes on standard input");
    const { putMail } = await import("../app/incoming-mail.ts");
    await putMail(text(parsed, "config"), text(parsed, "data"), process.stdin);
    return 0;
  },
};
