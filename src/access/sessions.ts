// SPDX-License-Identifier: Apache-2.0
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { asSystem, personOf } from "./identity.ts";
import type { Person } from "./identity.ts";
import { hashOf, newId, newSecret } from "./secrets.ts";

export type SessionState = "factor" | "enrol" | "in";
/** Who sits at the other end, as far as it can be told. */
export interface Client {
  readonly address: string | undefined;
  readonly agent: string;
  /** Of a cookie that was checked: this browser signed in before. */
  readonly device: string | undefined;
}
export interface Session {
  readonly id: string;
  readonly state: SessionState;
  readonly person: Person;
  /** Microseconds. */
  readonly expires: number;
  /** When password or factor were last shown; microseconds. */
  readonly proved: number;
}
export interface SessionTimes {
  /** Microseconds without a request after which a session ends. */
  readonly idle: number;
  /** Microseconds after which it ends whatever happens. */
  readonly absolute: number;
}
export const sessionTimes: SessionTimes = { idle: 2 * 3600e6, absolute: 16 * 3600e6 };
/** A sign-in that was begun and not finished. */
const begun = 10 * 60e6;
/** What was seen less than this ago is not written again. */
const quiet = 60e6;
const kept = 5e6;
const mostKept = 2000;
/** Sessions of one person, and as many that only began; the oldest ends when one more of its kind begins: who knows the password alone ends nobody's. */
const mostSessions = 20;

export interface Sessions {
  /** The session of a cookie's secret, or null. Known for up to 5 s without asking the desk; ends in this process are at once. */
  find(secret: string): Promise<Session | null>;
  /** Begins a session and gives its secret, which nobody had before: what was known until then opens nothing. */
  begin(
    trx: DeskTransaction,
    personId: string,
    state: SessionState,
    client: Client,
    replaces?: string,
  ): Promise<string>;
  end(id: string): Promise<void>;
  /** Ends all sessions of a person but one. */
  endAll(trx: DeskTransaction, personId: string, but?: string): Promise<void>;
  /** Forgets what is remembered: roles or rights changed. */
  changed(): void;
  /** Counts up with `changed`. */
  version(): number;
  /** Deletes what ended. */
  tidy(): Promise<void>;
}

export const createSessions = (options: {
  readonly desk: Desk;
  /** Microseconds. */
  readonly now: () => number;
  readonly times?: SessionTimes;
}): Sessions => {
  const { desk, now } = options;
  const times = options.times ?? sessionTimes;
  const known = new Map<string, { at: number; session: Session | null }>();
  let version = 0;
  const changed = (): void => {
    version++;
    known.clear();
  };

  const look = (hash: string): Promise<Session | null> =>
    asSystem(desk, async (trx) => {
      const row = await trx.selectFrom("sessions").selectAll().where("hash", "=", hash).executeTakeFirst();
      if (row === undefined) return null;
      const at = now();
      const idle = row.state === "in" ? times.idle : begun;
      if (at >= row.expires || at - row.seen >= idle) {
        await trx.deleteFrom("sessions").where("id", "=", row.id).execute();
        return null;
      }
      const person = await personOf(trx, row.person_id, at);
      if (person === undefined || person.state !== "active") return null;
      if (at - row.seen >= quiet) {
        await trx.updateTable("sessions").set({ seen: at }).where("id", "=", row.id).execute();
        if (row.state === "in") await trx.updateTable("people").set({ seen: at }).where("id", "=", person.id).execute();
      }
      return { id: row.id, state: row.state, person, expires: row.expires, proved: row.proved };
    });

  return {
    changed,
    version: () => version,
    find: async (secret) => {
      const hash = hashOf(secret);
      const found = known.get(hash);
      if (found !== undefined && now() - found.at < kept && now() >= found.at) return found.session;
      const before = version;
      const session = await look(hash);
      // What was ended while the desk answered is not remembered as it was.
      if (version !== before) return session;
      known.delete(hash);
      known.set(hash, { at: now(), session });
      const oldest = known.keys().next().value;
      if (known.size > mostKept && oldest !== undefined) known.delete(oldest);
      return session;
    },
    begin: async (trx, personId, state, client, replaces) => {
      const secret = newSecret();
      const at = now();
      if (replaces !== undefined) await trx.deleteFrom("sessions").where("id", "=", replaces).execute();
      const own = await trx
        .selectFrom("sessions")
        .select("id")
        .where("person_id", "=", personId)
        .where("state", state === "in" ? "=" : "<>", "in")
        .orderBy("began", "desc")
        .offset(mostSessions - 1)
        .execute();
      if (own.length > 0) {
        await trx
          .deleteFrom("sessions")
          .where(
            "id",
            "in",
            own.map(({ id }) => id),
          )
          .execute();
      }
      await trx
        .insertInto("sessions")
        .values({
          id: newId(),
          hash: hashOf(secret),
          person_id: personId,
          state,
          began: at,
          seen: at,
          expires: at + (state === "in" ? times.absolute : begun),
          proved: at,
          challenge: null,
          agent: client.agent.slice(0, 200),
          address: client.address ?? null,
        })
        .execute();
      changed();
      return secret;
    },
    end: async (id) => {
      await asSystem(desk, (trx) => trx.deleteFrom("sessions").where("id", "=", id).execute());
      changed();
    },
    endAll: async (trx, personId, but = "") => {
      await trx.deleteFrom("sessions").where("person_id", "=", personId).where("id", "<>", but).execute();
      changed();
    },
    tidy: async () => {
      const at = now();
      await asSystem(desk, (trx) =>
        trx
          .deleteFrom("sessions")
          .where((eb) => eb.or([eb("expires", "<=", at), eb("seen", "<", at - times.idle)]))
          .execute(),
      );
    },
  };
};
