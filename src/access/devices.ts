// SPDX-License-Identifier: Apache-2.0
import { createHmac, timingSafeEqual } from "node:crypto";
import { newId } from "./secrets.ts";

/**
 * Cookies that say: this browser signed in to this account before. They open nothing; failed guesses of known devices are
 * counted apart from those of strangers.
 */
export interface Devices {
  make(account: string): string;
  /** The device's name, if the cookie is ours and of this account. */
  check(account: string, cookie: string | undefined): string | undefined;
}

export const createDevices = (key: Buffer): Devices => {
  const mark = (account: string, device: string): string =>
    createHmac("sha256", key).update(`layang device ${device} ${account}`).digest("base64url");
  return {
    make: (account) => {
      const device = newId();
      return `${device}.${mark(account, device)}`;
    },
    check: (account, cookie) => {
      const [, device = "", given = ""] = /^([\w-]{16})\.([\w-]{43})$/.exec(cookie ?? "") ?? [];
      const right = Buffer.from(mark(account, device));
      const shown = Buffer.from(given);
      return shown.length === right.length && timingSafeEqual(shown, right) ? device : undefined;
    },
  };
};
