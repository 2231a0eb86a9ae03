// SPDX-License-Identifier: Apache-2.0
import { isV4 } from "../net/ip.ts";
import { parsePrefix, prefixContains } from "../net/prefix.ts";
import type { Prefix } from "../net/prefix.ts";
import type { Egress } from "../platform/egress.ts";
import { AppError } from "../platform/errors.ts";

/** A contact that a registry names. */
export interface Proposal {
  /** Host that answered. */
  readonly registry: string;
  readonly handle: string;
  readonly name: string | null;
  readonly mail: string | null;
  readonly phone: string | null;
  readonly role: string;
}
export interface RdapAsked {
  readonly prefix?: string | null | undefined;
  readonly asn?: number | null | undefined;
  readonly domain?: string | null | undefined;
}
export interface Rdap {
  /** Contacts, those for abuse first; none when the registries know nothing of it. @throws AppError EGRESS_FAILED, EGRESS_REFUSED. */
  contacts(asked: RdapAsked): Promise<readonly Proposal[]>;
  /** The best mail address; null when there is none. */
  mailOf(asked: RdapAsked): Promise<string | null>;
}
export interface RdapOptions {
  readonly egress: Egress;
  /** Milliseconds. */
  readonly now: () => number;
  /** Where IANA's bootstrap files are (RFC 9224). */
  readonly bootstrap?: string;
}

const hour = 3_600_000;
const bootstrapFor = 24 * hour;
const answerFor = 24 * hour;
const nothingFor = hour;
const answersAtMost = 5_000;
const depthAtMost = 5;
const hopsAtMost = 3;

type Kind = "ipv4" | "ipv6" | "asn" | "dns";
/** What a registry serves, and where. */
interface Services {
  readonly read: number;
  readonly rows: readonly { readonly entry: string; readonly base: string }[];
}

const isTree = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const textOf = (value: unknown, most: number): string | null => {
  if (typeof value !== "string") return null;
  const plain = value.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
  return plain === "" ? null : plain.slice(0, most);
};

/** RFC 9224: `services` is a list of [entries, addresses]. */
const readServices = (document: unknown, read: number): Services => {
  const rows: { entry: string; base: string }[] = [];
  for (const service of listOf(isTree(document) ? document["services"] : undefined)) {
    const [entries, bases] = listOf(service);
    const addresses = listOf(bases)
      .filter((one) => typeof one === "string")
      .filter((one) => URL.canParse(one));
    const base = addresses.find((one) => one.startsWith("https:")) ?? addresses[0];
    if (base === undefined) continue;
    for (const entry of listOf(entries)) {
      if (typeof entry === "string")
        rows.push({ entry: entry.toLowerCase(), base: base.endsWith("/") ? base : `${base}/` });
    }
  }
  return { read, rows };
};

const baseFor = (
  { rows }: Services,
  kind: Kind,
  asked: { prefix?: Prefix; asn?: number; domain?: string },
): string | undefined => {
  let best: { base: string; weight: number } | undefined;
  for (const { entry, base } of rows) {
    let weight = -1;
    if (kind === "dns") {
      const name = asked.domain ?? "";
      if (name === entry || name.endsWith(`.${entry}`)) weight = entry.length;
    } else if (kind === "asn") {
      const [from, to = from] = entry.split("-").map(Number);
      const asn = asked.asn ?? -1;
      if (from !== undefined && to !== undefined && asn >= from && asn <= to) weight = 2 ** 32 - (to - from);
    } else {
      const held = parsePrefix(entry);
      if (
        held !== undefined &&
        asked.prefix !== undefined &&
        held.length <= asked.prefix.length &&
        prefixContains(held, asked.prefix.words)
      )
        weight = held.length;
    }
    if (weight >= 0 && (best === undefined || weight > best.weight)) best = { base, weight };
  }
  return best?.base;
};

const mailPattern = /^[^\s@<>,;"]{1,64}@[^\s@<>,;"]{1,189}$/;

/** Fields of a jCard (RFC 7095): [name, parameters, type, value]. */
const cardOf = (value: unknown): { name: string | null; mail: string | null; phone: string | null } => {
  const card = {
    name: null as string | null,
    mail: null as string | null,
    phone: null as string | null,
    org: null as string | null,
  };
  for (const property of listOf(listOf(value)[1])) {
    const [name, , , content] = listOf(property);
    const first = Array.isArray(content)
      ? (content as unknown[]).flat().find((one) => typeof one === "string")
      : content;
    if (name === "fn") card.name ??= textOf(first, 200);
    else if (name === "org") card.org ??= textOf(first, 200);
    else if (name === "email") {
      const mail = textOf(first, 254)?.replace(/^mailto:/i, "") ?? null;
      if (mail !== null && mailPattern.test(mail)) card.mail ??= mail;
    } else if (name === "tel") {
      const phone = textOf(first, 50)?.replace(/^tel:/i, "").replace(/;.*$/, "") ?? null;
      // The registries of the Asia-Pacific fill in zeros for roles that they generate.
      if (phone !== null && !/^[+\s0.-]*$/.test(phone)) card.phone ??= phone;
    }
  }
  return { name: card.name ?? card.org, mail: card.mail, phone: card.phone };
};

/** Whether a registry says of a contact that nobody answered there. */
const isInvalid = (entity: Readonly<Record<string, unknown>>): boolean =>
  listOf(entity["remarks"]).some((remark) =>
    listOf(isTree(remark) ? remark["description"] : undefined).some(
      (line) =>
        typeof line === "string" &&
        /\b(is|are|was|were)\s+(marked\s+(as\s+)?)?(invalid|not\s+valid|unresponsive)/i.test(line),
    ),
  );

const roleOrder = ["abuse", "technical", "noc", "administrative", "registrant"];

/** Contacts of an RDAP answer, the most useful first. */
export const contactsIn = (document: unknown, registry: string): readonly Proposal[] => {
  const found: (Proposal & { readonly rank: number })[] = [];
  const visit = (entities: unknown, depth: number): void => {
    if (depth > depthAtMost) return;
    for (const entity of listOf(entities).slice(0, 100)) {
      if (!isTree(entity)) continue;
      const roles = listOf(entity["roles"])
        .filter((role) => typeof role === "string")
        .map((role) => role.toLowerCase());
      const handle = textOf(entity["handle"], 200) ?? "";
      // An incident response team (IRT) is for abuse, whatever role it is listed under.
      const role = /^IRT-/i.test(handle) ? "abuse" : (roleOrder.find((one) => roles.includes(one)) ?? roles[0] ?? "");
      const { name, mail, phone } = cardOf(entity["vcardArray"]);
      if (mail !== null || phone !== null) {
        const place = roleOrder.indexOf(role);
        const rank =
          (place < 0 ? roleOrder.length : place) * 4 +
          (mail === null ? 2 : 0) +
          (isInvalid(entity) ? 1 : 0) +
          depth / 100;
        found.push({ registry, handle, name, mail, phone, role, rank });
      }
      visit(entity["entities"], depth + 1);
    }
  };
  visit(isTree(document) ? document["entities"] : undefined, 0);
  const seen = new Set<string>();
  return found
    .toSorted((a, b) => a.rank - b.rank)
    .filter(({ role, mail, phone }) => {
      const key = `${role} ${mail ?? phone ?? ""}`.toLowerCase();
      return !seen.has(key) && seen.add(key).size > 0;
    })
    .slice(0, 50)
    .map(({ rank: _, ...proposal }) => proposal);
};

/** Asks the registries (RFC 9082, 9083) whom to write to. */
export const createRdap = ({ egress, now, bootstrap = "https://data.iana.org/rdap/" }: RdapOptions): Rdap => {
  const services = new Map<Kind, Services>();
  const answers = new Map<string, { readonly until: number; readonly found: Promise<readonly Proposal[]> }>();

  const json = async (url: string, most: number): Promise<unknown> => {
    const response = await egress.fetch(url, { headers: { accept: "application/rdap+json, application/json" }, most });
    if (response.status === 404) return null;
    if (!response.ok) throw new AppError("EGRESS_FAILED", `${new URL(url).hostname} answers ${response.status}`);
    try {
      return (await response.json()) as unknown;
    } catch {
      throw new AppError("EGRESS_FAILED", `${new URL(url).hostname} does not answer with JSON`);
    }
  };
  const servicesOf = async (kind: Kind): Promise<Services> => {
    const held = services.get(kind);
    if (held !== undefined && now() - held.read < bootstrapFor) return held;
    try {
      const made = readServices(await json(`${bootstrap}${kind}.json`, 4 << 20), now());
      services.set(kind, made);
      return made;
    } catch (error) {
      // An old list is better than none.
      if (held !== undefined) return held;
      throw error;
    }
  };
  const follow = async (url: string, known: ReadonlySet<string>): Promise<{ document: unknown; registry: string }> => {
    let at = url;
    for (let hop = 0; ; hop++) {
      try {
        return { document: await json(at, 1 << 20), registry: new URL(at).hostname };
      } catch (error) {
        // A registry may send to another one that serves the block by now: followed where the bootstrap knows it, and nowhere else.
        const to = error instanceof AppError ? error.details["redirect"] : undefined;
        if (typeof to !== "string" || hop >= hopsAtMost || !known.has(new URL(to).host)) throw error;
        at = to;
      }
    }
  };
  const ask = async (asked: RdapAsked): Promise<readonly Proposal[]> => {
    const prefix = asked.prefix === null || asked.prefix === undefined ? undefined : parsePrefix(asked.prefix);
    const v4 = prefix !== undefined && isV4(prefix.words) && prefix.length >= 96;
    const kind: Kind = prefix !== undefined ? (v4 ? "ipv4" : "ipv6") : (asked.asn ?? null) !== null ? "asn" : "dns";
    const list = await servicesOf(kind);
    const base = baseFor(list, kind, {
      ...(prefix === undefined ? {} : { prefix }),
      ...(asked.asn === null || asked.asn === undefined ? {} : { asn: asked.asn }),
      ...(asked.domain === null || asked.domain === undefined ? {} : { domain: asked.domain.toLowerCase() }),
    });
    if (base === undefined) return [];
    const path =
      prefix !== undefined
        ? `ip/${asked.prefix ?? ""}`
        : kind === "asn"
          ? `autnum/${asked.asn ?? 0}`
          : `domain/${encodeURIComponent(asked.domain ?? "")}`;
    const known = new Set(list.rows.map((row) => new URL(row.base).host));
    const { document, registry } = await follow(`${base}${path}`, known);
    return contactsIn(document, registry);
  };
  const contacts: Rdap["contacts"] = async (asked) => {
    const key = JSON.stringify([asked.prefix ?? null, asked.asn ?? null, asked.domain ?? null]);
    const held = answers.get(key);
    if (held !== undefined && held.until > now()) return held.found;
    const found = ask(asked);
    answers.delete(key);
    answers.set(key, { until: now() + answerFor, found });
    if (answers.size > answersAtMost) answers.delete(answers.keys().next().value ?? "");
    try {
      const rows = await found;
      if (rows.length === 0) answers.set(key, { until: now() + nothingFor, found });
      return rows;
    } catch (error) {
      // A failure is not kept: the next one asks again.
      answers.delete(key);
      throw error;
    }
  };
  return {
    contacts,
    mailOf: async (asked) => (await contacts(asked)).find(({ mail }) => mail !== null)?.mail ?? null,
  };
};
