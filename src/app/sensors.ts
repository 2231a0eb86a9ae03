// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SensorRegistry } from "../ship/registry.ts";
import { openConfig } from "./config.ts";
import type { Config } from "./config.ts";
import { runningAddress } from "./running.ts";

/** In the data folder, while a node runs: the address that sensors call it by. */
export const doorFile = (data: string): string => join(data, "door.address");
/** Where nobody said by which name this machine is called. */
const nameless = "THIS-NODE";
const everywhere = new Set(["0.0.0.0", "::"]);
const loopback = new Set(["127.0.0.1", "::1", "localhost"]);

/** The address that sensors call a door by: of one that listens everywhere, by the portal's public name. */
export const doorOf = ({ sensors, portal }: Config, port: number): string => {
  const { host, tls } = sensors;
  const named = portal.origin === undefined ? nameless : new URL(portal.origin).hostname;
  const name = everywhere.has(host) ? named : host.includes(":") ? `[${host}]` : host;
  return `${tls === undefined ? "http" : "https"}://${name}:${port}`;
};

export interface SensorsAt {
  readonly data: string;
  readonly registry: SensorRegistry;
  /** Where sensors send, and what must be known to use that; null: nothing. */
  readonly door: { readonly url: string; readonly note: string | null };
}

/**
 * The registry of the node that a configuration file (and a data folder in place of its own) describes, and its sensors' door: of the node that
 * runs on the folder as it said itself, else as configured.
 */
export const sensorRegistry = (file: string | undefined, folder?: string): SensorsAt => {
  const { config, path } = openConfig(file, folder);
  const data = path(config.data);
  const kept = doorFile(data);
  const running = existsSync(kept) ? runningAddress(readFileSync(kept, "utf8")) : undefined;
  const url = running ?? doorOf(config, config.sensors.port);
  const { hostname } = new URL(url);
  const notes = [
    ...(running === undefined && file === undefined
      ? [
          `No node runs on ${data} and no --config was given, so the address is that of a node without a configuration: the node's own stands behind "Sensors send to" at its start.`,
        ]
      : []),
    ...(hostname === nameless.toLowerCase()
      ? [`For ${nameless} put the name or address of this machine that is in the door's certificate.`]
      : []),
    ...(loopback.has(hostname.replace(/^\[|\]$/g, ""))
      ? [
          "Only this machine reaches that address: for other machines the door needs `sensors.host` and `sensors.tls` (docs/sensor.md).",
        ]
      : []),
  ];
  return {
    data,
    registry: new SensorRegistry(join(data, "sensors")),
    door: { url, note: notes.length === 0 ? null : notes.join("\n") },
  };
};
