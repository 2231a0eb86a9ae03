// SPDX-License-Identifier: Apache-2.0
import { dropMail, mailBytes, mailFolder } from "../notify/maildir.ts";
import { AppError } from "../platform/errors.ts";
import { makeFolder } from "../platform/folder.ts";
import { openConfig } from "./config.ts";

/** Puts a mail into a node's maildir, where the node takes it, now or when it runs again. @throws AppError MAIL_INVALID */
export const putMail = async (
  config: string | undefined,
  data: string | undefined,
  input: AsyncIterable<Uint8Array>,
): Promise<void> => {
  const settings = openConfig(config, data);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.length;
    if (size > mailBytes) throw new AppError("MAIL_INVALID", "a mail has 1 byte to 10 MiB");
    chunks.push(chunk);
  }
  const folder = settings.path(settings.config.data);
  makeFolder(folder, "the data folder");
  dropMail(mailFolder(folder), Buffer.concat(chunks));
};
