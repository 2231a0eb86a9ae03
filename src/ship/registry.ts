// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes, timingSafeEqual, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { sensorName } from "../model/sensor-name.ts";
import { AppError } from "../platform/errors.ts";
import { parseMoment } from "../platform/moment.ts";
import { writeDurably } from "../platform/files.ts";
import { scopeLabel } from "./head.ts";
import { publicKeyOf } from "./keys.ts";

const DAY = 86_400_000;
const TOKEN_DAYS = 7;

/** What the node knows of one sensor: the content of `sensors/NAME.json`. Times are RFC 3339 UTC. */
export interface SensorRecord {
  readonly name: string;
  /** ISO 3166 code of the economy it stands in. */
  readonly country: string | null;
  readonly city: string | null;
  /** "" is the shared realm. */
  readonly realm: string;
  /** "" is real. */
  readonly exercise: string;
  readonly added: string;
  /** SHA-256 of the one-time token (base64url) and when it ends. Kept after its use, so that a repeated enrolment is known. */
  readonly token: { readonly hash: string; readonly expires: string };
  /** Public key, set by enrolment. */
  readonly key: string | null;
  readonly enrolled: string | null;
  /** `withdrawn` is when the rows since `since` had left the store. */
  readonly revoked: { readonly at: string; readonly since: string | null; readonly withdrawn: string | null } | null;
}
export interface NewSensor {
  readonly name: string;
  readonly country?: string | undefined;
  readonly city?: string | undefined;
  readonly realm?: string | undefined;
  readonly exercise?: string | undefined;
}
export interface Enrolment {
  readonly name: string;
  readonly token: string;
  readonly key: string;
  /** Proof that the sender holds the private key: signature (base64url) over `enrolmentMessage`. */
  readonly proof: string;
}
export const enrolmentMessage = (name: string, token: string): Uint8Array =>
  new TextEncoder().encode(`layang enrol ${name}|${token}`);

const hashOf = (token: string): string => createHash("sha256").update(token).digest("base64url");
const same = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

interface Cached {
  readonly stamp: string;
  readonly record: SensorRecord;
  readonly key: KeyObject | undefined;
}

/**
 * The sensors of a node, one file each in `folder`. Command and running node may both write: each change is read, made and
 * renamed into place at once, and a reader looks at the file's stamp every time, so that a revocation works from the next
 * request on.
 */
export class SensorRegistry {
  readonly #folder: string;
  readonly #now: () => number;
  readonly #cache = new Map<string, Cached>();

  /** `now` gives milliseconds since 1970. */
  constructor(folder: string, now: () => number = Date.now) {
    this.#folder = folder;
    this.#now = now;
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }

  #path(name: string): string {
    if (!sensorName.test(name)) {
      throw new AppError(
        "SENSOR_NAME",
        'a sensor\'s name has 2 to 32 characters of a-z, 0-9 and -, and is not "constructor"',
      );
    }
    return join(this.#folder, `${name}.json`);
  }

  #load(name: string): Cached | undefined {
    const path = this.#path(name);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    const stamp = `${found.ino} ${found.mtimeMs} ${found.size}`;
    const cached = this.#cache.get(name);
    if (cached?.stamp === stamp) return cached;
    const record = JSON.parse(readFileSync(path, "utf8")) as SensorRecord;
    const fresh = { stamp, record, key: record.key === null ? undefined : publicKeyOf(record.key) };
    this.#cache.set(name, fresh);
    return fresh;
  }

  #save(record: SensorRecord): SensorRecord {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    writeDurably(this.#path(record.name), `${JSON.stringify(record, null, 2)}\n`, 0o600);
    return record;
  }

  /** Reading makes no folder: a node without sensors has none. */
  #files(): string[] {
    try {
      return readdirSync(this.#folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  get(name: string): SensorRecord | undefined {
    return sensorName.test(name) ? this.#load(name)?.record : undefined;
  }

  list(): SensorRecord[] {
    return this.#files()
      .filter((file) => /^[a-z0-9-]{2,32}\.json$/.test(file))
      .sort()
      .flatMap((file) => this.get(file.slice(0, -5)) ?? []);
  }

  /**
   * Adds a sensor, or makes a new token for one that never enrolled or was revoked. Returns the token, `NAME.SECRET`: only
   * its hash is kept. @throws AppError SENSOR_NAME, SENSOR_EXISTS, USAGE for a realm or exercise that no batch can name.
   */
  add(sensor: NewSensor): { record: SensorRecord; token: string } {
    const before = this.#load(sensor.name)?.record;
    if (before !== undefined && before.key !== null && before.revoked === null) {
      throw new AppError("SENSOR_EXISTS", `sensor ${sensor.name} is enrolled; revoke it first or choose another name`);
    }
    for (const [what, label] of [
      ["realm", sensor.realm],
      ["exercise", sensor.exercise],
    ] as const) {
      if (label !== undefined && !scopeLabel.test(label))
        throw new AppError(
          "USAGE",
          `a sensor's ${what} has up to 64 characters of a-z, 0-9, . _ and -, not "${label}"`,
        );
    }
    const token = `${sensor.name}.${randomBytes(32).toString("base64url")}`;
    const record = this.#save({
      name: sensor.name,
      country: sensor.country ?? before?.country ?? null,
      city: sensor.city ?? before?.city ?? null,
      realm: sensor.realm ?? before?.realm ?? "",
      exercise: sensor.exercise ?? before?.exercise ?? "",
      added: before?.added ?? this.#time(),
      token: { hash: hashOf(token), expires: new Date(this.#now() + TOKEN_DAYS * DAY).toISOString() },
      key: null,
      // Of one that was revoked: in that time it was to report, and its outages were some.
      enrolled: before?.enrolled ?? null,
      // Stays until the new key is there: what was asked to be withdrawn is not forgotten.
      revoked: before?.revoked ?? null,
    });
    return { record, token };
  }

  /**
   * Binds a key to a name, once. The same enrolment again (its answer was lost) is fine; another key is not.
   * @throws AppError TOKEN_INVALID, TOKEN_EXPIRED, SIGNATURE_INVALID, DOOR_BUSY.
   */
  enrol({ name, token, key, proof }: Enrolment): SensorRecord {
    const record = this.get(name);
    // One code for an unknown name and a wrong token: names are not to be found out here.
    if (record === undefined || !same(record.token.hash, hashOf(token))) {
      throw new AppError("TOKEN_INVALID", "this token is not known here");
    }
    const publicKey = publicKeyOf(key);
    if (
      publicKey === undefined ||
      !verify(null, enrolmentMessage(name, token), publicKey, Buffer.from(proof, "base64url"))
    ) {
      throw new AppError("SIGNATURE_INVALID", "the enrolment is not signed with the key it brings");
    }
    if (record.key === key && record.revoked === null) return record;
    if (record.key !== null) throw new AppError("TOKEN_INVALID", "this token was used by another sensor");
    if (record.revoked !== null && record.revoked.since !== null && record.revoked.withdrawn === null) {
      throw new AppError("DOOR_BUSY", `rows of ${name} are being withdrawn; try again in a minute`);
    }
    if (this.#now() > Date.parse(record.token.expires)) throw new AppError("TOKEN_EXPIRED", "this token has expired");
    return this.#save({ ...record, key, enrolled: this.#time(), revoked: null });
  }

  /** The sensor's record and key, in force or not; undefined for a name that is not known or has no key yet. */
  holder(name: string): { record: SensorRecord; key: KeyObject } | undefined {
    const found = sensorName.test(name) ? this.#load(name) : undefined;
    return found?.key === undefined ? undefined : { record: found.record, key: found.key };
  }

  /** For who is known to hold the sensor's key. @throws AppError SENSOR_UNKNOWN, SENSOR_REVOKED. */
  admit(name: string): SensorRecord {
    const found = this.holder(name);
    // One code for what is not known, not enrolled and another's: names are not to be found out at the door.
    if (found === undefined) throw new AppError("SENSOR_UNKNOWN", "no sensor of this name and key is known here");
    if (found.record.revoked !== null) throw new AppError("SENSOR_REVOKED", `sensor ${name} was revoked`);
    return found.record;
  }

  /**
   * Refuses the sensor from now on. `since` (RFC 3339) also asks for its rows from then on to be withdrawn: the running node
   * finds it in `toWithdraw`. @throws AppError SENSOR_UNKNOWN, USAGE.
   */
  revoke(name: string, since?: string): SensorRecord {
    const record = this.get(name);
    if (record === undefined) throw new AppError("SENSOR_UNKNOWN", `there is no sensor ${name}`);
    const moment = since === undefined ? null : parseMoment(since);
    if (moment === undefined) {
      throw new AppError("USAGE", `"${since}" is no time with its zone, for example 2026-11-23T00:00:00Z`);
    }
    const from = moment === null ? null : new Date(moment).toISOString();
    // Refused once is refused from then on: asked again, only what is to be withdrawn changes.
    const { revoked } = record;
    if (revoked !== null && from === null) return record;
    return this.#save({ ...record, revoked: { at: revoked?.at ?? this.#time(), since: from, withdrawn: null } });
  }

  /** Revoked sensors whose rows since a time (microseconds) still have to leave the store. */
  toWithdraw(): { name: string; since: number }[] {
    return this.list().flatMap(({ name, revoked }) =>
      revoked !== null && revoked.since !== null && revoked.withdrawn === null
        ? [{ name, since: Date.parse(revoked.since) * 1_000 }]
        : [],
    );
  }

  /** Notes that the rows of `toWithdraw` have left. Where others were asked for meanwhile, those still have to. */
  withdrawn(name: string, since: number): void {
    const record = this.get(name);
    if (record?.revoked?.since == null || Date.parse(record.revoked.since) * 1_000 !== since) return;
    this.#save({ ...record, revoked: { ...record.revoked, withdrawn: this.#time() } });
  }
}
