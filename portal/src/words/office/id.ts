// SPDX-License-Identifier: Apache-2.0
export { office } from "./en.ts";
