// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { detectionKinds } from "../../../model/detection.ts";
import { Count, Share, Time, orNull, strict } from "../shapes.ts";
import {
  Evidence,
  Held,
  Id,
  Kind,
  Measured,
  OrganisationId,
  OrganisationName,
  Port,
  SampleRow,
  base,
  list,
  listOf,
  page,
  scope,
  some,
  text,
} from "./shapes.ts";

export const DetectionRow = strict({
  id: Id,
  detector: text(64),
  version: Count,
  kind: Kind,
  source: orNull(text(45)),
  protocol: orNull(text(16)),
  port: orNull(Port),
  first: Time,
  last: Time,
  packets: Count,
  darkAddresses: Count,
  sensors: Count,
  confidence: Share,
  family: orNull(text(100)),
  held: some(Held, 8),
  organisation: orNull(OrganisationName),
  revision: Count,
  withdrawn: Type.Boolean(),
});
export const DetectionsQuery = strict({
  kind: Type.Optional(listOf(detectionKinds, "kinds")),
  detector: Type.Optional(text(64, 1)),
  organisation: Type.Optional(OrganisationId),
  /** Address or prefix. */
  source: Type.Optional(text(49, 2)),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  ...scope,
  ...page(100),
});
export const Detections = list(
  DetectionRow,
  { kinds: some(strict({ kind: Kind, count: Count }), 12), sources: Count },
  "Claims of detectors, newest first.",
);
export const DetectionPath = strict({ detection: Id });
export const Detection = strict({
  asked: Time,
  detection: DetectionRow,
  evidence: Evidence,
  samples: some(SampleRow, 100),
  alert: orNull(Id),
});

/** A detector and how far it can be trusted: measured by `layang evaluate`, and by what owners answered. */
export const DetectorRow = strict({
  name: text(64),
  version: Count,
  kinds: some(Kind, 12),
  /** Event time up to which it has judged; null when it never ran. */
  position: orNull(Time),
  lagSeconds: orNull(Type.Number({ minimum: 0 })),
  detections: Count,
  /** In the last 7 days. */
  week: Count,
  /** Per evaluated mix, worst first; empty when never evaluated. */
  evaluated: some(
    strict({
      mix: text(100),
      precision: Measured,
      recall: Measured,
      /** Median and 95th percentile, seconds from the packet that completes the rule. */
      detectMedian: orNull(Type.Number({ minimum: 0 })),
      detectLate: orNull(Type.Number({ minimum: 0 })),
      falsePerSensorMonth: orNull(Type.Number({ minimum: 0 })),
      /** Version of the detector that was measured. */
      version: Count,
    }),
    20,
  ),
  /** Answers of owners: right, false, and undecided. */
  feedback: strict({ right: Count, wrong: Count, undecided: Count, precision: Measured }),
});
export const Detectors = strict({
  asked: Time,
  evaluated: orNull(Time),
  rows: some(DetectorRow, 100),
});
export const DetectorsQuery = strict({ days: Type.Optional(Type.Integer({ minimum: 1, maximum: 365, default: 90 })) });

export const detectionEndpoints = {
  detections: { method: "GET", path: `${base}/detections`, query: DetectionsQuery, answer: Detections },
  detection: { method: "GET", path: `${base}/detections/{detection}`, params: DetectionPath, answer: Detection },
  detectors: { method: "GET", path: `${base}/detectors`, query: DetectorsQuery, answer: Detectors },
} as const;
export type DetectionRow = Static<typeof DetectionRow>;
export type Detections = Static<typeof Detections>;
export type Detection = Static<typeof Detection>;
export type DetectorRow = Static<typeof DetectorRow>;
export type Detectors = Static<typeof Detectors>;
