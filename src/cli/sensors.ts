// SPDX-License-Identifier: Apache-2.0
import { sensorRegistry } from "../app/sensors.ts";
import { isEconomy } from "../platform/economy.ts";
import { makeFolder } from "../platform/folder.ts";
import { text, usageError } from "./command.ts";
import type { Command, Option, Parsed } from "./command.ts";
import { table } from "./table.ts";

const config: Option = { type: "string", short: "c", value: "FILE", doc: "the node's configuration file (YAML)" };
const data: Option = { type: "string", value: "DIR", doc: "data folder instead of the configured one" };
const registryOf = (parsed: Parsed) => sensorRegistry(text(parsed, "config"), text(parsed, "data"));

const nameOf = (parsed: Parsed, command: string): string => {
  const name = parsed.paths[0];
  if (name === undefined || parsed.paths.length > 1) throw usageError(`node sensors ${command} takes one name`);
  return name;
};

export const add: Command = {
  summary: "admit a sensor: print its one-time token",
  usage: "NAME [--country CC] [--city CITY] [--realm REALM] [--config FILE] [--data DIR]",
  text: "Works whether the node runs or not; a node that runs says itself where its door is, else --config does. The token is good for seven days and for one sensor; only its hash is kept.",
  options: {
    country: { type: "string", value: "CC", doc: "economy it stands in (ISO 3166), for example ID" },
    city: { type: "string", value: "CITY", doc: "where it stands, as others may see it" },
    realm: { type: "string", value: "REALM", doc: "a member's own realm; its flows are visible to that member only" },
    config,
    data,
  },
  examples: ["layang node sensors add id-01 --country ID --city Jakarta"],
  run: async (parsed) => {
    const { registry, door, data: folder } = registryOf(parsed);
    const country = text(parsed, "country");
    if (country !== undefined && !isEconomy(country))
      throw usageError(
        `--country takes an economy's code (ISO 3166-1), two capital letters such as ID, not "${country}"`,
      );
    const name = nameOf(parsed, "add");
    makeFolder(folder, "the data folder");
    const before = registry.get(name);
    const { token } = registry.add({ name, country, city: text(parsed, "city"), realm: text(parsed, "realm") });
    // Of a sensor that never came, the token that was printed before.
    if (before !== undefined && before.key === null)
      process.stdout.write(`Sensor ${name} was added before; the token that was printed then is void from now on.\n`);
    process.stdout.write(
      `Sensor ${name} may enrol once within seven days. On its machine:\n\n  layang sensor enrol --node ${door.url} --token ${token}\n\n${door.note === null ? "" : `${door.note}\n`}`,
    );
    return 0;
  },
};

export const list: Command = {
  summary: "list the sensors of this node",
  usage: "[--json] [--config FILE] [--data DIR]",
  options: { json: { type: "boolean", doc: "one JSON list" }, config, data },
  examples: ["layang node sensors list"],
  run: async (parsed) => {
    const sensors = registryOf(parsed).registry.list();
    if (parsed.values["json"] === true) {
      const open = sensors.map(({ token: _, ...rest }) => rest);
      process.stdout.write(`${JSON.stringify(open)}\n`);
      return 0;
    }
    const state = (sensor: (typeof sensors)[number]): string =>
      sensor.revoked !== null
        ? `revoked ${sensor.revoked.at}`
        : sensor.enrolled === null
          ? "waits for its sensor"
          : `enrolled ${sensor.enrolled}`;
    process.stdout.write(
      sensors.length === 0
        ? "No sensors yet: layang node sensors add NAME\n"
        : table(
            ["name", "economy", "city", "realm", "state"],
            sensors.map((one) => [
              one.name,
              one.country ?? "-",
              one.city ?? "-",
              one.realm === "" ? "shared" : one.realm,
              state(one),
            ]),
          ),
    );
    return 0;
  },
};

export const revoke: Command = {
  summary: "refuse a sensor from now on, and withdraw what it sent",
  usage: "NAME [--since TIME] [--config FILE] [--data DIR]",
  text: "With --since, its rows from that time on and everything computed from them leave the store: at once when the node runs, else at its next start.",
  options: {
    since: { type: "string", value: "TIME", doc: "withdraw its rows from this time on (RFC 3339)" },
    config,
    data,
  },
  examples: ["layang node sensors revoke id-01", "layang node sensors revoke id-01 --since 2026-11-20T00:00:00Z"],
  run: async (parsed) => {
    const name = nameOf(parsed, "revoke");
    const since = text(parsed, "since");
    registryOf(parsed).registry.revoke(name, since);
    process.stdout.write(
      `Sensor ${name} is refused from now on${since === undefined ? "" : `; what it sent about ${since} and later is being withdrawn`}.\n`,
    );
    return 0;
  },
};
