// SPDX-License-Identifier: Apache-2.0
import { ground } from "./0001-ground.ts";
import { warnings } from "./0501-warnings.ts";
import { views } from "./0502-views.ts";
import { alerts } from "./0201-alerts.ts";
import { cases } from "./0202-cases.ts";
import { lists } from "./0203-lists.ts";
import { victims } from "./0210-victims.ts";
import { handedOver } from "./0211-handed-over.ts";
import { counts } from "./0212-counts.ts";
import { toldCounts } from "./0213-told-counts.ts";
import { notices } from "./0301-notices.ts";
import { retries } from "./0302-retries.ts";
import { constituency } from "./0101-constituency.ts";
import { peopleTables } from "./0401-people.ts";
import { told } from "./0402-told.ts";
import { fewTold } from "./0403-few-told.ts";
import { beginAnew } from "./0404-begin-anew.ts";
import { shownAlerts } from "./0405-shown.ts";
import { sharedWarnings } from "./0504-shared-warnings.ts";
import { detectorLedger } from "./0511-detector-ledger.ts";

/**
 * Every change of the desk's schema, in order, by name. A migration that was released is never edited: what differs is a new
 * one. Rooms number theirs apart: 01.. constituency, 02.. alerts and cases, 03.. notices, 04.. people and access, 05.. detectors.
 */
export const migrations: Readonly<Record<string, readonly string[]>> = {
  "0001-ground": ground,
  "0201-alerts": alerts,
  "0202-cases": cases,
  "0203-lists": lists,
  "0301-notices": notices,
  "0101-constituency": constituency,
  "0401-people": peopleTables,
  "0402-told": told,
  "0403-few-told": fewTold,
  "0404-begin-anew": beginAnew,
  // After 0501, whose policy it replaces.
  "0504-shared-warnings": sharedWarnings,
  "0501-warnings": warnings,
  "0502-views": views,
  "0511-detector-ledger": detectorLedger,
  "0302-retries": retries,
  "0210-victims": victims,
  "0211-handed-over": handedOver,
  "0212-counts": counts,
  "0213-told-counts": toldCounts,
  // After 0201, which makes what it copies.
  "0405-shown": shownAlerts,
};
