// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import type { HeadSink } from "../access/heads.ts";
import type { Egress } from "../platform/egress.ts";
import { AppError } from "../platform/errors.ts";
import { makeFolder } from "../platform/folder.ts";
import type { Post } from "../notify/post.ts";
import { writeDurably } from "../platform/files.ts";

/** A folder, best on another machine: one file a head. A head of other content has another name: none replaces an older one. */
export const folderSink = (folder: string): HeadSink => ({
  name: folder,
  send: async (head) => {
    makeFolder(folder, "the folder of the audit log's heads");
    writeDurably(
      join(folder, `layang-audit-${String(head.row).padStart(12, "0")}-${head.hash.slice(0, 12)}.json`),
      `${JSON.stringify(head)}\n`,
      0o644,
    );
  },
});

/** Another program, by HTTPS, at the one address of the configuration: no redirects. */
export const webhookSink = (url: string, egress: Egress): HeadSink => ({
  name: new URL(url).host,
  send: async (head) => {
    const response = await egress.fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(head),
      redirect: "error",
      timeout: 10_000,
    });
    if (!response.ok)
      throw new AppError("NODE_UNREACHABLE", `${new URL(url).host} did not take a head: ${response.status}`);
  },
});

/** A mailbox, best of another organisation: the text of each mail is a head, as a file in a folder would be. */
export const mailSink = (to: string, post: Post): HeadSink => ({
  name: to,
  send: async (head) => {
    const { outcome, answer } = await post(to, {
      subject: `Audit log of ${head.node}: row ${head.row}`,
      text: `${JSON.stringify(head)}\n`,
    });
    if (outcome !== "accepted") throw new AppError("NODE_UNREACHABLE", `no mail with a head went to ${to}: ${answer}`);
  },
});
