// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { minute, second } from "../alert/alert.ts";
import type { Closing } from "../alert/alert.ts";
import type { NoticePayload } from "../alert/notice.ts";
import { systemActor } from "../model/actor.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { readdress, successorsOf } from "./addressee.ts";
import type { Sent } from "./smtp.ts";

/** A letter that this sender holds for a while. */
export interface Leased {
  readonly id: string;
  readonly exercise: string;
  readonly realm: string;
  readonly organisation_id: string | null;
  readonly case_id: string | null;
  readonly contact_id: string | null;
  readonly channel: string;
  readonly recipient: string;
  readonly payload: NoticePayload;
  readonly attempts: number;
  /** Of them, those before somebody sent it again. */
  readonly tried_before: number;
  /** When it was first tried, since somebody sent it (again): its Date. */
  readonly begun: number;
  readonly form: string;
}

export interface OutboxOptions {
  readonly desk: Desk;
  /** Microseconds UTC. */
  readonly now: () => number;
  /** Makes one attempt. It does not throw for what the world does; what it throws is tried again later. */
  readonly deliver: (letter: Leased) => Promise<Sent>;
  readonly messageIdOf: (letter: string) => string;
  /** A letter was refused for good, or accepted: contacts learn from it. In the transaction of the outcome. */
  readonly onOutcome?: (trx: DeskTransaction, letter: Leased, sent: Sent, now: number) => Promise<void>;
  readonly onFault?: (error: unknown) => void;
  /** The mail server cannot be spoken to any more, in its or the system's words; null: it can again. Once each, not once a letter. */
  readonly onServer?: (away: string | null) => void;
  /** Letters at once, of mail and of webhooks each. */
  readonly parallel?: number;
  /** How long a letter is one sender's alone, microseconds; `leaseFor`. */
  readonly lease?: number;
  /** No other process sends from this desk: what a dead one held is taken at once. */
  readonly alone?: boolean;
}

export interface Outbox {
  /** Sends all that is due, and answers how many attempts were made. */
  drain(): Promise<number>;
  /** From now on, by itself: when poked, and at least every second. */
  start(): void;
  /** Something was written: look now. */
  poke(): void;
  stop(): Promise<void>;
}

/** Over four days and eleven hours: a server that is away for a long weekend costs no letter (RFC 5321, 4.5.4.1). */
const attemptsAtMost = 32;
/** Longer than an attempt takes: a server may look at a letter for ten minutes before it answers. */
export const leaseFor = 15 * minute;
/** Webhooks are their recipients' own servers, as slow as those like: they have lanes of their own, and mail does not wait for them. */
const lanes = ["mail", "webhook"] as const;
type Lane = (typeof lanes)[number];
/** 30 s, 2 min, 8 min, 32 min, 2 h, then every 4 h. */
export const backoff = (attempt: number): number => Math.min(240 * minute, 30 * second * 4 ** (attempt - 1));

/** A line in the timeline of every case that a letter speaks of. */
const record = async (
  trx: DeskTransaction,
  letter: Leased,
  kind: string,
  body: Readonly<Record<string, unknown>>,
  now: number,
  audience: "owner" | "staff",
): Promise<void> => {
  const cases = [
    ...new Set([
      ...(letter.case_id === null ? [] : [letter.case_id]),
      ...letter.payload.items.map((item) => item.case),
    ]),
  ];
  if (cases.length === 0) return;
  await sql`INSERT INTO case_events (case_id, organisation_id, realm, at, actor, kind, body, marking, audience)
SELECT id, organisation_id, realm, ${now}, 'system', ${kind}, ${JSON.stringify(body)}::jsonb, marking, ${audience} FROM cases WHERE id = ANY (${cases})`.execute(
    trx,
  );
};
/** What such a line says of how an attempt ended. */
const endOf = (letter: Leased, attempt: number, answer: string): Readonly<Record<string, unknown>> => ({
  letter: letter.id,
  form: letter.form,
  channel: letter.channel,
  contact: letter.contact_id,
  attempt,
  answer,
});

/** What is wrong is not told: whose finding it is, or that it is one, was taken back since the letter was written. */
const wrong: readonly Closing[] = ["withdrawn", "false-positive", "not-ours"];

/** Letters without what they say that is wrong or suppressed by now. One of which nothing is left does not leave. */
const stillTold = async (trx: DeskTransaction, letters: readonly Leased[], now: number): Promise<readonly Leased[]> => {
  const tells = (letter: Leased): boolean => letter.form !== "correction" && letter.payload.items.length > 0;
  const alerts = [...new Set(letters.filter(tells).flatMap(({ payload }) => payload.items.map(({ alert }) => alert)))];
  if (alerts.length === 0) return letters;
  const { rows } = await sql<{
    id: string;
  }>`SELECT id FROM alerts WHERE id = ANY (${alerts}) AND (closing = ANY (${[...wrong]}) OR suppressed_until > ${now})`.execute(
    trx,
  );
  if (rows.length === 0) return letters;
  const gone = new Set(rows.map(({ id }) => id));
  const left: Leased[] = [];
  for (const letter of letters) {
    const items = letter.payload.items.filter(({ alert }) => !tells(letter) || !gone.has(alert));
    if (items.length < letter.payload.items.length) {
      const over = items.length === 0;
      await sql`UPDATE outbox SET payload = jsonb_set(payload, '{items}', ${JSON.stringify(items)}::jsonb), state = ${over ? "dead" : "sending"},
  attempts = attempts - ${over ? 1 : 0}, leased_until = CASE WHEN ${over} THEN NULL ELSE leased_until END, error = CASE WHEN ${over} THEN 'taken back before it left' ELSE error END WHERE id = ${letter.id}`.execute(
        trx,
      );
      if (over) continue;
    }
    left.push({ ...letter, payload: { ...letter.payload, items } });
  }
  return left;
};

/** Letters to who is there: what was written to a contact that has ended since goes to who took its place, or is dead. */
const stillThere = async (
  trx: DeskTransaction,
  letters: readonly Leased[],
  now: number,
): Promise<readonly Leased[]> => {
  // A letter of no organisation proves or objects: it is for whom it was written to.
  const next = await successorsOf(
    trx,
    letters.filter(({ organisation_id }) => organisation_id !== null),
    false,
  );
  if (next.size === 0) return letters;
  const left: Leased[] = [];
  for (const letter of letters) {
    const to = next.get(letter.id);
    if (to === null) {
      const answer = "its contact has ended, and nobody took the place";
      await sql`UPDATE outbox SET state = 'dead', attempts = attempts - 1, leased_until = NULL, error = ${answer} WHERE id = ${letter.id}`.execute(
        trx,
      );
      await record(trx, letter, "undeliverable", endOf(letter, letter.attempts - 1, answer), now, "staff");
      continue;
    }
    if (to !== undefined) await readdress(trx, letter, to);
    left.push(to === undefined ? letter : { ...letter, contact_id: to.contact, recipient: to.address });
  }
  return left;
};

/** Letters that are due, this sender's for a while. None: there are none. */
const lease = async (
  trx: DeskTransaction,
  options: OutboxOptions,
  lane: Lane,
  under: readonly string[],
  atOnce: number,
  now: number,
): Promise<readonly Leased[]> => {
  const until = now + (options.lease ?? leaseFor);
  const taken = await sql<Leased>`UPDATE outbox SET state = 'sending', attempts = attempts + 1, leased_until = ${until}
WHERE id IN (SELECT id FROM outbox WHERE due <= ${now} AND (channel = 'webhook') = ${lane === "webhook"} AND (state = 'waiting' OR (state = 'sending' AND leased_until < ${now} AND id <> ALL (${[...under]}::text[]))) ORDER BY due LIMIT ${atOnce} FOR UPDATE SKIP LOCKED)
RETURNING id, exercise, realm, organisation_id, case_id, contact_id, channel, recipient, payload, attempts, tried_before, form,
  coalesce((SELECT min(d.began) FROM deliveries d WHERE d.outbox_id = outbox.id AND d.attempt > outbox.tried_before), ${now}) AS begun`.execute(
    trx,
  );
  if (taken.rows.length === 0) return [];
  const rows = await stillThere(trx, await stillTold(trx, taken.rows, now), now);
  if (rows.length === 0) return lease(trx, options, lane, under, atOnce, now);
  const begun = rows.map((row) => ({
    outbox_id: row.id,
    organisation_id: row.organisation_id,
    realm: row.realm,
    attempt: row.attempts,
    began: now,
    message_id: options.messageIdOf(row.id),
  }));
  // The record of the attempt is there before the attempt: whatever happens in between, it says that the letter may have arrived.
  await sql`INSERT INTO deliveries (outbox_id, organisation_id, realm, attempt, began, message_id)
SELECT outbox_id, organisation_id, realm, attempt, began, message_id FROM jsonb_to_recordset(${JSON.stringify(begun)}::jsonb)
  AS r(outbox_id text, organisation_id text, realm text, attempt int, began bigint, message_id text)`.execute(trx);
  return rows;
};

const finish = async (
  trx: DeskTransaction,
  options: OutboxOptions,
  letter: Leased,
  sent: Sent,
  now: number,
): Promise<void> => {
  await sql`UPDATE deliveries SET ended = ${now}, outcome = ${sent.outcome}, answer = ${sent.answer} WHERE outbox_id = ${letter.id} AND attempt = ${letter.attempts}`.execute(
    trx,
  );
  const body = endOf(letter, letter.attempts, sent.answer);
  if (sent.outcome === "accepted") {
    // Whoever sent it: another sender may have it by now. What came back already stays so.
    await sql`UPDATE outbox SET state = 'sent', sent = ${now}, leased_until = NULL, error = NULL WHERE id = ${letter.id} AND state <> 'dead'`.execute(
      trx,
    );
    const alerts = letter.payload.items.filter(({ form }) => form !== "correction").map(({ alert }) => alert);
    if (alerts.length > 0) {
      await sql`UPDATE alerts SET notified = ${now}, version = version + 1 WHERE id = ANY (${alerts}) AND notified IS NULL`.execute(
        trx,
      );
      // Told, and nobody has answered: its owner is waited for.
      await sql`UPDATE cases SET state = 'waiting', version = version + 1 WHERE id IN (SELECT case_id FROM alerts WHERE id = ANY (${alerts})) AND state = 'open' AND unanswered IS NOT NULL`.execute(
        trx,
      );
    }
    await record(trx, letter, "notified", body, now, "owner");
  } else {
    const tries = letter.attempts - letter.tried_before;
    const over = sent.outcome === "refused" || tries >= attemptsAtMost;
    // Of an attempt that ends after its lease the next one decides, which has begun.
    const { numAffectedRows: own } =
      await sql`UPDATE outbox SET state = ${over ? "dead" : "waiting"}, due = ${now + backoff(tries)}, leased_until = NULL, error = ${sent.answer} WHERE id = ${letter.id} AND state = 'sending' AND attempts = ${letter.attempts}`.execute(
        trx,
      );
    if (over && own === 1n) await record(trx, letter, "undeliverable", body, now, "staff");
    else if (sent.outcome === "unknown") await record(trx, letter, "delivery-unknown", body, now, "staff");
  }
  await options.onOutcome?.(trx, letter, sent, now);
};

/**
 * Sends what the desk wrote. At least once: an attempt is recorded before it is made, and one that has no end in its record may have
 * arrived; the letter is then sent again under the same Message-ID.
 */
export const createOutbox = (options: OutboxOptions): Outbox => {
  const { desk, now, parallel = 8 } = options;
  let stopped = false;
  /** Undefined: nobody knows yet. */
  let away: boolean | undefined;

  /** What an attempt says of the mail server. Once it answers again, what waits for it is due: the pauses between attempts were its absence. */
  const noteServer = async (letter: Leased, sent: Sent): Promise<void> => {
    if (letter.channel !== "mail" || sent.outcome === "unknown") return;
    const before = away;
    away = sent.outcome === "deferred" && sent.server === true;
    if (away) {
      if (before !== true) options.onServer?.(sent.answer);
      return;
    }
    if (before === false) return;
    if (before === true) options.onServer?.(null);
    else if (sent.outcome !== "accepted") {
      // Since the start nothing has left, and this is no reason to try all of it.
      away = undefined;
      return;
    }
    await desk.as(systemActor, (trx) =>
      sql`UPDATE outbox SET due = ${now()} WHERE channel = 'mail' AND state = 'waiting' AND error IS NOT NULL AND due > ${now()} AND id <> ${letter.id}`.execute(
        trx,
      ),
    );
  };
  const one = async (letter: Leased): Promise<void> => {
    let sent: Sent;
    try {
      sent = await options.deliver(letter);
    } catch (error) {
      options.onFault?.(error);
      sent = { outcome: "deferred", answer: error instanceof Error ? error.message.slice(0, 300) : "fault" };
    }
    await desk.as(systemActor, (trx) => finish(trx, options, letter, sent, now()));
    await noteServer(letter, sent);
  };
  const recover = (): Promise<void> =>
    desk.as(systemActor, async (trx) => {
      await sql`UPDATE outbox SET leased_until = 0 WHERE state = 'sending'`.execute(trx);
    });
  /** One lane: it empties what is due, and runs by itself once it was started. */
  const makeLane = (lane: Lane) => {
    let running = false;
    let poked = false;
    let timer: NodeJS.Timeout | undefined;
    let current: Promise<unknown> = Promise.resolve();
    let wake = (): void => undefined;
    /** Until a letter is through, somebody pokes, or a second has gone. */
    const rest = async (under: Iterable<Promise<void>>): Promise<void> => {
      if (poked) return;
      let clock: NodeJS.Timeout | undefined;
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
        clock = setTimeout(resolve, 1_000);
      });
      await Promise.race([...under, woken]);
      clearTimeout(clock);
    };
    /** Until nothing is due and nothing on its way. A slow letter holds its own place and no other. */
    const drain = async (): Promise<number> => {
      let made = 0;
      const under = new Map<string, Promise<void>>();
      const faults: unknown[] = [];
      while (!stopped && faults.length === 0) {
        const at = now();
        poked = false;
        const letters = await desk.as(systemActor, (trx) =>
          lease(trx, options, lane, [...under.keys()], parallel - under.size, at),
        );
        made += letters.length;
        for (const letter of letters) {
          under.set(
            letter.id,
            one(letter)
              .catch((error: unknown) => void faults.push(error))
              .finally(() => under.delete(letter.id)),
          );
        }
        if (under.size === 0) break;
        if (under.size >= parallel) await Promise.race(under.values());
        else if (letters.length === 0) await rest(under.values());
      }
      await Promise.all(under.values());
      if (faults.length > 0) throw faults[0];
      return made;
    };
    const run = (): void => {
      clearTimeout(timer);
      if (stopped) return;
      if (running) {
        poked = true;
        wake();
        return;
      }
      running = true;
      current = drain()
        .catch((error: unknown) => options.onFault?.(error))
        .finally(() => {
          running = false;
          if (stopped) return;
          if (poked) run();
          else timer = setTimeout(run, 1_000);
        });
    };
    return {
      drain,
      run,
      stop: async () => {
        clearTimeout(timer);
        wake();
        await current;
      },
    };
  };
  const own = lanes.map(makeLane);
  const run = (): void => {
    for (const lane of own) lane.run();
  };
  let recovering: Promise<unknown> | undefined;
  return {
    drain: async () => (await Promise.all(own.map((lane) => lane.drain()))).reduce((sum, made) => sum + made, 0),
    poke: () => {
      if (recovering === undefined) run();
    },
    start: () => {
      if (options.alone !== true) return run();
      recovering = recover()
        .catch((error: unknown) => options.onFault?.(error))
        .finally(() => {
          recovering = undefined;
          run();
        });
    },
    stop: async () => {
      stopped = true;
      await recovering;
      await Promise.all(own.map((lane) => lane.stop()));
    },
  };
};
