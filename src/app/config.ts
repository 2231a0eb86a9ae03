// SPDX-License-Identifier: Apache-2.0
import { Resolver } from "node:dns";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { Type } from "typebox";
import type { Static } from "typebox";
import { sensorName } from "../model/sensor-name.ts";
import { parsePrefix } from "../net/prefix.ts";
import { loadConfig, readSecret } from "../platform/config.ts";
import { isEconomy } from "../platform/economy.ts";
import { createEgress } from "../platform/egress.ts";
import { AppError } from "../platform/errors.ts";
import { logLevels } from "../platform/log.ts";

const strict = { additionalProperties: false } as const;
/** How a value is written, in words, where its schema is no sentence: refusals say it. */
const form = (text: string): { readonly form: string } => ({ form: text });
const secret = Type.Union(
  [
    Type.Object({ env: Type.String({ pattern: "^[A-Z_][A-Z0-9_]*$" }) }, strict),
    Type.Object({ file: Type.String({ minLength: 1 }) }, strict),
  ],
  form("{env: NAME} or {file: PATH}, never the secret itself"),
);
const address = form("a mail address, for example desk@csirt.example");
const keptDays = form("a whole number of days from 1 to 36600, or null");
const httpUrl = form("an address that begins with http:// or https://");
const port = (value: number) => Type.Integer({ minimum: 0, maximum: 65535, default: value });
const section = <T extends Parameters<typeof Type.Object>[0]>(properties: T, description: string) =>
  Type.Object(properties, { ...strict, default: {}, description });

/** The whole configuration. Every key has a default, so the file may be empty. */
export const configSchema = Type.Object(
  {
    data: Type.String({ default: "data", minLength: 1, description: "the node's data folder" }),
    country: Type.Optional(
      Type.String({
        pattern: "^[A-Z]{2}$",
        ...form("two capital letters, for example ID"),
        description: "economy of this node (ISO 3166): where its sensors stand that were added without one",
      }),
    ),
    portal: section(
      {
        host: Type.String({
          default: "127.0.0.1",
          minLength: 2,
          maxLength: 64,
          description: "address it listens on; any other than loopback needs `origin`, and `tls` or `proxies`",
        }),
        port: port(8420),
        origin: Type.Optional(
          Type.String({
            pattern: "^https://[a-z0-9.-]{1,253}(:[0-9]{1,5})?$",
            ...form("https://, a name in small letters and perhaps a port, without a path: https://layang.example"),
            description:
              "where people reach the portal, for example https://layang.example; passkeys are bound to its name. Without it letters bear no link: it would lead to this machine alone",
          }),
        ),
        tls: Type.Optional(
          Type.Object(
            { certificate: Type.String({ minLength: 1 }), key: Type.String({ minLength: 1 }) },
            { ...strict, description: "PEM files: the portal speaks TLS itself" },
          ),
        ),
        proxies: Type.Array(Type.String({ minLength: 2, maxLength: 64 }), {
          default: [],
          maxItems: 16,
          description:
            "addresses or networks of reverse proxies whose X-Forwarded-For is believed; they keep the Host header",
        }),
        access: Type.Enum(["accounts", "token"], {
          default: "accounts",
          description: "`token`: no accounts, whoever has the printed address is in; loopback only",
        }),
        token: Type.Optional(secret),
      },
      "where people and programs ask",
    ),
    people: section(
      {
        idleMinutes: Type.Integer({
          default: 120,
          minimum: 5,
          maximum: 1440,
          description: "a session without a request ends",
        }),
        hours: Type.Integer({ default: 16, minimum: 1, maximum: 168, description: "a session ends, whatever happens" }),
        providers: Type.Array(
          Type.Object(
            {
              id: Type.String({
                pattern: "^[a-z0-9-]{2,32}$",
                ...form("2 to 32 characters of a-z, 0-9 and -"),
                description: "part of its addresses; people are bound to the issuer, not to this",
              }),
              name: Type.String({ minLength: 1, maxLength: 100, description: "what its button says" }),
              issuer: Type.String({
                pattern: "^https://|^http://(localhost|127\\.0\\.0\\.1)[:/]",
                maxLength: 512,
                ...form("an address that begins with https://"),
                description: "people are known by issuer and subject alone",
              }),
              clientId: Type.String({ minLength: 1, maxLength: 256, description: "as it is registered there" }),
              clientSecret: secret,
            },
            strict,
          ),
          { default: [], maxItems: 10, description: "identity providers beside passwords (OpenID Connect)" },
        ),
      },
      "accounts",
    ),
    audit: section(
      {
        folder: Type.Optional(
          Type.String({
            minLength: 1,
            description: "where signed heads of the audit log go every hour: a mount that leaves this machine",
          }),
        ),
        webhook: Type.Optional(
          Type.String({
            pattern: "^https://",
            maxLength: 512,
            ...form("an address that begins with https://"),
            description: "where they are posted as JSON",
          }),
        ),
        mail: Type.Optional(
          Type.String({
            pattern: "@",
            maxLength: 254,
            ...address,
            description: "where they are mailed, through `mail`",
          }),
        ),
      },
      "who read and did what; heads that leave the node make a rewritten log show",
    ),
    sensors: section(
      {
        host: Type.String({ default: "127.0.0.1", description: "any other address than loopback needs `tls`" }),
        port: port(8421),
        tls: Type.Optional(
          Type.Object(
            { certificate: Type.String({ minLength: 1 }), key: Type.String({ minLength: 1 }) },
            { ...strict, description: "PEM files" },
          ),
        ),
      },
      "the sensors' own door",
    ),
    store: section(
      {
        clickhouse: Type.Optional(
          Type.Object(
            {
              url: Type.String({ pattern: "^https?://", ...httpUrl }),
              database: Type.String({
                default: "layang",
                pattern: "^[A-Za-z_][A-Za-z0-9_]{0,63}$",
                ...form("a name of at most 64 letters, digits and _, no digit first"),
              }),
              user: Type.String({ default: "default" }),
              password: Type.Optional(secret),
            },
            { ...strict, description: "a ClickHouse server instead of the embedded engine" },
          ),
        ),
        retention: section(
          {
            sources: Type.Union([Type.Integer({ minimum: 1, maximum: 36600 }), Type.Null()], {
              default: 90,
              description: "rows that name a source",
              ...keptDays,
            }),
            fine: Type.Union([Type.Integer({ minimum: 1, maximum: 36600 }), Type.Null()], {
              default: 400,
              description: "roll-ups at 5 minutes and 1 hour",
              ...keptDays,
            }),
            coarse: Type.Union([Type.Integer({ minimum: 1, maximum: 36600 }), Type.Null()], {
              default: null,
              description: "roll-ups at 1 day, sensors' reports",
              ...keptDays,
            }),
          },
          "days that rows are kept; null keeps them for ever",
        ),
      },
      "flows, events, roll-ups",
    ),
    desk: section(
      {
        postgres: Type.Optional(
          Type.Object(
            {
              url: Type.String({
                pattern: "^postgres(ql)?://",
                ...form("an address that begins with postgres://, the password apart"),
              }),
              password: Type.Optional(secret),
            },
            {
              ...strict,
              description:
                "a PostgreSQL server (15 or newer) instead of the embedded engine; its user owns the database and may create roles",
            },
          ),
        ),
      },
      "organisations, alerts, cases, people, letters",
    ),
    mail: Type.Optional(
      Type.Object(
        {
          host: Type.String({ minLength: 1, description: "the mail server that takes our letters" }),
          port: port(587),
          tls: Type.Enum(["always", "starttls", "opportunistic", "none"], {
            default: "starttls",
            description: "`always` from the first byte, `starttls` demanded, `opportunistic` taken when offered",
          }),
          user: Type.Optional(Type.String({ minLength: 1 })),
          password: Type.Optional(secret),
          ca: Type.Optional(
            Type.String({ minLength: 1, description: "PEM file of the authority that signed its certificate" }),
          ),
          from: Type.String({
            minLength: 3,
            pattern: "@",
            ...form("a sender such as CSIRT <desk@csirt.example>"),
            description: "letters come from here: `Name <address>`",
          }),
          replyTo: Type.Optional(Type.String({ pattern: "@", ...address })),
          duty: Type.Optional(
            Type.String({ pattern: "@", ...address, description: "analysts are called here when a breaker opens" }),
          ),
          sign: Type.Boolean({
            default: true,
            description: "sign letters by OpenPGP, with a key that is made at the first start (`openpgp.asc`)",
          }),
          verp: Type.Boolean({
            default: false,
            description:
              "letters leave from `name+TAG@domain`, each from its own: reports that return no headers are known by it; the mail server has to deliver such addresses as `name@domain`",
          }),
          test: Type.Optional(
            Type.String({
              pattern: "@",
              ...address,
              description: "mail-test mode: every letter goes here and to nobody else",
            }),
          ),
        },
        { ...strict, description: "without it letters are tried for four days and are dead then: `retry` sends them" },
      ),
    ),
    name: Type.String({
      default: "Layang",
      minLength: 1,
      maxLength: 80,
      description: "this node, as its letters call it",
    }),
    prefixes: Type.Optional(
      Type.String({
        minLength: 1,
        description: "folder with newer prefix data, files named as the packaged ones; read anew when they change",
      }),
    ),
    researchScanners: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        maxItems: 16,
        description: "files of known research scanners: `address-or-prefix # owner`",
      }),
    ),
    egress: section(
      {
        allow: Type.Array(Type.String({ minLength: 2, maxLength: 49 }), {
          default: [],
          maxItems: 64,
          description: "private networks that the node may call all the same, also without TLS: `192.168.7.0/24`",
        }),
      },
      "what the node calls by itself: webhooks, registries; https and public addresses alone",
    ),
    rdap: section(
      {
        on: Type.Boolean({ default: false, description: "ask the registries (RDAP) for abuse contacts" }),
        bootstrap: Type.String({
          default: "https://data.iana.org/rdap/",
          pattern: "^https?://.*/$",
          ...form("an address that begins with https:// and ends in /"),
          description: "where the list of registries is",
        }),
      },
      "contacts that the registries propose",
    ),
    dns: section(
      {
        servers: Type.Array(Type.String({ minLength: 2, maxLength: 60 }), {
          default: [],
          maxItems: 8,
          description:
            "name servers that proofs of control are asked of: `address` or `address:port`; else the system's",
        }),
      },
      "proofs of control of a network",
    ),
    sensor: section(
      {
        name: Type.Optional(
          Type.String({ pattern: sensorName.source, ...form("2 to 32 characters of a-z, 0-9 and -") }),
        ),
        node: Type.Optional(Type.String({ pattern: "^https?://", ...httpUrl, description: "the node's sensor door" })),
        ca: Type.Optional(
          Type.String({ minLength: 1, description: "PEM file of the authority that signed the node's certificate" }),
        ),
        state: Type.String({ default: "sensor-state", minLength: 1, description: "key, spool, retired addresses" }),
        interface: Type.Optional(
          Type.String({
            pattern: "^[A-Za-z0-9_.:@-]{1,15}$",
            ...form("the name of a network interface, for example eth1"),
          }),
        ),
        dark: Type.Array(Type.String(), { default: [], maxItems: 256, description: "declared dark prefixes" }),
        spoolLimitMiB: Type.Integer({
          default: 32768,
          minimum: 16,
          description: "disk for batches that wait; a day at 25,000 packets a second takes 27 GiB",
        }),
        health: Type.Optional(
          Type.Integer({ minimum: 1, maximum: 65535, description: "port of /healthz and /metrics on loopback" }),
        ),
      },
      "settings of `layang sensor` on this machine",
    ),
    log: section({ level: Type.Enum([...logLevels], { default: "info" }) }, "one JSON object a line on standard error"),
  },
  strict,
);
export type Config = Static<typeof configSchema>;

const loopback = new Set(["127.0.0.1", "::1", "localhost"]);
const everywhere = new Set(["0.0.0.0", "::"]);

/** Whether one listener could keep the other from its port. */
const samePlace = (a: string, b: string): boolean =>
  a === b || everywhere.has(a) || everywhere.has(b) || (loopback.has(a) && loopback.has(b));

/** What the schema cannot say about who may reach the portal. */
const checkPortal = ({ portal }: Config, refuse: (why: string) => never): void => {
  const away = !loopback.has(portal.host);
  if (portal.access === "token" && (away || portal.origin !== undefined || portal.proxies.length > 0)) {
    refuse("`portal.access: token` is for this machine alone: no `origin`, no `proxies`, a loopback `host`");
  }
  if (away && portal.origin === undefined)
    refuse(`\`portal.host\` is ${portal.host}: outside loopback the portal needs \`portal.origin\``);
  if (away && portal.tls === undefined && portal.proxies.length === 0) {
    refuse(
      `\`portal.host\` is ${portal.host}: outside loopback the portal needs \`portal.tls\`, or \`portal.proxies\` that speak TLS before it`,
    );
  }
  if (portal.tls !== undefined && portal.origin === undefined)
    refuse("`portal.tls` needs `portal.origin`, the name in the certificate");
  for (const proxy of portal.proxies) {
    if (parsePrefix(proxy) === undefined && isIP(proxy) === 0)
      refuse(`\`portal.proxies\`: "${proxy}" is no address or network`);
  }
};

/** What the schema cannot say. @throws AppError CONFIG_INVALID. */
const check = (config: Config, name: string): void => {
  const refuse = (why: string): never => {
    throw new AppError("CONFIG_INVALID", `${name}: ${why}`);
  };
  checkPortal(config, refuse);
  const { portal, sensors, country } = config;
  if (portal.port !== 0 && portal.port === sensors.port && samePlace(portal.host, sensors.host))
    refuse(`\`portal.port\` and \`sensors.port\` are both ${portal.port}: each door needs a port of its own`);
  if (country !== undefined && !isEconomy(country))
    refuse(`\`country\` is ${country}, which is no economy's code (ISO 3166-1)`);
  for (const text of config.sensor.dark) {
    if (parsePrefix(text) === undefined) refuse(`\`sensor.dark\`: "${text}" is no network, for example 192.0.2.0/24`);
  }
  const { servers } = config.dns;
  try {
    if (servers.length > 0) new Resolver().setServers(servers);
  } catch {
    refuse(
      `\`dns.servers\`: ${servers.map((one) => `"${one}"`).join(", ")} are not all addresses, for example 192.0.2.53 or 192.0.2.53:5353`,
    );
  }
  try {
    createEgress(config.egress);
  } catch (error) {
    refuse((error as Error).message);
  }
  if (!loopback.has(sensors.host) && sensors.tls === undefined) {
    refuse(`\`sensors.host\` is ${sensors.host}: outside loopback the sensors' door needs \`sensors.tls\``);
  }
};

/** Whether letters go to owners, who reach no portal: links in them would lead to this machine alone. */
export const isPortalLocal = ({ portal, mail }: Config): boolean =>
  mail !== undefined && mail.test === undefined && portal.origin === undefined;

/** What is allowed and seldom meant, in sentences. */
export const warningsOf = (config: Config): readonly string[] =>
  isPortalLocal(config)
    ? [
        "`mail` without `portal.origin`: a link in a letter would lead to this machine alone, so letters bear none and owners can answer by mail only",
      ]
    : [];

export type Secret = Static<typeof secret>;
export interface Settings {
  readonly config: Config;
  /** Folder that relative paths of the configuration start from. */
  readonly base: string;
  /** Absolute path of a file or folder named in the configuration. */
  path(relative: string): string;
  secret(value: Secret): string;
}

/** Reads and checks the configuration without touching anything else. `data` (from the current folder) replaces the data folder. @throws AppError CONFIG_INVALID, CONFIG_UNREADABLE. */
export const openConfig = (file: string | undefined, data?: string): Settings => {
  const { config: read, base } = loadConfig<Config>(configSchema, file);
  check(read, file ?? "defaults");
  const config = data === undefined ? read : { ...read, data: resolve(data) };
  return { config, base, path: (relative) => resolve(base, relative), secret: (value) => readSecret(value, base) };
};
