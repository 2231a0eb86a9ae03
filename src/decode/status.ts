// SPDX-License-Identifier: Apache-2.0
import { undecodedKinds } from "../model/packets.ts";
import type { UndecodedKind } from "../model/packets.ts";

/** How decoding one packet ended: 0 decoded, else 1 + the kind's place in `undecodedKinds`. */
export const STATUS = Object.freeze({
  decoded: 0,
  ...(Object.fromEntries(undecodedKinds.map((kind, i) => [kind, i + 1])) as Record<UndecodedKind, number>),
});
