// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { touch } from "./actor.ts";
import { mount } from "./route.ts";

export interface BackupDone {
  readonly folder: string;
  readonly bytes: number;
  readonly files: number;
  readonly flows: boolean;
  readonly rows: number;
}
/** Only through the operator's socket: a backup holds every secret, and its folder is one of the machine's. */
export const backupEndpoint = {
  method: "POST",
  path: "/api/v1/desk/operator/backup",
  body: Type.Object(
    { folder: Type.String({ minLength: 1, maxLength: 4096 }), flows: Type.Boolean() },
    { additionalProperties: false },
  ),
  answer: Type.Object(
    {
      folder: Type.String(),
      bytes: Type.Integer(),
      files: Type.Integer(),
      flows: Type.Boolean(),
      rows: Type.Integer(),
    },
    { additionalProperties: false },
  ),
  about: "The running node copies itself into a new folder",
} as const;

/** The running node copies itself. */
export const withBackup = (
  server: FastifyInstance,
  backUp: (folder: string, flows: boolean) => Promise<BackupDone>,
): void =>
  mount(server, backupEndpoint, { who: ["system"], audit: "operator.backup" }, ({ body, request }) => {
    touch(request, `folder:${body.folder}`);
    return backUp(body.folder, body.flows);
  });
