// SPDX-License-Identifier: Apache-2.0
import { en } from "./en.ts";
import type { Messages } from "./messages.ts";
export const ja: Messages = en;
