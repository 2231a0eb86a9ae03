// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { createObservatory } from "../observe/observatory.ts";
import type { Observatory } from "../observe/observatory.ts";
import { parseResearchList } from "../observe/research-list.ts";
import { AppError } from "../platform/errors.ts";
import type { SensorRegistry } from "../ship/registry.ts";
import { keptFrom } from "../store/flows/retention.ts";
import { rollUpsAt } from "../store/flows/rollup-read.ts";
import type { FlowStore } from "../store/flows/store.ts";
import type { Alarms } from "./alarms.ts";
import type { Settings } from "./config.ts";

/** Text of a file that the configuration names. @throws AppError CONFIG_UNREADABLE. */
export const readNamed = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "?";
    throw new AppError("CONFIG_UNREADABLE", `${path}, named in the configuration, cannot be read (${code})`);
  }
};

export interface ObservatoryWiring {
  readonly settings: Settings;
  readonly simulated: boolean;
  /** The sensors enrolled at this node; absent: those that reported. */
  readonly registry?: SensorRegistry;
  readonly alarms?: Alarms;
}

/** The questions, wired to a store. */
export const openObservatory = (
  store: FlowStore,
  { settings, simulated, registry, alarms }: ObservatoryWiring,
): Observatory => {
  const lists = (settings.config.researchScanners ?? []).map((file) => readNamed(settings.path(file)));
  const research = lists.length === 0 ? null : parseResearchList(lists.join("\n"));
  return createObservatory({
    engine: store,
    now: Date.now,
    simulated,
    research: () => research,
    alarms: () => alarms?.standing() ?? [],
    kept: () => ({
      rows: keptFrom(store.retention.sources, Date.now()),
      fine: keptFrom(store.retention.fine, Date.now()),
    }),
    rollUps: () => rollUpsAt(store.frontiers()),
    ...(registry === undefined
      ? {}
      : {
          sensors: () =>
            registry.list().map(({ name, country, realm, exercise, enrolled, revoked }) => ({
              name,
              country: country ?? settings.config.country ?? null,
              realm,
              exercise,
              enrolled: enrolled === null ? Infinity : Date.parse(enrolled),
              revoked: revoked === null ? null : Date.parse(revoked.at),
            })),
        }),
  });
};
