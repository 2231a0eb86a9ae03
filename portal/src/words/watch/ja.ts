// SPDX-License-Identifier: Apache-2.0
export { watch } from "./en.ts";
