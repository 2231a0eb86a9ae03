// SPDX-License-Identifier: Apache-2.0
import { withAlerts } from "../api/desk/alerts.ts";
import { withCampaigns } from "../api/desk/campaigns.ts";
import { withCases } from "../api/desk/cases.ts";
import { withDetections } from "../api/desk/detections.ts";
import { withDetectors } from "../api/desk/detectors.ts";
import { withHelp } from "../api/desk/help.ts";
import type { DeskRoutes } from "../api/desk/index.ts";
import { withNotices } from "../api/desk/notices.ts";
import { withRing } from "../api/desk/ring.ts";
import { withSearch } from "../api/desk/search.ts";
import { withStatistics } from "../api/desk/statistics.ts";
import { withWarnings } from "../api/desk/warnings.ts";
import { detectors } from "../detect/detectors.ts";
import { holidayCountries } from "../notify/holidays.ts";
import type { Observatory } from "../observe/observatory.ts";
import type { Released } from "../observe/released.ts";
import { measuredDetectors } from "./evaluate-measured.ts";
import type { NodeDesk } from "./desk.ts";
import type { LiveRing } from "./ring-live.ts";
import { portDays, portOrigins } from "./warning-origins.ts";

export interface DeskRouting {
  readonly node: NodeDesk;
  readonly ring: LiveRing;
  readonly observatory: Observatory;
  readonly released: Released;
  readonly name: string;
  readonly simulated: boolean;
  /** Microseconds. */
  readonly now: () => number;
}

/** The routes of alerts, cases, letters, warnings and the ring view, each with its services. */
export const deskRoutes = ({ node, ring, observatory, released, name, simulated, now }: DeskRouting): DeskRoutes[] => {
  const { desk, cases, outbox, sender, mails } = node;
  const views = { observatory, released };
  const services = {
    desk,
    cases,
    now,
    poke: () => {
      outbox.poke();
      ring.poke();
    },
  };
  const desker = { name, mail: mails ? sender.from : null, phone: null };
  return [
    (server, actorOf) => withAlerts(server, services, actorOf),
    (server, actorOf) => withCases(server, services, actorOf),
    (server, actorOf) => withHelp(server, { ...services, desker, simulated }, actorOf),
    (server, actorOf) =>
      withNotices(
        server,
        { ...services, sender, testMail: node.testMail, signs: node.signs, countries: holidayCountries },
        actorOf,
      ),
    (server, actorOf) => withStatistics(server, services, actorOf),
    (server, actorOf) => withSearch(server, services, actorOf),
    (server, actorOf) => withDetections(server, services, actorOf),
    (server, actorOf) => withDetectors(server, { ...services, detectors, measured: measuredDetectors() }, actorOf),
    (server, actorOf) => withCampaigns(server, services, actorOf),
    (server, actorOf) =>
      withWarnings(
        server,
        {
          ...services,
          origins: portOrigins(views),
          days: portDays(views),
          sensors: () => observatory.sensors().length,
        },
        actorOf,
      ),
    (server, actorOf) => withRing(server, { view: ring.view, stream: ring.stream }, actorOf),
  ];
};
