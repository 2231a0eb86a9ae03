// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { AppError } from "../platform/errors.ts";
import { checkParent } from "../platform/folder.ts";
import type { Secret, Settings } from "./config.ts";

/** Every secret that the configuration names, with its key. */
const secretsOf = ({ portal, people, store, desk, mail }: Settings["config"]): (readonly [string, Secret])[] =>
  (
    [
      ["portal.token", portal.token],
      ...people.providers.map(({ id, clientSecret }) => [`people.providers ${id}`, clientSecret] as const),
      ["store.clickhouse.password", store.clickhouse?.password],
      ["desk.postgres.password", desk.postgres?.password],
      ["mail.password", mail?.password],
    ] as const
  ).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
/** Secrets whose variable this environment does not set: the node's own may. */
export const unsetSecrets = ({ config }: Settings): { readonly key: string; readonly name: string }[] =>
  secretsOf(config).flatMap(([key, value]) =>
    "env" in value && (process.env[value.env] ?? "") === "" ? [{ key, name: value.env }] : [],
  );
/**
 * Looks whether a node can read what its configuration names: certificates, keys, secrets, prefix data, lists, and whether its folders are there or can
 * be made. What is read while it runs is read then again. @throws AppError CONFIG_UNREADABLE, FOLDER_MISSING with the first that cannot be used.
 */
export const checkNamedFiles = ({ config, path }: Settings): void => {
  const { portal, sensors, mail } = config;
  const secrets = secretsOf(config).flatMap(([key, value]) => ("file" in value ? [[key, value.file] as const] : []));
  const files: readonly (readonly [key: string, file: string | undefined])[] = [
    ["portal.tls.certificate", portal.tls?.certificate],
    ["portal.tls.key", portal.tls?.key],
    ["sensors.tls.certificate", sensors.tls?.certificate],
    ["sensors.tls.key", sensors.tls?.key],
    ["mail.ca", mail?.ca],
    ...secrets,
    ...(config.researchScanners ?? []).map((file) => ["researchScanners", file] as const),
  ];
  const look = (key: string, named: string, folder: boolean): void => {
    const at = path(named);
    let why: string | undefined;
    try {
      if (statSync(at).isDirectory() !== folder) why = folder ? "it is a file, no folder" : "it is a folder, no file";
      else accessSync(at, constants.R_OK);
    } catch (error) {
      why = (error as NodeJS.ErrnoException).code ?? "unreadable";
    }
    if (why !== undefined)
      throw new AppError("CONFIG_UNREADABLE", `\`${key}\` names ${at}, which cannot be read (${why})`);
  };
  for (const [key, file] of files) if (file !== undefined) look(key, file, false);
  for (const [key, file] of secrets)
    if (readFileSync(path(file), "utf8").trimEnd() === "")
      throw new AppError("CONFIG_INVALID", `\`${key}\` names ${path(file)}, which is empty`);
  if (config.prefixes !== undefined) look("prefixes", config.prefixes, true);
  for (const [key, folder] of [
    ["data", config.data],
    ["audit.folder", config.audit.folder],
  ] as const) {
    if (folder === undefined) continue;
    const found = statSync(path(folder), { throwIfNoEntry: false });
    if (found === undefined) checkParent(path(folder), `\`${key}\``);
    else if (!found.isDirectory())
      throw new AppError("CONFIG_UNREADABLE", `\`${key}\` names ${path(folder)}, which is a file, no folder`);
  }
  for (const [key, tls] of [
    ["portal.tls", portal.tls],
    ["sensors.tls", sensors.tls],
  ] as const) {
    if (tls === undefined) continue;
    try {
      createSecureContext({ cert: readFileSync(path(tls.certificate)), key: readFileSync(path(tls.key)) });
    } catch (error) {
      throw new AppError(
        "CONFIG_INVALID",
        `\`${key}\`: the certificate and the key cannot be used (${(error as Error).message.split("\n")[0] ?? ""})`,
      );
    }
  }
};
