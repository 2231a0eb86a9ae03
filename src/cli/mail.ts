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

export const key: Command = {
  summary: "print the public OpenPGP key that a node's letters are signed by",
  usage: "[--config FILE] [--data DIR]",
  text: "Its fingerprint goes to standard error. A running node serves the key at /.well-known/openpgp.asc, to anyone.",
  options: mail.options,
  examples: ["layang node mail key --config /etc/layang.yaml > csirt.asc"],
  run: async (parsed) => {
    if (parsed.paths.length > 0) throw usageError("node mail key takes no path");
    const { openConfig } = await import("../app/config.ts");
    const { publicKeyOf } = await import("../app/desk.ts");
    const settings = openConfig(text(parsed, "config"), text(parsed, "data"));
    const { publicKey, fingerprint } = await publicKeyOf(settings.path(settings.config.data));
    process.stderr.write(`fingerprint ${fingerprint}\n`);
    process.stdout.write(publicKey);
    return 0;
  },
};
