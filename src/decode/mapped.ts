// SPDX-License-Identifier: Apache-2.0
import { V4_MAPPED } from "../net/ip.ts";

/** Whether the 16 bytes of an address hold one of IPv4. */
export const isMapped = (view: DataView, at: number): boolean =>
  view.getUint32(at + 8) === V4_MAPPED && view.getUint32(at + 4) === 0 && view.getUint32(at) === 0;
