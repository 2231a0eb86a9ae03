// SPDX-License-Identifier: Apache-2.0
import type { Static, TSchema } from "typebox";
import { alertEndpoints } from "./alerts.ts";
import { auditEndpoints } from "./audit.ts";
import { campaignEndpoints } from "./campaigns.ts";
import { caseEndpoints } from "./cases.ts";
import { detectionEndpoints } from "./detections.ts";
import { helpEndpoints } from "./help.ts";
import { noticeEndpoints } from "./notices.ts";
import { organisationEndpoints } from "./organisations.ts";
import { peopleEndpoints } from "./people.ts";
import { ringEndpoints } from "./ring.ts";
import { searchEndpoints } from "./search.ts";
import { sessionEndpoints } from "./session.ts";
import type { Endpoint } from "./shapes.ts";
import { statisticsEndpoints } from "./statistics.ts";
import { unclaimedEndpoints } from "./unclaimed.ts";
import { warningEndpoints } from "./warning.ts";

/** Every endpoint of the desk by name: how it is asked, with what, and what comes back. Refusals are RFC 9457 problems. */
export const deskEndpoints = {
  ...sessionEndpoints,
  ...alertEndpoints,
  ...caseEndpoints,
  ...helpEndpoints,
  ...organisationEndpoints,
  ...unclaimedEndpoints,
  ...detectionEndpoints,
  ...warningEndpoints,
  ...campaignEndpoints,
  ...statisticsEndpoints,
  ...noticeEndpoints,
  ...peopleEndpoints,
  ...auditEndpoints,
  ...ringEndpoints,
  ...searchEndpoints,
} as const satisfies Record<string, Endpoint>;
export type DeskName = keyof typeof deskEndpoints;
type Of<T, K extends string> = T extends Record<K, infer S extends TSchema> ? Static<S> : Record<never, never>;
export type DeskAnswer<N extends DeskName> = Static<(typeof deskEndpoints)[N]["answer"]>;
export type DeskBody<N extends DeskName> = Of<(typeof deskEndpoints)[N], "body">;
export type DeskQuery<N extends DeskName> = Of<(typeof deskEndpoints)[N], "query">;
export type DeskParams<N extends DeskName> = Of<(typeof deskEndpoints)[N], "params">;
