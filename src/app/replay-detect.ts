// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { parseNetworksCsv } from "../constituency/networks-csv.ts";
import { createOwners } from "../constituency/owners.ts";
import type { Owners } from "../detect/detector.ts";
import { detectors } from "../detect/detectors.ts";
import type { Detection } from "../model/detection.ts";
import { AppError } from "../platform/errors.ts";
import type { FlowStore } from "../store/flows/store.ts";
import type { Replay } from "./replay.ts";
import { detectHistory } from "./detection-history.ts";

/** Whose networks a replay's sources may be in. */
export type ReplayOwners = Owners;

/** Nobody's networks: no source is inside. */
export const noOwners: Owners = { count: 0, ownerAt: () => null, ownerOf: () => null };

/** Owners from a CSV file of networks. @throws AppError FILE_UNUSABLE, naming the first line that cannot be used. */
export const ownersFrom = (file: string): Owners => {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new AppError("FILE_UNUSABLE", `${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "?"})`);
  }
  const { networks, errors } = parseNetworksCsv(text);
  if (networks.length === 0 && errors.length === 0) {
    throw new AppError(
      "FILE_UNUSABLE",
      `${file} holds no network: a line for each, with the columns organisation and prefix`,
    );
  }
  const [wrong] = errors;
  if (wrong !== undefined) {
    const more = errors.length > 1 ? `, and ${errors.length - 1} more` : "";
    throw new AppError("FILE_UNUSABLE", `${file}: line ${wrong.line}: ${wrong.message}${more}`);
  }
  return createOwners(networks.map(({ network }) => network));
};

/** What the detectors say of the time that was replayed. */
export const detectReplay = async (store: FlowStore, owners: Owners, { captures }: Replay): Promise<Detection[]> => {
  const times = captures.flatMap(({ summary: { first, last } }) =>
    first === null || last === null ? [] : [first, last],
  );
  if (times.length === 0) return [];
  return detectHistory({
    store,
    detectors,
    around: { owners: () => owners, home: null, researcher: () => null },
    scopes: [{ realm: "", exercise: "" }],
    from: times.reduce((least, time) => Math.min(least, time)),
    to: times.reduce((most, time) => Math.max(most, time)) + 1,
  });
};

/** Whose networks a detection is about, at the time it began; null: nobody's of the constituency. */
export const ownerOfDetection = (owners: Owners, { realm, source, first }: Detection): string | null =>
  source === null ? null : (owners.ownerOf(realm, source, first)?.organisation ?? null);

/** What is about the constituency first; the order is kept otherwise. */
export const ownFirst = (owners: Owners, detections: readonly Detection[]): Detection[] =>
  detections
    .map((one) => ({ one, own: ownerOfDetection(owners, one) !== null ? 0 : 1 }))
    .toSorted((a, b) => a.own - b.own)
    .map(({ one }) => one);

/** A detection as `replay --detect --json` writes it; with the owner where there is a constituency. */
export const detectionJson = (
  one: Detection,
  instant: (time: number) => string,
  owners: Owners = noOwners,
): Record<string, unknown> => ({
  detector: one.detector,
  kind: one.kind,
  source: one.source,
  port: one.port,
  first: instant(one.first),
  last: instant(one.last),
  packets: one.packets,
  dark_addresses: one.darkAddresses,
  confidence: one.confidence,
  evidence: one.evidence,
  id: one.id,
  protocol: one.protocol,
  family: one.family,
  held: one.held,
  ...(owners.count === 0 ? {} : { owner: ownerOfDetection(owners, one) }),
});
