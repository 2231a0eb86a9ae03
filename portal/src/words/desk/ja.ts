// SPDX-License-Identifier: Apache-2.0
export { desk } from "./en.ts";
