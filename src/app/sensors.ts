// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { SensorRegistry } from "../ship/registry.ts";
import { openConfig } from "./config.ts";

/** The registry of the node that a configuration file (and a data folder in place of its own) describes, and the address of its sensors' door. */
export const sensorRegistry = (file: string | undefined, data?: string): { registry: SensorRegistry; door: string } => {
  const { config, path } = openConfig(file, data);
  const { host, port, tls } = config.sensors;
  const name = host.includes(":") ? `[${host}]` : host === "0.0.0.0" ? "THIS-NODE" : host;
  return {
    registry: new SensorRegistry(join(path(config.data), "sensors")),
    door: `${tls === undefined ? "http" : "https"}://${name}:${port}`,
  };
};
