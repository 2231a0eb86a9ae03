// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Owners } from "../../constituency/owners.ts";
import { AppError } from "../../platform/errors.ts";
import { lookUp } from "../../registry/lookup.ts";
import type { Desk } from "../../store/desk/desk.ts";
import { staff } from "../../access/rule.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { mount } from "./route.ts";

const word = Type.Optional(Type.String({ maxLength: 200 }));
const strict = { additionalProperties: false } as const;
const destinations = Type.Optional(
  Type.Object(
    {
      destinations: Type.Array(
        Type.Object(
          {
            source: Type.Literal("portal"),
            name: Type.String(),
            contacts: Type.Array(Type.Object({ email: Type.String() }, strict)),
          },
          strict,
        ),
      ),
    },
    strict,
  ),
);
/** What IntelMQ's tuency expert asks: its `url` is this node's address with `/api/v1/tuency/` behind it. */
export const lookupEndpoint = {
  method: "GET",
  path: "/api/v1/tuency/intelmq/lookup",
  query: Type.Object(
    {
      classification_taxonomy: word,
      classification_type: word,
      classification_identifier: word,
      feed_provider: word,
      feed_name: word,
      feed_code: word,
      feed_status: word,
      confidence: word,
      ip: Type.Optional(Type.String({ minLength: 2, maxLength: 45 })),
      domain: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
    },
    strict,
  ),
  answer: Type.Object(
    {
      ip: destinations,
      domain: destinations,
      suppress: Type.Optional(Type.Literal(true)),
      interval: Type.Optional(
        Type.Object({ unit: Type.Enum(["immediate", "days", "weeks"]), length: Type.Integer() }, strict),
      ),
    },
    strict,
  ),
  about: "Whom to tell about an address or a domain, as IntelMQ's tuency expert asks",
} as const;

/** Whom to tell, for IntelMQ. */
export const withTuency = (
  server: FastifyInstance,
  services: { readonly desk: Desk; readonly now: () => number; readonly owners: () => Owners },
  actorOf: ActorOf,
): void =>
  mount(
    server,
    lookupEndpoint,
    { who: [...staff, "member"], audit: "constituency.lookup", scope: "lookup:read" },
    ({ query, request }) => {
      const { ip, domain } = query;
      if (ip === undefined && domain === undefined) {
        throw new AppError("QUERY_PARAMETER", "`ip` or `domain` is missing", { parameter: "ip" });
      }
      touch(request, ...[ip, domain].filter((one) => one !== undefined));
      return lookUp(
        services.desk,
        services.owners(),
        actorOf(request),
        {
          ...(ip === undefined ? {} : { ip }),
          ...(domain === undefined ? {} : { domain }),
          ...(query.classification_taxonomy === undefined ? {} : { taxonomy: query.classification_taxonomy }),
          ...(query.classification_type === undefined ? {} : { type: query.classification_type }),
          ...(query.feed_status === undefined ? {} : { feedStatus: query.feed_status }),
        },
        services.now(),
      );
    },
  );
