// SPDX-License-Identifier: Apache-2.0
import { createEgress } from "../platform/egress.ts";
import type { Egress } from "../platform/egress.ts";
import type { Settings } from "./config.ts";

const loopback: Readonly<Record<string, string>> = {
  localhost: "127.0.0.0/8",
  "127.0.0.1": "127.0.0.0/8",
  "[::1]": "::1/128",
};

/**
 * The one way out of this node. What the configuration allows, and this machine itself where the configuration names a service on it
 * (`named`): an identity provider beside the node.
 */
export const openEgress = ({ config }: Settings, named: readonly string[] = []): Egress =>
  createEgress({ allow: [...config.egress.allow, ...named.flatMap((url) => loopback[new URL(url).hostname] ?? [])] });
