// SPDX-License-Identifier: Apache-2.0
import type { Actor } from "../model/actor.ts";
import { defaultPolicy } from "../alert/alert.ts";
import type { Alert, AlertPolicy } from "../alert/alert.ts";
import { itemOf } from "../alert/notice.ts";
import type { NoticeItem } from "../alert/notice.ts";
import type { IsHoliday } from "../alert/delivery.ts";
import type { Detection } from "../model/detection.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { adoptAlerts } from "./adopt.ts";
import type { Adopted } from "./adopt.ts";
import { answerByLink, answerCase } from "./answers.ts";
import type { Answer } from "./answers.ts";
import { linkToken } from "./ids.ts";
import { linkActor, revokeLinks } from "./links.ts";
import type { CaseRules, Owners } from "./options.ts";
import { createTake } from "./take.ts";
import type { TakeContext, Taken } from "./take.ts";

export interface CasesOptions {
  readonly desk: Desk;
  readonly owners: Owners;
  readonly originOf?: CaseRules["originOf"];
  /** Name of this node. */
  readonly origin: string;
  /** The node's secret, 32 bytes or more; the outbox's sender has the same. */
  readonly key: Uint8Array;
  readonly policy?: Partial<AlertPolicy>;
  readonly sensors?: CaseRules["sensors"];
  readonly isHoliday?: IsHoliday;
  readonly dutyMail?: string | null;
}

/** Alerts and cases of a node. Times are microseconds UTC. */
export interface Cases {
  readonly rules: CaseRules;
  /** Called by the detection runner in the transaction that moves its cursor, as the system. */
  takeDetections(trx: DeskTransaction, detections: readonly Detection[], context: TakeContext): Promise<Taken>;
  /** Gives open alerts that are nobody's to who owns their network by now; after the constituency changed. */
  adopt(now: number): Promise<Adopted>;
  /** Who bears a self-help link. @throws AppError LINK_ENDED */
  linkActor(token: string, now: number): Promise<Actor & { readonly case: string }>;
  answerByLink(actor: Actor & { readonly case: string }, answer: Answer, now: number): Promise<void>;
  answer(actor: Actor, id: string, answer: Answer, now: number): Promise<void>;
  revokeLinks(actor: Actor, what: { readonly case: string; readonly link?: string }, now: number): Promise<number>;
  /** An alert as its owner is told of it. */
  itemOf(alert: Alert, number: number): NoticeItem;
  /** The token of a link: for who renders its letter. */
  tokenOf(link: string): string;
}

export const createCases = (options: CasesOptions): Cases => {
  const { desk, key } = options;
  if (key.length < 32) throw new RangeError("the node's secret is too short");
  const rules: CaseRules = {
    owners: options.owners,
    originOf: options.originOf ?? (() => ({ asn: null, country: null })),
    policy: { ...defaultPolicy, ...options.policy },
    sensors: options.sensors ?? (() => 2),
    origin: options.origin,
    key,
    isHoliday: options.isHoliday ?? (() => false),
    dutyMail: options.dutyMail ?? null,
  };
  return {
    rules,
    takeDetections: createTake(rules),
    adopt: (now) => adoptAlerts(desk, rules, now),
    linkActor: (token, now) => linkActor(desk, token, now),
    answerByLink: (actor, answer, now) => answerByLink(desk, actor, answer, now),
    answer: (actor, id, answer, now) => answerCase(desk, actor, id, answer, now),
    revokeLinks: (actor, what, now) => revokeLinks(desk, actor, what, now),
    itemOf: (alert, number) => itemOf(alert, "notice", { case: alert.case ?? "", number, link: null }),
    tokenOf: (link) => linkToken(key, link),
  };
};
