// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Type } from "typebox";
import type { TSchema } from "typebox";
import { sensorName } from "../model/sensor-name.ts";
import { parsePrefix, prefixContains } from "../net/prefix.ts";
import { loadConfig } from "../platform/config.ts";
import { AppError } from "../platform/errors.ts";
import { nearest } from "../platform/nearest.ts";
import { networkKinds } from "../simulate/names.ts";
import { parseAims } from "../simulate/ports.ts";
import { attackKinds, backgroundKinds, castRoles, completeScenario, hostKinds } from "../simulate/scenario.ts";
import type { Scenario, ScenarioFile } from "../simulate/scenario.ts";
import { tools } from "../simulate/tools.ts";

const strict = { additionalProperties: false } as const;
const object = <T extends Parameters<typeof Type.Object>[0]>(properties: T) => Type.Object(properties, strict);
const optional = Type.Optional;
const port = Type.Integer({ minimum: 1, maximum: 65535 });
const hours = Type.Number({ minimum: -24 * 400, maximum: 24 * 400 });
const minutes = Type.Number({ exclusiveMinimum: 0, maximum: 24 * 60 * 400 });
const country = Type.String({ pattern: "^[A-Z]{2}$" });
const group = Type.String({ pattern: "^[a-z0-9-]{1,40}$" });
const positive = Type.Number({ exclusiveMinimum: 0 });
const range = Type.Tuple([positive, positive]);
const each = (keys: readonly string[], value: TSchema) =>
  object(Object.fromEntries(keys.map((key) => [key, optional(value)])));

export const scenarioSchema = object({
  name: optional(Type.String({ pattern: "^[a-z0-9-]{1,40}$" })),
  description: optional(Type.String({ maxLength: 500 })),
  intensity: optional(Type.Number({ minimum: 0, maximum: 1e4 })),
  shares: optional(each(backgroundKinds, Type.Number({ minimum: 0, maximum: 1e6 }))),
  hosts: optional(each(hostKinds, Type.Integer({ minimum: 1, maximum: 5e6 }))),
  attacksPerDay: optional(Type.Number({ minimum: 0, maximum: 1e5 })),
  attacks: optional(
    Type.Array(
      object({
        kind: Type.Enum([...attackKinds]),
        victim: optional(Type.String({ pattern: "^[0-9.]{7,15}$" })),
        country: optional(country),
        in: optional(group),
        port,
        startHours: hours,
        minutes,
        answered: Type.Number({ minimum: 0, maximum: 1e12 }),
      }),
    ),
  ),
  storms: optional(
    Type.Array(
      object({
        kind: Type.Enum(["syn", "syn-ack"]),
        port,
        startHours: hours,
        minutes,
        intensity: Type.Number({ minimum: 0, maximum: 1e6 }),
      }),
    ),
  ),
  outbreaks: optional(
    Type.Array(
      object({
        family: Type.String({ pattern: "^[a-z0-9-]{1,40}$" }),
        protocol: Type.Enum(["tcp", "udp"]),
        port,
        startHours: hours,
        first: Type.Integer({ minimum: 1 }),
        hosts: Type.Integer({ minimum: 1, maximum: 5e6 }),
        doublingMinutes: Type.Number({ exclusiveMinimum: 0 }),
        rate: Type.Number({ minimum: 0, maximum: 1e7 }),
        mirai: Type.Boolean(),
        decline: optional(object({ afterHours: positive, halfLifeHours: positive })),
        inside: optional(Type.Number({ minimum: 0, maximum: 1 })),
      }),
    ),
  ),
  sensors: optional(
    Type.Array(
      object({
        name: Type.String({ pattern: sensorName.source }),
        country,
        dark: Type.Array(Type.String(), { minItems: 1, maxItems: 256 }),
        outages: Type.Array(object({ startHours: hours, hours: Type.Number({ exclusiveMinimum: 0 }) }), {
          default: [],
        }),
        realm: optional(group),
        changes: optional(
          Type.Array(object({ dark: Type.String(), fromHours: optional(hours), untilHours: optional(hours) })),
        ),
      }),
      { minItems: 1, maxItems: 64 },
    ),
  ),
  days: optional(Type.Number({ exclusiveMinimum: 0, maximum: 400 })),
  seed: optional(Type.Integer({ minimum: 0, maximum: 2 ** 53 - 1 })),
  organisations: optional(
    Type.Array(
      object({
        group,
        kind: Type.Enum([...networkKinds]),
        country,
        count: Type.Integer({ minimum: 1, maximum: 10_000 }),
        prefixes: Type.Integer({ minimum: 1, maximum: 1000 }),
        length: Type.Integer({ minimum: 8, maximum: 28 }),
        cgnat: optional(Type.Integer({ minimum: 1, maximum: 65536 })),
        essential: optional(Type.Boolean()),
        realm: optional(group),
        networks: optional(Type.Array(Type.String(), { minItems: 1 })),
      }),
    ),
  ),
  cast: optional(
    Type.Array(
      object({
        role: Type.Enum([...castRoles]),
        name: group,
        in: Type.Array(group, { minItems: 1 }),
        hosts: Type.Integer({ minimum: 1, maximum: 1e6 }),
        tool: Type.Enum(Object.keys(tools)),
        aims: Type.Array(Type.String(), { minItems: 1 }),
        rate: optional(range),
        space: optional(Type.Number({ minimum: 256, maximum: 2 ** 32 })),
        packets: optional(range),
        startHours: Type.Tuple([hours, hours]),
        hours: range,
        leaseHours: optional(Type.Array(Type.Number({ minimum: 0 }), { minItems: 1 })),
        rhythm: optional(Type.Number({ minimum: 0, maximum: 1 })),
        sensors: optional(Type.Array(Type.String(), { minItems: 1 })),
        targets: optional(range),
        recycled: optional(Type.Number({ minimum: 0, maximum: 1 })),
        form: optional(Type.Enum(["syn-ack", "p2p"])),
        sourcePort: optional(port),
        hops: optional(Type.Enum(["forger", "random", "known"])),
        mimics: optional(Type.Boolean()),
      }),
    ),
  ),
});

/** Where the scenarios that come with the program lie. */
const shipped = join(import.meta.dirname, "../../scenarios");
export const shippedScenarios = (): string[] =>
  existsSync(shipped)
    ? readdirSync(shipped)
        .filter((file) => file.endsWith(".yaml"))
        .map((file) => file.slice(0, -5))
        .sort()
    : [];

const check = (scenario: Scenario, name: string): Scenario => {
  const refuse = (why: string): never => {
    throw new AppError("CONFIG_INVALID", `${name}: ${why}`);
  };
  const prefixes = scenario.sensors.flatMap((sensor) =>
    sensor.dark.map((text) => {
      const prefix = parsePrefix(text);
      if (prefix === undefined || prefix.length < 100) {
        return refuse(`"${text}" of sensor ${sensor.name} is no IPv4 network, for example 192.0.2.0/24`);
      }
      return { text, prefix, realm: sensor.realm };
    }),
  );
  for (const [i, a] of prefixes.entries()) {
    for (const b of prefixes.slice(i + 1)) {
      if (a.realm !== b.realm) continue;
      if (prefixContains(a.prefix, b.prefix.words) || prefixContains(b.prefix, a.prefix.words)) {
        refuse(`${a.text} and ${b.text} overlap; every dark address belongs to one sensor`);
      }
    }
  }
  if (new Set(scenario.sensors.map((sensor) => sensor.name)).size < scenario.sensors.length) {
    refuse("two sensors have the same name");
  }
  for (const { first, hosts, family } of scenario.outbreaks) {
    if (first >= hosts) refuse(`outbreak ${family}: \`first\` must be less than \`hosts\``);
  }
  const names = new Set(scenario.sensors.map(({ name: one }) => one));
  const groups = new Set(["abroad", ...scenario.organisations.map((one) => one.group)]);
  for (const sensor of scenario.sensors) {
    for (const { dark } of sensor.changes ?? []) {
      if (!sensor.dark.includes(dark)) refuse(`sensor ${sensor.name} changes ${dark}, which is not among its \`dark\``);
    }
  }
  for (const one of scenario.organisations) {
    if ((one.realm === undefined) !== (one.networks === undefined)) {
      refuse(`organisations ${one.group}: \`realm\` and \`networks\` go together`);
    }
    for (const text of one.networks ?? []) {
      const prefix = parsePrefix(text);
      if (prefix === undefined || prefix.length < 96) refuse(`"${text}" is no IPv4 network`);
    }
  }
  for (const one of scenario.attacks) {
    if (one.in !== undefined && !groups.has(one.in)) refuse(`an attack is in ${one.in}, which are no organisations`);
  }
  for (const one of scenario.cast) {
    const what = `cast ${one.name}`;
    if ((one.rate === undefined) === (one.packets === undefined)) refuse(`${what}: state \`rate\` or \`packets\``);
    const stranger = one.sensors?.find((sensor) => !names.has(sensor));
    if (stranger !== undefined) refuse(`${what}: there is no sensor ${stranger}`);
    const nowhere = one.in.find((place) => !groups.has(place));
    if (nowhere !== undefined) refuse(`${what}: there are no organisations ${nowhere}`);
    for (const [low, high] of [
      one.rate ?? [1, 1],
      one.packets ?? [1, 1],
      one.hours,
      one.startHours,
      one.targets ?? [1, 1],
    ]) {
      if (low > high) refuse(`${what}: a range begins with its larger end`);
    }
    try {
      for (const text of one.aims) parseAims(text);
    } catch (error) {
      refuse(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (Object.values(scenario.shares).some(Number.isNaN)) refuse("`shares` are not numbers");
  return scenario;
};

/**
 * A scenario by the name of a shipped one or by the path of a YAML or JSON file, which states what differs from the steady
 * background. @throws AppError CONFIG_INVALID, CONFIG_UNREADABLE, USAGE.
 */
export const openScenario = (which: string): Scenario => {
  const names = shippedScenarios();
  const path = /[./]/.test(which) ? which : join(shipped, `${which}.yaml`);
  if (path !== which && !names.includes(which)) {
    const meant = nearest(which, names);
    const hint = meant === undefined ? `there are ${names.join(", ")}, or give a file` : `did you mean ${meant}?`;
    throw new AppError("USAGE", `there is no scenario "${which}"; ${hint}`);
  }
  const { config } = loadConfig<ScenarioFile>(scenarioSchema, path);
  const name = config.name ?? which.replace(/^.*\//, "").replace(/\.\w+$/, "");
  return check(completeScenario({ ...config, name }), which);
};
